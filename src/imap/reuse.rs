//! What a session leaves behind at the backend, and so whether its connection may serve another session of the same person
//! with the same secret (`pool::reset` says what is said to the backend then).
//!
//! That may be only when all that was asked on it is known to leave nothing but a selected mailbox, and UNSELECT
//! (RFC 3691) takes that away. The table of verbs says what is ALLOWED (`After` in [`super::verbs`]): what is not in it, LANGUAGE or
//! whatever will be invented, is given up without being named. Some allowed commands switch something on by one of their words
//! (CONDSTORE by any word with MODSEQ, RFC 7162 3.1); those words are named, and found too often rather than too seldom.

use super::frame::Literal;
use super::status::Status;
use super::tag::Tag;
use super::verbs::{After, VerbRow};

/// Words that switch something on, in any command (RFC 7162: MODSEQ, HIGHESTMODSEQ, CHANGEDSINCE, UNCHANGEDSINCE, VANISHED).
const SWITCHES: &[&str] = &["MODSEQ", "EDSINCE", "CONDSTORE", "QRESYNC", "VANISHED"];

/// The same for SEARCH, SORT and THREAD alone (RFC 5182, RFC 5267); mailboxes may be called so.
const SEARCH_SWITCHES: &[&str] = &["SAVE", "UPDATE", "CONTEXT"];

/// Some backends take a keyword as a literal too. Where words switch something on, a literal as short as our longest word is
/// given up.
const LONGEST: u64 = 16;

/// What a session leaves behind on a connection that may serve another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaves {
    /// No mailbox is selected.
    Nothing,
    /// A mailbox is selected.
    Selected,
}

/// What a session has done at the backend so far.
#[derive(Default)]
pub(super) struct ReuseTracker {
    /// Never again: something was done that cannot be taken back.
    pub(super) spoilt: bool,
    pub(super) selected: Selection,
    /// The command under way whose words are looked at.
    command: WordRule,
    /// The tag of the LOGOUT that we answer in the backend's place.
    pub(super) left: Option<Tag<'static>>,
}

#[derive(Default)]
pub(super) enum Selection {
    #[default]
    No,
    Yes,
    /// This command decides, and if it is answered with OK then so.
    Asked {
        tag: Tag<'static>,
        then: bool,
    },
    /// A command failed, or two decided at once.
    Unknown,
}

/// How the words of the command under way are read.
#[derive(Clone, Copy, Default)]
struct WordRule {
    search: bool,
    may_hide: bool,
}

impl ReuseTracker {
    /// The first line of a command goes to the backend.
    pub(super) fn command(&mut self, tag: &Tag<'_>, row: &'static VerbRow, line: &[u8], literal: Option<Literal>) {
        let (words, searches) = (row.after == After::Words, row.after == After::SearchWords);
        self.command = WordRule { search: searches, may_hide: words || searches };
        match row.after {
            After::Spoilt => self.spoilt = true,
            After::Selected => self.asked(tag, true),
            After::Unselected => self.asked(tag, false),
            After::Clean | After::Words | After::SearchWords => {}
        }
        self.more(line, literal);
    }

    fn asked(&mut self, tag: &Tag<'_>, then: bool) {
        self.selected = match self.selected {
            Selection::Asked { .. } => Selection::Unknown,
            _ => Selection::Asked { tag: tag.kept(), then },
        };
    }

    /// A command's line goes on behind a literal.
    pub(super) fn more(&mut self, line: &[u8], literal: Option<Literal>) {
        self.spoilt |= literal.is_some_and(|literal| self.command.may_hide && literal.size <= LONGEST);
        // A backslash in a quoted string says nothing about the letter behind it.
        let letters: Vec<u8> = line.iter().filter(|byte| **byte != b'\\').map(u8::to_ascii_uppercase).collect();
        let holds = |words: &[&str]| words.iter().any(|word| memchr::memmem::find(&letters, word.as_bytes()).is_some());
        self.spoilt |= holds(SWITCHES) || self.command.search && holds(SEARCH_SWITCHES);
    }

    /// The backend ended the command with `tag`.
    pub(super) fn answered(&mut self, tag: &Tag<'_>, status: Status) {
        // What the backend cannot read, we have not understood either.
        self.spoilt |= status == Status::Bad;
        if let Selection::Asked { tag: asked, then } = &self.selected
            && asked == tag
        {
            self.selected = match (status, then) {
                (Status::Ok, true) => Selection::Yes,
                (Status::Ok, false) => Selection::No,
                (Status::No | Status::Bad, _) => Selection::Unknown,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ImapStep;
    use super::super::backend_capabilities::BackendCapabilities;
    use super::super::options::SessionOptions;
    use super::super::session::ImapSession;
    use super::*;

    fn terms() -> SessionOptions {
        SessionOptions {
            account: None,
            backend_capabilities: BackendCapabilities::default(),
            append_limit: u64::MAX,
            sent_copy: None,
            fresh_tag: || Tag::read(b"nologd"),
        }
    }

    /// Plays a dialogue: `C: ` what the client sends, `B: ` what the backend sends. Both literals and lines, whole.
    fn play(lines: &[&str]) -> ImapSession {
        let mut session = ImapSession::new(terms()).checked_out();
        for line in lines {
            let (side, text) = line.split_at(3);
            let mut input = [text.as_bytes(), b"\r\n"].concat();
            while !input.is_empty() {
                let step = if side == "C: " { session.from_client(&input, false) } else { session.from_backend(&input, false) };
                match step {
                    ImapStep::Forward(len) | ImapStep::Rewrite(len, _) | ImapStep::Answer(len, _) | ImapStep::Swallow(len) => {
                        input.drain(..len);
                    }
                    ImapStep::Need | ImapStep::Hold | ImapStep::Close(..) => break,
                }
            }
        }
        session
    }

    fn leaves(lines: &[&str]) -> Option<Leaves> {
        play(lines).leaves()
    }

    const SELECT: [&str; 3] = ["C: a SELECT INBOX", "B: * 3 EXISTS", "B: a OK [READ-WRITE] done"];

    fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
        SELECT.iter().chain(more).copied().collect()
    }

    #[test]
    fn a_usual_session_leaves_a_mailbox_and_its_logout_is_ours() {
        let lines = with(&["C: b UID FETCH 1 (FLAGS)", "B: * 1 FETCH (FLAGS () UID 1)", "B: b OK done", "C: c LOGOUT"]);
        assert_eq!(leaves(&lines), Some(Leaves::Selected));
        let goodbye = play(&lines).goodbye().unwrap();
        assert!(goodbye.starts_with(b"* BYE ") && goodbye.ends_with(b"\r\nc OK LOGOUT done\r\n"));
        assert_eq!(leaves(&["C: c LOGOUT"]), Some(Leaves::Nothing));
        let closed = with(&["C: b CLOSE", "B: b OK done", "C: c LOGOUT"]);
        assert_eq!(leaves(&closed), Some(Leaves::Nothing));
    }

    #[test]
    fn without_logout_only_what_never_selected_is_usable() {
        assert_eq!(leaves(&[]), Some(Leaves::Nothing));
        assert_eq!(leaves(&["C: a LIST \"\" *", "B: a OK done"]), Some(Leaves::Nothing));
        assert_eq!(leaves(&SELECT), None);
        assert_eq!(leaves(&with(&["C: b UNSELECT", "B: b OK done"])), Some(Leaves::Nothing));
        assert!(!play(&SELECT).has_left());
    }

    /// A command of tag `x`, and how the backend asks for its literal.
    fn said(command: &str) -> Vec<String> {
        let mut lines = command.split("\r\n").map(|line| format!("C: {line}"));
        let first = lines.next().unwrap_or_default().replacen("C: ", "C: x ", 1);
        [first].into_iter().chain(lines.flat_map(|line| ["B: + OK".to_owned(), line])).collect()
    }

    #[test]
    fn what_switches_something_on_spoils_the_connection() {
        for command in [
            "ENABLE CONDSTORE",
            "NOTIFY NONE",
            "LANGUAGE fr",
            "SETMETADATA INBOX (/x NIL)",
            "XYZZY",
            "UID XYZZY",
            "SELECT INBOX (CONDSTORE)",
            "UID FETCH 1 (MODSEQ)",
            "FETCH 1 FLAGS (CHANGEDSINCE 1)",
            "STORE 1 (UNCHANGEDSINCE 5) FLAGS ()",
            "STATUS INBOX (highestModSeq)",
            "SEARCH \"MOD\\SEQ\" 1",
            "SEARCH RETURN (SAVE) ALL",
            "UID SORT RETURN (UPDATE) (DATE) UTF-8 ALL",
            "SEARCH {6+}\r\nMODSEQ 1",
            "SEARCH SUBJECT {20+}\r\naaaaaaaaaaaaaaaaaaaa MODSEQ 1",
        ] {
            let lines = said(command);
            let played =
                with(&[&lines.iter().map(String::as_str).collect::<Vec<_>>()[..], &["B: x OK done", "C: y LOGOUT"]].concat());
            assert_eq!(leaves(&played), None, "{command}");
            assert!(!play(&played).has_left(), "{command}");
        }
        // Their names alone are no reason.
        for command in ["SELECT Updates", "UID SEARCH SUBJECT {20+}\r\naaaaaaaaaaaaaaaaaaaa"] {
            let lines = said(command);
            let played =
                with(&[&lines.iter().map(String::as_str).collect::<Vec<_>>()[..], &["B: x OK done", "C: y LOGOUT"]].concat());
            assert!(leaves(&played).is_some(), "{command}");
        }
        // The backend hears nothing of these.
        for command in ["ID NIL", "COMPRESS DEFLATE"] {
            assert!(leaves(&with(&[&format!("C: x {command}"), "C: y LOGOUT"])).is_some(), "{command}");
        }
    }

    #[test]
    fn what_is_unfinished_or_not_understood_is_given_up() {
        for more in [
            &["C: b FETCH 1 BODY[]", "C: c LOGOUT"][..],
            &["C: b FETCH 1 BODY[]", "B: b BAD what", "C: c LOGOUT"],
            &["C: b FETCH 1 BODY[]", "B: * 1 FETCH (BODY[] {10}", "B: abc"],
            &["C: b SELECT other", "B: b NO none", "C: c LOGOUT"],
            &["C: b SELECT one", "C: c SELECT two", "B: b OK done", "B: c OK done", "C: d LOGOUT"],
            &["C: b IDLE", "B: + idling"],
            &["C: b IDLE"],
            &["C: b APPEND Drafts {10}"],
            &["C: b APPEND Drafts {10+}\r\nabc"],
            &["B: + surprise", "C: c LOGOUT"],
            &["B: * BYE shutting down", "C: c LOGOUT"],
            &["C: c LOGOUT now"],
        ] {
            assert_eq!(leaves(&with(more)), None, "{more:?}");
        }
        assert_eq!(leaves(&["C: b IDLE", "B: + idling"]), None);
        assert_eq!(leaves(&["C: b IDLE", "B: + idling", "C: DONE", "B: b OK done"]), Some(Leaves::Nothing));
    }

    #[test]
    fn a_session_on_a_connection_of_its_own_sends_its_logout_on() {
        let mut session = ImapSession::new(terms());
        assert_eq!(session.from_client(b"a LOGOUT\r\n", false), ImapStep::Forward(10));
        assert!(session.leaves().is_none() && session.goodbye().is_none());
    }
}
