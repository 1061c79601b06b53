//! Everybody comes back: the network was gone for a moment, thousands of sessions are lost at once, and all log in again.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::imap::{Idlers, Imap};
use crate::load::{Door, Times};
use crate::peers::Target;
use crate::report::Cell;
use crate::rows::Meter;
use crate::{Res, figures, lab};

/// Programs notice within so long that they are alone.
const JITTER: Duration = Duration::from_secs(2);
/// Whoever is refused tries again after this.
const AGAIN: Duration = Duration::from_secs(1);
/// Tries after which a program gives up; then the row has failed.
const TRIES: usize = 30;

/// Half of the sessions that can be open here, as the lost ones may still be open on the other side.
pub async fn comeback(target: &Target) -> Res<Vec<Cell>> {
    let count = lab::most_sessions() / 2;
    let mut idlers = Idlers::new(target.imap);
    idlers.grow(count).await?;
    let meter = Meter::start(target);
    drop(idlers);
    let start = Instant::now();
    let mut all = JoinSet::new();
    for number in 0..count {
        // Spread evenly, in an order of its own: 7919 is a prime.
        let place = number.wrapping_mul(7919) % count;
        let wait = JITTER * u32::try_from(place)? / u32::try_from(count)?;
        let door = target.imap;
        all.spawn(async move {
            sleep(wait).await;
            let session = back(door, number).await?;
            Res::Ok((start.elapsed(), session))
        });
    }
    // The sessions stay open until all are back.
    let (mut times, mut open) = (Vec::with_capacity(count), Vec::with_capacity(count));
    while let Some(back) = all.join_next().await {
        let (time, session) = back??;
        times.push(time);
        open.push(session);
    }
    let mut cells = Cell::maybe(&figures::COMEBACK_CPU, meter.cpu_each(count));
    cells.push(Cell::new(&figures::COMEBACK_P99, Times::new(times).percentile(99)));
    Ok(cells)
}

async fn back(door: Door, number: usize) -> Res<Imap> {
    let mut tries = 0;
    loop {
        match once(door, number).await {
            Err(error) if tries == TRIES => return Err(error),
            Err(_) => tries += 1,
            Ok(session) => return Ok(session),
        }
        sleep(AGAIN).await;
    }
}

async fn once(door: Door, number: usize) -> Res<Imap> {
    let mut session = Imap::logged_in(door, number).await?;
    session.command("SELECT INBOX").await?;
    session.idle().await?;
    Ok(session)
}
