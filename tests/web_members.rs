//! The pages behind a password, and those of admins, of the real program: a member's and a contact's login judged as every mail program's,
//! what each sees and changes, and whoever means harm.
#![allow(clippy::unwrap_used, clippy::expect_used)] // helpers of tests

use crate::alone;
use crate::http;
use crate::scripted;
use crate::wire;
#[path = "web/clock.rs"]
mod clock;
#[path = "web/rate.rs"]
mod rate;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use alone::House;
use http::{Got, get, post, response, send};
use nix::sys::signal::Signal;
use scripted::{PASSWORD, Scripted};
use wire::Wire;

const HOME: [u8; 4] = [127, 0, 0, 1];
const STRANGER: [u8; 4] = [127, 0, 0, 31];

/// The daemon in front of a backend that knows one password, and where its listeners are.
struct Stage {
    house: House,
    backend: Scripted,
    page: u16,
    secure: u16,
    imaps: u16,
}

impl Stage {
    fn start() -> Stage {
        Stage::start_with("")
    }

    /// With more of a config.
    fn start_with(more: &str) -> Stage {
        let (backend, relay) = (Scripted::imap(PASSWORD), Scripted::smtp());
        let ports: Vec<_> = (0..3).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let [page, secure, imaps] = std::array::from_fn(|at: usize| ports[at].local_addr().unwrap().port());
        drop(ports);
        let listen = |service: &str, address: &str, tls: &str| {
            format!("[[listen]]\nservice = \"{service}\"\naddress = \"{address}\"\ntls = \"{tls}\"\n")
        };
        let at = |port: u16| format!("127.0.0.1:{port}");
        let config = [
            format!(
                "[tls]\ncertificates = \"{}/certs-example\"\ndefault = \"mail.nolog.example\"\n",
                env!("CARGO_MANIFEST_DIR")
            ),
            "[limits]\nwrong_password_forgiven_seconds = 600\n".into(),
            listen("web", &at(page), "none") + &listen("web", &at(secure), "implicit") + &listen("imap", &at(imaps), "implicit"),
            listen("admin-web", "unix:@FOLDER@/admin-web.sock", "none"),
            format!(
                "[[backend]]\nname = \"store1\"\nimap = \"imap://127.0.0.1:{}\"\nlmtp = \"lmtp://127.0.0.1:9\"\nrelay = \"smtp://127.0.0.1:{}\"\ndefault = true\n",
                backend.port, relay.port
            ),
            "[[association]]\nname = \"asso\"\ndomains = [\"asso.example\"]\nstorage = \"10G\"\nmailbox_default = \"1G\"\n\
             contact = \"carl@asso.example\"\n"
                .into(),
            "[[association]]\nname = \"jardin\"\ndomains = [\"jardin.example\"]\nstorage = \"5G\"\ncontact = \"rose@jardin.example\"\n"
                .into(),
        ];
        let mut house = House::start(&(config.concat() + more));
        house.with_usage(&[("alice@asso.example", 300 << 20, 12)]);
        Stage { house, backend, page, secure, imaps }
    }

    /// The answer to a password that is typed from `source` into the page with TLS.
    fn typed(&self, source: [u8; 4], user: &str, password: &str) -> Got {
        let mut wire = Wire::from(source, self.secure).secured();
        wire.send(&login("/en/member/enter", user, password));
        response(&mut wire, false).unwrap_or_else(|| panic!("no answer"))
    }

    /// A session's cookie, and the token of its forms.
    fn log_in(&self, user: &str) -> (String, String) {
        let entered = post(self.page, "/en/member/enter", "", &format!("mailbox={user}%40asso.example&password={PASSWORD}"));
        assert_eq!((entered.status, entered.field("location")), (303, "/en/member"), "{}", entered.body);
        let cookie = entered.cookie();
        let page = get(self.page, "/en/member", &format!("Cookie: {cookie}\r\n"));
        (cookie, form_token(&page))
    }

    fn imap(&self, source: [u8; 4], user: &str, password: &str) -> String {
        let mut client = Wire::from(source, self.imaps).secured();
        client.line();
        client.ask(&format!("l LOGIN {user}@asso.example {password}\r\n"), "l ")
    }

    /// What admins' pages answer to `request`.
    fn admin(&self, request: &str) -> Got {
        let mut stream = UnixStream::connect(self.house.place.path("admin-web.sock")).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut text = Vec::new();
        // It is kept open for the next request.
        let mut piece = [0; 4096];
        loop {
            let whole = String::from_utf8_lossy(&text).into_owned();
            if let Some((head, body)) = whole.split_once("\r\n\r\n") {
                let got = Got {
                    status: head.split(' ').nth(1).unwrap().parse().unwrap(),
                    head: format!("{head}\r\n"),
                    body: String::new(),
                };
                if request.starts_with("HEAD ") || body.len() >= got.field("content-length").parse().unwrap_or(0) {
                    return Got { body: body.to_owned(), ..got };
                }
            }
            let count = stream.read(&mut piece).unwrap();
            assert!(count > 0, "closed: {whole}");
            text.extend_from_slice(&piece[..count]);
        }
    }

    fn admin_get(&self, path: &str) -> Got {
        self.admin(&format!("GET {path} HTTP/1.1\r\nHost: localhost:8080\r\n\r\n"))
    }

    fn admin_post(&self, path: &str, fields: &str, form: &str) -> Got {
        self.admin(&format!(
            "POST {path} HTTP/1.1\r\nHost: localhost:8080\r\n{fields}Content-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n\r\n{form}",
            form.len()
        ))
    }
}

fn login(path: &str, user: &str, password: &str) -> Vec<u8> {
    let form = format!("mailbox={}&password={password}", user.replace('@', "%40"));
    format!(
        "POST {path} HTTP/1.1\r\nHost: mail.nolog.example\r\nSec-Fetch-Site: same-origin\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    )
    .into_bytes()
}

fn form_token(page: &Got) -> String {
    let (_, rest) = page.body.split_once("name=\"token\" value=\"").unwrap_or_else(|| panic!("{}", page.body));
    rest.split('"').next().unwrap().to_owned()
}

const OWN: &str = "Sec-Fetch-Site: same-origin\r\n";

#[test]
fn a_member_sees_the_own_mailbox_and_nothing_else() {
    let mut stage = Stage::start();
    stage.house.done("mailbox set bob@asso.example --storage 2G");
    let (cookie, form) = stage.log_in("alice");
    let fields = format!("Cookie: {cookie}\r\n");
    let page = get(stage.page, "/fr/member", &fields);
    assert!(page.body.contains("300\u{202f}Mo sur 1\u{202f}Go") && page.body.contains("12 messages"), "{}", page.body);
    assert!(page.body.contains("<meter") && page.body.contains("alice@asso.example") && !page.body.contains("bob@"));
    assert_eq!(page.field("cache-control"), "no-store");
    // The language of notices: the member's own, and of nobody else.
    assert_eq!(stage.house.json("disclose alice@asso.example")["mailbox"]["language"], "default");
    let done = post(stage.page, "/fr/member/language", &cookie, &format!("token={form}&language=fr"));
    assert_eq!((done.status, done.field("location")), (303, "/fr/member"), "{}", done.body);
    assert_eq!(stage.house.json("disclose alice@asso.example")["mailbox"]["language"], "fr");
    // It is said once, to this session, and no address says it to whoever opens it.
    let said = |path: &str, cookie: &str| get(stage.page, path, &format!("Cookie: {cookie}\r\n")).body.contains("class=\"done\"");
    let (other, _) = stage.log_in("bob");
    assert!(!said("/fr/member", &other) && said("/fr/member", &cookie) && !said("/fr/member", &cookie));
    assert_eq!(get(stage.page, "/fr/member/changed", &fields).status, 404);
    let listed = stage.house.json("mailbox list");
    assert!(listed.to_string().contains("alice@asso.example") && !listed.to_string().contains("language"), "{listed}");
    assert_eq!(post(stage.page, "/fr/member/language", &cookie, &format!("token={form}&language=de")).status, 403);
    // A person changes this now and then; a program that does it again and again keeps the disk busy for nobody.
    let change = |_: &usize| post(stage.page, "/fr/member/language", &cookie, &format!("token={form}&language=fr")).status == 303;
    assert_eq!((0..40).filter(change).count(), 19);
    // All that is held, and as a file: what the command says of it.
    let held = get(stage.page, "/en/member/held", &fields);
    for said in ["alice@asso.example", "314,572,800\u{a0}bytes", "Français", "only their number can be told"] {
        assert!(held.body.contains(said), "{said}: {}", held.body);
    }
    let file = get(stage.page, "/member/held.json", &fields);
    assert!(file.field("content-disposition").starts_with("attachment") && file.field("cache-control") == "no-store");
    let file: serde_json::Value = serde_json::from_str(&file.body).unwrap();
    assert_eq!(file, stage.house.json("disclose alice@asso.example"));
    // No contact's page, and no form of a contact.
    assert!(get(stage.page, "/en/contact", &fields).body.contains("name=\"address\""));
    for (path, rest) in [("/en/contact/default", "share=3"), ("/en/contact/language", "language=fr")] {
        assert_eq!(post(stage.page, path, &cookie, &format!("token={form}&{rest}")).status, 403, "{path}");
    }
    let own = post(stage.page, "/en/contact/mailbox", &cookie, &format!("token={form}&address=alice%40asso.example&share=9"));
    assert_eq!(own.status, 404, "{}", own.body);
    for name in ["asso", "jardin", "none"] {
        assert_eq!(
            post(stage.page, "/en/member/contact", &cookie, &format!("token={form}&association={name}")).status,
            404,
            "{name}"
        );
    }
    assert_eq!(stage.house.json("mailbox list")["mailboxes"][0]["storage"], 1_u64 << 30);
    // Out, and what the back button sends again is nobody's.
    let left = post(stage.page, "/en/leave", &cookie, &format!("token={form}"));
    assert!(left.status == 303 && left.field("set-cookie").contains("Max-Age=0") && left.field("clear-site-data") == "\"cache\"");
    assert!(get(stage.page, "/en/member", &fields).body.contains("name=\"password\""));
    assert_eq!(post(stage.page, "/en/member/language", &cookie, &format!("token={form}&language=en")).status, 403);
    assert!(get(stage.page, "/member/held.json", &fields).body.contains("name=\"password\""));
    // Nor does a mailbox that was removed come back by it.
    let (cookie, form) = stage.log_in("bob");
    stage.house.done("mailbox remove bob@asso.example");
    assert_eq!(post(stage.page, "/en/member/language", &cookie, &format!("token={form}&language=fr")).status, 403);
    assert!(!stage.house.json("mailbox list").to_string().contains("bob@"));
    // A restart ends all of them.
    let (cookie, _) = stage.log_in("alice");
    stage.house.down(Signal::SIGTERM);
    stage.house.up();
    assert!(get(stage.page, "/en/member", &format!("Cookie: {cookie}\r\n")).body.contains("name=\"password\""));
}

#[test]
fn what_is_wrong_is_told_alike_and_costs_the_backend_alike() {
    let stage = Stage::start();
    let asked = || stage.backend.heard().windows(12).filter(|part| part == b"AUTHENTICATE").count();
    let head = |got: &Got| got.head.lines().filter(|line| !line.starts_with("date")).map(str::to_owned).collect::<Vec<_>>();
    let shape = |got: &Got, user: &str| got.body.replace(user, "USER");
    let before = asked();
    let wrong = stage.typed(HOME, "alice@asso.example", "nothing");
    assert_eq!((wrong.status, wrong.fields("set-cookie").len()), (403, 0));
    assert!(wrong.body.contains("/en/help#WRONG-PASSWORD") && !wrong.body.contains("nothing"), "{}", wrong.body);
    for user in ["nobody@asso.example", "alice@nowhere.example", "alice@jardin.example"] {
        let other = stage.typed(HOME, user, "nothing");
        assert_eq!(other.status, 403, "{user}");
        assert_eq!(shape(&other, user), shape(&wrong, "alice@asso.example"), "{user}");
        let length = |line: &String| line.starts_with("content-length");
        let without = |got: &Got| head(got).into_iter().filter(|line| !length(line)).collect::<Vec<_>>();
        assert_eq!(without(&other), without(&wrong));
    }
    assert_eq!(asked() - before, 4, "each is asked of a backend");
    // What can be no login is not asked of anybody, and counts as no guess.
    for (user, password) in
        [("alice", PASSWORD), ("alice@asso.example", ""), ("a%0Ab@asso.example", "x"), ("alice@asso.example", "a%00b")]
    {
        assert_eq!(stage.typed(HOME, user, password).status, 422, "{user}");
    }
    assert_eq!(asked() - before, 4);
    let markup = stage.typed(HOME, "%22%3E%3Cscript%3E@asso.example", "x");
    assert!(!markup.body.contains("<script"), "{}", markup.body);
    // Not from another site: its reader would be logged in as somebody else.
    for fields in ["", "Sec-Fetch-Site: cross-site\r\n", "Origin: https://evil.example\r\n"] {
        let form = format!("mailbox=alice%40asso.example&password={PASSWORD}");
        let got = send(stage.page, "/en/member/enter", fields, &form);
        assert!(got.status == 403 && got.fields("set-cookie").is_empty() && !got.body.contains("WRONG-PASSWORD"), "{fields}");
    }
    assert_eq!(asked() - before, 4);
    // A backend that fails, and an association that is suspended: the words that a mail program is told.
    let down = stage.typed(HOME, "down@asso.example", PASSWORD);
    assert!(down.status == 503 && down.body.contains("/en/help#"), "{}", down.body);
    let (cookie, _) = stage.log_in("alice");
    stage.house.done("association set asso --state suspended");
    let suspended = stage.typed(HOME, "alice@asso.example", PASSWORD);
    assert!(suspended.status == 403 && suspended.body.contains("#SUSPENDED"), "{}", suspended.body);
    assert!(
        stage.typed(HOME, "alice@asso.example", "nothing").body.contains("#WRONG-PASSWORD"),
        "only who knows it is told more"
    );
    assert!(get(stage.page, "/en/member", &format!("Cookie: {cookie}\r\n")).body.contains("name=\"password\""), "a session ends");
    let said = stage.house.output();
    assert!(!said.contains("alice") && !said.contains("nothing"), "{said}");
}

#[test]
fn guesses_at_the_page_and_at_imap_are_one_budget() {
    let stage = Stage::start();
    assert!(stage.imap(HOME, "bob", PASSWORD).contains("l OK"));
    // Half of them at the page, half at IMAP.
    let page = |number: usize| stage.typed(STRANGER, "bob@asso.example", &format!("guess{number}")).status;
    let statuses: Vec<_> = (0..6).map(page).collect();
    assert_eq!(statuses, [403; 6]);
    let judged = (6..20).filter(|number| stage.imap(STRANGER, "bob", &format!("guess{number}")).contains("(WRONG-PASSWORD)"));
    assert_eq!(judged.count(), 5, "eleven in all: ten, and the one that used them up");
    let refused = stage.typed(STRANGER, "bob@asso.example", PASSWORD);
    assert!(refused.status == 429 && refused.body.contains("#TOO-MANY-TRIES"), "{}", refused.body);
    // Who was right at IMAP is known at the page, and the other way round.
    assert_eq!(stage.typed(HOME, "bob@asso.example", PASSWORD).status, 303);
    assert_eq!(stage.typed([127, 0, 0, 40], "carol@asso.example", PASSWORD).status, 303);
    for number in 0..20 {
        stage.imap(STRANGER, "carol", &format!("guess{number}"));
    }
    assert!(stage.imap([127, 0, 0, 40], "carol", PASSWORD).contains("l OK"));
    assert!(stage.house.done("blocks list").contains("bob@asso.example"));
}

/// A mail server that takes its time over a wrong password, and how many it was asked.
fn slow_backend() -> (u16, Arc<AtomicUsize>) {
    let (listener, port) = wire::listen();
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let counted = counted.clone();
            std::thread::spawn(move || -> std::io::Result<()> {
                stream.write_all(b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready\r\n")?;
                for line in BufReader::new(stream.try_clone()?).lines() {
                    let line = line?;
                    if line.contains("AUTHENTICATE") {
                        counted.fetch_add(1, Ordering::SeqCst);
                        std::thread::sleep(Duration::from_millis(400));
                    }
                    let tag = line.split(' ').next().unwrap_or_default();
                    stream.write_all(format!("{tag} NO [AUTHENTICATIONFAILED] no\r\n").as_bytes())?;
                }
                Ok(())
            });
        }
    });
    (port, asked)
}

#[test]
fn who_leaves_before_the_judgement_has_guessed_all_the_same() {
    let (slow, asked) = slow_backend();
    let stage = Stage::start_with(&format!(
        "[[association]]\nname = \"lent\"\ndomains = [\"lent.example\"]\nbackend = \"slow\"\n\n[[backend]]\nname = \"slow\"\n\
         imap = \"imap://127.0.0.1:{slow}\"\nlmtp = \"lmtp://127.0.0.1:9\"\nrelay = \"smtp://127.0.0.1:9\"\n"
    ));
    for number in 0..11 {
        let mut wire = Wire::from(STRANGER, stage.secure).secured();
        wire.send(&login("/en/member/enter", "dora@lent.example", &format!("guess{number}")));
        let end = Instant::now() + Duration::from_secs(10);
        while asked.load(Ordering::SeqCst) <= number {
            assert!(Instant::now() < end, "the mail server was not asked");
            std::thread::sleep(Duration::from_millis(5));
        }
        drop(wire);
        std::thread::sleep(Duration::from_millis(450));
    }
    std::thread::sleep(Duration::from_millis(500));
    let refused = stage.typed(STRANGER, "dora@lent.example", "one more");
    assert!(refused.status == 429 && asked.load(Ordering::SeqCst) == 11, "they were free: {}", refused.status);
    assert!(stage.house.done("blocks list").contains("1 more names that are no mailbox here"));
}

#[test]
fn a_contact_comes_in_with_the_mailboxs_password() {
    let stage = Stage::start();
    let enter =
        |path: &str, user: &str| post(stage.page, path, "", &format!("mailbox={user}%40asso.example&password={PASSWORD}"));
    let entered = enter("/en/contact/enter", "carl");
    assert_eq!((entered.status, entered.field("location")), (303, "/en/contact"), "{}", entered.body);
    let page = get(stage.page, "/en/contact", &format!("Cookie: {}\r\n", entered.cookie()));
    assert!(page.body.contains("<h1>asso</h1>") && !page.body.contains("jardin"), "{}", page.body);
    // Who is no contact lands on the own page, from the same form.
    assert_eq!(enter("/fr/contact/enter", "alice").field("location"), "/fr/member");
    let refused = post(stage.page, "/en/contact/enter", "", "mailbox=carl%40asso.example&password=x");
    assert!(refused.status == 403 && refused.body.contains("id=\"address\"") && refused.body.contains("#WRONG-PASSWORD"));
    // Of two: the member's page asks which.
    stage.house.done("association set jardin --contact carl@asso.example");
    let entered = enter("/en/contact/enter", "carl");
    assert_eq!(entered.field("location"), "/en/member");
    let (cookie, form) = stage.log_in("carl");
    let page = get(stage.page, "/en/member", &format!("Cookie: {cookie}\r\n"));
    assert!(page.body.contains("value=\"asso\"") && page.body.contains("value=\"jardin\""), "{}", page.body);
    let gone = post(stage.page, "/en/member/contact", &cookie, &format!("token={form}&association=jardin"));
    assert_eq!((gone.status, gone.field("location")), (303, "/en/contact"));
    let other = gone.cookie();
    assert_ne!(other, cookie, "another session, with another name");
    // A second click comes with the cookie that the first one brought; to another association it is none.
    let second = |association: &str| {
        let got = post(stage.page, "/en/member/contact", &other, &format!("token={form}&association={association}"));
        (got.status, got.fields("set-cookie").len())
    };
    assert_eq!((second("jardin"), second("asso")), ((303, 0), (403, 0)));
    assert!(get(stage.page, "/en/contact", &format!("Cookie: {other}\r\n")).body.contains("<h1>jardin</h1>"));
    assert!(
        get(stage.page, "/en/member", &format!("Cookie: {cookie}\r\n")).body.contains("name=\"password\""),
        "the first one is over"
    );
    // Somebody else is the contact now.
    stage.house.done("association set jardin --contact rose@jardin.example");
    assert!(get(stage.page, "/en/contact", &format!("Cookie: {other}\r\n")).body.contains("name=\"address\""));
    // An account that was broken into: its sessions end at the pages, too.
    let (cookie, _) = stage.log_in("alice");
    let contact = enter("/en/contact/enter", "carl").cookie();
    stage.house.done("mailbox kick carl@asso.example");
    assert!(get(stage.page, "/en/contact", &format!("Cookie: {contact}\r\n")).body.contains("name=\"address\""));
    assert!(get(stage.page, "/en/member", &format!("Cookie: {cookie}\r\n")).body.contains("alice@asso.example"), "and no other");
    // Whoever gets an address after its owner finds nothing of theirs, though nobody looked in between.
    stage.house.done("mailbox remove alice@asso.example");
    stage.house.done("mailbox set alice@asso.example --storage 1M");
    for page in ["/en/member", "/en/member/held.json"] {
        let seen = get(stage.page, page, &format!("Cookie: {cookie}\r\n"));
        assert!(!seen.body.contains("alice@asso.example"), "{page}: {}", seen.body);
    }
}

#[test]
fn a_connection_has_an_end_and_tls_is_remembered() {
    let stage = Stage::start();
    let mut wire = Wire::tls(stage.secure);
    let mut answered = 0;
    while wire.send(b"GET /style.css HTTP/1.1\r\nHost: mail.nolog.example\r\n\r\n") {
        let Some(got) = response(&mut wire, false) else { break };
        answered += 1;
        assert_eq!(got.field("strict-transport-security"), "max-age=31536000");
        assert_eq!(got.field("connection") == "close", answered == 100, "{answered}");
    }
    assert_eq!(answered, 100);
    assert!(
        get(stage.page, "/help", "").fields("strict-transport-security").is_empty(),
        "the web server before it says what it wants"
    );
    // What was read with a password in it does not stay for the next request.
    let mut wire = Wire::plain(stage.page);
    wire.send(&login("/en/member/enter", "alice@asso.example", PASSWORD));
    assert_eq!(response(&mut wire, false).unwrap().field("connection"), "close");
    assert!(wire.ends(Duration::from_secs(3)));
    // The statement knows the way home.
    let statement = get(stage.page, "/fr/statement", "");
    assert!(statement.body.contains("<a href=\"/fr/\">") && statement.body.contains("href=\"/en/statement\""));
}

#[test]
fn an_admin_sees_all_and_sets_limits() {
    let stage = Stage::start();
    stage.house.done("mailbox set bob@asso.example --storage 2G");
    let home = stage.admin_get("/fr/");
    assert!(home.status == 200 && home.body.contains("/fr/association/jardin") && home.field("cache-control") == "no-store");
    assert!(home.fields("set-cookie").is_empty() && home.field("content-security-policy").contains("default-src 'none'"));
    let page = stage.admin_get("/en/association/asso");
    assert!(page.body.contains("bob@asso.example") && page.body.contains("value=\"10 GB\""), "{}", page.body);
    let form = form_token(&page);
    let settings = || stage.house.json("association show asso")["association"]["settings"].clone();
    let change =
        |what: &str, rest: &str| stage.admin_post(&format!("/en/association/asso/{what}"), OWN, &format!("token={form}&{rest}"));
    let done =
        change("limits", "was-storage=10+GB&storage=12+GB&mailbox-default=1+GB&was-mailbox-default=1+GB&mailboxes=20&messages=");
    assert_eq!((done.status, done.field("location")), (303, "/en/association/asso"), "{}", done.body);
    assert_eq!((settings()["storage"].as_u64(), settings()["mailboxes"].as_u64()), (Some(12 << 30), Some(20)));
    // Said once, at the page of what was changed.
    let said = |path: &str| stage.admin_get(path).body.contains("class=\"done\"");
    let told = ["/en/association/jardin", "/en/association/asso", "/en/association/asso"].map(said);
    assert_eq!(told, [false, true, false]);
    assert_eq!(stage.admin_get("/en/association/asso/changed").status, 404);
    // An old window touches one field, and changes that one only.
    let done = change(
        "limits",
        "was-storage=10+GB&storage=10+GB&mailbox-default=2+GB&was-mailbox-default=1+GB&mailboxes=&was-mailboxes=&messages=&was-messages=",
    );
    assert_eq!(done.status, 303);
    assert_eq!((settings()["storage"].as_u64(), settings()["mailbox-default"].as_u64()), (Some(12 << 30), Some(2 << 30)));
    assert_eq!(settings()["mailboxes"], 20);
    for (what, rest, says) in [
        ("limits", "storage=lots&mailbox-default=&mailboxes=&messages=", "limits-storage-error"),
        ("limits", "storage=&mailbox-default=&mailboxes=-1&messages=", "limits-mailboxes-error"),
        ("limits", "storage=1", "cannot be read"),
        ("grant", "size=2+GB&until=", "grant-until-error"),
        ("grant", "size=&until=2999-01-01", "grant-size-error"),
        ("grant", "size=2+GB&until=2001-01-01", "over already"),
        ("state", "state=leaving&until=", "state-until-error"),
        ("state", "state=gone", "cannot be read"),
        ("contact", "contact=nobody&was-contact=x", "contact-contact-error"),
        ("sending", "send-per-hour=%22%3E%3Cscript%3E", "sending-send-per-hour-error"),
        ("mailbox", "address=eve%40jardin.example&share=1&sending=on", "no such mailbox"),
        ("mailbox", "address=ghost%40asso.example&share=1&sending=on", "no such mailbox"),
    ] {
        let before = settings();
        let refused = change(what, rest);
        assert!(
            refused.status == 422 && refused.body.contains(says) && !refused.body.contains("<script"),
            "{rest}: {}",
            refused.body
        );
        assert_eq!(settings(), before, "{rest}");
    }
    assert_eq!(change("grant", "size=2+GB&until=2999-01-01").status, 303);
    assert_eq!(settings()["grants"][0]["octets"], 2_u64 << 30);
    assert_eq!(change("grant", "size=0&until=2999-01-01").status, 303);
    assert!(settings()["grants"].as_array().unwrap().is_empty());
    assert_eq!(change("state", "state=leaving&until=2999-01-01").status, 303);
    assert_eq!(settings()["state"]["leaving-until"], "2999-01-01");
    // Where it does not leave, a day that is left in the field says nothing.
    assert_eq!(change("state", "state=suspended&until=2999-01-01").status, 303);
    assert_eq!(settings()["state"], "suspended");
    // An old window, in which nothing of it was touched, does not let in again whom another admin kept out.
    assert!(page.body.contains("name=\"was-state\" value=\"active\""), "{}", page.body);
    assert_eq!(change("state", "state=active&was-state=active&until=&was-until=").status, 303);
    assert_eq!(settings()["state"], "suspended");
    // Where only the day of one that leaves was touched, that is what is meant.
    let leaving = "state=leaving&was-state=leaving&until=2999-02-01&was-until=2999-01-01";
    assert_eq!(change("state", leaving).status, 303);
    assert_eq!(settings()["state"]["leaving-until"], "2999-02-01");
    assert_eq!(change("state", "state=suspended&was-state=leaving&until=2999-02-01&was-until=2999-02-01").status, 303);
    assert_eq!(settings()["state"], "suspended");
    assert_eq!(change("contact", "contact=&was-contact=carl%40asso.example&language=fr&was-language=en").status, 303);
    assert!(settings()["contact"].is_null() && settings()["language"] == "fr");
    let all = "send-per-hour=5&send-per-day=&recipients-per-hour=&recipients-per-day=&mailbox-send-per-hour=&mailbox-send-per-day=&\
               mailbox-recipients-per-hour=&mailbox-recipients-per-day=9";
    assert_eq!(change("sending", all).status, 303);
    assert_eq!(settings()["sending"]["association"]["messages-per-hour"], 5);
    assert_eq!(settings()["sending"]["mailbox"]["recipients-per-day"], 9);
    assert_eq!(change("mailbox", "address=bob%40asso.example&share=3&was-share=2+GB&sending=off&was-sending=on").status, 303);
    let bob = stage.house.json("mailbox list --association asso")["mailboxes"].clone();
    let bob = bob.as_array().unwrap().iter().find(|one| one["address"] == "bob@asso.example").unwrap().clone();
    assert!(bob["storage"] == 3_u64 << 30 && bob["sending"] == "off", "{bob}");
    for path in ["/association/none", "/association/%ff", "/association/..%2f..%2fx", "/contact", "/member", "/en/leave"] {
        assert_eq!(stage.admin_get(path).status, 404, "{path}");
    }
}

/// What was done is told at the next page that is read, unless another form comes before; and a second click does nothing more.
#[test]
fn an_admin_is_told_what_was_done_and_presses_twice() {
    let stage = Stage::start();
    stage.house.done("mailbox set bob@asso.example --storage 2G");
    let form = form_token(&stage.admin_get("/en/association/asso"));
    let settings = || stage.house.json("association show asso")["association"]["settings"].clone();
    let change =
        |what: &str, rest: &str| stage.admin_post(&format!("/en/association/asso/{what}"), OWN, &format!("token={form}&{rest}"));
    let said = |path: &str| stage.admin_get(path).body.contains("class=\"done\"");
    // Not to whoever asks for the head alone, and not after another form that was refused.
    let share = |size: &str| {
        change("mailbox", &format!("address=bob%40asso.example&share={size}&was-share=2+GB&sending=on&was-sending=on"))
    };
    let head = || stage.admin("HEAD /en/association/asso HTTP/1.1\r\nHost: localhost:8080\r\n\r\n");
    assert_eq!((share("1").status, head().status, said("/en/association/asso")), (303, 200, true));
    assert_eq!((share("2").status, share("lots").status, said("/en/association/asso")), (303, 422, false));
    // A second click grants nothing more, and takes back nothing more.
    for _ in 0..2 {
        assert_eq!(change("grant", "size=2+GB&until=2999-01-01").status, 303);
        assert_eq!(settings()["grants"], serde_json::json!([{ "octets": 2_u64 << 30, "until": "2999-01-01" }]));
    }
    for _ in 0..2 {
        assert_eq!(change("grant", "size=0&until=2999-01-01").status, 303);
    }
    assert!(settings()["grants"].as_array().unwrap().is_empty());
}

#[test]
fn no_other_page_and_no_other_name_leads_to_the_admins_pages() {
    let stage = Stage::start();
    let form = form_token(&stage.admin_get("/en/association/asso"));
    let body = format!(
        "token={form}&was-storage=10+GB&storage=1+GB&mailbox-default=&was-mailbox-default=&mailboxes=&was-mailboxes=&messages=&was-messages="
    );
    let storage = || stage.house.json("association show asso")["association"]["settings"]["storage"].clone();
    for (fields, form) in [
        ("", body.clone()),
        ("Sec-Fetch-Site: cross-site\r\n", body.clone()),
        ("Sec-Fetch-Site: same-site\r\n", body.clone()),
        ("Origin: http://localhost:3000\r\n", body.clone()),
        (OWN, body.replace(&form, "")),
        (OWN, body.replace(&form, &"A".repeat(43))),
    ] {
        assert_eq!(stage.admin_post("/en/association/asso/limits", fields, &form).status, 403, "{fields} {form}");
    }
    // A name of somebody else's that leads to this machine (DNS rebinding).
    for host in ["evil.example:8080", "localhost.evil.example", "192.0.2.1"] {
        let got = stage.admin(&format!("GET /en/association/asso HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert!(got.status == 421 && !got.body.contains("asso"), "{host}");
    }
    let two = stage.admin("GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n");
    assert_eq!(two.status, 421);
    assert_eq!(stage.admin("GET / HTTP/1.0\r\n\r\n").status, 421);
    assert_eq!(storage(), 10_u64 << 30);
    // Nothing of it at the pages for everybody.
    for path in ["/association/asso", "/en/association/asso", "/en/association/asso/limits"] {
        assert_eq!(get(stage.page, path, "").status, 404, "{path}");
        assert_eq!(post(stage.page, path, "", &body).status, 404, "{path}");
    }
    assert_eq!(stage.admin_post("/en/association/asso/limits", OWN, &body).status, 303);
    assert_eq!(storage(), 1_u64 << 30);
}
