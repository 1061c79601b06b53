//! Runs `tests/dialogues/pop3/*.txt` in memory, at chunk sizes 1, 7 and all. The format is explained in `support/dialogue.rs`.
//!
//! Orders: `before login` (with TLS), `starttls listener` (without), `asking with starttls` (only the backend is played), else after
//! login; `backend judges` (else every login is wrong); `read-only`; `closed`, `tls begins`, `freed N` are checked; `cut` ends both
//! connections.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use nologd::pop3::invariants::{MemoryMaildrop, Pop3Play, alice, check_pop3};

use crate::dialogue;

use dialogue::{Dialogue, Side, Step as Line, dialogues, every, show, xorshift};

#[test]
fn in_memory() {
    every("pop3", 20, run);
}

/// The bytes of all dialogues, turn by turn, in random pieces, wherever a session may stand.
#[test]
fn chunking_changes_nothing() {
    let mut random = xorshift();
    for dialogue in dialogues("pop3", 20) {
        for kind in 0..16 {
            check_pop3(&script(&dialogue, kind), &mut random);
        }
    }
}

/// The same with octets changed, lost and doubled: whatever anybody says, nothing panics and nothing depends on the pieces.
#[test]
fn what_nobody_would_say() {
    let mut random = xorshift();
    let scripts: Vec<Vec<u8>> = dialogues("pop3", 20).iter().map(|dialogue| script(dialogue, 0)).collect();
    const WORDS: &[&[u8]] =
        &[b"\r\n", b"\n", b"\r", b".\r\n", b"\xff", b"+OK", b"-ERR", b"+ ", b"\r\n.\r\n", b"STLS\r\n", b"QUIT\r\n", b"\0"];
    for round in 0..4000 {
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
        check_pop3(&script, &mut random);
    }
}

/// The kind of session, and what is said in it.
fn script(dialogue: &Dialogue, kind: u8) -> Vec<u8> {
    [&[kind][..], &dialogue.turns()].concat()
}

fn run(dialogue: &Dialogue, size: usize) -> Result<(), String> {
    let maildrop = Arc::new(MemoryMaildrop { read_only: dialogue.orders("read-only"), freed: AtomicUsize::new(0) });
    let judges = dialogue.orders("backend judges");
    let mut play = match () {
        () if dialogue.orders("before login") => Pop3Play::before(true, judges, maildrop.clone()),
        () if dialogue.orders("starttls listener") => Pop3Play::before(false, judges, maildrop.clone()),
        () if dialogue.orders("asking with starttls") => Pop3Play::asking(true, alice()),
        () => Pop3Play::after(maildrop.clone()),
    };
    for (number, line) in &dialogue.steps {
        let freed = maildrop.freed.load(Ordering::Relaxed);
        step(&mut play, line, size, freed).map_err(|why| format!("line {number}: {why}"))?;
    }
    nothing_left(&play)
}

fn step(play: &mut Pop3Play, line: &Line, size: usize, freed: usize) -> Result<(), String> {
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
            "cut" => {
                play.cut();
                Ok(())
            }
            order => match order.strip_prefix("freed ") {
                Some(count) => is(count == freed.to_string(), &format!("the book was told {freed} times")),
                None => Ok(()),
            },
        },
        Line::Unfinished => Err("no such mark in POP3".to_owned()),
    }
}

fn nothing_left(play: &Pop3Play) -> Result<(), String> {
    for (side, bytes) in [("client", &play.to_client), ("backend", &play.to_backend)] {
        if !bytes.is_empty() {
            return Err(format!("the {side} also received {:?}", show(bytes)));
        }
    }
    Ok(())
}
