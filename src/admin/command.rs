//! What a command is.

use std::iter;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::layout::Canvas;
use super::moment::Moment;
use super::{Audience, Executor, NotDone, Principal, line};

/// One command: what is asked (the struct itself, as clap and serde read it), who may, what is done, and how the answer is printed.
pub trait AdminCommand: Serialize + DeserializeOwned {
    /// Its words on the command line and on the socket.
    const WORD: &'static str;
    /// Whether it changes nothing.
    const LOOKS: bool = false;
    /// What is told when it was done.
    type Told: Serialize + DeserializeOwned;

    /// Who may give it, besides admins.
    fn audience(&self) -> Audience<'_>;

    /// What a refusal is about; none when it is about nothing in particular.
    fn subject(&self) -> Option<String> {
        None
    }

    /// Does it. A change is on disk when this returns.
    fn carry_out(&self, executor: &Executor, at: &Moment<'_>) -> Result<Self::Told, NotDone>;

    /// The whole answer; the commands that have much to say make it in pieces.
    fn reply(&self, executor: &Executor, at: &Moment<'_>) -> ReplyLine {
        whole(line::tell(self.carry_out(executor, at).as_ref()))
    }

    /// The answer for people, with its line ends.
    fn print(told: &Self::Told) -> String;

    /// The same for people at a terminal, where a picture helps.
    fn draw(told: &Self::Told, _canvas: Canvas) -> String {
        Self::print(told)
    }
}

impl Executor {
    /// Carries out what `principal` asks for, or refuses. A change is on disk when this returns.
    ///
    /// # Errors
    /// Why nothing was done.
    pub fn obey<C: AdminCommand>(&self, principal: &Principal, command: &C, at: &Moment<'_>) -> Result<C::Told, NotDone> {
        if principal.may(command.audience(), &self.book) { command.carry_out(self, at) } else { Err(NotDone::not_yours()) }
    }
}

/// An answer's line in pieces of bounded size, each made when it is asked for.
pub type ReplyLine = Box<dyn Iterator<Item = String> + Send>;

/// An answer in one piece.
pub(super) fn whole(line: String) -> ReplyLine {
    Box::new(iter::once(line))
}

/// A request's line, with its end.
pub fn ask<C: AdminCommand>(command: &C) -> String {
    // Every command is a struct: an object.
    let mut fields = serde_json::to_value(command).unwrap_or_default();
    fields["command"] = json!(C::WORD);
    fields["nologd"] = json!(line::VERSION);
    format!("{fields}\n")
}
