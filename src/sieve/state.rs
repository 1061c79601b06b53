//! What a session after login can be in.

use super::command::{SieveCommand, SieveKind};
use super::response::Response;
use crate::fault::{Fault, RefusalCode};

/// Whom it waits for.
pub(super) enum SieveWait {
    /// A command.
    Command,
    /// So many octets of its script, which stream, and then CRLF.
    Script(SieveKind, u64),
    /// The same, and they are held.
    Held(HeldScript, u64),
    /// So many octets of a literal that is refused, and the rest of its line.
    Refused(RefusalCode, u64),
    /// The response to it.
    Response(SieveKind, Response),
    /// Nothing: the goodbye was answered.
    Nothing,
    /// Nothing: it failed.
    Broken(Fault),
}

/// A script that is not judged yet.
pub(super) struct HeldScript {
    pub(super) command: SieveCommand,
    pub(super) octets: Vec<u8>,
}
