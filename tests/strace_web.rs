//! The pages under strace: whatever a reader, a member, a contact and a stranger say of themselves is in no file and in no line that nologd
//! writes. Needs root, for Postfix.

#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that cannot go on must say where

use crate::http;
use crate::strace;
use crate::support;
use crate::wire;

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use http::{Got, response};
use nix::sys::signal::Signal;
use nologd::demo::{MEMBERS, Program};
use strace::{files_below, found_in, in_memory, look, traced, whole_trace};
use support::{Stack, client, succeed};
use wire::Wire;

/// What is planted in every request, besides what the daemon itself makes.
const PLANTED: &[&str] = &[
    "127.9.9.78",
    "7f09094e",
    "198.51.100.78",
    "bell-and-basket",
    "canary-user",
    "canary-password",
    "canary-agent",
    "canary-referrer",
    "canary-host",
    "canary-path",
    "canary-query",
    "canary-cookie",
    "canary-field",
    "canary-tongue",
    "canary-share",
];

/// One request, with all that browsers and proxies say of their people.
fn request(page: u16, method: &str, path: &str, cookie: &str, form: &str) -> Got {
    let mut wire = Wire::from([127, 9, 9, 78], page).secured();
    let text = format!(
        "{method} {path} HTTP/1.1\r\nHost: mail.nolog.example\r\nUser-Agent: canary-agent\r\nReferer: https://canary-referrer.example/\r\n\
         Accept-Language: canary-tongue, fr\r\nX-Forwarded-For: 198.51.100.78\r\nForwarded: for=198.51.100.78\r\nSec-Fetch-Site: same-origin\r\n\
         Cookie: other=canary-cookie; {cookie}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    );
    wire.send(text.as_bytes());
    response(&mut wire, false).unwrap_or_else(|| panic!("no answer: {method} {path}"))
}

fn form_token(page: &Got) -> String {
    let (_, rest) = page.body.split_once("name=\"token\" value=\"").unwrap_or_else(|| panic!("{}", page.body));
    rest.split('"').next().unwrap().to_owned()
}

#[test]
fn what_is_said_at_the_pages_is_in_no_file_and_in_no_output() {
    let mut stack = traced();
    let page = stack.place.port().unwrap();
    let listens = format!(
        "\n[web]\nurl = \"https://mail.nolog.example:{page}\"\n\n[[listen]]\nservice = \"web\"\naddress = \"127.0.0.1:{page}\"\ntls = \"implicit\"\n\n\
         [[listen]]\nservice = \"admin-web\"\naddress = \"unix:{}\"\ntls = \"none\"\n",
        stack.place.path("admin-web.sock").display()
    );
    let config = fs::read_to_string(stack.daemon.config()).unwrap();
    stack.place.write("nologd.toml", (config + &listens).as_bytes()).unwrap_or_else(|trouble| panic!("{trouble}"));
    // Before it has said so, SIGTERM ends it at once.
    let begin = Instant::now();
    while !fs::read_to_string(stack.daemon.output()).unwrap().contains("nologd: started") {
        assert!(begin.elapsed() < Duration::from_secs(30), "nologd did not start");
        std::thread::sleep(Duration::from_millis(20));
    }
    stack.daemon.process().signal(Signal::SIGTERM);
    assert_eq!(stack.daemon.process().wait(Duration::from_secs(60)), Some(true));
    // A socket that was left is tried before it is replaced, and that is a connection.
    fs::remove_file(stack.place.path("admin.sock")).unwrap();
    let program = stack.place.path("traced");
    stack.daemon.restart(&program).unwrap_or_else(|trouble| panic!("{trouble}"));
    stack.daemon.process().listening(Program::Nologd, page).unwrap_or_else(|trouble| panic!("{trouble}"));
    let (everybody, member) = (everybody(page), member(page));
    forgotten(stack.daemon.process().pid().as_raw());
    let secrets = [everybody, member, contact(&stack, page), admin(&stack)].concat();
    stack.daemon.process().signal(Signal::SIGTERM);
    assert_eq!(stack.daemon.process().wait(Duration::from_secs(60)), Some(true));
    let markers: Vec<&str> = PLANTED.iter().copied().chain(secrets.iter().map(String::as_str)).collect();
    assert!(markers.len() > PLANTED.len() + 5 && secrets.iter().all(|secret| secret.len() == 43), "{secrets:?}");
    let trace = whole_trace(&stack);
    // To the admins' socket, where there is no TLS, it was written: strace sees what is written.
    assert!(trace.contains(secrets.last().unwrap()));
    let seen = look(&stack, &trace, &markers);
    // If nothing was seen, nothing was proven.
    assert!(seen.opened > 0 && seen.written > 0 && seen.connected > 3 && seen.said > 1, "{seen:?}");
    let files = files_below(&stack.place.path("state"));
    assert!(files.len() >= 3, "{files:?}");
    for file in files {
        let name = file.display().to_string();
        assert_eq!(found_in(name.as_bytes(), &markers), [""; 0], "in the name of a file");
        assert_eq!(found_in(&fs::read(&file).unwrap(), &markers), [""; 0], "in {name}");
    }
}

/// No password is in its memory, wrong or right, once it was judged: the connection that it came by has ended.
fn forgotten(pid: i32) {
    let end = Instant::now() + Duration::from_secs(5);
    loop {
        let left = in_memory(pid, &["bell-and-basket", "canary-password"]);
        if left.is_empty() {
            return;
        }
        assert!(Instant::now() < end, "left in memory:\n{}", left.join("\n"));
        std::thread::sleep(Duration::from_millis(500));
    }
}

/// Readers, mail programs and strangers.
fn everybody(page: u16) -> Vec<String> {
    for path in [
        "/",
        "/help",
        "/canary-path?canary-query",
        "/mail/config-v1.1.xml?emailaddress=canary-user@velo.example",
        "/en/enter/canary-path",
        "/member/held.json",
    ] {
        request(page, "GET", path, "__Host-nologd=canary-cookie", "");
    }
    request(page, "POST", "/autodiscover/autodiscover.xml", "", "<EMailAddress>canary-user@velo.example</EMailAddress>");
    request(page, "POST", "/en/contact/link", "", "address=canary-user%40velo.example&canary-field=canary-field");
    for (user, password) in [("canary-user%40velo.example", "canary-password"), ("alice%40velo.example", "canary-password")] {
        for path in ["/en/member/enter", "/fr/contact/enter"] {
            let refused = request(page, "POST", path, "", &format!("mailbox={user}&password={password}"));
            assert_eq!(refused.status, 403, "{}", refused.body);
        }
    }
    let mut wire = Wire::from([127, 9, 9, 78], page).secured();
    wire.send(b"canary-path canary-query\r\nHost: canary-host.example\r\n\r\n");
    response(&mut wire, false);
    Vec::new()
}

/// What the daemon made for this member: the session, and the token of its forms.
fn member(page: u16) -> Vec<String> {
    let entered = request(page, "POST", "/en/member/enter", "", "mailbox=alice%40velo.example&password=bell-and-basket");
    assert_eq!((entered.status, entered.field("location")), (303, "/en/member"), "{}", entered.body);
    let cookie = entered.cookie();
    let form = form_token(&request(page, "GET", "/en/member", &cookie, ""));
    request(page, "GET", "/en/member/held", &cookie, "");
    request(page, "GET", "/member/held.json", &cookie, "");
    let done = request(page, "POST", "/en/member/language", &cookie, &format!("token={form}&language=fr"));
    assert_eq!(done.status, 303);
    request(page, "POST", "/en/member/language", &cookie, &format!("token={form}&language=canary-tongue"));
    let left = request(page, "POST", "/en/leave", &cookie, &format!("token={form}"));
    assert_eq!(left.status, 303);
    vec![cookie.split('=').nth(1).unwrap().to_owned(), form]
}

/// The contact, by a link out of a real mailbox: the link, the session, the token of its forms.
fn contact(stack: &Stack, page: u16) -> Vec<String> {
    let mut set = client(env!("CARGO_BIN_EXE_nologd"), "nologd");
    set.args(["association", "set", "velo", "--contact", "alice@velo.example", "--storage", "10G"]);
    succeed(set.env("NOLOGD_SOCKET", stack.place.path("admin.sock")));
    assert_eq!(request(page, "POST", "/en/contact/link", "", "address=alice%40velo.example").status, 200);
    let start = format!("https://mail.nolog.example:{page}/en/enter/");
    let link = (1..10).find_map(|count| {
        let messages = stack.messages(&MEMBERS[0], "", count);
        let text = String::from_utf8_lossy(messages.last().unwrap()).replace("=\r\n", "").replace("=\n", "");
        text.split_once(&start).map(|(_, rest)| rest[..43].to_owned())
    });
    let link = link.expect("no link came");
    request(page, "GET", &format!("/en/enter/{link}"), "", "");
    let entered = request(page, "POST", "/en/enter", "", &format!("link={link}"));
    assert_eq!(entered.status, 303, "{}", entered.body);
    let cookie = entered.cookie();
    let form = form_token(&request(page, "GET", "/en/contact", &cookie, ""));
    request(page, "POST", "/en/contact/default", &cookie, &format!("token={form}&share=canary-share"));
    assert_eq!(request(page, "POST", "/en/contact/default", &cookie, &format!("token={form}&share=1+GB")).status, 303);
    for (path, fields, status) in [
        ("find", "address=canary-user%40velo.example", 422),
        ("mailbox", "address=canary-user%40velo.example&share=1", 404),
        ("hand-over", "address=canary-user", 422),
        ("language", "language=canary-tongue", 403),
        ("lend/offer", "to=canary-field&share=1+GB&until=2099-03-01", 303),
        ("lend/accept", "from=canary-field&size=1&until=2099-03-01", 422),
        ("lend/withdraw", "to=canary-field&until=2099-03-01", 303),
    ] {
        let got = request(page, "POST", &format!("/en/contact/{path}"), &cookie, &format!("token={form}&{fields}"));
        assert_eq!(got.status, status, "{path}: {}", got.body);
    }
    assert_eq!(request(page, "POST", "/en/confirm", &cookie, "link=canary-path").status, 404);
    for path in ["/en/confirm/canary-path", "/en/contact/mailboxes/canary-path", "/contact/held.json"] {
        request(page, "GET", path, &cookie, "");
    }
    vec![link, cookie.split('=').nth(1).unwrap().to_owned(), form]
}

/// The token of this run's forms.
fn admin(stack: &Stack) -> Vec<String> {
    let ask = |text: &str| {
        let mut stream = UnixStream::connect(stack.place.path("admin-web.sock")).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
        String::from_utf8_lossy(&all).into_owned()
    };
    let head = "Host: localhost:8080\r\nUser-Agent: canary-agent\r\nConnection: close\r\nSec-Fetch-Site: same-origin\r\n";
    let page = ask(&format!("GET /en/association/velo HTTP/1.1\r\n{head}\r\n"));
    let (_, rest) = page.split_once("name=\"token\" value=\"").unwrap_or_else(|| panic!("{page}"));
    let token = rest.split('"').next().unwrap().to_owned();
    let form = format!("token={token}&storage=3+GB&mailbox-default=&mailboxes=&messages=canary-share");
    let typed = "Content-Type: application/x-www-form-urlencoded\r\n";
    let length = |form: &str| format!("Content-Length: {}\r\n", form.len());
    let refused = ask(&format!("POST /en/association/velo/limits HTTP/1.1\r\n{head}{typed}{}\r\n{form}", length(&form)));
    assert!(refused.starts_with("HTTP/1.1 422 "), "{refused}");
    let form = form.replace("canary-share", "");
    let done = ask(&format!("POST /en/association/velo/limits HTTP/1.1\r\n{head}{typed}{}\r\n{form}", length(&form)));
    assert!(done.starts_with("HTTP/1.1 303 "), "{done}");
    vec![token]
}
