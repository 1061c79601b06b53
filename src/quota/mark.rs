//! What somebody is to be told, and what they were told: two marks, because a relay can be down.
//!
//! The store holds only what was told. After a crash what is due comes out of the numbers again, and is told again: at least
//! once, and twice only when the crash falls between the relay's answer and the next batch.

use super::Level;

/// Of one mailbox, or of one association as a whole. What was told is never above what is due.
#[derive(Clone, Copy, Default)]
pub(super) struct Mark {
    due: Level,
    told: Level,
}

impl Mark {
    /// As it comes out of the store.
    pub(super) fn kept(told: Level) -> Mark {
        Mark { due: told, told }
    }

    /// The level that was passed last.
    pub(super) fn due(self) -> Level {
        self.due
    }

    /// The level that was told last: what the store holds.
    pub(super) fn told(self) -> Level {
        self.told
    }

    /// The fill is `fill` percent now. The level before and the one after, when they differ.
    pub(super) fn fill(&mut self, fill: u128) -> Option<(Level, Level)> {
        let (was, now) = (self.due, self.due.at(fill));
        self.due = now;
        // Down counts as told at once: the way up from there is another time.
        self.told = self.told.min(now);
        (was != now).then_some((was, now))
    }

    /// A notice of `level` was taken. Says whether the store must hear of it.
    pub(super) fn tell(&mut self, level: Level) -> bool {
        // The level may have been left while the notice was on its way.
        let told = self.told.max(level.min(self.due));
        std::mem::replace(&mut self.told, told) != told
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
        assert!(mark.tell(Level::High) && !mark.tell(Level::High));
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
        assert!(!mark.tell(Level::Full) && mark.told() == Level::Low);
        assert!(mark.fill(97).is_some() && mark.tell(Level::Full));
        assert!(mark.fill(85).is_some() && mark.told() == Level::High);
    }
}
