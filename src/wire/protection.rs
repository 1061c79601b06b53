//! How a client's connection is protected, before anybody has logged in on it.

/// Whether credentials may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// TLS is on, or the socket never leaves this machine.
    Secure,
    /// STARTTLS is offered, and credentials are refused until it is used.
    StartTls,
}
