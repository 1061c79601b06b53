//! When a session counts, by itself and beside others.

use super::super::ImapStep;
use super::super::backend_capabilities::BackendCapabilities;
use super::super::options::SessionOptions;
use super::super::session::ImapSession;
use super::super::stand_ins::Alice;
use super::super::tag::tag;
use super::*;
use crate::quota::Amount;

fn octets(account: &Arc<dyn Account>) -> u128 {
    account.roots().map_or(0, |[mailbox, _]| mailbox.octets)
}

/// How often it is counted, by the ways that there are; each but the last one tells no number.
fn counts(ways: [Option<Way>; 3]) -> usize {
    let mut gate = Gate::new(Some(Alice::account(1000, true)), Ways::new(ways));
    gate.wants_count();
    let last = ways.into_iter().flatten().last();
    let mut counts = 0;
    while counts < 50 && (gate.rest() || gate.asks_now()) {
        if gate.begin() == last {
            gate.counted(Refreshed::Exact);
            counts += 1;
        } else {
            gate.not_counted();
        }
    }
    counts
}

#[test]
fn a_way_that_never_tells_a_number_is_not_asked_for_ever() {
    let (octets, quota, sizes) = (Some(Way::ListStatus), Some(Way::Quota), Some(Way::Sizes { unselect: false }));
    assert_eq!(counts([octets, None, None]), 1);
    // As Courier: what the last one tells is exact.
    assert_eq!(counts([None, quota, sizes]), 1);
    assert_eq!(counts([octets, quota, sizes]), 1);
    // What is rounded is asked once more.
    assert_eq!(counts([octets, quota, None]), 2);
}

/// The message may be in the folder, under its new name.
#[test]
fn a_no_to_what_was_stored_while_folders_were_renamed_is_not_believed() {
    let ways = || Ways::new([Some(Way::ListStatus), None, None]);
    for (turn, left) in [(Turn::Rename, 100), (Turn::Delete, 100), (Turn::Move, 0)] {
        // It begins and ends within the command, begins or ends within it, or goes on all along.
        for (begins, ends) in [(1, 2), (1, 9), (0, 2), (0, 9)] {
            let account = Alice::account(1000, true);
            let (mut gate, mut other) = (Gate::new(Some(account.clone()), ways()), Gate::new(Some(account.clone()), ways()));
            for at in 0..3 {
                if at == begins {
                    other.shift(&tag(b"b"), turn);
                }
                match (at, account.reserve(Amount::message(100))) {
                    (0, Ok(reservation)) => gate.held.space(&tag(b"a"), reservation, Amount::message(100)),
                    (1, _) => gate.held.handed_over(&tag(b"a")),
                    _ => {}
                }
                if at == ends {
                    other.settle(&tag(b"b"), Status::Ok);
                }
            }
            gate.settle(&tag(b"a"), Status::No);
            let seen = (octets(&account), gate.asks_at_rest());
            assert_eq!(seen, (left, left > 0), "{turn:?} from {begins} to {ends}");
        }
    }
}

/// Messages may be there twice after a move that did not end by OK: in the mailbox of whoever owns the folders.
#[test]
fn a_move_that_failed_is_counted_by_its_owner() {
    for (owner, status, [alice, bob]) in [
        ("bob", Some(Status::Ok), [true, true]),
        ("bob", Some(Status::No), [true, false]),
        ("bob", None, [true, false]),
        ("alice", Some(Status::Ok), [true, true]),
        ("alice", Some(Status::No), [false, true]),
        ("alice", None, [false, true]),
    ] {
        let pair = Arc::new(Alice::new(1000, true).unwrap());
        let mut gate = Gate::new(Some(pair.clone()), Ways::new([Some(Way::ListStatus), None, None]));
        let begun = match owner {
            "bob" => gate.shift_for(&tag(b"a"), b"bob", Turn::Move),
            _ => gate.shift_alone(&tag(b"a"), Turn::Move),
        };
        assert_eq!(begun, Ok(()));
        status.into_iter().for_each(|status| gate.settle(&tag(b"a"), status));
        drop(gate);
        assert_eq!(pair.seen(), [alice, bob], "{owner} {status:?}");
    }
}

/// Who renames a folder of somebody else's has renamed none of his own, and is in the way of its owner alone.
#[test]
fn a_rename_belongs_to_whoever_owns_the_folder() {
    let account = Alice::account(1000, true);
    let gate = || Gate::new(Some(account.clone()), Ways::new([None; 3]));
    let (mut guest, mut other) = (gate(), gate());
    let before = guest.renames();
    assert_eq!(guest.shift_for(&tag(b"a"), b"bob", Turn::Rename), Ok(()));
    assert_eq!((guest.renames(), other.renames()), (before, before));
    assert_eq!(other.shift_for(&tag(b"a"), b"bob", Turn::Move), Err(NoShift::Busy));
    assert_eq!(other.shift_alone(&tag(b"b"), Turn::Move), Ok(()));
    guest.settle(&tag(b"a"), Status::Ok);
    assert_eq!((guest.renames(), other.shift_for(&tag(b"c"), b"bob", Turn::Move)), (before, Ok(())));
    // A deletion is in nobody's way, nor is anybody in its.
    assert_eq!(guest.shift_for(&tag(b"d"), b"bob", Turn::Delete), Ok(()));
}

/// A session of this mailbox behind a Dovecot that pushes nothing.
fn session(account: &Arc<dyn Account>) -> ImapSession {
    ImapSession::new(SessionOptions {
        account: Some(account.clone()),
        backend_capabilities: BackendCapabilities::of(b"IMAP4rev1 LIST-STATUS STATUS=SIZE"),
        append_limit: u64::MAX,
        sent_copy: None,
        fresh_tag: || Tag::read(b"ours"),
    })
}

/// What of it goes to the other side.
fn passed(session: &mut ImapSession, from_client: bool, text: &str) -> String {
    let (mut input, mut passed) = (text.as_bytes(), Vec::new());
    loop {
        let step = if from_client { session.from_client(input, false) } else { session.from_backend(input, false) };
        match &step {
            ImapStep::Forward(count) => passed.extend_from_slice(&input[..*count]),
            ImapStep::Rewrite(_, bytes) => passed.extend_from_slice(bytes),
            ImapStep::Swallow(_) => {}
            _ => return String::from_utf8(passed).unwrap(),
        }
        input = &input[step.taken()..];
        if input.is_empty() && !(from_client && matches!(step, ImapStep::Swallow(_))) {
            return String::from_utf8(passed).unwrap();
        }
    }
}

fn expunge(session: &mut ImapSession) {
    assert_eq!(passed(session, true, "e EXPUNGE\r\n"), "e EXPUNGE\r\n");
    passed(session, false, "* 1 EXPUNGE\r\ne OK\r\n");
}

const COUNT: &str = "ours LIST \"\" \"*\" RETURN (STATUS (MESSAGES SIZE))\r\n";

fn count(session: &mut ImapSession) {
    passed(session, false, "* LIST () \"/\" INBOX\r\n* STATUS INBOX (MESSAGES 0 SIZE 0)\r\nours OK\r\n");
}

/// Who is told that something is gone counts only if nobody has by then; who did it counts in any case, as what others have counted may
/// have been before it was done.
#[test]
fn what_another_one_has_counted_by_then_is_not_counted_again() {
    let account: Arc<dyn Account> = Alice::roomy();
    let (mut one, mut two, mut three) = (session(&account), session(&account), session(&account));
    expunge(&mut one);
    for other in [&mut two, &mut three] {
        passed(other, false, "* 1 EXPUNGE\r\n");
        assert!(other.wants_rest());
    }
    assert_eq!(passed(&mut two, true, "l LOGOUT\r\n"), COUNT);
    count(&mut two);
    assert_eq!(passed(&mut two, true, ""), "l LOGOUT\r\n");
    assert!(account.is_seen() && !three.wants_rest());
    assert_eq!(passed(&mut three, true, "l LOGOUT\r\n"), "l LOGOUT\r\n");
    assert!(one.wants_rest());
    assert_eq!(passed(&mut one, true, "l LOGOUT\r\n"), COUNT);
}

/// What comes of a deletion that was seen by another one is not covered by a count that began before.
#[test]
fn a_count_from_before_is_not_enough() {
    let account: Arc<dyn Account> = Alice::roomy();
    let (mut one, mut two) = (session(&account), session(&account));
    account.unsee();
    one.recount();
    assert_eq!(passed(&mut one, true, "l LOGOUT\r\n"), COUNT);
    passed(&mut two, false, "* 1 EXPUNGE\r\n");
    count(&mut one);
    assert!(!account.is_seen() && two.wants_rest());
}

/// A session that begins beside others waits for a quiet moment or its end, unless nobody has asked the backend yet, or room is short.
#[test]
fn a_login_beside_others_does_not_count_at_once() {
    let alice = |seen| Arc::new(Alice::new(1000, seen).unwrap());
    for (alice, beside, waits) in
        [(Alice::roomy(), true, true), (Alice::roomy(), false, false), (alice(true), true, false), (alice(false), true, false)]
    {
        let _open = beside.then(|| alice.watched());
        let account: Arc<dyn Account> = alice;
        account.unsee();
        let mut two = session(&account);
        let asked = if waits { "n NOOP\r\n" } else { COUNT };
        assert_eq!(passed(&mut two, true, "n NOOP\r\n"), asked);
        if waits {
            passed(&mut two, false, "n OK\r\n");
            assert!(two.wants_rest());
            assert_eq!(passed(&mut two, true, "l LOGOUT\r\n"), COUNT);
        }
    }
}
