//! A connection with its read buffer, for conversations: read a line, answer, read the next.
//!
//! Faults name the side that the link leads to. A deadline holds for every wait.

use std::future::poll_fn;
use std::task::{Context, Poll, Waker, ready};

use tokio::time::{Instant, timeout_at};

use super::buffer::Buffer;
use super::conn::Conn;
use crate::fault::{Fault, Side};

/// One side of a session: a connection, at most 64 KiB that were read and not consumed, and a deadline that holds for every wait.
pub struct BufferedConn {
    conn: Conn,
    input: Buffer,
    side: Side,
    deadline: Instant,
    /// Something was read since we last spoke: the kernel holds its acknowledgement back for our answer.
    unanswered: bool,
}

impl BufferedConn {
    /// A link over `conn` to `side`; every wait ends with `Fault::Slow` at `deadline`.
    pub fn new(conn: Conn, side: Side, deadline: Instant) -> BufferedConn {
        BufferedConn::from_parts((conn, Buffer::default()), side, deadline)
    }

    /// The same over a connection of which something was read already: the reverse of [`BufferedConn::into_parts`].
    pub fn from_parts((conn, input): (Conn, Buffer), side: Side, deadline: Instant) -> BufferedConn {
        BufferedConn { conn, input, side, deadline, unanswered: false }
    }

    /// Sets when the next waits end.
    pub fn set_deadline(&mut self, deadline: Instant) {
        self.deadline = deadline;
    }

    /// Whether the link is encrypted.
    pub fn is_tls(&self) -> bool {
        self.conn.is_tls()
    }

    /// What was read and not yet consumed.
    pub fn input(&self) -> &[u8] {
        self.input.filled()
    }

    /// Forgets the first `count` bytes of the input.
    pub fn consume(&mut self, count: usize) {
        self.input.consume(count);
    }

    /// Waits for more bytes: how many came.
    ///
    /// # Errors
    /// `Gone` at the peer's end, `Slow` at the deadline, `TooLong` when the buffer (64 KiB) is full already.
    pub async fn fill(&mut self) -> Result<usize, Fault> {
        if self.input.is_full() {
            return Err(Fault::TooLong(self.side));
        }
        let read = poll_fn(|cx| {
            let read = self.conn.poll_fill(cx, &mut self.input);
            if read.is_pending() && std::mem::take(&mut self.unanswered) {
                // We wait for the rest before we answer, and the peer may wait for the acknowledgement before it sends it.
                self.conn.quick_ack();
            }
            read
        });
        match timeout_at(self.deadline, read).await {
            Ok(Ok(0) | Err(_)) => Err(Fault::Gone(self.side)),
            Ok(Ok(count)) => {
                self.unanswered = true;
                Ok(count)
            }
            Err(_) => Err(Fault::Slow(self.side)),
        }
    }

    /// Sends all of `bytes`, past every buffer.
    ///
    /// # Errors
    /// `Gone` when the peer closed, `Slow` at the deadline.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.unanswered = false;
        send(&mut self.conn, bytes, self.side, self.deadline).await
    }

    /// Ready as soon as the peer says anything, or closes. For connections that rest: nothing may come.
    pub fn poll_stir(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.input.is_empty() {
            return Poll::Ready(());
        }
        self.conn.poll_fill(cx, &mut self.input).map(drop)
    }

    /// Whether the peer has closed, as far as the kernel has told by now. What it said before is in the input then.
    pub fn is_gone(&mut self) -> bool {
        let mut nobody = Context::from_waker(Waker::noop());
        !self.input.is_full() && matches!(self.conn.poll_fill(&mut nobody, &mut self.input), Poll::Ready(Ok(0) | Err(_)))
    }

    /// Sends `words` as far as that goes without waiting; nothing over TLS. For one that is dropped next.
    pub fn try_say(&self, words: &[u8]) {
        self.conn.try_say(words);
    }

    /// Says goodbye and closes; a peer that does not listen any more is no fault.
    pub async fn close(mut self) {
        let bye = poll_fn(|cx| self.conn.poll_shutdown(cx));
        let _ = timeout_at(self.deadline, bye).await;
    }

    /// The same, waited for by the thread that calls: see [`Conn::moved_here`].
    ///
    /// # Errors
    /// `Gone` when that cannot be.
    pub fn moved_here(self) -> Result<BufferedConn, Fault> {
        let conn = self.conn.moved_here().map_err(|_| Fault::Gone(self.side))?;
        Ok(BufferedConn { conn, ..self })
    }

    /// Drops what was read and gives the bare connection, to start TLS on it: bytes that came before TLS must not count
    /// as if they had come inside (NO STARTTLS, USENIX Security 2021).
    pub fn into_bare(self) -> Conn {
        self.conn
    }

    /// The connection and what was read of it already.
    pub fn into_parts(self) -> (Conn, Buffer) {
        (self.conn, self.input)
    }
}

async fn send(conn: &mut Conn, bytes: &[u8], side: Side, deadline: Instant) -> Result<(), Fault> {
    let mut sent = 0;
    let write = poll_fn(|cx| {
        while sent < bytes.len() {
            match ready!(conn.poll_write(cx, &bytes[sent..])) {
                Ok(0) | Err(_) => return Poll::Ready(Err(Fault::Gone(side))),
                Ok(count) => sent += count,
            }
        }
        conn.poll_flush(cx).map_err(|_| Fault::Gone(side))
    });
    timeout_at(deadline, write).await.unwrap_or(Err(Fault::Slow(side)))
}
