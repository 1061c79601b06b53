//! The command line. Exit 0: done; 1: refused, or something was found; 2: wrong usage.
//!
//! | | |
//! |---|---|
//! | `arguments` `blocks` `incident` `mailbox` `values` | what can be typed, and what it means |
//! | `ask` | from what was typed to a [`Request`](crate::admin::Request) |
//! | `speak` | to the daemon and back |
//! | `print` | the answer, for people |
//! | `usage` | what is read from the mail server and sent in batches |
//! | `store` | what is done on the files while no daemon runs |
//! | `check` | a start, tried; the servers around, asked |
//! | `offline` | the config file and `help`, which need nobody |

mod arguments;
mod ask;
mod blocks;
mod check;
mod incident;
mod mailbox;
mod offline;
mod print;
mod speak;
mod store;
mod usage;
mod values;

use std::io::Write;
use std::process::ExitCode;

use crate::admin::Answer;
use arguments::{Daemon, Output, Where};
use ask::Asked;

pub use arguments::{Admin, Arguments, Command};
pub use check::check;
pub use offline::{help, load};
pub use store::store;
pub use usage::usage;

/// The exit code for what was refused.
pub const REFUSED: u8 = 1;

/// The exit code for a command that makes no sense.
pub const USAGE: u8 = 2;

/// Carries out a command that the running daemon answers.
pub fn admin(command: Admin) -> ExitCode {
    let Asked { request, subject, daemon: Daemon { place, output } } = ask::asked(command);
    let socket = match place.socket() {
        Ok(socket) => socket,
        Err(code) => return code,
    };
    match speak::speak(&socket, &request) {
        Ok(Answer::Done(value)) => {
            say(if output.json { format!("{value:#}") } else { print::answer(&request, &value) }.trim_end());
            ExitCode::SUCCESS
        }
        Ok(Answer::Refused { text, usage }) => {
            refuse(output, &subject.map_or_else(|| text.clone(), |subject| format!("{subject}: {text}")));
            ExitCode::from(if usage { USAGE } else { REFUSED })
        }
        Err(trouble) => {
            refuse(output, &trouble.text(&socket));
            ExitCode::from(REFUSED)
        }
    }
}

/// The status of the daemon at `socket`, as JSON; or what to tell the admin.
pub fn status(socket: &std::path::Path) -> Result<serde_json::Value, String> {
    told(socket, &crate::admin::Request::Status)
}

/// What the daemon at `socket` answers; or what to tell the admin.
fn told(socket: &std::path::Path, request: &crate::admin::Request) -> Result<serde_json::Value, String> {
    match speak::speak(socket, request) {
        Ok(Answer::Done(value)) => Ok(value),
        Ok(Answer::Refused { text, .. }) => Err(text),
        Err(trouble) => Err(trouble.text(socket)),
    }
}

// Machines read standard output; people see the sentence either way.
fn refuse(output: Output, text: &str) {
    if output.json {
        say(&format!("{:#}", serde_json::json!({ "error": text })));
    } else {
        complain(text);
    }
}

impl Where {
    /// The socket of the daemon; or the exit code, when it cannot be known and that was said.
    fn socket(&self) -> Result<std::path::PathBuf, ExitCode> {
        if let Some(socket) = &self.socket {
            return Ok(socket.clone());
        }
        if let Some(socket) = std::env::var_os("NOLOGD_SOCKET").filter(|socket| !socket.is_empty()) {
            return Ok(socket.into());
        }
        let Some(file) = &self.config else {
            complain("where is the daemon? Say --socket PATH or --config FILE, or set NOLOGD_SOCKET");
            return Err(ExitCode::from(USAGE));
        };
        let config = load(file).ok_or(ExitCode::from(REFUSED))?;
        config.admin_socket().ok_or_else(|| {
            complain(&format!(
                "{}: has no listener for admins. Add:\n\n[[listen]]\nservice = \"admin\"\n\
                 address = \"unix:/run/nologd/admin.sock\"\ntls     = \"none\"",
                file.display()
            ));
            ExitCode::from(REFUSED)
        })
    }
}

/// Tells the admin something, on standard output.
pub fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    // A closed pipe (`nologd help | head`) is no fault.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n"));
}

/// Tells the admin why something was refused, on standard error.
pub fn complain(text: &str) {
    let _ = std::io::stderr().write_all(format!("nologd: {text}\n").as_bytes());
}
