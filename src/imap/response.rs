//! The backend's direction after login: responses are followed frame by frame (RFC 9051 7), and tell the client's
//! direction what its next bytes are.

use std::sync::Arc;

use super::frame::Frame;
use super::peers::{MessageNumbers, Peers};
use super::places::Places;
use super::question::Heard;
use super::session::{ClientPhase, ImapSession, Pending};
use super::status::{self, Status};
use super::tag::Tag;
use super::{ImapStep, capability};
use crate::fault::{Fault, Side};

impl ImapSession {
    /// What to do with the first bytes from the backend. `full`: there is no room for more.
    pub fn from_backend(&mut self, input: &[u8], full: bool) -> ImapStep {
        if let ClientPhase::Closed { heard: false } = self.phase {
            return ImapStep::Hold;
        }
        let begins = self.backend.at_start();
        if begins && self.has_left() {
            return ImapStep::Hold;
        }
        let frame = match self.backend.next(input, full) {
            Err(fault) => return self.close(fault),
            Ok(frame) => frame,
        };
        let (Frame::Line { len, .. } | Frame::Piece { len } | Frame::Literal { len, .. }) = frame else { return ImapStep::Need };
        if let ClientPhase::Ask(question, _) = &mut self.phase {
            match question.hear(&frame, &input[..len], begins) {
                Heard::Other => {}
                Heard::Ours => return ImapStep::Swallow(len),
                Heard::Next(command) => return ImapStep::Answer(len, command),
                Heard::Last => {
                    if let ClientPhase::Ask(question, pending) = std::mem::replace(&mut self.phase, ClientPhase::Command) {
                        self.found(question.found(), pending);
                    }
                    return ImapStep::Swallow(len);
                }
            }
        }
        match (&self.phase, frame) {
            (ClientPhase::Closed { .. }, _) => self.overheard(&input[..len], begins),
            (_, Frame::Line { .. }) if begins => self.response(&input[..len]),
            _ => ImapStep::Forward(len),
        }
    }

    /// The session is over, and the backend still answers what it has: the book hears of it.
    fn overheard(&mut self, bytes: &[u8], begins: bool) -> ImapStep {
        if let Some(tag) = Tag::at_start(bytes).filter(|tag| begins && self.tags.close(tag)) {
            match status_of(bytes, &tag) {
                Some(status) => self.gate.settle(&tag, status),
                // Nobody can say what it took.
                None => self.gate.held.fail(),
            }
        }
        ImapStep::Swallow(bytes.len())
    }

    fn response(&mut self, line: &[u8]) -> ImapStep {
        match line.first() {
            Some(b'+') => self.go(line.len()),
            Some(b'*') => self.untagged(line),
            _ => self.tagged(line),
        }
    }

    /// `+` is for exactly what waits for it; at any other time nobody can say what the backend takes the next bytes for.
    fn go(&mut self, len: usize) -> ImapStep {
        match std::mem::replace(&mut self.phase, ClientPhase::Stuck) {
            ClientPhase::AwaitGo { tag, size, ours } => {
                self.enter(size, tag);
                if ours { ImapStep::Swallow(len) } else { ImapStep::Forward(len) }
            }
            ClientPhase::AwaitIdle { tag, ours } => {
                self.phase = ClientPhase::Idle { tag };
                if ours { ImapStep::Swallow(len) } else { ImapStep::Forward(len) }
            }
            ClientPhase::Append(append) => self.append_go(append, len),
            // The client was lost before this was answered: no octet follows.
            ClientPhase::Stuck => ImapStep::Swallow(len),
            _ => self.close(Fault::Garbage(Side::Backend)),
        }
    }

    fn untagged(&mut self, line: &[u8]) -> ImapStep {
        let starts = |word: &[u8]| status::is(line, word);
        if starts(b"* BYE") {
            self.peers = Peers::Bye;
        } else if line.ends_with(b" EXPUNGE\r\n") || starts(b"* VANISHED ") {
            self.gate.saw_expunge(matches!(self.phase, ClientPhase::AwaitIdle { .. } | ClientPhase::Idle { .. }));
            if matches!(self.phase, ClientPhase::Ask(_, Pending::Nothing)) {
                self.numbers = MessageNumbers::Moved;
            }
        } else if self.rules.sent_copy.is_some() && Places::marks(line) {
            Arc::make_mut(self.places.get_or_insert_default()).learn(line);
        }
        self.tell(line)
    }

    fn tagged(&mut self, line: &[u8]) -> ImapStep {
        let Some(tag) = Tag::at_start(line).filter(|tag| self.tags.close(tag)) else {
            return self.close(Fault::Garbage(Side::Backend));
        };
        // RFC 9051 7.1 knows three: whatever else it says, what it has may be stored or not.
        let Some(status) = status_of(line, &tag) else { return self.close(Fault::Garbage(Side::Backend)) };
        self.answered();
        if let Some(reuse) = &mut self.reuse {
            reuse.answered(&tag, status);
        }
        self.gate.settle(&tag, status);
        self.selected(&tag, status == Status::Ok);
        if status == Status::Ok {
            self.closed(&tag);
        }
        match std::mem::replace(&mut self.phase, ClientPhase::Command) {
            ClientPhase::Append(append) if append.tag == tag => {
                if let Some(step) = self.append_answered(append, line, status) {
                    return step;
                }
            }
            ClientPhase::AwaitGo { tag: waiting, size, ours } if waiting == tag => {
                if ours {
                    self.client.enter(size);
                    self.phase = ClientPhase::Drain;
                }
            }
            ClientPhase::Interrupted { tag: waiting } if waiting == tag => {
                if self.interrupted(waiting, status) {
                    return ImapStep::Swallow(line.len());
                }
            }
            ClientPhase::AwaitIdle { tag: waiting, .. }
            | ClientPhase::Idle { tag: waiting }
            | ClientPhase::Alone { tag: waiting }
                if waiting == tag => {}
            // It has all arguments; it will skip the end of the line.
            ClientPhase::Rest { tag: waiting } if waiting == tag => self.phase = ClientPhase::Late,
            // It ended a command of which it has not heard the end.
            ClientPhase::Literal { tag: waiting } if waiting == tag => {
                return self.close(Fault::Garbage(Side::Backend));
            }
            other => self.phase = other,
        }
        if self.counts_first() {
            self.phase = ClientPhase::Ready(Pending::Say(self.told(line).unwrap_or_else(|| line.to_vec())));
            return ImapStep::Swallow(line.len());
        }
        self.tell(line)
    }

    /// Whether a count is to be finished before the client hears that its command is done: then room that it made is there for whoever
    /// asks next.
    fn counts_first(&self) -> bool {
        let rests = matches!(self.phase, ClientPhase::Command | ClientPhase::Ready(Pending::Nothing))
            && self.tags.is_empty()
            && self.peers == Peers::Both;
        rests && self.gate.asks_now() && self.may_count()
    }

    /// Passes a line, with its capability list as the client is told it.
    fn tell(&self, line: &[u8]) -> ImapStep {
        match self.told(line) {
            Some(told) => ImapStep::Rewrite(line.len(), told),
            None => ImapStep::Forward(line.len()),
        }
    }

    fn told(&self, line: &[u8]) -> Option<Vec<u8>> {
        capability::rewrite(line, self.rules.append_limit)
    }

    /// The client left, or was lost. What it asked for and the backend has whole is brought to its end: see
    /// [`ImapSession::is_settled`].
    pub fn client_left(&mut self) {
        if self.peers == Peers::Both {
            self.peers = Peers::BackendOnly;
            self.needs_no_folder();
        }
        self.phase = match std::mem::replace(&mut self.phase, ClientPhase::Stuck) {
            // The backend has nothing of these.
            ClientPhase::Skip { .. }
            | ClientPhase::Collect(_)
            | ClientPhase::Refuse { .. }
            | ClientPhase::Drain
            | ClientPhase::Ready(_) => ClientPhase::Command,
            ClientPhase::Append(append) if !append.begun => ClientPhase::Command,
            ClientPhase::Ask(question, _) => ClientPhase::Ask(question, Pending::Nothing),
            phase @ (ClientPhase::Command
            | ClientPhase::Idle { .. }
            | ClientPhase::AwaitIdle { .. }
            | ClientPhase::Interrupted { .. }
            | ClientPhase::Alone { .. }
            | ClientPhase::Closed { .. }) => phase,
            _ => ClientPhase::Stuck,
        };
        if !self.stay(false) {
            self.gate.end();
        }
    }

    /// Whether the client, if it only stopped to speak, still waits for answers.
    pub fn owes_answers(&self) -> bool {
        let waits =
            matches!(self.phase, ClientPhase::Command | ClientPhase::Alone { .. } | ClientPhase::Ready(_) | ClientPhase::Ask(..));
        waits && self.peers != Peers::Bye && (!self.tags.is_empty() || !matches!(self.phase, ClientPhase::Command))
    }

    /// Whether the backend waits for the end of a command that will not come.
    pub fn is_stuck(&self) -> bool {
        matches!(self.phase, ClientPhase::Stuck)
    }

    /// Whether nothing is waited for any more that the book must know.
    pub fn is_settled(&self) -> bool {
        if self.peers == Peers::Bye || matches!(self.phase, ClientPhase::Closed { heard: false }) {
            return true;
        }
        if self.stays() {
            return false;
        }
        let asks = match &self.phase {
            ClientPhase::Ask(..) | ClientPhase::Interrupted { .. } => true,
            ClientPhase::Command | ClientPhase::Ready(_) | ClientPhase::AwaitIdle { .. } | ClientPhase::Idle { .. } => {
                self.gate.asks_at_end() && self.may_count()
            }
            _ => false,
        };
        !asks && !self.gate.held.waits_for_answer()
    }
}

/// How the backend ended the command `tag` by `line`; none where it says something else.
fn status_of(line: &[u8], tag: &Tag<'_>) -> Option<Status> {
    let word = line.get(tag.octets().len() + 1..)?.split(|octet| matches!(octet, b' ' | b'\r')).next()?;
    let known = [(&b"OK"[..], Status::Ok), (b"NO", Status::No), (b"BAD", Status::Bad)];
    known.into_iter().find(|(known, _)| word.eq_ignore_ascii_case(known)).map(|(_, status)| status)
}

#[cfg(test)]
mod tests {
    use super::super::backend_capabilities::BackendCapabilities;
    use super::super::options::SessionOptions;
    use super::super::stand_ins::Alice;
    use super::*;

    /// What it has may be stored: only what RFC 9051 7.1 knows gives space back.
    #[test]
    fn an_answer_that_is_none_frees_nothing() {
        for (answer, held) in [("OK", 5), ("ok done", 5), ("NO", 0), ("BAD what", 0), ("WELL done", 5), ("OKAY", 5), ("", 5)] {
            for client_is_gone in [false, true] {
                let account = Alice::account(1000, true);
                let terms = SessionOptions {
                    account: Some(account.clone()),
                    backend_capabilities: BackendCapabilities::default(),
                    append_limit: u64::MAX,
                    sent_copy: None,
                    fresh_tag: || Tag::read(b"nologd"),
                };
                let mut session = ImapSession::new(terms);
                let answer = format!("a {answer}\r\n");
                for (client, text) in [(true, "a APPEND f {5}\r\n"), (false, "+ go\r\n"), (true, "12345\r\n"), (false, &answer)] {
                    let mut input = text.as_bytes();
                    if client_is_gone && text == answer {
                        session.client_left();
                    }
                    while !input.is_empty() {
                        let step = if client { session.from_client(input, false) } else { session.from_backend(input, false) };
                        if matches!(step, ImapStep::Need | ImapStep::Hold | ImapStep::Close(..)) {
                            break;
                        }
                        input = &input[step.taken()..];
                    }
                }
                drop(session);
                let octets = account.roots().map(|[mailbox, _]| mailbox.octets);
                assert_eq!(octets, Some(held), "{answer:?}, {client_is_gone}");
            }
        }
    }
}
