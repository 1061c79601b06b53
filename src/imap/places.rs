//! Whose a folder is, and what it is for: namespaces (RFC 2342) and special uses (RFC 6154), as the backend tells them.
//!
//! Asked once a session, before the first command for which it matters. Only the member's own folders are counted as the
//! member's. What is stored into another user's folder is charged to its owner; a namespace that belongs to nobody the book
//! knows takes nothing from members.

use super::command::astring;
use super::frame::Frame;
pub(super) use super::namespaces::MailboxOwner;
use super::namespaces::Namespaces;
use super::sent::is_usual_sent;
use super::status::{Status, Then, is};

/// Special folders that are kept; a person has a handful.
const KEPT: usize = 16;

/// Octets of one name that comes as a literal.
const NAME: usize = 4096;

/// What is known of folders.
#[derive(Clone, Default)]
pub(super) struct Places {
    namespaces: Namespaces,
    sent: Vec<Box<[u8]>>,
    trash: Vec<Box<[u8]>>,
}

impl Places {
    /// Whose `mailbox` is: the longest prefix decides. Without namespaces all is the member's own. Where there are other people's, a
    /// name that a backend may read as another one is nobody's: Cyrus opens `Other Users/bob/Club` for `/Other Users/bob/Club` too.
    pub(super) fn owner<'a>(&self, mailbox: &'a [u8]) -> MailboxOwner<'a> {
        if self.is_unclear(mailbox) { MailboxOwner::Nobody } else { self.owner_of_listed(mailbox) }
    }

    /// Whether a backend may read `mailbox` as another name, and that might be somebody else's.
    pub(super) fn is_unclear(&self, mailbox: &[u8]) -> bool {
        self.has_others() && self.namespaces.has_empty_level(mailbox)
    }

    /// The same of a name that the backend itself told.
    pub(super) fn owner_of_listed<'a>(&self, mailbox: &'a [u8]) -> MailboxOwner<'a> {
        self.namespaces.owner_of_listed(mailbox)
    }

    /// Whether there are folders that are not the member's.
    pub(super) fn has_others(&self) -> bool {
        self.namespaces.has_others()
    }

    /// Whether `mailbox` is the Sent mailbox, or one below it (`Sent/2026`).
    pub(super) fn is_sent(&self, mailbox: &[u8]) -> bool {
        let within =
            |known: &[u8]| mailbox.strip_prefix(known).is_some_and(|rest| matches!(rest.first(), None | Some(b'/' | b'.')));
        is_usual_sent(mailbox) || self.sent.iter().any(|known| within(known))
    }

    /// Whether `mailbox` is the one for deleted messages: marked so, or of a usual name where none is marked.
    pub(super) fn is_trash(&self, mailbox: &[u8]) -> bool {
        const USUAL: &[&str] = &["trash", "deleted items", "deleted messages", "corbeille", "papierkorb", "papelera", "cestino"];
        let usual = || {
            let name = String::from_utf8_lossy(mailbox).to_lowercase();
            let last = name.rsplit(['/', '.']).next().unwrap_or(&name);
            USUAL.contains(&last)
        };
        self.trash.iter().any(|known| **known == *mailbox) || self.trash.is_empty() && usual()
    }

    /// Whether an untagged line of the backend tells of a special folder.
    pub(super) fn marks(line: &[u8]) -> bool {
        listed(line).is_some_and(|(flags, _)| has_flag(flags, b"\\Sent"))
    }

    /// Looks at an untagged line of the backend: `* LIST (\Sent) "/" Sent` (also `LSUB`, `XLIST`).
    pub(super) fn learn(&mut self, line: &[u8]) {
        if let Some((flags, name)) = listed(line) {
            self.keep(flags, &name);
        }
    }

    /// What `known` has as Sent is Sent here too: the backend may have marked it on another occasion.
    pub(super) fn keep_sent(&mut self, known: &Places) {
        known.sent.iter().for_each(|name| self.keep(b"\\Sent", name));
    }

    fn keep(&mut self, flags: &[u8], name: &[u8]) {
        for (word, known) in [(&b"\\Sent"[..], &mut self.sent), (b"\\Trash", &mut self.trash)] {
            if has_flag(flags, word) && known.len() < KEPT && !known.iter().any(|other| **other == *name) {
                known.push(name.into());
            }
        }
    }
}

fn has_flag(flags: &[u8], word: &[u8]) -> bool {
    flags.split(|byte| *byte == b' ').any(|flag| flag.eq_ignore_ascii_case(word))
}

/// Flags and name of a LIST response whose name is no literal.
fn listed(line: &[u8]) -> Option<(&[u8], Vec<u8>)> {
    let rest = line.strip_prefix(b"* ")?;
    let word = [&b"LIST ("[..], b"LSUB (", b"XLIST ("].into_iter().find(|word| is(rest, word))?;
    let rest = &rest[word.len()..];
    let close = rest.iter().position(|byte| *byte == b')')?;
    // Behind the flags: the separator (a quoted character or NIL), then the name.
    let (_, taken) = rest.get(close + 2..).and_then(astring)?;
    let (name, _) = rest.get(close + 3 + taken..).and_then(astring)?;
    Some((&rest[..close], name))
}

/// The question: NAMESPACE, then LIST of special folders, as far as the backend has them.
pub(super) struct Reading {
    places: Places,
    stage: PlacesStage,
    /// The second command is still to be asked.
    special_use: bool,
    /// What was asked for has come.
    told: bool,
    failed: bool,
    /// A folder whose name comes as a literal: its flags, and what is there of the name.
    coming: Option<(Box<[u8]>, Vec<u8>)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum PlacesStage {
    Namespace,
    SpecialUse,
}

const SPECIAL_USE: &[u8] = b"LIST (SPECIAL-USE) \"\" \"*\"";

impl Reading {
    /// The question, and its first command; none where the backend has neither.
    pub(super) fn new(namespace: bool, special_use: bool) -> Option<(Reading, Vec<u8>)> {
        let reading = |stage| Reading { places: Places::default(), stage, special_use, told: false, failed: false, coming: None };
        match (namespace, special_use) {
            (true, _) => Some((reading(PlacesStage::Namespace), b"NAMESPACE".to_vec())),
            (false, true) => Some((Reading { special_use: false, ..reading(PlacesStage::SpecialUse) }, SPECIAL_USE.to_vec())),
            (false, false) => None,
        }
    }

    pub(super) fn is_ours(&self, line: &[u8]) -> bool {
        match self.stage {
            PlacesStage::Namespace => is(line, b"* NAMESPACE "),
            PlacesStage::SpecialUse => is(line, b"* LIST "),
        }
    }

    pub(super) fn hear(&mut self, frame: &Frame, bytes: &[u8], begins: bool) {
        let whole = begins && matches!(frame, Frame::Line { literal: None, .. });
        match (self.stage, whole) {
            (PlacesStage::Namespace, true) => match Namespaces::read(bytes) {
                Some(namespaces) => (self.places.namespaces, self.told) = (namespaces, true),
                None => self.failed = true,
            },
            (PlacesStage::Namespace, false) => self.failed = true,
            (PlacesStage::SpecialUse, true) => self.places.learn(bytes),
            (PlacesStage::SpecialUse, false) => self.literal_name(frame, bytes, begins),
        }
    }

    fn literal_name(&mut self, frame: &Frame, bytes: &[u8], begins: bool) {
        match frame {
            Frame::Line { literal: Some(_), .. } if begins => {
                let flags = bytes.split(|byte| *byte == b'(').nth(1).and_then(|rest| rest.split(|byte| *byte == b')').next());
                self.coming = flags.map(|flags| (flags.into(), Vec::new()));
            }
            Frame::Literal { done, .. } => {
                let Some((flags, name)) = &mut self.coming else { return };
                name.extend_from_slice(bytes);
                if name.len() > NAME {
                    self.coming = None;
                } else if *done {
                    self.places.keep(flags, name);
                    self.coming = None;
                }
            }
            _ => {}
        }
    }

    pub(super) fn answered(&mut self, status: Status) -> Then {
        if self.stage == PlacesStage::Namespace {
            self.failed |= status != Status::Ok || !self.told;
            if !self.failed && std::mem::take(&mut self.special_use) {
                self.stage = PlacesStage::SpecialUse;
                return Then::Ask(SPECIAL_USE.to_vec());
            }
        }
        Then::Done
    }

    pub(super) fn found(self) -> Option<Places> {
        (!self.failed).then_some(self.places)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(line: &str) -> Option<Places> {
        Namespaces::read(format!("{line}\r\n").as_bytes()).map(|namespaces| Places { namespaces, ..Places::default() })
    }

    #[test]
    fn the_longest_prefix_tells_the_owner() {
        let known =
            places(r##"* NAMESPACE (("" "/")("#mh/" "/" "X-PARAM" ("a)" "b"))) (("Other Users/" "/")) (("shared/" "/"))"##)
                .unwrap();
        assert!(known.has_others());
        for (mailbox, owner) in [
            ("INBOX", MailboxOwner::Own),
            ("Work/shared/x", MailboxOwner::Own),
            ("Other Users/bob@velo.example/Club", MailboxOwner::Other(b"bob@velo.example")),
            ("Other Users/bob", MailboxOwner::Other(b"bob")),
            ("shared/Club", MailboxOwner::Nobody),
            ("/Other Users/bob/Club", MailboxOwner::Nobody),
            ("//INBOX", MailboxOwner::Nobody),
            ("Other Users//bob/Club", MailboxOwner::Nobody),
        ] {
            assert_eq!(known.owner(mailbox.as_bytes()), owner, "{mailbox}");
        }
        let known = places(r#"* NAMESPACE (("INBOX." ".")) NIL (("" "."))"#).unwrap();
        assert_eq!(
            (known.owner(b"inbox.Sent"), known.owner(b"INBOX"), known.owner(b"inbox")),
            (MailboxOwner::Own, MailboxOwner::Own, MailboxOwner::Own)
        );
        assert_eq!(known.owner(b"Public"), MailboxOwner::Nobody);
        assert_eq!((known.owner(b"INBOX.a//b"), known.owner(b"INBOX..a")), (MailboxOwner::Own, MailboxOwner::Nobody));
        // Where there is nobody else, no spelling leads to them.
        assert_eq!(places(r#"* NAMESPACE (("" "/")) NIL NIL"#).unwrap().owner(b"/a"), MailboxOwner::Own);
        assert!(places(r#"* NAMESPACE NIL NIL"#).is_none() && places(r#"* NAMESPACE (("" "/") NIL NIL"#).is_none());
    }

    #[test]
    fn special_folders_are_learnt() {
        let mut known = Places::default();
        known.learn(b"* LIST (\\HasNoChildren \\Sent) \"/\" \"Mes envois\"\r\n");
        known.learn(b"* LIST (\\Sent) NIL Out\r\n");
        known.learn(b"* LIST (\\Drafts) \"/\" Post\r\n");
        assert!(known.is_sent(b"Mes envois") && known.is_sent(b"Out") && known.is_sent(b"Sent") && !known.is_sent(b"Post"));
        assert!(known.is_trash(b"INBOX.Trash") && !known.is_trash(b"Post"));
        assert!(known.is_sent(b"Out/2026") && known.is_sent(b"INBOX.Sent.2026") && !known.is_sent(b"Outer"));
        known.learn(b"* LIST (\\Trash) \"/\" Bin\r\n");
        assert!(known.is_trash(b"Bin") && !known.is_trash(b"Trash"));
    }
}
