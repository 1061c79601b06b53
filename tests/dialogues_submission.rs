//! Runs `tests/dialogues/submission/*.txt` in memory, at chunk sizes 1, 7 and all. The format is explained in
//! `support/dialogue.rs`, the orders at [`order`].

#![allow(clippy::unwrap_used)]

use nologd::submission::invariants::{LOGGED_IN, SubmissionPlay, check};
use nologd::wire::protection::Protection;

use crate::dialogue;

use dialogue::{Dialogue, Side, Step, dialogues, every, show, xorshift};

#[test]
fn in_memory() {
    every("submission", 30, run);
}

/// The client's lines of all dialogues in any order, as a mail program would never send them.
#[test]
fn any_order_of_lines_holds_the_invariants() {
    let mut random = xorshift();
    let ends = [
        &b"\r\n.\r\n"[..],
        b"\r",
        b"\n",
        b".",
        b"BDAT 5 LAST\r\n",
        b"BDAT 30\r\n",
        b"DATA\r\n",
        b"From: alice@asso.example\r\n\r\n",
    ];
    let mut lines: Vec<Vec<u8>> = ends.iter().map(|line| line.to_vec()).collect();
    for dialogue in dialogues("submission", 30) {
        for sent in dialogue.steps.iter().map(|(_, step)| sent_by_client(step)) {
            lines.extend(sent.split_inclusive(|byte| *byte == b'\n').filter(|line| line.len() < 300).map(<[u8]>::to_vec));
        }
    }
    for _ in 0..300 {
        let mut input = [LOGGED_IN, b"MAIL FROM:<alice@asso.example>\r\nRCPT TO:<b@c.example>\r\n"].concat();
        for _ in 0..random() % 30 {
            let pick = usize::try_from(random()).unwrap() % lines.len();
            input.extend_from_slice(&lines[pick]);
        }
        check(&input, &mut random);
    }
}

/// The client's bytes of all dialogues in one conversation each, against a relay that says yes: same result in any pieces.
#[test]
fn chunking_changes_nothing() {
    let mut random = xorshift();
    for dialogue in dialogues("submission", 30) {
        let client: Vec<u8> = dialogue.steps.iter().flat_map(|(_, step)| sent_by_client(step)).copied().collect();
        for start in [&b""[..], LOGGED_IN, &[LOGGED_IN, b"MAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\nDATA\r\n"].concat()] {
            check(&[start, &client].concat(), &mut random);
        }
    }
}

/// Two things are wrong with a message, one of them so far behind the other that they come in one piece or in two.
#[test]
fn the_same_flaw_is_told_in_any_pieces() {
    let mut random = xorshift();
    let line = "x".repeat(98) + "\r\n";
    let signed = "Content-Type: multipart/signed; boundary=b; protocol=\"application/pgp-signature\"\r\n";
    for (sender, kind) in [("alice", signed), ("bob", signed), ("alice", ""), ("bob", "")] {
        for lines in [0, 40, 60, 61, 62, 63, 70, 200, 999, 1001, 1100] {
            for flaw in ["", "\n", "a\rb", "\r\r\n"] {
                let header = format!("From: {sender}@asso.example\r\n{kind}\r\n");
                let body = format!("{}{flaw}{line}", line.repeat(lines));
                let envelope = "MAIL FROM:<alice@asso.example>\r\nRCPT TO:<b@c.example>\r\n";
                let by_data = format!("{envelope}DATA\r\n{header}{body}.\r\nNOOP\r\n");
                let size = header.len() + body.len();
                let by_bdat = format!("{envelope}BDAT {size} LAST\r\n{header}{body}NOOP\r\n");
                check(&[LOGGED_IN, by_data.as_bytes()].concat(), &mut random);
                check(&[LOGGED_IN, by_bdat.as_bytes()].concat(), &mut random);
            }
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
        let mut play = SubmissionPlay::new(Protection::Secure);
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

fn sent_by_client(step: &Step) -> &[u8] {
    if let Step::Send(Side::Client, bytes) = step { bytes } else { &[] }
}

fn run(dialogue: &Dialogue, size: usize) -> Result<(), String> {
    let protection = if dialogue.orders("listener starttls") { Protection::StartTls } else { Protection::Secure };
    let mut play =
        if dialogue.orders("nothing rests") { SubmissionPlay::without_rest() } else { SubmissionPlay::new(protection) };
    play.run();
    for (number, step) in &dialogue.steps {
        let result = match step {
            Step::Send(side, bytes) => {
                send(&mut play, *side, bytes, size);
                Ok(())
            }
            Step::Expect(Side::Client, expected) => expected.take(&mut play.to_client),
            Step::Expect(Side::Backend, expected) => expected.take(&mut play.to_relay),
            // How much of a message went out before its fault was seen depends on the chunks; that it has no end does not.
            Step::Unfinished if show(&play.to_relay).contains(".\r\n") => Err(format!("an end: {:?}", show(&play.to_relay))),
            Step::Unfinished => {
                play.to_relay.clear();
                Ok(())
            }
            Step::Order(order) => self::order(&mut play, order, size),
        };
        result.map_err(|why| format!("line {number}: {why}"))?;
    }
    match (play.to_client.is_empty(), play.to_relay.is_empty()) {
        (true, true) => Ok(()),
        _ => Err(format!("left over: C< {:?} B< {:?}", show(&play.to_client), show(&play.to_relay))),
    }
}

fn order(play: &mut SubmissionPlay, order: &str, size: usize) -> Result<(), String> {
    let holds = match order {
        "listener starttls" | "whole" | "judged by the relay" | "nothing rests" => true,
        order if order.starts_with("in memory") => true,
        // The client is logged in as alice@asso.example.
        "logged in" => {
            let auth = b"EHLO client.example\r\nAUTH PLAIN AGFsaWNlQGFzc28uZXhhbXBsZQByaWdodA==\r\n";
            send(play, Side::Client, auth, size);
            let done = play.to_client.ends_with(b"235 2.7.0 Authentication successful\r\n");
            play.to_client.clear();
            done
        }
        // Logged in, MAIL and one RCPT were accepted by the relay.
        "envelope" => {
            self::order(play, "logged in", size)?;
            send(play, Side::Client, b"MAIL FROM:<alice@asso.example>\r\nRCPT TO:<bob@there.example>\r\n", size);
            for reply in [&b"220 relay\r\n"[..], b"250-relay\r\n250 8BITMIME\r\n", b"250 2.1.0 Ok\r\n", b"250 2.1.5 Ok\r\n"] {
                send(play, Side::Backend, reply, size);
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
        // For the totals: messages that the relay took over, and refused ones.
        order if order.starts_with("ended ") => order == format!("ended {} {}", play.ended[0], play.ended[1]),
        "next session" => {
            play.next_session();
            true
        }
        "relay rests" => play.is_parked(),
        "relay does not rest" => !play.is_parked(),
        "relay hung up" => !play.is_connected(),
        "relay kept" => play.is_connected(),
        "closed" => play.is_closed(),
        "open" => !play.is_closed(),
        _ => return Err("no such order".into()),
    };
    if holds { Ok(()) } else { Err(format!("not so: {order}; C< {:?}", show(&play.to_client))) }
}

fn send(play: &mut SubmissionPlay, side: Side, bytes: &[u8], size: usize) {
    for piece in bytes.chunks(size.min(bytes.len().max(1))) {
        match side {
            Side::Client => play.client(piece),
            Side::Backend => play.relay(piece),
        }
    }
}
