//! What the scrubber is told about one message.

use crate::policy::headers::{Profile, Writer};
use crate::private::Address;

/// What the scrubber is told about one message. It has no clock, no randomness and no book of its own.
#[derive(Clone, Copy)]
pub struct MessageContext<'a> {
    /// On its way out, or a copy for Sent.
    pub profile: Profile,
    /// A person, or a program that sends by itself.
    pub writer: Writer,
    /// The mailbox that logged in, whoever is in From: its Message-IDs are its own. Its domain stands at the right of them.
    pub mailbox: &'a Address,
    /// Our own name, for Received.
    pub hostname: &'a str,
    /// Seconds since 1970. In the trace, and in place of a Date that cannot be read.
    pub now: i64,
    /// For the Message-ID of a message that has none. Never twice the same.
    pub random: [u8; 16],
    /// Whether the member may write as this address.
    pub owns: &'a dyn Fn(&Address) -> bool,
    /// The first [`BODY_START`](super::BODY_START) octets after the header block, or the whole body if it is shorter. Needed if
    /// [`Scrubber::needs_body_start`](super::Scrubber::needs_body_start) says so, else it may be empty.
    pub body_start: &'a [u8],
}

impl MessageContext<'_> {
    /// The start of the trace that this server puts on a message.
    pub(super) fn trace(&self) -> String {
        format!("Received: by {} (nologd); ", self.hostname)
    }

    /// In ASCII: header fields are, unless the whole path knows SMTPUTF8, which an identifier must not demand.
    pub(super) fn id_domain(&self) -> &str {
        self.mailbox.domain().reveal()
    }
}
