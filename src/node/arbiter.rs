//! The witness's side of the lease: who has it, and whether the storage takes mail from that one alone.
//!
//! It is a record in a file, changed by one process at a time. A process that has to close the storage for a new holder says so first
//! ([`Ruling::Close`]), does it, and tells the record ([`Arbiter::closed`]): only then is anything granted.

use serde::{Deserialize, Serialize};

use super::{AFTER_YOU, Bid, LEASE, Millis};

/// A process that may hold the lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claimant {
    /// The machine, by the name that its key has at the witness.
    pub node: String,
    /// Which process of it: drawn at its start.
    pub life: u64,
}

/// See the head of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Arbiter {
    /// The start of the machine that its times belong to.
    boot: String,
    holder: Option<Claimant>,
    /// Which lease it is: another number for each holder, and for each time one gets it anew.
    term: u64,
    /// Nobody else gets it before.
    until: Millis,
    /// Everybody else's mail has ended at the storage, and nobody else's is taken.
    alone: bool,
    /// Who wants it at once, and until when that holds: it is to be said again, so that nobody leaves it to a process that is no more.
    called_by: Option<(String, Millis)>,
    /// Who left it and waits, and until when.
    stands_by: Option<(String, Millis)>,
}

/// What a question comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// It is yours.
    Yes,
    /// It is yours as soon as the storage is closed to everybody else.
    Close,
    /// It is another one's, or yours to wait for.
    No,
}

impl Arbiter {
    /// A witness that knows of nobody: after its machine's start, and where its record is gone. Somebody may rely on a lease of before.
    pub fn new(boot: &str, now: Millis) -> Arbiter {
        Arbiter { boot: boot.into(), holder: None, term: 0, until: now + LEASE, alone: false, called_by: None, stands_by: None }
    }

    /// The record as it is to be used: of another start of the machine it says nothing.
    pub fn of_boot(self, boot: &str, now: Millis) -> Arbiter {
        if self.boot == boot { self } else { Arbiter::new(boot, now) }
    }

    /// `who` asks.
    pub fn ask(&mut self, who: &Claimant, wish: Bid, now: Millis) -> Ruling {
        if self.holder.as_ref() == Some(who) {
            // Also when it is over: nobody else had it since.
            self.until = now + LEASE;
            return if self.alone { Ruling::Yes } else { Ruling::Close };
        }
        if now < self.until {
            if wish == Bid::Now {
                self.called_by = Some((who.node.clone(), now + LEASE));
            }
            return Ruling::No;
        }
        let is_after_you = self.stands_by.as_ref().is_some_and(|(node, until)| *node == who.node && now < *until);
        if wish == Bid::Wait || wish == Bid::Want && is_after_you {
            return Ruling::No;
        }
        let term = term(&self.boot, now);
        *self = Arbiter { holder: Some(who.clone()), term, until: now + LEASE, ..Arbiter::new(&self.boot, now) };
        Ruling::Close
    }

    /// Which lease it is.
    pub fn term(&self) -> u64 {
        self.term
    }

    /// The storage is closed to everybody but `who`. Says nothing when the lease went on meanwhile.
    pub fn closed(&mut self, who: &Claimant) {
        self.alone |= self.holder.as_ref() == Some(who);
    }

    /// Whether `who` has the lease `term`, by this clock, and alone: only then is a copy of the book taken from it. Of a process that slept
    /// through another lease, and has one again, it would be an old one.
    pub fn holds(&self, who: &Claimant, term: u64, now: Millis) -> bool {
        self.holder.as_ref() == Some(who) && self.term == term && self.alone && now < self.until
    }

    /// Whether `who` still is the one to close the storage for.
    pub fn awaits(&self, who: &Claimant) -> bool {
        self.holder.as_ref() == Some(who) && !self.alone
    }

    /// Whether another node than `who` wants the lease at once.
    pub fn calls(&self, who: &Claimant, now: Millis) -> bool {
        self.called_by.as_ref().is_some_and(|(node, until)| *node != who.node && now < *until)
    }

    /// `who` judges no more, and lets the other one go first.
    pub fn leave(&mut self, who: &Claimant, now: Millis) {
        if self.holder.as_ref() == Some(who) {
            let stands_by = Some((who.node.clone(), now + AFTER_YOU));
            *self = Arbiter { until: now, stands_by, ..Arbiter::new(&self.boot, now) };
        }
    }
}

/// A number that no other lease had, also before the machine's start (FNV-1a of what names that, and the time since).
fn term(boot: &str, now: Millis) -> u64 {
    let bytes = boot.bytes().chain(now.to_be_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(node: &str, life: u64) -> Claimant {
        Claimant { node: node.into(), life }
    }

    #[test]
    fn one_has_it_until_it_is_over_and_the_storage_is_closed_in_between() {
        let (mut arbiter, one, two) = (Arbiter::new("x", 0), who("one", 1), who("two", 2));
        assert_eq!(arbiter.ask(&one, Bid::Want, LEASE - 1), Ruling::No, "somebody may rely on one of before");
        assert_eq!(arbiter.ask(&one, Bid::Wait, LEASE), Ruling::No);
        assert_eq!(arbiter.ask(&one, Bid::Want, LEASE), Ruling::Close);
        assert!(!arbiter.holds(&one, arbiter.term(), LEASE) && arbiter.awaits(&one));
        arbiter.closed(&two);
        assert_eq!(arbiter.ask(&one, Bid::Want, LEASE), Ruling::Close, "another one's closing is not ours");
        arbiter.closed(&one);
        assert_eq!(arbiter.ask(&one, Bid::Want, LEASE), Ruling::Yes);
        assert_eq!(arbiter.ask(&two, Bid::Now, 2 * LEASE - 1), Ruling::No);
        let last = 2 * LEASE - 1;
        assert!(arbiter.calls(&one, last) && !arbiter.calls(&two, last));
        assert!(!arbiter.calls(&one, last + LEASE), "nobody has said so since");
        assert_eq!(arbiter.ask(&two, Bid::Want, 2 * LEASE), Ruling::Close);
        arbiter.closed(&one);
        assert!(!arbiter.holds(&two, arbiter.term(), 2 * LEASE) && !arbiter.calls(&two, 2 * LEASE));
    }

    #[test]
    fn another_life_of_a_node_is_another_holder() {
        let mut arbiter = Arbiter::new("x", 0);
        assert_eq!(arbiter.ask(&who("one", 1), Bid::Want, LEASE), Ruling::Close);
        arbiter.closed(&who("one", 1));
        assert_eq!(arbiter.ask(&who("one", 2), Bid::Want, LEASE + 1), Ruling::No);
        assert_eq!(arbiter.ask(&who("one", 2), Bid::Want, 2 * LEASE), Ruling::Close);
    }

    #[test]
    fn who_leaves_goes_second() {
        let (mut arbiter, one, two) = (Arbiter::new("x", 0), who("one", 1), who("two", 2));
        assert_eq!(arbiter.ask(&one, Bid::Want, LEASE), Ruling::Close);
        arbiter.closed(&one);
        arbiter.leave(&two, LEASE);
        assert!(arbiter.holds(&one, arbiter.term(), LEASE));
        arbiter.leave(&one, LEASE);
        assert_eq!(arbiter.ask(&who("one", 3), Bid::Want, LEASE + 1), Ruling::No);
        assert_eq!(arbiter.clone().ask(&who("one", 3), Bid::Now, LEASE + 1), Ruling::Close, "unless its admin says so");
        assert_eq!(arbiter.ask(&two, Bid::Want, LEASE + 1), Ruling::Close);
        assert!(arbiter.of_boot("y", 5) == Arbiter::new("y", 5));
    }
}
