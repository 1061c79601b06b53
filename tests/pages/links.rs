//! Links between pages, and what the source cites: each leads to a file that is there, and to a heading of it where one is named.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::page::{Page, all, files, root, slug, top};

#[test]
fn no_link_is_dead() {
    let pages: BTreeMap<_, _> = all().into_iter().map(|page| (PathBuf::from(&page.name), page)).collect();
    let (mut dead, mut followed) = (Vec::new(), 0);
    for page in pages.values() {
        for (file, anchor) in page.links() {
            followed += 1;
            let heading = match (&anchor, pages.get(&file)) {
                (Some(anchor), Some(target)) => target.has_heading(anchor),
                (Some(_), None) => false,
                (None, _) => true,
            };
            if !root().join(&file).exists() || !heading {
                dead.push(format!("{}: {} {}", page.name, file.display(), anchor.unwrap_or_default()));
            }
        }
    }
    assert!(dead.is_empty(), "dead links:\n{}", dead.join("\n"));
    assert!(followed > 80, "{followed}");
}

#[test]
fn every_page_is_found_from_the_readme() {
    let found = within(usize::MAX);
    let lost: Vec<_> =
        all().into_iter().filter(|page| !found.contains_key(Path::new(&page.name))).map(|page| page.name).collect();
    assert!(lost.is_empty(), "no link leads to {lost:?}");
}

/// Files, by the number of links from the README to them; the README itself is 0 away.
fn within(hops: usize) -> BTreeMap<PathBuf, usize> {
    let mut found = BTreeMap::from([(PathBuf::from("README.md"), 0)]);
    let mut edge = vec![PathBuf::from("README.md")];
    let mut hop = 0;
    while hop < hops && !edge.is_empty() {
        hop += 1;
        let pages = edge.iter().filter(|file| file.extension().is_some_and(|end| end == "md"));
        let targets: Vec<_> = pages.flat_map(|file| Page::read(file.to_str().unwrap()).links()).map(|(file, _)| file).collect();
        edge = targets.into_iter().filter(|file| found.insert(file.clone(), hop).is_none()).collect();
    }
    found
}

/// Somebody who has never seen this: the word that they look for, and where two links lead them.
#[test]
fn a_stranger_finds_it_in_two_links() {
    let near = within(1);
    for (word, target, heading) in [
        ("header is scrubbed", "src/scrub/rewrite.rs", None),
        ("APPEND is paid", "src/imap/appending.rs", None),
        ("code word", "CONTRIBUTING.md", Some("a-code-word")),
        ("one dialogue", "docs/testing.md", Some("one-dialogue")),
    ] {
        let pages = near.keys().filter(|file| file.extension().is_some_and(|end| end == "md"));
        let shown = pages.map(|file| Page::read(file.to_str().unwrap())).any(|page| {
            let line = page.prose.lines().find(|line| line.contains(word)).unwrap_or_default().to_owned();
            Page { prose: line, ..page }.links().iter().any(|(file, _)| file.to_str() == Some(target))
        });
        assert!(shown, "no line with \"{word}\" leads to {target}");
        assert!(heading.is_none_or(|heading| Page::read(target).has_heading(heading)), "{target} {heading:?}");
    }
}

/// The table of layers stands where a reader of pages looks, and where a reader of the source does.
#[test]
fn both_tables_of_layers_are_the_same() {
    let [page, source] = ["docs/architecture.md", "src/lib.rs"].map(|name| {
        let text = fs::read_to_string(root().join(name)).unwrap();
        let rows = text.lines().filter_map(|line| line.trim_start_matches("//! ").strip_prefix("| "));
        let rows = rows.filter(|row| row.starts_with(|char: char| char.is_ascii_digit()));
        let modules = |row: &str| row.split(" | ").nth(1).unwrap().split_whitespace().map(str::to_owned).collect::<BTreeSet<_>>();
        rows.map(|row| (row.split(" | ").next().unwrap().to_owned(), modules(row))).collect::<Vec<_>>()
    });
    assert_eq!(page, source);
    let text = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let modules = text.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    let modules: BTreeSet<_> = modules.chain(["main"]).map(|name| format!("`{name}`")).collect();
    assert_eq!(source.into_iter().flat_map(|(_, modules)| modules).collect::<BTreeSet<_>>(), modules);
}

/// The orders of the dialogues are explained.
#[test]
fn every_order_is_in_the_page_about_tests() {
    let page = Page::read("docs/testing.md");
    // Up to what differs: a text, or a name in capitals.
    let fixed = |text: &str| {
        let differs = |word: &&str| *word == "text" || word.starts_with(|char: char| char.is_ascii_uppercase());
        let words = text.split_whitespace().take_while(|word| !differs(word));
        words.map(|word| word.trim_end_matches(':').to_owned()).collect::<Vec<_>>()
    };
    let known = page.quoted().map(|quoted| fixed(quoted.trim_start_matches("! ")));
    let known: Vec<_> = known.filter(|words| !words.is_empty()).collect();
    let (mut unknown, mut orders) = (Vec::new(), 0);
    for name in files(&["tests/dialogues"]) {
        let text = fs::read_to_string(root().join(&name)).unwrap();
        for order in text.lines().filter_map(|line| line.strip_prefix("! ")) {
            orders += 1;
            let words: Vec<_> = order.split_whitespace().map(|word| word.trim_end_matches(':')).collect();
            if !known
                .iter()
                .any(|known| known.len() <= words.len() && known.iter().zip(&words).all(|(known, word)| known == word))
            {
                unknown.push(format!("{name}: {order}"));
            }
        }
    }
    assert!(unknown.is_empty() && orders > 100, "not explained: {unknown:#?}");
}

/// The source, its comments, and what is shipped beside it.
fn texts() -> impl Iterator<Item = (String, String)> {
    let names =
        files(&["src", "tests", "benches", "policy", "docs", ".ci", ".config"]).into_iter().chain(files(&["fuzz/fuzz_targets"]));
    let names = names.chain(top()).filter(|name| name != "Cargo.lock" && name != "LICENSE");
    names.filter_map(|name| Some((fs::read_to_string(root().join(&name)).ok()?, name))).map(|(text, name)| (name, text))
}

#[test]
fn what_the_source_cites_is_there() {
    let (mut wrong, mut cited) = (Vec::new(), 0);
    for (name, text) in texts() {
        for (at, _) in text.match_indices("docs/") {
            let rest = &text[at..];
            let inside = text[..at].ends_with(['/', '-', '.']);
            let end = rest.find(|char: char| !(char.is_alphanumeric() || "/-_.".contains(char))).unwrap_or(rest.len());
            let Some(file) = rest[..end].split_inclusive(".md").next().filter(|file| file.ends_with(".md") && !inside) else {
                continue;
            };
            cited += 1;
            // `docs/keys.md#pseudonyms`, or docs/keys.md ("Pseudonyms").
            let after = &rest[file.len()..];
            let heading = match (after.strip_prefix('#'), after.strip_prefix(" (\"")) {
                (Some(anchor), _) => {
                    anchor.split(|char: char| !(char.is_alphanumeric() || char == '-')).next().map(str::to_owned)
                }
                (None, Some(quoted)) => quoted.split('"').next().map(slug),
                (None, None) => None,
            };
            let there = root().join(file).is_file();
            if !there || heading.as_ref().is_some_and(|heading| !Page::read(file).has_heading(heading)) {
                wrong.push(format!("{name}: {file} {}", heading.unwrap_or_default()));
            }
        }
    }
    assert!(wrong.is_empty(), "cited and not there:\n{}", wrong.join("\n"));
    assert!(cited > 30, "{cited}");
}

/// What is wanted stands elsewhere and changes; the source cites what is.
#[test]
fn no_design_is_cited() {
    let word = ["DES", "IGN"].concat();
    let citing: Vec<_> = texts().filter(|(_, text)| text.contains(&word)).map(|(name, _)| name).collect();
    assert!(citing.is_empty(), "{citing:?}");
}

/// `src/imap/append.rs`, `policy/` and, with what stands in it, `tests/layers.rs::no_import_goes_upwards`.
#[test]
fn what_the_pages_name_is_there() {
    let (mut wrong, mut named) = (Vec::new(), 0);
    for page in all() {
        for quoted in page.quoted() {
            let (file, item) = quoted.split_once("::").map_or((quoted, None), |(file, item)| (file, Some(item)));
            let ours = ["src/", "tests/", "policy/", "docs/", "benches/", "fuzz/", "certs-example/"];
            if !ours.iter().any(|folder| file.starts_with(folder)) || file.contains([' ', '*', '{', '<']) {
                continue;
            }
            // What somebody is to make is written in capitals: `tests/dialogues/imap/NAME.txt`.
            if file.split(['/', '.']).any(|part| part.len() > 3 && part.chars().all(|char| char.is_ascii_uppercase())) {
                continue;
            }
            named += 1;
            let there = match item {
                None => root().join(file).exists(),
                Some(item) => fs::read_to_string(root().join(file)).is_ok_and(|text| defines(&text, item)),
            };
            if !there {
                wrong.push(format!("{}: `{quoted}`", page.name));
            }
        }
    }
    assert!(wrong.is_empty(), "named and not there:\n{}", wrong.join("\n"));
    assert!(named > 20, "{named}");
}

fn defines(text: &str, item: &str) -> bool {
    let item = item.rsplit("::").next().unwrap_or(item).trim_end_matches("()");
    let kinds = ["fn", "struct", "enum", "trait", "const", "static", "macro_rules!", "type"];
    kinds.iter().any(|kind| {
        text.match_indices(&format!("{kind} {item}"))
            .any(|(at, found)| !text[at + found.len()..].starts_with(|char: char| char.is_alphanumeric() || char == '_'))
    })
}
