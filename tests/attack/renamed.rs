//! Folders that are renamed while other sessions move messages out of them. Dovecot says NO to the mover, and has copied all of
//! them: what was in the folder is there twice, and paid once.

use std::thread;
use std::time::Duration;

use super::folders::ACL as SHARES;
use super::stage::{Plan, Stage};
use super::talk::{Talk, last};
use super::truth;

const ALICE: &str = "alice@velo.example";
const BOB: &str = "bob@velo.example";
const MESSAGES: u64 = 60;

/// One tries to have everything twice, again and again: a session moves a folder empty, others rename it meanwhile.
#[test]
fn a_rename_doubles_nothing_that_is_moved() {
    for (from, to) in [("f0", "INBOX"), ("INBOX", "f0")] {
        let stage = Stage::set(&Plan::velo("mailbox_default = \"100K\"", &["alice"]));
        let mut session = stage.session(ALICE);
        session.ok("CREATE f0");
        (0..MESSAGES).for_each(|_| session.fill(from, 1_000));
        session.ok("LOGOUT");
        let (mut moved, mut renamed, mut busy) = (0, 0, 0);
        for round in 0..20 {
            let (mut mover, mut renamer) = (stage.session(ALICE), stage.session(ALICE));
            mover.ok(&format!("SELECT {from}"));
            renamer.ok("NOOP");
            let wait = Duration::from_micros(400 * round);
            let rename = thread::spawn(move || {
                thread::sleep(wait);
                renamer.ask("RENAME f0 f1")
            });
            moved += u32::from(last(&mover.ask(&format!("UID MOVE 1:* {to}"))).starts_with("OK"));
            let answer = rename.join().unwrap();
            renamed += u32::from(last(&answer).starts_with("OK"));
            busy += u32::from(answer.contains("(FOLDER-BUSY)"));
            stage.not_below(ALICE);
            assert!(truth::told(&stage, ALICE).messages <= MESSAGES, "{from} to {to}: {:?}", truth::told(&stage, ALICE));
            put_back(&mut stage.session(ALICE), from, to);
        }
        // How often which of them is first is the machine's business.
        assert!(moved > 0 && renamed + busy > 0, "{moved} moves, {renamed} renames, {busy} refused");
        println!("{from} to {to}: {moved} moves and {renamed} renames of 20, {busy} times refused");
        stage.settles(ALICE, Duration::from_secs(3));
    }
}

/// As it was.
fn put_back(session: &mut Talk, from: &str, to: &str) {
    session.ask("RENAME f1 f0");
    session.ok(&format!("SELECT {to}"));
    session.ask(&format!("UID MOVE 1:* {from}"));
    session.ok("UNSELECT");
    session.ok("LOGOUT");
}

/// A program that sends both at once means one after the other.
#[test]
fn a_rename_behind_a_move_of_the_same_session_waits_for_it() {
    let stage = Stage::set(&Plan::velo("", &["alice"]));
    let mut session = stage.session(ALICE);
    session.ok("CREATE f0");
    session.fill("f0", 1_000);
    session.ok("SELECT f0");
    session.send(b"UID MOVE 1:* INBOX");
    let answer = session.ask("RENAME f0 f1");
    assert!(last(&answer).starts_with("OK"), "{answer}");
    assert!(session.ok("STATUS INBOX (MESSAGES)").contains("MESSAGES 1"));
}

/// The same with a guest who may rename what its owner moves out of, and the other way round.
#[test]
fn a_guest_who_renames_doubles_nothing_that_the_owner_moves() {
    let plan = Plan { dovecot: SHARES.to_owned(), ..Plan::velo("mailbox_default = \"100K\"", &["alice", "bob"]) };
    let stage = Stage::set(&plan);
    let mut owner = stage.session(BOB);
    for folder in ["f0", "f0/a"] {
        owner.ok(&format!("CREATE {folder}"));
        owner.ok(&format!("SETACL {folder} {ALICE} lrswipkxte"));
    }
    (0..MESSAGES).for_each(|_| owner.fill("f0/a", 1_000));
    owner.ok("LOGOUT");
    let (mut moved, mut renamed, mut busy) = (0, 0, 0);
    for round in 0..20 {
        let (mut mover, mut renamer) = (stage.session(BOB), stage.session(ALICE));
        mover.ok("SELECT f0/a");
        // Whose the folders are, is asked once.
        renamer.ask("RENAME shared/bob@velo.example/x shared/bob@velo.example/y");
        let wait = Duration::from_micros(400 * round);
        let rename = thread::spawn(move || {
            thread::sleep(wait);
            renamer.ask("RENAME shared/bob@velo.example/f0/a shared/bob@velo.example/f0/b")
        });
        moved += u32::from(last(&mover.ask("UID MOVE 1:* INBOX")).starts_with("OK"));
        let answer = rename.join().unwrap();
        renamed += u32::from(last(&answer).starts_with("OK"));
        busy += u32::from(answer.contains("(FOLDER-BUSY)"));
        stage.not_below(BOB);
        assert!(truth::told(&stage, BOB).messages <= MESSAGES, "{:?}", truth::told(&stage, BOB));
        let mut session = stage.session(BOB);
        session.ask("RENAME f0/b f0/a");
        session.ok("SELECT INBOX");
        session.ask("UID MOVE 1:* f0/a");
        session.ok("LOGOUT");
    }
    assert!(moved > 0 && renamed + busy > 0, "{moved} moves, {renamed} renames, {busy} refused");
    println!("{moved} moves and {renamed} renames of 20, {busy} times refused");
    stage.settles(BOB, Duration::from_secs(3));
}
