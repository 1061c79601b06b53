//! What somebody is to be told, and what they were told: two sides, because a relay can be down.
//!
//! The store holds only what was told. After a crash what is due comes out of the numbers again, and is told again: at least
//! once, and twice only when the crash falls between the relay's answer and the next time that usage is written.

use super::{Day, Level};

/// What one notice after the other has said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Notified {
    /// The level.
    pub level: Level,
    /// The last day of an association that leaves.
    pub leaving: Option<Day>,
}

/// Of one mailbox, or of one association as a whole. The level that was told is never above the one that is due.
#[derive(Clone, Copy, Default)]
pub(super) struct Mark {
    due: Notified,
    told: Notified,
}

impl Mark {
    /// As it comes out of the store.
    pub(super) fn kept(told: Notified) -> Mark {
        Mark { due: told, told }
    }

    /// What was to be told last.
    pub(super) fn due(self) -> Notified {
        self.due
    }

    /// What was told last: this is what the store holds.
    pub(super) fn told(self) -> Notified {
        self.told
    }

    /// Whether nothing is due.
    pub(super) fn is_told(self) -> bool {
        self.due == self.told
    }

    /// The fill is `fill` percent now. The level before and the one after, when they differ.
    pub(super) fn fill(&mut self, fill: u128) -> Option<(Level, Level)> {
        let (was, now) = (self.due.level, self.due.level.at(fill));
        self.due.level = now;
        // Down counts as told at once: the way up from there is another time.
        self.told.level = self.told.level.min(now);
        (was != now).then_some((was, now))
    }

    /// The association leaves after that day, or does not leave. Says whether this is new.
    pub(super) fn leave(&mut self, until: Option<Day>) -> bool {
        // Called off counts as told: leaving after all is another time, also on the same day.
        self.told.leaving = self.told.leaving.filter(|_| until.is_some());
        std::mem::replace(&mut self.due.leaving, until) != until
    }

    /// A notice of `level` was taken.
    pub(super) fn tell_level(&mut self, level: Level) {
        // The level may have been left while the notice was on its way.
        self.told.level = self.told.level.max(level.min(self.due.level));
    }

    /// A notice of leaving was taken.
    pub(super) fn tell_leaving(&mut self, until: Option<Day>) {
        if until == self.due.leaving {
            self.told.leaving = until;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_told_is_due_again() {
        let mut mark = Mark::default();
        assert_eq!(mark.fill(81), Some((Level::Low, Level::High)));
        assert_eq!(Mark::kept(mark.told()).fill(81), Some((Level::Low, Level::High)));
        mark.tell_level(Level::High);
        // A restart at 77 %, on the way down, does not leave the level.
        let mut again = Mark::kept(mark.told());
        assert!(again.fill(77).is_none() && again.fill(82).is_none());
        assert_eq!(again.fill(96), Some((Level::High, Level::Full)));
        assert_eq!(Mark::kept(again.told()).fill(96), Some((Level::High, Level::Full)));
    }

    #[test]
    fn a_level_that_was_left_meanwhile_is_not_told() {
        let mut mark = Mark::default();
        assert!(mark.fill(97).is_some() && mark.fill(10).is_some());
        mark.tell_level(Level::Full);
        assert!(mark.told().level == Level::Low && mark.fill(97).is_some());
        mark.tell_level(Level::Full);
        assert!(mark.fill(85).is_some() && mark.told().level == Level::High);
    }

    #[test]
    fn leaving_is_told_once_for_each_day() {
        let [march, june] = ["2027-03-01", "2027-06-01"].map(Day::parse);
        let mut mark = Mark::default();
        assert!(!mark.leave(None) && mark.leave(march) && !mark.leave(march));
        assert!(Mark::kept(mark.told()).leave(march), "a restart before it was told");
        mark.tell_leaving(march);
        assert!(!Mark::kept(mark.told()).leave(march));
        // Another day while the notice of the first is on its way.
        assert!(mark.leave(june));
        mark.tell_leaving(march);
        assert!(Mark::kept(mark.told()).leave(june));
        assert!(mark.leave(None) && mark.told().leaving.is_none() && mark.leave(march));
    }
}
