//! Contacts among each other, and their links: lending, handing over, a full mailbox, a flood, the clock in a stranger's hand.

use std::collections::BTreeSet;
use std::time::Duration;

use super::*;

impl Stage {
    fn effective(&self, name: &str) -> u64 {
        self.house.json(&format!("association show {name}"))["association"]["fill"]["storage"].as_u64().unwrap()
    }

    fn page(&self, cookie: &str) -> String {
        get(self.page, "/en/contact", &format!("Cookie: {cookie}\r\n")).body
    }

    /// All the mails that come until nothing comes for a while, with their lines as they were written.
    fn all_mails(&self) -> Vec<String> {
        let next = || self.mails.recv_timeout(Duration::from_secs(6)).ok();
        std::iter::from_fn(next).map(|mail| mail.replace("=\r\n", "").replace("=3D", "=")).collect()
    }

    /// All the links that are mailed until nothing comes for a while, by whom they are for.
    fn links(&self, path: &str) -> Vec<(String, String)> {
        let mut links = Vec::new();
        for mail in self.all_mails().into_iter().filter(|mail| !mail.contains("/contact\r\n")) {
            let to = mail.lines().find_map(|line| line.strip_prefix("To: ")).unwrap().to_owned();
            let link = mail.lines().find(|line| line.starts_with("https://")).unwrap();
            links.push((to, link.strip_prefix(&format!("{URL}/en/{path}/")).unwrap_or_else(|| panic!("{link}")).to_owned()));
        }
        links
    }
}

#[test]
fn two_contacts_lend_and_neither_can_alone() {
    let mut stage = Stage::start();
    let (carl, carls) = stage.log_in("carl%40velo.example");
    let (rose, roses) = stage.log_in("rose%40jardin.example");
    let offer = |to: &str, share: &str, until: &str| {
        post(stage.page, "/en/contact/lend/offer", &carl, &format!("token={carls}&to={to}&share={share}&until={until}"))
    };
    // What is wrong is said at its field, and nothing is offered.
    for (to, share, until, id) in [
        ("jardin", "11", "2099-03-01", "lend-share"),
        ("jardin", "0", "2099-03-01", "lend-share"),
        ("jardin", "x", "2099-03-01", "lend-share"),
        ("jardin", "2", "2020-03-01", "lend-until"),
        ("jardin", "2", "tomorrow", "lend-until"),
        ("%3Cb%3E", "2", "2099-03-01", "lend-to"),
        ("velo", "2", "2099-03-01", "lend-to"),
        ("velo.example", "2", "2099-03-01", "lend-to"),
    ] {
        let got = offer(to, share, until);
        assert!(got.status == 422 && got.body.contains(&format!("id=\"{id}-error\"")), "{to} {share} {until}: {}", got.body);
        assert!(!got.body.contains("<b>") && got.body.contains(&format!("href=\"#{id}\"")));
    }
    // To nobody and to somebody are answered alike, and look alike.
    let (known, unknown) = (offer("jardin.example", "2", "2099-03-01"), offer("nobody.example", "2", "2099-03-01"));
    assert_eq!((known.status, known.field("location")), (unknown.status, unknown.field("location")));
    assert_eq!((known.status, known.field("location")), (303, "/en/contact"));
    let said = get(stage.page, known.field("location"), &format!("Cookie: {carl}\r\n")).body;
    assert!(said.contains("Nothing is lent yet") && !said.contains("It holds from now on"), "{said}");
    let page = stage.page(&carl);
    let shown = |with: &str| {
        let item = page.split("<li>").find(|item| item.contains(&format!("<strong>{with}</strong>"))).unwrap();
        item.split("</li>").next().unwrap().to_owned()
    };
    let same = |item: String| item.replace("nobody.example", "X").replace("jardin.example", "X");
    assert_eq!(same(shown("jardin.example")), same(shown("nobody.example")));
    assert!(!page.contains("/lend/accept"), "who offers cannot accept");
    assert_eq!((stage.effective("velo"), stage.effective("jardin")), (10 << 30, 10 << 30), "an offer lends nothing");

    // Who lends cannot take it in the other's name, nor accept, and a third one cannot at all.
    let take = |cookie: &str, form: &str, size: u64| {
        let fields = format!("token={form}&from=velo&size={size}&until=2099-03-01");
        post(stage.page, "/en/contact/lend/accept", cookie, &fields).status
    };
    assert_eq!(take(&carl, &carls, 2 << 30), 422);
    assert_eq!(take(&rose, &carls, 2 << 30), 403);
    assert!(stage.page(&rose).contains("Offered to you by"));
    // Not another amount than what stands there.
    assert_eq!(take(&rose, &roses, 3 << 30), 422);
    assert_eq!(take(&rose, &roses, 2 << 30), 303);
    assert_eq!((stage.effective("velo"), stage.effective("jardin")), (8 << 30, 12 << 30));
    // A second click is told the same, and lends nothing more.
    assert_eq!(take(&rose, &roses, 2 << 30), 303);
    assert_eq!((stage.effective("velo"), stage.effective("jardin")), (8 << 30, 12 << 30));
    assert!(stage.page(&carl).contains("Lent to ") && stage.page(&rose).contains("Borrowed from "));
    assert!(stage.house.done("association loans").contains("velo"));
    // What is lent cannot be shared out.
    let share = format!("token={carls}&share=9");
    assert_eq!(post(stage.page, "/en/contact/default", &carl, &share).status, 422);
    // The lender takes nothing back before the day; the borrower gives back.
    let back = |cookie: &str, form: &str, from: &str| {
        post(stage.page, "/en/contact/lend/return", cookie, &format!("token={form}&from={from}&until=2099-03-01")).status
    };
    assert_eq!(back(&carl, &carls, "jardin"), 422);
    stage.house.down(Signal::SIGTERM);
    stage.house.up();
    assert_eq!((stage.effective("velo"), stage.effective("jardin")), (8 << 30, 12 << 30), "on the disk");
    assert!(!stage.house.done("association show velo").contains("nobody"), "offers are in memory alone");
    let (rose, roses) = stage.log_in("rose%40jardin.example");
    let back = post(stage.page, "/en/contact/lend/return", &rose, &format!("token={roses}&from=velo&until=2099-03-01"));
    assert_eq!(back.status, 303, "{}", back.body);
    assert_eq!((stage.effective("velo"), stage.effective("jardin")), (10 << 30, 10 << 30));
    // What is borrowed and used is not given back.
    stage.house.done("association lend velo jardin 2G --until 2099-03-01");
    stage.house.with_usage(&[("bob@jardin.example", 11 << 30, 1)]);
    let (rose, roses) = stage.log_in("rose%40jardin.example");
    let back = post(stage.page, "/en/contact/lend/return", &rose, &format!("token={roses}&from=velo&until=2099-03-01"));
    assert!(back.status == 422 && back.body.contains("uses that space"), "{}", back.body);
    assert_eq!(stage.effective("jardin"), 12 << 30);
}

/// The other contact is told by mail, once a day; who offers learns nothing by it, and nobody else is told.
#[test]
fn the_other_contact_is_told_of_an_offer_once() {
    let stage = Stage::start();
    let (carl, carls) = stage.log_in("carl%40velo.example");
    let (rose, roses) = stage.log_in("rose%40jardin.example");
    stage.house.done("association add muet --domain muet.example --storage 10G");
    let act = |what: &str, to: &str, share: &str| {
        let fields = format!("token={carls}&to={to}&share={share}&until=2099-03-01");
        let got = post(stage.page, &format!("/fr/contact/lend/{what}"), &carl, &fields);
        assert_eq!(got.status, 303, "{what} {to}: {}", got.body);
        got.field("location").to_owned()
    };
    // One that is here, by its domain, and then by its name; one without a contact; and nobody.
    for to in ["jardin.example", "jardin", "muet", "nobody.example"] {
        assert_eq!(act("offer", to, "2"), "/fr/contact", "{to}");
    }
    let mails = stage.all_mails();
    let [mail] = &mails[..] else { panic!("{mails:?}") };
    // In the language of who is told, not of who offers; to the page, with nothing that lets anybody in.
    for line in ["To: rose@jardin.example", "Subject: velo offers mail space to jardin", "Auto-Submitted: auto-generated"] {
        assert!(mail.lines().any(|found| found == line), "{line}: {mail}");
    }
    assert!(mail.lines().any(|line| line == format!("{URL}/en/contact")), "{mail}");
    assert!(
        mail.contains("2=C2=A0GB") && mail.contains("March=C2=A02099") && !mail.contains("carl@") && !mail.contains("?"),
        "{mail}"
    );
    // Withdrawn and offered again, and more of it: that was told today.
    assert_eq!(act("withdraw", "jardin.example", ""), "/fr/contact");
    act("offer", "jardin.example", "3");
    // Let be: the maker has no mail of it.
    let fields = format!("token={roses}&from=velo&size={}&until=2099-03-01", 2_u64 << 30);
    let declined = post(stage.page, "/fr/contact/lend/decline", &rose, &fields);
    assert_eq!((declined.status, declined.field("location")), (303, "/fr/contact"));
    let said = get(stage.page, "/fr/contact", &format!("Cookie: {rose}\r\n")).body;
    assert!(said.contains("aucun prêt") && !said.contains("en vigueur"), "{said}");
    // One that is withdrawn before it could be told was never there.
    stage.house.done("association add late --domain late.example --contact late@late.example");
    act("offer", "late", "1");
    act("withdraw", "late", "");
    assert!(stage.all_mails().is_empty());
    // In French to who reads French; and what is so after it is said.
    let offered = format!("token={roses}&to=velo&share=1&until=2099-03-01");
    assert_eq!(post(stage.page, "/en/contact/lend/offer", &rose, &offered).status, 303);
    let mails = stage.all_mails();
    assert!(
        mails.len() == 1 && mails[0].contains("To: carl@velo.example") && mails[0].contains(&format!("{URL}/fr/contact")),
        "{mails:?}"
    );
}

/// A page says that something was done where it was, in the session that did it, once; and no address says it of itself.
#[test]
fn a_page_claims_only_what_was_done() {
    let stage = Stage::start();
    let (carl, carls) = stage.log_in("carl%40velo.example");
    let (rose, roses) = stage.log_in("rose%40jardin.example");
    let claims = |cookie: &str| {
        let page = stage.page(cookie);
        let found = page.split_once("<div class=\"done\" role=\"status\"><p>").filter(|(_, rest)| !rest.starts_with("<a "));
        found.map(|(_, rest)| rest.split(['.', '<']).next().unwrap().to_owned())
    };
    for path in ["changed", "offered", "withdrawn", "declined"] {
        let got = get(stage.page, &format!("/en/contact/{path}"), &format!("Cookie: {carl}\r\n"));
        assert!(got.status == 404 && !got.body.contains("class=\"done\""), "{path}: {}", got.body);
    }
    assert_eq!((claims(&carl), claims(&rose)), (None, None), "nothing was done");
    let carls_act =
        |what: &str, rest: &str| post(stage.page, &format!("/en/contact/{what}"), &carl, &format!("token={carls}&{rest}"));
    for (what, rest, says) in [
        ("lend/offer", "to=jardin&share=1&until=2099-03-01", "Offered"),
        ("lend/withdraw", "to=jardin&until=2099-03-01", "Withdrawn"),
        ("lend/offer", "to=jardin&share=2&until=2099-03-01", "Offered"),
        ("default", "share=1", "Changed"),
        ("language", "language=en", "Changed"),
    ] {
        let done = carls_act(what, rest);
        assert_eq!((done.status, done.field("location")), (303, "/en/contact"), "{what}: {}", done.body);
        // Not to another session, to its own once, and to nobody without one.
        assert_eq!((claims(&rose), claims(""), claims(&carl), claims(&carl)), (None, None, Some(says.into()), None), "{what}");
    }
    // What was not done is not claimed, also where something was done before.
    assert_eq!(carls_act("default", "share=1").status, 303);
    let refused = carls_act("lend/withdraw", "to=nobody&until=2099-03-01");
    assert!(refused.status == 422 && !refused.body.contains("Withdrawn"), "{}", refused.body);
    let fields = format!("token={roses}&from=velo&size={}&until=2099-03-01", 2_u64 << 30);
    assert_eq!(post(stage.page, "/en/contact/lend/decline", &rose, &fields).status, 303);
    assert_eq!(claims(&rose).as_deref(), Some("Declined"));
}

/// The certificate that its mail programs see, and the lines for its own domains alone.
#[test]
fn a_contact_sees_certificates_and_lines_of_its_own_domains() {
    let stage = Stage::start();
    let (carl, _) = stage.log_in("carl%40velo.example");
    let page = stage.page(&carl).replace("<span class=\"address\">", "").replace("</span>", "");
    assert!(page.contains("The certificate of mail.nolog.example holds for "), "{page}");
    assert!(page.contains("<code>_imap._tcp.velo.example. 3600 IN SRV 0 1 ") && page.contains("nologd dns --check"), "{page}");
    assert!(page.contains("autoconfig.velo.example. 3600 IN CNAME pages.nolog.example."), "{page}");
    assert!(!page.contains("jardin") && !page.contains("IN MX"), "{page}");
}

#[test]
fn offers_are_few_and_can_be_withdrawn_and_declined() {
    let stage = Stage::start();
    let (carl, carls) = stage.log_in("carl%40velo.example");
    let (rose, roses) = stage.log_in("rose%40jardin.example");
    let offer = |day: u32| {
        let fields = format!("token={carls}&to=jardin&share=1&until=2099-03-0{day}");
        post(stage.page, "/fr/contact/lend/offer", &carl, &fields).status
    };
    for day in 1..=5 {
        assert_eq!(offer(day), 303);
    }
    assert_eq!((offer(6), offer(5)), (422, 303), "five, and a new one for the same day takes its place");
    let declined = post(
        stage.page,
        "/en/contact/lend/decline",
        &rose,
        &format!("token={roses}&from=velo&size={}&until=2099-03-01", 1_u64 << 30),
    );
    let withdrawn = post(stage.page, "/en/contact/lend/withdraw", &carl, &format!("token={carls}&to=jardin&until=2099-03-02"));
    assert_eq!((declined.status, withdrawn.status), (303, 303), "{}", withdrawn.body);
    assert_eq!(stage.page(&rose).matches("Offered to you by").count(), 3);
    assert_eq!((offer(6), offer(7), offer(8)), (303, 303, 422));
    // Removed, and another one of that name: nothing of the old one's is offered to it.
    stage.house.done("association remove jardin --with-mailboxes");
    stage.house.done("association add jardin --domain jardin.example --storage 10G --contact rose@jardin.example");
    assert_eq!(stage.page(&rose).matches("Offered to you by").count(), 0);
}

#[test]
fn a_contact_hands_over_when_both_agree() {
    let mut stage = Stage::start();
    let (carl, carls) = stage.log_in("carl%40velo.example");
    let contact = |stage: &Stage| {
        stage.house.json("association show velo")["association"]["settings"]["contact"].as_str().unwrap().to_owned()
    };
    let ask = |stage: &Stage, address: &str| {
        post(stage.page, "/en/contact/hand-over", &carl, &format!("token={carls}&address={address}"))
    };
    for wrong in [
        "",
        "zoe",
        "%22%3E%3Cb%3E",
        "carl%40velo.example",
        "CARL%40velo.example",
        "zoe%40localhost",
        "zoe%40127.0.0.1",
        "a..b%40x.example",
    ] {
        let got = ask(&stage, wrong);
        assert!(
            got.status == 422 && got.body.contains("id=\"hand-over-error\"") && !got.body.contains("\"><b>"),
            "{wrong}: {}",
            got.body
        );
    }
    let asked = ask(&stage, "zoe%40elsewhere.example");
    assert_eq!(asked.status, 200, "{}", asked.body);
    let links = stage.links("confirm");
    let link = |of: &str| links.iter().find(|(to, _)| to == of).unwrap_or_else(|| panic!("{links:?}")).1.clone();
    let (old, new) = (link("carl@velo.example"), link("zoe@elsewhere.example"));
    assert!(links.len() == 2 && old != new);
    // Asked again at once: no mail, and nothing that says so; the first try goes on.
    let again = ask(&stage, "eve%40elsewhere.example");
    assert!(again.status == 422 && again.body.contains("less than two minutes ago"), "{}", again.body);
    assert!(stage.links("confirm").is_empty());
    // A scanner looks at both, as often as it likes.
    for token in [&old, &new, &old, &new] {
        let seen = get(stage.page, &format!("/en/confirm/{token}"), "");
        assert!(seen.status == 200 && seen.body.contains("<button") && seen.fields("set-cookie").is_empty());
    }
    let confirm = |token: &str| post(stage.page, "/en/confirm", "", &format!("link={token}"));
    for fields in ["", "Sec-Fetch-Site: cross-site\r\n"] {
        assert_eq!(send(stage.page, "/en/confirm", fields, &format!("link={new}")).status, 403);
    }
    // A link of this kind does not log in, and a login's does not hand over.
    assert_eq!(post(stage.page, "/en/enter", "", &format!("link={new}")).status, 404);
    for half in [confirm(&new), confirm(&new)] {
        assert!(half.status == 200 && half.body.contains("one is missing") && contact(&stage) == "carl@velo.example");
    }
    assert!(confirm(&old[..42]).status == 404 && confirm(&old).body.contains("Handed over"));
    assert_eq!(contact(&stage), "zoe@elsewhere.example");
    assert!(stage.page(&carl).contains("name=\"address\""), "the old contact is logged out");
    // The new one logs in.
    let (zoe, zoes) = stage.log_in("zoe%40elsewhere.example");
    assert!(stage.page(&zoe).contains("<h1>velo</h1>"));
    // Begun, and another contact set by the hosts meanwhile: what was agreed with the one before is void. So it is after a restart.
    let begin = |stage: &Stage, cookie: &str, form: &str| {
        assert_eq!(
            post(stage.page, "/en/contact/hand-over", cookie, &format!("token={form}&address=eve%40elsewhere.example")).status,
            200
        );
        stage.links("confirm")
    };
    std::thread::sleep(Duration::from_millis(10));
    let late = begin(&stage, &zoe, &zoes);
    assert_eq!(late.len(), 2);
    stage.house.done("association set velo --contact carl@velo.example");
    assert!(late.iter().all(|(_, token)| confirm(token).status == 404));
    assert_eq!(contact(&stage), "carl@velo.example");
    let (rose, roses) = stage.log_in("rose%40jardin.example");
    let lost = begin(&stage, &rose, &roses);
    stage.house.down(Signal::SIGTERM);
    stage.house.up();
    assert_eq!(lost.len(), 2);
    assert!(lost.iter().all(|(_, token)| confirm(token).status == 404));
    // Whoever broke into the contact's mailbox has agreed in its name: that ends with everything else of theirs.
    let (rose, roses) = stage.log_in("rose%40jardin.example");
    let stolen = begin(&stage, &rose, &roses);
    assert_eq!(confirm(&stolen[0].1).status, 200);
    // An address that has no mailbox here, and that was not said to have been nobody's.
    let kicked = stage.house.done("mailbox kick rose@jardin.example");
    assert!(kicked.contains("0 sessions were told to end") && kicked.contains("1 session and 1 link are over"), "{kicked}");
    assert_eq!((confirm(&stolen[1].1).status, stage.page(&rose).contains("name=\"address\"")), (404, true));
    assert_eq!(stage.house.json("mailbox kick rose@jardin.example")["pages"], serde_json::json!({ "sessions": 0, "links": 0 }));
    assert_eq!(stage.house.nologd("mailbox kick zoe@jardin.example").code, 1, "who is neither is nobody");
    let jardin = stage.house.json("association show jardin");
    assert_eq!(jardin["association"]["settings"]["contact"], "rose@jardin.example");
}

/// Where the disk takes nothing, what two people agreed on waits until it does: no link and no offer is used up, and what is wrong for another
/// reason is not put on the disk.
#[test]
fn what_could_not_be_written_down_can_be_done_later() {
    let stage = Stage::start();
    let (carl, carls) = stage.log_in("carl%40velo.example");
    let (rose, roses) = stage.log_in("rose%40jardin.example");
    let contact = || stage.house.json("association show velo")["association"]["settings"]["contact"].as_str().unwrap().to_owned();
    let offered = format!("token={carls}&to=jardin&share=2&until=2099-03-01");
    assert_eq!(post(stage.page, "/en/contact/lend/offer", &carl, &offered).status, 303);
    let asked = format!("token={carls}&address=zoe%40elsewhere.example");
    assert_eq!(post(stage.page, "/en/contact/hand-over", &carl, &asked).status, 200);
    let links = stage.links("confirm");
    let link = |of: &str| links.iter().find(|(to, _)| to == of).unwrap_or_else(|| panic!("{links:?}")).1.clone();
    let (old, new) = (link("carl@velo.example"), link("zoe@elsewhere.example"));
    let confirm = |token: &str| post(stage.page, "/en/confirm", "", &format!("link={token}"));
    assert_eq!(confirm(&new).status, 200);
    // What admins change of the association besides its contact is not what was agreed on.
    stage.house.done("association set velo --storage 11G");
    let [store, away] = ["state/store", "state/away"].map(|name| stage.house.place.path(name));
    std::fs::rename(&store, &away).unwrap();
    assert_eq!((confirm(&old).status, contact().as_str()), (503, "carl@velo.example"));
    let act = |what: &str, of: &str| {
        post(
            stage.page,
            &format!("/en/contact/lend/{what}"),
            &rose,
            &format!("token={roses}&from={of}&size={}&until=2099-03-01", 2_u64 << 30),
        )
    };
    let unwritten = act("accept", "velo");
    assert!(unwritten.status == 503 && unwritten.body.contains("cannot keep changes"), "{}", unwritten.body);
    let gone = act("accept", "nobody");
    assert!(gone.status == 422 && gone.body.contains("it has ended"), "{} {}", gone.status, gone.body);
    std::fs::rename(&away, &store).unwrap();
    let done = act("accept", "velo");
    assert_eq!(done.status, 303, "{}", done.body);
    assert_eq!((stage.effective("velo"), stage.effective("jardin")), (9 << 30, 12 << 30));
    assert!(confirm(&new).body.contains("one is missing") && contact() == "carl@velo.example", "that one has agreed");
    let done = confirm(&old);
    assert!(done.status == 200 && done.body.contains("Handed over") && contact() == "zoe@elsewhere.example", "{}", done.body);
    // The next contact has not to wait for a link, whoever set it, and whatever was sent to the one before.
    stage.token("zoe%40elsewhere.example");
    stage.house.done("association set velo --contact eve@elsewhere.example");
    stage.token("eve%40elsewhere.example");
}

/// What an offer says leads somewhere else later: its maker takes it back all the same.
#[test]
fn an_offer_is_withdrawn_by_what_it_says() {
    let stage = Stage::start();
    let (carl, carls) = stage.log_in("carl%40velo.example");
    let long = format!("{}.{}.example", "a".repeat(60), "b".repeat(60));
    let act = |what: &str, to: &str, share: &str| {
        let fields = format!("token={carls}&to={to}&share={share}&until=2099-03-01");
        post(stage.page, &format!("/en/contact/lend/{what}"), &carl, &fields)
    };
    for to in ["late.example", "jardin", "jardin.example", &long] {
        assert_eq!(act("offer", to, "1").status, 303, "{to}: which are here, and which are the same, is not told");
    }
    // The same again takes its place.
    assert_eq!(act("offer", "late.example", "2").status, 303);
    assert_eq!(stage.page(&carl).matches("Offered to ").count(), 4);
    stage.house.done("association add late --domain late.example");
    for (left, to) in [(3, "late.example"), (2, "jardin.example"), (1, &long), (0, "jardin")] {
        let done = act("withdraw", to, "");
        assert_eq!((done.status, stage.page(&carl).matches("Offered to ").count()), (303, left), "{to}: {}", done.body);
    }
    // A second click is told that it is so; what was not withdrawn just now is gone.
    assert_eq!((act("withdraw", "jardin", "").status, act("withdraw", "late.example", "").status), (303, 422));
    // Of two offers, the one that was pressed is let be.
    let (rose, roses) = stage.log_in("rose%40jardin.example");
    assert_eq!((act("offer", "jardin", "1").status, act("offer", "jardin.example", "3").status), (303, 303));
    let fields = format!("token={roses}&from=velo&size={}&until=2099-03-01", 3_u64 << 30);
    assert_eq!(post(stage.page, "/en/contact/lend/decline", &rose, &fields).status, 303);
    let page = stage.page(&rose);
    assert!(page.contains("1\u{a0}GB until") && !page.contains("3\u{a0}GB until"), "{page}");
}

/// The link that leads to more room comes into the mailbox that has none; nobody else's mail does, whatever it says it is.
#[test]
fn a_link_comes_into_a_full_mailbox_and_nothing_else() {
    let (listener, relay) = wire::listen();
    let (sender, mails) = channel();
    let relayed = sender.clone();
    std::thread::spawn(move || listener.incoming().map_while(Result::ok).for_each(|stream| drop(relay_talk(stream, &relayed))));
    let (listener, store) = wire::listen();
    let (stored, storing) = channel();
    std::thread::spawn(move || listener.incoming().map_while(Result::ok).for_each(|stream| drop(relay_talk(stream, &stored))));
    let mut stage = Stage::before(relay, Some(store), mails);
    let full = 1_u64 << 30;
    stage.house.with_usage(&[("carl@velo.example", full, 1)]);
    let exact = |stage: &Stage| stage.house.json("disclose carl@velo.example")["mailbox"]["octets"].as_u64().unwrap();
    let before = exact(&stage);
    assert!(before >= full);
    // What the book tells at the start about how full it is comes the same way.
    let notice = storing.recv_timeout(Duration::from_secs(20)).expect("no notice");
    assert!(notice.contains("To: carl@velo.example") && notice.contains("Auto-Submitted"), "{notice}");
    assert_eq!(post(stage.page, "/en/contact/link", "", "address=carl%40velo.example").status, 200);
    let mail = storing.recv_timeout(Duration::from_secs(20)).expect("no link");
    let mail = mail.replace("=\r\n", "").replace("=3D", "=");
    let link = mail.lines().find(|line| line.starts_with("https://")).unwrap_or_else(|| panic!("{mail}"));
    assert!(stage.mails.try_recv().is_err(), "the relay had nothing");
    let token = link.strip_prefix(&format!("{URL}/en/enter/")).unwrap();
    assert_eq!(post(stage.page, "/en/enter", "", &format!("link={token}")).status, 303);
    // It is counted.
    let counted = exact(&stage);
    assert!(counted > before && counted < before + (64 << 10), "{counted} {before}");
    // The very same octets, brought by somebody: refused before the server hears of them.
    let mut lmtp = Wire::plain(stage.lmtp);
    lmtp.until("220 ");
    lmtp.ask("LHLO relay.example\r\n", "250 ");
    lmtp.ask("MAIL FROM:<>\r\n", "250 ");
    let refused = lmtp.ask("RCPT TO:<carl@velo.example>\r\n", "");
    assert!(refused.contains("MAILBOX-FULL"), "{refused}");
    lmtp.ask("RSET\r\n", "250 ");
    lmtp.ask("MAIL FROM:<postmaster@velo.example> SIZE=1\r\n", "250 ");
    assert!(lmtp.ask("RCPT TO:<carl@velo.example>\r\n", "").contains("MAILBOX-FULL"));
    // With room, by the relay as ever.
    stage.house.done("mailbox set carl@velo.example --storage 2G");
    assert_eq!(post(stage.page, "/en/contact/link", "", "address=rose%40jardin.example").status, 200);
    assert!(stage.link().contains("/enter/") && storing.try_recv().is_err());
}

/// Many associations of one contact: some links at a time, the others at the next try; and never two at once for one.
#[test]
fn the_sixth_association_of_a_contact_has_its_turn() {
    let stage = Stage::start();
    for number in 0..7 {
        stage.house.done(&format!("association add a{number} --domain a{number}.example --contact many@a0.example"));
    }
    let asked = || post(stage.page, "/en/contact/link", "", "address=many%40a0.example");
    let (first, known) = (asked(), stage.links("enter"));
    let (second, others) = (asked(), stage.links("enter"));
    let (third, none) = (asked(), stage.links("enter"));
    assert!(first.body == second.body && second.body == third.body);
    assert_eq!((known.len(), others.len(), none.len()), (5, 2, 0));
    let mut names = BTreeSet::new();
    for (_, token) in known.iter().chain(&others) {
        let entered = post(stage.page, "/en/enter", "", &format!("link={token}"));
        let page = stage.page(&entered.cookie());
        names.insert(page.split("<h1>").nth(1).unwrap().split('<').next().unwrap().to_owned());
    }
    assert_eq!(names.len(), 7, "each of them once: {names:?}");
}

/// A contact shares out as much as a person would, and a program of theirs does not keep the disk busy for all others.
#[test]
fn a_contact_that_changes_without_end_is_stopped_and_others_are_not() {
    let stage = Stage::start();
    let (carl, carls) = stage.log_in("carl%40velo.example");
    let (rose, roses) = stage.log_in("rose%40jardin.example");
    let change = |cookie: &str, token: &str, what: &str, rest: &str| {
        post(stage.page, &format!("/en/contact/{what}"), cookie, &format!("token={token}&{rest}")).status
    };
    let done = (0..260).filter(|turn| change(&carl, &carls, "default", &format!("share={}+GB", 1 + turn % 2)) == 303).count();
    assert_eq!(done, 200);
    for (what, rest) in [("default", "share=1"), ("language", "language=en")] {
        assert_eq!(change(&carl, &carls, what, rest), 503, "{what}: it is one budget");
    }
    assert_eq!(change(&carl, &carls, "lend/return", "from=jardin&until=2099-03-01"), 503);
    assert_eq!(change(&rose, &roses, "default", "share=1"), 303);
    // What is wrong costs nothing, and looking is free.
    assert!(stage.page(&carl).contains("<h1>velo</h1>"));
}

/// Somebody asks for a link of one contact, and for links of nobody, as fast as they can: few mails go out, and the pages go on.
#[test]
fn asking_for_links_without_end_sends_one_and_keeps_nobody_out() {
    let stage = Stage::start();
    let asked = |address: &str| post(stage.page, "/en/contact/link", "", &format!("address={address}")).status;
    for number in 0..150 {
        assert_eq!((asked("carl%40velo.example"), asked(&format!("x{number}%40velo.example"))), (200, 200));
    }
    assert_eq!(asked("rose%40jardin.example"), 200);
    let links = stage.links("enter");
    let to = |who: &str| links.iter().filter(|(to, _)| to == who).count();
    assert_eq!((to("carl@velo.example"), to("rose@jardin.example"), links.len()), (1, 1, 2));
}

/// Links for many contacts at once, and a relay that takes for ever: few of them wait, and the pages go on.
#[test]
fn a_flood_of_links_is_bounded() {
    let (listener, relay) = wire::listen();
    let (sender, mails) = channel();
    // Greets, and says nothing more.
    let (opened, connections) = channel();
    std::thread::spawn(move || {
        let mut held = Vec::new();
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.write_all(b"220 relay.example\r\n");
            let _ = opened.send(());
            held.push(stream);
        }
        drop(sender);
    });
    let stage = Stage::before(relay, None, mails);
    for number in 0..40 {
        stage.house.done(&format!("association add f{number} --domain f{number}.example --contact c{number}@f{number}.example"));
    }
    let begin = Instant::now();
    for round in 0..5 {
        for number in 0..40 {
            let got = post(stage.page, "/en/contact/link", "", &format!("address=c{number}%40f{number}.example"));
            assert_eq!(got.status, 200, "round {round}");
        }
    }
    let asked = begin.elapsed();
    assert!(asked < Duration::from_secs(30), "{asked:?}");
    let mut open = 0;
    while connections.recv_timeout(Duration::from_secs(6)).is_ok() {
        open += 1;
    }
    assert!((1..=16).contains(&open), "{open} connections to the relay");
    assert_eq!(get(stage.page, "/help", "").status, 200);
}

/// A relay that is slow, and one that takes nothing for a while: what was asked for waits its turn, and nothing of it is lost.
#[test]
fn no_mail_is_lost_for_want_of_a_place_or_of_a_relay_that_is_up() {
    let (listener, relay) = wire::listen();
    let (sender, mails) = channel();
    let (opened, connections) = channel();
    let holds = std::sync::Arc::new((std::sync::Mutex::new((false, false)), std::sync::Condvar::new()));
    let gate = holds.clone();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let (gate, opened, sender) = (gate.clone(), opened.clone(), sender.clone());
            std::thread::spawn(move || {
                let _ = opened.send(());
                let (state, changed) = &*gate;
                let mut state = changed.wait_while(state.lock().unwrap(), |(holds, _)| *holds).unwrap();
                if std::mem::take(&mut state.1) {
                    return drop(stream.write_all(b"421 later\r\n"));
                }
                drop(state);
                let _ = relay_talk(stream, &sender);
            });
        }
    });
    let set = |holds_now: bool, refuses_once: bool| {
        *holds.0.lock().unwrap() = (holds_now, refuses_once);
        holds.1.notify_all();
    };
    let stage = Stage::before(relay, None, mails);
    let (carl, carls) = stage.log_in("carl%40velo.example");
    let offer = |to: &str| {
        let fields = format!("token={carls}&to={to}&share=1&until=2099-03-01");
        assert_eq!(post(stage.page, "/en/contact/lend/offer", &carl, &fields).status, 303, "{to}");
    };
    for number in 0..17 {
        stage.house.done(&format!("association add f{number} --domain f{number}.example --contact c{number}@f{number}.example"));
    }
    while connections.try_recv().is_ok() {}
    set(true, false);
    for number in 0..17 {
        assert_eq!(post(stage.page, "/en/contact/link", "", &format!("address=c{number}%40f{number}.example")).status, 200);
    }
    offer("jardin");
    let mut open = 0;
    while connections.recv_timeout(Duration::from_secs(6)).is_ok() {
        open += 1;
    }
    assert_eq!(open, 16, "all places are taken");
    set(false, false);
    let came = stage.all_mails();
    let to = |who: &str| came.iter().filter(|mail| mail.lines().any(|line| line == format!("To: {who}"))).count();
    assert!((0..17).all(|number| to(&format!("c{number}@f{number}.example")) == 1), "{came:?}");
    assert_eq!((to("rose@jardin.example"), came.len()), (1, 18));
    // Not now, says the relay once.
    set(false, true);
    offer("f1");
    let mail = stage.mails.recv_timeout(Duration::from_secs(40)).expect("the offer was told to nobody");
    assert!(mail.contains("To: c1@f1.example") && mail.contains("velo offers mail space to f1"), "{mail}");
    assert!(stage.all_mails().is_empty(), "once");
}

/// The time of an answer says nothing about who is a contact: neither that of the answer itself, nor of the next one on the connection.
#[test]
fn a_contact_and_nobody_are_answered_in_the_same_time() {
    const EACH: usize = 60;
    let stage = Stage::start();
    for number in 0..EACH {
        stage.house.done(&format!("association add t{number} --domain t{number}.example --contact c{number}@t{number}.example"));
    }
    let timed = |address: &str| {
        let form = format!("address={address}");
        let mut wire = Wire::plain(stage.page);
        let request = format!(
            "POST /en/contact/link HTTP/1.1\r\nHost: mail.nolog.example\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Sec-Fetch-Site: same-origin\r\nContent-Length: {}\r\n\r\n{form}",
            form.len()
        );
        let begin = Instant::now();
        wire.send(request.as_bytes());
        assert_eq!(response(&mut wire, false).unwrap().status, 200);
        let first = begin.elapsed();
        wire.send(b"GET /en/help HTTP/1.1\r\nHost: mail.nolog.example\r\n\r\n");
        assert_eq!(response(&mut wire, false).unwrap().status, 200);
        (first, begin.elapsed() - first)
    };
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for number in 0..EACH {
        // In turns, so that what the machine does besides falls on both.
        let (contact, nobody) = (format!("c{number}%40t{number}.example"), format!("x{number}%40t{number}.example"));
        if number % 2 == 0 {
            known.push(timed(&contact));
            unknown.push(timed(&nobody));
        } else {
            unknown.push(timed(&nobody));
            known.push(timed(&contact));
        }
    }
    let median = |times: &[(Duration, Duration)], of: fn(&(Duration, Duration)) -> Duration| {
        let mut times: Vec<_> = times.iter().map(of).collect();
        times.sort_unstable();
        times[times.len() / 2]
    };
    for of in [(|times: &(Duration, Duration)| times.0) as fn(&_) -> Duration, |times| times.1] {
        let (known, unknown) = (median(&known, of), median(&unknown, of));
        let apart = known.abs_diff(unknown);
        // A mail that was made or sent before the answer takes longer than this.
        assert!(apart < Duration::from_micros(400) + unknown / 3, "known {known:?}, unknown {unknown:?}");
    }
}

/// What the profile says is whose it is, by the certificate that all else here is shown with.
#[test]
fn the_profile_is_signed_by_the_host() {
    let stage = Stage::start();
    let mut wire = Wire::plain(stage.page);
    wire.send(b"GET /mail.mobileconfig HTTP/1.0\r\nHost: mail.nolog.example\r\n\r\n");
    let mut bytes = std::mem::take(&mut wire.heard);
    while wire.hear(Duration::from_secs(5)) {
        bytes.append(&mut wire.heard);
    }
    let body = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    let certificate = format!("{}/certs-example/mail.nolog.example/fullchain.pem", env!("CARGO_MANIFEST_DIR"));
    stage.house.place.write("profile.der", &bytes[body..]).unwrap_or_else(|trouble| panic!("{trouble}"));
    let verify = |file: &str| {
        let mut openssl = std::process::Command::new("openssl");
        openssl.args(["smime", "-verify", "-inform", "DER", "-purpose", "any", "-in"]).arg(stage.house.place.path(file));
        openssl.args(["-CAfile", &certificate]).output().unwrap()
    };
    let verified = verify("profile.der");
    let said = String::from_utf8_lossy(&verified.stderr).into_owned();
    assert!(verified.status.success() && said.contains("erification successful"), "{said}");
    let plist = String::from_utf8(verified.stdout).unwrap();
    assert!(plist.starts_with("<?xml") && plist.contains("com.apple.mail.managed"), "{plist}");
    // One octet of it changed is not what was signed.
    let at = bytes.windows(9).position(|window| window == b"EmailType").unwrap();
    bytes[at] = b'F';
    stage.house.place.write("changed.der", &bytes[body..]).unwrap_or_else(|trouble| panic!("{trouble}"));
    assert!(!verify("changed.der").status.success());
}
