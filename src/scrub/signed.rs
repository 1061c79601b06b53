//! Fields that a signature in the message already covers: touching one would break it (RFC 6376 3.5, RFC 8617 4.1.2).

use crate::wire::header::{Field, Part};

/// Names taken from all signatures together. Real ones cover some twenty; a hostile one must not cost memory or time.
const NAMES: usize = 256;

/// Names of covered fields, in lower case: the `h=` of all signatures together.
#[derive(Default)]
pub(super) struct Signed(Vec<Vec<u8>>);

impl Signed {
    /// Reads the signatures among `parts` that `stays` keeps in the message.
    pub(super) fn read(parts: &[Part<'_>], stays: impl Fn(&Field<'_>) -> bool) -> Signed {
        let mut names = Vec::new();
        for part in parts {
            let Part::Field(field) = part else { continue };
            if (field.is("DKIM-Signature") || field.is("ARC-Message-Signature")) && stays(field) {
                names.extend(covered(field.value()).take(NAMES - names.len()));
            }
        }
        Signed(names)
    }

    /// Whether a signature covers the field of this name, present or not: a signature may also cover its absence.
    pub(super) fn covers(&self, name: &[u8]) -> bool {
        self.0.iter().any(|covered| covered.eq_ignore_ascii_case(name))
    }
}

fn covered(value: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let tags = value.split(|b| *b == b';').map(without_blanks);
    let lists = tags.filter_map(|tag| tag.strip_prefix(b"h=").map(<[u8]>::to_ascii_lowercase));
    let names = lists.flat_map(|list| list.split(|b| *b == b':').take(NAMES).map(<[u8]>::to_vec).collect::<Vec<_>>());
    names.filter(|name| !name.is_empty())
}

/// Folds may stand anywhere in a tag list, also inside of `h=` (RFC 6376 3.2).
fn without_blanks(tag: &[u8]) -> Vec<u8> {
    tag.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::header::split;

    #[test]
    fn the_names_of_all_signatures() {
        let header = "DKIM-Signature: v=1; bh=h=; h=From:\r\n\t Date : Message-\r\n ID; b=x\r\narc-message-signature: i=1;h=To\r\n\
            ARC-Seal: h=Subject\r\n";
        let parts: Vec<_> = split(header.as_bytes()).collect();
        let signed = Signed::read(&parts, |_| true);
        for (name, covered) in
            [("from", true), ("DATE", true), ("message-id", true), ("to", true), ("subject", false), ("", false)]
        {
            assert_eq!(signed.covers(name.as_bytes()), covered, "{name}");
        }
        assert!(!Signed::read(&parts, |field| !field.is("ARC-Message-Signature")).covers(b"to"));
    }
}
