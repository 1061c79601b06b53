//! The filters of a real Roundcube (its plugin `managesieve`) in a real browser, through the listener for a webmail. Needs root, for Postfix.

#![allow(clippy::unwrap_used)] // a test that cannot go on must say where

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use nologd::demo::{MEMBERS, Webmail};

use crate::sieve::Sieve;
use crate::support::{client, succeed};
use crate::wire::Wire;

/// As docs/admin/webmail.md has it.
const PLUGIN: &str = "\n$config['plugins'] = ['managesieve'];\n$config['managesieve_auth_type'] = 'PLAIN';\n";

#[test]
fn a_member_makes_filters_in_the_webmail_and_none_that_sends_mail_on() {
    assert!(Path::new("/usr/share/roundcube/plugins/managesieve").exists(), "apt install roundcube-plugins");
    let sieve = Sieve::start("[sieve]\nforward = \"refuse\"\n");
    let place = &sieve.stack.place;
    let webmail = Webmail::start(place, sieve.stack.ports(), place.port().unwrap()).unwrap_or_else(|trouble| panic!("{trouble}"));
    let mut config = OpenOptions::new().append(true).open(webmail.folder().join("config.inc.php")).unwrap();
    writeln!(config, "{PLUGIN}$config['managesieve_host'] = '127.0.0.1:{}';", sieve.webmail).unwrap();
    let mut story = client("python3", "python3");
    story.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/webmail/filters.py"));
    story.env("PYTHONDONTWRITEBYTECODE", "1").env("PLACE", place.folder());
    story.env("WEBMAIL", webmail.port().to_string()).env("DRIVER", place.port().unwrap().to_string());
    succeed(&mut story);

    // What the mail server has, and only that.
    let home = sieve.stack.dovecot.maildir(MEMBERS[0].address);
    let scripts = home.parent().unwrap().join("sieve");
    let text: String = fs::read_dir(&scripts).unwrap().filter_map(|file| fs::read_to_string(file.unwrap().path()).ok()).collect();
    assert!(text.contains("fileinto") && text.contains("Rides") && !text.contains("redirect"), "{text}");

    // A letter that comes in by nologd goes where the member has said, and nowhere else.
    let has_it = |folder: &str| {
        let files = ["new", "cur"].map(|part| fs::read_dir(home.join(folder).join(part)).into_iter().flatten().flatten());
        let mut texts = files.into_iter().flatten().filter_map(|file| fs::read_to_string(file.path()).ok());
        texts.any(|text| text.contains("Subject: a ride on sunday"))
    };
    assert!(!has_it("") && !has_it(".Trash"));
    let mut lmtp = Wire::plain(sieve.stack.ports().lmtp);
    lmtp.until("220 ");
    lmtp.ask("LHLO relay.example\r\n", "250 ");
    lmtp.ask("MAIL FROM:<david@jardin.example>\r\n", "250 ");
    lmtp.ask(&format!("RCPT TO:<{}>\r\n", MEMBERS[0].address), "250 ");
    lmtp.ask("DATA\r\n", "354 ");
    let letter = "From: david@jardin.example\r\nSubject: a ride on sunday\r\n\r\nAt ten.\r\n.\r\n";
    lmtp.ask(letter, "250 ");
    assert!(has_it(".Trash") && !has_it(""), "in the folder that the filter names");
    drop(sieve.process);
}
