//! `association lend` and `association loans`: space of one association that another has until a day (docs/quota.md). What contacts agree
//! on by themselves is in `offer`.

use clap::Args;
use serde::{Deserialize, Serialize};

use super::association_rows::{print_change, size};
use super::changed::Changed;
use super::layout::table;
use super::{AdminCommand, Audience, Executor, Moment, NotDone};
use crate::private::revealed;
use crate::quota::{Association, Day, Grant, Lending, Lent, Name, print_size};

/// `association lend`.
#[derive(Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LendAssociation {
    /// Who lends.
    #[serde(with = "revealed")]
    from: Name,
    /// Who gets it.
    #[serde(with = "revealed")]
    to: Name,
    /// How much, like 2G or 500M; what was lent until that day already is added to. 0 ends what is lent until that day.
    #[arg(value_name = "SIZE", value_parser = size, allow_hyphen_values = true)]
    size: u64,
    /// The last day on which it counts, like 2027-03-01 (UTC).
    #[arg(long, value_name = "DAY")]
    until: Day,
}

/// Both sides of a loan, as they were and as they are.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoanMade {
    lender: Changed<Association>,
    borrower: Changed<Association>,
}

impl LoanMade {
    pub(super) fn of(lent: Lent) -> LoanMade {
        let same = |association| association;
        LoanMade { lender: Changed::of(lent.lender, same), borrower: Changed::of(lent.borrower, same) }
    }

    pub(super) fn print(&self) -> String {
        print_change(&self.lender) + &print_change(&self.borrower)
    }
}

impl AdminCommand for LendAssociation {
    const WORD: &'static str = "association lend";
    type Told = LoanMade;

    /// Two contacts agree by an offer; one alone takes nothing from anybody.
    fn audience(&self) -> Audience<'_> {
        Audience::Admins
    }

    fn subject(&self) -> Option<String> {
        Some(format!("{} to {}", self.from.reveal(), self.to.reveal()))
    }

    fn carry_out(&self, executor: &Executor, at: &Moment<'_>) -> Result<LoanMade, NotDone> {
        let grant = Grant { octets: self.size, until: self.until };
        Ok(LoanMade::of(executor.book.lend(&self.from, &self.to, grant, at.today)?))
    }

    fn print(told: &LoanMade) -> String {
        told.print()
    }
}

/// `association loans`.
#[derive(Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListLoans {}

/// All loans.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoansListed {
    loans: Vec<Lending>,
}

impl AdminCommand for ListLoans {
    const WORD: &'static str = "association loans";
    const LOOKS: bool = true;
    type Told = LoansListed;

    fn audience(&self) -> Audience<'_> {
        Audience::Admins
    }

    fn carry_out(&self, executor: &Executor, at: &Moment<'_>) -> Result<LoansListed, NotDone> {
        Ok(LoansListed { loans: executor.book.loans(at.today) })
    }

    fn print(told: &LoansListed) -> String {
        let lines = told.loans.iter().map(|loan| {
            [loan.lender.reveal().into(), loan.borrower.reveal().into(), print_size(loan.octets), loan.until.print()]
        });
        match table(["FROM", "TO", "SIZE", "UNTIL"], lines) {
            none if none.is_empty() => "Nothing is lent.\n".into(),
            table => table,
        }
    }
}
