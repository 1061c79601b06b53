//! What admins are told of the nodes, and the way in for what the storage counts.

use std::sync::{MutexGuard, PoisonError};

use super::clock::{self, boot_time};
use super::share::ShareLink;
use super::share_count::{CountedTenant, PendingCounts};
use crate::admin::share::{BookShown, JudgedShown, ShareDesk, ShareTold, SharedAssociation};
use crate::private::Address;
use crate::quota::{Amount, Book, Day};
use crate::share::{Bar, News};

impl ShareLink {
    pub(super) fn pending(&self) -> MutexGuard<'_, PendingCounts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ShareDesk for ShareLink {
    fn told(&self, book: &Book) -> ShareTold {
        let names = book.share_names();
        let (state, now) = (self.lock(), boot_time());
        let shown = |(name, tenant): (crate::quota::Name, u64)| {
            let node = state.fellow.judge_of(tenant).map(str::to_owned);
            let here = node.as_deref() == Some(&self.name);
            let judged = match () {
                () if !here => JudgedShown::Elsewhere,
                () if !state.fellow.judges(tenant) => JudgedShown::Counting,
                () if !state.fellow.would_grant(tenant, now) => JudgedShown::Closed,
                () => JudgedShown::Judged,
            };
            let withheld = if here { state.fellow.withheld(tenant) } else { 0 };
            SharedAssociation { name, node, judged, withheld }
        };
        let book = match self.book.told() {
            _ if self.book.is_lost() => BookShown::Lost,
            (None, _) => BookShown::Unknown,
            (Some(false), _) => BookShown::Own,
            (Some(true), true) => BookShown::Shared,
            (Some(true), false) => BookShown::Behind,
        };
        let bar = state.standing.bar();
        let (silent, bar_node) = (state.standing.silent(), bar.and_then(|(_, node)| state.standing.name(node?)));
        ShareTold {
            bar: bar.map(|(bar, _)| bar),
            bar_node,
            certificate_days: self.certified.get().map(|validity| validity.days(clock::now().as_secs())),
            silent,
            name: self.name.clone(),
            book,
            etcd_answers: state.answers == Some(true),
            nodes: state.lives.iter().map(|life| life.node.clone()).collect(),
            associations: names.into_iter().map(shown).collect(),
        }
    }

    fn why_not(&self) -> Option<Bar> {
        self.bar()
    }

    fn publish(&self, book: &Book) -> Result<(), &'static str> {
        self.publish_own(book)
    }

    fn begin_round(&self) -> Option<u64> {
        self.pending().begin()
    }

    fn take_rows(&self, round: u64, rows: Vec<(Address, Amount)>) -> bool {
        self.pending().take(round, rows)
    }

    fn end_round(&self, book: &Book, round: u64, whole: bool, today: Day) -> u64 {
        let (over, rows) = self.pending().end(round);
        let mut counted = 0;
        for CountedTenant { tenant, number, count } in over {
            // Dropped, a count is none.
            if whole && count.finish(book, &rows, today) {
                self.lock().fellow.hear(News::Counted(tenant, number), boot_time());
                counted += 1;
            } else {
                self.pending().wait(tenant, boot_time());
            }
        }
        self.stir.notify_one();
        counted
    }
}
