//! Which associations wait for the storage to tell what is in them, and what it has told: `nologd share count`, a process of its own, asks for the
//! list, asks the storage, and brings the rows. One round after the other; a question belongs to the round that began after it was asked.

use std::collections::BTreeMap;

use crate::node::Millis;
use crate::quota::{StorageRows, TenantCount};
use crate::share::Tenant;

/// How soon the storage is asked again about an association that it did not tell all of.
const AGAIN: Millis = 10_000;

/// Rows of one round: more than any storage has mailboxes.
const ROWS: usize = 4_000_000;

/// See the head of the file.
#[derive(Default)]
pub(super) struct PendingCounts {
    round: u64,
    asked: BTreeMap<Tenant, CountQuestion>,
    rows: StorageRows,
    not_before: BTreeMap<Tenant, Millis>,
}

/// A question about one association.
struct CountQuestion {
    /// What it is asked for: the deed's revision.
    number: u64,
    count: TenantCount,
    since: Millis,
    /// The round that brings the answer, when one has begun since it was asked.
    round: Option<u64>,
}

/// An association that a round was about.
pub(super) struct AskedTenant {
    pub(super) tenant: Tenant,
    pub(super) number: u64,
    pub(super) count: TenantCount,
}

impl PendingCounts {
    /// An association is to be counted, for this number. One that is asked for already goes on.
    pub(super) fn ask(&mut self, tenant: Tenant, number: u64, now: Millis, begin: impl FnOnce() -> TenantCount) {
        let is_asked = self.asked.get(&tenant).is_some_and(|question| question.number == number);
        if !is_asked && self.not_before.get(&tenant).is_none_or(|at| now >= *at) {
            self.asked.insert(tenant, CountQuestion { number, count: begin(), since: now, round: None });
        }
    }

    /// The same for no number, unless it is asked for already: that question is answered first, and then it is seen whether one more is needed. Two
    /// that took each other's place would never be answered.
    pub(super) fn ask_besides(&mut self, tenant: Tenant, now: Millis, begin: impl FnOnce() -> TenantCount) {
        if !self.asked.contains_key(&tenant) {
            self.ask(tenant, 0, now, begin);
        }
    }

    /// How many associations are asked for that long, and nobody has told.
    pub(super) fn late(&self, now: Millis, long: Millis) -> usize {
        self.asked.values().filter(|question| now >= question.since.saturating_add(long)).count()
    }

    /// Somebody asks the storage from now on: the round's number; none where there is nothing to ask. What an earlier round has not brought by now it
    /// never will.
    pub(super) fn begin(&mut self) -> Option<u64> {
        self.rows = StorageRows::default();
        if self.asked.is_empty() {
            return None;
        }
        self.round += 1;
        self.asked.values_mut().for_each(|question| question.round = Some(self.round));
        Some(self.round)
    }

    /// Rows have come; false where they belong to no round.
    pub(super) fn take(&mut self, round: u64, rows: StorageRows) -> bool {
        let many = |rows: &StorageRows| rows.sure.len().saturating_add(rows.unsure.len());
        let is_its = round == self.round && many(&self.rows).saturating_add(many(&rows)) <= ROWS;
        if is_its {
            self.rows.sure.extend(rows.sure);
            self.rows.unsure.extend(rows.unsure);
        }
        is_its
    }

    /// The storage has told all: what the round was about, and its rows.
    pub(super) fn end(&mut self, round: u64) -> (Vec<AskedTenant>, StorageRows) {
        let mut over = Vec::new();
        if round == self.round {
            over.extend(self.asked.extract_if(.., |_, question| question.round == Some(round)));
        }
        let over = over.into_iter().map(|(tenant, CountQuestion { number, count, .. })| AskedTenant { tenant, number, count });
        (over.collect(), std::mem::take(&mut self.rows))
    }

    /// It did not tell all of this one.
    pub(super) fn wait(&mut self, tenant: Tenant, now: Millis) {
        self.not_before.retain(|_, at| *at > now);
        self.not_before.insert(tenant, now.saturating_add(AGAIN));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::private::Address;
    use crate::quota::{Amount, Book, BookParams};
    use crate::store::MemoryStore;

    #[test]
    fn a_question_is_answered_by_a_round_that_began_after_it() {
        let book = Book::open(Arc::new(MemoryStore::new()), BookParams::default()).unwrap();
        let mut pending = PendingCounts::default();
        let ask =
            |pending: &mut PendingCounts, tenant, number, now| pending.ask(tenant, number, now, || book.count_share(tenant));
        let row =
            || StorageRows { sure: vec![(Address::parse("a@velo.example").unwrap(), Amount::message(1))], unsure: Vec::new() };
        assert_eq!(pending.begin(), None);
        ask(&mut pending, 4, 1, 0);
        let first = pending.begin().unwrap();
        assert!(pending.take(first, row()));
        ask(&mut pending, 5, 1, 0);
        // Asked once more for the same: it goes on. For another deed: it begins anew.
        ask(&mut pending, 4, 1, 0);
        let (over, rows) = pending.end(first);
        assert_eq!((over.iter().map(|one| one.tenant).collect::<Vec<_>>(), rows.sure.len()), (vec![4], 1));
        ask(&mut pending, 4, 2, 0);
        let second = pending.begin().unwrap();
        ask(&mut pending, 4, 3, 0);
        assert!(!pending.take(first, row()) && pending.end(first).0.is_empty(), "an earlier round is over");
        assert_eq!(pending.end(second).0.iter().map(|one| one.tenant).collect::<Vec<_>>(), [5]);
        // A program that died brings nothing into the next round.
        let third = pending.begin().unwrap();
        assert!(pending.take(third, row()));
        let fourth = pending.begin().unwrap();
        assert_eq!(pending.end(third).1.sure.len(), 0);
        // What is asked besides takes the place of nothing, and is taken the place of.
        assert_eq!(pending.end(fourth).0.iter().map(|one| one.number).collect::<Vec<_>>(), [3]);
        for number in [7, 8] {
            pending.ask_besides(5, 0, || book.count_share(5));
            ask(&mut pending, 5, number, 0);
            let round = pending.begin().unwrap();
            pending.ask_besides(5, 0, || book.count_share(5));
            assert_eq!(pending.end(round).0.iter().map(|one| one.number).collect::<Vec<_>>(), [number]);
        }
        pending.wait(4, 0);
        ask(&mut pending, 4, 4, AGAIN - 1);
        assert_eq!(pending.begin(), None);
        ask(&mut pending, 4, 4, AGAIN);
        assert!(pending.begin().is_some());
    }
}
