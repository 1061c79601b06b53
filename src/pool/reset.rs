//! The command of ours between two sessions, and its answer: UNSELECT (RFC 3691) takes the one thing away that a session may leave.
//! Dovecot and Cyrus have it, Courier does not; without it nothing is parked.
//!
//! Absent on purpose: CLOSE in place of UNSELECT, which expunges; UNAUTHENTICATE (RFC 8437), as a connection is never given to
//! another person anyway.

use std::time::Duration;

use tokio::time::Instant;

use crate::fault::{Fault, Side};
use crate::imap::frame::{Direction, Frame, Framer};
use crate::imap::reuse::Leaves;
use crate::net::buffered::BufferedConn;

/// How long a backend may take to answer. Somebody may wait for it, and a login anew takes no longer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Octets that may still come for the mailbox that is being left.
const LATE: usize = 1024 * 1024;

/// What comes next on a connection that is reset.
#[derive(Debug, PartialEq, Eq)]
pub enum ResetStep {
    /// More bytes are needed.
    Need,
    /// These bytes are of the past: they are taken away and reach nobody.
    Drop(usize),
    /// The bytes are taken away, and nothing is under way any more. Whatever has come behind them is one thing too many.
    Done(usize),
}

/// One command of ours, between two sessions, and its answer. The answer is the end of all that came before.
pub struct Reset {
    command: &'static [u8],
    framer: Framer,
    /// Octets of untagged data that are still allowed.
    late: usize,
}

const UNSELECT: &[u8] = b"n6 UNSELECT\r\n";
const NOOP: &[u8] = b"n6 NOOP\r\n";
const WAKE: &[u8] = b"n7 NOOP\r\n";
/// What a server hears when a parked connection is not needed any more.
pub(super) const GOODBYE: &[u8] = b"n8 LOGOUT\r\n";

impl Reset {
    fn new(command: &'static [u8], late: usize) -> Reset {
        Reset { command, framer: Framer::new(Direction::Server), late }
    }

    /// After a session. What it did not wait for comes before the answer.
    pub fn after(leaves: Leaves) -> Reset {
        let command = match leaves {
            Leaves::Nothing => NOOP,
            Leaves::Selected => UNSELECT,
        };
        Reset::new(command, LATE)
    }

    /// Wakes a connection: it must answer at once, and with nothing else.
    pub fn wake() -> Reset {
        Reset::new(WAKE, 0)
    }

    /// What is sent first.
    pub fn command(&self) -> &'static [u8] {
        self.command
    }

    /// What to do with the first bytes of `input`. `full`: there is no room for more.
    ///
    /// # Errors
    /// The connection must be given up: anything but untagged data and our OK came.
    pub fn next(&mut self, input: &[u8], full: bool) -> Result<ResetStep, Fault> {
        let garbage = Err(Fault::Garbage(Side::Backend));
        let begins = self.framer.at_start();
        let len = match self.framer.next(input, full)? {
            Frame::Need => return Ok(ResetStep::Need),
            Frame::Line { len, literal: None, .. } if begins && input.starts_with(&self.command[..3]) => {
                let ok = input.get(3..6).is_some_and(|status| status.eq_ignore_ascii_case(b"OK "));
                return if ok { Ok(ResetStep::Done(len)) } else { garbage };
            }
            Frame::Line { len, .. } => len,
            Frame::Piece { len } | Frame::Literal { len, .. } => len,
        };
        let bye = input.get(..5).is_some_and(|word| word.eq_ignore_ascii_case(b"* BYE"));
        if begins && (bye || !input.starts_with(b"* ")) || len > self.late {
            return garbage;
        }
        self.late -= len;
        Ok(ResetStep::Drop(len))
    }
}

/// Holds one such conversation. Afterwards nothing is under way, and nothing was said too much.
///
/// # Errors
/// The connection must be given up: `Garbage` when anything else came, `Slow` after three seconds.
pub async fn run(conn: &mut BufferedConn, mut reset: Reset) -> Result<(), Fault> {
    conn.set_deadline(Instant::now() + PATIENCE);
    conn.send(reset.command()).await?;
    loop {
        match reset.next(conn.input(), false)? {
            ResetStep::Need => drop(conn.fill().await?),
            ResetStep::Drop(count) => conn.consume(count),
            ResetStep::Done(count) => {
                conn.consume(count);
                return if conn.input().is_empty() { Ok(()) } else { Err(Fault::Garbage(Side::Backend)) };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn played(mut reset: Reset, text: &str) -> Result<usize, Fault> {
        let mut input = text.as_bytes();
        loop {
            match reset.next(input, false)? {
                ResetStep::Need => return Err(Fault::Slow(Side::Backend)),
                ResetStep::Drop(len) => input = &input[len..],
                ResetStep::Done(len) => return Ok(input.len() - len),
            }
        }
    }

    #[test]
    fn what_came_late_is_dropped_and_nothing_else_is_taken() {
        let reset = || Reset::new(UNSELECT, 100);
        assert_eq!(played(reset(), "* 4 EXISTS\r\n* 1 FETCH (X {3}\r\nn6 )\r\nn6 OK done\r\n"), Ok(0));
        assert_eq!(played(reset(), "n6 OK done\r\n* 5 EXISTS\r\n"), Ok(12));
        let garbage = Err(Fault::Garbage(Side::Backend));
        for text in ["n6 NO\r\n", "n6 BAD no\r\n", "* BYE gone\r\n", "+ more\r\n", "a OK old\r\n", "n7 OK other\r\n"] {
            assert_eq!(played(reset(), text), garbage, "{text}");
        }
        assert_eq!(played(reset(), &format!("* 1 FETCH (X \"{}\")\r\n", "x".repeat(100))), garbage);
        assert_eq!(played(Reset::wake(), "n7 OK here\r\n"), Ok(0));
        assert_eq!(played(Reset::wake(), "* 4 EXISTS\r\nn7 OK here\r\n"), garbage);
    }
}
