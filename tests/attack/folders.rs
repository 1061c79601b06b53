//! Folders that hide from a count, and folders of other people.

use std::time::Duration;

use super::stage::{Plan, Stage};
use super::talk::{last, letter};
use super::truth;

const ALICE: &str = "alice@velo.example";
const BOB: &str = "bob@velo.example";

pub(super) const ACL: &str = "mail_plugins = $mail_plugins acl
protocol imap {
  mail_plugins = $mail_plugins imap_acl
}
plugin {
  acl = vfile
  acl_shared_dict = file:@SHARED@
}
namespace shared {
  type = shared
  prefix = shared/%%u/
  separator = /
  location = maildir:%%h/Maildir:INDEX=~/shared/%%u
  list = yes
  subscriptions = no
}
";

fn stage(lines: &str) -> Stage {
    Stage::set(&Plan { dovecot: ACL.to_owned(), ..Plan::velo(lines, &["alice", "bob", "dora"]) })
}

/// LIST shows it and STATUS does not: then nobody knows how much is there, and it is not nothing.
#[test]
fn a_folder_hidden_from_the_count_has_an_end() {
    for rights in ["ilpa", "lipa", "la", "lrpa"] {
        let stage = stage("mailbox_default = \"2M\"");
        let mut session = stage.session(ALICE);
        session.ok("CREATE Hidden");
        session.fill("Hidden", 1_200_000);
        // Not through us; what was hidden otherwise is no free space either.
        for whom in [ALICE, "alice@velo.example", "-anyone", "owner", "!anyone"] {
            assert!(last(&session.ask(&format!("SETACL Hidden {whom} {rights}"))).starts_with("NO [NOPERM]"));
        }
        stage.around(ALICE).ok(&format!("SETACL Hidden {ALICE} {rights}"));
        session.ok("LOGOUT");
        for _ in 0..4 {
            let mut session = stage.session(ALICE);
            for folder in ["Hidden", "INBOX"] {
                session.append(folder, &letter(500_000));
            }
            session.ask("LOGOUT");
            stage.ask(&format!("mailbox refresh {ALICE}"));
            assert!(truth::told(&stage, ALICE).octets <= 2 << 20, "{rights}: {:?} of 2 MiB", truth::told(&stage, ALICE));
            stage.not_below(ALICE);
        }
    }
}

/// Bob shares a folder with Alice and Dora.
fn shared(stage: &Stage, octets: usize) {
    let mut bob = stage.session(BOB);
    bob.ok("CREATE Club");
    if octets > 0 {
        bob.fill("Club", octets);
    }
    for user in [ALICE, "dora@velo.example"] {
        bob.ok(&format!("SETACL Club {user} lrswitea"));
    }
    bob.ok("LOGOUT");
}

#[test]
fn what_others_share_is_not_counted_as_ones_own() {
    let stage = stage("mailbox_default = \"1M\"");
    shared(&stage, 900_000);
    let mut alice = stage.session(ALICE);
    assert!(alice.ok("LIST \"\" *").contains("shared/bob@velo.example/Club"), "the folder is not shared: the test is broken");
    alice.ok("NOOP");
    assert_eq!(stage.used(ALICE).octets, 0);
    alice.fill("INBOX", 500_000);
    alice.ok("LOGOUT");
    assert_eq!(stage.used(ALICE).octets, 500_000);
}

#[test]
fn what_is_stored_with_others_is_theirs_to_pay() {
    let stage = stage("mailbox_default = \"1M\"");
    shared(&stage, 600_000);
    let mut alice = stage.session(ALICE);
    alice.ok("NOOP");
    let answer = alice.append("shared/bob@velo.example/Club", &letter(200_000));
    assert!(answer.starts_with("OK"), "{answer}");
    stage.not_below(BOB);
    assert_eq!(stage.used(ALICE).octets, 0);
    let answer = alice.append("shared/bob@velo.example/Club", &letter(300_000));
    assert!(answer.starts_with("NO [OVERQUOTA]"), "bob's mailbox is overrun: {answer}");
    // The same by COPY and in several messages.
    alice.fill("INBOX", 300_000);
    alice.ok("SELECT INBOX");
    let answer = alice.ask("COPY 1 shared/bob@velo.example/Club");
    assert!(last(&answer).starts_with("NO"), "{answer}");
    let (one, two) = (letter(100_000), letter(250_000));
    let answer = alice.ask(&format!("APPEND shared/bob@velo.example/Club {{100000+}}\r\n{one} {{250000+}}\r\n{two}"));
    assert!(last(&answer).starts_with("NO"), "{answer}");
    assert!(truth::told(&stage, BOB).octets <= 1 << 20);
    alice.ok("LOGOUT");
    stage.not_below(BOB);
}

/// Whoever it belongs to is not in the book: nobody pays, so nothing is stored.
#[test]
fn what_belongs_to_nobody_known_is_not_stored_into() {
    let stage = stage("mailbox_default = \"1M\"");
    let mut alice = stage.session(ALICE);
    for folder in ["shared/nobody@elsewhere.example/Club", "shared/x/Club", "\"shared//Club\""] {
        let answer = alice.append(folder, &letter(2000));
        assert!(answer.starts_with("NO"), "{folder}: {answer}");
        assert!(last(&alice.ask("NOOP")).starts_with("OK"));
    }
    alice.ok("LOGOUT");
    stage.settles(ALICE, Duration::from_secs(3));
}

/// What a guest deletes is gone for its owner too: the next session of his counts.
#[test]
fn what_a_guest_deletes_is_counted_anew_for_the_owner() {
    for deletes in ["EXPUNGE", "UID EXPUNGE 1:*", "CLOSE"] {
        let stage = stage("mailbox_default = \"1M\"");
        shared(&stage, 600_000);
        let mut alice = stage.session(ALICE);
        alice.ok("SELECT shared/bob@velo.example/Club");
        alice.ok("STORE 1:* +FLAGS.SILENT (\\Deleted)");
        alice.ok(deletes);
        alice.ok("LOGOUT");
        let mut bob = stage.session(BOB);
        bob.ok("NOOP");
        bob.ok("LOGOUT");
        assert_eq!(stage.used(BOB).octets, 0, "{deletes}");
    }
}

const SHARED: &str = "shared/bob@velo.example/Club";

/// Of several who move the same messages at once, each keeps a copy; of an owner who is not in the book nobody pays them.
#[test]
fn what_an_owner_shares_who_is_not_in_the_book_is_not_moved() {
    let stage = stage("mailbox_default = \"1M\"");
    let mut bob = stage.around(BOB);
    for folder in ["Club", "Other"] {
        bob.ok(&format!("CREATE {folder}"));
        bob.ok(&format!("SETACL {folder} {ALICE} lrswipkxte"));
    }
    bob.fill("Club", 1000);
    let mut alice = stage.session(ALICE);
    alice.ok(&format!("SELECT {SHARED}"));
    let command = "UID MOVE 1:* shared/bob@velo.example/Other";
    let answer = alice.ask(command);
    assert!(last(&answer).starts_with("NO [NOPERM]"), "{answer}");
    stage.session(BOB).ok("LOGOUT");
    alice.ok(command);
}

/// Who may only read a folder, and does not read what is told to him, is in nobody's way.
#[test]
fn a_reader_who_does_not_read_keeps_no_owner_from_moving() {
    let stage = stage("mailbox_default = \"64M\"");
    let mut bob = stage.session(BOB);
    bob.ok("CREATE Club");
    bob.fill("Club", 30 << 20);
    bob.ok(&format!("SETACL Club {ALICE} lr"));
    let mut alice = stage.session(ALICE);
    alice.ok(&format!("SELECT {SHARED}"));
    let answer = alice.ask(&format!("UID MOVE 1 {SHARED}"));
    assert!(last(&answer).starts_with("NO"), "{answer}");
    alice.send(b"FETCH 1:* (BODY.PEEK[])");
    alice.send(format!("UID MOVE 1 {SHARED}").as_bytes());
    alice.send(b"RENAME f0 f1");
    std::thread::sleep(Duration::from_millis(700));
    bob.ok("CREATE f0");
    bob.ok("RENAME f0 f1");
}
