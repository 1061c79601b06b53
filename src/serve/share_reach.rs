//! Whether this node reaches the storages, for [`crate::share`]: a judge that does not is to hand on to one that does (docs/many-nodes.md). Each server that stores is greeted
//! now and then, and each second as long as one of them did not answer the last time, here or, as it says, at another node. Nobody logs in for it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use tokio::time::{Instant, sleep};

use super::Context;
use super::clock::boot_time;
use super::share::ShareLink;
use crate::event::BackendService;
use crate::fault::Side;
use crate::net::buffered::BufferedConn;
use crate::net::dial::dial;
use crate::node::Millis;
use crate::route::{Backend, BackendId};
use crate::share::{Reach, StoreNumber};

/// How often each is greeted while all is well.
const RESTING: Millis = 10_000;
/// How often is looked whether it is time.
const LOOKING: Duration = Duration::from_secs(1);
/// How long a server has for its greeting.
const PATIENCE: Duration = Duration::from_secs(2);
/// What did not answer for so long is not reached ...
const GONE: Millis = 5000;
/// ... and what did for so long without a break is reached again: an association that goes to and fro is stored into by nobody meanwhile.
const BACK: Millis = 60_000;
/// What did not at some time, and does again for so long, is said to be reached: where all nodes have a storage back, none says so before it is away for none.
const HELD: Millis = BACK + 20_000;
/// The servers without which nothing is stored.
const STORING: [BackendService; 2] = [BackendService::Imap, BackendService::Lmtp];

/// What is known of one storage.
#[derive(Default)]
struct StoreWatch {
    /// When it was greeted last, and whether it answered.
    asked: Option<(Millis, bool)>,
    /// Since when it answers, or does not.
    since: Millis,
    away: bool,
    /// It has failed since the start.
    failed: bool,
}

impl StoreWatch {
    fn is_due(&self, now: Millis, is_doubted: bool) -> bool {
        self.asked.is_none_or(|(at, well)| is_doubted || self.away || !well || now >= at.saturating_add(RESTING))
    }

    /// It answered, or did not.
    fn heard(&mut self, well: bool, now: Millis) {
        if self.asked.is_none_or(|(_, before)| before != well) {
            self.since = now;
        }
        self.asked = Some((now, well));
        self.failed |= !well;
        let long = now.saturating_sub(self.since);
        self.away = if well { self.away && long < BACK } else { self.away || long >= GONE };
    }

    /// Whether others may rely on it.
    fn is_well(&self) -> bool {
        let has_held = |at: Millis| !self.failed || at >= self.since.saturating_add(HELD);
        !self.away && self.asked.is_some_and(|(at, well)| well && has_held(at))
    }
}

impl ShareLink {
    /// What the nodes call the storage of this backend; of the default one without a name.
    pub(super) fn store_number(&self, context: &Context, backend: Option<&str>) -> StoreNumber {
        let backends = context.backends.load();
        let name = backends.find(backend).and_then(|id| backends.at(id)).map(|backend| &*backend.name);
        // No association's name has this in it.
        let tag = hmac::sign(&self.key, &[b"\0nologd-store\0", name.or(backend).unwrap_or_default().as_bytes()].concat());
        tag.as_ref().first_chunk().map_or(0, |octets| u64::from_be_bytes(*octets))
    }
}

/// Looks, to the end of the process.
pub(super) async fn look(link: Arc<ShareLink>, context: Arc<Context>) {
    let mut watches: BTreeMap<StoreNumber, StoreWatch> = BTreeMap::new();
    loop {
        let backends = context.backends.load_full();
        let missed: Vec<_> = link.lock().fellow.missed().collect();
        let mut now_there = Vec::new();
        for (id, backend) in backends.iter() {
            let number = link.store_number(&context, Some(&backend.name));
            now_there.push(number);
            let watch = watches.entry(number).or_default();
            let down = STORING.iter().any(|service| context.healths.of(*service).is_up(id) == Some(false));
            if watch.is_due(boot_time(), down || missed.contains(&number)) {
                let well = greets(&context, id, backend).await;
                watch.heard(well, boot_time());
            }
        }
        watches.retain(|number, _| now_there.contains(number));
        link.lock().fellow.reaches(said(&watches, &missed));
        link.stir.notify_one();
        sleep(LOOKING).await;
    }
}

fn said(watches: &BTreeMap<StoreNumber, StoreWatch>, missed: &[StoreNumber]) -> Reach {
    let away = watches.iter().filter(|(_, watch)| watch.away).map(|(number, _)| *number);
    let here = watches.iter().filter(|(number, watch)| watch.is_well() && missed.contains(number));
    Reach { away: away.collect(), here: here.map(|(number, _)| *number).collect() }
}

/// Whether each server of it that stores says something.
async fn greets(context: &Context, id: BackendId, backend: &Backend) -> bool {
    for service in STORING {
        let Some(endpoint) = backend.endpoint(service) else { continue };
        let greeted = async {
            let conn = dial(endpoint, context.tls_to(&context.backends.load(), id), PATIENCE).await?;
            BufferedConn::new(conn, Side::Backend, Instant::now() + PATIENCE).fill().await
        };
        if greeted.await.is_err() {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_flickers_goes_away_once_and_comes_back_when_it_has_held_for_a_minute() {
        let mut watch = StoreWatch::default();
        assert!(watch.is_due(0, false) && !watch.is_well(), "nothing is known");
        watch.heard(true, 0);
        assert!(!watch.is_due(RESTING - 1, false) && watch.is_due(RESTING - 1, true) && watch.is_due(RESTING, false));
        watch.heard(false, 10_000);
        assert!(!watch.away && watch.is_due(10_001, false));
        watch.heard(false, 10_000 + GONE - 1);
        assert!(!watch.away);
        watch.heard(false, 10_000 + GONE);
        assert!(watch.away);
        // A minute without a break.
        let mut now = 20_000;
        for _ in 0..100 {
            for well in [true, true, false] {
                now += BACK / 2;
                watch.heard(well, now);
                assert!(watch.away, "{now}");
            }
        }
        watch.heard(true, now + 1);
        watch.heard(true, now + BACK);
        assert!(watch.away && watch.is_due(now + BACK + 1, false));
        watch.heard(true, now + 1 + BACK);
        assert!(!watch.away && !watch.is_well(), "it is away for none before anybody says that it is there");
        watch.heard(true, now + 1 + HELD);
        assert!(watch.is_well());
    }

    #[test]
    fn a_storage_is_called_reached_where_somebody_misses_it_and_by_who_does_not() {
        let mut watches: BTreeMap<_, _> = [1, 2, 3].into_iter().map(|number| (number, StoreWatch::default())).collect();
        assert!(said(&watches, &[1, 2, 3]).is_empty(), "unknown is not reached");
        for (number, well) in [(1, true), (2, false), (3, true)] {
            let watch = watches.get_mut(&number).unwrap();
            [0, GONE].iter().for_each(|now| watch.heard(well, *now));
        }
        let reach = said(&watches, &[1, 2]);
        assert_eq!((reach.away, reach.here), ([2].into(), [1].into()));
    }
}
