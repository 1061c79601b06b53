//! Why the canary did not fly.

use std::fmt;

/// Two steps that fail for want of something at the test mailbox.
pub(super) const LOGIN: &str = "login";
pub(super) const OVER_QUOTA: &str = "a message beyond the quota";

/// Why the canary did not fly. Nothing about the mailbox is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlightTrouble {
    /// No listener for this with TLS from the first byte.
    NoListener(&'static str),
    /// The certificate of the config cannot be read, or the listener shows another one.
    Certificate,
    /// The machine gives no random octets.
    NoRandom,
    /// The connection broke at this step.
    Broken(&'static str),
    /// An answer was not as expected at this step.
    Unexpected(&'static str),
    /// The message did not arrive in its own mailbox.
    NotArrived,
}

impl std::error::Error for FlightTrouble {}

impl fmt::Display for FlightTrouble {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FlightTrouble::NoListener(service) => write!(out, "the config has no {service} listener with tls = \"implicit\""),
            FlightTrouble::Certificate => {
                out.write_str("the certificate of the config cannot be read, or the listener shows another one")
            }
            FlightTrouble::NoRandom => out.write_str("the machine gives no random numbers"),
            FlightTrouble::Broken(step) => write!(out, "the connection broke: {step}"),
            FlightTrouble::Unexpected(step) => {
                write!(out, "an answer was not as expected: {step}")?;
                match *step {
                    LOGIN => out.write_str(". Are these the address and the password of the test mailbox?"),
                    OVER_QUOTA => out.write_str(
                        ". Give the test mailbox a small limit of its own: `nologd mailbox set ADDRESS --storage 100M`",
                    ),
                    _ => Ok(()),
                }
            }
            FlightTrouble::NotArrived => out.write_str("the test message did not arrive within a minute"),
        }
    }
}
