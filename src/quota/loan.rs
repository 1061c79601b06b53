//! Space that one association lends to another until a day: the lender's limit falls by it and the borrower's rises by it, in one step, and
//! at the end of that day both are as before, without anybody doing anything.
//!
//! What is lent is the lender's own: its limit and the grants that last as long, never what it has borrowed. So the end of a loan, whenever
//! it comes, takes nothing from a third one, and the sum of all limits stays what admins made it.
//!
//! A loan is one record (`loan/LENDER/BORROWER/DAY`), not a number at each of the two: they cannot come to disagree.

use super::admin::Change;
use super::association::Loan;
use super::{AdminError, Association, Book, Day, Excess, Grant, Lending, Limit, Name, Sum, record};

/// Most loans that one association may have in one direction.
const LOANS: usize = 100;

/// What became of both sides.
pub struct Lent {
    /// The association that lends.
    pub lender: Change<Association>,
    /// The one that borrows.
    pub borrower: Change<Association>,
}

impl Association {
    /// What it has lent and what it has borrowed, on `day`.
    pub(super) fn loans_on(&self, day: Day) -> (u128, u128) {
        (sum_on(&self.lent, day), sum_on(&self.borrowed, day))
    }

    /// Its own space that lasts to the end of `day`; none without a limit.
    fn own_until(&self, day: Day) -> Option<u128> {
        let Limit::At(storage) = self.storage else { return None };
        let granted = self.grants.iter().filter(|grant| day <= grant.until).map(|grant| u128::from(grant.octets));
        Some(u128::from(storage) + granted.sum::<u128>())
    }

    /// What is left of its own on the worst day of all that it has lent; none where that does not matter. An error where it lent more than it
    /// has.
    fn left(&self) -> Result<Option<u128>, AdminError> {
        // Both what it has and what is lent only fall as days go by, so that the worst days are the last ones of loans.
        let days = self.lent.iter().map(|loan| loan.until);
        let left = days.filter_map(|day| Some(self.own_until(day)?.checked_sub(sum_on(&self.lent, day))));
        let left: Option<Vec<u128>> = left.collect();
        Ok(left.ok_or(AdminError::LentAway)?.into_iter().min())
    }

    pub(super) fn check_loans(&self) -> Result<(), AdminError> {
        let many = self.lent.len() > LOANS || self.borrowed.len() > LOANS;
        self.left().and(if many { Err(AdminError::TooMany) } else { Ok(()) })
    }

    /// Without loans that ended before `today`.
    pub(super) fn drop_ended(&mut self, today: Day) {
        self.grants.retain(|grant| today <= grant.until);
        self.lent.retain(|loan| today <= loan.until);
        self.borrowed.retain(|loan| today <= loan.until);
    }

    /// Without loans to or from `name`.
    pub(super) fn part_from(&mut self, name: &Name) {
        self.lent.retain(|loan| loan.with != *name);
        self.borrowed.retain(|loan| loan.with != *name);
    }
}

fn sum_on(loans: &[Loan], day: Day) -> u128 {
    loans.iter().filter(|loan| day <= loan.until).map(|loan| u128::from(loan.octets)).sum()
}

/// Puts a loan to those until the same day, or takes these away.
fn put(loans: &mut Vec<Loan>, with: &Name, grant: Grant) -> Result<(), AdminError> {
    let at = loans.iter().position(|loan| loan.with == *with && loan.until == grant.until);
    match (at, grant.octets) {
        (None, 0) => return Err(AdminError::NoSuchLoan),
        (Some(at), 0) => drop(loans.remove(at)),
        (Some(at), more) => {
            let loan = loans.get_mut(at).ok_or(AdminError::NoSuchLoan)?;
            loan.octets = loan.octets.checked_add(more).ok_or(AdminError::TooMany)?;
        }
        (None, octets) => loans.push(Loan { with: with.clone(), octets, until: grant.until }),
    }
    Ok(())
}

impl Book {
    /// `association lend`: one step for both, on disk before it returns. No octets end what is lent until that day.
    ///
    /// # Errors
    /// Nothing was changed: no such association, no limit at one of them, less than the lender needs itself.
    pub fn lend(&self, from: &Name, to: &Name, grant: Grant, today: Day) -> Result<Lent, AdminError> {
        if grant.until < today {
            return Err(AdminError::DayOver);
        }
        if from == to {
            return Err(AdminError::LendsToItself);
        }
        let _turn = self.turn();
        let (lender, borrower) = (self.tenant(from), self.tenant(to));
        let (lender, borrower) = lender.zip(borrower).ok_or(AdminError::NoSuchAssociation)?;
        let was = [&lender, &borrower].map(|tenant| tenant.lock().association.clone());
        let [mut less, mut more] = was.clone();
        [&mut less, &mut more].into_iter().for_each(|association| association.drop_ended(today));
        put(&mut less.lent, to, grant)?;
        put(&mut more.borrowed, from, grant)?;
        if grant.octets > 0 {
            let (Limit::At(_), Some(_)) = (less.storage, more.own_until(today)) else { return Err(AdminError::NoLimit) };
            less.check()?;
            more.check()?;
            let all = more.own_until(today).unwrap_or_default() + more.loans_on(today).1;
            u64::try_from(all).map_err(|_| AdminError::TooMany)?;
            // Lowered under the lock in which it is weighed: whoever writes meanwhile writes into what is left.
            let mut ledger = lender.lock();
            if less.left()?.is_some_and(|left| ledger.needs().octets > left) {
                return Err(AdminError::NeedsItself);
            }
            ledger.association = less.clone();
        }
        let changes = [record::difference(was.first(), Some(&less)), record::difference(was.last(), Some(&more))].concat();
        let residue = match self.write(&changes) {
            Ok(residue) => residue,
            Err(error) => {
                let [before, _] = was;
                lender.lock().association = before;
                return Err(error);
            }
        };
        self.install_all(vec![(from.clone(), Some(less.clone())), (to.clone(), Some(more.clone()))], today);
        let excess = [&lender, &borrower].map(|tenant| tenant.lock().excess(today));
        let [was_less, was_more] = was;
        let change = |was, now, excess: Excess| Change { was: Some(was), now: Some(now), excess, residue };
        let [excess_less, excess_more] = excess;
        Ok(Lent { lender: change(was_less, less, excess_less), borrower: change(was_more, more, excess_more) })
    }

    /// Whether `octets` can be lent until that day, as far as lists show: asked again and again it tells no more than they do. Whether it
    /// really can is known when it is done.
    ///
    /// # Errors
    /// As [`Book::lend`].
    pub fn may_lend(&self, from: &Name, grant: Grant, today: Day) -> Result<(), AdminError> {
        if grant.until < today {
            return Err(AdminError::DayOver);
        }
        let tenant = self.tenant(from).ok_or(AdminError::NoSuchAssociation)?;
        let ledger = tenant.lock();
        let mut less = ledger.association.clone();
        less.drop_ended(today);
        if less.storage == Limit::None {
            return Err(AdminError::NoLimit);
        }
        // To itself, for nobody is named: only how much matters.
        put(&mut less.lent, from, grant)?;
        less.check_loans()?;
        let needs = u128::from(ledger.settled().0.octets);
        if less.left()?.is_some_and(|left| needs > left) { Err(AdminError::NeedsItself) } else { Ok(()) }
    }

    /// Whether `name` could do without what it borrowed until that day, as far as lists show.
    ///
    /// # Errors
    /// There is no such loan, or it is needed.
    pub fn may_return(&self, name: &Name, from: &Name, until: Day, today: Day) -> Result<(), AdminError> {
        let tenant = self.tenant(name).ok_or(AdminError::NoSuchAssociation)?;
        let ledger = tenant.lock();
        let mut less = ledger.association.clone();
        put(&mut less.borrowed, from, Grant { octets: 0, until })?;
        let fits = less.storage_on(today).allows(ledger.settled().0.octets.into());
        if fits { Ok(()) } else { Err(AdminError::NeedsItself) }
    }

    /// All loans that count on `today`, in the order of the lenders.
    pub fn loans(&self, today: Day) -> Vec<Lending> {
        let mut all = Vec::new();
        for tenant in self.tenants() {
            let ledger = tenant.lock();
            let lender = &ledger.association.name;
            let lent = ledger.association.lent.iter().filter(|loan| today <= loan.until);
            all.extend(lent.map(|loan| Lending {
                lender: lender.clone(),
                borrower: loan.with.clone(),
                octets: loan.octets,
                until: loan.until,
            }));
        }
        all.sort_unstable();
        all
    }

    /// The associations that have loans with `name`, also such that are over, as they are and as they are without it.
    pub(super) fn left_by(&self, name: &Name) -> Vec<(Association, Association)> {
        let all = self.tenants();
        let pairs = all.iter().filter_map(|tenant| {
            let was = tenant.lock().association.clone();
            let mut now = was.clone();
            now.part_from(name);
            (was.lent.len() + was.borrowed.len() > now.lent.len() + now.borrowed.len() && was.name != *name).then_some((was, now))
        });
        pairs.collect()
    }
}

impl super::ledger::Ledger {
    /// What it cannot do without: what is there, what is on its way, and what lists say is there.
    fn needs(&self) -> Sum {
        let (exact, settled) = (self.used.with(self.open), self.settled().0);
        Sum { octets: exact.octets.max(settled.octets.into()), ..exact }
    }
}
