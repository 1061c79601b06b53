//! IMAP: the session before login, the login at the backend, and then carrying.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context as Task, Poll};

use aws_lc_rs::rand;
use tokio::time::{Instant, sleep_until};

use super::accepted::Accepted;
use super::admission::{Authenticated, NoLogin};
use super::attend::Attendant;
use super::imap_backend::{self, ImapConn, Pooling};
use super::mailbox::MailboxAccount;
use super::observe::Observer;
use super::proxy::Proxy;
use super::silence::{LAST_WORDS, Nap, Silence};
use super::{Context, share_answer, share_talk};
use crate::event::BackendService;
use crate::fault::{Fault, RefusalCode, Side};
use crate::imap::backend_capabilities::BackendCapabilities;
use crate::imap::login::{Before, ImapLogin, LoginAttempt, denied, welcome};
use crate::imap::options::SessionOptions;
use crate::imap::reply;
use crate::imap::session::ImapSession;
use crate::imap::tag::Tag;
use crate::incident::StepWord;
use crate::limit::Seat;
use crate::net::buffered::BufferedConn;
use crate::net::shutdown::{Shutdown, ShutdownPhase};
use crate::pool::Checkout;
use crate::route::BackendId;
use crate::wire::protection::Protection;

/// A tag for a question of ours, that no client can guess: 80 random bits.
fn fresh_tag() -> Option<Tag<'static>> {
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut bytes = [0u8; 16];
    rand::fill(&mut bytes).ok()?;
    let letters = bytes.iter().map(|byte| LETTERS[usize::from(byte % 32)]);
    let word: Vec<u8> = b"n".iter().copied().chain(letters).collect();
    Tag::read(&word).map(|tag| tag.kept())
}

/// Serves one connection to its end.
///
/// Thousands of them idle for hours. So what comes before the session is boxed, and boxed before there is a task; and the session is carried
/// right here, for each async function that is called keeps its arguments for as long as it runs, once more.
pub(super) fn serve(accepted: Accepted, context: Arc<Context>) -> impl Future<Output = Result<(), Fault>> {
    let beginning = Box::pin(begin(accepted, context));
    async move {
        let Some((mut session, mut stop)) = beginning.await? else { return Ok(()) };
        // Looked at now and then, and not set anew for each byte: a timer that is moved at every command costs more than the
        // command. So a stall is noticed after one to two times its length.
        let mut check = pin!(sleep_until(session.next_look()));
        let end = loop {
            let next = session.next_phase();
            tokio::select! {
                biased;
                end = poll_fn(|cx| session.turn(cx)) => match end {
                    Some(end) => break end,
                    None => session.stop(),
                },
                () = &mut check => {
                    if let Err(fault) = session.look() {
                        break Err(fault);
                    }
                    check.as_mut().reset(session.next_look());
                }
                () = stop.reached(next), if session.seen < ShutdownPhase::Over => session.told(stop.phase()),
            }
            if session.proxy.is_closing() {
                check.as_mut().reset(Instant::now() + LAST_WORDS);
            }
        };
        drop(stop);
        Box::pin(session.leave(end)).await;
        end
    }
}

/// The login, and what the session is told. `None`: the client left.
async fn begin(accepted: Accepted, context: Arc<Context>) -> Result<Option<(CarriedSession, Shutdown)>, Fault> {
    let mut observer = Observer::new(&context, &crate::imap::steps::DIALECT);
    let (login, seat, stop) = enter(accepted, &context, &mut observer).await?;
    let Some((client, who, ImapConn { conn, capabilities, checkout })) = login else { return Ok(None) };
    let backend = who.backend;
    // Another node judges, counts and scrubs: of what it says nothing is to be said twice.
    let member = (!who.is_elsewhere()).then(|| MailboxAccount::new(&context, who));
    let terms = SessionOptions {
        account: member.clone().map(|member| member as _),
        backend_capabilities: BackendCapabilities::of(&capabilities),
        append_limit: context.sizes.message,
        sent_copy: member.clone().map(|member| member as _),
        fresh_tag,
    };
    let session = ImapSession::new(terms);
    let session = if checkout.is_some() { session.checked_out() } else { session };
    let session = CarriedSession {
        listener: Attendant::new(member.and_then(|member| member.watch())),
        proxy: Proxy::new(client.into_parts(), conn.into_parts(), session, observer),
        silence: Silence::default(),
        nap: Nap::default(),
        seen: ShutdownPhase::Running,
        context,
        backend,
        checkout,
        seat,
    };
    Ok(Some((session, stop)))
}

/// Until a backend accepts the client: both connections then. `None`: the client left.
async fn enter(
    accepted: Accepted,
    context: &Arc<Context>,
    observer: &mut Observer,
) -> Result<(Option<(BufferedConn, Authenticated, ImapConn)>, Seat, Shutdown), Fault> {
    let Accepted { handshake, seat, mut stop, protection, tls, pooling, default_domain } = accepted;
    let tokens = context.methods.of_all(&context.backends.load());
    let mut login = ImapLogin::new(protection).offering(tokens);
    let greeting = match context.share.as_ref().filter(|_| seat.is_fellow()) {
        Some(share) => login.greeting_to_node(&share.link.word().to_string()),
        None => login.greeting(),
    };
    let mut link = handshake.greet(&greeting).await?;
    // Before anything else is said, and nowhere in the middle: a literal may hold any words.
    while seat.is_fellow() && share_talk::may_ask(link.input()) {
        if share_talk::is_asked(link.input()) {
            share_answer::be_asked(link, context.clone(), &mut stop).await?;
            return Ok((None, seat, stop));
        }
        fill(&mut link, &mut stop).await?;
    }
    loop {
        match login.next(link.input()) {
            Before::Need => fill(&mut link, &mut stop).await?,
            Before::Answer(taken, answer) => {
                link.consume(taken);
                link.send(&answer).await?;
            }
            Before::StartTls(taken, answer) => {
                link.consume(taken);
                link.send(&answer).await?;
                let deadline = Instant::now() + context.patience.login;
                let conn = tls.as_ref().ok_or(Fault::Tls(Side::Us))?.accept(link.into_bare(), b"").await?;
                link = BufferedConn::new(conn, Side::Client, deadline);
                login = ImapLogin::new(Protection::Secure).offering(tokens);
            }
            Before::Try(taken, attempt) => {
                let credential = attempt.credential.completed(default_domain.as_deref());
                let attempt = LoginAttempt { credential, ..attempt };
                link.consume(taken);
                link.set_deadline(Instant::now() + context.patience.login);
                observer.about(attempt.credential.user.reveal());
                if let Some((who, backend)) = attempt_login(&mut link, &attempt, (context, &seat, pooling), observer).await? {
                    return Ok((Some((link, who, backend)), seat, stop));
                }
            }
            Before::Close(taken, words, fault) => {
                link.consume(taken);
                link.send(&words).await?;
                link.close().await;
                return fault.map_or(Ok((None, seat, stop)), Err);
            }
        }
    }
}

/// Waits for more of a client that has not logged in.
async fn fill(link: &mut BufferedConn, stop: &mut Shutdown) -> Result<(), Fault> {
    let filled = tokio::select! {
        filled = link.fill() => filled,
        () = stop.reached(ShutdownPhase::Draining) => Err(Fault::Stopping),
    };
    if let Err(fault) = filled {
        let _ = link.send(&reply::bye(fault)).await;
    }
    filled.map(drop)
}

async fn attempt_login(
    link: &mut BufferedConn,
    attempt: &LoginAttempt,
    (context, seat, pooling): (&Context, &Seat, Pooling),
    observer: &Observer,
) -> Result<Option<(Authenticated, ImapConn)>, Fault> {
    observer.asked(Side::Client, StepWord::new("LOGIN"));
    let tried = imap_backend::login(context, seat, &attempt.credential, pooling).await;
    let (answer, refusal) = match tried {
        Ok((who, backend)) => {
            observer.judged(None);
            // Only to who has proven to be the owner.
            let words = [observer.alert(), welcome(&attempt.tag, &backend.capabilities, context.sizes.message)];
            link.send(&words.concat()).await?;
            return Ok(Some((who, backend)));
        }
        Err(NoLogin::Denied) => (denied(&attempt.tag), RefusalCode::WrongPassword),
        Err(NoLogin::Untried(code)) => (reply::refused(&attempt.tag, code), code),
    };
    observer.judged(Some(refusal));
    link.send(&answer).await?;
    Ok(None)
}

/// A session that is carried, with what ends it from outside.
struct CarriedSession {
    listener: Attendant,
    proxy: Proxy,
    silence: Silence,
    nap: Nap,
    /// How far the stop was, as far as it was noticed.
    seen: ShutdownPhase,
    context: Arc<Context>,
    backend: BackendId,
    checkout: Option<Arc<Checkout>>,
    seat: Seat,
}

impl CarriedSession {
    /// All that can be done now. Ready with the end of the session; with `None` when it rests and the daemon stops.
    fn turn(&mut self, cx: &mut Task<'_>) -> Poll<Option<Result<(), Fault>>> {
        let CarriedSession { listener, proxy, silence, nap, .. } = self;
        listener.listen(cx, proxy);
        let mut end = proxy.poll(cx, &mut silence.moved);
        while let Some(wish) = nap.over(cx, proxy.wish(), silence.moved).filter(|_| end.is_pending()) {
            proxy.silent(wish);
            end = proxy.poll(cx, &mut silence.moved);
        }
        let rests = end.is_pending() && proxy.at_rest();
        silence.rested |= rests;
        if rests && self.seen == ShutdownPhase::Draining { Poll::Ready(None) } else { end.map(Some) }
    }

    fn next_look(&self) -> Instant {
        Instant::now() + self.context.patience.stall
    }

    /// Ends it where it was silent for too long.
    ///
    /// # Errors
    /// The client does not even hear its last words.
    fn look(&mut self) -> Result<(), Fault> {
        if self.proxy.is_closing() && !self.proxy.forget_client() {
            return Err(Fault::Slow(Side::Client));
        }
        self.listener.stirred = true;
        if self.silence.is_too_long(&self.context.patience, self.proxy.at_rest()) {
            let fault = Fault::Slow(self.proxy.slow_side());
            self.proxy.close(&reply::bye(fault), fault);
        }
        Ok(())
    }

    /// How far the stop must be before it matters here.
    fn next_phase(&self) -> ShutdownPhase {
        if self.seen == ShutdownPhase::Running { ShutdownPhase::Draining } else { ShutdownPhase::Over }
    }

    fn told(&mut self, phase: ShutdownPhase) {
        self.seen = phase;
        if phase == ShutdownPhase::Over || self.proxy.at_rest() {
            self.stop();
        }
    }

    fn stop(&mut self) {
        self.proxy.close(&reply::bye(Fault::Stopping), Fault::Stopping);
    }

    /// After its end: the seat is free, and a connection that may serve another session is parked.
    async fn leave(self, end: Result<(), Fault>) {
        let CarriedSession { listener, proxy, context, backend, checkout, seat, .. } = self;
        if end == Err(Fault::Garbage(Side::Backend)) {
            context.confused(backend, BackendService::Imap);
        }
        drop(seat);
        if let (Some(checkout), Ok(())) = (checkout, end) {
            imap_backend::leave(&context, proxy.into_left(), checkout).await;
        } else {
            drop(proxy);
            listener.closed();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::conn::Conn;

    fn octets<A, B, F>(_: impl Fn(A, B) -> F) -> usize {
        size_of::<F>()
    }

    /// What a session that idles for hours takes, besides what rustls keeps (benches/README.md, idle). tokio adds 112 octets, and rounds up to
    /// 128: one octet more, and it is 1,408 instead of 1,280. Without its debug assertions a socket is 8 octets smaller.
    #[test]
    fn a_session_takes_little_room() {
        let (task, machine, conn) = (octets(serve), size_of::<ImapSession>(), size_of::<Conn>());
        assert!(task <= 1168 && machine <= 352 && conn <= 48, "{task}, {machine}, {conn}");
    }
}
