//! Carries bytes between a client and its backend, as the session's steps say: the hot path of IMAP.
//!
//! What is forwarded goes from the read buffer of one side straight into the other side's socket: no byte is copied that
//! can be passed on. A side is read only when everything read before has been passed on or decided, so a slow reader slows
//! the writer and nothing piles up. Answers of ours wait until the backend's direction is between two responses.
//!
//! A client that is lost ends nothing by itself: what the backend has whole is waited for, because its answer says what is
//! stored. And a client that is sent away while it still speaks is listened to until it has heard why: a connection that is closed
//! over unread input is reset by the kernel, and the last words with it.

use std::task::{Context, Poll};

use super::observe::Observer;
use super::side::{FLOWING, Half, HalfMark, TURN, Waits};
use super::silence::Wish;
use crate::fault::{Fault, Side};
use crate::imap::reuse::Leaves;
use crate::imap::session::ImapSession;
use crate::net::buffer::Buffer;
use crate::net::conn::Conn;

/// A session that is carried.
pub(super) struct Proxy {
    pub(super) client: Half,
    pub(super) backend: Half,
    pub(super) session: ImapSession,
    pub(super) observer: Observer,
    pub(super) answers: Vec<u8>,
    /// Whom the client's direction waits for.
    pub(super) waits: Waits,
    /// The client was lost: there is nobody to tell anything.
    pub(super) lost: bool,
    /// The session was told that the client left.
    pub(super) left: bool,
    /// The session has something new to decide, though nothing has come.
    pub(super) stirred: bool,
    /// Last words are on their way; then it is over.
    pub(super) closing: Option<Closing>,
    /// How it ends when the client is gone.
    pub(super) end: Result<(), Fault>,
}

/// How it ends.
#[derive(Clone, Copy)]
pub(super) struct Closing {
    pub(super) end: Result<(), Fault>,
    /// The client is still speaking: it is heard out, and nothing of it counts.
    pub(super) listen: bool,
}

/// See [`Proxy::into_left`].
pub(super) struct Left {
    pub(super) client: (Conn, Buffer),
    pub(super) goodbye: Option<Vec<u8>>,
    pub(super) backend: Option<((Conn, Buffer), Leaves)>,
}

impl Proxy {
    /// Both sides with what was read of them already.
    pub(super) fn new(client: (Conn, Buffer), backend: (Conn, Buffer), session: ImapSession, observer: Observer) -> Proxy {
        let (client, backend) = (Half::new(client), Half::new(backend));
        Proxy {
            client,
            backend,
            session,
            observer,
            answers: Vec::new(),
            waits: Waits::Nobody,
            lost: false,
            left: false,
            stirred: false,
            closing: None,
            end: Ok(()),
        }
    }

    /// What is to be told to the session after some silence.
    pub(super) fn wish(&self) -> Wish {
        match () {
            () if self.closing.is_some() => Wish::LastWords,
            () if (self.lost || self.client.ended) && self.session.stays() => Wish::Stay,
            // What its last count was shown is due as well.
            () if self.left && self.session.wants_rest() => Wish::Rest,
            () if self.client.ended && !self.lost => Wish::End,
            () if self.session.awaits_octets() => Wish::Octets,
            () if self.session.wants_rest() => Wish::Rest,
            () => Wish::Nothing,
        }
    }

    /// It has been silent for as long as `wish` is worth.
    pub(super) fn silent(&mut self, wish: Wish) {
        match wish {
            Wish::Nothing => {}
            Wish::Rest => self.session.rest(),
            Wish::Stay => {
                self.session.look_around();
                self.stirred = true;
            }
            Wish::Octets => self.session.pause(),
            // It left, and the backend does not say whether it takes the rest of what was said.
            Wish::End => self.lose_client(),
            Wish::LastWords => self.lost |= !self.forget_client(),
        }
    }

    /// Whether its client is gone, and it is there only to count.
    pub(super) fn stays_behind(&self) -> bool {
        self.lost && self.session.stays()
    }

    /// Somebody else changed the mailbox.
    pub(super) fn recount(&mut self) {
        self.session.recount();
    }

    /// Whether nothing is under way.
    pub(super) fn at_rest(&self) -> bool {
        self.session.at_rest() && self.client.is_idle() && self.backend.is_idle()
    }

    /// What is left of a session that ended well: the client, to hear the answer to its LOGOUT, and the backend with what
    /// the session leaves behind there, if that can be taken away.
    pub(super) fn into_left(self) -> Left {
        let leaves = self.session.leaves().filter(|_| {
            // Without LOGOUT, what the client began to say would be half a command.
            let quiet = self.client.input.is_empty() || self.session.has_left();
            quiet && self.client.approved == 0 && self.answers.is_empty() && self.backend.is_clean()
        });
        let goodbye = self.session.goodbye();
        let backend = leaves.map(|leaves| (self.backend.into_parts(), leaves));
        Left { client: self.client.into_parts(), goodbye, backend }
    }

    /// Who is waited for.
    pub(super) fn slow_side(&self) -> Side {
        if self.waits == Waits::Backend { Side::Backend } else { Side::Client }
    }

    /// Whether only last words are still to be sent.
    pub(super) fn is_closing(&self) -> bool {
        self.closing.is_some()
    }

    /// Does all that can be done now. Ready when the session is over. `moved` counts octets, to tell a stall.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, moved: &mut usize) -> Poll<Result<(), Fault>> {
        let turn = *moved + TURN;
        if self.observer.look() {
            self.answers.extend_from_slice(&self.observer.alert());
        }
        // What is read is decided and passed on in the same round: one more, in which nothing moves, ends the turn.
        loop {
            let before = (*moved, self.marks());
            let decided = self.closing.is_none() && {
                self.read(cx, moved);
                self.decide()
            };
            if self.closing.is_none() {
                self.notice_ends();
            }
            self.write(cx, moved);
            if let Some(closing) = self.closing {
                return self.finish(cx, closing);
            }
            // A backend in the middle of a command that will not go on may keep earlier answers back, until it hears that.
            if self.lost && self.session.is_stuck() && self.backend.is_written() {
                let _ = self.backend.conn.poll_shutdown(cx);
            }
            if self.lost && self.session.stays() {
                let _ = self.client.conn.poll_shutdown(cx);
            }
            let stirred = std::mem::take(&mut self.stirred);
            if !decided && !stirred && before == (*moved, self.marks()) {
                return Poll::Pending;
            }
            if *moved >= turn {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
    }

    fn marks(&self) -> (bool, HalfMark, HalfMark) {
        (self.lost, self.client.mark(), self.backend.mark())
    }

    fn write(&mut self, cx: &mut Context<'_>, moved: &mut usize) {
        if self.lost {
            self.client.output = Vec::new();
            self.answers = Vec::new();
            self.backend.input.consume(std::mem::take(&mut self.backend.approved));
        } else {
            match self.client.send(cx, &mut self.backend.input, &mut self.backend.approved) {
                Ok(sent) => *moved += sent,
                Err(_) => self.lose_client(),
            }
        }
        if self.closing.is_none() {
            let sent = self.backend.send(cx, &mut self.client.input, &mut self.client.approved);
            // A backend that does not listen any more may still have said why: what it sent is read first.
            *moved += sent.unwrap_or_else(|_| self.backend.give_up());
        }
    }

    fn read(&mut self, cx: &mut Context<'_>, moved: &mut usize) {
        match self.client.fill(cx) {
            // Once for each read that leaves a command unfinished, and only when nothing more is there yet.
            Ok(0) if self.client.unanswered && self.is_waited_for() => {
                self.client.unanswered = false;
                self.client.conn.quick_ack();
            }
            Ok(count) => *moved += count,
            Err(_) => self.lose_client(),
        }
        *moved += self.backend.fill(cx).unwrap_or_else(|_| self.backend.give_up());
    }

    /// Whether the client has more to send before anybody can answer, and may wait with that for our acknowledgement. In the middle of a large
    /// literal it goes on by itself: only what is less than a packet waits.
    fn is_waited_for(&self) -> bool {
        let amid_command = !(self.session.awaits_command() && self.client.undecided().is_empty());
        self.waits == Waits::Client && amid_command && self.session.literal_left() < FLOWING
    }

    fn notice_ends(&mut self) {
        // What it sent before it left is brought to its end, as far as it is whole.
        let answers =
            self.session.owes_answers() || !self.answers.is_empty() || self.backend.approved > 0 || !self.client.is_written();
        let waits = self.waits == Waits::Backend && !self.client.undecided().is_empty() || !self.left && answers;
        if self.client.ended && self.client.approved == 0 && self.backend.is_written() && !waits {
            self.leave();
            if self.session.is_settled() || self.backend.ended {
                self.closing = Some(Closing { end: self.end, listen: false });
            }
        }
        let heard = self.backend.approved == 0 && self.client.is_written() && self.backend.is_written();
        if self.session.has_left() && heard && self.answers.is_empty() && self.session.may_answer() {
            self.closing = Some(Closing { end: Ok(()), listen: false });
        }
        if self.session.has_said_goodbye() && heard && self.answers.is_empty() && !self.lost {
            self.let_go();
        }
        let told = self.backend.approved == 0 && self.client.is_written() && self.answers.is_empty();
        if self.backend.ended && told && self.closing.is_none() {
            if self.session.is_over() {
                // It may have ended the session while the client speaks.
                let listen = !self.session.at_rest() && !self.client.ended;
                self.closing = Some(Closing { end: Ok(()), listen });
            } else {
                let fault = Fault::Gone(Side::Backend);
                self.close(&crate::imap::reply::bye(fault), fault);
            }
        }
    }
}
