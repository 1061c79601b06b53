//! What came of a form that was sent elsewhere than where it is answered: the answer to it leads to another page, so that the back button and a
//! second click send nothing again, and that page says once what was done.
//!
//! It is known in memory, to the session (admins have none: to the page of the association), and told once. An address of its own for each
//! result would say to whoever opens it that something was done.

use std::collections::HashMap;
use std::time::Duration;

use crate::quota::Name;

/// Who does not look within this time is told nothing: by then it may be so no more.
const FRESH: Duration = Duration::from_secs(60);

/// What was done in a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VisitNews {
    /// Something holds from now on.
    Changed,
    /// Space was offered: it is not lent before the other contact accepts.
    Offered,
    /// An offer was taken back.
    Withdrawn,
    /// An offer was let be.
    Declined,
}

/// What was done last in one session and was not told yet.
#[derive(Default)]
pub(super) struct FreshNews(Option<(VisitNews, Duration)>);

impl FreshNews {
    pub(super) fn put(&mut self, news: VisitNews, now: Duration) {
        self.0 = Some((news, now));
    }

    pub(super) fn take(&mut self, now: Duration) -> Option<VisitNews> {
        self.0.take().filter(|(_, at)| now.saturating_sub(*at) < FRESH).map(|(news, _)| news)
    }
}

/// The associations that admins changed at their pages and were not told so yet.
#[derive(Default)]
pub struct AdminNews(HashMap<Box<str>, Duration>);

impl AdminNews {
    /// One was changed.
    pub fn put(&mut self, name: &Name, now: Duration) {
        self.sweep(now);
        self.0.insert(name.reveal().into(), now);
    }

    /// Whether it was, which is told by that.
    pub fn take(&mut self, name: &Name, now: Duration) -> bool {
        self.sweep(now);
        self.0.remove(name.reveal()).is_some()
    }

    /// Forgets what is over.
    pub fn sweep(&mut self, now: Duration) {
        self.0.retain(|_, at| now.saturating_sub(*at) < FRESH);
        self.0.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_000_000);

    #[test]
    fn what_was_done_is_told_once_and_soon_or_never() {
        let mut news = FreshNews::default();
        assert_eq!(news.take(NOW), None);
        news.put(VisitNews::Changed, NOW);
        news.put(VisitNews::Withdrawn, NOW);
        assert_eq!((news.take(NOW), news.take(NOW)), (Some(VisitNews::Withdrawn), None));
        news.put(VisitNews::Changed, NOW);
        assert_eq!((news.take(NOW + FRESH), news.take(NOW)), (None, None));
        let (mut news, [velo, jardin]) = (AdminNews::default(), ["velo", "jardin"].map(|name| Name::parse(name).unwrap()));
        news.put(&velo, NOW);
        assert!(!news.take(&jardin, NOW) && news.take(&velo, NOW) && !news.take(&velo, NOW));
        news.put(&velo, NOW);
        assert!(!news.take(&velo, NOW + FRESH));
        assert_eq!(news.0.capacity(), 0);
    }
}
