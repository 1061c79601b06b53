//! What the interop tests stand on: a real Dovecot, a real Postfix and nologd in one temporary folder, and clients to run.

#![allow(dead_code)] // every test file uses its own part of this

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nologd::demo::{Behind, Daemon, Dovecot, MEMBERS, Member, Owner, Place, Ports, Postfix, Process, Program};

/// All the servers of one test. Fields are dropped from top to bottom: the place goes last.
pub struct Stack {
    pub daemon: Daemon,
    pub postfix: Postfix,
    pub dovecot: Dovecot,
    pub place: Place,
}

impl Stack {
    /// nologd in front of one Dovecot and one Postfix.
    pub fn start() -> Stack {
        let place = Place::new().unwrap_or_else(|trouble| panic!("{trouble}"));
        let dovecot = Dovecot::start(&place, "dovecot").unwrap_or_else(|trouble| panic!("{trouble}"));
        let postfix = Postfix::start(&place, dovecot.lmtp()).unwrap_or_else(|trouble| panic!("{trouble}"));
        let behind = Behind { name: "store1", imap: dovecot.imap(), lmtp: dovecot.lmtp(), relay: postfix.smtp() };
        let daemon = start_daemon(&place, &[behind], &[]);
        Stack { daemon, postfix, dovecot, place }
    }

    pub fn ports(&self) -> Ports {
        self.daemon.ports()
    }

    /// The example certificate, as a file that clients can be told to trust.
    pub fn certificate(&self) -> PathBuf {
        self.place.path("certs/mail.nolog.example/fullchain.pem")
    }

    /// Runs a Python script of `tests/interop` with the ports and the certificate in its environment.
    pub fn python(&self, script: &str) -> String {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop").join(script);
        let mut command = client("python3", "python3");
        command.arg(file).env("PYTHONDONTWRITEBYTECODE", "1");
        self.describe(&mut command);
        succeed(&mut command)
    }

    fn describe(&self, command: &mut Command) {
        let Ports { imaps, imap, submissions, submission, .. } = self.ports();
        command
            .env("IMAPS", imaps.to_string())
            .env("IMAP", imap.to_string())
            .env("SUBMISSIONS", submissions.to_string())
            .env("SUBMISSION", submission.to_string())
            .env("DIRECT_IMAP", self.dovecot.imap().to_string())
            .env("DIRECT_SMTP", self.postfix.smtp().to_string())
            .env("CERTIFICATE", self.certificate())
            .env("PLACE", self.place.folder());
    }

    /// Waits until the Maildir folder of `member` holds `count` messages, and returns them. `folder` is empty for the inbox.
    pub fn messages(&self, member: &Member, folder: &str, count: usize) -> Vec<Vec<u8>> {
        let mut maildir = self.dovecot.maildir(member.address);
        if !folder.is_empty() {
            maildir.push(format!(".{folder}"));
        }
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            let found = mail_files(&maildir);
            if found.len() >= count {
                return found.iter().map(|file| fs::read(file).unwrap()).collect();
            }
            assert!(Instant::now() < end, "{} of {count} messages arrived for {}", found.len(), member.address);
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Stack {
    /// Whatever the test did: nologd wrote lines of words and numbers, and nothing about a person or a connection.
    fn drop(&mut self) {
        let said = fs::read_to_string(self.daemon.output()).unwrap_or_default();
        let clean = said.lines().all(|line| line.starts_with("nologd: ") && !line.contains(['@', '<', '[']));
        let told = ["canary", "alice", "velo", "127.0.0.1"].iter().find(|word| said.contains(*word));
        assert!(std::thread::panicking() || clean && told.is_none(), "nologd wrote what it must not:\n{said}");
    }
}

/// Starts nologd; when it does not start, what it said is shown.
pub fn start_daemon(place: &Place, behind: &[Behind], more: &[(&str, &str)]) -> Daemon {
    let ports = Ports::any(place).unwrap_or_else(|trouble| panic!("{trouble}"));
    start_daemon_at(place, ports, behind, more)
}

/// The same at ports that others know already.
pub fn start_daemon_at(place: &Place, ports: Ports, behind: &[Behind], more: &[(&str, &str)]) -> Daemon {
    let program = Path::new(env!("CARGO_BIN_EXE_nologd"));
    Daemon::start(place, program, ports, behind, more).unwrap_or_else(|trouble| {
        let said = fs::read_to_string(place.path("nologd.out")).unwrap_or_default();
        panic!("{trouble}\n{said}")
    })
}

/// Stops nologd and starts it again with the config changed as told. The process goes before the stack: drop it first.
pub fn restart(stack: &mut Stack, change: impl Fn(String) -> String) -> Process {
    // Before it has said so, SIGTERM ends it at once.
    let begin = Instant::now();
    while !fs::read_to_string(stack.daemon.output()).unwrap().contains("nologd: started") {
        assert!(begin.elapsed() < Duration::from_secs(30), "nologd did not start");
        std::thread::sleep(Duration::from_millis(20));
    }
    stack.daemon.process().signal(Signal::SIGTERM);
    assert_eq!(stack.daemon.process().wait(Duration::from_secs(60)), Some(true));
    let config = change(fs::read_to_string(stack.daemon.config()).unwrap());
    stack.place.write("nologd.toml", config.as_bytes()).unwrap_or_else(|trouble| panic!("{trouble}"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_nologd"));
    command.arg("run").arg("--config").arg(stack.daemon.config());
    let started = Process::start(command, Program::Nologd, Some(stack.daemon.output())).and_then(|mut process| {
        process.listening(Program::Nologd, stack.ports().submission)?;
        Ok(process)
    });
    started.unwrap_or_else(|trouble| panic!("{trouble}\n{}", fs::read_to_string(stack.daemon.output()).unwrap_or_default()))
}

/// A client program, or a clear sentence about the package that it comes in.
pub fn client(program: &str, package: &str) -> Command {
    let found = std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).exists()));
    assert!(found, "{program} is not installed: apt install {package}");
    let mut command = Command::new(program);
    command.stdin(Stdio::null());
    command
}

/// The file of axe-core, by which each page of a story is looked at: where `make axe` puts it, which `make test` does, or what `AXE` names. Where
/// it is not there, `contact_story::axe_core_looks_at_the_pages` fails, or is skipped by its name.
pub fn axe() -> PathBuf {
    let fetched = || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/axe/package/axe.min.js");
    std::env::var_os("AXE").map_or_else(fetched, PathBuf::from)
}

/// What `story` prints. In the middle of it, when it asks for it by a file, the daemon goes down and comes up again; it is ended behind it.
pub fn with_a_restart(stack: &Stack, process: Process, port: u16, mut story: Command) -> String {
    let told = std::thread::spawn(move || succeed(&mut story));
    let wanted = stack.place.path("restart-wanted");
    while !wanted.exists() && !told.is_finished() {
        std::thread::sleep(Duration::from_millis(100));
    }
    let end = |mut process: Process| {
        process.signal(Signal::SIGTERM);
        assert_eq!(process.wait(Duration::from_secs(60)), Some(true));
    };
    if !wanted.exists() {
        told.join().unwrap();
        panic!("the story wants no restart any more");
    }
    end(process);
    let mut command = Command::new(env!("CARGO_BIN_EXE_nologd"));
    command.arg("run").arg("--config").arg(stack.daemon.config());
    let again = Process::start(command, Program::Nologd, Some(stack.daemon.output()));
    let mut process = again.unwrap_or_else(|trouble| panic!("{trouble}"));
    process.listening(Program::Nologd, port).unwrap_or_else(|trouble| panic!("{trouble}"));
    stack.place.write("restarted", b"").unwrap_or_else(|trouble| panic!("{trouble}"));
    let told = told.join().unwrap();
    end(process);
    told
}

/// Runs to a good end, and returns standard output.
pub fn succeed(command: &mut Command) -> String {
    let output = run(command);
    let (out, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{:?}: {}\n{out}\n{errors}", command.get_program(), output.status);
    out.into_owned()
}

/// Runs and returns both outputs as one text, whatever the end.
pub fn run_any(command: &mut Command) -> (bool, String) {
    let output = run(command);
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

fn run(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{:?}: {error}", command.get_program()))
}

/// The messages of one Maildir folder.
pub fn mail_files(maildir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in ["cur", "new"] {
        for entry in fs::read_dir(maildir.join(folder)).into_iter().flatten().flatten() {
            found.push(entry.path());
        }
    }
    found.sort();
    found
}

/// Fetches Alice's mail with mpop, over TLS with the certificate checked, into the folder `mpop` of `place`: how many letters are there then.
pub fn fetch_by_mpop(place: &Place, port: u16, certificate: &Path, keep: &str) -> usize {
    ["", "/cur", "/new", "/tmp"].iter().for_each(|part| drop(place.make(&format!("mpop{part}"), Owner::me()).unwrap()));
    let secret = place.write("password", format!("{}\n", MEMBERS[0].password).as_bytes()).unwrap();
    let mut mpop = client("mpop", "mpop");
    mpop.env("HOME", place.folder());
    mpop.args(["--file=/dev/null", "--host=127.0.0.1", "--tls=on", "--tls-starttls=off", "--auth=plain"]);
    mpop.arg(format!("--port={port}")).arg(format!("--user={}", MEMBERS[0].address));
    mpop.arg(format!("--tls-trust-file={}", certificate.display())).arg(format!("--passwordeval=cat {}", secret.display()));
    mpop.arg(format!("--delivery=maildir,{}", place.path("mpop").display()));
    succeed(mpop.arg(format!("--uidls-file={}", place.path("uidls").display())).arg(format!("--keep={keep}")));
    mail_files(&place.path("mpop")).len()
}
