//! What a submission session cannot know by itself: whose address it is, the header rules, the clock.

use aws_lc_rs::rand;

use super::Context;
use super::admission::{Authenticated, may_log_in};
use super::clock::{now, steady, today};
use super::mailbox::writer_of;
use crate::fault::RefusalCode;
use crate::private::Address;
use crate::quota::{Standing, Verdict};
use crate::scrub::{MessageContext as ScrubContext, Profile, Refusal, Scrubbed};
use crate::submission::SubmissionEnvironment;

/// What the session asks of the book and the rules.
pub(super) struct SubmissionEnv<'a> {
    pub(super) context: &'a Context,
    /// Who is logged in.
    pub(super) who: Option<&'a Authenticated>,
}

impl SubmissionEnvironment for SubmissionEnv<'_> {
    fn owns(&self, user: &Address, sender: &Address) -> bool {
        self.who.is_some() && self.context.book.owns(user, sender)
    }

    fn admits(&self, user: &Address) -> Result<(), RefusalCode> {
        match may_log_in(self.context, user) {
            Ok(Standing::ReadOnly) => Err(RefusalCode::ReadOnly),
            Ok(_) => Ok(()),
            Err(verdict) => Err(verdict.code()),
        }
    }

    fn counts(&self, user: &Address, recipients: usize) -> Result<(), RefusalCode> {
        self.context.book.take_sending(user, recipients as u64, steady(), today()).map_err(Verdict::code)
    }

    fn is_counted_elsewhere(&self, user: &Address) -> bool {
        self.context.counts_elsewhere(user)
    }

    fn envelope_id(&self, user: &Address, old: &[u8]) -> String {
        self.context.scrubber.envelope_id(&self.context.book.mailbox_of(user), old)
    }

    fn needs_body_start(&self, header: &[u8]) -> bool {
        self.context.scrubber.needs_body_start(header)
    }

    fn scrub(&self, user: &Address, header: &[u8], body_start: &[u8]) -> Result<Scrubbed, RefusalCode> {
        let owns = |address: &Address| self.owns(user, address);
        let mailbox = self.context.book.mailbox_of(user);
        let mut random = [0; 16];
        rand::fill(&mut random).map_err(|_| RefusalCode::BackendDown)?;
        let context = ScrubContext {
            profile: Profile::Submission,
            writer: writer_of(&self.context.book, &mailbox),
            mailbox: &mailbox,
            hostname: &self.context.hostname,
            now: i64::try_from(now().as_secs()).unwrap_or(0),
            random,
            owns: &owns,
            body_start,
        };
        self.context.scrubber.scrub(header, &context).map_err(Refusal::code)
    }
}
