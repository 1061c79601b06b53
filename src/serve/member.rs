//! What an IMAP session cannot know by itself: the person's place in the book, and the rules for the Sent mailbox.

use std::sync::Arc;

use super::Context;
use super::backend::LoggedIn;
use super::clock::today;
use crate::fault::Code;
use crate::imap::account::{Account, Root};
use crate::imap::session::SentCopy;
use crate::private::Address;
use crate::quota::{Amount, Book, Limit, Refresh, Refreshed, Reservation, Verdict, Way};
use crate::scrub::{BODY_START, Context as ScrubContext, Profile, Scrubber};

/// One logged-in person.
pub(super) struct Member {
    user: Address,
    book: Arc<Book>,
    scrubber: Arc<Scrubber>,
}

impl Member {
    pub(super) fn new(context: &Context, logged_in: &LoggedIn) -> Arc<Member> {
        let (user, book, scrubber) = (logged_in.who.user.clone(), context.book.clone(), context.scrubber.clone());
        Arc::new(Member { user, book, scrubber })
    }
}

impl Account for Member {
    fn reserve(&self, amount: Amount) -> Result<Reservation, Code> {
        self.book.reserve(&self.user, amount, Way::Member, today()).map_err(Verdict::code)
    }

    fn is_seen(&self) -> bool {
        self.book.is_seen(&self.user)
    }

    fn unsee(&self) {
        self.book.unsee(&self.user);
    }

    fn begin_refresh(&self) -> Option<Refresh> {
        self.book.begin_refresh(&self.user)
    }

    fn finish_refresh(&self, refresh: Refresh, seen: Amount) {
        // Somebody wrote meanwhile: this may be above the truth, so the next session asks again.
        if refresh.finish(seen, today()) == Refreshed::AtMost {
            self.book.unsee(&self.user);
        }
    }

    fn roots(&self) -> Option<[Root; 2]> {
        let fill = self.book.fill(&self.user, today())?;
        let own =
            Root { octets: fill.used.octets.into(), storage: fill.limit, messages: fill.used.messages.into(), most: Limit::None };
        let shared = Root {
            octets: fill.shared_used.octets.into(),
            storage: fill.shared_storage,
            messages: fill.shared_used.messages.into(),
            most: fill.shared_messages,
        };
        Some([own, shared])
    }
}

impl SentCopy for Member {
    fn header_limit(&self) -> usize {
        self.scrubber.headers().header_limit()
    }

    fn body_wanted(&self, header: &[u8]) -> usize {
        if self.scrubber.needs_body_start(header) { BODY_START } else { 0 }
    }

    fn scrub(&self, header: &[u8], body_start: &[u8]) -> Option<Vec<u8>> {
        let owns = |address: &Address| self.book.owns(&self.user, address);
        let context = ScrubContext {
            profile: Profile::Sent,
            domain: self.user.domain(),
            // Nothing is added to a stored copy: no name, no time, no new id.
            hostname: "",
            now: 0,
            random: [0; 16],
            owns: &owns,
            body_start,
        };
        let scrubbed = self.scrubber.scrub(header, &context).ok()?;
        scrubbed.touched().then(|| scrubbed.into_header())
    }
}
