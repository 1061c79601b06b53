//! What is worth a mail: a level was passed, or the association leaves. Waits here until the notifier takes it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Crossing, Day, Name, Subject};
use crate::fault::Lang;

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

/// Something to tell, or to tell no more.
#[derive(Clone)]
pub enum News {
    /// A level was passed.
    Crossing(Crossing),
    /// The association leaves.
    Leaving(Leaving),
}

/// What a piece of news replaces: an earlier one of the same topic.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Topic(Subject, bool);

impl News {
    /// Whom it is about.
    pub fn subject(&self) -> &Subject {
        match self {
            News::Crossing(crossing) => &crossing.subject,
            News::Leaving(leaving) => &leaving.subject,
        }
    }

    /// What it replaces.
    pub fn topic(&self) -> Topic {
        Topic(self.subject().clone(), matches!(self, News::Leaving(_)))
    }

    /// Whether this is worth a notice. If not, it takes back one that was not sent yet.
    pub fn is_due(&self) -> bool {
        match self {
            News::Crossing(crossing) => crossing.is_up(),
            News::Leaving(leaving) => leaving.until.is_some(),
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
