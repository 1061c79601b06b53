//! `nologd check` on a machine where a start would fail, or work badly: a sentence for each, with the place and what to do. Each folder of
//! `tests/bad_start` holds `config.toml` and `expected`: all that is complained of, or (`say:`) a part of what is said, or (`silent:`) what
//! is in none of it. Lines that begin with `#!` prepare the machine:
//!
//! | | |
//! |---|---|
//! | `root` | only for tests that run as root |
//! | `folder` `file` `text` `mode` `copy` `cut` `link` | what is there |
//! | `policy FOLDER` | the built-in rules of what is kept how long, in a folder of one's own |
//! | `state PATH` | a folder of the user that nologd becomes |
//! | `certificate NAME SINCE LEFT` | valid for so many days, and for so many more |
//! | `lmtp knows ADDRESS` | a mail server that refuses everybody else |
//! | `with WORDS` | what else `check` is told |
//! | `as nobody` | a person without rights runs it |
//! | `files NUMBER` | no more open files than that |
//! | `shared` `private` | the config is in the folder for temporary files; only root may read it |
//! | `began` | it ran, by the same config, and ended |
//! | `full FOLDER` `crowded FOLDER` `roomy FOLDER` | a disk of its own, which has no octet left, or no file, or 8 MiB |
//! | `daemon` | it runs already, by the same config |
//! | `push ADDRESS OCTETS` | and was told of this mailbox, as Dovecot does it |
//!
//! A file `NAME.talk` is a server whose port is `@NAME@`: its greeting, then in each line how a command begins and what is answered.
//! `nologd.service` is what systemd has on that machine, and `doveconf` what Dovecot's program of that name prints there, in a mount namespace of
//! its own.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // helpers of tests

use crate::root;

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::sys::signal::Signal;
use nix::unistd::{Uid, User};
use nologd::demo::{Owner, Place, Process, Program};
use rcgen::{CertificateParams, KeyPair};

struct Case {
    place: Place,
    user: User,
    open: TcpListener,
    lmtp: TcpListener,
    config: PathBuf,
    files: Option<String>,
    private: bool,
    with: String,
    by_nobody: bool,
    unit: bool,
    doveconf: bool,
    daemon: bool,
    began: bool,
    /// Folders with a small disk, and what fills it.
    disks: Vec<(String, &'static str)>,
    push: Option<(String, String)>,
    servers: Vec<(String, u16)>,
}

#[test]
fn each_fault_of_a_start_gets_its_sentence() {
    try_cases(false);
}

mod as_root {
    use super::*;

    #[test]
    fn each_fault_with_the_rights_of_files_gets_its_sentence() {
        root::needed();
        try_cases(true);
    }
}

/// Those that need root, or the others.
fn try_cases(as_root: bool) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad_start");
    let mut cases: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    cases.retain(|case| orders(&fs::read_to_string(case.join("config.toml")).unwrap()).contains(&"root") == as_root);
    assert!(cases.len() >= if as_root { 5 } else { 15 }, "the folders were not found");
    let wrong: Vec<_> = cases.iter().filter_map(|case| try_case(case).err()).collect();
    assert!(wrong.is_empty(), "not as expected:\n{}", wrong.join("\n"));
}

/// How the machine is prepared for a config.
fn orders(config: &str) -> Vec<&str> {
    config.lines().filter_map(|line| line.strip_prefix("#! ")).collect()
}

fn try_case(folder: &Path) -> Result<(), String> {
    let text = fs::read_to_string(folder.join("config.toml")).unwrap();
    let expected = fs::read_to_string(folder.join("expected")).unwrap();
    let orders = orders(&text);
    let place = Place::new().unwrap();
    let name =
        if Uid::effective().is_root() { "nobody".to_owned() } else { User::from_uid(Uid::effective()).unwrap().unwrap().name };
    let listen = || TcpListener::bind("127.0.0.1:0").unwrap();
    place.make("etc", Owner::me()).unwrap();
    let config = place.path("etc/nologd.toml");
    let user = User::from_name(&name).unwrap().unwrap();
    let [unit, doveconf] = ["nologd.service", "doveconf"].map(|name| folder.join(name));
    let servers = serve_all(folder);
    let mut case = Case {
        place,
        user,
        open: listen(),
        lmtp: listen(),
        config,
        files: None,
        private: false,
        with: String::new(),
        by_nobody: false,
        unit: unit.exists(),
        doveconf: doveconf.exists(),
        daemon: false,
        began: false,
        disks: Vec::new(),
        push: None,
        servers,
    };
    orders.iter().for_each(|order| case.prepare(order));
    let ports: Vec<_> = (0..3).map(|_| case.place.port().unwrap()).collect();
    let filled = |text: &str| case.filled(text, &ports);
    fs::write(&case.config, filled(&text)).unwrap();
    let with = filled(&case.with);
    for file in [&unit, &doveconf].into_iter().filter(|file| file.exists()) {
        let name = file.file_name().unwrap().to_str().unwrap();
        fs::write(case.place.path(&format!("etc/{name}")), filled(&fs::read_to_string(file).unwrap())).unwrap();
    }
    fs::set_permissions(&case.config, Permissions::from_mode(if case.private { 0o600 } else { 0o644 })).unwrap();
    if case.began {
        let mut begun = case.start();
        begun.signal(Signal::SIGTERM);
        assert!(begun.wait(Duration::from_secs(20)).is_some(), "it did not end");
    }
    let daemon = case.daemon.then(|| case.start());
    let output = case.check(&with);
    drop(daemon);
    if case.config.parent() != Some(&case.place.path("etc")) {
        fs::remove_file(&case.config).unwrap();
    }
    let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let marked = |mark: &str| expected.lines().filter_map(|line| line.strip_prefix(mark)).map(filled).collect::<Vec<_>>();
    let (parts, absent) = (marked("say: "), marked("silent: "));
    let is_wanted = |line: &&str| !line.starts_with("say: ") && !line.starts_with("silent: ");
    let wanted: String = expected.lines().filter(is_wanted).map(|line| format!("{}\n", filled(line))).collect();
    let good = wanted.is_empty();
    let told = parts.iter().all(|part| said.contains(part)) && !absent.iter().any(|part| said.contains(part));
    let fits = complained == wanted && output.status.success() == good && told;
    // Nothing is changed by a look.
    let left = case.place.path("state/store").exists() && !(case.daemon || case.began) && !orders.contains(&"folder state/store");
    match fits && said.contains(": good: ") == good && !left {
        true => Ok(()),
        false => Err(format!("{}: {}\n{complained}{said}", folder.file_name().unwrap().to_string_lossy(), output.status)),
    }
}

impl Case {
    fn filled(&self, text: &str, ports: &[u16]) -> String {
        let port = |listener: &TcpListener| listener.local_addr().unwrap().port().to_string();
        let text = text.replace("@HERE@", &self.place.folder().display().to_string()).replace("@USER@", &self.user.name);
        let text = text.replace("@OPEN@", &port(&self.open)).replace("@LMTP@", &port(&self.lmtp));
        let own = |text: String, (name, port): &(String, u16)| text.replace(&format!("@{name}@"), &port.to_string());
        let text = self.servers.iter().fold(text, own);
        ports.iter().enumerate().fold(text, |text, (at, port)| text.replace(&format!("@PORT{}@", at + 1), &port.to_string()))
    }

    fn prepare(&mut self, order: &str) {
        let words: Vec<_> = order.split(' ').collect();
        let path = |name: &str| self.place.path(name);
        match words[..] {
            ["root"] => {}
            ["folder", name] => drop(self.place.make(name, Owner::me()).unwrap()),
            ["file", name] => fs::write(path(name), "").unwrap(),
            ["text", name, words] => {
                fs::write(path(name), words).unwrap();
                only_for(&self.user, &path(name));
            }
            ["mode", mode, name] => {
                fs::set_permissions(path(name), Permissions::from_mode(u32::from_str_radix(mode, 8).unwrap())).unwrap();
            }
            ["copy", from, to] => {
                fs::copy(path(from), path(to)).unwrap();
            }
            ["policy", name] => {
                let folder = self.place.make(name, Owner::me()).unwrap();
                let built_in = Path::new(env!("CARGO_MANIFEST_DIR")).join("policy/retention.toml");
                fs::copy(built_in, folder.join("retention.toml")).unwrap();
            }
            ["cut", name] => {
                let text = fs::read(path(name)).unwrap();
                fs::write(path(name), &text[..text.len() / 2]).unwrap();
            }
            ["link", to, name] => {
                let _ = fs::remove_file(path(name));
                symlink(to, path(name)).unwrap();
            }
            ["state", name] => drop(self.place.make(name, Owner { uid: self.user.uid, gid: self.user.gid }).unwrap()),
            ["certificate", name, since, left] => certificate(&path(&format!("certs/{name}")), name, since, left, &self.user),
            ["lmtp", "knows", address] => {
                let (listener, address) = (self.lmtp.try_clone().unwrap(), address.to_owned());
                std::thread::spawn(move || listener.incoming().flatten().for_each(|stream| lmtp(stream, &address)));
            }
            ["files", number] => self.files = Some(number.to_owned()),
            ["with", ..] => order.strip_prefix("with ").unwrap().clone_into(&mut self.with),
            ["as", "nobody"] => self.by_nobody = true,
            ["shared"] => self.config = std::env::temp_dir().join(format!("nologd-alone-{}.toml", std::process::id())),
            ["private"] => self.private = true,
            ["daemon"] => self.daemon = true,
            ["began"] => self.began = true,
            ["full", folder] => self.disks.push((folder.to_owned(), "cat /dev/zero >filler")),
            ["roomy", folder] => self.disks.push((folder.to_owned(), ":")),
            ["crowded", folder] => self.disks.push((folder.to_owned(), "for i in $(seq 99); do : >$i; done")),
            ["push", address, octets] => self.push = Some((address.to_owned(), octets.to_owned())),
            _ => panic!("what is {order:?}?"),
        }
    }

    fn check(&self, with: &str) -> Output {
        let mut line = format!("exec {} check --config {} {}", env!("CARGO_BIN_EXE_nologd"), self.config.display(), with);
        if let Some(files) = &self.files {
            line = format!("ulimit -n {files}; {line}");
        }
        if self.by_nobody {
            line = line.replacen("exec", "exec setpriv --reuid=65534 --regid=65534 --clear-groups", 1);
        }
        for (folder, fill) in &self.disks {
            let (place, disk) = (self.place.path(folder), self.place.path("disk"));
            let (place, disk) = (place.display(), disk.display());
            line = format!(
                "mkdir {disk} && mount -t tmpfs -o size=8m,nr_inodes=60 none {disk} && cp -a {place}/. {disk}/ && (cd {disk}; {fill}) 2>/dev/null; \
                 mount --bind {disk} {place} && {line}"
            );
        }
        let another = self.unit || self.doveconf || !self.disks.is_empty();
        let mut command = Command::new(if another { "unshare" } else { "sh" });
        if self.unit {
            let systemd = "/etc/systemd/system";
            let file = self.place.path("etc/nologd.service");
            line = format!("mount -t tmpfs none {systemd} && cp {} {systemd}/ && {line}", file.display());
        }
        if self.doveconf {
            let (print, program) = (self.place.path("etc/doveconf"), self.place.path("etc/doveconf.sh"));
            fs::write(&program, format!("#!/bin/sh\ncat {}\n", print.display())).unwrap();
            fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
            let (program, real, local) = (program.display(), "/usr/bin/doveconf", "/usr/local/sbin");
            line = format!(
                "if test -e {real}; then mount --bind {program} {real}; else mount -t tmpfs none {local} && cp {program} {local}/doveconf; fi \
                 && {line}"
            );
        }
        if another {
            command.args(["--mount", "sh"]);
        }
        command.args(["-c", &line]).env_remove("NOLOGD_SOCKET").output().unwrap()
    }

    /// The daemon, which has been told what there is to tell.
    fn start(&self) -> Process {
        let program = |words: &[&str]| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_nologd"));
            command.args(words).arg("--config").arg(&self.config).env_remove("NOLOGD_SOCKET");
            command
        };
        let out = self.place.path("nologd.out");
        let process = Process::start(program(&["run"]), Program::Nologd, Some(&out)).unwrap();
        let end = Instant::now() + Duration::from_secs(20);
        while !fs::read_to_string(&out).unwrap_or_default().contains("nologd: started ") {
            assert!(Instant::now() < end, "it did not start: {}", fs::read_to_string(&out).unwrap_or_default());
            std::thread::sleep(Duration::from_millis(5));
        }
        if let Some((address, octets)) = &self.push {
            assert!(program(&["mailbox", "set", address, "--storage", "default"]).output().unwrap().status.success());
            let mut socket = UnixStream::connect(self.place.path("run/usage.sock")).unwrap();
            let words = format!("H3\t2\t0\t\tquota\nB1\t{address}\nS1\tpriv/quota/storage\t{octets}\nC1\n");
            socket.write_all(words.as_bytes()).unwrap();
            let mut answer = String::new();
            BufReader::new(socket).read_line(&mut answer).unwrap();
            assert_eq!(answer, "O1\n");
        }
        process
    }
}

/// The servers of a case.
fn serve_all(folder: &Path) -> Vec<(String, u16)> {
    let mut servers = Vec::new();
    for file in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if file.extension().is_none_or(|end| end != "talk") {
            continue;
        }
        let (text, listener) = (fs::read_to_string(&file).unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
        servers.push((file.file_stem().unwrap().to_str().unwrap().to_owned(), listener.local_addr().unwrap().port()));
        std::thread::spawn(move || listener.incoming().flatten().for_each(|stream| talk(stream, &text)));
    }
    servers
}

/// One conversation; a line that is in none of the answers ends it.
fn talk(stream: TcpStream, text: &str) {
    let mut out = stream.try_clone().unwrap();
    let mut say = |words: &str| out.write_all(words.replace("\\n", "\r\n").as_bytes()).and_then(|()| out.write_all(b"\r\n"));
    let (greeting, answers) = text.split_once('\n').unwrap();
    let _ = say(greeting);
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        let answer = answers.lines().filter_map(|pair| pair.split_once(" => ")).find(|(begin, _)| line.starts_with(begin));
        if answer.is_none_or(|(_, words)| say(words).is_err()) {
            return;
        }
    }
}

/// As it should be: its key is for the daemon's user and nobody else.
fn certificate(folder: &Path, name: &str, since: &str, left: &str, reader: &User) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().cast_signed();
    let at = |days: i64, hours: i64| {
        rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs((now + (days * 24 + hours) * 3600).cast_unsigned())
    };
    let days = |text: &str| text.parse::<i64>().unwrap();
    (params.not_before, params.not_after) = (at(-days(since), 0), at(days(left), 1));
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("fullchain.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
    let file = folder.join("privkey.pem");
    fs::write(&file, key.serialize_pem()).unwrap();
    only_for(reader, &file);
}

/// Others may not read it.
fn only_for(reader: &User, file: &Path) {
    fs::set_permissions(file, Permissions::from_mode(0o640)).unwrap();
    if Uid::effective().is_root() {
        chown(file, None, Some(reader.gid.as_raw())).unwrap();
    }
}

/// One conversation, up to the recipients.
fn lmtp(stream: TcpStream, knows: &str) {
    let mut out = stream.try_clone().unwrap();
    let _ = out.write_all(b"220 here\r\n");
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        let answer = match line.split_once(':') {
            Some(("RCPT TO", to)) if to != format!("<{knows}>") => "550 5.1.1 no such mailbox\r\n",
            _ => "250 2.0.0 fine\r\n",
        };
        let _ = out.write_all(answer.as_bytes());
        if line == "QUIT" {
            return;
        }
        assert!(!line.starts_with("DATA"), "a check delivers nothing");
    }
}
