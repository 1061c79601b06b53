//! After login: one command at a time goes to the backend, and its response is followed to its end.
//!
//! What was deleted reaches the book when QUIT has its answer, whatever that says, and also when none comes: the backend may have
//! deleted all, some or nothing (RFC 1939 6), so the number stays as it is, and a count is wanted.

use std::sync::Arc;

use super::capability::{self, FoundList};
use super::command::{CommandKind, parse};
use super::frame::{Pop3Line, ResponseEnd, line};
use super::reply;
use super::upstream_login::STATUS;
use crate::fault::{Fault, RefusalCode, Side};
use crate::wire::contract::{Carried, CarriedState, Motion};

/// Octets of one command after login (RFC 2449 4).
pub const COMMAND: usize = 255;

/// The person's place in the book.
pub trait Maildrop: Send + Sync {
    /// Whether messages may be deleted now: asked when they are marked, and again when all that is marked goes.
    ///
    /// # Errors
    /// What the person is told.
    fn may_delete(&self) -> Result<(), RefusalCode>;

    /// There may be less in the mailbox than the book says: QUIT was answered.
    fn freed(&self);

    /// The same where it was not, so that the backend may still be at it.
    fn perhaps_freed(&self);
}

/// Whom it waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expects {
    /// A command.
    Command,
    /// The status line of the response to it.
    Status(CommandKind),
    /// The rest of the response.
    Rest(ResponseEnd),
    /// The rest of the response to CAPA, which is read whole.
    List,
    /// Nothing: QUIT was answered.
    Nothing,
    /// Nothing: it failed.
    Broken(Fault),
}

/// A session after login.
pub struct Pop3Session {
    expects: Expects,
    maildrop: Arc<dyn Maildrop>,
    /// Messages are marked to be deleted at QUIT.
    marked: bool,
}

impl Pop3Session {
    /// Begins after the login's +OK.
    pub fn new(maildrop: Arc<dyn Maildrop>) -> Pop3Session {
        Pop3Session { expects: Expects::Command, maildrop, marked: false }
    }

    /// Servers say why they go, without being asked. Anything else would be taken for the answer to the next command.
    fn unasked(&mut self, input: &[u8]) -> Motion {
        match capability::status(input, STATUS) {
            None => Motion::Need,
            Some(Some((_, false))) => self.fail(Fault::Gone(Side::Backend)),
            Some(_) => self.fail(Fault::Garbage(Side::Backend)),
        }
    }

    fn status(&mut self, kind: CommandKind, input: &[u8]) -> Motion {
        let (len, good) = match capability::status(input, STATUS) {
            None => return Motion::Need,
            Some(None) => return self.fail(Fault::Garbage(Side::Backend)),
            Some(Some(status)) => status,
        };
        self.expects = match kind {
            CommandKind::Capa if good => Expects::List,
            CommandKind::Quit => Expects::Nothing,
            kind if good && kind.is_multi_line() => Expects::Rest(ResponseEnd::default()),
            _ => Expects::Command,
        };
        match kind {
            CommandKind::Capa if good => return Motion::Rewrite(len, Vec::new()),
            // Ours holds without theirs.
            CommandKind::Capa => return Motion::Rewrite(len, capability::after_login(b"")),
            CommandKind::Dele => self.marked |= good,
            CommandKind::Rset => self.marked &= !good,
            CommandKind::Quit if std::mem::take(&mut self.marked) => self.maildrop.freed(),
            _ => {}
        }
        Motion::Forward(len)
    }

    /// A QUIT went out, if one did, and has no answer.
    fn give_up(&mut self) {
        if self.expects == Expects::Status(CommandKind::Quit) && std::mem::take(&mut self.marked) {
            self.maildrop.perhaps_freed();
        }
    }

    fn fail(&mut self, fault: Fault) -> Motion {
        self.give_up();
        self.expects = Expects::Broken(fault);
        Motion::Close(reply::ended(fault), fault)
    }
}

impl Carried for Pop3Session {
    fn state(&self) -> CarriedState {
        match self.expects {
            Expects::Command => CarriedState::AtRest,
            Expects::Status(CommandKind::Quit) => CarriedState::Leaving,
            Expects::Status(_) | Expects::List => CarriedState::Asked,
            Expects::Rest(_) => CarriedState::InResponse,
            Expects::Nothing => CarriedState::Left,
            Expects::Broken(_) => CarriedState::Broken,
        }
    }

    fn client_says(&mut self, input: &[u8]) -> Motion {
        match self.expects {
            Expects::Command => {}
            Expects::Broken(fault) => return Motion::Close(Vec::new(), fault),
            Expects::Status(_) | Expects::Rest(_) | Expects::List | Expects::Nothing => return Motion::Hold,
        }
        let (len, clean) = match line(input, COMMAND) {
            Pop3Line::Need => return Motion::Need,
            Pop3Line::TooLong => return self.fail(Fault::TooLong(Side::Client)),
            Pop3Line::Whole { len, clean } => (len, clean),
        };
        let command = if clean { parse(&input[..len - 2]) } else { Err(RefusalCode::Syntax) };
        let command = command.and_then(|command| match command.kind {
            CommandKind::Dele => self.maildrop.may_delete().map(|()| command),
            _ => Ok(command),
        });
        // It is QUIT that deletes, and much may have changed since DELE. Without it nothing is deleted (RFC 1939 6).
        let quits = self.marked && command.as_ref().is_ok_and(|command| command.kind == CommandKind::Quit);
        if let Err(code) = if quits { self.maildrop.may_delete() } else { Ok(()) } {
            return self.fail(Fault::Barred(code));
        }
        match command {
            Ok(command) => {
                self.expects = Expects::Status(command.kind);
                Motion::Rewrite(len, command.spelling.into_bytes())
            }
            Err(code) => Motion::Answer(len, reply::refused(code)),
        }
    }

    fn backend_says(&mut self, input: &[u8]) -> Motion {
        match self.expects {
            Expects::Broken(fault) => Motion::Close(Vec::new(), fault),
            _ if input.is_empty() => Motion::Need,
            Expects::Command => self.unasked(input),
            Expects::Status(kind) => self.status(kind, input),
            Expects::Rest(mut end) => {
                let (len, ended) = end.scan(input);
                self.expects = if ended { Expects::Command } else { Expects::Rest(end) };
                Motion::Forward(len)
            }
            Expects::List => match capability::find(input) {
                FoundList::Need => Motion::Need,
                FoundList::TooLong => self.fail(Fault::Garbage(Side::Backend)),
                FoundList::Whole(len) => {
                    self.expects = Expects::Command;
                    Motion::Rewrite(len, capability::after_login(&input[..len]))
                }
            },
            Expects::Nothing => Motion::Hold,
        }
    }
}

impl Drop for Pop3Session {
    fn drop(&mut self) {
        self.give_up();
    }
}
