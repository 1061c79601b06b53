//! The last session of a mailbox stays with Dovecot for a moment, without its client, and counts when all others have told.

use std::thread;
use std::time::{Duration, Instant};

use super::stage::{Plan, Stage};
use super::talk::{deliver, letter};
use super::view::View;
use super::walk::PUSHED;

const ALICE: &str = "alice@velo.example";

fn stage() -> Stage {
    Stage::set(&Plan { push: true, dovecot: PUSHED.to_owned(), ..Plan::velo("mailbox_default = \"1M\"", &["alice"]) })
}

#[test]
fn the_client_is_let_go_at_once_and_the_backend_soon() {
    let stage = stage();
    // Dovecot's first push: from now on nologd knows that it pushes.
    assert!(deliver(stage.lmtp, &[ALICE], &letter(500))[0].starts_with('2'));
    let mut session = stage.session(ALICE);
    session.ok("CREATE Work");
    (0..4).for_each(|_| session.fill("Work", 3_000));
    session.ok("SELECT Work");
    session.ok("STORE 1:2 +FLAGS (\\Deleted)");
    session.ok("EXPUNGE");
    let start = Instant::now();
    let goodbye = session.ok("LOGOUT");
    assert!(goodbye.starts_with("* BYE"), "{goodbye}");
    assert!(session.wire.ends(Duration::from_millis(300)), "nothing comes behind the answer to LOGOUT but the end");
    assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
    let (mut view, mut ran) = (View::new(stage.view()), Vec::new());
    // What comes in meanwhile is counted too, though a folder was open that is not the INBOX.
    assert!(deliver(stage.lmtp, &[ALICE], &letter(2_000))[0].starts_with('2'));
    stage.not_below(ALICE);
    // Dovecot's own view: it is counted when all is quiet.
    let end = Instant::now() + Duration::from_secs(7);
    while !ran.iter().any(|verb| verb == "LIST") {
        assert!(Instant::now() < end, "nobody counts: {ran:?}");
        thread::sleep(Duration::from_millis(100));
        ran.extend(view.more().into_iter().map(|ran| ran.verb));
    }
    assert!(!ran.iter().any(|verb| verb == "LOGOUT"), "{ran:?}");
    stage.settles(ALICE, Duration::from_secs(2));
}

/// Several at once, some cut off: book and truth are the same soon, and no connection is left behind.
#[test]
fn sessions_that_end_together_leave_a_number_that_is_true() {
    let stage = stage();
    for round in 0..4_u64 {
        let sessions: Vec<_> = (0..4_u64)
            .map(|number| {
                let mut session = stage.session(ALICE);
                thread::spawn(move || {
                    session.fill("INBOX", 1_000 + usize::try_from(number * 100).unwrap());
                    session.ok("SELECT INBOX");
                    session.ask("STORE 1 +FLAGS (\\Deleted)");
                    session.ask("EXPUNGE");
                    if (number + round) % 3 > 0 {
                        session.ok("LOGOUT");
                    }
                })
            })
            .collect();
        sessions.into_iter().for_each(|session| session.join().unwrap());
        stage.not_below(ALICE);
        stage.settles(ALICE, Duration::from_secs(7));
    }
}
