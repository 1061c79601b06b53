//! Space that the contact of one association offers to another one, and what the two may do with it: take the offer, let it be, give the
//! space back before the day. None of it takes an admin, and none of it can be done by one side alone.
//!
//! Offers are kept in memory ([`LoanOffers`]). Nobody is told whether the one that an offer is for is here: an offer to nobody stands as long as
//! any other. When one was made stands on no page.
//!
//! [`LoanOffers`]: super::open_offers::LoanOffers

use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::loan::LoanMade;
use super::offer_news::{EACH, OfferNews};
use super::open_offers::{OfferState, OpenOffer};
use super::{AdminCommand, Audience, Executor, Moment, NotDone, NotDoneCause};
use crate::private::revealed;
use crate::quota::{Day, Grant, Name};

/// Octets of what a contact types to say whom an offer is for: a domain, at the longest.
pub const LONGEST_SAID: usize = 255;

/// It was done.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agreed {}

/// `association offer`: the contact of `from` offers. One that says the same, for the same day, takes the place of an earlier one.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfferLoan {
    #[serde(with = "revealed")]
    pub(crate) from: Name,
    /// None where what was typed can be nobody's name.
    #[serde(default, with = "revealed")]
    pub(crate) to: Option<Name>,
    /// What the contact typed.
    pub(crate) said: String,
    pub(crate) size: u64,
    pub(crate) until: Day,
}

impl AdminCommand for OfferLoan {
    const WORD: &'static str = "association offer";
    type Told = Agreed;

    fn audience(&self) -> Audience<'_> {
        Audience::Contact(&self.from)
    }

    fn carry_out(&self, executor: &Executor, at: &Moment<'_>) -> Result<Agreed, NotDone> {
        if self.size == 0 || self.said.len() > LONGEST_SAID {
            return Err(NotDone::wrong("size"));
        }
        if self.to.as_ref() == Some(&self.from) {
            return Err(crate::quota::AdminError::LendsToItself.into());
        }
        executor.book.may_lend(&self.from, Grant { octets: self.size, until: self.until }, at.today)?;
        let OfferLoan { from, to, said, size, until } = self.clone();
        let offer = OpenOffer { from, to, said, octets: size, until, made: at.now, state: OfferState::Stands };
        let mut all = executor.offers.standing(at);
        all.retain(|other| !other.is_of(&offer.from, &offer.said, offer.until));
        if all.iter().filter(|other| other.from == offer.from).count() >= EACH {
            return Err(NotDone::because("There are enough offers of this association. Withdraw one first."));
        }
        all.push(offer);
        Ok(Agreed {})
    }

    fn print(_: &Agreed) -> String {
        "Offered. Nothing is lent before the other contact accepts.\n".into()
    }
}

/// `association accept`: the contact of `to` takes exactly what it was shown. The offer is gone then, whatever the book says to it; it stands
/// again where that could not be written down.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcceptLoan {
    #[serde(with = "revealed")]
    pub(crate) from: Name,
    #[serde(with = "revealed")]
    pub(crate) to: Name,
    pub(crate) size: u64,
    pub(crate) until: Day,
}

impl AdminCommand for AcceptLoan {
    const WORD: &'static str = "association accept";
    type Told = LoanMade;

    fn audience(&self) -> Audience<'_> {
        Audience::Contact(&self.to)
    }

    fn carry_out(&self, executor: &Executor, at: &Moment<'_>) -> Result<LoanMade, NotDone> {
        let shown = |offer: &OpenOffer| offer.is_shown([&self.from, &self.to], self.size, self.until);
        let taking = executor.offers.begin_taking(shown, at)?;
        let lent = executor.book.lend(&self.from, &self.to, Grant { octets: taking.octets, until: taking.until }, at.today);
        let lent = lent.map(LoanMade::of).map_err(NotDone::from);
        match &lent {
            Err(not_done) if not_done.cause == NotDoneCause::Unwritten => executor.offers.not_taken(&taking, at),
            Ok(_) | Err(_) => executor.offers.taken(&taking, at),
        }
        lent
    }

    fn print(told: &LoanMade) -> String {
        told.print()
    }
}

/// `association withdraw`: the contact of `from` takes an offer back. It is found by what was said of whom it is for: what that leads to may be
/// another association by now.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WithdrawOffer {
    #[serde(with = "revealed")]
    pub(crate) from: Name,
    pub(crate) said: String,
    pub(crate) until: Day,
}

impl AdminCommand for WithdrawOffer {
    const WORD: &'static str = "association withdraw";
    type Told = Agreed;

    fn audience(&self) -> Audience<'_> {
        Audience::Contact(&self.from)
    }

    fn carry_out(&self, executor: &Executor, at: &Moment<'_>) -> Result<Agreed, NotDone> {
        executor.offers.end(|offer| offer.is_of(&self.from, &self.said, self.until), at).map(|()| Agreed {})
    }

    fn print(_: &Agreed) -> String {
        "Withdrawn.\n".into()
    }
}

/// `association decline`: the contact of `to` lets an offer be that it was shown.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeclineOffer {
    #[serde(with = "revealed")]
    pub(crate) from: Name,
    #[serde(with = "revealed")]
    pub(crate) to: Name,
    pub(crate) size: u64,
    pub(crate) until: Day,
}

impl AdminCommand for DeclineOffer {
    const WORD: &'static str = "association decline";
    type Told = Agreed;

    fn audience(&self) -> Audience<'_> {
        Audience::Contact(&self.to)
    }

    fn carry_out(&self, executor: &Executor, at: &Moment<'_>) -> Result<Agreed, NotDone> {
        let shown = |offer: &OpenOffer| offer.is_shown([&self.from, &self.to], self.size, self.until);
        executor.offers.end(shown, at).map(|()| Agreed {})
    }

    fn print(_: &Agreed) -> String {
        "NotDone.\n".into()
    }
}

/// `association return`: the contact of `to` gives back what it can do without, before the day.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReturnLoan {
    #[serde(with = "revealed")]
    pub(crate) from: Name,
    #[serde(with = "revealed")]
    pub(crate) to: Name,
    pub(crate) until: Day,
}

impl AdminCommand for ReturnLoan {
    const WORD: &'static str = "association return";
    type Told = Agreed;

    fn audience(&self) -> Audience<'_> {
        Audience::Contact(&self.to)
    }

    /// What the lender has is not told: the two are different associations.
    fn carry_out(&self, executor: &Executor, at: &Moment<'_>) -> Result<Agreed, NotDone> {
        executor.book.may_return(&self.to, &self.from, self.until, at.today)?;
        executor.book.lend(&self.from, &self.to, Grant { octets: 0, until: self.until }, at.today)?;
        Ok(Agreed {})
    }

    fn print(_: &Agreed) -> String {
        "Given back.\n".into()
    }
}

impl Executor {
    /// Whether there is such an offer to take.
    pub fn is_offered(&self, taken: &AcceptLoan, now: Instant, today: Day) -> bool {
        let shown = |offer: &OpenOffer| offer.is_shown([&taken.from, &taken.to], taken.size, taken.until);
        self.offers.stands(shown, now, today)
    }

    /// Whether the other contact of an offer that was made just now may be told, if there is one: few a day are, wherever they lead.
    pub fn count_offer(&self, offer: &OfferLoan, today: Day) -> bool {
        self.offers.count(&offer.from, &offer.said, today)
    }

    /// What the other contact is to be told of an offer that was counted. None where it stands no more, leads to nobody, or to somebody who
    /// was told of another one today.
    pub fn offer_news(&self, offer: &OfferLoan, at: &Moment<'_>) -> Option<OfferNews> {
        self.offers.news(&offer.from, &offer.said, at)
    }

    /// Nobody was told of it: the next one of the same may be.
    pub fn uncount_offer(&self, offer: &OfferLoan) {
        self.offers.uncount(&offer.from, &offer.said);
    }

    /// Forgets the offers that are over, and what was told on another day.
    pub fn sweep_offers(&self, now: Instant, today: Day) {
        self.offers.sweep(now, today);
    }
}
