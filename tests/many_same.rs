//! What is the same by whichever node a member comes, and what becomes of a node that can do a part of its work only (docs/many-nodes.md).

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::many::{ASSOCIATIONS, LIMIT, NAMES, Odd, Stage, members};
use crate::root;
use crate::wire::Wire;

fn until(long: u64, stage: &Stage, what: impl Fn() -> bool) {
    let begin = Instant::now();
    while !what() {
        assert!(begin.elapsed() < Duration::from_secs(long), "{} {:?}", stage.shown(0), [0, 1].map(|at| stage.out(at)));
        sleep(Duration::from_millis(100));
    }
}

fn storage(stage: &Stage, at: usize, association: &str) -> Option<u64> {
    let shown = stage.nologd(at, &format!("association show {association} --json")).1;
    serde_json::from_str::<Value>(&shown).ok()?["association"]["settings"]["storage"].as_u64().map(|octets| octets >> 20)
}

/// How full it is, and why somebody may not come in.
#[test]
fn a_member_hears_the_same_by_either_node() {
    let mut stage = Stage::prepared(Odd::Nothing);
    (0..2).for_each(|at| stage.up(at));
    stage.until_settled();
    let member = members(ASSOCIATIONS[0])[0];
    assert!(stage.append(1, member, 100_000).contains("b OK"));
    for question in
        ["q GETQUOTAROOT INBOX\r\n", "q GETQUOTA association\r\n", "q GETQUOTA nowhere\r\n", "q SETQUOTA mailbox (STORAGE 9)\r\n"]
    {
        let said = [0, 1].map(|at| stage.session(at, member).unwrap().ask(question, "q "));
        assert_eq!(said[0], said[1], "{question}");
        assert!(said[0].contains("* QUOTA association (STORAGE 98 8192)") || !said[0].contains("q OK"), "{said:?}");
    }
    (0..2).for_each(|at| assert_eq!(stage.nologd(at, "association set velo --state suspended").0, 0));
    for at in 0..2 {
        let mut wire = Wire::plain(stage.ports[at].imap);
        wire.until("* OK");
        let said = wire.ask(&format!("a LOGIN {} {}\r\n", member.address, member.password), "a ");
        assert!(said.contains("[CONTACTADMIN]") && said.contains("(SUSPENDED)"), "{at}: {said}");
        let said = wire.ask(&format!("b LOGIN {} wrong\r\n", member.address), "b ");
        assert!(said.contains("(WRONG-PASSWORD)"), "{at}: {said}");
    }
}

/// One call to etcd, as an admin makes it.
fn etcd(stage: &Stage, path: &str, body: &str) {
    let file = |name: &str| stage.place.path(name);
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--fail", "--output", "/dev/null", "--data", body, "--cacert"]).arg(file("authority.pem"));
    curl.arg("--cert").arg(file("etcd-one.pem")).arg("--key").arg(file("etcd-one.key"));
    curl.arg(format!("https://127.0.0.1:{}{path}", stage.etcd_port)).stdin(Stdio::null());
    assert!(curl.status().unwrap().success(), "{path} {body}");
}

/// It answers, so nothing seems wrong: but who is lost is followed by nobody. That is told, and when there is room again, all goes on by itself.
#[test]
fn an_etcd_without_room_is_told() {
    let mut stage = Stage::prepared(Odd::Nothing);
    (0..2).for_each(|at| stage.up(at));
    let judges = stage.until_settled();
    let (lost, left) = (judges[0], judges[1]);
    let member = members(ASSOCIATIONS[0])[0];
    let alarm =
        |action: &str| etcd(&stage, "/v3/maintenance/alarm", &format!("{{\"action\":\"{action}\",\"alarm\":\"NOSPACE\"}}"));
    alarm("ACTIVATE");
    assert!(stage.append(left, member, 1000).contains("b OK"), "who judges goes on");
    stage.signal(lost, Signal::SIGKILL);
    until(40, &stage, || stage.out(left).contains("nologd: etcd-full\n"));
    assert!(stage.nologd(left, "share show").1.contains("answers, and has NO ROOM"), "{}", stage.shown(left));
    assert!(stage.append(left, member, 1000).contains("[UNAVAILABLE]"));
    alarm("DEACTIVATE");
    until(30, &stage, || stage.append(left, member, 1000).contains("b OK"));
    let has_room = || stage.out(left).contains("nologd: etcd-room\n") && !stage.nologd(left, "share show").1.contains("NO ROOM");
    until(10, &stage, has_room);
    stage.up(lost);
    stage.until_settled();
}

/// A disk of its own, taken away in the end.
struct Disk(PathBuf);

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// A node whose disk is full does not take over what is set. It leaves what it judged to one that does, and judges nothing by settings of before it began.
#[test]
fn a_node_that_cannot_take_over_settings_hands_on() {
    root::needed();
    let mut stage = Stage::prepared(Odd::Nothing);
    let state = stage.folder(1).join("state");
    let run = |line: &str| assert!(Command::new("sh").args(["-c", line]).status().unwrap().success(), "{line}");
    let (disk, kept) = (state.display(), stage.place.path("kept"));
    let kept = kept.display();
    run(&format!(
        "cp -a {disk} {kept} && mount -t tmpfs -o size=8m,mode=755 none {disk} && cp -a {kept}/. {disk}/ && chown --reference {kept} {disk}"
    ));
    let _disk = Disk(state.clone());
    (0..2).for_each(|at| stage.up(at));
    let (judges, full, left, name) = (stage.until_settled(), 1, 0, ASSOCIATIONS[1]);
    assert_eq!(judges[1], full);
    assert_eq!(stage.nologd(left, "share publish").0, 0);
    until(10, &stage, || stage.shown(full)["book"] == "shared");
    run(&format!("cat /dev/zero >{disk}/filler 2>/dev/null; true"));
    until(10, &stage, || stage.nologd(left, &format!("association set {name} --storage 3M")).0 == 0);
    let begin = Instant::now();
    until(40, &stage, || {
        stage.shown(left)["associations"][0]["judged"] == "judged" && stage.shown(left)["associations"][1]["judged"] == "judged"
    });
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
    for at in 0..2 {
        // The full one hears a moment later who judges now.
        until(10, &stage, || stage.append(at, members(name)[0], 1000).contains("b OK"));
    }
    until(10, &stage, || stage.out(full).contains("judges-nothing why=8"));
    assert_eq!(storage(&stage, full, name), Some(8), "else nothing is shown");
    // Begun anew, it has what it had then.
    stage.signal(full, Signal::SIGKILL);
    stage.up(full);
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(8) {
        let shown = stage.shown(full);
        let judged = shown["associations"].as_array().map_or(0, |all| all.iter().filter(|one| one["judged"] == "judged").count());
        assert_eq!(judged, 0, "{shown}");
        sleep(Duration::from_millis(100));
    }
    fs::remove_file(state.join("filler")).unwrap();
    stage.until_settled();
    assert_eq!(storage(&stage, full, name), Some(3));
    assert!(stage.out(full).contains("judges-again") && NAMES[full] == "front-b");
    drop(stage.nodes[full].take());
}

/// What tells the nodes what is in the mailboxes says that all of them are empty, and ends with 0.
#[test]
fn a_storage_that_is_not_mounted_is_not_believed() {
    let mut stage = Stage::prepared(Odd::Nothing);
    (0..2).for_each(|at| stage.up(at));
    let judges = stage.until_settled();
    let (lost, left, member) = (judges[0], judges[1], members(ASSOCIATIONS[0])[0]);
    let delivered = |at: usize| stage.deliver(at, member, 500_000).starts_with("250 ");
    until(40, &stage, || delivered(lost) && stage.truth(ASSOCIATIONS[0]) > 6 << 20);
    // The other one has heard of it.
    sleep(Duration::from_secs(12));
    let rows: String =
        ASSOCIATIONS.iter().flat_map(|name| members(name)).map(|one| format!("{}\\t0\\t0\\n", one.address)).collect();
    let count =
        stage.place.write("count", format!("#!/bin/sh\nprintf 'Username\\tmessages\\tvsize\\n{rows}'\n").as_bytes()).unwrap();
    fs::set_permissions(count, Permissions::from_mode(0o755)).unwrap();
    stage.signal(lost, Signal::SIGKILL);
    // It ends, and says so.
    stage.until_judged(&[left]);
    assert!(stage.out(left).contains("nologd: count-in-vain mailboxes="), "{}", stage.out(left));
    let taken = (0..30).filter(|_| delivered(left)).count();
    let truth = stage.truth(ASSOCIATIONS[0]);
    assert!(truth <= LIMIT, "{taken} more were taken: {truth}");
}
