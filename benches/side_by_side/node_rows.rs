//! The rows of several nodes: what the way through another node costs, and what etcd costs a node that is alone.

use std::time::Duration;

use crate::imap::Imap;
use crate::load::Times;
use crate::peers::Target;
use crate::report::Cell;
use crate::rows::Meter;
use crate::{Res, figures};

/// APPEND after APPEND of 10 kB with a literal that waits for `+`, which comes when the judge has set the space aside: 150 on each of eight sessions, one
/// session after the other.
pub async fn nodes(target: &Target) -> Res<Vec<Cell>> {
    let (asked, done) = appends(target).await?;
    Ok(vec![
        Cell::new(&figures::NODES_ASKED_P50, asked.percentile(50)),
        Cell::new(&figures::NODES_ASKED_P99, asked.percentile(99)),
        Cell::new(&figures::NODES_P50, done.percentile(50)),
        Cell::new(&figures::NODES_P99, done.percentile(99)),
    ])
}

/// The same at one node.
pub async fn granted(target: &Target) -> Res<Vec<Cell>> {
    let meter = Meter::start(target);
    let (_, done) = appends(target).await?;
    let mut cells =
        vec![Cell::new(&figures::GRANTED_P50, done.percentile(50)), Cell::new(&figures::GRANTED_P99, done.percentile(99))];
    cells.extend(Cell::maybe(&figures::GRANTED_CPU, meter.cpu_each(SESSIONS * EACH)));
    Ok(cells)
}

const SESSIONS: usize = 8;
const EACH: usize = 150;
const WARM: usize = 10;

/// Tries after which the nodes have not found each other.
const TRIES: usize = 200;

/// The node that does not judge hears a moment later who does.
async fn until_stored(target: &Target) -> Res<()> {
    for tries in 1.. {
        let mut session = Imap::logged_in(target.imap, 0).await?;
        match session.append_timed(10_000).await {
            Err(error) if tries == TRIES => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            Ok(_) => break,
        }
    }
    Ok(())
}

/// The times until `+`, and until the end.
async fn appends(target: &Target) -> Res<(Times, Times)> {
    until_stored(target).await?;
    let (mut asked, mut done) = (Vec::new(), Vec::new());
    for number in 0..SESSIONS {
        let mut session = Imap::logged_in(target.imap, number).await?;
        for round in 0..WARM + EACH {
            let (until_asked, until_done) = session.append_timed(10_000).await?;
            if round >= WARM {
                asked.push(until_asked);
                done.push(until_done);
            }
        }
        session.command("LOGOUT").await?;
    }
    Ok((Times::new(asked), Times::new(done)))
}
