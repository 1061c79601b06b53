//! POP3 (RFC 1939, 2449, 2595, 3206, 5034, 6856) in front of the backend's POP3, as pure machines.
//!
//! - `login` before login, where we are the server; `upstream_login` towards the backend until it accepts the credentials;
//!   `session` after login.
//! - `frame` finds the ends of lines and of responses, `command` is the one grammar of what may be said after login, `capability`
//!   says what is told in CAPA, `reply` has our own answers.
//!
//! **One command at a time**: the next one is read when the response to the one before has ended, so no octet of a message can be
//! taken for an answer; what a client sends ahead (PIPELINING) waits in its buffer. A command goes to the backend in our own
//! spelling, never in the client's octets. Messages stream, and their dots are not touched.
//!
//! Absent on purpose: APOP (the server must know the secret in clear), XCLIENT (the backend learns nothing about the client),
//! commands that are not in the table (an answer whose end we do not know cannot be followed), and UTF8 and LANG before login (there is
//! no backend yet that could say whether it has them).

mod capability;
mod command;
mod frame;
#[cfg(any(test, feature = "testing"))]
pub mod invariants;
pub mod login;
pub mod reply;
pub mod session;
pub mod steps;
pub mod upstream_login;
