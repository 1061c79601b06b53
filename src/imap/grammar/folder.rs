//! Commands about one or two mailboxes by name: SELECT, EXAMINE, CREATE, DELETE (RFC 9051 6.3.2 to 6.3.5) and RENAME (6.3.6).

use super::Cursor;

/// The mailbox name at the front of `arguments`, and what is behind it: nothing, or a space and more (RFC 4466 2.1).
pub fn named(arguments: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut cursor = Cursor::new(arguments);
    let name = cursor.astring()?;
    let rest = cursor.rest().strip_suffix(b"\r\n").unwrap_or(cursor.rest());
    let fits = rest.is_empty() || rest.starts_with(b" (") && rest.ends_with(b")");
    fits.then_some((name, rest))
}

/// SETACL: the mailbox, whom it is about, and the rights (RFC 4314 3.1).
pub fn acl(arguments: &[u8]) -> Option<[Vec<u8>; 3]> {
    words(arguments)?.try_into().ok()
}

/// Strings only.
fn words(arguments: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut cursor = Cursor::new(arguments);
    let mut words = vec![cursor.astring()?];
    while cursor.end().is_none() {
        cursor.space()?;
        words.push(cursor.astring()?);
    }
    Some(words)
}

/// RENAME: the old name and the new one.
pub fn rename(arguments: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut cursor = Cursor::new(arguments);
    let old = cursor.astring()?;
    cursor.space()?;
    let new = cursor.astring()?;
    cursor.end()?;
    Some((old, new))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(named(b"INBOX\r\n"), Some((b"INBOX".to_vec(), &b""[..])));
        assert_eq!(named(b"{2}\r\na  (CONDSTORE)\r\n"), Some((b"a ".to_vec(), &b" (CONDSTORE)"[..])));
        for wrong in [&b"a b\r\n"[..], b"\r\n", b" a\r\n", b"a (\r\n", b"a)\r\n"] {
            assert!(named(wrong).is_none(), "{}", String::from_utf8_lossy(wrong));
        }
        assert_eq!(rename(b"a \"b c\"\r\n"), Some((b"a".to_vec(), b"b c".to_vec())));
        assert!(rename(b"a\r\n").is_none() && rename(b"a b c\r\n").is_none());
    }
}
