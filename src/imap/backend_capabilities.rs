//! What a backend can do, as far as our own questions depend on it.

use super::capability;
use super::way::{Way, Ways};

/// Capabilities that matter here, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BackendCapabilities(u8);

const WORDS: [&[u8]; 8] =
    [b"STATUS=SIZE", b"LIST-STATUS", b"QUOTA", b"UNSELECT", b"NAMESPACE", b"SPECIAL-USE", b"MOVE", b"UTF8=ACCEPT"];

/// One of [`WORDS`].
#[derive(Clone, Copy)]
pub(super) enum BackendCapability {
    StatusSize,
    ListStatus,
    Quota,
    Unselect,
    Namespace,
    SpecialUse,
    Move,
    Utf8,
}

impl BackendCapabilities {
    /// Of a backend with these capabilities (words, separated by spaces).
    pub fn of(capabilities: &[u8]) -> BackendCapabilities {
        let bits = WORDS.iter().enumerate().filter(|(_, word)| capability::has(capabilities, word));
        BackendCapabilities(bits.fold(0, |found, (bit, _)| found | 1 << bit))
    }

    pub(super) fn has(self, capability: BackendCapability) -> bool {
        self.0 & 1 << (capability as u8) != 0
    }

    /// The ways to count, the best first. IMAP4rev2 has STATUS (SIZE) without saying so (RFC 9051 6.3.11), but servers that say
    /// IMAP4rev2 today say STATUS=SIZE too.
    pub(super) fn ways(self) -> Ways {
        let status = match (self.has(BackendCapability::StatusSize), self.has(BackendCapability::ListStatus)) {
            (true, true) => Some(Way::ListStatus),
            (true, false) => Some(Way::Status),
            (false, _) => None,
        };
        let quota = self.has(BackendCapability::Quota).then_some(Way::Quota);
        let sizes = status.is_none().then_some(Way::Sizes { unselect: self.has(BackendCapability::Unselect) });
        Ways::new([status, quota, sizes])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_is_its_offer() {
        let known = BackendCapabilities::of(b"IMAP4rev1 quota LIST-STATUS STATUS=SIZE");
        assert!(
            known.has(BackendCapability::Quota)
                && known.has(BackendCapability::ListStatus)
                && known.has(BackendCapability::StatusSize)
        );
        assert!(!known.has(BackendCapability::Move) && !known.has(BackendCapability::Unselect));
        assert!(BackendCapabilities::of(b"NAMESPACE SPECIAL-USE MOVE UNSELECT").has(BackendCapability::Move));
    }
}
