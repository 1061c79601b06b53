//! Two nologd and a witness on one machine, without ssh and without a mail server (docs/nodes.md): who answers what, what is handed over, and
//! what becomes of each when the other goes. With everything real: tests/pair.rs.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // helpers of tests

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::unistd::{Uid, User};
use nologd::demo::{Owner, Place, Process, Program};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_nologd");

/// Two machines, in one folder.
struct Two {
    machines: [Machine; 2],
    place: Place,
}

struct Machine {
    daemon: Option<Process>,
    link: Option<Process>,
    folder: PathBuf,
    port: u16,
}

fn owner() -> (&'static str, Owner) {
    if !Uid::effective().is_root() {
        return ("", Owner::me());
    }
    let nobody = User::from_name("nobody").unwrap().unwrap();
    ("user = \"nobody\"\n", Owner { uid: nobody.uid, gid: nobody.gid })
}

impl Two {
    fn start() -> Two {
        let place = Place::new().unwrap_or_else(|trouble| panic!("{trouble}"));
        let count =
            place.write("count", b"#!/bin/sh\nprintf 'Username\\tmessages\\tvsize\\na@velo.example\\t2\\t4000\\n'\n").unwrap();
        let close = format!("#!/bin/sh\n[ ! -e {}-$1 ]\n", place.path("cannot-close").display());
        let close = place.write("close", close.as_bytes()).unwrap();
        for program in [count, close] {
            fs::set_permissions(program, Permissions::from_mode(0o755)).unwrap();
        }
        let machines = ["a", "b"].map(|name| Machine::make(&place, name));
        let mut two = Two { machines, place };
        for at in 0..2 {
            two.up(at);
            two.link(at);
        }
        two
    }

    fn up(&mut self, at: usize) {
        let machine = &mut self.machines[at];
        let mut command = Command::new(PROGRAM);
        command.arg("run").arg("--config").arg(machine.folder.join("nologd.toml"));
        machine.daemon = Some(Process::start(command, Program::Nologd, Some(&machine.folder.join("out"))).unwrap());
    }

    fn link(&mut self, at: usize) {
        let [close, count, state, run] = ["close", "count", "witness", "witness-run"].map(|name| self.place.path(name));
        let machine = &mut self.machines[at];
        let mut command = Command::new(PROGRAM);
        command.args(["node", "link", "--socket"]).arg(machine.folder.join("node.sock")).args(["--", PROGRAM, "node", "witness"]);
        command
            .arg(["front-a", "front-b"][at])
            .arg("--close")
            .arg(close)
            .arg("--count")
            .arg(count)
            .arg("--state")
            .arg(state)
            .arg("--run")
            .arg(run);
        machine.link = Some(Process::start(command, Program::Nologd, Some(&machine.folder.join("link.out"))).unwrap());
    }

    fn shown(&self, at: usize) -> Value {
        let said = self.machines[at].nologd("node show --json");
        serde_json::from_str(&said.1).unwrap_or_default()
    }

    /// Waits until `key` of machine `at` is `value`; how long that took.
    fn until(&self, at: usize, key: &str, value: impl Into<Value>) -> Duration {
        let (begin, value) = (Instant::now(), value.into());
        while self.shown(at)[key] != value {
            let said = self.machines.each_ref().map(|machine| fs::read_to_string(machine.folder.join("out")).unwrap_or_default());
            assert!(begin.elapsed() < Duration::from_secs(40), "{key}: {} {}\n{said:?}", self.shown(0), self.shown(1));
            std::thread::sleep(Duration::from_millis(50));
        }
        begin.elapsed()
    }

    /// The first one judges by its own book, as nobody ever did.
    fn first(&self) {
        self.until(0, "name", "front-a");
        let begin = Instant::now();
        loop {
            let said = self.machines[0].nologd("node take-over --with-own-book --empty");
            if said.0 == 0 {
                self.until(0, "grants", "all");
                return;
            }
            // The witness is asked each second, and it must have answered.
            assert!(said.2.contains("not answered yet") && begin.elapsed() < Duration::from_secs(20), "{said:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// What is not refused for long: a newer copy may just be on its way.
    fn say(&self, at: usize, line: &str) {
        let begin = Instant::now();
        loop {
            let said = self.machines[at].nologd(line);
            if said.0 == 0 {
                return;
            }
            let waits = said.2.contains("being taken over") || said.2.contains("book is empty");
            assert!(waits && begin.elapsed() < Duration::from_secs(20), "{said:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The same, with an association that may have 1 GiB; the second one knows it.
    fn with_velo(&self) {
        self.first();
        assert_eq!(self.machines[0].nologd("association add velo --domain velo.example --storage 1G").0, 0);
        // Each second it hears which copy is the newest: by now not of the one before.
        std::thread::sleep(Duration::from_secs(2));
        self.until(1, "up-to-date", true);
    }

    /// How many GiB machine `at` knows that it may have.
    fn gibibytes(&self, at: usize) -> u64 {
        let shown = self.machines[at].nologd("association show velo --json").1;
        let shown: Value = serde_json::from_str(&shown).unwrap_or_else(|_| panic!("{shown}"));
        shown["association"]["settings"]["storage"].as_u64().unwrap_or_else(|| panic!("{shown}")) >> 30
    }

    fn out(&self, at: usize) -> String {
        fs::read_to_string(self.machines[at].folder.join("out")).unwrap()
    }
}

impl Machine {
    fn make(place: &Place, name: &str) -> Machine {
        let (user, owner) = owner();
        let (folder, port) = (place.make(name, owner).unwrap(), place.port().unwrap());
        let shown = folder.display();
        let state = place.make(&format!("{name}/state"), owner).unwrap();
        let config = format!(
            "hostname = \"mail.nolog.example\"\nstate_dir = \"{shown}/state\"\n{user}drain_seconds = 5\n\
             [[listen]]\nservice = \"admin\"\naddress = \"unix:{shown}/admin.sock\"\ntls = \"none\"\n\
             [[listen]]\nservice = \"node\"\naddress = \"unix:{shown}/node.sock\"\ntls = \"none\"\n\
             [[listen]]\nservice = \"imap\"\naddress = \"127.0.0.1:{port}\"\ntls = \"none\"\n\
             [[backend]]\nname = \"one\"\nimap = \"imap://127.0.0.1:1\"\n"
        );
        place.write(&format!("{name}/nologd.toml"), config.as_bytes()).unwrap();
        let key = place.write(&format!("{name}/state/message-id.key"), &[7; 32]).unwrap();
        for file in [state, key] {
            chown(file, Some(owner.uid.as_raw()), Some(owner.gid.as_raw())).unwrap();
        }
        Machine { daemon: None, link: None, folder, port }
    }

    /// Exit code, output and errors.
    fn nologd(&self, line: &str) -> (i32, String, String) {
        let mut command = Command::new(PROGRAM);
        command.args(line.split(' ')).env("NOLOGD_SOCKET", self.folder.join("admin.sock"));
        let output = command.output().unwrap();
        let text = |octets: Vec<u8>| String::from_utf8(octets).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    fn greeting(&self) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut octets = [0; 1000];
        let count = stream.read(&mut octets).unwrap();
        String::from_utf8_lossy(&octets[..count]).into_owned()
    }
}

#[test]
fn one_judges_the_other_waits_and_takes_over_with_every_change() {
    let mut two = Two::start();
    two.until(0, "name", "front-a");
    two.until(1, "name", "front-b");
    let [a, b] = &two.machines;
    assert_eq!(
        (two.shown(0)["duty"].clone(), two.shown(1)["duty"].clone()),
        ("waits".into(), "waits".into()),
        "whose book is it?"
    );
    assert_eq!((a.nologd("node check").0, b.nologd("node take-over --with-own-book").0), (1, 1), "its book is empty");
    two.first();
    assert_eq!((a.nologd("node check").0, b.nologd("node check").0), (0, 1));
    assert!(a.nologd("node take-over").2.contains("judges already"));
    assert!(a.greeting().starts_with("* OK"), "{}", a.greeting());
    let told = b.greeting();
    assert!(told.starts_with("* BYE [UNAVAILABLE]") && told.contains("(STANDBY)"), "{told}");

    assert_eq!(a.nologd("association add velo --domain velo.example --storage 1G").0, 0);
    assert_eq!(a.nologd("mailbox set a@velo.example --storage 1M").0, 0);
    let refused = b.nologd("association add jardin --domain jardin.example");
    assert!(refused.0 == 1 && refused.2.contains("waits"), "{refused:?}");
    // What it cannot know is not said to be nothing.
    let waits = b.nologd("status").1;
    assert!(waits.contains("no, it waits") && waits.contains("are known where the other one judges"), "{waits}");
    assert!(!waits.contains("0 mailboxes") && !waits.contains("never since the start"), "{waits}");
    let told: Value = serde_json::from_str(&b.nologd("status --json").1).unwrap();
    for key in
        ["mailboxes", "pushed", "incidents", "slowed-accounts", "associations", "backends", "certificates", "store-unwritable"]
    {
        assert!(told.as_object().unwrap().contains_key(key) && told[key].is_null(), "{key}: {told}");
    }
    let judges: Value = serde_json::from_str(&a.nologd("status --json").1).unwrap();
    assert_eq!((&judges["mailboxes"], &judges["store-unwritable"]), (&Value::from(1), &Value::from(false)));
    two.until(1, "up-to-date", true);

    // Killed: the other one has everything that was answered, and counts.
    two.machines[0].daemon.take().unwrap().signal(Signal::SIGKILL);
    let took = two.until(1, "leads", true);
    assert!(took < Duration::from_secs(10), "{took:?}");
    two.until(1, "grants", "all");
    let list = two.machines[1].nologd("mailbox list --association velo").1;
    assert!(list.contains("a@velo.example"), "{list}");
    assert!(
        two.out(1).contains("nologd: took-over") && two.out(1).contains("nologd: recounted mailboxes=1 whole=1"),
        "{}",
        two.out(1)
    );

    // It comes back, and waits; called for, it judges again.
    two.up(0);
    two.until(0, "up-to-date", true);
    assert_eq!(two.shown(0)["duty"], "waits");
    assert_eq!(two.machines[1].nologd("association set velo --storage 2G").0, 0);
    two.until(0, "up-to-date", true);
    assert_eq!(two.machines[0].nologd("node take-over").0, 0);
    let ended = two.machines[1].daemon.as_mut().unwrap().wait(Duration::from_secs(20));
    assert_eq!(ended, Some(false), "it ends, for another one to wait");
    assert!(two.out(1).contains("nologd: stepped-back called=1"), "{}", two.out(1));
    two.until(0, "grants", "all");
    assert_eq!(two.gibibytes(0), 2);

    // The witness cannot read what it keeps; and nobody was named.
    let copy = fs::read(two.place.path("witness/copy")).unwrap();
    assert!(!copy.windows(4).any(|piece| piece == b"velo"));
    assert!((0..2).all(|at| !two.out(at).contains("velo")));
}

#[test]
fn a_judge_that_was_stopped_and_continued_grants_nothing_and_ends() {
    let mut two = Two::start();
    two.first();
    two.until(1, "up-to-date", true);
    two.machines[0].daemon.as_ref().unwrap().signal(Signal::SIGSTOP);
    two.until(1, "leads", true);
    two.machines[0].daemon.as_ref().unwrap().signal(Signal::SIGCONT);
    assert_eq!(two.machines[0].daemon.as_mut().unwrap().wait(Duration::from_secs(20)), Some(false));
    assert!(two.out(0).contains("nologd: stepped-back called=0"), "{}", two.out(0));
    assert_eq!(two.machines[1].nologd("node check").0, 0);
}

/// It slept through a whole reign of the other one, and could have the lease again: what it knows is old all the same.
#[test]
fn who_slept_through_anothers_reign_ends_too() {
    let mut two = Two::start();
    two.with_velo();
    two.machines[0].daemon.as_ref().unwrap().signal(Signal::SIGSTOP);
    two.until(1, "grants", "all");
    assert_eq!(two.machines[1].nologd("association set velo --storage 3G").0, 0);
    drop(two.machines[1].link.take());
    two.machines[1].daemon.take().unwrap().signal(Signal::SIGKILL);
    std::thread::sleep(Duration::from_secs(5));
    two.machines[0].daemon.as_ref().unwrap().signal(Signal::SIGCONT);
    assert_eq!(two.machines[0].daemon.as_mut().unwrap().wait(Duration::from_secs(20)), Some(false));
    two.up(0);
    two.until(0, "grants", "all");
    assert_eq!(two.gibibytes(0), 3);
}

/// Where the witness is gone, a change is refused and nothing is stored; it comes back, and all is well.
#[test]
fn without_the_witness_nothing_is_changed() {
    let mut two = Two::start();
    two.first();
    assert_eq!(two.machines[0].nologd("association add jardin --domain jardin.example").0, 0);
    assert_eq!(two.machines[0].nologd("mailbox set chloe@jardin.example --storage 1M").0, 0);
    drop(two.machines[0].link.take());
    drop(two.machines[1].link.take());
    two.until(0, "leads", false);
    let refused = two.machines[0].nologd("mailbox remove chloe@jardin.example");
    assert!(refused.0 == 1 && refused.2.contains("copy"), "{refused:?}");
    assert!(two.machines[0].nologd("mailbox list --association jardin").1.contains("chloe"));
    let refused = two.machines[0].nologd("association add velo --domain velo.example");
    assert!(refused.0 == 1 && refused.2.contains("copy"), "{refused:?}");
    assert!(!two.machines[0].nologd("association list").1.contains("velo"));
    two.link(0);
    two.until(0, "grants", "all");
    assert_eq!(two.machines[0].nologd("association add velo --domain velo.example").0, 0);
    assert_eq!(two.machines[0].nologd("mailbox remove chloe@jardin.example").0, 0);
    assert!(two.out(0).contains("nologd: lease-out\n") && two.out(0).contains("nologd: lease-back\n"), "{}", two.out(0));
}

/// A machine with another key could not take over: it says so, and does not try.
#[test]
fn another_key_opens_no_copy() {
    let mut two = Two::start();
    two.first();
    two.machines[1].daemon.take().unwrap().signal(Signal::SIGKILL);
    fs::write(two.machines[1].folder.join("state/message-id.key"), [8; 32]).unwrap();
    two.up(1);
    two.until(1, "trouble", "other-key");
    // Nor is its empty book put before the one that the witness keeps.
    let refused = two.machines[1].nologd("node take-over --with-own-book");
    assert!(refused.0 == 1 && refused.2.contains("own book is empty"), "{refused:?}");
    two.machines[0].daemon.take().unwrap().signal(Signal::SIGKILL);
    std::thread::sleep(Duration::from_secs(7));
    assert_eq!(two.shown(1)["duty"], "waits");
    assert!(two.out(1).contains("nologd: copy-unusable why=1"), "{}", two.out(1));
}

/// The witness lost what it kept: whoever judges gives it another copy, under a number that no earlier one had.
#[test]
fn a_copy_that_is_lost_is_made_anew() {
    let mut two = Two::start();
    two.with_velo();
    let number = |two: &Two| fs::read(two.place.path("witness/copy")).ok().map(|copy| copy[..8].to_vec());
    let before = number(&two).unwrap();
    drop(two.machines[1].link.take());
    fs::remove_file(two.place.path("witness/copy")).unwrap();
    let begin = Instant::now();
    while number(&two).is_none_or(|now| now == before) {
        assert!(begin.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(two.machines[0].nologd("association set velo --storage 3G").0, 0);
    two.link(1);
    two.machines[0].daemon.take().unwrap().signal(Signal::SIGKILL);
    two.until(1, "leads", true);
    assert_eq!(two.gibibytes(1), 3);
}

/// Where the witness can keep nothing, changes are refused, and the other machine takes over all the same: members read, and delete.
#[test]
fn a_full_disk_at_the_witness_keeps_nobody_from_judging() {
    let mut two = Two::start();
    two.with_velo();
    // As good as full: what is to be written first has no place.
    fs::create_dir(two.place.path("witness/copy.new")).unwrap();
    assert_eq!(two.machines[0].nologd("association set velo --storage 2G").0, 1);
    two.machines[0].daemon.take().unwrap().signal(Signal::SIGKILL);
    two.until(1, "leads", true);
    two.until(1, "grants", "all");
    assert!(two.machines[1].greeting().starts_with("* OK"));
    assert_eq!(two.machines[1].nologd("association set velo --storage 2G").0, 1);
    fs::remove_dir(two.place.path("witness/copy.new")).unwrap();
    assert_eq!(two.machines[1].nologd("association set velo --storage 2G").0, 0);
}

/// One process may have had several connections. What one of before still brings does not come over what another one was answered about.
#[test]
fn what_an_old_connection_brings_late_is_not_kept() {
    let place = Place::new().unwrap();
    let connect = || {
        let mut witness = Command::new(PROGRAM);
        witness.args(["node", "witness", "front-a", "--close", "/bin/true", "--state"]).arg(place.path("witness"));
        witness.arg("--run").arg(place.path("witness-run")).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut witness = witness.spawn().unwrap();
        let (write, read) = (witness.stdin.take().unwrap(), BufReader::new(witness.stdout.take().unwrap()));
        (witness, write, read.lines())
    };
    let (mut one, mut two) = (connect(), connect());
    let mut number = 0;
    let mut term = String::new();
    for (_, write, lines) in [&mut one, &mut two] {
        write.write_all(b"hello 2 aa\n").unwrap();
        assert_eq!(lines.next().unwrap().unwrap(), "hello 2 front-a");
        term = loop {
            number += 1;
            writeln!(write, "ask {number} want").unwrap();
            let told = lines.next().unwrap().unwrap();
            let words: Vec<_> = told.split(' ').collect();
            if words[2] == "yes" {
                break words[3].to_owned();
            }
            assert!(number < 600, "{told}");
            std::thread::sleep(Duration::from_millis(50));
        };
    }
    let put = |(_, write, lines): &mut (std::process::Child, std::process::ChildStdin, std::io::Lines<_>), numbers: &str| {
        writeln!(write, "put {term} {numbers} 3").unwrap();
        write.write_all(b"abc").unwrap();
        let lines: &mut std::io::Lines<BufReader<std::process::ChildStdout>> = lines;
        lines.next().unwrap().unwrap()
    };
    assert_eq!(put(&mut two, "0 77"), "kept 77");
    assert_eq!(put(&mut one, "0 78"), "not-kept");
    assert_eq!(put(&mut two, "77 78"), "kept 78");
    assert_eq!(put(&mut one, "78 78"), "not-kept");
    for (mut witness, write, _) in [one, two] {
        drop(write);
        assert!(witness.wait().unwrap().success());
    }
}

/// A machine whose link is cut knows nothing of what the other one was told since: its own book is not put in place of that, neither at once nor
/// when the link is back.
#[test]
fn an_own_book_is_not_put_in_place_of_what_was_not_seen() {
    let mut two = Two::start();
    two.with_velo();
    drop(two.machines[1].link.take());
    two.until(1, "name", Value::Null);
    assert_eq!(two.shown(1)["up-to-date"], false, "not known is not yes");
    let shown = two.machines[1].nologd("node show").1;
    assert!(shown.contains("not known whether it is the newest"), "{shown}");
    let refused = two.machines[1].nologd("node take-over --with-own-book");
    assert!(refused.0 == 1 && refused.2.contains("not answered yet"), "{refused:?}");

    // Said while all was well, and cut before anything came of it: the first one cannot leave, for it hears nothing.
    two.link(1);
    two.until(1, "up-to-date", true);
    two.machines[0].daemon.as_ref().unwrap().signal(Signal::SIGSTOP);
    fs::write(two.place.path("cannot-close-front-b"), "").unwrap();
    two.say(1, "node take-over --with-own-book");
    assert_eq!(two.shown(1)["chosen"], "own-book");
    drop(two.machines[1].link.take());
    two.machines[0].daemon.take().unwrap().signal(Signal::SIGKILL);
    two.up(0);
    two.until(0, "grants", "all");
    assert_eq!(two.machines[0].nologd("association set velo --storage 7G").0, 0);
    fs::remove_file(two.place.path("cannot-close-front-b")).unwrap();
    two.link(1);
    two.until(1, "up-to-date", true);
    assert_eq!(two.shown(1)["chosen"], Value::Null);
    assert_eq!(two.machines[1].nologd("node take-over").0, 0);
    two.until(1, "grants", "all");
    assert_eq!(two.gibibytes(1), 7);
}

/// The last word of an admin's holds, is shown, and can be taken back.
#[test]
fn what_an_admin_said_can_be_taken_back() {
    let two = Two::start();
    two.with_velo();
    let second = &two.machines[1];
    let refused = second.nologd("node stand-by");
    assert!(refused.0 == 1 && refused.2.contains("is not to"), "{refused:?}");
    // Said where nothing comes of it at once: the first one does not listen.
    two.machines[0].daemon.as_ref().unwrap().signal(Signal::SIGSTOP);
    fs::write(two.place.path("cannot-close-front-b"), "").unwrap();
    for (line, chosen) in [("node take-over --with-own-book", "own-book"), ("node take-over", "newest-copy")] {
        two.say(1, line);
        assert_eq!(two.shown(1)["chosen"].as_str(), Some(chosen));
    }
    let shown = second.nologd("node show").1;
    assert!(shown.contains("by the newest copy, as an admin said; forgotten in "), "{shown}");
    let said = second.nologd("node stand-by");
    assert!(said.0 == 0 && (said.1.contains("taken back") || said.1.contains("leaves")), "{said:?}");
    two.machines[0].daemon.as_ref().unwrap().signal(Signal::SIGCONT);
}

/// The storage cannot be closed for one machine: the other one is not kept from judging by that.
#[test]
fn a_machine_for_which_the_storage_is_never_closed_lets_go() {
    let mut two = Two::start();
    two.with_velo();
    fs::write(two.place.path("cannot-close-front-b"), "").unwrap();
    assert_eq!(two.machines[1].nologd("node take-over").0, 0);
    two.until(1, "duty", "closes");
    assert_eq!(two.machines[0].daemon.as_mut().unwrap().wait(Duration::from_secs(20)), Some(false));
    // By its own admin.
    let said = two.machines[1].nologd("node stand-by");
    assert!(said.0 == 0 && said.1.contains("leaves"), "{said:?}");
    assert_eq!(two.machines[1].daemon.as_mut().unwrap().wait(Duration::from_secs(20)), Some(false), "the next one waits");
    two.up(0);
    two.until(0, "grants", "all");
    two.up(1);
    two.until(1, "up-to-date", true);
    // And by the other one's.
    assert_eq!(two.machines[1].nologd("node take-over").0, 0);
    two.until(1, "duty", "closes");
    assert_eq!(two.machines[0].daemon.as_mut().unwrap().wait(Duration::from_secs(20)), Some(false));
    two.up(0);
    two.until(0, "up-to-date", true);
    assert_eq!(two.machines[0].nologd("node take-over").0, 0);
    assert_eq!(two.machines[1].daemon.as_mut().unwrap().wait(Duration::from_secs(20)), Some(false));
    two.until(0, "grants", "all");
}
