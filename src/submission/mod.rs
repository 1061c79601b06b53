//! Submission (RFC 6409): what a mail program says is checked, scrubbed and handed to the relay, and the relay's own answers
//! go back.
//!
//! [`Session`] holds both conversations and touches no socket: it is shown what came from either side and says what to do
//! ([`Act`]). Its two outgoing buffers are bounded, and a body passes from the driver's read buffer to the relay without ever
//! being in here.
//!
//! - `state` what a session can be in, `decide` one command, `envelope` MAIL and RCPT, `message` DATA and BDAT, `relay` the
//!   relay's replies, `parking` what becomes of its connection. Our own answers stand in `smtp::answer`.
//!
//! A message always goes to the relay by DATA, also when it came by BDAT: without BINARYMIME the two carry the same, and so
//! there is one way out to keep free of smuggling. A 250 after the message is the relay's own or none; there is no spool.
//! Absent on purpose: BINARYMIME, BURL, XCLIENT, ETRN, TURN, and the AUTH parameter of MAIL (it would tell who wrote).

mod decide;
mod envelope;
#[doc(hidden)]
pub mod invariants;
mod message;
mod parking;
mod relay;
mod session;
mod state;

pub use crate::smtp::answer::turned_away;
pub use session::{Act, Environment, Limits, Params, Protection, Session, Step, Verdict};
