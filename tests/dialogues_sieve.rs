//! Runs `tests/dialogues/sieve/*.txt` in memory, at chunk sizes 1, 7 and all. The format is explained in `support/dialogue.rs`.
//!
//! Orders: `before login` (with TLS), `starttls listener` (without), `asking with starttls` (only the backend is played), else after
//! login; `backend judges` (else every login is wrong); `read-only`; `room OCTETS`; `forwarding refused`; `closed` and `tls begins`
//! are checked.

#![allow(clippy::unwrap_used)]

use nologd::sieve::invariants::{MemoryOwner, SievePlay, alice, check_sieve};
use nologd::sieve::offer::Forwarding;

use crate::dialogue;

use dialogue::{Dialogue, Side, Step as Line, dialogues, every, show, xorshift};

#[test]
fn in_memory() {
    every("sieve", 22, run);
}

/// The bytes of all dialogues, turn by turn, in random pieces, wherever a session may stand.
#[test]
fn chunking_changes_nothing() {
    let mut random = xorshift();
    for dialogue in dialogues("sieve", 22) {
        for kind in 0..16 {
            check_sieve(&script(&dialogue, kind), &mut random);
        }
    }
}

/// The same with octets changed, lost and doubled: whatever anybody says, nothing panics, nothing depends on the pieces, and a server
/// reads our commands as we meant them.
#[test]
fn what_nobody_would_say() {
    let mut random = xorshift();
    let scripts: Vec<Vec<u8>> = dialogues("sieve", 22).iter().map(|dialogue| script(dialogue, 0)).collect();
    const WORDS: &[&[u8]] = &[
        b"\r\n",
        b"\n",
        b"\r",
        b"\xff",
        b"OK\r\n",
        b"NO",
        b"BYE\r\n",
        b"\"",
        b"\\",
        b"{",
        b"{3+}\r\n",
        b"{3}\r\n",
        b"{99+}\r\n",
        b"\0",
        b"redirect",
        b"STARTTLS\r\n",
        b"LOGOUT\r\n",
        b"PUTSCRIPT \"a\" {9+}\r\n",
        b"text:",
        b"/*",
        b"#",
    ];
    for round in 0..6000 {
        let mut at = |below: usize| usize::try_from(random() % u64::try_from(below.max(1)).unwrap()).unwrap();
        let mut script = scripts[at(scripts.len())].clone();
        script[0] = u8::try_from(round % 16).unwrap();
        for _ in 0..=at(4) {
            let place = 1 + at(script.len() - 1);
            match at(3) {
                0 => drop(script.splice(place..place, WORDS[at(WORDS.len())].iter().copied())),
                1 => drop(script.drain(place..(place + at(20)).min(script.len()))),
                _ => script.get_mut(place).into_iter().for_each(|octet| *octet = octet.rotate_left(3)),
            }
        }
        check_sieve(&script, &mut random);
    }
}

/// What is refused is swallowed to its end, whatever its size, and nothing of it is held or goes on.
#[test]
fn giant_scripts() {
    for (forwarding, most) in [(Forwarding::Allow, 16 << 20), (Forwarding::Refuse, 256 << 10)] {
        let mut play = SievePlay::after(MemoryOwner::default(), forwarding);
        play.client(format!("PUTSCRIPT \"a\" {{{}+}}\r\n", most + 1).as_bytes());
        for _ in 0..(most >> 10) {
            play.client(&b"LOGOUT\r\n".repeat(128));
        }
        play.client(b"x\r\nNOOP\r\n");
        assert!(show(&play.to_client).starts_with("NO (QUOTA/MAXSIZE) \"The filter is larger"), "{}", show(&play.to_client));
        assert_eq!(show(&play.to_backend), "NOOP\r\n");
    }
    let mut play = SievePlay::after(MemoryOwner::default(), Forwarding::Allow);
    play.client(format!("PUTSCRIPT \"a\" {{{}+}}\r\n", (64 << 20) + 1).as_bytes());
    assert!(show(&play.to_client).starts_with("BYE ") && play.is_closed() && play.to_backend.is_empty());
}

/// Words of ours never stand inside an answer of the backend: where it dies at any octet, what was heard is a part of what it said.
#[test]
fn a_backend_that_dies_at_any_octet() {
    let answer = b"{5}\r\nkeep;\r\n\"a\" ACTIVE\r\n{3+}\r\nOK\r\r\nOK (TAG {3}\r\nx\"\r) \"a \\\" b\"\r\n";
    for len in 0..answer.len() {
        let mut play = SievePlay::after(MemoryOwner::default(), Forwarding::Allow);
        play.client(b"LISTSCRIPTS\r\n");
        play.backend(&answer[..len]);
        assert!(answer.starts_with(&play.to_client), "{len}");
        let heard = &play.to_client;
        let at_start = heard.is_empty() || [&b"keep;\r\n"[..], b"ACTIVE\r\n", b"OK\r\r\n"].iter().any(|end| heard.ends_with(end));
        assert_eq!(play.may_answer(), at_start, "{len}: {:?}", show(heard));
    }
}

/// The kind of session, and what is said in it.
fn script(dialogue: &Dialogue, kind: u8) -> Vec<u8> {
    [&[kind][..], &dialogue.turns()].concat()
}

fn run(dialogue: &Dialogue, size: usize) -> Result<(), String> {
    let room = dialogue.steps.iter().find_map(|(_, line)| match line {
        Line::Order(order) => order.strip_prefix("room ")?.parse().ok(),
        _ => None,
    });
    let owner = MemoryOwner { read_only: dialogue.orders("read-only"), room: room.unwrap_or(1000) };
    let forwarding = if dialogue.orders("forwarding refused") { Forwarding::Refuse } else { Forwarding::Allow };
    let judges = dialogue.orders("backend judges");
    let mut play = match () {
        () if dialogue.orders("before login") => SievePlay::before(true, judges, owner, forwarding),
        () if dialogue.orders("starttls listener") => SievePlay::before(false, judges, owner, forwarding),
        () if dialogue.orders("asking with starttls") => SievePlay::asking(true, alice()),
        () => SievePlay::after(owner, forwarding),
    };
    for (number, line) in &dialogue.steps {
        step(&mut play, line, size).map_err(|why| format!("line {number}: {why}"))?;
    }
    nothing_left(&play)
}

fn step(play: &mut SievePlay, line: &Line, size: usize) -> Result<(), String> {
    let is = |good: bool, what: &str| if good { Ok(()) } else { Err(what.to_owned()) };
    match line {
        Line::Send(side, bytes) => {
            // What one side hears is complete before the next one speaks.
            nothing_left(play)?;
            play.next_turn();
            for piece in bytes.chunks(size.min(bytes.len().max(1))) {
                if *side == Side::Client { play.client(piece) } else { play.backend(piece) }
            }
            Ok(())
        }
        Line::Expect(Side::Client, expected) => expected.take(&mut play.to_client),
        Line::Expect(Side::Backend, expected) => expected.take(&mut play.to_backend),
        Line::Order(order) => match order.as_str() {
            "closed" => is(play.is_closed(), "is still open"),
            "tls begins" => {
                is(play.begin_tls(), "nobody wanted TLS")?;
                play.next_turn();
                Ok(())
            }
            _ => Ok(()),
        },
        Line::Unfinished => Err("no such mark in ManageSieve".to_owned()),
    }
}

fn nothing_left(play: &SievePlay) -> Result<(), String> {
    for (side, bytes) in [("client", &play.to_client), ("backend", &play.to_backend)] {
        if !bytes.is_empty() {
            return Err(format!("the {side} also received {:?}", show(bytes)));
        }
    }
    Ok(())
}
