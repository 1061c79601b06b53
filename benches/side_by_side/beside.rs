//! The rows of the protocols beside IMAP: POP3 (logins, a large body, idle sessions) and ManageSieve (logins, idle sessions), with a client of a few
//! commands for each.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::imap::user;
use crate::load::{Door, Wire, crowd};
use crate::memory_rows::{Growth, growth};
use crate::peers::Target;
use crate::report::Cell;
use crate::rows::{Meter, Spoken};
use crate::{Res, figures};

/// How long a server of ManageSieve is left alone behind its greeting.
const SETTLES: Duration = Duration::from_millis(50);

/// A session that has logged in.
pub struct Beside(Wire, Spoken);

impl Beside {
    /// As user `number` modulo 100. POP3 by USER and PASS, ManageSieve by AUTHENTICATE PLAIN.
    pub async fn logged_in(door: Door, spoken: Spoken, number: usize) -> Res<Self> {
        let mut session = Self(Wire::open(door).await?, spoken);
        session.answered().await?;
        if spoken == Spoken::Sieve {
            // Of commands that come right behind its greeting Dovecot 2.3 misses some, where TLS came first. No CPU is used meanwhile.
            tokio::time::sleep(SETTLES).await;
        }
        let user = user(number);
        if spoken == Spoken::Pop3 {
            session.command(&format!("USER {user}")).await?;
            session.command("PASS secret").await?;
        } else {
            let response = STANDARD.encode(format!("\0{user}\0secret"));
            session.command(&format!("AUTHENTICATE \"PLAIN\" \"{response}\"")).await?;
        }
        Ok(session)
    }

    pub async fn command(&mut self, text: &str) -> Res<()> {
        self.0.send(format!("{text}\r\n").as_bytes()).await?;
        self.answered().await
    }

    pub async fn leave(mut self) -> Res<()> {
        let word = if self.1 == Spoken::Pop3 { "QUIT" } else { "LOGOUT" };
        self.command(word).await
    }

    /// Up to the line that says how it went: of ManageSieve's the last one, behind its capabilities.
    async fn answered(&mut self) -> Res<()> {
        loop {
            let line = self.0.line().await?;
            match line.split(' ').next() {
                Some("+OK" | "OK") => return Ok(()),
                _ if line.starts_with('"') => {}
                _ => return Err(format!("refused: {line}").into()),
            }
        }
    }

    /// A message of so many pieces of 78 KiB; its size.
    async fn retrieve(&mut self, pieces: usize) -> Res<u64> {
        self.0.send(format!("RETR {pieces}\r\n").as_bytes()).await?;
        let status = self.0.line().await?;
        let size = status.strip_prefix("+OK ").and_then(|rest| rest.split(' ').next()?.parse().ok());
        let size = size.ok_or_else(|| format!("RETR refused: {status}"))?;
        self.0.swallow(size).await?;
        let end = self.0.line().await?;
        if end == "." { Ok(size) } else { Err("no end of the message".into()) }
    }
}

/// A full TLS handshake, a login and a goodbye, 2,000 times, 8 at once.
pub async fn login(target: &Target, spoken: Spoken) -> Res<Vec<Cell>> {
    const LOGINS: usize = 2000;
    let door = target.imap;
    let work = move |number| async move { Beside::logged_in(door, spoken, number).await?.leave().await };
    crowd(LOGINS / 10, 8, work).await?;
    let meter = Meter::start(target);
    let times = crowd(LOGINS, 8, work).await?;
    let (cpu, p50) = match spoken {
        Spoken::Pop3 => (&figures::POP3_LOGIN_CPU, &figures::POP3_LOGIN_P50),
        _ => (&figures::SIEVE_LOGIN_CPU, &figures::SIEVE_LOGIN_P50),
    };
    let mut cells = Cell::maybe(cpu, meter.cpu_each(LOGINS));
    cells.push(Cell::new(p50, times.percentile(50)));
    Ok(cells)
}

/// A message of 64 MiB, eight times on one session.
pub async fn retrieve(target: &Target) -> Res<Vec<Cell>> {
    const PIECES: usize = 840;
    let mut session = Beside::logged_in(target.imap, Spoken::Pop3, 0).await?;
    session.retrieve(PIECES).await?;
    let meter = Meter::start(target);
    let mut octets = 0;
    for _ in 0..8 {
        octets += session.retrieve(PIECES).await?;
    }
    let (wall, gigabytes) = (meter.wall(), octets as f64 / 1e9);
    let mut cells = Cell::maybe(&figures::RETR_CPU, meter.cpu().map(|cpu| cpu / gigabytes));
    cells.push(Cell::new(&figures::RETR_SPEED, octets as f64 / 1e6 / wall));
    Ok(cells)
}

/// Sessions that have logged in and said one command.
pub async fn idle(target: &Target, spoken: Spoken) -> Res<Vec<Cell>> {
    let open = Arc::<Mutex<Vec<Beside>>>::default();
    let door = target.imap;
    let grown = growth(target, async |count| {
        let have = open.lock().unwrap_or_else(PoisonError::into_inner).len();
        let open = open.clone();
        let work = move |number| {
            let open = open.clone();
            async move {
                let mut session = Beside::logged_in(door, spoken, number).await?;
                session.command("NOOP").await?;
                open.lock().unwrap_or_else(PoisonError::into_inner).push(session);
                Ok(())
            }
        };
        crowd(count - have, 32, work).await.map(drop)
    });
    let Some(Growth { each, .. }) = grown.await? else { return Ok(Vec::new()) };
    let figure = if spoken == Spoken::Pop3 { &figures::POP3_IDLE } else { &figures::SIEVE_IDLE };
    Ok(vec![Cell::new(figure, each)])
}
