//! `nologd demo`: a real mail server, a relay and nologd on loopback, all under one temporary folder, gone at Ctrl-C.
//!
//! The same parts carry the interop tests, which put a real Postfix where the demo has its own small relay.

mod authority;
mod check;
mod client;
mod daemon;
mod dovecot;
mod etcd;
mod many;
mod nodes;
mod people;
mod place;
mod postfix;
mod process;
mod program;
mod relay;
mod say;
mod stop;
mod trouble;
mod webmail;

pub use authority::certificate;
pub use client::Client;
pub use daemon::{Behind, CERTIFICATE, Daemon, Ports};
pub use dovecot::{Dialect, Dovecot};
pub use etcd::EtcdServer;
pub use people::{ASSOCIATIONS, DemoAssociation, MEMBERS, Member};
pub use place::{Owner, Place};
pub use postfix::Postfix;
pub use process::Process;
pub use program::Program;
pub use relay::Relay;
pub use trouble::Trouble;
pub use webmail::Webmail;

use std::process::ExitCode;
use std::time::Duration;

use say::say;
use stop::Stop;

/// Starts everything, on request with a `webmail` in front or with several `nodes`, and waits for Ctrl-C; or, with `check`, sends letters through it
/// and looks at what arrives. Success only if all went well and, with `check`, no trace was left.
pub fn run(check: bool, webmail: bool, nodes: Option<u8>) -> ExitCode {
    let done = match nodes {
        Some(count) => many::demo(count.into(), check),
        None => demo(check, webmail),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(trouble) => {
            say(&format!("nologd demo: {trouble}"));
            ExitCode::FAILURE
        }
    }
}

fn demo(check: bool, webmail: bool) -> Result<bool, Trouble> {
    // First of all: from here on, Ctrl-C waits until everything can be taken down.
    let mut stop = Stop::new().map_err(Trouble::Folder)?;
    let place = Place::new()?;
    let dovecot = Dovecot::start(&place, "dovecot")?;
    let relay = Relay::start(&place, dovecot.lmtp())?;
    let ports = if check { Ports::any(&place)? } else { Ports::usual(&place)? };
    let behind = Behind { name: "store1", imap: dovecot.imap(), lmtp: dovecot.lmtp(), relay: relay.smtp() };
    let program = std::env::current_exe().map_err(Trouble::Folder)?;
    let result = Daemon::start(&place, &program, ports, &[behind], &[]);
    if result.is_err() {
        // What it wrote goes away with the folder.
        say(std::fs::read_to_string(place.path("nologd.out")).unwrap_or_default().trim_end());
    }
    let mut daemon = result?;
    let webmail = webmail.then(|| start_webmail(&place, ports, check)).transpose()?;
    // Dropped at the end in the order of this list: the place comes last.
    let good = if check { letter(&daemon, webmail.as_ref()) } else { wait(&mut stop, &mut daemon, &place, webmail.as_ref()) };
    drop(webmail);
    drop(daemon);
    drop(relay);
    drop(dovecot);
    drop(place);
    good
}

fn start_webmail(place: &Place, daemon: Ports, check: bool) -> Result<Webmail, Trouble> {
    Webmail::start(place, daemon, if check { place.port()? } else { place.port_near(10_080)? })
}

fn letter(daemon: &Daemon, webmail: Option<&Webmail>) -> Result<bool, Trouble> {
    let mut clean = check::run(daemon)?;
    if let Some(webmail) = webmail {
        clean &= check::webmail(webmail)?;
    }
    say(if clean { "demo check: passed" } else { "demo check: FAILED" });
    Ok(clean)
}

fn wait(stop: &mut Stop, daemon: &mut Daemon, place: &Place, webmail: Option<&Webmail>) -> Result<bool, Trouble> {
    explain(daemon.ports(), place, webmail);
    while !stop.came_within(Duration::from_secs(1)) {
        if daemon.process().ended().is_some() {
            say(std::fs::read_to_string(daemon.output()).unwrap_or_default().trim_end());
            return Err(Trouble::NotStarted(Program::Nologd));
        }
    }
    say("\nTaking everything down.");
    Ok(true)
}

fn explain(ports: Ports, place: &Place, webmail: Option<&Webmail>) {
    let Ports { imaps, imap, submissions, submission, .. } = ports;
    let certificate = place.path("certs/mail.nolog.example/fullchain.pem");
    let certificate = certificate.display();
    let alice = &MEMBERS[0];
    say("nologd runs in front of a real Dovecot, for two associations with two mailboxes each:\n");
    for member in &MEMBERS {
        say(&format!("    {:24} password {}", member.address, member.password));
    }
    if let Some(webmail) = webmail {
        say(&format!("\nIn a browser, a Roundcube with these logins: {}", webmail.address()));
    }
    say(&format!(
        "\nIn a mail program (accept the example certificate when it asks):\n\n\
         \x20   incoming  IMAP  server 127.0.0.1  port {imaps}  SSL/TLS   (or port {imap} with STARTTLS)\n\
         \x20   outgoing  SMTP  server 127.0.0.1  port {submissions}  SSL/TLS   (or port {submission} with STARTTLS)\n\
         \x20   user name: the whole address; authentication: normal password\n\n\
         From a shell:\n\n\
         \x20   curl --cacert {certificate} --user {}:{} imaps://localhost:{imaps}/\n\
         \x20   openssl s_client -quiet -CAfile {certificate} -connect 127.0.0.1:{imaps}",
        alice.address, alice.password
    ));
    explain_quota(imaps, alice, place);
    say(&format!("\nEverything lives under {} and is gone after Ctrl-C.", place.folder().display()));
}

/// How to lower a limit and run into it.
fn explain_quota(imaps: u16, alice: &Member, place: &Place) {
    let (address, password) = (alice.address, alice.password);
    let program = std::env::current_exe().unwrap_or_else(|_| "nologd".into());
    let certificate = place.path("certs/mail.nolog.example/fullchain.pem");
    let (program, certificate, socket) = (program.display(), certificate.display(), place.path(daemon::SOCKET));
    say(&format!(
        "\nTo see a quota at work, in another shell{}:\n\n\
         \x20   export NOLOGD_SOCKET={}\n\
         \x20   {program} status\n\
         \x20   {program} mailbox set {address} --storage 500\n\
         \x20   curl --cacert {certificate} --user {address}:{password} -v -T {certificate} imaps://localhost:{imaps}/INBOX\n\
         \x20   {program} mailbox set {address} --storage default\n\n\
         The 500 octets are less than the file that curl wants to store: look for NO [OVERQUOTA] and the code word. A mail\n\
         program is refused in the same way, when it saves a draft or the copy of a message that it has sent.",
        if nix::unistd::Uid::effective().is_root() { " (as root)" } else { "" },
        socket.display()
    ));
}
