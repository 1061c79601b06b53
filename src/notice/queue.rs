//! Notices that the relay has not taken yet: bounded, the last one for each topic, tried again at growing distances.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::quota::{News, Topic};

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
pub struct Queue(BTreeMap<Topic, Waiting>);

struct Waiting {
    news: News,
    tries: u32,
    due: Duration,
}

impl Queue {
    /// There are news. Due ones wait for the next try, in place of one that waited for the same topic; others (a level that
    /// was left) drop one that waited, or make it the one for the lower level. False when the queue is full.
    pub fn put(&mut self, news: News, now: Duration) -> bool {
        let earlier = self.0.remove(&news.topic());
        let news = news.after(earlier.as_ref().map(|waiting| &waiting.news));
        if !news.is_due() {
            return true;
        }
        if self.0.len() >= MOST {
            return false;
        }
        self.0.insert(news.topic(), Waiting { news, tries: 0, due: now });
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
    pub fn due(&self, now: Duration) -> Vec<News> {
        let due = self.0.values().filter(|waiting| waiting.due <= now);
        due.map(|waiting| waiting.news.clone()).collect()
    }

    /// The relay has it, or will never have it.
    pub fn done(&mut self, topic: &Topic) {
        self.0.remove(topic);
    }

    /// The relay could not take it now. False when this was the last try.
    pub fn later(&mut self, topic: &Topic, now: Duration) -> bool {
        let Some(waiting) = self.0.get_mut(topic) else { return true };
        waiting.tries += 1;
        // Ten doublings are beyond the longest.
        waiting.due = now + FIRST.saturating_mul(1 << (waiting.tries - 1).min(10)).min(LONGEST);
        let go_on = waiting.tries < TRIES;
        if !go_on {
            self.done(topic);
        }
        go_on
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Lang;
    use crate::private::Address;
    use crate::quota::{Amount, Crossing, Day, Leaving, Level, Limit, Name, Subject};

    fn crossing(number: usize, was: Level, now: Level) -> News {
        let subject = Subject::Mailbox(Address::parse(&format!("m{number}@velo.example")).unwrap());
        let (used, storage, messages) = (Amount::ZERO, Limit::At(1), Limit::None);
        News::Crossing(Crossing { subject, was, now, used, storage, messages, lang: Lang::En, contact: None })
    }

    fn steps(queue: &Queue) -> (Level, Level) {
        match &queue.due(START)[0] {
            News::Crossing(crossing) => (crossing.was, crossing.now),
            News::Leaving(_) | News::Stopped(_) => panic!("no crossing"),
        }
    }

    const START: Duration = Duration::from_secs(100);

    #[test]
    fn tries_grow_apart_and_end() {
        let mut queue = Queue::default();
        queue.put(crossing(1, Level::Low, Level::High), START);
        let topic = queue.due(START)[0].topic();
        let (mut now, mut waits) = (START, Vec::new());
        while queue.later(&topic, now) {
            let due = queue.0[&topic].due;
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
        assert!(queue.due(START).len() == 1 && steps(&queue).1 == Level::Full);
        queue.put(crossing(1, Level::Full, Level::High), START);
        assert!(steps(&queue) == (Level::Low, Level::High));
        queue.put(crossing(1, Level::High, Level::Low), START);
        assert!(queue.is_empty());
        // Down from a level whose notice went out long ago.
        queue.put(crossing(1, Level::Full, Level::High), START);
        assert!(queue.is_empty());
    }

    #[test]
    fn leaving_waits_beside_a_level_and_can_be_called_off() {
        let mut queue = Queue::default();
        let crossing = crossing(1, Level::Low, Level::High);
        let leaving = |until| {
            let (subject, association) = (crossing.subject().clone(), Name::parse("velo").unwrap());
            News::Leaving(Leaving { subject, association, until, lang: Lang::En })
        };
        queue.put(crossing.clone(), START);
        queue.put(leaving(Day::parse("2027-03-01")), START);
        queue.put(leaving(Day::parse("2027-06-01")), START);
        assert!(queue.due(START).len() == 2);
        queue.put(leaving(None), START);
        assert!(queue.due(START).len() == 1 && steps(&queue).1 == Level::High);
    }

    #[test]
    fn it_is_bounded() {
        let mut queue = Queue::default();
        assert!((0..MOST).all(|number| queue.put(crossing(number, Level::Low, Level::High), START)));
        assert!(!queue.put(crossing(MOST, Level::Low, Level::High), START));
        assert!(queue.put(crossing(0, Level::High, Level::Full), START) && queue.len() == MOST);
    }
}
