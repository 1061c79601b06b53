//! What a sender is told when incoming mail finds no room: for good, or to try again later.

use super::entry::Entry;
use super::ledger::Ledger;
use super::pulse::{BELIEVED, Tick};
use super::tally::Tally;
use super::{Amount, Book, Day, Limit, Sum, Verdict};
use crate::private::Address;

/// The admins' choice, `[quota] over` and `grace_percent` in the config file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverQuota {
    /// Refused for good (552): the sender hears of it now. A message that would pass the limit by at most `grace` percent of
    /// the limit is deferred all the same: its sender tries for days, and a little tidying up is enough to let it in.
    Refuse {
        /// 0 to 100; 0 defers nothing.
        grace: u8,
    },
    /// Always deferred (452): the sender's server tries for days, then tells its user.
    Defer,
}

impl Default for OverQuota {
    fn default() -> OverQuota {
        OverQuota::Refuse { grace: 0 }
    }
}

/// What the sender of mail to an unknown domain is told; `[quota] unknown` in the config file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unknown {
    /// To try again (450): the relay has taken the mail already, so the book is behind, and a bounce would go to whoever the
    /// sender claims to be.
    #[default]
    Defer,
    /// That there is no such domain (550).
    Refuse,
}

impl Book {
    /// Whether mail of `amount`, for which the book just said `verdict`, is to be deferred rather than refused for good.
    ///
    /// Only what is stored refuses mail for good: where it finds no room because of open reservations, of what is in doubt, or of
    /// numbers that the backend has not confirmed within the hour, it is deferred whatever `over` says, and whoever can is
    /// asked to count.
    pub fn defers(&self, over: OverQuota, mailbox: &Address, amount: Amount, verdict: Verdict, today: Day) -> bool {
        if verdict == Verdict::NotNow || !self.is_proven(mailbox, amount, verdict, today) {
            return true;
        }
        let OverQuota::Refuse { grace } = over else { return true };
        let Some(fill) = self.fill(mailbox, today).filter(|_| grace > 0) else { return false };
        let after = |used: u64, more: u64| u128::from(used) + u128::from(more);
        match verdict {
            Verdict::MailboxFull => with_grace(fill.limit, grace).allows(after(fill.used.octets, amount.octets)),
            Verdict::AssociationFull => {
                let octets = after(fill.shared_used.octets, amount.octets);
                let messages = after(fill.shared_used.messages, amount.messages);
                with_grace(fill.shared_storage, grace).allows(octets) && with_grace(fill.shared_messages, grace).allows(messages)
            }
            Verdict::NotNow | Verdict::ReadOnly | Verdict::SendingOff | Verdict::Suspended => false,
            Verdict::TooManyMailboxes | Verdict::TooManyMessages | Verdict::TooManyWrites | Verdict::Unknown => false,
        }
    }

    /// Whether `verdict` holds by what is stored alone.
    fn is_proven(&self, mailbox: &Address, amount: Amount, verdict: Verdict, today: Day) -> bool {
        let proven = self.with(mailbox, |tenant, ledger, mailbox| {
            let (now, number) = (tenant.pulse.now(), ledger.number(mailbox));
            let proven = ledger.is_proven(number, amount, verdict, today, now);
            let stale = |entry: &Entry| !entry.is_seen() || entry.proven(now) == Amount::ZERO;
            if let Some(number) = number.filter(|number| !proven && ledger.entry(*number).is_some_and(stale)) {
                ledger.change(number, Tally::want);
            }
            proven
        });
        // The domain went from the book meanwhile: nothing is known any more, so nothing bounces.
        proven.unwrap_or(false)
    }
}

impl Ledger {
    fn is_proven(&self, number: Option<u64>, amount: Amount, verdict: Verdict, today: Day, now: Tick) -> bool {
        let (mut total, own) = (Sum::default(), number.and_then(|number| self.entry(number)));
        total.add(amount);
        match verdict {
            Verdict::MailboxFull => {
                own.into_iter().for_each(|entry| total.add(entry.proven(now)));
                !self.association.mailbox_limit(own.and_then(|entry| entry.own().storage)).allows(total.octets)
            }
            Verdict::AssociationFull => {
                self.entries().for_each(|entry| total.add(entry.proven(now)));
                let fits = self.association.storage_on(today).allows(total.octets);
                !(fits && self.association.messages.allows(total.messages))
            }
            Verdict::NotNow | Verdict::ReadOnly | Verdict::SendingOff | Verdict::Suspended => true,
            Verdict::TooManyMailboxes | Verdict::TooManyMessages | Verdict::TooManyWrites | Verdict::Unknown => true,
        }
    }
}

impl Tally {
    /// Whether there may be less than the number says.
    pub(super) fn may_be_less(&self) -> bool {
        self.shrunk || self.deleting > 0
    }

    /// What is in there as the backend said, without anything that may be too much: nothing when nobody pushes it and it was not
    /// counted within the hour.
    pub(super) fn proven(&self, now: Tick) -> Amount {
        let believed = self.confirmed.is_some_and(|at| now.saturating_sub(at) < BELIEVED);
        if self.may_be_less() || !(believed || self.push.is_some()) { Amount::ZERO } else { self.sure() }
    }
}

fn with_grace(limit: Limit, grace: u8) -> Limit {
    match limit {
        Limit::None => Limit::None,
        Limit::At(most) => limit.raised(u64::try_from(u128::from(most) * u128::from(grace) / 100).unwrap_or(u64::MAX)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::private::Domain;
    use crate::quota::{Association, BookParams, Name};
    use crate::store::MemoryStore;

    #[test]
    fn a_little_too_much_is_deferred_and_a_lot_is_refused() {
        let today = Day::parse("2026-12-01").unwrap();
        let book = Book::open(Arc::new(MemoryStore::default()), BookParams::default()).ok().unwrap();
        let mut velo = Association::new(Name::parse("velo").unwrap(), Domain::parse("velo.example"));
        velo.mailbox_default = Limit::At(1000);
        assert!(book.add_association(velo, today).is_ok());
        let alice = Address::parse("alice@velo.example").unwrap();
        let defers = |over, octets| book.defers(over, &alice, Amount::message(octets), Verdict::MailboxFull, today);
        assert!(defers(OverQuota::Refuse { grace: 5 }, 1050));
        assert!(!defers(OverQuota::Refuse { grace: 5 }, 1051));
        assert!(!defers(OverQuota::default(), 1001));
        assert!(defers(OverQuota::Defer, u64::MAX));
        let strangers = book.defers(OverQuota::Refuse { grace: 5 }, &alice, Amount::ZERO, Verdict::TooManyMailboxes, today);
        assert!(!strangers);
    }
}
