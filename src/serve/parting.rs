//! How a session that is carried ends: its last words, a client that is lost or let go, and what is brought to its end without it.

use std::task::{Context, Poll};

use super::proxy::{Closing, Proxy};
use crate::fault::{Fault, Side};
use crate::imap::ImapStep;
use crate::net::buffer::Buffer;

impl Proxy {
    /// Ends the session with `words`, if the client can hear them now. False: it is ending already.
    pub(super) fn close(&mut self, words: &[u8], fault: Fault) -> bool {
        if self.closing.is_some() {
            return false;
        }
        self.session.stay_no_longer();
        let listen = !self.session.at_rest() && !self.lost && !self.client.ended;
        if self.session.may_answer() && !self.lost {
            self.client.take_approved(&mut self.backend, 0);
            self.client.output.extend_from_slice(words);
        }
        self.closing = Some(Closing { end: Err(fault), listen });
        true
    }

    /// The last words go out, and the client is heard out if it must be.
    pub(super) fn finish(&mut self, cx: &mut Context<'_>, closing: Closing) -> Poll<Result<(), Fault>> {
        if self.lost {
            return Poll::Ready(closing.end);
        }
        self.overhear(cx);
        if !self.client.is_written() {
            return Poll::Pending;
        }
        if closing.listen && !self.client.ended {
            std::task::ready!(self.client.hear_out(cx));
        }
        if self.session.is_settled() || self.backend.ended {
            return Poll::Ready(closing.end);
        }
        // What the backend has whole is brought to its end without the client.
        self.forget_client();
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// What the backend still answers, for the book alone.
    fn overhear(&mut self, cx: &mut Context<'_>) {
        while !self.session.is_settled() && self.backend.fill(cx).is_ok_and(|count| count > 0) {
            while let ImapStep::Swallow(count) = self.session.from_backend(self.backend.undecided(), self.backend.is_full()) {
                self.backend.input.consume(count);
            }
        }
    }

    /// The client does not hear its last words. False: nothing else is waited for.
    pub(super) fn forget_client(&mut self) -> bool {
        let Some(closing) = self.closing.filter(|_| !self.session.is_settled() && !self.backend.ended) else { return false };
        self.end = closing.end;
        self.closing = None;
        self.lose_client();
        true
    }

    /// The client is gone: nothing more is told, and what the backend has whole is brought to its end.
    pub(super) fn lose_client(&mut self) {
        self.lost = true;
        self.end = self.end.and(Err(Fault::Gone(Side::Client)));
        self.client.give_up();
        // What was decided already goes.
        self.backend.take_approved(&mut self.client, 0);
        self.client.input = Buffer::default();
        self.backend.input.consume(std::mem::take(&mut self.backend.approved));
        self.leave();
    }

    /// The client has heard all that it waits for; the session stays behind.
    pub(super) fn let_go(&mut self) {
        let end = self.end;
        self.lose_client();
        self.end = end;
    }

    /// The session asks what is due without the client.
    pub(super) fn leave(&mut self) {
        if !std::mem::replace(&mut self.left, true) {
            self.session.client_left();
            self.stirred = true;
        }
    }
}
