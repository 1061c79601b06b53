//! The offers of space that are open: in memory, a few for each association, and they end by themselves. Which of them the other contact is told
//! of by mail is in `offer_news`.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::NotDone;
use super::moment::Moment;
use super::offer_news::{OfferNews, ToldOffers};
use crate::quota::{Day, Name};

/// An offer that nobody took ends after so long.
const LIFE: Duration = Duration::from_secs(7 * 24 * 3600);
/// Offers to one association that are shown: first one of each maker, then the second of each, so that nobody's are hidden behind those of a few.
const SHOWN: usize = 20;

pub(super) struct OpenOffer {
    pub(super) from: Name,
    /// None where it can be nobody's name.
    pub(super) to: Option<Name>,
    /// Whom its maker named. By this it is told from the maker's others, and never by what it leads to: that two ways lead to the same is
    /// not told.
    pub(super) said: String,
    pub(super) octets: u64,
    pub(super) until: Day,
    pub(super) made: Instant,
    pub(super) state: OfferState,
}

/// Whether an offer can be taken. What is told of one that ends must stay so: while it is written down that somebody took it, it is still in
/// its place, so that whatever ends it meanwhile ends it for good.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum OfferState {
    Stands,
    /// Under this number.
    BeingTaken(u64),
}

/// An offer that is being taken, and keeps its place until [`LoanOffers::taken`] or [`LoanOffers::not_taken`].
pub(super) struct Taking {
    pub(super) octets: u64,
    pub(super) until: Day,
    number: u64,
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

/// The offers of one association, and those to it.
pub(super) struct OffersAbout {
    pub(super) made: Vec<OfferShown>,
    pub(super) had: Vec<OfferShown>,
    /// More of the latter, which are not told.
    pub(super) unshown: u64,
}

/// The offers that are open.
#[derive(Default)]
pub struct LoanOffers {
    open: Mutex<Vec<OpenOffer>>,
    takings: AtomicU64,
    told: Mutex<ToldOffers>,
}

impl LoanOffers {
    pub(super) fn standing(&self, at: &Moment<'_>) -> MutexGuard<'_, Vec<OpenOffer>> {
        self.standing_at(at.now, at.today)
    }

    fn standing_at(&self, now: Instant, today: Day) -> MutexGuard<'_, Vec<OpenOffer>> {
        let mut all = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|offer| now.saturating_duration_since(offer.made) < LIFE && today <= offer.until);
        all.shrink_to_fit();
        all
    }

    fn told(&self) -> MutexGuard<'_, ToldOffers> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is over is forgotten.
    pub(super) fn sweep(&self, now: Instant, today: Day) {
        drop(self.standing_at(now, today));
        self.told().keep_only_of(today);
    }

    /// Whether the offer that `from` made just now may be told, if anybody is there: see [`ToldOffers::count`].
    pub(super) fn count(&self, from: &Name, said: &str, today: Day) -> bool {
        self.told().count(from, said, today)
    }

    pub(super) fn uncount(&self, from: &Name, said: &str) {
        self.told().uncount(from, said);
    }

    /// What the other one is to be told of the counted offer that `from` made to what it said: the last one, where that was made anew meanwhile.
    pub(super) fn news(&self, from: &Name, said: &str, at: &Moment<'_>) -> Option<OfferNews> {
        let all = self.standing(at);
        let is_meant = |offer: &&OpenOffer| offer.from == *from && offer.said == said && offer.state == OfferState::Stands;
        let Some(offer) = all.iter().rfind(is_meant) else {
            self.told().uncount(from, said);
            return None;
        };
        let is_told = self.told().tell(from, said, offer.to.as_ref());
        let to = offer.to.clone().filter(|_| is_told)?;
        Some(OfferNews { to, octets: offer.octets, until: offer.until })
    }

    /// What `name` offers, and what is offered to it.
    pub(super) fn about(&self, name: &Name, at: &Moment<'_>) -> OffersAbout {
        let all = self.standing(at);
        let shown =
            |offer: &OpenOffer, with: &str| OfferShown { with: with.to_owned(), octets: offer.octets, until: offer.until };
        let made = all.iter().filter(|offer| offer.from == *name).map(|offer| shown(offer, &offer.said));
        let mut makers: HashMap<&str, usize> = HashMap::new();
        let mut had = Vec::new();
        for offer in all.iter().filter(|offer| offer.is_to(name)) {
            let earlier = makers.entry(offer.from.reveal()).or_default();
            had.push((*earlier, offer));
            *earlier += 1;
        }
        // Of the same turn, as they were made.
        had.sort_by_key(|(turn, _)| *turn);
        let unshown = had.len().saturating_sub(SHOWN) as u64;
        let had = had.into_iter().take(SHOWN).map(|(_, offer)| shown(offer, offer.from.reveal()));
        OffersAbout { made: made.collect(), had: had.collect(), unshown }
    }

    /// An association is gone: the next one of that name has nothing to do with it. To their makers, offers to it stand as those to nobody do.
    pub(super) fn forget(&self, name: &Name) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|offer| offer.from != *name);
        open.iter_mut().filter(|offer| offer.is_to(name)).for_each(|offer| offer.to = None);
        drop(open);
        self.told().forget(name);
    }

    /// Ends the first one that is meant. Of one that is being taken it is not known yet whether it was: its maker or the other contact ends it
    /// all the same, and is told that it has ended, which is so in either case.
    pub(super) fn end(&self, is_meant: impl Fn(&OpenOffer) -> bool, at: &Moment<'_>) -> Result<(), NotDone> {
        let mut all = self.standing(at);
        let standing = all.iter().position(|offer| is_meant(offer) && offer.state == OfferState::Stands);
        let found = standing.or_else(|| all.iter().position(is_meant)).map(|found| all.remove(found));
        found.filter(|offer| offer.state == OfferState::Stands).map(drop).ok_or_else(over)
    }

    /// Whether one that is meant can be taken.
    pub(super) fn stands(&self, is_meant: impl Fn(&OpenOffer) -> bool, now: Instant, today: Day) -> bool {
        self.standing_at(now, today).iter().any(|offer| is_meant(offer) && offer.state == OfferState::Stands)
    }

    /// Begins to take one that its taker was shown so.
    pub(super) fn begin_taking(&self, is_meant: impl Fn(&OpenOffer) -> bool, at: &Moment<'_>) -> Result<Taking, NotDone> {
        let mut all = self.standing(at);
        let Some(found) = all.iter().position(|offer| is_meant(offer) && offer.state == OfferState::Stands) else {
            let taken = all.iter().any(is_meant);
            return Err(if taken { NotDone::busy("This offer is being taken at this moment.") } else { over() });
        };
        let number = self.takings.fetch_add(1, Ordering::Relaxed);
        let offer = all.get_mut(found).ok_or_else(over)?;
        offer.state = OfferState::BeingTaken(number);
        Ok(Taking { octets: offer.octets, until: offer.until, number })
    }

    /// It was taken, or never can be.
    pub(super) fn taken(&self, taking: &Taking, at: &Moment<'_>) {
        self.standing(at).retain(|offer| offer.state != OfferState::BeingTaken(taking.number));
    }

    /// That could not be written down: it stands again, unless it was ended meanwhile.
    pub(super) fn not_taken(&self, taking: &Taking, at: &Moment<'_>) {
        let mut all = self.standing(at);
        let found = all.iter_mut().find(|offer| offer.state == OfferState::BeingTaken(taking.number));
        found.into_iter().for_each(|offer| offer.state = OfferState::Stands);
    }
}

fn over() -> NotDone {
    NotDone::because("There is no such offer any more.")
}

impl OpenOffer {
    pub(super) fn is_of(&self, from: &Name, said: &str, until: Day) -> bool {
        self.from == *from && self.said == said && self.until == until
    }

    /// Whether `to` was shown it so.
    pub(super) fn is_shown(&self, [from, to]: [&Name; 2], octets: u64, until: Day) -> bool {
        (&self.from, self.octets, self.until) == (from, octets, until) && self.is_to(to)
    }

    fn is_to(&self, to: &Name) -> bool {
        self.to.as_ref() == Some(to)
    }
}
