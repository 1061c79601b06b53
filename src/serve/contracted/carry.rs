//! Carrying a session between a client and a backend, for protocols that keep to [`crate::wire::contract`].

use std::future::poll_fn;
use std::marker::PhantomData;
use std::pin::pin;
use std::task::{Context as Task, Poll};

use tokio::time::{Instant, sleep_until};

use crate::fault::{Fault, Side};
use crate::net::buffered::BufferedConn;
use crate::net::shutdown::{Shutdown, ShutdownPhase};
use crate::quota::Watch;
use crate::serve::Patience;
use crate::serve::clock::today;
use crate::serve::observe::Observer;
use crate::serve::side::{Half, HalfMark, TURN, WAITING};
use crate::serve::silence::{LAST_WORDS, Silence};
use crate::wire::contract::{Carried, CarriedState, Motion, Voice};

/// Carries until one side ends, is silent for too long, or the daemon stops.
///
/// # Errors
/// Why it ended, if not by the client's own wish.
pub(super) async fn carry<S: Carried, V: Voice>(
    pair: &mut SessionPair<S, V>,
    patience: Patience,
    mut stop: Shutdown,
    watch: Option<&Watch>,
) -> Result<(), Fault> {
    let mut check = pin!(sleep_until(Instant::now() + patience.stall));
    let mut silence = Silence::default();
    let mut seen = ShutdownPhase::Running;
    // The book is asked where it calls, and now and then: a day may end an association.
    let mut stirred = true;
    // Last words have a time of their own, from when they are said.
    let mut hurried = false;
    loop {
        let next = if seen == ShutdownPhase::Running { ShutdownPhase::Draining } else { ShutdownPhase::Over };
        tokio::select! {
            biased;
            end = poll_fn(|cx| {
                let asks = watch.filter(|watch| std::mem::take(&mut stirred) || watch.is_stirred());
                if let Some(Poll::Ready(code)) = asks.map(|watch| watch.poll_end(cx, today()))
                    && pair.closing.is_none()
                {
                    pair.close(&V::ended(code), Fault::Limit);
                }
                let end = pair.poll(cx, &mut silence.moved);
                let rests = end.is_pending() && pair.at_rest();
                silence.rested |= rests;
                let drains = rests && seen == ShutdownPhase::Draining && pair.closing.is_none();
                let hurries = end.is_pending() && pair.closing.is_some() && !std::mem::replace(&mut hurried, true);
                if drains || hurries { Poll::Ready(None) } else { end.map(Some) }
            }) => match end {
                Some(end) => return end,
                None if pair.closing.is_some() => {}
                None => pair.close(&V::ended(Fault::Stopping.code()), Fault::Stopping),
            },
            () = &mut check => {
                if let Some(closing) = pair.closing {
                    return closing.end;
                }
                stirred = true;
                if silence.is_too_long(&patience, pair.at_rest()) {
                    let side = if pair.session.state().awaits_client() { Side::Client } else { Side::Backend };
                    pair.close(&V::ended(Fault::Slow(side).code()), Fault::Slow(side));
                }
                check.as_mut().reset(Instant::now() + patience.stall);
            }
            () = stop.reached(next), if seen < ShutdownPhase::Over => {
                seen = stop.phase();
                if pair.closing.is_none() && (seen == ShutdownPhase::Over || pair.at_rest()) {
                    pair.close(&V::ended(Fault::Stopping.code()), Fault::Stopping);
                }
            }
        }
        if pair.closing.is_some() {
            check.as_mut().reset(Instant::now() + LAST_WORDS);
        }
    }
}

/// Both sides of a session.
pub(super) struct SessionPair<S, V> {
    client: Half,
    backend: Half,
    session: S,
    observer: Observer,
    voice: PhantomData<fn() -> V>,
    /// Last words are on their way; then it is over.
    closing: Option<LastWords>,
}

/// How it ends.
#[derive(Clone, Copy)]
struct LastWords {
    end: Result<(), Fault>,
    /// The client may still be speaking: it is heard out, and nothing of it counts. A connection that is closed over unread input is
    /// reset by the kernel, and the last words with it.
    listen: bool,
}

impl<S: Carried, V: Voice> SessionPair<S, V> {
    /// Both sides with what was read of them already.
    pub(super) fn new(client: BufferedConn, backend: BufferedConn, session: S, observer: Observer) -> SessionPair<S, V> {
        let (client, backend) = (Half::new(client.into_parts()), Half::new(backend.into_parts()));
        SessionPair { client, backend, session, observer, voice: PhantomData, closing: None }
    }

    fn at_rest(&self) -> bool {
        self.session.state().is_at_rest() && self.client.is_idle() && self.backend.is_idle() && self.backend.approved == 0
    }

    /// Ends the session with `words`, where they would not stand inside a response.
    fn close(&mut self, words: &[u8], fault: Fault) {
        let words = if self.session.state().may_answer() { words } else { b"" };
        self.end(words, fault);
    }

    fn end(&mut self, words: &[u8], fault: Fault) {
        let listen = !self.at_rest() && !self.client.ended;
        self.client.take_approved(&mut self.backend, 0);
        self.client.output.extend_from_slice(words);
        self.closing = Some(LastWords { end: Err(fault), listen });
    }

    /// Does all that can be done now, as `Proxy::poll`. Ready when the session is over. `moved` counts octets, to tell a stall.
    fn poll(&mut self, cx: &mut Task<'_>, moved: &mut usize) -> Poll<Result<(), Fault>> {
        let turn = *moved + TURN;
        loop {
            let before = (*moved, self.marks());
            let mut decided = false;
            if self.closing.is_none() {
                *moved += self.client.fill(cx).unwrap_or_else(|_| self.client.give_up());
                *moved += self.backend.fill(cx).unwrap_or_else(|_| self.backend.give_up());
                decided = self.decide();
                self.notice_ends();
            }
            self.write(cx, moved);
            if let Some(closing) = self.closing {
                return self.say_goodbye(cx, closing);
            }
            if !decided && before == (*moved, self.marks()) {
                return Poll::Pending;
            }
            if *moved >= turn {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
    }

    fn marks(&self) -> [HalfMark; 2] {
        [self.client.mark(), self.backend.mark()]
    }

    fn say_goodbye(&mut self, cx: &mut Task<'_>, closing: LastWords) -> Poll<Result<(), Fault>> {
        if !self.client.is_written() {
            return Poll::Pending;
        }
        let said = match () {
            () if self.client.ended => Poll::Ready(()),
            () if closing.listen => self.client.hear_out(cx),
            () => self.client.conn.poll_shutdown(cx).map(drop),
        };
        said.map(|()| closing.end)
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
        if self.session.state() != CarriedState::Leaving {
            self.closing = Some(LastWords { end: Err(Fault::Gone(Side::Client)), listen: false });
        }
        0
    }

    fn notice_ends(&mut self) {
        let told = self.client.is_written() && self.backend.approved == 0;
        let state = self.session.state();
        if state == CarriedState::Left && told {
            self.closing = Some(LastWords { end: Ok(()), listen: false });
        } else if self.client.ended && state.awaits_client() && told && self.closing.is_none() {
            // What it said before it left was answered. What it marked stays.
            self.closing = Some(LastWords { end: Err(Fault::Gone(Side::Client)), listen: false });
        } else if self.backend.ended && told && self.closing.is_none() {
            self.close(&V::ended(Fault::Gone(Side::Backend).code()), Fault::Gone(Side::Backend));
        }
    }

    /// Asks the session about all that was read. True when something was done.
    fn decide(&mut self) -> bool {
        let mut done = false;
        while self.backend.output.len() < WAITING && self.client.output.len() < WAITING && self.closing.is_none() {
            let begins = self.session.state() == CarriedState::AtRest;
            let step = self.session.client_says(self.client.undecided());
            self.observer.command(begins, self.client.undecided(), &step);
            if !self.obey(step, true) {
                break;
            }
            done = true;
        }
        while self.client.output.len() < WAITING && self.closing.is_none() {
            let begins = self.session.state().may_answer();
            let step = self.session.backend_says(self.backend.undecided());
            self.observer.response(begins, self.backend.undecided(), &step);
            if !self.obey(step, false) {
                break;
            }
            done = true;
        }
        done
    }

    /// Does `step` with what came from one side. False: nothing can be done now.
    fn obey(&mut self, step: Motion, from_client: bool) -> bool {
        let (source, target) =
            if from_client { (&mut self.client, &mut self.backend) } else { (&mut self.backend, &mut self.client) };
        match step {
            Motion::Need | Motion::Hold => return false,
            Motion::Forward(count) => source.approved += count,
            Motion::Rewrite(count, bytes) => {
                target.take_approved(source, count);
                target.output.extend_from_slice(&bytes);
            }
            // Only the client is ever answered: what the backend said before goes first.
            Motion::Answer(count, bytes) => {
                self.client.input.consume(count);
                self.client.take_approved(&mut self.backend, 0);
                self.client.output.extend_from_slice(&bytes);
            }
            Motion::Close(words, fault) => {
                self.end(&words, fault);
                return false;
            }
        }
        true
    }
}
