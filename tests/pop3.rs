//! POP3 through nologd, in front of Dovecot's own. Needs root, for Postfix.

#![allow(clippy::unwrap_used)] // a test that cannot go on must say where

use crate::support;

use std::path::Path;
use std::sync::Arc;

use nologd::demo::{Behind, Dovecot, MEMBERS, Owner, Place, Postfix, Process};
use nologd::private::Address;
use nologd::quota::{Amount, Book, Day, Edit, Name, State, StateEdit};
use support::{Stack, client, fetch_by_mpop, mail_files, restart, run_any, start_daemon, succeed};
use tokio::runtime::Runtime;

use crate::dialect;
use crate::in_process;
use crate::wire;

use wire::Wire;

/// Dovecot with POP3 besides, and its port.
pub(crate) fn dovecot(place: &Place, more: &str) -> (Dovecot, u16) {
    assert!(Path::new("/usr/lib/dovecot/pop3").exists(), "apt install dovecot-pop3d");
    let port = place.port().unwrap();
    // As the file for admins has it.
    let template = dialect::for_admins("pop3").replace("10110", &port.to_string());
    let lines = dialect::spoken("protocols = imap lmtp pop3\nservice pop3-login {\n  chroot =\n  service_count = 0\n}\n")
        + &template
        + more;
    let dovecot = Dovecot::start_with(place, "dovecot", &lines).unwrap();
    // It waits for IMAP and LMTP alone.
    wire::greeted(port);
    (dovecot, port)
}

/// nologd with POP3 on two ports: from the first byte with TLS, and with STLS.
pub struct Pop3 {
    // First: it goes before the stack.
    process: Process,
    pub stack: Stack,
    pub implicit: u16,
    upgraded: u16,
}

impl Pop3 {
    pub fn start() -> Pop3 {
        let place = Place::new().unwrap();
        let (dovecot, behind) = dovecot(&place, "auth_failure_delay = 0\n");
        let postfix = Postfix::start(&place, dovecot.lmtp()).unwrap();
        let (implicit, upgraded) = (place.port().unwrap(), place.port().unwrap());
        let server = Behind { name: "store1", imap: dovecot.imap(), lmtp: dovecot.lmtp(), relay: postfix.smtp() };
        let daemon = start_daemon(&place, &[server], &[]);
        let mut stack = Stack { daemon, postfix, dovecot, place };
        let process = restart(&mut stack, |config| {
            let listen = |port, tls| format!("[[listen]]\nservice = \"pop3\"\naddress = \"127.0.0.1:{port}\"\ntls = \"{tls}\"\n");
            let config = config.replace("auth  = \"imap\"", &format!("auth  = \"imap\"\npop3 = \"pop3://127.0.0.1:{behind}\""));
            config + &listen(implicit, "implicit") + &listen(upgraded, "starttls") + "default_domain = \"velo.example\"\n"
        });
        Pop3 { process, stack, implicit, upgraded }
    }
}

#[test]
fn python_poplib() {
    let pop3 = Pop3::start();
    let mut python = client("python3", "python3");
    python.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/pop3_session.py")).env("PYTHONDONTWRITEBYTECODE", "1");
    python.env("POP3S", pop3.implicit.to_string()).env("POP3", pop3.upgraded.to_string());
    python.env("IMAPS", pop3.stack.ports().imaps.to_string()).env("CERTIFICATE", pop3.stack.certificate());
    succeed(&mut python);
    drop(pop3.process);
}

/// A message in Alice's inbox.
fn append(pop3: &Pop3, text: &str) {
    let letter = pop3.stack.place.write("letter", format!("Subject: fetched\r\n\r\n.{text}\r\n").as_bytes()).unwrap();
    let mut curl = client("curl", "curl");
    curl.args(["--silent", "--show-error", "--user", &format!("{}:{}", MEMBERS[0].address, MEMBERS[0].password), "--cacert"]);
    curl.arg(pop3.stack.certificate()).arg("--upload-file").arg(letter);
    succeed(curl.arg(format!("imaps://127.0.0.1:{}/INBOX", pop3.stack.ports().imaps)));
}

/// What people fetch with, over TLS with the certificate checked: what is left on the server is not fetched twice, and what is not is
/// gone.
#[test]
fn mpop_and_fetchmail() {
    let pop3 = Pop3::start();
    let place = &pop3.stack.place;
    let alice = &MEMBERS[0];
    let (port, certificate) = (pop3.implicit.to_string(), pop3.stack.certificate().display().to_string());
    let there = || mail_files(&pop3.stack.dovecot.maildir(alice.address)).len();
    let home = place.make("home", Owner::me()).unwrap();
    let mpop = |keep: &str| fetch_by_mpop(place, pop3.implicit, &pop3.stack.certificate(), keep);
    let fetchmail = |keep: &str| {
        let rc = format!(
            "poll 127.0.0.1 protocol POP3 service {port} uidl user \"{}\" password \"{}\" ssl sslcertck sslcommonname mail.nolog.example sslcertfile \"{certificate}\" \
             {keep} mda \"cat >> {}/fetched\"\n",
            alice.address,
            alice.password,
            home.display()
        );
        let rc = place.write("fetchmailrc", rc.as_bytes()).unwrap();
        std::fs::set_permissions(&rc, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let mut fetchmail = client("fetchmail", "fetchmail");
        fetchmail.env("HOME", &home).env("FETCHMAILHOME", &home).arg("--fetchmailrc").arg(rc).args([
            "--nodetach",
            "--nosyslog",
            "--silent",
        ]);
        let ended = fetchmail.output().unwrap();
        let text = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(matches!(ended.status.code(), Some(0 | 1)), "{text}");
        // 1: there was nothing to fetch.
        ended.status.success()
    };
    append(&pop3, "one");
    assert_eq!([mpop("on"), mpop("on"), there()], [1, 1, 1]);
    assert_eq!([fetchmail("keep"), fetchmail("keep")], [true, false]);
    append(&pop3, "two");
    assert_eq!([mpop("off"), there()], [2, 0]);
    append(&pop3, "four");
    assert!(fetchmail("nokeep") && there() == 0);
    // The dot of a line is one dot again.
    let fetched = std::fs::read_to_string(home.join("fetched")).unwrap();
    assert!(fetched.contains("\n.one") && fetched.contains("\n.four") && !fetched.contains("\n..one"), "{fetched}");
    drop(pop3.process);
}

/// The same with getmail, which delivers as whoever has the folder, and never as root.
#[test]
fn getmail() {
    let pop3 = Pop3::start();
    let place = &pop3.stack.place;
    let alice = &MEMBERS[0];
    let (port, certificate) = (pop3.implicit.to_string(), pop3.stack.certificate().display().to_string());
    let there = || mail_files(&pop3.stack.dovecot.maildir(alice.address)).len();
    let home = place.make("home", Owner::me()).unwrap();
    let nobody = nix::unistd::User::from_name("nobody").unwrap().unwrap();
    let owner = Owner { uid: nobody.uid, gid: nobody.gid };
    ["", "/cur", "/new", "/tmp"].iter().for_each(|part| drop(place.make(&format!("home/getmail{part}"), owner).unwrap()));
    let getmail = |deletes: bool| {
        let rc = format!(
            "[retriever]\ntype = SimplePOP3SSLRetriever\nserver = 127.0.0.1\nport = {port}\nusername = {}\npassword = {}\nca_certs = {certificate}\n\
             [destination]\ntype = Maildir\npath = {}/getmail/\nuser = nobody\n[options]\ndelete = {deletes}\nread_all = false\n",
            alice.address,
            alice.password,
            home.display()
        );
        place.write("home/getmailrc", rc.as_bytes()).unwrap();
        let mut getmail = client("getmail", "getmail6");
        succeed(getmail.env("HOME", &home).arg("--getmaildir").arg(&home).arg("--rcfile").arg(home.join("getmailrc")));
        mail_files(&home.join("getmail")).len()
    };
    append(&pop3, "one");
    assert_eq!([getmail(false), getmail(false), there()], [1, 1, 1]);
    append(&pop3, "two");
    assert_eq!([getmail(true), there()], [2, 0]);
    drop(pop3.process);
}

/// Its owner is told in the only words there are, the answer to the login; who was there before is not watched.
#[test]
fn an_incident_is_told_at_the_login_and_shows_verbs_and_codes() {
    let pop3 = Pop3::start();
    let nologd = |words: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_nologd"));
        succeed(command.args(words.split(' ')).arg("--socket").arg(pop3.stack.place.path("admin.sock")))
    };
    let begin = || {
        let mut wire = Wire::tls(pop3.implicit);
        assert!(wire.line().starts_with("+OK"));
        assert!(wire.ask("USER alice@velo.example\r\n", "+OK").starts_with("+OK"));
        wire
    };
    let mut before = begin();
    assert_eq!(before.ask("PASS bell-and-basket\r\n", "+OK"), "+OK Logged in\r\n");
    nologd("incident start alice@velo.example --minutes 5");
    assert!(before.ask("UIDL\r\n", ".").starts_with("+OK"));
    let mut wire = begin();
    let told = wire.ask("PASS canary-password\r\n", "-ERR");
    assert!(!told.contains("ncident"), "{told}");
    wire.ask("USER alice@velo.example\r\n", "+OK");
    let told = wire.ask("PASS bell-and-basket\r\n", "+OK");
    assert!(told.starts_with("+OK Logged in. ") && told.contains("ncident") && told.len() <= 512, "{told}");
    wire.ask("STAT\r\n", "+OK");
    wire.ask("RETR 99\r\n", "-ERR");
    wire.ask("CANARY canary\r\n", "-ERR");
    wire.ask("QUIT\r\n", "+OK");
    assert!(wire.ends(wire::PATIENCE));
    let text = nologd("incident show alice@velo.example");
    for step in [
        "pop3 AUTH",
        "pop3 NO (WRONG-PASSWORD)",
        "pop3 STAT",
        "pop3 OK",
        "pop3 RETR",
        "pop3 NO",
        "pop3 Other",
        "pop3 NO (SYNTAX)",
        "pop3 QUIT",
    ] {
        let line = |line: &str| line.split_whitespace().skip(3).collect::<Vec<_>>().join(" ") == step;
        assert!(text.lines().any(line), "no {step:?} in\n{text}");
    }
    assert!(!text.contains("UIDL") && !text.to_lowercase().contains("canary"), "{text}");
    drop(pop3.process);
}

#[test]
fn curl_reads_over_both_kinds_of_tls() {
    let pop3 = Pop3::start();
    let letter = pop3.stack.place.write("letter", b"Subject: by curl\r\n\r\n.hello\r\n").unwrap();
    let alice = format!("{}:{}", MEMBERS[0].address, MEMBERS[0].password);
    let curl = |login: &str| {
        let mut curl = client("curl", "curl");
        curl.arg("--silent").arg("--show-error").arg("--cacert").arg(pop3.stack.certificate()).args(["--user", login]);
        curl
    };
    let mut append = curl(&alice);
    succeed(append.arg("--upload-file").arg(letter).arg(format!("imaps://127.0.0.1:{}/INBOX", pop3.stack.ports().imaps)));
    let message = "Subject: by curl\r\n\r\n.hello\r\n";
    let secured = format!("pop3s://127.0.0.1:{}/1", pop3.implicit);
    let plain = format!("pop3://127.0.0.1:{}/1", pop3.upgraded);
    assert_eq!(succeed(curl(&alice).arg(&secured)), message);
    assert_eq!(succeed(curl(&alice).arg("--ssl-reqd").arg(&plain)), message);
    // Where the listener says which domain is meant, and where it does not.
    let bare = alice.replace("@velo.example", "");
    assert_eq!(succeed(curl(&bare).arg("--ssl-reqd").arg(&plain)), message);
    assert!(!run_any(curl(&bare).arg(&secured)).0);
    let (good, text) = run_any(curl(&alice).arg(&plain));
    assert!(!good, "a password went without TLS: {text}");
    let (good, text) = run_any(curl("alice@velo.example:wrong").arg(&secured));
    assert!(!good, "a wrong password was taken: {text}");
    drop(pop3.process);
}

/// nologd in this process, without TLS, with POP3 and IMAP: the book can be looked at.
fn in_process(place: &Place, dovecot: &Dovecot, behind: u16, association: &str) -> (Arc<Book>, [u16; 2], Runtime) {
    let certificate = place.write("chain.pem", nologd::demo::CERTIFICATE).unwrap();
    in_process_behind(place, dovecot, &format!("pop3://127.0.0.1:{behind}"), association, &certificate)
}

fn in_process_behind(
    place: &Place,
    dovecot: &Dovecot,
    behind: &str,
    association: &str,
    authorities: &Path,
) -> (Arc<Book>, [u16; 2], Runtime) {
    let ports = [place.port().unwrap(), place.port().unwrap()];
    let listen = |(service, port)| in_process::listen(service, &format!("127.0.0.1:{port}"));
    let text = format!(
        "hostname = \"mail.nolog.example\"\nstate_dir = \"{}\"\n[tls]\nbackend_authorities = \"{}\"\n{}[[backend]]\nname = \"store1\"\nimap = \"imap://127.0.0.1:{}\"\n\
         pop3 = \"{behind}\"\n[[association]]\nname = \"velo\"\ndomains = [\"velo.example\"]\n{association}\n",
        place.path("book").display(),
        authorities.display(),
        ["pop3", "imap"].into_iter().zip(ports).map(listen).collect::<String>(),
        dovecot.imap(),
    );
    let (book, runtime) = in_process::in_process(&text);
    (book, ports, runtime)
}

fn pop3(port: u16) -> Wire {
    let mut wire = Wire::plain(port);
    assert!(wire.line().starts_with("+OK"));
    assert!(wire.ask("USER alice@velo.example\r\n", "+OK").starts_with("+OK"));
    assert!(wire.ask("PASS bell-and-basket\r\n", "+OK").starts_with("+OK"));
    wire
}

/// An IMAP session that stores `messages`, and leaves.
fn imap(port: u16, messages: &[&str]) {
    let mut wire = Wire::plain(port);
    assert!(wire.ask("a LOGIN alice@velo.example bell-and-basket\r\n", "a ").contains("a OK"));
    for message in messages {
        let command = format!("b APPEND INBOX {{{}+}}\r\n{message}\r\n", message.len());
        assert!(wire.ask(&command, "b ").contains("b OK"));
    }
    assert!(wire.ask("c LOGOUT\r\n", "c ").contains("c OK"));
    assert!(wire.ends(wire::PATIENCE));
}

/// Waits until `holds`.
fn until(what: &str, holds: impl Fn() -> bool) {
    let end = std::time::Instant::now() + wire::PATIENCE;
    while !holds() {
        assert!(std::time::Instant::now() < end, "{what}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn what_quit_deletes_is_counted_by_the_next_who_can_and_never_before() {
    let place = Place::new().unwrap();
    let (dovecot, behind) = dovecot(&place, "");
    let (book, [port, imap_port], _runtime) = in_process(&place, &dovecot, behind, "storage = \"1M\"");
    let alice = Address::parse("alice@velo.example").unwrap();
    let used = || book.mailbox(&alice).unwrap().used;
    imap(imap_port, &["Subject: one\r\n\r\n1\r\n", "Subject: two\r\n\r\n22\r\n"]);
    until("it was not counted", || book.is_seen(&alice) && used().messages == 2);
    let both = used();

    // Marked, and left without QUIT: nothing is deleted, and nobody has to count.
    let mut session = pop3(port);
    assert!(session.ask("DELE 1\r\n", "+OK").starts_with("+OK"));
    drop(session);
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert!(book.is_seen(&alice) && used() == both);

    // Taken back before QUIT: the same.
    let mut session = pop3(port);
    assert!(session.ask("DELE 1\r\nRSET\r\n", "+OK").starts_with("+OK") && session.line().starts_with("+OK"));
    assert!(session.ask("QUIT\r\n", "+OK").starts_with("+OK") && session.ends(wire::PATIENCE));
    assert!(book.is_seen(&alice) && used() == both);

    // Deleted, by one who is gone before the answer: the number stays, and is known to be too high.
    let mut session = pop3(port);
    assert!(session.ask("DELE 1\r\n", "+OK").starts_with("+OK"));
    session.send(b"QUIT\r\n");
    drop(session);
    until("nobody was told to count", || !book.is_seen(&alice));
    assert_eq!(used(), both);
    imap(imap_port, &[]);
    until("it was not counted again", || book.is_seen(&alice));
    assert_eq!(used().messages, 1);
    assert!(used() != Amount::ZERO && used().octets < both.octets);

    // Where somebody is there who can count, it is not waited for the next one.
    let mut open = Wire::plain(imap_port);
    assert!(open.ask("a LOGIN alice@velo.example bell-and-basket\r\n", "a ").contains("a OK"));
    let mut session = pop3(port);
    assert!(session.ask("DELE 1\r\n", "+OK").starts_with("+OK"));
    assert!(session.ask("QUIT\r\n", "+OK").starts_with("+OK"));
    until("the open session did not count", || book.is_seen(&alice) && used() == Amount::ZERO);
    drop(open);
}

#[test]
fn a_read_only_association_deletes_nothing_and_a_suspended_one_has_no_sessions() {
    let place = Place::new().unwrap();
    let (dovecot, behind) = dovecot(&place, "");
    let (book, [port, _], _runtime) = in_process(&place, &dovecot, behind, "");
    let set = |state| {
        let edit = Edit { state: StateEdit::from(state), ..Edit::default() };
        assert!(book.set_association(&Name::parse("velo").unwrap(), &edit, Day::from_unix(0)).is_ok());
    };
    set(State::ReadOnly);
    let mut direct = Wire::plain(dovecot.imap());
    assert!(direct.ask("a LOGIN alice@velo.example bell-and-basket\r\n", "a ").contains("a OK"));
    assert!(direct.ask("b APPEND INBOX {4+}\r\nx\r\n\r\n\r\n", "b ").contains("b OK"));
    let mut session = pop3(port);
    assert!(session.ask("DELE 1\r\n", "-ERR").contains("(READ-ONLY)"));
    assert!(session.ask("RETR 1\r\n", ".").starts_with("+OK"));
    assert!(session.ask("QUIT\r\n", "+OK").starts_with("+OK"));
    let mut session = pop3(port);
    assert!(session.ask("STAT\r\n", "+OK").starts_with("+OK 1 "));
    // Suspended: who is there goes, and nobody comes.
    set(State::Suspended);
    let line = session.line();
    assert!(line.starts_with("-ERR [SYS/PERM]") && line.contains("(SUSPENDED)"), "{line}");
    assert!(session.ends(wire::PATIENCE));
    let mut late = Wire::plain(port);
    late.line();
    late.ask("USER alice@velo.example\r\n", "+OK");
    assert!(late.ask("PASS bell-and-basket\r\n", "-ERR").contains("(SUSPENDED)"));
}

#[test]
fn a_session_ends_when_an_admin_says_so() {
    let place = Place::new().unwrap();
    let (dovecot, behind) = dovecot(&place, "");
    let (book, [port, _], _runtime) = in_process(&place, &dovecot, behind, "");
    let mut session = pop3(port);
    assert!(session.ask("NOOP\r\n", "+OK").starts_with("+OK"));
    assert_eq!(book.kick(&Address::parse("alice@velo.example").unwrap()), 1);
    let line = session.line();
    assert!(line.starts_with("-ERR [SYS/TEMP]") && line.contains("(SESSION-ENDED)"), "{line}");
    assert!(session.ends(wire::PATIENCE));
}

/// Who is sent away while it still speaks hears why: a connection that is closed over unread input is reset, and the last words with it.
#[test]
fn who_is_sent_away_while_it_speaks_hears_why() {
    let place = Place::new().unwrap();
    let (dovecot, behind) = dovecot(&place, "");
    let (book, [port, _], _runtime) = in_process(&place, &dovecot, behind, "");
    let mut session = pop3(port);
    let mut taken = 0;
    for _ in 0..64 {
        taken += usize::from(session.send(&[b'x'; 64 * 1024]));
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let line = session.line();
    assert!(line.contains("(LINE-TOO-LONG)"), "{taken} pieces were taken, and then: {line:?}");
    assert_eq!(taken, 64, "it was reset");
    // And it is not listened to for long.
    until("it is still there", || book.kick(&Address::parse("alice@velo.example").unwrap()) == 0);
    drop(session);
}

/// A dead mail server is told at once, before login and after.
#[test]
fn a_dead_backend_is_told() {
    let place = Place::new().unwrap();
    let (mut dovecot, behind) = dovecot(&place, "");
    let (_book, [port, _], _runtime) = in_process(&place, &dovecot, behind, "");
    let mut session = pop3(port);
    dovecot.crash();
    let line = session.line();
    assert!(line.starts_with("-ERR [SYS/TEMP]") && line.contains("(BACKEND-DOWN)"), "{line}");
    let mut late = Wire::plain(port);
    late.line();
    late.ask("USER alice@velo.example\r\n", "+OK");
    let line = late.ask("PASS bell-and-basket\r\n", "-ERR");
    assert!(line.starts_with("-ERR [SYS/TEMP]") && line.contains("(BACKEND-DOWN)"), "{line}");
}

/// A mail server that dies in the middle of a message: what came is no whole message, and no words of ours stand in it.
#[test]
fn a_message_that_is_cut_is_no_message() {
    let place = Place::new().unwrap();
    let (mut dovecot, behind) = dovecot(&place, "");
    let (_book, [port, imap_port], _runtime) = in_process(&place, &dovecot, behind, "");
    let big = format!("Subject: big\r\n\r\n{}", "0123456789abcdef\r\n".repeat(1 << 20));
    imap(imap_port, &[&big]);
    let mut session = pop3(port);
    assert!(session.ask("RETR 1\r\n", "+OK").starts_with("+OK"));
    dovecot.crash();
    assert!(session.ends(wire::PATIENCE));
    let heard = String::from_utf8(std::mem::take(&mut session.heard)).unwrap();
    assert!(big.starts_with(&heard) && heard.len() < big.len(), "{} octets, {:?}", heard.len(), &heard[heard.len() - 80..]);
    assert!(!heard.ends_with("\r\n.\r\n") && !heard.contains("-ERR"));
}

/// Towards a mail server elsewhere: TLS from the first byte and after STLS, with its certificate checked, and never without.
#[test]
fn tls_towards_the_backend() {
    for (scheme, good) in [("pop3s", true), ("pop3+starttls", true), ("pop3+starttls", false)] {
        let place = Place::new().unwrap();
        let certificate = place.write("chain.pem", nologd::demo::CERTIFICATE).unwrap();
        let key = place.write("key.pem", wire::KEY).unwrap();
        let secure = place.port().unwrap();
        let tls = if good { "yes" } else { "no" };
        let more = format!(
            "ssl = {tls}\nssl_cert = <{}\nssl_key = <{}\nservice pop3-login {{\n  inet_listener pop3s {{\n    port = {secure}\n    \
             ssl = yes\n  }}\n}}\n",
            certificate.display(),
            key.display()
        );
        let (dovecot, behind) = dovecot(&place, &dialect::spoken(&more));
        let port = if scheme == "pop3s" { secure } else { behind };
        let behind = format!("{scheme}://127.0.0.1:{port}");
        let (_book, [port, _], _runtime) = in_process_behind(&place, &dovecot, &behind, "", &certificate);
        let mut wire = Wire::plain(port);
        wire.line();
        wire.ask("USER alice@velo.example\r\n", "+OK");
        wire.send(b"PASS bell-and-basket\r\n");
        let line = wire.line();
        assert_eq!(line.starts_with("+OK"), good, "{scheme}: {line}");
        assert!(!good || wire.ask("STAT\r\n", "+OK") == "+OK 0 0\r\n");
    }
}
