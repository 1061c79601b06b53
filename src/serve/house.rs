//! What a submission session cannot know by itself: whose address it is, the header rules, the clock.

use std::time::SystemTime;

use aws_lc_rs::rand;

use super::Context;
use super::backend::Authenticated;
use crate::fault::Code;
use crate::private::Address;
use crate::route::Routes;
use crate::scrub::{Context as ScrubContext, Profile, Refusal, Scrubbed};
use crate::submission::House;

/// What the session asks of the book and the rules.
pub(super) struct Rules<'a> {
    pub(super) context: &'a Context,
    /// Who is logged in, and the routes of that moment.
    pub(super) who: Option<&'a Authenticated>,
}

impl Rules<'_> {
    fn routes(&self) -> Option<&Routes> {
        self.who.map(|who| &*who.routes)
    }
}

impl House for Rules<'_> {
    fn owns(&self, user: &Address, sender: &Address) -> bool {
        self.routes().is_some_and(|routes| routes.owns(user, sender))
    }

    // Rates per account and the association's state come with the book.
    fn admits(&self, _: &Address) -> Result<(), Code> {
        Ok(())
    }

    fn needs_body_start(&self, header: &[u8]) -> bool {
        self.context.scrubber.needs_body_start(header)
    }

    fn scrub(&self, user: &Address, header: &[u8], body_start: &[u8]) -> Result<Scrubbed, Code> {
        let owns = |address: &Address| self.owns(user, address);
        let mut random = [0; 16];
        rand::fill(&mut random).map_err(|_| Code::BackendDown)?;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let context = ScrubContext {
            profile: Profile::Submission,
            domain: user.domain(),
            hostname: &self.context.hostname,
            now: i64::try_from(now).unwrap_or(0),
            random,
            owns: &owns,
            body_start,
        };
        self.context.scrubber.scrub(header, &context).map_err(Refusal::code)
    }
}
