//! IMAP: the session before login, the login at the backend, and then carrying.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

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
use super::{Context, Patience, share_answer, share_talk};
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
/// # Errors
/// Why it ended, if not by its own wish.
pub(super) async fn serve(accepted: Accepted, context: Arc<Context>) -> Result<(), Fault> {
    // Boxed, so that what login needs does not stay in the task of a session that idles for hours.
    let mut observer = Observer::new(&context, &crate::imap::steps::DIALECT);
    let (login, seat, stop) = Box::pin(enter(accepted, &context, &mut observer)).await?;
    let Some((client, who, ImapConn { conn, capabilities, checkout })) = login else { return Ok(()) };
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
    drop(capabilities);
    let session = ImapSession::new(terms);
    let session = if checkout.is_some() { session.checked_out() } else { session };
    let mut proxy = Proxy::new(client.into_parts(), conn.into_parts(), session, observer);
    let mut listener = Attendant::new(member.and_then(|member| member.watch()));
    let end = carry(&mut proxy, context.patience, stop, &mut listener).await;
    if end == Err(Fault::Garbage(Side::Backend)) {
        context.confused(backend, BackendService::Imap);
    }
    drop(seat);
    if let (Some(checkout), Ok(())) = (checkout, end) {
        Box::pin(imap_backend::leave(&context, proxy.into_left(), checkout)).await;
    } else {
        drop(proxy);
        listener.closed();
    }
    end
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

/// Carries until one side ends, is silent for too long, or the daemon stops.
async fn carry(proxy: &mut Proxy, patience: Patience, mut stop: Shutdown, listener: &mut Attendant) -> Result<(), Fault> {
    // Looked at now and then, and not set anew for each byte: a timer that is moved at every command costs more than the
    // command. So a stall is noticed after one to two times its length.
    let mut check = pin!(sleep_until(Instant::now() + patience.stall));
    let mut silence = Silence::new(patience);
    let mut seen = ShutdownPhase::Running;
    let mut nap = Nap::default();
    loop {
        let next = if seen == ShutdownPhase::Running { ShutdownPhase::Draining } else { ShutdownPhase::Over };
        tokio::select! {
            biased;
            end = poll_fn(|cx| {
                listener.listen(cx, proxy);
                let mut end = proxy.poll(cx, &mut silence.moved);
                while let Some(wish) = nap.over(cx, proxy.wish(), silence.moved).filter(|_| end.is_pending()) {
                    proxy.silent(wish);
                    end = proxy.poll(cx, &mut silence.moved);
                }
                let rests = end.is_pending() && proxy.at_rest();
                silence.rested |= rests;
                if rests && seen == ShutdownPhase::Draining { Poll::Ready(None) } else { end.map(Some) }
            }) => match end {
                Some(end) => return end,
                None => drop(proxy.close(&reply::bye(Fault::Stopping), Fault::Stopping)),
            },
            () = &mut check => {
                if proxy.is_closing() && !proxy.forget_client() {
                    return Err(Fault::Slow(Side::Client));
                }
                listener.stirred = true;
                if silence.is_too_long(proxy.at_rest()) {
                    let fault = Fault::Slow(proxy.slow_side());
                    proxy.close(&reply::bye(fault), fault);
                }
                check.as_mut().reset(Instant::now() + patience.stall);
            }
            () = stop.reached(next), if seen < ShutdownPhase::Over => {
                seen = stop.phase();
                if seen == ShutdownPhase::Over || proxy.at_rest() {
                    proxy.close(&reply::bye(Fault::Stopping), Fault::Stopping);
                }
            }
        }
        if proxy.is_closing() {
            check.as_mut().reset(Instant::now() + LAST_WORDS);
        }
    }
}
