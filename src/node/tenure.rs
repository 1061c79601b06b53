//! The node's side of the lease: until when it may judge.

use super::questions::Questions;
use super::{HOLD, Millis};

/// Until when this process may judge, by its own clock.
#[derive(Default)]
pub struct Tenure {
    questions: Questions,
    until: Millis,
}

impl Tenure {
    /// As [`Questions::ask`].
    pub fn ask(&mut self, now: Millis) -> u64 {
        self.questions.ask(now)
    }

    /// Whether there was a question `number`.
    pub fn has_asked(&self, number: u64) -> bool {
        number <= self.questions.asked()
    }

    /// The witness said yes to question `number`. The witness's own time began later than ours, so ours ends first.
    pub fn granted(&mut self, number: u64) {
        if let Some(sent) = self.questions.answered(number) {
            self.until = self.until.max(sent.saturating_add(HOLD));
        }
    }

    #[cfg(test)]
    pub(super) fn lasts(&mut self, until: Millis) {
        self.until = until;
    }

    /// It is given up, or another one has it.
    pub fn end(&mut self) {
        self.questions.forget();
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
