//! When a run changes nothing: a panel that lost much lost it by accident, until an admin says otherwise. Pure.

use super::code::SyncCode;
use super::difference::Stakes;

/// Mailboxes that may be missing at once, whatever the size of the host.
const MANY: u64 = 10;
/// And of a hundred.
const PERCENT: u64 = 5;
/// A count that is below this says nothing when it halves.
const FEW: u64 = 4;
/// One in so many mailboxes may have another limit than at the last run, or [`MANY`].
const LIMITS: u64 = 4;

/// Why the run must stop; none when it may go on.
///
/// More than 10 mailboxes, or more than 5 % and more than one; a whole association; half of what there was, or no domain (of its own, or
/// standing for another) at all;
/// other limits for more than 10 mailboxes and more than a quarter of them.
pub fn brake(stakes: &Stakes) -> Option<SyncCode> {
    let Stakes { panel, last, held, missing, emptied: associations, limits } = *stakes;
    let halved = |now: u64, last: u64| last >= FEW && now.saturating_mul(2) < last;
    let emptied = |now: u64, last: u64| now == 0 && last > 0;
    // Not every panel has a table of those that stand for another: one that is not there any more looks like an empty one.
    let half = emptied(panel.domains, last.domains)
        || emptied(panel.standing, last.standing)
        || halved(panel.domains, last.domains)
        || halved(panel.standing, last.standing)
        || halved(panel.mailboxes, last.mailboxes)
        || halved(panel.aliases, last.aliases);
    let allowed = (held.saturating_mul(PERCENT) / 100).clamp(1, MANY);
    match () {
        () if half => Some(SyncCode::Half),
        () if associations > 0 => Some(SyncCode::Association),
        () if missing > allowed => Some(SyncCode::Removals),
        () if limits > MANY && limits.saturating_mul(LIMITS) > panel.mailboxes => Some(SyncCode::Limits),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::state::PanelCounts;

    fn stakes(held: u64, missing: u64) -> Stakes {
        let counts = PanelCounts { domains: 10, mailboxes: held, aliases: 100, standing: 8 };
        Stakes { panel: counts, last: counts, held, missing, emptied: 0, limits: 0 }
    }

    #[test]
    fn removals_are_bounded_by_number_and_by_share() {
        for (held, missing, stops) in [
            (30_000, 10, false),
            (30_000, 11, true),
            (100, 5, false),
            (100, 6, true),
            (12, 1, false),
            (12, 2, true),
            (0, 0, false),
        ] {
            let expected = stops.then_some(SyncCode::Removals);
            assert_eq!(brake(&stakes(held, missing)), expected, "{missing} of {held}");
        }
    }

    #[test]
    fn limits_change_by_number_and_by_share() {
        for (held, limits, stops) in [(10, 10, false), (11, 11, true), (44, 11, false), (43, 11, true), (30_000, 7500, false)] {
            let expected = stops.then_some(SyncCode::Limits);
            assert_eq!(brake(&Stakes { limits, ..stakes(held, 0) }), expected, "{limits} of {held}");
        }
    }

    #[test]
    fn halves_and_associations() {
        let whole = stakes(100, 0);
        let with = |change: fn(&mut Stakes)| {
            let mut stakes = whole;
            change(&mut stakes);
            brake(&stakes)
        };
        assert_eq!(with(|stakes| stakes.panel.mailboxes = 50), None);
        assert_eq!(with(|stakes| stakes.panel.mailboxes = 49), Some(SyncCode::Half));
        assert_eq!(with(|stakes| stakes.panel.aliases = 0), Some(SyncCode::Half));
        assert_eq!(with(|stakes| stakes.panel.domains = 4), Some(SyncCode::Half));
        assert_eq!(with(|stakes| stakes.panel.standing = 4), None);
        assert_eq!(with(|stakes| stakes.panel.standing = 3), Some(SyncCode::Half));
        assert_eq!(with(|stakes| (stakes.panel.standing, stakes.last.standing) = (0, 1)), Some(SyncCode::Half));
        assert_eq!(with(|stakes| stakes.emptied = 1), Some(SyncCode::Association));
        // One domain of one, two aliases of three: that is not half a panel but all of it, or a member's work.
        let small = PanelCounts { domains: 1, mailboxes: 1, aliases: 3, standing: 0 };
        let now = PanelCounts { domains: 1, mailboxes: 0, aliases: 1, standing: 0 };
        assert_eq!(brake(&Stakes { panel: now, last: small, ..Stakes::default() }), None);
        assert_eq!(brake(&Stakes { last: small, ..Stakes::default() }), Some(SyncCode::Half));
    }
}
