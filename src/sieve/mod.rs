//! ManageSieve (RFC 5804) in front of the backend's own, as pure machines.
//!
//! - `login` before login, where we are the server; `upstream_login` towards the backend until it accepts the credentials;
//!   `session` after login, with what it can be in (`state`) and what the backend says then (`answering`).
//! - `frame` reads a client's lines with their strings and literals, `response` finds the ends of what a backend says, `command` is
//!   the one grammar of what may be said after login, `capability` says what is told of the backend's list, `script` reads the tokens of a
//!   script (RFC 5228 8.1), `reply` has our own answers.
//!
//! **One command at a time**, in our own spelling: the next one is read when the response to the one before has ended. Only the octets
//! of a script go on as they are, as a literal of the length that we have announced ourselves.
//!
//! Absent on purpose: literals that a client wants to wait for (`{5}`; RFC 5804 4 has `{5+}` alone, and there is no word by which to let
//! them come), UNAUTHENTICATE and referrals (both lead around the login here), XCLIENT, and commands that are not in the table: an
//! answer whose end we do not know cannot be followed.

mod answering;
pub mod capability;
mod command;
pub mod forwarding;
mod frame;
#[cfg(any(test, feature = "testing"))]
pub mod invariants;
pub mod login;
pub mod reply;
mod response;
pub mod script;
pub mod session;
mod state;
pub mod steps;
pub mod upstream_login;
