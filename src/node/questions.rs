//! Questions under way to whoever grants, each with the time before it was sent: what is granted counts from then.

use std::collections::VecDeque;

use super::Millis;

/// How many may still be answered.
const OPEN: usize = 16;

/// See the head of the file.
#[derive(Default)]
pub struct Questions {
    asked: u64,
    /// Each that has no answer yet, and no later one has.
    open: VecDeque<(u64, Millis)>,
}

impl Questions {
    /// Takes note of a question that is about to be sent; its number. The time must be read before anything of it is sent.
    pub fn ask(&mut self, now: Millis) -> u64 {
        self.asked += 1;
        if self.open.len() == OPEN {
            self.open.pop_front();
        }
        self.open.push_back((self.asked, now));
        self.asked
    }

    /// The number of the newest; 0 before the first.
    pub fn asked(&self) -> u64 {
        self.asked
    }

    /// When the newest one was sent, where it has no answer.
    pub fn waits_since(&self) -> Option<Millis> {
        self.open.back().map(|(_, at)| *at)
    }

    /// Question `number` is answered: just before when it was sent. None for one that nobody asked, that was answered, or that a later one was
    /// answered before: each counts once, and an older one says nothing.
    pub fn answered(&mut self, number: u64) -> Option<Millis> {
        let at = self.open.iter().position(|(asked, _)| *asked == number)?;
        self.open.drain(..=at).next_back().map(|(_, sent)| sent)
    }

    /// Nothing is waited for any more.
    pub fn forget(&mut self) {
        self.open.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_answered_once_and_none_before_an_earlier_one() {
        let mut questions = Questions::default();
        assert!(questions.waits_since().is_none() && questions.answered(0).is_none());
        let [first, second] = [1000, 2000].map(|now| questions.ask(now));
        assert_eq!((questions.asked(), questions.waits_since()), (second, Some(2000)));
        assert_eq!([second, first, second, 77].map(|number| questions.answered(number)), [Some(2000), None, None, None]);
        let last = (0..100).map(|at| questions.ask(3000 + at)).last();
        assert_eq!((last, questions.open.len()), (Some(questions.asked()), OPEN));
        questions.forget();
        assert!(questions.answered(questions.asked()).is_none());
    }
}
