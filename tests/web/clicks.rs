//! What a contact presses twice, too often, or in two windows: what was done is said once and where it belongs, and a second click does no harm.

use super::*;

impl Stage {
    /// What the page says that was done.
    fn claims(&self, cookie: &str) -> Option<String> {
        claim(&get(self.page, "/en/contact", &format!("Cookie: {cookie}\r\n")).body)
    }

    fn press(&self, (cookie, token): &(String, String), what: &str, rest: &str) -> Got {
        post(self.page, &format!("/en/contact/{what}"), cookie, &format!("token={token}&{rest}"))
    }

    fn head(&self, path: &str, cookie: &str) -> u16 {
        let request = format!("HEAD {path} HTTP/1.1\r\nHost: mail.nolog.example\r\nCookie: {cookie}\r\n\r\n");
        raw(self.page, request.as_bytes()).unwrap().status
    }

    /// The two links of a hand-over to zoe@elsewhere.example: the old contact's, and the new one's.
    fn both_links(&self) -> [String; 2] {
        let mut links = ["carl@velo.example", "zoe@elsewhere.example"].map(|_| String::new());
        for _ in 0..2 {
            let mail = self.mails.recv_timeout(Duration::from_secs(20)).expect("no link of a hand-over");
            let mail = mail.replace("=\r\n", "").replace("=3D", "=");
            let link = mail.lines().find_map(|line| line.strip_prefix(&format!("{URL}/en/confirm/"))).unwrap();
            links[usize::from(mail.contains("To: zoe@"))] = link.to_owned();
        }
        links
    }
}

fn claim(page: &str) -> Option<String> {
    let found = page.split_once("<div class=\"done\" role=\"status\"><p>").filter(|(_, rest)| !rest.starts_with("<a "));
    found.map(|(_, rest)| rest.split(['.', '<']).next().unwrap().to_owned())
}

/// What was done waits for the page that comes next, and for no other: not for one that nobody sees, not for somebody else's, and not for the
/// one after the next form.
#[test]
fn what_was_done_is_said_at_the_next_page_and_at_no_other() {
    let stage = Stage::start();
    let carl = stage.log_in("carl%40velo.example");
    let changed = Some("Changed".to_owned());
    let change = || assert_eq!(stage.press(&carl, "default", "share=1").status, 303);
    // Nobody reads what HEAD brings, and this session is no member's.
    change();
    assert_eq!(stage.head("/en/contact", &carl.0), 200);
    for path in ["/en/member", "/en/member/held"] {
        assert_eq!(claim(&get(stage.page, path, &format!("Cookie: {}\r\n", carl.0)).body), None, "{path}");
    }
    assert_eq!((stage.claims(&carl.0), stage.claims(&carl.0)), (changed, None));
    // The answer to the first form was lost; the second one is refused: neither its page nor the next one says that something was done.
    for (what, rest, status) in [
        ("default", "share=99", 422),
        ("default", "share=1&share=2", 400),
        ("mailbox", "address=ghost%40velo.example&share=1", 404),
        ("language", "language=xx", 403),
        ("lend/offer", "to=jardin&share=99&until=2099-03-01", 422),
        ("lend/withdraw", "to=nobody&until=2099-03-01", 422),
        ("lend/accept", "from=nobody&size=1&until=2099-03-01", 422),
        ("hand-over", "address=nobody", 422),
        // Where the config names no hosts to ask.
        ("more", "share=1+GB&words=", 403),
    ] {
        change();
        let refused = stage.press(&carl, what, rest);
        assert_eq!((refused.status, claim(&refused.body)), (status, None), "{what} {rest}: {}", refused.body);
        assert_eq!(stage.claims(&carl.0), None, "{what} {rest}");
    }
    // What is no form of this session ends nothing.
    change();
    assert_eq!(post(stage.page, "/en/contact/default", &carl.0, "token=x&share=99").status, 403);
    assert_eq!(stage.claims(&carl.0).as_deref(), Some("Changed"));
}

/// Who presses twice is answered to the second click, and the thing is done once.
#[test]
fn a_second_click_is_told_that_it_is_done() {
    let stage = Stage::start();
    let (carl, rose) = (stage.log_in("carl%40velo.example"), stage.log_in("rose%40jardin.example"));
    let twice = |who: &(String, String), what: &str, rest: &str, says: &str| {
        for click in 1..=2 {
            let got = stage.press(who, what, rest);
            assert_eq!((got.status, got.field("location")), (303, "/en/contact"), "{what}, click {click}: {}", got.body);
        }
        assert_eq!(stage.claims(&who.0).as_deref(), Some(says), "{what}");
        assert_eq!(stage.claims(&who.0), None);
    };
    let loans = || stage.house.json("association show jardin")["association"]["borrowed"].as_array().map_or(0, Vec::len);
    twice(&carl, "lend/offer", "to=jardin&share=2&until=2099-03-01", "Offered");
    twice(&rose, "lend/accept", &format!("from=velo&size={}&until=2099-03-01", 2_u64 << 30), "Changed");
    assert_eq!(loans(), 1);
    // To others it is what it is: gone.
    let accepted = format!("from=velo&size={}&until=2099-03-01", 2_u64 << 30);
    assert_eq!(stage.press(&carl, "lend/accept", &accepted).status, 422);
    let other = stage.press(&rose, "lend/accept", &format!("from=velo&size={}&until=2099-03-01", 3_u64 << 30));
    assert_eq!((other.status, stage.claims(&rose.0)), (422, None));
    twice(&rose, "lend/return", "from=velo&until=2099-03-01", "Changed");
    assert_eq!((loans(), stage.press(&rose, "lend/accept", &accepted).status), (0, 422), "another thing was done since");
    twice(&carl, "lend/offer", "to=jardin&share=2&until=2099-03-01", "Offered");
    twice(&carl, "lend/withdraw", "to=jardin&until=2099-03-01", "Withdrawn");
    twice(&carl, "lend/offer", "to=jardin&share=2&until=2099-03-01", "Offered");
    twice(&rose, "lend/decline", &accepted, "Declined");
    // Out, and out.
    for _ in 0..2 {
        let left = post(stage.page, "/en/leave", &rose.0, &format!("token={}", rose.1));
        assert_eq!((left.status, left.field("location")), (303, "/en/"), "{}", left.body);
        assert!(left.field("set-cookie").contains("Max-Age=0"));
    }
    // Not out, where the form is another session's, or comes from elsewhere.
    assert_eq!(post(stage.page, "/en/leave", &carl.0, &format!("token={}", rose.1)).status, 403);
    assert_eq!(
        send(stage.page, "/en/leave", &format!("Sec-Fetch-Site: cross-site\r\nCookie: {}\r\n", rose.0), "token=x").status,
        403
    );
    assert!(get(stage.page, "/en/contact", &format!("Cookie: {}\r\n", carl.0)).body.contains("<h1>velo</h1>"));
}

/// The link of a login pressed twice: whoever came in by it is in, and nobody else comes in.
#[test]
fn a_login_that_is_pressed_twice_is_one() {
    let stage = Stage::start();
    let token = stage.token("carl%40velo.example");
    let entered = post(stage.page, "/en/enter", "", &format!("link={token}"));
    let cookie = entered.cookie();
    let again = post(stage.page, "/en/enter", &cookie, &format!("link={token}"));
    assert_eq!((again.status, again.field("location")), (303, "/en/contact"), "{}", again.body);
    assert!(again.fields("set-cookie").is_empty(), "{}", again.head);
    assert!(get(stage.page, "/en/contact", &format!("Cookie: {cookie}\r\n")).body.contains("<h1>velo</h1>"));
    // Without the cookie that it brought, or with another one, it is over.
    let (rose, _) = stage.log_in("rose%40jardin.example");
    for other in ["", &rose] {
        let over = post(stage.page, "/en/enter", other, &format!("link={token}"));
        assert!(over.status == 404 && over.fields("set-cookie").is_empty(), "{}", over.head);
    }
    assert_eq!(send(stage.page, "/en/enter", &format!("Cookie: {cookie}\r\n"), &format!("link={token}")).status, 403);
    stage.house.done("mailbox kick carl@velo.example");
    assert_eq!(post(stage.page, "/en/enter", &cookie, &format!("link={token}")).status, 404);
}

/// Both links of a hand-over pressed twice, and the form that begins it.
#[test]
fn a_hand_over_that_is_pressed_twice_is_done_once_and_says_so() {
    let stage = Stage::start();
    let carl = stage.log_in("carl%40velo.example");
    let ask = |address: &str| stage.press(&carl, "hand-over", &format!("address={address}%40elsewhere.example"));
    let (first, second) = (ask("zoe"), ask("zoe"));
    assert_eq!((first.status, second.status, first.body == second.body), (200, 200, true), "{}", second.body);
    assert_eq!(ask("eve").status, 422);
    let [old, new] = stage.both_links();
    assert!(stage.mails.recv_timeout(Duration::from_secs(6)).is_err(), "two letters, and no more");
    let confirm = |token: &str| {
        let got = post(stage.page, "/en/confirm", "", &format!("link={token}"));
        let title = got.body.split("<h1>").nth(1).unwrap().split('<').next().unwrap().to_owned();
        (got.status, title)
    };
    let contact = || stage.house.json("association show velo")["association"]["settings"]["contact"].as_str().unwrap().to_owned();
    for _ in 0..2 {
        assert_eq!(confirm(&new), (200, "Confirmed, one is missing".into()));
    }
    assert_eq!(contact(), "carl@velo.example", "one side twice is not both");
    for _ in 0..2 {
        assert_eq!(confirm(&old), (200, "Handed over".into()));
    }
    // Now both are.
    assert_eq!(confirm(&new), (200, "Handed over".into()));
    assert_eq!(contact(), "zoe@elsewhere.example");
    // A link that was used shows no button any more; what was never one, or comes from elsewhere, learns nothing.
    assert_eq!((get(stage.page, &format!("/en/confirm/{old}"), "").status, confirm(&old[..42]).0), (404, 404));
    assert_eq!(send(stage.page, "/en/confirm", "Sec-Fetch-Site: cross-site\r\n", &format!("link={old}")).status, 403);
    // Nor is it said when it is so no more.
    stage.house.done("association set velo --contact carl@velo.example");
    assert_eq!((confirm(&old).0, confirm(&new).0), (404, 404));
    stage.house.done("association set velo --contact zoe@elsewhere.example");
    assert_eq!((confirm(&old).0, contact()), (404, "zoe@elsewhere.example".into()));
}

/// Offers cost what other changes cost; what is refused costs nothing, and what leads to nothing is not weighed.
#[test]
fn offers_without_end_are_stopped_and_what_is_refused_is_free() {
    let stage = Stage::start();
    let (carl, rose) = (stage.log_in("carl%40velo.example"), stage.log_in("rose%40jardin.example"));
    // Nothing is there to be weighed; and what no form of ours sends is not charged either.
    for _ in 0..6 {
        assert_eq!(stage.press(&rose, "lend/accept", "from=velo&size=1&until=2099-03-01").status, 422);
        assert_eq!(stage.press(&rose, "lend/accept", "from=velo&size=x&until=2099-03-01").status, 400);
        assert_eq!(stage.press(&rose, "lend/return", "from=velo&until=never").status, 400);
    }
    let accept = |octets: u64| stage.press(&rose, "lend/accept", &format!("from=velo&size={octets}&until=2099-03-01")).status;
    let (mut taken, mut refused) = (0, 0);
    for megabytes in 1..=6 {
        let offered = stage.press(&carl, "lend/offer", &format!("to=jardin&share={megabytes}+MB&until=2099-03-01"));
        assert_eq!(offered.status, 303, "{}", offered.body);
        match accept(megabytes << 20) {
            303 => taken += 1,
            503 => refused += 1,
            status => panic!("{status}"),
        }
    }
    assert_eq!((taken, refused), (4, 2), "four weighings in ten minutes");
    // Those used rose's up, whole; carl has made six changes.
    let mut done = 6;
    for round in 0..150 {
        for (what, rest) in
            [("lend/offer", "to=x.example&share=1&until=2099-03-01"), ("lend/withdraw", "to=x.example&until=2099-03-01")]
        {
            match stage.press(&carl, what, rest).status {
                303 => done += 1,
                503 => {}
                status => panic!("{round}: {status}"),
            }
        }
    }
    assert_eq!(done, 200);
    for (what, rest) in [
        ("default", "share=1"),
        ("lend/decline", "from=jardin&size=1&until=2099-03-01"),
        ("hand-over", "address=zoe%40elsewhere.example"),
    ] {
        assert_eq!(stage.press(&carl, what, rest).status, 503, "{what}: it is one budget");
    }
    // What is wrong is said to be wrong, also then.
    assert_eq!(stage.press(&carl, "default", "share=99").status, 422);
    assert_eq!(stage.press(&carl, "lend/offer", "to=jardin&share=x&until=2099-03-01").status, 422);
}
