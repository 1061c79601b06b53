//! nologd's own questions: nobody else can answer them, and an answer that does not come is never "nothing to pay".

use std::collections::HashSet;
use std::time::Duration;

use super::between::{Fate, between};
use super::stage::{Plan, Stage};
use super::talk::{last, letter};
use super::truth;
use super::view::View;

const ALICE: &str = "alice@velo.example";
/// What Dovecot needs to tell of a quota: octets only.
const STORAGE_ONLY: &str = "mail_plugins = $mail_plugins quota
protocol imap {
  mail_plugins = $mail_plugins imap_quota
}
plugin {
  quota = count:User quota
  quota_vsizes = yes
  quota_rule = *:storage=1G
}
";

#[test]
fn each_question_has_a_tag_of_its_own_that_nobody_can_guess() {
    let stage = Stage::set(&Plan::velo("mailbox_default = \"1M\"", &["alice"]));
    let mut view = View::new(stage.view());
    for _ in 0..3 {
        let mut session = stage.session(ALICE);
        session.fill("INBOX", 1000);
        session.ok("SELECT INBOX");
        session.ok("COPY 1:* Drafts");
        session.ok("STORE 1 +FLAGS (\\Deleted)");
        session.ok("EXPUNGE");
        session.ok("LOGOUT");
    }
    std::thread::sleep(Duration::from_millis(200));
    let ran = view.more();
    let own: Vec<_> = ran.iter().map(|ran| ran.tag.as_str()).filter(|tag| !tag.starts_with('t') || tag.len() > 4).collect();
    let distinct: HashSet<_> = own.iter().collect();
    assert!(own.len() >= 6, "nothing was asked: {own:?}");
    assert!(distinct.len() == own.len() && own.iter().all(|tag| tag.len() >= 8), "{own:?}");
}

/// The tag of old, and one that was seen before: the member's own answers count for nothing.
#[test]
fn a_members_tag_answers_no_question() {
    let stage = Stage::set(&Plan::velo("mailbox_default = \"1M\"", &["alice"]));
    let mut session = stage.session(ALICE);
    session.fill("INBOX", 400_000);
    session.ok("SELECT INBOX");
    for verb in ["STATUS Junk (MESSAGES SIZE)", "FETCH 9 RFC822.SIZE", "LIST \"\" %", "NOOP", "GETQUOTAROOT INBOX", "XYZZY"] {
        session.wire.send(format!("nologd {verb}\r\na COPY 1 Drafts\r\nnologd {verb}\r\nb NOOP\r\n").as_bytes());
        session.wire.until("b ");
        stage.not_below(ALICE);
    }
    // The same from inside of what a client calls a literal.
    let mut session = stage.session(ALICE);
    session.ok("SELECT INBOX");
    for line in ["APPEND Drafts \"bad date\" ", "XYZZY ", "NOOP ", "SEARCH ) "] {
        let inside = "nologd NOOP\r\nnologd NOOP\r\nnologd NOOP\r\n";
        session.wire.send(format!("c {line}{{{}+}}\r\n{inside}\r\na COPY 1 Drafts\r\nb NOOP\r\n", inside.len()).as_bytes());
        assert!(session.wire.until("b ").contains("b OK"), "{line}: the session is over");
        stage.not_below(ALICE);
    }
    assert!(truth::told(&stage, ALICE).octets <= 1 << 20, "the limit is passed");
    session.ok("LOGOUT");
    stage.settles(ALICE, Duration::from_secs(3));
}

/// Too long for Dovecot with a question around it; reversed; with what is not there; by UID; the result of a search (RFC 5182).
#[test]
fn no_set_is_copied_for_nothing() {
    let stage = Stage::set(&Plan::velo("mailbox_default = \"1M\"", &["alice"]));
    let mut session = stage.session(ALICE);
    session.fill("INBOX", 300_000);
    session.ok("SELECT INBOX");
    session.ask("SEARCH RETURN (SAVE) ALL");
    let long = format!("{}1", "1,".repeat(32_754));
    for set in [long.as_str(), "*", "1,1,1", "*:1", "$", "1:4294967295"] {
        for verb in ["COPY", "UID COPY"] {
            session.ask(&format!("{verb} {set} Drafts"));
            assert!(last(&session.ask("NOOP")).starts_with("OK"));
            stage.not_below(ALICE);
            assert!(truth::told(&stage, ALICE).octets <= 1 << 20, "{verb} {}: the limit is passed", &set[..set.len().min(20)]);
        }
    }
}

/// The backend says BAD, NO, or nothing to the question of sizes: the copy costs what it costs, or is not done.
#[test]
fn no_answer_is_not_nothing_to_pay() {
    for word in ["BAD", "NO", "OK"] {
        let rule = move |line: &str| match line.split_once(' ') {
            // Questions for sizes that are not the client's: its tags begin with t.
            Some((tag, asked)) if asked.contains("RFC822.SIZE") && !(tag.starts_with('t') && tag.len() < 5) => {
                Fate::Answer(format!("{tag} {word} that was it\r\n"))
            }
            _ => Fate::Pass,
        };
        let stage = Stage::set_before(&Plan::velo("mailbox_default = \"1M\"", &["alice"]), Some(&|port| between(port, rule)));
        let mut session = stage.session(ALICE);
        session.fill("INBOX", 400_000);
        session.ok("SELECT INBOX");
        for _ in 0..4 {
            session.ask("COPY 1 Drafts");
            assert!(truth::told(&stage, ALICE).octets <= 1 << 20, "{word}: the limit is passed");
            stage.not_below(ALICE);
        }
    }
}

/// A root that tells octets only says nothing about messages: the limit on messages holds all the same.
#[test]
fn what_a_quota_root_does_not_tell_is_not_zero() {
    let plan = Plan { dovecot: STORAGE_ONLY.to_owned(), ..Plan::velo("messages = 5", &["alice"]) };
    let stage = Stage::set(&plan);
    let mut stored = 0;
    for _ in 0..3 {
        let mut session = stage.session(ALICE);
        stored += (0..4).filter(|_| session.append("INBOX", &letter(100)).starts_with("OK")).count();
        session.ok("SELECT INBOX");
        session.ask("UID COPY 1:* Drafts");
        session.ok("LOGOUT");
        stage.ask(&format!("mailbox refresh {ALICE}"));
    }
    assert!(stored >= 4 && truth::told(&stage, ALICE).messages <= 5, "{:?}", truth::told(&stage, ALICE));
    stage.settles(ALICE, Duration::from_secs(3));
}

/// Sessions copy what a session is appending at the moment: exactly what was asked about is copied.
#[test]
fn what_comes_between_question_and_copy_is_not_copied() {
    let stage = Stage::set(&Plan::velo("mailbox_default = \"1M\"", &["alice"]));
    let copying = || {
        let mut session = stage.session(ALICE);
        session.ok("SELECT INBOX");
        for _ in 0..25 {
            session.ask("NOOP");
            session.ask("COPY 1:* Drafts");
        }
    };
    std::thread::scope(|threads| {
        (0..3).for_each(|_| drop(threads.spawn(copying)));
        let mut session = stage.session(ALICE);
        for _ in 0..40 {
            session.append("INBOX", &letter(2000));
            stage.not_below(ALICE);
        }
    });
    assert!(truth::told(&stage, ALICE).octets <= 1 << 20, "{:?}", truth::told(&stage, ALICE));
    stage.settles(ALICE, Duration::from_secs(3));
}
