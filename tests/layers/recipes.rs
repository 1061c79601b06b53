//! That what CONTRIBUTING.md says one has to touch is what one has to touch, and that the compiler leads there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::{code_lines, sources, without_texts};

/// Files that name a protocol for more than speaking it: its own key in the config, and what Dovecot's settings call by the same word.
const BESIDE: &[(&str, &str)] = &[
    ("sieve", "src/audit/check.rs"),
    ("sieve", "src/audit/settings/dovecot.rs"),
    ("sieve", "src/audit/settings/dovecot_services.rs"),
    ("sieve", "src/config/file.rs"),
    ("sieve", "src/run/reload.rs"),
    // What mail programs are told to set up: of ManageSieve there is nothing to tell.
    ("pop3", "src/web/mail_ports.rs"),
];

#[test]
fn a_protocol_is_named_where_the_recipe_says() {
    let recipe = recipe("A protocol");
    for protocol in ["pop3", "sieve"] {
        let beside = BESIDE.iter().filter(|(name, _)| *name == protocol).map(|(_, file)| (*file).to_owned());
        let expected: BTreeSet<_> = recipe.iter().cloned().chain(beside).collect();
        let own = |file: &str| file.contains(&format!("/{protocol}/")) || file.contains(&format!("/{protocol}"));
        let names = |text: &str| code_lines(text).any(|(_, line)| without_texts(line).to_lowercase().contains(protocol));
        let found: BTreeSet<_> =
            files().into_iter().filter(|(file, text)| !own(file) && names(text)).map(|(file, _)| file).collect();
        assert_eq!(found, expected, "{protocol}");
    }
}

/// What every code word is named in, whatever becomes of it, is what a new one must be put in.
#[test]
fn a_code_word_is_named_where_the_recipe_says() {
    let names: Vec<_> = nologd::fault::RefusalCode::ALL.iter().map(|code| format!("{code:?}")).collect();
    let is_in = |text: &str| {
        let words: BTreeSet<_> =
            code_lines(text).flat_map(|(_, line)| line.split(|char: char| !char.is_alphanumeric())).collect();
        names.iter().all(|name| words.contains(name.as_str()))
    };
    assert_eq!(those(is_in), recipe("A code word"));
}

/// Three commands that the daemon answers, each in a file of its own. Some are named in more places, for what is special about them.
#[test]
fn a_command_is_named_where_the_recipe_says() {
    let commands = [
        ["KickMailbox", "\"mailbox kick\"", "mod kick;"],
        ["MoveMailbox", "\"mailbox move\"", "mod move_mailbox;"],
        ["DiscloseMailbox", "\"disclose\"", "mod disclose;"],
    ];
    // With the tests of the one table that says who may give it.
    let is_in = |text: &str| commands.iter().all(|names| names.iter().any(|name| text.contains(name)));
    assert_eq!(those(is_in), recipe("A command"));
}

/// The page that says how to set up a mail program, in the place of all.
#[test]
fn a_page_is_named_where_the_recipe_says() {
    let named = |line: &str| ["mod programs;", "programs::", "::programs"].iter().any(|name| line.contains(name));
    let is_in = |text: &str| code_lines(text).any(|(_, line)| named(line));
    // Elsewhere they are programs of another kind.
    let of_pages = |file: &String| file.starts_with("src/web/") || file.starts_with("src/serve/");
    assert_eq!(those(is_in).into_iter().filter(of_pages).collect::<BTreeSet<_>>(), recipe("A page"));
}

fn those(is_one: impl Fn(&str) -> bool) -> BTreeSet<String> {
    files().into_iter().filter(|(_, text)| is_one(text)).map(|(file, _)| file).collect()
}

/// An enum whose new variant must be thought of wherever there is a decision: where one is matched, no `_` takes the rest.
const LEADING: &[&str] = &["Action", "BackendService", "Effect", "Fault", "JudgedAs", "RefusalCode", "ResponseKind", "Verdict"];

#[test]
fn no_wildcard_takes_what_is_new() {
    let mut found = Vec::new();
    for (file, text) in files() {
        let lines: Vec<_> = code_lines(&text).collect();
        found.extend(wildcards(&lines).into_iter().map(|(line, name)| format!("{file}:{line} over {name}")));
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_wildcard_is_found() {
    let text = "fn f() {\n    match x {\n        Fault::Down => 1,\n        Fault::Slow(_)\n        | Fault::Limit => {\n            _ => 2\n        }\n        _ => 3,\n    }\n    match y {\n        Ok(1) => Fault::Down,\n        _ => 4,\n    }\n}\n";
    assert_eq!(wildcards(&code_lines(text).collect::<Vec<_>>()), [(8, "Fault")]);
}

/// Each `_ =>` beside arms that name one of [`LEADING`]. `rustfmt` puts arms of one match under each other.
fn wildcards(lines: &[(usize, &str)]) -> Vec<(usize, &'static str)> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut found = Vec::new();
    for (at, (number, line)) in lines.iter().enumerate().filter(|(_, (_, line))| line.trim_start().starts_with("_ ")) {
        let above =
            lines[..at].iter().rev().map(|(_, line)| *line).take_while(|above| above.is_empty() || indent(above) >= indent(line));
        let patterns = above.filter(|above| indent(above) == indent(line)).map(|arm| arm.split("=>").next().unwrap().to_owned());
        let patterns: String = patterns.collect();
        let named = LEADING.iter().find(|name| {
            patterns
                .match_indices(&format!("{name}::"))
                .any(|(at, _)| !patterns[..at].ends_with(|char: char| char.is_alphanumeric()))
        });
        found.extend(named.map(|name| (*number, *name)));
    }
    found
}

/// What each recipe of CONTRIBUTING.md has at the beginning of a numbered line is a file.
#[test]
fn recipes_name_files_that_are_there() {
    for (heading, least) in
        [("A code word", 3), ("A command", 4), ("A page", 3), ("A protocol", 6), ("An IMAP extension that stores", 3)]
    {
        let files = recipe(heading);
        assert!(files.len() >= least, "{heading}: {files:?}");
        for file in files {
            assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(&file).is_file(), "{heading}: {file}");
        }
    }
}

/// The files that the numbered lines under a heading of CONTRIBUTING.md begin with.
fn recipe(heading: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("CONTRIBUTING.md")).unwrap();
    let (_, behind) = text.split_once(&format!("\n## {heading}\n")).unwrap();
    let section = behind.split("\n## ").next().unwrap();
    let numbered =
        section.lines().filter_map(|line| line.split_once(". `src/").filter(|(number, _)| number.parse::<u8>().is_ok()));
    numbered.map(|(_, rest)| format!("src/{}", rest.split('`').next().unwrap())).collect()
}

fn files() -> Vec<(String, String)> {
    let name = |path: &Path| path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap().to_str().unwrap().to_owned();
    sources().into_iter().map(|(path, text)| (name(&path), text)).collect()
}
