//! What one judge may have on its way into one association, beyond what etcd has confirmed: never more than its deed says.
//!
//! Whoever takes over counts what the storage holds, and holds back so much for what may still come. That bound needs no clock: a node whose machine was
//! frozen with its clocks believes in its lease for a while, and grants no more than this before it has to ask.

use std::collections::VecDeque;

/// Octets at least that a message takes of the flight, so that it bounds their number too.
const MESSAGE: u64 = 1024;

/// Whether a grant stays within the flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Within {
    /// It does.
    Yes,
    /// It will when etcd has confirmed that nobody took over.
    Confirm,
    /// The flight must be this much at least.
    Raise(u64),
}

/// See the head of the file.
#[derive(Debug, Default)]
pub struct Exposure {
    open: u64,
    /// What has landed since each question was sent: the question's number, and the octets before the next one.
    landed: VecDeque<(u64, u64)>,
}

impl Exposure {
    /// What a message of so many octets takes of the flight.
    pub fn weight(octets: u64, messages: u64) -> u64 {
        octets.max(messages.saturating_mul(MESSAGE))
    }

    /// How many messages may come with so many octets on their way.
    pub fn messages(flight: u64) -> u64 {
        flight.div_ceil(MESSAGE)
    }

    /// What was granted and has not ended.
    pub fn open(&self) -> u64 {
        self.open
    }

    /// What a judge who took over at any moment since question `confirmed` was answered may not have counted, at most.
    pub fn total(&self, confirmed: u64) -> u64 {
        let landed = self.landed.iter().filter(|(asked, _)| *asked >= confirmed);
        landed.fold(self.open, |sum, (_, octets)| sum.saturating_add(*octets))
    }

    /// Whether so much more stays within `flight`.
    pub fn admits(&self, octets: u64, flight: u64, confirmed: u64) -> Within {
        let alone = self.open.saturating_add(octets);
        match self.total(confirmed).saturating_add(octets) {
            total if total <= flight => Within::Yes,
            _ if alone <= flight => Within::Confirm,
            _ => Within::Raise(alone),
        }
    }

    /// It was granted.
    pub fn grant(&mut self, octets: u64) {
        self.open = self.open.saturating_add(octets);
    }

    /// It is stored, or nobody knows; `asked` is the newest question that was sent.
    pub fn land(&mut self, octets: u64, asked: u64, confirmed: u64) {
        self.let_go(octets);
        while self.landed.pop_front_if(|(asked, _)| *asked < confirmed).is_some() {}
        match self.landed.back_mut().filter(|(last, _)| *last == asked) {
            Some((_, landed)) => *landed = landed.saturating_add(octets),
            None => self.landed.push_back((asked, octets)),
        }
    }

    /// It is certain that it will never be stored.
    pub fn let_go(&mut self, octets: u64) {
        self.open = self.open.saturating_sub(octets);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_landed_counts_until_a_question_sent_later_is_answered() {
        let mut exposure = Exposure::default();
        exposure.grant(60);
        exposure.grant(30);
        assert_eq!(exposure.admits(11, 100, 1), Within::Raise(101));
        exposure.land(60, 2, 1);
        // Question 2 was sent before it landed: its answer says nothing of it.
        assert_eq!((exposure.total(1), exposure.total(2), exposure.total(3)), (90, 90, 30));
        assert_eq!(exposure.admits(10, 100, 2), Within::Yes);
        assert_eq!(exposure.admits(11, 100, 2), Within::Confirm);
        assert_eq!(exposure.admits(70, 100, 3), Within::Yes);
        assert_eq!(exposure.admits(u64::MAX, 100, 3), Within::Raise(u64::MAX));
        exposure.let_go(30);
        exposure.land(0, 3, 3);
        assert_eq!((exposure.total(3), exposure.landed.len()), (0, 1));
        assert_eq!((Exposure::weight(5, 1), Exposure::weight(5000, 1), Exposure::messages(1 << 20)), (1024, 5000, 1024));
    }
}
