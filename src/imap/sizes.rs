//! How big the messages are that a COPY names, and which ones they are, by UID: the COPY that goes to the backend then names exactly
//! those, so that nothing is copied that was not paid (a message that comes in between, say), and message numbers may change
//! while other questions are asked. FETCH is safe to ask first: no EXPUNGE comes while it is under way (RFC 9051 7.5.1).

use super::frame::Frame;
use super::status::{Status, Then, is, number};
use crate::quota::Amount;

/// Octets of a set that is sent to a backend: a line of 64 KiB must hold it with a command and a mailbox name.
const SET: usize = 60 * 1024;

/// The answers so far.
pub(super) struct SizeQuestion {
    /// First and last of each run of numbers.
    runs: Vec<(u32, u32)>,
    sum: Amount,
    /// Something was not understood, or the backend did not say OK.
    failed: Option<Status>,
}

/// What a COPY names.
pub(super) struct NamedMessages {
    /// Their sum.
    pub(super) amount: Amount,
    /// The messages, as a sequence set; empty when there are none.
    pub(super) set: Vec<u8>,
}

impl SizeQuestion {
    /// The question about `set`, and its command.
    pub(super) fn new(set: &[u8], by_uid: bool) -> (SizeQuestion, Vec<u8>) {
        let fetch: &[u8] = if by_uid { b"UID FETCH " } else { b"FETCH " };
        let command = [fetch, set, b" (UID RFC822.SIZE)"].concat();
        (SizeQuestion { runs: Vec::new(), sum: Amount::ZERO, failed: None }, command)
    }

    // The client has no FETCH under way: every size that is told is told to us.
    pub(super) fn is_ours(line: &[u8]) -> bool {
        let Some(rest) = line.strip_prefix(b"* ") else { return false };
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        digits > 0
            && is(&rest[digits..], b" FETCH ")
            && memchr::memmem::find(&rest.to_ascii_uppercase(), b"RFC822.SIZE").is_some()
    }

    pub(super) fn hear(&mut self, frame: &Frame, bytes: &[u8], begins: bool) {
        let read = match frame {
            Frame::Line { literal: None, .. } if begins => items(bytes),
            _ => None,
        };
        match read {
            // Flags only, with a keyword that is called so: the client's own.
            Some(Items { size: None, .. }) => {}
            Some(Items { uid: Some(message), size: Some(size) }) => self.add(message, size),
            Some(Items { uid: None, size: Some(_) }) | None => self.failed = Some(Status::No),
        }
    }

    fn add(&mut self, message: u32, size: u64) {
        self.sum = self.sum.plus(Amount::message(size));
        match self.runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(message) => *last = message,
            _ => self.runs.push((message, message)),
        }
        // A run takes at least two octets of the set.
        if self.runs.len() > SET / 2 {
            self.runs = Vec::new();
            self.failed = Some(Status::No);
        }
    }

    // NO tells that some of the messages are gone by now (RFC 2180 4.1.2), or of an error of the backend. A copy of what was told would
    // be answered by OK, and a program that deletes behind it would lose the rest.
    pub(super) fn answered(&mut self, status: Status) -> Then {
        if status != Status::Ok {
            self.failed = Some(status);
        }
        Then::Done
    }

    /// # Errors
    /// BAD where the backend found the question bad, and so the COPY; NO where there is no number.
    pub(super) fn found(self) -> Result<NamedMessages, Status> {
        let mut set = Vec::new();
        for (first, last) in &self.runs {
            let comma = if set.is_empty() { "" } else { "," };
            let run = if first == last { format!("{comma}{first}") } else { format!("{comma}{first}:{last}") };
            set.extend_from_slice(run.as_bytes());
        }
        match self.failed {
            None if set.len() <= SET => Ok(NamedMessages { amount: self.sum, set }),
            None => Err(Status::No),
            Some(status) => Err(status),
        }
    }
}

/// What a FETCH response tells, as far as we asked.
struct Items {
    uid: Option<u32>,
    size: Option<u64>,
}

/// `* 7 FETCH (UID 12 FLAGS (\Seen) RFC822.SIZE 400)`: the items at the top level only, as a keyword may be called like one.
fn items(line: &[u8]) -> Option<Items> {
    let rest = line.strip_suffix(b"\r\n")?.strip_prefix(b"* ")?;
    let (_, digits) = number(rest)?;
    let mut rest = rest.get(digits + b" FETCH ".len()..)?.strip_prefix(b"(")?.strip_suffix(b")")?;
    let mut items = Items { uid: None, size: None };
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| *byte == b' ')?;
        let (name, value) = (&rest[..end], rest.get(end + 1..)?);
        let length = value_length(value)?;
        let whole = || number(value).filter(|(_, digits)| *digits == length).map(|(number, _)| number);
        if name.eq_ignore_ascii_case(b"UID") {
            items.uid = Some(u32::try_from(whole()?).ok()?);
        } else if name.eq_ignore_ascii_case(b"RFC822.SIZE") {
            items.size = Some(whole()?);
        }
        rest = value.get(length..)?;
        rest = if rest.is_empty() { rest } else { rest.strip_prefix(b" ")? };
    }
    Some(items)
}

/// Octets of one value: a list with all that is in it, a quoted string, or anything up to a space.
fn value_length(text: &[u8]) -> Option<usize> {
    let (mut depth, mut quoted, mut bytes) = (0usize, false, text.iter().enumerate());
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' if quoted => drop(bytes.next()),
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'(' => depth += 1,
            b')' => depth = depth.checked_sub(1)?,
            b' ' if depth == 0 => return Some(at),
            _ => {}
        }
    }
    (depth == 0 && !quoted && !text.is_empty()).then_some(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(by_uid: bool, lines: &[&str], status: Status) -> Option<(u64, u64, String)> {
        let (mut sizes, _) = SizeQuestion::new(b"1:*", by_uid);
        for line in lines {
            let bytes = [line.as_bytes(), b"\r\n"].concat();
            if SizeQuestion::is_ours(&bytes) {
                sizes.hear(&Frame::Line { len: bytes.len(), literal: None, flaw: None }, &bytes, true);
            }
        }
        sizes.answered(status);
        sizes.found().ok().map(|told| (told.amount.octets, told.amount.messages, String::from_utf8(told.set).unwrap()))
    }

    #[test]
    fn exactly_what_was_told() {
        let lines = ["* 1 FETCH (UID 4 RFC822.SIZE 10)", "* 2 FETCH (UID 5 RFC822.SIZE 20)", "* 9 FETCH (RFC822.SIZE 30 UID 9)"];
        assert_eq!(told(true, &lines, Status::Ok), Some((60, 3, "4:5,9".into())));
        assert_eq!(told(false, &lines, Status::No), None);
        assert_eq!(told(true, &lines, Status::Bad), None);
        assert_eq!(told(true, &[], Status::Ok), Some((0, 0, String::new())));
    }

    #[test]
    fn a_keyword_is_no_size() {
        let own = "* 1 FETCH (FLAGS (RFC822.SIZE 1 \\Seen) UID 4 RFC822.SIZE 500)";
        assert_eq!(told(true, &[own], Status::Ok), Some((500, 1, "4".into())));
        let own = "* 1 FETCH (FLAGS (RFC822.SIZE 1))";
        assert_eq!(told(true, &[own], Status::Ok), Some((0, 0, String::new())));
        for odd in [
            "* 1 FETCH (RFC822.SIZE 5)",
            "* 1 FETCH (UID 4 RFC822.SIZE x)",
            "* 1 FETCH (UID 4 RFC822.SIZE 5",
            "* 1 FETCH RFC822.SIZE",
        ] {
            assert_eq!(told(true, &[odd], Status::Ok), None, "{odd}");
        }
    }
}
