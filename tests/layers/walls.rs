//! How long a file and a function may be, and that no test passes without having looked.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::{code_lines, first_word, sources};

/// Lines of a file with its unit tests, and without them.
const FILE: usize = 400;
const CODE: usize = 300;
/// Lines of a function that are neither blank nor a comment, as Clippy counts them (its own bound, for tests too, is in clippy.toml).
const FUNCTION: usize = 60;

/// Files over the wall. It may only get shorter.
const LONG_FILES: &[&str] = &[];

/// Functions over the wall. It may only get shorter.
const LONG_FUNCTIONS: &[&str] = &[];

#[test]
fn no_file_is_over_the_wall() {
    let long = |(_, text): &(String, String)| {
        let code = text.lines().take_while(|line| !line.starts_with("mod tests")).count();
        // The attribute above the tests is one of them.
        let code = if text.contains("\n#[cfg(test)]\nmod tests") { code - 1 } else { code };
        text.lines().count() > FILE || code > CODE
    };
    let found = files().into_iter().filter(long).map(|(name, _)| name).collect();
    shrinks(found, LONG_FILES);
}

#[test]
fn no_function_is_over_the_wall() {
    let mut found = Vec::new();
    for (name, text) in files() {
        let long = functions(&text).into_iter().filter(|(_, lines)| *lines > FUNCTION);
        found.extend(long.map(|(function, _)| format!("{name} {function}")));
    }
    shrinks(found, LONG_FUNCTIONS);
}

#[test]
fn the_lines_of_a_function_are_counted() {
    let text = "impl X {\n    fn a() -> u8;\n\n    /// It.\n    pub(super) async fn b(\n        c: u8,\n    ) {\n        // Why.\n\n        d();\n        e();\n    }\n}\nfn f() {}\npub(in crate::a::b) fn g() {\n    h();\n}\n";
    assert_eq!(functions(text), [("b".to_owned(), 2), ("g".to_owned(), 1)]);
}

/// libtest knows no test that skips itself: one that only returns has passed. What needs root begins with `root::needed()`.
#[test]
fn no_test_returns_where_it_is_not_root() {
    let mut looked = 0;
    for path in sources_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")) {
        let text = fs::read_to_string(&path).unwrap();
        let lines: Vec<_> = text.lines().map(str::trim).collect();
        for pair in lines.windows(2).filter(|pair| pair[0].ends_with("is_root() {")) {
            looked += 1;
            let silent = pair[1].starts_with("return;") || pair[1].starts_with("return Ok(());");
            assert!(!silent, "{} passes without having looked: {}", path.display(), pair[0]);
        }
    }
    assert!(looked > 0, "nobody asks for root");
}

fn sources_below(folder: &Path) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                found.push(path);
            }
        }
    }
    found
}

/// A test that no target runs is run by nobody. `make long` runs what the others do not.
#[test]
fn what_is_ignored_is_run_by_a_target() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let makefile = fs::read_to_string(root.join("Makefile")).unwrap();
    let (_, long) = makefile.split_once("\nlong: packages\n").unwrap();
    let long = long.split("\n\n").next().unwrap();
    let skipped: Vec<_> = long.split("--skip ").skip(1).map(|rest| rest.split_whitespace().next().unwrap()).collect();
    let mut found = BTreeSet::new();
    for path in ["tests", "src"].iter().flat_map(|folder| sources_below(&root.join(folder))) {
        let text = fs::read_to_string(&path).unwrap();
        let place = path.strip_prefix(root).unwrap().display().to_string();
        for (at, _) in text.match_indices("\n#[ignore").chain(text.match_indices("\n    #[ignore")) {
            let (attribute, rest) = text[at..].split_once("]\n").unwrap();
            let target = attribute.split('"').nth(1).and_then(|reason| reason.strip_prefix("make "));
            let target = target.unwrap_or_else(|| panic!("{place}: which target runs it?{attribute}"));
            assert!(makefile.contains(&format!("\n{target}: packages\n")) || target == "fuzz", "{place}: no target {target}");
            let name = first_word(rest.split_once("fn ").unwrap().1);
            let is_it = |skip: &&str| match skip.strip_suffix("::") {
                Some(module) => place.contains(&format!("/{module}")),
                None => skip.ends_with(&format!("::{name}")),
            };
            let others = skipped.iter().copied().find(is_it);
            assert_eq!(others.is_none(), target == "long", "{place}: {name} is for `make {target}`");
            found.extend(others);
        }
    }
    assert_eq!(found.len(), skipped.len(), "`make long` skips what is not there: {skipped:?}");
}

/// Every file of src/ with its path there.
fn files() -> Vec<(String, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let name = |path: &Path| path.strip_prefix(&src).unwrap().to_str().unwrap().to_owned();
    sources().into_iter().map(|(path, text)| (name(&path), text)).collect()
}

/// Each function before the unit tests, with the lines of its body. `rustfmt` puts its end under its beginning.
fn functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<_> = code_lines(text).map(|(_, line)| line).filter(|line| !line.trim().is_empty()).collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some((before, after)) = line.split_once("fn ") else { continue };
        let modifiers = ["", "pub", "const", "async", "pub(super)", "pub(crate)", "pub(in"];
        let is_place = |word: &str| word.starts_with("crate::") && word.ends_with(')');
        if !before.split(' ').all(|word| modifiers.contains(&word) || is_place(word)) {
            continue;
        }
        let indent = &before[..before.len() - before.trim_start().len()];
        let Some(open) = lines[at..].iter().position(|line| line.ends_with('{') || line.ends_with(';') || line.ends_with('}'))
        else {
            continue;
        };
        let end = lines[at + open..].iter().position(|line| line.strip_prefix(indent) == Some("}"));
        if let (true, Some(end)) = (lines[at + open].ends_with('{'), end) {
            found.push((after[..after.find(['(', '<']).unwrap_or(after.len())].to_owned(), end - 1));
        }
    }
    found
}

/// What is found is what the list has: nothing new, and nothing that is there no more.
fn shrinks(mut found: Vec<String>, list: &[&str]) {
    found.sort();
    for name in &found {
        assert!(list.contains(&name.as_str()), "{name} is over the wall: cut it where the idea divides");
    }
    for name in list {
        assert!(found.iter().any(|found| found == name), "{name} is over the wall no more: take it out of the list");
    }
}
