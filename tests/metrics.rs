//! The page for monitoring, from the real program in use: coarse, late, and about nobody. Takes a minute, as the page does.
#![allow(clippy::unwrap_used)] // helpers of tests

use crate::alone;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use alone::House;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Enough to move a number, whatever was drawn.
const MEMBERS: usize = 26;

#[test]
fn totals_are_coarse_and_late_and_say_nothing_about_anybody() {
    let (backend, imap, metrics) = (backend(), port(), port());
    let house = House::start(&format!(
        "[[listen]]\nservice = \"imap\"\naddress = \"127.0.0.1:{imap}\"\ntls = \"none\"\n\
         [[listen]]\nservice = \"metrics\"\naddress = \"127.0.0.1:{metrics}\"\ntls = \"none\"\n\
         [[backend]]\nname = \"store1\"\nimap = \"imap://127.0.0.1:{backend}\"\n\
         [[association]]\nname = \"velo\"\ndomains = [\"velo.example\"]\n"
    ));
    let sessions: Vec<_> = (0..MEMBERS).map(|number| log_in(imap, number, "right")).collect();
    assert!(sessions.iter().all(|(_, said)| said.starts_with("a OK")), "{:?}", sessions[0].1);
    assert!((0..7).all(|number| log_in(imap, number, "wrong").1.starts_with("a NO")));

    // At once: nothing yet, and other questions get no answer.
    let first = scrape(metrics, "GET /metrics");
    assert!(first.starts_with("HTTP/1.1 200 OK\r\n") && first.contains("\r\nConnection: close\r\n"), "{first}");
    for name in ["sessions", "logins_accepted_total", "logins_refused_total", "messages_accepted_total"] {
        assert_eq!(value(&first, name), 0, "{first}");
    }
    assert!(scrape(metrics, "GET /").starts_with("HTTP/1.1 404 "));
    assert!(scrape(metrics, "POST /metrics").starts_with("HTTP/1.1 405 "));

    // A minute later: 26 are 20, and 7 are none.
    let (begin, mut page) = (Instant::now(), first.clone());
    while page == first {
        assert!(begin.elapsed() < Duration::from_secs(75), "the page does not move");
        sleep(Duration::from_millis(200));
        page = scrape(metrics, "GET /metrics");
    }
    assert_eq!((value(&page, "logins_accepted_total"), value(&page, "sessions")), (20, 20), "{page}");
    assert_eq!((value(&page, "logins_refused_total"), value(&page, "backends_down")), (0, 0), "{page}");
    for line in page.lines().filter(|line| line.starts_with("nologd_")) {
        assert!(!line.contains(['{', '@', '.', '"']), "{line}");
    }
    for word in ["velo.example", "member", "store1", "127.0.0.1"] {
        assert!(!page.contains(word), "{word} is in\n{page}");
    }
    // Who asks often learns nothing.
    let _one_more = log_in(imap, MEMBERS, "right");
    assert!((0..20).all(|_| scrape(metrics, "GET /metrics") == page));
    drop((sessions, house));
}

/// A mailbox server that accepts the password `right`.
fn backend() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            spawn(move || serve(stream));
        }
    });
    port
}

fn serve(mut stream: TcpStream) -> Option<()> {
    stream.write_all(b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n").ok()?;
    for line in BufReader::new(stream.try_clone().ok()?).lines().map_while(Result::ok) {
        let tag = line.split(' ').next()?;
        let secret = line.split("AUTHENTICATE PLAIN ").nth(1).map(|text| STANDARD.decode(text).unwrap());
        let answer = match secret {
            Some(secret) if !secret.ends_with(b"right") => format!("{tag} NO [AUTHENTICATIONFAILED] no\r\n"),
            _ => format!("{tag} OK [CAPABILITY IMAP4rev1] done\r\n"),
        };
        stream.write_all(answer.as_bytes()).ok()?;
    }
    Some(())
}

fn port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A session, and what was said to its login.
fn log_in(port: u16, number: usize, password: &str) -> (TcpStream, String) {
    let begin = Instant::now();
    let mut stream = loop {
        match TcpStream::connect(("127.0.0.1", port)) {
            Ok(stream) => break stream,
            Err(_) => assert!(begin.elapsed() < Duration::from_secs(10), "nologd does not listen"),
        }
        sleep(Duration::from_millis(20));
    };
    stream.write_all(format!("a LOGIN member{number}@velo.example {password}\r\n").as_bytes()).unwrap();
    let said = BufReader::new(stream.try_clone().unwrap()).lines().nth(1).unwrap().unwrap();
    (stream, said)
}

fn scrape(port: u16, request: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(format!("{request} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    page
}

fn value(page: &str, name: &str) -> u64 {
    let line = page.lines().find_map(|line| line.strip_prefix(&format!("nologd_{name} ")));
    line.unwrap_or_else(|| panic!("no {name} in\n{page}")).parse().unwrap()
}
