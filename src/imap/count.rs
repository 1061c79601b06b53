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

mod commands;

use std::sync::Arc;

use super::command::astring;
use super::entry::{ListedFolder, entry};
use super::frame::Frame;
use super::listed::Listed;
use super::places::{MailboxOwner, Places};
use super::status::{Status, Then, is, number_after, told_by_quota, told_by_status};
use super::way::{Look, Way};
use crate::quota::Amount;
use commands::CountCommand;

/// Octets of one name that comes as a literal.
const NAME: usize = 4096;

/// One count under way.
pub(super) struct Count {
    way: Way,
    asked: CountCommand,
    /// Whose the folders are; none: all are the member's.
    places: Option<Arc<Places>>,
    /// Folders that were not asked about.
    listed: Listed,
    /// A name that comes as a literal, with the line before it.
    coming: Option<Vec<u8>>,
    /// Folders that were listed and have no number yet (in one command), or numbers that were told.
    missing: i64,
    seen: Amount,
    open: OpenFolder,
    /// We have the INBOX open; to be closed again or not.
    inbox: bool,
    closes: bool,
    /// A response that is looked at goes on.
    heard: bool,
    failed: bool,
}

/// The folder that we have opened.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OpenFolder {
    No,
    Empty,
    Messages,
}

impl Count {
    /// A count, and its first command.
    pub(super) fn new(way: Way, places: Option<Arc<Places>>, look: Look) -> (Count, Vec<u8>) {
        let (asked, command) = match look {
            _ if way == Way::Quota => CountCommand::first(way),
            Look::Straight => CountCommand::first(way),
            Look::Sync => (CountCommand::Sync, &b"NOOP"[..]),
            Look::Visit | Look::Inbox => (CountCommand::Inbox, &b"EXAMINE INBOX"[..]),
        };
        let count = Count {
            way,
            asked,
            places: places.filter(|places| places.has_others()),
            listed: Listed::default(),
            coming: None,
            missing: i64::from(way == Way::Quota),
            seen: Amount::ZERO,
            open: OpenFolder::No,
            inbox: asked == CountCommand::Inbox,
            closes: asked == CountCommand::Inbox && look == Look::Visit,
            heard: false,
            failed: false,
        };
        (count, command.to_vec())
    }

    /// What was counted, if all was, and it can be true.
    pub(super) fn found(self) -> Option<Amount> {
        (!self.failed && self.missing == 0 && self.seen.is_possible()).then_some(self.seen)
    }

    // With a folder open that the client knows nothing of, all that is told is about that folder.
    pub(super) fn is_ours(&self, line: &[u8]) -> bool {
        self.inbox && is(line, b"* ") && !is(line, b"* BYE") || self.asked.brings(line)
    }

    /// A frame of a response that is ours.
    pub(super) fn hear(&mut self, frame: &Frame, bytes: &[u8], begins: bool) {
        if begins {
            self.heard = self.asked.brings(bytes);
        }
        match (self.asked, frame) {
            _ if !self.heard => {}
            (_, Frame::Piece { .. }) => self.failed = true,
            (CountCommand::List, _) => self.list(frame, bytes, begins),
            (CountCommand::ListStatus, _) if begins && is(bytes, b"* LIST ") => self.list(frame, bytes, begins),
            (CountCommand::ListStatus, _) => self.status(frame, bytes, begins),
            (CountCommand::Status, Frame::Line { literal: None, .. }) => self.number(bytes),
            (CountCommand::Examine, Frame::Line { .. }) if begins && bytes.to_ascii_uppercase().ends_with(b" EXISTS\r\n") => {
                self.open = if bytes.starts_with(b"* 0 ") { OpenFolder::Empty } else { OpenFolder::Messages };
            }
            (CountCommand::Fetch, Frame::Line { .. }) if begins && memchr::memmem::find(bytes, b" FETCH ").is_some() => {
                match number_after(bytes, b"RFC822.SIZE ") {
                    Some(size) => self.seen = self.seen.plus(Amount::message(size)),
                    None => self.failed = true,
                }
            }
            (CountCommand::Quota, Frame::Line { literal: None, .. }) if is(bytes, b"* QUOTA ") => self.quota(bytes),
            _ => {}
        }
    }

    fn list(&mut self, frame: &Frame, bytes: &[u8], begins: bool) {
        match frame {
            Frame::Line { literal, .. } if begins => match entry(bytes) {
                Some(ListedFolder::Closed) => {}
                Some(ListedFolder::Named(name)) => self.name(&name),
                Some(ListedFolder::Literal) if literal.is_some() => self.coming = Some(Vec::new()),
                Some(ListedFolder::Literal) | None => self.failed = true,
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
        self.places.as_ref().is_none_or(|places| places.owner_of_listed(name) == MailboxOwner::Own)
    }

    /// A folder that can be opened.
    fn name(&mut self, name: &[u8]) {
        if !self.is_own(name) {
            return;
        }
        if self.asked == CountCommand::ListStatus {
            self.missing += 1;
            return;
        }
        self.failed |= !self.listed.add(name);
        if self.failed {
            self.listed = Listed::default();
        }
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
        match told_by_status(line) {
            Some(told) => self.seen = self.seen.plus(told),
            None => self.failed = true,
        }
        if self.asked == CountCommand::Status {
            self.missing -= 1;
        }
    }

    /// With several roots the fullest one counts: it is the one that will refuse. A root that does not tell both is no count.
    fn quota(&mut self, line: &[u8]) {
        let Some(Amount { octets, messages }) = told_by_quota(line) else { return };
        self.seen = Amount { octets: self.seen.octets.max(octets), messages: self.seen.messages.max(messages) };
        self.missing = 0;
    }

    /// The backend ended a command of ours.
    pub(super) fn answered(&mut self, status: Status) -> Then {
        match self.next(status) {
            // CLOSE removes nothing from a folder that was opened by EXAMINE (RFC 9051 6.4.1).
            Then::Done if std::mem::take(&mut self.closes) => self.ask(CountCommand::Leave, b"CLOSE"),
            then => then,
        }
    }

    fn next(&mut self, status: Status) -> Then {
        self.failed |= status != Status::Ok || self.missing != 0 && self.asked == CountCommand::Status;
        match self.asked {
            CountCommand::Inbox if self.failed => self.closes = false,
            CountCommand::Sync | CountCommand::Inbox if !self.failed => {
                let (asked, command) = CountCommand::first(self.way);
                return self.ask(asked, command);
            }
            CountCommand::Sync | CountCommand::ListStatus | CountCommand::Quota | CountCommand::Leave => return Then::Done,
            // How many there are was not told.
            CountCommand::Examine => self.failed |= self.open == OpenFolder::No,
            _ => {}
        }
        if self.asked == CountCommand::Examine && self.open == OpenFolder::Messages && !self.failed {
            return self.ask(CountCommand::Fetch, b"FETCH 1:* (RFC822.SIZE)");
        }
        match (self.listed.next().filter(|_| !self.failed), self.way) {
            (Some(name), Way::Sizes { .. }) => {
                self.open = OpenFolder::No;
                self.ask(CountCommand::Examine, &[b"EXAMINE ", &name[..]].concat())
            }
            (Some(name), _) => {
                self.missing = 1;
                self.ask(CountCommand::Status, &[b"STATUS ", &name[..], b" (MESSAGES SIZE)"].concat())
            }
            // See above.
            (None, Way::Sizes { unselect }) if matches!(self.asked, CountCommand::Examine | CountCommand::Fetch) => {
                self.closes = false;
                self.ask(CountCommand::Leave, if unselect { b"UNSELECT" } else { b"CLOSE" })
            }
            (None, _) => Then::Done,
        }
    }

    fn ask(&mut self, asked: CountCommand, command: &[u8]) -> Then {
        self.asked = asked;
        Then::Ask(command.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::super::listed::NAMES;
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
            assert!(count.listed.octets() < NAMES + 2 * 1000);
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
            &["* LIST () \"/\" INBOX", "* STATUS INBOX (MESSAGES 2 SIZE 9007199254740993)"],
            &["* LIST () \"/\" INBOX", "* STATUS INBOX (MESSAGES 18446744073709551615 SIZE 2)"],
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
