//! The way to a backend: who a login belongs to, where its backend is, and the conversation until it is logged in.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_lc_rs::rand;
use tokio::time::Instant;

use super::clock::today;
use super::{Context, pool};
use crate::event::{Event, Provoked, count, emit};
use crate::fault::{Fault, RefusalCode, Side};
use crate::imap::upstream_login::{LoginProgress, UpstreamLogin};
use crate::limit::Seat;
use crate::net::buffered::BufferedConn;
use crate::net::dial::{dial, secure};
use crate::net::loan::Loan;
use crate::private::{Address, Credential, Mechanism, Private, Pseudonym};
use crate::quota::Verdict;
use crate::route::{Backends, ClientHint, Security};

/// Which backends did not take their last connection: one bit each, so that the event is told once. Backends after the
/// 64th are not told about.
#[derive(Default)]
pub struct Health {
    down: AtomicU64,
    /// What was told last.
    told: AtomicU64,
    /// Of whom something was told since [`Health::tell`]: what changes meanwhile waits for the next, so that nobody who can
    /// make a server falter can write a line each time.
    hushed: AtomicU64,
    failures: AtomicU64,
}

impl Health {
    pub(super) fn set(&self, backend: usize, up: bool) {
        let Some(bit) = u32::try_from(backend).ok().and_then(|shift| 1u64.checked_shl(shift)) else { return };
        let before = if up { self.down.fetch_and(!bit, Ordering::Relaxed) } else { self.down.fetch_or(bit, Ordering::Relaxed) };
        if (before & bit == 0) == up {
            return;
        }
        if !up {
            self.failures.fetch_add(1, Ordering::Relaxed);
        }
        if self.hushed.fetch_or(bit, Ordering::Relaxed) & bit == 0 {
            self.say(backend as u64, bit, up);
        }
    }

    fn say(&self, backend: u64, bit: u64, up: bool) {
        match up {
            true => drop(self.told.fetch_and(!bit, Ordering::Relaxed)),
            false => drop(self.told.fetch_or(bit, Ordering::Relaxed)),
        }
        emit(if up { Event::BackendUp { backend } } else { Event::BackendDown { backend } });
    }

    /// Tells how those are now that changed meanwhile, and lets all be told at once again. At fixed moments.
    pub(super) fn tell(&self) {
        self.hushed.store(0, Ordering::Relaxed);
        let down = self.down.load(Ordering::Relaxed);
        let changed = down ^ self.told.load(Ordering::Relaxed);
        for backend in (0..64).filter(|backend| changed >> backend & 1 == 1) {
            self.say(backend, 1 << backend, down >> backend & 1 == 0);
        }
    }

    /// How many do not take connections.
    pub(super) fn down(&self) -> u64 {
        self.down.load(Ordering::Relaxed).count_ones().into()
    }

    /// How often one stopped to, since the start.
    pub(super) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }
}

/// Proof that a backend accepted a credential; only [`login`] makes it.
pub struct Authenticated {
    /// Who: the address that the association was found by.
    pub user: Address,
    /// The backends that were in force then.
    pub backends: Arc<Backends>,
    /// Position of the backend.
    pub backend: usize,
}

/// A connection on which the person is logged in.
pub struct LoggedIn {
    /// To the backend.
    pub link: BufferedConn,
    /// The backend's capabilities after login.
    pub capabilities: Vec<u8>,
    /// See [`UpstreamLogin::non_sync`].
    pub non_sync: Option<u64>,
    /// Who.
    pub who: Authenticated,
    /// The session's hold on a connection that may rest when it is over.
    pub loan: Option<Arc<Loan>>,
}

/// Whether a login may be given a connection that rests, and give its own to the shelf later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pooling {
    /// A connection of its own.
    Off,
    /// Of the shelf.
    On,
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
/// A login of an unknown domain goes to the default backend with a made-up name, so that it takes as long and is told
/// the same as a wrong password.
pub async fn login(context: &Context, seat: &Seat, credential: &Credential, pooling: Pooling) -> Result<LoggedIn, NoLogin> {
    let judged = judge(context, seat, credential, pooling).await;
    context.metrics.counters.login(judged.is_ok());
    judged
}

async fn judge(context: &Context, seat: &Seat, credential: &Credential, pooling: Pooling) -> Result<LoggedIn, NoLogin> {
    let account = context.limits.pseudonymiser().account(&context.book.account_of(credential.user.reveal()));
    let source = seat.source(account);
    let attempt = seat.attempt(account, &credential.secret).map_err(NoLogin::Untried)?;
    let tried = match Authenticated::claimed(context, credential) {
        Some(Claim { who: Some(who), respelt }) => {
            let (user, credential) = (who.user.clone(), respelt.as_ref().unwrap_or(credential));
            let tried = match pooling {
                Pooling::Off => converse(context, who, credential, source).await,
                Pooling::On => pool::login(context, who, credential, source).await,
            };
            if tried.as_ref().is_err_and(|fault| *fault == Fault::Denied) {
                context.shelf.refused(&user, &credential.secret);
            }
            tried
        }
        // The backend of the association is not in the file any more.
        Some(Claim { who: None, .. }) => Err(Fault::Down),
        None => {
            let (who, nobody) = nobody(context.backends.load_full(), credential.mechanism);
            converse(context, who, &nobody, source).await.and(Err(Fault::Denied))
        }
    };
    let logged_in = match tried {
        Ok(logged_in) => logged_in,
        Err(Fault::Denied) => {
            attempt.wrong();
            return Err(NoLogin::Denied);
        }
        Err(fault) => return Err(NoLogin::Untried(fault.code())),
    };
    attempt.right(seat).map_err(NoLogin::Untried)?;
    // Only who has proven the password learns how the association stands.
    welcome(context, &logged_in.who.user).map_err(NoLogin::Untried)?;
    Ok(logged_in)
}

/// Asks the book whether a person whose password was good may come in, and writes a new mailbox down.
fn welcome(context: &Context, user: &Address) -> Result<(), RefusalCode> {
    let told = |verdict: Verdict| verdict.code();
    context.book.may_log_in(user, today()).map_err(told)?;
    context.book.admit(user).map_err(told)
}

/// Who a credential claims to be.
pub(super) struct Claim {
    /// `None`: the association's backend is not in the config file.
    pub(super) who: Option<Authenticated>,
    /// The credential with the domain as the book writes it, where it was typed in the other spelling (RFC 5890 2.3.2.5): a mail
    /// server knows one of the two.
    pub(super) respelt: Option<Credential>,
}

impl Authenticated {
    /// Finds the association and the backend of the name in `credential`. `None`: its domain is nobody's. What comes out is
    /// a claim until a backend has accepted the secret.
    pub(super) fn claimed(context: &Context, credential: &Credential) -> Option<Claim> {
        let user = Address::parse(credential.user.reveal())?;
        let route = context.book.route(user.domain(), today())?;
        let backends = context.backends.load_full();
        let backend = backends.position(route.backend.as_deref());
        let respelt = context.book.spelling(user.domain()).and_then(|written| respelt(credential, &written));
        Some(Claim { who: backend.map(|backend| Authenticated { user, backends, backend }), respelt })
    }
}

/// `credential` with `written` behind the `@`. `None`: it stands there already, or what a backend judges is a token, which holds the
/// name that it was made for.
fn respelt(credential: &Credential, written: &str) -> Option<Credential> {
    let (local, domain) = credential.user.reveal().rsplit_once('@')?;
    let differs = domain.strip_suffix('.').unwrap_or(domain).to_lowercase() != written;
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
    let secret = crate::private::Secret::new(secret.as_bytes());
    let credential = Credential { user: Private::new(name.into()), secret, mechanism };
    let user = Address::parse("nobody@nobody.invalid").unwrap_or_else(|| unreachable!("a constant that is an address"));
    let backend = backends.default_position();
    (Authenticated { user, backends, backend }, credential)
}

/// Logs in on a new connection. `source` is who wrong passwords are counted for.
pub(super) async fn converse(
    context: &Context,
    who: Authenticated,
    credential: &Credential,
    source: Pseudonym,
) -> Result<LoggedIn, Fault> {
    let patience = context.patience.backend;
    let backend = who.backends.at(who.backend).ok_or(Fault::Down)?;
    let endpoint = &backend.imap;
    let hint = (backend.hint == ClientHint::Pseudonym).then(|| context.limits.pseudonymiser().hint(source));
    let conn = dial(endpoint, &context.tls, patience).await;
    context.health.set(who.backend, conn.is_ok());
    let mut link = BufferedConn::new(conn?, Side::Backend, Instant::now() + patience);
    let mut login = UpstreamLogin::new(endpoint.security == Security::StartTls, hint);
    loop {
        let progress = login.next(link.input(), false, Some(credential));
        if let Some(tokens) = login.tokens() {
            context.methods.learn(who.backend, tokens);
        }
        match progress {
            Ok(LoginProgress::Need) => drop(link.fill().await?),
            Ok(LoginProgress::Send(taken, bytes)) => {
                link.consume(taken);
                if !bytes.is_empty() {
                    // Judging a password may take long: backends slow down guessers.
                    link.set_deadline(Instant::now() + patience + SLOWED);
                    link.send(&bytes).await?;
                }
            }
            Ok(LoginProgress::StartTls) => {
                let conn = secure(link.into_bare(), endpoint, &context.tls, patience).await?;
                link = BufferedConn::new(conn, Side::Backend, Instant::now() + patience);
            }
            Ok(LoginProgress::Done(taken)) => {
                link.consume(taken);
                let (capabilities, non_sync) = (login.capabilities().to_vec(), login.non_sync());
                return Ok(LoggedIn { link, capabilities, non_sync, who, loan: None });
            }
            Err(fault) => {
                note(who.backend, fault);
                return Err(fault);
            }
        }
    }
}

/// Counts what the admins have to hear of a backend or its relay.
pub(super) fn note(backend: usize, fault: Fault) {
    match fault {
        Fault::Garbage(Side::Backend) => count(Provoked::BackendConfused(backend as u64)),
        Fault::Barred(RefusalCode::BackendSetup) => count(Provoked::BackendSetup(backend as u64)),
        _ => {}
    }
}

/// Dovecot makes guessers wait for up to 15 seconds.
const SLOWED: Duration = Duration::from_secs(20);

/// Whether the backend accepts `credential`: a login and a logout, or a connection that rests. For submission.
///
/// # Errors
/// As [`login`].
pub async fn verify(context: &Context, seat: &Seat, credential: &Credential, pooling: Pooling) -> Result<Authenticated, NoLogin> {
    let LoggedIn { mut link, who, loan, .. } = login(context, seat, credential, pooling).await?;
    match loan {
        Some(loan) => pool::give_back(context, link, loan),
        // The answer is not waited for: the backend has said what we asked.
        None => drop(link.send(b"n5 LOGOUT\r\n").await),
    }
    Ok(who)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::private::Secret;

    #[test]
    fn what_flickers_is_told_once_and_then_as_it_is() {
        let health = Health::default();
        let state = |health: &Health| (health.down(), health.told.load(Ordering::Relaxed));
        health.set(3, false);
        assert_eq!(state(&health), (1, 8), "told at once");
        health.set(3, true);
        health.set(3, false);
        health.set(3, true);
        assert_eq!(state(&health), (0, 8), "nothing more is told");
        health.tell();
        assert_eq!(state(&health), (0, 0));
        assert_eq!(health.failures(), 2);
    }

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
        assert!(respelt(&typed("zed@xn--vlo-bma.example", Mechanism::XOAuth2), wide).is_none());
    }
}
