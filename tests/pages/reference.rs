//! `docs/admin/reference.md`: commands, events and code words are written by the program, keys of the config by hand and tried.
//!
//! `WRITE_REFERENCE=1 cargo test --test plain pages::reference` writes what is written. That no key of the config is missing is a test of
//! `src/config/file.rs`, which knows them.

use std::fmt::Write as _;
use std::fs;

use clap::{Arg, Command, CommandFactory};
use nologd::cli::Arguments;
use nologd::config;
use nologd::event::EventKind;
use nologd::fault::{Lang, RefusalCode};
use nologd::import::code::SyncCode;
use nologd::import::settings::{KEYS, SyncSettings};
use nologd::policy::FILES;
use nologd::sandbox::Unenforced;
use nologd::serve::Service;
use toml::{Table, Value};

use super::page::{Page, root};

const FILE: &str = "docs/admin/reference.md";
/// The headings of the tables of keys.
const CONFIG: &str = "## Config\n";
const SYNC: &str = "## What `nologd sync` is told\n";

#[test]
#[allow(clippy::disallowed_methods)] // a page of the repository, on request
fn it_says_what_the_program_knows() {
    let was = fs::read_to_string(root().join(FILE)).unwrap();
    let parts = [("commands", commands()), ("events", events()), ("rules", rules()), ("code words", codes())];
    let now = parts.iter().fold(was.clone(), |text, (name, part)| {
        let begin = format!("<!-- {name}: written by the program -->\n");
        let (before, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("no place for the {name}"));
        let (_, after) = rest.split_once("<!-- end -->").unwrap();
        format!("{before}{begin}{part}<!-- end -->{after}")
    });
    if now != was && std::env::var_os("WRITE_REFERENCE").is_some() {
        fs::write(root().join(FILE), &now).unwrap();
        return;
    }
    let old: Vec<_> = was.lines().collect();
    let missing: Vec<_> = now.lines().filter(|line| !old.contains(line)).collect();
    assert!(
        now == was,
        "{FILE} is old: WRITE_REFERENCE=1 cargo test --test plain pages::reference\nnot there:\n{}",
        missing.join("\n")
    );
}

/// Where the daemon is, and how it answers: said once on top of the page, for all that ask it.
const ASKING: [&str; 3] = ["socket", "config", "json"];

fn commands() -> String {
    let mut text = String::new();
    let mut program = Arguments::command();
    program.build();
    each(&program, "nologd", &mut text);
    text
}

fn each(command: &Command, name: &str, text: &mut String) {
    if command.has_subcommands() {
        for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help" || name == "nologd") {
            each(inner, &format!("{name} {}", inner.get_name()), text);
        }
        return;
    }
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let admin = command.get_arguments().any(|argument| argument.get_id() == "socket");
    let shown = |argument: &&Arg| {
        let id = argument.get_id().as_str();
        let everywhere = ["help", "version"].contains(&id) || admin && ASKING.contains(&id);
        !everywhere
    };
    let arguments: Vec<_> = command.get_arguments().filter(shown).collect();
    let needed = arguments.iter().filter(|argument| argument.is_required_set());
    let line: String = needed.map(|argument| format!(" {}", written(argument))).collect();
    let _ = writeln!(text, "- `{name}{line}`: {}", sentence(&about));
    for argument in arguments {
        let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
        let _ = writeln!(text, "  - `{}`: {}", written(argument), sentence(&help));
    }
}

fn written(argument: &Arg) -> String {
    let takes = argument.get_action().takes_values();
    let value = argument.get_value_names().map(|names| names.join(" ")).unwrap_or_else(|| argument.get_id().to_string());
    match (argument.get_long(), takes) {
        (Some(long), true) => format!("--{long} {value}"),
        (Some(long), false) => format!("--{long}"),
        (None, _) => value.to_uppercase(),
    }
}

fn sentence(text: &str) -> String {
    let text = text.trim().replace('\n', " ");
    if text.ends_with('.') || text.is_empty() { text } else { format!("{text}.") }
}

fn events() -> String {
    let mut text =
        "| event | numbers | why it is told | what to do (`nologd help WORD`) | en français |\n|---|---|---|---|---|\n"
            .to_owned();
    let (_, log) = FILES.iter().find(|(file, _)| *file == "log.toml").unwrap();
    let log: Table = toml::from_str(log).unwrap();
    for event in log["event"].as_array().unwrap() {
        let numbers: Vec<_> = event["numbers"].as_array().unwrap().iter().map(|number| number.as_str().unwrap()).collect();
        let (name, reason) = (event["name"].as_str().unwrap(), event["reason"].as_str().unwrap());
        let (en, fr) = EventKind::find(name).unwrap().meaning();
        let _ = writeln!(text, "| `{name}` | {} | {reason} | {en} | {fr} |", numbers.join(", "));
    }
    text
}

fn rules() -> String {
    let mut text = "| rule | word |\n|---|---|\n".to_owned();
    for rule in Unenforced::ALL {
        let _ = writeln!(text, "| {} | `{}` |", *rule as u64, rule.word());
    }
    text
}

fn codes() -> String {
    let mut text = "| word | what it says | en français |\n|---|---|---|\n".to_owned();
    for code in RefusalCode::ALL {
        let _ = writeln!(text, "| {} | {} | {} |", code.word(), code.text(Lang::En), code.text(Lang::Fr));
    }
    for code in SyncCode::ALL {
        let _ = writeln!(text, "| {} | {} | {} |", code.word(), code.text(Lang::En), code.text(Lang::Fr));
    }
    text
}

/// The least that is a config, with one of each section that can stand several times.
fn least() -> Table {
    toml::from_str(
        "hostname = \"mail.nolog.example\"\nstate_dir = \"/var/lib/nologd\"\n\
         [[listen]]\nservice = \"imap\"\naddress = \"127.0.0.1:143\"\ntls = \"none\"\n\
         [[backend]]\nname = \"store1\"\nimap = \"imap://127.0.0.1:10143\"\n\
         [[association]]\nname = \"velo\"\ndomains = [\"velo.example\"]\n\
         [[association.alias]]\naddress = \"contact@velo.example\"\nmailboxes = [\"alice@velo.example\"]\n",
    )
    .unwrap()
}

/// The least config with `key` set.
fn with(key: &str, value: Value) -> String {
    let mut whole = least();
    let mut table = &mut whole;
    let mut parts = key.split('.').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            table.insert(part.to_owned(), value);
            break;
        }
        table = match table.entry(part).or_insert_with(|| Value::Table(Table::new())) {
            Value::Table(inner) => inner,
            Value::Array(items) => items[0].as_table_mut().unwrap(),
            _ => panic!("{key}"),
        };
    }
    whole.to_string()
}

/// Rows of the tables of keys below a heading: the key, and its default where it has one.
fn keys(heading: &str) -> Vec<(String, Option<Value>)> {
    let page = Page::read(FILE);
    let (_, config) = page.prose.split_once(heading).unwrap();
    let (config, _) = config.split_once("\n## ").unwrap();
    let rows = config.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.map(|row| {
        let (key, rest) = row.split_once("` | ").unwrap();
        let value = rest.strip_prefix('`').and_then(|rest| rest.split('`').next());
        let value = value.map(|value| toml::from_str::<Table>(&format!("x = {value}")).unwrap()["x"].clone());
        (key.to_owned(), value)
    })
    .collect()
}

#[test]
fn every_key_is_known_and_every_default_is_the_programs() {
    let base = config::read(&least().to_string()).unwrap_or_else(|problems| panic!("{problems:?}"));
    let (mut wrong, mut defaults) = (Vec::new(), 0);
    for (key, default) in keys(CONFIG) {
        let read = config::read(&with(&key, default.clone().unwrap_or(Value::String("x".to_owned()))));
        match (read, default) {
            (Ok(read), Some(_)) if same(&read, &base) => defaults += 1,
            (Ok(_), Some(_)) => wrong.push(format!("{key} has another default")),
            (Err(problems), Some(_)) => wrong.push(format!("{key}: {problems:?}")),
            (Err(problems), None) if problems.iter().any(|problem| problem.text.contains("not known")) => {
                wrong.push(format!("{key} is not known"));
            }
            (_, None) => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(defaults > 30, "{defaults}");
}

fn same(one: &config::Config, other: &config::Config) -> bool {
    let backend = |config: &config::Config| config.backends.iter().next().map(|(_, backend)| (backend.auth, backend.hint));
    let settings = |config: &config::Config| config.associations[0].sender_rule;
    one.limits == other.limits
        && one.pool == other.pool
        && one.patience == other.patience
        && one.sizes == other.sizes
        && one.quota == other.quota
        && one.drain == other.drain
        && one.separator == other.separator
        && one.sandbox_required == other.sandbox_required
        && one.listens == other.listens
        && backend(one) == backend(other)
        && settings(one) == settings(other)
        && one.associations[0].lang == other.associations[0].lang
}

/// A row that was left over, or that stands outside its table.
#[test]
fn each_key_stands_once_in_a_table() {
    for heading in [CONFIG, SYNC] {
        let keys: Vec<_> = keys(heading).into_iter().map(|(key, _)| key).collect();
        let twice: Vec<_> = keys.iter().filter(|key| keys.iter().filter(|other| other == key).count() > 1).collect();
        assert!(twice.is_empty(), "{twice:?}");
    }
    let page = Page::read(FILE);
    let lines: Vec<_> = page.prose.lines().collect();
    let lone = lines.windows(2).find(|pair| pair[1].starts_with("| `") && !pair[0].starts_with('|'));
    assert_eq!(lone, None);
    let row = lines.iter().find(|line| line.starts_with("| `listen.service` |")).unwrap();
    let mut words: Vec<_> = row.trim_end_matches(" |").rsplit(" | ").next().unwrap().split(", ").collect();
    words.sort_unstable();
    assert!(words.iter().copied().eq(Service::ALL.iter().map(|service| service.word())), "{words:?}");
}

#[test]
fn every_key_of_the_sync_is_known_and_every_default_is_the_programs() {
    let keys = keys(SYNC);
    let mut named: Vec<_> = keys.iter().map(|(key, _)| key.as_str()).collect();
    let mut known: Vec<_> = KEYS.iter().map(|(key, _)| *key).collect();
    named.sort_unstable();
    known.sort_unstable();
    assert_eq!(named, known);
    let read = |text: &str| toml::from_str::<SyncSettings>(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let without = read("");
    let shown = |settings: &SyncSettings| {
        let database = settings.database("alternc").unwrap();
        (settings.engine(), database.socket, database.port, database.name, database.user, settings.multiplier())
    };
    let mut defaults = 0;
    for (key, default) in keys {
        let Some(default) = default else { continue };
        let with = read(&format!("{key} = {default}"));
        assert!(shown(&with) == shown(&without), "{key} has another default");
        // And it is one that can be another.
        let other = match &default {
            Value::String(text) if text == "mariadb" => "\"postgresql\"".to_owned(),
            Value::String(_) => "\"/nowhere\"".to_owned(),
            _ => "7".to_owned(),
        };
        assert!(shown(&read(&format!("{key} = {other}"))) != shown(&without), "{key} does nothing");
        defaults += 1;
    }
    assert_eq!(defaults, 4);
    // The file that the package brings: what is commented out there is known too.
    let template = fs::read_to_string(root().join("policy/backends/panels/sync.toml")).unwrap();
    let all: String = template
        .lines()
        .filter(|line| !line.starts_with("# "))
        .map(|line| format!("{}\n", line.trim_start_matches('#')))
        .collect();
    assert!(read(&all).mailboxes_file.is_some() && read(&template).from.is_some());
}
