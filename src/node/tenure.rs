//! The node's side of the lease: until when it may judge.

use std::collections::VecDeque;

use super::{HOLD, Millis};

/// Questions that may still be answered.
const OPEN: usize = 16;

/// Until when this process may judge, by its own clock.
#[derive(Default)]
pub struct Tenure {
    asked: u64,
    /// Each question that has no answer yet, and the time just before it was sent.
    open: VecDeque<(u64, Millis)>,
    until: Millis,
}

impl Tenure {
    /// Takes note of a question that is about to be sent; its number. The time must be read before anything of it is sent.
    pub fn ask(&mut self, now: Millis) -> u64 {
        self.asked += 1;
        if self.open.len() == OPEN {
            self.open.pop_front();
        }
        self.open.push_back((self.asked, now));
        self.asked
    }

    /// Whether there was a question `number`.
    pub fn has_asked(&self, number: u64) -> bool {
        number <= self.asked
    }

    /// The witness said yes to question `number`. The witness's own time began later than ours, so ours ends first.
    pub fn granted(&mut self, number: u64) {
        let Some(at) = self.open.iter().position(|(asked, _)| *asked == number) else { return };
        let Some((_, sent)) = self.open.drain(..=at).next_back() else { return };
        self.until = self.until.max(sent.saturating_add(HOLD));
    }

    #[cfg(test)]
    pub(super) fn lasts(&mut self, until: Millis) {
        self.until = until;
    }

    /// It is given up, or another one has it.
    pub fn end(&mut self) {
        self.open.clear();
        self.until = 0;
    }

    /// When it ends.
    pub fn until(&self) -> Millis {
        self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_counts_from_before_the_question_and_each_answer_once() {
        let mut lease = Tenure::default();
        let first = lease.ask(1000);
        let second = lease.ask(2000);
        lease.granted(second);
        assert_eq!(lease.until(), 2000 + HOLD);
        // An answer that is late, or that nobody asked for, makes it no longer.
        lease.granted(first);
        lease.granted(second);
        lease.granted(77);
        assert_eq!(lease.until(), 2000 + HOLD);
        assert!(lease.has_asked(second) && !lease.has_asked(77));
        let third = lease.ask(3000);
        lease.end();
        lease.granted(third);
        assert_eq!(lease.until(), 0);
    }
}
