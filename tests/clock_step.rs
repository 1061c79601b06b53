//! Somebody sets the clock of the day, forth or back, while the daemon runs: what may be sent in an hour, or in a day, is neither more nor less by that.

#![allow(clippy::unwrap_used)] // a test that cannot go on must say where

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nologd::demo::Place;

use crate::house;
use crate::scripted;
use crate::wire;

use house::{House, Settings};
use scripted::{PASSWORD, Scripted};
use wire::Wire;

const DAY: i64 = 86_400;

/// A clock of the day for the daemon alone.
struct Clock {
    place: Place,
}

impl Clock {
    fn new() -> Clock {
        let place = Place::new().unwrap();
        place.write("clock", &0i64.to_ne_bytes()).unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults/clock.c");
        let made = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(place.path("clock.so")).arg(source).status();
        assert!(made.unwrap().success());
        Clock { place }
    }

    fn is_off_by(&self, seconds: i64) {
        let file = fs::File::options().write(true).open(self.place.path("clock")).unwrap();
        file.write_all_at(&seconds.to_ne_bytes(), 0).unwrap();
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        let path = |name| self.place.path(name).display().to_string();
        vec![("LD_PRELOAD", path("clock.so")), ("NOLOGD_TEST_CLOCK", path("clock"))]
    }
}

/// The answer to one message: to DATA, or to its end.
fn send(house: &House, user: &str) -> String {
    let mut client = Wire::from([127, 0, 0, 1], house.ports.submissions).secured();
    client.until("220 ");
    client.ask("EHLO x\r\n", "250 ");
    client.ask(&format!("AUTH PLAIN {}\r\n", STANDARD.encode(format!("\0{user}@asso.example\0{PASSWORD}"))), "235 ");
    client.ask(&format!("MAIL FROM:<{user}@asso.example>\r\n"), "250");
    client.ask("RCPT TO:<bob@there.example>\r\n", "250");
    client.send(b"DATA\r\n");
    let said = client.line();
    if !said.starts_with("354 ") {
        return said;
    }
    client.send(format!("From: {user}@asso.example\r\n\r\nhello\r\n.\r\n").as_bytes());
    client.line()
}

/// The day that long from now, as a message is dated.
fn day(days: i64) -> String {
    let told =
        Command::new("date").env("LC_ALL", "C").args(["-u", "-d", &format!("{days} days"), "+%-d %b %Y"]).output().unwrap();
    String::from_utf8(told.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_step_of_the_clock_gives_nobody_more_to_send_and_takes_nothing() {
    let (clock, imap, relay) = (Clock::new(), Scripted::imap(PASSWORD), Scripted::smtp());
    let mut settings = Settings::new(imap.port, relay.port);
    (settings.admin, settings.env) = (true, clock.environment());
    let house = House::start(&settings);
    house.ask("association set asso --mailbox-send-per-hour 2 --send-per-day 5");
    let is_over = |user: &str| {
        let said = send(&house, user);
        assert!(said.starts_with("250 ") || said.contains("(TOO-MANY-MESSAGES)"), "{said}");
        !said.starts_with("250 ")
    };
    assert_eq!([(); 3].map(|()| is_over("alice")), [false, false, true]);
    for days in [3, -3, 400, -400, 0] {
        clock.is_off_by(days * DAY);
        assert!(is_over("alice"), "{days} days");
    }
    // Who has not sent sends whatever the clock says, until the association has sent what it may in a day.
    clock.is_off_by(-3 * DAY);
    assert_eq!([(); 3].map(|()| is_over("bob")), [false, false, true]);
    clock.is_off_by(3 * DAY);
    assert_eq!([(); 2].map(|()| is_over("carol")), [false, true]);
    clock.is_off_by(40 * DAY);
    assert!(is_over("dora"), "a day of the calendar is not a day");
    // The daemon did see the clock step: by it, it dates what comes without a date.
    let heard = String::from_utf8_lossy(&relay.heard()).into_owned();
    assert!([0, -3, 3].iter().all(|days| heard.contains(&format!(" {} ", day(*days)))), "{heard}");
}
