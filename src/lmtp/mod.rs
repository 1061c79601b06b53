//! LMTP (RFC 2033) between the host's relay and its mailbox servers: the book judges each recipient, the backend of its
//! association stores, and each recipient gets its own verdict.
//!
//! [`LmtpSession`] holds the conversation with the relay and one with each backend that is needed ([`LmtpStep`] numbers them: slots).
//! It touches no socket and keeps no message: the driver sends the same bytes from its read buffer to every backend.
//!
//! - `state` what a session can be in, `step` which part looks at what came, `decide` one command, `envelope` MAIL, `recipient` RCPT,
//!   `reservation` the question to the book, `message` DATA, `verdicts` what becomes of each recipient. Each of them calls only those behind
//!   it, and `session`.
//!
//! | what happens | what the relay hears |
//! |---|---|
//! | no room in the mailbox or its association | 552 5.2.2, or 452 4.2.2 as the config says, before the backend hears of it |
//! | more came than SIZE said, and it does not fit | the same, instead of a verdict of the backend, which never sees the final dot |
//! | a backend dies | 451 4.3.0 for its recipients, nothing for the others |
//! | anything else | the backend's own answer |
//!
//! Space counts when the backend said 2xx, not before. The addresses and the message pass byte for byte: incoming mail is never
//! touched. A CR alone passes too; an LF alone is refused, because servers disagree on whether it ends a line.
//! Absent on purpose: a bound on the size (the relay has one, the book another), DSN, BDAT, STARTTLS and AUTH (the relay is on
//! this machine), XCLIENT and XFORWARD (they tell who wrote).

mod answer;
mod backend;
#[cfg(any(test, feature = "testing"))]
pub mod check;
mod decide;
mod envelope;
mod environment;
#[cfg(any(test, feature = "testing"))]
pub mod invariants;
mod message;
mod recipient;
mod reservation;
mod session;
mod state;
mod step;
mod verdicts;

pub use backend::Slot;
pub use environment::LmtpEnvironment;
pub use session::{Awaited, LmtpAct, LmtpParams, LmtpSession, LmtpStep};
