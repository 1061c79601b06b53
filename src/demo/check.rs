//! The check of the demo: one letter full of traces goes out by submission and is read back by IMAP. None may be left.

use std::time::{Duration, Instant};

use super::client::Client;
use super::daemon::Daemon;
use super::say::say;
use super::{MEMBERS, Trouble, Webmail};

/// What the letter says about the machine and the person it was written with.
const HEADER: &[&str] = &[
    "Received: from canary-laptop.local (unknown [198.51.100.77]) by canary-agent.local; Thu, 1 Jan 2026 18:30:01 +0900",
    "X-Originating-IP: [198.51.100.77]",
    "X-Sender: canary-login@velo.example",
    "From: Alice <alice@velo.example>",
    "To: Bob <bob@velo.example>",
    "Bcc: Canary <chloe@jardin.example>",
    "Subject: A ride on Sunday",
    "Date: Thu, 1 Jan 2026 18:30:00 +0900",
    "Message-ID: <canary-6955b0a8.4711@canary-laptop.local>",
    "User-Agent: CanaryMail/78.1 (X11; canary-os; rv:1.0)",
    "X-Mailer: CanaryMail [build 4711]",
    "MIME-Version: 1.0 (CanaryMail framework v7)",
    "Content-Language: fr-CA",
    "Content-Type: text/plain; charset=utf-8",
];
const BODY: &str = "We meet at the bridge at ten.\r\n.. and two dots stay two dots.\r\n";
/// Parts of the letter, and of the session that sent it, that nobody but the sender may ever see.
const TRACES: &[&str] = &["canary", "198.51.100.77", "+0900", "4711", "chloe@", "fr-CA"];
/// What must arrive as it was written.
const KEPT: &[&str] = &[
    "From: Alice <alice@velo.example>\r\n",
    "To: Bob <bob@velo.example>\r\n",
    "Subject: A ride on Sunday\r\n",
    "Date: Thu, 1 Jan 2026 09:30:00 +0000\r\n",
    "Message-ID: <",
    "MIME-Version: 1.0\r\n",
    "Content-Type: text/plain; charset=utf-8\r\n",
];
const COLUMN: usize = 58;

/// Sends, reads, prints both headers side by side. True when no trace is left, in the message or in what nologd said, and all the
/// rest arrived.
pub(super) fn run(daemon: &Daemon) -> Result<bool, Trouble> {
    send(daemon.ports().submissions)?;
    let received = receive(daemon.ports().imaps)?;
    let (header, body) = received.split_once("\r\n\r\n").ok_or(Trouble::Unexpected("the message has no header"))?;
    let header = format!("{header}\r\n");
    show(&header);
    let left: Vec<_> = TRACES.iter().filter(|trace| received.to_lowercase().contains(&trace.to_lowercase())).collect();
    let lost: Vec<_> = KEPT.iter().filter(|line| !header.contains(*line)).collect();
    for trace in &left {
        say(&format!("LEFT: the received message still contains \"{trace}\""));
    }
    for line in &lost {
        say(&format!("LOST: the received message has no \"{}\"", line.trim_end()));
    }
    if body != BODY {
        say("CHANGED: the body is not the one that was sent");
    }
    let silent = is_silent(daemon)?;
    if !silent {
        say("TOLD: nologd wrote something about the people in the demo");
    }
    Ok(left.is_empty() && lost.is_empty() && body == BODY && silent)
}

/// Logs in to the webmail, over plain HTTP as a browser would, and looks for the letter.
pub(super) fn webmail(webmail: &Webmail) -> Result<bool, Trouble> {
    let member = &MEMBERS[1];
    let shown = webmail.inbox(member)?.contains("A ride on Sunday");
    say(&match shown {
        true => format!("Webmail: {} logged in to Roundcube over HTTP, and the letter is in its list", member.address),
        false => "Webmail: Roundcube does not show the letter".to_owned(),
    });
    Ok(shown)
}

fn is_silent(daemon: &Daemon) -> Result<bool, Trouble> {
    let said = std::fs::read_to_string(daemon.output()).map_err(Trouble::Folder)?.to_lowercase();
    let mut words = TRACES.iter().copied().chain(MEMBERS.iter().map(|member| member.address)).chain(["a ride on"]);
    Ok(!words.any(|word| said.contains(&word.to_lowercase())))
}

fn send(port: u16) -> Result<(), Trouble> {
    let mut client = Client::connect(port, &[])?;
    client.log_in_to_submission("canary-ehlo.local", &MEMBERS[0])?;
    client.smtp("MAIL FROM:<alice@velo.example>\r\n", "250", "MAIL")?;
    client.smtp("RCPT TO:<bob@velo.example>\r\n", "250", "RCPT")?;
    client.smtp("DATA\r\n", "354", "DATA")?;
    // RFC 5321 4.5.2: a line that begins with a dot gets another one.
    let body = BODY.replace("\r\n.", "\r\n..");
    client.smtp(&format!("{}\r\n\r\n{body}.\r\n", HEADER.join("\r\n")), "250", "the message")?;
    client.smtp("QUIT\r\n", "221", "QUIT").map(drop)
}

fn receive(port: u16) -> Result<String, Trouble> {
    let mut client = Client::connect(port, &["imap"])?;
    client.log_in_to_inbox(&MEMBERS[1])?;
    let end = Instant::now() + Duration::from_secs(20);
    while !client.imap("SEARCH ALL", "SEARCH")?.starts_with(b"* SEARCH 1") {
        if Instant::now() > end {
            return Err(Trouble::Unexpected("the message did not arrive"));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let answer = client.imap("FETCH 1 (BODY.PEEK[])", "FETCH")?;
    client.imap("LOGOUT", "LOGOUT")?;
    let answer = String::from_utf8_lossy(&answer);
    let (_, message) = answer.split_once("}\r\n").ok_or(Trouble::Unexpected("FETCH has no message"))?;
    let (message, _) = message.rsplit_once(")\r\n").ok_or(Trouble::Unexpected("FETCH has no end"))?;
    Ok(message.to_owned())
}

fn show(header: &str) {
    let mut received = fields(header);
    say(&format!("{:COLUMN$}   {}", "AS IT WAS SENT", "AS IT ARRIVED"));
    for line in HEADER {
        let same = received.iter().position(|field| name(field) == name(line) && !by_a_server(field));
        let arrived = same.map_or_else(|| "-".to_owned(), |position| received.remove(position));
        columns(line, &arrived);
    }
    for added in received {
        columns("", &added);
    }
}

// Every server adds its own Received on top; ours and the last one's are no traces of the sender.
fn by_a_server(field: &str) -> bool {
    name(field) == "received" && !field.contains("canary")
}

fn columns(left: &str, right: &str) {
    let (left, right) = (wrap(left), wrap(right));
    let empty = String::new();
    for row in 0..left.len().max(right.len()) {
        let (left, right) = (left.get(row).unwrap_or(&empty), right.get(row).unwrap_or(&empty));
        say(format!("{left:COLUMN$} | {right}").trim_end());
    }
}

fn wrap(text: &str) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    letters.chunks(COLUMN).map(|chunk| chunk.iter().collect()).collect()
}

/// The fields of a header, unfolded.
fn fields(header: &str) -> Vec<String> {
    let mut fields: Vec<String> = Vec::new();
    for line in header.lines() {
        match fields.last_mut() {
            Some(last) if line.starts_with([' ', '\t']) => {
                last.push(' ');
                last.push_str(line.trim_start());
            }
            _ => fields.push(line.to_owned()),
        }
    }
    fields
}

fn name(field: &str) -> String {
    field.split(':').next().unwrap_or_default().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_trace_is_in_the_letter_so_that_its_absence_means_something() {
        let sent = format!("EHLO canary-ehlo.local\r\n{}", HEADER.join("\r\n")).to_lowercase();
        assert!(TRACES.iter().all(|trace| sent.contains(&trace.to_lowercase())));
        let kept = KEPT.concat().to_lowercase();
        assert!(TRACES.iter().all(|trace| !kept.contains(&trace.to_lowercase())));
    }

    #[test]
    fn folded_fields_become_one() {
        assert_eq!(fields("A: b\r\n\tc\r\nD: e\r\n"), ["A: b c", "D: e"]);
    }
}
