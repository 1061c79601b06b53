//! Which file calls which through the methods of a type that is cut into several files: no `use` shows such a call.

use std::collections::{BTreeMap, BTreeSet};

use super::first_word;
use super::imports::{modules, rings, room_of};

/// Types whose files still call each other in a circle. It may only get shorter.
const WOVEN: &[&str] = &["Fellow", "SubmissionDriver", "Tally"];

#[test]
fn no_circle_through_methods() {
    let modules = modules();
    let found = circles(&modules);
    for (own, ring) in &found {
        assert!(WOVEN.contains(&own.as_str()), "the methods of `{own}` go round: {ring:?}");
    }
    for own in WOVEN {
        assert!(found.iter().any(|(found, _)| found == own), "`{own}` goes round no more: take it out of the list");
    }
}

#[test]
fn a_circle_through_methods_is_found() {
    let base = "pub struct Session;\nimpl Session {\n    pub fn close(&mut self) {}\n}";
    let goes = "use super::base::Session;\nimpl Session {\n    fn go(&mut self) {\n        CALL\n    }\n}";
    let stops = "struct Part;\nimpl Part {\n    fn part(whole: &mut Session) {\n        PART\n    }\n}\nimpl<'a> Session<'a> {\n    pub(super) async fn stop(\n        &mut self,\n    ) {\n        BACK\n    }\n}";
    for (call, part, back, found) in [
        ("self.stop()", "", "self.close()", false),
        ("self.stop()", "", "self.go()", true),
        ("self\n            .stop()", "", "Self::go(self)", true),
        ("Session::stop(self)", "whole.go()", "", true),
        ("self.stop()", "self.go()", "", false),
        ("self.stop()", "other.go()", "self.part.go()", false),
    ] {
        let stops = stops.replace("PART", part).replace("BACK", back);
        let texts = [("room::base", base), ("room::goes", &goes.replace("CALL", call)), ("room::stops", &stops)];
        let modules = texts.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        let ring = vec!["room::goes".to_owned(), "room::stops".to_owned()];
        let expected = if found { vec![("Session".to_owned(), ring)] } else { Vec::new() };
        assert_eq!(circles(&modules), expected, "{call}, {part}, {back}");
    }
}

/// Each type, and its files that call each other in a circle.
fn circles(modules: &BTreeMap<String, String>) -> Vec<(String, Vec<String>)> {
    let mut found = Vec::new();
    for ((_, own), methods) in methods(modules) {
        let files: BTreeSet<_> = methods.values().map(String::as_str).collect();
        let edges = files.iter().map(|file| (*file, calls(&modules[*file], file, &own, &methods))).collect();
        let named = |ring: Vec<&str>| ring.into_iter().map(str::to_owned).collect();
        found.extend(rings(&edges).into_iter().map(|ring| (own.clone(), named(ring))));
    }
    found
}

/// By room and type: each method, and the file that has it.
fn methods(modules: &BTreeMap<String, String>) -> BTreeMap<(String, String), BTreeMap<String, String>> {
    let mut found: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
    for (name, code) in modules {
        for block in blocks(code).into_iter().filter(|block| !block.of_trait) {
            let methods = found.entry((room_of(name).to_owned(), block.name)).or_default();
            methods.extend(block.body.lines().filter_map(function).map(|function| (function.to_owned(), name.clone())));
        }
    }
    found
}

/// The other files whose methods of `own` the code calls: on itself, by the type, or on what it was given as one.
fn calls<'a>(code: &str, file: &str, own: &str, methods: &'a BTreeMap<String, String>) -> BTreeSet<&'a str> {
    let inside = blocks(code).into_iter().filter(|block| block.name == own);
    let inside: BTreeSet<_> = inside.flat_map(|block| called(&block.body)).collect();
    let (everywhere, given) = (called(code), given(code, own));
    let is_called = |method: &str| {
        let on = |on: &str| (on.to_owned(), method.to_owned());
        inside.contains(&on("self")) || inside.contains(&on("Self")) || given.iter().any(|given| everywhere.contains(&on(given)))
    };
    methods.iter().filter(|(method, other)| *other != file && is_called(method)).map(|(_, other)| other.as_str()).collect()
}

struct Block {
    name: String,
    of_trait: bool,
    body: String,
}

/// Each `impl`, which `rustfmt` begins and ends at the edge.
fn blocks(code: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let code = format!("\n{code}\n");
    for (at, _) in code.match_indices("\nimpl") {
        let Some((head, rest)) = code[at + 5..].split_once("{\n") else { continue };
        let Some((body, _)) = rest.split_once("\n}\n").filter(|_| !head.contains('}')) else { continue };
        let (of_trait, own) = head.rsplit_once(" for ").map_or((false, behind_generics(head)), |(_, own)| (true, own));
        let own = own.trim_start().trim_start_matches('&');
        let path = own.split(['<', ' ', '\n']).next().unwrap();
        found.push(Block { name: path.rsplit("::").next().unwrap().to_owned(), of_trait, body: body.to_owned() });
    }
    found
}

/// `<T: A<B>> C` is `C`.
fn behind_generics(head: &str) -> &str {
    if !head.starts_with('<') {
        return head;
    }
    let mut depth = 0;
    let end = head.char_indices().find(|(_, c)| {
        depth += i32::from(*c == '<') - i32::from(*c == '>');
        depth == 0
    });
    end.map_or("", |(end, _)| &head[end + 1..])
}

/// The function that a line of an `impl` begins.
fn function(line: &str) -> Option<&str> {
    let line = line.strip_prefix("    ").filter(|line| !line.starts_with(' '))?;
    let (before, after) = line.split_once("fn ")?;
    let is_word = |word: &str| ["const", "async"].contains(&word) || word.starts_with("pub") || word.starts_with("crate::");
    before.split_whitespace().all(is_word).then(|| first_word(after))
}

/// Each call as what it is called on and the method: of `self.close()` and of `Session::close(it)`.
fn called(code: &str) -> BTreeSet<(String, String)> {
    let code = code.split_inclusive('\n').fold(String::new(), |mut joined, line| {
        if line.trim_start().starts_with('.') {
            joined.truncate(joined.trim_end().len());
            joined + line.trim_start()
        } else {
            joined + line
        }
    });
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let last_word = |text: &str| text.rsplit(|c| !is_word(c)).next().unwrap().to_owned();
    let mut found = BTreeSet::new();
    for (at, dots) in code.match_indices('.').chain(code.match_indices("::")) {
        let (on, behind) = (last_word(&code[..at]), &code[at + dots.len()..]);
        let method = first_word(behind);
        // A function can be named without being called, behind its type alone.
        let is_call = behind.strip_prefix(method).is_some_and(|rest| dots == "::" || rest.starts_with('('));
        if is_call && !on.is_empty() && !method.is_empty() {
            found.insert((on, method.to_owned()));
        }
    }
    found
}

/// What is of that type by what is written there, and the type by its name: parameters and fields, also behind a reference or in a box.
fn given(code: &str, own: &str) -> BTreeSet<String> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut found = BTreeSet::from([own.to_owned()]);
    for (at, _) in code.match_indices(own) {
        let mut before = &code[..at];
        if code[at + own.len()..].starts_with(is_word) {
            continue;
        }
        while let Some(shorter) = ["mut ", "&", "Box<", "Arc<", "'a ", "'_ "].iter().find_map(|word| before.strip_suffix(word)) {
            before = shorter;
        }
        if let Some(before) = before.strip_suffix(": ") {
            let name = before.rsplit(|c| !is_word(c)).next().unwrap();
            found.extend((!name.is_empty() && name != "self").then(|| name.to_owned()));
        }
    }
    found
}
