//! What the pages say to type and to write: the program knows all of it.

use clap::{Command, CommandFactory};

use super::page::{Block, Page, all};
use super::twins::TWINS;
use nologd::cli::Arguments;
use nologd::config;

/// One block is a whole config; each of the others must be right at its end.
#[test]
fn the_configs_are_good() {
    let blocks = |language: fn(&(&'static str, &'static str)) -> &'static str| {
        let pages = TWINS.iter().map(move |twins| Page::read(language(twins)));
        pages.flat_map(|page| {
            page.blocks
                .into_iter()
                .filter(|block| block.kind == "toml")
                .map(move |block| (page.name.clone(), block.lines.join("\n")))
        })
    };
    for configs in [blocks(|twins| twins.0).collect::<Vec<_>>(), blocks(|twins| twins.1).collect()] {
        let (_, whole) = configs.iter().find(|(_, text)| text.contains("hostname")).unwrap();
        for (name, part) in &configs {
            let text = if part.contains("hostname") { part.clone() } else { format!("{whole}\n{part}\n") };
            if let Err(problems) = config::read(&text) {
                let told: Vec<_> = problems.iter().map(|problem| format!("{} {}", problem.key, problem.text)).collect();
                panic!("{name}: {told:?} in\n{part}");
            }
        }
        assert!(configs.len() >= 5, "{}", configs.len());
    }
}

#[test]
fn every_command_exists() {
    let program = Arguments::command();
    let (mut wrong, mut count) = (Vec::new(), [0, 0]);
    // What is in the changelog may be gone by now.
    for page in all().into_iter().filter(|page| page.name != "CHANGELOG.md") {
        let typed = page.blocks.iter().flat_map(Block::commands);
        // In the text, `nologd` may be left out.
        let quoted = page.quoted().filter(|text| {
            let mut words = text.split_whitespace();
            let first = words.next().unwrap_or_default();
            words.next().is_some() && (first == "nologd" || program.find_subcommand(first).is_some())
        });
        let commands: Vec<_> = typed.chain(quoted.map(str::to_owned)).collect();
        let unknown = commands.iter().filter_map(|command| unknown(&program, command));
        wrong.extend(unknown.map(|what| format!("{}: {what}", page.name)));
        count[usize::from(page.name.starts_with("docs/fr/"))] += commands.len();
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(count.iter().all(|count| *count > 25), "{count:?}");
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
