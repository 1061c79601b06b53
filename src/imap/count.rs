//! Counting a mailbox at its backend: what is in it, in octets and messages.
//!
//! | way | asks | told |
//! |---|---|---|
//! | [`Way::ListStatus`] | LIST with STATUS of every folder in one command (RFC 5819, RFC 8438) | to the octet |
//! | [`Way::Status`] | LIST, then STATUS of each folder (RFC 8438) | to the octet |
//! | [`Way::Quota`] | GETQUOTAROOT (RFC 9208), which also sees folders that are hidden from LIST or STATUS | in 1024 octets, rounded up by us |
//! | [`Way::Sizes`] | LIST, then EXAMINE and the sum of RFC822.SIZE in each folder; possible as long as the client has opened none | to the octet |
//!
//! A folder without a number makes a count fail; it is never zero. Only the member's own folders are counted. Folder names
//! are kept while a count goes on, and those are bounded; EXAMINE changes nothing in a folder (RFC 9051 6.3.3), and what it opened
//! is left before the client's next command.
//!
//! Of the folder that the client has open, STATUS tells what the client was shown of it, and not what is there (RFC 9051 6.3.11
//! warns of it). So NOOP goes before, which brings the client up to date.
//!
//! Of a folder that nobody has open here, Dovecot's STATUS does not wait for whoever has the Maildir's list locked: mail that was just
//! delivered may be missing in it. EXAMINE and NOOP do wait. So where mail has come in lately, the INBOX is opened for the count, unless
//! the client has a folder open; then the count is a hasty one.

use std::collections::VecDeque;
use std::sync::Arc;

use super::command::astring;
use super::entry::{Entry, entry};
use super::frame::Frame;
use super::grammar::quoted;
use super::places::{Owner, Places};
use super::status::{Status, Then, is, number_after};
use super::way::{Look, Way};
use crate::quota::Amount;

/// Octets of folder names: a thousand long ones.
const NAMES: usize = 64 * 1024;
/// Octets of one name that comes as a literal.
const NAME: usize = 4096;

/// One count under way.
pub(super) struct Count {
    way: Way,
    stage: Stage,
    /// Whose the folders are; none: all are the member's.
    places: Option<Arc<Places>>,
    /// Folders that were not asked about, as they stand in a command.
    names: VecDeque<Vec<u8>>,
    octets: usize,
    /// A name that comes as a literal, with the line before it.
    coming: Option<Vec<u8>>,
    /// Folders that were listed and have no number yet (in one command), or numbers that were told.
    missing: i64,
    seen: Amount,
    open: Open,
    /// We have the INBOX open; to be closed again or not.
    inbox: bool,
    closes: bool,
    /// A response that is looked at goes on.
    heard: bool,
    failed: bool,
}

/// The folder that we have opened.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    No,
    Empty,
    Messages,
}

/// What was asked last.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Sync,
    Inbox,
    List,
    ListStatus,
    Status,
    Examine,
    Fetch,
    Leave,
    Quota,
}

impl Count {
    /// A count, and its first command.
    pub(super) fn new(way: Way, places: Option<Arc<Places>>, look: Look) -> (Count, Vec<u8>) {
        let (stage, command) = match look {
            _ if way == Way::Quota => first(way),
            Look::Straight => first(way),
            Look::Sync => (Stage::Sync, &b"NOOP"[..]),
            Look::Visit | Look::Inbox => (Stage::Inbox, &b"EXAMINE INBOX"[..]),
        };
        let count = Count {
            way,
            stage,
            places: places.filter(|places| places.has_others()),
            names: VecDeque::new(),
            octets: 0,
            coming: None,
            missing: i64::from(way == Way::Quota),
            seen: Amount::ZERO,
            open: Open::No,
            inbox: stage == Stage::Inbox,
            closes: stage == Stage::Inbox && look == Look::Visit,
            heard: false,
            failed: false,
        };
        (count, command.to_vec())
    }

    /// What was counted, if all was.
    pub(super) fn found(self) -> Option<Amount> {
        (!self.failed && self.missing == 0).then_some(self.seen)
    }

    // With a folder open that the client knows nothing of, all that is told is about that folder.
    pub(super) fn is_ours(&self, line: &[u8]) -> bool {
        self.inbox && is(line, b"* ") && !is(line, b"* BYE") || self.is_looked_at(line)
    }

    fn is_looked_at(&self, line: &[u8]) -> bool {
        match self.stage {
            // For the client.
            Stage::Sync | Stage::Inbox => false,
            Stage::List => is(line, b"* LIST "),
            Stage::ListStatus => is(line, b"* LIST ") || is(line, b"* STATUS "),
            Stage::Status => is(line, b"* STATUS "),
            Stage::Quota => is(line, b"* QUOTA ") || is(line, b"* QUOTAROOT "),
            Stage::Examine | Stage::Fetch | Stage::Leave => is(line, b"* ") && !is(line, b"* BYE"),
        }
    }

    /// A frame of a response that is ours.
    pub(super) fn hear(&mut self, frame: &Frame, bytes: &[u8], begins: bool) {
        if begins {
            self.heard = self.is_looked_at(bytes);
        }
        match (self.stage, frame) {
            _ if !self.heard => {}
            (_, Frame::Piece { .. }) => self.failed = true,
            (Stage::List, _) => self.list(frame, bytes, begins),
            (Stage::ListStatus, _) if begins && is(bytes, b"* LIST ") => self.list(frame, bytes, begins),
            (Stage::ListStatus, _) => self.status(frame, bytes, begins),
            (Stage::Status, Frame::Line { literal: None, .. }) => self.number(bytes),
            (Stage::Examine, Frame::Line { .. }) if begins && bytes.to_ascii_uppercase().ends_with(b" EXISTS\r\n") => {
                self.open = if bytes.starts_with(b"* 0 ") { Open::Empty } else { Open::Messages };
            }
            (Stage::Fetch, Frame::Line { .. }) if begins && memchr::memmem::find(bytes, b" FETCH ").is_some() => {
                match number_after(bytes, b"RFC822.SIZE ") {
                    Some(size) => self.seen = self.seen.plus(Amount::message(size)),
                    None => self.failed = true,
                }
            }
            (Stage::Quota, Frame::Line { literal: None, .. }) if is(bytes, b"* QUOTA ") => self.quota(bytes),
            _ => {}
        }
    }

    fn list(&mut self, frame: &Frame, bytes: &[u8], begins: bool) {
        match frame {
            Frame::Line { literal, .. } if begins => match entry(bytes) {
                Some(Entry::Closed) => {}
                Some(Entry::Named(name)) => self.name(&name),
                Some(Entry::Literal) if literal.is_some() => self.coming = Some(Vec::new()),
                Some(Entry::Literal) | None => self.failed = true,
            },
            Frame::Literal { done, .. } => {
                if self.collect(bytes, *done)
                    && let Some(coming) = self.coming.take()
                {
                    self.name(&coming);
                }
            }
            _ => {}
        }
    }

    /// Takes octets of a name; true when it is whole.
    fn collect(&mut self, bytes: &[u8], done: bool) -> bool {
        let Some(coming) = &mut self.coming else { return false };
        coming.extend_from_slice(bytes);
        self.failed |= coming.len() > NAME;
        if self.failed {
            self.coming = None;
        }
        done && !self.failed
    }

    fn is_own(&self, name: &[u8]) -> bool {
        self.places.as_ref().is_none_or(|places| places.owner_of_listed(name) == Owner::Own)
    }

    /// A folder that can be opened.
    fn name(&mut self, name: &[u8]) {
        if !self.is_own(name) {
            return;
        }
        if self.stage == Stage::ListStatus {
            self.missing += 1;
            return;
        }
        // Anything else would need a literal in the command.
        let plain = !name.iter().any(u8::is_ascii_control);
        self.octets = self.octets.saturating_add(name.len());
        self.failed |= !plain || self.octets > NAMES;
        if self.failed {
            self.names = VecDeque::new();
            return;
        }
        self.names.push_back(quoted(name));
    }

    /// `* STATUS name (MESSAGES 1 SIZE 2)` among LIST responses, the name in any form.
    fn status(&mut self, frame: &Frame, bytes: &[u8], begins: bool) {
        match frame {
            Frame::Line { literal: Some(_), .. } if begins => self.coming = Some(Vec::new()),
            // A name of LIST that came as a literal goes here too: it is whole when its line ends.
            Frame::Literal { done, .. } => drop(self.collect(bytes, *done)),
            Frame::Line { literal: None, .. } => {
                let name = match self.coming.take() {
                    Some(coming) => Some(coming),
                    None => bytes.get(b"* STATUS ".len()..).and_then(astring).map(|(name, _)| name),
                };
                match name {
                    // The end of a response that is of no interest.
                    None if !begins => {}
                    None => self.failed = true,
                    // The end of a LIST response.
                    Some(name) if !bytes.contains(&b'(') => self.name(&name),
                    Some(name) if self.is_own(&name) => {
                        self.missing -= 1;
                        self.number(bytes);
                    }
                    Some(_) => {}
                }
            }
            _ => {}
        }
    }

    fn number(&mut self, line: &[u8]) {
        // Behind the last parenthesis: a folder may be called "(SIZE 9)".
        let values = line.iter().rposition(|byte| *byte == b'(').map_or(line, |at| &line[at + 1..]);
        match (number_after(values, b"SIZE "), number_after(values, b"MESSAGES ")) {
            (Some(octets), Some(messages)) => self.seen = self.seen.plus(Amount { octets, messages }),
            _ => self.failed = true,
        }
        if self.stage == Stage::Status {
            self.missing -= 1;
        }
    }

    /// With several roots the fullest one counts: it is the one that will refuse. A root that does not tell both is no count.
    fn quota(&mut self, line: &[u8]) {
        let values = line.iter().rposition(|byte| *byte == b'(').map_or(line, |at| &line[at + 1..]);
        let (Some(units), Some(messages)) = (number_after(values, b"STORAGE "), number_after(values, b"MESSAGE ")) else {
            return;
        };
        // Units of 1024 octets (RFC 9208 5.1), which some servers round down.
        let octets = units.saturating_mul(1024).saturating_add(1023);
        self.seen = Amount { octets: self.seen.octets.max(octets), messages: self.seen.messages.max(messages) };
        self.missing = 0;
    }

    /// The backend ended a command of ours.
    pub(super) fn answered(&mut self, status: Status) -> Then {
        match self.next(status) {
            // CLOSE removes nothing from a folder that was opened by EXAMINE (RFC 9051 6.4.1).
            Then::Done if std::mem::take(&mut self.closes) => self.ask(Stage::Leave, b"CLOSE"),
            then => then,
        }
    }

    fn next(&mut self, status: Status) -> Then {
        self.failed |= status != Status::Ok || self.missing != 0 && self.stage == Stage::Status;
        match self.stage {
            Stage::Inbox if self.failed => self.closes = false,
            Stage::Sync | Stage::Inbox if !self.failed => {
                let (stage, command) = first(self.way);
                return self.ask(stage, command);
            }
            Stage::Sync | Stage::ListStatus | Stage::Quota | Stage::Leave => return Then::Done,
            // How many there are was not told.
            Stage::Examine => self.failed |= self.open == Open::No,
            _ => {}
        }
        if self.stage == Stage::Examine && self.open == Open::Messages && !self.failed {
            return self.ask(Stage::Fetch, b"FETCH 1:* (RFC822.SIZE)");
        }
        match (self.names.pop_front().filter(|_| !self.failed), self.way) {
            (Some(name), Way::Sizes { .. }) => {
                self.open = Open::No;
                self.ask(Stage::Examine, &[b"EXAMINE ", &name[..]].concat())
            }
            (Some(name), _) => {
                self.missing = 1;
                self.ask(Stage::Status, &[b"STATUS ", &name[..], b" (MESSAGES SIZE)"].concat())
            }
            // See above.
            (None, Way::Sizes { unselect }) if matches!(self.stage, Stage::Examine | Stage::Fetch) => {
                self.closes = false;
                self.ask(Stage::Leave, if unselect { b"UNSELECT" } else { b"CLOSE" })
            }
            (None, _) => Then::Done,
        }
    }

    fn ask(&mut self, stage: Stage, command: &[u8]) -> Then {
        self.stage = stage;
        Then::Ask(command.to_vec())
    }
}

/// The first command that counts.
fn first(way: Way) -> (Stage, &'static [u8]) {
    match way {
        Way::ListStatus => (Stage::ListStatus, b"LIST \"\" \"*\" RETURN (STATUS (MESSAGES SIZE))"),
        Way::Status | Way::Sizes { .. } => (Stage::List, b"LIST \"\" \"*\""),
        Way::Quota => (Stage::Quota, b"GETQUOTAROOT INBOX"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(count: &mut Count, text: &str) {
        let bytes = [text.as_bytes(), b"\r\n"].concat();
        if count.is_ours(&bytes) {
            count.hear(&Frame::Line { len: bytes.len(), literal: None, flaw: None }, &bytes, true);
        }
    }

    fn counted(way: Way, lines: &[&str]) -> Option<Amount> {
        let (mut count, _) = Count::new(way, None, Look::Straight);
        lines.iter().for_each(|text| line(&mut count, text));
        count.answered(Status::Ok);
        count.found()
    }

    #[test]
    fn names_are_bounded() {
        let (mut count, _) = Count::new(Way::Status, None, Look::Straight);
        for number in 0..1000 {
            line(&mut count, &format!("* LIST () \"/\" \"{number:0>100}\""));
            assert!(count.names.iter().map(Vec::len).sum::<usize>() < NAMES + 2 * 1000);
        }
        assert!(matches!(count.answered(Status::Ok), Then::Done) && count.found().is_none());
    }

    #[test]
    fn a_folder_without_a_number_makes_a_count_fail() {
        let both = ["* LIST () \"/\" INBOX", "* STATUS INBOX (MESSAGES 2 SIZE 30)", "* LIST (\\NoSelect) \"/\" x"];
        assert_eq!(counted(Way::ListStatus, &both), Some(Amount { octets: 30, messages: 2 }));
        for lines in [
            &["* LIST () \"/\" INBOX", "* STATUS INBOX (MESSAGES 2 SIZE 30)", "* LIST () \"/\" Hidden"][..],
            &["* STATUS INBOX (MESSAGES 2 SIZE 30)"],
            &["* LIST () \"/\" INBOX", "* STATUS INBOX (MESSAGES 2)"],
            &["* LIST () \"/\" INBOX", "* STATUS INBOX (SIZE 30)"],
            &["* LIST x", "* STATUS INBOX (MESSAGES 2 SIZE 30)"],
        ] {
            assert_eq!(counted(Way::ListStatus, lines), None, "{lines:?}");
        }
    }

    #[test]
    fn folders_are_closed_once_and_one_without_a_number_makes_a_count_fail() {
        let counted = |exists: &[&str]| {
            let (mut count, _) = Count::new(Way::Sizes { unselect: true }, None, Look::Visit);
            let mut asked = Vec::new();
            for lines in [&[][..], &["* LIST () \"/\" INBOX"], exists, &[], &[]] {
                lines.iter().for_each(|text| line(&mut count, text));
                let Then::Ask(command) = count.answered(Status::Ok) else { break };
                asked.push(String::from_utf8(command).unwrap());
            }
            (asked.join(", "), count.found())
        };
        let (asked, found) = counted(&["* 0 exists"]);
        assert_eq!((&*asked, found), ("LIST \"\" \"*\", EXAMINE \"INBOX\", UNSELECT", Some(Amount::ZERO)));
        assert_eq!(counted(&["* 0 RECENT"]).1, None);
    }

    #[test]
    fn a_quota_root_must_tell_both() {
        let told = |line| counted(Way::Quota, &[line]);
        assert_eq!(told("* QUOTA x (STORAGE 3 9 MESSAGE 2 5)"), Some(Amount { octets: 4095, messages: 2 }));
        assert_eq!(told("* QUOTA x (STORAGE 3 9)"), None);
        assert_eq!(told("* QUOTA x ()"), None);
        assert_eq!(counted(Way::Quota, &[]), None);
    }
}
