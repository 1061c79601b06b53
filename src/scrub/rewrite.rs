//! One pass over the parts: each field is dropped, kept or written anew; then what is missing is added (RFC 6409 8).

use crate::policy::headers::{Action, Headers, Profile, UnseenPayload};
use crate::wire::header::{Field, Part};

use super::message_id::{Mint, identifier};
use super::protection;
use super::signed::Signed;
use super::{Context, Protection, date};

/// What holds for the whole message.
pub(super) struct Rewrite<'a> {
    headers: &'a Headers,
    mint: &'a Mint,
    context: &'a Context<'a>,
    signed: Signed,
    /// Date and Message-ID have a protected copy.
    protected: bool,
}

impl<'a> Rewrite<'a> {
    pub(super) fn new(headers: &'a Headers, mint: &'a Mint, context: &'a Context<'a>, parts: &[Part<'_>]) -> Rewrite<'a> {
        let protected = match protection::find(parts, context.body_start) {
            Protection::None => false,
            Protection::Present => true,
            Protection::Unseen => headers.unseen_payload() == UnseenPayload::Leave,
        };
        // A signature that the policy drops protects nothing.
        let stays = |field: &Field<'_>| headers.rule(field.name(), context.profile).action != Action::Drop;
        Rewrite { headers, mint, context, signed: Signed::read(parts, stays), protected }
    }

    pub(super) fn run(&self, parts: &[Part<'_>]) -> Vec<u8> {
        let size: usize = parts.iter().map(|part| part.raw().len()).sum();
        let mut out = Vec::with_capacity(size + 512);
        let submission = self.context.profile == Profile::Submission;
        if submission {
            self.add_trace(parts, &mut out);
        }
        // RFC 5322 3.6: at most one Message-ID. Of several, the first that holds an identifier is kept; one that is signed
        // or protected stays in any case.
        let id = parts
            .iter()
            .position(|part| matches!(part, Part::Field(field) if is_id(field) && identifier(field.value()).is_some()));
        let (mut dated, mut identified) = (false, false);
        let mut end: &[u8] = b"";
        for (at, part) in parts.iter().enumerate() {
            match part {
                Part::Field(field) => {
                    let before = out.len();
                    let superfluous = is_id(field) && id.is_some_and(|id| id != at);
                    self.field(field, superfluous, &mut out);
                    dated |= out.len() > before && field.is("Date");
                    identified |= out.len() > before && is_id(field);
                }
                Part::Malformed(_) => {}
                Part::End(raw) => end = raw,
            }
        }
        if submission {
            self.add_missing(dated, identified, &mut out);
        }
        out.extend_from_slice(end);
        out
    }

    fn field(&self, field: &Field<'_>, superfluous: bool, out: &mut Vec<u8>) {
        let submission = self.context.profile == Profile::Submission;
        match self.action(field) {
            Action::Keep => out.extend_from_slice(field.raw()),
            Action::Drop => {}
            Action::NormaliseDate => match date::instant(field.value()) {
                Some(instant) => write(field, &date::text(instant), out),
                None if submission => write(field, &date::text(self.context.now), out),
                None => out.extend_from_slice(field.raw()),
            },
            Action::RewriteMessageId if superfluous => {}
            Action::RewriteMessageId => match identifier(field.value()) {
                Some(old) => write(field, &format!("<{}>", self.mint.rewrite(&old, self.id_domain())), out),
                None if submission => {} // without an identifier it is as good as missing
                None => out.extend_from_slice(field.raw()),
            },
            // RFC 2045 4 knows no other version than 1.0.
            Action::PlainVersion if field.value().contains(&b'(') => write(field, "1.0", out),
            Action::PlainVersion => out.extend_from_slice(field.raw()),
        }
    }

    /// The rule for the field, unless a signature or header protection stands against it.
    fn action(&self, field: &Field<'_>) -> Action {
        let rule = self.headers.rule(field.name(), self.context.profile);
        let untouchable = !rule.signed_too && rule.action != Action::Keep && self.signed.covers(field.name());
        let rewritten = matches!(rule.action, Action::NormaliseDate | Action::RewriteMessageId);
        let protected = self.protected && rewritten && (field.is("Date") || is_id(field));
        if untouchable || protected { Action::Keep } else { rule.action }
    }

    /// RFC 5321 4.4 asks for a trace of each hop. Ours says by whom and when, and never from where or for whom.
    fn add_trace(&self, parts: &[Part<'_>], out: &mut Vec<u8>) {
        let trace = format!("Received: by {} (nologd); ", self.context.hostname);
        // Kept from an earlier pass because a signature covers Received: one is enough.
        let there = parts.first().is_some_and(|part| part.raw().starts_with(trace.as_bytes()));
        if !(there && self.signed.covers(b"Received")) {
            out.extend_from_slice(trace.as_bytes());
            out.extend_from_slice(date::text(self.context.now).as_bytes());
            out.extend_from_slice(b"\r\n");
        }
    }

    /// RFC 6409 8.1 and 8.2. What a signature covers as absent stays absent.
    fn add_missing(&self, dated: bool, identified: bool, out: &mut Vec<u8>) {
        if !dated && !self.signed.covers(b"Date") {
            out.extend_from_slice(format!("Date: {}\r\n", date::text(self.context.now)).as_bytes());
        }
        if !identified && !self.signed.covers(b"Message-ID") {
            let id = self.mint.fresh(&self.context.random, self.id_domain());
            out.extend_from_slice(format!("Message-ID: <{id}>\r\n").as_bytes());
        }
    }

    /// Header fields are ASCII unless the whole path knows SMTPUTF8, which an identifier must not demand.
    fn id_domain(&self) -> &str {
        let domain = self.context.domain.reveal();
        if domain.is_ascii() { domain } else { self.context.hostname }
    }
}

fn is_id(field: &Field<'_>) -> bool {
    field.is("Message-ID")
}

/// The field with a new value; byte for byte as it was if the value is the same.
fn write(field: &Field<'_>, value: &str, out: &mut Vec<u8>) {
    if field.value().trim_ascii() == value.as_bytes() {
        out.extend_from_slice(field.raw());
        return;
    }
    out.extend_from_slice(field.name());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value.as_bytes());
    out.extend_from_slice(b"\r\n");
}
