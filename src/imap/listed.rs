//! The folders that a count has heard of in LIST (RFC 9051 7.3.1) and not asked about yet, within a bound.

use std::collections::VecDeque;

use super::grammar::quoted;

/// Octets of folder names: a thousand long ones.
pub(super) const NAMES: usize = 64 * 1024;

/// Names as they stand in a command.
#[derive(Default)]
pub(super) struct Listed {
    names: VecDeque<Vec<u8>>,
    octets: usize,
}

impl Listed {
    /// Takes a name; false where it cannot be asked about, or they are too many.
    pub(super) fn add(&mut self, name: &[u8]) -> bool {
        // Anything else would need a literal in the command.
        let plain = !name.iter().any(u8::is_ascii_control);
        self.octets = self.octets.saturating_add(name.len());
        let fits = plain && self.octets <= NAMES;
        if fits {
            self.names.push_back(quoted(name));
        }
        fits
    }

    /// The next folder to ask about.
    pub(super) fn next(&mut self) -> Option<Vec<u8>> {
        self.names.pop_front()
    }

    /// What is held, for tests of the bound.
    #[cfg(test)]
    pub(super) fn octets(&self) -> usize {
        self.names.iter().map(Vec::len).sum()
    }
}
