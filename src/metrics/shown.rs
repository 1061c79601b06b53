//! From a number to what is shown of it.
//!
//! Rounding alone is not enough: between 19 and 20 lies one act, and who makes nine acts of their own can wait for the tenth of
//! somebody else. So a number moves only after a number of acts that is drawn anew each time, from ten to nineteen.

/// Fewer than these are shown as none, and no step is smaller.
const LEAST: u64 = 10;

/// One number over time.
pub(super) struct Shown {
    /// The number when it moved last.
    at: u64,
    /// How far it has to go until it moves again.
    wait: u64,
    shown: u64,
}

impl Shown {
    /// Of nothing. `draw` is any random number.
    pub(super) fn new(draw: u8) -> Shown {
        Shown { at: 0, wait: wait(draw), shown: 0 }
    }

    /// The number is `now`: what is shown of it. `draw` is a new random number.
    pub(super) fn update(&mut self, now: u64, draw: u8) -> u64 {
        if now.abs_diff(self.at) >= self.wait {
            *self = Shown { at: now, wait: wait(draw), shown: coarse(now) };
        }
        self.shown
    }
}

fn wait(draw: u8) -> u64 {
    LEAST + u64::from(draw) % LEAST
}

/// Rounded down to two digits, and to tens at least.
fn coarse(number: u64) -> u64 {
    let mut step = LEAST;
    while number / step >= 100 {
        step *= 10;
    }
    number / step * step
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_are_none_and_many_are_round() {
        for (number, shown) in [
            (0, 0),
            (9, 0),
            (10, 10),
            (19, 10),
            (99, 90),
            (100, 100),
            (999, 990),
            (1234, 1200),
            (u64::MAX, 18_000_000_000_000_000_000),
        ] {
            assert_eq!(coarse(number), shown, "{number}");
        }
    }

    #[test]
    fn nothing_moves_before_ten_acts_have_come_together() {
        let mut random = 0x9e37_79b9_7f4a_7c15_u64;
        let mut draw = || {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random.to_le_bytes()[0]
        };
        let mut shown = Shown::new(draw());
        let (mut before, mut moved, mut waits) = (0, 0, std::collections::BTreeSet::new());
        for now in 1..100_000u64 {
            let value = shown.update(now, draw());
            assert!(value.is_multiple_of(10) && value <= now && value >= before);
            // A step may hide behind the rounding: what counts is when the number was looked at.
            if shown.at == now {
                assert!(now - moved >= LEAST);
                waits.insert(now - moved);
                moved = now;
            }
            before = value;
        }
        assert_eq!(waits.len() as u64, LEAST, "nobody can tell how many acts it takes: {waits:?}");
        // Down again, for what is open.
        assert_eq!(shown.update(0, 0), 0);
    }
}
