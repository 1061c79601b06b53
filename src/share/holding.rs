//! One association, as one node has it.

use std::collections::BTreeSet;

use super::{Deed, Exposure, Life, Millis, Pace, StoreNumber};

/// Where a node is with an association.
#[derive(Default)]
pub(super) enum Holding {
    /// Another one's, or nobody's.
    #[default]
    Elsewhere,
    /// It was asked for.
    Taking(Millis),
    /// Ours. Nothing is granted before the storage has told what is there.
    Counting(Hand),
    /// Ours, and judged.
    Judging(Hand),
    /// Ours still, and to go to another node as soon as nothing is under way.
    Leaving(Hand, Millis),
}

/// What there is to know of one that is ours.
pub(super) struct Hand {
    /// The revision by which it became ours.
    pub(super) tenure: u64,
    pub(super) since: Millis,
    /// The storage has told, in this tenure.
    pub(super) counted: bool,
    /// The count that was asked for last: by which revision of the deed, what that holds back, and when it is asked for again.
    pub(super) asked: (u64, u64, Millis),
    /// Octets to hold back. What a line of the deed had may be stored by the time that the line goes, so it is held back until a count that began later.
    pub(super) withheld: u64,
    pub(super) exposure: Exposure,
    pub(super) writing: Option<Amendment>,
    /// When a message needed more than the least flight last.
    pub(super) needed: Millis,
    /// Until when something may come of what has ended, nobody knows how.
    pub(super) unsure: Option<Millis>,
}

/// A change of the deed that has no answer yet: it may be in force or not.
pub(super) struct Amendment {
    pub(super) revision: u64,
    pub(super) deed: Deed,
    pub(super) at: Millis,
}

/// See the head of the file.
#[derive(Default)]
pub(super) struct Plot {
    pub(super) limit: Option<u64>,
    pub(super) store: StoreNumber,
    pub(super) revision: u64,
    /// None: it cannot be read, and nobody may.
    pub(super) deed: Option<Deed>,
    pub(super) holding: Holding,
}

impl Plot {
    /// Whether a life that is there judges.
    pub(super) fn is_held_by_one_of(&self, lives: &BTreeSet<Life>) -> bool {
        let holder = self.deed.as_ref().and_then(|deed| deed.holder.as_ref());
        holder.is_some_and(|(life, _)| lives.contains(life))
    }
}

impl Hand {
    pub(super) fn new(tenure: u64, since: Millis, withheld: u64) -> Hand {
        let (exposure, writing) = (Exposure::default(), None);
        Hand { tenure, since, counted: false, asked: (0, 0, 0), withheld, exposure, writing, needed: 0, unsure: None }
    }

    /// When the storage is to be asked; none where what is held back is what the deed says.
    pub(super) fn count_at(&self, withheld: u64) -> Option<Millis> {
        (!self.counted || self.withheld != withheld).then_some(self.asked.2)
    }

    /// The storage has told what was asked by this revision.
    fn count(self, revision: u64) -> Hand {
        let (asked, withheld, _) = self.asked;
        if asked != revision || revision == 0 {
            return self;
        }
        Hand { counted: true, asked: (0, 0, 0), withheld, ..self }
    }

    /// Whether something may still come of what has ended.
    pub(super) fn is_unsure(&self, now: Millis, pace: &Pace) -> bool {
        self.unsure.is_some_and(|ended| now < ended.saturating_add(pace.drain))
    }

    /// When the flight is set back: at the second full [`Pace::lull`] after it was needed, so that the moment says nothing of anybody's.
    pub(super) fn set_back_at(&self, pace: &Pace) -> Millis {
        (self.needed / pace.lull).saturating_add(2).saturating_mul(pace.lull)
    }

    /// What may be on its way: the least of what may be in force.
    pub(super) fn flight(&self, deed: &Deed) -> u64 {
        let flight = |deed: &Deed| deed.holder.as_ref().map_or(0, |(_, flight)| *flight);
        self.writing.as_ref().map_or(u64::MAX, |writing| flight(&writing.deed)).min(flight(deed))
    }
}

impl Holding {
    pub(super) fn hand(&self) -> Option<&Hand> {
        match self {
            Holding::Elsewhere | Holding::Taking(_) => None,
            Holding::Counting(hand) | Holding::Judging(hand) | Holding::Leaving(hand, _) => Some(hand),
        }
    }

    pub(super) fn hand_mut(&mut self) -> Option<&mut Hand> {
        match self {
            Holding::Elsewhere | Holding::Taking(_) => None,
            Holding::Counting(hand) | Holding::Judging(hand) | Holding::Leaving(hand, _) => Some(hand),
        }
    }

    /// It is ours by this revision, from now on or as before.
    pub(super) fn ours(self, tenure: u64, now: Millis, withheld: u64) -> Holding {
        match self {
            Holding::Elsewhere | Holding::Taking(_) => Holding::Counting(Hand::new(tenure, now, withheld)),
            ours => ours,
        }
    }

    /// The storage has told what was asked by this revision.
    pub(super) fn counted(self, revision: u64) -> Holding {
        match self {
            Holding::Counting(hand) => match hand.count(revision) {
                hand if hand.counted => Holding::Judging(hand),
                hand => Holding::Counting(hand),
            },
            Holding::Judging(hand) => Holding::Judging(hand.count(revision)),
            other => other,
        }
    }

    /// Another node is to have it.
    pub(super) fn leave(self, now: Millis, pace: &Pace) -> Holding {
        match self {
            Holding::Counting(hand) | Holding::Judging(hand) => Holding::Leaving(hand, now.saturating_add(pace.drain)),
            other => other,
        }
    }

    /// It is the nearest one's again, and that is us.
    pub(super) fn stay(self) -> Holding {
        match self {
            Holding::Leaving(hand, _) if hand.writing.is_none() && hand.counted => Holding::Judging(hand),
            Holding::Leaving(hand, _) if hand.writing.is_none() => Holding::Counting(hand),
            other => other,
        }
    }
}
