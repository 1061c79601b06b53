//! Which offers the other contact is told of by mail: the first one in a day of what their maker says, to the same association, and not more in
//! a day than there can be offers.
//!
//! Nobody learns by it who is here: what leads to nobody counts as all else does, or the mails that come to an accomplice would tell it.
//! What was told is known in memory, until the day is over.

use crate::quota::{Day, Name};

/// Open offers of one association; and as many are told in a day.
pub(super) const EACH: usize = 5;

/// What there is to say of an offer.
pub struct OfferNews {
    /// Whom it is for.
    pub to: Name,
    /// How much.
    pub octets: u64,
    /// Until when.
    pub until: Day,
}

/// An offer that was told, or would have been if anybody were there.
struct OfferTold {
    from: Name,
    said: String,
    to: Option<Name>,
    on: Day,
}

/// Those of today.
#[derive(Default)]
pub(super) struct ToldOffers(Vec<OfferTold>);

impl ToldOffers {
    /// Whether what `said` leads to may be told, if anybody is there: it counts from now on. So those on their way are few, too.
    pub(super) fn count(&mut self, from: &Name, said: &str, today: Day) -> bool {
        self.keep_only_of(today);
        let own = self.0.iter().filter(|told| told.from == *from);
        if own.clone().any(|told| told.said == said) || own.count() >= EACH {
            return false;
        }
        self.0.push(OfferTold { from: from.clone(), said: said.to_owned(), to: None, on: today });
        true
    }

    /// Whether `to` is told of what was counted, and was not told of another one; if so it is told from now on.
    pub(super) fn tell(&mut self, from: &Name, said: &str, to: Option<&Name>) -> bool {
        let is_told = self.0.iter().any(|told| told.from == *from && to.is_some() && told.to.as_ref() == to);
        let counted = self.0.iter_mut().find(|told| told.from == *from && told.said == said);
        let Some(counted) = counted.filter(|_| !is_told) else { return false };
        counted.to = to.cloned();
        to.is_some()
    }

    /// It stood no more when it was to be told: the next one may be.
    pub(super) fn uncount(&mut self, from: &Name, said: &str) {
        self.0.retain(|told| told.from != *from || told.said != said);
    }

    pub(super) fn keep_only_of(&mut self, today: Day) {
        self.0.retain(|told| told.on == today);
        self.0.shrink_to_fit();
    }

    /// An association is gone.
    pub(super) fn forget(&mut self, name: &Name) {
        self.0.retain(|told| told.from != *name);
        // It counts on, as what leads to nobody does.
        self.0.iter_mut().filter(|told| told.to.as_ref() == Some(name)).for_each(|told| told.to = None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    #[test]
    fn each_is_told_once_a_day_and_few_of_them() {
        let [velo, jardin, bistro] = ["velo", "jardin", "bistro"].map(name);
        let (today, tomorrow): (Day, Day) = ("2027-01-01".parse().unwrap(), "2027-01-02".parse().unwrap());
        let mut told = ToldOffers::default();
        let mut tell = |from: &Name, said: &str, to: Option<&Name>, today: Day| {
            let tells = told.count(from, said, today) && told.tell(from, said, to);
            (tells, told.0.len())
        };
        assert_eq!(tell(&velo, "jardin", Some(&jardin), today), (true, 1));
        assert_eq!(tell(&velo, "jardin", Some(&jardin), today), (false, 1), "once");
        assert_eq!(tell(&velo, "jardin.example", Some(&jardin), today), (false, 2), "by another name of the same");
        assert_eq!(tell(&bistro, "jardin", Some(&jardin), today), (true, 3), "by another maker");
        // What leads to nobody, or twice to the same, counts like all else: here are two, two more, and the fifth.
        assert_eq!(tell(&velo, "nobody", None, today), (false, 4));
        assert_eq!(tell(&velo, "nobody.example", None, today), (false, 5));
        assert_eq!(tell(&velo, "bistro", Some(&bistro), today), (true, 6));
        assert_eq!(tell(&velo, "verger", Some(&name("verger")), today), (false, 6), "there were five");
        // An association of that name that is another one has heard nothing, and the maker does not learn that one is gone.
        told.forget(&jardin);
        assert!(!told.count(&velo, "jardin", today) && told.tell(&velo, "jardin", Some(&jardin)));
        told.uncount(&velo, "bistro");
        assert!(told.count(&velo, "bistro", today) && !told.count(&velo, "verger", today));
        assert!(told.count(&velo, "verger", tomorrow) && told.tell(&velo, "verger", Some(&jardin)));
        assert_eq!(told.0.len(), 1, "yesterday is forgotten");
        assert!(!told.tell(&velo, "never counted", Some(&bistro)));
        told.keep_only_of(today);
        assert_eq!(told.0.capacity(), 0);
    }
}
