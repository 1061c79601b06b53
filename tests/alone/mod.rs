//! nologd alone: the real program with its admin socket in a temporary folder, and no mail server behind it.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)] // helpers of tests; every test file uses its own part of them

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::unistd::{Uid, User};
use nologd::demo::{Owner, Place, Process, Program};
use serde_json::{Value, json};

pub struct House {
    daemon: Option<Process>,
    pub place: Place,
}

/// What a command ended with.
pub struct Said {
    pub code: i32,
    pub out: String,
    pub errors: String,
}

impl House {
    /// A running daemon. `more` is added to its config; `@FOLDER@` in it is its folder, in which it may change things below `run` only.
    pub fn start(more: &str) -> House {
        let place = Place::new().unwrap_or_else(|trouble| panic!("{trouble}"));
        let (user, owner) = match Uid::effective().is_root() {
            true => {
                let nobody = User::from_name("nobody").unwrap().unwrap();
                ("user = \"nobody\"\n", Owner { uid: nobody.uid, gid: nobody.gid })
            }
            false => ("", Owner::me()),
        };
        place.make("state", owner).unwrap_or_else(|trouble| panic!("{trouble}"));
        place.make("run", owner).unwrap_or_else(|trouble| panic!("{trouble}"));
        let folder = place.folder().display();
        let more = more.replace("@FOLDER@", &folder.to_string());
        let config = format!(
            "hostname = \"mail.nolog.example\"\nstate_dir = \"{folder}/state\"\n{user}drain_seconds = 5\n\
             [[listen]]\nservice = \"admin\"\naddress = \"unix:{folder}/admin.sock\"\ntls = \"none\"\n{more}"
        );
        place.write("nologd.toml", config.as_bytes()).unwrap_or_else(|trouble| panic!("{trouble}"));
        let mut house = House { daemon: None, place };
        house.up();
        house
    }

    pub fn config(&self) -> PathBuf {
        self.place.path("nologd.toml")
    }

    pub fn socket(&self) -> PathBuf {
        self.place.path("admin.sock")
    }

    /// Starts the daemon again.
    pub fn up(&mut self) {
        let starts = |house: &House| house.output().matches("nologd: started ").count();
        let before = starts(self);
        let mut command = Command::new(env!("CARGO_BIN_EXE_nologd"));
        command.arg("run").arg("--config").arg(self.config());
        let mut daemon = Process::start(command, Program::Nologd, Some(&self.place.path("nologd.out"))).unwrap();
        let end = Instant::now() + Duration::from_secs(30);
        // Its socket is there earlier, but before it has said so, SIGTERM ends it at once.
        while UnixStream::connect(self.socket()).is_err() || starts(self) <= before {
            assert!(daemon.ended().is_none() && Instant::now() < end, "not started: {}", self.output());
            std::thread::sleep(Duration::from_millis(20));
        }
        self.daemon = Some(daemon);
    }

    /// Stops it with `signal`.
    pub fn down(&mut self, signal: Signal) {
        let mut daemon = self.daemon.take().unwrap();
        daemon.signal(signal);
        let ended = daemon.wait(Duration::from_secs(30)).expect("it did not end");
        assert_eq!(ended, signal != Signal::SIGKILL, "{}", self.output());
    }

    /// Changes the config file, and waits until it is in force.
    pub fn reload(&mut self, change: impl Fn(String) -> String) {
        let reloads = |house: &House| house.output().matches("nologd: reloaded ").count();
        let (before, old) = (reloads(self), fs::read_to_string(self.config()).unwrap());
        let new = change(old.clone());
        assert_ne!(new, old, "nothing is changed");
        self.place.write("nologd.toml", new.as_bytes()).unwrap_or_else(|trouble| panic!("{trouble}"));
        self.daemon.as_ref().unwrap().signal(Signal::SIGHUP);
        let end = Instant::now() + Duration::from_secs(30);
        while reloads(self) <= before {
            assert!(Instant::now() < end, "not reloaded: {}", self.output());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What it has in memory, in octets.
    pub fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.daemon.as_ref().unwrap().pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim_end_matches("kB").trim().parse::<u64>().unwrap() << 10
    }

    /// How long it had a processor, in all its threads.
    pub fn processor_time(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.daemon.as_ref().unwrap().pid())).unwrap();
        // Behind the name, which may have anything in it (proc(5)): utime and stime, in hundredths of a second.
        let fields: Vec<_> = stat.rsplit(") ").next().unwrap().split(' ').collect();
        Duration::from_millis(fields[11..13].iter().map(|ticks| ticks.parse::<u64>().unwrap() * 10).sum())
    }

    /// What it wrote.
    pub fn output(&self) -> String {
        fs::read_to_string(self.place.path("nologd.out")).unwrap_or_default()
    }

    /// Runs `nologd` with `line`, cut at spaces, and with the socket in its environment.
    pub fn nologd(&self, line: &str) -> Said {
        let mut command = self.command(Path::new(env!("CARGO_BIN_EXE_nologd")), line);
        said(command.output().unwrap())
    }

    /// The same, not run yet.
    pub fn command(&self, program: &Path, line: &str) -> Command {
        let mut command = Command::new(program);
        command.args(line.split(' ')).env("NOLOGD_SOCKET", self.socket());
        command
    }

    /// Runs a command that must be done.
    pub fn done(&self, line: &str) -> String {
        let said = self.nologd(line);
        assert!(said.code == 0 && said.errors.is_empty(), "{line}: {} {}{}", said.code, said.out, said.errors);
        said.out
    }

    /// The same, as JSON.
    pub fn json(&self, line: &str) -> Value {
        serde_json::from_str(&self.done(&format!("{line} --json"))).unwrap()
    }

    /// Runs a command on the files, which takes the config.
    pub fn offline(&self, line: &str) -> Said {
        self.nologd(&format!("{line} --config {}", self.config().display()))
    }

    /// Takes the daemon down and up, and lets it find `usage` (address, octets, messages) in its store.
    pub fn with_usage(&mut self, usage: &[(&str, u64, u64)]) {
        self.down(Signal::SIGTERM);
        let export = self.offline("store export");
        let mut document: Value = serde_json::from_str(&export.out).unwrap();
        for (address, octets, messages) in usage {
            document["usage"][format!("usage/{address}")] = json!({ "octets": octets, "messages": messages, "level": 0 });
        }
        self.place.write("export.json", document.to_string().as_bytes()).unwrap_or_else(|trouble| panic!("{trouble}"));
        fs::remove_dir_all(self.place.path("state/store")).unwrap();
        let import = self.offline(&format!("store import {}", self.place.path("export.json").display()));
        assert_eq!(import.code, 0, "{}", import.errors);
        self.up();
    }
}

impl Drop for House {
    /// Whatever the test did: nologd wrote lines of words and numbers, and nothing about a person.
    fn drop(&mut self) {
        let output = self.output();
        let clean = output.lines().all(|line| line.starts_with("nologd: ") && !line.contains(['@', '<', '/']));
        assert!(std::thread::panicking() || clean && !output.contains("velo"), "nologd wrote what it must not:\n{output}");
    }
}

pub fn said(output: Output) -> Said {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code().unwrap_or(-1), out: text(output.stdout), errors: text(output.stderr) }
}
