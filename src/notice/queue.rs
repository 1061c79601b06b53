//! Notices that the relay has not taken yet: bounded, the last one for each subject, tried again at growing distances.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::quota::{Crossing, Subject};

/// Notices at most: one for each mailbox of a large host, in some 15 MB. More cannot be told apart from a mistake.
const MOST: usize = 40_000;
/// From the first try to the second; doubles from there ...
const FIRST: Duration = Duration::from_secs(5);
/// ... up to this.
const LONGEST: Duration = Duration::from_secs(3600);
/// After so many tries, about five days, a notice is of no use any more.
const TRIES: u32 = 130;

/// The notices that wait. Its times are those of any clock that only goes forward.
#[derive(Default)]
pub struct Queue(BTreeMap<Subject, Waiting>);

struct Waiting {
    crossing: Crossing,
    tries: u32,
    due: Duration,
}

impl Queue {
    /// A level was passed. Up: a notice is due at once, in place of one that waited for the same subject. Down: one that
    /// waited is dropped, or becomes the one for the lower level. False when the queue is full.
    pub fn put(&mut self, mut crossing: Crossing, now: Duration) -> bool {
        if let Some(earlier) = self.0.remove(&crossing.subject) {
            crossing.was = earlier.crossing.was;
        }
        if !crossing.is_up() {
            return true;
        }
        if self.0.len() >= MOST {
            return false;
        }
        self.0.insert(crossing.subject.clone(), Waiting { crossing, tries: 0, due: now });
        true
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those to be tried now.
    pub fn due(&self, now: Duration) -> Vec<Crossing> {
        let due = self.0.values().filter(|waiting| waiting.due <= now);
        due.map(|waiting| waiting.crossing.clone()).collect()
    }

    /// The relay has it, or will never have it.
    pub fn done(&mut self, subject: &Subject) {
        self.0.remove(subject);
    }

    /// The relay could not take it now. False when this was the last try.
    pub fn later(&mut self, subject: &Subject, now: Duration) -> bool {
        let Some(waiting) = self.0.get_mut(subject) else { return true };
        waiting.tries += 1;
        // Ten doublings are beyond the longest.
        waiting.due = now + FIRST.saturating_mul(1 << (waiting.tries - 1).min(10)).min(LONGEST);
        let go_on = waiting.tries < TRIES;
        if !go_on {
            self.done(subject);
        }
        go_on
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Lang;
    use crate::private::Address;
    use crate::quota::{Amount, Level, Limit};

    fn crossing(number: usize, was: Level, now: Level) -> Crossing {
        let subject = Subject::Mailbox(Address::parse(&format!("m{number}@velo.example")).unwrap());
        let (used, storage, messages) = (Amount::ZERO, Limit::At(1), Limit::None);
        Crossing { subject, was, now, used, storage, messages, lang: Lang::En, contact: None }
    }

    const START: Duration = Duration::from_secs(100);

    #[test]
    fn tries_grow_apart_and_end() {
        let mut queue = Queue::default();
        queue.put(crossing(1, Level::Low, Level::High), START);
        let subject = queue.due(START)[0].subject.clone();
        let (mut now, mut waits) = (START, Vec::new());
        while queue.later(&subject, now) {
            let due = queue.0[&subject].due;
            assert!(queue.due(due - Duration::from_millis(1)).is_empty() && queue.due(due).len() == 1);
            waits.push((due - now).as_secs());
            now = due;
        }
        assert_eq!(waits[..4], [5, 10, 20, 40]);
        assert!(waits.last() == Some(&3600) && waits.len() == 129 && queue.is_empty());
        assert!((now - START).as_secs() / 86_400 == 5);
    }

    #[test]
    fn the_last_crossing_of_a_subject_counts() {
        let mut queue = Queue::default();
        queue.put(crossing(1, Level::Low, Level::High), START);
        queue.put(crossing(1, Level::High, Level::Full), START);
        assert!(queue.due(START).len() == 1 && queue.due(START)[0].now == Level::Full);
        queue.put(crossing(1, Level::Full, Level::High), START);
        assert!(queue.due(START)[0].now == Level::High && queue.due(START)[0].was == Level::Low);
        queue.put(crossing(1, Level::High, Level::Low), START);
        assert!(queue.is_empty());
        // Down from a level whose notice went out long ago.
        queue.put(crossing(1, Level::Full, Level::High), START);
        assert!(queue.is_empty());
    }

    #[test]
    fn it_is_bounded() {
        let mut queue = Queue::default();
        assert!((0..MOST).all(|number| queue.put(crossing(number, Level::Low, Level::High), START)));
        assert!(!queue.put(crossing(MOST, Level::Low, Level::High), START));
        assert!(queue.put(crossing(0, Level::High, Level::Full), START) && queue.len() == MOST);
    }
}
