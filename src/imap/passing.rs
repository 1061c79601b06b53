//! What goes on to the backend: a line of a command that passes, and the literal behind it.

use super::ImapStep;
use super::announcement::announce;
use super::frame::Literal;
use super::session::{ClientPhase, ImapSession};
use super::tag::Tag;
use super::verbs::{Verb, VerbRow};
use crate::fault::{Fault, Side};

impl ImapSession {
    /// The first line of a command goes to the backend.
    pub(super) fn pass_first(
        &mut self,
        line: &[u8],
        taken: usize,
        literal: Option<Literal>,
        (tag, row): (&Tag<'_>, &'static VerbRow),
    ) -> ImapStep {
        if let Some(reuse) = &mut self.reuse {
            reuse.command(tag, row, line, literal);
        }
        if row.verb == Verb::Logout {
            self.selected = None;
        }
        self.closing(tag, row);
        self.tags.open(tag);
        if row.verb == Verb::Unknown {
            self.phase = ClientPhase::Alone { tag: tag.kept() };
        }
        self.pass(line, taken, literal, tag)
    }

    /// Passes a line of the open command `tag` on, and follows the literal behind it: the backend is always asked first.
    /// `taken`: how much of the input that is; none when the line was kept.
    pub(super) fn pass(&mut self, line: &[u8], taken: usize, literal: Option<Literal>, tag: &Tag<'_>) -> ImapStep {
        let Some(literal) = literal else { return forward(line, taken) };
        if !self.tags.holds(tag) {
            // The backend has ended this command already: nobody can say what it takes the next bytes for.
            return self.close(Fault::Garbage(Side::Client));
        }
        self.phase = ClientPhase::AwaitGo { tag: tag.kept(), size: literal.size, ours: !literal.sync };
        if literal.sync {
            return forward(line, taken);
        }
        ImapStep::Rewrite(taken, [&line[..literal.at], &announce(&literal, literal.size)].concat())
    }

    pub(super) fn enter(&mut self, size: u64, tag: Tag<'static>) {
        self.client.enter(size);
        self.phase = if size == 0 { ClientPhase::Rest { tag } } else { ClientPhase::Literal { tag } };
    }
}

/// Sends `line` on: as it lies in the input, or from where it was kept.
fn forward(line: &[u8], taken: usize) -> ImapStep {
    if taken == line.len() { ImapStep::Forward(taken) } else { ImapStep::Rewrite(taken, line.to_vec()) }
}
