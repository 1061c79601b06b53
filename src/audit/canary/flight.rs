//! What the canary does: what a member's mail program does on a good day and on a bad one, with planted values in every place.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::client::{CanaryClient, FlightPath};
use super::planted::Plants;
use super::trouble::{FlightTrouble, LOGIN, OVER_QUOTA};

/// The message goes through the relay, which may be busy.
const ARRIVAL: Duration = Duration::from_secs(60);

/// How long the answer to what is no TLS is waited for, and how long a relay that is busy is left alone.
const PATIENCE: Duration = Duration::from_secs(2);
const TRIES: u32 = 5;

/// The test mailbox.
pub(super) struct TestMailbox<'a> {
    pub address: &'a str,
    pub password: &'a str,
}

/// All steps in order. Returns their names; what a listener is not there for is left out.
pub(super) fn fly(
    imap: &FlightPath,
    submission: &FlightPath,
    login: &TestMailbox<'_>,
    plants: &Plants,
) -> Result<Vec<String>, FlightTrouble> {
    let mut steps = Vec::new();
    let mut done = |step: &str| steps.push(step.to_owned());
    wrong_password(imap, login, plants)?;
    done("wrong password");
    let (appended, quota) = session(imap, login, plants)?;
    done("login");
    done(if quota { "over quota" } else { "over quota (refused as too large: the test mailbox has no limit)" });
    done(if appended { "copy to Sent" } else { "copy to Sent (refused: is there a Sent mailbox?)" });
    broken_tls(imap, plants)?;
    broken_tls(submission, plants)?;
    done("broken TLS");
    send(submission, login, plants)?;
    done("refused sender");
    done("message to itself");
    arrive(imap, login, plants)?;
    done("message arrived");
    Ok(steps)
}

/// Removes the two messages again, from INBOX and Sent.
pub(super) fn clean_up(imap: &FlightPath, login: &TestMailbox<'_>, plants: &Plants) -> Result<(), FlightTrouble> {
    let step = "removing the test messages";
    let mut client = log_in(imap, login, step)?;
    for mailbox in ["INBOX", "Sent"] {
        if !client.imap(&format!("SELECT {mailbox}"), step)?.0 {
            continue;
        }
        for number in found(&mut client, plants, step)? {
            client.imap_expect(&format!("UID STORE {number} +FLAGS.SILENT (\\Deleted)"), step)?;
            // Without UIDPLUS it stays marked: a plain EXPUNGE would remove what others marked.
            client.imap(&format!("UID EXPUNGE {number}"), step)?;
        }
    }
    client.imap("LOGOUT", step).map(drop)
}

fn wrong_password(way: &FlightPath, login: &TestMailbox<'_>, plants: &Plants) -> Result<(), FlightTrouble> {
    let step = "login with a wrong password";
    let mut client = CanaryClient::connect(way, Some("imap"), step)?;
    client.line(step)?;
    let (taken, _) = client.imap(&format!("LOGIN {} {}", *quoted(login.address), plants.wrong_password), step)?;
    if taken { Err(FlightTrouble::Unexpected(step)) } else { Ok(()) }
}

/// ID, a copy in Sent, a message that the quota has no room for. Whether there is a Sent mailbox, and whether there is a limit.
fn session(way: &FlightPath, login: &TestMailbox<'_>, plants: &Plants) -> Result<(bool, bool), FlightTrouble> {
    let step = LOGIN;
    let mut client = CanaryClient::connect(way, Some("imap"), step)?;
    client.line(step)?;
    client.imap_expect(&format!("ID (\"name\" \"{}\" \"os\" \"{}\")", plants.imap_id, plants.machine), "ID")?;
    client.imap_expect(&credentials(login), step)?;
    let message = message(login, plants);
    let (appended, _) = client.imap(&format!("APPEND Sent (\\Seen) {{{}+}}\r\n{message}", message.len()), "APPEND to Sent")?;
    Ok((appended, over_quota(&mut client, plants)?))
}

/// Announces a message one octet larger than the room that is left. It must be refused before an octet of it is sent, with
/// OVERQUOTA, and nothing may be used after it that was not before. Without a limit, it announces what no server takes.
fn over_quota(client: &mut CanaryClient, plants: &Plants) -> Result<bool, FlightTrouble> {
    let step = OVER_QUOTA;
    let Some((used, limit)) = room(client)? else {
        // Refused, or asked for and never sent: either way the name of the mailbox has been seen.
        client.imap(&format!("APPEND {} {{999999999999}}", plants.mailbox), step)?;
        return Ok(false);
    };
    let size = limit.saturating_sub(used).saturating_add(1).saturating_mul(1024);
    // That the folder is not there comes before the quota.
    client.refused(&format!("APPEND {} {{{size}}}", plants.mailbox), step)?;
    let answer = client.refused(&format!("APPEND INBOX {{{size}}}"), step)?;
    let held = answer.contains("[OVERQUOTA]") && room(client)? == Some((used, limit));
    if held { Ok(true) } else { Err(FlightTrouble::Unexpected(step)) }
}

/// What is used and what may be used, in units of 1024 octets (RFC 9208). `None` without a limit.
fn room(client: &mut CanaryClient) -> Result<Option<(u64, u64)>, FlightTrouble> {
    let answer = client.imap_expect("GETQUOTAROOT INBOX", "GETQUOTAROOT")?;
    let quotas = answer.lines().filter(|line| line.starts_with("* QUOTA "));
    let storage = quotas.filter_map(|line| {
        let mut words = line.split_once("STORAGE ")?.1.split([' ', ')']);
        Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
    });
    // Mailbox and association may each have one: the smaller room counts.
    Ok(storage.min_by_key(|(used, limit): &(u64, u64)| limit.saturating_sub(*used)))
}

fn send(way: &FlightPath, login: &TestMailbox<'_>, plants: &Plants) -> Result<(), FlightTrouble> {
    let step = "submission";
    let mut client = CanaryClient::connect(way, None, step)?;
    client.smtp_expect("", "220", step)?;
    client.smtp_expect(&format!("EHLO {}.canary.example\r\n", plants.machine), "250", "EHLO")?;
    let secret = Zeroizing::new(format!("\0{}\0{}", login.address, login.password));
    let secret = Zeroizing::new(STANDARD.encode(secret.as_bytes()));
    client.smtp_expect(&Zeroizing::new(format!("AUTH PLAIN {}\r\n", *secret)), "235", "AUTH")?;
    let refused = client.smtp(&format!("MAIL FROM:<{}@canary.example>\r\n", plants.refused), "refused sender")?;
    if refused.starts_with('2') {
        client.smtp_expect("RSET\r\n", "250", "RSET")?;
    }
    // A relay that is busy says so, and is asked again.
    let mail = format!("MAIL FROM:<{}>\r\n", login.address);
    let busy = |answer: &Result<String, FlightTrouble>| answer.as_ref().is_ok_and(|answer| answer.starts_with('4'));
    let mut answer = client.smtp(&mail, "MAIL");
    for _ in 0..TRIES {
        if !busy(&answer) {
            break;
        }
        std::thread::sleep(PATIENCE);
        answer = client.smtp(&mail, "MAIL");
    }
    if !answer?.starts_with("250") {
        return Err(FlightTrouble::Unexpected("MAIL"));
    }
    client.smtp_expect(&format!("RCPT TO:<{}>\r\n", login.address), "250", "RCPT")?;
    client.smtp_expect("DATA\r\n", "354", "DATA")?;
    client.smtp_expect(&format!("{}.\r\n", message(login, plants)), "250", "message")?;
    client.smtp("QUIT\r\n", "QUIT").map(drop)
}

/// What goes wrong with TLS: octets that are none; a handshake with a made-up name and protocol; a client that does not trust the
/// certificate, and says so in an alert.
pub(super) fn broken_tls(way: &FlightPath, plants: &Plants) -> Result<(), FlightTrouble> {
    let step = "broken TLS";
    let mut stream = way.plain().map_err(|_| FlightTrouble::Broken(step))?;
    let _ = stream.write_all(format!("GET /{} HTTP/1.1\r\n\r\n", plants.broken).as_bytes());
    let _ = stream.set_read_timeout(Some(PATIENCE));
    let _ = stream.read(&mut [0; 512]);
    for alpn in [plants.broken.as_str(), "imap"] {
        let name = format!("{}.canary.example", plants.broken);
        if CanaryClient::connect_in_doubt(way, &name, alpn, step)?.line(step).is_ok() {
            return Err(FlightTrouble::Unexpected(step));
        }
    }
    Ok(())
}

fn arrive(way: &FlightPath, login: &TestMailbox<'_>, plants: &Plants) -> Result<(), FlightTrouble> {
    let step = "waiting for the message";
    let mut client = log_in(way, login, step)?;
    client.imap_expect("SELECT INBOX", step)?;
    let end = Instant::now() + ARRIVAL;
    while found(&mut client, plants, step)?.is_empty() {
        if Instant::now() > end {
            return Err(FlightTrouble::NotArrived);
        }
        std::thread::sleep(Duration::from_millis(300));
        client.imap("NOOP", step)?;
    }
    client.imap("LOGOUT", step).map(drop)
}

fn found(client: &mut CanaryClient, plants: &Plants, step: &'static str) -> Result<Vec<u32>, FlightTrouble> {
    let answer = client.imap_expect(&format!("UID SEARCH SUBJECT {}", plants.subject), step)?;
    let numbers = answer.lines().filter_map(|line| line.strip_prefix("* SEARCH"));
    Ok(numbers.flat_map(str::split_whitespace).filter_map(|word| word.parse().ok()).collect())
}

fn log_in(way: &FlightPath, login: &TestMailbox<'_>, step: &'static str) -> Result<CanaryClient, FlightTrouble> {
    let mut client = CanaryClient::connect(way, Some("imap"), step)?;
    client.line(step)?;
    client.imap_expect(&credentials(login), step)?;
    Ok(client)
}

fn credentials(login: &TestMailbox<'_>) -> Zeroizing<String> {
    Zeroizing::new(format!("LOGIN {} {}", *quoted(login.address), *quoted(login.password)))
}

/// A quoted string of IMAP and ManageSieve. It may be a password: sized before it is filled, so that no copy is left behind.
pub(super) fn quoted(text: &str) -> Zeroizing<String> {
    let mut quoted = Zeroizing::new(String::with_capacity(2 * text.len() + 2));
    quoted.push('"');
    for char in text.chars() {
        if matches!(char, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(char);
    }
    quoted.push('"');
    quoted
}

// The trace is one that a webmail writes. With that of a mail server, it would be old mail that is brought in, which stays as it is.
fn message(login: &TestMailbox<'_>, plants: &Plants) -> String {
    let (address, Plants { machine, user_agent, message_id, subject, body, .. }) = (login.address, plants);
    let own = plants.address;
    format!(
        "Received: from {machine}.canary.example ([{own}]) by {machine}.canary.example with HTTP; \
         Thu, 1 Jan 2026 18:30:01 +0900\r\n\
         X-Originating-IP: [{own}]\r\nFrom: <{address}>\r\nTo: <{address}>\r\nSubject: {subject}\r\n\
         Date: Thu, 1 Jan 2026 18:30:00 +0900\r\nMessage-ID: <{message_id}@{machine}.canary.example>\r\n\
         User-Agent: {user_agent}/1.0\r\nX-Mailer: {user_agent}\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n\
         A test of nologd audit. It may be deleted.\r\n{body}\r\n"
    )
}
