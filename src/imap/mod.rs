//! IMAP (RFC 3501, RFC 9051), as a proxy sees it: pure, fed with bytes, answering with steps.
//!
//! - [`login`]: before login, we are the server.
//! - [`upstream_login`]: towards the backend, we are the client until it accepts the credentials.
//! - [`session`]: after login, both directions are followed frame by frame, and what is not understood passes.
//! - [`grammar`]: what is judged is read whole; [`verbs`] says what that is.
//! - `gate`, `question`: space is set aside before bytes, and the backend is asked what it holds.
//! - [`reuse`]: whether and how the backend's connection may serve another session of the same person.

pub mod account;
#[cfg(test)]
mod alone;
mod announcement;
mod append;
mod appending;
mod asking;
pub mod backend_capabilities;
pub mod capability;
mod collect;
pub mod command;
mod count;
mod dispatch;
mod due;
mod entry;
mod folders;
pub mod frame;
mod gate;
mod getquota;
pub mod grammar;
mod held;
mod idle;
#[cfg(any(test, feature = "testing"))]
pub mod invariants;
mod leaving;
mod listed;
pub mod login;
pub mod namespaces;
pub mod options;
mod passing;
mod peers;
mod pieces;
mod places;
mod question;
mod refusing;
pub mod reply;
mod request;
mod response;
pub mod reuse;
mod selected;
mod selecting;
pub mod sent;
pub mod session;
mod sizes;
pub mod space;
#[cfg(any(test, feature = "testing"))]
mod stand_ins;
mod status;
pub mod staying;
pub mod steps;
mod storing;
pub mod tag;
mod tags;
mod transferring;
pub mod upstream_login;
pub mod verbs;
mod way;

use crate::fault::Fault;

/// What to do with the bytes at the front of one direction.
#[derive(Debug, PartialEq, Eq)]
pub enum ImapStep {
    /// More bytes of this direction are needed.
    Need,
    /// This direction waits for the other one.
    Hold,
    /// The first bytes go to the other side as they are.
    Forward(usize),
    /// The first bytes are taken away, and these go to the other side.
    Rewrite(usize, Vec<u8>),
    /// The first bytes are taken away, and these go back to where they came from, as soon as a response may begin there.
    Answer(usize, Vec<u8>),
    /// The first bytes are taken away.
    Swallow(usize),
    /// The session ends; these are the last words to the client.
    Close(Vec<u8>, Fault),
}

impl ImapStep {
    /// How many of the first bytes are done with.
    pub fn taken(&self) -> usize {
        match self {
            ImapStep::Need | ImapStep::Hold | ImapStep::Close(..) => 0,
            ImapStep::Forward(count) | ImapStep::Rewrite(count, _) | ImapStep::Answer(count, _) | ImapStep::Swallow(count) => {
                *count
            }
        }
    }
}
