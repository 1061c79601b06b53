//! What the judge of an association tells the other nodes of it (docs/many-nodes.md): what is used, and what people were told of that. So each node can say how
//! full a mailbox is, and whoever judges next tells nobody twice. Nothing is granted by it: a new judge counts before it judges.

use serde::{Deserialize, Serialize};

use super::entry::Entry;
use super::ledger::Ledger;
use super::mark::Mark;
use super::{Amount, Book, Day, Level, Notified};
use crate::private::{Address, revealed};
use crate::words::nullable;

/// One association, as its judge knows it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JudgedNumbers {
    told: Saying,
    mailboxes: Vec<JudgedMailbox>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct JudgedMailbox {
    #[serde(with = "revealed")]
    address: Address,
    used: Amount,
    /// What lists show; none where they do not show it yet.
    #[serde(deserialize_with = "nullable")]
    settled: Option<Amount>,
    /// Only a count has found it.
    found: bool,
    told: Saying,
}

/// What somebody was told: a level, by its beginning in percent, and the last day of an association that leaves.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saying {
    level: u64,
    #[serde(deserialize_with = "nullable")]
    leaving: Option<Day>,
}

impl Saying {
    fn of(mark: Mark) -> Saying {
        let Notified { level, leaving } = mark.told();
        Saying { level: level.percent(), leaving }
    }

    fn mark(&self) -> Mark {
        Mark::kept(Notified { level: Level::from_percent(self.level), leaving: self.leaving })
    }
}

impl JudgedNumbers {
    fn of(ledger: &Ledger) -> JudgedNumbers {
        let mut mailboxes: Vec<_> = ledger.entries().map(shown).collect();
        // The same twice is the same text.
        mailboxes.sort_by(|one, two| one.address.cmp(&two.address));
        JudgedNumbers { told: Saying::of(ledger.mark), mailboxes }
    }
}

impl Book {
    /// Each association that is judged here, and what the others may know of it. Takes a lock of each.
    pub fn judged(&self) -> Vec<(u64, JudgedNumbers)> {
        let judged = |entry: &std::sync::Arc<super::directory::AssociationEntry>| {
            let ledger = entry.lock();
            let (_, tenant) = entry.bench(&ledger).filter(|_| entry.speaks(&ledger))?;
            Some((tenant, JudgedNumbers::of(&ledger)))
        };
        self.tenants().iter().filter_map(judged).collect()
    }

    /// What is known here of one association, whoever judges it; none where there is no such one.
    pub fn numbers_of(&self, tenant: u64) -> Option<JudgedNumbers> {
        self.shared(tenant).map(|entry| JudgedNumbers::of(&entry.lock()))
    }

    /// What people were told by the one that judged it before this node: they are not told again. Its numbers are of then.
    pub fn hear_what_was_told(&self, tenant: u64, before: &JudgedNumbers) {
        let Some(entry) = self.shared(tenant) else { return };
        let mut ledger = entry.lock();
        ledger.mark = before.told.mark();
        for mailbox in &before.mailboxes {
            let number = ledger.number(&mailbox.address);
            let known = number.and_then(|number| ledger.entry_mut(number));
            known.into_iter().for_each(|entry| entry.change_mark(|mark| *mark = mailbox.told.mark()));
        }
    }

    /// Another node, which judges it, says so. False where that is not so, as far as is known here: then nothing is taken over.
    pub fn hear_judge(&self, tenant: u64, judged: &JudgedNumbers) -> bool {
        let Some(entry) = self.shared(tenant) else { return false };
        let mut ledger = entry.lock();
        if !entry.is_elsewhere(&ledger) {
            return false;
        }
        ledger.mark = judged.told.mark();
        judged.mailboxes.iter().for_each(|mailbox| ledger.copy(mailbox));
        true
    }

    /// This node judges it from now on: what is due and was told by nobody, as far as is known here, is told.
    pub fn begin_to_speak(&self, tenant: u64, today: Day) {
        let Some(entry) = self.shared(tenant) else { return };
        let mut ledger = entry.lock();
        ledger.day = today;
        // What another judge before was about to tell is due anew.
        ledger.mark = Mark::kept(ledger.mark.told());
        ledger.roll.iter_mut().for_each(|entry| entry.change_mark(|mark| *mark = Mark::kept(mark.told())));
        let facts = entry.all_facts(&mut ledger, today);
        facts.into_iter().for_each(|fact| entry.facts.tell(fact));
    }

    /// Whether this node is the one that tells people of this mailbox, or of this association: without other nodes it is.
    pub fn speaks_of(&self, subject: &super::Subject) -> bool {
        match subject {
            super::Subject::Association(name) => self.tenant(name).is_none_or(|entry| entry.speaks(&entry.lock())),
            super::Subject::Mailbox(address) => self.with(address, |entry, ledger, _| entry.speaks(ledger)).unwrap_or(true),
        }
    }
}

impl Ledger {
    fn copy(&mut self, judged: &JudgedMailbox) {
        if !self.association.domains.contains(judged.address.domain()) {
            return;
        }
        let number = if judged.found { self.insert_found(&judged.address) } else { self.insert(&judged.address) };
        // What is in doubt here stays so, and is in the judge's number already.
        if self.entry(number).is_some_and(|entry| entry.shown() != judged.used) {
            self.change(number, |tally| tally.used = judged.used.minus(tally.doubts.total()));
        }
        if let Some(entry) = self.entry_mut(number) {
            entry.set_settled(judged.settled);
            entry.change_mark(|mark| *mark = judged.told.mark());
        }
    }
}

fn shown(entry: &Entry) -> JudgedMailbox {
    let (address, told) = (entry.address.clone(), Saying::of(entry.mark()));
    JudgedMailbox { address, used: entry.shown(), settled: entry.settled(), found: entry.is_found(), told }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::private::Domain;
    use crate::quota::tests::OneNode;
    use crate::quota::{Association, BookParams, CountOutcome, Fact, Facts, Limit, Name, Origin, StorageRows, Subject};
    use crate::store::MemoryStore;

    #[derive(Default)]
    struct Heard(Mutex<Vec<Fact>>);

    impl Facts for Heard {
        fn tell(&self, fact: Fact) {
            self.0.lock().unwrap().push(fact);
        }
        fn forget(&self, _: &Subject) {}
    }

    struct Node {
        book: Book,
        post: Arc<OneNode>,
        heard: Arc<Heard>,
    }

    fn day() -> Day {
        Day::from_unix(0)
    }

    fn at(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    impl Node {
        fn new(judges: bool) -> Node {
            let book = Book::open(Arc::new(MemoryStore::new()), BookParams::default()).unwrap();
            let (post, heard) = (Arc::new(OneNode::new(judges)), Arc::new(Heard::default()));
            book.judge_each_with(post.clone());
            book.lead_to(heard.clone());
            let mut velo = Association::new(Name::parse("velo").unwrap(), [Domain::parse("velo.example").unwrap()]);
            (velo.storage, velo.mailbox_default) = (Limit::At(1000), Limit::At(100));
            assert!(book.add_association(velo, day()).is_ok());
            book.admit(&at("alice@velo.example")).unwrap();
            Node { book, post, heard }
        }

        fn judges(&self, judges: bool) {
            self.post.judges(judges);
        }

        /// The storage tells all. By that, a node becomes the judge, and only then people are told.
        fn count(&self, octets: u64) {
            self.count_all(&[("alice@velo.example", octets)]);
        }

        fn count_all(&self, all: &[(&str, u64)]) {
            let rows: Vec<_> = all.iter().map(|(who, octets)| (at(who), Amount::message(*octets))).collect();
            let rows = StorageRows { sure: rows, unsure: Vec::new() };
            assert_ne!(self.book.count_share(4).finish(&self.book, &rows, day()), CountOutcome::Partly);
            if !self.post.judges(true) {
                self.book.begin_to_speak(4, day());
            }
        }

        /// Who was told, and from which level to which; all that is told is taken by the relay.
        fn told(&self) -> Vec<(u64, u64)> {
            let facts = std::mem::take(&mut *self.heard.0.lock().unwrap());
            facts.iter().for_each(|fact| self.book.told(fact));
            let level = |fact: &Fact| match fact {
                Fact::Crossing(crossing) => Some((crossing.was.percent(), crossing.now.percent())),
                Fact::Leaving(_) | Fact::Stopped(_) => None,
            };
            facts.iter().filter_map(level).collect()
        }

        fn hear(&self, other: &Node) -> bool {
            let text = serde_json::to_string(&other.book.judged()).unwrap();
            let told: Vec<(u64, JudgedNumbers)> = serde_json::from_str(&text).unwrap();
            told.iter().all(|(tenant, judged)| self.book.hear_judge(*tenant, judged)) && !told.is_empty()
        }

        fn used(&self, who: &str) -> Option<(u64, Option<u64>)> {
            self.book.mailbox(&at(who)).map(|shown| (shown.used.octets, shown.settled.map(|settled| settled.octets)))
        }
    }

    #[test]
    fn the_judge_alone_tells_and_the_next_one_tells_nobody_twice() {
        let (first, second) = (Node::new(true), Node::new(false));
        first.count(70);
        // What a session learns at a node that does not judge is told to nobody there.
        [&first, &second].iter().for_each(|node| assert!(node.book.load(&at("alice@velo.example"), Amount::message(85), day())));
        assert_eq!((first.told(), second.told()), (vec![(0, 80)], vec![]));
        second.book.review(day());
        assert!(second.told().is_empty() && second.hear(&first));
        // The first one is lost.
        first.judges(false);
        second.count(85);
        assert!(second.told().is_empty(), "it was told");
        second.count(97);
        assert_eq!(second.told(), [(80, 95)]);
        // Back: the first one has heard of that too.
        assert!(first.hear(&second));
        second.judges(false);
        first.count(97);
        assert!(first.told().is_empty());
        first.count(10);
        first.count(85);
        assert_eq!(first.told(), [(95, 0), (0, 80)], "down, and up again");
    }

    #[test]
    fn what_a_judge_was_about_to_tell_is_told_by_the_next_one() {
        let (first, second) = (Node::new(true), Node::new(false));
        first.count(85);
        // Before the relay has it, the node is lost.
        assert!(second.hear(&first));
        first.judges(false);
        second.count(85);
        assert_eq!(second.told(), [(0, 80)]);
        // The first one judges once more, and nobody has told it anything: it has not told either.
        first.heard.0.lock().unwrap().clear();
        first.count(85);
        assert_eq!(first.told(), [(0, 80)], "twice rather than never");
    }

    #[test]
    fn numbers_of_the_judge_are_shown_at_the_others_and_grant_nothing() {
        let (first, second) = (Node::new(true), Node::new(false));
        first.book.admit(&at("new@velo.example")).unwrap();
        let all = [("alice@velo.example", 70), ("new@velo.example", 20)];
        first.count_all(&all);
        first.book.settle();
        assert_eq!(second.used("new@velo.example"), None);
        assert!(second.hear(&first));
        for who in ["alice@velo.example", "new@velo.example"] {
            assert_eq!(second.used(who), first.used(who), "{who}");
        }
        let grant = |node: &Node| node.book.reserve(&at("new@velo.example"), Amount::message(1), Origin::Member, day()).is_ok();
        assert!(grant(&first) && !grant(&second));
        // Its own lock says whether it may be told so: a judge believes no other one.
        second.judges(true);
        assert!(!second.hear(&first) && !grant(&second), "it was not counted");
        second.count_all(&all);
        assert!(grant(&second));
    }
}
