//! Members who log in without a domain, where the config says which one is meant: reading, sending, from the webmail; the mail server and the
//! book know them by their whole address.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use nologd::demo::{Client, MEMBERS, Member};

use super::lmtp::Talk;
use crate::support::{Stack, restart};

fn bare(member: &Member) -> Member {
    Member { address: member.address.split_once('@').unwrap().0, password: member.password }
}

/// Whether IMAP in the clear lets `user` in.
fn webmail(port: u16, user: &str, password: &str) -> bool {
    let mut stream = BufReader::new(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap());
    stream.get_ref().set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.get_mut().write_all(format!("t LOGIN {user} {password}\r\n").as_bytes()).unwrap();
    let answer = stream.lines().map_while(Result::ok).find(|line| line.starts_with("t "));
    answer.unwrap().starts_with("t OK")
}

#[test]
fn a_login_without_a_domain_is_one_of_the_default_domain() {
    let mut stack = Stack::start();
    let ports = stack.ports();
    let [alice, chloe] = [&MEMBERS[0], &MEMBERS[2]];
    // Nobody said which domain: nobody.
    assert!(Client::connect(ports.imaps, &["imap"]).unwrap().log_in_to_inbox(&bare(alice)).is_err());
    assert!(!webmail(ports.webmail_imap, "alice", alice.password));
    let _again = restart(&mut stack, |config| {
        let webmail = format!("address = \"127.0.0.1:{}\"\n", ports.webmail_submission);
        let own = format!("{webmail}default_domain = \"jardin.example\"\n");
        format!("default_domain = \"velo.example\"\n{}", config.replace(&webmail, &own))
    });
    let [letters, none] = [true, false].map(|is_bare| {
        let mut reads = Client::connect(ports.imaps, &["imap"]).unwrap();
        reads.log_in_to_inbox(&if is_bare { bare(alice) } else { Member { ..*alice } }).unwrap();
        if is_bare {
            reads.send(b"t APPEND INBOX {32+}\r\nSubject: hers\r\n\r\n0123456789abc\r\n\r\n", "APPEND").unwrap();
            while !reads.line("APPEND").unwrap().starts_with(b"t OK") {}
        }
        reads.imap("GETQUOTAROOT INBOX", "how full it is").unwrap()
    });
    assert!(letters == none && !letters.is_empty(), "the book knows two people");
    assert_eq!(stack.messages(alice, "", 1).len(), 1);
    assert!(webmail(ports.webmail_imap, "alice", alice.password) && webmail(ports.webmail_imap, alice.address, alice.password));
    assert!(!webmail(ports.webmail_imap, "alice", "wrong") && !webmail(ports.webmail_imap, "chloe", chloe.password));
    // Who sends writes as the whole address, and as no other.
    let mut sends = Client::connect(ports.submissions, &[]).unwrap();
    sends.log_in_to_submission("laptop.example", &bare(alice)).unwrap();
    sends.smtp("MAIL FROM:<alice@velo.example>\r\n", "250", "her own address").unwrap();
    let mut others = Client::connect(ports.submissions, &[]).unwrap();
    others.log_in_to_submission("laptop.example", &bare(alice)).unwrap();
    assert!(others.smtp("MAIL FROM:<alice@jardin.example>\r\n", "250", "another's").is_err());
    // A listener's own domain goes before the other.
    let mut talk = Talk::connect(ports.webmail_submission, "EHLO webmail.example");
    use base64::Engine as _;
    let secret = base64::engine::general_purpose::STANDARD.encode(format!("\0chloe\0{}", chloe.password));
    assert!(talk.say(&format!("AUTH PLAIN {secret}")).starts_with("235"));
    assert!(talk.say("MAIL FROM:<chloe@jardin.example>").starts_with("250"));
}
