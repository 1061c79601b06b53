//! What must hold for any input, for the property tests and for fuzzing. Panics where it does not; no program calls it.

use std::sync::LazyLock;

use super::message_id::identifier;
use super::{BODY_START, MessageContext, MessageIdKey, Profile, Scrubber, Writer};
use crate::policy::headers::Headers;
use crate::private::Address;
use crate::wire::header::{EndFinder, Field, Part, split};

const HOSTNAME: &str = "mail.nolog.example";

/// The mailbox of most checks.
pub static ALICE: LazyLock<Address> =
    LazyLock::new(|| Address::parse("alice@asso.example").unwrap_or_else(|| unreachable!("a constant that is an address")));

/// A scrubber with the built-in rules and a key that is no secret.
pub fn scrubber() -> Scrubber {
    Scrubber::new(Headers::built_in(), MessageIdKey::new([42; 32]))
}

/// The same, made once: reading the rules takes longer than most checks.
pub fn shared_scrubber() -> &'static Scrubber {
    static SHARED: LazyLock<Scrubber> = LazyLock::new(scrubber);
    &SHARED
}

/// `alice@asso.example`, and everything at `own.example`, on 22 November 2026.
pub fn context<'a>(profile: Profile, mailbox: &'a Address, body_start: &'a [u8]) -> MessageContext<'a> {
    let (random, now, writer) = ([9; 16], 1_795_363_200, Writer::Person);
    MessageContext { profile, writer, mailbox, hostname: HOSTNAME, now, random, owns: &owns, body_start }
}

fn owns(address: &Address) -> bool {
    address.domain().reveal() == "own.example" || address.reveal() == "alice@asso.example"
}

/// Checks the splitter and the scrubber on any bytes, taken as a message. Tells whether the message could be sent.
pub fn check(scrubber: &Scrubber, message: &[u8]) -> bool {
    rebuilds(message);
    let end = end(message);
    let (header, body) = message.split_at(end.unwrap_or(message.len()));
    let body = body.get(..BODY_START).unwrap_or(body);
    let sent = scrubs_once(scrubber, header, &context(Profile::Sent, &ALICE, body));
    let submitted = scrubs_once(scrubber, header, &context(Profile::Submission, &ALICE, body));
    assert!(sent.is_some(), "Sent never refuses");
    let Some(submitted) = submitted else { return false };
    assert!(!split(&submitted).any(|part| matches!(part, Part::Malformed(_))));
    assert!(fields(&submitted, "Bcc").is_empty());
    let sent = sent.unwrap_or_default();
    dropped_in_both(&sent, &submitted);
    // Dear, and the same for every message: one of four is enough.
    if message.len().is_multiple_of(4) {
        same_with_lf(scrubber, header, body, &sent);
    }
    // The copy and the message are one, unless the message had no Message-ID yet.
    let ids = |block: &[u8]| -> Vec<_> { fields(block, "Message-ID").iter().filter_map(|value| identifier(value)).collect() };
    let (in_sent, out) = (ids(&sent), ids(&submitted));
    assert!(in_sent.is_empty() || in_sent == out, "one message, two identifiers");
    true
}

/// Sent holds no field that did not go out, blind copies excepted.
fn dropped_in_both(sent: &[u8], submitted: &[u8]) {
    let names = |block: &[u8]| -> Vec<Vec<u8>> {
        let all = split(block).filter_map(|part| match part {
            Part::Field(field) if !field.is("Bcc") && !field.is("Resent-Bcc") => Some(field.name().to_ascii_lowercase()),
            _ => None,
        });
        all.collect()
    };
    let mut out = names(submitted);
    for name in names(sent) {
        let at = out.iter().position(|out| *out == name);
        assert!(at.map(|at| out.swap_remove(at)).is_some(), "Sent keeps what was dropped");
    }
}

/// A copy with LF in place of CRLF has the same outcome, if it is one and not old mail. What no submission takes is no copy.
fn same_with_lf(scrubber: &Scrubber, header: &[u8], body: &[u8], sent: &[u8]) {
    let lf = |text: &[u8]| text.iter().copied().filter(|b| *b != b'\r').collect::<Vec<u8>>();
    let canonical =
        body.split(|b| *b == b'\n').rev().skip(1).all(|line| line.iter().position(|b| *b == b'\r') == line.len().checked_sub(1));
    if !canonical || body.ends_with(b"\r") {
        return;
    }
    let (short, start) = (lf(header), lf(body));
    let copy = scrubber.scrub_copy(&short, None, &context(Profile::Sent, &ALICE, &start));
    let end = |block: &[u8]| split(block).filter(|part| matches!(part, Part::Field(_))).map(|part| part.raw().len()).sum();
    let fields: usize = end(sent);
    if copy.touched() {
        let expected = lf(sent.get(..fields).unwrap_or_default());
        assert!(copy.header().starts_with(&expected), "LF makes a difference");
    } else {
        assert!(copy.header() == short, "untouched, yet changed");
    }
}

/// The scrubbed block, which a second pass must leave as it is. `None` if refused.
fn scrubs_once(scrubber: &Scrubber, header: &[u8], context: &MessageContext<'_>) -> Option<Vec<u8>> {
    let once = scrubber.scrub(header, context).ok()?;
    if !once.touched() {
        assert!(once.header() == header, "untouched, yet changed");
    }
    let twice = scrubber.scrub(once.header(), context).ok();
    assert!(twice.is_some_and(|twice| twice.header() == once.header()), "scrubbing twice differs from once");
    let tail = |block| split(block).find(|part| matches!(part, Part::End(_))).map(|part| part.raw().to_vec());
    assert!(tail(header) == tail(once.header()), "below the header block");
    Some(once.into_header())
}

/// The parts together are the input.
fn rebuilds(block: &[u8]) {
    let mut at = 0;
    for part in split(block) {
        let raw = part.raw();
        assert!(!raw.is_empty() && block.get(at..at + raw.len()) == Some(raw), "a gap or an overlap");
        at += raw.len();
    }
    assert!(at == block.len(), "the rest is lost");
}

/// The end of the header block, the same in one piece and in small ones.
fn end(message: &[u8]) -> Option<usize> {
    let whole = EndFinder::new().find(message);
    let mut finder = EndFinder::new();
    let step = 1 + message.len() % 7;
    let ends = (0..message.len()).step_by(step).chain([message.len()]);
    let mut found = ends.filter_map(|length| finder.find(message.get(..length)?));
    assert!(found.next() == whole, "the end depends on the chunks");
    whole
}

/// The values of all fields of this name.
fn fields(block: &[u8], name: &str) -> Vec<Vec<u8>> {
    let named = |field: &Field<'_>| field.is(name);
    let found = split(block).filter_map(|part| match part {
        Part::Field(field) if named(&field) => Some(field.value().to_vec()),
        _ => None,
    });
    found.collect()
}
