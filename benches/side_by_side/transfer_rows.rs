//! The rows of large bodies: FETCH for one and for many, APPEND, and whether a small session starves beside large ones.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::imap::{Imap, Literal};
use crate::load::{Door, Times};
use crate::peers::Target;
use crate::report::Cell;
use crate::rows::Meter;
use crate::{Res, figures};

/// The body of the FETCH rows: 64 MiB.
const BODY: &str = "SELECT B67108864";
const GIGABYTE: f64 = 1e9;

/// A body of 64 MiB, eight times on one session.
pub async fn fetch(target: &Target) -> Res<Vec<Cell>> {
    let mut session = Imap::logged_in(target.imap, 0).await?;
    session.command(BODY).await?;
    session.fetch().await?;
    let meter = Meter::start(target);
    let mut octets = 0;
    for _ in 0..8 {
        octets += session.fetch().await?;
    }
    let (wall, gigabytes) = (meter.wall(), octets as f64 / GIGABYTE);
    let mut cells = Cell::maybe(&figures::FETCH_CPU, meter.cpu().map(|cpu| cpu / gigabytes));
    cells.push(Cell::new(&figures::FETCH_SPEED, octets as f64 / 1e6 / wall));
    Ok(cells)
}

/// The same body for sixteen sessions at once, once each.
pub async fn fetch_many(target: &Target) -> Res<Vec<Cell>> {
    const SESSIONS: usize = 16;
    let mut open = Vec::new();
    for number in 0..SESSIONS {
        let mut session = Imap::logged_in(target.imap, number).await?;
        session.command("SELECT B1000000").await?;
        session.fetch().await?;
        session.command(BODY).await?;
        open.push(session);
    }
    let meter = Meter::start(target);
    let mut all = JoinSet::new();
    for mut session in open {
        all.spawn(async move { session.fetch().await });
    }
    let mut octets = 0;
    while let Some(fetched) = all.join_next().await {
        octets += fetched??;
    }
    let (wall, gigabytes) = (meter.wall(), octets as f64 / GIGABYTE);
    let mut cells = Cell::maybe(&figures::MANY_CPU, meter.cpu().map(|cpu| cpu / gigabytes));
    cells.push(Cell::new(&figures::MANY_SPEED, octets as f64 / 1e6 / wall));
    Ok(cells)
}

/// A message of 50 MB, eight times on one session, with either kind of literal.
pub async fn append(target: &Target) -> Res<Vec<Cell>> {
    const SIZE: usize = 50_000_000;
    let kinds = [
        (Literal::Sync, &figures::APPEND_SYNC_CPU, &figures::APPEND_SYNC_SPEED),
        (Literal::NonSync, &figures::APPEND_PLUS_CPU, &figures::APPEND_PLUS_SPEED),
    ];
    let mut session = Imap::logged_in(target.imap, 0).await?;
    let mut cells = Vec::new();
    for (literal, cost, speed) in kinds {
        session.append(SIZE, literal).await?;
        let meter = Meter::start(target);
        for _ in 0..8 {
            session.append(SIZE, literal).await?;
        }
        let (wall, octets) = (meter.wall(), 8.0 * SIZE as f64);
        cells.extend(Cell::maybe(cost, meter.cpu().map(|cpu| cpu / (octets / GIGABYTE))));
        cells.push(Cell::new(speed, octets / 1e6 / wall));
    }
    Ok(cells)
}

/// NOOP every few milliseconds for eight seconds on four sessions, while four others fetch bodies of 64 MiB without a pause.
/// Four, because a peer with several processes may put a single one beside the large ones or apart, as chance has it.
pub async fn starve(target: &Target) -> Res<Vec<Cell>> {
    let door = target.imap;
    let mut others = JoinSet::new();
    for number in 0..4 {
        others.spawn(fetch_for_ever(door, number));
    }
    // The warm-up: the other sessions come to full speed.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut small = JoinSet::new();
    for number in 4..8 {
        small.spawn(noop_for_a_while(door, number));
    }
    let mut times = Vec::new();
    while let Some(some) = small.join_next().await {
        times.extend(some??);
    }
    // Without the others the figure would mean nothing.
    if let Some(ended) = others.try_join_next() {
        ended??;
    }
    let times = Times::new(times);
    Ok(vec![Cell::new(&figures::STARVE_P50, times.percentile(50)), Cell::new(&figures::STARVE_P99, times.percentile(99))])
}

async fn noop_for_a_while(door: Door, number: usize) -> Res<Vec<Duration>> {
    let mut session = Imap::logged_in(door, number).await?;
    let mut times = Vec::new();
    let end = Instant::now() + Duration::from_secs(8);
    while Instant::now() < end {
        let start = Instant::now();
        session.command("NOOP").await?;
        times.push(start.elapsed());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(times)
}

/// Ends only by an error.
async fn fetch_for_ever(door: Door, number: usize) -> Res<()> {
    let mut session = Imap::logged_in(door, number).await?;
    session.command(BODY).await?;
    loop {
        session.fetch().await?;
    }
}
