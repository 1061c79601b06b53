//! Fields that a signature in the message already covers: touching one would break it (RFC 6376 3.5, RFC 8617 4.1.2). Which
//! fields are signatures, the rules say; all of them name what they cover in a tag `h=`.

use crate::wire::header::Part;

/// Names taken from all signatures together. Real ones cover some twenty; a hostile one must not cost memory or time.
const NAMES: usize = 256;

/// Names of covered fields, in lower case: the `h=` of all signatures together.
#[derive(Default)]
pub(super) struct Signed {
    names: Vec<Vec<u8>>,
    any: bool,
}

impl Signed {
    /// Reads the fields that the rules take for signatures.
    pub(super) fn read<'a>(signatures: impl Iterator<Item = &'a Part<'a>>) -> Signed {
        let mut signed = Signed::default();
        for part in signatures {
            let Part::Field(field) = part else { continue };
            signed.any = true;
            signed.names.extend(covered(field.value()).take(NAMES - signed.names.len()));
        }
        signed
    }

    /// Whether there is a signature at all: then order and spelling may be covered too.
    pub(super) fn any(&self) -> bool {
        self.any
    }

    /// Whether a signature covers the field of this name, present or not: a signature may also cover its absence.
    pub(super) fn covers(&self, name: &[u8]) -> bool {
        self.names.iter().any(|covered| covered.eq_ignore_ascii_case(name))
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
        let signed = Signed::read(parts.iter().take(2));
        for (name, covered) in
            [("from", true), ("DATE", true), ("message-id", true), ("to", true), ("subject", false), ("", false)]
        {
            assert_eq!(signed.covers(name.as_bytes()), covered, "{name}");
        }
        let dkim = Signed::read(parts.iter().take(1));
        assert!(dkim.any() && !dkim.covers(b"to") && !Signed::read([].iter()).any());
    }
}
