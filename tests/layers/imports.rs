//! Which file uses which, read from the text: `use` and paths, through what a `mod.rs` passes on.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{code_lines, first_word, sources};

/// Every file as its path of modules, `imap::grammar::append`, with its code.
pub fn modules() -> BTreeMap<String, String> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let found = sources().into_iter().map(|(file, text)| {
        let path = file.strip_prefix(&src).unwrap().with_extension("");
        let path = path.to_str().unwrap().replace('/', "::");
        let code: Vec<_> = code_lines(&text).map(|(_, line)| line).collect();
        (path.strip_suffix("::mod").unwrap_or(&path).to_owned(), code.join("\n"))
    });
    found.collect()
}

/// Groups of files of one room that use each other in a circle.
pub fn circles(modules: &BTreeMap<String, String>) -> Vec<Vec<&str>> {
    let edges: BTreeMap<_, _> = modules.keys().map(|name| (name.as_str(), uses(name, modules))).collect();
    let reaches: BTreeMap<_, _> = edges.keys().map(|name| (*name, reached(name, &edges))).collect();
    let mut found: Vec<Vec<&str>> = Vec::new();
    for name in edges.keys() {
        let circle: Vec<_> = reaches[name]
            .iter()
            .copied()
            .filter(|other| reaches[other].contains(name))
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        if circle.len() > 1 && !found.contains(&circle) {
            found.push(circle);
        }
    }
    found
}

fn reached<'a>(from: &str, edges: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> BTreeSet<&'a str> {
    let mut seen = BTreeSet::new();
    let mut next: Vec<_> = edges[from].iter().copied().collect();
    while let Some(name) = next.pop() {
        if seen.insert(name) {
            next.extend(&edges[name]);
        }
    }
    seen
}

/// The other files of its room that a file uses.
pub fn uses<'a>(name: &str, modules: &'a BTreeMap<String, String>) -> BTreeSet<&'a str> {
    let room = name.split("::").next().unwrap();
    let mut found = BTreeSet::new();
    for path in paths(&modules[name]) {
        let Some(full) = absolute(name, &path, modules) else { continue };
        let Some(file) = file_of(&full, modules) else { continue };
        if file != name && file.split("::").next() == Some(room) {
            found.insert(file);
        }
    }
    found
}

/// What a file names: in `use`, where a `pub use` passes on and does not use, and in its code. Who may see something is no use of it.
fn paths(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = code.replace("pub(in crate::", "pub(");
    while let Some(at) = find_use(&rest) {
        let end = at + rest[at..].find(';').unwrap_or(rest.len() - at);
        let line_start = rest[..at].rfind('\n').map_or(0, |at| at + 1);
        if !rest[line_start..at].trim_start().starts_with("pub") {
            found.extend(spread(&rest[at + 4..end]));
        }
        rest.replace_range(line_start..end, "");
    }
    let own = children(code).into_iter().map(|child| format!("{child}::"));
    for start in ["super::", "crate::", "self::"].map(str::to_owned).into_iter().chain(own) {
        for (at, _) in rest.match_indices(&start) {
            let word = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
            if !rest[..at].ends_with(word) {
                let end = rest[at..].find(|c: char| !word(c)).map_or(rest.len(), |len| at + len);
                found.push(rest[at..end].trim_end_matches(':').to_owned());
            }
        }
    }
    found
}

/// The modules that a file has below it.
fn children(code: &str) -> Vec<&str> {
    code.lines().filter_map(|line| line.trim_start().strip_suffix(';')?.split_once("mod ")).map(|(_, name)| name).collect()
}

fn find_use(code: &str) -> Option<usize> {
    code.match_indices("use ").map(|(at, _)| at).find(|at| {
        let line = code[..*at].rfind('\n').map_or(0, |at| at + 1);
        let before = code[line..*at].trim();
        before.is_empty() || before.starts_with("pub")
    })
}

/// `a::{b, c::d}` as `a::b` and `a::c::d`.
fn spread(tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some((before, list)) = tree.split_once('{') else {
        return vec![tree.split(" as ").next().unwrap().trim().to_owned()];
    };
    let list = list.rsplit_once('}').map_or(list, |(list, _)| list);
    let (mut parts, mut depth) = (vec![String::new()], 0);
    for c in list.chars() {
        depth += i32::from(c == '{') - i32::from(c == '}');
        match c {
            ',' if depth == 0 => parts.push(String::new()),
            _ => parts.last_mut().unwrap().push(c),
        }
    }
    let full = parts.iter().filter(|part| !part.trim().is_empty()).flat_map(|part| spread(part));
    full.map(|part| format!("{before}{part}")).collect()
}

/// From the crate's root. None: it is no module of the crate.
fn absolute(name: &str, path: &str, modules: &BTreeMap<String, String>) -> Option<String> {
    let (mut at, mut path) = (name, path);
    if let Some(rest) = path.strip_prefix("crate::") {
        return Some(rest.to_owned());
    }
    if let Some(rest) = path.strip_prefix("self::") {
        return Some(format!("{at}::{rest}"));
    }
    if !path.starts_with("super::") {
        let own = format!("{at}::{path}");
        return file_of(&own, modules).is_some_and(|file| file.len() > at.len()).then_some(own);
    }
    while let Some(rest) = path.strip_prefix("super::") {
        (at, path) = (at.rsplit_once("::")?.0, rest);
    }
    Some(format!("{at}::{path}"))
}

/// The file that defines it: a `mod.rs` passes some names on.
fn file_of<'a>(full: &str, modules: &'a BTreeMap<String, String>) -> Option<&'a str> {
    let mut end = full.len();
    loop {
        if let Some((file, code)) = modules.get_key_value(&full[..end]) {
            let item = full[end..].strip_prefix("::").map(first_word);
            let passed = item.and_then(|item| {
                let passed = code.lines().filter_map(|line| line.trim_start().strip_prefix("pub")?.split_once("use "));
                passed
                    .flat_map(|(_, tree)| spread(tree.trim_end_matches(';')))
                    .find(|path| path.rsplit("::").next() == Some(item))
            });
            let target = passed.and_then(|path| absolute(file, &path, modules)).filter(|target| target != full);
            return target.and_then(|target| file_of(&target, modules)).or(Some(file));
        }
        end = full[..end].rfind("::")?;
    }
}
