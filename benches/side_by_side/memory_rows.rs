//! The rows of memory: idle sessions, and large messages in flight.

use std::time::Duration;

use crate::account::{self, UNREADABLE};
use crate::imap::Idlers;
use crate::load::crowd;
use crate::peers::Target;
use crate::report::Cell;
use crate::{Res, figures, lab, smtp};

/// Places in [`figures::IDLE_ALL`]: a hundred sessions, and the most.
const WARM: usize = 1;
const LAST: usize = figures::IDLE_ALL.len() - 1;

/// What idle sessions cost, in KiB of PSS.
pub struct Growth {
    /// Each one, from 100 sessions up.
    pub each: f64,
    /// Each one of the step where they cost most.
    pub dearest: f64,
    /// All, with as many sessions as in [`figures::IDLE_ALL`].
    pub all: Vec<f64>,
}

/// Sessions that have logged in, selected a mailbox and wait in IDLE.
pub async fn idle(target: &Target) -> Res<Vec<Cell>> {
    let mut idlers = Idlers::new(target.imap);
    let Some(Growth { each, dearest, all }) = growth(target, async |count| idlers.grow(count).await).await? else {
        return Ok(Vec::new());
    };
    let mut cells = vec![Cell::new(&figures::IDLE_EACH, each), Cell::new(&figures::IDLE_DEAREST, dearest)];
    cells.extend(figures::IDLE_ALL.iter().zip(all).map(|((_, figure), kib)| Cell::new(figure, kib / 1024.0)));
    Ok(cells)
}

/// What sessions cost that `grow` opens, until there are so many. The first hundred are the warm-up: what they cost also pays for the
/// process. The figure is the growth from there, and of its steps the dearest: it must not rise with the number. `None`: nobody is measured.
pub async fn growth(target: &Target, mut grow: impl AsyncFnMut(usize) -> Res<()>) -> Res<Option<Growth>> {
    if target.roots.is_empty() {
        return Ok(None);
    }
    let steps = figures::IDLE_ALL.each_ref().map(|(count, _)| (*count).min(lab::most_sessions()));
    if steps[LAST] <= steps[LAST - 1] {
        return Err("the limit of open files is too low: ulimit -n 25000".into());
    }
    let mut sizes = Vec::new();
    for step in steps {
        grow(step).await?;
        tokio::time::sleep(Duration::from_secs(1)).await;
        sizes.push((step as f64, account::pss_kib(&target.roots).ok_or(UNREADABLE)? as f64));
    }
    let growth = |from: (f64, f64), to: (f64, f64)| (to.1 - from.1) / (to.0 - from.0);
    let dearest = sizes[WARM..].windows(2).map(|pair| growth(pair[0], pair[1])).fold(f64::MIN, f64::max);
    let each = growth(sizes[WARM], sizes[LAST]);
    Ok(Some(Growth { each, dearest, all: sizes.into_iter().map(|(_, kib)| kib).collect() }))
}

/// Eight messages of 25 MB at once: the peak of resident memory above what it was after a few small messages, for each.
/// The warm-up is small and one at a time on purpose: memory that the peer keeps from eight large ones would not be counted.
pub async fn submit_large(target: &Target) -> Res<Vec<Cell>> {
    const FLIGHT: usize = 8;
    let (door, roots) = (target.submission, &target.roots);
    let measured = !roots.is_empty();
    crowd(FLIGHT, 1, move |number| smtp::submit(door, number, 10_000)).await?;
    let before = measured.then(|| account::reset_peak_kib(roots).ok_or(UNREADABLE)).transpose()?;
    let times = crowd(FLIGHT, FLIGHT, move |number| smtp::submit(door, number, 25_000_000)).await?;
    let peak = measured.then(|| account::peak_kib(roots).ok_or(UNREADABLE)).transpose()?;
    let each = before.zip(peak).map(|(before, peak)| peak.saturating_sub(before) as f64 / FLIGHT as f64);
    let mut cells = Cell::maybe(&figures::LARGE_PEAK, each);
    cells.push(Cell::new(&figures::LARGE_P50, times.percentile(50)));
    Ok(cells)
}
