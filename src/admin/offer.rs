//! Space that the contact of one association offers to another one, and what the two may do with it: take the offer, let it be, give the
//! space back before the day. None of it takes an admin, and none of it can be done by one side alone.
//!
//! Offers are kept in memory, a few for each association, and end by themselves. Nobody is told whether the one that an offer is for is
//! here: an offer to nobody stands as long as any other. When one was made is told to nobody either.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::loan::LoanMade;
use super::{AdminCommand, Audience, DeclineCause, Declined, Executor, Moment};
use crate::private::revealed;
use crate::quota::{Day, Grant, Name};

/// An offer that nobody took ends after so long.
const LIFE: Duration = Duration::from_secs(7 * 24 * 3600);
/// Open offers of one association.
const EACH: usize = 5;
/// Octets of what a contact types to say whom an offer is for: a domain, at the longest.
pub const LONGEST_SAID: usize = 255;
/// Offers to one association that are shown.
const SHOWN: usize = 20;

struct OpenOffer {
    from: Name,
    /// None where it can be nobody's name.
    to: Option<Name>,
    /// Whom its maker named. By this it is told from the maker's others, and never by what it leads to: that two ways lead to the same is
    /// not told.
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
        let had = all.iter().filter(|offer| offer.is_to(name)).map(|offer| shown(offer, offer.from.reveal())).take(SHOWN);
        (made.collect(), had.collect())
    }

    /// An association is gone: the next one of that name has nothing to do with it.
    pub(super) fn forget(&self, name: &Name) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|offer| offer.from != *name && !offer.is_to(name));
    }

    /// The first one that is meant, which stands no more.
    fn take(&self, is_meant: impl Fn(&OpenOffer) -> bool, at: &Moment<'_>) -> Result<OpenOffer, Declined> {
        let mut all = self.standing(at);
        let found = all.iter().position(is_meant);
        found.map(|found| all.remove(found)).ok_or_else(|| Declined::because("There is no such offer any more."))
    }

    /// One that was taken stands again, unless another one has its place by now.
    fn put_back(&self, offer: OpenOffer, at: &Moment<'_>) {
        let mut all = self.standing(at);
        if !all.iter().any(|other| other.is_of(&offer.from, &offer.said, offer.until)) {
            all.push(offer);
        }
    }
}

impl OpenOffer {
    fn is_of(&self, from: &Name, said: &str, until: Day) -> bool {
        self.from == *from && self.said == said && self.until == until
    }

    fn is_shown_as(&self, from: &Name, to: &Name, until: Day, octets: u64) -> bool {
        self.from == *from && self.is_to(to) && self.until == until && self.octets == octets
    }

    fn is_to(&self, to: &Name) -> bool {
        self.to.as_ref() == Some(to)
    }
}

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

    fn carry_out(&self, executor: &Executor, at: &Moment<'_>) -> Result<Agreed, Declined> {
        if self.size == 0 || self.said.len() > LONGEST_SAID {
            return Err(Declined::wrong("size"));
        }
        if self.to.as_ref() == Some(&self.from) {
            return Err(crate::quota::AdminError::LendsToItself.into());
        }
        executor.book.may_lend(&self.from, Grant { octets: self.size, until: self.until }, at.today)?;
        let OfferLoan { from, to, said, size, until } = self.clone();
        let offer = OpenOffer { from, to, said, octets: size, until, made: at.now };
        let mut all = executor.offers.standing(at);
        all.retain(|other| !other.is_of(&offer.from, &offer.said, offer.until));
        if all.iter().filter(|other| other.from == offer.from).count() >= EACH {
            return Err(Declined::because("There are enough offers of this association. Withdraw one first."));
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

    fn carry_out(&self, executor: &Executor, at: &Moment<'_>) -> Result<LoanMade, Declined> {
        let is_meant = |offer: &OpenOffer| offer.is_shown_as(&self.from, &self.to, self.until, self.size);
        let offer = executor.offers.take(is_meant, at)?;
        let lent = executor.book.lend(&self.from, &self.to, Grant { octets: offer.octets, until: offer.until }, at.today);
        lent.map(LoanMade::of).map_err(|error| {
            let declined = Declined::from(error);
            if declined.cause == DeclineCause::Unwritten {
                executor.offers.put_back(offer, at);
            }
            declined
        })
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

    fn carry_out(&self, executor: &Executor, at: &Moment<'_>) -> Result<Agreed, Declined> {
        executor.offers.take(|offer| offer.is_of(&self.from, &self.said, self.until), at).map(|_| Agreed {})
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

    fn carry_out(&self, executor: &Executor, at: &Moment<'_>) -> Result<Agreed, Declined> {
        let is_meant = |offer: &OpenOffer| offer.is_shown_as(&self.from, &self.to, self.until, self.size);
        executor.offers.take(is_meant, at).map(|_| Agreed {})
    }

    fn print(_: &Agreed) -> String {
        "Declined.\n".into()
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
