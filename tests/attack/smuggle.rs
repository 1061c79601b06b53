//! Octets that a client calls a literal are never run as commands, whatever stands before them; and a flawed command ends with a
//! tagged answer, not with the session.

use std::time::Duration;

use super::stage::{Plan, Stage};
use super::talk::last;
use super::view::View;

const ALICE: &str = "alice@velo.example";
const CREATE: &str = "z1 CREATE canary\r\nz2 NOOP\r\n";

/// Each of `lines` in a session of its own, with a literal of commands behind it.
fn nothing_runs(lines: &[&str], form: &str, before: &str) {
    let stage = Stage::set(&Plan::velo("mailbox_default = \"1M\"", &["alice"]));
    let mut view = View::new(stage.view());
    for line in lines {
        let mut session = stage.session(ALICE);
        session.ok("SELECT INBOX");
        let inside = format!("{before}{CREATE}");
        let announced = form.replace('N', &inside.len().to_string());
        let answer = session.ask(&format!("{line}{announced}\r\n{inside}"));
        let after = session.ask("NOOP");
        std::thread::sleep(Duration::from_millis(50));
        let ran = view.more();
        let found = ran.iter().find(|ran| ran.tag.starts_with('z') || ran.arguments.contains("canary") || ran.tag.is_empty());
        assert!(found.is_none(), "{line:?}{form:?}: Dovecot ran {found:?}");
        let ended = ["OK", "NO", "BAD"].iter().any(|word| last(&answer).starts_with(word));
        assert!(ended, "{line:?}{form:?} has no answer of its own: {answer:?}");
        assert!(last(&after).starts_with("OK"), "after {line:?}{form:?} the session is not in step: {after:?}");
    }
}

#[test]
fn a_literal_behind_an_unknown_verb() {
    nothing_runs(
        &["XYZZY ", "UID XYZ ", "COMPRESS ", "LOGIN ", "AUTHENTICATE PLAIN ", "STARTTLS ", "REPLACE 1 Drafts "],
        "{N+}",
        "",
    );
}

#[test]
fn a_literal_behind_a_verb_that_takes_nothing() {
    nothing_runs(&["NOOP ", "CHECK ", "CAPABILITY ", "NAMESPACE ", "UNSELECT ", "CLOSE ", "EXPUNGE "], "{N+}", "");
}

#[test]
fn a_literal_behind_arguments_that_are_complete() {
    nothing_runs(&["SEARCH ) ", "CREATE a b) ", "CREATE a b", "LIST ) ", "DELETE a ", "STATUS INBOX (MESSAGES) "], "{N+}", "");
}

#[test]
fn a_literal_behind_an_atom_or_open_quotes() {
    nothing_runs(&["SELECT a", "SELECT \"a ", "NOOP \"a ", "SELECT \"\\\" ", "CREATE \"a\\\\\\\" "], "{N+}", "");
}

#[test]
fn an_append_that_the_backend_gives_up() {
    let lines = [
        "APPEND Drafts \"bad date\" ",
        "APPEND Drafts (\\Bad( ",
        "APPEND Drafts (\\Bad) ",
        "APPEND Drafts badflag ",
        "APPEND Drafts (a ",
        "APPEND Drafts UTF8 (",
        "APPEND Drafts {3+}\r\nabc \"bad date\" ",
        "APPEND Drafts {3+}\r\nabc (\\Bad( ",
    ];
    nothing_runs(&lines, "{N+}", "");
    // Where the backend skips one line only, the commands begin with the second.
    nothing_runs(&lines, "{N+}", "From: <a@b.example>\r\n");
}

#[test]
fn an_octet_of_control_in_a_name() {
    nothing_runs(&["SELECT a\x01 ", "CREATE \x7f ", "APPEND Dra\x01fts ", "SELECT a\x00 ", "NOOP\t"], "{N+}", "");
}

#[test]
fn a_literal8_behind_what_takes_none() {
    nothing_runs(&["XYZZY ", "NOOP ", "APPEND Drafts \"bad date\" ", "SELECT \"a "], "~{N+}", "");
}

/// IDLE's go-ahead is not a literal's: with `{n}` and with `{n+}`, and where the lines end the IDLE.
#[test]
fn idle_goes_ahead_for_no_literal() {
    nothing_runs(&["IDLE ", "IDLE"], "{N+}", "DONE\r\n");
    let stage = Stage::set(&Plan::velo("", &["alice"]));
    let (mut view, mut session) = (View::new(stage.view()), stage.session(ALICE));
    let inside = format!("DONE\r\n{CREATE}");
    let tag = session.send(format!("IDLE {{{}}}", inside.len()).as_bytes());
    let mut answer = session.wire.line();
    if answer.starts_with('+') {
        session.wire.send(format!("{inside}\r\n").as_bytes());
        answer = session.wire.until(&tag);
    }
    assert!(last(&answer).starts_with("BAD"), "{answer}");
    assert!(last(&session.ask("NOOP")).starts_with("OK"));
    assert!(!view.more().iter().any(|ran| ran.tag == "z1"));
}

/// `{n-}` is no literal (RFC 7888 has LITERAL- write `{n+}`): the line is refused, and what follows are commands that are judged.
#[test]
fn a_minus_makes_no_literal() {
    let stage = Stage::set(&Plan::velo("mailbox_default = \"100K\"", &["alice"]));
    for line in ["XYZZY ", "NOOP ", "SELECT ", "APPEND Drafts "] {
        let (mut view, mut session) = (View::new(stage.view()), stage.session(ALICE));
        let inside = "z1 APPEND Sent {200000+}\r\n";
        let tag = session.send(format!("{line}{{{}-}}\r\n{inside}{}", inside.len(), super::talk::letter(200_000)).as_bytes());
        let answer = session.wire.until(&tag);
        assert!(last(&answer).starts_with("BAD"), "{line}: {answer}");
        assert!(session.ask("NOOP").contains("OK"));
        let stored = view.more().iter().any(|ran| ran.tag == "z1" && ran.answer == "OK");
        assert!(!stored && stage.used(ALICE) == super::truth::told(&stage, ALICE), "{line}: stored past the limit");
    }
}

/// A stranger's message has commands in it; a member's program copies it with a date that the backend does not like.
#[test]
fn a_copied_message_is_a_message() {
    let message = "From: <stranger@elsewhere.example>\r\nSubject: x\r\n\r\nz1 CREATE canary\r\nz2 APPEND Sent {5+}\r\nabcde\r\n";
    nothing_runs(
        &["APPEND Drafts (\\Seen) \"1-1-2020\" ", "APPEND Drafts (\\Seen) \"01-Foo-2020 00:00:00 +0000\" "],
        "{N+}",
        message,
    );
}

#[test]
fn a_line_too_long_is_refused_and_the_session_goes_on() {
    let stage = Stage::set(&Plan::velo("", &["alice"]));
    let mut session = stage.session(ALICE);
    for (line, octets) in [("SEARCH SUBJECT ", 140_000), ("COPY ", 140_000), ("XYZZY ", 1_000_000)] {
        let answer = session.ask(&format!("{line}{}", "1,".repeat(octets / 2)));
        assert!(last(&answer).starts_with("BAD"), "{line}: {answer}");
        assert!(last(&session.ask("NOOP")).starts_with("OK"), "{line}");
    }
}

/// RFC 2971 3.3: 30 pairs, names of 30 octets, values of 1,024.
#[test]
fn an_id_at_its_bounds_is_taken_before_login() {
    let stage = Stage::set(&Plan::velo("", &["alice"]));
    let mut wire = crate::wire::Wire::plain(stage.imap);
    wire.line();
    let pairs: Vec<_> = (0..30).map(|number| format!("\"{:030}\" \"{}\"", number, "v".repeat(1024))).collect();
    let answer = wire.ask(&format!("a ID ({})\r\n", pairs.join(" ")), "a ");
    assert!(last(&answer).starts_with("OK"), "{answer}");
    let answer = wire.ask(&format!("b LOGIN {ALICE} secret\r\n"), "b ");
    assert!(last(&answer).starts_with("OK"), "{answer}");
}
