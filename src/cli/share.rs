//! `nologd share`: several nodes that all take clients (docs/many-nodes.md).
//!
//! `count` is a process of its own, which may start programs as the daemon may not: whenever this node has become the judge of an association, it
//! asks the storage what is there.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

use super::arguments::ShareCommand;
use super::run::{heard, run, told};
use super::storage_count::{self, PART};
use super::{complain, daemon_options::SocketOptions};
use crate::admin::share_count::{BeginCount, TellCount};

/// How often it is asked whether there is something to count.
const ASKING: Duration = Duration::from_millis(250);
/// After a count that failed, or while the daemon does not answer.
const PAUSE: Duration = Duration::from_secs(2);
/// How long the storage may be silent while it tells.
const SILENCE: Duration = Duration::from_secs(60);

/// Carries it out.
pub fn share(command: ShareCommand) -> ExitCode {
    match command {
        ShareCommand::Show(asked) => run(asked),
        ShareCommand::Publish(asked) => run(asked),
        ShareCommand::Adopt(asked) => run(asked),
        ShareCommand::Count { place, program } => count(&place, program.as_deref()),
    }
}

/// Counts for ever.
fn count(place: &SocketOptions, program: Option<&Path>) -> ExitCode {
    let socket: PathBuf = match place.socket() {
        Ok(socket) => socket,
        Err(code) => return code,
    };
    let mut said = false;
    loop {
        let pause = match told(&socket, &BeginCount {}) {
            Ok(begun) => match begun.round {
                Some(round) => round_of(&socket, round, program),
                None => Ok(ASKING),
            },
            Err(text) => Err(text),
        };
        match pause {
            Ok(pause) => {
                said = false;
                sleep(pause);
            }
            Err(text) => {
                // Once for each time that it begins to fail.
                if !std::mem::replace(&mut said, true) {
                    complain(&text);
                }
                sleep(PAUSE);
            }
        }
    }
}

/// Asks the storage, from now on.
fn round_of(socket: &Path, round: u64, program: Option<&Path>) -> Result<Duration, String> {
    let mut refused = None;
    let mut tell = |part: &TellCount| heard(socket, part, &mut refused);
    let counted = storage_count::count(program, SILENCE, &mut |rows| tell(&TellCount::new(round, rows)));
    let counted = counted.and_then(|counted| {
        let mut parts = counted.unsure.chunks(PART);
        parts.try_for_each(|part| tell(&TellCount::new(round, Vec::new()).with_unsure(part.to_vec())))?;
        Ok(counted)
    });
    if let Some(text) = refused {
        return Err(text);
    }
    let whole = counted.as_ref().is_ok_and(|counted| counted.is_whole);
    told(socket, &TellCount::new(round, Vec::new()).at_the_end(whole))?;
    match counted {
        Ok(counted) if counted.is_whole && counted.unsure.is_empty() => Ok(ASKING),
        Ok(counted) if counted.is_whole => {
            let unsure = counted.unsure.len();
            Err(format!(
                "the storage did not tell all of {unsure} mailboxes, which keep the number that they had: run the count command by hand to see why"
            ))
        }
        Ok(_) => Err("the storage did not tell all: run the count command by hand to see why".to_owned()),
        Err(error) => Err(format!("the storage cannot be asked: {error}")),
    }
}
