//! `nologd usage count`: doveadm is asked about everybody, and the book uses it where its number is not sure.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Stdio};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use super::folders::ACL;
use super::stage::{Plan, Stage};
use super::talk::{deliver, letter};
use super::truth;
use super::walk::{POP3, PUSHED};
use crate::wire::Wire;

const ALICE: &str = "alice@velo.example";
const BOB: &str = "bob@velo.example";

fn stage(push: bool, mailboxes: &[&str]) -> Stage {
    let dovecot = format!("protocols = imap lmtp pop3\n{POP3}{}", if push { PUSHED } else { "" });
    Stage::set(&Plan { push, dovecot, ..Plan::velo("mailbox_default = \"5M\"", mailboxes) })
}

fn delivered(stage: &Stage, port: u16, user: &str, octets: usize) {
    assert!(deliver(port, &[user], &letter(octets))[0].starts_with('2'));
    stage.not_below(user);
}

/// Deletes the first `count` by POP3.
fn delete(port: u16, user: &str, count: usize) {
    let mut wire = Wire::plain(port);
    wire.line();
    wire.ask(&format!("USER {user}\r\n"), "+OK");
    wire.ask("PASS secret\r\n", "+OK");
    (1..=count).for_each(|number| drop(wire.ask(&format!("DELE {number}\r\n"), "")));
    wire.ask("QUIT\r\n", "");
}

fn is_known(stage: &Stage, user: &str) -> bool {
    stage.mailbox(user).is_some_and(|mailbox| mailbox["counted"] == true)
}

fn is_equal(stage: &Stage, user: &str) -> bool {
    let (used, with) = truth::of(stage, user);
    used == with && used == truth::told(stage, user)
}

/// Its code, and all that it says.
fn count(stage: &Stage, more: &[&str]) -> (Option<i32>, String) {
    let output = stage.count(more).output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

/// A program of these lines.
fn program(stage: &Stage, name: &str, lines: &str) -> String {
    let path = stage.place.write(&format!("bin/{name}"), format!("#!/bin/sh\n{lines}\n").as_bytes()).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path.display().to_string()
}

/// A count whose program has looked at everybody, and says so when it is let.
struct Slow<'a> {
    stage: &'a Stage,
    name: &'a str,
    child: Child,
}

impl<'a> Slow<'a> {
    fn begin(stage: &'a Stage, name: &'a str) -> Slow<'a> {
        let at = stage.place.path(name).display().to_string();
        let lines =
            format!("{} >{at}.rows; touch {at}.looked; while [ ! -e {at}.go ]; do sleep 0.05; done; cat {at}.rows", stage.sums());
        let mut command = stage.count(&["--program", &program(stage, name, &lines)]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let end = Instant::now() + Duration::from_secs(20);
        while !stage.place.path(&format!("{name}.looked")).exists() {
            assert!(Instant::now() < end, "it does not look");
            sleep(Duration::from_millis(20));
        }
        Slow { stage, name, child }
    }

    fn let_go(&self) {
        self.stage.place.write(&format!("{}.go", self.name), b"").unwrap();
    }

    /// Its code, and what it complains about.
    fn ends(self) -> (Option<i32>, String) {
        self.let_go();
        let output = self.child.wait_with_output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// Its program stays behind for a moment.
    fn end_by_a_kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.let_go();
    }
}

/// Without pushes, what POP3 deletes is known to nobody who counts.
#[test]
fn what_pop3_deleted_is_known_after_a_count_and_stays_unknown_without() {
    let stage = stage(false, &["alice", "bob"]);
    (0..4).for_each(|_| delivered(&stage, stage.lmtp, ALICE, 3_000));
    delete(stage.pop3_front, ALICE, 2);
    sleep(Duration::from_secs(3));
    assert!(!is_equal(&stage, ALICE) && !is_known(&stage, ALICE), "{:?}", truth::of(&stage, ALICE));
    let sums = stage.sums();
    assert_eq!(count(&stage, &["--program", &sums]), (Some(0), "told  2  (mailboxes that the storage has)\n".to_owned()));
    assert!(is_equal(&stage, ALICE) && is_known(&stage, ALICE), "{:?}", truth::of(&stage, ALICE));
    assert!(stage.mailbox(BOB).is_none(), "who is in no book does not come into it");
    // A number that is sure is not touched, whatever is said.
    let lie = format!("printf 'Username\\tmessages\\tvsize\\n{ALICE}\\t0\\t0\\nx@elsewhere.example\\t1\\t1\\n'");
    let liar = program(&stage, "liar", &lie);
    assert_eq!(count(&stage, &["--program", &liar]).0, Some(0));
    assert!(is_equal(&stage, ALICE));
    // One that fails is not believed at all.
    program(&stage, "liar", &format!("{lie}; exit 75"));
    delivered(&stage, stage.lmtp, ALICE, 3_000);
    sleep(Duration::from_secs(3));
    let (code, said) = count(&stage, &["--program", &liar]);
    assert!(code == Some(1) && said.contains("did not tell all"), "{said}");
    stage.not_below(ALICE);
    assert_eq!(count(&stage, &["--program", &sums, "--backend", "nobody"]).0, Some(1));
}

/// With pushes: POP3 around nologd and deliveries, beside each other, in forty mailboxes.
#[test]
fn what_pushes_cannot_tell_is_equal_after_a_count() {
    let names: Vec<_> = (0..40).map(|number| format!("m{number}")).collect();
    let stage = stage(true, &names.iter().map(String::as_str).collect::<Vec<_>>());
    let users: Vec<_> = names.iter().map(|name| format!("{name}@velo.example")).collect();
    users.iter().for_each(|user| (0..3).for_each(|_| delivered(&stage, stage.lmtp, user, 2_000)));
    scope(|threads| {
        for user in &users {
            threads.spawn(|| delete(stage.pop3, user, 2));
            (0..2).for_each(|_| drop(threads.spawn(|| deliver(stage.lmtp, &[user], &letter(9_000)))));
        }
    });
    sleep(Duration::from_secs(4));
    let high: Vec<_> = users.iter().filter(|user| !is_equal(&stage, user)).collect();
    assert!(high.iter().all(|user| !is_known(&stage, user)), "what is wrong is known to be");
    assert_eq!(count(&stage, &[]), (Some(0), "told  40  (mailboxes that the storage has)\n".to_owned()), "{}", high.len());
    let unequal: Vec<_> = users.iter().filter(|user| !is_equal(&stage, user) || !is_known(&stage, user)).collect();
    assert!(unequal.is_empty(), "{} before, after the count {unequal:?}", high.len());
}

#[test]
fn what_is_delivered_while_doveadm_runs_is_not_lost() {
    for push in [false, true] {
        let stage = stage(push, &["alice", "bob"]);
        // In the book, and nobody has counted it.
        for user in [ALICE, BOB] {
            assert!(deliver(stage.dovecot.lmtp(), &[user], &letter(4_000))[0].starts_with('2'));
            stage.ask(&format!("mailbox set {user} --storage 4M"));
        }
        let slow = Slow::begin(&stage, "one");
        assert!(deliver(stage.lmtp, &[ALICE], &letter(5_000))[0].starts_with('2'));
        assert_eq!(slow.ends().0, Some(0));
        stage.not_below(ALICE);
        assert!(is_equal(&stage, BOB) && is_known(&stage, BOB));
        sleep(Duration::from_secs(3));
        let sums = stage.sums();
        let all = ["--program", &sums];
        assert_eq!(count(&stage, if push { &[] } else { &all }).0, Some(0));
        assert!(is_equal(&stage, ALICE) && is_known(&stage, ALICE), "{:?}", truth::of(&stage, ALICE));
    }
}

#[test]
fn who_is_killed_or_overtaken_changes_nothing() {
    let stage = stage(false, &["alice"]);
    (0..2).for_each(|_| delivered(&stage, stage.lmtp, ALICE, 4_000));
    sleep(Duration::from_secs(3));
    let before = truth::of(&stage, ALICE);
    Slow::begin(&stage, "killed").end_by_a_kill();
    assert_eq!(truth::of(&stage, ALICE), before);
    // Two at once: the later one holds, and the first one, which looked before the mail was deleted, is told so.
    let first = Slow::begin(&stage, "first");
    delete(stage.pop3, ALICE, 1);
    let sums = stage.sums();
    assert_eq!(count(&stage, &["--program", &sums]).0, Some(0));
    assert!(is_equal(&stage, ALICE) && is_known(&stage, ALICE));
    let (code, said) = first.ends();
    assert!(code == Some(1) && said.contains("That count is over"), "{said}");
    assert!(is_equal(&stage, ALICE) && is_known(&stage, ALICE));
    // That it is empty is believed of a mailbox in which somebody deleted mail.
    delete(stage.pop3_front, ALICE, 1);
    assert_eq!(count(&stage, &["--program", &sums]).0, Some(0));
    assert!(is_equal(&stage, ALICE) && is_known(&stage, ALICE));
}

/// doveadm's sum lacks a folder that it cannot read; the quota says so.
#[test]
fn a_folder_without_a_number_makes_its_mailbox_uncounted_and_no_other() {
    let stage = stage(true, &["alice", "bob"]);
    for user in [ALICE, BOB] {
        let mut session = stage.around(user);
        session.ok("CREATE Work");
        session.fill("Work", 9_000);
        session.fill("INBOX", 2_000);
        session.ok("LOGOUT");
        stage.ask(&format!("mailbox set {user} --storage 4M"));
    }
    let folder = stage.dovecot.maildir(ALICE).join(".Work");
    let lock = |mode| fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).unwrap();
    lock(0o000);
    let (code, said) = count(&stage, &[]);
    lock(0o700);
    // As root nothing is unreadable; Dovecot itself runs as somebody else.
    assert!(code == Some(1) && said.contains("but of 1 mailboxes"), "{said}");
    assert!(is_equal(&stage, BOB) && is_known(&stage, BOB) && !is_known(&stage, ALICE));
    assert_eq!(count(&stage, &[]).0, Some(0));
    assert!(is_equal(&stage, ALICE) && is_known(&stage, ALICE));
}

/// Nor does a name that looks like rows of doveadm's make it more or less.
#[test]
fn folders_of_others_are_not_in_the_sum() {
    for push in [false, true] {
        let dovecot = format!("{ACL}{}", if push { PUSHED } else { "" });
        let stage = Stage::set(&Plan { push, dovecot, ..Plan::velo("mailbox_default = \"5M\"", &["alice", "bob"]) });
        let mut bob = stage.around(BOB);
        bob.ok("CREATE Club");
        bob.fill("Club", 900_000);
        bob.ok(&format!("SETACL Club {ALICE} lrswitea"));
        bob.ok("LOGOUT");
        let mut alice = stage.around(ALICE);
        assert!(alice.ok("LIST \"\" *").contains("shared/bob@velo.example/Club"), "the folder is not shared: the test is broken");
        alice.fill("INBOX", 50_000);
        for name in ["x\t0\t0", "x\nbob@velo.example\tINBOX\t9\t9000000", "x\n"] {
            alice.ask(&format!("CREATE {{{}+}}\r\n{name}", name.len()));
        }
        alice.ok("LOGOUT");
        for user in [ALICE, BOB] {
            stage.ask(&format!("mailbox set {user} --storage 4M"));
        }
        // Where Dovecot has no quota, doveadm says so.
        let (code, said) = count(&stage, &[]);
        assert!(code == Some(0) && said.starts_with("told  2  (mailboxes that the storage has)\n"), "{said}");
        for user in [ALICE, BOB] {
            assert!(is_equal(&stage, user) && is_known(&stage, user), "{user}: {:?}", truth::of(&stage, user));
        }
    }
}
