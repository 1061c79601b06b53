//! What can be typed with each command for the running daemon: where it is, and how it is to answer. The comments below are the help texts that
//! `--help` prints.

use std::path::PathBuf;

use clap::Args;

/// Where the daemon is.
#[derive(Args)]
pub struct SocketOptions {
    /// The daemon's socket for admins. First choice; then the variable NOLOGD_SOCKET, then --config, then /run/nologd/admin.sock.
    #[arg(long, value_name = "PATH")]
    pub(super) socket: Option<PathBuf>,
    /// The daemon's config file, which names the socket.
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

/// How to answer.
#[derive(Args, Clone, Copy)]
pub struct OutputOptions {
    /// Answer in JSON, with exact numbers, on standard output; also when refused.
    #[arg(long)]
    pub(super) json: bool,
}

/// Where the daemon is, and how to answer.
#[derive(Args)]
pub struct DaemonOptions {
    #[command(flatten)]
    pub(super) place: SocketOptions,
    #[command(flatten)]
    pub(super) output: OutputOptions,
}

/// A command for the daemon, as it is typed: what `crate::admin` says, and where the daemon is.
#[derive(Args)]
pub struct DaemonCommand<C: Args> {
    #[command(flatten)]
    pub(super) command: C,
    #[command(flatten)]
    pub(super) daemon: DaemonOptions,
}
