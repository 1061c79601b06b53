//! Numbers that tell no act: what lists show and what stands on the disk is rounded up.

use super::Amount;

/// The least step of octets.
const OCTETS: u64 = 64 << 10;
/// The least step of messages.
const MESSAGES: u64 = 16;

/// Rounded up to 64 KiB and 16 messages, or to 1 % where that is more. Nothing stays nothing.
pub fn rounded(exact: Amount) -> Amount {
    Amount { octets: up(exact.octets, OCTETS), messages: up(exact.messages, MESSAGES) }
}

// Steps are powers of two, so that limits like 10G are whole steps and a full mailbox is shown as full.
fn up(exact: u64, least: u64) -> u64 {
    let hundredth = exact / 100;
    let step = if hundredth < least { least } else { 1 << hundredth.ilog2() };
    exact.div_ceil(step).saturating_mul(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_up_by_a_hundredth_at_most_and_full_is_full() {
        let octets = |octets| rounded(Amount { octets, messages: 0 }).octets;
        for (exact, shown) in
            [(0, 0), (1, OCTETS), (OCTETS, OCTETS), (OCTETS + 1, 2 * OCTETS), (10 << 30, 10 << 30), (1 << 29, 1 << 29)]
        {
            assert_eq!(octets(exact), shown, "{exact}");
        }
        let mut random = 1_u64;
        for _ in 0..10_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let exact = random >> (random % 40 + 10);
            let shown = octets(exact);
            assert!(shown >= exact && shown - exact < (exact / 100).max(OCTETS), "{exact} {shown}");
            assert_eq!(octets(shown), shown, "what is settled stays");
        }
        assert_eq!(rounded(Amount { octets: u64::MAX, messages: 17 }), Amount { octets: u64::MAX, messages: 32 });
    }
}
