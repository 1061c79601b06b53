//! Literals at every place and in every form, nearly valid commands, and octets that are no IMAP. What is announced as a literal
//! has commands in it that must never run.

use super::chance::Chance;
use super::item::{Item, Part, Payload};
use super::lines::{LINES, SENT};
use super::sound;

/// The next nearly valid or wild item; only such as leave no doubt about what is a literal, unless `loose`.
pub fn item(chance: &mut Chance, mark: &str, from: &str, loose: bool) -> Item {
    match chance.below(12) {
        0 if loose => mutated(chance, mark, from),
        1 if loose => long(chance, mark),
        2 => sent(chance, mark, from),
        3 => short(chance, mark),
        4 if loose => garbage(chance, mark),
        _ => literal(chance, mark, loose),
    }
}

fn literal(chance: &mut Chance, mark: &str, loose: bool) -> Item {
    let (tag, line) = (format!("c{mark}"), chance.pick(LINES));
    let (form, payload, goes) = form(chance, loose);
    let inside = inside(chance, mark, payload, line.starts_with("IDLE"));
    let announced = form.replace('N', &inside.len().to_string());
    let tail = chance.pick(&["\r\n", "\r\n", "\r\n", ")\r\n", " x\r\n", "\"\r\n", "))\r\n"]);
    let mut item = Item::new(format!("{line}{form}"));
    // A literal where the tag should be is a kind of its own.
    item = match line.is_empty() && chance.once_in(2) {
        true => item.octets(announced),
        false => item.octets(format!("{tag} {line}{announced}")).command(&tag, &sound::verb(line)),
    };
    item.payload = payload;
    item.well_formed = false;
    // What follows a literal that was none is a line of its own.
    let item = if goes { item.part(Part::Go) } else { item };
    item.octets(inside).octets(tail)
}

/// How it is announced, what that makes of the octets, and whether the client waits.
fn form(chance: &mut Chance, loose: bool) -> (&'static str, Payload, bool) {
    use Payload::{Commands, Literal, WhereTold};
    match chance.below(if loose { 16 } else { 8 }) {
        0..=3 => ("{N+}\r\n", Literal, false),
        4 => ("~{N+}\r\n", Literal, false),
        5 => ("{N}\r\n", Literal, true),
        6 => ("{0N+}\r\n", Literal, false),
        7 => ("~{N}\r\n", Literal, true),
        8 | 9 => ("{N}\r\n", WhereTold, false),
        10 | 11 => ("{N-}\r\n", Commands, false),
        12 => ("{N+} \r\n", Commands, false),
        13 => ("{+N}\r\n", Commands, false),
        14 => ("~{N-}\r\n", Commands, false),
        _ => ("{N +}\r\n", Commands, false),
    }
}

/// Commands with marks, as a literal's octets.
fn inside(chance: &mut Chance, mark: &str, payload: Payload, idle: bool) -> String {
    let (letter, name) = if payload == Payload::Literal { ('z', "canary") } else { ('y', "maybe") };
    let create = format!("{letter}{mark} CREATE {name}-{mark}\r\n");
    let start = match chance.below(9) {
        _ if idle => "DONE\r\n".to_owned(),
        0 => "\r\n".to_owned(),
        1 => ")\r\n".to_owned(),
        2 => "nologd STATUS INBOX (MESSAGES SIZE)\r\nnologd OK done\r\n".to_owned(),
        3 => "* STATUS INBOX (MESSAGES 0 SIZE 0)\r\n+ go\r\n".to_owned(),
        4 => {
            let letter = format!("From: <x@elsewhere.example>\r\nSubject: {name}-{mark}\r\n\r\n{}\r\n", "0123456789".repeat(50));
            format!("{create}{letter}{mark}b APPEND Sent {{{}+}}\r\n{letter}\r\n", letter.len())
        }
        5 => format!("{letter}{mark}b DELETE Trash\r\n"),
        _ => String::new(),
    };
    start + &create
}

/// A copy for Sent, in a spelling that a reader of its own may read otherwise than the backend.
fn sent(chance: &mut Chance, mark: &str, from: &str) -> Item {
    let (tag, line) = (format!("c{mark}"), chance.pick(SENT));
    let message = sound::message(chance, &tag, "Sent", from);
    let (form, tail) = match line.ends_with('~') {
        true => (format!("{{{}+}}\r\n", message.len()), ")\r\n"),
        false => (format!("{}{{{}+}}\r\n", chance.pick(&["", "", "~"]), message.len()), "\r\n"),
    };
    let mut item = Item::new(line).octets(format!("{tag} {line}{form}{message}{tail}")).command(&tag, "APPEND");
    (item.payload, item.well_formed) = (Payload::Literal, false);
    item
}

/// More is announced than comes before the connection is cut.
fn short(chance: &mut Chance, mark: &str) -> Item {
    let (tag, line) = (format!("c{mark}"), chance.pick(LINES));
    let inside = inside(chance, mark, Payload::Literal, line.starts_with("IDLE"));
    let more = [1, 500, 4_294_967_296, 99_999_999_999_999_999_999][chance.below(4)] + inside.len() as u128;
    let mut item = Item::new(format!("{line}{{more than comes+}}")).command(&tag, &sound::verb(line));
    item = item.octets(format!("{tag} {line}{{{more}+}}\r\n{inside}")).part(Part::Rest).part(Part::Cut);
    (item.payload, item.well_formed) = (Payload::Literal, false);
    item
}

/// A command of the sound kind with an octet or two changed behind its verb.
fn mutated(chance: &mut Chance, mark: &str, from: &str) -> Item {
    let mut item = sound::item(chance, mark, from);
    item.kind = format!("changed: {}", item.kind);
    (item.payload, item.well_formed) = (Payload::Commands, false);
    let head = item.commands[0].0.len() + item.commands[0].1.len() + 2;
    for part in &mut item.parts {
        let Part::Octets(octets) = part else { continue };
        *octets = harmless(octets);
    }
    let Some(Part::Octets(octets)) = item.parts.first_mut() else { return item };
    let end = octets.windows(2).position(|two| two == b"\r\n").unwrap_or(octets.len());
    for _ in 0..=chance.below(2) {
        let at = head + chance.below(end.saturating_sub(head).max(1));
        if at < end {
            octets[at] =
                *chance.pick(&[&b' ', &b'"', &b'(', &b')', &b'\\', &b'{', &b'}', &1, &0, &0xff, &b'\t', &b'%', &b'0', &b'+']);
        }
    }
    item
}

/// The marks of a literal's octets changed for those that may be read as commands; as long as before.
fn harmless(octets: &[u8]) -> Vec<u8> {
    String::from_utf8_lossy(octets).replace("canary-c", "maybe--c").replace("\r\nzc", "\r\nyc").into_bytes()
}

/// A line beyond every bound, and what stands behind it.
fn long(chance: &mut Chance, mark: &str) -> Item {
    let tag = format!("c{mark}");
    let length = [8_000, 66_000, 70_000, 140_000][chance.below(4)];
    let verb = chance.pick(&["SEARCH SUBJECT ", "COPY ", "SELECT ", "NOOP ", "FETCH "]);
    let filling = chance.pick(&["1,", "x", "\"", "( "]).repeat(length / 2);
    let mut item = Item::new(format!("{verb}and {length} octets")).command(&tag, verb.split(' ').next().unwrap_or_default());
    let end = if verb == "COPY " { "1 Drafts" } else { "" };
    item = item.octets(format!("{tag} {verb}{filling}{end}\r\n"));
    item.well_formed = false;
    item
}

fn garbage(chance: &mut Chance, mark: &str) -> Item {
    let length = 1 + chance.below(60);
    let octets: Vec<u8> = (0..length).map(|_| (chance.next() >> 13) as u8).filter(|octet| !b"\r\n{".contains(octet)).collect();
    let mut item = Item::new("octets by chance");
    if chance.once_in(2) {
        item = item.octets(format!("c{mark} "));
    }
    (item.payload, item.well_formed) = (Payload::Commands, false);
    item.octets(octets).octets("\r\n")
}
