//! What mail programs write (`tests/programs/`, see [`golden`]), and that nobody can tell from the header which one it was.
//!
//! The messages are made up, after the names and shapes of fields in public archives; the people do not exist.

#![allow(clippy::unwrap_used)] // helpers of tests

use crate::golden;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use golden::{cut, fields, inputs, name, scrubbed};
use nologd::policy::headers::{Action, Headers};
use nologd::scrub::invariants::{ALICE, context, shared_scrubber};
use nologd::scrub::{Profile, Writer};
use nologd::submission::invariants::{LOGGED_IN, SubmissionPlay};
use nologd::wire::header::EndFinder;
use nologd::wire::protection::Protection;

/// Programs and systems, hosts, logins, networks, paths and zones that stand in the messages, in lower case. Chat is a kind of
/// program and stands in `Chat-Version`, which the receiving program needs.
const TELLTALES: &[&str] = &[
    "thunderbird",
    "betterbird",
    "mozilla",
    "k-9",
    "fairemail",
    "apple",
    "iphone",
    "mac os",
    "outlook",
    "microsoft",
    "msip",
    "evolution",
    "camel",
    "kmail",
    "geary",
    "mutt",
    "alpine",
    "gnus",
    "fsf",
    "emacs",
    "mu4e",
    "claws",
    "gtk",
    "sylpheed",
    "the bat",
    "em_client",
    "em0a1b",
    "mailspring",
    "spark",
    "readdle",
    "mailbird",
    "foxmail",
    "roundcube",
    "snappymail",
    "squirrel",
    "horde",
    "sogo",
    "git-send",
    "cron",
    "php",
    "avast",
    "eset",
    "bitdefender",
    "avg",
    "linux",
    "android",
    "webmail",
    "alices-",
    "laptop",
    "macbook",
    "fairphone",
    "isp.",
    "al1051",
    "/home",
    "192.0.2.",
    "+0100",
    "-0800",
    "(cet)",
    "nnimap",
    "original",
];

#[test]
fn messages_of_programs() {
    let inputs = inputs("programs");
    assert!(inputs.len() >= 25);
    let wrong = golden::wrong(&inputs);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The same through a whole session of submission: what the relay gets is the golden file.
#[test]
fn through_submission() {
    for input in inputs("programs") {
        let message = fs::read(&input).unwrap();
        let expected = fs::read(input.to_str().unwrap().replace("in.eml", "submission.eml")).unwrap();
        let mut play = SubmissionPlay::new(Protection::Secure);
        play.client(LOGGED_IN);
        play.client(b"MAIL FROM:<alice@asso.example>\r\nRCPT TO:<bob@elsewhere.example>\r\nDATA\r\n");
        for answer in ["220 relay\r\n", "250 relay\r\n", "250 2.1.0 Ok\r\n", "250 2.1.5 Ok\r\n"] {
            play.relay(answer.as_bytes());
        }
        play.client(&message);
        play.client(b".\r\n");
        play.to_relay.clear();
        play.relay(b"354 go\r\n");
        let relayed = String::from_utf8(std::mem::take(&mut play.to_relay)).unwrap();
        // The session draws another identifier for a message that has none.
        let expected = String::from_utf8([&expected, &b".\r\n"[..]].concat()).unwrap();
        let drawn =
            |text: &str| text.lines().filter(|line| !line.starts_with("Message-ID: <0")).map(str::to_owned).collect::<Vec<_>>();
        match name(&input) {
            "cron-with-msmtp" => assert_eq!(drawn(&relayed), drawn(&expected)),
            name => assert_eq!(relayed, expected, "{name}"),
        }
    }
}

/// The text of the header, in lower case, without what is said plainly to stay: the boundary, which stands in the body too, and
/// the subject and names that a person (or cron) wrote.
fn told(message: &[u8]) -> String {
    let lines = fields(message).into_iter().filter(|field| !field.is("Subject")).map(|field| {
        let line = String::from_utf8(field.raw().to_vec()).unwrap();
        match line.split_once("boundary=") {
            Some((before, after)) => format!("{before}boundary{}", after.split_once('"').unwrap().1.split_once('"').unwrap().1),
            None => line,
        }
    });
    lines.collect::<String>().to_lowercase()
}

#[test]
fn no_header_tells_program_host_zone_or_login() {
    let headers = Headers::built_in();
    let mut found: BTreeSet<&&str> = BTreeSet::new();
    for input in inputs("programs") {
        let message = fs::read(&input).unwrap();
        let before = String::from_utf8_lossy(cut(&message).0).to_lowercase();
        found.extend(TELLTALES.iter().filter(|telltale| before.contains(**telltale)));
        for profile in [Profile::Submission, Profile::Sent] {
            let scrubbed = scrubbed(&message, profile);
            let told = told(&scrubbed);
            for telltale in TELLTALES {
                assert!(!told.contains(telltale), "{}: {telltale} in\n{told}", name(&input));
            }
            for field in fields(&scrubbed) {
                let kept = headers.rule(field.name(), profile, Writer::Person).action != Action::Drop;
                let ours = profile == Profile::Submission && field.value().starts_with(b" by mail.nolog.example (nologd); ");
                assert!(kept || ours, "{}: {:?} is on no list", name(&input), String::from_utf8_lossy(field.name()));
            }
        }
    }
    let never: Vec<_> = TELLTALES.iter().filter(|telltale| !found.contains(*telltale)).collect();
    assert!(never.is_empty(), "tried on nothing: {never:?}");
}

/// Who wrote this? Where two programs say the same in the same way (the same fields of meaning, the same coding of the body), their
/// header blocks are the same, but for addresses, text, identifiers and the boundary.
#[test]
fn the_same_message_of_two_programs_has_the_same_header() {
    let mut groups: BTreeMap<String, BTreeMap<String, Vec<String>>> = BTreeMap::new();
    for input in inputs("programs") {
        let message = scrubbed(&fs::read(&input).unwrap(), Profile::Submission);
        let (mut meaning, mut form) = (Vec::new(), String::new());
        for field in fields(&message) {
            let (spelt, value) = (String::from_utf8_lossy(field.name()).into_owned(), field.value());
            let value = String::from_utf8_lossy(value).into_owned();
            let mask = match spelt.as_str() {
                "From" | "To" | "Cc" | "Reply-To" | "Subject" | "Organization" | "In-Reply-To" | "References" => "...".to_owned(),
                "Autocrypt" | "Mail-Followup-To" | "Mail-Reply-To" => "...".to_owned(),
                "Date" => format!("{} octets", value.len()),
                "Message-ID" => format!("{} octets", value.len()),
                "Content-Type" => value.split("boundary=").next().unwrap().to_owned(),
                _ => value.clone(),
            };
            form.push_str(&format!("{spelt}: {mask}\n"));
            let coded = spelt.starts_with("Content-");
            meaning.push(if coded { format!("{spelt}{mask}").to_lowercase() } else { spelt.to_lowercase() });
        }
        meaning.sort();
        groups.entry(meaning.join(",")).or_default().entry(form).or_default().push(name(&input).to_owned());
    }
    for forms in groups.values() {
        assert_eq!(forms.len(), 1, "told apart: {forms:#?}");
    }
    // Else nothing was compared.
    let largest = groups.values().flat_map(|forms| forms.values().map(Vec::len)).max();
    assert!(largest >= Some(10), "{groups:#?}");
}

/// What a program holds of a message that went out, in all the ways in which programs hold it, becomes what went out.
#[test]
fn the_copy_in_sent_agrees_with_what_went_out() {
    let scrubber = shared_scrubber();
    let mut compared = 0;
    for input in inputs("programs") {
        let message = fs::read(&input).unwrap();
        let out = scrubbed(&message, Profile::Submission);
        let text = String::from_utf8(message).unwrap();
        let blind = format!("Bcc: carol@elsewhere.example\r\n{text}");
        let undated = text.replacen("\r\nDate: ", "\r\nDate: on ", 1);
        let mbox = format!("From alice@asso.example Sun Nov 22 17:40:02 2026\r\n{text}");
        let both = mbox.replacen("\r\nDate: ", "\r\nDate: on ", 1);
        let lf = |text: &String| text.replace("\r\n", "\n");
        for held in [lf(&text), lf(&blind), lf(&undated), lf(&mbox), lf(&both), text, blind, undated, mbox, both] {
            let end = EndFinder::new().find_any(held.as_bytes()).unwrap();
            let (header, body) = held.split_at(end);
            let context = context(Profile::Sent, &ALICE, body.as_bytes());
            let copy = scrubber.scrub_copy(header.as_bytes(), Some(b"22-Nov-2026 17:40:03 +0100"), &context);
            assert!(copy.touched(), "{}", name(&input));
            let copy = String::from_utf8([copy.header(), b"x"].concat()).unwrap().replace("\r\n", "\n").replace('\n', "\r\n");
            agree(name(&input), copy.as_bytes(), &out);
            compared += 1;
        }
    }
    assert!(compared >= 10 * 25);
}

fn agree(name: &str, copy: &[u8], out: &[u8]) {
    let out = fields(out);
    for field in fields(copy) {
        let same = out.iter().find(|sent| sent.name() == field.name());
        let spelt = String::from_utf8_lossy(field.name());
        assert!(same.is_some() || field.is("Bcc"), "{name}: {spelt} did not go out");
        // A Date that cannot be read is the moment of each.
        let differs = same.is_some_and(|sent| sent.value() != field.value()) && !field.is("Date");
        assert!(!differs, "{name}: {spelt} is another one");
    }
}

/// Where From cannot be read nobody can say whose message it is: it does not go out, so there is no copy of it, and what is stored
/// under Sent all the same stays byte for byte, whatever its lines end in.
#[test]
fn what_cannot_be_sent_is_no_copy() {
    let scrubber = shared_scrubber();
    for input in inputs("programs") {
        let text = String::from_utf8(fs::read(&input).unwrap()).unwrap();
        let at = if text.starts_with("From: ") { 0 } else { text.find("\r\nFrom: ").unwrap() + 2 };
        let unclear = format!("{}From: Exemple, Alice <alice@asso.example>\r\nX-Was-{}", &text[..at], &text[at..]);
        let refused = scrubbed(unclear.as_bytes(), Profile::Submission);
        assert_eq!(String::from_utf8(refused).unwrap(), "refused: SENDER-UNCLEAR\n", "{}", name(&input));
        for held in [unclear.replace("\r\n", "\n"), unclear] {
            let end = EndFinder::new().find_any(held.as_bytes()).unwrap();
            let context = context(Profile::Sent, &ALICE, b"");
            let copy = scrubber.scrub_copy(&held.as_bytes()[..end], None, &context);
            assert!(!copy.touched() && copy.header() == &held.as_bytes()[..end], "{}", name(&input));
        }
    }
}
