//! Where numbers of usage come in that no session of ours asked for: pushes, the tick that lets them settle, and what admins load.

use super::entry::Entry;
use super::ledger::Ledger;
use super::pulse::Tick;
use super::speaker::{Belief, Speaker};
use super::tally::Tally;
use super::{Amount, Book, Day};
use crate::private::Address;

/// What became of a number that an admin loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadOutcome {
    /// The book took it.
    Taken,
    /// The mailbox is at another backend than the one that was read, or nobody knows which that was.
    Elsewhere,
    /// No association has the domain, or the mailbox would be one too many.
    Unknown,
}

/// What became of a number that a recount brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recounted {
    /// The book took it, as it takes one that is loaded.
    Taken,
    /// That there is nothing, though there was something, and nobody deleted it: the number stays, and a count is wanted.
    InVain,
}

impl Book {
    /// The backend says what is in the mailbox, at the moment when it says so; `None` for what it does not say, which keeps its
    /// value. Never fails and never waits for the disk or a backend; a mailbox that is not in the book is passed over.
    ///
    /// Nobody knows which backend says it, so it is not used for a mailbox that is not where its association is: the store of before
    /// may go on telling what it still has.
    pub fn pushed(&self, mailbox: &Address, octets: Option<u64>, messages: Option<u64>) {
        self.pushed_by(None, mailbox, octets, messages);
    }

    /// The same, said by `speaker`, where that is known: it counts where that one has the mailbox, and nowhere else.
    /// What cannot be true was not said.
    pub fn pushed_by(&self, speaker: Option<Speaker<'_>>, mailbox: &Address, octets: Option<u64>, messages: Option<u64>) {
        let [octets, messages] = [octets, messages].map(|told| told.filter(|number| *number <= Amount::MOST));
        self.with(mailbox, |tenant, ledger, mailbox| {
            let Some(number) = ledger.number(mailbox) else { return };
            let (belief, now) = (ledger.belief(mailbox, speaker), tenant.pulse.now());
            ledger.change(number, |tally| match belief {
                Belief::Believed if speaker.is_some() && tally.is_arriving(now) => tally.pushed_early(octets, messages),
                Belief::Believed => tally.pushed(octets, messages, now),
                Belief::Asked => tally.want(),
                Belief::PassedOver => {}
            });
            tenant.after(ledger, number);
        });
    }

    /// To be called every 250 ms: the book has no clock. Looks at the mailboxes that wait for it, and at no other.
    pub fn tick(&self) {
        let (now, waiting) = self.pulse.next();
        for (tenant, number) in waiting {
            let Some(tenant) = tenant.upgrade() else { continue };
            let mut ledger = tenant.lock();
            ledger.entry_mut(number).and_then(Entry::awake_mut).into_iter().for_each(|awake| awake.waits = false);
            ledger.change(number, |tally| tally.settle(now));
            tenant.after(&mut ledger, number);
        }
    }

    /// `usage load`: what the admin read from the backend at most five minutes ago. A mailbox that is not in the book is put
    /// there, and lists show it. What was written in these minutes may be in the number or not: then it only raises what the book says.
    /// False when no association has the domain, or the mailbox would be one too many.
    pub fn load(&self, mailbox: &Address, seen: Amount, today: Day) -> bool {
        self.load_by(None, mailbox, seen, today) != LoadOutcome::Unknown
    }

    /// The same, read from `speaker`, where that is known.
    pub fn load_by(&self, speaker: Option<Speaker<'_>>, mailbox: &Address, seen: Amount, today: Day) -> LoadOutcome {
        let place = |ledger: &mut Ledger, mailbox: &Address| ledger.admit(mailbox).ok();
        let loaded = self.load_into(mailbox, speaker, today, place, |tally, now| tally.load(seen, now));
        if loaded == LoadOutcome::Taken {
            self.show_at_least(mailbox, seen);
        }
        loaded
    }

    /// What the storage says that there is, in the course of a recount: lists do not follow, as they would tell what changed from one time to the
    /// next. That there is nothing doveadm says of a storage that is not mounted, too: see [`Recounted::InVain`]. A mailbox that is not in the book
    /// counts, and takes no place among the mailboxes before somebody uses it: it may have been removed from the book, and wait at the storage for its
    /// end. None: no association has the domain.
    pub fn load_unlisted(&self, mailbox: &Address, seen: Amount, today: Day) -> Option<Recounted> {
        let mut recounted = Recounted::Taken;
        let place = |ledger: &mut Ledger, mailbox: &Address| Some(ledger.insert_found(mailbox));
        let outcome = self.load_into(mailbox, None, today, place, |tally, now| {
            if tally.is_in_vain(seen) {
                recounted = Recounted::InVain;
            } else {
                tally.load(seen, now);
            }
            // It is in vain, or the judge before may have had the mail server delete (`finish_told`).
            tally.want();
        });
        (outcome != LoadOutcome::Unknown).then_some(recounted)
    }

    fn load_into(
        &self,
        mailbox: &Address,
        speaker: Option<Speaker<'_>>,
        today: Day,
        place: impl FnOnce(&mut Ledger, &Address) -> Option<u64>,
        take: impl FnOnce(&mut Tally, Tick),
    ) -> LoadOutcome {
        let loaded = self.with(mailbox, |tenant, ledger, mailbox| {
            let belief = ledger.belief(mailbox, speaker);
            // A copy that lies about at another backend makes no mailbox.
            if belief == Belief::PassedOver {
                return LoadOutcome::Elsewhere;
            }
            let Some(number) = place(ledger, mailbox) else { return LoadOutcome::Unknown };
            if belief == Belief::Asked {
                ledger.change(number, Tally::want);
                return LoadOutcome::Elsewhere;
            }
            ledger.change(number, |tally| take(tally, tenant.pulse.now()));
            ledger.day = today;
            tenant.after(ledger, number);
            LoadOutcome::Taken
        });
        loaded.unwrap_or(LoadOutcome::Unknown)
    }

    /// Whether the backend pushes this mailbox's usage: a push came since the start.
    pub fn is_pushed(&self, mailbox: &Address) -> bool {
        let pushed = self.with(mailbox, |_, ledger, mailbox| {
            ledger.number(mailbox).and_then(|number| ledger.entry(number)).is_some_and(Entry::is_pushed)
        });
        pushed.unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::{Association, Batch, BookParams, Limit, Name, Origin, OwnLimit, PanelLimit, Verdict};
    use super::*;
    use crate::private::Domain;
    use crate::store::{MemoryStore, export};

    /// It was removed from the book, and the storage still has it.
    #[test]
    fn what_only_a_recount_finds_counts_and_takes_nobodys_place() {
        let (store, today) = (Arc::new(MemoryStore::default()), Day::from_unix(0));
        let book = Book::open(store.clone(), BookParams::default()).unwrap();
        let mut velo = Association::new(Name::parse("velo").unwrap(), [Domain::parse("velo.example").unwrap()]);
        (velo.mailboxes, velo.storage) = (Limit::At(2), Limit::At(10));
        assert!(book.add_association(velo, today).is_ok());
        let [alice, gone, bob] = ["alice", "gone", "bob"].map(|name| Address::parse(&format!("{name}@velo.example")).unwrap());
        assert!(book.admit(&alice).is_ok());
        assert!([&alice, &gone].iter().all(|mailbox| book.load_unlisted(mailbox, Amount::message(4), today).is_some()));
        assert!([&alice, &gone].iter().all(|mailbox| !book.is_seen(mailbox)), "the next session counts");
        assert_eq!(book.probe(&alice, Amount::message(3), today), Err(Verdict::AssociationFull));
        assert!(book.admit(&bob).is_ok(), "the second place is free");
        assert_eq!(book.admit(&gone), Err(Verdict::TooManyMailboxes));
        let incoming = book.reserve(&gone, Amount::ZERO, Origin::Incoming, today);
        assert_eq!(incoming.err(), Some(Verdict::Unknown), "it is asked for at the storage first, and has no place");
        // The full hour comes: no list, and no file.
        book.settle();
        book.write_usage().unwrap();
        assert!(book.mailbox(&gone).is_some_and(|gone| gone.used.octets == 4 && gone.settled.is_none() && !gone.lives));
        assert!(!export(&*store).unwrap().to_string().contains("gone@"));
        let again = Book::open(store, BookParams::default()).unwrap();
        assert!(again.mailbox(&gone).is_none() && again.mailbox(&alice).is_some());
        // Room is made, and somebody logs in there: it is a mailbox like all others.
        book.with(&bob, |_, ledger, bob| ledger.remove(bob));
        assert!(book.admit(&gone).is_ok() && book.admit(&bob).is_err());
        book.settle();
        assert!(book.mailbox(&gone).is_some_and(|gone| gone.settled.is_some() && gone.lives));
    }

    /// A panel lets its domain go, or names it: it stands in nobody's way, and takes its place like a new one.
    #[test]
    fn what_only_a_recount_finds_is_new_to_a_batch() {
        let book = Book::open(Arc::new(MemoryStore::default()), BookParams::default()).unwrap();
        let (today, at) = (Day::from_unix(0), |text: &str| Address::parse(text).unwrap());
        let domains = ["velo.example", "old.example"].map(|text| Domain::parse(text).unwrap());
        let mut velo = Association::new(Name::parse("velo").unwrap(), domains.clone());
        velo.mailboxes = Limit::At(1);
        assert!(book.add_association(velo, today).is_ok());
        for found in ["gone@velo.example", "gone@old.example"] {
            assert!(book.load_unlisted(&at(found), Amount::message(4), today).is_some());
        }
        let named = |address: &str| PanelLimit(at(address), OwnLimit::Default);
        let mailboxes = vec![named("alice@velo.example"), named("gone@velo.example")];
        let batch = Batch { mailboxes, gone_domains: vec![domains[1].clone()], ..Batch::default() };
        let applied = book.apply(&batch, today).unwrap();
        assert_eq!((applied.above, book.mailbox(&at("gone@old.example")).is_none()), (1, true));
        assert!(book.mailbox(&at("alice@velo.example")).is_some_and(|alice| alice.lives));
        assert_eq!(book.mailbox(&at("gone@velo.example")).map(|gone| gone.lives), Some(false));
    }
}
