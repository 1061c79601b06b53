//! Incident mode with a real Dovecot and a real Postfix: what it shows, what it does not, whom it tells, and that it ends.

use std::fs;
use std::process::Command;

use nologd::demo::{Behind, Client, Dovecot, MEMBERS, Member, Place, Postfix};
use serde_json::Value;

use crate::support::{Stack, run_any, start_daemon, succeed};

const ALICE: &Member = &MEMBERS[0];
const BOB: &Member = &MEMBERS[1];

fn stack() -> Stack {
    let place = Place::new().unwrap();
    let dovecot = Dovecot::start(&place, "dovecot").unwrap();
    let postfix = Postfix::start(&place, dovecot.lmtp()).unwrap();
    let behind = Behind { name: "store1", imap: dovecot.imap(), lmtp: dovecot.lmtp(), relay: postfix.smtp() };
    let daemon = start_daemon(&place, &[behind], &[("velo", "storage = \"20K\"")]);
    Stack { daemon, postfix, dovecot, place }
}

fn nologd(stack: &Stack, words: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nologd"));
    command.args(words.split(' ')).arg("--socket").arg(stack.place.path("admin.sock"));
    command
}

/// Sends `command` with the tag `t`, and returns all lines up to its answer, whatever that is.
fn say(client: &mut Client, command: &str) -> String {
    client.send(format!("t {command}\r\n").as_bytes(), "a command").unwrap();
    let mut said = String::new();
    loop {
        let line = String::from_utf8(client.line("an answer").unwrap()).unwrap();
        said.push_str(&line);
        if line.starts_with("t ") {
            return said;
        }
    }
}

fn log_in(stack: &Stack, member: &Member) -> (Client, String) {
    let mut client = Client::connect(stack.ports().imaps, &["imap"]).unwrap();
    client.line("greeting").unwrap();
    let said = say(&mut client, &format!("LOGIN {} {}", member.address, member.password));
    assert!(said.contains("t OK"), "{said}");
    (client, said)
}

#[test]
fn an_incident_shows_verbs_codes_and_times_and_nothing_else() {
    let stack = stack();
    let (mut open, said) = log_in(&stack, ALICE);
    assert!(!said.contains("ALERT"), "{said}");
    assert!(say(&mut open, "NOOP").starts_with("t OK"));
    assert!(succeed(&mut nologd(&stack, "incident list")).contains("No incident mode is on"));
    let told = succeed(&mut nologd(&stack, "incident start Alice@velo.example --minutes 5"));
    assert!(told.contains("on, for 5 min"), "{told}");

    // The owner is told: in the session that was open, and at each login. Nobody else is.
    let said = say(&mut open, "NOOP");
    assert!(said.starts_with("* OK [ALERT] Incident mode is on for 5 more min"), "{said}");
    assert!(!say(&mut open, "NOOP").contains("ALERT"), "once is enough");
    assert!(!log_in(&stack, BOB).1.contains("ALERT"));
    let mut reader = Client::connect(stack.ports().imaps, &["imap"]).unwrap();
    reader.line("greeting").unwrap();
    let said = say(&mut reader, "LOGIN alice@velo.example canary-password");
    assert!(said.starts_with("t NO") && !said.contains("ALERT"), "{said}");
    let said = say(&mut reader, &format!("LOGIN {} {}", ALICE.address, ALICE.password));
    assert!(said.starts_with("* OK [ALERT] Incident mode") && said.contains("t OK"), "{said}");
    for (command, answer) in [
        ("CREATE CanaryFolder", "t OK"),
        ("SELECT CanaryFolder", "t OK"),
        ("SEARCH TEXT canary-text", "t OK"),
        ("UID FETCH 1:* (FLAGS)", "t OK"),
        ("CANARYVERB canary", "t BAD"),
        ("CREATE CanaryFolder", "t NO"),
    ] {
        let said = say(&mut reader, command);
        assert!(said.contains(answer), "{command}: {said}");
    }
    let letter = format!("Subject: canary\r\n\r\n{}", "canary ".repeat(8000));
    let said = say(&mut reader, &format!("APPEND CanaryFolder {{{}+}}\r\n{letter}", letter.len()));
    assert!(said.contains("[OVERQUOTA]"), "{said}");
    send(&stack);

    let (text, json) = (succeed(&mut nologd(&stack, "incident show alice@velo.example")), shown(&stack));
    for step in [
        "imap LOGIN",
        "imap NO (WRONG-PASSWORD)",
        "imap OK",
        "imap CREATE",
        "imap SELECT",
        "imap SEARCH",
        "imap UID FETCH",
        "imap Other",
        "imap BAD",
        "imap NO [ALREADYEXISTS]",
        "imap APPEND",
        "imap NO [OVERQUOTA] (ASSOCIATION-FULL)",
        "submission AUTH",
        "submission 235",
        "submission MAIL",
        "submission 550 (NOT-YOUR-ADDRESS)",
        "submission RCPT",
        "submission 250",
        "submission DATA",
        "submission 354",
        "submission QUIT",
    ] {
        let line = |line: &str| line.split_whitespace().skip(3).collect::<Vec<_>>().join(" ") == step;
        assert!(text.lines().any(line), "no {step:?} in\n{text}");
    }
    let steps = json["steps"].as_array().unwrap();
    let times: Vec<_> = steps.iter().map(|step| step["ms"].as_u64().unwrap()).collect();
    // Dovecot's two seconds after a wrong password.
    assert!(times.is_sorted() && times.windows(2).any(|pair| pair[1] - pair[0] >= 1500), "{times:?}");
    let all = format!("{}{}", serde_json::to_string(steps).unwrap(), text.split_once('\n').unwrap().1).to_lowercase();
    for planted in ["canary", "alice", "bob", "velo", "basket", "127.0.0.1", "inbox", "(flags", "5600", "subject"] {
        assert!(!all.contains(planted), "{planted} is in\n{text}");
    }
    let held: Value = serde_json::from_str(&succeed(&mut nologd(&stack, "disclose alice@velo.example --json"))).unwrap();
    assert_eq!(held["incident"]["kept"].as_u64(), Some(steps.len() as u64));
    let status = succeed(&mut nologd(&stack, "status"));
    assert!(status.contains("incident mode       on for 1 mailbox"), "{status}");
    gone_after_the_end(&stack, &mut reader);
}

/// After `stop` nothing is left, for a session that goes on neither.
fn gone_after_the_end(stack: &Stack, session: &mut Client) {
    succeed(&mut nologd(stack, "incident stop alice@velo.example"));
    assert!(say(session, "NOOP").starts_with("t OK"));
    for command in ["show", "stop"] {
        let (good, said) = run_any(&mut nologd(stack, &format!("incident {command} alice@velo.example")));
        assert!(!good && said.contains("No incident mode is on"), "{said}");
    }
    assert!(!log_in(stack, ALICE).1.contains("ALERT"));
    succeed(&mut nologd(stack, "incident start alice@velo.example"));
    assert_eq!(shown(stack)["steps"], Value::Array(Vec::new()), "a new one begins empty");
    let files: Vec<_> = walk(&stack.place.path("state"));
    assert!(files.len() > 1 && files.iter().all(|bytes| !bytes.windows(8).any(|part| part == b"UID FETC")), "it is on disk");
}

#[test]
fn who_cannot_be_told_is_not_watched() {
    let stack = stack();
    for (words, why) in [
        ("incident start alice@elsewhere.example", "No association here has this domain"),
        ("incident start alice@velo.example --minutes 61", "1..=60"),
        ("incident show alice@velo.example", "No incident mode is on"),
    ] {
        let (good, said) = run_any(&mut nologd(&stack, words));
        assert!(!good && said.contains(why), "{words}: {said}");
    }
    succeed(&mut nologd(&stack, "association set velo --state suspended"));
    let (good, said) = run_any(&mut nologd(&stack, "incident start alice@velo.example"));
    assert!(!good && said.contains("would not be told"), "{said}");
    succeed(&mut nologd(&stack, "association set velo --state active --lang fr"));
    succeed(&mut nologd(&stack, "incident start alice@velo.example"));
    let said = log_in(&stack, ALICE).1;
    assert!(said.starts_with("* OK [ALERT] Mode incident en cours, pour 10 min encore au plus"), "{said}");
}

fn send(stack: &Stack) {
    let mut smtp = Client::connect(stack.ports().submissions, &[]).unwrap();
    smtp.log_in_to_submission("canary-ehlo.local", ALICE).unwrap();
    smtp.smtp(&format!("MAIL FROM:<{}>\r\n", BOB.address), "550", "a foreign sender").unwrap();
    smtp.smtp(&format!("MAIL FROM:<{}>\r\n", ALICE.address), "250", "MAIL").unwrap();
    smtp.smtp(&format!("RCPT TO:<{}>\r\n", BOB.address), "250", "RCPT").unwrap();
    smtp.smtp("DATA\r\n", "354", "DATA").unwrap();
    let letter = format!("From: <{}>\r\nSubject: canary\r\n\r\nMAIL canary\r\n250 canary\r\n.\r\n", ALICE.address);
    smtp.smtp(&letter, "250", "message").unwrap();
    smtp.smtp("QUIT\r\n", "221", "QUIT").unwrap();
}

fn shown(stack: &Stack) -> Value {
    serde_json::from_str(&succeed(&mut nologd(stack, "incident show alice@velo.example --json"))).unwrap()
}

fn walk(folder: &std::path::Path) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(walk(&path)) } else { found.push(fs::read(path).unwrap()) }
    }
    found
}
