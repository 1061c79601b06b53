//! One association's numbers: what is used, what is set aside, and the one place where a reservation is judged.
//!
//! A ledger is always behind its association's lock, so that each method is one atomic step over the mailbox and the association.
//! Invariants: `used` (with what is in doubt) and `open` are the sums over the mailboxes; `used + open` passes a limit only when the
//! limit was lowered or the backend holds more than we let in.

use std::collections::BTreeSet;

use super::entry::Entry;
use super::mark::Mark;
use super::roll::Roll;
use super::tally::{Held, Tally};
use super::{Amount, Association, Day, Limit, Notified, Origin, Own, Standing, Sum, Verdict};
use crate::private::{Address, Domain};

/// The numbers of one association.
pub(super) struct Ledger {
    pub(super) association: Association,
    pub(super) roll: Roll,
    /// How many entries were only found.
    found: usize,
    /// Of how many the backend's number was not learnt since the start. Asked at each grant, so it is counted and not looked for.
    unconfirmed: usize,
    pub(super) used: Sum,
    pub(super) open: Sum,
    pub(super) mark: Mark,
    /// The last day that anybody told.
    pub(super) day: Day,
    /// What was last told to be kept free, in the association and in each mailbox, where there are several nodes.
    pub(super) withheld: Amount,
    /// How often mailboxes may have come with a domain, and up to which time all of them were counted: of interest where there are several nodes.
    pub(super) came: u64,
    pub(super) counted: u64,
}

impl Ledger {
    pub(super) fn new(association: Association) -> Ledger {
        Ledger {
            association,
            roll: Roll::default(),
            found: 0,
            unconfirmed: 0,
            used: Sum::default(),
            open: Sum::default(),
            mark: Mark::default(),
            day: Day::from_unix(0),
            withheld: Amount::ZERO,
            came: 1,
            counted: 0,
        }
    }

    /// Whether the mailbox has its place among so many as there may be, or there is one for it.
    pub(super) fn has_place(&self, address: &Address) -> bool {
        self.living_number(address).is_some() || self.association.mailboxes.allows(self.places() as u128 + 1)
    }

    /// How many mailboxes have one.
    pub(super) fn places(&self) -> usize {
        self.roll.len() - self.found
    }

    /// Those that have one.
    pub(super) fn living(&self) -> impl Iterator<Item = &Entry> {
        self.entries().filter(|entry| !entry.is_found())
    }

    /// The number of one that has one.
    pub(super) fn living_number(&self, address: &Address) -> Option<u64> {
        self.number(address).filter(|number| self.entry(*number).is_some_and(|entry| !entry.is_found()))
    }

    /// Whether the backend's number of every mailbox was learnt since the start.
    pub(super) fn is_confirmed(&self) -> bool {
        self.unconfirmed == 0
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.roll.iter()
    }

    pub(super) fn number(&self, address: &Address) -> Option<u64> {
        self.roll.number(address)
    }

    pub(super) fn entry(&self, number: u64) -> Option<&Entry> {
        self.roll.entry(number)
    }

    pub(super) fn entry_mut(&mut self, number: u64) -> Option<&mut Entry> {
        self.roll.entry_mut(number)
    }

    /// The numbers of a mailbox to which something happens that changes none of the sums.
    pub(super) fn tally_mut(&mut self, number: u64) -> Option<&mut Tally> {
        self.entry_mut(number).map(|entry| &mut entry.rouse().tally)
    }

    /// The mailbox's number; it is made when missing, whatever the limits say.
    pub(super) fn insert(&mut self, address: &Address) -> u64 {
        let number = self.insert_found(address);
        let takes_place = self.entry_mut(number).is_some_and(Entry::take_place);
        self.found -= usize::from(takes_place);
        number
    }

    /// The same for one that the storage has, whoever uses it.
    pub(super) fn insert_found(&mut self, address: &Address) -> u64 {
        let Ledger { association, roll, found, unconfirmed, .. } = self;
        roll.insert(address, |number| {
            (*found, *unconfirmed) = (*found + 1, *unconfirmed + 1);
            Entry::new(association.shared(address), number)
        })
    }

    /// What the store says is set for a mailbox. To be called at the start, before anything happens; `address` shares its domain's text.
    pub(super) fn keep_own(&mut self, address: &Address, own: Own) {
        if let Some(entry) = self.kept(address) {
            entry.set_own(own);
        }
    }

    /// The same for what it says is in it.
    pub(super) fn keep_usage(&mut self, address: &Address, used: Amount, told: Notified) {
        let Some(entry) = self.kept(address) else { return };
        let was = entry.shown();
        entry.keep(used, told);
        self.used.subtract(was);
        self.used.add(used);
    }

    fn kept(&mut self, address: &Address) -> Option<&mut Entry> {
        let Ledger { roll, unconfirmed, .. } = self;
        let number = roll.insert(address, |number| {
            *unconfirmed += 1;
            Entry::kept(address.clone(), number)
        });
        self.entry_mut(number)
    }

    /// Makes the mailbox when missing, within the number of mailboxes.
    pub(super) fn admit(&mut self, address: &Address) -> Result<u64, Verdict> {
        if self.has_place(address) { Ok(self.insert(address)) } else { Err(Verdict::TooManyMailboxes) }
    }

    /// Forgets a mailbox; its open reservations come to nothing.
    pub(super) fn remove(&mut self, address: &Address) {
        if let Some(entry) = self.roll.remove(address) {
            self.forget(&entry);
        }
    }

    /// It is out of the list: its numbers are not the association's any more.
    fn forget(&mut self, entry: &Entry) {
        self.found -= usize::from(entry.is_found());
        self.unconfirmed -= usize::from(!entry.is_confirmed());
        self.used.subtract(entry.shown());
        self.open.subtract(entry.open());
        entry.watchers().iter().for_each(|watcher| watcher.wake());
    }

    /// Forgets mailboxes whose domain is the association's no more.
    pub(super) fn drop_strangers(&mut self) {
        let domains = self.association.domains.clone();
        drop(self.take_strangers(&domains));
    }

    /// Takes mailboxes out whose domain is not among `domains`.
    pub(super) fn take_strangers(&mut self, domains: &BTreeSet<Domain>) -> Vec<Entry> {
        self.take(|address| !domains.contains(address.domain()))
    }

    /// The same for those that go, however many.
    pub(super) fn take(&mut self, goes: impl Fn(&Address) -> bool) -> Vec<Entry> {
        let taken = self.roll.take(|entry| goes(&entry.address));
        taken.iter().for_each(|entry| self.forget(entry));
        taken
    }

    /// Puts a mailbox in that another association had.
    pub(super) fn adopt(&mut self, entry: Entry) {
        let number = self.insert(&entry.address);
        let used = entry.used();
        self.found += usize::from(entry.is_found());
        if let Some(place) = self.roll.entry_mut(number) {
            self.unconfirmed -= usize::from(!place.is_confirmed());
            self.unconfirmed += usize::from(!entry.is_confirmed());
            *place = entry.renumbered(number);
        }
        self.used.add(used);
    }

    /// The whole judgement: sets the amount aside in the mailbox and in the association, or changes nothing. `writes`: how many
    /// octets members may have announced for one mailbox at once.
    pub(super) fn reserve(&mut self, number: u64, held: &mut Held, today: Day, writes: u64) -> Result<(), Verdict> {
        self.judge_writes(number, held.amount, held.way, today, writes)?;
        self.change(number, |tally| tally.hold(held));
        Ok(())
    }

    /// Sets more aside for a reservation that is open already.
    pub(super) fn grow(&mut self, number: u64, held: &mut Held, more: Amount, today: Day, writes: u64) -> Result<(), Verdict> {
        self.judge_writes(number, more, held.way, today, writes)?;
        self.change(number, |tally| tally.grow(held, more));
        Ok(())
    }

    /// The judgement without the setting aside.
    ///
    /// # Errors
    /// As [`Ledger::reserve`].
    pub(super) fn judge_writes(&self, number: u64, amount: Amount, way: Origin, today: Day, writes: u64) -> Result<(), Verdict> {
        self.judge(number, amount, way, today)?;
        let announced = self.entry(number).and_then(Entry::awake).map_or(0, |awake| awake.tally.announced);
        let many = announced > 0 && announced.saturating_add(amount.octets) > writes;
        if way == Origin::Member && many { Err(Verdict::TooManyWrites) } else { Ok(()) }
    }

    /// Whether `amount` could be reserved now.
    pub(super) fn judge(&self, number: u64, amount: Amount, way: Origin, today: Day) -> Result<(), Verdict> {
        let entry = self.entry(number).ok_or(Verdict::Unknown)?;
        self.judge_association(amount, way, today)?;
        let mut total = Sum::default();
        [entry.used(), entry.doubt(), entry.open(), amount].into_iter().for_each(|part| total.add(part));
        let own = self.association.mailbox_limit(entry.own().storage);
        let fits = |total: Sum| own.allows(total.octets) && Limit::None.allows(total.messages);
        self.fits(total, Verdict::MailboxFull, fits)
    }

    /// The association's half of the judgement, also for a mailbox that is not in the book yet.
    pub(super) fn judge_association(&self, amount: Amount, way: Origin, today: Day) -> Result<(), Verdict> {
        match (way, self.association.state.standing(today)) {
            (Origin::Incoming, _) | (Origin::Member, Standing::Active | Standing::Leaving(_)) => {}
            (Origin::Member, Standing::ReadOnly) => return Err(Verdict::ReadOnly),
            (Origin::Member, Standing::Suspended) => return Err(Verdict::Suspended),
        }
        let mut total = self.used.with(self.open);
        total.add(amount);
        let storage = self.association.storage_on(today);
        let fits = |total: Sum| storage.allows(total.octets) && self.association.messages.allows(total.messages);
        self.fits(total, Verdict::AssociationFull, fits)
    }

    /// Where only what other nodes may still bring is in the way, it is not full.
    fn fits(&self, mut total: Sum, full: Verdict, fits: impl Fn(Sum) -> bool) -> Result<(), Verdict> {
        if !fits(total) {
            return Err(full);
        }
        total.add(self.withheld);
        if fits(total) { Ok(()) } else { Err(Verdict::NotNow) }
    }

    /// Does `work` on a mailbox's numbers and keeps the sums right. None when the mailbox is gone.
    pub(super) fn change<T>(&mut self, number: u64, work: impl FnOnce(&mut Tally) -> T) -> Option<T> {
        let awake = self.roll.entry_mut(number)?.rouse();
        let tally = &mut awake.tally;
        let (shown, open, confirmed) = (tally.shown(), tally.open, tally.is_confirmed());
        let done = work(tally);
        let (now_shown, now_open) = (tally.shown(), tally.open);
        if now_open != open {
            self.open.subtract(open);
            self.open.add(now_open);
        }
        if now_shown != shown {
            self.used.subtract(shown);
            self.used.add(now_shown);
        }
        // The other way only where it was moved: what was learnt of the store of before is not known of this one.
        match (confirmed, tally.is_confirmed()) {
            (false, true) => self.unconfirmed -= 1,
            (true, false) => self.unconfirmed += 1,
            _ => {}
        }
        if tally.take_tell() {
            awake.watchers.iter().for_each(|watcher| watcher.recount());
        }
        Some(done)
    }

    /// Every open session looks whether it may go on.
    pub(super) fn wake(&self) {
        self.entries().flat_map(Entry::watchers).for_each(|watcher| watcher.wake());
    }
}
