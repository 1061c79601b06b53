//! The format of `tests/dialogues`, shared by the runners in memory and the one over TLS.
//!
//! One line each:
//! - `C> text` the client sends, `B> text` the backend (or relay) sends; lines of one side that follow each other are sent as
//!   one piece.
//! - `C< text` the client must receive, `B< text` the backend must receive; `[...]` at the end stands for any rest of the
//!   line. What is received and not expected fails, so no line for B means that the backend hears nothing.
//! - `B~` the backend may have received more of a message, but not its end.
//! - `\r` `\n` `\t` `\0` `\\` `\xNN` are what they are in Rust; a single `\` at the end leaves the CRLF out.
//! - `! ...` does or checks something; each runner says what. `! in memory: why` is for dialogues that sockets cannot carry.
//! - `#` is a comment.

#![allow(dead_code)] // every runner uses its own part of this

use std::fs;
use std::path::PathBuf;

use crate::random::Random;

/// One file.
pub struct Dialogue {
    pub name: String,
    pub text: String,
    /// Each with the number of its line.
    pub steps: Vec<(usize, Step)>,
}

pub enum Step {
    Send(Side, Vec<u8>),
    Expect(Side, Expected),
    /// `B~`
    Unfinished,
    Order(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Client,
    Backend,
}

/// All dialogues of a folder, in the order of their names; with the variable `DIALOGUE`, those with it in their name.
pub fn dialogues(folder: &str, at_least: usize) -> Vec<Dialogue> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/dialogues").join(folder);
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|end| end == "txt"));
    files.sort();
    assert!(files.len() >= at_least, "the dialogues were not found");
    if let Some(part) = only() {
        files.retain(|file| file.file_name().unwrap().to_string_lossy().contains(&part));
    }
    let read = |file: PathBuf| {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&file).unwrap();
        Dialogue { name, steps: steps(&text), text }
    };
    files.into_iter().map(read).collect()
}

/// Runs each dialogue of a folder at chunk sizes 1, 7 and all; some things exist in one piece only (`! whole`).
pub fn every(folder: &str, at_least: usize, run: impl Fn(&Dialogue, usize) -> Result<(), String>) {
    let mut failed = Vec::new();
    for dialogue in dialogues(folder, at_least) {
        let sizes = if dialogue.orders("whole") { &[usize::MAX][..] } else { &[1, 7, usize::MAX] };
        let why = sizes.iter().find_map(|size| run(&dialogue, *size).err().map(|why| (size, why)));
        failed.extend(why.map(|(size, why)| format!("{} at chunk size {size}: {why}", dialogue.name)));
    }
    assert!(failed.is_empty(), "\n{}", failed.join("\n"));
}

/// Random numbers, the same ones each time.
pub fn xorshift() -> impl FnMut() -> u64 {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    move || random.next()
}

/// A part of the names of the dialogues that are run, if not all are: a name that no dialogue has runs none, and fails.
pub fn only() -> Option<String> {
    let part = std::env::var("DIALOGUE").ok()?;
    let all = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/dialogues");
    let folders = fs::read_dir(all).unwrap().map(|folder| fs::read_dir(folder.unwrap().path()).unwrap());
    let known = folders.flatten().any(|file| file.unwrap().file_name().to_string_lossy().contains(&part));
    assert!(known, "no dialogue has {part} in its name");
    Some(part)
}

impl Dialogue {
    /// Whether one of the lines is this order, or begins with it.
    pub fn orders(&self, order: &str) -> bool {
        self.steps.iter().any(|(_, step)| matches!(step, Step::Order(found) if found.starts_with(order)))
    }

    /// All that is sent, in turns: cut at `\xff` where the other side speaks.
    pub fn turns(&self) -> Vec<u8> {
        let (mut turns, mut before) = (Vec::new(), Side::Client);
        for (_, step) in &self.steps {
            let Step::Send(side, bytes) = step else { continue };
            if std::mem::replace(&mut before, *side) != *side {
                turns.push(0xff);
            }
            turns.extend_from_slice(bytes);
        }
        turns
    }
}

fn steps(text: &str) -> Vec<(usize, Step)> {
    let mut steps: Vec<(usize, Step)> = Vec::new();
    let mut joined = None;
    for (number, line) in text.lines().enumerate() {
        let (mark, rest) = line.split_at_checked(2).unwrap_or((line, ""));
        let rest = rest.strip_prefix(' ').unwrap_or(rest);
        let side = if mark.starts_with('C') { Side::Client } else { Side::Backend };
        let step = match mark {
            "C>" | "B>" => match steps.last_mut() {
                Some((_, Step::Send(before, piece))) if joined == Some(*before) && *before == side => {
                    piece.extend(bytes(rest));
                    continue;
                }
                _ => Step::Send(side, bytes(rest)),
            },
            "C<" | "B<" => Step::Expect(side, Expected::new(rest)),
            "B~" => Step::Unfinished,
            "! " => Step::Order(line[2..].trim().to_owned()),
            _ if line.is_empty() || line.starts_with('#') => {
                joined = None;
                continue;
            }
            _ => panic!("line {}: no such mark: {line}", number + 1),
        };
        joined = if let Step::Send(side, _) = &step { Some(*side) } else { None };
        steps.push((number + 1, step));
    }
    steps
}

/// What one side must receive next.
pub struct Expected {
    text: String,
    start: Vec<u8>,
    any_rest: bool,
}

/// How received bytes compare.
#[derive(Debug, PartialEq, Eq)]
pub enum Fit {
    /// They begin with what was expected, in this many octets.
    Yes(usize),
    /// Not yet: more octets may complete it.
    More,
    No,
}

impl Expected {
    pub fn new(text: &str) -> Expected {
        let (start, any_rest) = match text.strip_suffix("[...]") {
            Some(start) => (bytes(&format!("{start}\\")), true),
            None => (bytes(text), false),
        };
        Expected { text: text.to_owned(), start, any_rest }
    }

    pub fn fit(&self, received: &[u8]) -> Fit {
        let common = received.len().min(self.start.len());
        if received[..common] != self.start[..common] {
            return Fit::No;
        }
        let end = match self.any_rest {
            true => received.iter().position(|byte| *byte == b'\n').map(|at| at + 1).filter(|end| *end > self.start.len()),
            false => (received.len() >= self.start.len()).then_some(self.start.len()),
        };
        end.map_or(Fit::More, Fit::Yes)
    }

    /// Takes what is expected from the front of `received`.
    pub fn take(&self, received: &mut Vec<u8>) -> Result<(), String> {
        match self.fit(received) {
            Fit::Yes(count) => {
                received.drain(..count);
                Ok(())
            }
            Fit::More | Fit::No => Err(self.missed(received)),
        }
    }

    pub fn missed(&self, received: &[u8]) -> String {
        format!("expected {:?}, received {:?}", self.text, show(received))
    }
}

pub fn show(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A line's text with its escapes resolved, and with CRLF unless it ends in a single backslash.
pub fn bytes(text: &str) -> Vec<u8> {
    let (text, end) = match text.strip_suffix('\\') {
        Some(start) if !start.ends_with('\\') => (start, &b""[..]),
        _ => (text, &b"\r\n"[..]),
    };
    let (mut out, mut rest) = (Vec::new(), text);
    while let Some((plain, escape)) = rest.split_once('\\') {
        out.extend_from_slice(plain.as_bytes());
        let (byte, used) = match escape.bytes().next() {
            Some(b'r') => (b'\r', 1),
            Some(b'n') => (b'\n', 1),
            Some(b't') => (b'\t', 1),
            Some(b'0') => (0, 1),
            Some(b'\\') => (b'\\', 1),
            Some(b'x') => (u8::from_str_radix(&escape[1..3], 16).unwrap(), 3),
            _ => panic!("no such escape: {text}"),
        };
        out.push(byte);
        rest = &escape[used..];
    }
    out.extend_from_slice(rest.as_bytes());
    out.extend_from_slice(end);
    out
}
