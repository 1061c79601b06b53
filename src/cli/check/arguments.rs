//! What `nologd check` can be told.

use std::path::PathBuf;

use crate::private::Address;

/// `nologd check`.
#[derive(clap::Args)]
pub struct CheckArguments {
    /// The config file.
    #[arg(long, value_name = "FILE", default_value = crate::config::FILE)]
    pub(super) config: PathBuf,
    /// Read the file only, for a machine that is another than this one. Nothing else is looked at. (As ExecStartPre of a systemd unit,
    /// this is what it does in any case.)
    #[arg(long, conflicts_with_all = ["connect", "login"])]
    pub(super) file_only: bool,
    /// Also talk to the mail servers behind, and read what Postfix and Dovecot on this machine are set to.
    #[arg(long)]
    pub(super) connect: bool,
    /// With --connect, also log in as this mailbox, to see what the mail server can do for it.
    #[arg(long, value_name = "ADDRESS", requires = "connect", requires = "password_file")]
    pub(super) login: Option<Address>,
    /// A file with the password of --login.
    #[arg(long, value_name = "FILE")]
    pub(super) password_file: Option<PathBuf>,
    /// Where Postfix has its main.cf, if not in /etc/postfix.
    #[arg(long, value_name = "FOLDER", requires = "connect")]
    pub(super) postfix: Option<PathBuf>,
    /// Where Dovecot has its dovecot.conf, if not in /etc/dovecot.
    #[arg(long, value_name = "FILE", requires = "connect")]
    pub(super) dovecot: Option<PathBuf>,
    /// Also go into the sandbox, as the daemon would, and try from inside what must be refused.
    #[arg(long)]
    pub(super) sandbox: bool,
}
