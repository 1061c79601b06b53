//! A real Dovecot that tells each command it ran, nologd in front of it, and as many mailboxes as a test wants. No TLS: what is
//! judged here is IMAP.

use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use nix::unistd::{Uid, User};
use nologd::demo::{CERTIFICATE, Dovecot, Owner, Place, Process, Program};
use serde_json::Value;

use crate::dialect;
use crate::support::{client, succeed};
use crate::wire::KEY;

/// Everybody's.
pub const PASSWORD: &str = "secret";

/// Each command that ran, with its tag, name and arguments, in the order of their ends (`imap_command_finished`).
const VIEW: &str = "
event_exporter view {
  format = tab-text
  format_args = time-rfc3339
  transport = log
}
metric ran {
  filter = event=imap_command_finished
  exporter = view
  exporter_include = fields
}
";

/// What a test wants to be there.
#[derive(Clone, Default)]
pub struct Plan {
    /// Each association: its name, which with `.example` is its domain, its lines of config, and its mailboxes' local parts.
    pub associations: Vec<(&'static str, String, Vec<String>)>,
    /// Lines at the end of Dovecot's config; `@USAGE@` is the path of the socket for usage, `@SHARED@` of the list of shared
    /// folders, `@POP3@` a port.
    pub dovecot: String,
    /// Lines at the top of nologd's config.
    pub nologd: String,
    /// A listener for pushed usage.
    pub push: bool,
}

impl Plan {
    /// One association, `velo`, with these mailboxes.
    pub fn velo(lines: &str, mailboxes: &[&str]) -> Plan {
        let mailboxes = mailboxes.iter().map(|name| (*name).to_owned()).collect();
        Plan { associations: vec![("velo", lines.to_owned(), mailboxes)], ..Plan::default() }
    }

    /// All addresses.
    pub fn addresses(&self) -> Vec<String> {
        let of = |(name, _, mailboxes): &(&str, String, Vec<String>)| {
            mailboxes.iter().map(|mailbox| format!("{mailbox}@{name}.example")).collect::<Vec<_>>()
        };
        self.associations.iter().flat_map(of).collect()
    }
}

/// All of it, running. Fields are dropped from top to bottom: the place goes last.
pub struct Stage {
    _nologd: Process,
    pub dovecot: Dovecot,
    pub imap: u16,
    pub lmtp: u16,
    /// Dovecot's, where the plan has one, and nologd's before it.
    pub pop3: u16,
    pub pop3_front: u16,
    addresses: Vec<String>,
    pub place: Place,
}

impl Stage {
    pub fn set(plan: &Plan) -> Stage {
        Stage::set_before(plan, None)
    }

    /// With another backend's IMAP port, such as one that stands between nologd and Dovecot.
    pub fn set_before(plan: &Plan, between: Option<&dyn Fn(u16) -> u16>) -> Stage {
        let place = Place::new().unwrap_or_else(|trouble| panic!("{trouble}"));
        let (imap, lmtp, pop3) = (place.port().unwrap(), place.port().unwrap(), place.port().unwrap());
        let pop3_front = place.port().unwrap();
        let usage = place.path("usage/usage.sock").display().to_string();
        let lines = dialect::spoken(&format!("{VIEW}{}", plan.dovecot));
        let lines = lines.replace("@USAGE@", &usage).replace("@POP3@", &pop3.to_string());
        let lines = lines.replace("@SHARED@", &place.path("shared/folders").display().to_string());
        let dovecot = Dovecot::start_with(&place, "dovecot", &lines).unwrap_or_else(|trouble| panic!("{trouble}"));
        let users: String = plan.addresses().iter().map(|address| format!("{address}:{{PLAIN}}{PASSWORD}\n")).collect();
        place.write("dovecot/users", users.as_bytes()).unwrap();
        let backend = between.map_or(dovecot.imap(), |between| between(dovecot.imap()));
        programs(&place, &plan.addresses());
        let (user, owner) = unprivileged();
        for folder in ["state", "usage", "shared"] {
            place.make(folder, owner).unwrap();
        }
        place.make("certs/mail.nolog.example", Owner::me()).unwrap();
        place.write("certs/mail.nolog.example/fullchain.pem", CERTIFICATE).unwrap();
        place.write("certs/mail.nolog.example/privkey.pem", KEY).unwrap();
        let text = config(&place, plan, user, [imap, lmtp, backend, dovecot.lmtp(), pop3, pop3_front]);
        let config = place.write("nologd.toml", text.as_bytes()).unwrap();
        let nologd = start(&place, &config);
        Stage { _nologd: nologd, dovecot, imap, lmtp, pop3, pop3_front, addresses: plan.addresses(), place }
    }

    /// The log with Dovecot's view of what it ran.
    pub fn view(&self) -> PathBuf {
        self.dovecot.log()
    }

    /// What `nologd` answers to `words`, in JSON where it knows that.
    pub fn ask(&self, words: &str) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nologd"));
        succeed(command.args(words.split(' ')).arg("--socket").arg(self.place.path("admin.sock")))
    }

    /// The plan's mailboxes that the book knows, each as it is disclosed to its owner: lists are rounded, and an hour old.
    pub fn mailboxes(&self) -> Vec<Value> {
        self.addresses.iter().filter_map(|address| self.mailbox(address)).collect()
    }

    /// One of them. By the socket: there are many to ask, many times.
    pub fn mailbox(&self, address: &str) -> Option<Value> {
        let mut stream = UnixStream::connect(self.place.path("admin.sock")).unwrap();
        let request = serde_json::json!({ "nologd": 1, "command": "disclose", "address": address });
        stream.write_all(format!("{request}\n").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        let held = answer.get("done").cloned().or_else(|| answer["refused"].is_string().then_some(Value::Null));
        let held = held.unwrap_or_else(|| panic!("no answer: {answer}"));
        held.get("mailbox").filter(|mailbox| !mailbox.is_null()).cloned()
    }

    /// `nologd usage count`, with `more` words, as the timer runs it; its doveadm is ours.
    pub fn count(&self, more: &[&str]) -> Command {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new(env!("CARGO_BIN_EXE_nologd"));
        command.env("PATH", format!("{}:{path}", self.place.path("bin").display()));
        command.args(["usage", "count"]).args(more).arg("--socket").arg(self.place.path("admin.sock"));
        command
    }

    /// What tells the sums alone, for `--program`.
    pub fn sums(&self) -> String {
        self.place.path("bin/sums").display().to_string()
    }

    /// What doveadm prints to `words`.
    pub fn doveadm(&self, words: &[&str]) -> String {
        succeed(&mut self.doveadm_command(words))
    }

    /// What it says, where it ends well.
    pub fn doveadm_if(&self, words: &[&str]) -> Option<String> {
        let output = self.doveadm_command(words).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn doveadm_command(&self, words: &[&str]) -> Command {
        let mut command = client("doveadm", "dovecot-core");
        command.arg("-c").arg(self.place.path("dovecot/dovecot.conf")).args(words);
        command
    }
}

/// doveadm for this Dovecot, which cannot list its users by itself; and a program that tells the sums.
fn programs(place: &Place, users: &[String]) {
    let list = place.write("everybody", format!("{}\n", users.join("\n")).as_bytes()).unwrap();
    let words =
        format!("for word; do shift; [ \"$word\" = -A ] && set -- \"$@\" -F {} || set -- \"$@\" \"$word\"; done", list.display());
    let doveadm = format!("{words}\nexec /usr/bin/doveadm -c {} \"$@\"", place.path("dovecot/dovecot.conf").display());
    let sums = format!("exec {} -f tab mailbox status -A -t 'messages vsize' '*'", place.path("bin/doveadm").display());
    let doveconf = format!("exec /usr/bin/doveconf -c {} \"$@\"", place.path("dovecot/dovecot.conf").display());
    place.make("bin", Owner::me()).unwrap();
    for (name, text) in [("doveadm", doveadm), ("doveconf", doveconf), ("sums", sums)] {
        let path = place.write(&format!("bin/{name}"), format!("#!/bin/sh\n{text}\n").as_bytes()).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

fn start(place: &Place, config: &Path) -> Process {
    let (mut command, output) = (Command::new(env!("CARGO_BIN_EXE_nologd")), place.path("nologd.out"));
    command.arg("run").arg("--config").arg(config);
    let mut process = Process::start(command, Program::Nologd, Some(&output)).unwrap();
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let said = fs::read_to_string(&output).unwrap_or_default();
        if said.contains("nologd: started") {
            return process;
        }
        assert!(process.ended().is_none() && Instant::now() < end, "nologd did not start:\n{said}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Who nologd becomes where the test runs as root, and who must own its folders.
fn unprivileged() -> (&'static str, Owner) {
    if !Uid::effective().is_root() {
        return ("", Owner::me());
    }
    let nobody = User::from_name("nobody").unwrap().unwrap();
    ("user = \"nobody\"\n", Owner { uid: nobody.uid, gid: nobody.gid })
}

fn config(place: &Place, plan: &Plan, user: &str, [imap, lmtp, backend, behind, pop3, front]: [u16; 6]) -> String {
    let folder = place.folder().display();
    let has_pop3 = plan.dovecot.contains("@POP3@");
    let pop3 = if has_pop3 { format!("pop3 = \"pop3://127.0.0.1:{pop3}\"\n") } else { String::new() };
    let mut text = format!(
        "hostname = \"mail.nolog.example\"\nstate_dir = \"{folder}/state\"\ndrain_seconds = 1\n{user}{}\n\
         [tls]\ncertificates = \"{folder}/certs\"\ndefault = \"mail.nolog.example\"\n\
         [sending]\nmessages_per_hour = 1000000000\nmessages_per_day = 1000000000\nrecipients_per_hour = 1000000000\nrecipients_per_day = 1000000000\n\
         [limits]\nconnections_per_minute = 1000000\nsessions_per_network = 5000\n\
         [[backend]]\nname = \"store1\"\nimap = \"imap://127.0.0.1:{backend}\"\nlmtp = \"lmtp://127.0.0.1:{behind}\"\n{pop3}default = true\n",
        plan.nologd
    );
    let mut listen = |service: &str, address: String| {
        let _ = write!(text, "[[listen]]\nservice = \"{service}\"\naddress = \"{address}\"\ntls = \"none\"\n");
    };
    listen("imap", format!("127.0.0.1:{imap}"));
    listen("lmtp", format!("127.0.0.1:{lmtp}"));
    listen("admin", format!("unix:{folder}/admin.sock"));
    if has_pop3 {
        listen("pop3", format!("127.0.0.1:{front}"));
    }
    if plan.push {
        listen("usage", format!("unix:{folder}/usage/usage.sock"));
    }
    for (name, lines, _) in &plan.associations {
        let _ = write!(text, "[[association]]\nname = \"{name}\"\ndomains = [\"{name}.example\"]\n{lines}\n");
    }
    text
}
