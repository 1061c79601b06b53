//! One association's numbers: what is used, what is set aside, and the one place where a reservation is judged.
//!
//! A ledger is always behind its association's lock, so that each method is one atomic step over the mailbox and the
//! association. Invariants: `used` and `open` are the sums over the mailboxes; `used + open` passes a limit only when the
//! limit was lowered or the backend holds more than we let in.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::levels::{Crossing, Level};
use super::mark::Mark;
use super::news::{Leaving, News, Subject};
use super::watch::Watcher;
use super::{Amount, Association, Day, Limit, Standing, Sum, Verdict, Way};
use crate::private::Address;

/// One mailbox.
pub(super) struct Entry {
    pub(super) address: Address,
    /// Its own limit on octets; none when the association's default holds.
    pub(super) own: Option<Limit>,
    pub(super) used: Amount,
    /// Set aside by reservations that are open.
    pub(super) open: Amount,
    /// How many reservations are open.
    pub(super) writers: u64,
    /// Everything committed since the start of the program; only differences mean anything.
    pub(super) committed: Amount,
    /// Whether the backend was asked since the start of the program.
    pub(super) seen: bool,
    pub(super) mark: Mark,
    /// The number of the last refresh that was begun, and of the newest one that was finished.
    pub(super) begun: u64,
    pub(super) finished: u64,
    /// Open sessions.
    pub(super) watchers: Vec<Arc<Watcher>>,
}

impl Entry {
    pub(super) fn new(address: Address) -> Entry {
        Entry {
            address,
            own: None,
            used: Amount::ZERO,
            open: Amount::ZERO,
            writers: 0,
            committed: Amount::ZERO,
            seen: false,
            mark: Mark::default(),
            begun: 0,
            finished: 0,
            watchers: Vec::new(),
        }
    }
}

/// The numbers of one association.
pub(super) struct Ledger {
    pub(super) association: Association,
    // Numbers are never used twice: a reservation that outlives its mailbox finds nothing, not the next mailbox of that name.
    entries: HashMap<u64, Entry>,
    numbers: HashMap<Address, u64>,
    next: u64,
    pub(super) used: Sum,
    pub(super) open: Sum,
    pub(super) mark: Mark,
    /// Mailboxes whose usage or mark is not in the store yet.
    pub(super) dirty: BTreeSet<u64>,
    /// Whether the association's own mark is not in the store yet.
    pub(super) dirty_mark: bool,
}

impl Ledger {
    pub(super) fn new(association: Association) -> Ledger {
        Ledger {
            association,
            entries: HashMap::new(),
            numbers: HashMap::new(),
            next: 0,
            used: Sum::default(),
            open: Sum::default(),
            mark: Mark::default(),
            dirty: BTreeSet::new(),
            dirty_mark: false,
        }
    }

    /// How many mailboxes there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    pub(super) fn number(&self, address: &Address) -> Option<u64> {
        self.numbers.get(address).copied()
    }

    pub(super) fn entry(&self, number: u64) -> Option<&Entry> {
        self.entries.get(&number)
    }

    pub(super) fn entry_mut(&mut self, number: u64) -> Option<&mut Entry> {
        self.entries.get_mut(&number)
    }

    /// The mailbox's number; it is made when missing, whatever the limits say.
    pub(super) fn insert(&mut self, address: &Address) -> u64 {
        if let Some(number) = self.number(address) {
            return number;
        }
        self.next += 1;
        self.entries.insert(self.next, Entry::new(address.clone()));
        self.numbers.insert(address.clone(), self.next);
        self.next
    }

    /// Makes the mailbox when missing, within the number of mailboxes.
    pub(super) fn admit(&mut self, address: &Address) -> Result<u64, Verdict> {
        if let Some(number) = self.number(address) {
            return Ok(number);
        }
        if !self.association.mailboxes.allows(self.len() as u128 + 1) {
            return Err(Verdict::TooManyMailboxes);
        }
        let number = self.insert(address);
        self.dirty.insert(number);
        Ok(number)
    }

    /// Forgets a mailbox; its open reservations come to nothing.
    pub(super) fn remove(&mut self, address: &Address) {
        let Some(entry) = self.numbers.remove(address).and_then(|number| {
            self.dirty.remove(&number);
            self.entries.remove(&number)
        }) else {
            return;
        };
        self.used.subtract(entry.used);
        self.open.subtract(entry.open);
    }

    /// Forgets mailboxes whose domain is the association's no more.
    pub(super) fn drop_strangers(&mut self) {
        let domains = &self.association.domains;
        let strangers = self.numbers.keys().filter(|address| !domains.contains(address.domain()));
        for address in strangers.cloned().collect::<Vec<_>>() {
            self.remove(&address);
        }
    }

    /// The whole judgement: sets `amount` aside in the mailbox and in the association, or changes nothing.
    pub(super) fn reserve(&mut self, number: u64, amount: Amount, way: Way, today: Day) -> Result<(), Verdict> {
        self.grow(number, amount, way, today)?;
        if let Some(entry) = self.entries.get_mut(&number) {
            entry.writers += 1;
        }
        Ok(())
    }

    /// Sets more aside for a reservation that is open already.
    pub(super) fn grow(&mut self, number: u64, amount: Amount, way: Way, today: Day) -> Result<(), Verdict> {
        self.judge(number, amount, way, today)?;
        self.open.add(amount);
        if let Some(entry) = self.entries.get_mut(&number) {
            entry.open = entry.open.plus(amount);
        }
        Ok(())
    }

    /// Whether `amount` could be reserved now.
    pub(super) fn judge(&self, number: u64, amount: Amount, way: Way, today: Day) -> Result<(), Verdict> {
        let entry = self.entries.get(&number).ok_or(Verdict::Unknown)?;
        self.judge_association(amount, way, today)?;
        let own = self.association.mailbox_limit(entry.own);
        let octets = u128::from(entry.used.octets) + u128::from(entry.open.octets) + u128::from(amount.octets);
        let messages = u128::from(entry.used.messages) + u128::from(entry.open.messages) + u128::from(amount.messages);
        if own.allows(octets) && Limit::None.allows(messages) { Ok(()) } else { Err(Verdict::MailboxFull) }
    }

    /// The association's half of the judgement, also for a mailbox that is not in the book yet.
    pub(super) fn judge_association(&self, amount: Amount, way: Way, today: Day) -> Result<(), Verdict> {
        match (way, self.association.state.standing(today)) {
            (Way::Incoming, _) | (Way::Member, Standing::Active | Standing::Leaving(_)) => {}
            (Way::Member, Standing::ReadOnly) => return Err(Verdict::ReadOnly),
            (Way::Member, Standing::Suspended) => return Err(Verdict::Suspended),
        }
        let mut total = self.used.with(self.open);
        total.add(amount);
        let fits = self.association.storage_on(today).allows(total.octets);
        if fits && self.association.messages.allows(total.messages) { Ok(()) } else { Err(Verdict::AssociationFull) }
    }

    /// Ends a reservation of `reserved`: `stored` stays, the rest is given back.
    pub(super) fn end(&mut self, number: u64, reserved: Amount, stored: Amount) {
        let Some(entry) = self.entries.get_mut(&number) else { return };
        entry.open = entry.open.minus(reserved);
        entry.writers = entry.writers.saturating_sub(1);
        self.open.subtract(reserved);
        if stored != Amount::ZERO {
            entry.committed = entry.committed.plus(stored);
            let used = entry.used.plus(stored);
            self.set_used(number, used);
        }
    }

    /// Replaces what a mailbox holds.
    pub(super) fn set_used(&mut self, number: u64, used: Amount) {
        let Some(entry) = self.entries.get_mut(&number) else { return };
        self.used.subtract(entry.used);
        self.used.add(used);
        if entry.used != used {
            entry.used = used;
            self.dirty.insert(number);
        }
    }

    /// Looks whether the mailbox or the association passed a level, and whether the mailbox's owner must hear of leaving.
    pub(super) fn news(&mut self, number: u64, today: Day) -> [Option<News>; 3] {
        [
            self.cross_mailbox(number).map(News::Crossing),
            self.cross_association(today).map(News::Crossing),
            self.leave_mailbox(number, today).map(News::Leaving),
        ]
    }

    /// The same for the association and every mailbox: after limits or the state changed, or a day ended.
    pub(super) fn all_news(&mut self, today: Day) -> Vec<News> {
        let mut news: Vec<_> = self.cross_association(today).map(News::Crossing).into_iter().collect();
        news.extend(self.leave_association(today).map(News::Leaving));
        let numbers: Vec<_> = self.entries.keys().copied().collect();
        for number in numbers {
            news.extend(self.cross_mailbox(number).map(News::Crossing));
            news.extend(self.leave_mailbox(number, today).map(News::Leaving));
        }
        news
    }

    fn leave_mailbox(&mut self, number: u64, today: Day) -> Option<Leaving> {
        let until = self.last_day(today);
        let entry = self.entries.get_mut(&number)?;
        // The contact hears of it as the contact.
        let until = until.filter(|_| self.association.contact.as_ref() != Some(&entry.address));
        if !entry.mark.leave(until) {
            return None;
        }
        self.dirty.insert(number);
        let subject = Subject::Mailbox(entry.address.clone());
        Some(self.leaving(subject, until))
    }

    fn leave_association(&mut self, today: Day) -> Option<Leaving> {
        let until = self.last_day(today);
        if !self.mark.leave(until) {
            return None;
        }
        self.dirty_mark = true;
        Some(self.leaving(Subject::Association(self.association.name.clone()), until))
    }

    fn last_day(&self, today: Day) -> Option<Day> {
        match self.association.state.standing(today) {
            Standing::Leaving(day) => Some(day),
            Standing::Active | Standing::ReadOnly | Standing::Suspended => None,
        }
    }

    fn leaving(&self, subject: Subject, until: Option<Day>) -> Leaving {
        Leaving { subject, association: self.association.name.clone(), until, lang: self.association.lang }
    }

    fn cross_mailbox(&mut self, number: u64) -> Option<Crossing> {
        let entry = self.entries.get_mut(&number)?;
        let storage = self.association.mailbox_limit(entry.own);
        let (was, now) = entry.mark.fill(storage.percent(entry.used.octets.into()))?;
        self.dirty.insert(number);
        let (subject, used) = (Subject::Mailbox(entry.address.clone()), entry.used);
        Some(self.crossing(subject, was, now, used, storage, Limit::None))
    }

    fn cross_association(&mut self, today: Day) -> Option<Crossing> {
        let (storage, messages) = (self.association.storage_on(today), self.association.messages);
        let fill = storage.percent(self.used.octets).max(messages.percent(self.used.messages));
        let (was, now) = self.mark.fill(fill)?;
        self.dirty_mark = true;
        let subject = Subject::Association(self.association.name.clone());
        Some(self.crossing(subject, was, now, self.used.amount(), storage, messages))
    }

    /// Takes note that a notice was taken.
    pub(super) fn told(&mut self, news: &News) {
        let tell = |mark: &mut Mark| match news {
            News::Crossing(crossing) => mark.tell_level(crossing.now),
            News::Leaving(leaving) => mark.tell_leaving(leaving.until),
        };
        match news.subject() {
            Subject::Association(_) => self.dirty_mark |= tell(&mut self.mark),
            Subject::Mailbox(address) => {
                let Some(number) = self.number(address) else { return };
                if self.entry_mut(number).is_some_and(|entry| tell(&mut entry.mark)) {
                    self.dirty.insert(number);
                }
            }
        }
    }

    fn crossing(&self, subject: Subject, was: Level, now: Level, used: Amount, storage: Limit, messages: Limit) -> Crossing {
        let (lang, contact) = (self.association.lang, self.association.contact.clone());
        Crossing { subject, was, now, used, storage, messages, lang, contact }
    }
}
