//! A test: who polls lists while members act learns nothing of single acts (docs/side-information.md).

use super::stage::{TestStage, address};
use crate::admin::mailbox::{MAX_PIECE, MailboxesListed};
use crate::admin::{Moment, Principal, Request, told};
use crate::private::Address;
use crate::quota::{Amount, Origin, rounded};

const LOOKS: &[&str] = &[
    r#""mailbox list""#,
    r#""mailbox list","association":"velo""#,
    r#""association list""#,
    r#""association show","name":"velo""#,
    r#""association loans""#,
    r#""status""#,
    r#""blocks list""#,
    r#""incident list""#,
    // These change nothing, and answer with numbers all the same.
    r#""association set","name":"velo","edit":{"storage":1}"#,
    r#""mailbox set","address":"alice@velo.example","edit":{"storage":1}"#,
    r#""mailbox refresh","address":"alice@velo.example""#,
    r#""usage begin-count","round":"a""#,
];

fn looks(stage: &TestStage) -> Vec<String> {
    LOOKS.iter().map(|look| stage.ask(look)).collect()
}

#[test]
fn polled_lists_move_at_the_fixed_moments_only() {
    let stage = TestStage::new();
    let (alice, new) = (address("alice@velo.example"), address("new@velo.example"));
    let book = &stage.book;
    // Room for the acts: the limits of LOOKS are in force after the first look.
    let unbound = |stage: &TestStage| {
        stage.ask(r#""association set","name":"velo","edit":{"storage":null}"#);
        stage.ask(r#""mailbox set","address":"alice@velo.example","edit":{"storage":null}"#);
    };
    looks(&stage);
    unbound(&stage);
    let before = looks(&stage);
    let exact = || stage.ask(r#""disclose","address":"alice@velo.example""#);
    let held = exact();
    let store = |mailbox: &Address, octets, way| {
        let reserved = book.reserve(mailbox, Amount::message(octets), way, stage.today);
        let _ = reserved.unwrap_or_else(|verdict| panic!("{verdict:?}")).commit();
    };
    let counted = Amount { octets: 3, messages: 1 };
    let choose = || {
        let request = r#"{"nologd":1,"command":"mailbox set","address":"alice@velo.example","edit":{"language":"fr"}}"#;
        let request = Request::read(request.as_bytes()).unwrap_or_else(|refusal| panic!("{}", refusal.text));
        assert!(stage.say(&Principal::Member(alice.clone()), &request).contains("\"language\":\"fr\""));
    };
    let acts: [(&str, &dyn Fn()); 9] = [
        ("a letter of 9 MB", &|| store(&alice, 9 << 20, Origin::Member)),
        ("incoming mail", &|| store(&alice, 500, Origin::Incoming)),
        ("a write under way", &|| std::mem::forget(book.reserve(&alice, Amount::message(7777), Origin::Member, stage.today))),
        ("a count at a login", &|| assert!(book.begin_refresh(&alice).map(|count| count.finish(counted, stage.today)).is_some())),
        ("a session", &|| std::mem::forget(book.watch(&alice))),
        ("a push", &|| book.pushed(&alice, Some(5_000_000), Some(7))),
        ("a first login", &|| assert_eq!(book.admit(&new), Ok(()))),
        ("a choice of language at the page", &choose),
        ("its first letter", &|| store(&new, 1 << 20, Origin::Member)),
    ];
    let mut moved = 0;
    for (name, act) in acts {
        unbound(&stage);
        let was = exact();
        act();
        moved += usize::from(exact() != was);
        let now = looks(&stage);
        for (look, (before, now)) in LOOKS.iter().zip(before.iter().zip(&now)) {
            // That there is a push at all is told at once, and once.
            let now = now.replace("\"pushed\":1", "\"pushed\":0");
            assert_eq!(*before, now, "{look} tells of {name}");
        }
    }
    assert!(moved >= 5 && exact() != held, "what is disclosed is exact: {moved}");
    book.settle();
    let list = stage.ask(LOOKS[0]);
    assert!(list.contains("new@velo.example") && list != before[0]);
    let used = rounded(book.mailbox(&alice).unwrap().used);
    assert!(list.contains(&format!("\"octets\":{},\"messages\":{}", used.octets, used.messages)), "{list}");
}

/// Before the first full hour of a mailbox an admin may name it: no zero is said of what is in it, and no act is told either.
#[test]
fn a_mailbox_that_is_named_before_its_first_hour_is_not_said_to_be_empty() {
    for command in [
        "\"mailbox refresh\",\"address\":\"new@velo.example\"",
        r#""mailbox set","address":"new@velo.example","edit":{"storage":1073741824}"#,
    ] {
        let (stage, new) = (TestStage::new(), address("new@velo.example"));
        let store = || {
            let reserved = stage.book.reserve(&new, Amount::message(100_000), Origin::Member, stage.today);
            let _ = reserved.unwrap_or_else(|verdict| panic!("{verdict:?}")).commit();
        };
        assert_eq!(stage.book.admit(&new), Ok(()));
        store();
        let told = stage.ask(command);
        assert!(told.contains("\"octets\":131072,"), "{told}");
        (0..9).for_each(|_| store());
        let list = stage.ask(LOOKS[0]);
        assert!(list.contains("\"octets\":131072,"), "{list}");
    }
}

#[test]
fn a_long_list_comes_in_bounded_pieces_and_is_whole() {
    let stage = TestStage::new();
    for number in 0..3000 {
        assert!(stage.book.load(&address(&format!("m{number}@jardin.example")), Amount::ZERO, stage.today));
    }
    let request = Request::read(br#"{"nologd":1,"command":"mailbox list"}"#).unwrap_or_else(|refusal| panic!("{}", refusal.text));
    let backends = crate::route::Backends::default();
    let at = Moment { backends: &backends, servers: &[], today: stage.today, now: std::time::Instant::now() };
    let mut reply = request.serve(&Principal::Admin, &stage.executor, &at);
    let mut pieces = vec![reply.next().unwrap()];
    // Somebody is removed while the list is read.
    assert!(stage.book.remove_mailbox(&address("m999@jardin.example"), stage.today).is_ok());
    pieces.extend(reply);
    assert!(pieces.len() > 10 && pieces.iter().all(|piece| piece.len() < MAX_PIECE), "{}", pieces.len());
    let whole = pieces.concat();
    assert!(told::<MailboxesListed>(whole.as_bytes()).is_ok_and(|told| told.is_ok()));
    assert_eq!(whole.matches("\"address\"").count(), 3003);
    assert!(!whole.contains("m999@"));
}
