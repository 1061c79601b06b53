//! Which file uses which, read from the text: `use` and paths, through what a `mod.rs` passes on.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;

use super::{code_lines, first_word, sources, without_texts};

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
    rings(&modules.keys().map(|name| (name.as_str(), uses(name, modules))).collect())
}

/// Groups of files from each of which the others are reached.
pub fn rings<'a>(edges: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> Vec<Vec<&'a str>> {
    let reaches: BTreeMap<_, _> = edges.keys().map(|name| (*name, reached(name, edges))).collect();
    let mut found: Vec<Vec<&'a str>> = Vec::new();
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
    let room = room_of(name);
    let mut found = BTreeSet::new();
    for path in named(&modules[name]).used {
        let Some(full) = absolute(name, &path, modules) else { continue };
        let Some(file) = file_of(&full, modules) else { continue };
        if file != name && room_of(file) == room {
            found.insert(file);
        }
    }
    found
}

/// The rooms that a file names, its own among them, also where it only passes on.
pub fn rooms(name: &str, modules: &BTreeMap<String, String>) -> BTreeSet<String> {
    let named = named(&modules[name].replace("nologd::", "crate::"));
    let full = named.used.iter().chain(&named.passed_on).filter_map(|path| absolute(name, path, modules));
    full.map(|full| first_word(&full).to_owned()).collect()
}

pub fn room_of(name: &str) -> &str {
    name.split("::").next().unwrap()
}

/// What a file names.
struct Named {
    used: Vec<String>,
    /// By a `pub use`, and the rest of the file does not have that word.
    passed_on: Vec<String>,
}

/// What stands in `use` and in the code. Who may see something is no use of it.
fn named(code: &str) -> Named {
    let code = code.replace("pub(in crate::", "pub(");
    let statements = use_statements(&code);
    let mut rest = code.clone();
    for statement in statements.iter().rev() {
        rest.replace_range(statement.place.clone(), "");
    }
    let own_words = without_texts(&rest);
    let lines = own_words.lines().filter(|line| child(line).is_none());
    let words: BTreeSet<_> = lines.flat_map(|line| line.split(|c: char| !c.is_alphanumeric() && c != '_')).collect();
    let (mut used, mut passed_on) = (Vec::new(), Vec::new());
    for UseStatement { is_public, paths, .. } in statements {
        for (path, name) in paths {
            // Nobody knows what a star stands for.
            let is_used = !is_public || name == "*" || words.contains(name.as_str());
            if is_used { used.push(path) } else { passed_on.push(path) }
        }
    }
    let own = code.lines().filter_map(child).map(|child| format!("{child}::"));
    for start in ["super::", "crate::", "self::"].map(str::to_owned).into_iter().chain(own) {
        for (at, _) in rest.match_indices(&start) {
            let word = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
            if !rest[..at].ends_with(word) {
                let end = rest[at..].find(|c: char| !word(c)).map_or(rest.len(), |len| at + len);
                used.push(rest[at..end].trim_end_matches(':').to_owned());
            }
        }
    }
    Named { used, passed_on }
}

/// The module below a file that a line of it names: `mod x;`.
fn child(line: &str) -> Option<&str> {
    let (_, name) = line.trim_start().strip_suffix(';')?.split_once("mod ")?;
    Some(name)
}

struct UseStatement {
    place: Range<usize>,
    is_public: bool,
    /// With what each is called here.
    paths: Vec<(String, String)>,
}

fn use_statements(code: &str) -> Vec<UseStatement> {
    let statement = |(at, word): (usize, &str)| {
        let start = code[..at].rfind('\n').map_or(0, |at| at + 1);
        let before = code[start..at].trim();
        let is_public = before == "pub" || before.starts_with("pub(") && before.ends_with(')');
        let end = at + code[at..].find(';').unwrap_or(code.len() - at);
        let paths = || spread(&code[at + word.len()..end]).iter().map(|path| called(path)).collect();
        (before.is_empty() || is_public).then(|| UseStatement { place: start..end, is_public, paths: paths() })
    };
    code.match_indices("use ").filter_map(statement).collect()
}

/// `a::b as c` as `a::b` and `c`.
fn called(path: &str) -> (String, String) {
    let (path, name) = path.split_once(" as ").map_or((path, None), |(path, name)| (path, Some(name)));
    let path = path.strip_suffix("::self").unwrap_or(path);
    (path.to_owned(), name.or(path.rsplit("::").next()).unwrap().to_owned())
}

/// `a::{b, c::d}` as `a::b` and `a::c::d`.
fn spread(tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some((before, list)) = tree.split_once('{') else { return vec![tree.to_owned()] };
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
        if at.is_empty() {
            return None;
        }
        (at, path) = (at.rsplit_once("::").map_or("", |(above, _)| above), rest);
    }
    Some(if at.is_empty() { path.to_owned() } else { format!("{at}::{path}") })
}

/// The file that defines it: a `mod.rs` passes some names on.
fn file_of<'a>(full: &str, modules: &'a BTreeMap<String, String>) -> Option<&'a str> {
    let mut end = full.len();
    loop {
        if let Some((file, code)) = modules.get_key_value(&full[..end]) {
            let item = full[end..].strip_prefix("::").map(first_word);
            let passed = item.and_then(|item| {
                let passed = use_statements(code).into_iter().filter(|statement| statement.is_public);
                passed.flat_map(|statement| statement.paths).find(|(_, name)| name == item)
            });
            let target = passed.and_then(|(path, _)| absolute(file, &path, modules)).filter(|target| target != full);
            return target.and_then(|target| file_of(&target, modules)).or(Some(file));
        }
        end = full[..end].rfind("::")?;
    }
}
