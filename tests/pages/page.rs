//! A page taken apart: headings, fenced blocks, prose, links.

use std::fs;
use std::path::{Path, PathBuf};

/// A fenced block: what stands after the fence, and its lines without their common indentation.
#[derive(Debug, PartialEq, Eq)]
pub struct Block {
    pub kind: String,
    pub lines: Vec<String>,
}

/// A page taken apart.
pub struct Page {
    /// From the root of the repository.
    pub name: String,
    /// Depth and text.
    pub headings: Vec<(usize, String)>,
    pub blocks: Vec<Block>,
    pub prose: String,
}

impl Page {
    pub fn read(name: &str) -> Page {
        let text = fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let (mut headings, mut blocks, mut prose) = (Vec::new(), Vec::<Block>::new(), String::new());
        let mut fence = None;
        for line in text.lines() {
            let bare = line.trim_start();
            match (fence, bare.strip_prefix("```")) {
                (None, Some(kind)) => {
                    blocks.push(Block { kind: kind.to_owned(), lines: Vec::new() });
                    fence = Some(line.len() - bare.len());
                }
                (Some(_), Some(_)) => fence = None,
                (Some(indent), None) => blocks.last_mut().unwrap().lines.push(line.get(indent..).unwrap_or(bare).to_owned()),
                (None, None) => {
                    if line.starts_with('#') {
                        let depth = line.bytes().take_while(|byte| *byte == b'#').count();
                        headings.push((depth, line[depth..].trim().to_owned()));
                    }
                    prose.push_str(line);
                    prose.push('\n');
                }
            }
        }
        assert!(fence.is_none(), "{name}: a block has no end");
        Page { name: name.to_owned(), headings, blocks, prose }
    }

    /// What stands between backticks in the text.
    pub fn quoted(&self) -> impl Iterator<Item = &str> {
        self.prose.split('`').skip(1).step_by(2)
    }

    /// Links to files of the repository, from its root: the file, and the heading if one is named.
    pub fn links(&self) -> Vec<(PathBuf, Option<String>)> {
        let targets = self.prose.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        let inside = targets.filter(|target| !target.starts_with("https://"));
        inside
            .map(|target| {
                let (file, anchor) =
                    target.split_once('#').map_or((target, None), |(file, anchor)| (file, Some(anchor.to_owned())));
                let file = if file.is_empty() { PathBuf::from(&self.name) } else { beside(&self.name, file) };
                (file, anchor)
            })
            .collect()
    }

    /// Whether a link to this heading leads anywhere: lower case, blanks as hyphens, without other signs.
    pub fn has_heading(&self, anchor: &str) -> bool {
        self.headings.iter().any(|(_, text)| slug(text) == anchor)
    }
}

impl Block {
    /// Without comments and empty lines. Pictures are drawn with words: of these only the place counts.
    pub fn code(&self) -> Block {
        let picture = self.lines.iter().any(|line| line.contains("──"));
        let lines = self.lines.iter().map(|line| uncommented(line).trim_end().to_owned());
        let lines = lines.filter(|line| !line.is_empty() && !picture).collect();
        Block { kind: self.kind.clone(), lines }
    }

    /// Lines as a shell takes them.
    pub fn commands(&self) -> Vec<String> {
        let text = self.code().lines.join("\n").replace("\\\n", " ");
        let typed = text.lines().map(|line| line.strip_prefix("$ ").unwrap_or(line));
        typed.filter(|line| line.starts_with("nologd ")).map(str::to_owned).collect()
    }
}

/// As GitHub and Forgejo make the anchor of a heading.
pub fn slug(heading: &str) -> String {
    let lower = heading.to_lowercase();
    let kept = lower.chars().filter(|char| char.is_alphanumeric() || matches!(char, ' ' | '-' | '_'));
    kept.map(|char| if char == ' ' { '-' } else { char }).collect()
}

/// A line up to the first `#` that stands in no quotes.
fn uncommented(line: &str) -> &str {
    let mut quote = None;
    for (at, char) in line.char_indices() {
        match (quote, char) {
            (None, '#') => return &line[..at],
            (None, '"' | '\'') => quote = Some(char),
            (Some(open), _) if open == char => quote = None,
            _ => {}
        }
    }
    line
}

/// `file` as seen from the page `name`.
fn beside(name: &str, file: &str) -> PathBuf {
    let mut path = Path::new(name).parent().unwrap().to_owned();
    for part in file.split('/') {
        match part {
            ".." => assert!(path.pop(), "{name}: {file} leaves the repository"),
            "." => {}
            part => path.push(part),
        }
    }
    path
}

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every page of the repository, from its root, in order.
pub fn all() -> Vec<Page> {
    let names = files(&["docs", "benches"]).into_iter().chain(top()).filter(|name| name.ends_with(".md"));
    let mut names: Vec<_> = names.collect();
    names.sort();
    names.iter().map(|name| Page::read(name)).collect()
}

/// Every file below these folders, from the root of the repository.
pub fn files(folders: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders: Vec<_> = folders.iter().map(PathBuf::from).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = folder.join(entry.file_name());
            match entry.file_type().unwrap().is_dir() {
                true => folders.push(path),
                false => found.push(path.to_str().unwrap().to_owned()),
            }
        }
    }
    found
}

/// The files on top of the repository.
pub fn top() -> Vec<String> {
    let entries = fs::read_dir(root()).unwrap().map(|entry| entry.unwrap());
    let files = entries.filter(|entry| entry.file_type().unwrap().is_file());
    files.map(|entry| entry.file_name().into_string().unwrap()).collect()
}
