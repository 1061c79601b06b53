//! Whether this node may judge at all: it and all others must mean the same associations, at the same etcd (docs/many-nodes.md).
//!
//! It may when three things are so, and each is looked at again and again:
//!
//! 1. etcd's [`HouseWord`] has the mark of its own key;
//! 2. more than half of the members that its config names have that house, each by itself, and none has another one;
//! 3. it has asked the other nodes at their listeners since it knows its house, and none that answered is of another one.
//!
//! Of the third: a node says at its own listener what it is before it asks at others', so of two that come in one moment one sees the other at least. One
//! that is in stays in where a newcomer is of another house, as long as that one says that it is out.

use super::house::{GreetingWord, HouseWord};
use super::{Millis, Pace};

/// Why a node judges nothing. The numbers are those of the event `judges-nothing`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bar {
    /// It is not known yet.
    Unknown,
    /// etcd's house is one of another key.
    OtherKey,
    /// Members of etcd that the config names are not of one cluster.
    OtherEtcd,
    /// Not more than half of them have said that they are of one.
    FewMembers,
    /// Another node has another key.
    FellowKey,
    /// Another node speaks to another etcd.
    FellowEtcd,
    /// etcd was emptied, or put back to an older state, a moment ago.
    WentBack,
    /// Another machine has this node's name.
    Namesake,
    /// What other nodes have set is not in force here.
    Behind,
    /// The settings here are others than those in etcd, and were never those of all nodes.
    Disputed,
}

words! {
    Bar, "No such reason.":
    Unknown = "unknown",
    OtherKey = "other-key",
    OtherEtcd = "other-etcd",
    FewMembers = "few-members",
    FellowKey = "fellow-key",
    FellowEtcd = "fellow-etcd",
    WentBack = "went-back",
    Namesake = "namesake",
    Behind = "behind",
    Disputed = "disputed",
}

/// How long what another node said last is believed where it answers no more.
const BELIEVED: Millis = 60_000;

/// What another node said last.
#[derive(Clone, Default)]
struct Neighbour {
    /// What is wrong with it, and when it was heard.
    wrong: Option<(Bar, Millis)>,
    /// It did not answer the last time.
    silent: bool,
}

/// See the head of the file.
pub struct Accord {
    mark: String,
    /// As etcd has it: what a majority of its members agreed on.
    stands: Option<HouseWord>,
    /// What each member that the config names has, by itself; none before it answered.
    members: Vec<Option<Option<HouseWord>>>,
    neighbours: Vec<Neighbour>,
    /// The house that was known when the others were asked last.
    asked: Option<HouseWord>,
    is_in: bool,
    /// The house that we were in since etcd went back last.
    been: Option<HouseWord>,
    /// Until when nothing is judged, for etcd went back.
    back: Option<Millis>,
}

impl Accord {
    /// Of a node whose key has this mark, and whose config names so many members of etcd.
    pub fn new(mark: &str, members: usize) -> Accord {
        let (mark, members) = (mark.to_owned(), vec![None; members]);
        Accord { mark, stands: None, members, neighbours: Vec::new(), asked: None, is_in: false, been: None, back: None }
    }

    /// What stands in etcd. Whether it went back by that: the house that we were in is gone.
    pub fn stood(&mut self, house: Option<HouseWord>, now: Millis) -> bool {
        let went = self.been.is_some() && self.been != house;
        self.stands = house;
        if went {
            self.went_back(now);
        }
        went
    }

    /// etcd was emptied, or put back to an older state. What others judge now may not stand there. Whoever had something under way by what stood there hears
    /// of it too, or has no answer: when the time is over, it has been cut.
    pub fn went_back(&mut self, now: Millis) {
        let pace = Pace::default();
        self.back = Some(now.saturating_add(pace.hold + pace.drain + pace.again));
        self.been = None;
        self.members.fill(None);
        self.asked = None;
    }

    /// What one member has, by itself.
    pub fn member(&mut self, at: usize, house: Option<HouseWord>) {
        if let Some(member) = self.members.get_mut(at) {
            *member = Some(house);
        }
    }

    /// What the other nodes have said, in the order of the config, by questions that were sent when `house` stood; none where one did not answer, or
    /// says nothing of it.
    pub fn heard(&mut self, house: Option<HouseWord>, words: &[Option<GreetingWord>], now: Millis) {
        self.neighbours.resize(words.len(), Neighbour::default());
        for (neighbour, word) in self.neighbours.iter_mut().zip(words) {
            neighbour.silent = word.is_none();
            neighbour.wrong = match word {
                None => neighbour.wrong.filter(|(_, heard)| now < heard.saturating_add(BELIEVED)),
                // It keeps out of what we are in.
                Some(word) if self.is_in && !word.is_in => None,
                Some(word) if word.mark != self.mark => Some((Bar::FellowKey, now)),
                Some(word) => {
                    let other = word.house.as_ref().is_some_and(|theirs| house.as_ref().is_some_and(|ours| ours != theirs));
                    other.then_some((Bar::FellowEtcd, now))
                }
            };
        }
        self.asked = house;
    }

    /// Why nothing is judged here now, and which other node it is about, if one.
    pub fn bar(&mut self, now: Millis) -> Option<(Bar, Option<usize>)> {
        self.back = self.back.filter(|until| now < *until);
        let bar = self.found();
        self.is_in = bar.is_none();
        if self.is_in {
            self.been.clone_from(&self.stands);
        }
        bar
    }

    fn found(&self) -> Option<(Bar, Option<usize>)> {
        let known = || self.members.iter().flatten().flatten();
        if known().any(|one| known().any(|other| one != other)) {
            return Some((Bar::OtherEtcd, None));
        }
        if self.back.is_some() {
            return Some((Bar::WentBack, None));
        }
        let Some(house) = &self.stands else { return Some((Bar::Unknown, None)) };
        if house.mark() != self.mark {
            return Some((Bar::OtherKey, None));
        }
        if known().any(|other| other != house) {
            return Some((Bar::OtherEtcd, None));
        }
        if known().count() * 2 <= self.members.len() {
            return Some((Bar::FewMembers, None));
        }
        let wrong = self.neighbours.iter().enumerate().find_map(|(at, neighbour)| Some((neighbour.wrong?.0, Some(at))));
        let unasked = || (self.asked.as_ref() != Some(house)).then_some((Bar::Unknown, None));
        wrong.or_else(unasked)
    }

    /// Whether a new house may be put where none stands.
    pub fn may_found(&self) -> bool {
        self.stands.is_none() && self.back.is_none()
    }

    /// The house, where it is known.
    pub fn house(&self) -> Option<&HouseWord> {
        self.stands.as_ref()
    }

    /// What is said at our listener.
    pub fn word(&self) -> GreetingWord {
        let house = self.stands.clone().filter(|house| house.mark() == self.mark);
        GreetingWord { mark: self.mark.clone(), house, is_in: self.is_in }
    }

    /// Which other nodes did not answer the last time, in the order of the config.
    pub fn silent(&self) -> impl Iterator<Item = bool> {
        self.neighbours.iter().map(|neighbour| neighbour.silent)
    }
}
