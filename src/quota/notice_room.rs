//! Room for our own notices in a mailbox, or an association, that is full: without it the message that says how to make room would be
//! refused for want of room.
//!
//! It is bounded and nobody else's. Above the least that was in the mailbox since it was full last, notices may fill [`RESERVE`] octets;
//! whoever deletes something makes room for more of them, and members and incoming mail are judged by the limits as ever. Which mail is our
//! own is known by who asks: only the task that sends notices calls [`Book::reserve_notice`], with a message that it made itself.
//! Nothing in a message, no address and no header, could claim it.

use super::entry::Entry;
use super::ledger::Ledger;
use super::tally::Held;
use super::{Amount, Book, Day, Origin, Reservation, Verdict};
use crate::private::Address;

/// Octets of notices above the limits, for each mailbox: some twenty of them.
const RESERVE: u64 = 64 << 10;
/// What of it stays free for news, when anybody asks for links.
const NEWS: u64 = RESERVE / 2;

/// Why we write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeKind {
    /// The book has news.
    News,
    /// Somebody asked for it at the pages, without being known yet: a link.
    Asked,
}

impl Book {
    /// Sets room aside for one of our own notices, above the limits where there is no room below them.
    ///
    /// # Errors
    /// As [`Book::reserve`]; full where so many notices are there already.
    pub fn reserve_notice(
        &self,
        mailbox: &Address,
        amount: Amount,
        kind: NoticeKind,
        today: Day,
    ) -> Result<Reservation, Verdict> {
        let writes = self.writes();
        let reserved = self.with(mailbox, |tenant, ledger, mailbox| {
            tenant.may_grant(ledger)?;
            let number = ledger.living_number(mailbox).ok_or(Verdict::Unknown)?;
            let mut held = Held::new(amount, Origin::Incoming);
            let mandate = tenant.mandate(ledger, amount, |_| Ok(()))?;
            ledger.reserve_notice(number, &mut held, kind, today)?;
            Ok(Reservation::new(tenant, number, held, today, writes).within(mandate))
        });
        reserved.unwrap_or(Err(Verdict::Unknown))
    }
}

impl Ledger {
    fn reserve_notice(&mut self, number: u64, held: &mut Held, kind: NoticeKind, today: Day) -> Result<(), Verdict> {
        let judged = self.judge(number, held.amount, Origin::Incoming, today);
        let entry = self.entry_mut(number).ok_or(Verdict::Unknown)?;
        match judged {
            Ok(()) => entry.forget_notices(),
            Err(full @ (Verdict::MailboxFull | Verdict::AssociationFull)) => {
                let there = entry.shown().plus(entry.open()).octets;
                let awake = entry.rouse();
                let most = awake.notices_to.unwrap_or(u64::MAX).min(there.saturating_add(RESERVE));
                awake.notices_to = Some(most);
                let kept = if kind == NoticeKind::Asked { NEWS } else { 0 };
                if there.saturating_add(held.amount.octets) > most.saturating_sub(kept) {
                    return Err(full);
                }
            }
            Err(other) => return Err(other),
        }
        self.change(number, |tally| tally.hold(held));
        Ok(())
    }

    /// Where there is room again, what notices filled of their reserve is forgotten.
    pub(super) fn renew_notice_room(&mut self) {
        let is_marked = |entry: &&Entry| entry.awake().is_some_and(|awake| awake.notices_to.is_some());
        let marked: Vec<_> = self.entries().filter(is_marked).map(Entry::number).collect();
        for number in marked {
            if self.judge(number, Amount::message(RESERVE), Origin::Incoming, self.day).is_ok()
                && let Some(entry) = self.entry_mut(number)
            {
                entry.forget_notices();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::private::Domain;
    use crate::quota::{Association, BookParams, Edit, Limit, Name};
    use crate::store::MemoryStore;

    const NOTICE: Amount = Amount { octets: 4096, messages: 1 };
    const FULL: u64 = 1 << 20;

    fn stage(storage: Limit, own: Limit) -> (Book, Address, Day, Name) {
        let (book, today) =
            (Book::open(Arc::new(MemoryStore::default()), BookParams::default()).unwrap(), Day::parse("2027-03-01").unwrap());
        let name = Name::parse("velo").unwrap();
        let mut velo = Association::new(name.clone(), [Domain::parse("velo.example").unwrap()]);
        (velo.storage, velo.mailbox_default) = (storage, own);
        assert!(book.add_association(velo, today).is_ok());
        let alice = Address::parse("alice@velo.example").unwrap();
        assert!(book.load(&alice, Amount { octets: FULL, messages: 9 }, today));
        (book, alice, today, name)
    }

    /// What a count finds: members deleted, or stored.
    fn counted(book: &Book, mailbox: &Address, octets: u64, today: Day) {
        assert!(book.begin_refresh(mailbox).map(|count| count.finish(Amount { octets, messages: 1 }, today)).is_some());
    }

    /// How many notices are stored, one after the other.
    fn stored(book: &Book, mailbox: &Address, today: Day) -> u64 {
        let mut count = 0;
        while let Ok(room) = book.reserve_notice(mailbox, NOTICE, NoticeKind::News, today) {
            let _ = room.commit();
            count += 1;
            assert!(count < 1000, "without a bound");
        }
        count
    }

    #[test]
    fn links_that_anybody_asks_for_leave_room_for_news() {
        let (book, alice, today, _) = stage(Limit::None, Limit::At(FULL));
        let mut links = 0;
        while let Ok(room) = book.reserve_notice(&alice, NOTICE, NoticeKind::Asked, today) {
            let _ = room.commit();
            links += 1;
        }
        assert_eq!(links, (RESERVE - NEWS) / NOTICE.octets);
        assert_eq!(stored(&book, &alice, today), NEWS / NOTICE.octets);
        assert!(book.reserve_notice(&alice, NOTICE, NoticeKind::Asked, today).is_err());
    }

    #[test]
    fn a_full_mailbox_takes_some_notices_and_nothing_else() {
        for (storage, own) in
            [(Limit::None, Limit::At(FULL)), (Limit::At(FULL), Limit::None), (Limit::At(FULL), Limit::At(FULL / 2))]
        {
            let (book, alice, today, _) = stage(storage, own);
            let refused = |octets| book.reserve(&alice, Amount::message(octets), Origin::Incoming, today).is_err();
            assert!(refused(1));
            assert_eq!(stored(&book, &alice, today), RESERVE / NOTICE.octets);
            assert!(refused(1) && refused(0), "others are judged by the limits");
            // Asked again and again, at every full hour too, it does not grow.
            book.settle();
            assert_eq!(stored(&book, &alice, today), 0);
            // What is deleted makes room for as many again, and for nobody else.
            counted(&book, &alice, FULL + RESERVE - 2 * NOTICE.octets, today);
            assert_eq!(stored(&book, &alice, today), 2);
            assert!(refused(1));
        }
    }

    /// An association that is full while a mailbox of it is nearly empty: what is deleted there is not filled with notices.
    #[test]
    fn notices_fill_their_reserve_above_the_least_that_was_there() {
        let (book, alice, today, _) = stage(Limit::At(2 * FULL), Limit::None);
        let bob = Address::parse("bob@velo.example").unwrap();
        assert!(book.load(&bob, Amount { octets: FULL, messages: 1 }, today));
        assert_eq!(stored(&book, &alice, today), 16);
        counted(&book, &alice, 100, today);
        counted(&book, &bob, 2 * FULL, today);
        assert_eq!(stored(&book, &alice, today), 16, "not up to where they were");
    }

    #[test]
    fn a_limit_that_was_lowered_far_below_what_is_there_keeps_no_notice_out() {
        let (book, alice, today, name) = stage(Limit::None, Limit::At(FULL));
        assert_eq!(stored(&book, &alice, today), 16);
        let lower = |limit| Edit { mailbox_default: Some(Limit::At(limit)), ..Edit::default() };
        assert!(book.set_association(&name, &lower(FULL / 4), today).is_ok());
        counted(&book, &alice, FULL, today);
        assert!(book.reserve_notice(&alice, NOTICE, NoticeKind::News, today).is_ok());
        // Much room, and full again on a higher level: the reserve is as new, from the full hour on.
        assert!(book.set_association(&name, &lower(9 * FULL), today).is_ok());
        book.settle();
        counted(&book, &alice, 9 * FULL, today);
        assert_eq!(stored(&book, &alice, today), 16);
    }
}
