//! Runs `tests/dialogues/submission/*.txt` in memory, at chunk sizes 1, 7 and all. The format is explained in
//! `support/dialogue.rs`, the orders at [`order`].

#![allow(clippy::unwrap_used)]

use nologd::submission::Protection;
use nologd::submission::invariants::{Play, check};

#[path = "support/dialogue.rs"]
mod dialogue;

use dialogue::{Dialogue, Side, Step, dialogues, show};

#[test]
fn in_memory() {
    let mut failed = Vec::new();
    for dialogue in dialogues("submission", 30) {
        // Some things exist in one piece only: bytes behind STARTTLS, for instance.
        let sizes = if dialogue.orders("whole") { &[usize::MAX][..] } else { &[1, 7, usize::MAX] };
        for size in sizes.iter().copied() {
            if let Err(why) = run(&dialogue, size) {
                failed.push(format!("{} at chunk size {size}: {why}", dialogue.name));
                break;
            }
        }
    }
    assert!(failed.is_empty(), "\n{}", failed.join("\n"));
}

/// The client's bytes of all dialogues in one conversation each, against a relay that says yes: same result in any pieces.
#[test]
fn chunking_changes_nothing() {
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for dialogue in dialogues("submission", 30) {
        let client: Vec<u8> = dialogue.steps.iter().flat_map(|(_, step)| sent_by_client(step)).copied().collect();
        let login = b"EHLO x\r\nAUTH PLAIN AGFsaWNlQGFzc28uZXhhbXBsZQByaWdodA==\r\n";
        for start in [&b""[..], login, &[&login[..], b"MAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\nDATA\r\n"].concat()] {
            let input = [start, &client].concat();
            check(&input, &mut || {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                random
            });
        }
    }
}

fn sent_by_client(step: &Step) -> &[u8] {
    if let Step::Send(Side::Client, bytes) = step { bytes } else { &[] }
}

fn run(dialogue: &Dialogue, size: usize) -> Result<(), String> {
    let protection = if dialogue.orders("listener starttls") { Protection::StartTls } else { Protection::Secure };
    let mut play = Play::new(protection);
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

fn order(play: &mut Play, order: &str, size: usize) -> Result<(), String> {
    let holds = match order {
        "listener starttls" | "whole" | "judged by the relay" => true,
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
        "relay hung up" => !play.is_connected(),
        "relay kept" => play.is_connected(),
        "closed" => play.is_closed(),
        "open" => !play.is_closed(),
        _ => return Err("no such order".into()),
    };
    if holds { Ok(()) } else { Err(format!("not so: {order}; C< {:?}", show(&play.to_client))) }
}

fn send(play: &mut Play, side: Side, bytes: &[u8], size: usize) {
    for piece in bytes.chunks(size.min(bytes.len().max(1))) {
        match side {
            Side::Client => play.client(piece),
            Side::Backend => play.relay(piece),
        }
    }
}
