//! Members send over connections that rest between two messages, at a relay that fails at any moment: what was answered 250 is at the relay
//! once, what was answered otherwise is not, and what may be there is there once at most.

#![allow(clippy::unwrap_used)] // a test that cannot go on must say where

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::answered::counted;
use crate::house;
use crate::random::Random;
use crate::scripted;
use crate::wire;

use house::{House, Settings};
use scripted::{PASSWORD, Scripted};
use wire::{Wire, listen};

const MEMBERS: u64 = 6;
const MESSAGES: u64 = 60;

/// What the relay has seen.
#[derive(Default)]
struct Seen {
    connections: u64,
    /// How often it took each message.
    taken: HashMap<String, u64>,
    /// Its mood: in which of a hundred commands it fails.
    mood: u64,
}

/// One connection of the relay, to its end.
fn relay(stream: TcpStream, seen: &Mutex<Seen>, random: &mut Random) -> Option<()> {
    let mut stream = BufReader::new(stream);
    let mood = seen.lock().unwrap().mood;
    let mut fails = |ways: u64| if random.below(100) < mood { random.below(ways) } else { ways };
    stream.get_mut().write_all(b"220 relay\r\n").ok()?;
    loop {
        let line = line(&mut stream)?;
        let way = fails(4);
        match way {
            0 => return None,
            1 => return stream.get_mut().write_all(b"421 4.3.2 Not now\r\n").ok(),
            // It hears, and says nothing.
            2 if line.starts_with("MAIL") => thread::sleep(Duration::from_millis(1500)),
            _ => {}
        }
        let answer: &[u8] = match line.split(['\r', ' ']).next()? {
            "MAIL" if way == 3 => b"452 4.5.3 Too many messages\r\n",
            "RCPT" if way == 3 => b"450 4.2.0 Later\r\n",
            "DATA" if way == 3 => b"451 4.3.0 Later\r\n",
            "DATA" => {
                stream.get_mut().write_all(b"354 go\r\n").ok()?;
                let mut name = None;
                loop {
                    let line = self::line(&mut stream)?;
                    name = name.or(line.strip_prefix("Subject: ").map(|name| name.trim_end().to_owned()));
                    if line == ".\r\n" {
                        break;
                    }
                    if fails(40) == 0 {
                        return None;
                    }
                }
                match fails(5) {
                    0 => return None,
                    1 => return stream.get_mut().write_all(b"421 4.3.2 Not now\r\n").ok(),
                    2 => b"550 5.7.1 No\r\n",
                    way => {
                        *seen.lock().unwrap().taken.entry(name?).or_default() += 1;
                        match way {
                            3 => return None,
                            4 => return stream.get_mut().write_all(b"250 2.0.0 Ok\r\n421 4.4.2 And bye\r\n").ok(),
                            _ => b"250 2.0.0 Ok\r\n",
                        }
                    }
                }
            }
            "QUIT" => return stream.get_mut().write_all(b"221 2.0.0 Bye\r\n").ok(),
            _ => b"250 2.0.0 Ok\r\n",
        };
        stream.get_mut().write_all(answer).ok()?;
    }
}

fn line(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = String::new();
    (stream.read_line(&mut line).ok()? > 0).then_some(line)
}

fn logged_in(port: u16, member: u64) -> Wire {
    let mut client = Wire::plain(port).secured();
    client.until("220 ");
    client.ask("EHLO x\r\n", "250 ");
    let secret = STANDARD.encode(format!("\0m{member}@asso.example\0{PASSWORD}"));
    client.ask(&format!("AUTH PLAIN {secret}\r\n"), "235 ");
    client
}

/// What one message is answered in the end.
fn send(client: &mut Wire, member: u64, name: &str) -> String {
    for (command, wanted) in [
        (format!("MAIL FROM:<m{member}@asso.example>\r\n"), "250"),
        ("RCPT TO:<b@there.example>\r\n".to_owned(), "250"),
        ("DATA\r\n".to_owned(), "354"),
    ] {
        client.send(command.as_bytes());
        let answer = client.line();
        if !answer.starts_with(wanted) {
            client.ask("RSET\r\n", "250");
            return answer;
        }
    }
    client.send(format!("From: m{member}@asso.example\r\nSubject: {name}\r\n\r\n{}.\r\n", "some text\r\n".repeat(9)).as_bytes());
    client.line()
}

/// Each name with its answer.
fn write(port: u16, member: u64, mut random: Random) -> Vec<(String, String)> {
    let mut told = Vec::new();
    let mut client = None;
    for number in 0..MESSAGES {
        let mut open = client.take().unwrap_or_else(|| logged_in(port, member));
        let name = format!("letter-{member}-{number}");
        let answer = send(&mut open, member, &name);
        told.push((name, answer));
        match random.below(3) {
            // Gone without a word, with one, or there for the next.
            0 => {}
            1 => drop(open.ask("QUIT\r\n", "221 ")),
            _ => client = Some(open),
        }
    }
    told
}

#[test]
fn what_is_answered_250_is_at_the_relay_once_and_nothing_else_is() {
    let seed = SystemTime::UNIX_EPOCH.elapsed().unwrap().subsec_nanos() as u64 | 1;
    let seen = Arc::new(Mutex::new(Seen::default()));
    let (listener, port) = listen();
    let at_relay = seen.clone();
    thread::spawn(move || {
        for (number, stream) in (1..).zip(listener.incoming().flatten()) {
            let seen = at_relay.clone();
            seen.lock().unwrap().connections = number;
            thread::spawn(move || relay(stream, &seen, &mut Random(seed.wrapping_mul(2 * number + 1))));
        }
    });
    let imap = Scripted::imap(PASSWORD);
    let mut settings = Settings::new(imap.port, port);
    settings.limits = "backend_seconds = 1\n".to_owned();
    let house = House::start(&settings);
    let members = |base: u64| {
        let door = house.ports.submissions;
        let begun: Vec<_> = (base..base + MEMBERS)
            .map(|member| thread::spawn(move || write(door, member, Random(seed.wrapping_add(member) | 1))))
            .collect();
        begun.into_iter().flat_map(|member| member.join().unwrap()).collect::<Vec<_>>()
    };

    // A relay in a good mood: ten messages to a connection.
    let told = members(0);
    assert!(told.iter().all(|(_, answer)| answer.starts_with("250 ")), "{told:?}");
    let all = MEMBERS * MESSAGES;
    let connections = seen.lock().unwrap().connections;
    assert!((all / 10..=all / 4).contains(&connections), "{connections} connections for {all} messages");

    seen.lock().unwrap().mood = 8;
    let moody = members(MEMBERS);
    let seen = seen.lock().unwrap();
    let kinds = counted(told.iter().chain(&moody), |name| seen.taken.get(name).copied().unwrap_or(0), &format!("seed {seed}"));
    assert!(kinds[0] > all && kinds[1] > 0 && kinds[2] > 0, "sent, perhaps, not: {kinds:?} (seed {seed})");
}
