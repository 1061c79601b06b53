//! Runs `tests/dialogues/submission/*.txt` in memory, at chunk sizes 1, 7 and all.
//!
//! One line each:
//! - `C> text` the client sends, `B> text` the relay sends; lines of one side that follow each other are sent as one piece.
//! - `C< text` the client must receive, `B< text` the relay must receive; `[...]` at the end stands for any rest of the line.
//!   What is received and not expected fails, so no line for B means that the relay hears nothing.
//! - `B~` the relay may have received more of a message, but not its end.
//! - `\r` `\n` `\0` `\\` `\xNN` are what they are in Rust; a single `\` at the end leaves the CRLF out.
//! - `! ...` does or checks something; see [`order`]. `#` is a comment.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::PathBuf;

use nologd::submission::Protection;
use nologd::submission::invariants::{Play, check};

#[test]
fn dialogues() {
    let mut failed = Vec::new();
    let files = files();
    assert!(files.len() > 10, "the dialogues were not found");
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        // Some things exist in one piece only: bytes behind STARTTLS, for instance.
        let sizes = if text.contains("\n! whole") { &[usize::MAX][..] } else { &[1, 7, usize::MAX] };
        for size in sizes.iter().copied() {
            if let Err(why) = run(&text, size) {
                failed.push(format!("{} at chunk size {size}: {why}", file.file_name().unwrap().to_string_lossy()));
                break;
            }
        }
    }
    assert!(failed.is_empty(), "\n{}", failed.join("\n"));
}

/// The client's lines of all dialogues in any order, as a mail program would never send them.
#[test]
fn any_order_of_lines_holds_the_invariants() {
    let mut random = xorshift();
    let ends = ["\\r\\n.\\r\\n\\", "\\r\\", "\\n\\", ".\\", "BDAT 5 LAST", "BDAT 30", "DATA", "From: alice@asso.example\\r\\n"];
    let mut lines: Vec<Vec<u8>> = ends.iter().map(|line| bytes(line)).collect();
    for file in files() {
        let text = fs::read_to_string(&file).unwrap();
        lines.extend(text.lines().filter(|line| line.len() < 300).filter_map(|line| line.strip_prefix("C> ")).map(bytes));
    }
    let login = b"EHLO x\r\nAUTH PLAIN AGFsaWNlQGFzc28uZXhhbXBsZQByaWdodA==\r\n";
    for _ in 0..300 {
        let mut input = [&login[..], b"MAIL FROM:<alice@asso.example>\r\nRCPT TO:<b@c.example>\r\n"].concat();
        for _ in 0..random() % 30 {
            let pick = usize::try_from(random()).unwrap() % lines.len();
            input.extend_from_slice(&lines[pick]);
        }
        check(&input, &mut random);
    }
}

fn xorshift() -> impl FnMut() -> u64 {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    }
}

/// The client's bytes of all dialogues in one conversation each, against a relay that says yes: same result in any pieces.
#[test]
fn chunking_changes_nothing() {
    let mut random = xorshift();
    for file in files() {
        let text = fs::read_to_string(&file).unwrap();
        let client: Vec<u8> = text.lines().filter_map(|line| line.strip_prefix("C> ")).flat_map(bytes).collect();
        let login = b"EHLO x\r\nAUTH PLAIN AGFsaWNlQGFzc28uZXhhbXBsZQByaWdodA==\r\n";
        for start in [&b""[..], login, &[&login[..], b"MAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\nDATA\r\n"].concat()] {
            let input = [start, &client].concat();
            check(&input, &mut random);
        }
    }
}

/// A message over the bound (100,000 octets here) by either way: refused after its end, the relay is cut, the session goes on.
#[test]
fn too_long_messages_are_refused_and_nothing_is_gathered() {
    let line = "x".repeat(98) + "\r\n";
    let header = "From: alice@asso.example\r\n\r\n";
    let by_data = format!("DATA\r\n{header}{}.\r\n", line.repeat(1000));
    let by_bdat = format!("BDAT 28\r\n{header}BDAT 99973 LAST\r\n{}x", &line.repeat(1000)[..99972]);
    for (message, size) in [(&by_data, 7), (&by_data, 4096), (&by_bdat, 7), (&by_bdat, 4096)] {
        let mut play = Play::new(Protection::Secure);
        order(&mut play, "envelope", usize::MAX).unwrap();
        for piece in message.as_bytes().chunks(size) {
            play.client(piece);
            if play.to_relay.ends_with(b"DATA\r\n") {
                play.relay(b"354 go\r\n");
            }
        }
        play.client(b"NOOP\r\n");
        let told = show(&play.to_client);
        assert!(told.ends_with("552 5.3.4 Message too long (MESSAGE-TOO-LONG)\r\n250 2.0.0 OK\r\n"), "{told}");
        assert!(!play.is_connected() && !show(&play.to_relay).contains(".\r\n"));
    }
}

fn files() -> Vec<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/dialogues/submission");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|end| end == "txt"));
    files.sort();
    files
}

fn run(text: &str, size: usize) -> Result<(), String> {
    let protection = if text.contains("\n! listener starttls") { Protection::StartTls } else { Protection::Secure };
    let mut play = Play::new(protection);
    play.run();
    let mut pending: (char, Vec<u8>) = ('-', Vec::new());
    for (number, line) in text.lines().enumerate() {
        let at = |why: String| format!("line {}: {why}", number + 1);
        let (mark, rest) = line.split_at_checked(2).unwrap_or(("#", ""));
        let rest = rest.strip_prefix(' ').unwrap_or(rest);
        let side = if mark == "C>" || mark == "B>" { mark.chars().next().unwrap() } else { '-' };
        if side != pending.0 {
            send(&mut play, pending.0, &std::mem::take(&mut pending.1), size);
            pending.0 = side;
        }
        match mark {
            "C>" | "B>" => pending.1.extend(bytes(rest)),
            "C<" => expect(&mut play.to_client, rest).map_err(at)?,
            "B<" => expect(&mut play.to_relay, rest).map_err(at)?,
            // How much of a message went out before its fault was seen depends on the chunks; that it has no end does not.
            "B~" if show(&play.to_relay).contains(".\r\n") => return Err(at(format!("an end: {:?}", show(&play.to_relay)))),
            "B~" => play.to_relay.clear(),
            "! " => order(&mut play, line[2..].trim(), size).map_err(at)?,
            _ => {}
        }
    }
    send(&mut play, pending.0, &pending.1, size);
    match (play.to_client.is_empty(), play.to_relay.is_empty()) {
        (true, true) => Ok(()),
        _ => Err(format!("left over: C< {:?} B< {:?}", show(&play.to_client), show(&play.to_relay))),
    }
}

fn order(play: &mut Play, order: &str, size: usize) -> Result<(), String> {
    let holds = match order {
        "listener starttls" | "whole" => true,
        // The client is logged in as alice@asso.example.
        "logged in" => {
            let auth = b"EHLO client.example\r\nAUTH PLAIN AGFsaWNlQGFzc28uZXhhbXBsZQByaWdodA==\r\n";
            send(play, 'C', auth, size);
            let done = play.to_client.ends_with(b"235 2.7.0 Authentication successful\r\n");
            play.to_client.clear();
            done
        }
        // Logged in, MAIL and one RCPT were accepted by the relay.
        "envelope" => {
            self::order(play, "logged in", size)?;
            send(play, 'C', b"MAIL FROM:<alice@asso.example>\r\nRCPT TO:<bob@there.example>\r\n", size);
            for reply in [&b"220 relay\r\n"[..], b"250-relay\r\n250 8BITMIME\r\n", b"250 2.1.0 Ok\r\n", b"250 2.1.5 Ok\r\n"] {
                send(play, 'B', reply, size);
            }
            let done = play.to_client.ends_with(b"250 2.1.5 Ok\r\n");
            play.to_client.clear();
            play.to_relay.clear();
            done
        }
        "relay down" => {
            play.relay_up = false;
            true
        }
        "relay starttls" => {
            play.relay_starttls = true;
            true
        }
        "relay closes" => {
            play.relay_closes();
            true
        }
        "relay hung up" => !play.is_connected(),
        "relay kept" => play.is_connected(),
        "closed" => play.is_closed(),
        "open" => !play.is_closed(),
        _ => return Err("no such order".into()),
    };
    if holds { Ok(()) } else { Err(format!("not so: {order}; C< {:?}", show(&play.to_client))) }
}

fn send(play: &mut Play, side: char, bytes: &[u8], size: usize) {
    for piece in bytes.chunks(size.min(bytes.len().max(1))) {
        match side {
            'C' => play.client(piece),
            _ => play.relay(piece),
        }
    }
}

fn expect(received: &mut Vec<u8>, expected: &str) -> Result<(), String> {
    let end = received
        .windows(2)
        .position(|pair| pair == b"\r\n")
        .ok_or(format!("nothing came for {expected:?}: {:?}", show(received)))?;
    let line: Vec<u8> = received.drain(..end + 2).collect();
    let fits = match expected.strip_suffix("[...]") {
        Some(start) => line.starts_with(bytes(start).trim_ascii_end()),
        None => line == bytes(expected),
    };
    if fits { Ok(()) } else { Err(format!("expected {expected:?}, came {:?}", show(&line))) }
}

fn bytes(text: &str) -> Vec<u8> {
    let (text, end) = match text.strip_suffix('\\') {
        Some(start) if !start.ends_with('\\') => (start, ""),
        _ => (text, "\r\n"),
    };
    let (mut out, mut rest) = (Vec::new(), text);
    while let Some((plain, escape)) = rest.split_once('\\') {
        out.extend_from_slice(plain.as_bytes());
        let used = match &escape[..1] {
            "r" => (b'\r', 1),
            "n" => (b'\n', 1),
            "0" => (0, 1),
            "x" => (u8::from_str_radix(&escape[1..3], 16).unwrap(), 3),
            _ => (b'\\', 1),
        };
        out.push(used.0);
        rest = &escape[used.1..];
    }
    out.extend_from_slice(rest.as_bytes());
    out.extend_from_slice(end.as_bytes());
    out
}

fn show(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
