//! The judge is lost while the storage is at what one of its sessions asked for; it does that when another node judges already and has counted
//! (docs/many-nodes.md): nobody tells, and the next session of the mailbox counts.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use nologd::demo::Member;
use serde_json::Value;

use crate::many::{ASSOCIATIONS, Odd, Stage, members};

const MESSAGE: u64 = 150_000;

/// Dovecot's processes that serve somebody.
fn serving(stage: &Stage) -> Vec<Pid> {
    let master = fs::read_to_string(stage.place.path("dovecot/run/master.pid")).unwrap();
    let master = master.trim();
    let children = fs::read_to_string(format!("/proc/{master}/task/{master}/children")).unwrap();
    let serves = |pid: &i32| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "imap");
    children.split_whitespace().map(|pid| pid.parse().unwrap()).filter(serves).map(Pid::from_raw).collect()
}

/// Octets, and whether they are the storage's own.
fn in_the_book(stage: &Stage, at: usize, member: &Member) -> (u64, bool) {
    let told: Value = serde_json::from_str(&stage.nologd(at, &format!("disclose {} --json", member.address)).1).unwrap();
    let mailbox = &told["mailbox"];
    (mailbox["octets"].as_u64().unwrap_or_else(|| panic!("{told}")), mailbox["counted"] == true)
}

fn until(what: impl Fn() -> bool) {
    let begin = Instant::now();
    while !what() {
        assert!(begin.elapsed() < Duration::from_secs(20));
        sleep(Duration::from_millis(50));
    }
}

#[test]
fn what_is_deleted_after_the_next_judge_has_counted_is_counted_by_the_next_session() {
    let mut stage = Stage::prepared(Odd::Nothing);
    (0..2).for_each(|at| stage.up(at));
    let judges = stage.until_settled();
    let (lost, left, association) = (judges[1], 1 - judges[1], ASSOCIATIONS[1]);
    let member = members(association)[0];
    for _ in 0..3 {
        let said = stage.append(lost, member, MESSAGE);
        assert!(said.contains("b OK"), "{said}");
    }
    until(|| serving(&stage).is_empty());
    let mut session = stage.session(lost, member).unwrap();
    session.ask("c SELECT INBOX\r\n", "c OK");
    session.ask("d STORE 1:2 +FLAGS.SILENT (\\Deleted)\r\n", "d OK");
    let asleep = serving(&stage);
    assert_eq!(asleep.len(), 1);
    asleep.iter().for_each(|pid| kill(*pid, Signal::SIGSTOP).unwrap());
    session.send(b"e EXPUNGE\r\n");
    // Time for it to reach the storage.
    sleep(Duration::from_millis(500));
    stage.signal(lost, Signal::SIGKILL);
    stage.until_judged(&[left]);
    let before = in_the_book(&stage, left, member).0;
    assert_eq!((before, stage.truth(association)), (3 * MESSAGE, 3 * MESSAGE));
    asleep.iter().for_each(|pid| kill(*pid, Signal::SIGCONT).unwrap());
    until(|| stage.truth(association) == MESSAGE);
    // The book says too much, and that it may.
    assert_eq!(in_the_book(&stage, left, member), (before, false));
    let mut next = stage.session(left, member).unwrap();
    next.ask("f LOGOUT\r\n", "f OK");
    until(|| in_the_book(&stage, left, member) == (MESSAGE, true));
}
