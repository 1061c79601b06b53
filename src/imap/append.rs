//! One APPEND under way (RFC 9051 6.3.12, MULTIAPPEND RFC 3502, literal8 RFC 3516).
//!
//! Each message is announced to the backend by `{n}`, and sent when the backend said `+`. In the Sent mailbox the header block is
//! scrubbed, so that the stored copy agrees with what was sent: the size is announced before the bytes, and scrubbing
//! changes it, so there the client's announcement is kept back until the header block (bounded) is there. The body passes as
//! it comes. Everything else that is appended (drafts, imports, other people's mail) is left byte for byte.
//!
//! A line that ends in LF alone is stored as it is, and counted with the CR that belongs to it (RFC 9051 2.3.4: RFC822.SIZE is the size
//! as it would be sent). So those are counted while they pass, and paid before the end of the command.
//!
//! What comes as a literal8 may be stored in base64 (Dovecot and Cyrus do so with what says `Content-Transfer-Encoding: binary`), 78
//! octets for each 57. As much is paid, and counted when the session rests.
//!
//! A backend that has one message of a MULTIAPPEND cannot be told to forget it. What takes it back is a line that no server reads
//! as the next message: then it says BAD, and has stored nothing (RFC 3502 3: all or nothing).

use super::ImapStep;
use super::frame::Literal;
use super::grammar::append::Options;
use super::options::Rules;
use super::question::Asked;
use super::tag::Tag;
use super::verbs::VerbRow;
use crate::quota::Reservation;
use crate::wire::header::EndFinder;

/// In place of the next message, see above.
pub(super) const NO_MESSAGE: &[u8] = b" no-message\r\n";

/// Octets that base64 may add at the ends of a part.
const ENCODED: u64 = 128;

/// One APPEND.
pub(super) struct Append {
    pub(super) tag: Tag<'static>,
    /// What the command leaves behind at the backend.
    pub(super) row: &'static VerbRow,
    pub(super) mailbox: Vec<u8>,
    /// What the backend has still to be told before the next literal.
    pub(super) prefix: Vec<u8>,
    /// The announcement of the present message, as the client made it.
    pub(super) literal: Literal,
    /// Octets of the present message as they are announced to the backend.
    pub(super) size: u64,
    /// Lines of it that end in LF alone, so far.
    pub(super) bare: BareLines,
    /// The date-time of the present message.
    pub(super) date: Option<Box<[u8]>>,
    /// The literal stands in `UTF8 (...)`.
    pub(super) utf8: bool,
    /// The header block is scrubbed.
    pub(super) sent: bool,
    /// The backend has seen the command's first line.
    pub(super) begun: bool,
    /// Set aside for the present message, until it is announced.
    pub(super) held: Option<Reservation>,
    /// What is set aside was let go, as the client has stopped in the middle.
    pub(super) paused: bool,
    pub(super) asked: Asked,
    pub(super) stage: AppendStage,
}

/// Where it is.
pub(super) enum AppendStage {
    /// The book is asked for room.
    Judge,
    /// The header block is collected.
    Header(Header),
    /// It is scrubbed: these octets are the first of the message, `left` are to come. The book is asked for what is more.
    Sized { bytes: Vec<u8>, left: u64 },
    /// The backend has been told the size and must agree first.
    AwaitGo { bytes: Vec<u8>, left: u64 },
    /// It agreed.
    Send { bytes: Vec<u8>, left: u64 },
    /// The rest of the message passes.
    Body,
    /// Behind a message: the end of the command, or the next message.
    Tail,
    /// The backend said no: what the client still sends is swallowed, then it is told.
    Refused { answer: Vec<u8> },
    /// The same; the backend is still to take back what it has.
    Aborted { answer: Vec<u8> },
    /// The client is through, the backend is not.
    AbortWait { answer: Vec<u8> },
}

/// A header block that comes in.
pub(super) struct Header {
    bytes: Vec<u8>,
    end: EndFinder,
    left: u64,
}

/// What is to be done before any frame is cut.
pub(super) enum AppendAct {
    Step(ImapStep),
    /// The header block is there: this many bytes are taken, and the size is known.
    Sized(usize),
    /// The first octets go to the backend, `left` are to come.
    Send {
        bytes: Vec<u8>,
        left: u64,
    },
}

impl Append {
    /// One that stores in `mailbox`. `prefix`: what the backend is told up to the announcement `literal`, behind which `options` are.
    pub(super) fn new(
        (tag, row): (&Tag<'_>, &'static VerbRow),
        mailbox: Vec<u8>,
        prefix: Vec<u8>,
        literal: Literal,
        options: Options<'_>,
    ) -> Append {
        Append {
            tag: tag.kept(),
            row,
            mailbox,
            prefix,
            size: literal.size,
            bare: BareLines::default(),
            literal,
            date: options.date.map(Into::into),
            utf8: options.utf8,
            sent: false,
            begun: false,
            held: None,
            paused: false,
            asked: Asked::Nothing,
            stage: AppendStage::Judge,
        }
    }

    /// Whether the client waits for a `+` now, and sends nothing before it.
    pub(super) fn client_waits(&self) -> bool {
        self.literal.sync && !self.sent
    }

    /// Begins to collect the header block.
    pub(super) fn collect(&mut self) {
        self.stage = AppendStage::Header(Header { bytes: Vec::new(), end: EndFinder::new(), left: self.literal.size });
    }

    /// What comes before any frame is cut: waiting, sending what waits, collecting.
    pub(super) fn before_frames(&mut self, input: &[u8], rules: &Rules) -> Option<AppendAct> {
        match &mut self.stage {
            AppendStage::AwaitGo { .. } | AppendStage::AbortWait { .. } => Some(AppendAct::Step(ImapStep::Hold)),
            AppendStage::Send { bytes, left } => Some(AppendAct::Send { bytes: std::mem::take(bytes), left: *left }),
            AppendStage::Header(header) => {
                let count = usize::try_from(header.left).unwrap_or(usize::MAX).min(input.len());
                header.bytes.extend_from_slice(&input[..count]);
                header.left -= count as u64;
                let end = header.end.find_any(&header.bytes);
                if header.left > 0 && header.wants_more(end, rules) {
                    return Some(AppendAct::Step(if count == 0 { ImapStep::Need } else { ImapStep::Swallow(count) }));
                }
                self.scrub(end, rules);
                Some(AppendAct::Sized(count))
            }
            AppendStage::Judge | AppendStage::Sized { .. } => Some(AppendAct::Step(ImapStep::Hold)),
            AppendStage::Body | AppendStage::Tail | AppendStage::Refused { .. } | AppendStage::Aborted { .. } => None,
        }
    }

    /// The header block is complete (or too long, or none).
    fn scrub(&mut self, end: Option<usize>, rules: &Rules) {
        let AppendStage::Header(header) = std::mem::replace(&mut self.stage, AppendStage::Judge) else { return };
        let old = header.bytes.len() as u64;
        // A message without a blank line is all header.
        let end = end.or((header.left == 0).then_some(header.bytes.len()));
        let scrubbed = end.zip(rules.sent_copy.as_ref()).and_then(|(end, rules)| {
            // More than is looked at may have come in one piece; it must not change the outcome.
            let (block, body) = header.bytes.split_at_checked(end).filter(|_| end <= rules.header_limit())?;
            let start = &body[..body.len().min(rules.body_wanted(block))];
            Some([&rules.scrub(block, start, self.date.as_deref())?, body].concat())
        });
        let bytes = scrubbed.unwrap_or(header.bytes);
        self.bare.count(&bytes);
        self.size = self.literal.size.saturating_sub(old).saturating_add(bytes.len() as u64);
        self.stage = AppendStage::Sized { bytes, left: header.left };
    }

    /// Behind the first octets, or in place of them.
    pub(super) fn follow(&mut self, left: u64) {
        self.stage = if left == 0 { AppendStage::Tail } else { AppendStage::Body };
    }

    /// Bytes of the message that frames are cut from.
    pub(super) fn literal(&mut self, bytes: &[u8], done: bool) -> ImapStep {
        if let AppendStage::Refused { .. } | AppendStage::Aborted { .. } = self.stage {
            return ImapStep::Swallow(bytes.len());
        }
        self.bare.count(bytes);
        if done {
            self.stage = AppendStage::Tail;
        }
        ImapStep::Forward(bytes.len())
    }

    /// Octets of the present message as the backend will count them, once it has passed; not less.
    pub(super) fn stored(&self) -> u64 {
        let size = self.size.saturating_add(self.bare.lines);
        if self.literal.binary { size.saturating_add(size / 8 * 3).saturating_add(ENCODED) } else { size }
    }
}

/// Counts lines that end in LF alone, over pieces.
#[derive(Default)]
pub(super) struct BareLines {
    lines: u64,
    /// The last piece ended in CR.
    after_cr: bool,
}

impl BareLines {
    /// Takes the next piece. Written so that it costs a fraction of a nanosecond an octet: it sees every octet that is stored.
    fn count(&mut self, bytes: &[u8]) {
        let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return };
        self.lines += u64::from(*first == b'\n' && !self.after_cr);
        let behind = bytes.get(1..).unwrap_or_default();
        // In parts of 255, whose counts fit into an octet each.
        for (before, here) in bytes.chunks(255).zip(behind.chunks(255)) {
            let bare =
                before.iter().zip(here).fold(0u8, |sum, (before, here)| sum + u8::from((*here == b'\n') & (*before != b'\r')));
            self.lines += u64::from(bare);
        }
        self.after_cr = *last == b'\r';
    }
}

impl Header {
    fn wants_more(&self, end: Option<usize>, rules: &Rules) -> bool {
        let Some(rules) = &rules.sent_copy else { return false };
        match end {
            None => self.bytes.len() < rules.header_limit(),
            Some(end) => self.bytes.len() < end + rules.body_wanted(&self.bytes[..end]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_lines_are_counted_in_any_pieces() {
        let text = [&b"\na\r\nb\n\r\n\n"[..], &b"x\n".repeat(700), b"\r", b"\n", b"\r\r\n\n"].concat();
        let whole = (0..text.len()).filter(|at| text[*at] == b'\n' && (*at == 0 || text[at - 1] != b'\r')).count() as u64;
        for size in [1, 2, 7, 254, 255, 256, 1000, usize::MAX] {
            let mut bare = BareLines::default();
            text.chunks(size.min(text.len())).for_each(|piece| bare.count(piece));
            assert_eq!(bare.lines, whole, "in pieces of {size}");
        }
    }
}
