//! A morning: everybody comes to work, and how long a small command takes meanwhile, compared with the idle machine.

use std::time::{Duration, Instant};

use tokio::runtime::Builder;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::imap::Imap;
use crate::load::{Door, Times};
use crate::morning_people::{self as people, PATIENCE, People};
use crate::peers::Target;
use crate::report::Cell;
use crate::rows::Meter;
use crate::{Res, account, figures, lab, smtp};

/// How long the idle machine is looked at.
const BEFORE: Duration = Duration::from_secs(20);
/// Looks at the memory, one in a second, of which the mean is told.
const LOOKS: u32 = 5;

/// A command that was watched: when it began, and how long it took.
type Seen = (Duration, Duration);

pub async fn morning(target: &Target, length: Duration) -> Res<Vec<Cell>> {
    if lab::most_sessions() < people::OPEN {
        return Err(format!("absent: more files must be open for {} sessions", people::OPEN).into());
    }
    let (door, submission) = (target.imap, target.submission);
    let idle = p99(&watched(door, BEFORE).await?);
    let stay = people::settled(door).await?;
    let (mut visitors, mut senders) = (People::default(), People::default());
    let meter = Meter::start(target);
    let (seen, memory, (), ()) = tokio::try_join!(
        watched(door, length),
        memory(target, length),
        visitors.come(people::LOGINS, length, move |number| people::visits(door, number)),
        senders.come(people::SENDERS, length, move |number| smtp::submit(submission, number, 10_000)),
    )?;
    let hour = meter.cpu().map(|cpu| cpu * 3600.0 / meter.wall());
    let refused = stay.gone()? + visitors.refused().await? + senders.refused().await?;
    let mut cells = small_commands(&seen, idle, length);
    cells.push(Cell::new(&figures::MORNING_REFUSED, refused.into()));
    cells.extend(Cell::maybe(&figures::MORNING_HOUR, hour));
    if let Some([quarter, end]) = memory {
        cells.push(Cell::new(&figures::MORNING_MEMORY, end / 1024.0));
        cells.push(Cell::new(&figures::MORNING_GROWTH, end / quarter));
    }
    Ok(cells)
}

/// The 99th percentile of all, beside the idle machine's, and of each part of the morning.
fn small_commands(seen: &[Seen], idle: f64, length: Duration) -> Vec<Cell> {
    let all = p99(seen);
    let mut cells = vec![
        Cell::new(&figures::MORNING_IDLE, idle),
        Cell::new(&figures::MORNING_P99, all),
        Cell::new(&figures::MORNING_TIMES, all / idle),
    ];
    let each = length / u32::try_from(figures::MORNING_PARTS.len()).unwrap_or(1);
    let (mut from, mut to) = (Duration::ZERO, each);
    for figure in &figures::MORNING_PARTS {
        let part: Vec<Seen> = seen.iter().filter(|(when, _)| (from..to).contains(when)).copied().collect();
        cells.push(Cell::new(figure, p99(&part)));
        (from, to) = (to, to + each);
    }
    cells
}

fn p99(seen: &[Seen]) -> f64 {
    Times::new(seen.iter().map(|(_, took)| *took).collect()).percentile(99)
}

/// NOOP every 50 ms on eight sessions that do nothing else. On a thread of its own: what waits behind the rest of the load
/// would tell of the load.
async fn watched(door: Door, length: Duration) -> Res<Vec<Seen>> {
    let all = async move {
        let start = Instant::now();
        let mut watchers = JoinSet::new();
        (0..8).for_each(|number| drop(watchers.spawn(watch(door, number, start, length))));
        let mut seen = Vec::new();
        while let Some(some) = watchers.join_next().await {
            seen.extend(some??);
        }
        Ok(seen)
    };
    tokio::task::spawn_blocking(|| Builder::new_current_thread().enable_all().build()?.block_on(all)).await?
}

async fn watch(door: Door, number: usize, start: Instant, length: Duration) -> Res<Vec<Seen>> {
    let mut session = Imap::logged_in(door, number).await?;
    let mut seen = Vec::new();
    while start.elapsed() < length {
        let begin = Instant::now();
        timeout(PATIENCE, session.command("NOOP")).await.map_err(|_| "a NOOP was not answered within a minute")??;
        seen.push((begin - start, begin.elapsed()));
        sleep(Duration::from_millis(50)).await;
    }
    Ok(seen)
}

/// PSS in KiB after a quarter of the time, and at its end; none where nobody stands in between.
async fn memory(target: &Target, length: Duration) -> Res<Option<[f64; 2]>> {
    if target.roots.is_empty() {
        return Ok(None);
    }
    let start = Instant::now();
    let mut sizes = [0.0; 2];
    for (size, at) in sizes.iter_mut().zip([length / 4, length]) {
        sleep((at - Duration::from_secs(1) * LOOKS).saturating_sub(start.elapsed())).await;
        for _ in 0..LOOKS {
            sleep(Duration::from_secs(1)).await;
            let roots = target.roots.clone();
            let pss = tokio::task::spawn_blocking(move || account::pss_kib(&roots)).await?;
            *size += pss.ok_or(account::UNREADABLE)? as f64 / f64::from(LOOKS);
        }
    }
    Ok(Some(sizes))
}
