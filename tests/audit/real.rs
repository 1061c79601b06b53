//! What a real Dovecot and a real Postfix write, with their own settings and with our templates. Needs root, for Postfix.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use nologd::demo::{Dovecot, MEMBERS, Member, Place, Postfix};

use super::templates;

const ALICE: &Member = &MEMBERS[0];

#[test]
fn what_servers_write_by_default_and_with_our_templates() {
    let default = day("", "");
    for leak in [
        "user=<alice@velo.example>",
        "rip=127.0.0.1",
        "session=<",
        "msgid=<planted-id@laptop.example>",
        "message-id=<planted-id@laptop.example>",
    ] {
        assert!(default.contains(leak), "{leak} is no leak of these versions any more:\n{default}");
    }
    assert!(default.contains("connect from") && default.contains("from=<a@elsewhere.example>"), "{default}");

    let ours = day(&templates::read("dovecot-2.3.conf"), &templates::read("postfix.cf"));
    for word in ["alice", "velo", "127.0.0.1", "session", "planted", "elsewhere", "laptop", "connect"] {
        assert!(!ours.to_lowercase().contains(word), "{word}:\n{ours}");
    }
}

/// Dovecot's own reader takes the template, and gives back what it says.
#[test]
fn doveconf_accepts_the_template() {
    let place = Place::new().unwrap();
    let file = place.write("dovecot.conf", templates::read("dovecot-2.3.conf").as_bytes()).unwrap();
    let output = Command::new("/usr/bin/doveconf").arg("-n").arg("-c").arg(file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report =
        super::report(&[super::source(nologd::audit::check::AuditedServer::Dovecot, &String::from_utf8_lossy(&output.stdout))]);
    assert!(report.is_clean(), "{}", report.text());
}

/// A login, a wrong password, a delivery through Postfix and a refused one. Returns all that both servers wrote.
fn day(dovecot_lines: &str, postfix_lines: &str) -> String {
    let place = Place::new().unwrap();
    let dovecot = Dovecot::start_with(&place, "dovecot", dovecot_lines).unwrap();
    let postfix = Postfix::start_with(&place, dovecot.lmtp(), postfix_lines).unwrap();
    let mut swaks = Command::new("swaks");
    swaks.args(["--server", &format!("127.0.0.1:{}", postfix.smtp()), "--from", "a@elsewhere.example", "--to", ALICE.address]);
    swaks.args(["--ehlo", "laptop.example", "--header", "Message-Id: <planted-id@laptop.example>"]);
    assert!(swaks.output().unwrap().status.success());
    let mut refused = Command::new("swaks");
    refused.args([
        "--server",
        &format!("127.0.0.1:{}", postfix.smtp()),
        "--from",
        "b@elsewhere.example",
        "--to",
        "nobody@velo.example",
    ]);
    assert!(!refused.output().unwrap().status.success());
    wait_for_mail(&dovecot.maildir(ALICE.address).join("new"));
    for password in [ALICE.password, "wrong-password"] {
        let login = format!("{}:{password}", ALICE.address);
        let url = format!("imap://127.0.0.1:{}/", dovecot.imap());
        Command::new("curl").args(["--silent", "--user", &login, &url]).output().unwrap();
    }
    // Postfix and Dovecot write a moment after they answered.
    std::thread::sleep(Duration::from_millis(1500));
    let logs = [dovecot.log(), postfix.log().to_owned(), place.path("dovecot/out"), place.path("postfix.out")];
    logs.iter().map(|log| fs::read_to_string(log).unwrap_or_default()).collect()
}

fn wait_for_mail(folder: &Path) {
    let end = Instant::now() + Duration::from_secs(20);
    while fs::read_dir(folder).map_or(0, Iterator::count) == 0 {
        assert!(Instant::now() < end, "no mail arrived");
        std::thread::sleep(Duration::from_millis(50));
    }
}
