//! 80 and 95 %: when somebody is told that space runs out. Once each way up: a level is left only well below it, so that a
//! mailbox that goes up and down around 80 % causes one notice, not twenty.

/// How far below a level the fill must fall before the level is left, in percent.
const SLACK: u128 = 5;

/// How full, in the steps that matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing to tell.
    #[default]
    Low,
    /// 80 % and above.
    High,
    /// 95 % and above.
    Full,
}

impl Level {
    /// Where this level begins, in percent.
    pub fn percent(self) -> u64 {
        match self {
            Level::Low => 0,
            Level::High => 80,
            Level::Full => 95,
        }
    }

    /// The level with this beginning, as it is stored.
    pub(super) fn from_percent(percent: u64) -> Level {
        match percent {
            95.. => Level::Full,
            80.. => Level::High,
            _ => Level::Low,
        }
    }

    /// The level at `fill` percent, coming from this one.
    pub(super) fn at(self, fill: u128) -> Level {
        let reached = |level: Level, slack| fill + slack >= level.percent().into();
        let from_below = [Level::Full, Level::High].into_iter().find(|level| reached(*level, 0)).unwrap_or_default();
        let from_above = [Level::Full, Level::High].into_iter().find(|level| reached(*level, SLACK)).unwrap_or_default();
        self.min(from_above).max(from_below)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_entered_at_its_beginning_and_left_five_below() {
        let steps = [
            (79, Level::Low),
            (80, Level::High),
            (76, Level::High),
            (94, Level::High),
            (95, Level::Full),
            (90, Level::Full),
            (89, Level::High),
            (75, Level::High),
            (74, Level::Low),
            (100, Level::Full),
            (0, Level::Low),
        ];
        let mut level = Level::Low;
        for (fill, expected) in steps {
            level = level.at(fill);
            assert_eq!(level, expected, "{fill}");
        }
    }
}
