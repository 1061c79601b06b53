//! The rows: what is asked of every peer. Here their list, the meter, and the rows of many small dialogues.

use std::time::{Duration, Instant};

use crate::imap::Imap;
use crate::load::{Times, crowd};
use crate::peers::Target;
use crate::report::Cell;
use crate::{Res, account, figures, memory_rows, smtp, transfer_rows};

/// One kind of work. The names are those of the command line.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Row {
    Login,
    Roundtrips,
    Fetch,
    Append,
    Idle,
    Submit,
    SubmitLarge,
    Starve,
}

impl Row {
    pub const ALL: [Self; 8] =
        [Self::Login, Self::Roundtrips, Self::Fetch, Self::Append, Self::Idle, Self::Submit, Self::SubmitLarge, Self::Starve];

    pub fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Roundtrips => "roundtrips",
            Self::Fetch => "fetch",
            Self::Append => "append",
            Self::Idle => "idle",
            Self::Submit => "submit",
            Self::SubmitLarge => "submit-large",
            Self::Starve => "starve",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|row| row.name() == name)
    }

    /// After this a row has failed. Far above what any peer needs on two cores.
    pub fn limit(self, full: bool) -> Duration {
        Duration::from_secs(if full && self == Self::Idle { 400 } else { 120 })
    }
}

/// Warms a peer up and measures it.
pub async fn measure(row: Row, target: &Target, full: bool) -> Res<Vec<Cell>> {
    match row {
        Row::Login => login(target).await,
        Row::Roundtrips => roundtrips(target).await,
        Row::Fetch => transfer_rows::fetch(target).await,
        Row::Append => transfer_rows::append(target).await,
        Row::Idle => memory_rows::idle(target, full).await,
        Row::Submit => submit(target).await,
        Row::SubmitLarge => memory_rows::submit_large(target).await,
        Row::Starve => transfer_rows::starve(target).await,
    }
}

/// CPU time of the peer and time on the wall since it was started.
pub struct Meter {
    root: Option<u32>,
    cpu: f64,
    wall: Instant,
}

impl Meter {
    pub fn start(target: &Target) -> Self {
        Self { root: target.root, cpu: target.root.map_or(0.0, account::cpu_seconds), wall: Instant::now() }
    }

    /// CPU seconds so far; none where nobody stands in between.
    pub fn cpu(&self) -> Option<f64> {
        self.root.map(|root| account::cpu_seconds(root) - self.cpu)
    }

    pub fn wall(&self) -> f64 {
        self.wall.elapsed().as_secs_f64()
    }
}

/// A full TLS handshake, LOGIN and LOGOUT, 2,000 times, 8 at once.
async fn login(target: &Target) -> Res<Vec<Cell>> {
    const LOGINS: usize = 2000;
    let door = target.imap;
    let work = move |number| async move { Imap::logged_in(door, number).await?.command("LOGOUT").await };
    crowd(LOGINS / 10, 8, work).await?;
    let meter = Meter::start(target);
    let times = crowd(LOGINS, 8, work).await?;
    let mut cells = Cell::maybe(&figures::LOGIN_CPU, meter.cpu().map(|cpu| cpu * 1000.0 / LOGINS as f64));
    cells.push(Cell::new(&figures::LOGIN_P50, times.percentile(50)));
    cells.push(Cell::new(&figures::LOGIN_P99, times.percentile(99)));
    Ok(cells)
}

/// NOOP after NOOP on one session. 20,000, so that the kernel's ticks of 10 ms are fine enough; told per 1,000.
async fn roundtrips(target: &Target) -> Res<Vec<Cell>> {
    const TRIPS: usize = 20_000;
    let mut session = Imap::logged_in(target.imap, 0).await?;
    session.command("SELECT INBOX").await?;
    for _ in 0..TRIPS / 10 {
        session.command("NOOP").await?;
    }
    let meter = Meter::start(target);
    let mut times = Vec::with_capacity(TRIPS);
    for _ in 0..TRIPS {
        let start = Instant::now();
        session.command("NOOP").await?;
        times.push(start.elapsed());
    }
    let mut cells = Cell::maybe(&figures::TRIPS_CPU, meter.cpu().map(|cpu| cpu * 1000.0 / (TRIPS as f64 / 1000.0)));
    cells.push(Cell::new(&figures::TRIPS_P50, Times::new(times).percentile(50)));
    Ok(cells)
}

/// A message of 10 kB on a connection of its own, with a login each time: 500 times, 4 at once.
async fn submit(target: &Target) -> Res<Vec<Cell>> {
    const MESSAGES: usize = 500;
    let door = target.submission;
    let work = move |number| smtp::submit(door, number, 10_000);
    crowd(MESSAGES / 10, 4, work).await?;
    let meter = Meter::start(target);
    let times = crowd(MESSAGES, 4, work).await?;
    let mut cells = Cell::maybe(&figures::SUBMIT_CPU, meter.cpu().map(|cpu| cpu * 1000.0 / MESSAGES as f64));
    cells.push(Cell::new(&figures::SUBMIT_P50, times.percentile(50)));
    cells.push(Cell::new(&figures::SUBMIT_P99, times.percentile(99)));
    Ok(cells)
}
