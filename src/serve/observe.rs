//! What a session writes down while the incident of its owner is on (`crate::incident`), and tells the owner. Otherwise nothing:
//! one comparison for each turn of its loop.

use std::sync::Arc;
use std::time::Instant;

use super::Context;
use super::clock::today;
use crate::fault::{Lang, RefusalCode, Side};
use crate::imap::{self, reply};
use crate::incident::{Answer, AnswerStatus, IncidentWatch, StepDialect, StepWord, note};
use crate::private::Address;
use crate::wire::contract::Motion;

/// The eyes of one session.
pub(super) struct Observer {
    context: Arc<Context>,
    dialect: &'static StepDialect,
    /// Who; none before a login is tried.
    who: Option<Address>,
    /// Up to where beginnings and ends were noticed.
    seen: u64,
    /// Boxed: few sessions ever have one, and all would have the room for it.
    watch: Option<Box<IncidentWatch>>,
}

impl Observer {
    /// Of a session of whom nobody knows whose it is.
    pub(super) fn new(context: &Arc<Context>, dialect: &'static StepDialect) -> Observer {
        Observer { context: context.clone(), dialect, who: None, seen: 0, watch: None }
    }

    /// Somebody tries to log in as `user`. Whether it is the owner, the backend will say: a wrong password is a step too.
    pub(super) fn about(&mut self, user: &str) {
        let who = Address::parse(user).map(|who| self.context.book.sharing(who));
        if who != self.who {
            (self.who, self.watch, self.seen) = (who, None, 0);
        }
        self.look();
    }

    /// Whether steps are written down.
    pub(super) fn is_on(&self) -> bool {
        self.watch.is_some()
    }

    /// Notices beginnings and ends. True when the owner's incident has begun since the last look.
    pub(super) fn look(&mut self) -> bool {
        let changes = self.context.incidents.changes();
        if changes == self.seen {
            return false;
        }
        self.seen = changes;
        let now = Instant::now();
        if self.watch.as_ref().is_some_and(|watch| watch.is_on(now)) {
            return false;
        }
        self.watch =
            self.who.as_ref().and_then(|who| self.context.incidents.watch(who, self.dialect.protocol, now)).map(Box::new);
        self.watch.is_some()
    }

    /// What the owner is told in IMAP while it is on; else nothing.
    pub(super) fn alert(&self) -> Vec<u8> {
        let (Some(watch), Some(who)) = (&self.watch, &self.who) else { return Vec::new() };
        let lang = self.context.book.route(who.domain(), today()).map(|route| route.lang);
        let minutes = watch.left(Instant::now()).as_secs().div_ceil(60);
        reply::incident(lang, minutes)
    }

    /// The same for a protocol that has only its answer to the login to say it in.
    pub(super) fn note(&self) -> Option<String> {
        let (watch, who) = (self.watch.as_ref()?, self.who.as_ref()?);
        let lang = self.context.book.route(who.domain(), today()).map(|route| route.lang);
        Some(note(lang.unwrap_or(Lang::En), watch.left(Instant::now()).as_secs().div_ceil(60)))
    }

    pub(super) fn asked(&self, side: Side, verb: StepWord) {
        if let Some(watch) = &self.watch {
            watch.asked(side, verb, Instant::now());
        }
    }

    /// `side` gave the command in `line`.
    pub(super) fn said(&self, side: Side, line: &[u8]) {
        self.asked(side, (self.dialect.command)(line));
    }

    pub(super) fn answered(&self, side: Side, answer: Option<Answer>) {
        if let (Some(watch), Some(answer)) = (&self.watch, answer) {
            watch.answered(side, answer, Instant::now());
        }
    }

    /// How the backend judged a login: `None` is good.
    pub(super) fn judged(&self, refusal: Option<RefusalCode>) {
        let status = if refusal.is_none() { AnswerStatus::Ok } else { AnswerStatus::No };
        self.answered(Side::Backend, Some(Answer::plain(status, refusal)));
    }

    /// The session is about to do this with what came from the client, where a command begins.
    pub(super) fn imap_command(&self, input: &[u8], step: &imap::ImapStep) {
        match step {
            imap::ImapStep::Need | imap::ImapStep::Hold => {}
            // Nothing was taken: it is a question of ours.
            imap::ImapStep::Rewrite(0, ours) => self.said(Side::Us, ours),
            step => self.said(Side::Client, input.get(..step.taken()).unwrap_or_default()),
        }
    }

    /// What we answer the client ourselves.
    pub(super) fn imap_answer(&self, step: &imap::ImapStep) {
        if let (true, imap::ImapStep::Answer(_, words) | imap::ImapStep::Close(words, _)) = (self.is_on(), step) {
            let last = words.trim_ascii_end().rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
            self.answered(Side::Us, self.answer(last).map(|answer| answer.ours(last)));
        }
    }

    /// The session is about to do this with what came from the backend, where a response begins.
    pub(super) fn imap_response(&self, input: &[u8], step: &imap::ImapStep) {
        match step.taken() {
            0 => {}
            taken => self.answered(Side::Backend, self.answer(input.get(..taken).unwrap_or_default())),
        }
    }

    /// A session of POP3 or ManageSieve is about to do this with what came from the client; `begins`: a command begins there.
    pub(super) fn command(&self, begins: bool, input: &[u8], step: &Motion) {
        if !self.is_on() {
            return;
        }
        let taken = match step {
            // A line without an end.
            Motion::Close(..) => input,
            step => input.get(..step.taken()).unwrap_or_default(),
        };
        if begins && !taken.is_empty() {
            self.said(Side::Client, taken);
        }
        if let Motion::Answer(_, words) | Motion::Close(words, _) = step {
            self.answered(Side::Us, self.answer(words).map(|answer| answer.ours(words)));
        }
    }

    /// The same with what came from the backend.
    pub(super) fn response(&self, begins: bool, input: &[u8], step: &Motion) {
        if !self.is_on() {
            return;
        }
        if begins && step.taken() > 0 {
            self.answered(Side::Backend, self.answer(input.get(..step.taken()).unwrap_or_default()));
        }
        if let Motion::Close(words, _) = step {
            self.answered(Side::Us, self.answer(words).map(|answer| answer.ours(words)));
        }
    }

    fn answer(&self, line: &[u8]) -> Option<Answer> {
        (self.dialect.answer)(line)
    }

    /// Replies of SMTP, of which only the numbers stay, and of ours the code words.
    pub(super) fn smtp_replies(&self, side: Side, lines: &[u8]) {
        for line in lines.split(|byte| *byte == b'\n') {
            let answer = self.answer(line);
            self.answered(side, if side == Side::Us { answer.map(|answer| answer.ours(line)) } else { answer });
        }
    }
}
