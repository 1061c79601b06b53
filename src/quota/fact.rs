//! What the book tells as it happens: a level was passed, an association leaves, a limit of sending was reached. Whether that is worth
//! a mail, and when, is for who listens.

use std::sync::{Arc, OnceLock};

use super::{Amount, Day, Level, Limit, Name, Subject};
use crate::fault::Lang;
use crate::private::Address;

/// Who listens to the book. Called with the association's ledger locked: it must not wait, and must not ask the book.
pub trait Facts: Send + Sync {
    /// This happened.
    fn tell(&self, fact: Fact);

    /// The mailbox or the association was removed: nothing of it may be kept.
    fn forget(&self, subject: &Subject);
}

/// What happened.
#[derive(Clone)]
pub enum Fact {
    /// A level was passed.
    Crossing(Crossing),
    /// The association leaves.
    Leaving(Leaving),
    /// A limit of sending was reached.
    Stopped(Stopped),
}

impl Fact {
    /// Whom it is about.
    pub fn subject(&self) -> &Subject {
        match self {
            Fact::Crossing(crossing) => &crossing.subject,
            Fact::Leaving(leaving) => &leaving.subject,
            Fact::Stopped(stopped) => &stopped.subject,
        }
    }
}

/// A level was passed. Going down is told as well: what was not said of the way up need not be said any more.
#[derive(Clone)]
pub struct Crossing {
    /// Whose level it is.
    pub subject: Subject,
    /// The level before.
    pub was: Level,
    /// The level after.
    pub now: Level,
    /// What is used.
    pub used: Amount,
    /// On octets. The level may come from the limit on messages instead.
    pub storage: Limit,
    /// The limit on messages; associations only.
    pub messages: Limit,
    /// The language of whom it is told: the mailbox's own, else the association's.
    pub lang: Lang,
    /// Where the association's own notices go.
    pub contact: Option<Address>,
}

/// The association leaves, or does not leave any more.
#[derive(Clone)]
pub struct Leaving {
    /// Who is to be told.
    pub subject: Subject,
    /// The association.
    pub association: Name,
    /// The last day. None: it was called off, and a notice that was not sent yet is dropped.
    pub until: Option<Day>,
    /// As in [`Crossing`].
    pub lang: Lang,
}

/// A limit of sending was reached: more is refused for a while.
#[derive(Clone)]
pub struct Stopped {
    /// Who is to be told.
    pub subject: Subject,
    /// Whose limit it is. None: that of the association as a whole.
    pub sender: Option<Address>,
    /// The association.
    pub association: Name,
    /// As in [`Crossing`].
    pub lang: Lang,
}

/// Where facts go. Before anybody listens they are lost: [`Book::review`](super::Book::review) finds again what is due.
#[derive(Clone, Default)]
pub(super) struct Outlet(Arc<OnceLock<Arc<dyn Facts>>>);

impl Outlet {
    /// From now on `facts` hears of all. Only the first one does.
    pub(super) fn lead_to(&self, facts: Arc<dyn Facts>) {
        let _ = self.0.set(facts);
    }

    pub(super) fn tell(&self, fact: Fact) {
        if let Some(facts) = self.0.get() {
            facts.tell(fact);
        }
    }

    pub(super) fn forget(&self, subject: &Subject) {
        if let Some(facts) = self.0.get() {
            facts.forget(subject);
        }
    }
}
