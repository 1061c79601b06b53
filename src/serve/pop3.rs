//! POP3: the session before login, the login at the backend, and then carrying.
//!
//! Absent on purpose: incident mode. POP3 has no word by which the owner could be told that a session is watched.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context as Task, Poll};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::accepted::Accepted;
use super::admission::{Authenticated, NoLogin};
use super::clock::today;
use super::mailbox::MailboxAccount;
use super::pop3_backend;
use super::side::Half;
use super::silence::Silence;
use super::{Context, Patience};
use crate::event::BackendService;
use crate::fault::{Fault, RefusalCode, Side};
use crate::imap::login::Protection;
use crate::imap::space::Account;
use crate::limit::Seat;
use crate::net::buffered::BufferedConn;
use crate::net::shutdown::{Phase, Shutdown};
use crate::pop3::login::{BeforePop3, Pop3Login};
use crate::pop3::reply;
use crate::pop3::session::{Maildrop, Pop3Session, Pop3Step};
use crate::quota::{Told, Watch};

/// How long a client may take to hear our last words.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Octets that may wait for a side before nothing more is decided for it.
const WAITING: usize = 64 * 1024;

/// Octets that one session moves before the others on its thread have their turn.
const TURN: usize = 256 * 1024;

impl Maildrop for MailboxAccount {
    fn may_delete(&self) -> Result<(), RefusalCode> {
        self.may_change()
    }

    fn freed(&self) {
        // POP3 knows one folder, and no size of the others: whoever can count does it next.
        self.unsee();
    }
}

/// Serves one connection to its end.
///
/// # Errors
/// Why it ended, if not by its own wish.
pub(super) async fn serve(accepted: Accepted, context: Arc<Context>) -> Result<(), Fault> {
    // Boxed, so that what login needs does not stay in the task of a session that idles for long.
    let (login, seat, stop) = Box::pin(enter(accepted, &context)).await?;
    let Some((client, who, backend)) = login else { return Ok(()) };
    let server = who.backend;
    let member = MailboxAccount::new(&context, who.user);
    let watch = member.watch();
    let (client, backend) = (Half::new(client.into_parts()), Half::new(backend.into_parts()));
    let mut pair = Pop3Pair { client, backend, session: Pop3Session::new(member), closing: None };
    let end = carry(&mut pair, context.patience, stop, watch.as_ref()).await;
    if end == Err(Fault::Garbage(Side::Backend)) {
        context.confused(server, BackendService::Pop3);
    }
    drop(seat);
    drop(pair);
    if let Some(watch) = watch {
        watch.closed();
    }
    end
}

/// Until a backend accepts the client: both connections then. `None`: the client left.
async fn enter(
    accepted: Accepted,
    context: &Context,
) -> Result<(Option<(BufferedConn, Authenticated, BufferedConn)>, Seat, Shutdown), Fault> {
    let Accepted { handshake, seat, mut stop, protection, tls, default_domain, .. } = accepted;
    let mut login = Pop3Login::new(protection == Protection::Secure);
    let mut link = handshake.greet(reply::GREETING).await?;
    loop {
        match login.next(link.input()) {
            BeforePop3::Need => {
                let filled = tokio::select! {
                    filled = link.fill() => filled,
                    () = stop.reached(Phase::Draining) => Err(Fault::Stopping),
                };
                if let Err(fault) = filled {
                    let _ = link.send(&reply::ended(fault)).await;
                    return Err(fault);
                }
            }
            BeforePop3::Answer(taken, answer) => {
                link.consume(taken);
                link.send(&answer).await?;
            }
            BeforePop3::StartTls(taken, answer) => {
                link.consume(taken);
                link.send(&answer).await?;
                let deadline = Instant::now() + context.patience.login;
                let conn = tls.as_ref().ok_or(Fault::Tls(Side::Us))?.accept(link.into_bare(), b"").await?;
                link = BufferedConn::new(conn, Side::Client, deadline);
                login = Pop3Login::new(true);
            }
            BeforePop3::Try(taken, credential) => {
                let credential = credential.completed(default_domain.as_deref());
                link.consume(taken);
                link.set_deadline(Instant::now() + context.patience.login);
                match pop3_backend::login(context, &seat, &credential).await {
                    Ok((who, backend)) => {
                        link.send(&reply::welcome()).await?;
                        return Ok((Some((link, who, backend)), seat, stop));
                    }
                    Err(NoLogin::Denied) => link.send(&reply::denied()).await?,
                    Err(NoLogin::Untried(code)) => link.send(&reply::refused(code)).await?,
                }
            }
            BeforePop3::Close(taken, words, fault) => {
                link.consume(taken);
                link.send(&words).await?;
                link.close().await;
                return fault.map_or(Ok((None, seat, stop)), Err);
            }
        }
    }
}

/// Carries until one side ends, is silent for too long, or the daemon stops.
async fn carry(pair: &mut Pop3Pair, patience: Patience, mut stop: Shutdown, watch: Option<&Watch>) -> Result<(), Fault> {
    let mut check = pin!(sleep_until(Instant::now() + patience.stall));
    let mut silence = Silence::new(patience);
    let mut seen = Phase::Running;
    // The book is asked where it calls, and now and then: a day may end an association.
    let mut stirred = true;
    loop {
        let next = if seen == Phase::Running { Phase::Draining } else { Phase::Over };
        tokio::select! {
            biased;
            end = poll_fn(|cx| {
                let asks = watch.filter(|watch| std::mem::take(&mut stirred) || watch.is_stirred());
                if let Some(code) = asks.and_then(|watch| sent_away(watch, cx)).filter(|_| pair.closing.is_none()) {
                    pair.close(&reply::refused(code), Fault::Limit);
                }
                let end = pair.poll(cx, &mut silence.moved);
                let rests = end.is_pending() && pair.at_rest();
                silence.rested |= rests;
                if rests && seen == Phase::Draining && pair.closing.is_none() { Poll::Ready(None) } else { end.map(Some) }
            }) => match end {
                Some(end) => return end,
                None => pair.close(&reply::ended(Fault::Stopping), Fault::Stopping),
            },
            () = &mut check => {
                if let Some(end) = pair.closing {
                    return end;
                }
                stirred = true;
                if silence.is_too_long(pair.at_rest()) {
                    let side = if pair.session.at_rest() { Side::Client } else { Side::Backend };
                    pair.close(&reply::ended(Fault::Slow(side)), Fault::Slow(side));
                }
                check.as_mut().reset(Instant::now() + patience.stall);
            }
            () = stop.reached(next), if seen < Phase::Over => {
                seen = stop.phase();
                if pair.closing.is_none() && (seen == Phase::Over || pair.at_rest()) {
                    pair.close(&reply::ended(Fault::Stopping), Fault::Stopping);
                }
            }
        }
        if pair.closing.is_some() {
            check.as_mut().reset(Instant::now() + LAST_WORDS);
        }
    }
}

/// What the book has to tell this session: why it ends. A count it cannot make.
fn sent_away(watch: &Watch, cx: &mut Task<'_>) -> Option<RefusalCode> {
    loop {
        match watch.poll(cx, today()) {
            Poll::Pending => return None,
            Poll::Ready(Told::Recount) => {}
            Poll::Ready(Told::Kicked) => return Some(RefusalCode::SessionEnded),
            Poll::Ready(Told::Ended(verdict)) => return Some(verdict.code()),
        }
    }
}

/// Both sides of a session.
struct Pop3Pair {
    client: Half,
    backend: Half,
    session: Pop3Session,
    /// Last words are on their way; then it ends like this.
    closing: Option<Result<(), Fault>>,
}

impl Pop3Pair {
    fn at_rest(&self) -> bool {
        self.session.at_rest() && self.client.is_idle() && self.backend.is_idle() && self.backend.approved == 0
    }

    /// Ends the session with `words`, where they would not stand inside a response.
    fn close(&mut self, words: &[u8], fault: Fault) {
        if self.session.may_answer() {
            self.client.take_approved(&mut self.backend, 0);
            self.client.output.extend_from_slice(words);
        }
        self.closing = Some(Err(fault));
    }

    /// Does all that can be done now. Ready when the session is over. `moved` counts octets, to tell a stall.
    fn poll(&mut self, cx: &mut Task<'_>, moved: &mut usize) -> Poll<Result<(), Fault>> {
        let turn = *moved + TURN;
        loop {
            let before = *moved;
            self.write(cx, moved);
            if let Some(end) = self.closing {
                return if self.client.ended && self.client.is_written() { Poll::Ready(end) } else { self.say_goodbye(cx, end) };
            }
            let decided = self.decide();
            *moved += self.client.fill(cx).unwrap_or_else(|_| self.client.give_up());
            *moved += self.backend.fill(cx).unwrap_or_else(|_| self.backend.give_up());
            self.notice_ends();
            if !decided && *moved == before && self.closing.is_none() {
                return Poll::Pending;
            }
            if *moved >= turn {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
    }

    fn say_goodbye(&mut self, cx: &mut Task<'_>, end: Result<(), Fault>) -> Poll<Result<(), Fault>> {
        if !self.client.is_written() {
            return Poll::Pending;
        }
        self.client.conn.poll_shutdown(cx).map(|_| end)
    }

    fn write(&mut self, cx: &mut Task<'_>, moved: &mut usize) {
        let sent = self.client.send(cx, &mut self.backend.input, &mut self.backend.approved);
        *moved += sent.unwrap_or_else(|_| self.lose_client());
        if self.closing.is_none() {
            let sent = self.backend.send(cx, &mut self.client.input, &mut self.client.approved);
            // What it said before it closed is read first.
            *moved += sent.unwrap_or_else(|_| self.backend.give_up());
        }
    }

    /// It does not hear us any more. Only the answer to a QUIT that is on its way is still waited for.
    fn lose_client(&mut self) -> usize {
        self.backend.input.consume(std::mem::take(&mut self.backend.approved));
        self.client.give_up();
        if !self.session.is_leaving() {
            self.closing = Some(Err(Fault::Gone(Side::Client)));
        }
        0
    }

    fn notice_ends(&mut self) {
        let told = self.client.is_written() && self.backend.approved == 0;
        if self.session.has_left() && told {
            self.closing = Some(Ok(()));
        } else if self.client.ended && self.session.at_rest() && told && self.closing.is_none() {
            // What it said before it left was answered. What it marked stays.
            self.closing = Some(Err(Fault::Gone(Side::Client)));
        } else if self.backend.ended && told && self.closing.is_none() {
            self.close(&reply::ended(Fault::Gone(Side::Backend)), Fault::Gone(Side::Backend));
        }
    }

    /// Asks the session about all that was read. True when something was done.
    fn decide(&mut self) -> bool {
        let mut done = false;
        while self.backend.output.len() < WAITING && self.client.output.len() < WAITING && self.closing.is_none() {
            let step = self.session.from_client(self.client.undecided());
            if !self.obey(step, true) {
                break;
            }
            done = true;
        }
        while self.client.output.len() < WAITING && self.closing.is_none() {
            let step = self.session.from_backend(self.backend.undecided());
            if !self.obey(step, false) {
                break;
            }
            done = true;
        }
        done
    }

    /// Does `step` with what came from one side. False: nothing can be done now.
    fn obey(&mut self, step: Pop3Step, from_client: bool) -> bool {
        let (source, target) =
            if from_client { (&mut self.client, &mut self.backend) } else { (&mut self.backend, &mut self.client) };
        match step {
            Pop3Step::Need | Pop3Step::Hold => return false,
            Pop3Step::Forward(count) => source.approved += count,
            Pop3Step::Rewrite(count, bytes) => {
                target.take_approved(source, count);
                target.output.extend_from_slice(&bytes);
            }
            // Only the client is ever answered: what the backend said before goes first.
            Pop3Step::Answer(count, bytes) => {
                self.client.input.consume(count);
                self.client.take_approved(&mut self.backend, 0);
                self.client.output.extend_from_slice(&bytes);
            }
            Pop3Step::Close(words, fault) => {
                self.client.take_approved(&mut self.backend, 0);
                self.client.output.extend_from_slice(&words);
                self.closing = Some(Err(fault));
                return false;
            }
        }
        true
    }
}
