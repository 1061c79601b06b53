//! Who may log in: whose a login is and where its backend is, the limits, the verdict of the backend, and what the book says of the
//! association. One way for every protocol; how a backend is asked is its protocol's ([`Judge`]).
//!
//! A login of an unknown domain goes to the default backend with a made-up name, so that it takes as long and is told the same as a
//! wrong password; but where this node may not have the settings of all nodes, it is told to come again.

use std::future::Future;
use std::sync::Arc;

use aws_lc_rs::rand;

use super::Context;
use super::clock::today;
use crate::fault::{Fault, RefusalCode};
use crate::limit::Seat;
use crate::private::{Address, Credential, Mechanism, Private, Pseudonym, Secret};
use crate::quota::{LoginRoute, Standing, Verdict};
use crate::route::{BackendId, Backends};

/// Proof that a backend accepted a credential; only [`log_in`] makes it.
pub struct Authenticated {
    /// Who: the address that the association was found by.
    pub user: Address,
    /// The backends that were in force then.
    pub backends: Arc<Backends>,
    /// Which of them.
    pub backend: BackendId,
}

/// A protocol in which a backend judges credentials.
pub(super) trait Judge {
    /// The connection that somebody is logged in on.
    type Conn;

    /// Tries `credential` at the backend of `who`, which is a claim as long as this is not answered. `source` is who wrong passwords
    /// are counted for.
    ///
    /// # Errors
    /// `Denied` is the backend's verdict; the others say that it has none.
    fn judge(
        &self,
        who: &Authenticated,
        credential: &Credential,
        source: Pseudonym,
    ) -> impl Future<Output = Result<Self::Conn, Fault>> + Send;

    /// Whether another node that judges the association serves the session.
    fn is_for_the_judge(&self) -> bool {
        false
    }
}

/// Why there is no login: what the person is told.
pub enum NoLogin {
    /// Wrong user, domain or password; never told which.
    Denied,
    /// It could not be tried.
    Untried(RefusalCode),
}

/// Tries `credential` at the backend of its domain, within the limits.
///
/// # Errors
/// What the person is told.
pub(super) async fn log_in<J: Judge>(
    context: &Context,
    seat: &Seat,
    credential: &Credential,
    judge: &J,
) -> Result<(Authenticated, J::Conn), NoLogin> {
    let admitted = admit(context, seat, credential, judge).await;
    context.metrics.counters.login(admitted.is_ok());
    admitted
}

async fn admit<J: Judge>(
    context: &Context,
    seat: &Seat,
    credential: &Credential,
    judge: &J,
) -> Result<(Authenticated, J::Conn), NoLogin> {
    let account = context.limits.pseudonymiser().account(&context.book.account_of(credential.user.reveal()));
    let source = seat.source(account);
    let attempt = seat.attempt(account, &credential.secret).map_err(NoLogin::Untried)?;
    let claim = Authenticated::claimed(context, credential);
    let claim = claim.map(|claim| if judge.is_for_the_judge() { claim.at_the_judge(context, seat) } else { Ok(claim) });
    let tried = match claim.transpose().map_err(NoLogin::Untried)? {
        Some(Claim { who: Some(who), respelt, is_on_its_way }) => {
            let credential = respelt.as_ref().unwrap_or(credential);
            let tried = judge.judge(&who, credential, source).await;
            if tried.as_ref().is_err_and(|fault| *fault == Fault::Denied) {
                context.pool.refused(&who.user, &credential.secret);
            }
            match tried {
                // It was only for the password: to whoever has none, a mailbox on its way is like all others.
                Ok(_) if is_on_its_way => Err(Fault::Down),
                Ok(conn) => Ok((who, conn)),
                Err(fault) => Err(as_its_judge_means_it(context, &who, fault)),
            }
        }
        // The backend of the association is not in the file any more.
        Some(Claim { who: None, .. }) => Err(Fault::Down),
        // It may be somebody's by the settings that all nodes have: the password is not called wrong.
        None if !context.book.knows_all_domains() => Err(Fault::Barred(RefusalCode::TakingOver)),
        None => {
            let (who, nobody) = nobody(context.backends.load_full(), credential.mechanism);
            judge.judge(&who, &nobody, source).await.and(Err(Fault::Denied))
        }
    };
    let (who, conn) = match tried {
        Ok(accepted) => accepted,
        Err(Fault::Denied) => {
            attempt.wrong();
            return Err(NoLogin::Denied);
        }
        Err(fault) => {
            attempt.unjudged();
            return Err(NoLogin::Untried(fault.code()));
        }
    };
    attempt.right(seat).map_err(NoLogin::Untried)?;
    // Another node has asked its own book.
    if who.is_elsewhere() {
        return Ok((who, conn));
    }
    // Only who has proven the password learns how the association stands.
    welcome(context, &who.user).map_err(NoLogin::Untried)?;
    Ok((who, conn))
}

/// IMAP has one word for what the book says and for what a mail server says. Where another node has said it, this one has the same settings, and the password
/// was good.
fn as_its_judge_means_it(context: &Context, who: &Authenticated, fault: Fault) -> Fault {
    let is_one_of_two = who.is_elsewhere() && fault == Fault::Barred(RefusalCode::AskAdmins);
    let verdict = is_one_of_two.then(|| may_log_in(context, &who.user).err()).flatten();
    verdict.map_or(fault, |verdict| Fault::Barred(verdict.code()))
}

/// Asks the book whether a person whose password was good may come in, and writes a new mailbox down.
fn welcome(context: &Context, user: &Address) -> Result<(), RefusalCode> {
    let told = |verdict: Verdict| verdict.code();
    may_log_in(context, user).map_err(told)?;
    context.book.admit(user).map_err(told)
}

/// Whether the association is suspended by settings of this node that may never have been those of all nodes.
fn is_suspended_here(context: &Context, user: &Address) -> bool {
    let has_had_theirs = context.share.as_ref().is_none_or(|share| share.link.book.may_be_replaced());
    !has_had_theirs && context.book.may_log_in(user, today()) == Err(Verdict::Suspended)
}

/// Whether the association's state lets its members log in, by the settings here; and where those in etcd are in dispute with them, by those too: until an
/// admin says which are right, either suspends.
///
/// # Errors
/// Why not.
pub(super) fn may_log_in(context: &Context, user: &Address) -> Result<Standing, Verdict> {
    let standing = context.book.may_log_in(user, today())?;
    let suspended = context.share.as_ref().map_or(Some(false), |share| share.link.book.suspends(user.domain(), today()));
    match suspended {
        Some(false) => Ok(standing),
        Some(true) => Err(Verdict::Suspended),
        None => Err(Verdict::NotNow),
    }
}

/// Who a credential claims to be.
pub(super) struct Claim {
    /// `None`: the mailbox's backend is not in the config file.
    pub(super) who: Option<Authenticated>,
    /// The mailbox is on its way from the backend of `who`, which still knows the password: nobody gets in.
    pub(super) is_on_its_way: bool,
    /// The credential with the domain as the book writes it, where it was typed otherwise but for case: in the other spelling (RFC 5890
    /// 2.3.2.5), with a dot at the end. A mail server knows one of them.
    pub(super) respelt: Option<Credential>,
}

impl Claim {
    /// The same at the node that judges its association, where that is another one.
    ///
    /// # Errors
    /// `TakingOver`: another node has sent it here, and this one does not judge either.
    fn at_the_judge(self, context: &Context, seat: &Seat) -> Result<Claim, RefusalCode> {
        let Some(who) = self.who else { return Ok(self) };
        match context.fellow_of(&who.backends, &who.user) {
            None => Ok(Claim { who: Some(who), ..self }),
            // Once the password is proven, it is refused here: the judge may go by settings by which it is not suspended.
            Some(_) if is_suspended_here(context, &who.user) => Ok(Claim { who: Some(who), ..self }),
            // It is sent on once: two nodes may each take the other one for the judge.
            Some(_) if seat.is_fellow() => Err(RefusalCode::TakingOver),
            Some(fellow) => Ok(Claim { who: fellow.map(|backend| Authenticated { backend, ..who }), ..self }),
        }
    }
}

impl Authenticated {
    /// Whether another node serves the session, and judges.
    pub(super) fn is_elsewhere(&self) -> bool {
        self.backends.is_fellow(self.backend)
    }

    /// Finds the association and the backend of the name in `credential`. `None`: its domain is nobody's. What comes out is
    /// a claim until a backend has accepted the secret.
    pub(super) fn claimed(context: &Context, credential: &Credential) -> Option<Claim> {
        let user = Address::parse(credential.user.reveal())?;
        let (name, is_on_its_way) = match context.book.login_route(&user)? {
            LoginRoute::At(name) => (name, false),
            LoginRoute::OnItsWay(from) => (from, true),
        };
        let backends = context.backends.load_full();
        let backend = backends.find(name.as_deref());
        // To a mail server that tells the dot behind `velo.example.` from none, or one spelling of an IDN from the other, it may be
        // another mailbox; to the book it is the same.
        let domain = user.domain();
        let plain = || if domain.has_two_spellings() { domain.reveal_written() } else { domain.reveal() }.into();
        let respelt = respelt(credential, &context.book.spelling(domain).unwrap_or_else(plain));
        let user = context.book.sharing(user);
        Some(Claim { who: backend.map(|backend| Authenticated { user, backends, backend }), is_on_its_way, respelt })
    }
}

/// `credential` with `written` behind the `@`. `None`: it stands there already, or what a backend judges is a token, which holds the
/// name that it was made for.
fn respelt(credential: &Credential, written: &str) -> Option<Credential> {
    let (local, domain) = credential.user.reveal().rsplit_once('@')?;
    let differs = domain.to_lowercase() != written;
    let user = || Private::new(format!("{local}@{written}").into());
    (differs && credential.mechanism == Mechanism::Password).then(|| Credential { user: user(), ..credential.clone() })
}

/// A login that no backend accepts, as costly as one that might be, and of the same kind: it is told the same.
fn nobody(backends: Arc<Backends>, mechanism: Mechanism) -> (Authenticated, Credential) {
    let mut bytes = [0u8; 16];
    // Without randomness the name is zeros, which is still nobody.
    let _ = rand::fill(&mut bytes);
    let name: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let name = format!("{name}@nobody.invalid");
    let secret = match mechanism {
        Mechanism::Password => name.clone(),
        Mechanism::OAuthBearer => format!("n,a={name},\x01auth=Bearer {name}\x01\x01"),
        Mechanism::XOAuth2 => format!("user={name}\x01auth=Bearer {name}\x01\x01"),
    };
    let secret = Secret::new(secret.as_bytes());
    let credential = Credential { user: Private::new(name.into()), secret, mechanism };
    let user = Address::parse("nobody@nobody.invalid").unwrap_or_else(|| unreachable!("a constant that is an address"));
    let backend = backends.default_id();
    (Authenticated { user, backends, backend }, credential)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_spelt_as_the_book_spells_it() {
        let typed = |user: &str, mechanism| Credential { user: Private::new(user.into()), secret: Secret::new(b"pw"), mechanism };
        let told = |user: &str, written: &str| {
            respelt(&typed(user, Mechanism::Password), written).map(|credential| credential.user.reveal().to_string())
        };
        let (wide, narrow) = ("v\u{e9}lo.example", "xn--vlo-bma.example");
        assert_eq!(told("Zed@xn--vlo-bma.example", wide).as_deref(), Some("Zed@v\u{e9}lo.example"));
        assert_eq!(told("Zed@V\u{c9}LO.example", narrow).as_deref(), Some("Zed@xn--vlo-bma.example"));
        assert_eq!(told("Zed@V\u{e9}lo.example", wide), None);
        assert_eq!(told("Zed@Velo.example", "velo.example"), None);
        assert_eq!(told("Zed@Velo.example.", "velo.example").as_deref(), Some("Zed@velo.example"));
        assert_eq!(told("Zed@\u{ff36}elo.example", "velo.example").as_deref(), Some("Zed@velo.example"));
        assert!(respelt(&typed("zed@xn--vlo-bma.example", Mechanism::XOAuth2), wide).is_none());
    }
}
