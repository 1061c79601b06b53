//! When sessions end by themselves: the real pages over HTTP, whose hours pass as fast as the test says.

use std::sync::atomic::AtomicU64;

use nologd::demo::Place;
use nologd::serve::WebRoom;

use super::*;
use crate::in_process::{in_process_with, listen};

const HOUR: u64 = 3600;

#[test]
fn a_session_ends_twelve_hours_after_the_last_click() {
    let place = Place::new().unwrap();
    let (page, backend) = (place.port().unwrap(), Scripted::imap(PASSWORD));
    let text = format!(
        "hostname = \"mail.nolog.example\"\nstate_dir = \"{}\"\n[web]\nurl = \"https://pages.nolog.example\"\n{}\
         [[backend]]\nname = \"store1\"\nimap = \"imap://127.0.0.1:{}\"\n\
         [[association]]\nname = \"asso\"\ndomains = [\"asso.example\"]\ncontact = \"carl@asso.example\"\n",
        place.path("state").display(),
        listen("web", &format!("127.0.0.1:{page}")),
        backend.port
    );
    let clock = Arc::new(AtomicU64::new(1));
    let hands = clock.clone();
    let (_book, _runtime) = in_process_with(&text, |context| {
        let site = context.web.site.clone();
        context.web = WebRoom::by_clock(site, Box::new(move || Duration::from_secs(hands.load(Ordering::Relaxed))));
    });
    let pass = |seconds: u64| {
        clock.fetch_add(seconds, Ordering::Relaxed);
    };
    let enter = |who: &str, of: &str| {
        let entered = post(page, &format!("/en/{of}/enter"), "", &format!("mailbox={who}%40asso.example&password={PASSWORD}"));
        assert_eq!((entered.status, entered.field("location")), (303, format!("/en/{of}").as_str()), "{}", entered.body);
        let cookie = entered.cookie();
        let token = form_token(&get(page, &format!("/en/{of}"), &format!("Cookie: {cookie}\r\n")));
        (cookie, token)
    };
    let (alice, alices) = enter("alice", "member");
    let (carl, carls) = enter("carl", "contact");
    let both_in = || {
        let is_in = |of: &str, cookie: &str| {
            let shown = get(page, &format!("/en/{of}"), &format!("Cookie: {cookie}\r\n"));
            assert_eq!(shown.status, 200);
            shown.body.contains("name=\"token\"")
        };
        (is_in("member", &alice), is_in("contact", &carl))
    };
    // Each click begins the hours anew, and so they last for days.
    for _ in 0..5 {
        pass(12 * HOUR - 1);
        assert_eq!(both_in(), (true, true));
    }
    // A form alone is a click as well.
    pass(12 * HOUR - 1);
    assert_eq!(post(page, "/en/member/language", &alice, &format!("token={alices}&language=fr")).status, 303);
    pass(2);
    assert_eq!(both_in(), (true, false), "who clicked nothing for twelve hours is out");
    // What was open in a window is good for nothing then, and the cookie names nobody any more.
    pass(12 * HOUR);
    assert_eq!(post(page, "/en/member/language", &alice, &format!("token={alices}&language=en")).status, 403);
    assert_eq!(post(page, "/en/contact/language", &carl, &format!("token={carls}&language=fr")).status, 403);
    assert_eq!(get(page, "/en/member/held.json", &format!("Cookie: {alice}\r\n")).field("content-disposition"), "");
    assert_eq!(both_in(), (false, false));
    let (again, _) = enter("alice", "member");
    assert_ne!(again, alice);
}
