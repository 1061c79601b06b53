//! Space that the contact of one association offers to another one, and what the two may do with it: take the offer, let it be, give the
//! space back before the day. None of it takes an admin, and none of it can be done by one side alone.
//!
//! LoanOffers are kept in memory, a few for each association, and end by themselves. Nobody is told whether the one that an offer is for is
//! here: an offer to nobody stands as long as any other. When one was made is told to nobody either.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::loan::LoanMade;
use super::{AdminCommand, Audience, Declined, Executor, Moment};
use crate::private::revealed;
use crate::quota::{Day, Grant, Name};

/// An offer that nobody took ends after so long.
const LIFE: Duration = Duration::from_secs(7 * 24 * 3600);
/// Open offers of one association.
const EACH: usize = 5;
/// LoanOffers to one association that are shown.
const SHOWN: usize = 20;

struct OpenOffer {
    from: Name,
    to: Name,
    /// Whom its maker named.
    said: String,
    octets: u64,
    until: Day,
    made: Instant,
}

/// An offer, as one of the two sees it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfferShown {
    /// The lender; or whom the lender named, in the lender's words: what these lead to is not told.
    pub(crate) with: String,
    pub(crate) octets: u64,
    pub(crate) until: Day,
}

/// The offers that are open.
#[derive(Default)]
pub struct LoanOffers(Mutex<Vec<OpenOffer>>);

impl LoanOffers {
    fn standing(&self, at: &Moment<'_>) -> MutexGuard<'_, Vec<OpenOffer>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|offer| at.now.saturating_duration_since(offer.made) < LIFE && at.today <= offer.until);
        all.shrink_to_fit();
        all
    }

    /// What `name` offers, and what is offered to it.
    pub(super) fn about(&self, name: &Name, at: &Moment<'_>) -> (Vec<OfferShown>, Vec<OfferShown>) {
        let all = self.standing(at);
        let shown =
            |offer: &OpenOffer, with: &str| OfferShown { with: with.to_owned(), octets: offer.octets, until: offer.until };
        let made = all.iter().filter(|offer| offer.from == *name).map(|offer| shown(offer, &offer.said));
        let had = all.iter().filter(|offer| offer.to == *name).map(|offer| shown(offer, offer.from.reveal())).take(SHOWN);
        (made.collect(), had.collect())
    }

    /// An association is gone: the next one of that name has nothing to do with it.
    pub(super) fn forget(&self, name: &Name) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|offer| offer.from != *name && offer.to != *name);
    }

    fn take(&self, from: &Name, to: &Name, until: Day, octets: Option<u64>, at: &Moment<'_>) -> Option<Grant> {
        let mut all = self.standing(at);
        let is = |offer: &OpenOffer| offer.from == *from && offer.to == *to && offer.until == until;
        let found = all.iter().position(|offer| is(offer) && octets.is_none_or(|octets| octets == offer.octets))?;
        let offer = all.remove(found);
        Some(Grant { octets: offer.octets, until: offer.until })
    }
}

/// It was done.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agreed {}

fn no_offer() -> Declined {
    Declined::because("There is no such offer any more.")
}

/// `association offer`: the contact of `from` offers. One for the same day takes the place of an earlier one.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfferLoan {
    #[serde(with = "revealed")]
    pub(crate) from: Name,
    #[serde(with = "revealed")]
    pub(crate) to: Name,
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

    fn carry_out(&self, executor: &Executor, at: &Moment<'_>) -> Result<Agreed, Declined> {
        if self.size == 0 || self.said.len() > 255 {
            return Err(Declined::wrong("size"));
        }
        if self.from == self.to {
            return Err(crate::quota::AdminError::LendsToItself.into());
        }
        executor.book.may_lend(&self.from, Grant { octets: self.size, until: self.until }, at.today)?;
        let mut all = executor.offers.standing(at);
        all.retain(|offer| !(offer.from == self.from && offer.to == self.to && offer.until == self.until));
        if all.iter().filter(|offer| offer.from == self.from).count() >= EACH {
            return Err(Declined::because("There are enough offers of this association. Withdraw one first."));
        }
        let OfferLoan { from, to, said, size, until } = self.clone();
        all.push(OpenOffer { from, to, said, octets: size, until, made: at.now });
        Ok(Agreed {})
    }

    fn print(_: &Agreed) -> String {
        "Offered.\n".into()
    }
}

/// `association accept`: the contact of `to` takes exactly what it was shown. The offer is gone then, whatever comes of it.
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

    fn carry_out(&self, executor: &Executor, at: &Moment<'_>) -> Result<LoanMade, Declined> {
        let offer = executor.offers.take(&self.from, &self.to, self.until, Some(self.size), at).ok_or_else(no_offer)?;
        Ok(LoanMade::of(executor.book.lend(&self.from, &self.to, offer, at.today)?))
    }

    fn print(told: &LoanMade) -> String {
        told.print()
    }
}

/// `association withdraw`: either of the two ends an offer.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WithdrawOffer {
    #[serde(with = "revealed")]
    pub(crate) from: Name,
    #[serde(with = "revealed")]
    pub(crate) to: Name,
    pub(crate) until: Day,
}

impl AdminCommand for WithdrawOffer {
    const WORD: &'static str = "association withdraw";
    type Told = Agreed;

    fn audience(&self) -> Audience<'_> {
        Audience::Either(&self.from, &self.to)
    }

    fn carry_out(&self, executor: &Executor, at: &Moment<'_>) -> Result<Agreed, Declined> {
        executor.offers.take(&self.from, &self.to, self.until, None, at).map(|_| Agreed {}).ok_or_else(no_offer)
    }

    fn print(_: &Agreed) -> String {
        "Withdrawn.\n".into()
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
    fn carry_out(&self, executor: &Executor, at: &Moment<'_>) -> Result<Agreed, Declined> {
        executor.book.may_return(&self.to, &self.from, self.until, at.today)?;
        executor.book.lend(&self.from, &self.to, Grant { octets: 0, until: self.until }, at.today)?;
        Ok(Agreed {})
    }

    fn print(_: &Agreed) -> String {
        "Given back.\n".into()
    }
}
