//! An IMAP client of a few commands: what the rows need, no more.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::Res;
use crate::lab::DOMAIN;
use crate::load::{Door, Wire, crowd};

/// A session after the greeting.
pub struct Imap(Wire);

/// RFC 3501 4.3 literals wait for `+`; RFC 7888 ones do not.
#[derive(Clone, Copy, PartialEq)]
pub enum Literal {
    Sync,
    NonSync,
}

impl Imap {
    pub async fn open(door: Door) -> Res<Self> {
        Self::greeted(Wire::open(door).await?).await
    }

    async fn greeted(mut wire: Wire) -> Res<Self> {
        let greeting = wire.line().await?;
        if !greeting.starts_with("* OK") {
            return Err("no IMAP greeting".into());
        }
        Ok(Self(wire))
    }

    /// As user `number` modulo 100 of the made-up association.
    pub async fn logged_in(door: Door, number: usize) -> Res<Self> {
        Self::open(door).await?.log_in(number).await
    }

    /// The same over a socket as Python's imaplib has it: with Nagle's algorithm.
    pub async fn logged_in_as_imaplib(door: Door, number: usize) -> Res<Self> {
        Self::greeted(Wire::open_as(door, false).await?).await?.log_in(number).await
    }

    async fn log_in(mut self, number: usize) -> Res<Self> {
        self.command(&format!("LOGIN {} secret", user(number))).await?;
        Ok(self)
    }

    pub async fn command(&mut self, text: &str) -> Res<()> {
        self.0.send(format!("a {text}\r\n").as_bytes()).await?;
        self.finish().await
    }

    /// Fetches message 1 of the selected mailbox; gives the size of its body.
    pub async fn fetch(&mut self) -> Res<u64> {
        self.fetch_over(None).await
    }

    /// The same over a line that brings so many octets a second.
    pub async fn fetch_over(&mut self, line_speed: Option<u64>) -> Res<u64> {
        self.0.send(b"a UID FETCH 1 BODY.PEEK[]\r\n").await?;
        let mut size = 0;
        loop {
            let line = self.0.line().await?;
            if let Some(literal) = line.strip_suffix('}').and_then(|line| line.rsplit('{').next()) {
                size = literal.parse()?;
                match line_speed {
                    Some(speed) => self.0.swallow_at(size, speed).await?,
                    None => self.0.swallow(size).await?,
                }
            } else if line.starts_with("a ") {
                return if size > 0 { accepted(&line).map(|()| size) } else { Err("FETCH without a body".into()) };
            }
        }
    }

    /// Appends a message of `size` octets to a mailbox that is not the Sent mailbox.
    pub async fn append(&mut self, size: usize, literal: Literal) -> Res<()> {
        let plus = if literal == Literal::NonSync { "+" } else { "" };
        self.0.send(format!("a APPEND Archive (\\Seen) {{{size}{plus}}}\r\n").as_bytes()).await?;
        if literal == Literal::Sync {
            self.go_on().await?;
        }
        self.0.send_message(&header(), size, "\r\n").await?;
        self.finish().await
    }

    /// The same as Python's imaplib writes it: the command, the message and the line end behind it, each by itself.
    pub async fn append_apart(&mut self, size: usize) -> Res<()> {
        self.0.send(format!("a APPEND Archive (\\Seen) {{{size}}}\r\n").as_bytes()).await?;
        self.go_on().await?;
        self.0.send_message(&header(), size, "").await?;
        self.0.send(b"\r\n").await?;
        self.finish().await
    }

    /// The same with a literal that waits: how long until it may go on, and until it is done.
    pub async fn append_timed(&mut self, size: usize) -> Res<(Duration, Duration)> {
        let start = Instant::now();
        self.0.send(format!("a APPEND Archive (\\Seen) {{{size}}}\r\n").as_bytes()).await?;
        self.go_on().await?;
        let asked = start.elapsed();
        self.0.send_message(&header(), size, "\r\n").await?;
        self.finish().await?;
        Ok((asked, start.elapsed()))
    }

    async fn go_on(&mut self) -> Res<()> {
        let answer = self.0.line().await?;
        if answer.starts_with('+') { Ok(()) } else { Err(format!("APPEND refused: {answer}").into()) }
    }

    /// Begins to wait in IDLE (RFC 2177), as most sessions do most of the time.
    pub async fn idle(&mut self) -> Res<()> {
        self.0.send(b"a IDLE\r\n").await?;
        loop {
            let line = self.0.line().await?;
            if line.starts_with('+') {
                return Ok(());
            }
            if line.starts_with("a ") {
                return Err(format!("IDLE refused: {line}").into());
            }
        }
    }

    /// Waits in IDLE until a letter comes, and ends it.
    pub async fn woken(&mut self) -> Res<()> {
        while !self.0.line().await?.ends_with(" EXISTS") {}
        self.0.send(b"DONE\r\n").await?;
        self.finish().await
    }

    async fn finish(&mut self) -> Res<()> {
        loop {
            let line = self.0.line().await?;
            if line.starts_with("a ") {
                return accepted(&line);
            }
        }
    }
}

/// Sessions that wait in IDLE with a mailbox selected, as most do most of the time, until all are dropped.
pub struct Idlers {
    door: Door,
    open: Arc<Mutex<Vec<Imap>>>,
}

impl Idlers {
    pub fn new(door: Door) -> Self {
        Self { door, open: Arc::default() }
    }

    /// Opens more, 32 at once, until there are `count`.
    pub async fn grow(&mut self, count: usize) -> Res<()> {
        let have = self.open.lock().unwrap_or_else(PoisonError::into_inner).len();
        let (door, open) = (self.door, self.open.clone());
        let work = move |number| {
            let open = open.clone();
            async move {
                let mut session = Imap::logged_in(door, number).await?;
                session.command("SELECT INBOX").await?;
                session.idle().await?;
                open.lock().unwrap_or_else(PoisonError::into_inner).push(session);
                Ok(())
            }
        };
        crowd(count.saturating_sub(have), 32, work).await.map(drop)
    }
}

/// Mailbox `number` modulo 100: a hundred users, as many as an association has.
pub fn user(number: usize) -> String {
    format!("u{}@{DOMAIN}", number % 100)
}

fn header() -> String {
    format!("From: u@{DOMAIN}\r\nSubject: archive\r\nMIME-Version: 1.0\r\n\r\n")
}

fn accepted(line: &str) -> Res<()> {
    if line.starts_with("a OK") { Ok(()) } else { Err(format!("refused: {line}").into()) }
}
