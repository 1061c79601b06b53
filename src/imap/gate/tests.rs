use super::super::stand_ins::Alice;
use super::super::tag::tag;
use super::*;
use crate::quota::Amount;

fn octets(account: &Arc<dyn Account>) -> u128 {
    account.roots().map_or(0, |[mailbox, _]| mailbox.octets)
}

/// It rests: whether it counts now.
fn rests(gate: &mut Gate) -> bool {
    gate.rest();
    gate.asks_now()
}

/// How often it is counted, by the ways that there are; each but the last one tells no number.
fn counts(ways: [Option<Way>; 3]) -> usize {
    let mut gate = Gate::new(Some(Alice::account(1000, true)), Ways::new(ways));
    gate.wants_count();
    let last = ways.into_iter().flatten().last();
    let mut counts = 0;
    while counts < 50 && rests(&mut gate) {
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

/// What is due to each of two sessions of one mailbox at the end, after both heard of a deletion.
struct Both {
    alice: Arc<Alice>,
    account: Arc<dyn Account>,
    mine: Gate,
    other: Gate,
}

impl Both {
    fn new() -> Both {
        let alice = Alice::with_room();
        let account: Arc<dyn Account> = alice.clone();
        let gate = || Gate::new(Some(account.clone()), Ways::new([Some(Way::ListStatus), None, None]));
        Both { mine: gate(), other: gate(), alice, account }
    }

    fn counts(&mut self, whose: fn(&mut Both) -> &mut Gate) {
        (0..2).for_each(|_| self.alice.tick());
        assert!(rests(whose(self)));
        let refresh = self.account.begin_refresh().unwrap();
        let _ = whose(self).begin();
        let refreshed = self.account.finish_refresh(refresh, Amount::ZERO);
        whose(self).counted(refreshed);
    }
}

const A: &[u8] = b"a";

#[test]
fn one_count_answers_for_all_that_was_said_before_it_began() {
    let mut both = Both::new();
    both.mine.shrinks(&tag(A));
    both.mine.settle(&tag(A), Status::Ok);
    both.other.saw_expunge(false);
    both.counts(|both| &mut both.mine);
    assert!(both.account.is_seen() && !both.other.asks_at_end() && !rests(&mut both.other));
    // Nothing is due from then on, also if somebody else wants a count.
    both.account.unsee();
    assert!(!both.other.asks_at_rest());
}

#[test]
fn a_count_that_is_not_finished_answers_for_nothing() {
    let mut both = Both::new();
    both.mine.shrinks(&tag(A));
    both.mine.settle(&tag(A), Status::Ok);
    both.other.saw_expunge(false);
    // Both leave in the same moment.
    both.mine.end();
    assert!(both.mine.asks_now() && both.mine.begin().is_some());
    let refresh = both.account.begin_refresh().unwrap();
    both.other.end();
    assert!(both.other.asks_now());
    drop(refresh);
    both.mine.not_counted();
    assert!(both.mine.asks_at_rest() && !both.account.is_seen());
}

#[test]
fn what_is_heard_while_another_one_counts_is_counted_anew() {
    let mut both = Both::new();
    both.other.saw_expunge(false);
    let refresh = both.account.begin_refresh().unwrap();
    // Around us, behind the other's count, maybe in a folder that he has read already.
    both.other.saw_expunge(false);
    let _ = both.account.finish_refresh(refresh, Amount::ZERO);
    assert!(both.other.asks_at_rest() && rests(&mut both.other));
}

#[test]
fn a_count_before_the_backend_has_deleted_answers_for_nothing() {
    for answered in [true, false] {
        let mut both = Both::new();
        both.mine.shrinks(&tag(A));
        both.other.saw_expunge(false);
        both.counts(|both| &mut both.other);
        assert!(!both.account.is_seen() && both.mine.asks_at_end() && both.mine.asks_at_rest(), "the answer is to come");
        if answered {
            both.mine.settle(&tag(A), Status::Ok);
            assert!(both.mine.asks_at_end());
        }
        drop(both.mine);
        assert!(!both.account.is_seen(), "{answered}");
    }
}

#[test]
fn of_several_that_hear_of_a_deletion_one_counts_and_the_others_look_again() {
    let mut both = Both::new();
    [&mut both.mine, &mut both.other].into_iter().for_each(|gate| gate.saw_expunge(false));
    assert!(rests(&mut both.mine) && !rests(&mut both.other) && both.other.asks_at_rest());
    let refresh = both.account.begin_refresh().unwrap();
    let _ = both.mine.begin();
    assert!(!rests(&mut both.other));
    both.mine.counted(both.account.finish_refresh(refresh, Amount::ZERO));
    assert!(both.account.is_seen() && !rests(&mut both.other) && !both.other.asks_at_rest());
    // A count that does not end well, and a deletion behind its beginning.
    for goes_on in [false, true] {
        let mut both = Both::new();
        [&mut both.mine, &mut both.other].into_iter().for_each(|gate| gate.saw_expunge(false));
        assert!(rests(&mut both.mine) && !rests(&mut both.other));
        let refresh = both.account.begin_refresh();
        let _ = both.mine.begin();
        if goes_on {
            both.mine.saw_expunge(false);
        } else {
            drop(refresh);
        }
        assert!(!rests(&mut both.other) && both.other.asks_at_rest(), "not at once, however much is deleted: {goes_on}");
        (0..4).for_each(|_| both.alice.tick());
        assert!(rests(&mut both.other), "{goes_on}");
        let _ = both.account.begin_refresh().map(|refresh| both.account.finish_refresh(refresh, Amount::ZERO));
        assert!(both.account.is_seen());
    }
}

/// However full it is: or else each of those that idle would ask at once.
#[test]
fn who_idles_counts_at_rest() {
    let mut gate = Gate::new(Some(Alice::account(1000, true)), Ways::new([Some(Way::ListStatus), None, None]));
    gate.saw_expunge(true);
    assert!(!gate.asks_now() && rests(&mut gate));
}

/// The count's own NOOP shows a deletion while somebody stores something: what the count leaves to that one is not what it was shown.
#[test]
fn what_a_count_is_shown_stays_due_whatever_it_overlaps() {
    let mut both = Both::new();
    let mut reservation = both.account.reserve(Amount::message(10)).unwrap();
    reservation.handed_over();
    both.mine.saw_expunge(false);
    assert!(rests(&mut both.mine) && both.mine.begin().is_some());
    let refresh = both.account.begin_refresh().unwrap();
    both.mine.saw_expunge(false);
    let refreshed = both.account.finish_refresh(refresh, Amount::ZERO);
    both.mine.counted(refreshed);
    assert!(refreshed == Refreshed::Overlapped && both.mine.asks_at_end());
}

#[test]
fn a_mailbox_that_was_never_counted_is_counted_first_and_one_that_was_when_there_is_time() {
    let ways = || Ways::new([Some(Way::ListStatus), None, None]);
    let unknown = Gate::new(Some(Alice::account(1000, false)), ways());
    assert!(unknown.asks_now());
    let account: Arc<dyn Account> = Alice::with_room();
    account.unsee();
    let mut gate = Gate::new(Some(account.clone()), ways());
    assert!(!gate.asks_now() && gate.asks_at_end() && rests(&mut gate));
    // Where it is nearly full, somebody may be waiting.
    let full = Alice::account(1000, true);
    full.unsee();
    assert!(Gate::new(Some(full), ways()).asks_now());
}

/// Whoever stores something hears at the end that it may be counted twice, and counts: whoever leaves meanwhile need not count again and again.
#[test]
fn what_others_store_meanwhile_is_counted_by_them() {
    for status in [Status::Ok, Status::No] {
        let mut both = Both::new();
        let mut reservation = both.account.reserve(Amount::message(10)).unwrap();
        reservation.handed_over();
        both.mine.shrinks(&tag(A));
        both.mine.settle(&tag(A), Status::Ok);
        both.counts(|both| &mut both.mine);
        assert!(!both.mine.asks_at_end() && both.mine.asks_at_rest() && !both.account.is_seen());
        both.other.held.space(&tag(A), reservation, Amount::message(10));
        both.other.settle(&tag(A), status);
        assert!(both.other.asks_at_end(), "{status:?}");
        both.counts(|both| &mut both.other);
        assert!(both.account.is_seen() && !both.mine.asks_at_rest());
    }
}
