//! The real program in front of scripted backends: its config, its folders, its start and end.

#![allow(dead_code)] // every test file uses its own part of this

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use nix::unistd::{Uid, User};
use nologd::demo::{CERTIFICATE, Owner, Place, Ports, Process, Program};

use super::wire::KEY;

/// What differs from test to test.
#[derive(Clone)]
pub struct Settings {
    /// Port of the IMAP backend.
    pub imap: u16,
    /// Of the relay: `smtp://127.0.0.1:PORT`, or with STARTTLS.
    pub relay: String,
    /// Who judges passwords at submission: `imap` or `relay`.
    pub auth: &'static str,
    /// Lines of `[limits]`.
    pub limits: String,
    /// Replacements in the built-in header policy.
    pub policy: Vec<(&'static str, &'static str)>,
    /// The key of Message-IDs, where it has to be known.
    pub key: Option<[u8; 32]>,
    pub env: Vec<(&'static str, String)>,
    /// A socket for admins, `admin.sock` in its folder.
    pub admin: bool,
    /// More listeners, as they stand in the file.
    pub listens: String,
    /// More lines of the backend.
    pub backend: String,
    /// ManageSieve: the port behind, and a port of ours with TLS from the first byte.
    pub sieve: Option<[u16; 2]>,
    /// How many files it may open.
    pub files: Option<u64>,
}

impl Settings {
    pub fn new(imap: u16, relay: u16) -> Settings {
        let relay = format!("smtp://127.0.0.1:{relay}");
        let (limits, policy, env) = (String::new(), Vec::new(), Vec::new());
        let (listens, backend) = (String::new(), String::new());
        Settings {
            imap,
            relay,
            auth: "imap",
            limits,
            policy,
            key: None,
            env,
            admin: false,
            listens,
            backend,
            sieve: None,
            files: None,
        }
    }
}

/// A running nologd. The process goes first, then its folder.
pub struct House {
    pub process: Process,
    pub ports: Ports,
    pub place: Place,
}

impl House {
    pub fn start(settings: &Settings) -> House {
        let place = Place::new().unwrap_or_else(|trouble| panic!("{trouble}"));
        let ports = Ports::any(&place).unwrap_or_else(|trouble| panic!("{trouble}"));
        let (user, owner) = unprivileged();
        for folder in ["state", "tmp", "cwd"] {
            place.make(folder, owner).unwrap();
        }
        place.make("certs/mail.nolog.example", Owner::me()).unwrap();
        place.write("certs/mail.nolog.example/fullchain.pem", CERTIFICATE).unwrap();
        place.write("certs/mail.nolog.example/privkey.pem", KEY).unwrap();
        if let Some(key) = settings.key {
            place.write("state/message-id.key", &key).unwrap();
        }
        if !settings.policy.is_empty() {
            place.make("policy", Owner::me()).unwrap();
            place.write("policy/headers.toml", policy(&settings.policy).as_bytes()).unwrap();
        }
        let config = place.write("nologd.toml", config(place.folder(), user, ports, settings).as_bytes()).unwrap();
        let mut command = match settings.files {
            None => Command::new(env!("CARGO_BIN_EXE_nologd")),
            Some(most) => {
                let mut command = Command::new("prlimit");
                command.arg(format!("--nofile={most}:{most}")).arg(env!("CARGO_BIN_EXE_nologd"));
                command
            }
        };
        command.arg("run").arg("--config").arg(&config).current_dir(place.path("cwd")).env("TMPDIR", place.path("tmp"));
        command.envs(settings.env.iter().map(|(name, value)| (name, value)));
        let process = Process::start(command, Program::Nologd, Some(&place.path("nologd.out"))).unwrap();
        let mut house = House { process, ports, place };
        house.wait_for("nologd: started ");
        house
    }

    /// All that it wrote to standard output and standard error.
    pub fn said(&self) -> String {
        fs::read_to_string(self.place.path("nologd.out")).unwrap_or_default()
    }

    /// Waits until it has said `words`.
    pub fn wait_for(&mut self, words: &str) {
        let end = Instant::now() + Duration::from_secs(20);
        while !self.said().contains(words) {
            let gone = self.process.ended().is_some();
            assert!(!gone && Instant::now() < end, "nologd did not say {words:?}, but:\n{}", self.said());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// What `nologd` answers to `words`, asked over the socket for admins.
    pub fn ask(&self, words: &str) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nologd"));
        let output = command.args(words.split(' ')).arg("--socket").arg(self.place.path("admin.sock")).output().unwrap();
        assert!(output.status.success(), "{words}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Resident memory, in KiB.
    pub fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

/// Who nologd becomes where the test runs as root, and who must own its folders.
fn unprivileged() -> (&'static str, Owner) {
    if !Uid::effective().is_root() {
        return ("", Owner::me());
    }
    let nobody = User::from_name("nobody").unwrap().unwrap();
    ("nobody", Owner { uid: nobody.uid, gid: nobody.gid })
}

fn policy(replacements: &[(&str, &str)]) -> String {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("policy/headers.toml");
    replacements.iter().fold(fs::read_to_string(file).unwrap(), |text, (from, to)| {
        assert!(text.contains(from), "{from} is not in the built-in policy");
        text.replace(from, to)
    })
}

fn config(folder: &Path, user: &str, ports: Ports, settings: &Settings) -> String {
    let folder = folder.display();
    let user = if user.is_empty() { String::new() } else { format!("user = \"{user}\"\n") };
    let Settings { imap, relay, auth, limits, backend, listens: more, .. } = settings;
    let policy = match settings.policy.is_empty() {
        true => String::new(),
        false => format!("[policy]\ndirectory = \"{folder}/policy\"\nallow_loosened = true\n"),
    };
    let admin = match settings.admin {
        true => format!("[[listen]]\nservice = \"admin\"\naddress = \"unix:{folder}/admin.sock\"\ntls = \"none\"\n"),
        false => String::new(),
    };
    let listens = [
        ("imap", ports.imaps, "implicit"),
        ("imap", ports.imap, "starttls"),
        ("submission", ports.submissions, "implicit"),
        ("submission", ports.submission, "starttls"),
    ];
    let listen =
        |(service, port, tls)| format!("[[listen]]\nservice = \"{service}\"\naddress = \"127.0.0.1:{port}\"\ntls = \"{tls}\"\n");
    let sieves = settings.sieve.map(|[_, port]| listen(("sieve", port, "implicit"))).unwrap_or_default();
    let behind = settings.sieve.map(|[port, _]| format!("sieve = \"sieve://127.0.0.1:{port}\"\n")).unwrap_or_default();
    let listens = listens.map(listen);
    format!(
        "hostname = \"mail.nolog.example\"\nstate_dir = \"{folder}/state\"\ndrain_seconds = 1\n{user}\
         [tls]\ncertificates = \"{folder}/certs\"\ndefault = \"mail.nolog.example\"\n\
         backend_authorities = \"{folder}/certs/mail.nolog.example/fullchain.pem\"\n\
         {}{sieves}{more}{admin}{policy}[limits]\n{limits}\n\
         [[backend]]\nname = \"store1\"\nimap = \"imap://127.0.0.1:{imap}\"\nrelay = \"{relay}\"\nauth = \"{auth}\"\n{behind}{backend}\
         [[association]]\nname = \"asso\"\ndomains = [\"asso.example\"]\n",
        listens.concat()
    )
}
