//! The pages of the real program: mail programs that set themselves up, a contact who logs in by mail, and whoever means harm.
#![allow(clippy::unwrap_used, clippy::expect_used)] // helpers of tests

use crate::alone;
use crate::http;
#[path = "web/clicks.rs"]
mod clicks;
#[path = "web/contacts.rs"]
mod contacts;
#[path = "web/long.rs"]
mod long;
#[path = "web/mails.rs"]
mod mails;
use crate::wire;

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use alone::House;
use http::{Got, get, post, raw, response, send};
use nix::sys::signal::Signal;
use wire::Wire;

const URL: &str = "https://pages.nolog.example";

/// The daemon, where its pages are, and what its relay was given.
struct Stage {
    house: House,
    page: u16,
    secure: u16,
    imap: u16,
    smtp: u16,
    lmtp: u16,
    pop3: u16,
    mails: Receiver<String>,
}

impl Stage {
    fn start() -> Stage {
        let (listener, relay) = wire::listen();
        let (sender, mails) = channel();
        std::thread::spawn(move || {
            listener.incoming().map_while(Result::ok).for_each(|stream| drop(relay_talk(stream, &sender)))
        });
        Stage::before(relay, None, mails)
    }

    /// Before this relay, and this server that stores mail.
    fn before(relay: u16, store: Option<u16>, mails: Receiver<String>) -> Stage {
        let ports: Vec<_> = (0..7).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let [page, secure, imap, smtp, lmtp, pop3, nobody] =
            std::array::from_fn(|at: usize| ports[at].local_addr().unwrap().port());
        drop(ports);
        let listen = |service: &str, port: u16, tls: &str| {
            format!("[[listen]]\nservice = \"{service}\"\naddress = \"127.0.0.1:{port}\"\ntls = \"{tls}\"\n")
        };
        let association = |name: &str, more: &str| {
            format!(
                "[[association]]\nname = \"{name}\"\ndomains = [\"{name}.example\"]\nstorage = \"10G\"\nmailbox_default = \"1G\"\n{more}"
            )
        };
        let config = [
            "[tls]\ncertificates = \"".to_owned(),
            env!("CARGO_MANIFEST_DIR").to_owned(),
            "/certs-example\"\ndefault = \"mail.nolog.example\"\n".to_owned(),
            format!("[web]\nurl = \"{URL}\"\n"),
            listen("web", page, "none") + &listen("web", secure, "implicit"),
            listen("imap", imap, "starttls") + &listen("submission", smtp, "implicit").replace("implicit", "starttls"),
            listen("lmtp", lmtp, "none") + &listen("pop3", pop3, "starttls"),
            format!(
                "[[backend]]\nname = \"store1\"\nimap = \"imap://127.0.0.1:{nobody}\"\nlmtp = \"lmtp://127.0.0.1:{}\"\n\
                 pop3 = \"pop3://127.0.0.1:{nobody}\"\nrelay = \"smtp://127.0.0.1:{relay}\"\n",
                store.unwrap_or(nobody)
            ),
            association("velo", "contact = \"carl@velo.example\"\nlang = \"fr\"\n"),
            association("jardin", "contact = \"rose@jardin.example\"\n"),
        ];
        let mut house = House::start(&config.concat());
        house.down(Signal::SIGTERM);
        let with_help = std::fs::read_to_string(house.config()).unwrap();
        let with_help = format!("help_url = \"https://aide.nolog.example/\"\n{with_help}");
        house.place.write("nologd.toml", with_help.as_bytes()).unwrap_or_else(|trouble| panic!("{trouble}"));
        house.up();
        Stage { house, page, secure, imap, smtp, lmtp, pop3, mails }
    }

    /// The link that was mailed to the contact. Notices may come before it.
    fn link(&self) -> String {
        loop {
            let mail = self.mails.recv_timeout(Duration::from_secs(20)).expect("no mail with a link came");
            let mail = mail.replace("=\r\n", "").replace("=3D", "=");
            // What tells of an offer leads to the page, and lets nobody in.
            if let Some(line) = mail.lines().find(|line| line.starts_with("https://") && !line.ends_with("/contact")) {
                return line.to_owned();
            }
        }
    }

    /// A contact asks for a link, and gets its token.
    fn token(&self, address: &str) -> String {
        let asked = post(self.page, "/en/contact/link", "", &format!("address={address}"));
        assert_eq!(asked.status, 200, "{}", asked.body);
        let link = self.link();
        link.strip_prefix(&format!("{URL}/en/enter/")).unwrap_or_else(|| panic!("{link}")).to_owned()
    }

    /// A session's cookie, and the token of its forms.
    fn log_in(&self, address: &str) -> (String, String) {
        let token = self.token(address);
        let entered = post(self.page, "/en/enter", "", &format!("link={token}"));
        assert_eq!((entered.status, entered.field("location")), (303, "/en/contact"), "{}", entered.body);
        let cookie = entered.cookie();
        let page = get(self.page, "/en/contact", &format!("Cookie: {cookie}\r\n"));
        (cookie, form_token(&page))
    }
}

/// What stands in the forms of a page.
fn form_token(page: &Got) -> String {
    let (_, rest) = page.body.split_once("name=\"token\" value=\"").unwrap_or_else(|| panic!("{}", page.body));
    rest.split('"').next().unwrap().to_owned()
}

/// A relay that takes everything.
fn relay_talk(mut stream: TcpStream, mails: &Sender<String>) -> std::io::Result<()> {
    stream.write_all(b"220 relay.example\r\n")?;
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        if line.starts_with("DATA") {
            stream.write_all(b"354 go\r\n")?;
            let mut text = String::new();
            while !text.ends_with("\r\n.\r\n") {
                reader.read_line(&mut text)?;
            }
            let _ = mails.send(text);
        }
        stream.write_all(b"250 ok\r\n")?;
    }
}

#[test]
fn mail_programs_set_themselves_up_and_nobodys_address_is_looked_at() {
    let stage = Stage::start();
    let ask =
        |host: &str, path: &str| raw(stage.page, format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).unwrap();
    let thunderbird = ask("autoconfig.velo.example", "/mail/config-v1.1.xml");
    assert_eq!((thunderbird.status, thunderbird.field("content-type")), (200, "application/xml; charset=utf-8"));
    assert!(thunderbird.body.contains("<domain>velo.example</domain>"), "{}", thunderbird.body);
    for element in [
        format!("<port>{}</port>", stage.imap),
        format!("<port>{}</port>", stage.smtp),
        format!("<port>{}</port>", stage.pop3),
        "<hostname>mail.nolog.example</hostname>".into(),
        "<username>%EMAILADDRESS%</username>".into(),
        "<socketType>STARTTLS</socketType>".into(),
        format!("url=\"{URL}/programs\""),
    ] {
        assert!(thunderbird.body.contains(&element), "{element}: {}", thunderbird.body);
    }
    assert_eq!((thunderbird.field("cache-control"), thunderbird.field("vary")), ("public, max-age=86400", "Host"));
    // The same octets for everybody who asks this host, whatever stands behind the question mark.
    for (host, path) in [
        ("velo.example", "/.well-known/autoconfig/mail/config-v1.1.xml?emailaddress=alice%40velo.example"),
        ("velo.example", "/.well-known/mail-v1.xml"),
        ("autoconfig.velo.example:443", "/mail/config-v1.1.xml?emailaddress=nobody@nowhere.example"),
        ("AUTOCONFIG.Velo.Example", "/mail/config-v1.1.xml"),
    ] {
        assert_eq!(ask(host, path).body, thunderbird.body, "{host} {path}");
    }
    // Of a host that is not in the book, nothing comes back.
    for host in ["evil.example", "autoconfig.evil.example", "127.0.0.1", "[::1]:80"] {
        let other = ask(host, "/mail/config-v1.1.xml");
        assert!(
            other.status == 200 && !other.body.contains("evil") && other.body.contains("<domain>mail.nolog.example</domain>"),
            "{host}"
        );
    }
    let outlook = "<?xml version=\"1.0\" encoding=\"utf-8\"?><Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006\"><Request><EMailAddress>alice@velo.example</EMailAddress><AcceptableResponseSchema>http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a</AcceptableResponseSchema></Request></Autodiscover>";
    let request = format!(
        "POST /autodiscover/autodiscover.xml HTTP/1.1\r\nHost: autodiscover.velo.example\r\nUser-Agent: Microsoft Office/16.0\r\n\
         Content-Type: text/xml\r\nContent-Length: {}\r\n\r\n{outlook}",
        outlook.len()
    );
    let told = raw(stage.page, request.as_bytes()).unwrap();
    assert!(told.status == 200 && told.field("cache-control") == "no-store", "{}", told.head);
    assert!(
        told.body.contains("<LoginName>alice@velo.example</LoginName>") && told.body.contains("<Encryption>TLS</Encryption>"),
        "{}",
        told.body
    );
    let profile = get(stage.page, "/mail.mobileconfig", "");
    assert_eq!(profile.field("content-type"), "application/x-apple-aspen-config");
    assert!(profile.body.contains("EmailTypeIMAP") && profile.field("content-disposition").starts_with("attachment"));
    assert!(get(stage.page, "/mail.mobileconfig.svg", "").body.contains("<svg"));
    // Its ports are not the usual ones, so there is nothing to say.
    assert_eq!(get(stage.page, "/.well-known/user-agent-configuration.json", "").status, 404);
}

#[test]
fn every_answer_is_closed_to_others_and_sets_no_cookie() {
    let stage = Stage::start();
    for path in [
        "/",
        "/fr/",
        "/help",
        "/fr/help",
        "/programs",
        "/statement",
        "/fr/statement",
        "/contact",
        "/style.css",
        "/nothing",
        "/en/enter/x",
    ] {
        let got = get(stage.page, path, "");
        assert!(got.field("content-security-policy").contains("default-src 'none'"), "{path}: {}", got.head);
        assert!(
            got.field("content-security-policy").contains("frame-ancestors 'none'") && !got.head.contains("unsafe"),
            "{path}"
        );
        assert_eq!((got.field("x-content-type-options"), got.field("referrer-policy")), ("nosniff", "same-origin"), "{path}");
        assert_eq!(got.fields("set-cookie"), Vec::<&str>::new(), "{path}");
        assert!(got.field("server").is_empty() && got.fields("date").len() == 1, "{path}");
        assert!(!got.body.contains("<script") && !got.body.contains(" style=\"") && !got.body.contains("src=\"http"), "{path}");
    }
    let (french, english) =
        (get(stage.page, "/help", "Accept-Language: fr-FR,fr;q=0.9,en;q=0.5\r\n"), get(stage.page, "/help", ""));
    assert!(french.body.contains("<html lang=\"fr\">") && english.body.contains("<html lang=\"en\">"));
    assert!(french.field("vary") == "Accept-Language" && french.body.contains("id=\"MAILBOX-FULL\""));
    let head = raw(stage.page, b"HEAD /help HTTP/1.1\r\nHost: mail.nolog.example\r\n\r\n").unwrap();
    assert_eq!((head.status, head.field("content-length")), (200, english.field("content-length")));
    // The same behind TLS, and two requests on one connection.
    let mut wire = Wire::tls(stage.secure);
    for _ in 0..2 {
        wire.send(b"GET /en/help HTTP/1.1\r\nHost: mail.nolog.example\r\n\r\n");
        assert_eq!(response(&mut wire, false).unwrap().body, english.body);
    }
    assert!(get(stage.page, "/statement", "").body.contains("mail.nolog.example"));
}

#[test]
fn refusals_lead_to_the_help_page() {
    let stage = Stage::start();
    let link = |line: &str, word: &str| {
        assert!(
            line.trim_end().ends_with(&format!("({word}) https://aide.nolog.example/#{word}")) && line.len() <= 512,
            "{line}"
        );
    };
    let mut imap = Wire::plain(stage.imap);
    imap.until("* OK");
    link(&imap.ask("a LOGIN alice@velo.example secret\r\n", "a "), "TLS-FIRST");
    let mut smtp = Wire::plain(stage.smtp);
    smtp.until("220 ");
    link(&smtp.ask("MAIL FROM:<alice@velo.example>\r\n", "5"), "LOGIN-FIRST");
    let mut lmtp = Wire::plain(stage.lmtp);
    lmtp.until("220 ");
    lmtp.ask("LHLO relay.example\r\n", "250 ");
    lmtp.ask("MAIL FROM:<friend@elsewhere.example>\r\n", "250 ");
    let refused = lmtp.ask("RCPT TO:<alice@nowhere.example>\r\n", "");
    assert!(refused.contains("https://aide.nolog.example/#UNKNOWN-DOMAIN"), "{refused}");
    let mut pop3 = Wire::plain(stage.pop3);
    pop3.until("+OK");
    link(&pop3.ask("USER alice@velo.example\r\n", "-ERR"), "TLS-FIRST");
}

#[test]
fn a_contact_logs_in_by_mail_and_shares_out() {
    let mut stage = Stage::start();
    stage.house.done("mailbox set alice@velo.example --storage 2G");
    stage.house.done("mailbox set a&b'c@velo.example --storage 1G");
    stage.house.done("mailbox set eve@jardin.example --storage 2G");
    let token = stage.token("carl%40velo.example");
    // A scanner follows the link, as often as it likes; it spends nothing, and gets no cookie.
    for _ in 0..3 {
        let seen = get(stage.page, &format!("/en/enter/{token}"), "");
        assert!(
            seen.status == 200
                && seen.body.contains("<button")
                && seen.fields("set-cookie").is_empty()
                && seen.field("cache-control") == "no-store"
        );
    }
    // Not from elsewhere, and not with half of it.
    for fields in [
        "",
        "Sec-Fetch-Site: cross-site\r\n",
        "Sec-Fetch-Site: same-site\r\n",
        "Origin: https://evil.example\r\n",
        "Origin: null\r\n",
    ] {
        assert_eq!(send(stage.page, "/en/enter", fields, &format!("link={token}")).status, 403, "{fields}");
    }
    assert_eq!(post(stage.page, "/en/enter", "", &format!("link={}", &token[..42])).status, 404);
    let planted = format!("__Host-nologd={}", "A".repeat(43));
    let entered = post(stage.page, "/en/enter", &planted, &format!("link={token}"));
    assert_eq!((entered.status, entered.field("location")), (303, "/en/contact"));
    let set = entered.field("set-cookie");
    assert!(set.ends_with("; Path=/; Secure; HttpOnly; SameSite=Strict") && !set.starts_with(&planted), "{set}");
    assert_eq!(post(stage.page, "/en/enter", "", &format!("link={token}")).status, 404, "a link is good once");
    assert_eq!(get(stage.page, &format!("/en/enter/{token}"), "").status, 404);
    // What was planted is nobody's.
    assert!(get(stage.page, "/en/contact", &format!("Cookie: {planted}\r\n")).body.contains("name=\"address\""));

    let cookie = entered.cookie();
    let page = get(stage.page, "/fr/contact", &format!("Cookie: {cookie}\r\n"));
    assert!(
        page.body.contains("alice@velo.example") && !page.body.contains("jardin") && page.field("cache-control") == "no-store"
    );
    assert!(page.body.contains("a&amp;b'c@velo.example") && !page.body.contains("a&b"));
    let form = form_token(&page);
    assert!(page.body.contains("10\u{202f}Go") && page.body.contains("<meter"), "{}", page.body);

    // Shared out: by the contact, within what the association has.
    let done = post(stage.page, "/fr/contact/default", &cookie, &format!("token={form}&share=2%2C5+Go"));
    assert_eq!((done.status, done.field("location")), (303, "/fr/contact"), "{}", done.body);
    let settings = |stage: &Stage| stage.house.json("association show velo")["association"]["settings"].clone();
    assert_eq!(settings(&stage)["mailbox-default"], 5_u64 << 29);
    let done =
        post(stage.page, "/fr/contact/mailbox", &cookie, &format!("token={form}&address=alice%40velo.example&share=500+Mo"));
    assert_eq!(done.status, 303, "{}", done.body);
    let done = post(stage.page, "/fr/contact/language", &cookie, &format!("token={form}&language=en"));
    assert_eq!(
        (done.status, settings(&stage)["lang"].as_str().or(settings(&stage)["language"].as_str()).map(str::to_owned)),
        (303, Some("en".into()))
    );
    let too_much = post(stage.page, "/fr/contact/default", &cookie, &format!("token={form}&share=10%2C1"));
    assert!(
        too_much.status == 422 && too_much.body.contains("aria-invalid") && too_much.body.contains("10,1"),
        "{}",
        too_much.body
    );
    let planted = post(stage.page, "/fr/contact/default", &cookie, &format!("token={form}&share=%22%3E%3Cscript%3E"));
    assert!(planted.status == 422 && !planted.body.contains("<script") && planted.body.contains("&lt;script&gt;"));
    assert_eq!(settings(&stage)["mailbox-default"], 5_u64 << 29);
    odd_shares_change_nothing(&stage, &cookie, &form);
    assert_eq!(settings(&stage)["mailbox-default"], 5_u64 << 29);
    // Another association's mailbox and one that is nowhere: refused alike.
    let of =
        |address: &str| post(stage.page, "/en/contact/mailbox", &cookie, &format!("token={form}&address={address}&share=1")).body;
    assert_eq!(of("eve%40jardin.example"), of("eve%40nowhere.example"));
    assert_eq!(stage.house.json("mailbox list --association jardin")["mailboxes"][0]["storage"], 2_u64 << 30);

    let (other_cookie, other_form) = stage.log_in("rose%40jardin.example");
    // Somebody else is the contact now: the session is over. And a restart ends them all.
    stage.house.done("association set velo --contact zoe@velo.example");
    assert!(get(stage.page, "/en/contact", &format!("Cookie: {cookie}\r\n")).body.contains("name=\"address\""));
    assert!(get(stage.page, "/en/contact", &format!("Cookie: {other_cookie}\r\n")).body.contains("jardin"));
    let left = post(stage.page, "/en/leave", &other_cookie, &format!("token={other_form}"));
    assert!(left.status == 303 && left.field("set-cookie").contains("Max-Age=0"));
    assert!(get(stage.page, "/en/contact", &format!("Cookie: {other_cookie}\r\n")).body.contains("name=\"address\""));
    stage.house.down(Signal::SIGTERM);
    stage.house.up();
    assert!(get(stage.page, "/en/contact", &format!("Cookie: {other_cookie}\r\n")).body.contains("name=\"address\""));
}

/// What cannot be read takes no limit away; a mailbox that is not on the page is not made.
fn odd_shares_change_nothing(stage: &Stage, cookie: &str, form: &str) {
    for lost in ["", "&share=%zz", "&share=3&share=4", "&share=2%A0Go"] {
        assert_eq!(post(stage.page, "/fr/contact/default", cookie, &format!("token={form}{lost}")).status, 400, "{lost}");
        let own = format!("token={form}&address=alice%40velo.example{lost}");
        assert_eq!(post(stage.page, "/fr/contact/mailbox", cookie, &own).status, 400, "{lost}");
    }
    let ghost = format!("token={form}&address=ghost%40velo.example&share=1");
    assert_eq!(post(stage.page, "/fr/contact/mailbox", cookie, &ghost).status, 404);
    assert!(!stage.house.json("mailbox list --association velo").to_string().contains("ghost"));
}

#[test]
fn a_form_from_elsewhere_changes_nothing() {
    let stage = Stage::start();
    let (cookie, form) = stage.log_in("carl%40velo.example");
    let share = || stage.house.json("association show velo")["association"]["settings"]["mailbox-default"].clone();
    let (other_cookie, other_form) = stage.log_in("rose%40jardin.example");
    let body = |form: &str| format!("token={form}&share=3");
    for (fields, form) in [
        (format!("Sec-Fetch-Site: same-origin\r\nCookie: {cookie}\r\n"), body(&other_form)),
        (format!("Sec-Fetch-Site: same-origin\r\nCookie: {other_cookie}\r\n"), body(&form)),
        (format!("Sec-Fetch-Site: same-origin\r\nCookie: {cookie}\r\n"), "share=3".into()),
        (format!("Sec-Fetch-Site: same-origin\r\nCookie: {cookie}; {other_cookie}\r\n"), body(&form)),
        (format!("Sec-Fetch-Site: cross-site\r\nCookie: {cookie}\r\n"), body(&form)),
        (format!("Cookie: {cookie}\r\n"), body(&form)),
        ("Sec-Fetch-Site: same-origin\r\n".into(), body(&form)),
    ] {
        assert_eq!(send(stage.page, "/en/contact/default", &fields, &form).status, 403, "{fields} {form}");
    }
    assert_eq!(share(), 1_u64 << 30);
    // An old browser shows its Origin instead.
    let old = format!("Origin: http://mail.nolog.example\r\nCookie: {cookie}\r\n");
    assert_eq!(send(stage.page, "/en/contact/default", &old, &body(&form)).status, 303);
    assert_eq!(share(), 3_u64 << 30);
}

#[test]
fn who_is_no_contact_learns_nothing_and_gets_nothing() {
    let stage = Stage::start();
    let ask = |address: &str| {
        let got = post(stage.page, "/en/contact/link", "", &format!("address={address}"));
        (got.status, got.head.lines().filter(|line| !line.starts_with("date")).map(str::to_owned).collect::<Vec<_>>(), got.body)
    };
    let known = ask("carl%40velo.example");
    for unknown in ["nobody%40velo.example", "carl%40nowhere.example", "alice%40velo.example"] {
        assert_eq!(ask(unknown), known, "{unknown}");
    }
    assert!(stage.link().starts_with(&format!("{URL}/en/enter/")), "the host of a request is never in a link");
    // At once again: one mail in two minutes.
    ask("carl%40velo.example");
    assert!(stage.mails.recv_timeout(Duration::from_secs(3)).is_err());
    let (status, _, body) = ask("%22%3E%3Cimg+src%3Dx%3E");
    assert!(status == 422 && !body.contains("<img src=x") && body.contains("&lt;img"), "{body}");
    // Not from another site, which would send mails in its readers' names.
    assert_eq!(
        send(stage.page, "/en/contact/link", "Sec-Fetch-Site: cross-site\r\n", "address=rose%40jardin.example").status,
        403
    );
    assert!(stage.mails.recv_timeout(Duration::from_secs(1)).is_err());
}

#[test]
fn requests_that_mean_harm() {
    let stage = Stage::start();
    let status = |request: &str| raw(stage.page, request.as_bytes()).map_or(0, |got| got.status);
    // Two ends of one request: nothing is read by either, and what follows is not taken for a request.
    let hidden = "GET /help HTTP/1.1\r\nHost: a.example\r\n\r\n";
    for fields in [
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length: 99999999999999999999\r\n",
    ] {
        let mut wire = Wire::plain(stage.page);
        wire.send(format!("POST /en/contact/link HTTP/1.1\r\nHost: a.example\r\n{fields}\r\n0\r\n\r\n{hidden}").as_bytes());
        let first = response(&mut wire, false).map_or(400, |got| got.status);
        assert!(matches!(first, 400 | 411 | 413), "{fields}: {first}");
        assert!(response(&mut wire, false).is_none() && wire.ends(Duration::from_secs(5)), "{fields}");
    }
    for (request, expected) in [
        ("GET / HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a.example/../b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: \"><script>\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET http://b.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n", 400),
        ("GET http://a.example/help HTTP/1.1\r\nHost: a.example\r\n\r\n", 200),
        ("GET /fr/../contact HTTP/1.1\r\nHost: a.example\r\n\r\n", 404),
        ("GET //help HTTP/1.1\r\nHost: a.example\r\n\r\n", 404),
        ("GET /%68elp HTTP/1.1\r\nHost: a.example\r\n\r\n", 404),
        ("GET /help/ HTTP/1.1\r\nHost: a.example\r\n\r\n", 404),
        ("GET /style.css/../../etc/passwd HTTP/1.1\r\nHost: a.example\r\n\r\n", 404),
        ("GET /..%2f..%2fetc%2fpasswd HTTP/1.1\r\nHost: a.example\r\n\r\n", 404),
        ("GET /en/enter/%00%ff HTTP/1.1\r\nHost: a.example\r\n\r\n", 404),
        ("DELETE /help HTTP/1.1\r\nHost: a.example\r\n\r\n", 405),
        ("TRACE / HTTP/1.1\r\nHost: a.example\r\n\r\n", 405),
        ("POST /help HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n", 405),
        ("POST /en/contact/link HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5000\r\n\r\n", 413),
        ("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n", 404),
    ] {
        let got = status(request);
        assert_eq!(got, expected, "{request}");
    }
    assert_eq!(status(&format!("GET /{} HTTP/1.1\r\nHost: a.example\r\n\r\n", "a".repeat(40_000))) / 100, 4);
    assert_eq!(status(&format!("GET / HTTP/1.1\r\nHost: a.example\r\nX: {}\r\n\r\n", "a".repeat(40_000))) / 100, 4);
    assert_eq!(status(&format!("GET / HTTP/1.1\r\nHost: a.example\r\n{}\r\n", "X: y\r\n".repeat(100))) / 100, 4);
    // What a proxy may say of its clients is not looked at.
    let forwarded = "X-Forwarded-Host: evil.example\r\nX-Forwarded-For: 192.0.2.1\r\nForwarded: host=evil.example\r\nX-Original-URL: /contact\r\n";
    let page = get(stage.page, "/help", forwarded);
    assert!(page.status == 200 && !page.body.contains("evil.example"));
    // One that is not HTTP at all, and TLS where there is none.
    assert_eq!(status("\x16\x03\x01\x02\x00\x01\x00\x01\u{fc}\r\n\r\n"), 400);
}

#[test]
fn a_slow_client_is_shown_out() {
    let stage = Stage::start();
    let begin = Instant::now();
    let mut silent = Wire::plain(stage.page);
    let mut slow = Wire::plain(stage.page);
    slow.send(b"POST /en/contact/link HTTP/1.1\r\nHost: a.example\r\nContent-Length: 100\r\n\r\n");
    assert!(silent.ends(Duration::from_secs(30)) && begin.elapsed() < Duration::from_secs(30));
    while begin.elapsed() < Duration::from_secs(45) && slow.send(b"a") && !slow.ends(Duration::from_millis(500)) {}
    assert!(slow.ends(Duration::from_secs(3)) && begin.elapsed() < Duration::from_secs(48), "{:?}", begin.elapsed());
    // From one network, a quarter of the places at most, behind TLS where networks are told apart.
    let held: Vec<_> = (0..80).map(|_| Wire::plain(stage.secure)).collect();
    std::thread::sleep(Duration::from_millis(300));
    let mut other = Wire::from([127, 0, 0, 9], stage.secure).secured();
    other.send(b"GET /help HTTP/1.1\r\nHost: mail.nolog.example\r\n\r\n");
    assert_eq!(response(&mut other, false).map(|got| got.status), Some(200));
    let mut refused = Wire::plain(stage.secure);
    assert!(refused.ends(Duration::from_secs(2)), "more than a quarter of the places");
    drop(held);
}

#[test]
fn what_is_asked_is_in_no_file_and_in_no_output() {
    let mut stage = Stage::start();
    let mark = "canary-7f3a";
    for request in [
        format!(
            "GET /mail/config-v1.1.xml?emailaddress={mark}@velo.example HTTP/1.1\r\nHost: {mark}.example\r\nUser-Agent: {mark}\r\nReferer: https://{mark}/\r\n\r\n"
        ),
        format!("GET /{mark}?{mark} HTTP/1.1\r\nHost: mail.nolog.example\r\nCookie: __Host-nologd={mark}; x={mark}\r\n\r\n"),
        format!("GET /en/enter/{mark} HTTP/1.1\r\nHost: mail.nolog.example\r\nX-Forwarded-For: {mark}\r\n\r\n"),
        format!(
            "POST /autodiscover/autodiscover.xml HTTP/1.1\r\nHost: mail.nolog.example\r\nContent-Length: 57\r\n\r\n<EMailAddress>{mark}@velo.example</EMailAddress>...."
        ),
        format!("{mark} {mark}\r\n\r\n"),
    ] {
        let got = raw(stage.page, request.as_bytes());
        let echo = request.starts_with("POST");
        assert!(got.is_none_or(|got| echo || !format!("{}{}", got.head, got.body).contains(mark)), "{request}");
    }
    post(stage.page, "/en/contact/link", mark, &format!("address={mark}%40velo.example&{mark}={mark}"));
    let (cookie, form) = stage.log_in("rose%40jardin.example");
    post(stage.page, "/en/contact/default", &cookie, &format!("token={form}&share={mark}"));
    stage.house.down(Signal::SIGTERM);
    let secrets = [mark, cookie.split('=').nth(1).unwrap(), &form];
    let mut folders = vec![stage.house.place.path("state")];
    let mut files = vec![stage.house.place.path("nologd.out")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.path().is_dir() { folders.push(entry.path()) } else { files.push(entry.path()) }
        }
    }
    assert!(files.len() > 2);
    for file in files {
        let text = std::fs::read(&file).unwrap();
        let found = secrets.iter().find(|secret| text.windows(secret.len()).any(|window| window == secret.as_bytes()));
        assert_eq!(found, None, "{}", file.display());
    }
}
