//! The tag of a command (RFC 9051 2.2.1, 9): what a client calls it, and its answer is known by.

/// Longest tag. Clients use a few letters; a tag is kept while its command waits.
const LONGEST: usize = 64;

/// What is kept without the allocator: a command that waits takes no room of its own for its tag, and an IDLE waits for hours.
const SHORT: usize = 22;

/// A tag: 1 to 64 of the octets that RFC 9051 9 allows. It is somebody's words, so it cannot be printed.
///
/// # Examples
///
/// ```
/// use nologd::imap::tag::Tag;
///
/// assert_eq!(Tag::read(b"a1").unwrap().octets(), b"a1");
/// assert_eq!(Tag::at_start(b"a1 NOOP\r\n").unwrap().octets(), b"a1");
/// // It would read as an answer to nobody where it is echoed.
/// assert!(Tag::read(b"*").is_none());
/// ```
#[derive(Clone)]
pub struct Tag<'a>(TagText<'a>);

#[derive(Clone)]
enum TagText<'a> {
    Borrowed(&'a [u8]),
    Short { length: u8, octets: [u8; SHORT] },
    Long(Box<[u8]>),
}

impl PartialEq<Tag<'_>> for Tag<'_> {
    fn eq(&self, other: &Tag<'_>) -> bool {
        self.octets() == other.octets()
    }
}

impl<'a> Tag<'a> {
    /// `word` as a tag. `None`: it is none, or longer than 64 octets.
    pub fn read(word: &'a [u8]) -> Option<Tag<'a>> {
        // tag = 1*<any ASTRING-CHAR except "+">. `*` and `+` would read as untagged answers when echoed.
        let allowed = |byte: &u8| byte.is_ascii_graphic() && !b"(){%*\"\\+".contains(byte);
        let is_tag = !word.is_empty() && word.len() <= LONGEST && word.iter().all(allowed);
        is_tag.then_some(Tag(TagText::Borrowed(word)))
    }

    /// The tag that `line` begins with: its first word. `None`: that is no tag.
    pub fn at_start(line: &'a [u8]) -> Option<Tag<'a>> {
        Tag::read(line.split(|byte| matches!(byte, b' ' | b'\r' | b'\n')).next()?)
    }

    /// As it stands in the line.
    pub fn octets(&self) -> &[u8] {
        match &self.0 {
            TagText::Borrowed(octets) => octets,
            TagText::Short { length, octets } => octets.get(..usize::from(*length)).unwrap_or(octets),
            TagText::Long(octets) => octets,
        }
    }

    /// The same, for as long as its command waits.
    pub fn kept(&self) -> Tag<'static> {
        let (own, mut octets) = (self.octets(), [0; SHORT]);
        let text = match (octets.get_mut(..own.len()), u8::try_from(own.len())) {
            (Some(place), Ok(length)) => {
                place.copy_from_slice(own);
                TagText::Short { length, octets }
            }
            _ => TagText::Long(own.into()),
        };
        Tag(text)
    }
}

/// A tag that is one.
#[cfg(test)]
pub(super) fn tag(word: &[u8]) -> Tag<'_> {
    Tag::read(word).unwrap_or_else(|| unreachable!())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_tag() {
        for word in [&b"a1"[..], b"]", b".", &[b'x'; LONGEST]] {
            assert!(Tag::read(word).is_some_and(|tag| tag.octets() == word && tag.kept() == tag));
        }
        for length in 1..=LONGEST {
            let word = vec![b'x'; length];
            assert_eq!(tag(&word).kept().octets(), word);
        }
        assert_eq!(size_of::<Tag<'_>>(), size_of::<Vec<u8>>());
        for word in [&b""[..], b"*", b"+", b"a b", b"a{", b"a\"", b"\xe9", b"a\0", &[b'x'; LONGEST + 1]] {
            assert!(Tag::read(word).is_none());
        }
        assert!(Tag::at_start(b"a1 \r\n").is_some_and(|tag| tag.octets() == b"a1"));
        assert!(Tag::at_start(b"a1\n").is_some_and(|tag| tag.octets() == b"a1"));
        assert!(Tag::at_start(b"* x\r\n").is_none() && Tag::at_start(b"").is_none() && Tag::at_start(b"\r\n").is_none());
    }
}
