//! The hand-overs of associations that wait for one or both of two addresses to agree, each by a link of its own: whoever holds one mailbox
//! alone, or one open window of the page, can neither take an association nor push it on somebody.
//!
//! The links are like those of the login (`session`): 32 random octets of which only the hash is kept, for a quarter of an hour, in memory;
//! looking at one spends nothing. One hand-over of an association is open at a time, and a new one ends it. A few may be begun in a day.
//!
//! A link that was used is told again what it was told first, for as long as it would have been good: who presses twice sees the answer to the
//! second click alone.

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
    links: [SideLink; 2],
}

#[derive(Clone, Copy)]
struct SideLink {
    side: HandOverSide,
    hash: Hash,
    agreed: bool,
}

/// One that was carried out.
struct DoneHandOver {
    to: Address,
    made: Duration,
    links: [Hash; 2],
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
    links: [Hash; 2],
    last: Hash,
}

/// What came of a link.
pub enum Spent {
    /// The other side is still to agree.
    One(HandOverSide),
    /// Both did, by this click.
    Both(BothAgreed),
    /// Both did, and it is being carried out at this moment.
    UnderWay,
    /// It was carried out, and this one is the contact since, as far as is known here.
    Done(Name, Address),
}

/// What came of the form.
pub enum BegunHandOver {
    /// The links for the old contact and for the new one.
    Links([VisitToken; 2]),
    /// The same was begun just now.
    Already,
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
    /// The last one of each association.
    done: HashMap<Box<str>, DoneHandOver>,
    /// Of which association how many were begun, since when.
    begun: HashMap<Box<str>, (Duration, u32)>,
}

impl HandOvers {
    /// Begins one. It counts for its association, unless it is [`untold`](HandOvers::untold).
    ///
    /// # Errors
    /// Nothing was begun, and what was open still is.
    pub fn begin(&mut self, name: &Name, old: &Address, new: &Address, now: Duration) -> Result<BegunHandOver, HandOverError> {
        self.sweep(now);
        if let Some(open) = self.open.get(name.reveal()).filter(|open| now.saturating_sub(open.made) < PAUSE) {
            let is_same = (&open.old, &open.new) == (old, new);
            return if is_same { Ok(BegunHandOver::Already) } else { Err(HandOverError::JustNow) };
        }
        if self.begun.get(name.reveal()).is_some_and(|(_, count)| *count >= BEGUN) {
            return Err(HandOverError::EnoughToday);
        }
        let [one, other] = [(); 2].map(|()| VisitToken::new().ok_or(HandOverError::NoMail));
        let tokens = [one?, other?];
        let [one, other] = &tokens;
        let link = |side, token: &VisitToken| SideLink { side, hash: token.hash(), agreed: false };
        let links = [link(HandOverSide::Old, one), link(HandOverSide::New, other)];
        self.open.insert(name.reveal().into(), OpenHandOver { old: old.clone(), new: new.clone(), made: now, links });
        self.begun.entry(name.reveal().into()).or_insert((now, 0)).1 += 1;
        Ok(BegunHandOver::Links(tokens))
    }

    /// Nobody but its contact can have been told of the one with this link: it is over, and counts no more.
    pub fn untold(&mut self, name: &Name, link: &VisitToken) {
        let hash = link.hash();
        self.open.retain(|_, open| open.links.iter().all(|link| link.hash != hash));
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
        let link = open.links.get(at).filter(|link| !link.agreed)?;
        Some(WaitingHandOver { side: link.side, name: Name::parse(name)?, new: open.new.clone() })
    }

    /// Spends it. What was spent is told what came of it.
    pub fn spend(&mut self, token: &[u8], now: Duration) -> Option<Spent> {
        let hash = shown(token)?;
        let Some((name, _, at)) = self.find(hash, now) else { return self.find_done(hash, now) };
        let name = name.to_owned();
        let open = self.open.get_mut(name.as_str())?;
        let link = open.links.get_mut(at)?;
        let (side, spent) = (link.side, std::mem::replace(&mut link.agreed, true));
        if open.links.iter().any(|link| !link.agreed) {
            return Some(Spent::One(side));
        }
        if spent {
            return Some(Spent::UnderWay);
        }
        let (from, to, links) = (open.old.clone(), open.new.clone(), open.links.map(|link| link.hash));
        Some(Spent::Both(BothAgreed { name: Name::parse(&name)?, from, to, made: open.made, links, last: hash }))
    }

    /// It was carried out.
    pub fn done(&mut self, both: BothAgreed) {
        self.end(&both);
        self.done.insert(both.name.reveal().into(), DoneHandOver { to: both.to, made: both.made, links: both.links });
    }

    /// It never can be.
    pub fn end(&mut self, both: &BothAgreed) {
        self.open.retain(|name, open| **name != *both.name.reveal() || open.made != both.made);
    }

    /// It could not be written down: the link that was spent last can be spent again, within its time. Not where the hand-over was ended
    /// meanwhile, or another one begun.
    pub fn reopen(&mut self, both: &BothAgreed) {
        let open = self.open.get_mut(both.name.reveal()).filter(|open| open.made == both.made);
        let link = open.and_then(|open| open.links.iter_mut().find(|link| link.hash == both.last));
        if let Some(link) = link {
            link.agreed = false;
        }
    }

    /// Forgets those of which `stands` does not hold: of an association, and its contact until now, or since.
    pub fn keep_only(&mut self, stands: impl Fn(&Name, &Address) -> bool) {
        self.open.retain(|name, open| Name::parse(name).is_some_and(|name| stands(&name, &open.old)));
        self.done.retain(|name, done| Name::parse(name).is_some_and(|name| stands(&name, &done.to)));
    }

    /// Forgets those of such an address, on either side: how many there were.
    pub fn end_of(&mut self, whose: impl Fn(&Address) -> bool) -> usize {
        let before = self.open.len();
        self.open.retain(|_, open| !whose(&open.old) && !whose(&open.new));
        self.done.retain(|_, done| !whose(&done.to));
        before - self.open.len()
    }

    /// Forgets what is over.
    pub fn sweep(&mut self, now: Duration) {
        self.open.retain(|_, open| now.saturating_sub(open.made) < LINK);
        self.open.shrink_to_fit();
        self.done.retain(|_, done| now.saturating_sub(done.made) < LINK);
        self.done.shrink_to_fit();
        self.begun.retain(|_, (since, count)| *count > 0 && now.saturating_sub(*since) < DAY);
        self.begun.shrink_to_fit();
    }

    fn find(&self, hash: Hash, now: Duration) -> Option<(&str, &OpenHandOver, usize)> {
        let mut all = self.open.iter().filter(|(_, open)| now.saturating_sub(open.made) < LINK);
        all.find_map(|(name, open)| Some((&**name, open, open.links.iter().position(|link| link.hash == hash)?)))
    }

    fn find_done(&self, hash: Hash, now: Duration) -> Option<Spent> {
        let all = self.done.iter().filter(|(_, done)| now.saturating_sub(done.made) < LINK);
        let (name, done) = all.into_iter().find(|(_, done)| done.links.contains(&hash))?;
        Some(Spent::Done(Name::parse(name)?, done.to.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_000_000);

    fn stage() -> (HandOvers, Name, [String; 2]) {
        let (mut all, name) = (HandOvers::default(), Name::parse("velo").unwrap());
        let [old, new] = ["carl@velo.example", "zoe@elsewhere.example"].map(|text| text.parse().unwrap());
        let tokens = links(all.begin(&name, &old, &new, NOW)).map(|token| token.reveal().to_string());
        (all, name, tokens)
    }

    fn links(begun: Result<BegunHandOver, HandOverError>) -> [VisitToken; 2] {
        match begun {
            Ok(BegunHandOver::Links(links)) => links,
            _ => panic!("none"),
        }
    }

    #[test]
    fn it_takes_both_in_any_order_and_each_once() {
        for order in [[0, 1], [1, 0]] {
            let (mut all, name, tokens) = stage();
            let [first, second] = order.map(|at| tokens[at].as_bytes());
            let side = all.look(first, NOW).unwrap().side;
            assert!(all.look(first, NOW).is_some(), "a look spends nothing");
            assert!(matches!(all.spend(first, NOW), Some(Spent::One(of)) if of == side));
            assert!(matches!(all.spend(first, NOW), Some(Spent::One(of)) if of == side), "one side twice is not both");
            assert!(all.look(first, NOW).is_none());
            let Some(Spent::Both(both)) = all.spend(second, NOW) else { panic!("not both") };
            assert!(
                both.name == name && both.from.reveal() == "carl@velo.example" && both.to.reveal() == "zoe@elsewhere.example"
            );
            assert!([first, second].iter().all(|link| matches!(all.spend(link, NOW), Some(Spent::UnderWay))));
            assert!(all.look(second, NOW).is_none());
            all.done(both);
            assert!(all.open.is_empty());
            // Each is told that it is done, for as long as it would have been good, and shows no button.
            let to = "zoe@elsewhere.example".parse::<Address>().unwrap();
            for link in [first, second] {
                assert!(matches!(all.spend(link, NOW), Some(Spent::Done(of, who)) if of == name && who == to));
                assert!(all.look(link, NOW).is_none() && all.spend(link, NOW + LINK).is_none());
            }
            all.keep_only(|_, contact| *contact == to);
            assert_eq!(all.done.len(), 1);
            all.keep_only(|_, _| false);
            assert!(all.spend(first, NOW).is_none());
        }
    }

    #[test]
    fn the_same_again_is_begun_once_and_one_that_was_not_told_is_none() {
        let (mut all, name, _) = stage();
        let [carl, zoe, eve] =
            ["carl@velo.example", "zoe@elsewhere.example", "eve@elsewhere.example"].map(|text| text.parse().unwrap());
        assert!(matches!(all.begin(&name, &carl, &zoe, NOW), Ok(BegunHandOver::Already)));
        assert!(all.begin(&name, &carl, &eve, NOW).err() == Some(HandOverError::JustNow));
        for turn in 1..3 * BEGUN {
            let [own, other] = links(all.begin(&name, &carl, &zoe, NOW + turn * PAUSE));
            assert!(all.is_open(&own, NOW + turn * PAUSE));
            all.untold(&name, &own);
            assert!(!all.is_open(&own, NOW + turn * PAUSE) && !all.is_open(&other, NOW + turn * PAUSE));
        }
        // One that another one has ended meanwhile ends nothing of that.
        let [own, _] = links(all.begin(&name, &carl, &zoe, NOW + 40 * PAUSE));
        let [next, _] = links(all.begin(&name, &carl, &eve, NOW + 41 * PAUSE));
        all.untold(&name, &own);
        assert!(all.is_open(&next, NOW + 41 * PAUSE));
        assert_eq!(all.begun.get("velo").unwrap().1, 2);
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
        assert!(
            matches!(all.spend(new.as_bytes(), NOW), Some(Spent::One(HandOverSide::New))),
            "the other side has agreed already"
        );
        let written = both(&mut all, &old);
        let second = all.spend(old.as_bytes(), NOW);
        assert!(written.to == unwritten.to && matches!(second, Some(Spent::UnderWay)), "while it is being written");
        // Whoever breaks the hand-over off meanwhile has broken it off.
        all.end_of(|address| address.reveal() == "carl@velo.example");
        all.reopen(&written);
        assert!(all.open.is_empty());
        // And it is no other hand-over's.
        let later = links(all.begin(&name, &written.from, &written.to, NOW + PAUSE));
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
        let [_, third] = links(all.begin(&name, &carl, &eve, NOW + PAUSE));
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
