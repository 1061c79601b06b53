//! Holds what Dovecot says that it ran against what the clients said, knowing nothing of how nologd decides.

use std::collections::{BTreeMap, HashMap};

use super::item::{Item, Payload};
use super::session::Session;
use super::view::Ran;

/// Verbs that a member must never get through to the backend.
const FORBIDDEN: &[&str] = &[
    "COMPRESS",
    "REPLACE",
    "UID REPLACE",
    "GENURLAUTH",
    "URLFETCH",
    "RESETKEY",
    "FILTER",
    "UID FILTER",
    "UNAUTHENTICATE",
    "SETQUOTA",
    "AUTHENTICATE",
    "STARTTLS",
    "GETQUOTA",
    "GETQUOTAROOT",
];
/// What nologd itself may ask.
const OWN: &[&str] = &[
    "CAPABILITY",
    "CLOSE",
    "ENABLE",
    "EXAMINE",
    "FETCH",
    "GETQUOTAROOT",
    "ID",
    "LIST",
    "LOGOUT",
    "NAMESPACE",
    "NOOP",
    "SEARCH",
    "SELECT",
    "STATUS",
    "UID FETCH",
    "UID SEARCH",
    "UNSELECT",
];

/// All that was found, by rule: how often, and the first with its transcript.
#[derive(Default)]
pub struct Findings(BTreeMap<String, (usize, String)>);

impl Findings {
    pub fn add(&mut self, rule: &str, kind: &str, transcript: impl FnOnce() -> String) {
        let found = self.0.entry(format!("{rule}: {kind}")).or_insert_with(|| (0, transcript()));
        found.0 += 1;
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each kind with its number; for the first `whole` of each rule the octets too.
    pub fn show(&self, whole: usize) -> String {
        let (mut text, mut shown) = (String::new(), HashMap::new());
        for (what, (count, transcript)) in &self.0 {
            let of_rule: &mut usize = shown.entry(what.split(':').next().unwrap_or_default()).or_default();
            *of_rule += 1;
            text.push_str(&format!("{count:6} x {what}\n"));
            if *of_rule <= whole {
                text.push_str(transcript);
            }
        }
        text
    }
}

/// Judges the commands of some sessions that are over.
pub fn judge(sessions: &[Session], ran: &[Ran], findings: &mut Findings) {
    let mut known: HashMap<&str, (&Session, usize, &str)> = HashMap::new();
    for session in sessions {
        for (at, item) in session.items[..session.sent].iter().enumerate() {
            known.extend(item.commands.iter().map(|(tag, verb)| (tag.as_str(), (session, at, verb.as_str()))));
        }
    }
    let mut backends: HashMap<&str, Vec<&Ran>> = HashMap::new();
    ran.iter().for_each(|ran| backends.entry(&ran.session).or_default().push(ran));
    let by_number = sessions.iter().map(|session| (session.number, session)).collect();
    for commands in backends.values() {
        one_session(commands, &known, &by_number, findings);
    }
}

type Known<'a> = HashMap<&'a str, (&'a Session, usize, &'a str)>;

fn one_session(commands: &[&Ran], known: &Known, by_number: &HashMap<u64, &Session>, findings: &mut Findings) {
    let owner = commands.iter().find_map(|ran| by_number.get(&number(&ran.tag)?)).copied();
    let mut last = (0, 0);
    let none = Ran::default();
    for (position, ran) in commands.iter().enumerate() {
        let Some(owner) = owner else { continue };
        let before = position.checked_sub(1).map_or(&none, |before| commands[before]);
        if ran.tag.is_empty() {
            // Where the verb itself is none, Dovecot finds no command either: that is the client's own garbage.
            let named = |item: &Item| item.commands.iter().all(|(_, verb)| is_verb(verb)) && !item.commands.is_empty();
            let tidy = |item: &Item| item.well_formed || item.payload == Payload::Literal && named(item);
            let tidy = owner.items[..owner.sent].iter().all(tidy);
            // An APPEND that Dovecot gives up at its last line leaves an empty line behind, which is nothing to run.
            let given_up = before.verb == "APPEND" && before.answer != "OK";
            if tidy && !owner.loose && !given_up {
                let kind = owner.items.get(last.0).map_or("", |item| &item.kind);
                let text = || format!("{}{}", one(owner, last.0), one(owner, last.0 + 1));
                findings.add("no command at a command's place", &format!("behind {kind}"), text);
            }
            continue;
        }
        let client = known.get(ran.tag.as_str());
        forbidden(ran, client.is_some(), owner, findings);
        if ran.tag.starts_with(['z', 'y']) || ran.arguments.contains("canary-") && client.is_none() {
            payload(ran, owner, findings);
        } else if let Some((session, at, verb)) = client {
            if ran.verb != *verb && copies(&ran.verb) != copies(verb) {
                findings.add("another command than the client's", &ran.verb, || owner.transcript(*at));
            }
            if *verb == "APPEND" && ran.answer == "OK" && session.items[*at].show().contains("CATENATE") {
                findings.add("forbidden command ran", "APPEND with CATENATE", || one(session, *at));
            }
            // What began earlier and ended later took longer.
            let late = *at < last.0 && ran.took < last.1;
            if session.number != owner.number || late {
                findings.add("out of order", verb, || owner.transcript(0));
            }
            last = last.max((*at, ran.took));
        } else if !ran.tag.starts_with(['s', 'q']) && !owner.loose && !OWN.contains(&ran.verb.as_str()) {
            findings.add("nobody's command", "with no tag of the client's", || {
                format!("  {} {} {}\n{}", ran.tag, ran.verb, ran.arguments, owner.transcript(0))
            });
        }
    }
}

fn is_verb(verb: &str) -> bool {
    !verb.is_empty() && verb != "UID" && verb.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" -".contains(&byte))
}

/// COPY in the ways that do the same: a copy to Trash may have become a MOVE, and its numbers UIDs.
fn copies(verb: &str) -> Option<&str> {
    let verb = verb.strip_prefix("UID ").unwrap_or(verb);
    matches!(verb, "COPY" | "MOVE").then_some("COPY").or(Some(verb))
}

/// The session's number in a tag of ours: a letter, digits, a letter.
fn number(tag: &str) -> Option<u64> {
    let rest = tag.strip_prefix(['c', 's', 'q', 'y', 'z'])?;
    rest.split(|char: char| !char.is_ascii_digit()).next()?.parse().ok()
}

fn forbidden(ran: &Ran, of_client: bool, owner: &Session, findings: &mut Findings) {
    let catenate = ran.verb == "APPEND" && ran.arguments.to_ascii_uppercase().contains(" CATENATE (");
    let ours = number(&ran.tag).is_some() || of_client;
    if ours && (catenate || FORBIDDEN.contains(&ran.verb.as_str())) {
        let what = if catenate { "APPEND with CATENATE" } else { &ran.verb };
        let at = item_of(&ran.tag).unwrap_or_default();
        findings
            .add("forbidden command ran", what, || format!("  {} {} {}\n{}", ran.tag, ran.verb, ran.arguments, one(owner, at)));
    }
}

/// A command that stood where the client announced a literal.
fn payload(ran: &Ran, owner: &Session, findings: &mut Findings) {
    let Some(at) = item_of(&ran.tag).or_else(|| ran.arguments.split("canary-").nth(1).and_then(item_of)) else {
        return findings.add("octets of a literal ran", "of an item unknown", || owner.transcript(0));
    };
    let Some(item) = owner.items.get(at) else { return };
    let told = owner.plus.contains(&at);
    match item.payload {
        Payload::Commands => {}
        Payload::WhereTold if !told => {}
        _ => findings.add("octets of a literal ran", &item.kind, || {
            // With what stood before: it may have been its `+`.
            (at.saturating_sub(2)..=at).map(|at| one(owner, at)).collect()
        }),
    }
}

/// The item's number in a tag such as `z12i3`.
fn item_of(tag: &str) -> Option<usize> {
    let (_, rest) = tag.split_once('i')?;
    rest.split(|char: char| !char.is_ascii_digit()).next()?.parse().ok()
}

fn one(owner: &Session, at: usize) -> String {
    owner.items.get(at).map(|item| format!("  session {}, item {at}:\n{}", owner.number, item.show())).unwrap_or_default()
}
