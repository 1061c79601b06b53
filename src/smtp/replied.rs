//! What the reply to a command of ours comes to (RFC 5321 4.2): yes, no, or a server that is lost.

use super::reply::Reply;
use crate::fault::{Fault, Side};

/// What a reply is to be, if the server says yes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// 2xx.
    Done,
    /// 354: the message may come.
    Message,
}

/// What was heard of a reply.
pub enum Replied {
    /// More of it is to come.
    Part,
    /// The server says yes.
    Yes(Reply),
    /// The server says no: 4xx or 5xx.
    No(Reply),
    /// It was no reply, or 421, with which the server closes.
    Lost(Fault),
}

/// Reads the reply to the command that is out from the front of `input`: how many octets are done with, and what it was.
pub fn hear(input: &[u8], wanted: Wanted) -> (usize, Replied) {
    let (reply, used) = match Reply::parse(input) {
        Ok(None) => return (0, Replied::Part),
        Ok(Some(parsed)) => parsed,
        Err(fault) => return (input.len(), Replied::Lost(fault)),
    };
    let yes = match wanted {
        Wanted::Done => reply.is_positive(),
        Wanted::Message => reply.code() == 354,
    };
    let heard = match reply.code() {
        // To our own client a 421 would say that we close.
        421 => Replied::Lost(Fault::Gone(Side::Backend)),
        _ if yes => Replied::Yes(reply),
        _ if reply.is_negative() => Replied::No(reply),
        _ => Replied::Lost(Fault::Garbage(Side::Backend)),
    };
    (used, heard)
}
