//! What a backend's own count leaves out: a folder that became another one under an open session, and mail that is delivered while
//! somebody has the INBOX locked. Nobody may be told less than there is.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use super::stage::{Plan, Stage};
use super::talk::{deliver, letter};
use super::walk::PUSHED;

const ALICE: &str = "alice@velo.example";

fn stage() -> Stage {
    Stage::set(&Plan::velo("mailbox_default = \"1M\"", &["alice"]))
}

/// Of the folder that a session has open Dovecot tells what that session has open, also when it is called otherwise by now, or gone.
#[test]
fn a_folder_that_became_another_is_counted() {
    for change in [
        &["RENAME f1 f0"][..],
        &["DELETE f1"],
        &["RENAME f1 f0", "DELETE f0"],
        &["CREATE f2", "DELETE f1", "RENAME f2 f1", "DELETE f1"],
    ] {
        let stage = stage();
        let (mut open, mut other) = (stage.session(ALICE), stage.session(ALICE));
        open.ok("CREATE f1");
        open.ok("SELECT f1");
        change.iter().for_each(|command| drop(other.ok(command)));
        other.ok("CREATE f1");
        other.fill("f1", 5000);
        open.ask("GETQUOTAROOT INBOX");
        stage.not_below(ALICE);
        open.ask("LOGOUT");
        stage.not_below(ALICE);
        other.ok("LOGOUT");
        stage.settles(ALICE, Duration::from_secs(3));
    }
}

/// As Dovecot does it.
fn lock(stage: &Stage) -> PathBuf {
    let lock = stage.dovecot.maildir(ALICE).join("dovecot-uidlist.lock");
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    stage.place.write(&lock.to_string_lossy(), format!("{}:{}", std::process::id(), host.trim()).as_bytes()).unwrap();
    lock
}

/// Its own session renames it, and what is above it.
#[test]
fn a_folder_that_its_own_session_renamed_is_counted() {
    for (folder, renamed, to) in [("f1", "f1", "f0"), ("f1/deep", "f1", "f0")] {
        let stage = stage();
        let mut session = stage.session(ALICE);
        session.ok(&format!("CREATE {folder}"));
        session.ok(&format!("SELECT {folder}"));
        session.ok(&format!("RENAME {renamed} {to}"));
        let mut other = stage.session(ALICE);
        other.ok(&format!("CREATE {folder}"));
        other.fill(folder, 5000);
        session.ask("GETQUOTAROOT INBOX");
        stage.not_below(ALICE);
        session.ask("LOGOUT");
        stage.session(ALICE).ask("LOGOUT");
        stage.settles(ALICE, Duration::from_secs(3));
    }
}

/// While somebody has the list of the INBOX locked, Dovecot takes mail without writing it there, and STATUS does not wait for the lock
/// to look for it.
#[test]
fn mail_that_came_under_a_lock_is_counted() {
    for before in [&[][..], &["SELECT INBOX", "NOOP"], &["SELECT Drafts"]] {
        let stage = stage();
        let mut session = stage.session(ALICE);
        session.fill("INBOX", 1000);
        before.iter().for_each(|command| drop(session.ok(command)));
        let lock = lock(&stage);
        assert!(deliver(stage.lmtp, &[ALICE], &letter(5000))[0].starts_with('2'));
        stage.not_below(ALICE);
        let tag = session.send(b"GETQUOTAROOT INBOX");
        std::thread::sleep(Duration::from_secs(1));
        stage.not_below(ALICE);
        fs::remove_file(&lock).unwrap();
        assert!(session.wire.until(&tag).contains(" OK "));
        stage.not_below(ALICE);
        session.ok("LOGOUT");
        stage.settles(ALICE, Duration::from_secs(3));
    }
}

/// What Dovecot pushes for mail that it takes under a lock does not have it either.
#[test]
fn mail_that_came_under_a_lock_is_not_in_its_own_push() {
    let stage =
        Stage::set(&Plan { push: true, dovecot: PUSHED.to_owned(), ..Plan::velo("mailbox_default = \"1M\"", &["alice"]) });
    let mut session = stage.session(ALICE);
    session.fill("INBOX", 1000);
    session.ok("LOGOUT");
    stage.settles(ALICE, Duration::from_secs(3));
    let lock = lock(&stage);
    for _ in 0..2 {
        assert!(deliver(stage.lmtp, &[ALICE], &letter(5000))[0].starts_with('2'));
        stage.not_below(ALICE);
    }
    std::thread::sleep(Duration::from_secs(2));
    stage.not_below(ALICE);
    fs::remove_file(&lock).unwrap();
    assert!(deliver(stage.lmtp, &[ALICE], &letter(5000))[0].starts_with('2'));
    stage.not_below(ALICE);
    stage.session(ALICE).ok("LOGOUT");
    stage.settles(ALICE, Duration::from_secs(3));
}
