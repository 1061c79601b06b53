//! The statement: behind each sentence stands something that exists, and a rule that does not hold is not claimed.

#![allow(clippy::unwrap_used)] // helpers of tests

use crate::alone;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use alone::House;
use nix::sys::signal::Signal;
use nologd::audit::check::{Check, LeakKind};
use nologd::audit::{AuditReport, Canary, Finding, Trace};
use nologd::config;
use nologd::fault::Lang;
use nologd::policy::headers::BUILT_IN;
use nologd::policy::{FILES, Policy};
use nologd::private::{Address, Domain};
use nologd::quota::{self, Amount, Association, Book, BookParams, Day, Grant, Limit, MailboxEdit, Name};
use nologd::sandbox::{Probe, Unenforced};
use nologd::statement::{Changes, Front, InForce, LogDestination, Machine, Page, Proof, SENTENCES, StatementPart, Words};
use nologd::store::{MemoryStore, Store};
use serde_json::Value;

/// A claim that nothing holds up is a bug: each sentence has something behind it, and what it names is there.
#[test]
fn what_stands_behind_each_sentence_exists() {
    let policy = Policy::built_in();
    for sentence in SENTENCES {
        for (file, names) in sentence.rules {
            assert!(FILES.iter().any(|(known, _)| known == file) && !names.is_empty(), "{}: {file}", sentence.name);
            for name in *names {
                assert!(policy.names(file).contains(name), "{}: {file} has no {name}", sentence.name);
            }
        }
        match sentence.proof {
            Proof::Policy | Proof::Sent(_) | Proof::UnseenPayload => assert!(!sentence.rules.is_empty(), "{}", sentence.name),
            Proof::Test(file, function) => {
                let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
                let is_test = |start: &str| text.contains(&format!("{start}#[test]\n{start}fn {function}("));
                assert!(is_test("") || is_test("    "), "{}: {file} {function}", sentence.name);
            }
            Proof::Kernel(needs, attempts) => {
                assert!(!needs.is_empty() && !sentence.rules.is_empty(), "{}", sentence.name);
                assert!(needs.iter().all(|rule| Unenforced::ALL.contains(rule)), "{}", sentence.name);
                assert!(attempts.iter().all(|attempt| Probe::ALL.contains(attempt)), "{}", sentence.name);
            }
            Proof::Check(name) => assert_eq!(Check::find(name).unwrap().kind, LeakKind::Remains, "{name}"),
            Proof::Outside => {
                assert_eq!(sentence.part, StatementPart::Limits, "{}: nothing holds what is promised", sentence.name)
            }
            Proof::Balancer | Proof::Onion | Proof::Pair | Proof::Shared => {}
            Proof::NoHint | Proof::Witness | Proof::Outputs | Proof::Audit | Proof::Canary => {}
        }
        assert!(!sentence.backing().is_empty());
    }
}

/// And the other way round: what the rules, the kernel, the trial from inside and the audit know is told.
#[test]
fn nothing_that_is_known_is_left_out() {
    let policy = Policy::built_in();
    let told = |file: &str, name: &str| {
        SENTENCES.iter().any(|sentence| sentence.rules.iter().any(|(own, names)| *own == file && names.contains(&name)))
    };
    for file in ["memory.toml", "retention.toml", "sandbox.toml"] {
        for name in policy.names(file) {
            assert!(told(file, name), "{name} of {file} stands behind no sentence");
        }
    }
    let kernel = || {
        SENTENCES
            .iter()
            .filter_map(|sentence| if let Proof::Kernel(needs, tried) = sentence.proof { Some((needs, tried)) } else { None })
    };
    for rule in Unenforced::ALL {
        assert!(kernel().any(|(needs, _)| needs.contains(rule)), "{} can be missing unsaid", rule.word());
        assert_eq!(Unenforced::find(rule.word()), Some(*rule));
    }
    for attempt in Probe::ALL {
        assert!(kernel().any(|(_, tried)| tried.contains(attempt)), "{} can be possible unsaid", attempt.text());
    }
    for check in Check::ALL.iter().filter(|check| check.kind == LeakKind::Remains) {
        assert!(SENTENCES.iter().any(|sentence| sentence.proof == Proof::Check(check.name)), "{} is not told", check.name);
    }
}

#[test]
fn every_line_says_what_stands_behind_it() {
    for lang in [Lang::En, Lang::Fr] {
        for line in page(BUILT_IN, granted(), Some(report()), lang).lines() {
            assert!(!line.proof.is_empty() && line.text.ends_with(['.', '…']), "{}", line.text);
            assert!(!line.text.contains(['{', '}']), "{}", line.text);
        }
    }
}

#[test]
fn a_loosened_rule_is_replaced_by_its_opposite() {
    for sentence in SENTENCES {
        let (Proof::Policy, [("headers.toml", names)]) = (sentence.proof, sentence.rules) else { continue };
        for name in *names {
            let text = without_rule(name);
            let (now, was) = (said(&page(&text, granted(), None, Lang::Fr)), said(&page(BUILT_IN, granted(), None, Lang::Fr)));
            let words = Words::of(Lang::Fr);
            let forms = &words.sentence[sentence.name];
            assert!(was.contains(&forms.holds) && !was.contains(&forms.otherwise), "{name}");
            assert!(now.contains(&forms.otherwise) && !now.contains(&forms.holds), "{name}");
        }
    }
    let dropped = BUILT_IN.replace("action  = \"keep\"", "action  = \"drop\"");
    assert!(said(&page(&dropped, granted(), None, Lang::En)).iter().any(|text| text.ends_with("web address) is taken out too.")));
    assert!(said(&page(BUILT_IN, granted(), None, Lang::En)).iter().any(|text| text.contains("web address) is sent,")));
    let scrubbed = BUILT_IN.replace("unseen_payload = \"leave\"", "unseen_payload = \"scrub\"");
    assert!(said(&page(&scrubbed, granted(), None, Lang::En)).contains(&"In encrypted mail, date and identifier are changed like in any other. Some programs may then warn that they do not match. Mail that says openly that it repeats its header inside keeps them.".to_owned()));
}

#[test]
fn a_hint_that_is_on_is_told() {
    let line = |hinted| {
        let in_force = InForce { policy: Policy::built_in(), machine: granted(), audit: None, hinted, front: Front::default() };
        let page = Page::new(&in_force, Lang::En);
        page.lines().find(|line| line.proof == "setting: client_hint").map(|line| (line.holds, line.text.clone())).unwrap()
    };
    assert!(line(Some(false)).0 && line(Some(false)).1.contains("it sees only this program, for everybody alike"));
    assert!(!line(Some(true)).0 && line(Some(true)).1.contains("is told a made-up address"));
    assert!(!line(None).0 && line(None).1.starts_with("It is unknown whether"));
}

#[test]
fn who_stands_in_front_is_told_and_nobody_is_not() {
    let told = |front: Front, lang| {
        let in_force = InForce { policy: Policy::built_in(), machine: granted(), audit: None, hinted: None, front };
        let page = Page::new(&in_force, lang);
        let lines = page.lines().filter(|line| {
            ["setting: proxy_protocol", "setting: onion", "setting: node", "setting: share"].contains(&line.proof.as_str())
        });
        lines.map(|line| line.text.clone()).collect::<Vec<_>>()
    };
    let onion = format!("{}d.onion", "a".repeat(55));
    for lang in [Lang::En, Lang::Fr] {
        assert!(told(Front::default(), lang).is_empty());
        let all = told(Front { balancers: true, pair: true, shared: true, onion: Some(onion.clone()) }, lang);
        assert!(all.len() == 4 && all.iter().any(|line| line.contains(&onion)), "{all:?}");
        assert!(all.iter().all(|line| !line.is_empty() && !line.contains('{')), "{all:?}");
    }
}

/// Tor says of a circuit what a balancer says of a client: that is no balancer.
#[test]
fn the_onion_door_alone_is_no_balancer() {
    let config = include_str!("good_config/config.toml");
    let front = |text: &str| Front::of(&config::read(text).unwrap_or_else(|problems| panic!("{problems:?}")));
    assert!(front(config).balancers && front(config).onion.is_some());
    let without: String =
        config.lines().filter(|line| !line.starts_with("proxy_protocol = [\"10.")).collect::<Vec<_>>().join("\n");
    assert!(without.contains("proxy_protocol") && !front(&without).balancers);
}

#[test]
fn a_loosened_rule_is_named_and_changes_the_fingerprint() {
    let text = BUILT_IN.replacen("\"normalise-date\"", "\"keep\"", 1).replace("unknown = \"drop\"", "unknown = \"keep\"");
    let loose = page(&text, granted(), None, Lang::En).text();
    let told = "have loosened these rules: unknown (headers.toml) and resent-date (headers.toml).";
    assert!(loose.replace('\n', " ").contains(told), "{loose}");
    let fingerprint = |text: &str| text.lines().last().unwrap().to_owned();
    let strict = page(BUILT_IN, granted(), None, Lang::En).text();
    assert!(!strict.contains("loosened"), "{strict}");
    assert_ne!(fingerprint(&strict), fingerprint(&loose));
}

#[test]
fn what_the_kernel_does_not_grant_is_not_claimed() {
    let kernel =
        |page: &Page| page.lines().filter(|line| line.proof.contains("kernel: ")).map(|line| line.holds).collect::<Vec<_>>();
    let all = SENTENCES.iter().filter(|sentence| matches!(sentence.proof, Proof::Kernel(..))).count();
    assert_eq!(kernel(&machine(Vec::new(), None)), vec![true; all]);
    for rule in Unenforced::ALL {
        let broken = machine(vec![*rule], None);
        let names = |line: &&nologd::statement::StatementLine| {
            line.proof.split("kernel: ").nth(1).is_some_and(|words| words.split(", ").any(|word| word == rule.word()))
        };
        assert!(broken.lines().filter(names).count() > 0, "{}", rule.word());
        assert!(broken.lines().filter(names).all(|line| !line.holds), "{}", rule.word());
        assert!(kernel(&broken).contains(&true), "{} takes the others with it", rule.word());
    }
    let unseen = page(BUILT_IN, Machine::Unseen, None, Lang::En);
    assert!(!kernel(&unseen).contains(&true), "nobody looked");
    assert!(said(&unseen).iter().any(|text| text.starts_with("It is unknown whether this machine holds")));
}

#[test]
fn where_the_daemons_lines_end_is_told_by_the_daemon_alone() {
    let outputs = |machine: Machine| {
        let page = page(BUILT_IN, machine, None, Lang::En);
        let line = page.lines().find(|line| line.proof.ends_with("output-kept")).unwrap();
        (line.holds, line.text.clone())
    };
    let daemon = |output| Machine::Daemon { missing: Vec::new(), output };
    assert!(outputs(daemon(Some(LogDestination::Forgotten))).1.contains("is kept on no disk"));
    assert!(outputs(daemon(Some(LogDestination::Kept))).1.contains("is kept on a disk of this machine"));
    for unknown in [daemon(None), Machine::Unseen, Machine::Tried { missing: Vec::new(), possible: Vec::new(), swaps: false }] {
        let (holds, text) = outputs(unknown);
        assert!(!holds && text.starts_with("It is unknown whether"), "{text}");
    }
}

/// Any rule of the sandbox that grants more than ours undoes the sentence about its kind, whatever its name is.
#[test]
fn a_loosened_sandbox_is_told() {
    let rule = "[[rule]]\nname = \"for-fun\"\nreason = \"A test.\"\nwrite = [\"/var/log\"]\n";
    let text = format!("{}\n{rule}", nologd::policy::sandbox::BUILT_IN);
    let policy = Policy::parse(|file| (file == "sandbox.toml").then(|| text.clone())).ok().unwrap();
    let in_force = InForce {
        policy,
        machine: Machine::Daemon { missing: Vec::new(), output: None },
        audit: None,
        hinted: None,
        front: Front::default(),
    };
    let page = Page::new(&in_force, Lang::En);
    let texts = said(&page);
    assert!(texts.iter().any(|text| text.starts_with("On this machine it could write files elsewhere")), "{texts:?}");
    assert!(texts.iter().any(|text| text == "It can start no other program."));
    assert!(page.text().contains("for-fun (sandbox.toml)"));
}

#[test]
fn backends_are_believed_only_as_far_as_the_audit_goes() {
    let none = page(BUILT_IN, granted(), None, Lang::En).text().replace('\n', " ");
    assert!(none.contains("Nobody has read the settings of the other servers. Take it that they write down"), "{none}");

    let mut report = report();
    let clean = page(BUILT_IN, granted(), Some(report.clone()), Lang::En).text().replace("\n  ", " ");
    assert!(clean.contains("On 22 November 2026, the settings of these servers were read: Dovecot and Postfix."), "{clean}");
    assert!(
        clean.contains("Dovecot: its settings keep you out of what it writes.")
            && clean.contains("nginx: its settings were not read.")
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
    let leaking = page(BUILT_IN, granted(), Some(report.clone()), Lang::En).text().replace("\n  ", " ");
    assert!(
        leaking.contains("Dovecot writes down: your network address (IP address), your mail address or login and when."),
        "{leaking}"
    );
    assert!(leaking.contains("traces of it were found in files of the servers: your mail address or login."), "{leaking}");

    report.canary.as_mut().unwrap().traces.clear();
    report.canary.as_mut().unwrap().files = 0;
    let nothing = page(BUILT_IN, granted(), Some(report), Lang::En).text().replace("\n  ", " ");
    assert!(nothing.contains("So far, no test has searched the servers for traces of you"), "a search of nothing finds nothing");
}

#[test]
fn html_is_a_page_of_its_own() {
    let html = page(BUILT_IN, granted(), Some(report()), Lang::Fr).html();
    assert!(html.starts_with("<!DOCTYPE html>\n<html lang=\"fr\">"));
    for foreign in ["http", "<script", "<img", "src=", "@import"] {
        assert!(!html.contains(foreign), "{foreign}");
    }
    assert_eq!(html.matches("<li").count(), html.matches("</li>").count());
    // On a phone, in the dark and on paper; what stands behind a sentence is folded away.
    for part in
        ["width=device-width", "overflow-wrap: anywhere", "color-scheme: light dark", "@media print", "<details>\n<summary>"]
    {
        assert!(html.contains(part), "{part}");
    }
    assert!(!html.contains("<pre") && !html.contains("<table") && !html.contains("nowrap"), "as wide as its longest line");
}

/// Five lines, each as bad as the worst of what it sums up.
#[test]
fn the_summary_is_as_bad_as_what_it_sums_up() {
    let short = |page: &Page| {
        let text = page.text();
        let (_, after) = text.split_once("In short\n--------\n\n").unwrap();
        after.split("\n\n").next().unwrap().replace("\n  ", " ").lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let mut clean = report();
    let good = short(&page(BUILT_IN, granted(), Some(clean.clone()), Lang::En));
    assert_eq!(good.len(), 5, "{good:?}");
    assert!(good[3].starts_with("- On 22 November 2026, the settings of the other servers here were read"), "{good:?}");
    assert!(good[4].starts_with("- This machine holds the program to these rules"), "{good:?}");
    assert!(!good.iter().any(|line| line.contains("see below") || line.contains("unknown")), "{good:?}");

    let unread = short(&page(BUILT_IN, Machine::Unseen, None, Lang::En));
    assert!(unread[3].contains("is unknown: nobody has read") && unread[4].starts_with("- It is unknown"), "{unread:?}");
    let loose = short(&page(&without_rule("client-address"), granted(), None, Lang::En));
    assert_eq!(loose[2], "- Some traces of your device stay in the mail you send: see below.");
    let lacking = Machine::Daemon { missing: vec![Unenforced::ALL[0]], output: None };
    assert!(short(&page(BUILT_IN, lacking, None, Lang::En))[4].ends_with("see below."));
    clean.findings.push(Finding::new(Check::find("apache-access-log").unwrap(), "x", None, "CustomLog", "y"));
    clean.read.push("Apache".to_owned());
    let told = short(&page(BUILT_IN, granted(), Some(clean), Lang::En));
    assert!(told[3].starts_with("- The other servers here write down: your network address"), "{told:?}");
}

/// What the relay and the web server keep stands before everything else, if they keep anything.
#[test]
fn what_other_servers_keep_comes_first() {
    let first = |report: AuditReport| page(BUILT_IN, granted(), Some(report), Lang::En).lines().next().unwrap().name.clone();
    let mut report = report();
    assert_eq!(first(report.clone()), "book");
    let finding = |check: &str| Finding::new(Check::find(check).unwrap(), "x", None, "setting", "instead");
    report.findings = vec![finding("dovecot-login-line")];
    assert_eq!(first(report.clone()), "server-clean:Dovecot");
    report.findings.push(finding("postfix-envelope-lines"));
    assert_eq!(first(report), "server-clean:Postfix");
}

/// Said once more, later: what became another is told with both, and what only has a new day is no change.
#[test]
fn what_has_changed_is_told_in_words() {
    let then = page(BUILT_IN, granted(), Some(report()), Lang::En).record();
    let changes = |page: Page| Changes::between(&then, &page.record(), &Words::of(Lang::En)).map(|changes| changes.lines);
    let mut later = report();
    later.made = "2026-12-24".to_owned();
    let same = changes(page(BUILT_IN, granted(), Some(later.clone()), Lang::En)).unwrap();
    assert_eq!(same, ["Nothing: each sentence says what it said."]);
    later.findings.push(Finding::new(Check::find("postfix-envelope-lines").unwrap(), "x", None, "maillog_file", "y"));
    later.read.push("Apache".to_owned());
    let told = changes(page(&without_rule("language"), granted(), Some(later), Lang::En)).unwrap();
    let has = |start: &str, end: &str| told.iter().any(|line| line.starts_with(start) && line.ends_with(end));
    assert!(has("Postfix writes down: who writes to whom and when. Until then it said: “Postfix: its settings", "”"), "{told:?}");
    assert!(has("Left in: the languages", "”") && has("New: Apache: its settings", "."), "{told:?}");
    assert!(has("No longer said: “nginx: its settings were not read", "”"), "{told:?}");
    assert!(has("The rules in force are others", "."), "{told:?}");
    assert!(changes(page(BUILT_IN, granted(), None, Lang::Fr)).is_none(), "in another language nothing can be compared");
}

/// As members check it: OpenSSH's own tool, with the public half. What is not what was signed does not fit.
#[test]
fn a_signed_statement_can_be_checked_by_anybody() {
    let place = nologd::demo::Place::new().unwrap();
    let run = |program: &str, arguments: &[&str], input: Option<&Path>| {
        let mut command = Command::new(program);
        command.current_dir(place.folder()).args(arguments);
        command.stdin(input.map_or_else(std::process::Stdio::null, |file| fs::File::open(file).unwrap().into()));
        command.output().unwrap()
    };
    let done = run("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-C", "people", "-f", "key"], None);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let public = fs::read_to_string(place.path("key.pub")).unwrap();
    place.write("signers", format!("people@nolog.example {public}").as_bytes()).unwrap();
    let nologd = env!("CARGO_BIN_EXE_nologd");
    let signed = run(nologd, &["statement", "--output", "page.html", "--format", "html", "--sign", "key"], None);
    assert_eq!(
        (signed.status.code(), signed.stdout.as_slice()),
        (Some(0), &b""[..]),
        "{}",
        String::from_utf8_lossy(&signed.stderr)
    );
    let verify = |namespace: &str| {
        let arguments = ["-Y", "verify", "-f", "signers", "-I", "people@nolog.example", "-n", namespace, "-s", "page.html.sig"];
        run("ssh-keygen", &arguments, Some(&place.path("page.html"))).status.success()
    };
    assert!(verify("nologd-statement") && !verify("file"), "made for this purpose alone");
    let text = fs::read_to_string(place.path("page.html")).unwrap();
    place.write("page.html", text.replacen("<li>", "<li> ", 1).as_bytes()).unwrap();
    assert!(!verify("nologd-statement"), "one blank more");
    for (key, output) in [("nowhere", "page.html"), ("key", "/nowhere/page.html")] {
        let failed = run(nologd, &["statement", "--sign", key, "--output", output], None);
        assert!(failed.status.code() == Some(1) && !failed.stderr.is_empty(), "{key} {output}");
    }
    assert_eq!(run(nologd, &["statement", "--sign", "key"], None).status.code(), Some(2), "where to?");
}

/// What stands on top comes from the command line and from a file: neither can become markup, or more than a line.
#[test]
fn nothing_from_outside_becomes_markup() {
    let run = |arguments: &[&str]| Command::new(env!("CARGO_BIN_EXE_nologd")).arg("statement").args(arguments).output().unwrap();
    let html = run(&["--format", "html", "--contact", "<script>alert(1)</script>"]);
    let text = String::from_utf8(html.stdout).unwrap();
    assert!(text.contains("Questions: &lt;script&gt;") && !text.contains("<script"), "{text}");
    for bad in ["a\nb", "\u{1b}[31m", &"x".repeat(201)] {
        assert_eq!(run(&["--contact", bad]).status.code(), Some(2), "{bad:?}");
    }
    let place = nologd::demo::Place::new().unwrap();
    let old = String::from_utf8(run(&["--format", "json"]).stdout).unwrap();
    let old = old.replacen("\"text\": \"", "\"text\": \"<img src=x>", 1).replacen("\"unknown\"", "\"holds\"", 1);
    let old = old.replace("\"verdict\": \"holds\"", "\"verdict\": \"other\"");
    let file = place.write("old.json", old.as_bytes()).unwrap();
    let since = run(&["--format", "html", "--since", file.to_str().unwrap()]);
    let text = String::from_utf8(since.stdout).unwrap();
    assert!(text.contains("&lt;img src=x&gt;") && !text.contains("<img"), "{text}");
    place.write("old.json", b"{}").unwrap();
    assert_eq!(run(&["--since", file.to_str().unwrap()]).status.code(), Some(1));
}

/// The proof of what the statement says about the book: with everything set that can be set, these are all the names under which
/// something is kept, and none of them is a time at which somebody did something.
#[test]
fn the_book_keeps_what_is_said_and_no_time() {
    let store = Arc::new(MemoryStore::new());
    let book = Arc::new(Book::open(store.clone(), BookParams::default()).unwrap());
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
    book.edit_mailbox(
        &member,
        MailboxEdit {
            storage: Some(quota::OwnLimit::Own(Limit::At(5))),
            kind: Some(quota::Kind::Machine),
            sending: Some(quota::SendingSwitch::Off),
            lang: Some(quota::OwnLang::Fr),
        },
        today,
    )
    .unwrap();

    let (mut kinds, mut names) = (BTreeSet::new(), BTreeSet::new());
    for record in store.scan("").unwrap().into_iter().chain(store.usage().unwrap().records) {
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
        "kind",
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
    assert_eq!(run(&["--socket", "/nowhere"]).status.code(), Some(1), "asked for a daemon, and there is none");
}

/// The running daemon is asked; once it is gone, the sandbox is tried; with other rules than those that run, nothing is said.
#[test]
fn the_daemon_is_asked_and_where_it_is_gone_its_sandbox_is_tried() {
    let mut house = House::start("[[backend]]\nname = \"store1\"\nimap = \"imap://127.0.0.1:9\"\n");
    let line = format!("statement --config {}", house.config().display());
    let asked = house.done(&line).replace("\n  ", " ");
    let digest = house.json("status")["policy"].as_str().unwrap().to_owned();
    assert!(asked.contains("The running program was asked, just now") && asked.contains(&digest), "{asked}");
    // Its output goes into a file here.
    assert!(asked.contains("is kept on a disk of this machine"), "{asked}");
    for missing in house.json("status")["missing"].as_array().unwrap() {
        assert!(asked.contains(missing.as_str().unwrap()), "{missing}:\n{asked}");
    }

    let config = fs::read_to_string(house.config()).unwrap();
    house.place.make("policy", nologd::demo::Owner::me()).unwrap();
    house.place.write("policy/log.toml", format!("{}# other\n", FILES[1].1).as_bytes()).unwrap();
    let own = format!("{config}\n[policy]\ndirectory = \"{}\"\n", house.place.path("policy").display());
    house.place.write("nologd.toml", own.as_bytes()).unwrap();
    let other = house.nologd(&line);
    assert!(other.code == 1 && other.errors.contains("other rules"), "{}{}", other.out, other.errors);
    house.place.write("nologd.toml", config.as_bytes()).unwrap();

    house.down(Signal::SIGTERM);
    let tried = house.done(&line).replace("\n  ", " ");
    assert!(tried.contains("The running program did not answer. Another copy"), "{tried}");
    assert!(tried.contains("It can start no other program.") && tried.contains("It is unknown whether"), "{tried}");
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

fn page(headers: &str, machine: Machine, audit: Option<AuditReport>, lang: Lang) -> Page {
    let policy = Policy::parse(|file| (file == "headers.toml").then(|| headers.to_owned())).ok().unwrap();
    Page::new(&InForce { policy, machine, audit, hinted: Some(false), front: Front::default() }, lang)
}

fn granted() -> Machine {
    Machine::Daemon { missing: Vec::new(), output: Some(LogDestination::Forgotten) }
}

fn machine(missing: Vec<Unenforced>, output: Option<LogDestination>) -> Page {
    page(BUILT_IN, Machine::Daemon { missing, output }, None, Lang::En)
}

fn said(page: &Page) -> Vec<String> {
    page.lines().map(|line| line.text.clone()).collect()
}

/// The built-in rules without one of them, or with a setting loosened.
fn without_rule(name: &str) -> String {
    if name == "unknown" {
        return BUILT_IN.replace("unknown = \"drop\"", "unknown = \"keep\"");
    }
    let start = BUILT_IN.find(&format!("[[rule]]\nname    = \"{name}\"")).unwrap();
    let end = BUILT_IN[start + 1..].find("[[rule]]").map_or(BUILT_IN.len(), |at| start + 1 + at);
    format!("{}{}", &BUILT_IN[..start], &BUILT_IN[end..])
}

fn report() -> AuditReport {
    AuditReport {
        made: "2026-11-22".to_owned(),
        read: vec!["Dovecot".to_owned(), "Postfix".to_owned()],
        findings: Vec::new(),
        canary: Some(Canary { files: 7, ..Canary::default() }),
        itself: None,
    }
}
