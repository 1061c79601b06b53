//! The statement: behind each sentence stands something that exists, and a rule that does not hold is not claimed.

#![allow(clippy::unwrap_used)] // helpers of tests

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use nologd::audit::check::{Check, Kind};
use nologd::audit::{Canary, Finding, Report, Trace};
use nologd::fault::Lang;
use nologd::policy::headers::{BUILT_IN, Headers};
use nologd::private::{Address, Domain};
use nologd::quota::{Amount, Association, Book, Day, Grant, Limit, Name, Params};
use nologd::sandbox::Unenforced;
use nologd::statement::{InForce, Page, Proof, SENTENCES, Words};
use nologd::store::{Memory, Store};
use serde_json::Value;

#[test]
fn what_stands_behind_each_sentence_exists() {
    let headers = Headers::built_in();
    let rules: BTreeSet<_> = headers.reasons().map(|(name, _)| name).collect();
    for sentence in SENTENCES {
        match sentence.proof {
            Proof::Rules(names) => assert!(names.iter().all(|name| rules.contains(name)), "{}", sentence.name),
            Proof::Sent(name, _) => assert!(rules.contains(name), "{name}"),
            Proof::UnseenPayload => assert!(BUILT_IN.contains("unseen_payload =")),
            Proof::Test(file, function) => {
                let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
                assert!(
                    text.contains(&format!("#[test]\nfn {function}("))
                        || text.contains(&format!("    #[test]\n    fn {function}(")),
                    "{}: {file} {function}",
                    sentence.name
                );
            }
            Proof::Kernel(rule, name) => assert_eq!(format!("{rule:?}"), name),
            Proof::Check(name) => assert_eq!(Check::find(name).unwrap().kind, Kind::Remains, "{name}"),
            Proof::Audit | Proof::Canary | Proof::Outside | Proof::NoHint => {}
        }
    }
    let remains = Check::ALL.iter().filter(|check| check.kind == Kind::Remains);
    for check in remains {
        assert!(SENTENCES.iter().any(|sentence| sentence.proof == Proof::Check(check.name)), "{} is not told", check.name);
    }
}

#[test]
fn every_line_says_what_stands_behind_it() {
    for lang in [Lang::En, Lang::Fr] {
        for line in page(BUILT_IN, Vec::new(), Some(report()), lang).lines() {
            assert!(!line.proof.is_empty() && line.text.ends_with(['.', '…']), "{}", line.text);
            assert!(!line.text.contains(['{', '}']), "{}", line.text);
        }
    }
}

#[test]
fn a_loosened_rule_is_replaced_by_its_opposite() {
    for sentence in SENTENCES {
        let Proof::Rules(names) = sentence.proof else { continue };
        for name in names {
            let text = without_rule(name);
            let (now, was) = (said(&page(&text, Vec::new(), None, Lang::Fr)), said(&page(BUILT_IN, Vec::new(), None, Lang::Fr)));
            let words = Words::of(Lang::Fr);
            let forms = &words.sentence[sentence.name];
            assert!(was.contains(&forms.holds) && !was.contains(&forms.otherwise), "{name}");
            assert!(now.contains(&forms.otherwise) && !now.contains(&forms.holds), "{name}");
        }
    }
    let dropped = BUILT_IN.replace("action  = \"keep\"", "action  = \"drop\"");
    assert!(
        said(&page(&dropped, Vec::new(), None, Lang::En)).iter().any(|text| text.ends_with("web address) is taken out too."))
    );
    assert!(
        said(&page(&without_rule("self-description"), Vec::new(), None, Lang::En))
            .iter()
            .any(|text| text.contains("web address) is sent,"))
    );
    let scrubbed = BUILT_IN.replace("unseen_payload = \"leave\"", "unseen_payload = \"scrub\"");
    assert!(said(&page(&scrubbed, Vec::new(), None, Lang::En)).contains(&"In encrypted mail, date and identifier are changed like in any other. Some programs may then warn that they do not match.".to_owned()));
}

#[test]
fn a_hint_that_is_on_is_told() {
    let in_force = |hinted| InForce { hinted, ..InForce::new(BUILT_IN, Vec::new(), None).unwrap() };
    let line = |hinted| {
        let page = Page::new(&in_force(hinted), Lang::En);
        page.lines().find(|line| line.proof == "setting: client_hint").map(|line| (line.holds, line.text.clone())).unwrap()
    };
    assert!(line(false).0 && line(false).1.contains("is not told where you connect from"));
    assert!(!line(true).0 && line(true).1.contains("is told a made-up address"));
}

#[test]
fn a_loosened_rule_is_named_and_changes_the_fingerprint() {
    let text = BUILT_IN.replace("\"normalise-date\"", "\"keep\"");
    let loose = page(&text, Vec::new(), None, Lang::En).text();
    assert!(loose.contains("have loosened these rules: date."), "{loose}");
    let fingerprint = |text: &str| text.lines().last().unwrap().to_owned();
    let strict = page(BUILT_IN, Vec::new(), None, Lang::En).text();
    assert!(!strict.contains("loosened"), "{strict}");
    assert_ne!(fingerprint(&strict), fingerprint(&loose));
}

#[test]
fn what_the_kernel_does_not_grant_is_not_claimed() {
    for rule in [Unenforced::CoreDumps, Unenforced::Dumpable, Unenforced::Privileges] {
        let broken = page(BUILT_IN, vec![rule], None, Lang::En);
        assert_eq!(broken.lines().filter(|line| line.proof == format!("kernel: {rule:?}") && !line.holds).count(), 1);
        assert_eq!(broken.lines().filter(|line| line.proof.starts_with("kernel:") && line.holds).count(), 2);
    }
}

#[test]
fn backends_are_believed_only_as_far_as_the_audit_goes() {
    let none = page(BUILT_IN, Vec::new(), None, Lang::En).text().replace('\n', " ");
    assert!(none.contains("were not read. Take it that they write down"), "{none}");

    let mut report = report();
    let clean = page(BUILT_IN, Vec::new(), Some(report.clone()), Lang::En).text().replace("\n  ", " ");
    assert!(clean.contains("On 22 November 2026, the settings of these servers were read: Dovecot and Postfix."), "{clean}");
    assert!(
        clean.contains("Dovecot: no setting makes it write you down.") && clean.contains("nginx: its settings were not read.")
    );
    assert!(clean.contains("traces of it were searched for in 7 files"), "{clean}");

    report.findings.push(Finding::new(
        Check::find("dovecot-auth-verbose").unwrap(),
        "x",
        None,
        "auth_verbose",
        "auth_verbose = no",
    ));
    report.canary.as_mut().unwrap().traces.push(Trace {
        planted: "login".into(),
        form: "plain".into(),
        file: "x".into(),
        near: 0,
    });
    let leaking = page(BUILT_IN, Vec::new(), Some(report.clone()), Lang::En).text().replace("\n  ", " ");
    assert!(
        leaking.contains("Dovecot writes down: your network address (IP address), your mail address or login and when."),
        "{leaking}"
    );
    assert!(leaking.contains("traces of it were found in files of the servers: your mail address or login."), "{leaking}");

    report.canary.as_mut().unwrap().traces.clear();
    report.canary.as_mut().unwrap().files = 0;
    let nothing = page(BUILT_IN, Vec::new(), Some(report), Lang::En).text().replace("\n  ", " ");
    assert!(nothing.contains("No test has shown that the servers leave no traces of you."), "a search of nothing finds nothing");
}

#[test]
fn html_is_a_page_of_its_own() {
    let html = page(BUILT_IN, Vec::new(), Some(report()), Lang::Fr).html();
    assert!(html.starts_with("<!DOCTYPE html>\n<html lang=\"fr\">"));
    for foreign in ["http", "<script", "<img", "src=", "@import"] {
        assert!(!html.contains(foreign), "{foreign}");
    }
    assert_eq!(html.matches("<li").count(), html.matches("</li>").count());
}

/// The proof of what the statement says about the book: with everything set that can be set, these are all the names under which
/// something is kept, and none of them is a time at which somebody did something.
#[test]
fn the_book_keeps_what_is_said_and_no_time() {
    let store = Arc::new(Memory::new());
    let book = Arc::new(Book::open(store.clone(), Params::default()).unwrap());
    let today = Day::parse("2026-11-01").unwrap();
    let member = Address::parse("alice@velo.example").unwrap();
    let mut velo = Association::new(Name::parse("velo").unwrap(), [Domain::parse("velo.example").unwrap()]);
    velo.storage = Limit::At(10_000);
    velo.contact = Some(member.clone());
    velo.grants = vec![Grant { octets: 1000, until: Day::parse("2027-03-01").unwrap() }];
    velo.aliases.insert(Address::parse("contact@velo.example").unwrap(), [member.clone()].into());
    book.add_association(velo, today).unwrap();
    book.admit(&member).unwrap();
    book.begin_refresh(&member).unwrap().finish(Amount { octets: 9000, messages: 3 }, today);
    book.write_usage().unwrap();

    let (mut kinds, mut names) = (BTreeSet::new(), BTreeSet::new());
    for record in store.scan("").unwrap() {
        kinds.insert(record.key.reveal().split('/').next().unwrap().to_owned());
        collect(&serde_json::from_slice(record.value.reveal()).unwrap(), &mut names);
    }
    let kinds_said = ["alias", "association", "level", "mailbox", "usage", "schema", "imported"];
    assert!(kinds.iter().all(|kind| kinds_said.contains(&kind.as_str())), "{kinds:?}");
    assert!(kinds.contains("usage") && kinds.contains("association"), "{kinds:?}");
    let said = [
        "domains",
        "domain-aliases",
        "storage",
        "messages",
        "mailboxes",
        "mailbox-default",
        "state",
        "contact",
        "language",
        "sender-rule",
        "sending",
        "mailbox",
        "association",
        "backend",
        "grants",
        "octets",
        "until",
        "level",
        "messages-per-hour",
        "messages-per-day",
        "recipients-per-hour",
        "recipients-per-day",
        "leaving-until",
    ];
    let more: Vec<_> = names.iter().filter(|name| !said.contains(&name.as_str())).collect();
    assert!(more.is_empty(), "the statement does not speak of {more:?}");
}

#[test]
fn the_command_in_both_languages_and_formats() {
    let run = |arguments: &[&str]| Command::new(env!("CARGO_BIN_EXE_nologd")).arg("statement").args(arguments).output().unwrap();
    for (lang, format, start) in
        [("en", "text", "What is kept"), ("fr", "text", "Ce qui est conservé"), ("fr", "html", "<!DOCTYPE html>")]
    {
        let output = run(&["--lang", lang, "--format", format]);
        assert_eq!(output.status.code(), Some(0));
        assert!(String::from_utf8(output.stdout).unwrap().starts_with(start));
    }
    assert_eq!(run(&["--lang", "de"]).status.code(), Some(2));
    assert_eq!(run(&["--audit", "/nowhere"]).status.code(), Some(1));
}

fn collect(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(name, value)| {
            names.insert(name.clone());
            collect(value, names);
        }),
        Value::Array(list) => list.iter().for_each(|value| collect(value, names)),
        _ => {}
    }
}

fn page(headers: &str, missing: Vec<Unenforced>, audit: Option<Report>, lang: Lang) -> Page {
    Page::new(&InForce::new(headers, missing, audit).unwrap(), lang)
}

fn said(page: &Page) -> Vec<String> {
    page.lines().map(|line| line.text.clone()).collect()
}

/// The built-in rules without one of them.
fn without_rule(name: &str) -> String {
    let start = BUILT_IN.find(&format!("[[rule]]\nname    = \"{name}\"")).unwrap();
    let end = BUILT_IN[start + 1..].find("[[rule]]").map_or(BUILT_IN.len(), |at| start + 1 + at);
    format!("{}{}", &BUILT_IN[..start], &BUILT_IN[end..])
}

fn report() -> Report {
    Report {
        made: "2026-11-22".to_owned(),
        read: vec!["Dovecot".to_owned(), "Postfix".to_owned()],
        findings: Vec::new(),
        canary: Some(Canary { files: 7, ..Canary::default() }),
    }
}
