//! The filters of a real Roundcube (its plugin `managesieve`) in a real browser, through the listener for a webmail. Needs root, for Postfix.

#![allow(clippy::unwrap_used)] // a test that cannot go on must say where

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use nologd::demo::{MEMBERS, Webmail};

use crate::sieve::Sieve;
use crate::support::{client, succeed};

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
    drop(sieve.process);
}
