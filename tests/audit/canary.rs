//! The canary over real servers: it finds what Debian's settings let through, and nothing with our templates. Needs root, for Postfix.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nologd::audit::AuditReport;
use nologd::demo::{Behind, Daemon, Dovecot, MEMBERS, Member, Owner, Place, Ports, Postfix};

use super::templates;
use crate::support;

const ALICE: &Member = &MEMBERS[0];

struct Host {
    daemon: Daemon,
    postfix: Postfix,
    dovecot: Dovecot,
    place: Place,
}

impl Host {
    fn start(dovecot_lines: &str, postfix_lines: &str) -> Host {
        let place = Place::new().unwrap();
        let dovecot = Dovecot::start_with(&place, "dovecot", dovecot_lines).unwrap();
        let postfix = Postfix::start_with(&place, dovecot.lmtp(), postfix_lines).unwrap();
        let behind = Behind { name: "store1", imap: dovecot.imap(), lmtp: dovecot.lmtp(), relay: postfix.smtp() };
        let ports = Ports::any(&place).unwrap();
        let program = Path::new(env!("CARGO_BIN_EXE_nologd"));
        let quota = [("velo", "storage = \"20M\"\nmailbox_default = \"10M\"")];
        let daemon = Daemon::start(&place, program, ports, &[behind], &quota).unwrap();
        place.write("password", format!("{}\n", ALICE.password).as_bytes()).unwrap();
        Host { daemon, postfix, dovecot, place }
    }

    /// Everything that servers write here; the mailboxes apart.
    fn fly(&self, more: &[&str]) -> (Option<i32>, AuditReport, String) {
        let logs =
            ["queue", "data", "postfix.out", "dovecot/out", "dovecot/run", "dovecot/state"].map(|name| self.place.path(name));
        let mut logs: Vec<PathBuf> = logs.into_iter().filter(|path| path.exists()).collect();
        logs.extend(
            [self.daemon.output().to_owned(), self.dovecot.log(), self.postfix.log().to_owned()]
                .into_iter()
                .filter(|path| path.exists()),
        );
        let mut command = Command::new(env!("CARGO_BIN_EXE_nologd"));
        command.args(["audit", "--json", "--no-settings", "--canary", ALICE.address, "--config"]).arg(self.daemon.config());
        command.arg("--password-file").arg(self.place.path("password")).arg("--logs").args(logs);
        command.arg("--mail").arg(self.place.path("dovecot/mail")).args(more);
        let output = command.output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        let report = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}\n{errors}"));
        (output.status.code(), report, text)
    }
}

#[test]
fn with_debians_settings_the_canary_finds_the_leaks() {
    let host = Host::start("", "");
    let journal = Journal::start(&host);
    let (code, report, text) = host.fly(&["--journal-folder", journal.folder.to_str().unwrap()]);
    assert_eq!(code, Some(1));
    let canary = report.canary.unwrap();
    let found =
        |planted: &str, file: &str| canary.traces.iter().any(|trace| trace.planted == planted && trace.file.ends_with(file));
    // Dovecot: the member at each login. Postfix: sender and addressee. Neither ever saw where the member was.
    assert!(found("login", "dovecot/log") && found("login", "postfix.log"), "{text}");
    for never in ["client-address", "machine-name", "imap-id", "user-agent", "message-id", "password"] {
        assert!(!canary.traces.iter().any(|trace| trace.planted == never), "{never} came through nologd:\n{text}");
    }
    assert!(!text.contains(ALICE.password) && !text.contains("rip="), "the report tells what it read:\n{text}");
    let in_journal = canary.traces.iter().filter(|trace| trace.file.starts_with("the journal in "));
    assert!(in_journal.filter(|trace| trace.planted == "login").count() > 0, "the same lines, in a journal:\n{text}");
    let steps = [
        "wrong password",
        "login",
        "over quota",
        "copy to Sent",
        "broken TLS",
        "refused sender",
        "message to itself",
        "message arrived",
    ];
    assert_eq!(canary.steps, steps);
    let left: Vec<_> = ["cur", "new", ".Sent/cur", ".Sent/new"]
        .iter()
        .flat_map(|folder| fs::read_dir(host.dovecot.maildir(ALICE.address).join(folder)).into_iter().flatten().flatten())
        .collect();
    assert!(left.is_empty(), "the test messages are still there: {left:?}");
}

#[test]
fn with_our_templates_the_canary_finds_nothing() {
    let host = Host::start(&templates::read("dovecot-2.3.conf"), &templates::read("postfix.cf"));
    let journal = Journal::start(&host);
    let (code, report, text) = host.fly(&["--journal-folder", journal.folder.to_str().unwrap()]);
    let canary = report.canary.unwrap();
    assert_eq!(canary.traces, [], "{text}");
    assert_eq!(code, Some(0));
    assert!(canary.files >= 10 && canary.closed.is_empty() && canary.unreadable.is_empty(), "{text}");
}

/// Beside IMAP and submission: Debian's own lines about POP3 and ManageSieve have the member in them, and with our templates none has.
#[test]
fn the_canary_flies_through_pop3_and_managesieve_too() {
    // As ManageSieve has it everywhere, and from the first octet.
    for (ours, tls) in [(false, "starttls"), (true, "starttls"), (true, "implicit")] {
        let place = Place::new().unwrap();
        let [pop3, sieve] = [place.port().unwrap(), place.port().unwrap()];
        let template = |name: &str, port: &str, own: u16| templates::read(name).replace(port, &own.to_string());
        let behind = [template("dovecot-2.3-pop3.conf", "10110", pop3), template("dovecot-2.3-sieve.conf", "10190", sieve)];
        let lines = format!(
            "protocols = imap lmtp pop3 sieve\n{}{}service managesieve-login {{\n  chroot =\n}}\nservice pop3-login {{\n  chroot =\n}}\n{}",
            behind[0],
            behind[1],
            if ours { templates::read("dovecot-2.3.conf") } else { String::new() }
        );
        let dovecot = Dovecot::start_with(&place, "dovecot", &lines).unwrap();
        let postfix = Postfix::start_with(&place, dovecot.lmtp(), &templates::read("postfix.cf")).unwrap();
        let server = Behind { name: "store1", imap: dovecot.imap(), lmtp: dovecot.lmtp(), relay: postfix.smtp() };
        let daemon = support::start_daemon(&place, &[server], &[("velo", "storage = \"20M\"\nmailbox_default = \"10M\"")]);
        let fronts = [place.port().unwrap(), place.port().unwrap()];
        let mut stack = support::Stack { daemon, postfix, dovecot, place };
        let process = support::restart(&mut stack, |config| {
            let listen = |(service, port): (&str, u16)| {
                format!("[[listen]]\nservice = \"{service}\"\naddress = \"127.0.0.1:{port}\"\ntls = \"{tls}\"\n")
            };
            let addresses =
                format!("auth  = \"imap\"\npop3 = \"pop3://127.0.0.1:{pop3}\"\nsieve = \"sieve://127.0.0.1:{sieve}\"");
            let config = config.replace("auth  = \"imap\"", &addresses);
            config + &["pop3", "sieve"].into_iter().zip(fronts).map(listen).collect::<String>()
        });
        stack.place.write("password", format!("{}\n", ALICE.password).as_bytes()).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_nologd"));
        command.args(["audit", "--json", "--no-settings", "--canary", ALICE.address, "--config"]).arg(stack.daemon.config());
        command.arg("--password-file").arg(stack.place.path("password")).arg("--mail").arg(stack.place.path("dovecot/mail"));
        // Written where somebody logs in, if it is written at all.
        let log = stack.dovecot.log();
        let log = if log.exists() { log } else { stack.place.path("dovecot/out") };
        command.arg("--logs").args([&log, stack.daemon.output()]);
        let output = command.output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        let report: AuditReport = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}\n{errors}"));
        let canary = report.canary.unwrap();
        assert_eq!(canary.steps[canary.steps.len() - 2..], ["POP3", "ManageSieve"]);
        let said = fs::read_to_string(&log).unwrap_or_default();
        let told = |service: &str| said.lines().any(|line| line.contains(service) && line.contains(ALICE.address));
        assert_eq!([told("pop3-login"), told("managesieve-login")], [!ours; 2], "{said}");
        assert_eq!(canary.traces.is_empty(), ours, "{text}");
        for never in ["client-address", "machine-name", "imap-id", "password"] {
            assert!(!canary.traces.iter().any(|trace| trace.planted == never), "{never} came through nologd:\n{text}");
        }
        drop(process);
    }
}

/// A journal that gets the lines of Dovecot and Postfix while they come.
struct Journal {
    folder: PathBuf,
    process: Child,
}

impl Journal {
    fn start(host: &Host) -> Journal {
        let folder = host.place.make("journal", Owner::me()).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/audit/journal.py");
        let mut command = Command::new("python3");
        command.arg(script).arg(folder.join("system.journal"));
        command.args([host.dovecot.log(), host.postfix.log().to_owned()].iter().filter(|log| log.exists()));
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n", "apt install systemd-journal-remote");
        Journal { folder, process }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        self.process.wait().unwrap();
    }
}

/// A value that goes on in another page of an SQLite file stands nowhere in one piece, and is found all the same; in the write-ahead
/// log too.
#[test]
fn a_value_over_two_pages_of_sqlite_is_found() {
    let place = Place::new().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/audit/sqlite.py");
    assert!(Command::new("python3").arg(script).arg(place.folder()).status().unwrap().success());
    let address = std::net::Ipv4Addr::new(127, 101, 102, 103);
    let (mut whole, mut divided) = ([0, 0], [0, 0]);
    for entry in fs::read_dir(place.folder()).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.extension().is_none_or(|end| end != "db") {
            continue;
        }
        let log = PathBuf::from(format!("{}-wal", entry.display()));
        let logged = usize::from(log.exists());
        let raw = |file: &Path| fs::read(file).unwrap_or_default();
        let plain = [raw(&entry), raw(&log)].iter().any(|bytes| memchr::memmem::find(bytes, b"127.101.102.103").is_some());
        if plain {
            whole[logged] += 1;
            continue;
        }
        divided[logged] += 1;
        let traces = nologd::audit::canary::look_for(address, &entry);
        assert_eq!(traces.len(), 1, "{}", entry.display());
    }
    assert!(divided[0] >= 2 && whole[0] > 500, "{whole:?} {divided:?}");
    assert_eq!(divided[1], divided[0], "in the write-ahead log alone");
}

/// Without nologd in between, a server sees the address; the canary must then find it, in plain and in the session id.
#[test]
fn what_a_mail_program_tells_dovecot_directly_would_be_found() {
    let place = Place::new().unwrap();
    let line = "imap-login: Login: user=<x>, rip=127.101.102.103, session=<AAAAAAAAAAB/ZWZn>\n";
    let file = place.write("log", line.as_bytes()).unwrap();
    let address = std::net::Ipv4Addr::new(127, 101, 102, 103);
    let traces = nologd::audit::canary::look_for(address, &file);
    let forms: Vec<_> = traces.iter().map(|trace| trace.form.as_str()).collect();
    assert_eq!(forms, ["plain", "session-id"]);
}
