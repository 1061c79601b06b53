//! What a session is told when it begins, and what it asks of the rest of the daemon: the book, the rules, the clock, and who somebody is.

use crate::fault::RefusalCode;
use crate::private::{Address, Credential};
use crate::scrub::Scrubbed;
use crate::smtp::client::Capabilities;
use crate::wire::sasl;

/// What does not change during a session.
pub struct SubmissionParams {
    /// Said in the greeting, in answers to EHLO, and to the relay in EHLO.
    pub hostname: Box<str>,
    /// What the relays can do, as far as all of them can.
    pub relay: Capabilities,
    /// Offered in EHLO. Mechanisms that no backend has must not be here.
    pub mechanisms: Vec<sasl::MechanismName>,
    /// The bounds.
    pub limits: SubmissionLimits,
}

/// Bounds on what a client may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubmissionLimits {
    /// Octets of a message; said as SIZE, lower if the relay's is lower.
    pub message: u64,
    /// Octets of its header block.
    pub header: usize,
    /// RCPT commands for one message.
    pub recipients: usize,
    /// Login attempts in one session.
    pub tries: u8,
    /// Patience with commands that lead nowhere: an unreadable one costs 10, a NOOP 1. A sent message restores it.
    pub patience: u16,
}

impl Default for SubmissionLimits {
    fn default() -> SubmissionLimits {
        SubmissionLimits { message: 50 << 20, header: 256 << 10, recipients: 1000, tries: 3, patience: 100 }
    }
}

/// What the session cannot know by itself: the book, the rules, the clock.
pub trait SubmissionEnvironment {
    /// Whether `user` may write as `sender`.
    fn owns(&self, user: &Address, sender: &Address) -> bool;
    /// Whether `user` may send a message now; asked once for each MAIL.
    ///
    /// # Errors
    /// The code word of the refusal.
    fn admits(&self, user: &Address) -> Result<(), RefusalCode>;
    /// Counts one message of `user` to `recipients` addressees in the sending limits; asked once for each message.
    ///
    /// # Errors
    /// The code word of the refusal: a limit is reached.
    fn counts(&self, user: &Address, recipients: usize) -> Result<(), RefusalCode>;
    /// Whether somebody else is to be asked that, who does not answer at once: then the session says [`SubmissionAct::Count`](super::SubmissionAct).
    fn is_counted_elsewhere(&self, _user: &Address) -> bool {
        false
    }
    /// What the relay is told in place of the envelope's identifier `old` (ENVID, decoded): at most 100 octets of xtext.
    fn envelope_id(&self, user: &Address, old: &[u8]) -> String;
    /// Whether [`SubmissionEnvironment::scrub`] wants to see the start of the body.
    fn needs_body_start(&self, header: &[u8]) -> bool;
    /// The header block as it may leave. `header` comes with its blank line, if it has one.
    ///
    /// # Errors
    /// The code word of the refusal.
    fn scrub(&self, user: &Address, header: &[u8], body_start: &[u8]) -> Result<Scrubbed, RefusalCode>;
}

/// What is known about a credential.
pub enum CredentialVerdict {
    /// The backend accepted it.
    Accepted(Address),
    /// Wrong, or nobody we know: the same answer, and the same time is the driver's to care for.
    Denied,
    /// Too many tries from there; ends the session.
    Limited,
    /// Nobody can tell at the moment.
    Unknown(RefusalCode),
    /// The relay shall judge: it will be dialed.
    Relay(Address, Credential),
}
