//! What a session can be in. Each step takes the state apart and puts the next one together; a fault leaves `Closed`.

use crate::private::{Address, Credential};
use crate::wire::dot;
use crate::wire::sasl::Exchange;

/// The conversation with the mail program.
pub(super) enum SubmissionState {
    /// No EHLO yet, or TLS has just begun.
    Hello,
    /// EHLO was said, no login yet.
    Stranger,
    /// AUTH: the next line is an answer to a challenge.
    Sasl(Exchange),
    /// The driver is judging a credential, or (with a user) the relay is.
    Judging(Option<User>),
    /// Logged in.
    Open(User, Mail),
    /// What comes is dropped up to its end, then `answer` is said.
    Swallow { rest: Rest, taken: u64, answer: Vec<u8>, then: Box<SubmissionState> },
    /// What comes is dropped up to the end of the line.
    LongLine { taken: usize, then: Box<SubmissionState> },
    /// The last words are in the buffer.
    Closed,
}

/// Somebody whose credential was accepted. Made in `SubmissionSession::judged` and after the relay's 235 only.
pub(super) struct User {
    pub address: Address,
    /// For the relay, when it is the relay that judges.
    pub login: Option<Credential>,
}

/// The mail transaction, RFC 5321 3.3.
pub(super) enum Mail {
    Idle,
    /// MAIL was accepted by the relay.
    Envelope(Envelope),
    /// DATA or the first BDAT was said (its size, and whether it is the last one), and somebody is asked whether the message may be sent.
    Counting(Envelope, Option<(u64, bool)>),
    /// The relay is gone, or was refused, in the middle: what is still pipelined fails until the next MAIL or RSET.
    Broken,
    /// The message is coming in.
    Message(Message),
    /// Between two chunks of BDAT.
    Pause(Message),
    /// The relay's reply is awaited.
    Asked(Ask),
}

#[derive(Clone, Copy)]
pub(super) struct Envelope {
    pub tried: usize,
    pub accepted: usize,
    /// MAIL said SMTPUTF8.
    pub utf8: bool,
}

/// What the relay was asked.
pub(super) enum Ask {
    /// `fresh`: the connection was made for this command, so there is no use in trying another one.
    Mail {
        command: Vec<u8>,
        sent: bool,
        fresh: bool,
        utf8: bool,
    },
    Rcpt(Envelope),
    /// `ready` goes out behind the relay's 354: the scrubbed header, stuffed, and what of the body had to be looked at.
    Data {
        message: Message,
        ready: Vec<u8>,
        ended: bool,
    },
    /// The final dot is out, or in the orders.
    Final,
    /// It never left, and the relay is being dropped.
    Withheld,
}

/// A message on its way in.
pub(super) struct Message {
    pub source: MessageSource,
    pub stage: MessageStage,
    /// Octets so far.
    pub taken: u64,
}

pub(super) enum MessageSource {
    Data(dot::Dotted),
    Chunks(dot::Chunked, Chunk),
}

/// The chunk that is coming in.
#[derive(Clone, Copy)]
pub(super) struct Chunk {
    pub size: u64,
    pub left: u64,
    pub last: bool,
}

pub(super) enum MessageStage {
    /// Collecting the header block.
    Header(Vec<u8>),
    /// The header block is there; the scrubber wants to see the start of the body (kept in stuffed form).
    Start(Vec<u8>, Vec<u8>),
    /// Streaming to the relay.
    Body,
}

/// What is left of something refused.
pub(super) enum Rest {
    Data(dot::Swallow),
    Octets(u64),
}
