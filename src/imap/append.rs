//! APPEND to the Sent mailbox (RFC 9051 6.3.12, MULTIAPPEND RFC 3502, literal8 RFC 3516): the header block is scrubbed, so
//! that the stored copy agrees with what was sent.
//!
//! The size of the literal is announced before its bytes, and scrubbing changes it. So the client's announcement is kept
//! back, the header block (bounded) is collected, and the backend is told the new size. The body passes as it comes.
//! Everything else that is appended (drafts, imports, other people's mail) never comes here or is left byte for byte.

use super::command::{Head, astring};
use super::frame::{Framer, Literal};
use super::session::{Phase, Session, Terms, announce, close};
use super::tags::Tags;
use super::{Step, reply};
use crate::fault::{Code, Fault, Side};
use crate::wire::header::EndFinder;

/// Longest mailbox name that is taken as a literal, in octets.
const NAME: u64 = 1024;

/// One APPEND under way.
pub struct Append {
    tag: Box<[u8]>,
    /// What the backend has still to be told before the next literal.
    prefix: Vec<u8>,
    /// Whether the backend has seen the command's first line.
    begun: bool,
    stage: Stage,
}

enum Stage {
    /// The mailbox name comes as a literal.
    Name { name: Vec<u8>, left: u64 },
    /// Behind such a name: flags, date, and the announcement of the message.
    Flags { name: Vec<u8> },
    /// The header block is collected.
    Header(Header),
    /// The backend has been told the new size and must agree first.
    AwaitGo { bytes: Vec<u8>, left: u64 },
    /// It agreed.
    Send { bytes: Vec<u8>, left: u64 },
    /// The rest of the message passes.
    Body,
    /// Behind a message: the end of the command, or the next message.
    Tail,
    /// The backend said no: what the client still sends is swallowed, then it is told.
    Refused { answer: Vec<u8> },
}

struct Header {
    bytes: Vec<u8>,
    end: EndFinder,
    literal: Literal,
    left: u64,
}

impl Header {
    fn wants_more(&self, end: Option<usize>, terms: &Terms) -> bool {
        let Some(rules) = &terms.sent_copy else { return false };
        match end {
            None => self.bytes.len() < rules.header_limit(),
            Some(end) => self.bytes.len() < end + rules.body_wanted(&self.bytes[..end]),
        }
    }
}

impl Append {
    /// Begins when `line` appends to the Sent mailbox, or names its mailbox in a literal. `None`: the command passes.
    pub(super) fn begin(line: &[u8], head: &Head<'_>, literal: Literal, session: &mut Session) -> Option<Step> {
        session.terms.sent_copy.as_ref()?;
        let start = line.len() - 2 - head.arguments.len();
        let mut append = Append { tag: head.tag.into(), prefix: Vec::new(), begun: false, stage: Stage::Tail };
        if literal.at == start {
            if literal.size > NAME {
                return Some(session.refuse(line.len(), Some(literal), reply::bad(head.tag, Code::Syntax), NAME));
            }
            append.prefix.extend_from_slice(&line[..start]);
            append.stage = Stage::Name { name: Vec::new(), left: literal.size };
        } else {
            let (name, _) = astring(head.arguments)?;
            if !session.is_sent(&name) {
                return None;
            }
            append.message(line, literal);
        }
        session.phase = Phase::Append(Box::new(append));
        Some(invite(line.len(), &literal))
    }

    fn message(&mut self, line: &[u8], literal: Literal) {
        self.prefix.extend_from_slice(&line[..literal.at]);
        self.stage = Stage::Header(Header { bytes: Vec::new(), end: EndFinder::new(), left: literal.size, literal });
    }

    /// What comes before any frame is cut: waiting, sending what waits, collecting.
    pub(super) fn before_frames(&mut self, input: &[u8], terms: &Terms, client: &mut Framer, tags: &mut Tags) -> Option<Step> {
        match &mut self.stage {
            Stage::AwaitGo { .. } => Some(Step::Hold),
            Stage::Send { bytes, left } => {
                let (bytes, left) = (std::mem::take(bytes), *left);
                self.follow(left, client);
                Some(Step::Rewrite(0, bytes))
            }
            Stage::Name { name, left } => {
                let count = upto(*left, input);
                name.extend_from_slice(&input[..count]);
                *left -= count as u64;
                if *left == 0 {
                    let name = std::mem::take(name);
                    client.enter(0);
                    self.stage = Stage::Flags { name };
                } else if count == 0 {
                    return Some(Step::Need);
                }
                Some(Step::Swallow(count))
            }
            Stage::Header(header) => {
                let count = upto(header.left, input);
                header.bytes.extend_from_slice(&input[..count]);
                header.left -= count as u64;
                let end = header.end.find(&header.bytes);
                if header.left > 0 && header.wants_more(end, terms) {
                    return Some(if count == 0 { Step::Need } else { Step::Swallow(count) });
                }
                Some(self.announce(count, end, terms, client, tags))
            }
            Stage::Flags { .. } | Stage::Body | Stage::Tail | Stage::Refused { .. } => None,
        }
    }

    /// The header block is complete (or too long, or none): tells the backend the new size, and sends what there is.
    fn announce(&mut self, count: usize, end: Option<usize>, terms: &Terms, client: &mut Framer, tags: &mut Tags) -> Step {
        let Stage::Header(header) = std::mem::replace(&mut self.stage, Stage::Tail) else { return Step::Need };
        let old = header.bytes.len() as u64;
        let scrubbed = end.zip(terms.sent_copy.as_ref()).and_then(|(end, rules)| {
            // More than is looked at may have come in one piece; it must not change the outcome.
            let (block, body) = header.bytes.split_at_checked(end).filter(|_| end <= rules.header_limit())?;
            let start = &body[..body.len().min(rules.body_wanted(block))];
            Some([&rules.scrub(block, start)?, body].concat())
        });
        let bytes = scrubbed.unwrap_or(header.bytes);
        let size = header.literal.size - old + bytes.len() as u64;
        let sync = terms.non_sync.is_none_or(|most| size > most);
        if self.begun && sync && !tags.holds(&self.tag) {
            return close(Fault::Garbage(Side::Client));
        }
        if !self.begun {
            tags.open(&self.tag);
            self.begun = true;
        }
        let mut out = std::mem::take(&mut self.prefix);
        out.extend_from_slice(&announce(&header.literal, size, sync));
        if sync {
            self.stage = Stage::AwaitGo { bytes, left: header.left };
        } else {
            out.extend_from_slice(&bytes);
            self.follow(header.left, client);
        }
        Step::Rewrite(count, out)
    }

    fn follow(&mut self, left: u64, client: &mut Framer) {
        client.enter(left);
        self.stage = if left == 0 { Stage::Tail } else { Stage::Body };
    }

    /// Bytes of the message behind its header block.
    pub(super) fn literal(&mut self, len: usize, done: bool) -> Step {
        if let Stage::Refused { .. } = self.stage {
            return Step::Swallow(len);
        }
        if done {
            self.stage = Stage::Tail;
        }
        Step::Forward(len)
    }

    /// The line behind a literal.
    pub(super) fn tail(mut self: Box<Self>, line: &[u8], literal: Option<Literal>, session: &mut Session) -> Step {
        match (std::mem::replace(&mut self.stage, Stage::Tail), literal) {
            (Stage::Refused { answer }, None) => Step::Answer(line.len(), answer),
            (Stage::Refused { answer }, Some(literal)) => {
                session.client.enter(literal.size);
                self.stage = Stage::Refused { answer };
                session.phase = Phase::Append(self);
                invite(line.len(), &literal)
            }
            (Stage::Flags { .. }, None) => Step::Answer(line.len(), reply::bad(&self.tag, Code::Syntax)),
            (Stage::Flags { name }, Some(literal)) => self.named(&name, line, literal, session),
            (_, None) => Step::Forward(line.len()),
            (_, Some(literal)) => {
                if let Err(step) = session.pay_on(&self.tag, literal.size) {
                    return step;
                }
                self.message(line, literal);
                session.phase = Phase::Append(self);
                invite(line.len(), &literal)
            }
        }
    }

    /// The mailbox name came as a literal and is known now.
    fn named(mut self: Box<Self>, name: &[u8], line: &[u8], literal: Literal, session: &mut Session) -> Step {
        let Some(word) = quoted(name, session.terms.non_sync) else {
            return Step::Answer(line.len(), reply::no(&self.tag, "CANNOT", Code::Syntax));
        };
        // There is no holding back here: the name is taken away already.
        if let Err(code) = session.pay(&self.tag, literal.size).and_then(|paid| paid.then_some(()).ok_or(Code::MailboxFull)) {
            return session.refuse(line.len(), Some(literal), reply::over_quota(&self.tag, code), session.terms.append_limit);
        }
        self.prefix.extend_from_slice(&word);
        if session.is_sent(name) {
            self.message(line, literal);
            session.phase = Phase::Append(self);
            return invite(line.len(), &literal);
        }
        // Not ours to look at: the command goes on with its name put back, and is followed like any other.
        let whole = [&self.prefix, line].concat();
        let moved = Literal { at: self.prefix.len() + literal.at, ..literal };
        session.tags.open(&self.tag);
        match session.pass(&whole, Some(moved), &self.tag) {
            Step::Forward(_) => Step::Rewrite(line.len(), whole),
            Step::Rewrite(_, bytes) => Step::Rewrite(line.len(), bytes),
            other => other,
        }
    }

    /// The backend says `+`: whether that is for us (and not for the client).
    pub(super) fn go(&mut self) -> bool {
        if let Stage::AwaitGo { bytes, left } = &mut self.stage {
            self.stage = Stage::Send { bytes: std::mem::take(bytes), left: *left };
            return true;
        }
        false
    }

    /// The backend ended `tag`: whether its `line` must wait until the client has sent the rest.
    pub(super) fn refused(&mut self, tag: &[u8], line: &[u8], client: &mut Framer) -> bool {
        match &self.stage {
            Stage::AwaitGo { left, .. } if *self.tag == *tag => {
                client.enter(*left);
                self.stage = Stage::Refused { answer: line.to_vec() };
                true
            }
            _ => false,
        }
    }
}

/// Takes the line away, and asks a waiting client for its literal.
fn invite(len: usize, literal: &Literal) -> Step {
    if literal.sync { Step::Answer(len, reply::go_on()) } else { Step::Swallow(len) }
}

fn upto(left: u64, input: &[u8]) -> usize {
    usize::try_from(left).unwrap_or(usize::MAX).min(input.len())
}

/// `name` as a quoted string, or as a literal if it holds what a quoted string may not.
fn quoted(name: &[u8], non_sync: Option<u64>) -> Option<Vec<u8>> {
    if name.iter().all(|byte| matches!(byte, b' '..=b'~')) {
        let escaped = name.iter().flat_map(|byte| {
            let escape = matches!(byte, b'"' | b'\\').then_some(b'\\');
            escape.into_iter().chain([*byte])
        });
        return Some([b'"'].into_iter().chain(escaped).chain([b'"']).collect());
    }
    non_sync?;
    Some([format!("{{{}+}}\r\n", name.len()).as_bytes(), name].concat())
}
