//! The way to a backend: who a login belongs to, where its backend is, and the conversation until it is logged in.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::rand;
use tokio::time::Instant;

use super::clock::today;
use super::connect::connect;
use super::{Context, pool};
use crate::fault::{Fault, RefusalCode, Side};
use crate::imap::upstream_login::{LoginProgress, UpstreamLogin};
use crate::limit::Seat;
use crate::net::buffered::BufferedConn;
use crate::net::dial::secure;
use crate::pool::Lease;
use crate::private::{Address, Credential, Mechanism, Private, Pseudonym};
use crate::quota::Verdict;
use crate::route::{BackendId, Backends, ClientHint, Security};

/// Proof that a backend accepted a credential; only [`login`] makes it.
pub struct Authenticated {
    /// Who: the address that the association was found by.
    pub user: Address,
    /// The backends that were in force then.
    pub backends: Arc<Backends>,
    /// Which of them.
    pub backend: BackendId,
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
    pub lease: Option<Arc<Lease>>,
}

/// Whether a login may be given a connection that was parked, and park its own later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pooling {
    /// A connection of its own.
    Off,
    /// Of the pool.
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
        Some(Claim { who: Some(who), .. }) => {
            let user = who.user.clone();
            let tried = match pooling {
                Pooling::Off => converse(context, who, credential, source).await,
                Pooling::On => pool::login(context, who, credential, source).await,
            };
            if tried.as_ref().is_err_and(|fault| *fault == Fault::Denied) {
                context.pool.refused(&user, &credential.secret);
            }
            tried
        }
        // The backend of the association is not in the file any more.
        Some(Claim { who: None, .. }) => Err(Fault::Down),
        None => {
            let (who, nobody) = nobody(context.backends.load_full());
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
}

impl Authenticated {
    /// Finds the association and the backend of the name in `credential`. `None`: its domain is nobody's. What comes out is
    /// a claim until a backend has accepted the secret.
    pub(super) fn claimed(context: &Context, credential: &Credential) -> Option<Claim> {
        let user = Address::parse(credential.user.reveal())?;
        let route = context.book.route(user.domain(), today())?;
        let backends = context.backends.load_full();
        let backend = backends.find(route.backend.as_deref());
        Some(Claim { who: backend.map(|backend| Authenticated { user, backends, backend }) })
    }
}

/// A login that no backend accepts, as costly as one that might be.
fn nobody(backends: Arc<Backends>) -> (Authenticated, Credential) {
    let mut bytes = [0u8; 16];
    // Without randomness the name is zeros, which is still nobody.
    let _ = rand::fill(&mut bytes);
    let name: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let name = format!("{name}@nobody.invalid");
    let secret = crate::private::Secret::new(name.as_bytes());
    let credential = Credential { user: Private::new(name.into()), secret, mechanism: Mechanism::Password };
    let user = Address::parse("nobody@nobody.invalid").unwrap_or_else(|| unreachable!("a constant that is an address"));
    let backend = backends.default_id();
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
    let release = || context.pool.release(who.backend, 1);
    let mut link = connect(context, endpoint, (who.backend, &context.imap_health), release).await?;
    let mut login = UpstreamLogin::new(endpoint.security == Security::StartTls, hint);
    loop {
        match login.next(link.input(), false, credential) {
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
                return Ok(LoggedIn { link, capabilities, non_sync, who, lease: None });
            }
            Err(fault) => {
                if fault == Fault::Garbage(Side::Backend) {
                    context.confused(who.backend);
                }
                return Err(fault);
            }
        }
    }
}

/// Dovecot makes guessers wait for up to 15 seconds.
const SLOWED: Duration = Duration::from_secs(20);

/// Whether the backend accepts `credential`: a login and a logout, or a connection that is parked. For submission.
///
/// # Errors
/// As [`login`].
pub async fn verify(context: &Context, seat: &Seat, credential: &Credential, pooling: Pooling) -> Result<Authenticated, NoLogin> {
    let LoggedIn { mut link, who, lease, .. } = login(context, seat, credential, pooling).await?;
    match lease {
        Some(lease) => pool::give_back(context, link, lease),
        // The answer is not waited for: the backend has said what we asked.
        None => drop(link.send(b"n5 LOGOUT\r\n").await),
    }
    Ok(who)
}
