//! Runs `tests/dialogues/pop3/*.txt` in memory, at chunk sizes 1, 7 and all. The format is explained in `support/dialogue.rs`.
//!
//! Orders: `before login` (with TLS), `starttls listener` (without), `asking with starttls` (only the backend is played), else after
//! login; `backend judges` (else every login is wrong); `read-only`; `closed`, `tls begins`, `freed N` are checked; `cut` ends both
//! connections.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use nologd::fault::{Fault, RefusalCode};
use nologd::pop3::invariants::{MemoryMaildrop, Pop3Machines, Pop3Play, check_pop3};
use nologd::pop3::session::{Maildrop, Pop3Session};
use nologd::wire::contract::{Carried, Motion};
use nologd::wire::play::{ContractPlay, Machines, play_in_pieces};

use crate::{dialogue, played};

use dialogue::{Dialogue, every, show};

#[test]
fn in_memory() {
    every("pop3", 20, run);
}

#[test]
fn chunking_changes_nothing() {
    played::in_every_kind("pop3", 20, |script, random| check_pop3(script, random));
}

/// Whatever anybody says, nothing panics and nothing depends on the pieces.
#[test]
fn what_nobody_would_say() {
    const WORDS: &[&[u8]] =
        &[b"\r\n", b"\n", b"\r", b".\r\n", b"\xff", b"+OK", b"-ERR", b"+ ", b"\r\n.\r\n", b"STLS\r\n", b"QUIT\r\n", b"\0"];
    played::what_nobody_would_say(("pop3", 20), WORDS, 4000, |script, random| check_pop3(script, random));
}

/// Cut at any octet, the book is told once where a QUIT may have deleted something, and else never.
#[test]
fn cut_at_any_octet_the_book_is_told_at_most_once() {
    let script = b"DELE 1\r\n\xff+OK\r\n\xffQUIT\r\n\xff+OK\r\n";
    let quit = script.iter().position(|octet| *octet == b'Q').unwrap() + "QUIT\r\n".len();
    for len in 0..script.len() {
        let outcome = play_in_pieces(&script[..len], &mut || 1, || ContractPlay::logged_in(Pop3Machines::default()));
        assert_eq!(outcome.told, usize::from(len >= quit), "{len}");
    }
}

/// The association became read-only behind DELE: it is QUIT that deletes, so the backend never hears it.
#[test]
fn what_was_marked_before_the_association_became_read_only_stays() {
    struct Late(AtomicBool, AtomicUsize);
    impl Maildrop for Late {
        fn may_delete(&self) -> Result<(), RefusalCode> {
            if self.0.load(Ordering::Relaxed) { Err(RefusalCode::ReadOnly) } else { Ok(()) }
        }

        fn freed(&self) {
            self.1.fetch_add(1, Ordering::Relaxed);
        }

        fn perhaps_freed(&self) {
            self.freed();
        }
    }
    let maildrop = Arc::new(Late(AtomicBool::new(false), AtomicUsize::new(0)));
    for takes_back in [false, true] {
        maildrop.0.store(false, Ordering::Relaxed);
        let mut session = Pop3Session::new(maildrop.clone());
        let mut asked = |command: &str| {
            assert_eq!(session.client_says(command.as_bytes()), Motion::Rewrite(command.len(), command.as_bytes().to_vec()));
            assert_eq!(session.backend_says(b"+OK\r\n"), Motion::Forward(5));
        };
        asked("DELE 1\r\n");
        if takes_back {
            asked("RSET\r\n");
        }
        maildrop.0.store(true, Ordering::Relaxed);
        match session.client_says(b"QUIT\r\n") {
            Motion::Close(told, Fault::Barred(RefusalCode::ReadOnly)) if !takes_back => {
                assert!(show(&told).starts_with("-ERR ") && show(&told).contains("(READ-ONLY)"), "{}", show(&told));
            }
            last => assert_eq!((last, takes_back), (Motion::Rewrite(6, b"QUIT\r\n".to_vec()), true)),
        }
        drop(session);
        assert_eq!(maildrop.1.load(Ordering::Relaxed), 0, "nothing was deleted, so nobody counts");
    }
}

fn run(dialogue: &Dialogue, size: usize) -> Result<(), String> {
    let read_only = dialogue.orders("read-only");
    let machines = Pop3Machines(Arc::new(MemoryMaildrop { read_only, freed: AtomicUsize::new(0) }));
    let (judges, mailbox) = (dialogue.orders("backend judges"), machines.clone());
    let mut play = match () {
        () if dialogue.orders("before login") => Pop3Play::before(true, judges, machines),
        () if dialogue.orders("starttls listener") => Pop3Play::before(false, judges, machines),
        () if dialogue.orders("asking with starttls") => ContractPlay::in_conversation(true, machines),
        () => ContractPlay::logged_in(machines),
    };
    played::all(dialogue, size, &mut play, |order| match order.strip_prefix("freed ") {
        Some(count) if count != mailbox.told().to_string() => Err(format!("the book was told {} times", mailbox.told())),
        _ => Ok(()),
    })
}
