//! `nologd statement`: for members, what is kept and what is not, in words that a person without training understands.
//!
//! Made from what is enforced: from the header rules in force, from what this kernel grants, and from the last audit. A sentence
//! whose rule does not hold is replaced by its honest opposite (DESIGN section 5, rule 8). Absent on purpose: any sentence that an
//! admin could write into it.

mod page;
mod sentence;
mod words;

pub use page::{Line, Page};
pub use sentence::{Part, Proof, SENTENCES, Sentence};
pub use words::Words;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use aws_lc_rs::digest::{SHA256, digest};

use crate::audit::Report;
use crate::fault::Lang;
use crate::policy::headers::{BUILT_IN, Headers};
use crate::sandbox::{self, Unenforced};

/// `nologd statement ...`
#[derive(clap::Args)]
pub struct Arguments {
    /// Language: en or fr.
    #[arg(long, default_value = "en")]
    lang: String,
    /// text or html.
    #[arg(long, default_value = "text")]
    format: String,
    /// The report of `nologd audit --json`. Without it, the statement says that nobody looked.
    #[arg(long, value_name = "FILE")]
    audit: Option<PathBuf>,
    /// The config file, for its policy. Without it, the policy that is compiled in.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// What is true here and now, and nothing that anybody wishes.
pub struct InForce {
    /// The header rules.
    pub headers: Headers,
    /// Fingerprint of the rules' text, in hexadecimal.
    pub digest: String,
    /// What this kernel does not grant.
    pub missing: Vec<Unenforced>,
    /// The last audit.
    pub audit: Option<Report>,
    /// A backend is told a made-up address for each client (`client_hint`).
    pub hinted: bool,
}

impl InForce {
    /// With header rules of this text. `None` where it is no policy.
    pub fn new(headers: &str, missing: Vec<Unenforced>, audit: Option<Report>) -> Option<InForce> {
        let fingerprint = digest(&SHA256, headers.as_bytes());
        let digest = fingerprint.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        Some(InForce { headers: Headers::parse(headers).ok()?, digest, missing, audit, hinted: false })
    }

    /// Rules of the built-in policy that do not hold, or for fewer fields.
    pub fn loosened(&self) -> Vec<String> {
        self.headers.loosened(&Headers::built_in())
    }
}

/// `nologd statement`: exit 0; 1 where a file cannot be read; 2 on wrong usage.
pub fn run(arguments: &Arguments, say: fn(&str), complain: fn(&str)) -> ExitCode {
    let lang = match arguments.lang.as_str() {
        "en" => Lang::En,
        "fr" => Lang::Fr,
        _ => {
            complain("--lang is en or fr");
            return ExitCode::from(2);
        }
    };
    let in_force = match in_force(arguments) {
        Ok(in_force) => in_force,
        Err(why) => {
            complain(&why);
            return ExitCode::FAILURE;
        }
    };
    let page = Page::new(&in_force, lang);
    match arguments.format.as_str() {
        "text" => say(page.text().trim_end()),
        "html" => say(page.html().trim_end()),
        _ => {
            complain("--format is text or html");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

fn in_force(arguments: &Arguments) -> Result<InForce, String> {
    let (headers, hinted) = match &arguments.config {
        None => (BUILT_IN.to_owned(), false),
        Some(file) => (policy_of(file)?, hints(file)?),
    };
    let audit = match &arguments.audit {
        None => None,
        Some(file) => {
            let text = read(file)?;
            Some(serde_json::from_str(&text).map_err(|_| format!("{}: is no report of `nologd audit --json`", file.display()))?)
        }
    };
    // The daemon asks the kernel the same at its start; what is refused here is refused there.
    let missing = sandbox::harden();
    let in_force = InForce::new(&headers, missing, audit).ok_or("the policy has errors: `nologd check` names them")?;
    Ok(InForce { hinted, ..in_force })
}

/// Whether a backend of the config is told a made-up address for each client.
fn hints(file: &Path) -> Result<bool, String> {
    let config = crate::config::read(&read(file)?);
    let config = config.map_err(|_| format!("{}: has errors: `nologd check` names them", file.display()))?;
    Ok(config.backends.hinted().next().is_some())
}

/// The text of the header rules that the config names. `config` reads and judges it; here only the fingerprint needs the text.
fn policy_of(file: &Path) -> Result<String, String> {
    let table: toml::Table =
        read(file)?.parse().map_err(|_| format!("{}: has errors: `nologd check` names them", file.display()))?;
    let directory = table.get("policy").and_then(|policy| policy.get("directory")).and_then(toml::Value::as_str);
    match directory {
        None => Ok(BUILT_IN.to_owned()),
        Some(directory) => read(&Path::new(directory).join("headers.toml")),
    }
}

fn read(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))
}
