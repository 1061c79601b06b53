//! Every target by name, and what each does with an input: `cargo fuzz` runs them (`fuzz_targets/`, one line each), and
//! `tests/corpus.rs` includes this file and replays the kept inputs. The rules themselves are the crate's, in its `invariants` and
//! `check` modules.

use std::sync::Arc;

use nologd::imap::backend_capabilities::BackendCapabilities;
use nologd::imap::invariants::{Alice, TestSentCopy, check_frames, check_login, check_session};
use nologd::imap::options::SessionOptions;
use nologd::imap::tag::Tag;
use nologd::lmtp::LmtpEnvironment;
use nologd::lmtp::invariants::LmtpTestEnvironment;
use nologd::pop3::invariants::check_pop3;
use nologd::sieve::invariants::check_sieve;
use nologd::submission::invariants::{LOGGED_IN, check_command};
use nologd::{lmtp, postfix_policy, scrub, serve, submission, usage, wire};

/// What is tried with one input. It panics where a rule is broken.
pub type Target = fn(&[u8]);

/// All of them. A file of `fuzz_targets/` without a line here is a test that fails.
pub const TARGETS: &[(&str, Target)] = &[
    ("config", config),
    ("header_scrub", header_scrub),
    ("imap_frame", imap_frame),
    ("imap_login", imap_login),
    ("imap_session", imap_session),
    ("lmtp_session", lmtp_session),
    ("policy_request", policy_request),
    ("pop3_session", pop3_session),
    ("proxy_header", serve::listener::proxy_header::check_header),
    ("sasl", wire::invariants::check_exchange),
    ("sieve_session", sieve_session),
    ("smtp_command", check_command),
    ("smtp_data", smtp_data),
    ("submission_session", submission_session),
    ("usage_session", usage_session),
];

/// Runs the target of that name.
///
/// # Panics
/// Where there is none, and where the target does.
pub fn run(name: &str, input: &[u8]) {
    let target = TARGETS.iter().find(|(known, _)| *known == name);
    target.unwrap_or_else(|| panic!("{name} is not in TARGETS")).1(input);
}

/// Any text is a config or a list of errors, never both and never neither.
fn config(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Err(problems) = nologd::config::read(text) {
        assert!(!problems.is_empty());
    }
}

/// Scrubbing twice is scrubbing once, and nothing below the header block changes.
fn header_scrub(message: &[u8]) {
    let scrubber = scrub::invariants::shared_scrubber();
    scrub::invariants::check(scrubber, message);
    scrub::invariants::check(scrubber, &[b"From: alice@asso.example\r\n", message].concat());
}

/// Frames are the same in any pieces, and the same as imap-codec's.
fn imap_frame(input: &[u8]) {
    let (input, mut random) = seeded(input);
    check_frames(input, &mut random);
}

/// Before login: the same answers and attempts in any pieces, none without TLS.
fn imap_login(input: &[u8]) {
    let (input, mut random) = seeded(input);
    check_login(input, &mut random);
}

/// Client and backend in turns, cut at `\xff`: what each hears is the same in any pieces.
fn imap_session(input: &[u8]) {
    let Some((kind, input)) = input.split_first() else { return };
    let (script, mut random) = seeded(input);
    check_session(script, &mut || options(*kind), &mut random);
}

/// A whole session, as the relay that brings mail sees it, with two backends that say yes.
fn lmtp_session(input: &[u8]) {
    let (input, mut random) = seeded(input);
    lmtp::check::check(input, &mut random);
    lmtp::check::check(&[lmtp::check::BEGUN, input].concat(), &mut random);
}

/// Requests of Postfix's policy delegation.
fn policy_request(input: &[u8]) {
    let (input, mut random) = seeded(input);
    postfix_policy::check::check(input, LmtpTestEnvironment::new().book(), &mut random);
}

/// POP3: client and backend in turns, cut at `\xff`: what each hears is the same in any pieces.
fn pop3_session(input: &[u8]) {
    let (script, mut random) = seeded(input);
    check_pop3(script, &mut random);
}

/// ManageSieve: client and backend in turns, cut at `\xff`: what each hears is the same in any pieces, and each command of ours is one.
fn sieve_session(input: &[u8]) {
    let (script, mut random) = seeded(input);
    check_sieve(script, &mut random);
}

/// A message behind DATA, or in chunks: the relay hears canonical lines and the same in any pieces.
fn smtp_data(input: &[u8]) {
    let (message, mut random) = seeded(input);
    let envelope = b"MAIL FROM:<alice@asso.example>\r\nRCPT TO:<bob@there.example>\r\n";
    let chunk = format!("BDAT {} LAST\r\n", message.len());
    for begin in [&b"DATA\r\n"[..], b"DATA\r\nFrom: alice@asso.example\r\n", chunk.as_bytes()] {
        submission::invariants::check(&[LOGGED_IN, envelope, begin, message].concat(), &mut random);
    }
}

/// A whole session, before and after login.
fn submission_session(input: &[u8]) {
    let (input, mut random) = seeded(input);
    submission::invariants::check(input, &mut random);
    submission::invariants::check(&[LOGGED_IN, input].concat(), &mut random);
}

/// Connections of Dovecot's dict protocol.
fn usage_session(input: &[u8]) {
    let (input, mut random) = seeded(input);
    usage::check::check(input, LmtpTestEnvironment::new().book(), &mut random);
}

/// The input without its first eight octets, and random numbers that follow from them: they decide how the rest is cut.
fn seeded(input: &[u8]) -> (&[u8], impl FnMut() -> u64) {
    let (seed, rest) = input.split_at_checked(8).unwrap_or((&[], input));
    let mut state = seed.iter().fold(0x9e37_79b9_7f4a_7c15, |state: u64, byte| state.rotate_left(8) ^ u64::from(*byte)) | 1;
    let random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    (rest, random)
}

/// What a session of IMAP may be told when it begins, chosen by `number`.
fn options(number: u8) -> SessionOptions {
    let sent_copy = (number & 4 != 0).then(|| Arc::new(TestSentCopy::new()) as Arc<_>);
    let account = (number & 8 != 0).then(|| Alice::account(1500, number & 16 != 0));
    let offers = [&b"LIST-STATUS STATUS=SIZE MOVE"[..], b"NAMESPACE SPECIAL-USE", b"STATUS=SIZE", b"QUOTA UNSELECT"];
    let backend_capabilities = BackendCapabilities::of(offers[usize::from(number >> 5 & 3)]);
    SessionOptions { account, backend_capabilities, append_limit: 5000, sent_copy, fresh_tag: || Tag::read(b"nologd") }
}
