//! Questions of ours to the backend, inside a session, while the client waits: how much is in the mailbox, and how big the
//! messages are that a COPY wants to double.
//!
//! A probe begins only when the backend owes no answer, so whatever comes of the kinds we asked for is ours and is
//! swallowed; everything else (a new message, an expunge) passes to the client as usual.

use super::capability;
use super::frame::Frame;
use super::survey::Survey;
use crate::quota::{Amount, Refresh};

/// Our tag. The client has no command open while we ask, so it cannot collide.
pub(super) const TAG: &str = "nologd";

/// How the backend can be asked for usage (DESIGN section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Means {
    /// GETQUOTAROOT (RFC 9208): what the backend counts itself. Where it tells nothing of storage, the other.
    Quota(Count),
    /// We count.
    Count(Count),
}

/// How we count what is in a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// LIST with STATUS of every folder in one command (RFC 5819, RFC 8438).
    ListStatus,
    /// LIST, then STATUS of each folder (RFC 8438).
    Status,
    /// LIST, then the sum of all sizes in each folder: possible as long as the client has opened none.
    Sizes {
        /// Whether the last folder can be left by UNSELECT (RFC 3691).
        unselect: bool,
    },
}

impl Means {
    /// The best that a backend with these capabilities has.
    pub fn of(capabilities: &[u8]) -> Means {
        let has = |word: &[u8]| capability::has(capabilities, word);
        let count = match (has(b"STATUS=SIZE"), has(b"LIST-STATUS")) {
            (true, true) => Count::ListStatus,
            (true, false) => Count::Status,
            (false, _) => Count::Sizes { unselect: has(b"UNSELECT") },
        };
        if has(b"QUOTA") { Means::Quota(count) } else { Means::Count(count) }
    }

    /// Whether the client must not have opened a folder.
    pub(super) fn opens(self) -> bool {
        matches!(self, Means::Count(Count::Sizes { .. }))
    }
}

/// One question under way.
pub(super) struct Probe {
    pub(super) aim: Aim,
    seen: Amount,
    /// In the middle of a response of ours: its next frames are swallowed too.
    inside: bool,
    /// That response holds numbers.
    counts: bool,
    /// There was a number of octets.
    told: bool,
}

/// What the answer is for.
pub(super) enum Aim {
    /// The usage of the whole mailbox.
    Usage(Means, Refresh),
    /// The same, folder by folder.
    Survey(Survey, Refresh),
    /// The sizes of some messages.
    Sizes,
}

/// What a frame from the backend means for the probe.
pub(super) enum Heard {
    /// It is not for us.
    Other,
    /// It is ours.
    Ours,
    /// It is ours, and this is what to ask next.
    Next(Vec<u8>),
    /// The last of ours: what was counted, if the backend did count.
    Last(Option<Amount>),
}

impl Probe {
    /// A question, and what to send.
    pub(super) fn usage(means: Means, refresh: Refresh) -> (Probe, Vec<u8>) {
        let command = match means {
            Means::Quota(_) => format!("{TAG} GETQUOTAROOT INBOX\r\n"),
            Means::Count(Count::ListStatus) => format!("{TAG} LIST \"\" \"*\" RETURN (STATUS (MESSAGES SIZE))\r\n"),
            Means::Count(count @ (Count::Status | Count::Sizes { .. })) => {
                let (survey, command) = Survey::new(count);
                return (Probe::new(Aim::Survey(survey, refresh)), command);
            }
        };
        (Probe::new(Aim::Usage(means, refresh)), command.into_bytes())
    }

    /// The sizes of the messages in `set`, by number or by UID.
    pub(super) fn sizes(set: &[u8], uid: bool) -> (Probe, Vec<u8>) {
        let uid: &[u8] = if uid { b"UID " } else { b"" };
        let command = [TAG.as_bytes(), b" ", uid, b"FETCH ", set, b" (RFC822.SIZE)\r\n"].concat();
        (Probe::new(Aim::Sizes), command)
    }

    fn new(aim: Aim) -> Probe {
        Probe { aim, seen: Amount::ZERO, inside: false, counts: false, told: false }
    }

    /// Looks at a frame; `bytes` are its bytes, `begins` tells whether a response begins with it.
    pub(super) fn hear(&mut self, frame: &Frame, bytes: &[u8], begins: bool) -> Heard {
        if let Aim::Survey(survey, _) = &mut self.aim {
            return survey.hear(frame, bytes, begins);
        }
        if begins {
            if let Some(status) = bytes.strip_prefix(TAG.as_bytes()).and_then(|rest| rest.strip_prefix(b" ")) {
                let ok = status.len() >= 2 && status[..2].eq_ignore_ascii_case(b"OK");
                // A backend that has QUOTA, and no limit on storage for this person, counts nothing.
                let counted = self.told || !matches!(self.aim, Aim::Usage(Means::Quota(_), _));
                return Heard::Last((ok && counted).then_some(self.seen));
            }
            self.inside = self.is_ours(bytes);
            // A LIST holds a name only, and a name may look like a size.
            self.counts = self.inside && !bytes.get(2..7).unwrap_or_default().to_ascii_uppercase().starts_with(b"LIST ");
        }
        if !self.inside {
            return Heard::Other;
        }
        if let (true, Frame::Line { literal: None, .. }) = (self.counts, frame) {
            self.count(bytes);
        }
        Heard::Ours
    }

    fn is_ours(&self, line: &[u8]) -> bool {
        let Some(rest) = line.strip_prefix(b"* ") else { return false };
        let is =
            |word: &[u8]| rest.len() > word.len() && rest[..word.len()].eq_ignore_ascii_case(word) && rest[word.len()] == b' ';
        match self.aim {
            Aim::Usage(Means::Quota(_), _) => is(b"QUOTA") || is(b"QUOTAROOT"),
            Aim::Usage(..) | Aim::Survey(..) => is(b"LIST") || is(b"STATUS"),
            Aim::Sizes => {
                let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
                let fetch = rest.get(digits..).is_some_and(|rest| rest.len() > 7 && rest[..7].eq_ignore_ascii_case(b" FETCH "));
                digits > 0 && fetch && number_after(rest, b"RFC822.SIZE ").is_some()
            }
        }
    }

    fn count(&mut self, line: &[u8]) {
        // Behind the last parenthesis: a mailbox may be called "(SIZE 9)".
        let values = line.iter().rposition(|byte| *byte == b'(').map_or(line, |at| &line[at + 1..]);
        let seen = match self.aim {
            // With several roots the fullest one counts: it is the one that will refuse.
            Aim::Usage(Means::Quota(_), _) => {
                let storage = number_after(values, b"STORAGE ");
                self.told |= storage.is_some();
                let octets = storage.map_or(0, |units| units.saturating_mul(1024));
                let messages = number_after(values, b"MESSAGE ").unwrap_or(0);
                self.seen = Amount { octets: self.seen.octets.max(octets), messages: self.seen.messages.max(messages) };
                return;
            }
            Aim::Usage(..) | Aim::Survey(..) => {
                let octets = number_after(values, b"SIZE ");
                octets.map(|octets| Amount { octets, messages: number_after(values, b"MESSAGES ").unwrap_or(0) })
            }
            Aim::Sizes => number_after(line, b"RFC822.SIZE ").map(Amount::message),
        };
        self.seen = self.seen.plus(seen.unwrap_or_default());
    }
}

/// The number behind `word`, which stands at the start or behind a space or parenthesis.
pub(super) fn number_after(text: &[u8], word: &[u8]) -> Option<u64> {
    let at = text.windows(word.len()).enumerate().find(|(at, window)| {
        let free = *at == 0 || matches!(text[at - 1], b' ' | b'(');
        free && window.eq_ignore_ascii_case(word)
    })?;
    let digits = text[at.0 + word.len()..].iter().take_while(|byte| byte.is_ascii_digit());
    let mut number = None;
    for digit in digits {
        number = Some(number.unwrap_or(0u64).checked_mul(10)?.checked_add(u64::from(digit - b'0'))?);
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_as_words() {
        assert_eq!(number_after(b"MESSAGES 3 SIZE 400)", b"SIZE "), Some(400));
        assert_eq!(number_after(b"RFC822.SIZE 400)", b"SIZE "), None);
        assert_eq!(number_after(b"SIZE x", b"SIZE "), None);
        assert_eq!(number_after(b"SIZE 99999999999999999999", b"SIZE "), None);
    }

    #[test]
    fn the_best_means() {
        assert_eq!(Means::of(b"IMAP4rev1 QUOTA LIST-STATUS STATUS=SIZE"), Means::Quota(Count::ListStatus));
        assert_eq!(Means::of(b"IMAP4rev1 LIST-STATUS STATUS=SIZE"), Means::Count(Count::ListStatus));
        assert_eq!(Means::of(b"IMAP4rev1 STATUS=SIZE"), Means::Count(Count::Status));
        assert_eq!(Means::of(b"IMAP4rev1 LIST-STATUS UNSELECT"), Means::Count(Count::Sizes { unselect: true }));
    }
}
