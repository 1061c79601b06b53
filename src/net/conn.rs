//! One connection: TCP, Unix socket, or TLS over TCP in either role.

use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use nix::sys::socket::{MsgFlags, recv};
use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::{client, rustls, server};

use super::buffer::Buffer;

/// From this many octets on, one TLS read is taken as a sign that more are waiting, and worth another look.
const BULK: usize = 8 * 1024;

/// A connection to a client or a backend. It buffers nothing of ours and has no deadline: that is for [`BufferedConn`](super::buffered::BufferedConn)
/// and for the driver.
pub enum Conn {
    /// Not encrypted: loopback, or before STARTTLS.
    Tcp(TcpStream),
    /// Not encrypted: a Unix socket.
    Unix(UnixStream),
    /// We are the TLS server. Boxed, as all that is not needed to wait stays out of the task.
    Server(Box<server::TlsStream<TcpStream>>),
    /// We are the TLS client.
    Client(Box<client::TlsStream<TcpStream>>),
}

impl Conn {
    /// Whether what goes over this connection is encrypted.
    pub fn is_tls(&self) -> bool {
        matches!(self, Conn::Server(_) | Conn::Client(_))
    }

    /// Moves the waiting for this connection to the runtime of the thread that calls. Left where it was made, each of its events
    /// would wake that thread first, only to wake this one. TLS stays where it is: tokio-rustls cannot be taken apart and
    /// put together again.
    ///
    /// # Errors
    /// What the kernel says; the connection is gone then. Must run inside a runtime.
    pub fn moved_here(self) -> io::Result<Conn> {
        match self {
            Conn::Tcp(stream) => TcpStream::from_std(stream.into_std()?).map(Conn::Tcp),
            Conn::Unix(stream) => UnixStream::from_std(stream.into_std()?).map(Conn::Unix),
            tls @ (Conn::Server(_) | Conn::Client(_)) => Ok(tls),
        }
    }

    /// Sends `words` as far as that goes without waiting; for last words to whom no task is given. Nothing over TLS.
    pub fn try_say(&self, words: &[u8]) {
        // Nobody to tell when it fails: the connection is dropped next.
        let _ = match self {
            Conn::Tcp(stream) => stream.try_write(words),
            Conn::Unix(stream) => stream.try_write(words),
            Conn::Server(_) | Conn::Client(_) => return,
        };
    }

    /// Waits for octets and looks at them; they stay where they are. 0 is the peer's end.
    ///
    /// # Errors
    /// What the kernel says; `Unsupported` over TLS, where there is nothing to look at.
    pub async fn peek(&self, room: &mut [u8]) -> io::Result<usize> {
        match self {
            Conn::Tcp(stream) => stream.peek(room).await,
            Conn::Unix(stream) => loop {
                stream.readable().await?;
                let look = || Ok(recv(stream.as_raw_fd(), room, MsgFlags::MSG_PEEK)?);
                match stream.try_io(Interest::READABLE, look) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    looked => return looked,
                }
            },
            Conn::Server(_) | Conn::Client(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Takes what [`Conn::peek`] showed, as far as `room` reaches.
    ///
    /// # Errors
    /// As there.
    pub fn take_peeked(&self, room: &mut [u8]) -> io::Result<usize> {
        match self {
            Conn::Tcp(stream) => stream.try_read(room),
            Conn::Unix(stream) => stream.try_read(room),
            Conn::Server(_) | Conn::Client(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Reads what is there into `buffer`. Ready with 0 is the peer's end, or a full buffer. While pending, an empty
    /// buffer holds no memory.
    pub fn poll_fill(&mut self, cx: &mut Context<'_>, buffer: &mut Buffer) -> Poll<io::Result<usize>> {
        if buffer.is_full() {
            return Poll::Ready(Ok(0));
        }
        let read = match self {
            Conn::Tcp(stream) => plain(Pin::new(stream), cx, buffer),
            Conn::Unix(stream) => plain(Pin::new(stream), cx, buffer),
            Conn::Server(stream) => decrypted(Pin::new(stream.as_mut()), cx, buffer),
            Conn::Client(stream) => decrypted(Pin::new(stream.as_mut()), cx, buffer),
        };
        if read.is_ready() {
            self.wipe();
        }
        if read.is_pending() {
            buffer.release_if_empty();
        }
        read
    }

    /// Lets the kernel acknowledge at once what was read, for a client that has more to say before we answer.
    ///
    /// A program that writes a command or a literal, and its CRLF apart (SOGo, Python's imaplib), waits with the second write
    /// until the first is acknowledged (Nagle), and the kernel waits with that for 40 ms, hoping for an answer to send along. It
    /// forgets about this by itself: ask again after each such read.
    pub fn quick_ack(&self) {
        let stream = match self {
            Conn::Tcp(stream) => stream,
            Conn::Server(stream) => stream.get_ref().0,
            Conn::Unix(_) | Conn::Client(_) => return,
        };
        // Nobody is worse off than without it.
        let _ = stream.set_quickack(true);
    }

    /// Overwrites what rustls has opened and we have taken.
    ///
    /// It opens records where they lie in its input buffer, and leaves them there until others come over them; so the line with
    /// the password would stand in memory for as long as somebody waits in IDLE. The part of the buffer that nothing is waiting in
    /// is what it lends to whoever reads from the network: so we read nothing, and leave zeros.
    fn wipe(&mut self) {
        // The error that says so goes no further than rustls, which takes it for a network that has nothing yet.
        let _ = match self {
            Conn::Server(stream) => stream.get_mut().1.read_tls(&mut Zeros),
            Conn::Client(stream) => {
                let tls: &mut rustls::ClientConnection = stream.get_mut().1;
                tls.read_tls(&mut Zeros)
            }
            Conn::Tcp(_) | Conn::Unix(_) => return,
        };
    }

    fn writer(&mut self) -> Pin<&mut (dyn AsyncWrite + Unpin)> {
        match self {
            Conn::Tcp(stream) => Pin::new(stream),
            Conn::Unix(stream) => Pin::new(stream),
            Conn::Server(stream) => Pin::new(stream.as_mut()),
            Conn::Client(stream) => Pin::new(stream.as_mut()),
        }
    }

    /// Writes some of `bytes`.
    pub fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.writer().poll_write(cx, bytes)
    }

    /// Pushes out what TLS still holds.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writer().poll_flush(cx)
    }

    /// Says goodbye in TLS and closes our direction.
    pub fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writer().poll_shutdown(cx)
    }
}

/// Overwrites what it is lent to read into, and has nothing.
struct Zeros;

impl Read for Zeros {
    fn read(&mut self, unused: &mut [u8]) -> io::Result<usize> {
        unused.fill(0);
        Err(io::ErrorKind::WouldBlock.into())
    }
}

fn plain<S: AsyncRead>(stream: Pin<&mut S>, cx: &mut Context<'_>, buffer: &mut Buffer) -> Poll<io::Result<usize>> {
    let mut room = ReadBuf::new(buffer.room());
    ready!(stream.poll_read(cx, &mut room))?;
    let count = room.filled().len();
    buffer.grew(count);
    buffer.release_if_empty();
    Poll::Ready(Ok(count))
}

// `poll_fill_buf` shows the plaintext where rustls has it, so waiting needs no buffer of ours.
fn decrypted<S: AsyncBufRead>(mut stream: Pin<&mut S>, cx: &mut Context<'_>, buffer: &mut Buffer) -> Poll<io::Result<usize>> {
    let mut total = 0;
    loop {
        let data = match stream.as_mut().poll_fill_buf(cx) {
            Poll::Ready(Ok(data)) => data,
            Poll::Ready(Err(_)) | Poll::Pending if total > 0 => return Poll::Ready(Ok(total)),
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => return Poll::Ready(Ok(0)),
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Pending => return Poll::Pending,
        };
        let room = buffer.room();
        let count = data.len().min(room.len());
        room[..count].copy_from_slice(&data[..count]);
        stream.as_mut().consume(count);
        buffer.grew(count);
        total += count;
        if count < BULK || buffer.is_full() {
            buffer.release_if_empty();
            return Poll::Ready(Ok(total));
        }
    }
}
