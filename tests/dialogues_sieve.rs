//! Runs `tests/dialogues/sieve/*.txt` in memory, at chunk sizes 1, 7 and all. The format is explained in `support/dialogue.rs`.
//!
//! Orders: `before login` (with TLS), `starttls listener` (without), `asking with starttls` (only the backend is played), else after
//! login; `backend judges` (else every login is wrong); `read-only`; `room OCTETS`; `forwarding refused`; `closed` and `tls begins`
//! are checked.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nologd::fault::{Fault, RefusalCode};
use nologd::sieve::forwarding::Forwarding;
use nologd::sieve::invariants::{MemoryOwner, SieveMachines, SievePlay, check_sieve};
use nologd::sieve::session::{ScriptOwner, SieveSession};
use nologd::wire::contract::{Carried, Motion};
use nologd::wire::play::ContractPlay;

use crate::{dialogue, played};

use dialogue::{Dialogue, Step as Line, every, show};

#[test]
fn in_memory() {
    every("sieve", 22, run);
}

#[test]
fn chunking_changes_nothing() {
    played::in_every_kind("sieve", 22, |script, random| check_sieve(script, random));
}

/// Whatever anybody says, nothing panics, nothing depends on the pieces, and a server reads our commands as we meant them.
#[test]
fn what_nobody_would_say() {
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
    played::what_nobody_would_say(("sieve", 22), WORDS, 6000, |script, random| check_sieve(script, random));
}

/// What is refused is swallowed to its end, whatever its size, and nothing of it is held or goes on.
#[test]
fn giant_scripts() {
    for (forwarding, most) in [(Forwarding::Allow, 16 << 20), (Forwarding::Refuse, 256 << 10)] {
        let mut play = SievePlay::logged_in(SieveMachines { forwarding, ..SieveMachines::default() });
        play.client(format!("PUTSCRIPT \"a\" {{{}+}}\r\n", most + 1).as_bytes());
        for _ in 0..(most >> 10) {
            play.client(&b"LOGOUT\r\n".repeat(128));
        }
        play.client(b"x\r\nNOOP\r\n");
        assert!(show(&play.to_client).starts_with("NO (QUOTA/MAXSIZE) \"The filter is larger"), "{}", show(&play.to_client));
        assert_eq!(show(&play.to_backend), "NOOP\r\n");
    }
    let mut play = SievePlay::logged_in(SieveMachines::default());
    play.client(format!("PUTSCRIPT \"a\" {{{}+}}\r\n", (64 << 20) + 1).as_bytes());
    assert!(show(&play.to_client).starts_with("BYE ") && play.is_closed() && play.to_backend.is_empty());
}

/// Words of ours never stand inside an answer of the backend: where it dies at any octet, what was heard is a part of what it said.
#[test]
fn a_backend_that_dies_at_any_octet() {
    let answer = b"{5}\r\nkeep;\r\n\"a\" ACTIVE\r\n{3+}\r\nOK\r\r\nOK (TAG {3}\r\nx\"\r) \"a \\\" b\"\r\n";
    for len in 0..answer.len() {
        let mut play = SievePlay::logged_in(SieveMachines::default());
        play.client(b"LISTSCRIPTS\r\n");
        play.backend(&answer[..len]);
        assert!(answer.starts_with(&play.to_client), "{len}");
        let heard = &play.to_client;
        let at_start = heard.is_empty() || [&b"keep;\r\n"[..], b"ACTIVE\r\n", b"OK\r\r\n"].iter().any(|end| heard.ends_with(end));
        assert_eq!(play.may_answer(), at_start, "{len}: {:?}", show(heard));
    }
}

/// The association became read-only while the script came. It is asked about again, and never whole for the mail
/// server: one that is held is refused, and one that streams ends the session.
#[test]
fn a_script_that_was_begun_before_the_association_became_read_only() {
    struct Late(AtomicBool);
    impl ScriptOwner for Late {
        fn may_change(&self) -> Result<(), RefusalCode> {
            if self.0.load(Ordering::Relaxed) { Err(RefusalCode::ReadOnly) } else { Ok(()) }
        }

        fn has_room(&self, _: u64) -> Result<(), RefusalCode> {
            self.may_change()
        }
    }
    let (begin, end) = (b"PUTSCRIPT \"a\" {5+}\r\n", b"keep;");
    for forwarding in [Forwarding::Refuse, Forwarding::Allow] {
        let owner = Arc::new(Late(AtomicBool::new(false)));
        let mut session = SieveSession::new(owner.clone(), forwarding);
        let begun = session.client_says(begin);
        let held = forwarding == Forwarding::Refuse;
        assert_eq!(begun, Motion::Rewrite(begin.len(), if held { Vec::new() } else { begin.to_vec() }));
        owner.0.store(true, Ordering::Relaxed);
        let octets = session.client_says(end);
        assert_eq!(octets, if held { Motion::Rewrite(5, Vec::new()) } else { Motion::Forward(5) });
        match session.client_says(b"\r\n") {
            Motion::Answer(2, told) if held => assert!(show(&told).contains("(READ-ONLY)"), "{}", show(&told)),
            Motion::Close(told, Fault::Barred(RefusalCode::ReadOnly)) if !held => {
                assert!(show(&told).starts_with("BYE ") && show(&told).contains("(READ-ONLY)"), "{}", show(&told));
            }
            last => panic!("{last:?}"),
        }
    }
}

fn run(dialogue: &Dialogue, size: usize) -> Result<(), String> {
    let room = dialogue.steps.iter().find_map(|(_, line)| match line {
        Line::Order(order) => order.strip_prefix("room ")?.parse().ok(),
        _ => None,
    });
    let owner = MemoryOwner { read_only: dialogue.orders("read-only"), room: room.unwrap_or(1000) };
    let forwarding = if dialogue.orders("forwarding refused") { Forwarding::Refuse } else { Forwarding::Allow };
    let (judges, machines) = (dialogue.orders("backend judges"), SieveMachines { owner, forwarding });
    let mut play = match () {
        () if dialogue.orders("before login") => SievePlay::before(true, judges, machines),
        () if dialogue.orders("starttls listener") => SievePlay::before(false, judges, machines),
        () if dialogue.orders("asking with starttls") => ContractPlay::in_conversation(true, machines),
        () => ContractPlay::logged_in(machines),
    };
    played::all(dialogue, size, &mut play, |_| Ok(()))
}
