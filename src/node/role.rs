//! What a node is at the moment, and what it turns into by what it hears. It goes one way: a process that has judged and is not to judge
//! any more ends, and the next one begins as a node that waits.

use super::{Bid, CHOSEN, LeaseWord, Millis, Tenure};
use crate::quota::Permission;

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duty {
    /// It takes no clients, and follows the book.
    Waiting,
    /// It has the lease, and is about to judge by the newest copy.
    Won,
    /// It judges, as far as the mailboxes were counted.
    Judging(Permission),
    /// Another one has it.
    Over,
}

/// See the head of the file.
pub struct Node {
    lease: Tenure,
    duty: Duty,
    /// The newest copy that the witness has, and the one that this node has taken over. None has the number 0.
    newest: u64,
    taken: u64,
    /// Which lease it judges by.
    term: u64,
    /// The newest question that was answered: an older answer says nothing.
    answered: u64,
    /// What the witness said last, on this connection.
    said: Option<LeaseWord>,
    choice: Choice,
    /// Until when the choice holds, where nothing came of it.
    chosen: Millis,
}

/// What an admin said about who is to judge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// Nothing: whoever has the lease.
    #[default]
    None,
    /// This node, by the newest copy.
    Here,
    /// This node by its own book, in place of the copy that the witness has, and of no other: what the other node was told since is in none
    /// that was seen then. 0 for none.
    OwnBook(u64),
}

/// Why a node's own book is not chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotOwnBook {
    /// The witness has not answered on this connection, so it is not known what would be put away.
    Unanswered,
    /// The witness has a newer copy, which can be taken over.
    Behind,
}

impl Default for Node {
    fn default() -> Node {
        let (lease, duty, choice) = (Tenure::default(), Duty::Waiting, Choice::default());
        Node { lease, duty, newest: 0, taken: 0, term: 0, answered: 0, said: None, choice, chosen: 0 }
    }
}

impl Node {
    /// A question that is about to be sent: its number, and what is wanted.
    pub fn ask(&mut self, now: Millis) -> (u64, Bid) {
        // An admin who said it last month did not mean tonight.
        if self.duty == Duty::Waiting {
            self.choice = self.choice(now).0;
        }
        let ready = self.has_own_book() || self.is_up_to_date();
        let bid = match self.duty {
            Duty::Waiting if self.choice != Choice::None && ready => Bid::Now,
            Duty::Waiting if !ready => Bid::Wait,
            _ => Bid::Want,
        };
        (self.lease.ask(now), bid)
    }

    /// The witness's answer to question `number`, about lease `term`: whether the other one is to judge, and it is time to leave.
    pub fn heard(&mut self, number: u64, word: LeaseWord, term: u64, newest: u64, called: bool) -> bool {
        // What nobody asked would make it deaf to what it asks.
        if number <= self.answered || !self.lease.has_asked(number) {
            return false;
        }
        self.answered = number;
        self.newest = newest;
        self.said = Some(word);
        if self.duty == Duty::Waiting && matches!(self.choice, Choice::OwnBook(over) if over != newest) {
            self.choice = Choice::None;
        }
        match (word, self.duty) {
            // Nothing was granted yet, and the storage may never be closed: it is the other one's to try.
            (LeaseWord::Closing, Duty::Waiting) => return called,
            (_, Duty::Over) | (LeaseWord::No, Duty::Waiting) => {}
            (LeaseWord::Yes, Duty::Waiting) => {
                self.lease.granted(number);
                (self.duty, self.term) = (Duty::Won, term);
            }
            (LeaseWord::Yes, _) if term == self.term => {
                self.lease.granted(number);
                return called;
            }
            // While it was not looking, another one had it; also where it could have it again by now.
            (_, Duty::Won | Duty::Judging(_)) => self.end(),
        }
        false
    }

    /// The number of a copy that is newer than what this node has; it is to be fetched.
    pub fn wanted(&self) -> Option<u64> {
        // Who judges makes them.
        let follows = matches!(self.duty, Duty::Waiting | Duty::Won) && !self.has_own_book();
        (follows && self.newest != 0 && self.newest != self.taken).then_some(self.newest)
    }

    /// Copy `number` is taken over, or was made here.
    pub fn took(&mut self, number: u64) {
        (self.taken, self.newest) = (number, number);
    }

    /// Behind which copy the next one is to be kept. Its own number is drawn: one that was counted on could be that of another copy, where the
    /// witness lost what it had, or somebody put an older one back.
    pub fn newest(&self) -> u64 {
        self.newest
    }

    /// Whether it judges, and the newest copy is not its own last one: what it was told is not kept came there all the same, or the witness
    /// lost what it had.
    pub fn must_copy_anew(&self) -> bool {
        matches!(self.duty, Duty::Judging(_)) && self.newest != self.taken
    }

    /// The newest copy is in force; nothing is counted yet.
    pub fn judge(&mut self) {
        if self.duty == Duty::Won {
            self.duty = Duty::Judging(Permission::Nothing);
        }
    }

    /// The storage told what the mailboxes hold: all of them, or with some missing.
    pub fn counted(&mut self, whole: bool) {
        if let Duty::Judging(so_far) = self.duty
            && so_far != Permission::All
        {
            self.duty = Duty::Judging(if whole { Permission::All } else { Permission::Confirmed });
        }
    }

    /// The connection to the witness is no more.
    pub fn hung_up(&mut self) {
        self.said = None;
    }

    /// Whether it waits for nothing but the storage to be closed to everybody else.
    pub fn is_closing(&self) -> bool {
        self.duty == Duty::Waiting && self.said == Some(LeaseWord::Closing)
    }

    /// An admin wants this node to judge, by the newest copy. Said at `now`, and forgotten after [`CHOSEN`] where another one goes on judging.
    /// The last word holds.
    pub fn take_over(&mut self, now: Millis) {
        (self.choice, self.chosen) = (Choice::Here, now + CHOSEN);
    }

    /// The same by its own book, in place of what the witness has. `is_usable`: a copy of it could be taken over, as far as is known.
    ///
    /// # Errors
    /// Why that would lose what the other node was told; then nothing is changed.
    pub fn take_over_with_own_book(&mut self, is_usable: bool, now: Millis) -> Result<(), NotOwnBook> {
        if self.said.is_none() {
            return Err(NotOwnBook::Unanswered);
        }
        if self.is_copied() && !self.is_up_to_date() && is_usable {
            return Err(NotOwnBook::Behind);
        }
        (self.choice, self.chosen) = (Choice::OwnBook(self.newest), now + CHOSEN);
        Ok(())
    }

    /// What an admin said, and how long that holds where nothing comes of it. While the storage is being closed, it holds.
    pub fn choice(&self, now: Millis) -> (Choice, Millis) {
        let left = self.chosen.saturating_sub(now);
        let holds = self.duty == Duty::Waiting && (left > 0 || self.is_closing());
        if holds { (self.choice, left) } else { (Choice::None, 0) }
    }

    /// The admin takes it back. False: nothing was said.
    pub fn take_back(&mut self) -> bool {
        std::mem::take(&mut self.choice) != Choice::None
    }

    /// It judges no more.
    pub fn end(&mut self) {
        self.duty = Duty::Over;
        self.lease.end();
    }

    #[cfg(test)]
    pub(super) fn tenure(&mut self) -> &mut Tenure {
        &mut self.lease
    }

    /// Whether it has the newest copy that it heard of.
    pub fn is_up_to_date(&self) -> bool {
        self.newest > 0 && self.taken == self.newest
    }

    /// Whether it has the newest copy, and the witness says so now: what a witness said that cannot be reached is not known to hold.
    pub fn knows_newest(&self) -> bool {
        self.said.is_some() && self.is_up_to_date()
    }

    /// Whether an admin said that it is to judge by its own book.
    pub fn has_own_book(&self) -> bool {
        matches!(self.choice, Choice::OwnBook(_))
    }

    /// Whether the witness has a copy.
    pub fn is_copied(&self) -> bool {
        self.newest > 0
    }

    /// The lease that it judges by, or is about to; none when copies of its book are worth nothing.
    pub fn term(&self) -> Option<u64> {
        matches!(self.duty, Duty::Won | Duty::Judging(_)).then_some(self.term)
    }

    /// What it is.
    pub fn duty(&self) -> Duty {
        self.duty
    }

    /// Until when what it may grant may be granted.
    pub fn until(&self) -> Millis {
        self.lease.until()
    }

    /// What it may grant at `now`.
    pub fn permission(&self, now: Millis) -> Permission {
        match self.duty {
            Duty::Judging(permission) if now < self.lease.until() => permission,
            _ => Permission::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(node: &mut Node, word: LeaseWord, newest: u64, called: bool) -> bool {
        let (number, _) = node.ask(0);
        node.heard(number, word, 1, newest, called)
    }

    #[test]
    fn what_an_admin_said_is_forgotten_unless_something_comes_of_it() {
        for (word, last, own) in [(LeaseWord::No, Bid::Wait, false), (LeaseWord::Closing, Bid::Now, true)] {
            let mut node = Node::default();
            assert!(!answered(&mut node, LeaseWord::No, 7, false));
            node.take_over_with_own_book(false, 0).unwrap();
            let (number, bid) = node.ask(CHOSEN - 1);
            assert_eq!((bid, node.choice(CHOSEN - 1)), (Bid::Now, (Choice::OwnBook(7), 1)));
            assert!(!node.heard(number, word, 1, 7, false));
            assert_eq!(node.choice(CHOSEN).0, if own { Choice::OwnBook(7) } else { Choice::None });
            assert_eq!((node.ask(CHOSEN).1, node.has_own_book()), (last, own));
            // The witness is gone: nothing comes of it any more.
            node.hung_up();
            assert_eq!((node.ask(CHOSEN).1, node.has_own_book()), (Bid::Wait, false));
        }
    }

    #[test]
    fn an_own_book_is_chosen_in_place_of_what_was_seen_and_of_nothing_else() {
        let mut node = Node::default();
        assert_eq!(node.take_over_with_own_book(true, 0), Err(NotOwnBook::Unanswered));
        answered(&mut node, LeaseWord::No, 7, false);
        assert_eq!(
            node.take_over_with_own_book(true, 0),
            Err(NotOwnBook::Behind),
            "the other one was told something that is not in it"
        );
        node.took(7);
        // What it said before the connection ended may be old.
        node.hung_up();
        assert_eq!(node.take_over_with_own_book(true, 0), Err(NotOwnBook::Unanswered));
        answered(&mut node, LeaseWord::No, 7, false);
        assert_eq!(node.take_over_with_own_book(true, 0), Ok(()));
        // It is cut, and comes again with the same copy: nothing was answered meanwhile.
        node.hung_up();
        answered(&mut node, LeaseWord::No, 7, false);
        assert!(node.has_own_book());
        answered(&mut node, LeaseWord::No, 8, false);
        assert_eq!((node.has_own_book(), node.wanted()), (false, Some(8)));
        // The last word holds, also where it is the smaller one.
        assert_eq!(node.take_over_with_own_book(false, 0), Ok(()));
        node.take_over(5);
        assert_eq!((node.choice(5), node.wanted()), ((Choice::Here, CHOSEN), Some(8)));
        assert!(node.take_back() && !node.take_back() && node.ask(5).1 == Bid::Wait);
    }

    #[test]
    fn a_storage_that_is_never_closed_is_the_other_ones_to_try() {
        let mut node = Node::default();
        answered(&mut node, LeaseWord::No, 7, false);
        node.took(7);
        assert!(!answered(&mut node, LeaseWord::No, 7, true) && !answered(&mut node, LeaseWord::Closing, 7, false));
        assert!(answered(&mut node, LeaseWord::Closing, 7, true));
    }

    #[test]
    fn what_a_witness_said_that_is_gone_is_not_known_to_hold() {
        let mut node = Node::default();
        answered(&mut node, LeaseWord::No, 7, false);
        node.took(7);
        assert!(node.knows_newest());
        node.hung_up();
        assert!(node.is_up_to_date() && !node.knows_newest());
    }
}
