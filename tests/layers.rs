//! The house rules that a compiler does not know: layers, file and function sizes, and where personal data may go.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Every module of the crate and its layer. A new folder must be placed here first.
const LAYERS: &[(&str, u8)] = &[
    ("fault", 0),
    ("private", 0),
    ("event", 0),
    ("wire", 1),
    ("policy", 1),
    ("store", 2),
    ("quota", 2),
    ("limit", 2),
    ("route", 2),
    ("scrub", 2),
    ("incident", 2),
    ("smtp", 3),
    ("imap", 3),
    ("submission", 3),
    ("lmtp", 3),
    ("postfix_policy", 3),
    ("usage", 3),
    ("admin", 3),
    ("notice", 3),
    ("metrics", 3),
    ("net", 4),
    ("sandbox", 4),
    ("serve", 5),
    ("config", 6),
    ("cli", 6),
    ("run", 6),
    ("demo", 6),
    ("audit", 6),
    ("statement", 6),
    ("main", 6),
    ("lib", 6),
];

/// Imports inside one layer that are part of the design: the left may use the right.
const SIDEWAYS: &[(&str, &str)] = &[
    ("quota", "store"),         // the book's durable copy
    ("submission", "smtp"),     // its grammar
    ("lmtp", "smtp"),           // its grammar
    ("postfix_policy", "smtp"), // it answers in the same words
    ("run", "config"),
    ("main", "run"),
    ("cli", "config"), // the program's parts know each other
    ("demo", "config"),
    ("main", "cli"),
    ("main", "config"),
    ("main", "demo"),
    ("main", "audit"),
    ("main", "statement"),
    ("audit", "config"),
    ("statement", "audit"),
    ("statement", "config"),
    ("cli", "statement"),
    ("cli", "audit"),
    ("cli", "demo"),
];

#[test]
fn no_import_goes_upwards() {
    let layers: BTreeMap<_, _> = LAYERS.iter().copied().collect();
    let mut wrong = Vec::new();
    for (file, text) in sources() {
        let room = room(&file);
        let Some(&own) = layers.get(room.as_str()) else {
            wrong.push(format!("{}: module `{room}` has no layer", file.display()));
            continue;
        };
        for (number, line) in code_lines(&text) {
            for target in mentioned(line) {
                let Some(&other) = layers.get(target) else { continue };
                let sideways = SIDEWAYS.contains(&(room.as_str(), target));
                if target != room && other >= own && !sideways && room != "lib" {
                    wrong.push(format!("{}:{number}: `{room}` (layer {own}) uses `{target}` (layer {other})", file.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn event_never_sees_personal_types() {
    for (file, text) in sources().into_iter().filter(|(file, _)| room(file) == "event") {
        for (number, line) in code_lines(&text) {
            assert!(!line.contains("private"), "{}:{number}", file.display());
        }
    }
}

#[test]
fn only_event_speaks_to_tracing() {
    for (file, text) in sources().into_iter().filter(|(file, _)| room(file) != "event") {
        for (number, line) in code_lines(&text) {
            assert!(!line.contains("tracing"), "{}:{number}", file.display());
        }
    }
}

#[test]
fn minds_are_pure() {
    let pure = [
        "wire",
        "policy",
        "scrub",
        "smtp",
        "imap",
        "submission",
        "lmtp",
        "postfix_policy",
        "usage",
        "admin",
        "notice",
        "metrics",
    ];
    for (file, text) in sources().into_iter().filter(|(file, _)| pure.contains(&room(file).as_str())) {
        for (number, line) in code_lines(&text) {
            for banned in ["tokio", "std::net", "SystemTime", "Instant::", "std::fs", "std::thread"] {
                assert!(!line.contains(banned), "{}:{number} uses {banned}", file.display());
            }
        }
    }
}

#[test]
fn personal_types_cannot_be_printed() {
    for (file, text) in sources().into_iter().filter(|(file, _)| room(file) == "private") {
        for word in ["Pseudonym", "Hint", "Peer", "Private", "Secret", "Credential", "Address", "Domain"] {
            let lines: Vec<_> = text.lines().collect();
            for pair in lines.windows(2).filter(|pair| pair[1].starts_with(&format!("pub struct {word}"))) {
                let printable = ["Debug", "Display", "Serialize"].iter().any(|name| pair[0].contains(name));
                assert!(!printable, "{}: {}", file.display(), pair[1]);
            }
            for name in ["Debug", "Display", "Serialize", "ToString", "Deref"] {
                assert!(!text.contains(&format!("{name} for {word}")), "{}: {name} for {word}", file.display());
            }
        }
    }
}

#[test]
fn no_file_is_over_the_wall() {
    let long: Vec<_> = sources()
        .into_iter()
        .filter_map(|(file, text)| {
            let lines = text.lines().take_while(|line| !line.starts_with("mod tests")).count();
            (lines > 400).then(|| format!("{} {lines}", file.display()))
        })
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

fn sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    assert!(found.len() > 5, "the sources were not found");
    found
}

/// The top-level module that a file belongs to.
fn room(file: &Path) -> String {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let first = file.strip_prefix(src).unwrap().components().next().unwrap();
    Path::new(&first).file_stem().unwrap().to_str().unwrap().to_owned()
}

/// Lines before the unit tests, without comments.
fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let code = text.lines().enumerate().take_while(|(_, line)| !line.starts_with("mod tests"));
    code.filter(|(_, line)| !line.trim_start().starts_with("//")).map(|(number, line)| (number + 1, line))
}

/// The top-level modules that a line names as `crate::x` or `nologd::x`, also in braces.
fn mentioned(line: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for start in ["crate::", "nologd::"] {
        for (at, _) in line.match_indices(start) {
            let rest = &line[at + start.len()..];
            match rest.strip_prefix('{') {
                Some(list) => found.extend(list.split(['{', '}', ',']).map(first_word)),
                None => found.push(first_word(rest)),
            }
        }
    }
    found
}

fn first_word(text: &str) -> &str {
    let text = text.trim_start();
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}
