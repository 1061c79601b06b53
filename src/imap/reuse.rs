//! What a session leaves behind at the backend, and so whether its connection may serve another session of the same person
//! with the same secret; and the little conversation before and after the rest.
//!
//! A connection rests only when all that was asked on it is known to leave nothing but a selected mailbox, and UNSELECT
//! (RFC 3691) takes that away. The table of verbs says what is ALLOWED (`After` in [`super::verbs`]): what is not in it, LANGUAGE or
//! whatever will be invented, is given up without being named. Some allowed commands switch something on by one of their words
//! (CONDSTORE by any word with MODSEQ, RFC 7162 3.1); those words are named, and found too often rather than too seldom.
//!
//! Absent on purpose: CLOSE in place of UNSELECT, which expunges; UNAUTHENTICATE (RFC 8437), as a connection is never given to
//! another person anyway.

use super::command::Head;
use super::frame::{Direction, Frame, Framer, Literal};
use super::phase::{Peers, Phase};
use super::reply;
use super::session::Session;
use super::status::Status;
use super::verbs::{After, Row};
use crate::fault::{Fault, Side};

/// Words that switch something on, in any command (RFC 7162: MODSEQ, HIGHESTMODSEQ, CHANGEDSINCE, UNCHANGEDSINCE, VANISHED).
const SWITCHES: &[&str] = &["MODSEQ", "EDSINCE", "CONDSTORE", "QRESYNC", "VANISHED"];

/// The same for SEARCH, SORT and THREAD alone (RFC 5182, RFC 5267); mailboxes may be called so.
const SEARCH_SWITCHES: &[&str] = &["SAVE", "UPDATE", "CONTEXT"];

/// Some backends take a keyword as a literal too. Where words switch something on, a literal as short as our longest word is
/// given up.
const LONGEST: u64 = 16;

/// Octets that may still come for the mailbox that is being left.
const LATE: usize = 1024 * 1024;

/// What a session has done at the backend so far.
#[derive(Default)]
pub(super) struct Reuse {
    /// Never again: something was done that cannot be taken back.
    spoilt: bool,
    selected: Selected,
    /// The command under way whose words are looked at.
    command: Words,
    /// The tag of the LOGOUT that we answer in the backend's place.
    left: Option<Box<[u8]>>,
}

#[derive(Default)]
enum Selected {
    #[default]
    No,
    Yes,
    /// This command decides, and if it is answered with OK then so.
    Asked {
        tag: Box<[u8]>,
        then: bool,
    },
    /// A command failed, or two decided at once.
    Unknown,
}

/// How the words of the command under way are read.
#[derive(Clone, Copy, Default)]
struct Words {
    search: bool,
    may_hide: bool,
}

impl Reuse {
    /// The first line of a command goes to the backend.
    pub(super) fn command(&mut self, tag: &[u8], row: &'static Row, line: &[u8], literal: Option<Literal>) {
        let (words, searches) = (row.after == After::Words, row.after == After::SearchWords);
        self.command = Words { search: searches, may_hide: words || searches };
        match row.after {
            After::Spoilt => self.spoilt = true,
            After::Selected => self.asked(tag, true),
            After::Unselected => self.asked(tag, false),
            After::Clean | After::Words | After::SearchWords => {}
        }
        self.more(line, literal);
    }

    fn asked(&mut self, tag: &[u8], then: bool) {
        self.selected = match self.selected {
            Selected::Asked { .. } => Selected::Unknown,
            _ => Selected::Asked { tag: tag.into(), then },
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
    pub(super) fn answered(&mut self, tag: &[u8], status: Status) {
        // What the backend cannot read, we have not understood either.
        self.spoilt |= status == Status::Bad;
        if let Selected::Asked { tag: asked, then } = &self.selected
            && **asked == *tag
        {
            self.selected = match (status, then) {
                (Status::Ok, true) => Selected::Yes,
                (Status::Ok, false) => Selected::No,
                (Status::No | Status::Bad, _) => Selected::Unknown,
            };
        }
    }
}

impl Session {
    /// The same session on a backend's connection that may serve another one later: what it does is followed.
    pub fn on_loan(mut self) -> Session {
        self.reuse = Some(Box::default());
        self
    }

    /// Whether the client has said LOGOUT, and it is for us to answer: see [`Session::goodbye`].
    pub fn has_left(&self) -> bool {
        self.reuse.as_ref().is_some_and(|rest| rest.left.is_some())
    }

    /// The answer to LOGOUT that the client waits for, if it said so and the backend was not told.
    pub fn goodbye(&self) -> Option<Vec<u8>> {
        let tag = self.reuse.as_ref()?.left.as_ref()?;
        Some([b"* BYE Goodbye\r\n", &reply::ok(tag, "LOGOUT done")[..]].concat())
    }

    /// How the backend's connection is put to rest. `None`: it must be given up. A client that ended without LOGOUT leaves a
    /// usable connection only if nothing was selected.
    pub fn put_to_rest(&self) -> Option<Settle> {
        let rest = self.reuse.as_ref().filter(|_| self.is_quiet())?;
        match rest.selected {
            Selected::No => Some(Settle::new(NOOP, LATE)),
            Selected::Yes if rest.left.is_some() => Some(Settle::new(UNSELECT, LATE)),
            _ => None,
        }
    }

    fn is_quiet(&self) -> bool {
        let spoilt = self.reuse.as_ref().is_none_or(|rest| rest.spoilt);
        let between = matches!(self.phase, Phase::Command) && self.tags.is_empty() && self.backend.at_start();
        between && !spoilt && self.peers != Peers::Bye
    }

    /// Takes LOGOUT over from the backend, if the connection can go on without this client.
    pub(super) fn leave(&mut self, head: &Head<'_>) -> bool {
        let known = |reuse: &Reuse| matches!(reuse.selected, Selected::No | Selected::Yes);
        let stays = self.is_quiet() && head.arguments.is_empty() && self.reuse.as_ref().is_some_and(|rest| known(rest));
        if let Some(rest) = self.reuse.as_mut().filter(|_| stays) {
            rest.left = Some(head.tag.into());
        }
        stays
    }
}

/// What comes next on a connection that is put to rest, or woken.
#[derive(Debug, PartialEq, Eq)]
pub enum Settling {
    /// More bytes are needed.
    Need,
    /// These bytes are of the past: they are taken away and reach nobody.
    Drop(usize),
    /// The bytes are taken away, and nothing is under way any more. Whatever has come behind them is one thing too many.
    Done(usize),
}

/// One command of ours, between two sessions, and its answer. The answer is the end of all that came before.
pub struct Settle {
    command: &'static [u8],
    framer: Framer,
    /// Octets of untagged data that are still allowed.
    late: usize,
}

const UNSELECT: &[u8] = b"n6 UNSELECT\r\n";
const NOOP: &[u8] = b"n6 NOOP\r\n";
const WAKE: &[u8] = b"n7 NOOP\r\n";

impl Settle {
    fn new(command: &'static [u8], late: usize) -> Settle {
        Settle { command, framer: Framer::new(Direction::Server), late }
    }

    /// Wakes a connection: it must answer at once, and with nothing else.
    pub fn wake() -> Settle {
        Settle::new(WAKE, 0)
    }

    /// What is sent first.
    pub fn command(&self) -> &'static [u8] {
        self.command
    }

    /// What to do with the first bytes of `input`. `full`: there is no room for more.
    ///
    /// # Errors
    /// The connection must be given up: anything but untagged data and our OK came.
    pub fn next(&mut self, input: &[u8], full: bool) -> Result<Settling, Fault> {
        let garbage = Err(Fault::Garbage(Side::Backend));
        let begins = self.framer.at_start();
        let len = match self.framer.next(input, full)? {
            Frame::Need => return Ok(Settling::Need),
            Frame::Line { len, literal: None, .. } if begins && input.starts_with(&self.command[..3]) => {
                let ok = input.get(3..6).is_some_and(|status| status.eq_ignore_ascii_case(b"OK "));
                return if ok { Ok(Settling::Done(len)) } else { garbage };
            }
            Frame::Line { len, .. } => len,
            Frame::Piece { len } | Frame::Literal { len, .. } => len,
        };
        let bye = input.get(..5).is_some_and(|word| word.eq_ignore_ascii_case(b"* BYE"));
        if begins && (bye || !input.starts_with(b"* ")) || len > self.late {
            return garbage;
        }
        self.late -= len;
        Ok(Settling::Drop(len))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Step;
    use super::super::offers::Offers;
    use super::super::options::SessionOptions;
    use super::*;

    fn terms() -> SessionOptions {
        SessionOptions {
            account: None,
            offers: Offers::default(),
            append_limit: u64::MAX,
            sent_copy: None,
            fresh_tag: || b"nologd"[..].into(),
        }
    }

    /// Plays a dialogue: `C: ` what the client sends, `B: ` what the backend sends. Both literals and lines, whole.
    fn play(lines: &[&str]) -> Session {
        let mut session = Session::new(terms()).on_loan();
        for line in lines {
            let (side, text) = line.split_at(3);
            let mut input = [text.as_bytes(), b"\r\n"].concat();
            while !input.is_empty() {
                let step = if side == "C: " { session.from_client(&input, false) } else { session.from_backend(&input, false) };
                match step {
                    Step::Forward(len) | Step::Rewrite(len, _) | Step::Answer(len, _) | Step::Swallow(len) => {
                        input.drain(..len);
                    }
                    Step::Need | Step::Hold | Step::Close(..) => break,
                }
            }
        }
        session
    }

    /// What is sent to put the connection to rest; `None` if it is given up.
    fn rests(lines: &[&str]) -> Option<&'static [u8]> {
        play(lines).put_to_rest().map(|settle| settle.command())
    }

    const SELECT: [&str; 3] = ["C: a SELECT INBOX", "B: * 3 EXISTS", "B: a OK [READ-WRITE] done"];

    fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
        SELECT.iter().chain(more).copied().collect()
    }

    #[test]
    fn a_usual_session_rests_and_its_logout_is_ours() {
        let lines = with(&["C: b UID FETCH 1 (FLAGS)", "B: * 1 FETCH (FLAGS () UID 1)", "B: b OK done", "C: c LOGOUT"]);
        assert_eq!(rests(&lines), Some(UNSELECT));
        let goodbye = play(&lines).goodbye().unwrap();
        assert!(goodbye.starts_with(b"* BYE ") && goodbye.ends_with(b"\r\nc OK LOGOUT done\r\n"));
        assert_eq!(rests(&["C: c LOGOUT"]), Some(NOOP));
        let closed = with(&["C: b CLOSE", "B: b OK done", "C: c LOGOUT"]);
        assert_eq!(rests(&closed), Some(NOOP));
    }

    #[test]
    fn without_logout_only_what_never_selected_rests() {
        assert_eq!(rests(&[]), Some(NOOP));
        assert_eq!(rests(&["C: a LIST \"\" *", "B: a OK done"]), Some(NOOP));
        assert_eq!(rests(&SELECT), None);
        assert_eq!(rests(&with(&["C: b UNSELECT", "B: b OK done"])), Some(NOOP));
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
            assert_eq!(rests(&played), None, "{command}");
            assert!(!play(&played).has_left(), "{command}");
        }
        // Their names alone are no reason.
        for command in ["SELECT Updates", "UID SEARCH SUBJECT {20+}\r\naaaaaaaaaaaaaaaaaaaa"] {
            let lines = said(command);
            let played =
                with(&[&lines.iter().map(String::as_str).collect::<Vec<_>>()[..], &["B: x OK done", "C: y LOGOUT"]].concat());
            assert!(rests(&played).is_some(), "{command}");
        }
        // The backend hears nothing of these.
        for command in ["ID NIL", "COMPRESS DEFLATE"] {
            assert!(rests(&with(&[&format!("C: x {command}"), "C: y LOGOUT"])).is_some(), "{command}");
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
            assert_eq!(rests(&with(more)), None, "{more:?}");
        }
        assert_eq!(rests(&["C: b IDLE", "B: + idling"]), None);
        assert_eq!(rests(&["C: b IDLE", "B: + idling", "C: DONE", "B: b OK done"]), Some(NOOP));
    }

    #[test]
    fn a_session_on_a_connection_of_its_own_sends_its_logout_on() {
        let mut session = Session::new(terms());
        assert_eq!(session.from_client(b"a LOGOUT\r\n", false), Step::Forward(10));
        assert!(session.put_to_rest().is_none() && session.goodbye().is_none());
    }

    fn settle(mut settle: Settle, text: &str) -> Result<usize, Fault> {
        let mut input = text.as_bytes();
        loop {
            match settle.next(input, false)? {
                Settling::Need => return Err(Fault::Slow(Side::Backend)),
                Settling::Drop(len) => input = &input[len..],
                Settling::Done(len) => return Ok(input.len() - len),
            }
        }
    }

    #[test]
    fn what_came_late_is_dropped_and_nothing_else_is_taken() {
        let rest = || Settle::new(UNSELECT, 100);
        assert_eq!(settle(rest(), "* 4 EXISTS\r\n* 1 FETCH (X {3}\r\nn6 )\r\nn6 OK done\r\n"), Ok(0));
        assert_eq!(settle(rest(), "n6 OK done\r\n* 5 EXISTS\r\n"), Ok(12));
        let garbage = Err(Fault::Garbage(Side::Backend));
        for text in ["n6 NO\r\n", "n6 BAD no\r\n", "* BYE gone\r\n", "+ more\r\n", "a OK old\r\n", "n7 OK other\r\n"] {
            assert_eq!(settle(rest(), text), garbage, "{text}");
        }
        assert_eq!(settle(rest(), &format!("* 1 FETCH (X \"{}\")\r\n", "x".repeat(100))), garbage);
        assert_eq!(settle(Settle::wake(), "n7 OK here\r\n"), Ok(0));
        assert_eq!(settle(Settle::wake(), "* 4 EXISTS\r\nn7 OK here\r\n"), garbage);
    }
}
