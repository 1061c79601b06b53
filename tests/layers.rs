//! The house rules that a compiler does not know: layers, circles, names, how long a file may be, and where personal data may go.

#![allow(clippy::unwrap_used)]

#[path = "layers/imports.rs"]
mod imports;
#[path = "layers/methods.rs"]
mod methods;
#[path = "layers/recipes.rs"]
mod recipes;
#[path = "layers/walls.rs"]
mod walls;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use imports::{circles, modules, room_of, rooms, uses};

/// Every module of the crate and its layer. A new folder must be placed here first.
const LAYERS: &[(&str, u8)] = &[
    ("words", 0),
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
    ("pop3", 3),
    ("sieve", 3),
    ("usage", 3),
    ("admin", 3),
    ("node", 3),
    ("share", 3),
    ("notice", 3),
    ("metrics", 3),
    ("web", 3),
    ("net", 4),
    ("pool", 4),
    ("sandbox", 4),
    ("terminal", 4),
    ("serve", 5),
    ("config", 6),
    ("cli", 6),
    ("run", 6),
    ("demo", 6),
    ("import", 6),
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
    ("notice", "smtp"),         // what it hands over
    ("admin", "node"),          // what it shows of the pair
    ("admin", "share"),         // and of several nodes
    ("share", "node"),          // what a node can be called
    ("web", "admin"),           // pages give the same commands
    ("web", "notice"),          // and write days as notices do
    ("postfix_policy", "smtp"), // it answers in the same words
    ("pool", "net"),            // what it keeps are connections; `net` knows nothing of it
    ("run", "config"),
    ("run", "statement"), // the pages show it
    ("main", "run"),
    ("cli", "config"), // the program's parts know each other
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
    ("cli", "import"),
];

#[test]
fn no_import_goes_upwards() {
    let layers: BTreeMap<_, _> = LAYERS.iter().copied().collect();
    let (modules, mut sideways) = (modules(), BTreeSet::new());
    let mut wrong = Vec::new();
    // The front of all has them all below it.
    for name in modules.keys().filter(|name| *name != "lib") {
        let room = room_of(name);
        let Some(&own) = layers.get(room) else {
            wrong.push(format!("{name}: module `{room}` has no layer"));
            continue;
        };
        for target in rooms(name, &modules).into_iter().filter(|target| target != room) {
            let Some(&other) = layers.get(target.as_str()) else { continue };
            match SIDEWAYS.iter().find(|row| **row == (room, target.as_str())) {
                Some(row) => _ = sideways.insert(row),
                None if other < own => {}
                None => wrong.push(format!("{name}: `{room}` (layer {own}) uses `{target}` (layer {other})")),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let unused: Vec<_> = SIDEWAYS.iter().filter(|row| !sideways.contains(row)).collect();
    assert!(unused.is_empty(), "used by nothing: take them out of the list: {unused:?}");
}

#[test]
fn every_way_to_name_a_room_is_seen() {
    for (name, code, found) in [
        ("room::a", "use crate::{\n    b::{self, c},\n    d,\n};", ["b", "d"]),
        ("room::a", "use super::B;\npub use super::super::d::D;", ["d", "room"]),
        ("room", "use super::b;\nfn f() { nologd::d::g() }", ["b", "d"]),
    ] {
        let modules = BTreeMap::from([(name.to_owned(), code.to_owned())]);
        assert_eq!(rooms(name, &modules), found.map(str::to_owned).into(), "{code}");
    }
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
    let minds = LAYERS.iter().filter(|(_, layer)| *layer == 3).map(|(room, _)| *room);
    let pure: Vec<_> = minds.chain(["wire", "policy", "scrub"]).collect();
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

/// A `mod.rs` is no exception: what the files below it use of it must not use them.
#[test]
fn no_circle_inside_a_room() {
    let modules = modules();
    let found = circles(&modules);
    assert!(found.is_empty(), "circles: {found:#?}");
}

#[test]
fn a_circle_is_found() {
    let texts = [("a", "use super::b::B;"), ("b", "fn f() { super::c::g() }"), ("c", "use super::{a, d};"), ("d", "")];
    let modules = texts.iter().map(|(name, text)| (format!("room::{name}"), (*text).to_owned())).collect();
    assert_eq!(circles(&modules), [["room::a", "room::b", "room::c"]]);
    // Through the front, which may pass on what it likes, and which names what is below it in its code too.
    for (front, found) in [
        ("mod a;\npub use a::A;", vec![]),
        ("mod a;\npub use a::A;\nconst B: &str = \"\\\"A\";", vec![]),
        ("mod a;\nuse a::A;", vec![vec!["room", "room::a"]]),
        ("mod a;\npub struct Front(a::A);", vec![vec!["room", "room::a"]]),
        ("mod a;\npub use a::A;\npub struct Front(A);", vec![vec!["room", "room::a"]]),
        ("mod a;\npub use a::{\n    A as B,\n};\npub struct Front(B);", vec![vec!["room", "room::a"]]),
    ] {
        let texts = [("room", front), ("room::a", "use super::Front;\npub(in crate::room) struct A;")];
        let modules = texts.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        assert_eq!(circles(&modules), found, "{front}");
    }
}

/// Drivers are glued by `listener` and `service` alone. What serves a connection or opens a listener is one.
#[test]
fn drivers_never_import_each_other() {
    let modules = modules();
    // That of IMAP boxes something before it is a future.
    let serve = "fn serve(accepted: Accepted, context: Arc<Context>)";
    let begins = [&format!("async {serve}"), serve, "async fn open(bound: Bound, number: u64,"];
    let is_driver = |(name, code): &(&String, &String)| {
        let is = |begin: &&str| ["super", "in crate::serve"].iter().any(|seen| code.contains(&format!("\npub({seen}) {begin}")));
        name.starts_with("serve::") && begins.iter().any(is)
    };
    let drivers: Vec<_> = modules.iter().filter(is_driver).map(|(name, _)| name.as_str()).collect();
    assert!(drivers.len() >= 11, "drivers are not found any more: {drivers:?}");
    for driver in &drivers {
        let other = uses(driver, &modules).into_iter().find(|used| drivers.contains(used));
        assert_eq!(other, None, "`{driver}` uses a driver");
    }
}

#[test]
fn every_room_of_the_list_is_there() {
    let rooms: BTreeSet<_> = sources().iter().map(|(file, _)| room(file)).collect();
    for (name, _) in LAYERS {
        assert!(rooms.contains(*name), "no file or folder `{name}`");
    }
    for (left, right) in SIDEWAYS {
        assert!(rooms.contains(*left) && rooms.contains(*right), "`{left}` or `{right}` is not there");
    }
}

/// A file of tests/ that no program has as a module would be compiled by nobody.
#[test]
fn every_file_of_tests_is_run() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let programs = ["plain", "real", "kernel"].map(|name| fs::read_to_string(tests.join(name).join("main.rs")).unwrap());
    for entry in fs::read_dir(tests).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let line = format!("#[path = \"../{name}\"]\n");
        let count = programs.iter().filter(|program| program.contains(&line)).count();
        assert!(!name.ends_with(".rs") || count == 1 || name == "leaks.rs", "{name} is in {count} programs");
    }
}

/// What callers see when something fails goes through `?` and can be shown.
#[test]
fn what_callers_see_are_errors() {
    fn is<T: std::error::Error + Send + Sync + 'static>() {}
    is::<nologd::audit::canary::FlightTrouble>();
    is::<nologd::config::StartTrouble>();
    is::<nologd::fault::Fault>();
    is::<nologd::quota::AdminError>();
    is::<nologd::quota::SizeError>();
    is::<nologd::store::StoreError>();
    assert_eq!(nologd::fault::Fault::Down.to_string(), "BACKEND-DOWN");
}

#[test]
fn no_name_stands_for_two_things() {
    let mut defined: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (file, text) in sources() {
        for (number, line) in code_lines(&text) {
            // A macro's own has no name yet.
            let Some(name) = type_name(line).filter(|name| !name.is_empty()) else { continue };
            defined.entry(name.to_owned()).or_default().push(format!("{}:{number}", file.display()));
        }
    }
    assert!(defined.len() > 500, "the types were not found");
    let found: Vec<_> = defined.into_iter().filter(|(_, places)| places.len() > 1).collect();
    assert!(found.is_empty(), "find another word: {found:#?}");
}

/// Aliases, private types and those inside others count too.
#[test]
fn every_definition_of_a_type_is_seen() {
    for (line, name) in [
        ("pub struct A;", Some("A")),
        ("enum B {", Some("B")),
        ("    pub(super) struct C<T>(T);", Some("C")),
        ("pub(in crate::serve) trait D {", Some("D")),
        ("type E = u64;", Some("E")),
        ("pub type F<T> = Vec<T>;", Some("F")),
        ("union G {", Some("G")),
        // Of a trait: each implementation has its own.
        ("    type H = u64;", None),
        ("    type_of(I);", None),
    ] {
        assert_eq!(type_name(line), name, "{line}");
    }
}

/// Words that stood for two things, and the rooms of what they stand for alone: a type of another room is called something else.
const ONE_MEANING: &[(&str, &[&str])] = &[
    ("Door", &[]),                                            // a listener, a port, a session before login
    ("House", &["share"]),                                    // of nodes: those that share an etcd and a key
    ("Lease", &["node"]),                                     // of a pair: the time for which one of them judges
    ("Offer", &["admin", "web"]),                             // of a loan
    ("Share", &["admin", "cli", "config", "serve", "share"]), // of the work, among nodes
];

#[test]
fn a_word_of_several_things_stands_for_one() {
    for (file, text) in sources() {
        for (number, line) in code_lines(&text) {
            let Some(name) = type_name(line) else { continue };
            for (word, rooms) in
                ONE_MEANING.iter().filter(|(word, _)| words_of(name).any(|part| part.trim_end_matches('s') == *word))
            {
                assert!(rooms.contains(&room(&file).as_str()), "{}:{number}: `{name}` has `{word}`", file.display());
            }
        }
    }
}

/// `NodeShare` is `Node` and `Share`.
fn words_of(name: &str) -> impl Iterator<Item = &str> {
    let starts = name.match_indices(|char: char| char.is_ascii_uppercase()).map(|(at, _)| at);
    let ends = starts.clone().skip(1).chain([name.len()]);
    starts.zip(ends).map(|(start, end)| &name[start..end])
}

/// The type that a line defines.
fn type_name(line: &str) -> Option<&str> {
    let inside = line.starts_with(' ');
    let line = line.trim_start();
    let line = match line.strip_prefix("pub") {
        Some(rest) => rest.strip_prefix('(').and_then(|rest| rest.split_once(')')).map_or(rest, |(_, rest)| rest).trim_start(),
        None => line,
    };
    let (kind, rest) = line.split_once(' ')?;
    let defines = ["struct", "enum", "trait", "union"].contains(&kind) || kind == "type" && !inside;
    defines.then(|| first_word(rest))
}

fn sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                // Long unit tests have a file of their own, or a folder.
                if !path.ends_with("tests") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|end| end == "rs") && !path.ends_with("tests.rs") {
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
    // Where the tests have a file of their own, the code goes on behind its name.
    let code = text.lines().enumerate().take_while(|(_, line)| !line.starts_with("mod tests {"));
    let is_code = |line: &str| !line.trim_start().starts_with("//") && line != "mod tests;";
    code.filter(move |(_, line)| is_code(line)).map(|(number, line)| (number + 1, line))
}

fn first_word(text: &str) -> &str {
    let text = text.trim_start();
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

/// Code without what stands in quotes.
fn without_texts(code: &str) -> String {
    let plain = ["\\\\", "\\\"", "'\"'"].iter().fold(code.to_owned(), |code, quote| code.replace(quote, ""));
    plain.split('"').step_by(2).collect()
}
