//! Submission (RFC 6409): what a mail program says is checked, scrubbed and handed to the relay, and the relay's own answers
//! go back.
//!
//! [`SubmissionSession`] holds both conversations and touches no socket: it is shown what came from either side and says what to do
//! ([`SubmissionAct`]). Its two outgoing buffers are bounded, and a body passes from the driver's read buffer to the relay without ever
//! being in here.
//!
//! - `state` what a session can be in, `step` which part looks at what came, `decide` one command, `login` what comes before mail, `envelope`
//!   MAIL and RCPT, `message` and `source` DATA and BDAT, `relay` the relay's replies, `loss` what a relay that is gone leaves, `parking`
//!   what becomes of its connection. Each of them calls only those behind it, and `session`. Our own answers stand in `smtp::answer`.
//!
//! A message always goes to the relay by DATA, also when it came by BDAT: without BINARYMIME the two carry the same, and so
//! there is one way out to keep free of smuggling. A 250 after the message is the relay's own or none; there is no spool.
//! Absent on purpose: BINARYMIME, BURL, XCLIENT, ETRN, TURN, and the AUTH parameter of MAIL (it would tell who wrote).

mod decide;
mod envelope;
mod environment;
#[cfg(any(test, feature = "testing"))]
pub mod invariants;
mod login;
mod loss;
mod message;
mod parking;
mod relay;
mod session;
mod source;
mod state;
mod step;

pub use crate::smtp::answer::turned_away;
pub use environment::{CredentialVerdict, SubmissionEnvironment, SubmissionLimits, SubmissionParams};
pub use session::{SubmissionAct, SubmissionSession, SubmissionStep};
