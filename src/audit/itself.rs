//! The third part of the audit: this program goes into the sandbox of the config and tries, from inside, to break what it promises: to
//! open, to connect, to start, to look into others, and to say a name. Each must be refused.
//!
//! It tries the same policy with the same program on the same kernel as the daemon; the daemon itself is not touched. There is no way
//! back from here, so it comes last.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use aws_lc_rs::rand;
use nix::unistd::{dup, dup2_stderr};
use serde::{Deserialize, Serialize};

use crate::config::{self, Config, StartTrouble};
use crate::event;
use crate::sandbox::{self, Outcome, probe};

/// What was tried from inside.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Itself {
    /// The fingerprint of the policy.
    pub policy: String,
    /// Rules of it that are looser than the built-in ones, as `rule of file`. Absent in older reports.
    #[serde(default)]
    pub loosened: Vec<String>,
    /// What this kernel does not give, in words. Swap is among them where the machine has any: the unit decides for the daemon.
    pub not_enforced: Vec<String>,
    /// What was tried.
    pub tried: Vec<Tried>,
}

/// One attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// What, in words.
    pub what: String,
    /// It was refused, as it must be.
    pub refused: bool,
}

const SAY: &str = "report a person's name";

impl Itself {
    /// Whether all was refused.
    pub fn is_clean(&self) -> bool {
        self.tried.iter().all(|tried| tried.refused)
    }
}

/// Confines this process to the sandbox of `config` and tries. Only for a process of one thread with nothing left to open.
///
/// # Errors
/// In words, when nothing could be tried.
pub fn try_itself(config: &Config, file: &Path) -> Result<Itself, String> {
    // The daemon does it where its config names somebody; only root can.
    if nix::unistd::Uid::effective().is_root() {
        sandbox::become_user(config.user.as_deref()).map_err(|why| StartTrouble::User(why).to_string())?;
    }
    let missing = match config::confine(config, file, sandbox::harden()) {
        Ok(enforcement) => enforcement.missing,
        Err(StartTrouble::NotConfined(missing)) => missing,
        Err(trouble) => return Err(trouble.to_string()),
    };
    let tried = probe().into_iter().map(|(attempt, outcome)| (attempt.text(), outcome == Outcome::Refused));
    let said = is_silent().ok_or("standard error could not be listened to")?;
    let tried = tried.chain([(SAY, said)]).map(|(what, refused)| Tried { what: what.to_owned(), refused });
    Ok(Itself {
        policy: config.policy.digest().to_owned(),
        loosened: config.policy.loosened().iter().map(|rule| format!("{} of {}", rule.rule, rule.file)).collect(),
        not_enforced: missing.iter().map(|rule| rule.text().to_owned()).collect(),
        tried: tried.collect(),
    })
}

/// Whether a made-up name, said in every way there is, comes out nowhere. `None`: it could not be tried, or the line that had to come
/// out did not.
fn is_silent() -> Option<bool> {
    let mut bytes = [0; 12];
    rand::fill(&mut bytes).ok()?;
    let name: String = bytes.iter().map(|byte| char::from(b'a' + byte % 26)).collect();
    let mark = u64::from(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]));
    let said = listen(|| {
        event::install();
        event::install_hook();
        event::try_to_say(&name, mark);
    })
    .ok()?;
    said.contains(&format!("cut={mark}\n")).then(|| !said.contains(&name))
}

/// What `speak` writes to standard error. A pipe holds it: it is short.
fn listen(speak: impl FnOnce()) -> io::Result<String> {
    let (mut reader, writer) = io::pipe()?;
    io::stderr().flush()?;
    let own = dup(io::stderr())?;
    dup2_stderr(&writer)?;
    drop(writer);
    speak();
    dup2_stderr(&own)?;
    drop(File::from(own));
    let mut said = String::new();
    reader.read_to_string(&mut said)?;
    Ok(said)
}
