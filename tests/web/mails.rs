//! Mails with links behind relays that are down, slow or gone: what is not sent blocks nobody, what is worth nothing is not sent, and one relay
//! keeps no other from its turn.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use nologd::demo::Place;
use nologd::quota::{Book, Day, Edit, Limit};
use nologd::serve::WebRoom;

use super::*;
use crate::in_process::{in_process_with, listen};

/// What a relay does with whoever comes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mood {
    Takes,
    /// 451 to MAIL.
    Later,
    /// 550 to MAIL.
    Refuses,
    /// Ends the connection before a word.
    HangsUp,
    /// Says nothing until it has another mood.
    Holds,
    /// Takes a mail, and is gone before it says so.
    Swallows,
}

/// A relay whose mood changes, how many came, and what it took.
struct Relay {
    port: u16,
    mood: Arc<(Mutex<Mood>, Condvar)>,
    came: Arc<AtomicUsize>,
    mails: Receiver<String>,
}

impl Relay {
    fn start(first: Mood) -> Relay {
        let (listener, port) = wire::listen();
        let (sender, mails) = channel();
        let (mood, came) = (Arc::new((Mutex::new(first), Condvar::new())), Arc::new(AtomicUsize::new(0)));
        let (moods, count) = (mood.clone(), came.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (moods, sender) = (moods.clone(), sender.clone());
                count.fetch_add(1, Ordering::SeqCst);
                std::thread::spawn(move || {
                    let (mood, changed) = &*moods;
                    let now = *changed.wait_while(mood.lock().unwrap(), |mood| *mood == Mood::Holds).unwrap();
                    let _ = met(stream, now, &sender);
                });
            }
        });
        Relay { port, mood, came, mails }
    }

    fn set(&self, mood: Mood) {
        *self.mood.0.lock().unwrap() = mood;
        self.mood.1.notify_all();
    }

    fn came(&self) -> usize {
        self.came.load(Ordering::SeqCst)
    }

    fn until_came(&self, number: usize) {
        let end = Instant::now() + Duration::from_secs(20);
        while self.came() < number {
            assert!(Instant::now() < end, "{} of {number} came", self.came());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Whom the mails are for that come until nothing comes for a while, and their links.
    fn links(&self) -> Vec<(String, String)> {
        let next = || self.mails.recv_timeout(Duration::from_secs(6)).ok();
        std::iter::from_fn(next).map(|mail| of(&mail)).collect()
    }

    fn link(&self, within: Duration) -> (String, String) {
        of(&self.mails.recv_timeout(within).expect("no mail came"))
    }
}

fn met(mut stream: TcpStream, mood: Mood, mails: &Sender<String>) -> std::io::Result<()> {
    let says: &[u8] = match mood {
        Mood::Takes | Mood::Holds => return relay_talk(stream, mails),
        Mood::HangsUp => return Ok(()),
        Mood::Swallows => b"250 ok\r\n",
        Mood::Later => b"451 later\r\n",
        Mood::Refuses => b"550 never\r\n",
    };
    stream.write_all(b"220 relay.example\r\n")?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    while reader.read_line(&mut line)? > 0 {
        if mood == Mood::Swallows && line.starts_with("DATA") {
            stream.write_all(b"354 go\r\n")?;
            while !line.ends_with("\r\n.\r\n") {
                reader.read_line(&mut line)?;
            }
            return Ok(());
        }
        stream.write_all(if line.starts_with("MAIL") { says } else { b"250 ok\r\n" })?;
        line.clear();
    }
    Ok(())
}

/// Whom a mail is for, and its link.
fn of(mail: &str) -> (String, String) {
    let mail = mail.replace("=\r\n", "").replace("=3D", "=");
    let line = |start: &str| mail.lines().find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{mail}")).to_owned();
    (line("To: ").replace("To: ", ""), line("https://").replace(URL, ""))
}

/// The pages in front of these relays, by a clock of the test's own. Association `aN` is at the relay `N` of them, its contact is `c@aN.example`.
struct Clocked {
    page: u16,
    clock: Arc<AtomicU64>,
    book: Arc<Book>,
    _runtime: tokio::runtime::Runtime,
    _place: Place,
}

impl Clocked {
    fn start(relays: &[&Relay], associations: &[usize]) -> Clocked {
        let place = Place::new().unwrap();
        let page = place.port().unwrap();
        let backends = relays.iter().enumerate().map(|(number, relay)| {
            format!(
                "[[backend]]\nname = \"s{number}\"\nimap = \"imap://127.0.0.1:9\"\nlmtp = \"lmtp://127.0.0.1:9\"\n\
                 relay = \"smtp://127.0.0.1:{}\"\n",
                relay.port
            )
        });
        let all = associations.iter().enumerate().map(|(number, backend)| {
            format!(
                "[[association]]\nname = \"a{number}\"\ndomains = [\"a{number}.example\"]\nstorage = \"10G\"\nmailbox_default = \"1G\"\n\
                 contact = \"c@a{number}.example\"\nbackend = \"s{backend}\"\n"
            )
        });
        let text = format!(
            "hostname = \"mail.nolog.example\"\nstate_dir = \"{}\"\n[web]\nurl = \"{URL}\"\nhosts = \"hosts@nolog.example\"\n{}{}{}",
            place.path("state").display(),
            listen("web", &format!("127.0.0.1:{page}")),
            backends.collect::<String>(),
            all.collect::<String>()
        );
        let clock = Arc::new(AtomicU64::new(1));
        let hands = clock.clone();
        let (book, runtime) = in_process_with(&text, |context| {
            let site = context.web.site.clone();
            context.web = WebRoom::by_clock(site, Box::new(move || Duration::from_secs(hands.load(Ordering::Relaxed))));
        });
        Clocked { page, clock, book, _runtime: runtime, _place: place }
    }

    fn pass(&self, seconds: u64) {
        self.clock.fetch_add(seconds, Ordering::Relaxed);
    }

    fn ask(&self, number: usize) {
        let asked = post(self.page, "/en/contact/link", "", &format!("address=c%40a{number}.example"));
        assert_eq!(asked.status, 200, "{}", asked.body);
    }

    /// A contact's cookie, and the token of its forms.
    fn enter(&self, link: &str) -> (String, String) {
        let token = link.strip_prefix("/en/enter/").unwrap_or_else(|| panic!("{link}"));
        let cookie = post(self.page, "/en/enter", "", &format!("link={token}")).cookie();
        let page = get(self.page, "/en/contact", &format!("Cookie: {cookie}\r\n"));
        (cookie, form_token(&page))
    }

    fn hand_over(&self, (cookie, token): &(String, String), to: &str) -> Got {
        post(self.page, "/en/contact/hand-over", cookie, &format!("token={token}&address={to}%40elsewhere.example"))
    }
}

impl Clocked {
    fn ask_hosts(&self, (cookie, token): &(String, String), rest: &str) -> Got {
        post(self.page, "/en/contact/more", cookie, &format!("token={token}&{rest}"))
    }
}

const SOON: Duration = Duration::from_secs(15);

/// While a relay takes nothing, a contact asks three times: when it takes mail again, the fourth time brings a link.
#[test]
fn links_that_were_not_sent_keep_no_place() {
    let moods = [Mood::Later, Mood::Refuses, Mood::HangsUp];
    let relays = moods.map(Relay::start);
    let pages = Clocked::start(&relays.each_ref(), &[0, 1, 2]);
    for round in 1..=3 {
        (0..3).for_each(|number| pages.ask(number));
        relays.iter().for_each(|relay| relay.until_came(round));
        // Not twice within two minutes, whatever came of it: a relay is not asked as often as a stranger likes.
        std::thread::sleep(Duration::from_millis(100));
        (0..3).for_each(|number| pages.ask(number));
        std::thread::sleep(Duration::from_millis(4500));
        assert_eq!(relays.each_ref().map(Relay::came), [round; 3]);
        pages.pass(121);
    }
    relays.iter().for_each(|relay| relay.set(Mood::Takes));
    (0..3).for_each(|number| pages.ask(number));
    for (number, relay) in relays.iter().enumerate() {
        assert_eq!(relay.link(SOON).0, format!("c@a{number}.example"));
    }
    // What is open is still bounded.
    for round in 0..4 {
        pages.pass(121);
        pages.ask(0);
        assert_eq!(relays[0].mails.recv_timeout(Duration::from_secs(6)).is_ok(), round < 2, "{round}");
    }
}

/// A hand-over whose letters were not sent is none of the day's five, and none that is waited for.
#[test]
fn hand_overs_of_which_nobody_was_told_are_not_counted() {
    let relay = Relay::start(Mood::Takes);
    let pages = Clocked::start(&[&relay], &[0]);
    pages.ask(0);
    let contact = pages.enter(&relay.link(SOON).1);
    for (round, mood) in
        [Mood::Later, Mood::Refuses, Mood::HangsUp, Mood::Later, Mood::Later, Mood::Later].into_iter().enumerate()
    {
        relay.set(mood);
        let before = relay.came();
        let asked = pages.hand_over(&contact, "zoe");
        assert_eq!(asked.status, 200, "{round}: {}", asked.body);
        relay.until_came(before + 1);
        std::thread::sleep(Duration::from_millis(200));
        assert_eq!(relay.came(), before + 1, "without the first letter, the second is worth nothing");
    }
    relay.set(Mood::Takes);
    for round in 0..5 {
        let asked = pages.hand_over(&contact, &format!("zoe{round}"));
        assert_eq!(asked.status, 200, "{round}: {}", asked.body);
        let to: Vec<_> = (0..2).map(|_| relay.link(SOON).0).collect();
        assert_eq!(to, ["c@a0.example".to_owned(), format!("zoe{round}@elsewhere.example")]);
        pages.pass(121);
    }
    let enough = pages.hand_over(&contact, "last");
    assert!(enough.status == 422 && enough.body.contains("five times within a day"), "{}", enough.body);
}

/// Whether the other address is one that mail can be sent to is told by nothing: neither by what is counted, nor by the link of who asked.
#[test]
fn who_hands_over_learns_nothing_of_the_other_address() {
    let relay = Relay::start(Mood::Takes);
    let pages = Clocked::start(&[&relay], &[0]);
    pages.ask(0);
    let contact = pages.enter(&relay.link(SOON).1);
    for round in 0..5 {
        assert_eq!(pages.hand_over(&contact, "nobody").status, 200, "{round}");
        let (to, own) = relay.link(SOON);
        relay.set(Mood::Refuses);
        relay.until_came(relay.came());
        assert_eq!(to, "c@a0.example");
        std::thread::sleep(Duration::from_millis(500));
        assert_eq!(get(pages.page, &own, "").status, 200);
        relay.set(Mood::Takes);
        while relay.mails.try_recv().is_ok() {}
        pages.pass(121);
    }
    assert_eq!(pages.hand_over(&contact, "nobody").status, 422);
}

/// Twenty contacts behind a relay that hangs, and one behind another: that one waits for none of them.
#[test]
fn a_relay_that_hangs_keeps_no_other_from_its_turn() {
    let (hangs, well) = (Relay::start(Mood::Holds), Relay::start(Mood::Takes));
    let associations: Vec<_> = [0; 20].into_iter().chain([1, 1]).collect();
    let pages = Clocked::start(&[&hangs, &well], &associations);
    pages.ask(20);
    let contact = pages.enter(&well.link(SOON).1);
    (0..20).for_each(|number| pages.ask(number));
    hangs.until_came(16);
    pages.ask(21);
    assert_eq!(pages.hand_over(&contact, "zoe").status, 200);
    let mut told: Vec<_> = (0..3).map(|_| well.link(Duration::from_secs(7)).0).collect();
    told.sort_unstable();
    assert_eq!(told, ["c@a20.example", "c@a21.example", "zoe@elsewhere.example"]);
    assert_eq!(hangs.came(), 16, "and no more of them at once");
    hangs.set(Mood::Takes);
}

/// Links that waited until they were over.
#[test]
fn a_hand_over_that_is_over_is_not_sent() {
    let relay = Relay::start(Mood::Takes);
    let pages = Clocked::start(&[&relay], &[0; 17]);
    pages.ask(16);
    let contact = pages.enter(&relay.link(SOON).1);
    relay.set(Mood::Holds);
    let before = relay.came();
    (0..16).for_each(|number| pages.ask(number));
    relay.until_came(before + 16);
    assert_eq!(pages.hand_over(&contact, "zoe").status, 200);
    std::thread::sleep(Duration::from_millis(4500));
    pages.pass(16 * 60);
    relay.set(Mood::Takes);
    let came = relay.links();
    assert!(came.len() == 16 && came.iter().all(|(_, link)| link.contains("/enter/")), "{came:?}");
}

/// Whoever was kicked, or is the contact no more, while their mails wait for their turn: what was in them is good for nothing, and nobody gets it.
#[test]
fn links_that_ended_while_they_waited_are_not_sent() {
    let relay = Relay::start(Mood::Takes);
    let stage = Stage::before(relay.port, None, channel().1);
    for number in 0..18 {
        stage.house.done(&format!("association add f{number} --domain f{number}.example --contact c{number}@f{number}.example"));
    }
    let ask = |who: &str| assert_eq!(post(stage.page, "/en/contact/link", "", &format!("address={who}")).status, 200);
    ask("carl%40velo.example");
    let entered = post(stage.page, "/en/enter", "", &format!("link={}", relay.link(SOON).1.replace("/en/enter/", "")));
    let carls = form_token(&get(stage.page, "/en/contact", &format!("Cookie: {}\r\n", entered.cookie())));
    relay.set(Mood::Holds);
    let before = relay.came();
    (0..16).for_each(|number| ask(&format!("c{number}%40f{number}.example")));
    relay.until_came(before + 16);
    ask("c16%40f16.example");
    ask("c17%40f17.example");
    let asked = format!("token={carls}&address=zoe%40elsewhere.example");
    assert_eq!(post(stage.page, "/en/contact/hand-over", &entered.cookie(), &asked).status, 200);
    std::thread::sleep(Duration::from_millis(4500));
    stage.house.done("mailbox kick c16@f16.example");
    stage.house.done("association set f17 --contact other@f17.example");
    stage.house.done("mailbox kick carl@velo.example");
    relay.set(Mood::Takes);
    let mut came: Vec<_> = relay.links().into_iter().map(|(to, _)| to).collect();
    came.sort_unstable();
    let mut due: Vec<_> = (0..16).map(|number| format!("c{number}@f{number}.example")).collect();
    due.sort_unstable();
    assert_eq!(came, due);
    // And at once after the form, before anything was tried.
    ask("rose%40jardin.example");
    let entered = post(stage.page, "/en/enter", "", &format!("link={}", relay.link(SOON).1.replace("/en/enter/", "")));
    let roses = form_token(&get(stage.page, "/en/contact", &format!("Cookie: {}\r\n", entered.cookie())));
    let asked = format!("token={roses}&address=zoe%40elsewhere.example");
    assert_eq!(post(stage.page, "/en/contact/hand-over", &entered.cookie(), &asked).status, 200);
    stage.house.done("mailbox kick rose@jardin.example");
    assert!(relay.links().is_empty());
}

/// The hosts are asked once a day, in a mail that says who asks for what; what never left is not counted.
#[test]
fn a_contact_asks_the_hosts_for_space() {
    let relay = Relay::start(Mood::Takes);
    let pages = Clocked::start(&[&relay], &[0]);
    pages.ask(0);
    let contact = pages.enter(&relay.link(SOON).1);
    for (rest, says) in [
        ("share=much&words=", "no size"),
        ("share=0.1+MB&words=", "Less than"),
        ("share=1025+GB&words=", "1 TB at most"),
        (&format!("share=2+GB&words={}", "a".repeat(301)), "too many words"),
    ] {
        let refused = pages.ask_hosts(&contact, rest);
        assert!(refused.status == 422 && refused.body.contains(says), "{rest}: {}", refused.body);
    }
    for (token, cookie) in [("x", contact.0.as_str()), (contact.1.as_str(), "")] {
        let strange = pages.ask_hosts(&(cookie.into(), token.into()), "share=2+GB&words=");
        assert_eq!(strange.status, 403, "{}", strange.body);
    }
    assert_eq!(pages.ask_hosts(&contact, "share=2+GB").status, 400);
    // What the relay refuses for good never left.
    relay.set(Mood::Refuses);
    let before = relay.came();
    assert_eq!(pages.ask_hosts(&contact, "share=1+GB&words=").status, 303);
    relay.until_came(before + 1);
    relay.set(Mood::Takes);
    let words = "share=2+GB&words=a+camp%0d%0a.%0d%0aBcc:+eve%40elsewhere.example";
    // Until the answer of the relay was heard, the first one is under way.
    let begin = std::time::Instant::now();
    while pages.ask_hosts(&contact, words).status != 303 {
        assert!(begin.elapsed() < SOON, "what never left counts");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(pages.ask_hosts(&contact, words).status, 303, "a second click does nothing more");
    let mail = relay.mails.recv_timeout(SOON).expect("no mail came").replace("=\r\n", "").replace("=3D", "=");
    assert!(mail.contains("\nTo: hosts@nolog.example\r\n") && !mail.contains("\nBcc"), "{mail}");
    for says in [
        "c@a0.example",
        "2=C2=A0GB more",
        "\n> a camp . Bcc: eve@elsewhere.example",
        "\nnologd association set a0 --storage 12G\r\n",
    ] {
        assert!(mail.contains(says), "{says}: {mail}");
    }
    assert!(relay.mails.recv_timeout(Duration::from_secs(2)).is_err(), "once");
    let page = get(pages.page, "/en/contact", &format!("Cookie: {}\r\n", contact.0));
    assert!(page.body.contains("Your hosts are asked by mail. Nothing has changed yet"), "{}", page.body);
    let again = pages.ask_hosts(&contact, "share=3+GB&words=");
    assert!(again.status == 422 && again.body.contains("within the last day"), "{}", again.body);
    pages.pass(24 * 3600);
    pages.ask(0);
    let contact = pages.enter(&relay.link(SOON).1);
    assert_eq!(pages.ask_hosts(&contact, "share=3+GB&words=").status, 303);
    assert!(relay.mails.recv_timeout(SOON).expect("no mail came").contains("--storage 13G"));
}

/// A mail that waited says what is so when it goes, and goes to nobody for a contact of before; one that may be lost is sent again.
#[test]
fn what_the_hosts_are_told_is_so_when_it_is_sent() {
    let relays = [Mood::Takes; 3].map(Relay::start);
    let pages = Clocked::start(&relays.each_ref(), &[0, 1, 2]);
    let contacts = [0, 1, 2].map(|number| {
        pages.ask(number);
        pages.enter(&relays[number].link(SOON).1)
    });
    for (relay, mood) in relays.iter().zip([Mood::HangsUp, Mood::Swallows, Mood::HangsUp]) {
        relay.set(mood);
        let before = relay.came();
        let number = relays.iter().position(|other| other.port == relay.port).unwrap();
        assert_eq!(pages.ask_hosts(&contacts[number], "share=2+GB&words=").status, 303);
        relay.until_came(before + 1);
    }
    let set =
        |name: &str, edit: Edit| assert!(pages.book.set_association(&name.parse().unwrap(), &edit, Day::from_unix(0)).is_ok());
    set("a0", Edit { storage: Some(Limit::At(40 << 30)), ..Edit::default() });
    set("a2", Edit { contact: Some("zoe@elsewhere.example".parse().unwrap()), ..Edit::default() });
    std::thread::sleep(Duration::from_millis(500));
    relays.iter().for_each(|relay| relay.set(Mood::Takes));
    // Tried again after twenty seconds.
    let mails = [0, 1].map(|number: usize| relays[number].mails.recv_timeout(Duration::from_secs(40)).expect("no mail came"));
    assert!(mails[0].contains("--storage 42G") && mails[1].contains("--storage 12G"), "{mails:?}");
    assert!(relays[2].mails.recv_timeout(Duration::from_secs(5)).is_err(), "the contact is another one");
}
