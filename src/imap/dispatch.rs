//! Which way a command goes: through, to the client with an answer of ours, or to the one who judges it.

use super::collect::Collect;
use super::command::{self, CommandHead};
use super::folders::{Delete, Rename};
use super::frame::{Flaw, Literal};
use super::getquota::GetQuota;
use super::grammar::{append as append_grammar, folder, quoted, transfer as transfer_grammar};
use super::peers::MessageNumbers;
use super::question::Asked;
use super::refusing::refusal;
use super::session::{ClientPhase, ImapSession, Pending, SWALLOW, WaitingCommand};
use super::tag::Tag;
use super::transferring::Transfer;
use super::verbs::{Args, Effect, JudgedAs, Verb, VerbRow};
use super::{ImapStep, reply};
use crate::fault::RefusalCode;

/// A line without literals, to be decided about anew when what was asked is known.
struct KeptLine(Vec<u8>);

impl KeptLine {
    fn pending(line: &[u8]) -> Pending {
        Pending::Judged(Box::new(KeptLine(line.to_vec())))
    }
}

impl WaitingCommand for KeptLine {
    fn go_on(self: Box<Self>, session: &mut ImapSession, taken: usize) -> ImapStep {
        session.command(&self.0, taken, None, None)
    }
}

impl ImapSession {
    /// The first line of a command. `taken`: how much of the input it is; none when it was kept.
    pub(super) fn command(&mut self, line: &[u8], taken: usize, literal: Option<Literal>, flaw: Option<Flaw>) -> ImapStep {
        self.phase = ClientPhase::Command;
        let Some(head) = command::head(line).filter(|_| flaw.is_none()) else { return self.unreadable(line, taken, literal) };
        let verb = match head.row.verb {
            Verb::Uid => command::behind_uid(head.arguments),
            _ => Some((head.row, head.arguments)),
        };
        let Some((row, arguments)) = verb else { return self.unreadable(line, taken, literal) };
        let fits = match row.args {
            Args::None => arguments.is_empty() && literal.is_none(),
            Args::Line => literal.is_none(),
            Args::Literals | Args::Messages => true,
        };
        // Two commands of one tag could not be told apart by their answers.
        if !fits || self.tags.holds(&head.tag) {
            return self.unreadable(line, taken, literal);
        }
        self.understood();
        let numbers = row.args == Args::Messages && head.row.verb != Verb::Uid;
        if numbers && self.numbers != MessageNumbers::Known {
            // It may mean other messages by now. The answer comes behind the EXPUNGE, and so brings the client up to date.
            self.answered();
            return self.refuse(taken, literal, reply::no(&head.tag, "EXPUNGEISSUED", RefusalCode::NoSuchMessage), SWALLOW);
        }
        match row.effect {
            Effect::Refused => {
                let answer = refusal(row.verb, &head.tag);
                self.refuse(taken, literal, answer, SWALLOW)
            }
            Effect::Ours => self.refuse(taken, literal, reply::id(&head.tag), SWALLOW),
            Effect::Nothing => self.pass_first(line, taken, literal, (&head.tag, row)),
            Effect::Shrinks => self.shrinking(line, taken, (&head.tag, row)),
            Effect::Last => self.last_word(line, taken, &head),
            Effect::Judged(judged) => {
                let start = line.len() - 2 - arguments.len();
                let by_uid = head.row.verb == Verb::Uid;
                let collect = Box::new(Collect::new(&head.tag, (row, judged), by_uid, start));
                self.collect(collect, line, taken, literal)
            }
        }
    }

    /// EXPUNGE, UID EXPUNGE, CLOSE: none of them takes a literal.
    fn shrinking(&mut self, line: &[u8], taken: usize, command: (&Tag<'_>, &'static VerbRow)) -> ImapStep {
        if let Err(code) = self.may_change() {
            return self.refuse(taken, None, reply::refused(command.0, code), SWALLOW);
        }
        if let Some(step) = self.shrinks_others(line, taken, command.0) {
            return step;
        }
        self.gate.shrinks(command.0);
        self.pass_first(line, taken, None, command)
    }

    /// IDLE and LOGOUT: for a while the client asks nothing any more, or never again.
    fn last_word(&mut self, line: &[u8], taken: usize, head: &CommandHead<'_>) -> ImapStep {
        if head.row.verb == Verb::Idle {
            return self.idle(line, taken, head);
        }
        self.needs_no_folder();
        // The session that stays behind counts then; one that a pool may keep does not stay.
        if self.reuse.is_none()
            && let Some(goodbye) = self.stay_behind(head)
        {
            return ImapStep::Answer(taken, goodbye);
        }
        if self.gate.asks_at_end() && self.may_count() {
            self.gate.end();
            return self.count(KeptLine::pending(line), taken);
        }
        if self.leave(head) {
            return ImapStep::Swallow(taken);
        }
        self.pass_first(line, taken, None, (&head.tag, head.row))
    }

    /// Collects a command that is judged whole, from the line that is at hand.
    fn collect(&mut self, mut collect: Box<Collect>, line: &[u8], taken: usize, literal: Option<Literal>) -> ImapStep {
        let before = collect.text.len();
        let fits = collect.line(line, literal.map_or(0, |literal| literal.size));
        let Some(literal) = literal else { return self.whole(*collect, taken) };
        let at = before + literal.at;
        if let Some(store) = storing(collect.judged, collect.arguments(at)) {
            return store(self, &collect, taken, literal, at);
        }
        if !fits || literal.binary {
            return self.refuse(taken, Some(literal), reply::bad(&collect.tag, RefusalCode::Syntax), SWALLOW);
        }
        // Of an empty literal nothing comes.
        if collect.is_complete() {
            self.client.enter(0);
        }
        self.phase = ClientPhase::Collect(collect);
        if literal.sync { ImapStep::Answer(taken, reply::go_on()) } else { ImapStep::Swallow(taken) }
    }

    /// Octets of a literal of it came.
    pub(super) fn collected(&mut self, taken: usize) -> ImapStep {
        if let ClientPhase::Collect(collect) = &mut self.phase
            && collect.is_complete()
        {
            self.client.enter(0);
        }
        ImapStep::Swallow(taken)
    }

    /// A further line of it.
    pub(super) fn collect_line(
        &mut self,
        collect: Box<Collect>,
        line: &[u8],
        literal: Option<Literal>,
        flaw: Option<Flaw>,
    ) -> ImapStep {
        if flaw.is_some() {
            return self.refuse(line.len(), literal, reply::bad(&collect.tag, RefusalCode::Syntax), SWALLOW);
        }
        self.collect(collect, line, line.len(), literal)
    }

    /// A judged command is there, to its end.
    fn whole(&mut self, collect: Collect, taken: usize) -> ImapStep {
        let arguments = collect.arguments(collect.text.len());
        let tag = &collect.tag;
        match collect.judged {
            // Without a message.
            JudgedAs::Append => self.refuse(taken, None, reply::bad(tag, RefusalCode::Syntax), SWALLOW),
            JudgedAs::Open | JudgedAs::Create => match folder::named(arguments) {
                Some((name, rest)) => self.folder(&collect, taken, &name, rest),
                None => self.refuse(taken, None, reply::bad(tag, RefusalCode::Syntax), SWALLOW),
            },
            JudgedAs::SetAcl => match folder::acl(arguments) {
                Some(words) if !self.hides_from_self(&words[1]) => self.pass_words(&collect, taken, &words),
                Some(_) => self.refuse(taken, None, reply::no(tag, "NOPERM", RefusalCode::NotHere), SWALLOW),
                None => self.refuse(taken, None, reply::bad(tag, RefusalCode::Syntax), SWALLOW),
            },
            JudgedAs::Delete => match folder::named(arguments) {
                Some((name, b"")) => self.delete(Box::new(Delete { tag: tag.clone(), name }), taken),
                _ => self.refuse(taken, None, reply::bad(tag, RefusalCode::Syntax), SWALLOW),
            },
            JudgedAs::Rename => match folder::rename(arguments) {
                Some((from, to)) => self.rename(Box::new(Rename { tag: tag.clone(), from, to }), taken),
                None => self.refuse(taken, None, reply::bad(tag, RefusalCode::Syntax), SWALLOW),
            },
            JudgedAs::Transfer => match transfer_grammar::transfer(arguments) {
                Some((set, mailbox)) => {
                    let (tag, verb, by_uid, set) = (tag.clone(), collect.row.verb, collect.by_uid, set.to_vec());
                    let transfer = Transfer { tag, verb, by_uid, set, mailbox, told: None, asked: Asked::Nothing };
                    self.transfer(Box::new(transfer), taken)
                }
                None => self.refuse(taken, None, reply::bad(tag, RefusalCode::Syntax), SWALLOW),
            },
            // Another node counts, and answers.
            JudgedAs::Quota if collect.row.verb != Verb::SetQuota && self.gate.account().is_none() => {
                match folder::named(arguments) {
                    Some((name, b"")) => self.pass_collected(&collect, taken, &quoted(&name)),
                    _ => self.refuse(taken, None, reply::bad(tag, RefusalCode::Syntax), SWALLOW),
                }
            }
            JudgedAs::Quota => {
                let command = GetQuota { tag: collect.tag, text: collect.text, asked: false };
                self.getquota(Box::new(command), taken)
            }
        }
    }

    /// SELECT, EXAMINE, CREATE: as they were written, unless the name came as a literal.
    fn folder(&mut self, collect: &Collect, taken: usize, name: &[u8], rest: &[u8]) -> ImapStep {
        if collect.judged == JudgedAs::Create {
            if let Err(code) = self.may_change() {
                return self.refuse(taken, None, reply::refused(&collect.tag, code), SWALLOW);
            }
            // A new folder may be a special one.
            self.places_asked = false;
        } else {
            self.select(&collect.tag, name);
        }
        self.pass_collected(collect, taken, &[&quoted(name), rest].concat())
    }

    /// Somebody else's folder, which is open, may hold less afterwards: its owner is counted anew. Asks whose it is, if that is not
    /// known.
    fn shrinks_others(&mut self, line: &[u8], taken: usize, tag: &Tag<'_>) -> Option<ImapStep> {
        self.selected.as_ref().filter(|selected| !selected.is_inbox())?;
        if self.wants_places() {
            return Some(self.ask_places(KeptLine::pending(line), taken));
        }
        if let Some(owner) = self.whose(&self.known_places()) {
            self.gate.deletion_for(tag, &owner);
        }
        None
    }

    /// Whether SETACL for `identifier` could hide a folder from its owner, and so from the count (RFC 4314 2, Dovecot's `!`).
    fn hides_from_self(&self, identifier: &[u8]) -> bool {
        let Some(account) = self.gate.account() else { return false };
        let (negative, name) = identifier.strip_prefix(b"-").map_or((false, identifier), |name| (true, name));
        let is = |word: &[u8]| name.eq_ignore_ascii_case(word);
        let many = is(b"anyone") || is(b"authenticated") || name.starts_with(b"$") || name.starts_with(b"group=");
        account.is_self(name) || is(b"owner") || name.starts_with(b"!") || negative && many
    }

    fn pass_words(&mut self, collect: &Collect, taken: usize, words: &[Vec<u8>]) -> ImapStep {
        let quoted: Vec<_> = words.iter().map(|word| quoted(word)).collect();
        self.pass_collected(collect, taken, &quoted.join(&b' '))
    }

    /// A command that was collected, as it was written; where a word came as a literal, `arguments` have it as a string.
    fn pass_collected(&mut self, collect: &Collect, taken: usize, arguments: &[u8]) -> ImapStep {
        let line = [&collect.text[..collect.start], arguments, b"\r\n"].concat();
        let as_written = collect.text.iter().filter(|byte| **byte == b'\n').count() == 1;
        let command = (&collect.tag, collect.row);
        if as_written {
            return self.pass_first(&collect.text, taken, None, command);
        }
        // It may be as long as what is at the front of the input, and is not that.
        match self.pass_first(&line, 0, None, command) {
            ImapStep::Rewrite(_, line) => ImapStep::Rewrite(taken, line),
            step => step,
        }
    }
}

/// Goes on with a command whose message is announced.
type StoreMessage = fn(&mut ImapSession, &Collect, usize, Literal, usize) -> ImapStep;

/// What goes on where the literal that is announced behind `arguments` is a message, and passes; none where it is a part of the command.
fn storing(judged: JudgedAs, arguments: &[u8]) -> Option<StoreMessage> {
    match judged {
        JudgedAs::Append => (!append_grammar::name_follows(arguments)).then_some(ImapSession::append),
        JudgedAs::Create | JudgedAs::Delete | JudgedAs::Open | JudgedAs::Quota => None,
        JudgedAs::Rename | JudgedAs::SetAcl | JudgedAs::Transfer => None,
    }
}
