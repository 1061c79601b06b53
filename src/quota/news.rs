//! What is worth a mail: a level was passed, or the association leaves. Waits here until the notifier takes it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Crossing, Day, Name, Subject};
use crate::fault::Lang;
use crate::private::Address;

/// The association leaves, or does not leave any more.
#[derive(Clone)]
pub struct Leaving {
    /// Who is to be told.
    pub subject: Subject,
    /// The association.
    pub association: Name,
    /// The last day. None: it was called off, and a notice that was not sent yet is dropped.
    pub until: Option<Day>,
    /// The association's language.
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
    /// The association's language.
    pub lang: Lang,
}

/// Something to tell, or to tell no more.
#[derive(Clone)]
pub enum News {
    /// A level was passed.
    Crossing(Crossing),
    /// The association leaves.
    Leaving(Leaving),
    /// A limit of sending was reached.
    Stopped(Stopped),
}

/// What a piece of news replaces: an earlier one of the same topic.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Topic(Subject, About);

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum About {
    Level,
    Leaving,
    // A contact may hear of several mailboxes.
    Stopped(Option<Address>),
}

impl News {
    /// Whom it is about.
    pub fn subject(&self) -> &Subject {
        match self {
            News::Crossing(crossing) => &crossing.subject,
            News::Leaving(leaving) => &leaving.subject,
            News::Stopped(stopped) => &stopped.subject,
        }
    }

    /// What it replaces.
    pub fn topic(&self) -> Topic {
        let about = match self {
            News::Crossing(_) => About::Level,
            News::Leaving(_) => About::Leaving,
            News::Stopped(stopped) => About::Stopped(stopped.sender.clone()),
        };
        Topic(self.subject().clone(), about)
    }

    /// Whether this is worth a notice. If not, it takes back one that was not sent yet.
    pub fn is_due(&self) -> bool {
        match self {
            News::Crossing(crossing) => crossing.is_up(),
            News::Leaving(leaving) => leaving.until.is_some(),
            News::Stopped(_) => true,
        }
    }

    /// The same, when `earlier` of the same topic was not told yet: two crossings are one, from where the first began to
    /// where the last ended.
    #[must_use]
    pub fn after(mut self, earlier: Option<&News>) -> News {
        if let (News::Crossing(now), Some(News::Crossing(earlier))) = (&mut self, earlier) {
            now.was = earlier.was;
        }
        self
    }

    fn is_nothing(&self) -> bool {
        matches!(self, News::Crossing(crossing) if crossing.was == crossing.now)
    }
}

/// News that wait for the notifier: at most one for each topic, the last one.
#[derive(Default)]
pub(super) struct Waiting(Mutex<BTreeMap<Topic, News>>);

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Topic, News>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn push(&self, news: News) {
        let (mut waiting, topic) = (self.lock(), news.topic());
        let news = news.after(waiting.get(&topic));
        if news.is_nothing() {
            waiting.remove(&topic);
        } else {
            waiting.insert(topic, news);
        }
    }

    pub(super) fn forget(&self, subject: &Subject) {
        self.lock().retain(|topic, _| topic.0 != *subject);
    }

    pub(super) fn take(&self) -> Vec<News> {
        std::mem::take(&mut *self.lock()).into_values().collect()
    }
}
