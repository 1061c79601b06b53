//! The kernel refuses what the policy does not grant, seen from inside the real program; and what must still work, does.
//! As root it shows most: an ordinary user may do little of it anyway.

#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that cannot go on must say where

use crate::{root, support};

use std::fs;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::libc;
use nix::sys::signal::Signal;
use nologd::demo::{Client, MEMBERS, Owner, Place};
use nologd::policy::sandbox::{BUILT_IN, RuleEffect, Sandbox, Servers};
use nologd::policy::syscalls::How;
use nologd::sandbox::{Plan, Probe, call_programs};
use support::{Stack, client, restart, run_any, succeed};

const REFUSED: usize = Probe::ALL.len();

/// A config in `place`, and what `nologd check --sandbox` says about it: whether all was refused, and the words.
fn check(place: &Place, user: &str, more: &str) -> (bool, String) {
    place.make("state", Owner::me()).unwrap();
    place.make("etc", Owner::me()).unwrap();
    let text = format!(
        "hostname = \"mail.nolog.example\"\nstate_dir = \"{}\"\nuser = \"{user}\"\n{more}\n\
         [[listen]]\nservice = \"imap\"\naddress = \"127.0.0.1:1143\"\ntls = \"none\"\n\
         [[backend]]\nname = \"one\"\nimap = \"imap://127.0.0.1:10143\"\n",
        place.path("state").display()
    );
    let config = place.write("etc/nologd.toml", text.as_bytes()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_nologd"));
    run_any(command.args(["check", "--file-only", "--sandbox"]).arg("--config").arg(config))
}

#[test]
fn everything_that_is_tried_from_inside_is_refused() {
    all_is_refused_to("nobody");
}

fn all_is_refused_to(user: &str) {
    let place = Place::new().unwrap();
    let (good, text) = check(&place, user, "sandbox = \"required\"");
    assert!(good && text.matches("\nrefused: ").count() == REFUSED, "{user}:\n{text}");
    assert!(!text.contains("POSSIBLE"), "{user}:\n{text}");
}

/// A mail server on a Unix socket needs that such sockets can be made. Abstract ones are out of reach all the same; and those of the
/// machine's services, from Linux 7.1 on. Before that, it is told twice.
#[test]
fn with_a_server_on_a_unix_socket_the_others_are_told() {
    let name = SocketAddr::from_abstract_name(b"nologd-self-check-of-the-sandbox").unwrap();
    let _listener = UnixListener::bind_addr(&name).unwrap();
    let place = Place::new().unwrap();
    let second =
        "[[backend]]\nname = \"two\"\nimap = \"imap://127.0.0.1:10143\"\nlmtp = \"unix:/run/dovecot/lmtp\"\ndefault = true\n";
    let (good, text) = check(&place, "nobody", second);
    assert!(text.contains("refused: use a Unix socket that has no path"), "{text}");
    let told = text.contains("not enforced: the kernel's Landlock cannot tell a mail server's Unix socket");
    let possible: Vec<_> = text.lines().filter(|line| line.starts_with("POSSIBLE")).collect();
    // Whether one of those is here, and open to everybody, is this machine's.
    let only = possible.iter().all(|line| *line == "POSSIBLE: connect to a socket of the machine's services");
    assert!(only && good == possible.is_empty() && (told || good), "{text}");
}

/// Questions about names need more kinds of sockets, and nothing else is possible by it.
#[test]
fn with_names_everything_else_is_still_refused() {
    let place = Place::new().unwrap();
    let second = "[[backend]]\nname = \"two\"\nimap = \"imaps://mail.example:993\"\ndefault = true\n";
    let (good, text) = check(&place, "nobody", second);
    assert!(good && text.matches("\nrefused: ").count() == REFUSED, "{text}");
}

mod as_root {
    use super::*;

    #[test]
    fn everything_that_is_tried_from_inside_is_refused_to_root_too() {
        root::needed();
        all_is_refused_to("root");
    }

    /// The attempts are real: with a policy that allows all, root can do them. It has to be asked for, and is told.
    #[test]
    fn a_loosened_policy_is_refused_unless_allowed_and_then_everything_is_possible() {
        root::needed();
        let place = Place::new().unwrap();
        place.make("policy", Owner::me()).unwrap();
        let rule = |name: &str, what: &str| format!("[[rule]]\nname = \"{name}\"\nreason = \"A test.\"\n{what}\n");
        let sockets = "sockets = [\"inet-stream\", \"inet6-stream\", \"unix-stream\", \"unix-datagram\"]";
        let options = "options = [\"tcp-nodelay\", \"tcp-quickack\"]";
        let grants = [("all", "write = [\"/\"]"), ("anywhere", "connect = [\"any\"]"), ("logs", sockets), ("nagle", options)];
        let policy = grants.map(|(name, what)| rule(name, what)).concat();
        place.write("policy/sandbox.toml", policy.as_bytes()).unwrap();
        let folder = format!("[policy]\ndirectory = \"{}\"\n", place.path("policy").display());
        let (good, text) = check(&place, "root", &folder);
        assert!(!good && text.contains("loosens all of sandbox.toml") && text.contains("allow_loosened"), "{text}");
        let (good, text) = check(&place, "root", &format!("{folder}allow_loosened = true\n"));
        assert!(!good && text.contains("\nloosened: no-programs of sandbox.toml\n"), "{text}");
        let granted = [
            "write a file in",
            "write to a device",
            "read a file",
            "list of the machine's connections",
            "files of others change",
            "connect to a port",
            "without connecting first",
            "whichever port is free",
            "hand an open file",
            "program in memory",
            "leave messages",
            "system's log",
            "traced",
            "read its own memory",
            "core dumps again",
            "namespace",
            "become another user",
        ];
        for attempt in granted {
            assert!(text.lines().any(|line| line.starts_with("POSSIBLE: ") && line.contains(attempt)), "{attempt}:\n{text}");
        }
        // No policy can grant these: they are no rules but what Landlock is always asked for.
        for attempt in
            ["listen on a port", "start a program", "signal another", "speak another protocol", "make a socket to the kernel"]
        {
            assert!(text.contains(&format!("refused: {attempt}")), "{attempt}:\n{text}");
        }

        place.write("policy/sandbx.toml", b"").unwrap();
        let (good, text) = check(&place, "root", &folder);
        assert!(!good && text.contains("sandbx.toml, which is no file of a policy"), "{text}");
    }
}

/// As the kernel sees them: the numbers and arguments of all calls that the policy denies, with its own programs in force. Most of
/// them no safe wrapper makes.
#[test]
fn every_call_that_the_policy_denies_is_refused_with_its_number() {
    let place = Place::new().unwrap();
    let mut plan = Plan::default();
    for rule in Sandbox::parse(BUILT_IN).unwrap().rules(Servers::default()) {
        match &rule.what {
            RuleEffect::Deny(calls) => plan.deny.extend(calls),
            RuleEffect::Sockets(sockets) => plan.sockets.extend(sockets),
            RuleEffect::Options(options) => plan.options.extend(options),
            _ => {}
        }
    }
    for (number, program) in call_programs(&plan).unwrap().iter().enumerate() {
        place.write(&number.to_string(), program).unwrap();
    }
    let whole: Vec<_> = plan.deny.iter().filter(|call| call.how == How::Whole).collect();
    // What must be among them, whatever the policy says.
    for name in [
        "bpf",
        "execve",
        "inotify_init1",
        "io_uring_setup",
        "kcmp",
        "keyctl",
        "listen",
        "memfd_create",
        "mq_open",
        "msgget",
        "perf_event_open",
        "process_vm_readv",
        "ptrace",
        "recvmsg",
        "semget",
        "sendmsg",
        "setrlimit",
        "shmget",
        "unshare",
        "userfaultfd",
    ] {
        assert!(whole.iter().any(|call| call.name == name), "{name}");
    }
    let mut numbers: String = whole.iter().filter_map(|call| Some(format!("{} {} whole\n", call.name, call.number?))).collect();
    for (name, number) in PARTS {
        numbers += &format!("{name} {number} part\n");
    }
    place.write("numbers", numbers.as_bytes()).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sandbox/calls.py");
    let told = succeed(client("python3", "python3").arg(script).arg(place.folder()));
    let count: usize = told.split(' ').next().unwrap().parse().unwrap();
    assert!(count > 100 && count == whole.iter().filter(|call| call.number.is_some()).count(), "{told}");
}

/// Calls that are needed, but not with every argument.
const PARTS: [(&str, i64); 10] = [
    ("bind", libc::SYS_bind),
    ("clone", libc::SYS_clone),
    ("clone3", libc::SYS_clone3),
    ("ioctl", libc::SYS_ioctl),
    ("prctl", libc::SYS_prctl),
    ("prlimit64", libc::SYS_prlimit64),
    ("sendto", libc::SYS_sendto),
    ("setsockopt", libc::SYS_setsockopt),
    ("socket", libc::SYS_socket),
    ("socketpair", libc::SYS_socketpair),
];

/// certbot's layout: links in `live`, files in `archive`; a renewal makes new files and moves the links. And a backend by name.
#[test]
fn renewed_certificates_and_names_of_backends_still_work_inside() {
    let mut stack = Stack::start();
    let live = stack.place.path("letsencrypt/live/mail.nolog.example");
    let archive = stack.place.path("letsencrypt/archive/mail.nolog.example");
    fs::create_dir_all(&live).unwrap();
    fs::create_dir_all(&archive).unwrap();
    for file in ["fullchain", "privkey"] {
        fs::copy(stack.place.path(&format!("certs/mail.nolog.example/{file}.pem")), archive.join(format!("{file}1.pem")))
            .unwrap();
        symlink(format!("../../archive/mail.nolog.example/{file}1.pem"), live.join(format!("{file}.pem"))).unwrap();
    }
    // The config alone in its folder: nothing else is opened by it.
    let place = stack.place.folder().display().to_string();
    let daemon = restart(&mut stack, |config| {
        config
            .replace(&format!("{place}/certs"), &format!("{place}/letsencrypt/live"))
            .replace("imap://127.0.0.1:", "imap://localhost:")
    });
    let ports = stack.ports();
    let mut session = Client::connect(ports.imaps, &["imap"]).unwrap();
    session.log_in_to_inbox(&MEMBERS[0]).unwrap();

    let mut make = client("openssl", "openssl");
    make.args("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=mail.nolog.example".split(' '));
    make.args(["-addext", "subjectAltName=DNS:mail.nolog.example"]);
    succeed(make.arg("-keyout").arg(archive.join("privkey2.pem")).arg("-out").arg(archive.join("fullchain2.pem")));
    for file in ["fullchain", "privkey"] {
        // openssl makes keys for its own user only; certbot leaves that to its hooks.
        fs::set_permissions(archive.join(format!("{file}2.pem")), fs::Permissions::from_mode(0o644)).unwrap();
        symlink(format!("../../archive/mail.nolog.example/{file}2.pem"), live.join("next")).unwrap();
        fs::rename(live.join("next"), live.join(format!("{file}.pem"))).unwrap();
    }
    daemon.signal(Signal::SIGHUP);
    said(&stack, "nologd: certificates-reloaded names=1");
    assert!(
        Client::connect(ports.imaps, &["imap"]).and_then(|mut new| new.line("greeting")).is_err(),
        "the old certificate is still shown"
    );
    session.imap("NOOP", "the session from before").unwrap();
    let text = fs::read_to_string(stack.daemon.output()).unwrap();
    assert!(!text.contains("certificate-broken") && !text.contains("restart-needed"), "{text}");

    // A port that the kernel was not told about waits for a restart, and the admin is told.
    let config = fs::read_to_string(stack.daemon.config()).unwrap();
    stack
        .place
        .write(
            "nologd.toml",
            config.replace(&format!("smtp://127.0.0.1:{}", stack.postfix.smtp()), "smtp://127.0.0.1:9").as_bytes(),
        )
        .unwrap();
    daemon.signal(Signal::SIGHUP);
    said(&stack, "nologd: restart-needed");
}

/// The daemon's output goes into a file here: that is noticed. What is missing on this kernel would be told beside it.
#[test]
fn an_output_that_is_kept_is_told() {
    let stack = Stack::start();
    said(&stack, "nologd: output-kept descriptor=1\nnologd: output-kept descriptor=2\n");
}

fn said(stack: &Stack, words: &str) {
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        let text = fs::read_to_string(stack.daemon.output()).unwrap();
        if text.contains(words) {
            return;
        }
        assert!(Instant::now() < end, "never said {words:?}, but:\n{text}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
