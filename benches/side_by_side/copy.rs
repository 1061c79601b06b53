//! The least that a relay with two sockets costs: one thread that waits, reads and writes. No TLS, no login of its own, nothing is
//! looked at. No proxy that waits for readiness can be below this.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use crate::lab::Guard;
use crate::{Res, args};

pub fn start(port: u16, backend: u16) -> Res<Guard> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(args::COPY).args([port, backend].map(|port| port.to_string()));
    Guard::start(command.stdin(Stdio::null()).stdout(Stdio::null()))
}

/// Copies until it is ended from outside. The streams stand in pairs: 0 and 1, 2 and 3; there are few.
pub fn run(port: u16, backend: u16) -> Res<()> {
    const LISTENER: u64 = u64::MAX;
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
    epoll.add(&listener, EpollEvent::new(EpollFlags::EPOLLIN, LISTENER))?;
    let mut streams: Vec<TcpStream> = Vec::new();
    let mut buffer = vec![0; 65_536];
    loop {
        let mut event = [EpollEvent::empty()];
        epoll.wait(&mut event, EpollTimeout::NONE)?;
        let [event] = event;
        if event.data() == LISTENER {
            for stream in [listener.accept()?.0, TcpStream::connect(("127.0.0.1", backend))?] {
                stream.set_nodelay(true)?;
                epoll.add(&stream, EpollEvent::new(EpollFlags::EPOLLIN, streams.len() as u64))?;
                streams.push(stream);
            }
            continue;
        }
        let from = usize::try_from(event.data())?;
        let (Some(mut source), Some(mut target)) = (streams.get(from), streams.get(from ^ 1)) else { continue };
        let count = source.read(&mut buffer).unwrap_or(0);
        if count == 0 || target.write_all(buffer.get(..count).unwrap_or_default()).is_err() {
            epoll.delete(source)?;
            // The other side hears of it, and says goodbye in the same way.
            let _ = target.shutdown(std::net::Shutdown::Both);
        }
    }
}
