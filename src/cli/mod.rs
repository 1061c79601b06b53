//! The command line. Exit 0: done; 1: refused, or something was found; 2: wrong usage.
//!
//! | | |
//! |---|---|
//! | `arguments` | what can be typed; of a command for the daemon, `crate::admin` says it |
//! | `run` | carries out such a command: ask, and print what is told |
//! | `speak` | to the daemon and back |
//! | `usage`, `usage_count` | what is read from the mail server (`quota_rows`) and sent in batches |
//! | `node` | two machines with one book; `link` connects a daemon to the witness, and `witness` is it |
//! | `share` | several nodes that all take clients: who judges, and what the storage counts for them |
//! | `sync` | makes the book follow the host's panel |
//! | `store` | what is done on the files while no daemon runs |
//! | `check` | a start, tried; the servers around, asked |
//! | `dns`, `dns_check`, `resolver` | the lines for an association's zone, and which of them are there |
//! | `offline` | the config file and `help`, which need nobody |

mod arguments;
mod check;
mod daemon_arguments;
mod daemon_options;
mod dns;
mod dns_check;
mod link;
mod node;
mod offline;
mod programs;
mod quota_rows;
mod resolver;
mod run;
mod share;
mod speak;
mod status_rows;
mod storage_count;
mod store;
mod sync;
mod sync_report;
mod usage;
mod usage_count;
mod witness;
mod witness_file;
mod witness_programs;

use std::io::Write;
use std::process::ExitCode;

use aws_lc_rs::rand;

use crate::config;
use crate::terminal::{is_read_by_a_person, plain};
use daemon_options::{OutputOptions, SocketOptions};

pub use arguments::{Arguments, Command, SyncArguments};
pub use check::check;
pub use daemon_arguments::{Admin, admin};
pub use dns::dns;
pub use node::node;
pub use offline::{HelpFormat, help, load};
pub use run::status;
pub use share::share;
pub use store::store;
pub use sync::sync;
pub use usage::usage;

/// The exit code for what was refused.
pub const REFUSED: u8 = 1;

/// The exit code for a command that makes no sense.
pub const USAGE: u8 = 2;

/// What one run of a command in several requests is called.
fn made_up_name() -> Result<String, String> {
    let mut name = [0_u8; 16];
    rand::fill(&mut name).map_err(|_| "The system has no random numbers.")?;
    Ok(name.iter().map(|byte| format!("{byte:02x}")).collect())
}

// Machines read standard output; people see the sentence either way.
fn refuse(output: OutputOptions, text: &str) {
    if output.json {
        say(&format!("{:#}", serde_json::json!({ "error": text })));
    } else {
        complain(text);
    }
}

impl SocketOptions {
    /// The socket of the daemon; or the exit code, when it cannot be known and that was said.
    fn socket(&self) -> Result<std::path::PathBuf, ExitCode> {
        if let Some(socket) = &self.socket {
            return Ok(socket.clone());
        }
        if let Some(socket) = std::env::var_os("NOLOGD_SOCKET").filter(|socket| !socket.is_empty()) {
            return Ok(socket.into());
        }
        // Not out of the package's config file: only root may read it, and its admins' group may speak to the daemon.
        let Some(file) = &self.config else { return Ok(config::SOCKET.into()) };
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

/// Tells the admin something, on standard output; a program gets it as it is.
pub fn say(text: &str) {
    let plain = is_read_by_a_person().then(|| plain(text));
    let text = plain.as_deref().unwrap_or(text);
    let mut out = std::io::stdout().lock();
    // A closed pipe (`nologd help | head`) is no fault.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n"));
}

/// Tells the admin why something was refused, on standard error.
pub fn complain(text: &str) {
    let _ = std::io::stderr().write_all(format!("nologd: {}\n", plain(text)).as_bytes());
}
