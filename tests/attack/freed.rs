//! Space that was freed is there for whoever was refused: at once, in every session, by LMTP, and whoever deleted.

use std::time::{Duration, Instant};

use super::stage::{Plan, Stage};
use super::talk::{Talk, deliver, last, letter};

const ALICE: &str = "alice@velo.example";
const BOB: &str = "bob@velo.example";

/// Alice's mailbox is full, and has been refused mail.
fn full() -> (Stage, Talk) {
    let stage = Stage::set(&Plan::velo("mailbox_default = \"500K\"", &["alice", "bob"]));
    let mut session = stage.session(ALICE);
    session.fill("INBOX", 490_000);
    session.ok("SELECT INBOX");
    assert!(!deliver(stage.lmtp, &[ALICE], &letter(100_000))[0].starts_with('2'));
    (stage, session)
}

/// LMTP takes a message again within a second, with nobody's help.
fn taken(stage: &Stage) {
    let end = Instant::now() + Duration::from_secs(1);
    loop {
        let answer = deliver(stage.lmtp, &[ALICE], &letter(100_000)).remove(0);
        if answer.starts_with('2') {
            return;
        }
        assert!(Instant::now() < end, "space was freed a second ago, and LMTP says {answer}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn incoming_mail_comes_again_while_the_member_stays_connected() {
    let (stage, mut session) = full();
    session.ok("STORE 1 +FLAGS (\\Deleted)");
    session.ok("EXPUNGE");
    taken(&stage);
    session.ok("LOGOUT");
    stage.settles(ALICE, Duration::from_secs(3));
}

#[test]
fn incoming_mail_comes_again_after_close_delete_and_uid_expunge() {
    let (stage, mut session) = full();
    for commands in [
        &["STORE 1:* +FLAGS (\\Deleted)", "CLOSE", "SELECT INBOX"][..],
        &["CREATE old", "MOVE 1:* old", "DELETE old"],
        &["STORE 1:* +FLAGS (\\Deleted)", "UID EXPUNGE 1:*"],
    ] {
        commands.iter().for_each(|command| drop(session.ok(command)));
        taken(&stage);
        // Full again for the next way.
        session.ok("NOOP");
        session.fill("INBOX", 380_000);
    }
    session.ok("LOGOUT");
    stage.settles(ALICE, Duration::from_secs(3));
}

#[test]
fn incoming_mail_comes_again_after_a_cut() {
    let (stage, mut session) = full();
    session.ok("STORE 1 +FLAGS (\\Deleted)");
    session.send(b"EXPUNGE");
    drop(session);
    std::thread::sleep(Duration::from_millis(300));
    taken(&stage);
    stage.session(ALICE).ok("LOGOUT");
    stage.settles(ALICE, Duration::from_secs(3));
}

#[test]
fn other_sessions_find_the_room_and_are_shown_it() {
    let (stage, mut session) = full();
    let mut other = stage.session(ALICE);
    assert!(other.append("INBOX", &letter(100_000)).starts_with("NO [OVERQUOTA]"));
    session.ok("STORE 1 +FLAGS (\\Deleted)");
    session.ok("EXPUNGE");
    let shown = other.ok("GETQUOTAROOT INBOX");
    assert!(shown.contains("(STORAGE 0 500"), "{shown}");
    assert!(other.append("INBOX", &letter(400_000)).starts_with("OK"));
}

/// By POP3, Sieve, doveadm or another program: a refusal is preceded by a question, in the session at hand.
#[test]
fn what_was_deleted_around_us_refuses_nobody() {
    let (stage, mut session) = full();
    let mut around = stage.around(ALICE);
    around.ok("SELECT INBOX");
    around.ok("STORE 1 +FLAGS (\\Deleted)");
    around.ok("EXPUNGE");
    let answer = session.append("INBOX", &letter(100_000));
    assert!(answer.starts_with("OK"), "{answer}");
    around.ok("SELECT INBOX");
    around.ok("STORE 1:* +FLAGS (\\Deleted)");
    around.ok("EXPUNGE");
    let shown = session.ok("GETQUOTAROOT INBOX");
    assert!(shown.contains("(STORAGE 0 500"), "{shown}");
    session.fill("INBOX", 400_000);
    session.ok("NOOP");
    stage.doveadm(&["expunge", "-u", ALICE, "mailbox", "INBOX", "all"]);
    session.ok("SELECT INBOX");
    assert!(session.append("Drafts", &letter(200_000)).starts_with("OK"));
    assert!(last(&session.ok("GETQUOTAROOT Drafts")).starts_with("OK"));
}

/// An association that another member has made room in.
#[test]
fn room_in_the_association_is_seen_by_its_others() {
    let stage = Stage::set(&Plan::velo("storage = \"500K\"", &["alice", "bob"]));
    let (mut alice, mut bob) = (stage.session(ALICE), stage.session(BOB));
    alice.fill("INBOX", 490_000);
    assert!(bob.append("INBOX", &letter(100_000)).contains("(ASSOCIATION-FULL)"));
    alice.ok("SELECT INBOX");
    alice.ok("STORE 1 +FLAGS (\\Deleted)");
    alice.ok("EXPUNGE");
    assert!(bob.append("INBOX", &letter(100_000)).starts_with("OK"));
    taken(&stage);
}

/// Deliveries are charged by a guess and corrected when a session counts: no drift.
#[test]
fn deliveries_do_not_drift() {
    let stage = Stage::set(&Plan::velo("mailbox_default = \"1M\"", &["alice", "bob"]));
    for _ in 0..40 {
        assert!(deliver(stage.lmtp, &[ALICE, BOB], &letter(3000)).iter().all(|answer| answer.starts_with('2')));
        stage.not_below(ALICE);
    }
    for user in [ALICE, BOB] {
        stage.session(user).ok("LOGOUT");
        assert_eq!(stage.settles(user, Duration::from_secs(3)).messages, 40);
    }
    // Quotes that need not be (RFC 5321 4.1.2) name the same mailbox.
    let before = stage.used(ALICE).messages;
    for to in ["\"alice\"@velo.example", "\"al\\ice\"@velo.example"] {
        let answer = deliver(stage.lmtp, &[to], &letter(3000)).remove(0);
        let charged = stage.used(ALICE).messages - before;
        assert!(answer.starts_with('5') || charged > 0, "{to}: {answer} and nobody is charged");
    }
    stage.not_below(ALICE);
    // Nobody else came into the book: there is room for one more, and for one only.
    stage.ask("association set velo --mailboxes 3");
    stage.ask("mailbox set carl@velo.example --storage 1M");
}

/// Whoever idles hears of it, and nobody else does: it is counted there, in between, and the member goes on idling.
#[test]
fn incoming_mail_comes_again_when_only_sessions_that_idle_hear_of_it() {
    for cut in [false, true] {
        let (stage, mut session) = full();
        let mut other = stage.session(ALICE);
        other.ok("SELECT INBOX");
        let tags = [&mut session, &mut other].map(|idle| idle.send(b"IDLE"));
        let _ = [&mut session, &mut other].map(|idle| idle.wire.until("+"));
        let mut around = stage.around(ALICE);
        around.ok("SELECT INBOX");
        around.ok("STORE 1:* +FLAGS.SILENT (\\Deleted)");
        around.ok("EXPUNGE");
        let told = [&mut session, &mut other].map(|idle| idle.wire.until("* 1 EXPUNGE"));
        if cut {
            drop((session, other));
            taken(&stage);
            // What LMTP has brought since is counted by the next session.
            stage.session(ALICE).ok("LOGOUT");
        } else {
            taken(&stage);
            for ((mut idle, tag), told) in [session, other].into_iter().zip(tags).zip(told) {
                idle.wire.send(b"DONE\r\n");
                let heard = told + &idle.wire.until(&tag);
                assert!(heard.matches(" OK ").count() == 1 && !heard.contains("STATUS"), "{heard}");
                idle.ok("NOOP");
            }
        }
        stage.settles(ALICE, Duration::from_secs(3));
    }
}
