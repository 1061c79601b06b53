//! Runs `tests/dialogues/imap/*.txt` in memory, at chunk sizes 1, 7 and all. The format is explained in `support/dialogue.rs`.
//!
//! Orders: `before login` (there is no backend then), `closed` (the session must have ended by now), `quota` (the mailbox holds 1000
//! octets, its association 1500), `unseen`, `small association` (500); `backend counts`, `status only`, `sizes only` (how the backend can
//! be asked for usage), `namespaces` (it also has NAMESPACE and SPECIAL-USE). The tag of our own questions is always `nologd` here.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use nologd::imap::backend_capabilities::BackendCapabilities;
use nologd::imap::invariants::{Alice, ImapPlay, TestSentCopy, check_frames, check_login, check_session};
use nologd::imap::options::SessionOptions;
use nologd::imap::tag::Tag;

use crate::dialogue;

use dialogue::{Dialogue, Side, Step as Line, dialogues, every, show, xorshift};

#[test]
fn in_memory() {
    every("imap", 30, run);
}

/// Found by fuzzing: a header block just above the bound was scrubbed or not, as its pieces came.
#[test]
fn the_bound_of_a_header_is_the_same_in_any_pieces() {
    for filler in 100..220 {
        let header = format!("From: alice@asso.example\r\nX-Mailer: x\r\nSubject: {}\r\n\r\n", "s".repeat(filler));
        let script = format!("a1 APPEND Sent {{{}+}}\r\n{header}body\r\n", header.len() + 4);
        let terms = || SessionOptions {
            account: None,
            backend_capabilities: BackendCapabilities::of(b""),
            append_limit: 5000,
            sent_copy: Some(Arc::new(TestSentCopy::new())),
            fresh_tag: || Tag::read(b"nologd"),
        };
        check_session(script.as_bytes(), &mut || terms(), &mut || 6);
    }
}

/// The bytes of all dialogues, turn by turn, in random pieces.
#[test]
fn chunking_changes_nothing() {
    let mut random = xorshift();
    for dialogue in dialogues("imap", 30) {
        let script = dialogue.turns();
        check_session(&script, &mut || terms(&dialogue), &mut random);
        check_login(&script, &mut random);
        check_frames(&script, &mut random);
    }
}

fn terms(dialogue: &Dialogue) -> SessionOptions {
    let shared = if dialogue.orders("small association") { 500 } else { 1500 };
    let account = dialogue.orders("quota").then(|| Alice::account(shared, !dialogue.orders("unseen")));
    let backend_capabilities = BackendCapabilities::of(match () {
        () if dialogue.orders("backend counts") => b"QUOTA",
        () if dialogue.orders("status only") => b"STATUS=SIZE",
        () if dialogue.orders("sizes only") => b"UNSELECT",
        () if dialogue.orders("namespaces") => b"LIST-STATUS STATUS=SIZE NAMESPACE SPECIAL-USE MOVE",
        () => b"LIST-STATUS STATUS=SIZE MOVE",
    });
    let fresh_tag = || Tag::read(b"nologd");
    SessionOptions {
        account,
        backend_capabilities,
        append_limit: 5000,
        sent_copy: Some(Arc::new(TestSentCopy::new())),
        fresh_tag,
    }
}

fn run(dialogue: &Dialogue, size: usize) -> Result<(), String> {
    let mut play = ImapPlay::new(dialogue.orders("before login"), terms(dialogue));
    play.run();
    for (number, line) in &dialogue.steps {
        step(&mut play, line, size).map_err(|why| format!("line {number}: {why}"))?;
    }
    nothing_left(&play)
}

fn step(play: &mut ImapPlay, line: &Line, size: usize) -> Result<(), String> {
    match line {
        Line::Send(side, bytes) => {
            // What one side hears is complete before the next one speaks.
            nothing_left(play)?;
            for piece in bytes.chunks(size.min(bytes.len().max(1))) {
                if *side == Side::Client { play.client(piece) } else { play.backend(piece) }
            }
            Ok(())
        }
        Line::Expect(Side::Client, expected) => expected.take(&mut play.to_client),
        Line::Expect(Side::Backend, expected) => expected.take(&mut play.to_backend),
        Line::Order(order) if order == "closed" => play.is_closed().then_some(()).ok_or("is still open".to_owned()),
        Line::Order(_) => Ok(()),
        Line::Unfinished => Err("no such mark in IMAP".to_owned()),
    }
}

fn nothing_left(play: &ImapPlay) -> Result<(), String> {
    for (side, bytes) in [("client", &play.to_client), ("backend", &play.to_backend)] {
        if !bytes.is_empty() {
            return Err(format!("the {side} also received {:?}", show(bytes)));
        }
    }
    Ok(())
}
