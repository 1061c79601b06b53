//! Runs `tests/dialogues/lmtp/*.txt`, `policy/*.txt` and `usage/*.txt` in memory, at chunk sizes 1, 7 and all. The format
//! is explained in `support/dialogue.rs`. B is backend one; backend two speaks in orders, `! 2> text` and `! 2< text`; the
//! others are explained at [`order`].

#![allow(clippy::unwrap_used)]

use crate::dialogue;

use dialogue::{Dialogue, Expected, Side, Step, bytes, dialogues, every, show, xorshift};
use nologd::lmtp::LmtpEnvironment;
use nologd::lmtp::invariants::{LmtpPlay, LmtpTestEnvironment};
use nologd::postfix_policy::{Failure, PolicyRequest, decide};
use nologd::quota::{OverQuota, Unknown};
use nologd::usage::{Push, UsageFramer, UsageSession};

#[test]
fn lmtp() {
    every("lmtp", 15, |dialogue, size| {
        let mut play = LmtpPlay::new();
        play.run();
        run(dialogue, &mut play, size)?;
        let left = [&play.to_client, &play.backends[0].received, &play.backends[1].received].map(|bytes| show(bytes));
        if left.iter().all(String::is_empty) { Ok(()) } else { Err(format!("left over for C, B, 2: {left:?}")) }
    });
}

#[test]
fn policy() {
    every("policy", 3, |dialogue, size| {
        let (mut env, mut input, mut output) = (LmtpTestEnvironment::new(), Vec::new(), Vec::new());
        for (number, step) in &dialogue.steps {
            let result = match step {
                Step::Send(_, bytes) => {
                    let bytes: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != b'\r').collect();
                    bytes.chunks(size.min(bytes.len())).for_each(|piece| ask(&env, &mut input, piece, &mut output));
                    Ok(())
                }
                Step::Expect(_, expected) => expected.take(&mut output),
                Step::Order(order) => env_order(&mut env, order).ok_or_else(|| format!("not so: {order}")),
                Step::Unfinished => Err("nothing is streamed here".into()),
            };
            result.map_err(|why| format!("line {number}: {why}"))?;
        }
        if output.is_empty() { Ok(()) } else { Err(format!("left over: {}", show(&output))) }
    });
}

#[test]
fn usage() {
    every("usage", 5, |dialogue, size| {
        let mut link = Usage::default();
        for (number, step) in &dialogue.steps {
            let result = match step {
                Step::Send(_, bytes) => {
                    let bytes: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != b'\r').collect();
                    bytes.chunks(size.min(bytes.len())).for_each(|piece| link.hear(piece));
                    Ok(())
                }
                Step::Expect(_, expected) => expected.take(&mut link.output),
                Step::Order(order) if link.holds(order) => Ok(()),
                Step::Order(order) => Err(format!("not so: {order}")),
                Step::Unfinished => Err("nothing is streamed here".into()),
            };
            result.map_err(|why| format!("line {number}: {why}"))?;
        }
        if link.output.is_empty() && link.pushed.is_empty() { Ok(()) } else { Err("left over".into()) }
    });
}

/// The client's bytes of all dialogues, against backends that say yes: the same result in any pieces.
#[test]
fn chunking_changes_nothing() {
    let mut random = xorshift();
    for (folder, at_least) in [("lmtp", 30), ("policy", 3), ("usage", 5)] {
        for dialogue in dialogues(folder, at_least) {
            let sent = dialogue.steps.iter().filter_map(|(_, step)| match step {
                Step::Send(Side::Client, bytes) => Some(&bytes[..]),
                _ => None,
            });
            let sent: Vec<u8> = sent.flatten().copied().collect();
            if folder == "lmtp" {
                nologd::lmtp::check::check(&sent, &mut random);
                nologd::lmtp::check::check(&[nologd::lmtp::check::BEGUN, &sent].concat(), &mut random);
                continue;
            }
            let lines: Vec<u8> = sent.iter().copied().filter(|byte| *byte != b'\r').collect();
            if folder == "usage" {
                nologd::usage::check::check(&lines, LmtpTestEnvironment::new().book(), &mut random);
                broken(&lines, &mut random);
            } else {
                nologd::postfix_policy::check::check(&lines, LmtpTestEnvironment::new().book(), &mut random);
            }
        }
    }
}

fn run(dialogue: &Dialogue, play: &mut LmtpPlay, size: usize) -> Result<(), String> {
    for (number, step) in &dialogue.steps {
        let result = match step {
            Step::Send(Side::Client, bytes) => {
                bytes.chunks(size.min(bytes.len())).for_each(|piece| play.client(piece));
                Ok(())
            }
            Step::Send(Side::Backend, bytes) => {
                bytes.chunks(size.min(bytes.len())).for_each(|piece| play.backend(0, piece));
                Ok(())
            }
            Step::Expect(Side::Client, expected) => expected.take(&mut play.to_client),
            Step::Expect(Side::Backend, expected) => expected.take(&mut play.backends[0].received),
            Step::Unfinished => unfinished(&mut play.backends[0].received),
            Step::Order(order) => self::order(play, order, size),
        };
        result.map_err(|why| format!("line {number}: {why}"))?;
    }
    Ok(())
}

/// How much of a message went out before its fault was seen depends on the chunks; that it has no end does not.
fn unfinished(received: &mut Vec<u8>) -> Result<(), String> {
    if show(received).contains("\r\n.\r\n") {
        return Err(format!("an end: {:?}", show(received)));
    }
    received.clear();
    Ok(())
}

fn order(play: &mut LmtpPlay, order: &str, size: usize) -> Result<(), String> {
    if let Some(text) = order.strip_prefix("2> ") {
        bytes(text).chunks(size.min(text.len() + 2)).for_each(|piece| play.backend(1, piece));
        return Ok(());
    }
    if let Some(text) = order.strip_prefix("2< ") {
        return Expected::new(text).take(&mut play.backends[1].received);
    }
    let number = usize::from(order.starts_with("two "));
    let holds = match order.split_once(' ').map_or(order, |(_, rest)| rest) {
        _ if order == "2~" => return unfinished(&mut play.backends[1].received),
        _ if order == "closed" => play.is_closed(),
        _ if order == "whole" => true,
        _ if order == "too slow" => {
            play.too_slow();
            true
        }
        // The backend is connected, and MAIL and RCPT of `<alice@velo.example>` (one) or `<chloe@jardin.example>` (two) went well.
        "ready" => ready(play, number),
        "down" => {
            play.backends[number].is_down = true;
            true
        }
        "starttls" => {
            play.backends[number].starttls = true;
            true
        }
        "closes" => {
            play.backend_closes(number);
            true
        }
        "hung up" => !play.backends[number].is_connected(),
        "kept" => play.backends[number].is_connected(),
        _ => env_order(&mut play.env, order).is_some(),
    };
    if holds { Ok(()) } else { Err(format!("not so: {order}; C< {:?}", show(&play.to_client))) }
}

fn ready(play: &mut LmtpPlay, number: usize) -> bool {
    let recipient = ["alice@velo.example", "chloe@jardin.example"][number];
    play.client(format!("RCPT TO:<{recipient}>\r\n").as_bytes());
    for reply in
        [&b"220 store LMTP\r\n"[..], b"250-store\r\n250-8BITMIME\r\n250 SIZE\r\n", b"250 2.1.0 OK\r\n", b"250 2.1.5 OK\r\n"]
    {
        play.backend(number, reply);
    }
    play.backends[number].received.clear();
    let done = play.to_client.ends_with(b"250 2.1.5 OK\r\n");
    play.to_client.clear();
    done
}

/// `store MAILBOX OCTETS` by another way; `count MAILBOX OCTETS` asks its backend, which says so many; `push MAILBOX OCTETS` it says by itself; `announce MAILBOX OCTETS` sets aside for a member; `shrinks MAILBOX`: mail was deleted, and nobody counted; `used MAILBOX OCTETS`, `reserved MAILBOX OCTETS` and `counted MAILBOX yes|no` must hold; `over defer`, `over
/// refuse`, `grace PERCENT`.
fn env_order(env: &mut LmtpTestEnvironment, order: &str) -> Option<()> {
    let mut words = order.split(' ');
    let (verb, name, number) = (words.next()?, words.next()?, words.next());
    let octets = || number?.parse::<u64>().ok();
    let holds = match verb {
        "store" => env.store(name, octets()?),
        "used" => env.fill(name).map_or(0, |(used, _)| used) == octets()?,
        "reserved" => env.fill(name).map_or(0, |(_, reserved)| reserved) == octets()?,
        "count" => env.count(name, octets()?),
        "announce" => env.announce(name, octets()?),
        "shrinks" => env.shrinks(name),
        "push" => env.push(name, octets()?),
        "counted" => env.is_counted(name) == (number? == "yes"),
        "over" => {
            env.over = if name == "defer" { OverQuota::Defer } else { OverQuota::default() };
            true
        }
        "unknown" => {
            env.unknown = if name == "refuse" { Unknown::Refuse } else { Unknown::Defer };
            true
        }
        "grace" => {
            env.over = OverQuota::Refuse { grace: name.parse().ok()? };
            true
        }
        _ => false,
    };
    holds.then_some(())
}

/// What the driver does, with `Failure::Defer`.
fn ask(env: &LmtpTestEnvironment, input: &mut Vec<u8>, piece: &[u8], output: &mut Vec<u8>) {
    input.extend_from_slice(piece);
    loop {
        let (answer, used) = match PolicyRequest::parse(input) {
            Ok(None) => return,
            Ok(Some((request, used))) => (decide(request, env.book(), env.over, env.today()), used),
            Err(_) => (Failure::Defer.action(), input.len()),
        };
        input.drain(..used);
        // The format of the dialogues has lines that end in CRLF.
        output.extend(show(&answer).replace('\n', "\r\n").into_bytes());
    }
}

/// The same with octets changed, lost and said twice: what holds for good lines holds for bad ones.
fn broken(lines: &[u8], random: &mut impl FnMut() -> u64) {
    for _ in 0..300 {
        let mut lines = lines.to_vec();
        for _ in 0..1 + random() % 4 {
            let at = usize::try_from(random()).unwrap() % lines.len();
            let other = lines[usize::try_from(random()).unwrap() % lines.len()];
            match random() % 4 {
                0 => lines[at] = other,
                1 => lines.insert(at, other),
                2 => drop(lines.drain(at..(at + 20).min(lines.len() - 1))),
                _ => lines.extend_from_within(at..),
            }
        }
        if random().is_multiple_of(8) {
            let at = usize::try_from(random()).unwrap() % lines.len();
            lines.splice(at..at, std::iter::repeat_n(b'x', 5000));
        }
        nologd::usage::check::check(&lines, LmtpTestEnvironment::new().book(), random);
    }
}

/// One connection of Dovecot's, as the driver carries it.
#[derive(Default)]
struct Usage {
    framer: UsageFramer,
    session: UsageSession,
    input: Vec<u8>,
    output: Vec<u8>,
    pushed: Vec<String>,
    closed: bool,
}

impl Usage {
    fn hear(&mut self, piece: &[u8]) {
        self.input.extend_from_slice(piece);
        loop {
            let (used, frame) = self.framer.next(&self.input);
            let step = frame.map(|frame| self.session.decide(frame));
            self.input.drain(..used);
            let answer = match step {
                None if used > 0 => continue,
                None => return,
                Some(Ok(nologd::usage::UsageStep::GoOn)) => continue,
                Some(Ok(nologd::usage::UsageStep::Answer(answer))) => answer,
                Some(Ok(nologd::usage::UsageStep::Push(Push { mailbox, octets, messages }, answer))) => {
                    let number = |number: Option<u64>| number.map_or("-".to_owned(), |number| number.to_string());
                    self.pushed.push(format!("{} {} {}", mailbox.reveal(), number(octets), number(messages)));
                    answer
                }
                Some(Err(_)) => {
                    self.closed = true;
                    return;
                }
            };
            self.output.extend(show(&answer).replace('\n', "\r\n").into_bytes());
        }
    }

    /// `pushed MAILBOX OCTETS MESSAGES`, or `pushed nothing` since the last; `closed`.
    fn holds(&mut self, order: &str) -> bool {
        match order.strip_prefix("pushed ") {
            Some("nothing") => self.pushed.is_empty(),
            Some(push) => std::mem::take(&mut self.pushed) == [push],
            None => order == "closed" && self.closed,
        }
    }
}
