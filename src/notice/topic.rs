//! When a fact is worth a mail, and which earlier one it replaces.

use crate::private::Address;
use crate::quota::{Crossing, Fact, Level, Subject};

/// What a fact is about: of each topic only the last one waits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Topic(Subject, About);

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum About {
    Level,
    Leaving,
    // A contact may hear of several mailboxes.
    Stopped(Option<Address>),
}

impl Topic {
    /// What `fact` is about.
    pub fn of(fact: &Fact) -> Topic {
        let about = match fact {
            Fact::Crossing(_) => About::Level,
            Fact::Leaving(_) => About::Leaving,
            Fact::Stopped(stopped) => About::Stopped(stopped.sender.clone()),
        };
        Topic(fact.subject().clone(), about)
    }

    pub(super) fn is_about(&self, subject: &Subject) -> bool {
        self.0 == *subject
    }
}

/// Whether a notice is due. If not, the fact takes back one that was not sent yet.
pub(super) fn is_due(fact: &Fact) -> bool {
    match fact {
        Fact::Crossing(Crossing { was, now, .. }) => now > was,
        Fact::Leaving(leaving) => leaving.until.is_some(),
        Fact::Stopped(_) => true,
    }
}

/// Whether nothing happened, seen from before to after.
pub(super) fn is_nothing(fact: &Fact) -> bool {
    matches!(fact, Fact::Crossing(crossing) if crossing.was == crossing.now)
}

/// `fact`, when `earlier` of the same topic was not told: two crossings are one, from where the first began to where the last ended. But a way
/// down needs no telling: from there the way up is another time, as in the book's own marks, whoever was told of the level before.
pub(super) fn after(mut fact: Fact, earlier: Option<&Fact>) -> Fact {
    if let (Fact::Crossing(now), Some(Fact::Crossing(earlier))) = (&mut fact, earlier) {
        now.was = earlier.was.min(earlier.now);
    }
    fact
}

/// `fact`, which came while a notice of `told` was on its way and had `told` in it: what is left of it now, from the lowest level meanwhile.
pub(super) fn since(mut fact: Fact, told: &Fact, lowest: Level) -> Fact {
    if let (Fact::Crossing(now), Fact::Crossing(told)) = (&mut fact, told) {
        now.was = told.now.min(lowest);
    }
    fact
}

/// The level that it leads to.
pub(super) fn reached(fact: &Fact) -> Level {
    match fact {
        Fact::Crossing(crossing) => crossing.now,
        Fact::Leaving(_) | Fact::Stopped(_) => Level::default(),
    }
}

/// Whether this is the one fact that stands for a limit of sending, however many are told of it.
pub(super) fn is_own_limit(fact: &Fact) -> bool {
    matches!(fact, Fact::Stopped(stopped) if stopped.sender.is_none() || matches!(stopped.subject, Subject::Mailbox(_)))
}
