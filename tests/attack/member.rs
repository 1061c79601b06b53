//! What members see: deleting is always possible, quotas as RFC 9208 has them, and a session that ends when its mailbox does.

use std::time::Duration;

use super::stage::{Plan, Stage};
use super::talk::{Talk, last, letter};
use super::truth;

const ALICE: &str = "alice@velo.example";
const BOB: &str = "bob@velo.example";

/// A member whose association or mailbox is full.
fn full(lines: &str) -> (Stage, Talk) {
    let stage = Stage::set(&Plan::velo(lines, &["alice", "bob"]));
    let mut session = stage.session(ALICE);
    (0..4).for_each(|_| session.fill("INBOX", 120_000));
    assert!(session.append("INBOX", &letter(120_000)).starts_with("NO [OVERQUOTA]"));
    session.ok("SELECT INBOX");
    (stage, session)
}

/// As programs without MOVE delete: copy to Trash, mark, expunge.
#[test]
fn deleting_by_copy_works_when_all_is_full() {
    for lines in ["storage = \"500K\"", "mailbox_default = \"500K\""] {
        let (stage, mut session) = full(lines);
        for spelling in ["Trash", "\"Trash\"", "{5+}\r\nTrash"] {
            let uids = session.ok("UID SEARCH ALL");
            let uid = uids.lines().next().unwrap().split(' ').next_back().unwrap().to_owned();
            session.ok(&format!("UID COPY {uid} {spelling}"));
            session.ok(&format!("UID STORE {uid} +FLAGS (\\Deleted)"));
            session.ok("EXPUNGE");
            assert!(truth::told(&stage, ALICE).octets <= 500 << 10, "{lines}: over the limit");
        }
        assert!(session.ok("STATUS Trash (MESSAGES)").contains("MESSAGES 3"));
        // No way to store more: what is in Trash counts, and another folder stays closed.
        let answer = session.ask("UID COPY 1:* Drafts");
        assert!(last(&answer).starts_with("NO [OVERQUOTA]"), "{answer}");
        session.ok("SELECT Trash");
        session.ask("UID COPY 1:* Trash");
        assert!(truth::told(&stage, ALICE).octets <= 500 << 10, "{lines}: over the limit by copies of Trash to itself");
        session.ok("LOGOUT");
        stage.settles(ALICE, Duration::from_secs(3));
    }
}

/// A folder that is missing is made by the program, when it is told so; a full mailbox is another matter.
#[test]
fn a_missing_folder_is_told_before_a_full_mailbox() {
    let (_stage, mut session) = full("mailbox_default = \"500K\"");
    for command in ["COPY 1 missing", "UID COPY 1 missing", "COPY 1:* {7+}\r\nmissing"] {
        let answer = session.ask(command);
        assert!(last(&answer).starts_with("NO [TRYCREATE]"), "{command}: {answer}");
    }
    let answer = session.append("missing", &letter(200_000));
    assert!(answer.starts_with("NO [TRYCREATE]"), "{answer}");
    assert!(last(&session.ask("NOOP")).starts_with("OK"));
}

/// RFC 9208 4.2.1: a root has a resource at least; what has no limit is not listed. Thunderbird shows no mail otherwise.
#[test]
fn a_root_without_a_limit_is_not_listed() {
    for (lines, roots) in [
        ("", &[][..]),
        ("storage = \"1M\"", &["association"]),
        ("mailbox_default = \"1M\"", &["mailbox"]),
        ("storage = \"2M\"\nmailbox_default = \"1M\"", &["association", "mailbox"]),
        ("messages = 100", &["association"]),
    ] {
        let stage = Stage::set(&Plan::velo(lines, &["alice"]));
        let mut session = stage.session(ALICE);
        for name in ["INBOX", "{5+}\r\nINBOX", "\"Entw&APw-rfe\"", "\"Entw\u{fc}rfe\""] {
            let answer = session.ok(&format!("GETQUOTAROOT {name}"));
            assert!(!answer.contains("()"), "{lines:?}: {answer}");
            let listed = |root: &&str| answer.lines().any(|line| line.starts_with("* QUOTA ") && line.contains(*root));
            assert!(["association", "mailbox"].iter().all(|root| listed(root) == roots.contains(root)), "{lines:?}: {answer}");
            let named = |root: &&str| answer.lines().any(|line| line.starts_with("* QUOTAROOT") && line.contains(*root));
            assert!(["association", "mailbox"].iter().all(|root| named(root) == roots.contains(root)), "{lines:?}: {answer}");
            assert!(answer.lines().filter(|line| line.starts_with("* QUOTA ")).count() == roots.len(), "{answer}");
        }
    }
}

/// What is said last in a session that the book has ended.
fn farewell(session: &mut Talk) -> String {
    assert!(session.wire.ends(Duration::from_secs(6)), "the session stays open");
    String::from_utf8_lossy(&session.wire.heard).into_owned()
}

#[test]
fn open_sessions_end_with_their_mailbox() {
    let orders = [
        "association set velo --state suspended",
        "mailbox remove alice@velo.example",
        "mailbox kick alice@velo.example",
        "association remove velo --with-mailboxes",
    ];
    for order in orders {
        let stage = Stage::set(&Plan::velo("mailbox_default = \"1M\"", &["alice", "bob"]));
        let (mut idle, mut quiet, mut other) = (stage.session(ALICE), stage.session(ALICE), stage.session(BOB));
        quiet.ok("SELECT INBOX");
        quiet.fill("INBOX", 1000);
        quiet.ok("STORE 1:* +FLAGS (\\Deleted)");
        quiet.ok("EXPUNGE");
        idle.ok("SELECT INBOX");
        idle.send(b"IDLE");
        assert!(idle.wire.until("+").contains('+'));
        stage.ask(order);
        for session in [&mut idle, &mut quiet] {
            let said = farewell(session);
            assert!(said.contains("* BYE"), "{order}: {said:?}");
        }
        if order.starts_with("mailbox") {
            assert!(last(&other.ask("NOOP")).starts_with("OK"), "{order}: others go on");
        }
    }
}

/// With a deletion behind it, LOGOUT is answered though the mailbox is no longer in the book.
#[test]
fn logout_is_answered_after_a_removal() {
    let stage = Stage::set(&Plan::velo("mailbox_default = \"1M\"", &["alice"]));
    let mut session = stage.session(ALICE);
    session.fill("INBOX", 1000);
    session.ok("SELECT INBOX");
    session.ok("STORE 1 +FLAGS (\\Deleted)");
    session.ok("EXPUNGE");
    stage.ask("mailbox remove alice@velo.example");
    let answer = session.ask("LOGOUT");
    assert!(answer.contains("* BYE"), "{answer:?}");
}

/// Members may read only: nothing comes in, moves or is made, by any verb; docs/imap.md ("Read-only") says what.
#[test]
fn read_only_is_judged_for_every_verb_that_stores() {
    let stage = Stage::set(&Plan::velo("mailbox_default = \"1M\"", &["alice"]));
    let mut session = stage.session(ALICE);
    session.fill("INBOX", 1000);
    stage.ask("association set velo --state read-only");
    session.ok("SELECT INBOX");
    for command in ["COPY 1 Drafts", "UID COPY 1 Drafts", "MOVE 1 Drafts", "UID MOVE 1 Drafts", "CREATE new", "RENAME Junk spam"]
    {
        let answer = session.ask(command);
        assert!(last(&answer).starts_with("NO"), "{command}: {answer}");
    }
    assert!(session.append("INBOX", &letter(100)).starts_with("NO"));
    assert_eq!(truth::told(&stage, ALICE).messages, 1);
}
