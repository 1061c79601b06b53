//! One session of the attack: its items, made from its seed, and what came back.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::chance::Chance;
use super::item::{Item, Part, Payload};
use super::stage::PASSWORD;
use super::{sound, wild};
use crate::wire::Wire;

/// How long an answer may take before the session counts as stuck, as it is in the middle of a literal.
const STUCK: Duration = Duration::from_secs(2);

/// What a session is made from, and what it did.
pub struct Session {
    pub number: u64,
    pub user: String,
    pub items: Vec<Item>,
    /// How many of them were sent.
    pub sent: usize,
    /// The items for which a `+` came, before they were answered.
    pub plus: BTreeSet<usize>,
    /// Whether octets of it may be read as commands that the items do not name.
    pub loose: bool,
    /// The tag of the command that asks whether all before has been answered, by its item.
    syncs: usize,
}

impl Session {
    /// `tame`: no item that is not well-formed.
    pub fn new(seed: u64, number: u64, user: &str, tame: bool) -> Session {
        let chance = &mut Chance::new(seed.wrapping_mul(1_000_003).wrapping_add(number));
        let loose = !tame && chance.once_in(3);
        let length = 4 + chance.below(36);
        let mut items: Vec<_> = (0..length)
            .map(|at| {
                let mark = format!("{number}i{at}");
                match tame || chance.once_in(2) {
                    true => sound::item(chance, &mark, user),
                    false => wild::item(chance, &mark, user, loose),
                }
            })
            .collect();
        if !tame && chance.once_in(4) {
            cut(chance, &mut items);
        }
        let user = user.to_owned();
        Session { number, user, items, sent: 0, plus: BTreeSet::new(), loose, syncs: 0 }
    }

    /// How many commands it sent.
    pub fn commands(&self) -> usize {
        self.items[..self.sent].iter().map(|item| item.commands.len().max(1)).sum()
    }

    /// Runs it against the server at `port`.
    pub fn run(&mut self, seed: u64, port: u16) {
        let chance = &mut Chance::new(seed ^ self.number.rotate_left(32));
        let mut line = Line { wire: Wire::plain(port), asks: None, skip: 0 };
        line.wire.line();
        if !line
            .wire
            .ask(&format!("l{} LOGIN {} {PASSWORD}\r\n", self.number, self.user), &format!("l{} ", self.number))
            .contains(" OK")
        {
            return;
        }
        let pipelined = chance.once_in(2);
        let mut open = 0;
        for at in 0..self.items.len() {
            let item = self.items[at].clone();
            let waits = item.parts.iter().any(|part| !matches!(part, Part::Octets(_)));
            // What is ours to answer is answered at once, before what the backend owes: a `+` would be anybody's.
            let asks = waits || item.payload == Payload::WhereTold;
            if asks {
                if open > 0 && !self.sync(&mut line) {
                    return;
                }
                line.asks = item.commands.first().map(|(tag, _)| (at, format!("{tag} ")));
            }
            self.sent = at + 1;
            if !self.send(&mut line, &item) {
                return;
            }
            open += 1;
            if !pipelined || open > 8 || waits {
                open = 0;
                if !self.sync(&mut line) {
                    return;
                }
            }
        }
        if self.sync(&mut line) && chance.once_in(2) {
            line.wire.send(format!("q{} LOGOUT\r\n", self.number).as_bytes());
            self.until(&mut line, &format!("q{} ", self.number), STUCK);
        }
    }

    /// False: the session is over.
    fn send(&mut self, line: &mut Line, item: &Item) -> bool {
        let tag = item.commands.first().map(|(tag, _)| format!("{tag} ")).unwrap_or_default();
        for part in &item.parts {
            match part {
                Part::Octets(octets) => {
                    if !line.wire.send(octets) {
                        return false;
                    }
                }
                Part::Go => match self.until(line, &tag, STUCK) {
                    Came::Plus => {}
                    // Refused: the rest is not sent.
                    Came::Tagged => return true,
                    Came::Nothing => return false,
                },
                Part::Rest => {
                    self.until(line, &tag, Duration::from_millis(60));
                }
                Part::Cut => return false,
            }
        }
        true
    }

    /// Whether all that was sent has been read and answered.
    fn sync(&mut self, line: &mut Line) -> bool {
        self.syncs += 1;
        let tag = format!("s{}n{} ", self.number, self.syncs);
        line.wire.send(format!("{tag}NOOP\r\n").as_bytes());
        let end = Instant::now() + STUCK;
        while Instant::now() < end {
            match self.until(line, &tag, end.saturating_duration_since(Instant::now())) {
                Came::Plus => {}
                Came::Tagged => return true,
                Came::Nothing => return false,
            }
        }
        false
    }

    /// Reads to the next `+`, or to the line with this tag.
    fn until(&mut self, line: &mut Line, tag: &str, patience: Duration) -> Came {
        let end = Instant::now() + patience;
        loop {
            while let Some(text) = line.next() {
                if text.starts_with("+ ") || text.starts_with("+\r") {
                    self.plus.extend(line.asks.as_ref().map(|(at, _)| *at));
                    return Came::Plus;
                }
                // What comes later may be the answer to a command of the tag `+`.
                line.asks.take_if(|(_, asked)| text.starts_with(asked.as_str()));
                if !tag.is_empty() && text.starts_with(tag) {
                    return Came::Tagged;
                }
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || !line.wire.hear(left) {
                return Came::Nothing;
            }
        }
    }

    /// The items that were sent, as a person reads them.
    pub fn transcript(&self, from: usize) -> String {
        let items: String = self.items[from.min(self.sent)..self.sent].iter().map(Item::show).collect();
        format!("  session {} of {}:\n{items}", self.number, self.user)
    }
}

enum Came {
    Plus,
    Tagged,
    Nothing,
}

struct Line {
    wire: Wire,
    /// The item that a `+` is for, until it is answered: its place and tag.
    asks: Option<(usize, String)>,
    /// Octets of a literal that are still to come.
    skip: usize,
}

impl Line {
    /// The next line; what a literal of the server has in it is none.
    fn next(&mut self) -> Option<String> {
        let skipped = self.skip.min(self.wire.heard.len());
        self.wire.heard.drain(..skipped);
        self.skip -= skipped;
        let at = self.wire.heard.iter().position(|byte| *byte == b'\n')?;
        let line: Vec<u8> = self.wire.heard.drain(..=at).collect();
        let text = String::from_utf8_lossy(&line).into_owned();
        let literal =
            text.strip_prefix("* ").and_then(|text| text.trim_end().strip_suffix('}')?.rsplit_once('{')?.1.parse().ok());
        // An echo of what was sent may look like one.
        self.skip = literal.filter(|_| text.contains(" FETCH (")).unwrap_or_default();
        Some(text)
    }
}

/// Ends the session in the middle of one of its items.
fn cut(chance: &mut Chance, items: &mut Vec<Item>) {
    let at = chance.below(items.len());
    items.truncate(at + 1);
    let Some(item) = items.last_mut() else { return };
    let place = chance.below(item.parts.len());
    item.parts.truncate(place + 1);
    if let Some(Part::Octets(octets)) = item.parts.last_mut() {
        // Now and then the whole of it: the connection is gone before the answer.
        let length = chance.below(octets.len() + octets.len() / 2 + 1);
        octets.truncate(length);
    }
    item.parts.push(Part::Cut);
    // Half a literal may end in half a mark, which is a command by no reading: none of it may run either way.
    item.kind = format!("{} (cut)", item.kind);
    if item.payload == Payload::None {
        item.well_formed = false;
    }
}
