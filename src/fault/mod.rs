//! Who failed, and how. Data-free on purpose: an error that holds no text cannot leak.
//!
//! A [`Fault`] decides three things: which side is blamed, which [`RefusalCode`] the peer is told, and which event is counted.

mod code;
mod help;
mod responses;

use std::error::Error;
use std::fmt;

pub use code::{Lang, RefusalCode};
pub use help::{HelpPage, MAX_HELP};
pub use responses::{ResponseKind, Responses};

/// The side whose doing a [`Fault`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// A mail program, or the relay that brings mail.
    Client,
    /// A mail server behind us.
    Backend,
    /// This daemon.
    Us,
}

/// Why a session, a command or a message could not go on. Two octets or so, without text: it is copied, compared and counted, and what a
/// peer said cannot leak through it.
///
/// # Examples
///
/// ```
/// use nologd::fault::{Fault, RefusalCode, Side};
///
/// let fault = Fault::Slow(Side::Backend);
/// assert_eq!((fault.side(), fault.code()), (Side::Backend, RefusalCode::BackendDown));
/// assert_eq!(fault.code().word(), "BACKEND-DOWN");
/// assert_eq!(RefusalCode::find("backend-down"), Some(fault.code()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The peer closed, at a point where it may not.
    Gone(Side),
    /// The peer sent what the protocol does not allow at all; framing is lost.
    Garbage(Side),
    /// The peer was silent, or slower than the least rate, for too long.
    Slow(Side),
    /// A line, a literal, a header block or a message above its bound.
    TooLong(Side),
    /// The backend does not take connections, or no more of them.
    Down,
    /// The backend refused the credentials.
    Denied,
    /// The backend lets nobody in, or not this person, for a reason that is not the password: no wrong try.
    Barred(RefusalCode),
    /// Certificate or protocol trouble in TLS.
    Tls(Side),
    /// A rate or a number limit of ours was reached.
    Limit,
    /// The daemon is being stopped.
    Stopping,
}

/// The word of its code: there is no other text.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code().word())
    }
}

impl Error for Fault {}

impl Fault {
    /// The side to blame.
    pub fn side(self) -> Side {
        match self {
            Fault::Gone(side) | Fault::Garbage(side) | Fault::Slow(side) => side,
            Fault::TooLong(side) | Fault::Tls(side) => side,
            Fault::Down | Fault::Barred(_) => Side::Backend,
            Fault::Denied | Fault::Limit => Side::Client,
            Fault::Stopping => Side::Us,
        }
    }

    /// The code word that the person at the other end is told.
    pub fn code(self) -> RefusalCode {
        match self {
            Fault::Gone(Side::Client) => RefusalCode::Syntax,
            Fault::Garbage(Side::Client) => RefusalCode::Syntax,
            Fault::Slow(Side::Client) => RefusalCode::TooSlow,
            Fault::TooLong(Side::Client) => RefusalCode::LineTooLong,
            Fault::Gone(_) | Fault::Down | Fault::Slow(_) => RefusalCode::BackendDown,
            Fault::Garbage(_) | Fault::TooLong(_) => RefusalCode::BackendConfused,
            Fault::Tls(_) => RefusalCode::BackendDown,
            Fault::Denied => RefusalCode::WrongPassword,
            Fault::Barred(code) => code,
            Fault::Limit => RefusalCode::TooManyTries,
            Fault::Stopping => RefusalCode::Stopping,
        }
    }
}
