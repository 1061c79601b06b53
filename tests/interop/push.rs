//! Dovecot's `quota_clone` tells usage over the socket: whoever changes a mailbox, by whatever way, around nologd too.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::unistd::{Uid, User, chown};
use nologd::demo::{Behind, Client, Dovecot, MEMBERS, Member, Owner, Place, Postfix, Process};
use serde_json::Value;

use super::lmtp::message;
use crate::dialect;
use crate::root;
use crate::support::{Stack, restart, start_daemon, succeed};

const ALICE: &Member = &MEMBERS[0];
const BOB: &Member = &MEMBERS[1];

/// How long until a push is in the book: Dovecot tells at the end of an act, and of what an open session does after ten seconds.
const AT_ONCE: Duration = Duration::from_secs(2);
const LATER: Duration = Duration::from_secs(12);

/// The template without what differs here: the place of the socket, and POP3 beside it.
fn settings(place: &Place, pop3: u16) -> String {
    let socket = place.path("run/usage.sock").display().to_string();
    dialect::for_admins("usage").replace("/run/nologd/usage.sock", &socket)
        + &dialect::for_admins("pop3").replace("10110", &pop3.to_string())
        + &dialect::spoken("protocols = imap lmtp pop3\nservice pop3-login {\n  chroot =\n}\n")
}

/// All servers, with a socket for usage; nologd's process goes first.
struct Pushed {
    process: Process,
    stack: Stack,
    pop3: u16,
}

impl Pushed {
    fn start() -> Pushed {
        let place = Place::new().unwrap();
        let pop3 = place.port().unwrap();
        let dovecot = Dovecot::start_with(&place, "dovecot", &settings(&place, pop3)).unwrap();
        let postfix = Postfix::start(&place, dovecot.lmtp()).unwrap();
        let nobody = User::from_name("nobody").unwrap().unwrap();
        let owner = if Uid::effective().is_root() { Owner { uid: nobody.uid, gid: nobody.gid } } else { Owner::me() };
        place.make("run", owner).unwrap();
        let behind = Behind { name: "store1", imap: dovecot.imap(), lmtp: dovecot.lmtp(), relay: postfix.smtp() };
        let daemon = start_daemon(&place, &[behind], &[]);
        let mut stack = Stack { daemon, postfix, dovecot, place };
        let socket = stack.place.path("run/usage.sock");
        let listener = format!("[[listen]]\nservice = \"usage\"\naddress = \"unix:{}\"\ntls = \"none\"\n", socket.display());
        let process = restart(&mut stack, |config| format!("{config}\n{listener}"));
        let pushed = Pushed { process, stack, pop3 };
        for member in MEMBERS {
            // On the disk at once, unlike what is not set: it must survive a kill.
            pushed.nologd(&["mailbox", "set", member.address, "--storage", "1G"]);
        }
        pushed
    }

    fn nologd(&self, words: &[&str]) -> Value {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nologd"));
        command.args(words).arg("--json").arg("--socket").arg(self.stack.place.path("admin.sock"));
        serde_json::from_str(&succeed(&mut command)).unwrap()
    }

    fn doveadm(&self, words: &[&str]) -> String {
        let mut command = Command::new("/usr/bin/doveadm");
        succeed(command.arg("-c").arg(self.stack.place.path("dovecot/dovecot.conf")).args(words))
    }

    /// What the book says.
    fn book(&self, member: &Member) -> (u64, u64) {
        let held = self.nologd(&["disclose", member.address]);
        let mailbox = &held["mailbox"];
        (mailbox["octets"].as_u64().unwrap(), mailbox["messages"].as_u64().unwrap())
    }

    /// What Dovecot has in all folders, without its quota.
    fn truth(&self, member: &Member) -> (u64, u64) {
        let told = self.doveadm(&["-f", "tab", "mailbox", "status", "-u", member.address, "messages vsize", "*"]);
        let mut lines = told.lines();
        let head: Vec<_> = lines.next().unwrap().split('\t').collect();
        let column = |name: &str| head.iter().position(|column| *column == name).unwrap();
        let (octets, messages) = (column("vsize"), column("messages"));
        lines.fold((0, 0), |(all, count), line| {
            let fields: Vec<_> = line.split('\t').collect();
            (all + fields[octets].parse::<u64>().unwrap(), count + fields[messages].parse::<u64>().unwrap())
        })
    }

    /// Waits until both agree.
    fn agree(&self, member: &Member, messages: u64, within: Duration, after: &str) {
        let begin = Instant::now();
        let truth = self.truth(member);
        assert_eq!(truth.1, messages, "{after}");
        while self.book(member) != truth {
            assert!(begin.elapsed() < within, "after {after} the book says {:?}, Dovecot {truth:?}", self.book(member));
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// A conversation in the clear with Dovecot itself.
struct Direct(BufReader<TcpStream>);

impl Direct {
    fn imap(port: u16, member: &Member) -> Direct {
        let mut direct = Direct::connect(port);
        direct.say(&format!("a LOGIN {} {}\r\n", member.address, member.password), "a OK");
        direct.say("a SELECT INBOX\r\n", "a OK");
        direct
    }

    fn connect(port: u16) -> Direct {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(40))).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut direct = Direct(BufReader::new(stream));
        direct.until("");
        direct
    }

    fn say(&mut self, bytes: &str, answer: &str) {
        self.0.get_mut().write_all(bytes.as_bytes()).unwrap();
        self.until(answer);
    }

    fn until(&mut self, answer: &str) {
        loop {
            let mut line = String::new();
            assert!(self.0.read_line(&mut line).unwrap() > 0, "closed before {answer:?}");
            if line.starts_with(answer) {
                return;
            }
            let refused = [" NO", " BAD", "-ERR"].iter().any(|word| line.starts_with("a") && line.contains(word));
            assert!(!refused, "{answer:?} and not {line}");
        }
    }

    /// One message to each of these by LMTP, in a session of its own.
    fn deliver(port: u16, to: &[&Member], text: &str) {
        let mut lmtp = Direct::connect(port);
        lmtp.say("LHLO relay.example\r\n", "250 ");
        lmtp.say("MAIL FROM:<ann@elsewhere.example>\r\n", "250 ");
        to.iter().for_each(|member| lmtp.say(&format!("RCPT TO:<{}>\r\n", member.address), "250 "));
        lmtp.say("DATA\r\n", "354");
        lmtp.say(&format!("{text}.\r\n"), "250 ");
        to.iter().skip(1).for_each(|_| lmtp.until("250 "));
    }

    fn append(&mut self, folder: &str, text: &str) {
        self.say(&format!("a APPEND {folder} {{{}}}\r\n", text.len()), "+");
        self.say(&format!("{text}\r\n"), "a OK");
    }
}

#[test]
fn whatever_changes_a_mailbox_around_us_is_in_the_book() {
    let pushed = Pushed::start();
    let dovecot = &pushed.stack.dovecot;
    let text = message("around", 3000);
    // By IMAP: at the end of the session, or ten seconds after the first change.
    let mut imap = Direct::imap(dovecot.imap(), ALICE);
    imap.append("INBOX", &text);
    imap.append("Trash", &text);
    imap.say("a LOGOUT\r\n", "a OK");
    pushed.agree(ALICE, 2, AT_ONCE, "APPEND twice and LOGOUT");
    let mut imap = Direct::imap(dovecot.imap(), ALICE);
    imap.say("a COPY 1 Trash\r\n", "a OK");
    pushed.agree(ALICE, 3, LATER, "COPY in a session that stays");
    // Not in one write: 2.4.1 answers OK then and expunges nothing, in a session that has pushed, without nologd too.
    imap.say("a STORE 1 +FLAGS (\\Deleted)\r\n", "a OK");
    imap.say("a EXPUNGE\r\n", "a OK Expunge");
    pushed.agree(ALICE, 2, LATER, "EXPUNGE in a session that stays");
    drop(imap);
    // By LMTP, to two at once.
    let begin = Instant::now();
    Direct::deliver(dovecot.lmtp(), &[ALICE, BOB], &text);
    assert!(begin.elapsed() < Duration::from_secs(2), "deliveries wait: {:?}", begin.elapsed());
    pushed.agree(ALICE, 3, AT_ONCE, "a delivery");
    pushed.agree(BOB, 1, AT_ONCE, "a delivery");
    // By POP3.
    let mut pop3 = Direct::connect(pushed.pop3);
    pop3.say(&format!("USER {}\r\n", ALICE.address), "+OK");
    pop3.say(&format!("PASS {}\r\n", ALICE.password), "+OK");
    pop3.say("DELE 1\r\n", "+OK");
    pop3.say("QUIT\r\n", "+OK");
    pushed.agree(ALICE, 2, AT_ONCE, "POP3");
    // By the admin of the mail server.
    pushed.doveadm(&["expunge", "-u", ALICE.address, "mailbox", "Trash", "all"]);
    pushed.agree(ALICE, 0, AT_ONCE, "doveadm expunge");
    // That any is pushed shows at once; how many, at the full hour.
    assert_eq!(pushed.nologd(&["status"])["pushed"], 1);
}

/// A killed daemon leaves its socket: deliveries wait for seconds then, and are taken all the same. The next start replaces it.
#[test]
fn a_killed_nologd_holds_mail_for_seconds_and_the_next_start_knows_it_again() {
    let mut pushed = Pushed::start();
    let text = message("around", 3000);
    let time = |pushed: &Pushed| {
        let begin = Instant::now();
        Direct::deliver(pushed.stack.dovecot.lmtp(), &[ALICE], &text);
        begin.elapsed()
    };
    let served = time(&pushed);
    pushed.process.signal(Signal::SIGKILL);
    pushed.process.wait(Duration::from_secs(10)).unwrap();
    let killed = time(&pushed);
    assert!(served < Duration::from_secs(1) && killed < Duration::from_secs(10), "{served:?} {killed:?}");
    // This one stops first; that the old one is gone is no matter.
    pushed.process = again(&pushed.stack);
    assert!(time(&pushed) < Duration::from_secs(1));
    pushed.agree(ALICE, 3, AT_ONCE, "the start after a kill");
    pushed.process.signal(Signal::SIGTERM);
    pushed.process.wait(Duration::from_secs(60)).unwrap();
    assert!(!pushed.stack.place.path("run/usage.sock").exists());
    assert!(time(&pushed) < Duration::from_secs(1), "without a file nobody waits");
}

fn again(stack: &Stack) -> Process {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nologd"));
    command.arg("run").arg("--config").arg(stack.daemon.config());
    let mut process = Process::start(command, nologd::demo::Program::Nologd, Some(stack.daemon.output())).unwrap();
    process.listening(nologd::demo::Program::Nologd, stack.ports().submission).unwrap();
    process
}

/// What sessions finish while nologd drains is told too, and no delivery waits for it.
#[test]
fn the_socket_answers_to_the_end_of_the_stop() {
    let mut pushed = Pushed::start();
    let mut smtp = Client::connect(pushed.stack.ports().submissions, &[]).unwrap();
    smtp.log_in_to_submission("x", ALICE).unwrap();
    for (command, code) in
        [("MAIL FROM:<alice@velo.example>\r\n", "250"), ("RCPT TO:<bob@velo.example>\r\n", "250"), ("DATA\r\n", "354")]
    {
        smtp.smtp(command, code, "before the message").unwrap();
    }
    smtp.send(b"From: <alice@velo.example>\r\nSubject: last\r\n\r\nfirst half\r\n", "half a message").unwrap();
    pushed.process.signal(Signal::SIGTERM);
    std::thread::sleep(Duration::from_millis(500));
    assert!(pushed.process.ended().is_none());
    let begin = Instant::now();
    Direct::deliver(pushed.stack.dovecot.lmtp(), &[ALICE, BOB], &message("around", 3000));
    assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
    let mut usage = UnixStream::connect(pushed.stack.place.path("run/usage.sock")).unwrap();
    usage.write_all(b"C5\n").unwrap();
    let mut answer = [0; 3];
    usage.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"O5\n");
    smtp.smtp("second half\r\n.\r\n", "250", "the message that was begun").unwrap();
    smtp.smtp("QUIT\r\n", "", "the end").unwrap();
    assert_eq!(pushed.process.wait(Duration::from_secs(60)), Some(true));
    assert!(!pushed.stack.place.path("run/usage.sock").exists());
}

mod as_root {
    use super::*;

    /// As docs/admin/usage.md says: the socket belongs to a group, and Dovecot's mail processes are in it.
    #[test]
    fn a_group_lets_dovecot_in() {
        root::needed();
        let pushed = Pushed::start();
        let socket = pushed.stack.place.path("run/usage.sock");
        let nogroup = User::from_name("nobody").unwrap().unwrap().gid;
        // As nologd makes it where it is another user than Dovecot's.
        chown(&socket, Some(Uid::from_raw(0)), Some(nogroup)).unwrap();
        fs::set_permissions(&socket, std::os::unix::fs::PermissionsExt::from_mode(0o660)).unwrap();
        let mut imap = Direct::imap(pushed.stack.dovecot.imap(), ALICE);
        imap.append("INBOX", &message("around", 3000));
        imap.say("a LOGOUT\r\n", "a OK");
        pushed.agree(ALICE, 1, AT_ONCE, "APPEND with the rights of the group");
    }
}

/// What doveadm prints goes into the book: rounded up to 1024 octets, so never below what is there.
#[test]
fn what_doveadm_prints_can_be_loaded() {
    let pushed = Pushed::start();
    let socket = pushed.stack.place.path("run/usage.sock");
    // Nobody tells: as on the day before Dovecot was told to.
    fs::remove_file(&socket).unwrap();
    for (number, member) in MEMBERS.iter().enumerate() {
        let text = message("around", 3000 + number);
        (0..=number).for_each(|_| Direct::deliver(pushed.stack.dovecot.lmtp(), &[member], &text));
    }
    assert_eq!(pushed.book(ALICE), (0, 0));
    // As -A, where there is nothing that could list all members.
    let members: Vec<_> = MEMBERS.iter().map(|member| member.address).collect();
    pushed.stack.place.write("members", (members.join("\n") + "\n").as_bytes()).unwrap();
    let pipe = format!(
        "doveadm -c {} -f tab quota get -F {} | {} usage load --json --socket {}",
        pushed.stack.place.path("dovecot/dovecot.conf").display(),
        pushed.stack.place.path("members").display(),
        env!("CARGO_BIN_EXE_nologd"),
        pushed.stack.place.path("admin.sock").display()
    );
    let totals: Value = serde_json::from_str(&succeed(Command::new("sh").arg("-c").arg(pipe))).unwrap();
    assert_eq!((&totals["loaded"], &totals["not-understood"]), (&Value::from(4), &Value::from(0)), "{totals}");
    for (number, member) in MEMBERS.iter().enumerate() {
        let (book, truth) = (pushed.book(member), pushed.truth(member));
        assert_eq!((book.0, book.1), (truth.0.next_multiple_of(1024), number as u64 + 1), "{} {truth:?}", member.address);
    }
}
