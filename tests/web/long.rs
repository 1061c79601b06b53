//! An association with thousands of mailboxes, a contact who reads slowly on purpose, and what the hosts have set.

use super::*;

const MANY: usize = 3000;
/// Octets of the longest page.
const PAGE: usize = 200_000;

impl Stage {
    fn with_many() -> Stage {
        let mut stage = Stage::start();
        let address = |number: usize| format!("m{number:04}@velo.example");
        let addresses: Vec<_> = (0..MANY).map(address).collect();
        // The fullest is the first.
        let usage: Vec<_> =
            addresses.iter().zip(1..).map(|(address, number)| (address.as_str(), (4000 - number) << 10, number)).collect();
        stage.house.with_usage(&usage);
        stage
    }

    fn read(&self, path: &str, cookie: &str) -> Got {
        get(self.page, path, &format!("Cookie: {cookie}\r\n"))
    }
}

/// A page of all of them was as long as a book, and a few hundred readers of it were all of the memory.
#[test]
fn no_page_is_so_long_that_its_readers_take_the_memory() {
    let stage = Stage::with_many();
    let (carl, _) = stage.log_in("carl%40velo.example");
    let page = stage.read("/en/contact", &carl);
    assert!(page.body.contains("3,000 mailboxes") && page.body.len() < PAGE, "{}", page.body.len());
    let before = stage.house.memory();
    let request = format!("GET /en/contact HTTP/1.1\r\nHost: mail.nolog.example\r\nCookie: {carl}\r\n\r\n");
    // They ask, and do not read.
    let held: Vec<_> = (0..250)
        .map(|_| {
            let mut stream = TcpStream::connect(("127.0.0.1", stage.page)).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            stream
        })
        .collect();
    let mut most = 0;
    for _ in 0..30 {
        std::thread::sleep(Duration::from_millis(100));
        most = most.max(stage.house.memory());
    }
    assert!(most < before + (120 << 20), "{before} octets became {most}");
    drop(held);
}

#[test]
fn a_long_list_is_read_in_parts_and_each_mailbox_is_found() {
    let stage = Stage::with_many();
    let (carl, form) = stage.log_in("carl%40velo.example");
    let mut seen = Vec::new();
    for part in 1..=30 {
        let page = stage.read(&format!("/en/contact/mailboxes/{part}"), &carl).body;
        seen.extend(page.split("<strong>m").skip(1).map(|rest| rest[..4].parse::<usize>().unwrap()));
        assert!(!page.contains("/en/contact/mailboxes/31"));
        assert_eq!(page.contains(&format!("/en/contact/mailboxes/{}\"", part + 1)), part < 30, "{part}");
    }
    assert_eq!(seen, (0..MANY).collect::<Vec<_>>());
    assert!(stage.read("/en/contact", &carl).body.contains("1 to 100 of 3,000"));
    assert!(stage.read("/fr/contact/mailboxes/2", &carl).body.contains("href=\"/en/contact/mailboxes/2\" lang=\"en\""));
    // Behind the last one is the last one; what is no number is no page.
    assert!(stage.read("/en/contact/mailboxes/999999", &carl).body.contains("2,901 to 3,000 of 3,000"));
    for path in ["0", "-1", "x", "1/2", "%D9%A3", "99999999999999999999"] {
        assert_eq!(stage.read(&format!("/en/contact/mailboxes/{path}"), &carl).status, 404, "{path}");
    }
    assert!(!stage.read("/en/contact/mailboxes/2", "").body.contains("m0100"), "without a session");
    let press = |what: &str, rest: &str| post(stage.page, &format!("/en/contact/{what}"), &carl, &format!("token={form}&{rest}"));
    let found = press("find", "address=+M1234%40velo.example");
    assert_eq!((found.status, found.field("location")), (303, "/en/contact/mailboxes/13#box-1234"));
    assert!(stage.read("/en/contact/mailboxes/13", &carl).body.contains("id=\"box-1234\""));
    // Nobody's, another association's, and no address at all are told alike.
    for missing in ["nobody%40velo.example", "rose%40jardin.example", "m1234", "m1234%2Bx%40velo.example"] {
        let got = press("find", &format!("address={missing}"));
        assert!(got.status == 422 && got.body.contains("id=\"find-error\"") && got.body.len() < PAGE, "{missing}");
    }
    assert_eq!(post(stage.page, "/en/contact/find", &carl, "token=x&address=m1234%40velo.example").status, 403);
    // Back where it was pressed, which says so; refused, on the page where its field is.
    let done = press("mailbox", "address=m1234%40velo.example&share=2&part=13");
    assert_eq!((done.status, done.field("location")), (303, "/en/contact/mailboxes/13"));
    let page = stage.read(done.field("location"), &carl).body;
    assert!(page.contains("Changed. It holds from now on.") && page.contains("value=\"2 GB\""));
    for part in ["", "&part=x", "&part=2%0d%0aX:y", "&part=1&part=2"] {
        let done = press("mailbox", &format!("address=m1234%40velo.example&share=3{part}"));
        assert_eq!((done.status, done.field("location")), (303, "/en/contact"), "{part}");
    }
    let refused = press("mailbox", "address=m1234%40velo.example&share=99&part=1").body;
    assert!(refused.contains("id=\"share-refused\"") && refused.contains("1,201 to 1,300 of 3,000"));
}

#[test]
fn a_contact_sees_what_the_hosts_have_set_and_takes_all_of_it_along() {
    let stage = Stage::start();
    stage.house.done("mailbox set alice@velo.example --storage 2G");
    let (carl, _) = stage.log_in("carl%40velo.example");
    let page = || stage.read("/en/contact", &carl).body;
    // Of a mailbox, what the config says for everybody.
    assert!(
        page().contains("Each mailbox: 200 messages an hour, 1,000 messages a day") && page().contains("All together: no limit")
    );
    stage.house.done("association set velo --send-per-day 50 --mailbox-send-per-hour 7");
    assert!(page().contains("Each mailbox: 7 messages an hour") && page().contains("All together: 50 messages a day"));
    assert!(!page().contains("suspended"));
    for (state, says) in [
        ("read-only", "read-only for now"),
        ("suspended", "The association is suspended"),
        ("leaving --until 2099-03-01", "leaves this server after 1\u{a0}March\u{a0}2099"),
    ] {
        stage.house.done(&format!("association set velo --state {state}"));
        assert!(page().contains(says), "{state}: {}", page());
    }
    let file = stage.read("/contact/held.json", &carl);
    assert_eq!((file.status, file.field("cache-control"), file.field("content-type")), (200, "no-store", "application/json"));
    let held: serde_json::Value = serde_json::from_str(&file.body).unwrap();
    assert_eq!(held["about"]["association"]["name"], "velo");
    assert_eq!(held["mailboxes"][0]["address"], "alice@velo.example");
    assert!(!file.body.contains("jardin"));
    assert!(stage.read("/contact/held.json", "").body.contains("name=\"address\""), "the way in");
    // It is long: as often as a person would want it.
    let codes: Vec<_> = (0..25).map(|_| stage.read("/contact/held.json", &carl).status).collect();
    assert_eq!((codes[0], codes[24], codes.iter().filter(|code| **code == 200).count()), (200, 503, 19));
}
