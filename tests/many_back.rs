//! A host goes from two nodes back to one, changes settings there, and becomes one of several again, while etcd still has its settings of before
//! (docs/many-nodes.md#settings-that-are-in-dispute): nothing comes back in silence.

use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nologd::demo::Member;
use serde_json::Value;

use crate::many::{ASSOCIATIONS, NAMES, Odd, Stage, members};

const SUSPENDED: &str = "association set velo --state suspended";

fn until(stage: &Stage, what: impl Fn() -> bool) {
    let begin = Instant::now();
    while !what() {
        assert!(begin.elapsed() < Duration::from_secs(40), "{:?}", [0, 1].map(|at| (stage.shown(at), stage.out(at))));
        sleep(Duration::from_millis(100));
    }
}

/// The config without `[share]` and its listeners.
fn alone(config: &str) -> String {
    let sections = config.split_inclusive('\n').fold(Vec::new(), |mut sections: Vec<String>, line| {
        if line.starts_with('[') || sections.is_empty() {
            sections.push(String::new());
        }
        sections.iter_mut().last().unwrap().push_str(line);
        sections
    });
    let is_of_share =
        |section: &String| section.starts_with("[share]") || section.starts_with("[[share") || section.contains("\"share-");
    sections.into_iter().filter(|section| !is_of_share(section)).collect()
}

fn state(stage: &Stage, at: usize) -> Value {
    let shown: Value = serde_json::from_str(&stage.nologd(at, "association show velo --json").1).unwrap_or_default();
    shown["association"]["settings"]["state"].clone()
}

fn stop(stage: &mut Stage, at: usize) {
    stage.signal(at, Signal::SIGTERM);
    drop(stage.nodes[at].take());
}

/// Both judge by the same settings; then the second one goes.
fn shared() -> Stage {
    let mut stage = Stage::prepared(Odd::Nothing);
    refuses_unknown(&stage, 0, |config| config);
    (0..2).for_each(|at| stage.up(at));
    stage.until_settled();
    assert_eq!(stage.nologd(0, "share publish").0, 0);
    until(&stage, || stage.shown(1)["book"] == "shared");
    knows_all_domains(&stage, 0, true);
    stop(&mut stage, 1);
    stage
}

/// The first node runs alone for a while, and these are changed.
fn by_itself(stage: &mut Stage, lines: &[&str]) {
    let file = format!("{}/nologd.toml", NAMES[0]);
    let config = std::fs::read_to_string(stage.place.path(&file)).unwrap();
    stop(stage, 0);
    stage.place.write(&file, alone(&config).as_bytes()).unwrap();
    stage.up(0);
    for line in lines {
        let said = stage.nologd(0, line);
        assert_eq!(said.0, 0, "{line}: {said:?}");
    }
    stop(stage, 0);
    stage.place.write(&file, config.as_bytes()).unwrap();
}

/// By its config, mail to unknown domains is refused for good.
fn refuses_unknown(stage: &Stage, at: usize, change: impl Fn(String) -> String) {
    let file = format!("{}/nologd.toml", NAMES[at]);
    let config = std::fs::read_to_string(stage.place.path(&file)).unwrap();
    let config = change(config.replacen("[share]", "[quota]\nunknown = \"refuse\"\n[share]", 1));
    stage.place.write(&file, config.as_bytes()).unwrap();
}

/// What a member and the relay hear of a domain that is not in the book: nothing for good, where it may be in the book of all nodes.
fn knows_all_domains(stage: &Stage, at: usize, knows: bool) {
    let nobody = Member { address: "zoe@nobody.example", password: "guessed" };
    let (told, delivered) = (stage.login(at, &nobody), stage.deliver(at, &nobody, 1000));
    let wanted = if knows { ("WRONG-PASSWORD", "550 5.1.2 ") } else { ("a NO [UNAVAILABLE]", "451 4.3.2 ") };
    assert!(told.contains(wanted.0) && delivered.starts_with(wanted.1), "{told} {delivered}");
}

/// It judges and takes nothing, and says why, and over what: by name, and by nobody's address. What another one judges goes on.
fn disputes(stage: &Stage, is_judged_elsewhere: bool) {
    until(stage, || stage.shown(0)["book"] == "disputed" && stage.shown(0)["bar"] == "disputed");
    until(stage, || stage.out(0).contains("nologd: judges-nothing why=9"));
    let shown = stage.nologd(0, "share show").1;
    assert!(
        shown.contains("IN DISPUTE") && shown.contains("share publish --replace") && shown.contains("share adopt"),
        "{shown}"
    );
    assert!(shown.contains("        velo: suspended here, active in etcd\n"), "{shown}");
    assert_eq!(shown.contains("        jardin: its limits\n"), is_judged_elsewhere, "{shown}");
    let disputed = stage.shown(0)["disputed"].to_string();
    assert!(
        disputed.starts_with("[{\"here\":\"suspended\",\"in-etcd\":\"active\",\"name\":\"velo\"") && !disputed.contains('@'),
        "{disputed}"
    );
    let status: Value = serde_json::from_str(&stage.nologd(0, "status --json").1).unwrap();
    assert_eq!(status["judges-nothing"], "disputed");
    assert!(stage.nologd(0, "status").1.contains("judges NOTHING (disputed)"));
    let mut check = Command::new(env!("CARGO_BIN_EXE_nologd"));
    let checked = check.args(["check", "--config"]).arg(stage.folder(0).join("nologd.toml")).output().unwrap();
    let said = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(said.contains("judges nothing (disputed)") && checked.status.code() == Some(1), "{said}");
    // Of the other association nothing was changed; it waits all the same.
    let member = members(ASSOCIATIONS[1])[0];
    let (appended, delivered) = (stage.append(0, member, 1000), stage.deliver(0, member, 1000));
    let wanted = if is_judged_elsewhere { ("b OK", "250 ") } else { ("[UNAVAILABLE]", "451 ") };
    assert!(appended.contains(wanted.0) && delivered.starts_with(wanted.1), "{appended} {delivered}");
    knows_all_domains(stage, 0, false);
    let said = stage.nologd(0, "share publish");
    assert!(said.0 == 1 && said.2.contains("--replace"), "{said:?}");
    let said = stage.nologd(0, "association set jardin --storage 5M");
    assert!(said.0 == 1 && said.2.contains("share adopt"), "{said:?}");
}

#[test]
fn who_has_not_heard_of_etcd_calls_no_domain_nobodys() {
    let mut stage = Stage::prepared(Odd::Nothing);
    let (etcd, nobody) = (format!("127.0.0.1:{}", stage.etcd_port), format!("127.0.0.1:{}", stage.place.port().unwrap()));
    refuses_unknown(&stage, 0, |config| config.replace(&etcd, &nobody));
    stage.up(0);
    knows_all_domains(&stage, 0, false);
}

#[test]
fn what_was_suspended_by_a_node_alone_stays_so_until_an_admin_says_otherwise() {
    let mut stage = shared();
    by_itself(&mut stage, &[SUSPENDED]);
    stage.up(0);
    disputes(&stage, false);
    assert_eq!(state(&stage, 0), "suspended");
    // Killed and begun anew it is not otherwise.
    stage.signal(0, Signal::SIGKILL);
    stage.up(0);
    disputes(&stage, false);
    assert_eq!(stage.nologd(0, "share publish --replace").0, 0);
    until(&stage, || stage.shown(0)["book"] == "shared" && stage.shown(0)["bar"].is_null());
    // Who was away, and changed nothing, follows.
    stage.up(1);
    stage.until_settled();
    assert_eq!([0, 1].map(|at| state(&stage, at)), ["suspended", "suspended"]);
    let said = stage.nologd(1, "share adopt");
    assert!(said.0 == 1 && said.2.contains("Nothing is in dispute"), "{said:?}");
    // And as one of several it may be killed.
    until(&stage, || stage.nologd(1, "association set velo --state active").0 == 0);
    stage.signal(0, Signal::SIGKILL);
    until(&stage, || stage.nologd(1, "association set velo --storage 6M").0 == 0);
    stage.up(0);
    stage.until_settled();
    assert!(!stage.out(0).ends_with("why=9\n") && state(&stage, 0) == state(&stage, 1));
}

/// Nothing is shared yet, and both run: what one of them publishes comes in place of nothing that the other one has of its own.
#[test]
fn a_node_that_runs_with_settings_of_its_own_disputes_what_is_published() {
    let mut stage = Stage::prepared(Odd::Nothing);
    let file = format!("{}/nologd.toml", NAMES[1]);
    let config = std::fs::read_to_string(stage.place.path(&file)).unwrap();
    stage.place.write(&file, config.replacen("storage = \"8M\"", "storage = \"7M\"", 1).as_bytes()).unwrap();
    (0..2).for_each(|at| stage.up(at));
    stage.until_settled();
    assert_eq!(stage.nologd(0, "share publish").0, 0);
    until(&stage, || stage.shown(1)["bar"] == "disputed");
    assert!(stage.nologd(1, "share show").1.contains("velo: its limits\n"), "{}", stage.shown(1));
    assert!(stage.nologd(1, "association show velo").1.contains("7"), "{}", stage.shown(1));
    assert_eq!(stage.nologd(1, "share adopt").0, 0);
    stage.until_settled();
}

/// It was suspended for all, and made active alone.
#[test]
fn who_is_suspended_by_what_etcd_has_is_not_let_in_either() {
    let mut stage = shared();
    until(&stage, || stage.nologd(0, SUSPENDED).0 == 0);
    by_itself(&mut stage, &["association set velo --state active"]);
    for again in [false, true] {
        if again {
            stage.signal(0, Signal::SIGKILL);
        }
        stage.up(0);
        // Not in the first moment either, before it has read what etcd has.
        until(&stage, || {
            let told = stage.login(0, members(ASSOCIATIONS[0])[0]);
            assert!(told.contains("a NO"), "{told}");
            stage.shown(0)["bar"] == "disputed"
        });
    }
    let told = ASSOCIATIONS.map(|association| stage.login(0, members(association)[0]));
    assert!(told[0].contains("(SUSPENDED)") && told[1].contains("a OK"), "{told:?}");
    assert!(stage.nologd(0, "share show").1.contains("velo: active here, suspended in etcd\n"), "{}", stage.shown(0));
    assert_eq!(stage.nologd(0, "share publish --replace").0, 0);
    assert!(stage.shown(0)["disputed"].is_null());
    until(&stage, || stage.login(0, members(ASSOCIATIONS[0])[0]).contains("a OK"));
}

/// What is in dispute is something else; then the others suspend an association whose member has a session open here.
#[test]
fn who_is_suspended_by_the_others_in_a_dispute_is_sent_away() {
    let mut stage = shared();
    by_itself(&mut stage, &["association set jardin --storage 5M"]);
    stage.up(1);
    stage.until_judged(&[1]);
    stage.up(0);
    until(&stage, || stage.shown(0)["bar"] == "disputed");
    let [velo, jardin] = ASSOCIATIONS.map(|association| members(association)[0]);
    let ((mut suspended, told), (mut other, too)) = (stage.pop3(0, velo), stage.pop3(0, jardin));
    assert!(told.starts_with("+OK") && too.starts_with("+OK"), "{told} {too}");
    until(&stage, || stage.nologd(1, SUSPENDED).0 == 0);
    assert!(suspended.line().starts_with("-ERR [SYS/TEMP]") && suspended.ends(Duration::from_secs(5)));
    assert!(stage.pop3(0, velo).1.contains("(SUSPENDED)"));
    assert!(other.ask("NOOP\r\n", "+OK").starts_with("+OK"));
}

#[test]
fn what_all_nodes_have_is_taken_where_an_admin_says_so() {
    let mut stage = shared();
    by_itself(&mut stage, &[SUSPENDED]);
    stage.up(1);
    stage.until_judged(&[1]);
    assert_eq!(stage.nologd(1, "association set jardin --storage 6M").0, 0);
    stage.up(0);
    disputes(&stage, true);
    // Who is suspended here is not let in by a node that has not heard of it.
    let told = stage.login(0, members(ASSOCIATIONS[0])[0]);
    assert!(told.contains("(SUSPENDED)"), "{told}");
    assert!(stage.login(1, members(ASSOCIATIONS[0])[0]).contains("a OK"));
    // Mail to it comes in, as in every state.
    let delivered = stage.deliver(0, members(ASSOCIATIONS[0])[0], 1000);
    assert!(delivered.starts_with("250 "), "{delivered}");
    // The other one judges on, by what it has.
    assert!(stage.append(1, members(ASSOCIATIONS[1])[0], 1000).contains("b OK"));
    assert_eq!(stage.nologd(0, "share adopt").0, 0);
    until(&stage, || stage.shown(0)["book"] == "shared");
    stage.until_settled();
    assert_eq!(state(&stage, 0), state(&stage, 1));
    assert_ne!(state(&stage, 0), "suspended");
    // Alone, and nothing is changed: nobody has to be asked.
    by_itself(&mut stage, &["association set velo --storage 8M"]);
    until(&stage, || stage.nologd(1, "association set velo --storage 7M").0 == 0);
    stage.up(0);
    stage.until_settled();
    assert!(stage.nologd(0, "association show velo").1.contains("7"), "{}", stage.shown(0));
}
