//! A conversation with a server behind us, a relay by SMTP or a mailbox server by LMTP: whether it is open, what it is to be told, and how
//! it is left. Submission, LMTP and notices speak to servers through this, and through nothing else; what the replies to their commands
//! come to is in `replied`.
//!
//! One command is out at a time, so a reply can never be taken for that of another command (the verdicts behind an LMTP message come
//! several at once, and in order). No sockets here: what the driver is to do with the connection is an [`ConnAct`], and what came of it
//! a [`Done`].
//!
//! Absent on purpose: pipelining to the server, which is near; which command comes next, which is the session's.

use std::mem;

use zeroize::Zeroizing;

use super::client::{Capabilities, Opening, OpeningStep};
use super::reply::Reply;
use crate::fault::{Fault, Side};

/// Octets for the server: they may hold a password.
pub type Commands = Zeroizing<Vec<u8>>;

/// A conversation with a server.
pub struct Upstream {
    state: ConnState,
    commands: Commands,
    reuse: Reuse,
}

enum ConnState {
    /// There is no connection.
    Away,
    Opening(Opening),
    /// Mail can be handed over.
    Ready(Capabilities),
    /// To be parked by the driver in the next step.
    Parking(Capabilities),
    /// To be closed by the driver in the next step.
    Leaving(Manner),
}

/// Whether the connection may serve another session when this one is done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reuse {
    /// It closes.
    Never,
    /// Another session may have it, if nothing is under way.
    Clean,
    /// Not this one: somebody is logged in on it, or something was refused on it, and relays count that.
    Dirty,
}

/// What the driver is to do with the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnAct {
    /// Make it, or take one that was parked; then [`Done`] is told.
    Connect,
    /// Drop what came, start TLS; then [`Done`] is told.
    Secure,
    /// Send the [`Manner::last_words`] if the server takes them, and close.
    HangUp(Manner),
    /// Park it for any other session: nothing is under way on it.
    Park(Capabilities),
}

/// What came of [`ConnAct::Connect`] and [`ConnAct::Secure`], or of the connection at any time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// The server took it; `starttls` if TLS is to be asked for.
    Connected {
        /// See above.
        starttls: bool,
    },
    /// Another session has parked it. The server may have closed it meanwhile: then the first command fails, and
    /// [`ConnAct::Connect`] comes again and wants a new one.
    Reused(Capabilities),
    /// TLS is up.
    Secured,
    /// It cannot be made, is gone, or the server is too slow. The driver has no connection any more.
    Failed(Fault),
}

/// How far the opening came.
pub enum Opened {
    /// The driver has to do this first.
    Act(ConnAct),
    /// The server's next reply is awaited.
    Read,
    /// Mail can be handed over.
    Ready(Capabilities),
    /// The server is there and refuses the credential.
    Denied,
    /// The server cannot be used.
    Failed(Fault),
}

impl Upstream {
    /// No connection yet. `reuse`: whether it may be parked one day, if it proves [`Reuse::Clean`].
    pub fn new(reuse: Reuse) -> Upstream {
        Upstream { state: ConnState::Away, commands: Commands::default(), reuse }
    }

    /// Whether there is no connection.
    pub fn is_away(&self) -> bool {
        matches!(self.state, ConnState::Away)
    }

    /// Whether the connection is being opened.
    pub fn is_opening(&self) -> bool {
        matches!(self.state, ConnState::Opening(_))
    }

    /// Whether mail can be handed over.
    pub fn is_ready(&self) -> bool {
        self.capabilities().is_some()
    }

    /// What the server can do, once mail can be handed over.
    pub fn capabilities(&self) -> Option<Capabilities> {
        match self.state {
            ConnState::Ready(capabilities) => Some(capabilities),
            _ => None,
        }
    }

    /// Says this to the server, behind what is to be said already.
    pub fn say(&mut self, command: &[u8]) {
        self.commands.extend_from_slice(command);
    }

    /// What is to be said, to write a message behind it.
    pub fn commands_mut(&mut self) -> &mut Vec<u8> {
        &mut self.commands
    }

    /// What is to be sent, and forgets it here.
    pub fn commands(&mut self) -> Commands {
        mem::take(&mut self.commands)
    }

    /// Octets that wait to be sent.
    pub fn gathered(&self) -> usize {
        self.commands.len()
    }

    /// What the driver has to do before anything else.
    pub fn act(&mut self) -> Option<ConnAct> {
        let act = match self.state {
            ConnState::Leaving(manner) => ConnAct::HangUp(manner),
            ConnState::Parking(capabilities) => ConnAct::Park(capabilities),
            _ => return None,
        };
        self.state = ConnState::Away;
        Some(act)
    }

    /// The server took the connection. `opening` is what is said first; `own`: somebody logs in, so the connection is theirs alone.
    pub fn connected(&mut self, opening: Opening, own: bool) {
        self.state = ConnState::Opening(opening);
        if self.reuse != Reuse::Never {
            self.reuse = if own { Reuse::Dirty } else { Reuse::Clean };
        }
    }

    /// The connection was parked by another session.
    pub fn reused(&mut self, capabilities: Capabilities) {
        self.reuse = Reuse::Clean;
        self.state = ConnState::Ready(capabilities);
    }

    /// TLS is up.
    pub fn secured(&mut self) {
        if let ConnState::Opening(opening) = mem::replace(&mut self.state, ConnState::Leaving(Manner::AtOnce)) {
            let (command, opening) = opening.secured();
            self.commands = command;
            self.state = ConnState::Opening(opening);
        }
    }

    /// The driver has no connection any more, or never had it.
    pub fn failed(&mut self) {
        self.leave(Manner::AtOnce);
        self.state = ConnState::Away;
    }

    /// Something was refused on the connection: it is not for others.
    pub fn spoil(&mut self) {
        if self.reuse == Reuse::Clean {
            self.reuse = Reuse::Dirty;
        }
    }

    /// Whether another session may have the connection, as far as is known by now.
    pub fn is_shared(&self) -> bool {
        self.reuse == Reuse::Clean
    }

    /// Nothing is under way on the connection: where another session may have it, it is parked. RFC 5321 4.1.1.4: behind a message that was
    /// taken the server is as after RSET, so none is said.
    pub fn give_back(&mut self) {
        if let (ConnState::Ready(capabilities), Reuse::Clean) = (&self.state, self.reuse) {
            self.state = ConnState::Parking(*capabilities);
        }
    }

    /// Drops the connection.
    pub fn leave(&mut self, manner: Manner) {
        self.commands.clear();
        self.state = match (mem::replace(&mut self.state, ConnState::Away), manner) {
            (ConnState::Away, _) => ConnState::Away,
            (ConnState::Ready(_), manner) => ConnState::Leaving(manner),
            (_, Manner::WithQuit) => ConnState::Leaving(Manner::AtOnce),
            (_, manner) => ConnState::Leaving(manner),
        };
    }

    /// Goes on opening with what the server said: how many octets are done with, and how far it came.
    pub fn open(&mut self, input: &[u8]) -> (usize, Opened) {
        let opening = match mem::replace(&mut self.state, ConnState::Away) {
            ConnState::Opening(opening) => opening,
            ConnState::Ready(capabilities) => {
                self.state = ConnState::Ready(capabilities);
                return (0, Opened::Ready(capabilities));
            }
            ConnState::Away | ConnState::Parking(_) | ConnState::Leaving(_) => return (0, Opened::Act(ConnAct::Connect)),
        };
        let (reply, used) = match Reply::parse(input) {
            Ok(Some(parsed)) => parsed,
            Ok(None) => {
                self.state = ConnState::Opening(opening);
                return (0, Opened::Read);
            }
            Err(fault) => {
                self.state = ConnState::Opening(opening);
                return (input.len(), Opened::Failed(fault));
            }
        };
        // Until it is told otherwise below, the connection is one to be closed.
        self.state = ConnState::Leaving(Manner::AtOnce);
        let ahead = used < input.len();
        let opened = match opening.reply(&reply) {
            OpeningStep::Secure(opening) => {
                self.state = ConnState::Opening(opening);
                return (input.len(), Opened::Act(ConnAct::Secure));
            }
            // Bytes that came ahead of our question cannot be its answer (RFC 3207 4.2 and NO STARTTLS, 2021).
            OpeningStep::Send(..) | OpeningStep::Ready(_) if ahead => Opened::Failed(Fault::Garbage(Side::Backend)),
            OpeningStep::Send(command, opening) => {
                self.commands = command;
                self.state = ConnState::Opening(opening);
                Opened::Read
            }
            OpeningStep::Ready(capabilities) => {
                self.state = ConnState::Ready(capabilities);
                Opened::Ready(capabilities)
            }
            OpeningStep::Denied => Opened::Denied,
            OpeningStep::Failed(fault) => Opened::Failed(fault),
        };
        (used, opened)
    }
}

/// How a connection is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// With QUIT: mail can be handed over, and nothing is half sent.
    WithQuit,
    /// Without a further octet. A message that is half sent must not get its final dot.
    AtOnce,
    /// The same, for this fault of the server's.
    For(Fault),
}

impl Manner {
    /// What the server still hears.
    pub fn last_words(self) -> &'static [u8] {
        if self == Manner::WithQuit { b"QUIT\r\n" } else { b"" }
    }
}
