//! The links by which contacts log in, as far as they wait to be followed. In memory only.
//!
//! Anybody can ask for one in a contact's name, as often as they like, and each is a mail. So the more of them nobody follows, the longer it takes
//! until the next is made; and each is good for as long as no other can be made. Whoever reads that mailbox has one that is good at every moment,
//! whatever strangers do, and gets some thirty in a day at most (33, by the worst of the ways that a test tries):
//!
//! | not followed | until the next one | good for |
//! |---|---|---|
//! | 1, 2 | 2 minutes | 15 minutes |
//! | 3, 4, 5 | 15 minutes | 15 minutes |
//! | 6 and more | an hour | an hour |
//!
//! One that is followed begins anew. Where one was not sent, or was ended by somebody else, the next may be made after two minutes.

use std::collections::HashMap;
use std::time::Duration;

use super::session::{Hash, LINK, PAUSE, VisitToken, shown};
use crate::private::Address;
use crate::quota::Name;

/// Links of one association that may be open.
const LINKS: usize = 3;
/// So many that nobody follows come as fast as a person would ask.
const QUICK: u32 = 2;
/// From so many on they come each hour.
const MANY: u32 = 6;
/// The longest wait, and so the longest time for which a link is good.
const LONGEST: Duration = Duration::from_secs(3600);
/// So long it is known that nobody followed the last ones: whoever pauses in between gets no more of them sent.
const KNOWN: Duration = Duration::from_secs(4 * 3600);

/// A new link.
pub struct MadeLink {
    /// What stands in it.
    pub token: VisitToken,
    /// How long it is good.
    pub good: Duration,
}

struct Link {
    name: Name,
    contact: Address,
    made: Duration,
    good: Duration,
}

impl Link {
    fn is_good(&self, now: Duration) -> bool {
        now.saturating_sub(self.made) < self.good
    }
}

/// The last one that was made for the contact of an association.
struct LastLink {
    contact: Address,
    made: Duration,
    /// With it, how many were not followed.
    idle: u32,
    /// From it to the next.
    wait: Duration,
}

/// The links that wait to be followed.
#[derive(Default)]
pub struct Links {
    open: HashMap<Hash, Link>,
    last: HashMap<Box<str>, LastLink>,
}

impl Links {
    /// A new one for the contact of `name`. None: there are enough, or one was made a short time ago.
    pub fn make(&mut self, name: &Name, contact: &Address, now: Duration) -> Option<MadeLink> {
        self.sweep(now);
        let last = self.last.get(name.reveal());
        let waits = last.is_some_and(|last| now.saturating_sub(last.made) < last.wait);
        if waits || self.open.values().filter(|link| link.name == *name).count() >= LINKS {
            return None;
        }
        let token = VisitToken::new()?;
        let idle = last.map_or(0, |last| last.idle).saturating_add(1);
        let wait = wait_after(idle);
        let good = wait.max(LINK);
        self.open.insert(token.hash(), Link { name: name.clone(), contact: contact.clone(), made: now, good });
        self.last.insert(name.reveal().into(), LastLink { contact: contact.clone(), made: now, idle, wait });
        Some(MadeLink { token, good })
    }

    /// It was not sent: it keeps none from being made. The next one waits all the same, so that no relay is asked as often as a stranger likes.
    pub fn forget(&mut self, token: &VisitToken) {
        let Some(link) = self.open.remove(&token.hash()) else { return };
        if let Some(last) = self.last.get_mut(link.name.reveal()).filter(|last| last.made == link.made) {
            (last.idle, last.wait) = (last.idle.saturating_sub(1), PAUSE);
        }
    }

    /// For which association `token` could be spent. Looking spends nothing: whatever scans mail looks at every link.
    pub fn look(&self, token: &[u8], now: Duration) -> Option<&Name> {
        let link = shown(token).and_then(|hash| self.open.get(&hash));
        link.filter(|link| link.is_good(now)).map(|link| &link.name)
    }

    /// Spends it: whom it lets in.
    pub fn spend(&mut self, token: &[u8], now: Duration) -> Option<(Name, Address)> {
        let link = self.open.remove(&shown(token)?).filter(|link| link.is_good(now))?;
        if let Some(last) = self.last.get_mut(link.name.reveal()) {
            (last.idle, last.wait) = (0, PAUSE);
        }
        Some((link.name, link.contact))
    }

    /// Forgets those of which `stands` does not hold: of an association, and the address that they were sent to. The next contact has not
    /// to wait because of them.
    pub fn keep_only(&mut self, stands: impl Fn(&Name, &Address) -> bool) {
        self.open.retain(|_, link| stands(&link.name, &link.contact));
        self.last.retain(|name, last| Name::parse(name).is_some_and(|name| stands(&name, &last.contact)));
    }

    /// Forgets those that were sent to such an address: how many there were.
    pub fn end_of(&mut self, whose: impl Fn(&Address) -> bool) -> usize {
        let before = self.open.len();
        self.open.retain(|_, link| !whose(&link.contact));
        // None of them is good any more: its owner must not have to wait for an hour.
        self.last.values_mut().filter(|last| whose(&last.contact)).for_each(|last| last.wait = PAUSE);
        before - self.open.len()
    }

    /// Forgets what is over.
    pub fn sweep(&mut self, now: Duration) {
        self.open.retain(|_, link| link.is_good(now));
        self.last.retain(|_, last| now.saturating_sub(last.made) < if last.idle == 0 { PAUSE } else { KNOWN });
        self.open.shrink_to_fit();
        self.last.shrink_to_fit();
    }
}

/// From the last of so many that nobody followed to the next.
fn wait_after(idle: u32) -> Duration {
    if idle <= QUICK {
        PAUSE
    } else if idle < MANY {
        LINK
    } else {
        LONGEST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_000_000);

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn carl() -> Address {
        "carl@velo.example".parse().unwrap()
    }

    fn at(minutes: u64) -> Duration {
        NOW + Duration::from_secs(60 * minutes)
    }

    #[test]
    fn a_link_is_good_once_and_for_a_quarter_of_an_hour() {
        let mut links = Links::default();
        let token = links.make(&name("velo"), &carl(), NOW).unwrap().token.reveal();
        assert!((0..3).all(|_| links.look(token.as_bytes(), NOW) == Some(&name("velo"))));
        let (of, who) = links.spend(token.as_bytes(), NOW).unwrap();
        assert!(of == name("velo") && who == carl());
        assert!(links.spend(token.as_bytes(), NOW).is_none() && links.look(token.as_bytes(), NOW).is_none());
        let later = NOW + PAUSE;
        let late = links.make(&name("velo"), &carl(), later).unwrap().token.reveal();
        assert!(links.look(late.as_bytes(), later + LINK).is_none() && links.spend(late.as_bytes(), later + LINK).is_none());
    }

    #[test]
    fn links_of_one_association_are_few_and_others_go_on() {
        let mut links = Links::default();
        let make = |links: &mut Links, of: &str, minutes: u64| links.make(&name(of), &carl(), at(minutes)).is_some();
        assert!(make(&mut links, "velo", 0) && !make(&mut links, "velo", 1));
        assert!(make(&mut links, "velo", 2) && make(&mut links, "velo", 4) && !make(&mut links, "velo", 6));
        assert!(make(&mut links, "jardin", 6), "another association is not concerned");
        assert!(!make(&mut links, "velo", 18) && make(&mut links, "velo", 19), "the first ones are over");
        // One that was not sent keeps no place, but its turn.
        let unsent = links.make(&name("bistro"), &carl(), NOW).unwrap().token;
        links.forget(&unsent);
        assert!(links.look(unsent.reveal().as_bytes(), NOW).is_none() && links.make(&name("bistro"), &carl(), NOW).is_none());
        assert_eq!((1..=4).filter(|turn| links.make(&name("bistro"), &carl(), at(2 * turn)).is_some()).count(), LINKS);
    }

    /// A stranger asks each minute, for two days; or stops for a while, so that it is forgotten.
    #[test]
    fn whoever_asks_without_end_sends_some_thirty_mails_a_day_and_the_last_is_always_good() {
        let days = |stops_at: u64, stops_for: u64| {
            let (mut links, mut last, mut sent): (_, Option<MadeLink>, Vec<u64>) = (Links::default(), None, Vec::new());
            let (mut run, mut asks_at) = (0, 0);
            for minute in 0..2 * 24 * 60 {
                if minute >= asks_at
                    && let Some(made) = links.make(&name("velo"), &carl(), at(minute))
                {
                    last = Some(made);
                    sent.push(minute);
                    run += 1;
                    if run == stops_at {
                        (run, asks_at) = (0, minute + stops_for);
                    }
                }
                let token = last.as_ref().map(|last| last.token.reveal());
                if minute >= asks_at {
                    assert!(token.is_some_and(|token| links.look(token.as_bytes(), at(minute)).is_some()), "minute {minute}");
                }
                assert!(links.open.len() <= LINKS);
            }
            sent.iter().map(|begin| sent.iter().filter(|at| (begin..&(begin + 24 * 60)).contains(at)).count()).max().unwrap()
        };
        assert_eq!(days(u64::MAX, 0), 29);
        for stops_at in 1..12 {
            for stops_for in [61, 119, 121, 239, 240, 241, 500] {
                assert!(days(stops_at, stops_for) <= 33, "{stops_at} {stops_for}");
            }
        }
    }

    /// In the middle of such a flood.
    #[test]
    fn whoever_comes_in_or_has_none_any_more_waits_two_minutes() {
        let flood = || {
            let mut links = Links::default();
            let made: Vec<_> = (0..49).filter_map(|minute| links.make(&name("velo"), &carl(), at(minute))).collect();
            assert!(made.len() == 5 && links.make(&name("velo"), &carl(), at(49)).is_some_and(|made| made.good == LONGEST));
            links
        };
        let wait =
            |links: &mut Links, from: u64| (from..200).find(|minute| links.make(&name("velo"), &carl(), at(*minute)).is_some());
        assert_eq!(wait(&mut flood(), 50), Some(109));
        let mut links = flood();
        let good = links.make(&name("velo"), &carl(), at(109)).unwrap();
        assert!(links.spend(good.token.reveal().as_bytes(), at(168)).is_some(), "good until the next");
        assert_eq!((wait(&mut links, 169), wait(&mut links, 170)), (Some(169), Some(171)));
        let mut links = flood();
        let unsent = links.make(&name("velo"), &carl(), at(109)).unwrap();
        links.forget(&unsent.token);
        assert_eq!(wait(&mut links, 109), Some(111));
        let mut links = flood();
        assert_eq!(links.end_of(|address| *address == carl()), 1);
        assert_eq!(wait(&mut links, 49), Some(51));
        // Another contact does not wait for what was done to this one.
        let mut links = flood();
        links.keep_only(|_, contact| *contact != carl());
        assert!(links.open.is_empty() && links.make(&name("velo"), &"zoe@velo.example".parse().unwrap(), at(50)).is_some());
        links.sweep(at(50) + KNOWN);
        assert_eq!((links.open.capacity(), links.last.capacity()), (0, 0));
    }
}
