//! Of several machines that all take clients, each association has one judge (docs/many-nodes.md): the book asks, at each grant anew, whether that is
//! this one, what it has to hold back, and whether so much may be on its way. Without other machines nobody is asked.

use std::sync::Arc;

use super::{Amount, Name};

/// Who judges which association here, and within what.
pub trait Bench: Send + Sync {
    /// What all nodes call the association.
    fn tenant(&self, association: &Name) -> u64;
    /// What is to be kept free in the association and in each of its mailboxes, for what earlier judges may still bring. None: nothing may be granted
    /// here at this moment.
    fn withheld(&self, tenant: u64) -> Option<Amount>;
    /// Takes note that `weight` more is under way: in which tenure. None: it may not be, now.
    fn grant(&self, tenant: u64, weight: u64) -> Option<u64>;
    /// What `amount` weighs.
    fn weight(&self, amount: Amount) -> u64;
    /// Whether what was granted in this tenure may still begin.
    fn is_going_on(&self, tenant: u64, tenure: u64) -> bool;
    /// Whether what was granted in this tenure is to be given up.
    fn is_cut(&self, tenant: u64, tenure: u64) -> bool;
    /// What was granted is under way no more: stored, or nobody knows (`landed`), or certainly never.
    fn end(&self, tenant: u64, tenure: u64, weight: u64, landed: bool);
    /// The same, where something may still come of it: the storage did not say how it ended.
    fn lose_sight(&self, tenant: u64, tenure: u64, weight: u64) {
        self.end(tenant, tenure, weight, true);
    }
    /// Whether another node is known to judge it.
    fn is_elsewhere(&self, tenant: u64) -> bool;
    /// Whether this node judges it: the one that tells people how full it is. Of several nodes no other one does.
    fn speaks(&self, tenant: u64) -> bool;
    /// Whether the settings here are known to be those that all nodes have now.
    fn has_settings_of_all(&self) -> bool;
}

/// What one reservation has under way. Dropped, it will never be stored.
pub(super) struct Mandate {
    bench: Arc<dyn Bench>,
    tenant: u64,
    tenure: u64,
    weight: u64,
}

impl Mandate {
    pub(super) fn ask(bench: &Arc<dyn Bench>, tenant: u64, amount: Amount) -> Option<Mandate> {
        let weight = bench.weight(amount);
        let tenure = bench.grant(tenant, weight)?;
        Some(Mandate { bench: bench.clone(), tenant, tenure, weight })
    }

    /// That it weighs as much as `amount`, where that is more than now; false where that may not be.
    pub(super) fn raise(&mut self, amount: Amount) -> bool {
        let more = self.bench.weight(amount).saturating_sub(self.weight);
        if more == 0 {
            return self.is_going_on();
        }
        match self.bench.grant(self.tenant, more) {
            Some(tenure) if tenure == self.tenure => {
                self.weight = self.weight.saturating_add(more);
                true
            }
            Some(tenure) => {
                self.bench.end(self.tenant, tenure, more, false);
                false
            }
            None => false,
        }
    }

    pub(super) fn is_going_on(&self) -> bool {
        self.bench.is_going_on(self.tenant, self.tenure)
    }

    pub(super) fn is_cut(&self) -> bool {
        self.bench.is_cut(self.tenant, self.tenure)
    }

    /// It is stored, or nobody knows.
    pub(super) fn landed(mut self) {
        self.bench.end(self.tenant, self.tenure, std::mem::take(&mut self.weight), true);
    }

    /// No answer came.
    pub(super) fn lost_sight(mut self) {
        self.bench.lose_sight(self.tenant, self.tenure, std::mem::take(&mut self.weight));
    }
}

impl Drop for Mandate {
    fn drop(&mut self) {
        // Nothing weighs nothing: it has landed.
        if self.weight > 0 {
            self.bench.end(self.tenant, self.tenure, self.weight, false);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::private::{Address, Domain};
    use crate::quota::{
        AdminError, Association, Book, BookParams, CountOutcome, Day, Edit, Limit, NoShift, Origin, Reservation, StorageRows,
        Turn, Verdict, Without,
    };
    use crate::store::MemoryStore;

    /// What it says, and what is under way as far as it knows.
    struct Told {
        withheld: Option<u64>,
        tenure: u64,
        room: u64,
        elsewhere: bool,
        ended: Vec<(u64, u64, bool)>,
        unseen: u64,
    }

    struct Fixed(Mutex<Told>);

    impl Bench for Fixed {
        fn tenant(&self, association: &Name) -> u64 {
            association.reveal().len() as u64
        }

        fn withheld(&self, _: u64) -> Option<Amount> {
            self.0.lock().unwrap().withheld.map(|octets| Amount { octets, messages: 0 })
        }

        fn grant(&self, tenant: u64, weight: u64) -> Option<u64> {
            let mut told = self.0.lock().unwrap();
            assert_eq!(tenant, 4);
            told.room = told.room.checked_sub(weight)?;
            Some(told.tenure)
        }

        fn weight(&self, amount: Amount) -> u64 {
            amount.octets.max(1)
        }

        fn is_going_on(&self, _: u64, tenure: u64) -> bool {
            self.0.lock().unwrap().tenure == tenure
        }

        fn is_cut(&self, _: u64, tenure: u64) -> bool {
            self.0.lock().unwrap().tenure != tenure
        }

        fn end(&self, _: u64, tenure: u64, weight: u64, landed: bool) {
            let mut told = self.0.lock().unwrap();
            told.room += weight;
            told.ended.push((tenure, weight, landed));
        }

        fn lose_sight(&self, tenant: u64, tenure: u64, weight: u64) {
            self.0.lock().unwrap().unseen += weight;
            self.end(tenant, tenure, weight, true);
        }

        fn is_elsewhere(&self, _: u64) -> bool {
            self.0.lock().unwrap().elsewhere
        }

        fn speaks(&self, _: u64) -> bool {
            !self.0.lock().unwrap().elsewhere
        }

        fn has_settings_of_all(&self) -> bool {
            !self.0.lock().unwrap().elsewhere
        }
    }

    struct Court {
        book: Book,
        bench: Arc<Fixed>,
        alice: Address,
        today: Day,
    }

    fn nothing_of(alice: &Address) -> StorageRows {
        StorageRows { sure: vec![(alice.clone(), Amount::ZERO)], unsure: Vec::new() }
    }

    impl Court {
        /// Alice may have 1000 octets; 500 may be under way.
        fn open() -> Court {
            let (today, book) = (Day::from_unix(0), Book::open(Arc::new(MemoryStore::new()), BookParams::default()).unwrap());
            let told = Told { withheld: Some(0), tenure: 7, room: 500, elsewhere: false, ended: Vec::new(), unseen: 0 };
            let bench = Arc::new(Fixed(Mutex::new(told)));
            book.judge_each_with(bench.clone());
            let mut velo = Association::new(Name::parse("velo").unwrap(), [Domain::parse("velo.example").unwrap()]);
            (velo.storage, velo.mailbox_default) = (Limit::At(2000), Limit::At(1000));
            assert!(book.add_association(velo, today).is_ok());
            let alice = Address::parse("alice@velo.example").unwrap();
            book.admit(&alice).unwrap();
            let count =
                |book: &Book| assert_eq!(book.count_share(4).finish(book, &nothing_of(&alice), today), CountOutcome::Whole);
            let early = book.reserve(&alice, Amount::message(1), Origin::Member, today);
            assert_eq!(early.err(), Some(Verdict::NotNow), "nobody has told what is in it");
            count(&book);
            Court { book, bench, alice, today }
        }

        fn set(&self, change: impl FnOnce(&mut Told)) {
            change(&mut self.bench.0.lock().unwrap());
        }

        fn reserve(&self, octets: u64) -> Result<Reservation, Verdict> {
            self.book.reserve(&self.alice, Amount::message(octets), Origin::Member, self.today)
        }

        fn ended(&self) -> Vec<(u64, u64, bool)> {
            std::mem::take(&mut self.bench.0.lock().unwrap().ended)
        }
    }

    #[test]
    fn every_end_of_a_reservation_ends_what_is_under_way_once() {
        let court = Court::open();
        let open = |octets| court.reserve(octets).ok().unwrap();
        drop(open(10));
        open(11).release();
        let _ = open(12).commit();
        open(13).doubt();
        let mut handed = open(14);
        handed.handed_over();
        drop(handed);
        let ended = court.ended();
        assert_eq!(ended, [(7, 10, false), (7, 11, false), (7, 12, true), (7, 13, true), (7, 14, true)]);
        assert_eq!(court.bench.0.lock().unwrap().unseen, 13 + 14, "what has no answer may still come");
        // A NO that may be none, for a folder is being renamed.
        let shift = court.book.shift(&court.alice, Turn::Rename);
        let mut doubtful = open(15);
        doubtful.handed_over();
        doubtful.release();
        drop(shift);
        assert_eq!(court.ended(), [(7, 15, true)]);
        assert_eq!(court.bench.0.lock().unwrap().room, 500);
    }

    #[test]
    fn nothing_is_granted_that_the_bench_does_not_grant_and_what_is_refused_takes_nothing() {
        let court = Court::open();
        assert_eq!(court.reserve(501).err(), Some(Verdict::NotNow));
        assert_eq!(court.reserve(1001).err(), Some(Verdict::MailboxFull), "it is not asked for what can never be");
        let mut growing = court.reserve(400).ok().unwrap();
        assert_eq!(growing.grow(Amount { octets: 101, messages: 0 }), Err(Verdict::NotNow));
        assert_eq!(growing.grow(Amount { octets: 100, messages: 0 }), Ok(()));
        assert_eq!(court.reserve(1).err(), Some(Verdict::NotNow));
        growing.release();
        assert_eq!(court.ended(), [(7, 500, false)]);
        court.set(|told| told.withheld = None);
        assert_eq!(court.reserve(1).err(), Some(Verdict::NotNow));
        assert_eq!(court.book.shift_alone(&court.alice, Turn::Move).err(), Some(NoShift::NotNow));
        assert_eq!(court.book.probe(&court.alice, Amount::message(1), court.today), Err(Verdict::NotNow));
        court.set(|told| told.elsewhere = true);
        assert_eq!(court.book.probe(&court.alice, Amount::message(1), court.today), Ok(()), "its judge is asked");
        assert!(court.ended().is_empty());
    }

    #[test]
    fn what_comes_with_a_domain_is_counted_before_anything_is_granted() {
        let court = Court::open();
        let velo = Name::parse("velo").unwrap();
        let edit = Edit { add_domains: vec![Domain::parse("roue.example").unwrap()], ..Edit::default() };
        assert!(court.book.set_association(&velo, &edit, court.today).is_ok());
        assert_eq!((court.reserve(1).err(), court.book.uncounted_shares()), (Some(Verdict::NotNow), vec![4]));
        let counted = court.book.count_share(4).finish(&court.book, &nothing_of(&court.alice), court.today);
        assert_eq!(counted, CountOutcome::Whole);
        assert!(court.reserve(1).is_ok() && court.book.uncounted_shares().is_empty());
    }

    #[test]
    fn messages_that_change_their_folder_are_under_way() {
        let court = Court::open();
        for turn in [Turn::Move, Turn::Rename] {
            let shift = court.book.shift_alone(&court.alice, turn).unwrap();
            assert_eq!(court.bench.0.lock().unwrap().room, 499, "the association is given to nobody meanwhile");
            drop(shift);
            assert_eq!(court.ended(), [(7, 1, false)]);
        }
        drop(court.book.shift_alone(&court.alice, Turn::Delete).unwrap());
        assert!(court.ended().is_empty(), "what is deleted is missed by no limit");
    }

    #[test]
    fn where_another_node_judges_nobody_knows_here_whether_there_are_mailboxes() {
        let court = Court::open();
        let velo = Name::parse("velo").unwrap();
        assert!(court.book.remove_mailbox(&court.alice, court.today).is_ok());
        let second = Domain::parse("roue.example").unwrap();
        let change = |edit: &Edit| court.book.set_association(&velo, edit, court.today).map(drop).err();
        assert_eq!(change(&Edit { add_domains: vec![second.clone()], ..Edit::default() }), None);
        court.set(|told| told.elsewhere = true);
        let without = Without { domains: vec![second], ..Without::default() };
        assert_eq!(change(&Edit { without, ..Edit::default() }), Some(AdminError::DomainInUse));
        assert!(matches!(court.book.remove_association(&velo, false, court.today), Err(AdminError::HasMailboxes)));
        assert!(court.book.remove_association(&velo, true, court.today).is_ok());
    }

    #[test]
    fn a_domain_is_nobodys_only_where_the_settings_are_those_of_all() {
        let court = Court::open();
        assert!(court.book.knows_all_domains());
        court.set(|told| told.elsewhere = true);
        assert!(!court.book.knows_all_domains());
        let alone = Book::open(Arc::new(MemoryStore::new()), BookParams::default()).unwrap();
        assert!(alone.knows_all_domains());
    }

    #[test]
    fn what_is_held_back_defers_and_never_bounces() {
        let court = Court::open();
        court.set(|told| told.withheld = Some(600));
        assert_eq!(court.reserve(401).err(), Some(Verdict::NotNow));
        let _ = court.reserve(400).ok().unwrap().commit();
        assert_eq!(court.reserve(1).err(), Some(Verdict::NotNow));
        assert_eq!(court.reserve(601).err(), Some(Verdict::MailboxFull), "whatever comes of it");
        court.set(|told| told.withheld = Some(0));
        assert!(court.reserve(400).is_ok());
    }

    #[test]
    fn what_was_paused_goes_on_in_the_same_tenure_alone() {
        let court = Court::open();
        let mut paused = court.reserve(300).ok().unwrap();
        paused.pause();
        // The book lets it go; what is under way may come all the same.
        assert_eq!(court.bench.0.lock().unwrap().room, 200);
        assert!(paused.resume().is_ok() && !paused.is_cut());
        paused.pause();
        court.set(|told| told.tenure = 8);
        assert_eq!(paused.resume(), Err(Verdict::NotNow));
        assert_eq!(paused.grow(Amount::message(1)), Err(Verdict::NotNow));
        assert!(paused.is_cut());
        drop(paused);
        assert_eq!(court.ended(), [(7, 300, false)]);
        // Between two tenures nothing grows.
        court.set(|told| told.tenure = 7);
        let mut growing = court.reserve(10).ok().unwrap();
        court.set(|told| told.tenure = 8);
        assert_eq!(growing.grow(Amount { octets: 5, messages: 0 }), Err(Verdict::NotNow));
        assert_eq!(court.ended(), [(8, 5, false)]);
    }
}
