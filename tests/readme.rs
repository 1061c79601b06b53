//! README.md and README.fr.md: the same parts, the same code, and nothing in them that the program does not know.
//!
//! Absent on purpose: whether the French says what the English says. That needs a reader.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use clap::{Command, CommandFactory};

use nologd::cli::Arguments;
use nologd::config;

const BOTH: [&str; 2] = ["README.md", "README.fr.md"];

/// A fenced block: what stands after the fence, and its lines without their common indentation.
#[derive(Debug, PartialEq, Eq)]
struct Block {
    kind: String,
    lines: Vec<String>,
}

/// A README taken apart.
struct Readme {
    headings: Vec<usize>,
    blocks: Vec<Block>,
    prose: String,
}

impl Readme {
    fn read(name: &str) -> Readme {
        let text = fs::read_to_string(root().join(name)).unwrap();
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
                        headings.push(line.bytes().take_while(|byte| *byte == b'#').count());
                    }
                    prose.push_str(line);
                    prose.push('\n');
                }
            }
        }
        assert!(fence.is_none(), "{name}: a block has no end");
        Readme { headings, blocks, prose }
    }

    /// What stands between backticks in the text.
    fn quoted(&self) -> impl Iterator<Item = &str> {
        self.prose.split('`').skip(1).step_by(2)
    }
}

impl Block {
    /// Without comments and empty lines. Pictures are drawn with words: of these only the place counts.
    fn code(&self) -> Block {
        let picture = self.lines.iter().any(|line| line.contains("──"));
        let lines = self.lines.iter().map(|line| uncommented(line).trim_end().to_owned());
        let lines = lines.filter(|line| !line.is_empty() && !picture).collect();
        Block { kind: self.kind.clone(), lines }
    }

    /// Lines as a shell takes them.
    fn commands(&self) -> Vec<String> {
        let text = self.code().lines.join("\n").replace("\\\n", " ");
        let typed = text.lines().map(|line| line.strip_prefix("$ ").unwrap_or(line));
        typed.filter(|line| line.starts_with("nologd ")).map(str::to_owned).collect()
    }
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

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn both_have_the_same_parts_and_the_same_code() {
    let [english, french] = BOTH.map(Readme::read);
    assert_eq!(english.headings, french.headings);
    assert!(english.headings.len() > 10 && english.blocks.len() > 10);
    for (number, (one, other)) in english.blocks.iter().zip(&french.blocks).enumerate() {
        assert_eq!(one.code(), other.code(), "block {number}");
    }
    assert_eq!(english.blocks.len(), french.blocks.len());
    // One that was copied and never translated.
    assert!(english.prose.lines().filter(|line| line.len() > 60 && french.prose.contains(line)).count() == 0);
}

#[test]
fn each_leads_to_the_other_and_to_what_is_there() {
    for (name, other) in BOTH.into_iter().zip(BOTH.into_iter().rev()) {
        let readme = Readme::read(name);
        let targets = readme.prose.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.starts_with("https://")) {
            let file = target.split('#').next().unwrap();
            assert!(root().join(file).exists(), "{name}: {target}");
        }
        assert!(readme.prose.lines().take(4).any(|line| line.contains(&format!("]({other})"))), "{name}");
    }
}

/// One block is a whole config; each of the others must be right at its end.
#[test]
fn the_configs_are_good() {
    for name in BOTH {
        let readme = Readme::read(name);
        let configs: Vec<_> =
            readme.blocks.iter().filter(|block| block.kind == "toml").map(|block| block.lines.join("\n")).collect();
        let whole = configs.iter().find(|text| text.contains("hostname")).unwrap();
        for part in &configs {
            let text = if part == whole { whole.clone() } else { format!("{whole}\n{part}\n") };
            if let Err(problems) = config::read(&text) {
                let told: Vec<_> = problems.iter().map(|problem| format!("{} {}", problem.key, problem.text)).collect();
                panic!("{name}: {told:?} in\n{part}");
            }
        }
        assert!(configs.len() >= 5, "{name}: {}", configs.len());
    }
}

#[test]
fn every_command_exists() {
    let program = Arguments::command();
    for name in BOTH {
        let readme = Readme::read(name);
        let typed = readme.blocks.iter().flat_map(Block::commands);
        // In the text, `nologd` may be left out.
        let quoted = readme.quoted().filter(|text| {
            let mut words = text.split_whitespace();
            let first = words.next().unwrap_or_default();
            words.next().is_some() && (first == "nologd" || program.find_subcommand(first).is_some())
        });
        let commands: Vec<_> = typed.chain(quoted.map(str::to_owned)).collect();
        let wrong: Vec<_> = commands.iter().filter_map(|command| unknown(&program, command)).collect();
        assert!(wrong.is_empty(), "{name}: {wrong:#?}");
        assert!(commands.len() > 25, "{name}: {commands:#?}");
    }
}

/// What the program does not know of a command; none where all of it is known. Values are not looked at.
fn unknown(program: &Command, typed: &str) -> Option<String> {
    let mut command = program;
    for word in typed.strip_prefix("nologd").unwrap_or(typed).split_whitespace() {
        if let Some(option) = word.strip_prefix("--") {
            if !command.get_arguments().any(|argument| argument.get_long() == Some(option)) {
                return Some(format!("{typed}: --{option}"));
            }
        } else if command.has_subcommands() {
            let Some(next) = command.find_subcommand(word) else { return Some(format!("{typed}: {word}")) };
            command = next;
        }
    }
    command.has_subcommands().then(|| format!("{typed}: and then?"))
}
