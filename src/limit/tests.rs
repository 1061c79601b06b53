use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::limits::lock;
use super::*;
use crate::fault::RefusalCode;
use crate::private::{Networks, Peer, Pseudonym, Secret};

fn from(limits: &Limits, address: &str) -> Networks {
    limits.pseudonymiser().networks(&Peer::new(format!("{address}:1").parse().unwrap()))
}

fn who(limits: &Limits, name: &str) -> Pseudonym {
    limits.pseudonymiser().account(name)
}

fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes())
}

#[test]
fn networks_are_counted_and_give_back_and_big_ones_hold_more() {
    let params = LimitParams { sessions_per_network: 2, ..LimitParams::default() };
    let limits = Limits::new(params).unwrap();
    let one = || limits.seat(from(&limits, "192.0.2.1"));
    let first = one().ok().unwrap();
    let _second = one().ok().unwrap();
    assert_eq!(one().err(), Some(RefusalCode::TooManyConnections));
    assert!(limits.seat(from(&limits, "192.0.2.2")).is_ok());
    drop(first);
    assert!(one().is_ok() && limits.sessions() == 1);
    let of = |prefix: &str| {
        let seats: Vec<_> = (0..100).filter_map(|n| limits.seat(from(&limits, &format!("[{prefix}{n:02x}::1]"))).ok()).collect();
        seats.len()
    };
    // One in each /64: of a /56, and with the /48 taken as a whole.
    assert_eq!((of("2001:db8:1:4"), of("2001:db8:2:")), (8, 8));
    let seats: Vec<_> = (0..100).filter_map(|n| limits.seat(from(&limits, &format!("[2001:db8:3:{n:x}00::1]"))).ok()).collect();
    assert_eq!(seats.len(), 32, "of a /48");
    drop((seats, _second));
    assert!(lock(&limits.seats).is_empty());
}

#[test]
fn whoever_waits_longest_leaves_and_members_and_the_house_stay() {
    let params = LimitParams { before_login: 3, sessions: 2, deliveries: 1, questions: 1, webmail: 1, ..LimitParams::default() };
    let limits = Limits::new(params).unwrap();
    let left = Arc::new(AtomicUsize::new(0));
    let wait = |address: &str| {
        let seat = limits.seat(from(&limits, address)).ok().unwrap();
        let left = left.clone();
        limits.may_leave(seat.place().unwrap(), move || {
            left.fetch_add(1, Ordering::Relaxed);
        });
        seat
    };
    let member = wait("192.0.2.1");
    let alice = who(&limits, "alice");
    assert!(member.attempt(alice, &secret("x")).ok().unwrap().right(&member).is_ok() && member.place().is_none());
    let mut waiting: Vec<_> = (2..5).map(|n| wait(&format!("192.0.2.{n}"))).collect();
    assert_eq!(left.load(Ordering::Relaxed), 0);
    let late = wait("192.0.2.9");
    assert!(late.is_crowded() && left.load(Ordering::Relaxed) == 1);
    let oldest = waiting.remove(0);
    let attempt = oldest.attempt(alice, &secret("x")).ok().unwrap();
    assert_eq!(attempt.right(&oldest), Err(RefusalCode::TooManyConnections), "it was told to leave");
    let (delivery, question, webmail) = (limits.delivery_seat(), limits.question_seat(), limits.webmail_seat());
    assert!(delivery.is_ok() && question.is_ok() && webmail.is_ok());
    assert!(limits.delivery_seat().is_err() && limits.question_seat().is_err() && limits.webmail_seat().is_err());
    let second = waiting.remove(0);
    assert!(second.attempt(alice, &secret("x")).ok().unwrap().right(&second).is_ok());
    assert_eq!(late.attempt(alice, &secret("x")).ok().unwrap().right(&late), Err(RefusalCode::TooManyConnections), "two members");
    drop((member, waiting, late, oldest, delivery, question, webmail, second));
    assert!(lock(&limits.seats).is_empty());
}

/// Any page of the web can make a browser come to our pages.
#[test]
fn pages_and_mail_are_counted_apart() {
    let limits = Limits::new(LimitParams { connections_per_minute: 5, ..LimitParams::default() }).unwrap();
    let here = || from(&limits, "192.0.2.1");
    let read = (0..9).filter(|_| limits.page_seat(Some(here())).is_ok()).count();
    assert_eq!(read, 5);
    assert!(limits.seat(here()).is_ok());
}

#[test]
fn connections_that_come_too_fast_are_refused() {
    let limits = Limits::new(LimitParams { connections_per_minute: 5, ..LimitParams::default() }).unwrap();
    assert_eq!((0..8).filter(|_| limits.seat(from(&limits, "192.0.2.1")).is_ok()).count(), 5);
    assert!(limits.seat(from(&limits, "192.0.2.2")).is_ok());
}

#[test]
fn strangers_share_and_whoever_was_right_before_does_not() {
    let limits = Limits::new(LimitParams { wrong_per_network: 4, wrong_per_account: 2, ..LimitParams::default() }).unwrap();
    let seat = |address: &str| limits.seat(from(&limits, address)).ok().unwrap();
    let (home, away, third) = (seat("192.0.2.1"), seat("192.0.2.2"), seat("192.0.2.3"));
    let (alice, bob) = (who(&limits, "alice"), who(&limits, "bob"));
    home.attempt(alice, &secret("right")).ok().unwrap().right(&home).unwrap();
    for number in 0..8 {
        let tried = away.attempt(alice, &secret(&format!("guess {number}")));
        assert_eq!(tried.is_ok(), number < 3, "guess {number}");
        tried.into_iter().for_each(Attempt::wrong);
    }
    assert!(home.attempt(alice, &secret("right")).is_ok());
    assert!(third.attempt(alice, &secret("right")).is_ok(), "from a place where nothing was wrong");
    let slowed = limits.slowed();
    assert!(limits.is_slowed(&slowed, "Alice") && !limits.is_slowed(&slowed, "bob") && slowed.accounts() == 1);
    away.attempt(bob, &secret("guess")).ok().unwrap().wrong();
    away.attempt(bob, &secret("another")).ok().unwrap().wrong();
    assert!(away.attempt(who(&limits, "eve"), &secret("x")).is_err() && third.attempt(bob, &secret("x")).is_ok());
    assert_eq!(limits.slowed().networks, 1);
    limits.lift(None);
    assert!(away.attempt(alice, &secret("x")).is_ok());
}

/// What is refused for the tries that are under way is slowed as well, for as long as they are.
#[test]
fn an_account_with_as_many_tries_under_way_as_there_may_be_is_slowed() {
    let limits = Limits::new(LimitParams::default()).unwrap();
    let alice = who(&limits, "alice");
    for own in [false, true] {
        let seat = |number: usize| match own {
            true => limits.page_seat(None).ok().unwrap(),
            false => limits.seat(from(&limits, &format!("192.0.2.{number}"))).ok().unwrap(),
        };
        let seats: Vec<_> = (0..32).map(seat).collect();
        let mut tries: Vec<_> = seats.iter().map(|seat| seat.attempt(alice, &secret("x")).ok().unwrap()).collect();
        assert!(limits.is_slowed(&limits.slowed(), "alice") && limits.about("alice").1, "{own}");
        tries.pop().unwrap().unjudged();
        assert!(!limits.is_slowed(&limits.slowed(), "alice") && !limits.about("alice").1, "{own}");
        tries.into_iter().for_each(Attempt::unjudged);
    }
}

/// Who guesses could see to it that his own connection is made to leave while it is judged.
#[test]
fn what_is_not_waited_for_is_wrong_and_what_cannot_be_judged_is_free() {
    let limits = Limits::new(LimitParams { wrong_per_account: 3, ..LimitParams::default() }).unwrap();
    let alice = who(&limits, "alice");
    let onion = limits.onion_seat(None).ok().unwrap();
    for seat in [limits.seat(from(&limits, "192.0.2.1")).ok().unwrap(), onion] {
        for _ in 0..20 {
            seat.attempt(alice, &secret("x")).ok().unwrap().unjudged();
        }
        let judged = (0..20).filter(|number| seat.attempt(alice, &secret(&format!("guess {number}"))).is_ok()).count();
        assert!((3..=4).contains(&judged), "{judged}");
    }
}

#[test]
fn the_webmail_is_counted_by_account_and_its_address_does_not_matter() {
    let params = LimitParams { webmail: 5, sessions_per_network: 2, wrong_per_account: 1, ..LimitParams::default() };
    let limits = Limits::new(params).unwrap();
    let (alice, bob) = (who(&limits, "alice"), who(&limits, "bob"));
    let seats: Vec<_> = (0..5).filter_map(|_| limits.webmail_seat().ok()).collect();
    assert_eq!((seats.len(), limits.webmail_seat().err()), (5, Some(RefusalCode::TooManyConnections)));
    assert!(seats[0].admit(alice).is_ok() && seats[0].admit(alice).is_ok() && seats[1].admit(alice).is_ok());
    assert_eq!(seats[2].admit(alice), Err(RefusalCode::TooManyConnections));
    assert!(seats[2].admit(bob).is_ok() && seats[3].admit(bob).is_ok());
    assert!(seats[1].admit(bob).is_err() && seats[2].admit(alice).is_ok());
    for word in ["one", "two"] {
        seats[0].attempt(alice, &secret(word)).ok().unwrap().wrong();
    }
    assert_eq!(seats[0].attempt(alice, &secret("three")).err(), Some(RefusalCode::TooManyTries));
    assert!(seats[3].attempt(bob, &secret("x")).is_ok());
    let elsewhere = limits.seat(from(&limits, "192.0.2.1")).ok().unwrap();
    assert!(elsewhere.attempt(alice, &secret("x")).is_ok(), "what is wrong there concerns nobody here");
    drop((seats, elsewhere));
    assert!(lock(&limits.seats).is_empty());
}

fn circuit(limits: &Limits, number: u16) -> Option<Networks> {
    let address = format!("[fc00:dead:beef:4dad::ffff:{number:x}]:1").parse().unwrap();
    Some(limits.pseudonymiser().circuit(&Peer::new(address)))
}

#[test]
fn the_onion_door_has_places_of_its_own_and_counts_an_account_when_it_was_right() {
    let params = LimitParams { before_login: 2, onion: 2, sessions_per_network: 2, ..LimitParams::default() };
    let limits = Limits::new(params).unwrap();
    let member = limits.seat(from(&limits, "192.0.2.1")).ok().unwrap();
    let crowd: Vec<_> = (0..50).filter_map(|_| limits.onion_seat(None).ok()).collect();
    assert_eq!(crowd.iter().filter(|seat| seat.is_crowded()).count(), 48);
    let alice = who(&limits, "alice");
    assert!(member.attempt(alice, &secret("x")).ok().unwrap().right(&member).is_ok(), "it displaces nobody elsewhere");
    let stale = crowd[0].attempt(alice, &secret("x")).ok().unwrap();
    assert_eq!(stale.right(&crowd[0]), Err(RefusalCode::TooManyConnections));
    // What strangers try counts for nothing of what the account may have.
    for seat in &crowd[48..] {
        seat.attempt(alice, &secret("wrong")).ok().unwrap().wrong();
    }
    let mut seats = Vec::new();
    for _ in 0..3 {
        let seat = limits.onion_seat(None).ok().unwrap();
        let told = seat.attempt(alice, &secret("x")).ok().unwrap().right(&seat);
        seats.push((seat, told));
    }
    let told: Vec<_> = seats.iter().map(|(_, told)| told.is_ok()).collect();
    assert_eq!(told, [true, true, false], "as many as one network");
    drop((seats, crowd, member));
    assert!(lock(&limits.seats).is_empty());
}

#[test]
fn a_stranger_at_the_onion_door_hinders_one_account_there_and_nobody_else() {
    let limits = Limits::new(LimitParams { wrong_per_account: 2, ..LimitParams::default() }).unwrap();
    let (alice, bob) = (who(&limits, "alice"), who(&limits, "bob"));
    let guess = |seat: &Seat, account, word: &str| {
        let tried = seat.attempt(account, &secret(word));
        let judged = tried.is_ok();
        tried.into_iter().for_each(Attempt::wrong);
        judged
    };
    let onion = || limits.onion_seat(None).ok().unwrap();
    let home = limits.seat(from(&limits, "192.0.2.1")).ok().unwrap();
    let judged: Vec<_> = (0..4).map(|n| guess(&onion(), alice, &format!("guess {n}"))).collect();
    assert_eq!(judged, [true, true, true, false]);
    assert!(onion().attempt(alice, &secret("right")).is_err(), "nobody can tell the owner from a stranger");
    assert!(onion().attempt(bob, &secret("right")).is_ok() && home.attempt(alice, &secret("right")).is_ok());
    assert!(limits.webmail_seat().ok().unwrap().attempt(alice, &secret("right")).is_ok());
    let slowed = limits.slowed();
    assert!(limits.is_slowed(&slowed, "alice") && !limits.is_slowed(&slowed, "bob"));
    limits.lift(Some("alice"));
    assert!(onion().attempt(alice, &secret("right")).is_ok());
}

#[test]
fn a_circuit_is_bounded_and_one_on_which_nothing_was_wrong_gets_in() {
    let params = LimitParams { wrong_per_account: 2, wrong_per_network: 4, sessions_per_network: 2, ..LimitParams::default() };
    let limits = Limits::new(params).unwrap();
    let (alice, bob) = (who(&limits, "alice"), who(&limits, "bob"));
    let bad = limits.onion_seat(circuit(&limits, 1)).ok().unwrap();
    for word in ["one", "two", "three"] {
        bad.attempt(alice, &secret(word)).ok().unwrap().wrong();
    }
    assert!(bad.attempt(alice, &secret("four")).is_err());
    let fresh = limits.onion_seat(circuit(&limits, 2)).ok().unwrap();
    fresh.attempt(alice, &secret("right")).ok().unwrap().right(&fresh).unwrap();
    for word in ["one", "two"] {
        bad.attempt(bob, &secret(word)).ok().unwrap().wrong();
    }
    assert!(bad.attempt(bob, &secret("right")).is_err() && fresh.attempt(bob, &secret("right")).is_ok());
    assert_eq!(limits.slowed().networks, 1);
    let more = |number| limits.onion_seat(circuit(&limits, number)).map(drop);
    let _second = limits.onion_seat(circuit(&limits, 1)).ok().unwrap();
    assert_eq!((more(1), more(3)), (Err(RefusalCode::TooManyConnections), Ok(())));
    limits.lift(Some("alice"));
    drop((bad, fresh, _second));
    assert!(lock(&limits.seats).is_empty());
}

#[test]
fn what_is_not_named_yet_has_places_apart() {
    let limits = Limits::new(LimitParams { before_login: 1, unnamed: 2, ..LimitParams::default() }).unwrap();
    let waiting = limits.seat(from(&limits, "192.0.2.1")).ok().unwrap();
    let crowd: Vec<_> = (0..10).map(|_| limits.unnamed_seat()).collect();
    assert_eq!(crowd.iter().filter(|seat| seat.is_crowded()).count(), 8);
    let alice = who(&limits, "alice");
    assert!(waiting.attempt(alice, &secret("x")).ok().unwrap().right(&waiting).is_ok());
    drop((crowd, waiting));
    assert!(lock(&limits.seats).is_empty());
}

#[test]
fn readers_of_many_small_networks_within_a_big_one_leave_places_to_others() {
    let limits = Limits::new(LimitParams { pages: 16, ..LimitParams::default() }).unwrap();
    let read = |address: String| limits.page_seat(Some(from(&limits, &address))).ok();
    let held: Vec<_> = (0..64).filter_map(|number| read(format!("[2001:db8:0:{number:x}00::1]"))).collect();
    assert_eq!(held.len(), 8, "half of the places for a /48");
    assert!(read("[2001:db8:1::1]".into()).is_some_and(|seat| !seat.is_crowded()));
    drop(held);
    let held: Vec<_> = (0..64).filter_map(|_| read("[2001:db8::1]".into())).collect();
    assert_eq!(held.len(), 4, "a quarter for a /64");
    drop(held);
    assert!(lock(&limits.seats).is_empty());
}

/// Pages behind a web server of the host's, where nobody has an address.
#[test]
fn who_guesses_behind_the_web_server_hinders_one_account_there_and_nobody_elsewhere() {
    let limits = Limits::new(LimitParams { wrong_per_account: 2, ..LimitParams::default() }).unwrap();
    let (alice, bob) = (who(&limits, "alice"), who(&limits, "bob"));
    let page = || limits.page_seat(None).ok().unwrap();
    let judged = (0..9).filter(|number| page().attempt(alice, &secret(&format!("guess {number}"))).map(Attempt::wrong).is_ok());
    assert_eq!(judged.count(), 3, "two, and the one that used them up");
    assert!(page().attempt(alice, &secret("right")).is_err() && page().attempt(bob, &secret("right")).is_ok());
    assert!(limits.webmail_seat().ok().unwrap().attempt(alice, &secret("right")).is_ok());
    assert!(limits.onion_seat(None).ok().unwrap().attempt(alice, &secret("right")).is_ok());
    assert!(limits.seat(from(&limits, "192.0.2.1")).ok().unwrap().attempt(alice, &secret("right")).is_ok());
    assert!(limits.is_slowed(&limits.slowed(), "alice"));
}

/// Nobody keeps others from the pages by holding all that come through the web server.
#[test]
fn the_longest_reader_behind_the_web_server_leaves_for_the_next() {
    let limits = Limits::new(LimitParams { pages: 3, sessions: 1, ..LimitParams::default() }).unwrap();
    let left = Arc::new(AtomicUsize::new(0));
    let held: Vec<_> = (0..3).map(|_| limits.page_seat(None).ok().unwrap()).collect();
    for seat in &held {
        let left = left.clone();
        limits.may_leave(seat.place().unwrap(), move || {
            left.fetch_add(1, Ordering::SeqCst);
        });
    }
    let alice = who(&limits, "alice");
    let next = limits.page_seat(None).ok().unwrap();
    assert!(next.is_crowded() && left.load(Ordering::SeqCst) == 1);
    // Whoever logs in takes no place of a member's mail, and still goes where others need the place.
    assert_eq!(next.attempt(alice, &secret("right")).ok().unwrap().right(&next), Ok(()));
    assert!(next.place().is_some() && limits.seat(from(&limits, "192.0.2.1")).is_ok());
    drop((held, next));
    assert!(lock(&limits.seats).is_empty());
}

/// Who logs in at a page takes no place of a member's mail.
#[test]
fn a_reader_who_logs_in_stays_a_reader_and_is_known() {
    let limits = Limits::new(LimitParams { sessions: 1, wrong_per_account: 1, ..LimitParams::default() }).unwrap();
    let (alice, here) = (who(&limits, "alice"), || from(&limits, "192.0.2.1"));
    let member = limits.seat(from(&limits, "192.0.2.7")).ok().unwrap();
    member.attempt(who(&limits, "bob"), &secret("x")).ok().unwrap().right(&member).unwrap();
    let page = limits.page_seat(Some(here())).ok().unwrap();
    assert_eq!(page.attempt(alice, &secret("right")).ok().unwrap().right(&page), Ok(()));
    assert!(page.place().is_some(), "it still goes where others need its place");
    let stranger = limits.seat(from(&limits, "192.0.2.9")).ok().unwrap();
    for word in ["one", "two", "three"] {
        stranger.attempt(alice, &secret(word)).into_iter().for_each(Attempt::wrong);
    }
    assert!(stranger.attempt(alice, &secret("right")).is_err());
    assert!(limits.seat(here()).ok().unwrap().attempt(alice, &secret("right")).is_ok(), "known by the page, for mail as well");
}
