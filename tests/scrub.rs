//! The scrubber on whole messages, and on messages that nobody would write.
//!
//! `tests/scrub/NAME.in.eml` is what a mail program sends; `NAME.submission.eml` and `NAME.sent.eml` are what becomes of it,
//! byte for byte, with the clock, key and randomness of `scrub::invariants`. An expected file that is one line
//! `refused: CODE` stands for a refusal. The member is `alice@asso.example` and anyone at `own.example`.

// The helpers are tests too, which clippy cannot see.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use mail_parser::MessageParser;

use nologd::policy::headers::{Action, Headers};
use nologd::private::Domain;
use nologd::scrub::{Profile, invariants};
use nologd::wire::header::{EndFinder, Part, split};

#[test]
fn messages_of_mail_programs() {
    let mut wrong = Vec::new();
    let inputs = inputs();
    assert!(inputs.len() > 20);
    for input in inputs {
        let message = fs::read(&input).unwrap();
        for (profile, end) in [(Profile::Submission, "submission.eml"), (Profile::Sent, "sent.eml")] {
            let path = input.to_str().unwrap().replace("in.eml", end);
            let expected = fs::read(&path).unwrap_or_default();
            let scrubbed = scrubbed(&message, profile);
            if scrubbed != expected {
                wrong.push(format!("--- {path}\n{}", String::from_utf8_lossy(&scrubbed)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The file that holds every name of the drop rules must keep up with the policy.
#[test]
fn no_dropped_name_is_without_a_message() {
    let message = fs::read(folder().join("every-dropped-header.in.eml")).unwrap();
    let headers = Headers::built_in();
    let dropped = split(&message).filter_map(|part| match part {
        Part::Field(field) if headers.rule(field.name(), Profile::Submission).action == Action::Drop => Some(field.name()),
        _ => None,
    });
    let tried: BTreeSet<String> = dropped.map(|name| String::from_utf8_lossy(name).to_lowercase()).collect();
    let policy: toml::Table = toml::from_str(nologd::policy::headers::BUILT_IN).unwrap();
    for rule in policy["rule"].as_array().unwrap().iter().filter(|rule| rule["action"].as_str() == Some("drop")) {
        for name in rule["fields"].as_array().unwrap() {
            let name = name.as_str().unwrap().to_lowercase().replace('*', "canary");
            assert!(tried.contains(&name), "{name}");
        }
    }
    let sent = scrubbed(&message, Profile::Submission);
    assert!(!String::from_utf8_lossy(&sent).contains("canary"));
}

#[test]
fn a_hundred_thousand_blocks_that_nobody_would_write() {
    let scrubber = invariants::scrubber();
    let seeds: Vec<Vec<u8>> = inputs().iter().map(|input| fs::read(input).unwrap()).collect();
    let mut random = XorShift(0x6e6f_6c6f_6764);
    let mut accepted = 0;
    for _ in 0..100_000 {
        let message = if random.below(2) == 0 { made_up(&mut random) } else { mutated(&seeds, &mut random) };
        accepted += u32::from(invariants::check(&scrubber, &message));
    }
    // Else the invariants were tried on refusals only.
    assert!(accepted > 10_000, "{accepted}");
}

/// On clean input another parser finds the same fields at the same places.
#[test]
fn spans_agree_with_mail_parser() {
    let mut random = XorShift(0x7370_616e);
    let parser = MessageParser::new().header_raw("X-None").default_header_raw();
    let mut compared = 0;
    for _ in 0..5_000 {
        let block = clean_block(&mut random);
        let message = parser.parse(&block).unwrap();
        let theirs: Vec<(usize, usize)> =
            message.headers().iter().map(|h| (h.offset_field as usize, h.offset_end as usize)).collect();
        let mut at = 0;
        let mut ours = Vec::new();
        for part in split(&block) {
            let start = at;
            at += part.raw().len();
            match part {
                Part::Field(_) => ours.push((start, at)),
                Part::End(_) => {}
                Part::Malformed(_) => panic!("clean input is malformed"),
            }
        }
        assert_eq!(ours, theirs);
        compared += ours.len();
    }
    assert!(compared > 10_000);
}

/// By hand: `cargo test --release --test scrub -- --ignored --nocapture`. Tells microseconds by failing.
#[test]
#[ignore = "a measurement"]
fn time_of_one_scrub() {
    let header = typical_header();
    let scrubber = invariants::scrubber();
    let domain = Domain::parse("asso.example").unwrap();
    let context = invariants::context(Profile::Submission, &domain, b"");
    let start = std::time::Instant::now();
    let rounds = 20_000;
    for _ in 0..rounds {
        assert!(scrubber.scrub(std::hint::black_box(&header), &context).is_ok());
    }
    panic!("{} octets: {:.1} us", header.len(), start.elapsed().as_secs_f64() * 1e6 / f64::from(rounds));
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scrub")
}

fn inputs() -> Vec<PathBuf> {
    let files = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut inputs: Vec<_> = files.filter(|path| path.to_str().unwrap().ends_with(".in.eml")).collect();
    inputs.sort();
    inputs
}

/// The message after the scrubber, or the line of a refusal.
fn scrubbed(message: &[u8], profile: Profile) -> Vec<u8> {
    let end = EndFinder::new().find(message).unwrap_or(message.len());
    let (header, body) = message.split_at(end);
    let scrubber = invariants::scrubber();
    let domain = Domain::parse("asso.example").unwrap();
    let body_start = if scrubber.needs_body_start(header) { body } else { b"" };
    match scrubber.scrub(header, &invariants::context(profile, &domain, body_start)) {
        Ok(scrubbed) => [scrubbed.header(), body].concat(),
        Err(refusal) => format!("refused: {}\n", refusal.code().word()).into_bytes(),
    }
}

fn typical_header() -> Vec<u8> {
    let message = fs::read(folder().join("thunderbird.in.eml")).unwrap();
    let end = EndFinder::new().find(&message).unwrap();
    let keydata = b" xsBNBFxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n".repeat(14);
    [b"Autocrypt: addr=alice@asso.example; keydata=\r\n", &keydata[..], &message[..end]].concat()
}

/// Small, fast, repeatable; no randomness of the machine, so that a failure can be repeated.
struct XorShift(u64);

impl XorShift {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % bound
    }

    fn pick<'a>(&mut self, list: &[&'a [u8]]) -> &'a [u8] {
        list[self.below(list.len())]
    }
}

const NAMES: &[&[u8]] = &[
    b"From",
    b"Sender",
    b"Date",
    b"Resent-Date",
    b"Message-ID",
    b"message-id ",
    b"Resent-Message-ID",
    b"MIME-Version",
    b"Bcc",
    b"Bc c",
    b"Received",
    b"User-Agent",
    b"X-Mozilla-Keys",
    b"Subject",
    b"To",
    b"DKIM-Signature",
    b"ARC-Message-Signature",
    b"Content-Type",
    b"",
    b" ",
];
const VALUES: &[&[u8]] = &[
    b"alice@asso.example",
    b"Alice <a@own.example>",
    b"bob@bank.example",
    b"a: alice@asso.example;",
    b"<x@laptop.home.example>",
    b"<>",
    b"",
    b"Sun, 22 Nov 2026 17:40:02 +0100",
    b"31 Dec 9998 23:59:60 -9959",
    b"1 Jan 1901 00:00 +9959",
    b"today",
    b"1.0 (x)",
    b"(",
    b"\"",
    b"<",
    b"h=from:date:message-id:received:bcc:user-agent",
    b"text/plain; hp=clear",
    b"multipart/signed; boundary=b",
    b"multipart/encrypted",
    b"=?utf-8?Q?=40?= <a@own.example>",
    b"by mail.nolog.example (nologd); x",
    b"\xff\xc3\xa9",
];
const ENDS: &[&[u8]] =
    &[b"\r\n", b"\r\n", b"\r\n", b"\r\n", b"\r\n", b"\r\n", b"\r\n ", b"\r\n\t", b"\n", b"\r", b"\r\n \r\n", b"\0\r\n", b""];

/// A block of fields that matter, in disorder.
fn made_up(random: &mut XorShift) -> Vec<u8> {
    let mut block = Vec::new();
    let hostile = random.below(4) == 0;
    if random.below(8) > 0 {
        block.extend_from_slice(b"From: alice@asso.example\r\n");
    }
    for _ in 0..random.below(12) {
        let first = if hostile || random.below(20) == 0 { 0 } else { 2 };
        let name = NAMES[first + random.below(NAMES.len() - first - if hostile { 0 } else { 2 })];
        let name = if name == b"Bc c" && !hostile { b"Bcc" } else { name };
        block.extend_from_slice(name);
        block.extend_from_slice(b": ");
        block.extend_from_slice(random.pick(VALUES));
        block.extend_from_slice(if hostile { random.pick(ENDS) } else { b"\r\n" });
    }
    if random.below(4) > 0 {
        block.extend_from_slice(b"\r\n--b\r\nContent-Type: text/plain; hp=clear\r\n\r\nBcc: body\r\n");
    }
    block
}

/// A message of the folder with a few bytes or lines changed.
fn mutated(seeds: &[Vec<u8>], random: &mut XorShift) -> Vec<u8> {
    let mut message = seeds[random.below(seeds.len())].clone();
    for _ in 0..1 + random.below(3) {
        let at = random.below(message.len());
        let other = &seeds[random.below(seeds.len())];
        match random.below(5) {
            0 => message[at] = (random.below(256)) as u8,
            1 => message[at] = random.pick(&[b"\r", b"\n", b":", b" ", b"<", b"(", b"\"", b","])[0],
            2 => drop(message.drain(at..(at + 1 + random.below(40)).min(message.len()))),
            3 => drop(message.splice(at..at, other.iter().take(random.below(200)).copied())),
            _ => {
                let line = message[..at].iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
                let name = random.pick(NAMES);
                drop(message.splice(line..line, [name, b": ", random.pick(VALUES), b"\r\n"].concat()));
            }
        }
        if message.is_empty() {
            message = b"\r\n".to_vec();
        }
    }
    message
}

/// Fields that no parser can take differently.
fn clean_block(random: &mut XorShift) -> Vec<u8> {
    let mut block = Vec::new();
    for _ in 0..1 + random.below(12) {
        block.extend_from_slice(random.pick(&[b"From", b"To", b"X-Any-Thing", b"Received", b"DKIM-Signature", b"message-id"]));
        block.extend_from_slice(b":");
        for _ in 0..random.below(4) {
            block.extend_from_slice(random.pick(&[
                b" word",
                b" a:b",
                b" \xc3\xa9",
                b" <x@y.example>",
                b"\r\n folded",
                b"\r\n\tfolded: too",
            ]));
        }
        block.extend_from_slice(b"\r\n");
    }
    block.extend_from_slice(b"\r\nbody: x\r\n");
    block
}
