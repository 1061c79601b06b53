//! The demo's relay: takes mail by SMTP and hands each message to an LMTP server while the client waits (RFC 2033).
//!
//! It stands in for Postfix, which an ordinary user cannot run. Mail for anyone but the demo's mailboxes is refused by the
//! LMTP server, so nothing leaves the machine. Absent on purpose: a queue, BDAT, TLS, and every check that a real relay makes.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::Trouble;
use super::place::Place;

/// A peer that is silent for longer is left alone.
const SILENCE: Duration = Duration::from_secs(300);
/// What LMTP says that must not be offered to an SMTP client here: we pass lines, not chunks, and have no TLS.
const NOT_OFFERED: &[&str] = &["CHUNKING", "BINARYMIME", "STARTTLS", "XCLIENT", "VRFY"];

/// A listening relay. It takes no more connections when dropped.
pub struct Relay {
    smtp: u16,
    stopping: Arc<AtomicBool>,
}

impl Relay {
    /// Listens on a port of `place` and delivers to the LMTP server on loopback port `lmtp`.
    pub fn start(place: &Place, lmtp: u16) -> Result<Relay, Trouble> {
        let smtp = place.port()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, smtp)).map_err(Trouble::Folder)?;
        let stopping = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stopping);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if flag.load(Ordering::Relaxed) {
                    return;
                }
                // A session that breaks ends its own thread only; the client sees a closed connection.
                thread::spawn(move || session(client, lmtp));
            }
        });
        Ok(Relay { smtp, stopping })
    }

    /// The port of its SMTP server.
    pub fn smtp(&self) -> u16 {
        self.smtp
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        // Wakes the thread that waits in `accept`.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.smtp));
    }
}

fn session(client: TcpStream, lmtp: u16) -> io::Result<()> {
    let mut client = Lines::new(client)?;
    let Ok(stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, lmtp)) else {
        return client.send(b"421 4.3.0 the mailboxes are away\r\n");
    };
    let mut store = Lines::new(stream)?;
    store.answer()?;
    client.send(b"220 relay.nolog.example ESMTP\r\n")?;
    let mut accepted = 0;
    loop {
        let line = client.line()?;
        let verb: Vec<u8> = line.iter().take(4).map(u8::to_ascii_uppercase).collect();
        match verb.as_slice() {
            b"EHLO" | b"HELO" | b"LHLO" => client.send(&greeting(&store.ask(b"LHLO relay.nolog.example\r\n")?))?,
            b"DATA" => {
                let ready = store.ask(&line)?;
                client.send(&ready.concat())?;
                if ready[0].starts_with(b"354") {
                    pass_message(&mut client, &mut store)?;
                    client.send(&verdict(&mut store, accepted)?)?;
                    accepted = 0;
                }
            }
            _ => {
                let answer = store.ask(&line)?;
                match (verb.as_slice(), answer[0].starts_with(b"2")) {
                    (b"RCPT", true) => accepted += 1,
                    (b"MAIL" | b"RSET", true) => accepted = 0,
                    _ => {}
                }
                client.send(&answer.concat())?;
                if verb == b"QUIT" {
                    return Ok(());
                }
            }
        }
    }
}

/// The SMTP greeting out of the LMTP one: same extensions, without those that the relay does not pass.
fn greeting(answer: &[Vec<u8>]) -> Vec<u8> {
    let offered = |line: &&Vec<u8>| {
        let word = String::from_utf8_lossy(line.get(4..).unwrap_or_default()).trim().to_uppercase();
        !NOT_OFFERED.iter().any(|name| word == *name || word.starts_with(&format!("{name} ")))
    };
    let mut lines: Vec<Vec<u8>> = answer.iter().filter(offered).cloned().collect();
    let last = lines.len().saturating_sub(1);
    for (position, line) in lines.iter_mut().enumerate() {
        if let Some(mark) = line.get_mut(3) {
            *mark = if position == last { b' ' } else { b'-' };
        }
    }
    lines.concat()
}

/// Lines up to and with the dot that ends the message. Dot-stuffing is the same on both sides, so they pass as they are.
fn pass_message(client: &mut Lines, store: &mut Lines) -> io::Result<()> {
    loop {
        let line = client.line()?;
        store.stream.get_mut().write_all(&line)?;
        if line == b".\r\n" {
            return store.stream.get_mut().flush();
        }
    }
}

/// LMTP answers once for each recipient, SMTP once for the message: the first refusal stands for all.
fn verdict(store: &mut Lines, accepted: usize) -> io::Result<Vec<u8>> {
    let mut verdict = b"554 5.5.1 no recipients\r\n".to_vec();
    let mut good = true;
    for _ in 0..accepted {
        let answer = store.answer()?;
        if good {
            good = answer[0].starts_with(b"2");
            verdict = answer.concat();
        }
    }
    Ok(verdict)
}

struct Lines {
    stream: BufReader<TcpStream>,
}

impl Lines {
    fn new(stream: TcpStream) -> io::Result<Lines> {
        stream.set_read_timeout(Some(SILENCE))?;
        stream.set_nodelay(true)?;
        Ok(Lines { stream: BufReader::with_capacity(64 * 1024, stream) })
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    fn line(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line)?;
        if line.is_empty() { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(line) }
    }

    fn ask(&mut self, line: &[u8]) -> io::Result<Vec<Vec<u8>>> {
        self.send(line)?;
        self.answer()
    }

    /// All lines of one answer; at least one, of at least four bytes.
    fn answer(&mut self) -> io::Result<Vec<Vec<u8>>> {
        let mut lines = Vec::new();
        loop {
            let line = self.line()?;
            let more = line.get(3) == Some(&b'-');
            if line.len() < 4 {
                return Err(io::ErrorKind::InvalidData.into());
            }
            lines.push(line);
            if !more {
                return Ok(lines);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greeting_keeps_what_the_relay_can_pass() {
        let answer =
            ["250-store\r\n", "250-8BITMIME\r\n", "250-PIPELINING\r\n", "250 CHUNKING\r\n"].map(|line| line.as_bytes().to_vec());
        assert_eq!(greeting(&answer), b"250-store\r\n250-8BITMIME\r\n250 PIPELINING\r\n");
    }
}
