//! What of the numbers goes to the disk: rounded up, so that two of them, taken at different times, do not tell the size of a message.
//!
//! A step is 64 KiB, or 16 messages; above a hundred steps it doubles, again and again, so that it is one to two hundredths of the number.
//! What was rounded stays as it is when it is rounded again: restarts do not make it grow.

use super::Amount;

/// The smallest steps.
const OCTETS: u64 = 64 * 1024;
const MESSAGES: u64 = 16;

impl Amount {
    /// Rounded up for the disk. Nothing stays nothing.
    pub(super) fn coarse(self) -> Amount {
        Amount { octets: up(self.octets, OCTETS), messages: up(self.messages, MESSAGES) }
    }
}

fn up(number: u64, smallest: u64) -> u64 {
    let mut step = smallest;
    while number > step.saturating_mul(100) {
        step = step.saturating_mul(2);
    }
    number.checked_next_multiple_of(step).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_rounded_up_by_a_step_or_two_hundredths_and_once_only() {
        let mut numbers: Vec<u64> =
            (0..64).flat_map(|bit| [1u64 << bit, (1 << bit) + 1, (1 << bit) - 1, (1 << bit) / 3 * 5]).collect();
        numbers.extend([u64::MAX, 100 * OCTETS, 100 * OCTETS + 1, 468_214, 702_446, 702_990]);
        for number in numbers {
            let told = up(number, OCTETS);
            assert!(told >= number && up(told, OCTETS) == told, "{number}");
            assert!(told - number < OCTETS.max(number / 50 + 1) || told == u64::MAX, "{number}");
        }
        // The sizes of two messages, and how many there were, are not in the differences.
        let told = |octets, messages| Amount { octets, messages }.coarse();
        assert!(told(702_446, 7) == told(702_990, 8) && told(0, 0) == Amount::ZERO);
        assert_eq!(told(1, 1), Amount { octets: 65_536, messages: 16 });
    }
}
