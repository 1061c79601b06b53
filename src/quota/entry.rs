//! One mailbox in the book. Most rest most of the time, and take 88 octets: an address, a number, what is in it and what was told. Whatever
//! happens to it makes it [`Awake`], with all that a running count, a reservation or a session needs; at a full hour it rests again, if
//! for an hour nothing has happened ([`Tally::rest`]).

use std::sync::Arc;

use super::mark::Mark;
use super::pulse::Tick;
use super::rested::Rested;
use super::tally::Tally;
use super::watcher::Watcher;
use super::{Amount, Notified, Own, rounded};
use crate::private::Address;

/// One mailbox.
pub(super) struct Entry {
    pub(super) address: Address,
    number: u64,
    /// What is set for it alone; none where nothing is.
    own: Option<Box<Own>>,
    /// Its numbers, and what its owner was told, as long as it rests.
    rested: Rested,
    told: Notified,
    awake: Option<Box<Awake>>,
}

/// A mailbox that is used, or was a moment ago, or that is not like most others.
#[derive(Default)]
pub(super) struct Awake {
    pub(super) tally: Tally,
    /// What lists show of it; none when they do not show it yet.
    pub(super) settled: Option<Amount>,
    mark: Mark,
    /// Only a recount has found it, and nobody uses it: its space counts. It takes no place among the mailboxes, is in no list and in no file.
    found: bool,
    /// Open sessions.
    pub(super) watchers: Vec<Arc<Watcher>>,
    /// It is in the list of those that wait for a tick.
    pub(super) waits: bool,
    /// Up to how many octets our own notices may fill it, since it was full. In memory only.
    pub(super) notices_to: Option<u64>,
}

impl Entry {
    /// One that was just found.
    pub(super) fn new(address: Address, number: u64) -> Entry {
        let awake = Awake { found: true, ..Awake::default() };
        let (rested, told) = (Rested::default(), Notified::default());
        Entry { address, number, own: None, rested, told, awake: Some(Box::new(awake)) }
    }

    /// As it comes out of the store: at rest, and nothing is in it as far as is known yet.
    pub(super) fn kept(address: Address, number: u64) -> Entry {
        let (rested, told) = (Rested::default(), Notified::default());
        Entry { address, number, own: None, rested, told, awake: None }
    }

    /// What the store says of one that came out of it.
    pub(super) fn keep(&mut self, used: Amount, told: Notified) {
        (self.rested, self.told) = (Rested::of(used), told);
    }

    /// The same mailbox in another association. Its reservations stay behind and come to nothing there, so what they may still store
    /// counts as stored, until a count.
    pub(super) fn moved(mut self) -> Entry {
        let used = self.shown().plus(self.open());
        match &mut self.awake {
            Some(awake) => {
                awake.tally = Tally { used, ..Tally::default() };
                (awake.watchers, awake.waits) = (Vec::new(), false);
            }
            None => self.rested = Rested::of(used),
        }
        self
    }

    /// The same under another number.
    pub(super) fn renumbered(self, number: u64) -> Entry {
        Entry { number, ..self }
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn own(&self) -> &Own {
        static USUAL: Own = Own::USUAL;
        self.own.as_deref().unwrap_or(&USUAL)
    }

    pub(super) fn set_own(&mut self, own: Own) {
        self.own = (own != Own::USUAL).then(|| Box::new(own));
    }

    /// What is of interest only as long as something happens; none of it is there when it rests.
    pub(super) fn awake(&self) -> Option<&Awake> {
        self.awake.as_deref()
    }

    pub(super) fn awake_mut(&mut self) -> Option<&mut Awake> {
        self.awake.as_deref_mut()
    }

    /// Something happens to it.
    pub(super) fn rouse(&mut self) -> &mut Awake {
        let (settled, mark) = (self.settled(), self.mark());
        self.awake.get_or_insert_with(|| Box::new(Awake { tally: self.rested.tally(), settled, mark, ..Awake::default() }))
    }

    /// A moment that has nothing to do with anybody's acts: lists show what is in it now, and it rests if it can.
    pub(super) fn settle(&mut self, now: Tick) {
        let Some(awake) = self.awake.as_mut().filter(|awake| !awake.found) else { return };
        awake.settled = Some(rounded(awake.tally.shown()));
        let Awake { tally, settled: _, mark, found: _, watchers, waits, notices_to } = &**awake;
        let is_usual = watchers.is_empty() && !waits && notices_to.is_none() && mark.is_told();
        if let Some(rested) = tally.rest(now).filter(|_| is_usual) {
            (self.rested, self.told, self.awake) = (rested, mark.told(), None);
        }
    }

    pub(super) fn is_found(&self) -> bool {
        self.awake().is_some_and(|awake| awake.found)
    }

    /// It has its place from now on. Whether it had none.
    pub(super) fn take_place(&mut self) -> bool {
        self.awake.as_mut().is_some_and(|awake| std::mem::take(&mut awake.found))
    }

    /// What is shown as used: what is stored, and what is in doubt.
    pub(super) fn shown(&self) -> Amount {
        self.awake().map_or(self.rested.used(), |awake| awake.tally.shown())
    }

    /// Of that, what is in doubt.
    pub(super) fn doubt(&self) -> Amount {
        self.awake().map_or(Amount::ZERO, |awake| awake.tally.doubts.total())
    }

    /// What is stored, as far as anybody knows.
    pub(super) fn used(&self) -> Amount {
        self.awake().map_or(self.rested.used(), |awake| awake.tally.used)
    }

    /// Set aside by open reservations.
    pub(super) fn open(&self) -> Amount {
        self.awake().map_or(Amount::ZERO, |awake| awake.tally.open)
    }

    /// [`Tally::is_confirmed`].
    pub(super) fn is_confirmed(&self) -> bool {
        self.awake().map_or(self.rested.is_confirmed(), |awake| awake.tally.is_confirmed())
    }

    /// [`Tally::is_seen`].
    pub(super) fn is_seen(&self) -> bool {
        self.awake().map_or(self.rested.is_seen(), |awake| awake.tally.is_seen())
    }

    /// Whether somebody is to count: what only waits for a tick will be sure without.
    pub(super) fn wants_count(&self) -> bool {
        self.awake().map_or(!self.rested.is_seen(), |awake| awake.tally.wanted || !awake.tally.is_confirmed())
    }

    /// Whether the backend pushes it.
    pub(super) fn is_pushed(&self) -> bool {
        self.awake().map_or(self.rested.is_pushed(), |awake| awake.tally.push.is_some())
    }

    /// [`Tally::is_unsettled`].
    pub(super) fn is_unsettled(&self) -> bool {
        self.awake().is_some_and(|awake| awake.tally.is_unsettled())
    }

    /// [`Tally::proven`].
    pub(super) fn proven(&self, now: Tick) -> Amount {
        self.awake().map_or(self.rested.proven(), |awake| awake.tally.proven(now))
    }

    /// How often a folder began or ended to be renamed or deleted.
    pub(super) fn renames(&self) -> u64 {
        self.awake().map_or(self.rested.renames(), |awake| awake.tally.renames)
    }

    /// What lists show of it; none when they do not show it yet.
    pub(super) fn settled(&self) -> Option<Amount> {
        // What rests was settled when it went to rest, or at the start.
        self.awake().map_or_else(|| Some(rounded(self.rested.used())), |awake| awake.settled)
    }

    pub(super) fn set_settled(&mut self, settled: Option<Amount>) {
        if self.settled() != settled {
            self.rouse().settled = settled;
        }
    }

    /// Notices have filled nothing of it.
    pub(super) fn forget_notices(&mut self) {
        self.awake.iter_mut().for_each(|awake| awake.notices_to = None);
    }

    pub(super) fn watchers(&self) -> &[Arc<Watcher>] {
        self.awake().map_or(&[], |awake| &awake.watchers)
    }

    pub(super) fn mark(&self) -> Mark {
        self.awake().map_or(Mark::kept(self.told), |awake| awake.mark)
    }

    /// Does `work` on what is to be told and was told.
    pub(super) fn change_mark<T>(&mut self, work: impl FnOnce(&mut Mark) -> T) -> T {
        let mut mark = self.mark();
        let done = work(&mut mark);
        match &mut self.awake {
            Some(awake) => awake.mark = mark,
            None if mark.is_told() => self.told = mark.told(),
            None => self.rouse().mark = mark,
        }
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A host with a million mailboxes has them all in memory, and nearly all of them rest: what is added here, it pays a million times.
    #[test]
    fn a_mailbox_that_rests_takes_88_octets() {
        assert_eq!((size_of::<Address>(), size_of::<Rested>(), size_of::<Notified>()), (32, 24, 8));
        assert_eq!(size_of::<Entry>(), 88);
    }
}
