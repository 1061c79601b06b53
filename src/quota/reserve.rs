//! Space set aside before a write. A [`Reservation`] is the proof that the book agreed; only [`Book::reserve`] makes one.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::directory::AssociationEntry;
use super::ledger::Ledger;
use super::mandate::Mandate;
use super::pulse::Tick;
use super::tally::{Held, Tally};
use super::{Amount, Book, Counted, Day, Origin, Released, Verdict};
use crate::private::Address;

/// Space in one mailbox and its association. It ends with the backend's answer; dropped, it is released, or in doubt from the
/// hand-over on.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
///
/// use nologd::private::{Address, Domain};
/// use nologd::quota::{Amount, Association, Book, BookParams, Day, Limit, Name, Origin, Verdict};
/// use nologd::store::MemoryStore;
///
/// let today = Day::parse("2027-03-01").unwrap();
/// let book = Book::open(Arc::new(MemoryStore::default()), BookParams::default()).unwrap();
/// let mut velo = Association::new(Name::parse("velo").unwrap(), [Domain::parse("velo.example").unwrap()]);
/// velo.mailbox_default = Limit::At(1000);
/// assert!(book.add_association(velo, today).is_ok());
///
/// let alice = Address::parse("alice@velo.example").unwrap();
/// book.admit(&alice).unwrap();
/// let space = |octets| book.reserve(&alice, Amount::message(octets), Origin::Member, today);
/// let first = space(700).ok().unwrap();
/// assert_eq!(space(400).err(), Some(Verdict::MailboxFull));
/// // The backend said NO: nothing happened. After its OK it would be `commit`.
/// first.release();
/// assert!(space(400).is_ok());
/// ```
#[must_use = "dropping a reservation ends it"]
pub struct Reservation {
    tenant: Arc<AssociationEntry>,
    number: u64,
    held: Held,
    today: Day,
    /// [`Book::writes`].
    writes: u64,
    ended: bool,
    /// Where there are several nodes.
    mandate: Option<Mandate>,
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
        let judged = self.with(
            mailbox,
            |_, ledger, mailbox| {
                if ledger.has_place(mailbox) { Ok(()) } else { Err(Verdict::TooManyMailboxes) }
            },
        );
        judged.unwrap_or(Err(Verdict::Unknown))
    }

    /// Sets `amount` aside in the mailbox and in its association in one step, or says why not. Open reservations count as
    /// used: any number of writers at once stay within both limits, to the octet.
    ///
    /// The mailbox must have been admitted. An `amount` without messages is fine (what a literal will need is not known yet).
    pub fn reserve(&self, mailbox: &Address, amount: Amount, way: Origin, today: Day) -> Result<Reservation, Verdict> {
        let writes = self.writes();
        let reserved = self.with(mailbox, |tenant, ledger, mailbox| {
            let number = ledger.living_number(mailbox).ok_or(Verdict::Unknown)?;
            tenant.may_grant(ledger)?;
            let mut held = Held::new(amount, way);
            let judge = |ledger: &Ledger| ledger.judge_writes(number, amount, way, today, writes);
            let mandate = tenant.mandate(ledger, amount, judge)?;
            ledger.reserve(number, &mut held, today, writes)?;
            Ok(Reservation::new(tenant, number, held, today, writes).within(mandate))
        });
        let refused = |_: &Verdict| {
            self.refused.fetch_add(1, Ordering::Relaxed);
        };
        reserved.unwrap_or(Err(Verdict::Unknown)).inspect_err(refused)
    }

    /// How many reservations were refused since the start.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Whether incoming mail of `amount` would find room now; sets nothing aside. For the policy service, which is asked long
    /// before the mail comes. A mailbox that was never seen is judged by its association and the default limit.
    pub fn probe(&self, mailbox: &Address, amount: Amount, today: Day) -> Result<(), Verdict> {
        let judged = self.with(mailbox, |tenant, ledger, mailbox| match ledger.number(mailbox) {
            // Its judge is asked when the mail is there.
            _ if tenant.bench(ledger).is_some_and(|(bench, tenant)| bench.is_elsewhere(tenant)) => Ok(()),
            _ if tenant.may_grant(ledger).is_err() => Err(Verdict::NotNow),
            Some(number) => ledger.judge(number, amount, Origin::Incoming, today),
            None => {
                ledger.judge_association(amount, Origin::Incoming, today)?;
                let fits = ledger.association.mailbox_default.allows(amount.octets.into());
                if fits { Ok(()) } else { Err(Verdict::MailboxFull) }
            }
        });
        judged.unwrap_or(Err(Verdict::Unknown))
    }
}

impl Reservation {
    pub(super) fn new(tenant: &Arc<AssociationEntry>, number: u64, held: Held, today: Day, writes: u64) -> Reservation {
        Reservation { tenant: tenant.clone(), number, held, today, writes, ended: false, mandate: None }
    }

    /// The same as the nodes know it.
    pub(super) fn within(mut self, mandate: Option<Mandate>) -> Reservation {
        self.mandate = mandate;
        self
    }

    /// What is set aside, or was before [`Reservation::pause`].
    pub fn amount(&self) -> Amount {
        self.held.amount
    }

    /// Sets `more` aside as well, or leaves the reservation as it is: for mail whose size is not told beforehand.
    pub fn grow(&mut self, more: Amount) -> Result<(), Verdict> {
        self.resume()?;
        let mut ledger = self.tenant.lock();
        self.tenant.may_grant(&mut ledger)?;
        if let Some(mandate) = &mut self.mandate {
            ledger.judge_writes(self.number, more, self.held.way, self.today, self.writes)?;
            if !mandate.raise(self.held.amount.plus(more)) {
                return Err(Verdict::NotNow);
            }
        }
        ledger.grow(self.number, &mut self.held, more, self.today, self.writes)
    }

    /// The backend has every octet: from now on only its answer tells what became of them.
    pub fn handed_over(&mut self) {
        let Reservation { tenant, number, held, .. } = self;
        tenant.lock().change(*number, |tally| tally.hand_over(held));
    }

    /// Its octets do not come: lets the space go for the moment. Does nothing from the hand-over on.
    pub fn pause(&mut self) {
        let Reservation { tenant, number, held, .. } = self;
        tenant.lock().change(*number, |tally| tally.pause(held));
    }

    /// Sets aside anew what [`Reservation::pause`] let go. To be called before the next octet passes; does nothing when nothing
    /// was let go.
    ///
    /// # Errors
    /// As [`Book::reserve`]; then it stays let go, and no octet may pass.
    pub fn resume(&mut self) -> Result<(), Verdict> {
        if !self.held.is_paused() {
            return Ok(());
        }
        // What it has under way is not let go by a pause: it may come at any time.
        if self.mandate.as_ref().is_some_and(|mandate| !mandate.is_going_on()) {
            return Err(Verdict::NotNow);
        }
        let mut ledger = self.tenant.lock();
        self.tenant.may_grant(&mut ledger)?;
        ledger.reserve(self.number, &mut self.held, self.today, self.writes)
    }

    /// Whether another node judges by now, and what this one has under way is to be given up.
    pub fn is_cut(&self) -> bool {
        self.mandate.as_ref().is_some_and(Mandate::is_cut)
    }

    /// The backend said NO: it stored nothing, or nobody knows, when a folder of the mailbox was renamed or deleted meanwhile.
    pub fn release(mut self) -> Released {
        // Of a mailbox that was removed meanwhile nothing counts.
        let released = self.end(|tally, held, now| tally.release(held, now)).unwrap_or(Released::Free);
        if released == Released::Doubt {
            self.land();
        }
        released
    }

    /// The backend said OK: it stored it all.
    pub fn commit(self) -> Counted {
        let amount = self.held.amount;
        self.commit_as(amount)
    }

    /// The backend stored `actual`. More than was reserved is counted too, because it is there: reserve enough, or
    /// [`Reservation::grow`], to stay within the limits.
    pub fn commit_as(mut self, actual: Amount) -> Counted {
        // A mailbox that was removed meanwhile counts nothing.
        let counted = self.end(|tally, held, now| tally.commit(held, actual, now)).unwrap_or(Counted::Once);
        self.land();
        counted
    }

    /// No answer came: stored or not, it stays counted until a count that begins after this moment.
    pub fn doubt(mut self) {
        self.end(|tally, held, now| tally.doubt(held, now));
        self.lose_sight();
    }

    fn lose_sight(&mut self) {
        self.mandate.take().into_iter().for_each(Mandate::lost_sight);
    }

    fn land(&mut self) {
        self.mandate.take().into_iter().for_each(Mandate::landed);
    }

    fn end<T>(&mut self, work: impl FnOnce(&mut Tally, &Held, Tick) -> T) -> Option<T> {
        self.ended = true;
        let now = self.tenant.pulse.now();
        let mut ledger = self.tenant.lock();
        // It may have begun before midnight.
        ledger.day = ledger.day.max(self.today);
        let (done, changed) = ledger.change(self.number, |tally| {
            let shown = tally.shown();
            (work(tally, &self.held, now), tally.shown() != shown)
        })?;
        if changed {
            self.tenant.after(&mut ledger, self.number);
        }
        Some(done)
    }
}

impl Drop for Reservation {
    // The end of every reservation that nobody ended, also in a session that was cut or panicked.
    fn drop(&mut self) {
        match (self.ended, self.held.is_handed()) {
            (true, _) => {}
            (false, false) => drop(self.end(|tally, held, now| tally.release(held, now))),
            (false, true) => {
                let _ = self.end(|tally, held, now| tally.doubt(held, now));
                self.lose_sight();
            }
        }
    }
}
