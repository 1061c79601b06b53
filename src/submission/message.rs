//! The message itself, by DATA (RFC 5321 4.1.1.4) or BDAT (RFC 3030 2).
//!
//! The header block is collected, bounded and scrubbed before the relay hears DATA; so a refusal costs the relay nothing. The
//! body follows as it comes. A refused message is swallowed to its end before the answer, or what is left of it would be
//! read as commands.

use super::environment::SubmissionEnvironment;
use super::session::{SubmissionAct, SubmissionSession, SubmissionStep};
use super::source::{Came, MessageFlaw};
use super::state::{Ask, Chunk, Mail, Message, MessageSource, MessageStage, Rest, SubmissionState, User};
use crate::fault::{Fault, RefusalCode, Side};
use crate::smtp::answer;
use crate::smtp::upstream::Manner;
use crate::wire::dot::{self, Next};

/// Octets of the body's start, in stuffed form, that are kept for the scrubber. Without the dots at least 4,096 are left, as
/// a stuffed line has at most one octet of four that is a dot of ours.
const START: usize = 6 * 1024;

/// Octets beyond them that are looked at meanwhile: the end of a message is seen only when all of it is there.
const AHEAD: usize = dot::END.len() + 3;

/// Octets up to the end of a message that are copied, to go out with the final dot, and behind the header where they are all there is:
/// a message of 10 kB is one packet on its way to the relay, and wakes it once.
const LAST_PIECE: usize = 16 * 1024;

/// What the scrubber judges by.
struct ScrubInput {
    header: Vec<u8>,
    /// The start of the body, in stuffed form, if it is asked for.
    body: Vec<u8>,
    /// The message has nothing more.
    ended: bool,
}

impl Message {
    pub(super) fn new(source: MessageSource) -> Message {
        Message { source, stage: MessageStage::Header(Vec::new()), taken: 0 }
    }

    /// Whether the relay has begun to receive it: then only a cut connection, without a final dot, keeps it from delivery.
    fn relay_has_part(&self) -> bool {
        matches!(self.stage, MessageStage::Body)
    }

    /// How the relay is left if the message does not come to its end.
    pub(super) fn manner(&self) -> Manner {
        if self.relay_has_part() { Manner::AtOnce } else { Manner::WithQuit }
    }

    /// What is to be swallowed if the message is refused now.
    pub(super) fn rest(&self) -> Rest {
        match &self.source {
            MessageSource::Data(dotted) => Rest::Data(dot::Swallow::from(*dotted)),
            MessageSource::Chunks(_, chunk) => Rest::Octets(chunk.left),
        }
    }
}

impl SubmissionSession {
    /// A message is coming in.
    pub(super) fn receive(
        &mut self,
        env: &dyn SubmissionEnvironment,
        user: User,
        message: Message,
        client: &[u8],
        relay: &[u8],
    ) -> SubmissionStep {
        match message.stage {
            MessageStage::Body => self.body(user, message, client),
            _ => self.head(env, user, message, client, relay),
        }
    }

    fn head(
        &mut self,
        env: &dyn SubmissionEnvironment,
        user: User,
        mut message: Message,
        client: &[u8],
        relay: &[u8],
    ) -> SubmissionStep {
        let (used, came) = match &mut message.stage {
            MessageStage::Header(header) => message.source.take(client, true, header),
            MessageStage::Start(_, body) => {
                let window = client.len().min((START + AHEAD).saturating_sub(body.len()));
                message.source.take(&client[..window], false, body)
            }
            MessageStage::Body => (0, Came::More),
        };
        message.taken += used as u64;
        let mut scrub_first = false;
        let (ended, complete) = (matches!(came, Came::End), matches!(came, Came::End | Came::Blank));
        let mut act = if used > 0 { SubmissionAct::Again } else { SubmissionAct::Read(Side::Client) };
        let ready = match message.stage {
            MessageStage::Header(header) if header.len() > self.params.limits.header => {
                message.stage = MessageStage::Header(Vec::new());
                return self.refuse(user, message, used, answer::refusal(RefusalCode::HeaderTooLong), ended);
            }
            MessageStage::Header(header) if complete => {
                let plain = if let MessageSource::Data(_) = message.source { dot::unstuff(&header) } else { header };
                if env.needs_body_start(&plain) && !ended {
                    message.stage = MessageStage::Start(plain, Vec::new());
                    None
                } else {
                    message.stage = MessageStage::Header(Vec::new());
                    Some((plain, Vec::new()))
                }
            }
            MessageStage::Start(header, body) if ended || body.len() >= START => {
                // Flaws behind the start of the body are of no account yet, also when they are in sight already: which of two
                // flaws is told must not depend on how the bytes came.
                scrub_first = body.len() >= START && !ended;
                message.stage = MessageStage::Header(Vec::new());
                Some((header, body))
            }
            stage => {
                message.stage = stage;
                None
            }
        };
        if message.taken > self.params.limits.message && !scrub_first {
            return self.refuse(user, message, used, answer::refusal(RefusalCode::MessageTooLong), ended);
        }
        let chunk = matches!(came, Came::Chunk);
        if let (Came::Flaw(flaw), false) = (came, scrub_first) {
            return self.refuse(user, message, used, flaw.answer(), false);
        }
        match ready {
            Some((header, body)) => {
                let head = ScrubInput { header, body, ended };
                self.say_data(env, user, message, head, relay);
                act = SubmissionAct::Again;
            }
            None if chunk => {
                self.pause(user, message);
                act = SubmissionAct::Again;
            }
            None => self.state = SubmissionState::Open(user, Mail::Message(message)),
        }
        SubmissionStep::new(used, act)
    }

    fn say_data(&mut self, env: &dyn SubmissionEnvironment, user: User, message: Message, head: ScrubInput, relay: &[u8]) {
        let ScrubInput { header, body, ended } = head;
        let scrubbed = match env.scrub(&user.address, &header, &dot::unstuff(&body[..body.len().min(START)])) {
            Ok(scrubbed) => scrubbed,
            Err(code) => {
                self.refuse(user, message, 0, answer::refusal(code), ended);
                return;
            }
        };
        let header = scrubbed.header();
        let mut ready = Vec::with_capacity(header.len() + body.len() + 16);
        dot::stuff(header, true, &mut ready);
        ready.extend_from_slice(&body);
        self.state = SubmissionState::Open(user, Mail::Asked(Ask::Data { message, ready, ended }));
        if relay.is_empty() {
            self.relay.say(b"DATA\r\n");
        } else {
            self.drop_relay(Fault::Garbage(Side::Backend));
        }
    }

    fn body(&mut self, user: User, message: Message, client: &[u8]) -> SubmissionStep {
        match message.source {
            MessageSource::Data(_) => self.dotted_body(user, message, client),
            MessageSource::Chunks(..) => self.chunked_body(user, message, client),
        }
    }

    // The bytes stay in the driver's buffer and go on from there, but for the last ones.
    fn dotted_body(&mut self, user: User, mut message: Message, client: &[u8]) -> SubmissionStep {
        let MessageSource::Data(dotted) = &mut message.source else { return SubmissionStep::new(0, SubmissionAct::Close) };
        let seen = dotted.body(client);
        message.taken += seen.pass as u64;
        // The flaw that comes first in the message is told.
        if message.taken > self.params.limits.message {
            return self.refuse(user, message, seen.pass, answer::refusal(RefusalCode::MessageTooLong), false);
        }
        let flaw = match seen.next {
            Next::Bare => Some(MessageFlaw::Bare),
            Next::Nul => Some(MessageFlaw::Nul),
            Next::More | Next::Blank | Next::End => None,
        };
        if let Some(flaw) = flaw {
            return self.refuse(user, message, seen.pass, flaw.answer(), false);
        }
        if seen.pass <= LAST_PIECE && seen.next == Next::End {
            self.relay.say(&client[..seen.pass]);
            let mail = self.finish();
            self.state = SubmissionState::Open(user, mail);
            return SubmissionStep::new(seen.pass + dot::END.len(), SubmissionAct::Again);
        }
        self.state = SubmissionState::Open(user, Mail::Message(message));
        SubmissionStep::new(0, if seen.pass > 0 { SubmissionAct::Forward(seen.pass) } else { SubmissionAct::Read(Side::Client) })
    }

    // The commands hold a stuffed copy of what was read: they go out before more is read.
    fn chunked_body(&mut self, user: User, mut message: Message, client: &[u8]) -> SubmissionStep {
        let (used, came) = message.source.take(client, false, self.relay.commands_mut());
        message.taken += used as u64;
        let waits = used == 0 && matches!(came, Came::More);
        match came {
            Came::Flaw(flaw) => return self.refuse(user, message, used, flaw.answer(), false),
            Came::End => {
                let mail = self.finish();
                self.state = SubmissionState::Open(user, mail);
            }
            Came::Chunk => self.pause(user, message),
            _ => self.state = SubmissionState::Open(user, Mail::Message(message)),
        }
        SubmissionStep::new(used, if waits { SubmissionAct::Read(Side::Client) } else { SubmissionAct::Again })
    }

    fn pause(&mut self, user: User, message: Message) {
        if let MessageSource::Chunks(_, chunk) = &message.source {
            self.answers.extend_from_slice(format!("250 2.0.0 {} octets received\r\n", chunk.size).as_bytes());
        }
        self.state = SubmissionState::Open(user, Mail::Pause(message));
    }

    /// Refuses a message: the relay is dropped, without a final dot if it has a part already, and the rest is swallowed.
    fn refuse(&mut self, user: User, message: Message, used: usize, answer: Vec<u8>, ended: bool) -> SubmissionStep {
        self.relay.leave(message.manner());
        let rest = if ended { None } else { Some(message.rest()) };
        self.refuse_rest(rest, message.taken, answer, SubmissionState::Open(user, Mail::Idle));
        SubmissionStep::new(used, SubmissionAct::Again)
    }

    /// The next chunk of a message that came in part, or the first.
    pub(super) fn chunk(&mut self, user: User, mut message: Message, size: u64, last: bool) {
        let over = message.taken.saturating_add(size) > self.params.limits.message;
        if let MessageSource::Chunks(_, chunk) = &mut message.source {
            *chunk = Chunk { size, left: size, last };
        }
        if over {
            self.refuse(user, message, 0, answer::refusal(RefusalCode::MessageTooLong), false);
        } else {
            self.state = SubmissionState::Open(user, Mail::Message(message));
        }
    }

    /// Drops what is left of something refused.
    pub(super) fn swallow(
        &mut self,
        rest: Rest,
        taken: u64,
        answer: Vec<u8>,
        then: Box<SubmissionState>,
        client: &[u8],
    ) -> SubmissionStep {
        let (used, rest) = match rest {
            Rest::Octets(left) => {
                let used = client.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                (used, Some(left - used as u64).filter(|left| *left > 0).map(Rest::Octets))
            }
            Rest::Data(mut swallow) => {
                let (used, last) = swallow.feed(client);
                (used, (!last).then_some(Rest::Data(swallow)))
            }
        };
        let taken = taken.saturating_add(used as u64);
        if taken > self.params.limits.message.saturating_mul(2) {
            self.answers.extend(answer);
            self.close(RefusalCode::MessageTooLong);
            return SubmissionStep::new(used, SubmissionAct::Again);
        }
        let Some(rest) = rest else {
            self.answers.extend(answer);
            self.state = *then;
            return SubmissionStep::new(used, SubmissionAct::Again);
        };
        self.state = SubmissionState::Swallow { rest, taken, answer, then };
        SubmissionStep::new(used, if used > 0 { SubmissionAct::Again } else { SubmissionAct::Read(Side::Client) })
    }
}
