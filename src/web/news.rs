//! What came of a form that was sent elsewhere than where it is answered: the answer to it leads to another page, so that the back button and a
//! second click send nothing again, and that page says once what was done.
//!
//! It is known in memory, to the session (admins have none: to the page of the association), and told once, or until the next form comes. An
//! address of its own for each result would say to whoever opens it that something was done.
//!
//! Of the last form that was carried out a hash is kept for as long: who presses twice sees the answer to the second click alone, which must not
//! say that the thing cannot be done.

use std::collections::HashMap;
use std::time::Duration;

use super::form_mark::FormMark;
use crate::quota::Name;

/// Who does not look within this time is told nothing: by then it may be so no more.
const FRESH: Duration = Duration::from_secs(60);
/// The same form of an admin's within this time is a second click, where to carry it out twice would be something else.
const SECOND_CLICK: Duration = Duration::from_secs(10);

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
    /// The hosts are asked for space.
    SpaceAsked,
}

struct DoneForm<T> {
    what: T,
    form: FormMark,
    at: Duration,
    told: bool,
}

impl<T> DoneForm<T> {
    fn is_within(&self, time: Duration, now: Duration) -> bool {
        now.saturating_sub(self.at) < time
    }
}

/// What was done last in one session.
#[derive(Default)]
pub(super) struct FreshNews(Option<DoneForm<VisitNews>>);

impl FreshNews {
    /// By this form.
    pub(super) fn put(&mut self, what: VisitNews, form: FormMark, now: Duration) {
        self.0 = Some(DoneForm { what, form, at: now, told: false });
    }

    pub(super) fn take(&mut self, now: Duration) -> Option<VisitNews> {
        let done = self.0.as_mut()?;
        let told = std::mem::replace(&mut done.told, true);
        (!told && done.is_within(FRESH, now)).then_some(done.what)
    }

    /// Whether the same was done just now, by the same form.
    pub(super) fn is_again(&self, what: VisitNews, form: FormMark, now: Duration) -> bool {
        self.0.as_ref().is_some_and(|done| done.what == what && done.form == form && done.is_within(FRESH, now))
    }
}

/// Which click a form of an admin's is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Click {
    /// It is to be carried out.
    First,
    /// The first one is being carried out, and nobody knows yet what comes of it.
    UnderWay,
    /// The first one was carried out just now.
    Done,
}

/// The associations that admins changed at their pages just now.
#[derive(Default)]
pub struct AdminNews {
    done: HashMap<Box<str>, DoneForm<&'static str>>,
    /// Forms that must not be carried out twice, while they are.
    under_way: Vec<FormMark>,
}

impl AdminNews {
    /// A form comes that would do something else if it were carried out twice. A first one is to be [`end`](AdminNews::end)ed.
    pub fn begin(&mut self, name: &Name, what: &'static str, form: FormMark, now: Duration) -> Click {
        let done = self.done.get(name.reveal());
        if self.under_way.contains(&form) {
            return Click::UnderWay;
        }
        if done.is_some_and(|done| done.what == what && done.form == form && done.is_within(SECOND_CLICK, now)) {
            return Click::Done;
        }
        self.under_way.push(form);
        Click::First
    }

    /// It was carried out, or refused.
    pub fn end(&mut self, form: FormMark) {
        self.under_way.retain(|other| *other != form);
    }

    /// One was changed, by this form of this word.
    pub fn put(&mut self, name: &Name, what: &'static str, form: FormMark, now: Duration) {
        self.sweep(now);
        self.done.insert(name.reveal().into(), DoneForm { what, form, at: now, told: false });
    }

    /// Whether it was and nobody was told so, which is told by that.
    pub fn take(&mut self, name: &Name, now: Duration) -> bool {
        self.sweep(now);
        self.done.get_mut(name.reveal()).is_some_and(|done| !std::mem::replace(&mut done.told, true))
    }

    /// Forgets what is over.
    pub fn sweep(&mut self, now: Duration) {
        self.done.retain(|_, done| done.is_within(FRESH, now));
        self.done.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_000_000);

    #[test]
    fn what_was_done_is_told_once_and_soon_or_never() {
        let (mut news, [a, b]) = (FreshNews::default(), [b"a", b"b"].map(|body| FormMark::of(body)));
        assert_eq!(news.take(NOW), None);
        news.put(VisitNews::Changed, a, NOW);
        news.put(VisitNews::Withdrawn, a, NOW);
        assert_eq!((news.take(NOW), news.take(NOW)), (Some(VisitNews::Withdrawn), None));
        // Told or not, it is the last thing that was done, for as long.
        assert!(news.is_again(VisitNews::Withdrawn, a, NOW) && !news.is_again(VisitNews::Withdrawn, a, NOW + FRESH));
        assert!(!news.is_again(VisitNews::Changed, a, NOW) && !news.is_again(VisitNews::Withdrawn, b, NOW));
        news.put(VisitNews::Changed, a, NOW);
        assert_eq!((news.take(NOW + FRESH), news.take(NOW)), (None, None));
        let (mut news, [velo, jardin]) = (AdminNews::default(), ["velo", "jardin"].map(|name| Name::parse(name).unwrap()));
        news.put(&velo, "grant", a, NOW);
        assert!(!news.take(&jardin, NOW) && news.take(&velo, NOW) && !news.take(&velo, NOW));
        assert_eq!(news.begin(&velo, "grant", a, NOW), Click::Done);
        for (name, what, form, at) in [
            (&velo, "grant", a, NOW + SECOND_CLICK),
            (&velo, "grant", b, NOW),
            (&velo, "state", a, NOW),
            (&jardin, "grant", a, NOW),
        ] {
            assert_eq!([0; 2].map(|_| news.begin(name, what, form, at)), [Click::First, Click::UnderWay]);
            news.end(form);
        }
        news.put(&velo, "grant", a, NOW);
        assert!(!news.take(&velo, NOW + FRESH));
        assert_eq!(news.done.capacity(), 0);
    }
}
