//! Facts that are worth a notice and that the relay has not taken yet: bounded, the last one for each topic, tried again at growing
//! distances. The book tells them in ([`Facts`]), the task that sends notices takes them out; there is no other queue.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::topic::{Topic, after, is_due, is_nothing, is_own_limit, reached, since};
use crate::quota::{Fact, Facts, Level, Subject};

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
pub struct Queue(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    notices: BTreeMap<Topic, WaitingNotice>,
    counts: Counts,
}

struct WaitingNotice {
    fact: Fact,
    tries: u32,
    due: Duration,
    meanwhile: Meanwhile,
}

/// What became of it since the last look, when a notice may have gone on its way.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Meanwhile {
    /// Nothing: it is what was looked at.
    Looked,
    /// More came, and the one that was looked at is in it. The lowest level meanwhile: from there, the way up is another time.
    Grown(Level),
    /// It came, and has nothing to do with what is on its way.
    New,
}

/// What happened since the last look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Notices that found no place.
    pub lost: u64,
    /// Limits of sending that were reached.
    pub stopped: u64,
}

impl Facts for Queue {
    /// Waits for the next try, in place of one of the same topic. What is not due (a level that was left) drops that one, or makes it
    /// the one for the lower level.
    fn tell(&self, fact: Fact) {
        let (mut waiting, topic) = (self.lock(), Topic::of(&fact));
        waiting.counts.stopped += u64::from(is_own_limit(&fact));
        let earlier = waiting.notices.remove(&topic);
        let meanwhile = match earlier.as_ref().map(|entry| entry.meanwhile) {
            Some(Meanwhile::Looked) => Meanwhile::Grown(reached(&fact)),
            Some(Meanwhile::Grown(lowest)) => Meanwhile::Grown(lowest.min(reached(&fact))),
            Some(Meanwhile::New) | None => Meanwhile::New,
        };
        let fact = after(fact, earlier.as_ref().map(|entry| &entry.fact));
        if is_nothing(&fact) {
            return;
        }
        if waiting.notices.len() < MOST {
            waiting.notices.insert(topic, WaitingNotice { fact, tries: 0, due: Duration::ZERO, meanwhile });
        } else {
            waiting.counts.lost += u64::from(is_due(&fact));
        }
    }

    fn forget(&self, subject: &Subject) {
        self.lock().notices.retain(|topic, _| !topic.is_about(subject));
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.lock().notices.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What was counted since the last call.
    pub fn counts(&self) -> Counts {
        std::mem::take(&mut self.lock().counts)
    }

    /// Those to be tried now. They stay until they are [`done`](Queue::done).
    pub fn due(&self, now: Duration) -> Vec<Fact> {
        let mut waiting = self.lock();
        waiting.notices.retain(|_, entry| is_due(&entry.fact));
        let due = waiting.notices.values_mut().filter(|entry| entry.due <= now);
        due.map(|entry| {
            entry.meanwhile = Meanwhile::Looked;
            entry.fact.clone()
        })
        .collect()
    }

    /// The relay has it, or will never have it. What came of the same topic meanwhile stays, as far as it says more; and all of it where the
    /// level was left in between: that is told a second time rather than never.
    pub fn done(&self, fact: &Fact) {
        let (mut waiting, topic) = (self.lock(), Topic::of(fact));
        let entry = match waiting.notices.remove(&topic) {
            None | Some(WaitingNotice { meanwhile: Meanwhile::Looked, .. }) => return,
            Some(entry @ WaitingNotice { meanwhile: Meanwhile::New, .. }) => entry,
            Some(WaitingNotice { meanwhile: Meanwhile::Grown(lowest), fact: more, tries, due }) => {
                WaitingNotice { fact: since(more, fact, lowest), tries, due, meanwhile: Meanwhile::New }
            }
        };
        if !is_nothing(&entry.fact) {
            waiting.notices.insert(topic, entry);
        }
    }

    /// The relay could not take it now. False when this was the last try.
    pub fn later(&self, fact: &Fact, now: Duration) -> bool {
        let (mut waiting, topic) = (self.lock(), Topic::of(fact));
        let Some(entry) = waiting.notices.get_mut(&topic).filter(|entry| entry.meanwhile == Meanwhile::Looked) else {
            return true;
        };
        entry.tries += 1;
        // Ten doublings are beyond the longest.
        entry.due = now + FIRST.saturating_mul(1 << (entry.tries - 1).min(10)).min(LONGEST);
        let go_on = entry.tries < TRIES;
        if !go_on {
            waiting.notices.remove(&topic);
        }
        go_on
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Lang;
    use crate::private::Address;
    use crate::quota::{Amount, Crossing, Day, Leaving, Limit, Name, Stopped};

    fn crossing(number: usize, was: Level, now: Level) -> Fact {
        let subject = Subject::Mailbox(Address::parse(&format!("m{number}@velo.example")).unwrap());
        let (used, storage, messages) = (Amount::ZERO, Limit::At(1), Limit::None);
        Fact::Crossing(Crossing { subject, was, now, used, storage, messages, lang: Lang::En, contact: None })
    }

    fn steps(queue: &Queue) -> Vec<(Level, Level)> {
        let step = |fact: &Fact| match fact {
            Fact::Crossing(crossing) => (crossing.was, crossing.now),
            Fact::Leaving(_) | Fact::Stopped(_) => panic!("no crossing"),
        };
        queue.due(START).iter().map(step).collect()
    }

    const START: Duration = Duration::from_secs(100);

    #[test]
    fn tries_grow_apart_and_end() {
        let queue = Queue::default();
        queue.tell(crossing(1, Level::Low, Level::High));
        let fact = queue.due(START)[0].clone();
        let (mut now, mut waits) = (START, Vec::new());
        while queue.later(&fact, now) {
            let due = queue.lock().notices[&Topic::of(&fact)].due;
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
        let queue = Queue::default();
        queue.tell(crossing(1, Level::Low, Level::High));
        queue.tell(crossing(1, Level::High, Level::Full));
        assert_eq!(steps(&queue), [(Level::Low, Level::Full)]);
        queue.tell(crossing(1, Level::Full, Level::High));
        assert_eq!(steps(&queue), [(Level::Low, Level::High)]);
        queue.tell(crossing(1, Level::High, Level::Low));
        assert!(queue.is_empty());
        // Down from a level whose notice went out long ago.
        queue.tell(crossing(1, Level::Full, Level::High));
        assert!(steps(&queue).is_empty() && queue.is_empty());
        // Down and up before anybody looked: the way up is another time, as if somebody had.
        for [was, now] in [[Level::High; 2], [Level::Full; 2], [Level::Full, Level::High], [Level::High, Level::Full]] {
            queue.tell(crossing(1, was, Level::Low));
            queue.tell(crossing(1, Level::Low, now));
            assert_eq!(steps(&queue), [(Level::Low, now)]);
            // Taken back: nothing was told of it yet.
            queue.tell(crossing(1, now, Level::Low));
            assert!(queue.is_empty());
        }
        queue.tell(crossing(1, Level::Full, Level::High));
        queue.tell(crossing(1, Level::High, Level::Low));
        queue.tell(crossing(1, Level::Low, Level::High));
        assert_eq!(steps(&queue), [(Level::Low, Level::High)]);
    }

    #[test]
    fn what_comes_while_a_notice_is_on_its_way_is_not_lost() {
        let (high, full) = (crossing(1, Level::Low, Level::High), crossing(1, Level::High, Level::Full));
        let begun = || {
            let queue = Queue::default();
            queue.tell(high.clone());
            let fact = queue.due(START)[0].clone();
            (queue, fact)
        };
        let (queue, sent) = begun();
        queue.tell(full.clone());
        queue.done(&sent);
        assert_eq!(steps(&queue), [(Level::High, Level::Full)]);
        // Not taken: one notice says both, at once.
        let (queue, sent) = begun();
        queue.tell(full);
        assert!(queue.later(&sent, START));
        assert_eq!(steps(&queue), [(Level::Low, Level::Full)]);
        // Left again: there is nothing more to say, whether it was taken or not.
        let left = crossing(1, Level::High, Level::Low);
        for taken in [true, false] {
            let (queue, sent) = begun();
            queue.tell(left.clone());
            if taken {
                queue.done(&sent);
            } else {
                assert!(queue.later(&sent, START));
            }
            assert!(queue.is_empty());
        }
        // And reached again: that is another time, whatever becomes of the first.
        for taken in [true, false] {
            let (queue, sent) = begun();
            queue.tell(left.clone());
            queue.tell(high.clone());
            if taken {
                queue.done(&sent);
            } else {
                assert!(queue.later(&sent, START));
            }
            assert_eq!(steps(&queue), [(Level::Low, Level::High)]);
        }
    }

    /// Whatever came while notices were on their way: in the end nobody is at a level that is above what the last notice said, or above
    /// where he was since it began.
    #[test]
    fn in_the_end_everybody_has_heard_of_where_he_is() {
        let levels = [Level::Low, Level::High, Level::Full];
        for seed in 1..4000_u64 {
            let (queue, mut random, mut level) = (Queue::default(), seed, Level::Low);
            let (mut known, mut sent) = (Level::Low, None::<Fact>);
            let finish = |sent: &mut Option<Fact>| sent.take().into_iter().for_each(|fact| queue.done(&fact));
            let look = |sent: &mut Option<Fact>, known: &mut Level| {
                *sent = queue.due(START).into_iter().next();
                sent.iter().for_each(|fact| *known = reached(fact));
            };
            for _ in 0..9 {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                match random >> 60 {
                    0..=2 if sent.is_none() => look(&mut sent, &mut known),
                    3..=5 => finish(&mut sent),
                    _ => {
                        let next = levels[(random >> 33) as usize % 3];
                        if next != level {
                            queue.tell(crossing(1, level, next));
                        }
                        (level, known) = (next, known.min(next));
                    }
                }
            }
            finish(&mut sent);
            look(&mut sent, &mut known);
            assert!(level <= known, "seed {seed}: at {level:?}, heard of {known:?}");
        }
    }

    #[test]
    fn leaving_waits_beside_a_level_and_can_be_called_off() {
        let queue = Queue::default();
        let crossing = crossing(1, Level::Low, Level::High);
        let leaving = |until| {
            let (subject, association) = (crossing.subject().clone(), Name::parse("velo").unwrap());
            Fact::Leaving(Leaving { subject, association, until, lang: Lang::En })
        };
        queue.tell(crossing.clone());
        queue.tell(leaving(Day::parse("2027-03-01")));
        queue.tell(leaving(Day::parse("2027-06-01")));
        assert!(queue.due(START).len() == 2);
        queue.tell(leaving(None));
        assert_eq!(steps(&queue), [(Level::Low, Level::High)]);
    }

    #[test]
    fn nothing_is_kept_of_who_was_removed() {
        let queue = Queue::default();
        queue.tell(crossing(1, Level::Low, Level::High));
        queue.tell(crossing(2, Level::Low, Level::High));
        let fact = queue.due(START)[0].clone();
        assert!(queue.later(&fact, START));
        queue.forget(fact.subject());
        assert!(queue.len() == 1 && queue.later(&fact, START), "one that waits for another try goes too");
    }

    #[test]
    fn a_limit_of_sending_is_counted_once() {
        let queue = Queue::default();
        let (alice, association) = (Address::parse("alice@velo.example").unwrap(), Name::parse("velo").unwrap());
        for subject in [Subject::Mailbox(alice.clone()), Subject::Association(association.clone())] {
            let (sender, association) = (Some(alice.clone()), association.clone());
            queue.tell(Fact::Stopped(Stopped { subject, sender, association, lang: Lang::En }));
        }
        assert!(queue.counts() == Counts { lost: 0, stopped: 1 } && queue.counts() == Counts::default() && queue.len() == 2);
    }

    #[test]
    fn it_is_bounded() {
        let queue = Queue::default();
        (0..=MOST).for_each(|number| queue.tell(crossing(number, Level::Low, Level::High)));
        assert!(queue.counts().lost == 1 && queue.len() == MOST);
        queue.tell(crossing(0, Level::High, Level::Full));
        assert!(queue.counts().lost == 0 && queue.len() == MOST);
    }
}
