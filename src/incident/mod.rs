//! Layer 2: incident mode. For minutes, and only where the owner is told so, the steps of one mailbox's sessions are remembered,
//! to find a fault without logs (`incident` in policy/retention.toml).
//!
//! ```text
//! nologd incident start ──▶ Incidents ──Watch──▶ a session ──Step──▶ ring of 500 ──▶ nologd incident show
//!                                  owner ◀── * OK [ALERT] ...
//! ```
//!
//! An [`IncidentStep`] is a few numbers: a side, a word of our own text, a reply code, milliseconds since the start. It cannot hold text
//! from a peer, so no argument, name, size, content, password or address can be in it; each
//! protocol has its lists in a file `steps`.
//! All of it is in memory, and gone at the end, at a stop and at a restart.
//!
//! Absent on purpose: incoming mail (LMTP, the policy service), whose steps are other people's, and what went before a login is
//! tried, when nobody knows whose session it is.

mod ring;
mod running;
mod step;
mod telling;

pub use running::{IncidentWatch, Incidents, LONGEST, Refused, RunningIncident, USUAL};
pub use step::{Answer, AnswerStatus, IncidentStep, StepContent, StepDialect, StepWord, response_code, words};
pub use telling::{alerts, note};
