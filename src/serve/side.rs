//! One side of a session that is carried: its connection, what was read of it, and what is to be sent to it.

use std::io;
use std::task::{Context, Poll};

use crate::net::buffer::Buffer;
use crate::net::conn::Conn;

/// Octets of our own that may wait for a side before nothing more is decided for it.
pub(super) const WAITING: usize = 64 * 1024;

/// Octets that one session moves, read and written together, before the others on its thread have their turn: a block. A small command beside four
/// big bodies waits for four times this, once it is seen (see [`workers`](super::workers)).
pub(super) const TURN: usize = 64 * 1024;

/// A client that still has so many octets of a literal to send is not held up by an acknowledgement that comes late: one for each read was
/// a third of all calls for a large message.
pub(super) const FLOWING: u64 = 64 * 1024;

/// Whom the client's direction waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Waits {
    Nobody,
    Client,
    Backend,
}

/// One side of the session.
pub(super) struct Half {
    pub(super) conn: Conn,
    pub(super) input: Buffer,
    /// How many bytes at the front of `input` may go to the other side as they are.
    pub(super) approved: usize,
    /// What is sent to this side before the other's approved bytes.
    pub(super) output: Vec<u8>,
    pub(super) unflushed: bool,
    pub(super) ended: bool,
    /// Something was read since something was last sent: the kernel holds its acknowledgement back.
    pub(super) unanswered: bool,
}

/// What a round of the carrying loop may change on one side without an octet that moves; where it does, there is one more round: whoever waits must have
/// looked at the socket since.
#[derive(PartialEq, Eq)]
pub(super) struct HalfMark {
    ended: bool,
    written: bool,
    approved: usize,
}

impl Half {
    pub(super) fn mark(&self) -> HalfMark {
        HalfMark { ended: self.ended, written: self.is_written(), approved: self.approved }
    }

    pub(super) fn new((conn, input): (Conn, Buffer)) -> Half {
        Half { conn, input, approved: 0, output: Vec::new(), unflushed: false, ended: false, unanswered: false }
    }

    pub(super) fn into_parts(self) -> (Conn, Buffer) {
        (self.conn, self.input)
    }

    /// Whether all that was for this side is sent, and the other has all that it was given of it.
    pub(super) fn is_clean(&self) -> bool {
        self.is_written() && self.approved == 0 && !self.ended
    }

    pub(super) fn is_idle(&self) -> bool {
        self.input.is_empty() && self.is_written()
    }

    pub(super) fn is_written(&self) -> bool {
        self.output.is_empty() && !self.unflushed
    }

    /// The bytes that nothing was decided about.
    pub(super) fn undecided(&self) -> &[u8] {
        self.input.filled().get(self.approved..).unwrap_or_default()
    }

    /// Whether no byte more can be read before something is decided.
    pub(super) fn is_full(&self) -> bool {
        self.approved == 0 && self.input.is_full()
    }

    /// Moves what `other` may pass on into our output, then takes `count` more bytes of it away. Keeps the order when
    /// something else has to be said to this side in between.
    pub(super) fn take_approved(&mut self, other: &mut Half, count: usize) {
        let approved = std::mem::take(&mut other.approved);
        self.output.extend_from_slice(other.input.filled().get(..approved).unwrap_or_default());
        other.input.consume(approved + count);
    }

    /// Sends our output, then the bytes of the other side that may pass. How many went.
    pub(super) fn send(&mut self, cx: &mut Context<'_>, input: &mut Buffer, approved: &mut usize) -> io::Result<usize> {
        let mut total = 0;
        while !self.output.is_empty() {
            match self.conn.poll_write(cx, &self.output)? {
                Poll::Ready(0) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(count) => {
                    self.output.drain(..count);
                    self.unflushed = true;
                    total += count;
                }
                Poll::Pending => return Ok(total),
            }
        }
        // Empty, and without the room that it had.
        self.output = Vec::new();
        while *approved > 0 {
            match self.conn.poll_write(cx, &input.filled()[..*approved])? {
                Poll::Ready(0) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(count) => {
                    input.consume(count);
                    *approved -= count;
                    self.unflushed = true;
                    total += count;
                }
                Poll::Pending => return Ok(total),
            }
        }
        self.unanswered &= total == 0;
        if self.unflushed && self.conn.poll_flush(cx)?.is_ready() {
            self.unflushed = false;
        }
        Ok(total)
    }

    /// Reads more, if all that was read is decided and passed on, or half a frame is there.
    pub(super) fn fill(&mut self, cx: &mut Context<'_>) -> io::Result<usize> {
        if self.ended || self.approved > 0 || self.input.is_full() {
            return Ok(0);
        }
        match self.conn.poll_fill(cx, &mut self.input)? {
            Poll::Ready(0) => {
                self.ended = true;
                Ok(0)
            }
            Poll::Ready(count) => {
                self.unanswered = true;
                Ok(count)
            }
            Poll::Pending => Ok(0),
        }
    }

    /// Says that nothing more will be said, and reads on until the peer is through. What it says is dropped.
    pub(super) fn hear_out(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.conn.poll_shutdown(cx).is_pending() {
            return Poll::Pending;
        }
        loop {
            self.input.consume(self.input.len());
            match self.conn.poll_fill(cx, &mut self.input) {
                Poll::Ready(Ok(count)) if count > 0 => {}
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// The connection is broken: nothing more is sent or read.
    pub(super) fn give_up(&mut self) -> usize {
        self.ended = true;
        self.output = Vec::new();
        self.unflushed = false;
        0
    }
}
