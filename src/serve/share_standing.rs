//! Whether this node may judge, and what admins were told of it (docs/many-nodes.md). What is asked for that is in `share_house`.

use std::collections::BTreeSet;

use crate::event::{Event, emit};
use crate::node::Millis;
use crate::share::{Accord, Bar, Pace};

/// What is wrong for so long is told.
const TOLD: Millis = 3000;

/// What a process left that was killed ends with its lease.
fn told_after(bar: Bar) -> Millis {
    if bar == Bar::Namesake { 2 * Pace::default().lease } else { TOLD }
}

/// Which [[share.node]] of the config an event is about, from 1; 0 is none.
fn place(node: usize) -> u64 {
    node as u64 + 1
}

/// Whether this node may judge, and what was told of it.
pub(super) struct ShareStanding {
    pub(super) accord: Accord,
    bar: Option<(Bar, Option<usize>)>,
    since: Millis,
    told: Option<(Bar, Option<usize>)>,
    /// The other nodes, in the order of the config.
    pub(super) names: Vec<String>,
    /// Which of them have been out of reach though they live, and which of these were told.
    lost: BTreeSet<usize>,
    lost_told: BTreeSet<usize>,
    /// etcd went back since this node was in.
    pub(super) went_back: bool,
}

impl ShareStanding {
    pub(super) fn new(accord: Accord) -> ShareStanding {
        let (names, lost, lost_told) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        ShareStanding { accord, bar: Some((Bar::Unknown, None)), since: 0, told: None, names, lost, lost_told, went_back: false }
    }

    /// Why nothing is judged, and which other node that is about.
    pub(super) fn bar(&self) -> Option<(Bar, Option<usize>)> {
        self.bar
    }

    /// What another node is called.
    pub(super) fn name(&self, at: usize) -> Option<String> {
        self.names.get(at).cloned()
    }

    /// Those whose listener cannot be reached.
    pub(super) fn silent(&self) -> Vec<String> {
        let silent = self.names.iter().zip(self.accord.silent()).filter(|(_, silent)| *silent);
        silent.map(|(name, _)| name.clone()).collect()
    }

    /// Looks whether it may judge now; whether that has changed. `settings` is what is wrong with those that are in force here.
    pub(super) fn look(&mut self, now: Millis, has_namesake: bool, settings: Option<Bar>) -> bool {
        let bar = self.accord.bar(now).or(has_namesake.then_some((Bar::Namesake, None)));
        let bar = bar.or(settings.map(|bar| (bar, None)));
        let before = std::mem::replace(&mut self.bar, bar);
        if before != self.bar {
            self.since = now;
        }
        match self.bar {
            Some((Bar::Unknown, _)) => {}
            Some((bar, node)) if self.told != self.bar && now >= self.since.saturating_add(told_after(bar)) => {
                self.told = self.bar;
                emit(Event::JudgesNothing { why: bar as u64, node: node.map_or(0, place) });
            }
            None if self.told.take().is_some() => emit(Event::JudgesAgain {}),
            Some(_) | None => {}
        }
        before.is_some() != self.bar.is_some()
    }

    /// Tells which nodes live and cannot be reached; each when it was so twice, once.
    pub(super) fn tell_lost(&mut self, lives: impl Fn(&str) -> bool) {
        let silent = self.names.iter().zip(self.accord.silent()).enumerate();
        let lost: BTreeSet<_> = silent.filter(|(_, (name, silent))| *silent && lives(name)).map(|(at, _)| at).collect();
        for node in lost.intersection(&self.lost).copied() {
            if self.lost_told.insert(node) {
                emit(Event::NodeSilent { node: place(node) });
            }
        }
        // One whose life has ended does not answer by that.
        let silent: BTreeSet<_> = self.accord.silent().enumerate().filter(|(_, silent)| *silent).map(|(at, _)| at).collect();
        let back: Vec<_> = self.lost_told.difference(&silent).copied().collect();
        for node in back {
            self.lost_told.remove(&node);
            emit(Event::NodeAnswers { node: place(node) });
        }
        self.lost = lost;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::share::GreetingWord;

    /// Told as out of reach, a node that ends does not answer by that: only an answer says so.
    #[test]
    fn a_node_whose_life_has_ended_does_not_answer_by_that() {
        let mark = "0123456789abcdef".repeat(2);
        let mut standing = ShareStanding::new(Accord::new(&mark, 1));
        standing.names = vec!["front-b".into()];
        standing.accord.heard(None, &[None], 1);
        (0..2).for_each(|_| standing.tell_lost(|_| true));
        assert_eq!(standing.lost_told, BTreeSet::from([0]));
        standing.tell_lost(|_| false);
        assert_eq!(standing.lost_told, BTreeSet::from([0]));
        standing.accord.heard(None, &[Some(GreetingWord { mark, house: None, is_in: true })], 2);
        standing.tell_lost(|_| true);
        assert!(standing.lost_told.is_empty());
    }
}
