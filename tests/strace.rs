//! The whole daemon under strace through a day's work of clients: what it opens for writing, where it connects, and every byte
//! that it writes to a file or to its outputs. And its memory after the work. Needs root, for Postfix and for looking.

#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that cannot go on must say where

use crate::support;

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nix::sys::signal::Signal;
use nologd::demo::{Behind, Client, Daemon, Dovecot, Place, Ports, Postfix};
use support::{Stack, client, restart, succeed};

/// Everything that `day.py` plants. The members' own addresses are in the book, by right; their passwords are nowhere.
const MARKERS: &[&str] = &[
    "127.9.9.77",
    "7f09094d",
    "198.51.100.77",
    "bell-and-basket",
    "canary-user",
    "canary-password",
    "canary-ehlo",
    "canary-program",
    "canary-version",
    "canary-subject",
    "canary-id",
    "canary-host",
    "canary-agent",
    "canary-bcc",
    "canary-body",
    "canary-folder",
    "canary-no-folder",
    "canary-sender",
    "canary-recipient",
    "canary-no-tls",
    "+0900",
];

const CALLS: &str = "trace=open,openat,openat2,creat,mkdir,mkdirat,mknod,mknodat,rename,renameat,renameat2,link,linkat,symlink,symlinkat,\
                     truncate,write,pwrite64,writev,pwritev,pwritev2,sendto,sendmsg,sendmmsg,sendfile,splice,copy_file_range,connect,\
                     bind,execve,mmap,socket";

#[test]
fn a_day_leaves_no_marker_in_any_file_or_output() {
    let mut stack = traced();
    day(&stack, "all");
    stack.daemon.process().signal(Signal::SIGHUP);
    stack.dovecot.crash();
    day(&stack, "down");
    stack.dovecot.restart().unwrap();
    day(&stack, "all");
    // Usage is written behind; the end syncs it.
    stack.daemon.process().signal(Signal::SIGTERM);
    assert_eq!(stack.daemon.process().wait(Duration::from_secs(60)), Some(true));
    let trace = whole_trace(&stack);
    let seen = look(&stack, &trace, MARKERS);
    // If nothing was seen, nothing was proven.
    assert!(seen.opened > 0 && seen.written > 0 && seen.connected > 10 && seen.said > 2, "{seen:?}");
    let state = stack.place.path("state");
    let files = files_below(&state);
    assert!(files.len() >= 3, "{files:?}");
    for file in files {
        let name = file.display().to_string();
        assert_eq!(found_in(name.as_bytes(), MARKERS), [""; 0], "in the name of a file");
        assert_eq!(found_in(&fs::read(&file).unwrap(), MARKERS), [""; 0], "in {name}");
    }
}

/// The check above can fail: each way in which a marker might be hidden is found.
#[test]
fn a_marker_is_found_in_any_disguise() {
    let secret = "so canary-subject it is";
    let hex: String = secret.bytes().map(|byte| format!("{byte:02X}")).collect();
    for text in [secret.to_uppercase(), hex] {
        assert_eq!(found_in(text.as_bytes(), MARKERS), ["canary-subject"], "{text}");
    }
    for before in ["", "a", "ab"] {
        let text = STANDARD.encode(format!("{before}{secret}"));
        assert_eq!(found_in(text.as_bytes(), MARKERS), ["canary-subject"], "{text}");
    }
    assert_eq!(found_in(b"nologd: started listeners=4 backends=1", MARKERS), [""; 0]);
}

/// No core, and no password in the memory once the person has left: without TLS and with it, where the buffers belong to rustls.
#[test]
fn memory_after_logout_holds_no_password_and_there_is_no_core() {
    let mut stack = Stack::start();
    let mut daemon = restart(&mut stack, |config| config.replace("\"starttls\"", "\"none\""));
    let Ports { imap, submission, imaps, submissions, .. } = stack.ports();
    let wrong = STANDARD.encode("\0alice@velo.example\0canary-password");
    let right = STANDARD.encode("\0alice@velo.example\0bell-and-basket");
    for _ in 0..3 {
        let (yes, no) =
            ("a LOGIN alice@velo.example bell-and-basket\r\n", "a LOGIN \"alice@velo.example\" \"canary-password\"\r\n");
        talk(imap, &[(no, "a NO"), (yes, "a OK"), ("b LOGOUT\r\n", "b OK")]);
        talk(imap, &[("a AUTHENTICATE PLAIN\r\n", "+"), (&format!("{right}\r\n"), "a OK"), ("b LOGOUT\r\n", "b OK")]);
        talk(imap, &[("a LOGIN {18+}\r\nalice@velo.example {15+}\r\nbell-and-basket\r\n", "a OK"), ("b LOGOUT\r\n", "b OK")]);
        talk(submission, &[("EHLO x\r\n", "250 "), (&format!("AUTH PLAIN {wrong}\r\n"), "535"), ("QUIT\r\n", "221")]);
        talk(submission, &[("EHLO x\r\n", "250 "), (&format!("AUTH PLAIN {right}\r\n"), "235"), ("QUIT\r\n", "221")]);
    }
    // Few wrong ones: after ten, the account would have to wait.
    over_tls(imaps, submissions, &[(&wrong, "535"), (&right, "235")]);
    for _ in 0..5 {
        over_tls(imaps, submissions, &[(&right, "235")]);
    }
    // Whoever leaves without a word leaves the last lines in the buffers: without the wiping allocator, eight copies were found.
    let many: Vec<Client> = (0..6)
        .map(|_| {
            let mut client = Client::connect(imaps, &["imap"]).unwrap();
            client.line("greeting").unwrap();
            client.imap("LOGIN alice@velo.example bell-and-basket", "password").unwrap();
            client
        })
        .collect();
    drop(many);
    let pid = daemon.pid();
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().rev().take(3).collect::<Vec<_>>(), ["bytes", "0", "0"], "{core}");
    // The kernel gives the files of a process that is not dumpable to root, whoever it runs as.
    let owner = fs::metadata(format!("/proc/{pid}/environ")).unwrap().uid();
    let runs_as = fs::metadata(format!("/proc/{pid}")).unwrap();
    assert_eq!((owner, runs_as.uid()), (0, 65534), "the process is dumpable");
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    assert!(status.contains("Uid:\t65534\t65534\t65534\t65534\n") && status.contains("Seccomp:\t2\n"), "{status}");

    let here = in_memory(std::process::id().cast_signed(), &["bell-and-basket"]);
    assert!(!here.is_empty(), "this test's own memory has it, so it would be found");
    let end = Instant::now() + Duration::from_secs(5);
    loop {
        let left = in_memory(pid.as_raw(), &["bell-and-basket", "canary-password"]);
        if left.is_empty() {
            break;
        }
        assert!(Instant::now() < end, "left in memory:\n{}", left.join("\n"));
        std::thread::sleep(Duration::from_millis(500));
    }
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.wait(Duration::from_secs(60)), Some(true));
}

/// Nor while the person is still there: rustls opens records where they lie, and short ones that follow overwrite only the front.
#[test]
fn memory_during_a_session_holds_no_password() {
    let mut stack = Stack::start();
    let daemon = restart(&mut stack, |config| config.to_owned());
    let Ports { imaps, submissions, .. } = stack.ports();
    let right = STANDARD.encode("\0alice@velo.example\0bell-and-basket");
    let mut idle: Vec<Client> = Vec::new();
    for login in ["LOGIN alice@velo.example bell-and-basket".to_owned(), format!("AUTHENTICATE PLAIN {right}")] {
        let mut client = Client::connect(imaps, &["imap"]).unwrap();
        client.line("greeting").unwrap();
        client.imap(&login, "password").unwrap();
        client.imap("SELECT INBOX", "select").unwrap();
        client.send(b"i IDLE\r\n", "idle").unwrap();
        while !client.line("idle").unwrap().starts_with(b"+") {}
        idle.push(client);
    }
    let mut sender = Client::connect(submissions, &[]).unwrap();
    sender.smtp("", "220", "greeting").unwrap();
    sender.smtp("EHLO x\r\n", "250", "EHLO").unwrap();
    sender.smtp(&format!("AUTH PLAIN {right}\r\n"), "235", "AUTH").unwrap();
    sender.smtp("MAIL FROM:<alice@velo.example>\r\n", "250", "MAIL").unwrap();
    let here = in_memory(std::process::id().cast_signed(), &["bell-and-basket"]);
    assert!(!here.is_empty(), "this test's own memory has it, so it would be found");
    for wait in [1, 9] {
        std::thread::sleep(Duration::from_secs(wait));
        let left = in_memory(daemon.pid().as_raw(), &["bell-and-basket"]);
        assert!(left.is_empty(), "in memory during the session:\n{}", left.join("\n"));
    }
    sender.smtp("RSET\r\n", "250", "RSET").unwrap();
    for client in &mut idle {
        client.send(b"DONE\r\n", "done").unwrap();
        while !client.line("done").unwrap().starts_with(b"i OK") {}
        client.imap("NOOP", "noop").unwrap();
    }
}

/// Sends each line and reads until a line begins as told.
fn talk(port: u16, lines: &[(&str, &str)]) {
    let mut stream = BufReader::new(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap());
    stream.get_ref().set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.read_line(&mut String::new()).unwrap();
    for (line, wanted) in lines {
        stream.get_mut().write_all(line.as_bytes()).unwrap();
        loop {
            let mut answer = String::new();
            stream.read_line(&mut answer).unwrap();
            assert!(!answer.is_empty(), "closed before {wanted}");
            if answer.starts_with(wanted) {
                break;
            }
        }
    }
}

/// The same with TLS: both ways to log in to each service, and a wrong password.
fn over_tls(imaps: u16, submissions: u16, secrets: &[(&str, &str)]) {
    let imap = || {
        let mut client = Client::connect(imaps, &["imap"]).unwrap();
        client.line("greeting").unwrap();
        client
    };
    let mut client = imap();
    client.imap("LOGIN alice@velo.example bell-and-basket", "password").unwrap();
    client.imap("LOGOUT", "end").unwrap();
    for (secret, code) in secrets.iter().copied() {
        let mut client = imap();
        let taken = client.imap(&format!("AUTHENTICATE PLAIN {secret}"), "password").is_ok();
        assert_eq!(taken, code == "235");
        let _ = client.imap("LOGOUT", "end");
        let mut client = Client::connect(submissions, &[]).unwrap();
        client.smtp("", "220", "greeting").unwrap();
        client.smtp("EHLO x\r\n", "250", "EHLO").unwrap();
        client.smtp(&format!("AUTH PLAIN {secret}\r\n"), code, "AUTH").unwrap();
        client.smtp("QUIT\r\n", "221", "QUIT").unwrap();
    }
}

fn day(stack: &Stack, part: &str) {
    let Ports { imaps, imap, submissions, .. } = stack.ports();
    let mut python = client("python3", "python3");
    python.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/day/day.py")).arg(part);
    python.env("PYTHONDONTWRITEBYTECODE", "1").env("CERTIFICATE", stack.certificate());
    python.env("IMAPS", imaps.to_string()).env("IMAP", imap.to_string()).env("SUBMISSIONS", submissions.to_string());
    succeed(&mut python);
}

/// As [`Stack::start`], with strace between us and nologd. `-D` leaves nologd our own child, so that signals reach it.
pub fn traced() -> Stack {
    client("strace", "strace");
    let place = Place::new().unwrap();
    let dovecot = Dovecot::start(&place, "dovecot").unwrap();
    let postfix = Postfix::start(&place, dovecot.lmtp()).unwrap();
    let behind = Behind { name: "store1", imap: dovecot.imap(), lmtp: dovecot.lmtp(), relay: postfix.smtp() };
    let script = format!(
        "#!/bin/sh\nexec strace -D -f -yy -s 1000000 -o {} -e {CALLS} {} \"$@\"\n",
        place.path("trace").display(),
        env!("CARGO_BIN_EXE_nologd")
    );
    let program = place.write("traced", script.as_bytes()).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let ports = Ports::any(&place).unwrap();
    let daemon = Daemon::start(&place, &program, ports, &[behind], &[])
        .unwrap_or_else(|trouble| panic!("{trouble}\n{}", fs::read_to_string(place.path("nologd.out")).unwrap_or_default()));
    Stack { daemon, postfix, dovecot, place }
}

/// strace writes its last lines after the end of what it looks at.
pub fn whole_trace(stack: &Stack) -> String {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let trace = String::from_utf8_lossy(&fs::read(stack.place.path("trace")).unwrap()).into_owned();
        if trace.trim_end().ends_with("+++ exited with 0 +++") {
            return trace;
        }
        assert!(Instant::now() < end, "the trace has no end");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[derive(Debug, Default)]
pub struct Seen {
    pub opened: usize,
    pub written: usize,
    pub said: usize,
    pub connected: usize,
}

/// What it did, and that none of `markers` is in what it wrote.
pub fn look(stack: &Stack, trace: &str, markers: &[&str]) -> Seen {
    let (state, output) = (stack.place.path("state").display().to_string(), stack.daemon.output().display().to_string());
    let mut seen = Seen::default();
    let mut executed = 0;
    for line in calls(trace) {
        let (_, call) = line.split_once(' ').unwrap();
        let call = call.trim_start();
        let name = call.split('(').next().unwrap();
        let failed = call.contains(") = -1 ");
        match name {
            "open" | "openat" | "openat2" | "creat" => {
                let writes =
                    ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC"].iter().any(|flag| call.contains(flag)) || name == "creat";
                if writes && !failed {
                    assert!(call.contains(&format!("\"{state}/")), "opened for writing: {call}");
                    seen.opened += 1;
                }
            }
            "mkdir" | "mkdirat" | "rename" | "renameat" | "renameat2" | "link" | "linkat" | "symlink" | "symlinkat"
            | "truncate" | "mknod" | "mknodat" => assert!(failed || call.contains(&format!("\"{state}")), "{call}"),
            "mmap" => assert!(!(call.contains("MAP_SHARED") && call.contains("PROT_WRITE") && call.contains('<')), "{call}"),
            // Over TCP everything passes; that is what it is for.
            "sendfile" | "splice" | "copy_file_range" => panic!("{call}"),
            "connect" => {
                if call.contains("/nscd/socket\"") {
                    // Who is the user of the config? Asked before root is given up.
                    assert_eq!(seen.connected, 0, "{call}");
                    continue;
                }
                let ports = [stack.dovecot.imap(), stack.postfix.smtp(), stack.dovecot.lmtp()];
                let allowed = ports.iter().any(|port| call.contains(&format!("sin_port=htons({port})")));
                assert!(allowed && call.contains("inet_addr(\"127.0.0.1\")"), "{call}");
                seen.connected += 1;
            }
            "execve" => executed += 1,
            "socket" => assert!(!call.contains("SOCK_DGRAM"), "{call}"),
            "bind" | "unfinished" => {}
            _ => {
                let target = call.split('<').nth(1).unwrap_or_default();
                if ["TCP:", "TCPv6:", "UNIX-STREAM:", "UNIX:", "anon_inode:"].iter().any(|kind| target.starts_with(kind)) {
                    continue;
                }
                let file = target.split('>').next().unwrap();
                assert!(file == output || file.starts_with(&format!("{state}/")), "written to {file}: {name}");
                assert_eq!(found_in(call.as_bytes(), markers), [""; 0], "written to {file}");
                if file == output { seen.said += 1 } else { seen.written += 1 }
            }
        }
    }
    assert_eq!(executed, 1, "only its own start");
    seen
}

/// One line for each call: strace divides those that another thread's call interrupts.
fn calls(trace: &str) -> Vec<String> {
    let mut begun = std::collections::HashMap::new();
    let mut whole = Vec::new();
    for line in trace.lines() {
        let thread = line.split(' ').next().unwrap().to_owned();
        if let Some(start) = line.strip_suffix(" <unfinished ...>") {
            begun.insert(thread, start.to_owned());
        } else if let Some((_, rest)) = line.split_once(" resumed>") {
            let start: String = begun.remove(&thread).unwrap_or_else(|| panic!("resumed without a begin: {line}"));
            whole.push(start + rest);
        } else if !line.contains("+++ ") && !line.contains("--- SIG") {
            whole.push(line.to_owned());
        }
    }
    // What was begun and never came back was still asked for.
    whole.extend(begun.into_values());
    whole
}

/// Which of `markers` are in `bytes`: plain in any case, in hexadecimal, and in base64 at each of the three places where it can begin.
pub fn found_in<'a>(bytes: &[u8], markers: &[&'a str]) -> Vec<&'a str> {
    let lower = bytes.to_ascii_lowercase();
    let is_in = |haystack: &[u8], needle: &[u8]| memchr::memmem::find(haystack, needle).is_some();
    let hidden = |marker: &&'_ str| {
        let hex: String = marker.bytes().map(|byte| format!("{byte:02x}")).collect();
        let base64 = (0..3).any(|shift| {
            let text = STANDARD.encode([&b"\0\0\0"[..shift], marker.as_bytes()].concat());
            // The first and the last letters depend on what stands beside the marker.
            let length = (marker.len() + shift) * 8 / 6;
            let inner = &text[(shift * 8).div_ceil(6)..length];
            inner.len() >= 6 && is_in(bytes, inner.as_bytes())
        });
        is_in(&lower, marker.to_lowercase().as_bytes()) || is_in(&lower, hex.as_bytes()) || base64
    };
    markers.iter().copied().filter(hidden).collect()
}

pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files_below(&path)) } else { found.push(path) }
    }
    found
}

/// Where `secrets` stand in the writable memory of a process, with what is beside them. The program's own constants (the demo
/// knows its members) are in memory that cannot be written.
pub fn in_memory(pid: i32, secrets: &[&str]) -> Vec<String> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let memory = File::open(format!("/proc/{pid}/mem")).unwrap();
    let mut found = Vec::new();
    for line in maps.lines().filter(|line| line.split(' ').nth(1).is_some_and(|rights| rights.starts_with("rw"))) {
        let (start, end) = line.split(' ').next().unwrap().split_once('-').unwrap();
        let (start, end) = (u64::from_str_radix(start, 16).unwrap(), u64::from_str_radix(end, 16).unwrap());
        let mut bytes = vec![0; (end - start) as usize];
        if memory.read_exact_at(&mut bytes, start).is_err() {
            continue;
        }
        for secret in secrets {
            let encoded = STANDARD.encode(format!("\0alice@velo.example\0{secret}"));
            for needle in [secret.as_bytes(), encoded.as_bytes()] {
                for at in memchr::memmem::find_iter(&bytes, needle) {
                    let around = &bytes[at.saturating_sub(48)..(at + needle.len() + 16).min(bytes.len())];
                    found.push(format!("{:x} in {line}: {}", start + at as u64, around.escape_ascii()));
                }
            }
        }
    }
    found
}
