//! Namespaces (RFC 2342): whose a folder is, by the beginning of its name. A session is told them by its backend; whoever counts all mailboxes outside a
//! session reads them in the backend's settings.

use super::command::astring;
use super::status::is;

/// Namespaces that are kept; a backend has three.
const KEPT: usize = 16;

/// Those of a backend.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namespaces(Vec<Namespace>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Namespace {
    prefix: Box<[u8]>,
    delimiter: Option<u8>,
    kind: NamespaceKind,
}

/// Whose the folders of a namespace are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamespaceKind {
    /// The member's.
    Own,
    /// Those of other users, each with a level of its own.
    OtherUsers,
    /// Nobody's.
    Shared,
}

/// Whose a folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailboxOwner<'a> {
    /// The member's.
    Own,
    /// Another user's, by the name that the backend gives it.
    Other(&'a [u8]),
    /// Nobody's.
    Nobody,
}

impl Namespaces {
    /// Of these prefixes, where levels are not of interest: behind one of other users' stands who it is, and all below.
    pub fn of(told: impl IntoIterator<Item = (String, NamespaceKind)>) -> Namespaces {
        let namespace =
            |(prefix, kind): (String, NamespaceKind)| Namespace { prefix: prefix.into_bytes().into(), delimiter: None, kind };
        Namespaces(told.into_iter().map(namespace).collect())
    }

    /// `* NAMESPACE (("" "/")) (("Other Users/" "/")) NIL`.
    pub(super) fn read(line: &[u8]) -> Option<Namespaces> {
        let mut rest = line.strip_suffix(b"\r\n")?.get(b"* NAMESPACE ".len()..)?;
        let mut namespaces = Vec::new();
        for (at, kind) in [NamespaceKind::Own, NamespaceKind::OtherUsers, NamespaceKind::Shared].into_iter().enumerate() {
            if at > 0 {
                rest = rest.strip_prefix(b" ")?;
            }
            if is(rest, b"NIL") {
                rest = &rest[3..];
                continue;
            }
            rest = rest.strip_prefix(b"(")?;
            while let Some(inner) = rest.strip_prefix(b"(") {
                let (namespace, behind) = namespace(inner, kind)?;
                namespaces.push(namespace);
                rest = behind.strip_prefix(b" ").unwrap_or(behind);
            }
            rest = rest.strip_prefix(b")")?;
        }
        (rest.is_empty() && namespaces.len() <= KEPT).then_some(Namespaces(namespaces))
    }

    /// Whose `mailbox` is, a name that the backend itself told: the longest prefix decides. Without namespaces all is the member's own.
    pub fn owner_of_listed<'a>(&self, mailbox: &'a [u8]) -> MailboxOwner<'a> {
        // RFC 9051 5.1: whoever asks, it is theirs. Of a namespace `INBOX.` it is no part, and where the one of all is `""`, as in Cyrus
        // without altnamespace, its prefix would be the longest.
        if mailbox.eq_ignore_ascii_case(b"INBOX") {
            return MailboxOwner::Own;
        }
        let longest = self.0.iter().filter(|namespace| namespace.holds(mailbox)).max_by_key(|space| space.prefix.len());
        match longest {
            None | Some(Namespace { kind: NamespaceKind::Own, .. }) => MailboxOwner::Own,
            Some(Namespace { kind: NamespaceKind::Shared, .. }) => MailboxOwner::Nobody,
            Some(Namespace { kind: NamespaceKind::OtherUsers, prefix, delimiter }) => {
                let rest = mailbox.get(prefix.len()..).unwrap_or_default();
                let end = rest.iter().position(|byte| Some(*byte) == *delimiter).unwrap_or(rest.len());
                MailboxOwner::Other(&rest[..end])
            }
        }
    }

    /// Whether nothing stands in front of a delimiter of any namespace.
    pub(super) fn has_empty_level(&self, mailbox: &[u8]) -> bool {
        let mut delimiters = self.0.iter().filter_map(|namespace| namespace.delimiter);
        delimiters.any(|delimiter| mailbox.first() == Some(&delimiter) || mailbox.windows(2).any(|pair| *pair == [delimiter; 2]))
    }

    /// Whether there are folders that are not the member's.
    pub fn has_others(&self) -> bool {
        self.0.iter().any(|namespace| namespace.kind != NamespaceKind::Own)
    }
}

impl Namespace {
    // RFC 9051 5.1: INBOX is the same in any case of letters.
    fn holds(&self, mailbox: &[u8]) -> bool {
        let Some(start) = mailbox.get(..self.prefix.len()) else { return false };
        let inbox = self.prefix.len().min(5);
        start[inbox..] == self.prefix[inbox..]
            && (start[..inbox] == self.prefix[..inbox] || inbox == 5 && is(start, b"INBOX") && is(&self.prefix, b"INBOX"))
    }
}

/// `"prefix" "delimiter" extensions)`, and what is behind it.
fn namespace(text: &[u8], kind: NamespaceKind) -> Option<(Namespace, &[u8])> {
    let (prefix, taken) = astring(text).filter(|_| text.starts_with(b"\""))?;
    let rest = text.get(taken..)?.strip_prefix(b" ")?;
    let (delimiter, taken) = astring(rest)?;
    let delimiter = if rest.starts_with(b"\"") { delimiter.first().copied() } else { None };
    let (mut at, mut quoted, mut depth) = (taken, false, 0usize);
    loop {
        match rest.get(at)? {
            b'\\' if quoted => at += 1,
            b'"' => quoted = !quoted,
            b'(' if !quoted => depth += 1,
            b')' if !quoted && depth == 0 => break,
            b')' if !quoted => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    Some((Namespace { prefix: prefix.into(), delimiter, kind }, rest.get(at + 1..)?))
}
