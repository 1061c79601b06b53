//! Other mail servers than Dovecot behind nologd, Cyrus IMAP and Courier, another webmail in front of it, SOGo, KMail's library for filters,
//! and rspamd, which looks at what members send, as Debian packs them.
//! `make test-others` unpacks or installs them first, and runs these. As root.

#![allow(clippy::unwrap_used)] // a test that cannot go on must say where
#![allow(clippy::print_stdout, clippy::disallowed_macros)] // what the server told, where a test fails

#[path = "others/courier.rs"]
mod courier;
#[path = "others/cyrus.rs"]
mod cyrus;
#[path = "others/front.rs"]
mod front;
#[path = "others/imaptest.rs"]
mod imaptest;
#[path = "others/kmail.rs"]
mod kmail;
#[path = "others/servers.rs"]
mod servers;
#[path = "others/sogo.rs"]
mod sogo;
#[path = "others/stories.rs"]
mod stories;

/// What docs/admin/install-from-source.md says of rspamd at the port that nologd sends through: no login comes there, and what asks for one
/// finds none. What it writes down by default is what the audit looks for, and with the lines that the audit names it is gone.
#[test]
#[ignore = "make test-others"]
fn rspamd_at_the_port_of_nologd() {
    let told = servers::rspamd();
    let expected = "signed by default: yes\n\
        a stranger's is signed: no\n\
        signed with use_domain = auth: no\n\
        signed with use_domain = header: yes\n\
        still judged with authenticated = true: yes\n\
        still judged with ip = \"127.0.0.1\": no\n\
        a limit by user holds: no\n\
        a limit by user holds with a login: yes\n\
        a limit by sender holds: yes\n\
        by default: log\n\
        by default: history\n\
        by default: replies\n\
        with debug_modules: log\n";
    assert_eq!(told, expected);
}
