//! `nologd check --connect` against a real Dovecot and a real Postfix: silent about what is well, and a sentence for what is not.

use std::path::PathBuf;
use std::process::Command;

use nologd::demo::{Behind, Dovecot, MEMBERS, Place, Ports, Postfix};

use crate::support::{run_any, start_daemon_at};

/// All of it in one place, with `settings` of Postfix in which `@LMTP@` is nologd's own listener. What the check says.
fn check(settings: &str, change: impl Fn(String) -> String) -> (bool, String) {
    let place = Place::new().unwrap();
    let ports = Ports::any(&place).unwrap();
    let dovecot = Dovecot::start(&place, "dovecot").unwrap();
    let settings = settings.replace("@LMTP@", &ports.lmtp.to_string()).replace("@POLICY@", &ports.policy.to_string());
    let postfix = Postfix::start_with(&place, dovecot.lmtp(), &settings).unwrap();
    let behind = Behind { name: "store1", imap: dovecot.imap(), lmtp: dovecot.lmtp(), relay: postfix.smtp() };
    let daemon = start_daemon_at(&place, ports, &[behind], &[]);
    let text = change(std::fs::read_to_string(daemon.config()).unwrap());
    let config = place.write("other.toml", text.as_bytes()).unwrap();
    let password = place.write("password", MEMBERS[0].password.as_bytes()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_nologd"));
    let folders: [PathBuf; 2] = [place.path("postfix"), place.path("dovecot/dovecot.conf")];
    command.args(["check", "--connect", "--login", MEMBERS[0].address]).arg("--config").arg(config);
    command.arg("--password-file").arg(password).arg("--postfix").arg(&folders[0]).arg("--dovecot").arg(&folders[1]);
    run_any(&mut command)
}

const RIGHT: &str = "virtual_transport = lmtp:inet:127.0.0.1:@LMTP@\n\
    smtpd_recipient_restrictions = permit_mynetworks, reject_unauth_destination, check_policy_service inet:127.0.0.1:@POLICY@\n";

#[test]
fn a_host_that_is_set_up_right_is_good() {
    let (good, said) = check(RIGHT, |text| text);
    assert!(good && said.contains(": good: "), "{said}");
    // What Dovecot of the demo lacks is told, and is no reason to refuse.
    assert!(said.contains("has no plugin quota") && !said.contains("nologd: "), "{said}");
}

#[test]
fn what_goes_around_or_nowhere_is_named() {
    let wrong = "virtual_mailbox_domains = velo.example, else.example\nmydestination = jardin.example\n\
        smtpd_recipient_restrictions = reject_unauth_destination\nsmtpd_relay_restrictions = reject_unauth_destination\n\
        transport_maps = static:lmtp:inet:127.0.0.1:24\n";
    let (good, said) = check(wrong, |text| text);
    assert!(!good, "{said}");
    for sentence in [
        "Postfix: takes no mail for jardin.example",
        "Postfix: takes mail for else.example, which no association has",
        "Postfix: jardin.example stands in mydestination",
        "incoming mail goes around nologd, and limits do not hold for it. Write virtual_transport = lmtp:inet:127.0.0.1:",
        "static:lmtp:inet:127.0.0.1:24 sends the mail of velo.example to lmtp:inet:127.0.0.1:24, around nologd",
        "Members' mail to others would be refused: in master.cf",
        "judges members' mail by the smtpd_recipient_restrictions of main.cf",
        "Postfix: does not ask at 127.0.0.1:",
    ] {
        assert!(said.contains(sentence), "{sentence} is missing in\n{said}");
    }
}

/// A port that is the wrong one, though something answers there; and a mailbox that cannot be logged in to.
#[test]
fn another_protocol_behind_a_port_is_named() {
    let swap = |text: String| {
        let line = |key: &str| text.lines().find(|line| line.starts_with(key)).unwrap().to_owned();
        let port = |line: &str| line.rsplit(':').next().unwrap().trim_end_matches('"').to_owned();
        let (imap, relay) = (line("imap  = "), line("relay = "));
        let text =
            text.replace(&imap, &imap.replace(&port(&imap), "@")).replace(&relay, &relay.replace(&port(&relay), &port(&imap)));
        text.replace("imap://127.0.0.1:@", &format!("imap://127.0.0.1:{}", port(&relay)))
    };
    let (good, said) = check(RIGHT, swap);
    assert!(!good && said.contains("which is no IMAP server that takes logins"), "{said}");
    assert!(said.contains("relay = 127.0.0.1:") && said.contains("what it says is not this protocol"), "{said}");
}

/// A book that is not known is no empty one: nothing is said to be lacking in it.
#[test]
fn a_book_that_cannot_be_read_is_compared_with_nothing() {
    let elsewhere = |text: String| text.replace("admin.sock", "nobody.sock");
    let (_, said) = check(&format!("virtual_mailbox_domains = else.example\n{RIGHT}"), elsewhere);
    assert!(said.contains("what is in its book was not looked at"), "{said}");
    assert!(
        !said.contains("no association has") && !said.contains("takes no mail for") && !said.contains("not in the book"),
        "{said}"
    );
}
