//! `nologd statement`: for members, what is kept and what is not, in words that a person without training understands.
//!
//! Made from what is enforced: from all five files of the policy, from what the running daemon says that this machine grants it, and
//! from the last audit. A sentence whose rule does not hold is replaced by its honest opposite, and one that nobody looked at by saying
//! so. Absent on purpose: any sentence that an admin could write into it.

mod audited;
mod html;
mod in_force;
mod line;
mod machine;
mod page;
mod record;
mod sentence;
mod sentences;
mod sign;
mod since;
mod summary;
mod text;
mod words;

pub use in_force::{Front, InForce};
pub use line::{Letterhead, StatementLine};
pub use machine::{LogDestination, Machine, RuleVerdict};
pub use page::Page;
pub use record::{RecordedSentence, Snapshot};
pub use sentence::{HeldByRules, Proof, Sentence, StatementPart};
pub use sentences::SENTENCES;
pub use since::Changes;
pub use words::Words;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::config::{self, Config};
use crate::fault::Lang;
use crate::policy::Policy;
use crate::quota::Day;
use crate::store::read_regular;

/// Letters in a contact.
const LONGEST: usize = 200;

/// `nologd statement ...`
#[derive(clap::Args)]
pub struct StatementArguments {
    /// Language: en or fr.
    #[arg(long, default_value = "en")]
    lang: String,
    /// text, html, or json (for `--since`).
    #[arg(long, default_value = "text")]
    format: String,
    /// Whom members may ask: an address, or a page. It stands on top.
    #[arg(long, value_name = "TEXT")]
    contact: Option<String>,
    /// An earlier statement, made with `--format json` in the same language: this one then says what has changed since.
    #[arg(long, value_name = "FILE")]
    since: Option<PathBuf>,
    /// Write into this file, not to the terminal.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Sign with this SSH key, by `ssh-keygen`: the signature is written beside the file of --output, with `.sig` behind its name.
    #[arg(long, value_name = "KEY", requires = "output")]
    sign: Option<PathBuf>,
    /// The report of `nologd audit --json`. Without it, the statement says that nobody looked.
    #[arg(long, value_name = "FILE")]
    audit: Option<PathBuf>,
    /// The config file, for its policy and its socket; without this, /etc/nologd/nologd.toml where it is there, else the policy that
    /// is compiled in.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The running daemon's socket for admins, to ask it what this machine grants. First choice; then the variable NOLOGD_SOCKET,
    /// then the one in the config file. Where none answers, the sandbox of the config file is tried here.
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
}

/// Asks the daemon at this socket for its status; or why there is no answer.
pub type StatusAsker = fn(&Path) -> Result<Value, String>;

/// `nologd statement`: exit 0; 1 where a file cannot be read; 2 on wrong usage.
pub fn run(arguments: &StatementArguments, say: fn(&str), complain: fn(&str), ask: StatusAsker) -> ExitCode {
    let Ok(lang) = arguments.lang.parse::<Lang>() else {
        complain("--lang is en or fr");
        return ExitCode::from(2);
    };
    if !matches!(arguments.format.as_str(), "text" | "html" | "json") {
        complain("--format is text, html or json");
        return ExitCode::from(2);
    }
    if arguments.contact.as_ref().is_some_and(|contact| contact.contains(char::is_control) || contact.chars().count() > LONGEST) {
        complain("--contact is one short line");
        return ExitCode::from(2);
    }
    match written(arguments, lang, say, ask) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            complain(&why);
            ExitCode::FAILURE
        }
    }
}

fn written(arguments: &StatementArguments, lang: Lang, say: fn(&str), ask: StatusAsker) -> Result<(), String> {
    let since = arguments.since.as_deref().map(earlier).transpose()?;
    // Before the sandbox is tried, in which no file can be opened and no program started.
    let output = arguments.output.as_deref().map(|file| sign::SignedFile::open(file, arguments.sign.as_deref())).transpose()?;
    let (in_force, host) = in_force(arguments, ask)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let head = Letterhead { host, contact: arguments.contact.clone(), made: Day::from_unix(now).print() };
    let mut page = Page::new(&in_force, lang).with_head(head);
    if let Some(old) = since {
        let changes = Changes::between(&old, &page.record(), &Words::of(lang))
            .ok_or("the earlier statement is in another language: see --lang")?;
        page = page.with_changes(changes);
    }
    let text = match arguments.format.as_str() {
        "html" => page.html(),
        "json" => serde_json::to_string_pretty(&page.record()).unwrap_or_default(),
        _ => page.text(),
    };
    match output {
        Some(output) => output.write(&format!("{}\n", text.trim_end())),
        None => {
            say(text.trim_end());
            Ok(())
        }
    }
}

fn earlier(file: &Path) -> Result<Snapshot, String> {
    serde_json::from_str(&read(file)?).map_err(|_| format!("{}: is no statement made with --format json", file.display()))
}

/// With the host's name, where a config says it.
fn in_force(arguments: &StatementArguments, ask: StatusAsker) -> Result<(InForce, Option<String>), String> {
    let audit = match &arguments.audit {
        None => None,
        Some(file) => {
            let text = read(file)?;
            Some(serde_json::from_str(&text).map_err(|_| format!("{}: is no report of `nologd audit --json`", file.display()))?)
        }
    };
    let file = config::named_or_installed(arguments.config.as_deref());
    let config = file.as_deref().map(|file| Ok::<_, String>((settings(file)?, file))).transpose()?;
    let policy = config.as_ref().map_or_else(Policy::built_in, |(config, _)| config.policy.clone());
    let of_file = config.as_ref().map(|(config, _)| config.backends.hinted().next().is_some());
    let front = config.as_ref().map(|(config, _)| Front::of(config)).unwrap_or_default();
    // Last of all: after the trial nothing more can be opened.
    let (machine, told) = machine(arguments, config.as_ref().map(|(config, file)| (config, *file)), &policy, ask)?;
    let host = config.as_ref().map(|(config, _)| config.hostname.to_string());
    Ok((InForce { policy, machine, audit, hinted: told.or(of_file), front }, host))
}

/// From the daemon, with whether it gives hints; where none answers, by trying; without a config, not at all.
fn machine(
    arguments: &StatementArguments,
    config: Option<(&Config, &Path)>,
    policy: &Policy,
    ask: StatusAsker,
) -> Result<(Machine, Option<bool>), String> {
    let variable = || std::env::var_os("NOLOGD_SOCKET").filter(|socket| !socket.is_empty()).map(PathBuf::from);
    let socket = arguments.socket.clone().or_else(variable);
    match socket.or_else(|| config.and_then(|(config, _)| config.admin_socket())).map(|socket| ask(&socket)) {
        Some(Ok(status)) => {
            // Told about other rules than those that run, members would be told what does not hold.
            if status["policy"].as_str() != Some(policy.digest()) {
                return Err("the running nologd has other rules than these files: name its --config, or restart it".to_owned());
            }
            let hinted = status["client-hints"].as_array().map(|hinted| !hinted.is_empty());
            let machine = Machine::told(&status).ok_or("the running nologd is of another version than this program")?;
            Ok((machine, hinted))
        }
        Some(Err(why)) if arguments.socket.is_some() => Err(why),
        _ => Ok((config.map_or(Machine::Unseen, |(config, file)| Machine::tried(config, file)), None)),
    }
}

fn settings(file: &Path) -> Result<Config, String> {
    let text = read_regular(file).map_err(|error| format!("{}: {error}", file.display()))?;
    config::read(&text).map_err(|_| format!("{}: has errors: `nologd check` names them", file.display()))
}

fn read(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))
}
