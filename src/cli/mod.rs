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
//! | `saying` | what is told to whoever typed a command, and its exit codes |

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
mod saying;
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

use std::process::ExitCode;

use aws_lc_rs::rand;

use crate::config;
use daemon_options::SocketOptions;
use saying::refuse;

pub use arguments::{Arguments, Command, SyncArguments};
pub use check::check;
pub use daemon_arguments::{Admin, admin};
pub use dns::dns;
pub use node::node;
pub use offline::{HelpFormat, help, load};
pub use run::status;
pub use saying::{REFUSED, USAGE, complain, say};
pub use share::share;
pub use store::store;
pub use sync::sync;
pub use usage::usage;

/// What one run of a command in several requests is called.
fn made_up_name() -> Result<String, String> {
    let mut name = [0_u8; 16];
    rand::fill(&mut name).map_err(|_| "The system has no random numbers.")?;
    Ok(name.iter().map(|byte| format!("{byte:02x}")).collect())
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
