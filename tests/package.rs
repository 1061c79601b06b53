//! The Debian package, as far as it can be looked at without being installed: its config starts, its files name the same places, and
//! its man pages know every command. `make test-package` does the rest, in containers.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::Command;

use clap::CommandFactory;

use nologd::cli::Arguments;
use nologd::config::{self, FILE, SOCKET};
use nologd::demo::Place;

#[path = "../examples/papers/make.rs"]
mod make;

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// The lines of the conffile that want to be edited.
fn marked(text: &str) -> Vec<&str> {
    text.lines().filter(|line| line.starts_with(char::is_alphabetic) && line.contains("# <--")).collect()
}

/// The conffile as an admin leaves it: both names written over the example's.
fn edited() -> String {
    let text = read("debian/nologd.toml");
    let marked = marked(&text);
    assert_eq!(marked.len(), 2, "{marked:?}");
    assert_eq!(text.matches("mail.example.org").count(), 2, "no other line has the example's name");
    marked.iter().fold(text.clone(), |text, line| text.replace(line, &line.replace("mail.example.org", "mail.velo.example")))
}

#[test]
fn after_two_edited_lines_the_config_is_good() {
    let place = Place::new().unwrap();
    place.make("certs/mail.velo.example", nologd::demo::Owner::me()).unwrap();
    place
        .write("certs/mail.velo.example/fullchain.pem", include_bytes!("../certs-example/mail.nolog.example/fullchain.pem"))
        .unwrap();
    place
        .write("certs/mail.velo.example/privkey.pem", include_bytes!("../certs-example/mail.nolog.example/privkey.pem"))
        .unwrap();
    place.make("state", nologd::demo::Owner::me()).unwrap();
    // What the machine that runs the tests does not have: a host's certificates, the state folder, and user `nologd`.
    let text = edited()
        .replace("/etc/letsencrypt/live", place.path("certs").to_str().unwrap())
        .replace("/var/lib/nologd", place.path("state").to_str().unwrap())
        .replace("\"nologd\"  ", "\"nobody\"  ");
    let file = place.write("nologd.toml", text.as_bytes()).unwrap();
    let check =
        || Command::new(env!("CARGO_BIN_EXE_nologd")).args(["check", "--file-only", "--config"]).arg(&file).output().unwrap();
    let said = check();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    assert!(String::from_utf8_lossy(&said.stdout).contains("good: 0 associations, 1 backend"));
    fs::remove_file(&file).unwrap();
    assert!(!check().status.success());
}

/// What is commented out is only waiting to be taken: `#[[listen]]` with the lines under it.
#[test]
fn what_the_config_offers_is_good_too() {
    let text = edited();
    let offered = text.lines().map(|line| match line.strip_prefix('#') {
        Some(rest) if rest.starts_with(|first: char| first == '[' || first.is_alphabetic()) => rest,
        _ => line,
    });
    // Groups are those of a machine with a mail server.
    let offered: String = offered.filter(|line| !line.starts_with("group")).map(|line| format!("{line}\n")).collect();
    assert!(offered.matches("[[listen]]").count() > text.lines().filter(|line| *line == "[[listen]]").count() + 2);
    if let Err(problems) = config::read(&offered) {
        panic!(
            "{:?}",
            problems.iter().map(|problem| format!("{}: {} {}", problem.line, problem.key, problem.text)).collect::<Vec<_>>()
        );
    }
}

#[test]
fn all_files_name_the_same_places() {
    let (unit, conffile, rules, postrm) = (
        read("policy/backends/nologd.service"),
        read("debian/nologd.toml"),
        read("debian/nologd.install"),
        read("debian/nologd.postrm"),
    );
    let settings = config::read(&edited()).unwrap_or_else(|_| panic!("the config is not good"));
    assert_eq!(settings.admin_socket().unwrap(), Path::new(SOCKET));
    assert_eq!(settings.state_dir, Path::new("/var/lib").join(value(&unit, "StateDirectory")));
    assert!(postrm.contains(&format!("STATE={}\n", settings.state_dir.display())), "purge erases what the daemon writes");
    let link = read("policy/backends/nologd-node.service");
    assert!(postrm.contains(&format!("NODE=/var/lib/{}\n", value(&link, "StateDirectory"))), "and the key of the link");
    let mut program = Arguments::command();
    for (option, place) in [("state", "WITNESS"), ("run", "LEASE")] {
        let witness = program.find_subcommand_mut("node").unwrap().find_subcommand("witness").unwrap();
        let option = witness.get_arguments().find(|argument| argument.get_id() == option).unwrap();
        let folder = option.get_default_values()[0].to_str().unwrap();
        assert!(
            postrm.contains(&format!("{place}={folder}\n")) && postrm.contains(&format!("\"${place}\"")),
            "and of the witness"
        );
    }
    for script in ["debian/nologd.prerm", "debian/nologd.postinst"] {
        assert!(
            read(script).contains("restart nologd-node.service") || read(script).contains("stop nologd-node.service"),
            "{script}"
        );
    }
    for unit in ["nologd-share-count", "nologd-usage-count"] {
        let count = read(&format!("policy/backends/{unit}.service"));
        let line: Vec<_> = value(&count, "ExecStart").split(' ').collect();
        assert!(line[0] == "/usr/bin/nologd" && program.clone().try_get_matches_from(&line).is_ok(), "{line:?}");
        // What it runs names mailboxes where it complains.
        assert_eq!([value(&count, "StandardOutput"), value(&count, "StandardError")], ["null", "null"]);
    }
    for (file, words) in [
        ("debian/build.sh", "nologd-share-count.service \"$OUT/stage/debian/nologd.nologd-share-count.service\""),
        ("debian/rules", "--name=nologd-share-count --no-enable --no-start"),
        ("debian/nologd.prerm", "stop nologd-sync.timer nologd-sync.service nologd-share-count.service nologd.service"),
        ("debian/nologd.postinst", "try-restart nologd-share-count.service"),
    ] {
        assert!(read(file).contains(words), "{file}: {words}");
    }
    assert_eq!(Path::new(SOCKET).parent().unwrap(), Path::new("/run").join(value(&unit, "RuntimeDirectory")));
    assert_eq!(value(&unit, "ExecStart"), format!("/usr/bin/nologd run --config {FILE}"));
    assert_eq!(value(&unit, "ExecStartPre"), format!("/usr/bin/nologd check --file-only --config {FILE}"));
    assert!(rules.contains("nologd usr/bin\n") && rules.contains("debian/nologd.toml etc/nologd\n"));
    assert_eq!(settings.user.as_deref(), Some(value(&unit, "User")));
    assert!(read("debian/nologd.sysusers").contains(&format!("u     {} ", value(&unit, "User"))));
    let patience: u64 = value(&unit, "TimeoutStopSec").parse().unwrap();
    assert!(settings.drain.as_secs() < patience, "systemd would kill it while it drains");
    for default in ["check", "run"] {
        let program = Arguments::command();
        let option =
            program.find_subcommand(default).unwrap().get_arguments().find(|option| option.get_id() == "config").unwrap();
        assert_eq!(option.get_default_values(), [FILE], "{default}");
    }
    // Where the config looks for the servers is where the templates put them.
    let behind = |scheme: &str| {
        let (_, rest) = conffile.split_once(&format!("\"{scheme}://127.0.0.1:")).unwrap();
        rest.split('"').next().unwrap().to_owned()
    };
    for version in ["2.3", "2.4"] {
        let text = read(&format!("policy/backends/dovecot-{version}-ports.conf"));
        for port in [behind("imap"), behind("lmtp")] {
            assert!(text.contains(&format!("port = {port}\n")), "{version}: {port}");
        }
    }
    assert!(read("policy/backends/postfix-master.cf").contains(&format!("127.0.0.1:{} inet", behind("smtp"))));
}

/// What stands behind `NAME=` in a unit.
fn value<'a>(unit: &'a str, name: &str) -> &'a str {
    unit.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=')).unwrap()
}

#[test]
fn man_pages_and_completions_know_every_command() {
    let place = Place::new().unwrap();
    make::all(&place.path("papers")).unwrap();
    let paper = |name: &str| fs::read_to_string(place.path("papers").join(name)).unwrap_or_else(|_| panic!("{name}"));
    let shells = ["bash/nologd", "zsh/_nologd", "fish/nologd.fish"].map(paper);
    let mut program = Arguments::command();
    program.build();
    let mut pages = 0;
    each(&program, &mut vec![], &mut |names, command| {
        pages += 1;
        let page = paper(&format!("man/{}.1", names.join("-"))).replace("\\-", "-");
        for option in command.get_arguments().filter_map(|argument| argument.get_long()) {
            assert!(page.contains(&format!("--{option}")), "{names:?}: --{option}");
            for shell in &shells {
                assert!(shell.contains(option), "{option}");
            }
        }
        for below in command.get_subcommands() {
            assert!(page.contains(below.get_name()), "{names:?}: {}", below.get_name());
        }
        for shell in &shells {
            assert!(shell.contains(command.get_name()), "{names:?}");
        }
    });
    assert!(pages > 25, "{pages}");
    assert_eq!(fs::read_dir(place.path("papers/man")).unwrap().count(), pages);
}

fn each(command: &clap::Command, above: &mut Vec<String>, look: &mut impl FnMut(&[String], &clap::Command)) {
    above.push(command.get_name().to_owned());
    look(above, command);
    command.get_subcommands().for_each(|below| each(below, above, look));
    above.pop();
}

#[test]
fn the_package_has_the_version_of_the_program() {
    let changelog = read("debian/changelog");
    let version = changelog.split(['(', ')']).nth(1).unwrap();
    assert_eq!(version.split('-').next(), Some(env!("CARGO_PKG_VERSION")));
}
