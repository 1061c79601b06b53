//! The part of an address before the `@`. Nearly all are short: these lie in the value itself, and an address takes nothing of the allocator.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

/// What fits without the allocator: then the whole is as large as a `String`.
const SHORT: usize = 22;

/// At most 255 octets of UTF-8; of addresses, at most 64 as they were typed.
#[derive(Clone)]
pub(super) enum LocalPart {
    Short { length: u8, octets: [u8; SHORT] },
    Long(Box<str>),
}

impl LocalPart {
    pub(super) fn new(text: &str) -> LocalPart {
        let mut octets = [0; SHORT];
        match (octets.get_mut(..text.len()), u8::try_from(text.len())) {
            (Some(place), Ok(length)) => {
                place.copy_from_slice(text.as_bytes());
                LocalPart::Short { length, octets }
            }
            _ => LocalPart::Long(text.into()),
        }
    }

    pub(super) fn reveal(&self) -> &str {
        match self {
            // Made of a text, so it is one.
            LocalPart::Short { .. } => std::str::from_utf8(self.octets()).unwrap_or_default(),
            LocalPart::Long(text) => text,
        }
    }

    pub(super) fn octets(&self) -> &[u8] {
        match self {
            LocalPart::Short { length, octets } => octets.get(..usize::from(*length)).unwrap_or(octets),
            LocalPart::Long(text) => text.as_bytes(),
        }
    }
}

// The order of octets is that of texts.
impl Ord for LocalPart {
    fn cmp(&self, other: &LocalPart) -> Ordering {
        self.octets().cmp(other.octets())
    }
}

impl PartialOrd for LocalPart {
    fn partial_cmp(&self, other: &LocalPart) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for LocalPart {
    fn eq(&self, other: &LocalPart) -> bool {
        self.octets() == other.octets()
    }
}

impl Eq for LocalPart {}

impl Hash for LocalPart {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.octets().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_long_ones_are_the_same_texts() {
        assert_eq!(size_of::<LocalPart>(), size_of::<String>());
        let texts: Vec<String> =
            (0..=64).flat_map(|length| ["a", "\u{e9}", "\u{65e5}"].map(|sign| sign.repeat(length))).collect();
        for one in &texts {
            let local = LocalPart::new(one);
            assert!(local.reveal() == one && local.octets() == one.as_bytes());
            assert_eq!(matches!(local, LocalPart::Short { .. }), one.len() <= SHORT, "{one}");
            for two in &texts {
                assert_eq!(local.cmp(&LocalPart::new(two)), one.cmp(two));
                assert_eq!(local == LocalPart::new(two), one == two);
            }
        }
    }
}
