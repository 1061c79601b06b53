//! Questions of ours to the backend, inside a session, while the client waits: how much is in the mailbox, and how big the
//! messages are that a COPY wants to double.
//!
//! A probe begins only when the backend owes no answer, so whatever comes of the kinds we asked for is ours and is
//! swallowed; everything else (a new message, an expunge) passes to the client as usual.

use super::capability;
use super::frame::Frame;
use crate::quota::{Amount, Refresh};

/// Our tag. The client has no command open while we ask, so it cannot collide.
const TAG: &str = "nologd";

/// How the backend can be asked for usage (DESIGN section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Means {
    /// GETQUOTAROOT (RFC 9208): what the backend counts itself.
    Quota,
    /// LIST with STATUS of every mailbox in one command (RFC 5819, RFC 8438).
    ListStatus,
    /// Not at all: the book knows what passes through us.
    None,
}

impl Means {
    /// The best that a backend with these capabilities has.
    pub fn of(capabilities: &[u8]) -> Means {
        let has = |word: &[u8]| capability::has(capabilities, word);
        if has(b"QUOTA") {
            Means::Quota
        } else if has(b"LIST-STATUS") && has(b"STATUS=SIZE") {
            Means::ListStatus
        } else {
            Means::None
        }
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
}

/// What the answer is for.
pub(super) enum Aim {
    /// The usage of the whole mailbox.
    Usage(Means, Refresh),
    /// The sizes of some messages.
    Sizes,
}

/// What a frame from the backend means for the probe.
pub(super) enum Heard {
    /// It is not for us.
    Other,
    /// It is ours.
    Ours,
    /// The last of ours: what was counted, if the backend did count.
    Last(Option<Amount>),
}

impl Probe {
    /// A question, and what to send.
    pub(super) fn usage(means: Means, refresh: Refresh) -> (Probe, Vec<u8>) {
        let command = match means {
            Means::Quota => format!("{TAG} GETQUOTAROOT INBOX\r\n"),
            Means::ListStatus | Means::None => format!("{TAG} LIST \"\" \"*\" RETURN (STATUS (MESSAGES SIZE))\r\n"),
        };
        (Probe { aim: Aim::Usage(means, refresh), seen: Amount::ZERO, inside: false, counts: false }, command.into_bytes())
    }

    /// The sizes of the messages in `set`, by number or by UID.
    pub(super) fn sizes(set: &[u8], uid: bool) -> (Probe, Vec<u8>) {
        let uid: &[u8] = if uid { b"UID " } else { b"" };
        let command = [TAG.as_bytes(), b" ", uid, b"FETCH ", set, b" (RFC822.SIZE)\r\n"].concat();
        (Probe { aim: Aim::Sizes, seen: Amount::ZERO, inside: false, counts: false }, command)
    }

    /// Looks at a frame; `bytes` are its bytes, `begins` tells whether a response begins with it.
    pub(super) fn hear(&mut self, frame: &Frame, bytes: &[u8], begins: bool) -> Heard {
        if begins {
            if let Some(status) = bytes.strip_prefix(TAG.as_bytes()).and_then(|rest| rest.strip_prefix(b" ")) {
                let ok = status.len() >= 2 && status[..2].eq_ignore_ascii_case(b"OK");
                return Heard::Last(ok.then_some(self.seen));
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
            Aim::Usage(Means::Quota, _) => is(b"QUOTA") || is(b"QUOTAROOT"),
            Aim::Usage(..) => is(b"LIST") || is(b"STATUS"),
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
            Aim::Usage(Means::Quota, _) => {
                let octets = number_after(values, b"STORAGE ").map_or(0, |units| units.saturating_mul(1024));
                let messages = number_after(values, b"MESSAGE ").unwrap_or(0);
                self.seen = Amount { octets: self.seen.octets.max(octets), messages: self.seen.messages.max(messages) };
                return;
            }
            Aim::Usage(..) => {
                let octets = number_after(values, b"SIZE ");
                octets.map(|octets| Amount { octets, messages: number_after(values, b"MESSAGES ").unwrap_or(0) })
            }
            Aim::Sizes => number_after(line, b"RFC822.SIZE ").map(Amount::message),
        };
        self.seen = self.seen.plus(seen.unwrap_or_default());
    }
}

/// The number behind `word`, which stands at the start or behind a space or parenthesis.
fn number_after(text: &[u8], word: &[u8]) -> Option<u64> {
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
        assert_eq!(Means::of(b"IMAP4rev1 QUOTA LIST-STATUS STATUS=SIZE"), Means::Quota);
        assert_eq!(Means::of(b"IMAP4rev1 LIST-STATUS STATUS=SIZE"), Means::ListStatus);
        assert_eq!(Means::of(b"IMAP4rev1 STATUS=SIZE"), Means::None);
    }
}
