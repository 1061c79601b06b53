//! LIST responses.

use super::command::astring;

/// What a LIST response tells.
pub(super) enum ListedFolder {
    /// A folder that cannot be opened: it only holds others.
    Closed,
    Named(Vec<u8>),
    /// Its name comes as a literal.
    Literal,
}

/// `* LIST (attributes) delimiter name`, RFC 9051 7.3.1. None: it is none.
pub(super) fn entry(line: &[u8]) -> Option<ListedFolder> {
    let rest = line.get(b"* LIST ".len()..)?.strip_prefix(b"(")?;
    let end = rest.iter().position(|byte| *byte == b')')?;
    let (attributes, rest) = rest.split_at(end);
    let closed = |word: &[u8]| word.eq_ignore_ascii_case(b"\\Noselect") || word.eq_ignore_ascii_case(b"\\NonExistent");
    if attributes.split(|byte| *byte == b' ').any(closed) {
        return Some(ListedFolder::Closed);
    }
    let rest = rest.strip_prefix(b") ")?;
    let (_, delimiter) = astring(rest)?;
    let name = rest.get(delimiter..)?.strip_prefix(b" ")?;
    if name.starts_with(b"{") { Some(ListedFolder::Literal) } else { astring(name).map(|(name, _)| ListedFolder::Named(name)) }
}
