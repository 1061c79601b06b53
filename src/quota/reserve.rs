//! Space set aside before a write. A [`Reservation`] is the proof that the book agreed; only [`Book::reserve`] makes one.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::book::Tenant;
use super::{Amount, Book, Day, Verdict};
use crate::private::Address;

/// How mail gets into a mailbox: it decides which states of an association refuse it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// By LMTP, from outside: only limits refuse it.
    Incoming,
    /// By a member (APPEND, COPY, REPLACE): the association's state counts too.
    Member,
}

/// Space in one mailbox and its association, held until this value is dropped.
#[must_use = "dropping a reservation releases it"]
pub struct Reservation {
    tenant: Arc<Tenant>,
    number: u64,
    amount: Amount,
    stored: Amount,
    way: Way,
    today: Day,
    handed: bool,
}

impl Book {
    /// Takes note that the backend knows this mailbox (it accepted a login or a recipient). Costs no disk write.
    ///
    /// # Errors
    /// [`Verdict::Unknown`] when no association has the domain, [`Verdict::TooManyMailboxes`] when it is one too many.
    pub fn admit(&self, mailbox: &Address) -> Result<(), Verdict> {
        self.with(mailbox, |_, ledger, mailbox| ledger.admit(mailbox).map(drop)).unwrap_or(Err(Verdict::Unknown))
    }

    /// Whether [`Book::admit`] would agree now. Changes nothing.
    pub fn may_admit(&self, mailbox: &Address) -> Result<(), Verdict> {
        let judged = self.with(mailbox, |_, ledger, mailbox| {
            let fits = ledger.number(mailbox).is_some() || ledger.association.mailboxes.allows(ledger.len() as u128 + 1);
            if fits { Ok(()) } else { Err(Verdict::TooManyMailboxes) }
        });
        judged.unwrap_or(Err(Verdict::Unknown))
    }

    /// Sets `amount` aside in the mailbox and in its association in one step, or says why not. Open reservations count as
    /// used: any number of writers at once stay within both limits, to the octet.
    ///
    /// The mailbox must have been admitted. An `amount` without messages is fine (what a literal will need is not known yet).
    pub fn reserve(&self, mailbox: &Address, amount: Amount, way: Way, today: Day) -> Result<Reservation, Verdict> {
        let reserved = self.with(mailbox, |tenant, ledger, mailbox| {
            let number = ledger.number(mailbox).ok_or(Verdict::Unknown)?;
            ledger.reserve(number, amount, way, today)?;
            Ok((tenant.clone(), number))
        });
        let refused = |_: &Verdict| {
            self.refused.fetch_add(1, Ordering::Relaxed);
        };
        let (tenant, number) = reserved.unwrap_or(Err(Verdict::Unknown)).inspect_err(refused)?;
        Ok(Reservation { tenant, number, amount, stored: Amount::ZERO, way, today, handed: false })
    }

    /// How many reservations were refused since the start.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Whether incoming mail of `amount` would find room now; sets nothing aside. For the policy service, which is asked long
    /// before the mail comes. A mailbox that was never seen is judged by its association and the default limit.
    pub fn probe(&self, mailbox: &Address, amount: Amount, today: Day) -> Result<(), Verdict> {
        let judged = self.with(mailbox, |_, ledger, mailbox| match ledger.number(mailbox) {
            Some(number) => ledger.judge(number, amount, Way::Incoming, today),
            None => {
                ledger.judge_association(amount, Way::Incoming, today)?;
                let fits = ledger.association.mailbox_default.allows(amount.octets.into());
                if fits { Ok(()) } else { Err(Verdict::MailboxFull) }
            }
        });
        judged.unwrap_or(Err(Verdict::Unknown))
    }
}

impl Reservation {
    /// What is set aside.
    pub fn amount(&self) -> Amount {
        self.amount
    }

    /// Sets `more` aside as well, or leaves the reservation as it is: for mail whose size is not told beforehand.
    pub fn grow(&mut self, more: Amount) -> Result<(), Verdict> {
        self.tenant.lock().grow(self.number, more, self.way, self.today)?;
        self.amount = self.amount.plus(more);
        Ok(())
    }

    /// The backend has every octet: from now on only its answer tells. Dropped from now on, the reservation is in doubt.
    pub fn handed_over(&mut self) {
        self.handed = true;
    }

    /// The backend said NO: it stored nothing.
    pub fn release(mut self) {
        self.handed = false;
    }

    /// The backend stored it all.
    pub fn commit(self) -> Counted {
        let amount = self.amount;
        self.commit_as(amount)
    }

    /// The backend stored `actual`. More than was reserved is counted too, because it is there: reserve enough, or
    /// [`Reservation::grow`], to stay within the limits.
    pub fn commit_as(mut self, actual: Amount) -> Counted {
        self.stored = actual;
        Counted::Once
    }

    /// No answer came: stored or not, it stays counted until a count that begins after this moment.
    pub fn doubt(self) {
        if let Some(entry) = self.tenant.lock().entry_mut(self.number) {
            entry.seen = false;
        }
    }

    /// Its octets do not come: the space is let go for the moment.
    pub fn pause(&mut self) {}

    /// Sets aside anew what [`Reservation::pause`] let go, before the next octet passes.
    pub fn resume(&mut self) -> Result<(), Verdict> {
        Ok(())
    }
}

/// How sure it is that what was stored is in the book once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "what is counted twice stays so until somebody counts again"]
pub enum Counted {
    /// It is.
    Once,
    /// A count or a push overlapped: it may be in that number too. Whoever can is to count again when the mailbox rests.
    PerhapsTwice,
}

impl Drop for Reservation {
    // The one end of every reservation, also in a session that was cut or panicked.
    fn drop(&mut self) {
        let mut ledger = self.tenant.lock();
        ledger.end(self.number, self.amount, self.stored);
        if self.stored != Amount::ZERO {
            let news = ledger.news(self.number, self.today);
            news.into_iter().flatten().for_each(|news| self.tenant.waiting.push(news));
        }
    }
}
