//! Two nodes that both take clients, a real etcd with certificates, and one real Dovecot behind (docs/many-nodes.md): members of associations of either node
//! store through either node to the last octet, mail comes in by either, a node is killed with -9 and comes back. The storage's own numbers say
//! that no limit is passed.

use std::fs::{self, Permissions};
use std::io::Write;
use std::net::TcpStream;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, Uid, User};
use nologd::demo::{Dovecot, MEMBERS, Member, Owner, Place, Process, Program, certificate};
use serde_json::Value;

use crate::wire::Wire;

const PROGRAM: &str = env!("CARGO_BIN_EXE_nologd");
pub(crate) const NAMES: [&str; 2] = ["front-a", "front-b"];
pub(crate) const ASSOCIATIONS: [&str; 2] = ["velo", "jardin"];
pub(crate) const LIMIT: u64 = 8 << 20;
const MESSAGE: u64 = 150_000;

/// All that runs. What is first ends first.
pub(crate) struct Stage {
    counters: Vec<Process>,
    pub(crate) nodes: [Option<Process>; 2],
    etcd: Etcd,
    pub(crate) etcd_port: u16,
    /// Another one, for whoever is told of it.
    _second: Option<Etcd>,
    pub(crate) dovecot: Dovecot,
    pop3_port: u16,
    pub(crate) ports: [Ports; 2],
    pub(crate) place: Place,
}

struct Etcd(Child);

impl Drop for Etcd {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Of one node: for mail programs, for the relay, and for the other node.
pub(crate) struct Ports {
    pub(crate) imap: u16,
    pub(crate) pop3: u16,
    lmtp: u16,
    share: [u16; 2],
}

fn owner() -> (&'static str, Owner) {
    if !Uid::effective().is_root() {
        return ("", Owner::me());
    }
    let nobody = User::from_name("nobody").unwrap().unwrap();
    ("user = \"nobody\"\n", Owner { uid: nobody.uid, gid: nobody.gid })
}

impl Etcd {
    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.0.id() as i32), signal).unwrap();
    }

    fn start(place: &Place, folder: &str, port: u16) -> Etcd {
        let (client, peer) = (format!("https://127.0.0.1:{port}"), format!("http://127.0.0.1:{}", place.port().unwrap()));
        let mut command = Command::new("etcd");
        command.arg("--data-dir").arg(place.path(folder)).args(["--name", "one", "--initial-cluster", &format!("one={peer}")]);
        command.args(["--listen-client-urls", &client, "--advertise-client-urls", &client]);
        command.args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer]);
        command.arg("--cert-file").arg(place.path("etcd-one.pem")).arg("--key-file").arg(place.path("etcd-one.key"));
        command.arg("--client-cert-auth").arg("--trusted-ca-file").arg(place.path("authority.pem"));
        command.args(["--auto-compaction-mode", "revision", "--auto-compaction-retention", "1"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Etcd(command.spawn().expect("Debian's etcd-server"))
    }
}

/// What is not as it should be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Odd {
    Nothing,
    /// The second node has another key.
    Key,
    /// It speaks to another etcd.
    Etcd,
    /// Both name two members of etcd that are none of one cluster, each another one first.
    Members,
}

impl Stage {
    fn start() -> Stage {
        let mut stage = Stage::prepared(Odd::Nothing);
        (0..2).for_each(|at| stage.up(at));
        stage
    }

    /// Nodes that were not started yet.
    pub(crate) fn prepared(odd: Odd) -> Stage {
        let place = Place::new().unwrap_or_else(|trouble| panic!("{trouble}"));
        certificate(place.folder(), "authority", true).unwrap();
        ["etcd-one", NAMES[0], NAMES[1]].iter().for_each(|name| certificate(place.folder(), name, false).unwrap());
        let (dovecot, pop3_port) = crate::pop3::dovecot(&place, "");
        let etcd_port = place.port().unwrap();
        let etcd = Etcd::start(&place, "etcd", etcd_port);
        let other_port = place.port().unwrap();
        let second = (odd == Odd::Etcd || odd == Odd::Members).then(|| Etcd::start(&place, "etcd-two", other_port));
        let port = || place.port().unwrap();
        let ports = [0, 1].map(|_| Ports { imap: port(), pop3: port(), lmtp: port(), share: [port(), port()] });
        let users: String = MEMBERS.iter().map(|member| format!(" {}", member.address)).collect();
        let config = place.path("dovecot/dovecot.conf");
        let count = format!(
            "#!/bin/sh\nprintf 'Username\\tmessages\\tvsize\\n'\nfor user in{users}; do\n\
             doveadm -c {} -f tab mailbox status -u $user -t 'messages vsize' '*' | sed -n \"2s/^/$user\\t/p\"\ndone\n",
            config.display()
        );
        let count = place.write("count", count.as_bytes()).unwrap();
        fs::set_permissions(count, Permissions::from_mode(0o755)).unwrap();
        let mut stage = Stage {
            counters: Vec::new(),
            nodes: [None, None],
            etcd,
            etcd_port,
            _second: second,
            dovecot,
            pop3_port,
            ports,
            place,
        };
        for at in 0..2 {
            let etcd = match (odd, at) {
                (Odd::Etcd, 1) => vec![other_port],
                (Odd::Members, 0) => vec![etcd_port, other_port],
                (Odd::Members, _) => vec![other_port, etcd_port],
                _ => vec![etcd_port],
            };
            stage.make(at, &etcd, if odd == Odd::Key && at == 1 { 8 } else { 7 });
            let counter = stage.counter(at);
            stage.counters.push(counter);
        }
        stage
    }

    pub(crate) fn folder(&self, at: usize) -> PathBuf {
        self.place.path(NAMES[at])
    }

    fn make(&self, at: usize, etcd: &[u16], key: u8) {
        let etcd = etcd.iter().map(|port| format!("\"https://127.0.0.1:{port}\"")).collect::<Vec<_>>().join(", ");
        let ((user, owner), name, other) = (owner(), NAMES[at], NAMES[1 - at]);
        let folder = self.place.make(name, owner).unwrap();
        let state = self.place.make(&format!("{name}/state"), owner).unwrap();
        let key = self.place.write(&format!("{name}/state/message-id.key"), &[key; 32]).unwrap();
        for file in [state, key] {
            chown(file, Some(owner.uid.as_raw()), Some(owner.gid.as_raw())).unwrap();
        }
        let (own, far) = (&self.ports[at], &self.ports[1 - at]);
        let listen = |service: &str, port: u16, tls: &str| {
            format!("[[listen]]\nservice = \"{service}\"\naddress = \"127.0.0.1:{port}\"\ntls = \"{tls}\"\n")
        };
        let listens = [
            listen("imap", own.imap, "none"),
            listen("pop3", own.pop3, "none"),
            listen("lmtp", own.lmtp, "none"),
            listen("share-imap", own.share[0], "implicit"),
            listen("share-lmtp", own.share[1], "implicit"),
        ];
        let associations = ASSOCIATIONS
            .map(|name| format!("[[association]]\nname = \"{name}\"\ndomains = [\"{name}.example\"]\nstorage = \"8M\"\n"));
        let config = format!(
            "hostname = \"mail.nolog.example\"\nstate_dir = \"{folder}/state\"\n{user}drain_seconds = 5\n\
             [[listen]]\nservice = \"admin\"\naddress = \"unix:{folder}/admin.sock\"\ntls = \"none\"\n{listens}\
             [share]\nname = \"{name}\"\netcd = [{etcd}]\nauthority = \"{all}/authority.pem\"\n\
             certificate = \"{all}/{name}.pem\"\nkey = \"{all}/{name}.key\"\n\
             [[share.node]]\nname = \"{other}\"\nimap = \"imaps://127.0.0.1:{}\"\nlmtp = \"lmtps://127.0.0.1:{}\"\n\
             [[backend]]\nname = \"one\"\nimap = \"imap://127.0.0.1:{}\"\nlmtp = \"lmtp://127.0.0.1:{}\"\npop3 = \"pop3://127.0.0.1:{}\"\n{associations}",
            far.share[0],
            far.share[1],
            self.dovecot.imap(),
            self.dovecot.lmtp(),
            self.pop3_port,
            folder = folder.display(),
            all = self.place.folder().display(),
            listens = listens.concat(),
            associations = associations.concat(),
        );
        self.place.write(&format!("{name}/nologd.toml"), config.as_bytes()).unwrap();
    }

    pub(crate) fn up(&mut self, at: usize) {
        self.begin(at);
        let ports = &self.ports[at];
        let listens = self.nodes[at].as_mut().unwrap().greeted(Program::Nologd, ports.imap);
        listens.unwrap_or_else(|_| panic!("{}", self.out(at)));
    }

    /// The same without waiting.
    pub(crate) fn begin(&mut self, at: usize) {
        // One that was killed has its sockets until it is gone.
        drop(self.nodes[at].take());
        let mut command = Command::new(PROGRAM);
        command.arg("run").arg("--config").arg(self.folder(at).join("nologd.toml"));
        let out = self.folder(at).join("out");
        self.nodes[at] = Some(Process::start(command, Program::Nologd, Some(&out)).unwrap());
    }

    fn counter(&self, at: usize) -> Process {
        let mut command = Command::new(PROGRAM);
        command.args(["share", "count", "--program"]).arg(self.place.path("count"));
        command.arg("--socket").arg(self.folder(at).join("admin.sock"));
        Process::start(command, Program::Nologd, Some(&self.folder(at).join("count.out"))).unwrap()
    }

    pub(crate) fn signal(&self, at: usize, signal: Signal) {
        self.nodes[at].as_ref().unwrap().signal(signal);
    }

    pub(crate) fn out(&self, at: usize) -> String {
        fs::read_to_string(self.folder(at).join("out")).unwrap_or_default()
    }

    /// Exit code, output and errors.
    pub(crate) fn nologd(&self, at: usize, line: &str) -> (i32, String, String) {
        let mut command = Command::new(PROGRAM);
        command.args(line.split(' ')).env("NOLOGD_SOCKET", self.folder(at).join("admin.sock"));
        let output = command.output().unwrap();
        let text = |octets: Vec<u8>| String::from_utf8(octets).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    pub(crate) fn shown(&self, at: usize) -> Value {
        serde_json::from_str(&self.nologd(at, "share show --json").1).unwrap_or_default()
    }

    /// Which of `nodes` judges each association, when all of them agree, nothing is counted, and each judge is the one that says so.
    pub(crate) fn judges(&self, nodes: &[usize]) -> Option<[usize; 2]> {
        let shown: Vec<_> = nodes.iter().map(|at| (*at, self.shown(*at))).collect();
        let judge = |name: &str| {
            let about = |shown: &Value| shown["associations"].as_array()?.iter().find(|one| one["name"] == name).cloned();
            let judge = NAMES.iter().position(|node| about(&shown[0].1).is_some_and(|one| one["node"] == *node))?;
            let agrees = |(at, shown): &(usize, Value)| {
                let how = if *at == judge { "judged" } else { "elsewhere" };
                about(shown).is_some_and(|one| one["node"] == NAMES[judge] && one["judged"] == how)
            };
            (nodes.contains(&judge) && shown.iter().all(agrees)).then_some(judge)
        };
        Some([judge(ASSOCIATIONS[0])?, judge(ASSOCIATIONS[1])?])
    }

    /// Waits for that; who judges, and how long it took.
    pub(crate) fn until_judged(&self, nodes: &[usize]) -> ([usize; 2], Duration) {
        let begin = Instant::now();
        loop {
            if let Some(judges) = self.judges(nodes) {
                return (judges, begin.elapsed());
            }
            let told = || nodes.iter().map(|at| format!("{}\n{}", self.shown(*at), self.out(*at))).collect::<String>();
            assert!(begin.elapsed() < Duration::from_secs(40), "{}", told());
            sleep(Duration::from_millis(100));
        }
    }

    /// Waits until each node judges the association that is nearest to it, which hangs on the names and on the key.
    pub(crate) fn until_settled(&self) -> [usize; 2] {
        let begin = Instant::now();
        loop {
            let (judges, _) = self.until_judged(&[0, 1]);
            if judges == [0, 1] {
                return judges;
            }
            assert!(begin.elapsed() < Duration::from_secs(60), "{judges:?} {}", self.shown(0));
            sleep(Duration::from_millis(100));
        }
    }

    /// What the storage has of an association, says doveadm.
    pub(crate) fn truth(&self, association: &str) -> u64 {
        let of = |member: &Member| {
            let mut command = Command::new("doveadm");
            command.arg("-c").arg(self.place.path("dovecot/dovecot.conf")).args(["-f", "tab", "mailbox", "status", "-u"]);
            let said = command.args([member.address, "-t", "vsize", "*"]).output().unwrap();
            let text = String::from_utf8(said.stdout).unwrap();
            text.lines().nth(1).and_then(|line| line.trim().parse::<u64>().ok()).unwrap_or_else(|| panic!("{text}"))
        };
        members(association).iter().map(|member| of(member)).sum()
    }

    pub(crate) fn session(&self, at: usize, member: &Member) -> Option<Wire> {
        TcpStream::connect(("127.0.0.1", self.ports[at].imap)).ok()?;
        let (wire, said) = self.logged_in(at, member);
        said.contains("a OK").then_some(wire)
    }

    /// The same by POP3, which never goes to another node; and what is said to it.
    pub(crate) fn pop3(&self, at: usize, member: &Member) -> (Wire, String) {
        let mut wire = Wire::plain(self.ports[at].pop3);
        wire.line();
        wire.ask(&format!("USER {}\r\n", member.address), "+OK");
        wire.send(format!("PASS {}\r\n", member.password).as_bytes());
        let said = wire.line();
        (wire, said)
    }

    /// What is said to a login.
    pub(crate) fn login(&self, at: usize, member: &Member) -> String {
        self.logged_in(at, member).1
    }

    fn logged_in(&self, at: usize, member: &Member) -> (Wire, String) {
        let mut wire = Wire::plain(self.ports[at].imap);
        wire.until("* OK");
        let said = wire.ask(&format!("a LOGIN {} {}\r\n", member.address, member.password), "a ");
        (wire, said)
    }

    /// What is said to a message of so many octets.
    pub(crate) fn append(&self, at: usize, member: &Member, octets: u64) -> String {
        let Some(mut wire) = self.session(at, member) else { return "no login".to_owned() };
        append(&mut wire, octets)
    }

    /// What LMTP says at last.
    pub(crate) fn deliver(&self, at: usize, member: &Member, octets: usize) -> String {
        let mut wire = Wire::plain(self.ports[at].lmtp);
        wire.until("220 ");
        wire.ask("LHLO relay.example\r\n", "250 ");
        wire.ask("MAIL FROM:<somebody@elsewhere.example>\r\n", "250");
        wire.send(format!("RCPT TO:<{}>\r\n", member.address).as_bytes());
        let said = wire.line();
        if !said.starts_with("250") {
            return said;
        }
        wire.ask("DATA\r\n", "354");
        wire.send(format!("Subject: x\r\n\r\n{}\r\n.\r\n", lines(octets)).as_bytes());
        wire.line()
    }
}

pub(crate) fn members(association: &str) -> Vec<&'static Member> {
    MEMBERS.iter().filter(|member| member.address.ends_with(&format!("@{association}.example"))).collect()
}

fn lines(octets: usize) -> String {
    "0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmno\r\n".repeat(octets / 60 + 1)[..octets].to_owned()
}

fn append(wire: &mut Wire, octets: u64) -> String {
    let said = wire.ask(&format!("b APPEND INBOX {{{octets}}}\r\n"), "");
    if !said.starts_with('+') {
        return said;
    }
    let head = "Subject: x\r\n\r\n";
    let body = lines(octets as usize);
    wire.send(
        &[&head.as_bytes()[..head.len().min(octets as usize)], &body.as_bytes()[head.len().min(octets as usize)..]].concat(),
    );
    wire.ask("\r\n", "b ")
}

/// Members of both associations, through all `nodes` at once, until there is no room, or for so many tries; how many messages were taken.
fn fill(stage: &Stage, nodes: &[usize], rounds: u32) -> u32 {
    let one = |at: usize, member: &'static Member| {
        let (mut taken, mut refused, mut wire) = (0, 0, stage.session(at, member));
        for _ in 0..rounds {
            let Some(open) = wire.as_mut() else {
                sleep(Duration::from_millis(200));
                wire = stage.session(at, member);
                continue;
            };
            let said = append(open, MESSAGE);
            match () {
                () if said.contains("b OK") => (taken, refused) = (taken + 1, 0),
                () if said.contains("OVERQUOTA") => break,
                // For five seconds: it is held back.
                () if said.contains("b NO") && refused > 25 && rounds < u32::MAX => break,
                () if said.contains("b NO") => {
                    refused += 1;
                    sleep(Duration::from_millis(200));
                }
                // It is gone, or asleep.
                () if rounds < u32::MAX => break,
                () => wire = None,
            }
        }
        taken
    };
    scope(|threads| {
        let pairs = nodes.iter().flat_map(|at| MEMBERS.iter().map(move |member| (*at, member)));
        let running: Vec<_> = pairs.map(|(at, member)| threads.spawn(move || one(at, member))).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).sum()
    })
}

/// Nothing more fits: by each node, for members and for mail that comes in.
fn is_full_to_the_last_octet(stage: &Stage, judges: [usize; 2]) {
    for (at, association) in ASSOCIATIONS.iter().enumerate() {
        let member = members(association)[0];
        let truth = stage.truth(association);
        assert!(truth <= LIMIT && LIMIT - truth < MESSAGE, "{association}: {truth}");
        // The last octet, by the node that does not judge; and one more.
        let said = stage.append(1 - judges[at], member, LIMIT - truth);
        assert!(said.contains("b OK"), "{said}");
        assert_eq!(stage.truth(association), LIMIT);
        for node in 0..2 {
            let said = stage.append(node, member, 1);
            assert!(said.contains("OVERQUOTA"), "{node}: {said}");
            let said = stage.deliver(node, member, 10);
            assert!(said.starts_with("552 ") || said.starts_with("452 "), "{node}: {said}");
        }
        assert_eq!(stage.truth(association), LIMIT);
    }
}

#[test]
fn members_store_through_either_node_to_the_last_octet() {
    let stage = Stage::start();
    let judges = stage.until_settled();
    for (at, member) in [(0, 0), (1, 0), (0, 2), (1, 2)] {
        let said = stage.deliver(at, &MEMBERS[member], 1000);
        assert!(said.starts_with("250 "), "{said}");
    }
    assert!(fill(&stage, &[0, 1], u32::MAX) > 50);
    is_full_to_the_last_octet(&stage, judges);
}

#[test]
fn a_node_that_is_killed_is_judged_for_within_seconds_and_comes_back() {
    let mut stage = Stage::start();
    let judges = stage.until_settled();
    let (lost, left) = (judges[1], 1 - judges[1]);
    // In the middle of what members do, by both.
    let begin = scope(|threads| {
        let busy = threads.spawn(|| fill(&stage, &[0, 1], 12));
        sleep(Duration::from_millis(500));
        stage.signal(lost, Signal::SIGKILL);
        let begin = Instant::now();
        busy.join().unwrap();
        begin
    });
    stage.until_judged(&[left]);
    let took = begin.elapsed();
    // 8 s of the lease, half a second to see it, a count; and a machine that has much to do.
    assert!(took < Duration::from_secs(15), "{took:?}");
    let member = members(ASSOCIATIONS[1])[0];
    let said = stage.append(left, member, 1000);
    assert!(said.contains("b OK"), "{said}");
    // What the lost one may have had on its way is held back, and nothing bounces for it.
    fill(&stage, &[left], 500);
    let truth = stage.truth(ASSOCIATIONS[1]);
    assert!(truth <= LIMIT - (1 << 20) && truth > LIMIT - (1 << 20) - 2 * MESSAGE, "{truth}");
    let said = stage.append(left, member, MESSAGE * 2);
    assert!(said.contains("[UNAVAILABLE]"), "{said}");
    let said = stage.deliver(left, member, MESSAGE as usize * 2);
    assert!(said.starts_with("451 "), "{said}");
    stage.up(lost);
    stage.until_settled();
    fill(&stage, &[0, 1], u32::MAX);
    is_full_to_the_last_octet(&stage, judges);
}

/// The judge is stopped in the middle of what members do, wakes when the other one judges, and finishes what it had begun.
#[test]
fn a_node_that_slept_passes_no_limit_when_it_wakes() {
    let stage = Stage::start();
    let judges = stage.until_settled();
    let asleep = judges[0];
    // One message is half on its way.
    let mut half = stage.session(asleep, members(ASSOCIATIONS[0])[0]).unwrap();
    let said = half.ask("b APPEND INBOX {500000}\r\n", "");
    assert!(said.starts_with('+'), "{said}");
    half.send(lines(250_000).as_bytes());
    scope(|threads| {
        let busy = threads.spawn(|| fill(&stage, &[0, 1], 8));
        sleep(Duration::from_millis(300));
        stage.signal(asleep, Signal::SIGSTOP);
        busy.join().unwrap();
    });
    stage.until_judged(&[1 - asleep]);
    fill(&stage, &[1 - asleep], 500);
    let held_back = stage.truth(ASSOCIATIONS[0]);
    assert!(held_back <= LIMIT - (1 << 20) && held_back > LIMIT - (1 << 20) - 2 * MESSAGE, "{held_back}");
    stage.signal(asleep, Signal::SIGCONT);
    half.send(lines(250_000).as_bytes());
    let said = half.ask("\r\n", "b ");
    stage.until_settled();
    let truth = stage.truth(ASSOCIATIONS[0]);
    assert!(truth <= LIMIT, "{truth} after {said}");
    fill(&stage, &[0, 1], u32::MAX);
    is_full_to_the_last_octet(&stage, judges);
}

/// Without etcd, what is stored is put off after some seconds, reading goes on, and all comes back without a restart.
#[test]
fn without_etcd_members_read_and_nothing_is_stored_until_it_is_back() {
    let stage = Stage::start();
    let judges = stage.until_settled();
    let member = members(ASSOCIATIONS[0])[0];
    stage.etcd.signal(Signal::SIGSTOP);
    let begin = Instant::now();
    loop {
        let said = stage.append(judges[0], member, 1000);
        if said.contains("[UNAVAILABLE]") {
            break;
        }
        assert!(said.contains("b OK") && begin.elapsed() < Duration::from_secs(15), "{said}");
        sleep(Duration::from_millis(100));
    }
    for node in 0..2 {
        let mut wire = stage.session(node, member).unwrap();
        let said = wire.ask("c SELECT INBOX\r\n", "c ");
        assert!(said.contains("c OK"), "{said}");
        let said = stage.deliver(node, member, 1000);
        assert!(said.starts_with("451 "), "{said}");
    }
    assert!(stage.out(judges[0]).contains("nologd: etcd-gone"), "{}", stage.out(judges[0]));
    stage.etcd.signal(Signal::SIGCONT);
    let begin = Instant::now();
    while !stage.append(1 - judges[0], member, 1000).contains("b OK") {
        assert!(begin.elapsed() < Duration::from_secs(30), "{}", stage.shown(judges[0]));
        sleep(Duration::from_millis(100));
    }
    while !stage.out(judges[0]).contains("nologd: etcd-back") {
        assert!(begin.elapsed() < Duration::from_secs(30), "{}", stage.out(judges[0]));
        sleep(Duration::from_millis(100));
    }
}

/// A folder and what is in it, elsewhere.
fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(copied.success());
}

/// etcd comes up with other files than it had, while nodes run and members store: no limit is passed, what is in force stays so until somebody publishes it,
/// and all is judged again by itself.
fn etcd_goes_back(to_nothing: bool) {
    let mut stage = Stage::start();
    stage.until_settled();
    let kill = |stage: &mut Stage| {
        stage.etcd.0.kill().unwrap();
        stage.etcd.0.wait().unwrap();
    };
    let (files, older) = (stage.place.path("etcd"), stage.place.path("etcd-older"));
    if !to_nothing {
        // Settings of all nodes are in it, older than what is in force.
        assert_eq!(stage.nologd(0, "share publish").0, 0);
        kill(&mut stage);
        copy(&files, &older);
        stage.etcd = Etcd::start(&stage.place, "etcd", stage.etcd_port);
        stage.until_judged(&[0, 1]);
    } else {
        assert_eq!(stage.nologd(0, "share publish").0, 0);
    }
    let until = |stage: &Stage, what: &dyn Fn(&Stage) -> bool| {
        let begin = Instant::now();
        while !what(stage) {
            let told = || [0, 1].map(|at| format!("{}\n{}", stage.shown(at), stage.out(at))).concat();
            assert!(begin.elapsed() < Duration::from_secs(60), "{}", told());
            sleep(Duration::from_millis(100));
        }
    };
    until(&stage, &|stage| stage.shown(1)["book"] == "shared");
    until(&stage, &|stage| stage.nologd(0, "association set velo --storage 6M").0 == 0);
    let storage = |stage: &Stage, at: usize| {
        let shown: Value = serde_json::from_str(&stage.nologd(at, "association show velo --json").1).unwrap_or_default();
        shown["association"]["settings"]["storage"].as_u64() == Some(6 << 20)
    };
    until(&stage, &|stage| storage(stage, 1));
    scope(|threads| {
        let busy = threads.spawn(|| fill(&stage, &[0, 1], 10));
        sleep(Duration::from_millis(700));
        // Within the fence of all judges.
        kill_and_replace(&stage, to_nothing, &files, &older);
        busy.join().unwrap();
    });
    stage.etcd = Etcd::start(&stage.place, "etcd", stage.etcd_port);
    until(&stage, &|stage| (0..2).all(|at| stage.out(at).contains("judges-nothing why=6")));
    until(&stage, &|stage| (0..2).all(|at| stage.out(at).contains("copy-unusable why=6")));
    stage.until_judged(&[0, 1]);
    assert!((0..2).all(|at| storage(&stage, at) && stage.shown(at)["book"] == "lost"));
    let said = stage.nologd(1, "association set velo --storage 5M");
    assert!(said.0 == 1 && storage(&stage, 1), "{said:?}");
    fill(&stage, &[0, 1], 500);
    assert!(stage.truth("velo") <= 6 << 20 && stage.truth("jardin") <= LIMIT);
    assert_eq!(stage.nologd(1, "share publish").0, 0);
    until(&stage, &|stage| (0..2).all(|at| storage(stage, at) && stage.shown(at)["book"] == "shared"));
    until(&stage, &|stage| stage.nologd(0, "association set velo --storage 7M").0 == 0);
}

/// What a backup that is put back does; etcd has ended by then.
fn kill_and_replace(stage: &Stage, to_nothing: bool, files: &Path, older: &Path) {
    stage.etcd.signal(Signal::SIGKILL);
    sleep(Duration::from_millis(200));
    fs::remove_dir_all(files).unwrap();
    if !to_nothing {
        copy(older, files);
    }
}

#[test]
fn where_etcd_was_emptied_nodes_go_on_by_what_was_in_force() {
    etcd_goes_back(true);
}

#[test]
fn where_etcd_was_put_back_nodes_go_on_by_what_was_in_force() {
    etcd_goes_back(false);
}

/// How many associations a node judges, as it says.
fn judged(shown: &Value) -> usize {
    let all = shown["associations"].as_array();
    all.map_or(0, |all| all.iter().filter(|one| one["judged"] == "judged").count())
}

/// Nodes that mean different things would each judge everything. Whichever comes first, and where both come at once, no more than one does; the other one
/// says so, and mail waits there.
fn one_judges_and_the_other_one_says_why(odd: Odd, at_once: bool, why: &[&str]) {
    let mut stage = Stage::prepared(odd);
    stage.begin(0);
    let watch = |stage: &Stage, long: u64, until: &dyn Fn(&[Value; 2]) -> bool| {
        let begin = Instant::now();
        loop {
            let shown = [stage.shown(0), stage.shown(1)];
            assert!(shown.iter().filter(|shown| judged(shown) > 0).count() < 2, "{shown:?}");
            if until(&shown) {
                return;
            }
            assert!(begin.elapsed() < Duration::from_secs(long), "{shown:?} {} {}", stage.out(0), stage.out(1));
            sleep(Duration::from_millis(100));
        }
    };
    if !at_once {
        watch(&stage, 30, &|shown| judged(&shown[0]) == 2);
    }
    stage.begin(1);
    let barred = |shown: &Value| why.iter().any(|why| shown["bar"] == **why);
    watch(&stage, 30, &|shown| shown.iter().any(barred));
    let begin = Instant::now();
    watch(&stage, 30, &|_| begin.elapsed() > Duration::from_secs(6));
    let said = (0..2).filter(|at| stage.out(*at).contains("nologd: judges-nothing why=")).count();
    assert!(said == 1 || at_once && said == 2, "{} {}", stage.out(0), stage.out(1));
    let out = (0..2).find(|at| barred(&stage.shown(*at))).unwrap();
    let member = members(ASSOCIATIONS[0])[0];
    let said = stage.append(out, member, 1000);
    assert!(said.contains("[UNAVAILABLE]"), "{said}");
    let said = stage.deliver(out, member, 1000);
    assert!(said.starts_with("451 "), "{said}");
    assert!(stage.nologd(out, "share show").1.contains("nothing: "));
}

#[test]
fn of_two_nodes_with_different_keys_one_judges() {
    one_judges_and_the_other_one_says_why(Odd::Key, false, &["other-key"]);
}

#[test]
fn of_two_nodes_with_different_keys_that_start_at_once_one_judges() {
    one_judges_and_the_other_one_says_why(Odd::Key, true, &["other-key", "fellow-key"]);
}

#[test]
fn of_two_nodes_at_different_etcds_one_judges() {
    one_judges_and_the_other_one_says_why(Odd::Etcd, false, &["fellow-etcd"]);
}

#[test]
fn of_two_nodes_at_different_etcds_that_start_at_once_one_judges() {
    one_judges_and_the_other_one_says_why(Odd::Etcd, true, &["fellow-etcd"]);
}

/// Where the members that a config names are no cluster, whichever answers first, nothing is judged.
#[test]
fn members_of_etcd_that_are_no_cluster_are_not_believed() {
    let mut stage = Stage::prepared(Odd::Members);
    (0..2).for_each(|at| stage.up(at));
    let begin = Instant::now();
    let is_told = |at: usize| ["why=2", "why=3"].iter().any(|why| stage.out(at).contains(&format!("judges-nothing {why}")));
    while !(is_told(0) && is_told(1)) {
        let shown = [stage.shown(0), stage.shown(1)];
        assert!(shown.iter().all(|shown| judged(shown) == 0), "{shown:?}");
        assert!(begin.elapsed() < Duration::from_secs(30), "{shown:?} {} {}", stage.out(0), stage.out(1));
        sleep(Duration::from_millis(100));
    }
}

/// Two machines have one name: the first one goes on judging, and the second one says why it does not; when the first one ends, it is its turn.
#[test]
fn of_two_nodes_with_one_name_one_judges() {
    let mut stage = Stage::prepared(Odd::Nothing);
    let file = stage.folder(1).join("nologd.toml");
    let config = fs::read_to_string(&file).unwrap();
    let config = config.replace("[[share.node]]\nname = \"front-a\"", "[[share.node]]\nname = \"front-c\"");
    let config = config.replace("[share]\nname = \"front-b\"", "[share]\nname = \"front-a\"");
    stage.place.write("front-b/nologd.toml", config.as_bytes()).unwrap();
    stage.up(0);
    let until = |stage: &Stage, what: &dyn Fn(&[Value; 2]) -> bool| {
        let begin = Instant::now();
        loop {
            let shown = [stage.shown(0), stage.shown(1)];
            assert!(shown.iter().filter(|shown| judged(shown) > 0).count() < 2, "{shown:?}");
            if what(&shown) {
                return;
            }
            assert!(begin.elapsed() < Duration::from_secs(40), "{shown:?} {} {}", stage.out(0), stage.out(1));
            sleep(Duration::from_millis(50));
        }
    };
    until(&stage, &|shown| judged(&shown[0]) == 2);
    stage.up(1);
    until(&stage, &|shown| {
        assert_eq!(judged(&shown[0]), 2, "the first one is not disturbed");
        shown[1]["bar"] == "namesake" && stage.out(1).contains("judges-nothing why=7")
    });
    // Killed, and at once there again: its own life is no other one's.
    stage.signal(0, Signal::SIGKILL);
    stage.nodes[0].as_mut().unwrap().wait(Duration::from_secs(5));
    stage.up(0);
    let begin = Instant::now();
    until(&stage, &|shown| judged(&shown[0]) == 2);
    assert!(begin.elapsed() < Duration::from_secs(6), "{:?}", begin.elapsed());
    stage.signal(0, Signal::SIGKILL);
    until(&stage, &|shown| judged(&shown[1]) == 2);
}

/// A node that is told to end hands on what it judged: nobody waits for its lease, and nothing is held back for it.
#[test]
fn a_node_that_is_stopped_leaves_nothing_to_hold_back() {
    let mut stage = Stage::start();
    let judges = stage.until_settled();
    let (lost, left) = (judges[0], judges[1]);
    let member = members(ASSOCIATIONS[0])[0];
    assert!(stage.append(left, member, 100_000).contains("b OK"));
    stage.signal(lost, Signal::SIGTERM);
    let ended = stage.nodes[lost].as_mut().unwrap().wait(Duration::from_secs(15));
    assert_eq!(ended, Some(true), "{}", stage.out(lost));
    let begin = Instant::now();
    stage.until_judged(&[left]);
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    let shown = stage.shown(left);
    assert!(shown["associations"].as_array().unwrap().iter().all(|one| one["withheld"] == 0), "{shown}");
    stage.up(lost);
    stage.until_settled();
    fill(&stage, &[0, 1], u32::MAX);
    is_full_to_the_last_octet(&stage, judges);
}

/// The door between two nodes is closed: members are turned away, and admins are told once.
#[test]
fn a_node_that_cannot_be_reached_is_told() {
    let mut stage = Stage::start();
    let judges = stage.until_settled();
    assert_eq!(stage.shown(0)["silent"], serde_json::json!([]));
    // Its port leads nowhere, at one node alone.
    let file = stage.folder(0).join("nologd.toml");
    let (config, port) = (fs::read_to_string(&file).unwrap(), stage.place.port().unwrap());
    let from = format!("imaps://127.0.0.1:{}", stage.ports[1].share[0]);
    let config = config.replace(&from, &format!("imaps://127.0.0.1:{port}"));
    stage.place.write("front-a/nologd.toml", config.as_bytes()).unwrap();
    stage.signal(0, Signal::SIGKILL);
    stage.up(0);
    stage.until_judged(&[0, 1]);
    let begin = Instant::now();
    while !stage.out(0).contains("nologd: node-silent node=1") {
        assert!(begin.elapsed() < Duration::from_secs(30), "{} {}", stage.out(0), stage.shown(0));
        sleep(Duration::from_millis(100));
    }
    assert_eq!(stage.shown(0)["silent"], serde_json::json!(["front-b"]));
    assert!(stage.session(0, members(ASSOCIATIONS[judges[1]])[0]).is_none(), "its judge cannot be reached");
    // What is used is known there, and is not said here as if it were known.
    for (line, is_old) in
        [("association show jardin", true), ("association show velo", false), ("status", true), ("mailbox list", true)]
    {
        let said = stage.nologd(0, line);
        assert_eq!(
            said.1.contains("these numbers are OLD, or none have come yet. front-b judges it"),
            is_old,
            "{line}: {said:?}"
        );
    }
    let held = |member: &Member| stage.nologd(0, &format!("disclose {}", member.address)).1;
    let [velo, jardin] = ASSOCIATIONS.map(|association| members(association)[0]);
    for member in [velo, jardin] {
        assert_eq!(stage.nologd(0, &format!("mailbox set {} --language fr", member.address)).0, 0);
    }
    assert!(held(jardin).contains("are OLD") && !held(velo).contains("OLD"), "{} {}", held(jardin), held(velo));
    assert!(!stage.out(1).contains("node-silent"));
}

/// Who has no certificate of the nodes' authority is not greeted, and who has one gets no further without a password.
#[test]
fn strangers_at_the_doors_between_nodes_are_not_greeted() {
    let stage = Stage::start();
    stage.until_settled();
    for port in stage.ports[0].share {
        for certificate in [None, Some(NAMES[1])] {
            let mut client = Command::new("openssl");
            client.args(["s_client", "-quiet", "-no_ign_eof", "-connect", &format!("127.0.0.1:{port}"), "-CAfile"]);
            client.arg(stage.place.path("authority.pem"));
            if let Some(name) = certificate {
                client.arg("-cert").arg(stage.place.path(&format!("{name}.pem")));
                client.arg("-key").arg(stage.place.path(&format!("{name}.key")));
            }
            let said = client.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
            sleep(Duration::from_millis(500));
            let said = String::from_utf8(said.wait_with_output().unwrap().stdout).unwrap();
            assert_eq!(said.is_empty(), certificate.is_none(), "{port} {certificate:?}: {said}");
        }
    }
    // Nor does a certificate make anybody one of those who ask each other: not with another key, nor with what is no question.
    let question = format!("XNOLOGD-ASK {}\r\n", "A".repeat(400));
    for (certificate, line) in [(NAMES[1], question.as_str()), (NAMES[1], "XNOLOGD-ASK \r\n"), ("etcd-one", question.as_str())] {
        let mut client = Command::new("openssl");
        client.args([
            "s_client",
            "-quiet",
            "-no_ign_eof",
            "-connect",
            &format!("127.0.0.1:{}", stage.ports[0].share[0]),
            "-CAfile",
        ]);
        client.arg(stage.place.path("authority.pem"));
        client.arg("-cert").arg(stage.place.path(&format!("{certificate}.pem")));
        client.arg("-key").arg(stage.place.path(&format!("{certificate}.key")));
        let mut said = client.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        said.stdin.as_mut().unwrap().write_all(line.as_bytes()).unwrap();
        sleep(Duration::from_millis(500));
        let said = String::from_utf8(said.wait_with_output().unwrap().stdout).unwrap();
        assert!(said.starts_with("* OK ") && said.lines().count() == 1, "{line}: {said}");
    }
    let wrong = Member { address: MEMBERS[0].address, password: "wrong" };
    let nobody = Member { address: "nobody@velo.example", password: "wrong" };
    assert!((0..2).all(|node| stage.session(node, &wrong).is_none() && stage.session(node, &nobody).is_none()));
}

/// What an admin sets at one node is in force at all, the judge of another node among them; of two who change something in the same moment nobody's
/// change is lost, and etcd's files have no name in them.
#[test]
fn what_is_set_at_one_node_is_in_force_at_all() {
    let mut stage = Stage::start();
    stage.until_settled();
    let storage = |stage: &Stage, at: usize, name: &str| {
        let shown: Value =
            serde_json::from_str(&stage.nologd(at, &format!("association show {name} --json")).1).unwrap_or_default();
        shown["association"]["settings"]["storage"].as_u64().map_or(0, |octets| octets >> 20)
    };
    let until = |stage: &Stage, what: &dyn Fn(&Stage) -> bool| {
        let begin = Instant::now();
        while !what(stage) {
            assert!(begin.elapsed() < Duration::from_secs(20), "{} {}{}", stage.shown(1), stage.out(0), stage.out(1));
            sleep(Duration::from_millis(50));
        }
    };
    // As long as nothing is shared, each node has its own.
    assert_eq!(stage.nologd(1, "association set velo --storage 7M").0, 0);
    assert_eq!((storage(&stage, 0, "velo"), storage(&stage, 1, "velo")), (8, 7));
    assert_eq!(stage.nologd(0, "share publish").0, 0);
    // What it has of its own is not replaced without an admin's word.
    until(&stage, &|stage| stage.shown(1)["bar"] == "disputed");
    assert_eq!((storage(&stage, 1, "velo"), stage.nologd(1, "share adopt").0), (7, 0));
    until(&stage, &|stage| storage(stage, 1, "velo") == 8 && stage.shown(1)["book"] == "shared");
    let judges = stage.until_settled();
    let again = stage.nologd(1, "share publish");
    assert!(again.0 == 1 && again.2.contains("already"), "{again:?}");
    // The judge obeys what was set at the other one.
    assert_eq!(stage.nologd(1 - judges[0], "association set velo --storage 1M").0, 0);
    until(&stage, &|stage| storage(stage, judges[0], "velo") == 1);
    let said = stage.append(1 - judges[0], members(ASSOCIATIONS[0])[0], 1_100_000);
    assert!(said.contains("OVERQUOTA"), "{said}");
    assert_eq!(stage.nologd(0, "association add amis --domain amis.example --storage 4M").0, 0);
    until(&stage, &|stage| {
        let shown = stage.shown(1);
        let amis = shown["associations"].as_array().and_then(|all| all.iter().find(|one| one["name"] == "amis").cloned());
        amis.is_some_and(|amis| amis["node"].is_string()) && storage(stage, 1, "amis") == 4
    });
    let mut refused = 0;
    for round in 2..12 {
        let set = |at: usize| stage.nologd(at, &format!("association set {} --storage {round}M", ASSOCIATIONS[at]));
        let said = scope(|threads| {
            let running = [0, 1].map(|at| {
                let set = &set;
                threads.spawn(move || set(at))
            });
            running.map(|thread| thread.join().unwrap())
        });
        for (at, (code, _, errors)) in said.iter().enumerate() {
            assert!(*code == 0 || errors.contains("Another node has changed the book"), "{errors}");
            refused += code;
            let expected = if *code == 0 { round } else { storage(&stage, at, ASSOCIATIONS[at]) };
            until(&stage, &|stage| {
                storage(stage, 0, ASSOCIATIONS[at]) == expected && storage(stage, 1, ASSOCIATIONS[at]) == expected
            });
        }
    }
    assert!(refused < 20, "nobody gets through");
    // A node that was away finds what was changed meanwhile.
    stage.signal(1, Signal::SIGKILL);
    assert_eq!(stage.nologd(0, "association set amis --storage 5M").0, 0);
    stage.up(1);
    until(&stage, &|stage| storage(stage, 1, "amis") == 5);
    // Without etcd nothing is changed, and that is said.
    stage.etcd.signal(Signal::SIGSTOP);
    let said = stage.nologd(0, "association set amis --storage 6M");
    assert!(said.0 == 1 && said.2.contains("etcd did not answer"), "{said:?}");
    stage.etcd.signal(Signal::SIGCONT);
    until(&stage, &|stage| stage.nologd(1, "association set amis --storage 3M").0 == 0);
    until(&stage, &|stage| storage(stage, 0, "amis") == 3);
    let kept = files(&stage.place.path("etcd"));
    let has = |word: &str| kept.iter().any(|file| file.windows(word.len()).any(|piece| piece == word.as_bytes()));
    assert!(has("nologd-book/") && has("nologd/deed/"), "the files are not found");
    for word in ["velo", "jardin", "amis", "alice", ".example"] {
        assert!(!has(word), "{word} is in etcd's files");
    }
}

/// What is in all files below.
fn files(folder: &Path) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        match entry.path() {
            folder if folder.is_dir() => found.extend(files(&folder)),
            file => found.push(fs::read(file).unwrap()),
        }
    }
    found
}
