//! Reading a message, by DATA (RFC 5321 4.5.2) or in chunks (RFC 3030 2): how far what came is good, and what no message may hold.

use super::state::MessageSource;
use crate::fault::RefusalCode;
use crate::smtp::answer;
use crate::wire::dot::{self, Next};

/// What was read of a message.
pub(super) enum Came {
    /// More must come first (or comes in the next step, if something was used).
    More,
    /// The header block is complete.
    Blank,
    /// A chunk is complete, and it is not the last.
    Chunk,
    /// The message is complete.
    End,
    /// What no message may hold.
    Flaw(MessageFlaw),
}

pub(super) enum MessageFlaw {
    /// A CR or LF alone.
    Bare,
    /// A NUL.
    Nul,
}

impl MessageFlaw {
    pub(super) fn answer(self) -> Vec<u8> {
        match self {
            MessageFlaw::Bare => answer::refusal(RefusalCode::BareLineEnd),
            MessageFlaw::Nul => answer::coded("550 5.6.0", "A NUL in the message", RefusalCode::MessageMalformed),
        }
    }
}

impl MessageSource {
    /// Copies what can be taken of `client` behind `out`: how many octets are done with, and what came.
    pub(super) fn take(&mut self, client: &[u8], header: bool, out: &mut Vec<u8>) -> (usize, Came) {
        match self {
            MessageSource::Data(dotted) => {
                let seen = if header { dotted.header(client) } else { dotted.body(client) };
                out.extend_from_slice(&client[..seen.pass]);
                match seen.next {
                    Next::More => (seen.pass, Came::More),
                    Next::Blank => (seen.pass, Came::Blank),
                    Next::Bare => (seen.pass, Came::Flaw(MessageFlaw::Bare)),
                    Next::Nul => (seen.pass, Came::Flaw(MessageFlaw::Nul)),
                    Next::End => (seen.pass + dot::END.len(), Came::End),
                }
            }
            MessageSource::Chunks(counted, chunk) => {
                let window = &client[..client.len().min(usize::try_from(chunk.left).unwrap_or(usize::MAX))];
                let seen = if header { counted.header(window, out) } else { counted.body(window, out) };
                chunk.left -= seen.pass as u64;
                let came = match seen.next {
                    Next::Bare => Came::Flaw(MessageFlaw::Bare),
                    Next::Nul => Came::Flaw(MessageFlaw::Nul),
                    Next::Blank => Came::Blank,
                    _ if chunk.left > 0 => Came::More,
                    _ if !chunk.last => Came::Chunk,
                    _ if counted.finish(out) => Came::End,
                    _ => Came::Flaw(MessageFlaw::Bare),
                };
                (seen.pass, came)
            }
        }
    }
}
