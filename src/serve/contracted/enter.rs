//! Until a backend accepts a client, for protocols that keep to [`crate::wire::contract`]: the session before login, and the conversation
//! with the backend. Who may log in at all is for [`admission`](crate::serve::admission).

use std::marker::PhantomData;
use std::sync::Arc;

use tokio::time::Instant;

use super::ServerLists;
use super::converse::{asks_for_tls, converse};
use crate::event::BackendService;
use crate::fault::{Fault, RefusalCode, Side};
use crate::incident::{StepDialect, StepWord};
use crate::limit::Seat;
use crate::net::buffered::BufferedConn;
use crate::net::shutdown::{Shutdown, ShutdownPhase};
use crate::private::{Credential, Mechanism, Pseudonym};
use crate::route::{BackendId, Backends};
use crate::serve::Context;
use crate::serve::accepted::Accepted;
use crate::serve::admission::{Authenticated, Judge, NoLogin, log_in};
use crate::serve::connect::connect;
use crate::serve::observe::Observer;
use crate::wire::contract::{Arrival, BeforeLogin, Conversation, Voice};
use crate::wire::protection::Protection;

/// How a protocol gets in: what [`enter`] and [`log_in`] cannot know.
pub(super) trait Entrance {
    /// The session before login.
    type BeforeLogin: BeforeLogin;
    /// The words of ours.
    type Voice: Voice;
    /// The conversation with a backend.
    type Conversation: Conversation;

    /// Which server of a backend speaks it.
    const SERVICE: BackendService;
    /// And in incidents.
    const DIALECT: &'static StepDialect;

    /// Whether a credential of this kind is worth a connection to this backend.
    fn is_worth_asking(lists: &ServerLists, backend: BackendId, mechanism: Mechanism) -> bool;

    /// Whether a backend is to be asked what it says of itself, as nothing sure is known.
    fn is_due(lists: &ServerLists, backend: BackendId) -> bool;

    /// What one of `backends` said of itself.
    fn heard(lists: &ServerLists, backends: &Backends, backend: BackendId, conversation: Self::Conversation);
}

/// A client that a backend accepted.
pub(super) struct Entered {
    pub(super) client: BufferedConn,
    pub(super) who: Authenticated,
    pub(super) backend: BufferedConn,
    pub(super) observer: Observer,
}

/// Until a backend accepts the client. `None`: the client left. `before` says what is behind TLS or without it.
///
/// # Errors
/// Why it ended, if not by the client's own wish.
pub(super) async fn enter<E: Entrance>(
    accepted: Accepted,
    context: &Arc<Context>,
    before: impl FnOnce(bool) -> E::BeforeLogin,
) -> Result<(Option<Entered>, Seat, Shutdown), Fault> {
    let Accepted { handshake, seat, mut stop, protection, tls, default_domain, .. } = accepted;
    let mut before = before(protection == Protection::Secure);
    let mut observer = Observer::new(context, E::DIALECT);
    let mut client = handshake.greet(&before.greeting()).await?;
    loop {
        match before.next(client.input()) {
            Arrival::Need => {
                let filled = tokio::select! {
                    filled = client.fill() => filled,
                    () = stop.reached(ShutdownPhase::Draining) => Err(Fault::Stopping),
                };
                if let Err(fault) = filled {
                    let _ = client.send(&E::Voice::ended(fault.code())).await;
                    return Err(fault);
                }
            }
            Arrival::Answer(taken, answer) => {
                client.consume(taken);
                client.send(&answer).await?;
            }
            Arrival::StartTls(taken, answer) => {
                client.consume(taken);
                client.send(&answer).await?;
                let deadline = Instant::now() + context.patience.login;
                let (secured, words) = before.secured();
                // `into_bare` drops what came in the clear.
                let conn = tls.as_ref().ok_or(Fault::Tls(Side::Us))?.accept(client.into_bare(), &words).await?;
                client = BufferedConn::new(conn, Side::Client, deadline);
                before = secured;
            }
            Arrival::Try(taken, credential) => {
                let credential = credential.completed(default_domain.as_deref());
                client.consume(taken);
                client.set_deadline(Instant::now() + context.patience.login);
                observer.about(credential.user.reveal());
                observer.asked(Side::Client, StepWord::new("AUTH"));
                let (answer, refusal) =
                    match log_in(context, &seat, &credential, &BackendJudge::<E> { context, entrance: PhantomData }).await {
                        Ok((who, backend)) => {
                            observer.judged(None);
                            // Only who has proven to be the owner is told, and there is no other word by which it could be.
                            client.send(&E::Voice::welcome(observer.note().as_deref())).await?;
                            return Ok((Some(Entered { client, who, backend, observer }), seat, stop));
                        }
                        Err(NoLogin::Denied) => (E::Voice::denied(), RefusalCode::WrongPassword),
                        Err(NoLogin::Untried(code)) => (E::Voice::refused(code), code),
                    };
                observer.judged(Some(refusal));
                client.send(&answer).await?;
            }
            Arrival::Close(taken, words, fault) => {
                client.consume(taken);
                client.send(&words).await?;
                client.close().await;
                return fault.map_or(Ok((None, seat, stop)), Err);
            }
        }
    }
}

/// How a backend is asked. It is not told who for: these protocols have no word like IMAP's ID.
struct BackendJudge<'a, E> {
    context: &'a Context,
    entrance: PhantomData<fn() -> E>,
}

impl<E: Entrance> Judge for BackendJudge<'_, E> {
    type Conn = BufferedConn;

    async fn judge(&self, who: &Authenticated, credential: &Credential, _: Pseudonym) -> Result<BufferedConn, Fault> {
        if !E::is_worth_asking(&self.context.lists, who.backend, credential.mechanism) {
            return Err(Fault::Barred(RefusalCode::LoginMethod));
        }
        self.ask(who, credential).await.inspect_err(|fault| {
            if matches!(fault, Fault::Garbage(Side::Backend) | Fault::Barred(_)) {
                self.context.note(who.backend, E::SERVICE, *fault);
            }
        })
    }
}

impl<E: Entrance> BackendJudge<'_, E> {
    async fn ask(&self, who: &Authenticated, credential: &Credential) -> Result<BufferedConn, Fault> {
        let context = self.context;
        let backend = who.backends.at(who.backend).ok_or(Fault::Down)?;
        let endpoint = backend.endpoint(E::SERVICE).ok_or(Fault::Down)?;
        // No connections rest here that could be given up for it.
        let conn = connect(context, endpoint, (who.backend, E::SERVICE), || ()).await?;
        let mut conversation = E::Conversation::begin(asks_for_tls(endpoint));
        let conn = converse(context, endpoint, conn, &mut conversation, Some(credential)).await?;
        E::heard(&context.lists, &who.backends, who.backend, conversation);
        Ok(conn)
    }
}
