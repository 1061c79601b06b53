//! One pass over the parts: each field is dropped, kept or written anew; then what is missing is added (RFC 6409 8), and all of
//! it goes out in the order and spelling of the rules, because both tell the program that wrote it.

use crate::policy::headers::{Action, HeaderRule, Headers, Profile, UnseenPayload};
use crate::wire::header::{Field, Part};

use super::context::MessageContext;
use super::message_id::{Mint, identifier};
use super::protection::{self, HeaderCopy};
use super::signed::Signed;
use super::{date, mime, references, sender};

/// What holds for the whole message.
pub(super) struct Rewrite<'a> {
    headers: &'a Headers,
    mint: &'a Mint,
    context: &'a MessageContext<'a>,
    parts: &'a [Part<'a>],
    /// Of each part that is a field.
    rules: Vec<Option<HeaderRule<'a>>>,
    signed: Signed,
    /// Date, Message-ID, references and Content-* have a protected copy.
    protected: bool,
    /// The Resent fields are the member's own.
    resent: bool,
    /// The field that holds the Message-ID, see [`Rewrite::run`].
    id: Option<usize>,
    /// See [`references::own_side`].
    own_side: Option<Vec<u8>>,
}

/// The fields on their way out.
#[derive(Default)]
struct Out {
    text: Vec<u8>,
    /// The place of each field, and where it ends in `text`.
    fields: Vec<(usize, usize)>,
}

impl Out {
    /// Notes what was written since the last call, if anything, as one field. Whether there was something.
    fn end(&mut self, place: usize) -> bool {
        let from = self.fields.last().map_or(0, |(_, end)| *end);
        let written = self.text.len() > from;
        if written {
            self.fields.push((place, self.text.len()));
        }
        written
    }

    /// The fields by their places; equal ones as they came.
    fn sorted(self) -> Vec<u8> {
        if self.fields.is_sorted_by_key(|(place, _)| *place) {
            return self.text;
        }
        let starts = std::iter::once(0).chain(self.fields.iter().map(|(_, end)| *end));
        let mut spans: Vec<_> = starts.zip(&self.fields).map(|(start, (place, end))| (*place, start..*end)).collect();
        spans.sort_by_key(|(place, _)| *place);
        let mut text = Vec::with_capacity(self.text.len() + 2);
        spans.into_iter().for_each(|(_, span)| text.extend_from_slice(self.text.get(span).unwrap_or_default()));
        text
    }
}

impl<'a> Rewrite<'a> {
    pub(super) fn new(
        headers: &'a Headers,
        mint: &'a Mint,
        context: &'a MessageContext<'a>,
        parts: &'a [Part<'a>],
    ) -> Rewrite<'a> {
        let protected = match protection::find(parts, context.body_start) {
            HeaderCopy::None => false,
            HeaderCopy::Present => true,
            HeaderCopy::Unseen => headers.unseen_payload() == UnseenPayload::Leave,
        };
        let rule = |part: &Part<'_>| match part {
            Part::Field(field) => Some(headers.rule(field.name(), context.profile, context.writer)),
            Part::Malformed(_) | Part::End(_) => None,
        };
        let rules: Vec<_> = parts.iter().map(rule).collect();
        let signs = |rule: &Option<HeaderRule<'_>>| rule.is_some_and(|rule| rule.action == Action::Signature);
        let signed = Signed::read(parts.iter().zip(&rules).filter(|(_, rule)| signs(rule)).map(|(part, _)| part));
        let resent = sender::is_resent_by_owner(parts, context.owns);
        // RFC 5322 3.6: at most one Message-ID. Of several, the first that holds an identifier is kept; one that is signed
        // or protected stays in any case.
        let id = parts
            .iter()
            .position(|part| matches!(part, Part::Field(field) if is_id(field) && identifier(field.value()).is_some()));
        let mut rewrite = Rewrite { headers, mint, context, parts, rules, signed, protected, resent, id, own_side: None };
        rewrite.own_side = rewrite.find_own_side();
        rewrite
    }

    pub(super) fn run(&self) -> Vec<u8> {
        let size: usize = self.parts.iter().map(|part| part.raw().len()).sum();
        let mut out = Out { text: Vec::with_capacity(size + 512), fields: Vec::with_capacity(self.parts.len() + 3) };
        let submission = self.context.profile == Profile::Submission;
        if submission {
            self.add_trace(&mut out.text);
            out.end(0);
        }
        let (mut dated, mut identified) = (false, false);
        let mut end: &[u8] = b"";
        for (at, (part, rule)) in self.parts.iter().zip(&self.rules).enumerate() {
            match part {
                Part::Field(field) => {
                    let Some(rule) = rule.map(|rule| self.unless_protected(field, rule)) else { continue };
                    let superfluous = is_id(field) && self.id.is_some_and(|id| id != at);
                    self.field(field, &rule, superfluous, &mut out.text);
                    let written = out.end(rule.place);
                    dated |= written && field.is("Date");
                    identified |= written && is_id(field);
                }
                Part::Malformed(_) => {}
                Part::End(raw) => end = raw,
            }
        }
        if submission {
            self.add_missing(dated, identified, &mut out);
        }
        // The order in which fields of the same name stand may be signed (RFC 6376 5.4.2).
        let mut text = if self.signed.any() { out.text } else { out.sorted() };
        text.extend_from_slice(end);
        text
    }

    fn field(&self, field: &Field<'_>, rule: &HeaderRule<'_>, superfluous: bool, out: &mut Vec<u8>) {
        let name = if self.signed.any() { None } else { rule.spelling };
        let name = name.map_or(field.name(), str::as_bytes);
        let mut say = |value: &[u8]| write(name, value, out);
        match rule.action {
            Action::Drop => {}
            Action::Keep | Action::Signature if self.signed.any() => out.extend_from_slice(field.raw()),
            Action::Keep | Action::Signature => say(field.value()),
            Action::NormaliseDate => match date::instant(field.value()) {
                Some(instant) => say(date::text(instant).as_bytes()),
                None if field.is("Date") => say(date::text(self.context.now).as_bytes()),
                None => {}
            },
            // Without an identifier it is as good as missing.
            Action::RewriteMessageId => {
                let id = identifier(field.value()).filter(|_| !superfluous);
                id.iter().for_each(|id| say(format!("<{}>", self.rewritten(id)).as_bytes()));
            }
            Action::MessageIds => {
                let value = references::rewritten(field.value(), self.own_side.as_deref(), |id| self.rewritten(id));
                value.iter().for_each(|value| say(value));
            }
            Action::PlainVersion => say(b"1.0"),
            Action::KnownWords => mime::words(field.value(), rule.list).iter().for_each(|words| say(words.as_bytes())),
            Action::Parameters => {
                let value = mime::parameters(name.len(), field.value(), rule.list);
                // RFC 2183 2.1: what has no disposition is shown inline.
                if !value.is_empty() && value != b"inline" {
                    say(&value);
                }
            }
            Action::AsAuthor if sender::is_as_author(*field, self.parts) => say(field.value()),
            Action::AsAuthor => {}
        }
    }

    /// The rule for the field, unless a signature or header protection stands against it.
    fn unless_protected(&self, field: &Field<'_>, rule: HeaderRule<'a>) -> HeaderRule<'a> {
        if !rule.signed_too && self.signed.covers(field.name()) {
            return HeaderRule { action: Action::Keep, ..rule };
        }
        let resent = field.name().get(..7).is_some_and(|start| start.eq_ignore_ascii_case(b"Resent-"));
        if resent && !self.resent {
            return HeaderRule { action: Action::Drop, ..rule };
        }
        let rewritten = match rule.action {
            Action::NormaliseDate => field.is("Date"),
            Action::RewriteMessageId => is_id(field),
            Action::MessageIds | Action::Parameters => true,
            Action::Keep | Action::Drop | Action::Signature => false,
            Action::PlainVersion | Action::KnownWords | Action::AsAuthor => false,
        };
        if self.protected && rewritten { HeaderRule { action: Action::Keep, ..rule } } else { rule }
    }

    fn rewritten(&self, old: &[u8]) -> String {
        self.mint.rewrite(self.context.mailbox, old, self.context.id_domain())
    }

    fn find_own_side(&self) -> Option<Vec<u8>> {
        let Part::Field(field) = self.parts.get(self.id?)? else { return None };
        let domains = sender::domains(self.parts);
        let mail = |side: &[u8]| {
            side == self.context.id_domain().as_bytes()
                || side == self.context.mailbox.domain().reveal().as_bytes()
                || domains.iter().any(|domain| domain.reveal().as_bytes() == side)
        };
        references::own_side(&identifier(field.value())?, mail)
    }

    /// RFC 5321 4.4 asks for a trace of each hop. Ours says by whom and when, and never from where or for whom.
    fn add_trace(&self, out: &mut Vec<u8>) {
        let trace = self.context.trace();
        // Kept from an earlier pass because a signature covers Received: one is enough.
        let there = self.parts.first().is_some_and(|part| part.raw().starts_with(trace.as_bytes()));
        if !(there && self.signed.covers(b"Received")) {
            out.extend_from_slice(trace.as_bytes());
            out.extend_from_slice(date::text(self.context.now).as_bytes());
            out.extend_from_slice(b"\r\n");
        }
    }

    /// RFC 6409 8.1 and 8.2. What a signature covers as absent stays absent.
    fn add_missing(&self, dated: bool, identified: bool, out: &mut Out) {
        let place = |name: &[u8]| self.headers.rule(name, self.context.profile, self.context.writer).place;
        if !dated && !self.signed.covers(b"Date") {
            write(b"Date", date::text(self.context.now).as_bytes(), &mut out.text);
            out.end(place(b"Date"));
        }
        if !identified && !self.signed.covers(b"Message-ID") {
            let id = self.mint.fresh(&self.context.random, self.context.id_domain());
            write(b"Message-ID", format!("<{id}>").as_bytes(), &mut out.text);
            out.end(place(b"Message-ID"));
        }
    }
}

fn is_id(field: &Field<'_>) -> bool {
    field.is("Message-ID")
}

/// A field with one blank behind the colon, unless the value begins with a fold or is empty, and none at its end.
fn write(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    let value = value.trim_ascii_end();
    let first = value.iter().position(|b| !matches!(b, b' ' | b'\t')).unwrap_or(value.len());
    let value = value.get(first..).unwrap_or_default();
    out.extend_from_slice(name);
    out.extend_from_slice(if value.is_empty() || value.starts_with(b"\r\n") { b":" } else { b": " });
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}
