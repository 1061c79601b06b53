//! Until when a node may grant, by its own clock, and which of its questions etcd has answered.
//!
//! A question is two things: the lease is kept alive, and then the node's own life is read, so that a majority has agreed (a linearizable read). The time
//! counts from before the question was sent. That the life was there when it was read says more: nobody has taken anything from it by then.

use super::{Millis, Pace};
use crate::node::Questions;

/// See the head of the file.
#[derive(Default)]
pub struct Fence {
    questions: Questions,
    confirmed: u64,
    until: Millis,
}

impl Fence {
    /// As [`Questions::ask`].
    pub fn ask(&mut self, now: Millis) -> u64 {
        self.questions.ask(now)
    }

    /// The newest question.
    pub fn asked(&self) -> u64 {
        self.questions.asked()
    }

    /// When the newest one was sent, where it has no answer.
    pub fn waits_since(&self) -> Option<Millis> {
        self.questions.waits_since()
    }

    /// etcd kept the lease alive, and after that the life was there.
    pub fn confirm(&mut self, number: u64, pace: &Pace) {
        if let Some(sent) = self.questions.answered(number) {
            self.confirmed = number;
            self.until = self.until.max(sent.saturating_add(pace.hold));
        }
    }

    /// The newest question that was answered. What had ended before it was sent is in every count of a later judge.
    pub fn confirmed(&self) -> u64 {
        self.confirmed
    }

    /// When it closes.
    pub fn until(&self) -> Millis {
        self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_counts_from_before_the_question_and_each_answer_once() {
        let (mut fence, pace) = (Fence::default(), Pace::default());
        assert!(fence.until() == 0 && fence.waits_since().is_none());
        let (first, second) = (fence.ask(1000), fence.ask(2000));
        fence.confirm(second, &pace);
        assert_eq!((fence.until(), fence.confirmed()), (2000 + pace.hold, second));
        fence.confirm(first, &pace);
        fence.confirm(second, &pace);
        fence.confirm(77, &pace);
        assert_eq!((fence.until(), fence.confirmed(), fence.waits_since()), (2000 + pace.hold, second, None));
    }
}
