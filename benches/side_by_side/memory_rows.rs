//! The rows of memory: idle sessions, and large messages in flight.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::imap::Imap;
use crate::load::crowd;
use crate::peers::Target;
use crate::report::Cell;
use crate::{Res, account, figures, lab, smtp};

const UNREADABLE: &str = "the peer's memory cannot be read: run as root";

/// Sessions that have logged in, selected a mailbox and wait in IDLE. The first hundred are the warm-up: what they cost also
/// pays for the process. The figure is the growth from there, and of its steps the dearest: it must not rise with the number.
pub async fn idle(target: &Target, full: bool) -> Res<Vec<Cell>> {
    let Some(root) = target.root else { return Ok(Vec::new()) };
    // Two descriptors a session in the peer, and some for itself.
    let most = lab::file_limit().saturating_sub(500) / 2;
    let steps: [usize; 4] = if full { [100, 1000, 5000, most.min(10_000)] } else { [100, 500, 1000, 2000] };
    if most < steps[3] || steps[3] <= steps[2] {
        return Err("the limit of open files is too low: ulimit -n 21000".into());
    }
    let open = Arc::new(Mutex::new(Vec::with_capacity(steps[3])));
    let mut sizes = Vec::new();
    for step in steps {
        let have = open.lock().unwrap_or_else(PoisonError::into_inner).len();
        let (door, keep) = (target.imap, open.clone());
        crowd(step - have, 8, move |number| {
            let keep = keep.clone();
            async move {
                let mut session = Imap::logged_in(door, number).await?;
                session.command("SELECT INBOX").await?;
                session.idle().await?;
                keep.lock().unwrap_or_else(PoisonError::into_inner).push(session);
                Ok(())
            }
        })
        .await?;
        tokio::time::sleep(Duration::from_secs(1)).await;
        sizes.push((step as f64, account::pss_kib(root).ok_or(UNREADABLE)? as f64));
    }
    let growth = |from: (f64, f64), to: (f64, f64)| (to.1 - from.1) / (to.0 - from.0);
    let dearest = sizes.windows(2).map(|pair| growth(pair[0], pair[1])).fold(f64::MIN, f64::max);
    Ok(vec![
        Cell::new(&figures::IDLE_EACH, growth(sizes[0], sizes[3])),
        Cell::new(&figures::IDLE_DEAREST, dearest),
        Cell::new(&figures::IDLE_FIRST, sizes[0].1 / 1024.0),
    ])
}

/// Eight messages of 25 MB at once: the peak of resident memory above what it was after a few small messages, for each.
/// The warm-up is small and one at a time on purpose: memory that the peer keeps from eight large ones would not be counted.
pub async fn submit_large(target: &Target) -> Res<Vec<Cell>> {
    const FLIGHT: usize = 8;
    let door = target.submission;
    crowd(FLIGHT, 1, move |number| smtp::submit(door, number, 10_000)).await?;
    let before = target.root.map(|root| account::reset_peak_kib(root).ok_or(UNREADABLE)).transpose()?;
    let times = crowd(FLIGHT, FLIGHT, move |number| smtp::submit(door, number, 25_000_000)).await?;
    let peak = target.root.map(|root| account::peak_kib(root).ok_or(UNREADABLE)).transpose()?;
    let each = before.zip(peak).map(|(before, peak)| peak.saturating_sub(before) as f64 / FLIGHT as f64);
    let mut cells = Cell::maybe(&figures::LARGE_PEAK, each);
    cells.push(Cell::new(&figures::LARGE_P50, times.percentile(50)));
    Ok(cells)
}
