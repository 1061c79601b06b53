//! What needs neither a daemon nor its state: reading the config file, and `help`.

use std::io::ErrorKind;
use std::path::Path;
use std::process::ExitCode;

use super::{REFUSED, USAGE, complain, say};
use crate::config;
use crate::event::EventKind;
use crate::fault::{Lang, RefusalCode};
use crate::import::code::SyncCode;
use crate::store::read_regular;
use crate::web::layout::Style;

/// Reads the config file; problems go to standard error, as `FILE:LINE: KEY what is wrong`.
pub fn load(file: &Path) -> Option<config::Config> {
    let text = match read_regular(file) {
        Ok(text) => text,
        Err(error) => {
            let hint = match error.kind() {
                ErrorKind::NotFound => ". Another one: --config FILE",
                ErrorKind::PermissionDenied => ". Run this as root",
                _ => "",
            };
            complain(&format!("{}: {error}{hint}", file.display()));
            return None;
        }
    };
    match config::read(&text) {
        Ok(config) => Some(config),
        Err(problems) => {
            for problem in problems {
                // A mistake of syntax has no key.
                let key = if problem.key.is_empty() { String::new() } else { format!("{} ", problem.key) };
                complain(&format!("{}:{}: {key}{}", file.display(), problem.line, problem.text));
            }
            None
        }
    }
}

/// How help is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum HelpFormat {
    /// For a terminal.
    Text,
    /// A page.
    Html,
}

words! { HelpFormat, "The formats are text and html.": Text = "text", Html = "html" }

/// `nologd help`.
pub fn help(word: Option<&str>, all: bool, format: HelpFormat, lang: Lang) -> ExitCode {
    if format == HelpFormat::Html {
        if !all {
            complain("a page holds all words: nologd help --all --format html");
            return ExitCode::from(USAGE);
        }
        say(&crate::web::help::help(lang, "nologd", Style::Inside));
        return ExitCode::SUCCESS;
    }
    let Some(word) = word else {
        RefusalCode::ALL.iter().for_each(|code| explain_code(*code, lang));
        SyncCode::ALL.iter().for_each(|code| explain_sync(*code, lang));
        EventKind::ALL.iter().for_each(|event| explain_event(*event, lang));
        return ExitCode::SUCCESS;
    };
    // As it stands in a refusal: in parentheses.
    // In small letters it is the event's, where a code word is spelled alike.
    let spelled = EventKind::ALL.iter().copied().find(|event| event.word() == word);
    if let Some(event) = spelled {
        explain_event(event, lang);
    } else if let Some(code) = RefusalCode::find(word.trim_matches(['(', ')'])) {
        explain_code(code, lang);
    } else if let Some(code) = SyncCode::find(word.trim_matches(['(', ')'])) {
        explain_sync(code, lang);
    } else if let Some(event) = EventKind::find(word) {
        explain_event(event, lang);
    } else {
        complain("no such code word or event; `nologd help` lists them all. About a command: `nologd COMMAND --help`");
        return ExitCode::from(REFUSED);
    }
    ExitCode::SUCCESS
}

fn explain_code(code: RefusalCode, lang: Lang) {
    say(&format!("{}\n    {}", code.word(), code.text(lang)));
    if code == RefusalCode::TooManyTries {
        say(match lang {
            Lang::En => "    For admins: `nologd blocks list` tells which accounts it concerns, `blocks lift` ends it.",
            Lang::Fr => {
                "    Pour les admins\u{a0}: `nologd blocks list` dit quels comptes sont concernés, `blocks lift` y met fin."
            }
        });
    }
}

fn explain_sync(code: SyncCode, lang: Lang) {
    say(&format!("{}\n    {}", code.word(), code.text(lang)));
}

fn explain_event(event: EventKind, lang: Lang) {
    let (en, fr) = event.meaning();
    let text = match lang {
        Lang::En => en,
        Lang::Fr => fr,
    };
    say(&format!("{}\n    {text}", event.word()));
}
