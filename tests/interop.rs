//! Real mail programs, through nologd, against a real Dovecot and a real Postfix. Needs root, for Postfix.

#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that cannot go on must say where

#[path = "interop/check.rs"]
mod check;
#[path = "interop/default_domain.rs"]
mod default_domain;
#[path = "interop/hacked.rs"]
mod hacked;
#[path = "interop/hint.rs"]
mod hint;
#[path = "interop/incident.rs"]
mod incident;
#[path = "interop/life.rs"]
mod life;
#[path = "interop/lmtp.rs"]
mod lmtp;
#[path = "interop/push.rs"]
mod push;
#[path = "interop/relays.rs"]
mod relays;
#[path = "interop/room.rs"]
mod room;
#[path = "interop/size.rs"]
mod size;
#[path = "interop/steady.rs"]
mod steady;
use crate::support;
#[path = "interop/sync.rs"]
mod sync;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use nologd::demo::{Client, Dovecot, MEMBERS, Member, Place, Postfix, Relay};
use support::{Stack, client, run_any, succeed};

const ALICE: &Member = &MEMBERS[0];
const BOB: &Member = &MEMBERS[1];

/// The harness alone, without nologd: when this fails, no other failure here means anything.
#[test]
fn dovecot_and_postfix_carry_mail_by_themselves() {
    let place = Place::new().unwrap();
    let dovecot = Dovecot::start(&place, "dovecot").unwrap();
    let postfix = Postfix::start(&place, dovecot.lmtp()).unwrap();
    let relay = Relay::start(&place, dovecot.lmtp()).unwrap();
    for (port, count) in [(postfix.smtp(), 1), (relay.smtp(), 2)] {
        let mut swaks = client("swaks", "swaks");
        swaks.args(["--server", &format!("127.0.0.1:{port}"), "--from", "a@elsewhere.example", "--to", ALICE.address]);
        succeed(&mut swaks);
        let end = Instant::now() + Duration::from_secs(20);
        let new = dovecot.maildir(ALICE.address).join("new");
        while fs::read_dir(&new).map_or(0, Iterator::count) < count {
            assert!(Instant::now() < end, "message {count} did not arrive");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    let mut curl = client("curl", "curl");
    curl.args(["--silent", "--user", &login(ALICE), &format!("imap://127.0.0.1:{}/INBOX?ALL", dovecot.imap())]);
    assert_eq!(succeed(&mut curl).trim(), "* SEARCH 1 2");
}

#[test]
fn python_imaplib() {
    Stack::start().python("imap_session.py");
}

#[test]
fn python_smtplib() {
    Stack::start().python("submission_session.py");
}

#[test]
fn signatures_of_pgp_and_smime_still_verify() {
    client("gpg", "gnupg");
    client("openssl", "openssl");
    Stack::start().python("signed.py");
}

#[test]
fn curl_sends_and_reads() {
    let stack = Stack::start();
    let letter = stack.place.write("letter", b"From: <alice@velo.example>\r\nSubject: by curl\r\n\r\nhello\r\n").unwrap();
    let mut send = client("curl", "curl");
    send.arg("--silent").arg("--show-error").arg("--cacert").arg(stack.certificate());
    send.args(["--user", &login(ALICE), "--mail-from", ALICE.address, "--mail-rcpt", BOB.address]);
    send.arg("--upload-file").arg(letter).arg(format!("smtps://127.0.0.1:{}", stack.ports().submissions));
    succeed(&mut send);
    stack.messages(BOB, "", 1);
    let mut read = client("curl", "curl");
    read.arg("--silent").arg("--show-error").arg("--cacert").arg(stack.certificate()).args(["--user", &login(BOB)]);
    read.arg(format!("imaps://127.0.0.1:{}/INBOX;MAILINDEX=1", stack.ports().imaps));
    let message = succeed(&mut read);
    assert!(message.contains("Subject: by curl") && message.ends_with("hello\r\n"), "{message}");
}

#[test]
fn openssl_sees_both_versions_of_tls_and_the_right_alpn() {
    let stack = Stack::start();
    let s_client = |options: &[&str]| {
        let mut command = client("openssl", "openssl");
        command.arg("s_client").args(["-connect", &format!("127.0.0.1:{}", stack.ports().imaps)]);
        command.args(["-verify_return_error", "-verify_hostname", "mail.nolog.example", "-CAfile"]).arg(stack.certificate());
        run_any(command.args(options))
    };
    for (option, version) in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")] {
        let (good, text) = s_client(&[option]);
        assert!(good && text.contains(&format!("New, {version}")), "{text}");
    }
    let (good, text) = s_client(&["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"]);
    assert!(!good, "{text}");
    let (good, text) = s_client(&["-alpn", "imap"]);
    assert!(good && text.contains("ALPN protocol: imap"), "{text}");
    let (good, text) = s_client(&["-alpn", "h2,http/1.1"]);
    assert!(!good, "a web browser's connection was taken: {text}");
}

#[test]
fn msmtp_sends() {
    let stack = Stack::start();
    for (name, port, starttls) in [("implicit", stack.ports().submissions, "off"), ("upgraded", stack.ports().submission, "on")] {
        let mut msmtp = client("sh", "dash");
        client("msmtp", "msmtp");
        msmtp.arg("-c").arg(format!(
            "printf 'From: <{from}>\\nTo: <{to}>\\nSubject: {name}\\n\\nhello\\n' | msmtp --file=/dev/null --host=127.0.0.1 --port={port} \
             --tls=on --tls-starttls={starttls} --tls-trust-file={trust} --auth=on --user={from} \
             --passwordeval='echo {password}' --from={from} {to}",
            from = ALICE.address,
            to = BOB.address,
            password = ALICE.password,
            trust = stack.certificate().display(),
        ));
        succeed(&mut msmtp);
    }
    stack.messages(BOB, "", 2);
}

#[test]
fn swaks_sends_over_both_kinds_of_tls() {
    let stack = Stack::start();
    for (port, tls, mechanism) in [(stack.ports().submissions, "--tlsc", "PLAIN"), (stack.ports().submission, "--tls", "LOGIN")] {
        let mut swaks = client("swaks", "swaks");
        swaks.args(["--server", &format!("127.0.0.1:{port}"), tls, "--tls-verify", "--tls-ca-path"]).arg(stack.certificate());
        swaks.args(["--tls-sni", "mail.nolog.example", "--auth", mechanism, "--auth-user", ALICE.address]);
        swaks.args(["--auth-password", ALICE.password, "--from", ALICE.address, "--to", BOB.address, "--ehlo", "canary.local"]);
        succeed(&mut swaks);
    }
    for message in stack.messages(BOB, "", 2) {
        let text = String::from_utf8_lossy(&message);
        assert!(!text.contains("canary") && !text.contains("X-Mailer"), "{text}");
    }
}

#[test]
fn mutt_sends_and_its_own_copy_agrees_with_the_delivered_one() {
    let stack = Stack::start();
    let trust = stack.certificate();
    let settings = format!(
        "set from={address} realname=Alice use_from=yes use_envelope_from=yes hostname=canary.local user_agent=yes\n\
         set ssl_force_tls=yes ssl_verify_host=no certificate_file={trust}\n\
         set smtp_url=smtps://{user}@127.0.0.1:{submissions}/ smtp_pass={password} imap_pass={password}\n\
         set copy=yes record=imaps://{user}@127.0.0.1:{imaps}/Sent\n",
        address = ALICE.address,
        user = ALICE.address.replace('@', "%40"),
        password = ALICE.password,
        trust = trust.display(),
        submissions = stack.ports().submissions,
        imaps = stack.ports().imaps,
    );
    let file = stack.place.write("muttrc", settings.as_bytes()).unwrap();
    let mut mutt = client("mutt", "mutt");
    mutt.env("HOME", stack.place.folder()).env("TERM", "dumb").arg("-n").arg("-F").arg(file);
    succeed(mutt.args(["-s", "by mutt", "--", BOB.address]));
    let (received, sent) = (stack.messages(BOB, "", 1), stack.messages(ALICE, "Sent", 1));
    let (received, sent) = (text(&received[0]), text(&sent[0]));
    assert_eq!(field(&received, "Message-ID"), field(&sent, "Message-ID"));
    for copy in [received, sent] {
        assert!(field(&copy, "Message-ID").unwrap().ends_with("@velo.example>"), "{copy}");
        assert!(field(&copy, "Date").unwrap().ends_with("+0000"), "{copy}");
        assert!(field(&copy, "User-Agent").is_none() && !copy.contains("canary"), "{copy}");
    }
}

/// What a tool brings in from another host stays byte for byte; what was just sent does not.
#[test]
fn old_mail_that_is_brought_into_sent_stays_as_it_was() {
    let stack = Stack::start();
    let letter =
        "From: <alice@velo.example>\r\nUser-Agent: canary\r\nMessage-ID: <1@canary.local>\r\nSubject: x\r\n\r\nhello\r\n";
    let travelled = format!("Received: from a by b; Sun, 22 Nov 2026 15:40:03 +0000\r\n{letter}");
    let mut imap = Client::connect(stack.ports().imaps, &["imap"]).unwrap();
    imap.log_in_to_inbox(ALICE).unwrap();
    for (when, message) in [("\" 2-Mar-2019 10:00:00 +0100\" ", letter), ("", &travelled), ("", letter)] {
        imap.imap(&format!("APPEND Sent (\\Seen) {when}{{{}+}}\r\n{message}", message.len()), "APPEND to Sent").unwrap();
    }
    let stored: Vec<_> = stack.messages(ALICE, "Sent", 3).iter().map(|message| text(message)).collect();
    let as_it_was = |wanted: &str| stored.iter().filter(|message| *message == wanted).count();
    assert_eq!((as_it_was(letter), as_it_was(&travelled)), (1, 1), "{stored:?}");
    let copies: Vec<_> = stored.iter().filter(|message| !message.contains("canary")).collect();
    assert!(copies.len() == 1 && field(copies[0], "Message-ID").unwrap().ends_with("@velo.example>"), "{stored:?}");
}

/// A field that no rule names goes from what a person sends, and stays in what a program sends by itself.
#[test]
fn a_machine_keeps_its_own_fields() {
    let stack = Stack::start();
    let letter = "From: <alice@velo.example>\r\nX-Club-Backup: 17 files\r\nUser-Agent: canary\r\nSubject: x\r\n\r\nhello\r\n";
    for (round, (kind, kept)) in [("person", 0), ("machine", 1), ("person", 1)].into_iter().enumerate() {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_nologd"));
        command.args(["mailbox", "set", ALICE.address, "--kind", kind]).arg("--socket").arg(stack.place.path("admin.sock"));
        succeed(&mut command);
        let mut imap = Client::connect(stack.ports().imaps, &["imap"]).unwrap();
        imap.log_in_to_inbox(ALICE).unwrap();
        imap.imap(&format!("APPEND Sent {{{}+}}\r\n{letter}", letter.len()), "APPEND to Sent").unwrap();
        let mut smtp = Client::connect(stack.ports().submissions, &[]).unwrap();
        smtp.log_in_to_submission("laptop", ALICE).unwrap();
        smtp.smtp("MAIL FROM:<alice@velo.example>\r\n", "250", "MAIL").unwrap();
        smtp.smtp("RCPT TO:<bob@velo.example>\r\n", "250", "RCPT").unwrap();
        smtp.smtp("DATA\r\n", "354", "DATA").unwrap();
        smtp.smtp(&format!("{letter}.\r\n"), "250", "message").unwrap();
        for (member, folder) in [(ALICE, "Sent"), (BOB, "")] {
            let all: Vec<_> = stack.messages(member, folder, round + 1).iter().map(|message| text(message)).collect();
            assert_eq!(all.iter().filter(|message| field(message, "X-Club-Backup").is_some()).count(), kept, "{kind}: {all:?}");
            assert!(all.iter().all(|message| !message.contains("canary")), "{all:?}");
        }
    }
}

/// A letter with every header of the drop list: what is delivered and what is kept in Sent, compared byte for byte with a file.
#[test]
fn no_trace_is_left_in_the_delivered_and_the_sent_copy() {
    let stack = Stack::start();
    let letter = lines_of("traces.eml");
    let mut imap = Client::connect(stack.ports().imaps, &["imap"]).unwrap();
    imap.log_in_to_inbox(ALICE).unwrap();
    imap.imap(&format!("APPEND Sent (\\Seen) {{{}+}}\r\n{letter}", letter.len()), "APPEND to Sent").unwrap();
    imap.imap(&format!("APPEND Drafts (\\Draft) {{{}+}}\r\n{letter}", letter.len()), "APPEND to Drafts").unwrap();

    let sent = text(&stack.messages(ALICE, "Sent", 1)[0]);
    let id = field(&sent, "Message-ID").expect("Message-ID").trim_start_matches('<').split('@').next().unwrap().to_owned();
    assert!(id.len() >= 16, "{id}");
    let expected = lines_of("traces.sent").replace("@ID@", &id);
    assert_eq!(sent, expected, "the copy in Sent");
    assert_eq!(text(&stack.messages(ALICE, "Drafts", 1)[0]), letter, "a draft is nobody's business");

    let mut smtp = Client::connect(stack.ports().submissions, &[]).unwrap();
    smtp.log_in_to_submission("canary-ehlo.local", ALICE).unwrap();
    smtp.smtp("MAIL FROM:<alice@velo.example> AUTH=canary-login@velo.example\r\n", "250", "MAIL").unwrap();
    smtp.smtp("RCPT TO:<bob@velo.example>\r\nRCPT TO:<david@jardin.example>\r\n", "250", "RCPT").unwrap();
    smtp.smtp("", "250", "RCPT").unwrap();
    smtp.smtp("DATA\r\n", "354", "DATA").unwrap();
    smtp.smtp(&format!("{}.\r\n", letter.replace("\r\n.", "\r\n..")), "250", "message").unwrap();
    for member in [BOB, &MEMBERS[3]] {
        let received = text(&stack.messages(member, "", 1)[0]);
        assert_eq!(
            without_delivery(&received),
            expected.replace("Bcc: David <david@jardin.example>\r\n", ""),
            "{}",
            member.address
        );
        assert!(!received.to_lowercase().contains("canary"), "{received}");
    }
    for log in [stack.dovecot.log(), stack.postfix.log().to_owned()] {
        let log = String::from_utf8_lossy(&fs::read(log).unwrap()).to_lowercase();
        assert!(!log.contains("canary"), "the mail servers behind were told more than the envelope:\n{log}");
    }
}

fn login(member: &Member) -> String {
    format!("{}:{}", member.address, member.password)
}

/// A file of `tests/interop` with the line ends of mail.
fn lines_of(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop").join(file);
    fs::read_to_string(path).unwrap().replace('\n', "\r\n")
}

/// A stored message with the line ends of mail: Dovecot keeps LF alone, mutt stores what it likes.
fn text(message: &[u8]) -> String {
    String::from_utf8_lossy(message).replace("\r\n", "\n").replace('\n', "\r\n")
}

/// The value of the first field `name`, unfolded as far as these tests need it.
fn field(message: &str, name: &str) -> Option<String> {
    let header = message.split("\r\n\r\n").next()?.replace("\r\n\t", " ").replace("\r\n ", " ");
    header.lines().find_map(|line| {
        let (field, value) = line.split_once(':')?;
        field.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    })
}

/// Without what Dovecot, Postfix and nologd put on top: Return-Path, Received, which must be three, and where the message had
/// one recipient Delivered-To.
fn without_delivery(message: &str) -> String {
    let from = message.find("\r\nFrom: ").expect("From") + 2;
    let (top, rest) = message.split_at(from);
    let names: Vec<_> =
        top.lines().filter(|line| !line.starts_with([' ', '\t'])).filter_map(|line| line.split(':').next()).collect();
    let names: Vec<_> = names.into_iter().filter(|name| *name != "Delivered-To").collect();
    assert_eq!(names, ["Return-Path", "Received", "Received", "Received"], "{top}");
    rest.to_owned()
}
