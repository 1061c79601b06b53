//! What can be typed. The comments below are the help texts that `--help` prints.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::daemon_arguments::Admin;
use super::daemon_options::{DaemonCommand, DaemonOptions, OutputOptions, SocketOptions};
use super::offline::HelpFormat;
use crate::admin::node::{ShowNode, StandBy, TakeOver};
use crate::admin::share::{AdoptShare, PublishShare, ShowShare};
use crate::config;
use crate::fault::Lang;
use crate::import::settings::PanelKind;
use crate::private::Domain;

/// nologd: a no-log daemon in front of mailbox storage, relay and webmail.
///
/// Exit codes: 0 done; 1 refused, or something was found; 2 wrong usage.
#[derive(Parser)]
#[command(name = "nologd", version, disable_help_subcommand = true)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Serve, in the foreground.
    Run {
        /// The config file.
        #[arg(long, value_name = "FILE", default_value = config::FILE)]
        config: PathBuf,
    },
    /// Read the config file and tell every error in it, with line and key; then try a start, and tell what would not work.
    Check(super::check::CheckArguments),
    /// Start a real Dovecot, a relay and nologd on loopback to try it; gone again at Ctrl-C.
    Demo {
        /// Send one message through it, show its header before and after, and end.
        #[arg(long)]
        check: bool,
        /// Also start a Roundcube behind the listeners for a webmail; with --check, log in to it.
        #[arg(long)]
        webmail: bool,
        /// Two or three nodes that all take clients, with etcd; with --check, kill the one that judges between two messages.
        #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u8).range(2..=3), conflicts_with = "webmail")]
        nodes: Option<u8>,
    },
    /// Explain a code word that stood in a refusal, or an event that nologd told; or list all of them.
    Help {
        /// The word, for example MAILBOX-FULL or backend-down.
        code: Option<String>,
        /// All of them, with what to do about each: for --format html.
        #[arg(long, conflicts_with = "code")]
        all: bool,
        /// text; html: one page of its own, to be put where help_url of the config leads.
        #[arg(long, value_name = "text|html", default_value = "text")]
        format: HelpFormat,
        /// Language: en or fr.
        #[arg(long, default_value = "en")]
        lang: Lang,
    },
    /// Print the lines that an association's zone in the DNS needs, for mail to come and for mail programs to find their settings.
    Dns(DnsArguments),
    /// Look for what the servers around would write down about people.
    Audit(crate::audit::AuditArguments),
    /// Tell members what is kept and what is not, from what is enforced.
    Statement(crate::statement::StatementArguments),
    /// Make the book follow the host's panel: its domains, mailboxes and aliases. Once; a timer of the package does it every few minutes.
    ///
    /// Prints counts and code words. A mailbox that is missing in the panel is removed at a later run, at least an hour after the first
    /// one that misses it. A run that would remove much changes nothing, and says why.
    Sync(SyncArguments),
    /// Usage, as the mail server knows it.
    #[command(subcommand)]
    Usage(Usage),
    /// What the running daemon answers.
    #[command(flatten)]
    Admin(Admin),
    /// Two machines with one book: which of them judges, and what connects them.
    #[command(subcommand)]
    Node(NodeCommand),
    /// Several nodes that all take clients: who judges what, and what counts for them.
    #[command(subcommand)]
    Share(ShareCommand),
    /// Look after the state folder: check and export, also while the daemon runs; import and repair.
    #[command(subcommand)]
    Store(StoreCommand),
}

/// `nologd dns`.
#[derive(Args)]
pub struct DnsArguments {
    /// The domain, for example velo.example. With --check and without it: those of all associations.
    #[arg(required_unless_present = "check")]
    pub(super) domain: Option<Domain>,
    /// Ask the resolver of this machine which of the lines are there. Exit code 1 where one is not.
    #[arg(long)]
    pub(super) check: bool,
    /// Tell the daemon what is there, for the pages of the associations' contacts and for `association show`. Exit code 0 when it was told.
    #[arg(long, requires = "check")]
    pub(super) tell: bool,
    /// Ask this resolver instead, like `127.0.0.1` or `[::1]:5353`.
    #[arg(long, value_name = "ADDRESS", requires = "check")]
    pub(super) resolver: Option<String>,
    /// The daemon's socket for admins, which tells the associations, and is told. Without it: what NOLOGD_SOCKET says, then the config file.
    #[arg(long, value_name = "PATH", requires = "check")]
    pub(super) socket: Option<PathBuf>,
    /// The server that takes mail for it, where it is not web.mx or the hostname of the config.
    #[arg(long, value_name = "HOST")]
    pub(super) mx: Option<Domain>,
    /// The config file, for its listeners.
    #[arg(long, value_name = "FILE", default_value = config::FILE)]
    pub(super) config: PathBuf,
    /// Answer in JSON, on standard output; also when refused.
    #[arg(long, requires = "check")]
    pub(super) json: bool,
}

/// `nologd sync`.
#[derive(Args)]
pub struct SyncArguments {
    /// The panel: alternc, csv, mailcow, modoboa, postfix, postfixadmin.
    #[arg(long, value_name = "PANEL")]
    pub(super) from: Option<PanelKind>,
    /// A file instead of a database: the table of `csv`, or a dump by mysqldump.
    #[arg(long, value_name = "FILE")]
    pub(super) file: Option<PathBuf>,
    /// Which domains make an association, where the panel's accounts do not say it: lines of `domain;association`.
    #[arg(long, value_name = "FILE")]
    pub(super) map: Option<PathBuf>,
    /// What the sync is told about the panel and its database. Without it: /etc/nologd-sync/sync.toml, where that is there.
    #[arg(long, value_name = "FILE")]
    pub(super) settings: Option<PathBuf>,
    /// Where it remembers what is missing since when. Without it: what systemd says, or /var/lib/nologd-sync.
    #[arg(long, value_name = "FOLDER")]
    pub(super) state: Option<PathBuf>,
    /// Change nothing, and say what would be changed; on a terminal also by name.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Go on where a brake stops: much is missing in the panel, and that is right.
    #[arg(long)]
    pub(super) yes: bool,
    #[command(flatten)]
    pub(super) place: SocketOptions,
}

/// `nologd usage`.
#[derive(Subcommand)]
pub enum Usage {
    /// Tell the book what the mail server has in each mailbox, so that all are known on the first day:
    /// `doveadm -f tab quota get -A | nologd usage load`.
    ///
    /// From a pipe, not from a file: the numbers count as those of the last minutes. Mailboxes of known domains come into the book, as
    /// many as the association may have. Of several quota roots of a mailbox the largest number counts; a number that is missing is not
    /// taken for zero.
    Load(LoadOptions),
    /// Ask doveadm what is in the mailboxes, and let the book use it where a number is not sure: once. A timer for it is in policy/backends.
    ///
    /// The daemon begins its counts before doveadm runs, tells nobody which, and uses what doveadm says of these mailboxes alone; what came through
    /// nologd meanwhile is added, and where a push came meanwhile, that is believed. What doveadm cannot tell counts nothing. Exit code 1
    /// where that was so.
    Count(CountOptions),
}

/// What `usage count` can be told.
#[derive(Args)]
pub struct CountOptions {
    /// The backend that is asked, by its name in the config file, as for `usage load`.
    #[arg(long, value_name = "NAME")]
    pub(super) backend: Option<String>,
    /// A command that tells what each mailbox holds instead of doveadm, as for `share count`; nothing of it is used where it does not end with 0.
    #[arg(long, value_name = "PROGRAM")]
    pub(super) program: Option<PathBuf>,
    #[command(flatten)]
    pub(super) daemon: DaemonOptions,
}

/// What `usage load` can be told.
#[derive(Args)]
pub struct LoadOptions {
    /// The backend that was read, by its name in the config file: only mailboxes that are there are taken. Without it, only those that are
    /// where their association is.
    #[arg(long, value_name = "NAME")]
    pub(super) backend: Option<String>,
    #[command(flatten)]
    pub(super) daemon: DaemonOptions,
}

/// `nologd node`.
#[derive(Subcommand)]
pub enum NodeCommand {
    /// Tell whether this machine judges, and whether it could.
    Show(DaemonCommand<ShowNode>),
    /// Make this machine the one that judges. The other one leaves first.
    TakeOver(DaemonCommand<TakeOver>),
    /// Let the other machine judge. This one ends what is under way, starts anew and waits; for 30 s it does not want the lease back.
    /// On a machine that waits: take back what was said by take-over.
    StandBy(DaemonCommand<StandBy>),
    /// Exit 0 if the address belongs to this machine: it judges, and its lease has not run out. For keepalived; prints nothing.
    Check(SocketOptions),
    /// Connect the daemon to the witness: run a command that speaks to it, again whenever it ends. The unit nologd-node.service does it.
    Link {
        /// The socket of the config's listener for node.
        #[arg(long, value_name = "PATH", default_value = "/run/nologd/node.sock")]
        socket: PathBuf,
        /// The command, for example: ssh -T root@store.example
        #[arg(required = true, trailing_var_arg = true, value_name = "COMMAND")]
        command: Vec<std::ffi::OsString>,
    },
    /// Be the witness, on the machine with the mailboxes: started by sshd for each of the two machines, as the command of its key.
    Witness(super::witness::WitnessArguments),
}

/// `nologd share`.
#[derive(Subcommand)]
pub enum ShareCommand {
    /// Tell which node judges which association, and whether etcd answers.
    Show(DaemonCommand<ShowShare>),
    /// Make the settings of this node those of all nodes. Once, when the nodes are set up: from then on a change is made on any of them, and is in force on
    /// all. A node with other settings of its own does not take them by itself: `share show` says so there.
    Publish(DaemonCommand<PublishShare>),
    /// Take the settings of all nodes in place of those of this node, where they are in dispute (`share show`): what was changed here alone is lost.
    Adopt(DaemonCommand<AdoptShare>),
    /// Ask the storage what is in the mailboxes whenever this node has become the judge of an association. Runs for ever, beside the daemon.
    Count {
        #[command(flatten)]
        place: SocketOptions,
        /// The command that tells what each mailbox holds, with tabs: user, messages, vsize. Without it, doveadm.
        #[arg(long, value_name = "PROGRAM")]
        program: Option<PathBuf>,
    },
}

/// `nologd store`.
#[derive(Subcommand)]
pub enum StoreCommand {
    /// Read every record and name those that make no sense together. Changes nothing. Also while the daemon runs.
    Check {
        /// The daemon's config file, which names the state folder.
        #[arg(long, value_name = "FILE", default_value = config::FILE)]
        config: PathBuf,
        #[command(flatten)]
        output: OutputOptions,
    },
    /// Print the whole book as JSON, to keep it or to move it. It holds addresses: guard it as the state folder itself.
    ///
    /// Also while the daemon runs: then with the last change, and the usage of the last full hour.
    Export {
        /// The daemon's config file, which names the state folder.
        #[arg(long, value_name = "FILE", default_value = config::FILE)]
        config: PathBuf,
        /// Print what can still be read of damaged files.
        #[arg(long)]
        damaged: bool,
    },
    /// Write damaged files anew from the copy beside them, which has every change. The daemon does so by itself at its start.
    Repair {
        /// The daemon's config file, which names the state folder.
        #[arg(long, value_name = "FILE", default_value = config::FILE)]
        config: PathBuf,
        /// Where no copy is whole either: keep what can still be read. What is lost stays lost; save the folder first.
        #[arg(long)]
        partial: bool,
        #[command(flatten)]
        output: OutputOptions,
    },
    /// Fill an empty book from an export: all of it or nothing. Refuses what `check` would complain about.
    Import {
        /// The export; `-` reads standard input.
        file: PathBuf,
        /// The daemon's config file, which names the state folder.
        #[arg(long, value_name = "FILE", default_value = config::FILE)]
        config: PathBuf,
        #[command(flatten)]
        output: OutputOptions,
    },
}
