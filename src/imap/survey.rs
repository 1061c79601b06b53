//! Counting a mailbox whose backend does not count it itself (DESIGN section 4): LIST, then one folder after the other, by
//! STATUS with SIZE (RFC 8438), or by EXAMINE and the sum of RFC822.SIZE.
//!
//! Sizes are added while they come in. Only the folders' names are kept meanwhile, and those are bounded; a mailbox with more
//! of them is not counted, and the book goes on with what passes through us. EXAMINE changes nothing in a folder (RFC 9051
//! 6.3.3), and what it opened is left before the client's next command.

use std::collections::VecDeque;

use super::command::astring;
use super::frame::Frame;
use super::probe::{Count, Heard, TAG, number_after};
use crate::quota::Amount;

/// Octets of folder names: a thousand long ones.
const NAMES: usize = 64 * 1024;
/// Octets of one name that comes as a literal.
const NAME: usize = 4096;

/// One count under way.
pub(super) struct Survey {
    count: Count,
    stage: Stage,
    /// Folders that were not asked about, as they stand in a command.
    names: VecDeque<Vec<u8>>,
    octets: usize,
    /// A name that comes as a literal.
    coming: Option<Vec<u8>>,
    seen: Amount,
    /// In the middle of a response of ours.
    inside: bool,
    /// A folder is open.
    opened: bool,
    /// The open folder holds messages.
    holds: bool,
    /// There was something that cannot be counted.
    failed: bool,
}

/// What was asked last.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    List,
    Status,
    Examine,
    Fetch,
    Leave,
}

impl Survey {
    /// A count, and what to send first.
    pub(super) fn new(count: Count) -> (Survey, Vec<u8>) {
        let survey = Survey {
            count,
            stage: Stage::List,
            names: VecDeque::new(),
            octets: 0,
            coming: None,
            seen: Amount::ZERO,
            inside: false,
            opened: false,
            holds: false,
            failed: false,
        };
        (survey, command(b"LIST \"\" \"*\""))
    }

    /// Looks at a frame; see [`super::probe::Probe::hear`].
    pub(super) fn hear(&mut self, frame: &Frame, bytes: &[u8], begins: bool) -> Heard {
        if begins {
            if let Some(status) = bytes.strip_prefix(TAG.as_bytes()).and_then(|rest| rest.strip_prefix(b" ")) {
                return self.answered(status);
            }
            self.inside = self.is_ours(bytes);
        }
        if !self.inside {
            return Heard::Other;
        }
        match (self.stage, frame) {
            (Stage::List, _) => self.list(frame, bytes, begins),
            (Stage::Status, Frame::Line { literal: None, .. }) => self.status(bytes),
            (Stage::Examine, Frame::Line { .. }) if begins => {
                self.holds |= bytes.ends_with(b" EXISTS\r\n") && !bytes.starts_with(b"* 0 ");
            }
            (Stage::Fetch, Frame::Line { .. }) if begins => {
                let size = number_after(bytes, b"RFC822.SIZE ").map(Amount::message);
                self.seen = self.seen.plus(size.unwrap_or_default());
            }
            _ => {}
        }
        Heard::Ours
    }

    // With a folder open that the client knows nothing of, all that is told is about that folder.
    fn is_ours(&self, line: &[u8]) -> bool {
        let is = |word: &[u8]| line.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
        match self.stage {
            Stage::List => is(b"* LIST "),
            Stage::Status => is(b"* STATUS "),
            Stage::Examine | Stage::Fetch | Stage::Leave => is(b"* ") && !is(b"* BYE"),
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
                let Some(mut name) = self.coming.take() else { return };
                name.extend_from_slice(bytes);
                self.failed |= name.len() > NAME;
                match done {
                    _ if self.failed => {}
                    true => self.name(&name),
                    false => self.coming = Some(name),
                }
            }
            // A line that is too long to be looked at may hold a name.
            Frame::Piece { .. } => self.failed = true,
            _ => {}
        }
    }

    fn name(&mut self, name: &[u8]) {
        // Anything else would need a literal in the command.
        let plain = name.iter().all(|byte| matches!(byte, b' '..=b'~'));
        self.octets = self.octets.saturating_add(name.len());
        self.failed |= !plain || self.octets > NAMES;
        if self.failed {
            self.names = VecDeque::new();
            return;
        }
        let mut quoted = vec![b'"'];
        for byte in name {
            if matches!(byte, b'"' | b'\\') {
                quoted.push(b'\\');
            }
            quoted.push(*byte);
        }
        quoted.push(b'"');
        self.names.push_back(quoted);
    }

    fn status(&mut self, line: &[u8]) {
        // Behind the last parenthesis: a folder may be called "(SIZE 9)".
        let values = line.iter().rposition(|byte| *byte == b'(').map_or(line, |at| &line[at + 1..]);
        let octets = number_after(values, b"SIZE ");
        let messages = number_after(values, b"MESSAGES ").unwrap_or(0);
        self.seen = self.seen.plus(octets.map(|octets| Amount { octets, messages }).unwrap_or_default());
    }

    fn answered(&mut self, status: &[u8]) -> Heard {
        let is = |word: &[u8]| status.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
        let (ok, no) = (is(b"OK"), is(b"NO"));
        self.failed |= match self.stage {
            Stage::List | Stage::Fetch | Stage::Leave => !ok,
            // NO: the folder went away meanwhile, or is not for this person to open.
            Stage::Status | Stage::Examine => !ok && !no,
        };
        match self.stage {
            Stage::Leave => return self.last(),
            Stage::Examine => self.opened = ok,
            Stage::List | Stage::Status | Stage::Fetch => {}
        }
        if self.stage == Stage::Examine && self.opened && self.holds && !self.failed {
            return self.ask(Stage::Fetch, &command(b"FETCH 1:* (RFC822.SIZE)"));
        }
        match (self.names.pop_front().filter(|_| !self.failed), self.count) {
            (Some(name), Count::Sizes { .. }) => {
                self.holds = false;
                self.ask(Stage::Examine, &command(&[b"EXAMINE ", &name[..]].concat()))
            }
            (Some(name), _) => self.ask(Stage::Status, &command(&[b"STATUS ", &name[..], b" (MESSAGES SIZE)"].concat())),
            // CLOSE removes nothing from a folder that was opened by EXAMINE (RFC 9051 6.4.1).
            (None, Count::Sizes { unselect }) if self.opened => {
                self.ask(Stage::Leave, &command(if unselect { b"UNSELECT" } else { b"CLOSE" }))
            }
            (None, _) => self.last(),
        }
    }

    fn ask(&mut self, stage: Stage, command: &[u8]) -> Heard {
        self.stage = stage;
        Heard::Next(command.to_vec())
    }

    fn last(&self) -> Heard {
        Heard::Last((!self.failed).then_some(self.seen))
    }
}

fn command(text: &[u8]) -> Vec<u8> {
    [TAG.as_bytes(), b" ", text, b"\r\n"].concat()
}

/// What a LIST response tells.
enum Entry {
    /// A folder that cannot be opened: it only holds others.
    Closed,
    Named(Vec<u8>),
    /// Its name comes as a literal.
    Literal,
}

/// `* LIST (attributes) delimiter name`, RFC 9051 7.3.1. None: it is none.
fn entry(line: &[u8]) -> Option<Entry> {
    let rest = line.get(b"* LIST ".len()..)?.strip_prefix(b"(")?;
    let end = rest.iter().position(|byte| *byte == b')')?;
    let (attributes, rest) = rest.split_at(end);
    let closed = |word: &[u8]| word.eq_ignore_ascii_case(b"\\Noselect") || word.eq_ignore_ascii_case(b"\\NonExistent");
    if attributes.split(|byte| *byte == b' ').any(closed) {
        return Some(Entry::Closed);
    }
    let rest = rest.strip_prefix(b") ")?;
    let (_, delimiter) = astring(rest)?;
    let name = rest.get(delimiter..)?.strip_prefix(b" ")?;
    if name.starts_with(b"{") { Some(Entry::Literal) } else { astring(name).map(|(name, _)| Entry::Named(name)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(survey: &mut Survey, text: &str) -> Heard {
        let bytes = [text.as_bytes(), b"\r\n"].concat();
        survey.hear(&Frame::Line { len: bytes.len(), literal: None, flaw: None }, &bytes, true)
    }

    #[test]
    fn names_are_bounded() {
        let (mut survey, _) = Survey::new(Count::Status);
        for number in 0..1000 {
            line(&mut survey, &format!("* LIST () \"/\" \"{number:0>100}\""));
            assert!(survey.names.iter().map(Vec::len).sum::<usize>() < NAMES + 2 * 1000);
        }
        assert!(matches!(line(&mut survey, "nologd OK"), Heard::Last(None)));
    }

    #[test]
    fn what_cannot_be_counted_is_not_counted() {
        for odd in ["* LIST () \"/\" \"b\u{e9}\"", "* LIST", "* LIST () \"/\"", "* LIST x \"/\" y", "* LIST () \"/\" {3}"] {
            let (mut survey, _) = Survey::new(Count::Status);
            line(&mut survey, "* LIST () \"/\" INBOX");
            line(&mut survey, odd);
            // "* LIST" alone is no response of ours, and passes.
            let end = line(&mut survey, "nologd OK");
            assert!(matches!(end, Heard::Last(None)) || odd == "* LIST", "{odd}");
        }
    }
}
