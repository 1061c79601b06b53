//! A connection as tokio's own traits, for a library that wants it so.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::conn::Conn;

/// A [`Conn`] in front of which something stands to be read first.
pub struct Stream {
    head: &'static [u8],
    conn: Conn,
}

impl Stream {
    /// `head` is read first, then what comes over `conn`.
    pub fn new(head: &'static [u8], conn: Conn) -> Stream {
        Stream { head, conn }
    }
}

/// Says its name and nothing else.
impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stream")
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.head.is_empty() {
            let (now, later) = self.head.split_at(self.head.len().min(into.remaining()));
            into.put_slice(now);
            self.head = later;
            return Poll::Ready(Ok(()));
        }
        match &mut self.conn {
            Conn::Tcp(stream) => Pin::new(stream).poll_read(cx, into),
            Conn::Unix(stream) => Pin::new(stream).poll_read(cx, into),
            Conn::Server(stream) => Pin::new(stream.as_mut()).poll_read(cx, into),
            Conn::Client(stream) => Pin::new(stream.as_mut()).poll_read(cx, into),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.conn.poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.conn.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.conn.poll_shutdown(cx)
    }
}
