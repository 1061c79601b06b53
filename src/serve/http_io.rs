//! A connection of ours as hyper reads and writes it. The read buffer exists only while there is something in it, as everywhere else.

use std::io;
use std::pin::Pin;
use std::task::{Context as Task, Poll, ready};

use hyper::rt::{Read, ReadBufCursor, Write};

use crate::net::buffer::Buffer;
use crate::net::conn::Conn;

/// One connection.
pub(super) struct HttpIo {
    conn: Conn,
    input: Buffer,
}

impl HttpIo {
    /// A connection, and what was read of it already.
    pub(super) fn new((conn, input): (Conn, Buffer)) -> HttpIo {
        HttpIo { conn, input }
    }
}

impl Read for HttpIo {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Task<'_>, mut room: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        let HttpIo { conn, input } = &mut *self;
        if input.is_empty() {
            // Nothing: the peer's end, which hyper is told by taking nothing either.
            ready!(conn.poll_fill(cx, input))?;
        }
        let count = room.remaining().min(input.len());
        room.put_slice(input.filled().get(..count).unwrap_or_default());
        input.consume(count);
        Poll::Ready(Ok(()))
    }
}

impl Write for HttpIo {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Task<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.conn.poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Task<'_>) -> Poll<io::Result<()>> {
        self.conn.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Task<'_>) -> Poll<io::Result<()>> {
        self.conn.poll_shutdown(cx)
    }
}
