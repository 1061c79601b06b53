//! The hand-overs of associations that wait for one or both of two addresses to agree, each by a link of its own: whoever holds one mailbox
//! alone, or one open window of the page, can neither take an association nor push it on somebody.
//!
//! The links are like those of the login (`session`): 32 random octets of which only the hash is kept, for a quarter of an hour, in memory;
//! looking at one spends nothing. One hand-over of an association is open at a time, and a new one ends it. A few may be begun in a day.

use std::collections::HashMap;
use std::time::Duration;

use super::session::{Hash, LINK, PAUSE, VisitToken, shown};
use crate::private::Address;
use crate::quota::Name;

/// Whose agreement a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandOverSide {
    /// The contact until now.
    Old,
    /// The one that it is handed over to.
    New,
}

struct OpenHandOver {
    old: Address,
    new: Address,
    made: Duration,
    links: [(HandOverSide, Option<Hash>); 2],
}

/// What a link that was not spent yet is about.
pub struct WaitingHandOver {
    /// Whose agreement it is.
    pub side: HandOverSide,
    /// The association.
    pub name: Name,
    /// Who would be the contact.
    pub new: Address,
}

/// Both agreed. Made by [`HandOvers::spend`] alone; it is open until [`HandOvers::end`] or [`HandOvers::reopen`].
pub struct BothAgreed {
    /// The association.
    pub name: Name,
    /// Its contact until now.
    pub from: Address,
    /// The new one.
    pub to: Address,
    made: Duration,
    last: (HandOverSide, Hash),
}

/// What came of a link.
pub enum Spent {
    /// The other side is still to agree.
    One(HandOverSide),
    /// Both did.
    Both(BothAgreed),
}

/// Hand-overs of one association that may be begun within a [`DAY`]: each sends a letter to an address that nobody but its contact named.
const BEGUN: u32 = 5;
/// How long they count.
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Why no hand-over was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandOverError {
    /// What was typed is no address of somebody else that mail can be sent to.
    NotAnother,
    /// The last one was begun just now.
    JustNow,
    /// There were enough for a day.
    EnoughToday,
    /// No mail can be sent, or no link be made.
    NoMail,
}

/// The hand-overs that wait for somebody.
#[derive(Default)]
pub struct HandOvers {
    open: HashMap<Box<str>, OpenHandOver>,
    /// Of which association how many were begun, since when.
    begun: HashMap<Box<str>, (Duration, u32)>,
}

impl HandOvers {
    /// Begins one: the links for `old` and for `new`. It counts for its association, unless it is [`untold`](HandOvers::untold).
    ///
    /// # Errors
    /// Nothing was begun, and what was open still is.
    pub fn begin(&mut self, name: &Name, old: &Address, new: &Address, now: Duration) -> Result<[VisitToken; 2], HandOverError> {
        self.sweep(now);
        if self.open.get(name.reveal()).is_some_and(|open| now.saturating_sub(open.made) < PAUSE) {
            return Err(HandOverError::JustNow);
        }
        if self.begun.get(name.reveal()).is_some_and(|(_, count)| *count >= BEGUN) {
            return Err(HandOverError::EnoughToday);
        }
        let [one, other] = [(); 2].map(|()| VisitToken::new().ok_or(HandOverError::NoMail));
        let tokens = [one?, other?];
        let [one, other] = &tokens;
        let links = [(HandOverSide::Old, Some(one.hash())), (HandOverSide::New, Some(other.hash()))];
        self.open.insert(name.reveal().into(), OpenHandOver { old: old.clone(), new: new.clone(), made: now, links });
        self.begun.entry(name.reveal().into()).or_insert((now, 0)).1 += 1;
        Ok(tokens)
    }

    /// Nobody but its contact can have been told of the one with this link: it is over, and counts no more.
    pub fn untold(&mut self, name: &Name, link: &VisitToken) {
        let hash = Some(link.hash());
        self.open.retain(|_, open| open.links.iter().all(|(_, link)| *link != hash));
        if let Some((_, count)) = self.begun.get_mut(name.reveal()) {
            *count = count.saturating_sub(1);
        }
    }

    /// Whether `link` is good for something: it was not spent, and the hand-over is still the one that is open.
    pub fn is_open(&self, link: &VisitToken, now: Duration) -> bool {
        self.look(link.reveal().as_bytes(), now).is_some()
    }

    /// What `token` is for. Looking spends nothing.
    pub fn look(&self, token: &[u8], now: Duration) -> Option<WaitingHandOver> {
        let hash = shown(token)?;
        let (name, open, at) = self.find(hash, now)?;
        let (side, _) = open.links.get(at)?;
        Some(WaitingHandOver { side: *side, name: Name::parse(name)?, new: open.new.clone() })
    }

    /// Spends it.
    pub fn spend(&mut self, token: &[u8], now: Duration) -> Option<Spent> {
        let hash = shown(token)?;
        let (name, _, at) = self.find(hash, now)?;
        let name = name.to_owned();
        let open = self.open.get_mut(name.as_str())?;
        let (side, link) = open.links.get_mut(at)?;
        *link = None;
        let side = *side;
        if open.links.iter().any(|(_, link)| link.is_some()) {
            return Some(Spent::One(side));
        }
        let (from, to) = (open.old.clone(), open.new.clone());
        Some(Spent::Both(BothAgreed { name: Name::parse(&name)?, from, to, made: open.made, last: (side, hash) }))
    }

    /// It was carried out, or never can be.
    pub fn end(&mut self, both: &BothAgreed) {
        self.open.retain(|name, open| **name != *both.name.reveal() || open.made != both.made);
    }

    /// It could not be written down: the link that was spent last can be spent again, within its time. Not where the hand-over was ended
    /// meanwhile, or another one begun.
    pub fn reopen(&mut self, both: &BothAgreed) {
        let open = self.open.get_mut(both.name.reveal()).filter(|open| open.made == both.made);
        let (last, hash) = both.last;
        let link = open.and_then(|open| open.links.iter_mut().find(|(side, _)| *side == last));
        if let Some((_, link)) = link {
            *link = Some(hash);
        }
    }

    /// Forgets those of which `stands` does not hold: of an association, and its contact until now.
    pub fn keep_only(&mut self, stands: impl Fn(&Name, &Address) -> bool) {
        self.open.retain(|name, open| Name::parse(name).is_some_and(|name| stands(&name, &open.old)));
    }

    /// Forgets those of such an address, on either side: how many there were.
    pub fn end_of(&mut self, whose: impl Fn(&Address) -> bool) -> usize {
        let before = self.open.len();
        self.open.retain(|_, open| !whose(&open.old) && !whose(&open.new));
        before - self.open.len()
    }

    /// Forgets what is over.
    pub fn sweep(&mut self, now: Duration) {
        self.open.retain(|_, open| now.saturating_sub(open.made) < LINK);
        self.open.shrink_to_fit();
        self.begun.retain(|_, (since, count)| *count > 0 && now.saturating_sub(*since) < DAY);
        self.begun.shrink_to_fit();
    }

    fn find(&self, hash: Hash, now: Duration) -> Option<(&str, &OpenHandOver, usize)> {
        let mut all = self.open.iter().filter(|(_, open)| now.saturating_sub(open.made) < LINK);
        all.find_map(|(name, open)| Some((&**name, open, open.links.iter().position(|(_, link)| *link == Some(hash))?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_000_000);

    fn stage() -> (HandOvers, Name, [String; 2]) {
        let (mut all, name) = (HandOvers::default(), Name::parse("velo").unwrap());
        let [old, new] = ["carl@velo.example", "zoe@elsewhere.example"].map(|text| text.parse().unwrap());
        let tokens = all.begin(&name, &old, &new, NOW).unwrap().map(|token| token.reveal().to_string());
        (all, name, tokens)
    }

    #[test]
    fn it_takes_both_in_any_order_and_each_once() {
        for order in [[0, 1], [1, 0]] {
            let (mut all, name, tokens) = stage();
            let [first, second] = order.map(|at| tokens[at].as_bytes());
            let side = all.look(first, NOW).unwrap().side;
            assert!(all.look(first, NOW).is_some(), "a look spends nothing");
            assert!(matches!(all.spend(first, NOW), Some(Spent::One(of)) if of == side));
            assert!(all.spend(first, NOW).is_none() && all.look(first, NOW).is_none(), "one side twice is not both");
            let Some(Spent::Both(both)) = all.spend(second, NOW) else { panic!("not both") };
            assert!(
                both.name == name && both.from.reveal() == "carl@velo.example" && both.to.reveal() == "zoe@elsewhere.example"
            );
            assert!(all.spend(second, NOW).is_none() && all.look(second, NOW).is_none());
            all.end(&both);
            assert!(all.open.is_empty());
        }
    }

    #[test]
    fn what_could_not_be_written_down_waits_for_the_same_link() {
        let (mut all, name, [old, new]) = stage();
        let both = |all: &mut HandOvers, token: &str| match all.spend(token.as_bytes(), NOW) {
            Some(Spent::Both(both)) => both,
            _ => panic!("not both"),
        };
        assert!(matches!(all.spend(new.as_bytes(), NOW), Some(Spent::One(HandOverSide::New))));
        let unwritten = both(&mut all, &old);
        all.reopen(&unwritten);
        assert!(all.spend(new.as_bytes(), NOW).is_none(), "the other side has agreed already");
        let written = both(&mut all, &old);
        assert!(written.to == unwritten.to && all.spend(old.as_bytes(), NOW).is_none(), "while it is being written");
        // Whoever breaks the hand-over off meanwhile has broken it off.
        all.end_of(|address| address.reveal() == "carl@velo.example");
        all.reopen(&written);
        assert!(all.open.is_empty());
        // And it is no other hand-over's.
        let later = all.begin(&name, &written.from, &written.to, NOW + PAUSE).unwrap();
        all.reopen(&written);
        assert!(all.look(old.as_bytes(), NOW + PAUSE).is_none());
        all.end(&written);
        assert!(all.look(later[0].reveal().as_bytes(), NOW + PAUSE).is_some());
    }

    #[test]
    fn it_ends_by_itself_and_a_new_one_ends_it() {
        let (mut all, name, [old, new]) = stage();
        assert!(matches!(all.spend(old.as_bytes(), NOW), Some(Spent::One(HandOverSide::Old))));
        assert!(all.look(new.as_bytes(), NOW + LINK).is_none() && all.spend(new.as_bytes(), NOW + LINK).is_none());
        let [carl, eve] = ["carl@velo.example", "eve@elsewhere.example"].map(|text| text.parse().unwrap());
        assert!(all.begin(&name, &carl, &eve, NOW + PAUSE / 2).err() == Some(HandOverError::JustNow), "one in two minutes");
        let [_, third] = all.begin(&name, &carl, &eve, NOW + PAUSE).unwrap();
        assert!(all.spend(new.as_bytes(), NOW + PAUSE).is_none(), "what was agreed to was another address");
        assert!(matches!(all.spend(third.reveal().as_bytes(), NOW + PAUSE), Some(Spent::One(HandOverSide::New))));
        assert_eq!(all.open.len(), 1);
        all.sweep(NOW + PAUSE + LINK);
        assert!(all.open.is_empty());
    }

    #[test]
    fn letters_to_addresses_that_a_contact_names_are_few_in_a_day() {
        let (mut all, carl) = (HandOvers::default(), "carl@velo.example".parse().unwrap());
        let mut ask = |name: &str, minutes: u32| {
            let new = format!("x{minutes}@elsewhere.example").parse().unwrap();
            all.begin(&Name::parse(name).unwrap(), &carl, &new, NOW + minutes * Duration::from_secs(60)).map(drop)
        };
        assert!((0..BEGUN).all(|number| ask("velo", 2 * number) == Ok(())));
        assert_eq!(ask("velo", 60), Err(HandOverError::EnoughToday), "whether they are open or over");
        assert_eq!(ask("jardin", 60), Ok(()), "another association is not concerned");
        assert_eq!((ask("velo", 24 * 60 - 1), ask("velo", 24 * 60)), (Err(HandOverError::EnoughToday), Ok(())));
        // Who is the contact meanwhile, and whose sessions are ended, is no new day.
        all.keep_only(|_, _| false);
        all.end_of(|_| true);
        assert_eq!((all.begun.len(), all.open.len()), (2, 0));
        all.sweep(NOW + 2 * DAY);
        assert_eq!((all.begun.capacity(), all.open.capacity()), (0, 0));
    }
}
