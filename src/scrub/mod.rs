//! The scrubber: takes the metadata out of the header block of a message that a member sends.
//!
//! Header bytes in, header bytes out. Which field is dropped, kept or rewritten stands in `policy/headers.toml`; here is how.
//!
//! - Fields go out in the order and spelling of the rules, because both tell the program. Where a signature stays in the message,
//!   order and spelling stay, and what it covers stays byte for byte.
//! - Nothing below the header block is ever changed; of the body only a bounded start is looked at, for header protection.
//! - Scrubbing twice equals scrubbing once, and a message at submission and its copy in Sent get the same Message-ID.
//! - At submission what cannot be checked is refused; in Sent it is kept as it is, for it is the member's own mailbox.
//!
//! Absent on purpose: repair. A message that breaks a rule of RFC 5322 without hiding anything passes as it is, but for the line
//! `From ...` of the mbox format on top, which many programs send along (`git format-patch`) and all servers take off.

mod context;
mod date;
#[cfg(any(test, feature = "testing"))]
pub mod invariants;
mod line_ends;
mod message_id;
mod mime;
mod protection;
mod references;
mod refusal;
mod rewrite;
mod scrubber;
mod sender;
mod sent;
mod signed;

pub use crate::policy::headers::{Profile, Writer};
pub use context::MessageContext;
pub use message_id::MessageIdKey;
pub use protection::BODY_START;
pub use refusal::Refusal;
pub use scrubber::{Scrubbed, Scrubber};
