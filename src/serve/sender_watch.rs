//! Submission: who is kicked, suspended or removed does not go on. A message that is coming in may come to its end, if that is soon, and one that the relay
//! has whole is always answered.

use std::future::{pending, poll_fn};
use std::task::{Context as Task, Poll, Waker};
use std::time::Duration;

use tokio::time::Instant;

use super::clock::today;
use crate::fault::RefusalCode;
use crate::private::Address;
use crate::quota::{Book, Watch};

/// How long a message that is coming in may take then.
const LAST_MESSAGE: Duration = Duration::from_secs(10);

/// What the book has to tell somebody who sends.
#[derive(Default)]
pub(super) struct SenderWatch {
    /// Present once somebody is logged in; without a watch where the book has nothing about them.
    watch: Option<Option<Watch>>,
    /// That it is over, why, and until when a message may come in.
    over: Option<(RefusalCode, Instant)>,
}

impl SenderWatch {
    /// Somebody is logged in.
    pub(super) fn begin(&mut self, book: &Book, user: &Address) {
        if self.watch.is_none() {
            self.watch = Some(book.watch_sender(user));
            // They may have been removed while the password was judged, before there was anything to be told.
            self.hear(true);
        }
    }

    /// Hears what it has told since.
    pub(super) fn look(&mut self) {
        self.hear(false);
    }

    fn hear(&mut self, always: bool) {
        let Some(watch) = self.watch.iter().flatten().find(|watch| always || watch.is_stirred()) else { return };
        if let Poll::Ready(code) = watch.poll_end(&mut Task::from_waker(Waker::noop()), today()) {
            self.is_over(code);
        }
    }

    fn is_over(&mut self, code: RefusalCode) {
        self.over.get_or_insert((code, Instant::now() + LAST_MESSAGE));
    }

    /// Waits until it is over; for ever, where that is known.
    pub(super) async fn told(&mut self) {
        let Some(watch) = self.watch.as_ref().and_then(Option::as_ref).filter(|_| self.over.is_none()) else {
            return pending().await;
        };
        let code = poll_fn(|cx| watch.poll_end(cx, today())).await;
        self.is_over(code);
    }

    /// `usual`, or what is left for a message that is coming in.
    pub(super) fn deadline(&self, usual: Instant) -> Instant {
        self.over.map_or(usual, |(_, by)| by.min(usual))
    }

    /// Why it is over, where what was left for a message is over too: where octets always wait, no read is ever late.
    pub(super) fn late(&self) -> Option<RefusalCode> {
        self.over.filter(|(_, by)| *by <= Instant::now()).map(|(code, _)| code)
    }

    /// Why it is over, if it is.
    pub(super) fn why(&self) -> Option<RefusalCode> {
        self.over.map(|(code, _)| code)
    }
}
