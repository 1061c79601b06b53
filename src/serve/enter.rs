//! Until a backend accepts a client, for protocols that keep to [`crate::wire::contract`]: the session before login, and the conversation
//! with the backend. Who may log in at all is for [`admission`](super::admission).

use std::sync::Arc;

use tokio::time::Instant;

use super::Context;
use super::accepted::Accepted;
use super::admission::{Authenticated, Judge, NoLogin, log_in};
use super::connect::connect;
use super::converse::{asks_for_tls, converse};
use super::observe::Observer;
use crate::event::BackendService;
use crate::fault::{Fault, RefusalCode, Side};
use crate::incident::{StepDialect, StepWord};
use crate::limit::Seat;
use crate::net::buffered::BufferedConn;
use crate::net::shutdown::{Shutdown, ShutdownPhase};
use crate::private::{Credential, Mechanism, Pseudonym};
use crate::wire::contract::{Arrival, Conversation, Door, Voice};
use crate::wire::protection::Protection;

/// How a protocol gets in: what [`enter`] and [`log_in`] cannot know.
pub(super) trait Entrance: Sync {
    /// The session before login.
    type Door: Door;
    /// The words of ours.
    type Voice: Voice;
    /// The conversation with a backend.
    type Conversation: Conversation;

    /// Which server of a backend speaks it.
    const SERVICE: BackendService;
    /// And in incidents.
    const DIALECT: &'static StepDialect;

    /// A conversation; `starttls`: TLS is asked for first.
    fn conversation(&self, starttls: bool) -> Self::Conversation;

    /// Whether a credential of this kind is worth a connection to the backend of `who`.
    fn is_worth_asking(&self, context: &Context, who: &Authenticated, mechanism: Mechanism) -> bool;

    /// What a backend said of itself.
    fn heard(&self, context: &Context, who: &Authenticated, conversation: Self::Conversation);
}

/// A client that a backend accepted.
pub(super) struct Entered {
    pub(super) client: BufferedConn,
    pub(super) who: Authenticated,
    pub(super) backend: BufferedConn,
    pub(super) observer: Observer,
}

/// Until a backend accepts the client. `None`: the client left. `door` says what is behind TLS or without it.
///
/// # Errors
/// Why it ended, if not by the client's own wish.
pub(super) async fn enter<E: Entrance>(
    accepted: Accepted,
    context: &Arc<Context>,
    entrance: &E,
    door: impl FnOnce(bool) -> E::Door,
) -> Result<(Option<Entered>, Seat, Shutdown), Fault> {
    let Accepted { handshake, seat, mut stop, protection, tls, default_domain, .. } = accepted;
    let mut door = door(protection == Protection::Secure);
    let mut observer = Observer::new(context, E::DIALECT);
    let mut client = handshake.greet(&door.greeting()).await?;
    loop {
        match door.next(client.input()) {
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
                let (secured, words) = door.secured();
                // `into_bare` drops what came in the clear.
                let conn = tls.as_ref().ok_or(Fault::Tls(Side::Us))?.accept(client.into_bare(), &words).await?;
                client = BufferedConn::new(conn, Side::Client, deadline);
                door = secured;
            }
            Arrival::Try(taken, credential) => {
                let credential = credential.completed(default_domain.as_deref());
                client.consume(taken);
                client.set_deadline(Instant::now() + context.patience.login);
                observer.about(credential.user.reveal());
                observer.asked(Side::Client, StepWord::new("AUTH"));
                let (answer, refusal) = match log_in(context, &seat, &credential, &BackendJudge { context, entrance }).await {
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
    entrance: &'a E,
}

impl<E: Entrance> Judge for BackendJudge<'_, E> {
    type Conn = BufferedConn;

    async fn judge(&self, who: &Authenticated, credential: &Credential, _: Pseudonym) -> Result<BufferedConn, Fault> {
        if !self.entrance.is_worth_asking(self.context, who, credential.mechanism) {
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
        let BackendJudge { context, entrance } = self;
        let backend = who.backends.at(who.backend).ok_or(Fault::Down)?;
        let endpoint = backend.endpoint(E::SERVICE).ok_or(Fault::Down)?;
        // No connections rest here that could be given up for it.
        let conn = connect(context, endpoint, (who.backend, E::SERVICE), || ()).await?;
        let mut conversation = entrance.conversation(asks_for_tls(endpoint));
        let conn = converse(context, endpoint, conn, &mut conversation, Some(credential)).await?;
        entrance.heard(context, who, conversation);
        Ok(conn)
    }
}
