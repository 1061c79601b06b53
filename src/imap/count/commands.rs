//! The commands of a count, and which responses each of them brings.

use crate::imap::status::is;
use crate::imap::way::Way;

/// What was asked last.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum CountCommand {
    Sync,
    Inbox,
    List,
    ListStatus,
    Status,
    Examine,
    Fetch,
    Leave,
    Quota,
}

impl CountCommand {
    /// The first command that counts.
    pub(super) fn first(way: Way) -> (CountCommand, &'static [u8]) {
        match way {
            Way::ListStatus => (CountCommand::ListStatus, b"LIST \"\" \"*\" RETURN (STATUS (MESSAGES SIZE))"),
            Way::Status | Way::Sizes { .. } => (CountCommand::List, b"LIST \"\" \"*\""),
            Way::Quota => (CountCommand::Quota, b"GETQUOTAROOT INBOX"),
        }
    }

    /// Whether a response that begins with `line` is what the command asked for.
    pub(super) fn brings(self, line: &[u8]) -> bool {
        match self {
            // For the client.
            CountCommand::Sync | CountCommand::Inbox => false,
            CountCommand::List => is(line, b"* LIST "),
            CountCommand::ListStatus => is(line, b"* LIST ") || is(line, b"* STATUS "),
            CountCommand::Status => is(line, b"* STATUS "),
            CountCommand::Quota => is(line, b"* QUOTA ") || is(line, b"* QUOTAROOT "),
            CountCommand::Examine | CountCommand::Fetch | CountCommand::Leave => is(line, b"* ") && !is(line, b"* BYE"),
        }
    }
}
