//! What can be typed. The comments below are the help texts that `--help` prints.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::blocks::Blocks;
use super::incident::Incident;
use super::mailbox::Mailbox;
use super::usage::Usage;
use super::values::{self, Leads, Standby};
use crate::fault::Lang;
use crate::private::{Address, Domain};
use crate::quota::{Day, Limit, Name, SenderRule};

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
        #[arg(long, value_name = "FILE")]
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
    },
    /// Explain a code word that stood in a refusal, or list all of them.
    Help {
        /// The word, for example MAILBOX-FULL.
        code: Option<String>,
        /// Language: en or fr.
        #[arg(long, default_value = "en", value_parser = values::lang)]
        lang: Lang,
    },
    /// Look for what the servers around would write down about people.
    Audit(crate::audit::Arguments),
    /// Tell members what is kept and what is not, from what is enforced.
    Statement(crate::statement::Arguments),
    /// Usage, as the mail server knows it.
    #[command(subcommand)]
    Usage(Usage),
    /// What the running daemon answers.
    #[command(flatten)]
    Admin(Admin),
    /// Look after the state folder: check and export, also while the daemon runs; import and repair.
    #[command(subcommand)]
    Store(Store),
}

/// Commands for the running daemon.
#[derive(Subcommand)]
#[allow(missing_docs)] // the flattened groups say it themselves
pub enum Admin {
    /// Associations: who shares space, and how much.
    #[command(subcommand)]
    Association(Association),
    /// Mailboxes: how full they are, and limits of their own.
    #[command(subcommand)]
    Mailbox(Mailbox),
    /// Find a fault without logs: watch one mailbox's sessions for minutes, with its owner's consent.
    ///
    /// Verbs, reply codes and times of IMAP and submission, and nothing else: no arguments, names, addresses, sizes, contents or
    /// passwords. In memory only, 500 steps at most; gone at the end, at `stop` and at a restart. The owner is told at every
    /// login in IMAP, by an alert that the mail program shows, and `disclose` and `status` tell it too. Ask the owner first.
    #[command(subcommand)]
    Incident(Incident),
    /// Accounts that are slowed because of wrong passwords (TOO-MANY-TRIES), and making that end.
    ///
    /// Whoever logged in well within the last 30 hours from the same network is not concerned by others' wrong passwords. Strangers share
    /// ten tries an account; one comes back each 30 seconds. All of it is in memory only. Networks are never shown, only their number;
    /// names that are no mailbox here neither.
    #[command(subcommand)]
    Blocks(Blocks),
    /// What runs, what is not enforced, and how full the associations are. Nothing about any activity.
    Status(Daemon),
    /// Print every bit that is held about a mailbox, for its owner or for a lawful request.
    Disclose(OneMailbox),
}

/// Where the daemon is. Without these, the variable NOLOGD_SOCKET says it.
#[derive(Args)]
pub struct Where {
    /// The daemon's socket for admins. First choice; then the variable NOLOGD_SOCKET, then --config.
    #[arg(long, value_name = "PATH")]
    pub(super) socket: Option<PathBuf>,
    /// The daemon's config file, which names the socket.
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

/// How to answer.
#[derive(Args, Clone, Copy)]
pub struct Output {
    /// Answer in JSON, with exact numbers, on standard output; also when refused.
    #[arg(long)]
    pub(super) json: bool,
}

/// Where the daemon is, and how to answer.
#[derive(Args)]
pub struct Daemon {
    #[command(flatten)]
    pub(super) place: Where,
    #[command(flatten)]
    pub(super) output: Output,
}

/// A command about one mailbox and nothing else.
#[derive(Args)]
pub struct OneMailbox {
    /// The mailbox.
    #[arg(value_parser = values::address)]
    pub(super) address: Address,
    #[command(flatten)]
    pub(super) daemon: Daemon,
}

/// `nologd association`.
#[derive(Subcommand)]
pub enum Association {
    /// Add an association, with its domains and limits.
    Add {
        /// Its name in commands: letters, digits, `-`, `_`, `.`; never changes.
        #[arg(value_parser = values::name)]
        name: Name,
        #[command(flatten)]
        settings: Box<Settings>,
        #[command(flatten)]
        daemon: Daemon,
    },
    /// List all associations with state, mailboxes and used space.
    List(Daemon),
    /// Show everything about one association.
    Show {
        /// Its name.
        #[arg(value_parser = values::name)]
        name: Name,
        #[command(flatten)]
        daemon: Daemon,
    },
    /// Change settings. What is not named stays as it is.
    Set {
        /// Its name.
        #[arg(value_parser = values::name)]
        name: Name,
        #[command(flatten)]
        settings: Box<Settings>,
        #[command(flatten)]
        without: Box<Without>,
        #[command(flatten)]
        daemon: Daemon,
    },
    /// Take an association out of the book, and its bytes out of the files. Mail in the mail server is not touched.
    Remove {
        /// Its name.
        #[arg(value_parser = values::name)]
        name: Name,
        /// Forget its mailboxes too.
        #[arg(long)]
        with_mailboxes: bool,
        #[command(flatten)]
        daemon: Daemon,
    },
    /// Give extra space for a while. It ends by itself after the day.
    Grant {
        /// Its name.
        #[arg(value_parser = values::name)]
        name: Name,
        /// How much, like 2G or 500M.
        #[arg(value_name = "SIZE", value_parser = values::size, allow_hyphen_values = true)]
        size: u64,
        /// The last day on which it counts, like 2027-03-01 (UTC).
        #[arg(long, value_name = "DAY", value_parser = values::day)]
        until: Day,
        #[command(flatten)]
        daemon: Daemon,
    },
}

/// Settings of an association. Sizes like 10G or 500M (powers of 1024), numbers, or `none` for no limit.
#[derive(Args)]
pub struct Settings {
    /// A domain of its own. Can be said several times.
    #[arg(long = "domain", value_name = "DOMAIN", value_parser = values::domain)]
    pub(super) domains: Vec<Domain>,
    /// Another domain for the same mailboxes, like velo.org.example=velo.example. Can be said several times.
    #[arg(long = "domain-alias", value_name = "ALIAS=DOMAIN", value_parser = values::standby)]
    pub(super) domain_aliases: Vec<Standby>,
    /// An address that leads to mailboxes, like info@velo.example=alice@velo.example,bob@velo.example. Can be said several times.
    #[arg(long = "alias", value_name = "ADDRESS=MAILBOX,...", value_parser = values::leads)]
    pub(super) aliases: Vec<Leads>,
    /// Space that all mailboxes share.
    #[arg(long, value_name = "SIZE", value_parser = values::size_limit, allow_hyphen_values = true)]
    pub(super) storage: Option<Limit>,
    /// Messages that all mailboxes share.
    #[arg(long, value_name = "NUMBER", value_parser = values::count, allow_hyphen_values = true)]
    pub(super) messages: Option<Limit>,
    /// Space of a mailbox that has no limit of its own.
    #[arg(long, value_name = "SIZE", value_parser = values::size_limit, allow_hyphen_values = true)]
    pub(super) mailbox_default: Option<Limit>,
    /// How many mailboxes there may be.
    #[arg(long, value_name = "NUMBER", value_parser = values::count, allow_hyphen_values = true)]
    pub(super) mailboxes: Option<Limit>,
    /// Where notices about the association go.
    #[arg(long, value_name = "ADDRESS", value_parser = values::address)]
    pub(super) contact: Option<Address>,
    /// The language of notices and refusals.
    #[arg(long, value_name = "en|fr", value_parser = values::lang)]
    pub(super) lang: Option<Lang>,
    /// Members write as themselves and their aliases (mailbox), or as any address of the association (domain).
    #[arg(long, value_name = "mailbox|domain", value_parser = values::senders)]
    pub(super) senders: Option<SenderRule>,
    /// The mail server behind, by its name in the config file.
    #[arg(long, value_name = "NAME")]
    pub(super) backend: Option<String>,
    /// active; read-only: nothing is stored, deleted or sent; suspended: no login; leaving: active to the day of --until, then suspended.
    /// Incoming mail is accepted in every state.
    #[arg(long, value_name = "STATE")]
    pub(super) state: Option<StateWord>,
    /// The last day of a leaving association, like 2027-03-01 (UTC).
    #[arg(long, value_name = "DAY", value_parser = values::day)]
    pub(super) until: Option<Day>,
    /// Messages that all members together may send in an hour.
    #[arg(long, value_name = "NUMBER", value_parser = values::count, allow_hyphen_values = true)]
    pub(super) send_per_hour: Option<Limit>,
    /// Messages that all members together may send in a day.
    #[arg(long, value_name = "NUMBER", value_parser = values::count, allow_hyphen_values = true)]
    pub(super) send_per_day: Option<Limit>,
    /// Recipients that all members together may write to in an hour.
    #[arg(long, value_name = "NUMBER", value_parser = values::count, allow_hyphen_values = true)]
    pub(super) recipients_per_hour: Option<Limit>,
    /// Recipients that all members together may write to in a day.
    #[arg(long, value_name = "NUMBER", value_parser = values::count, allow_hyphen_values = true)]
    pub(super) recipients_per_day: Option<Limit>,
    /// Messages that each mailbox may send in an hour.
    #[arg(long, value_name = "NUMBER", value_parser = values::count, allow_hyphen_values = true)]
    pub(super) mailbox_send_per_hour: Option<Limit>,
    /// Messages that each mailbox may send in a day.
    #[arg(long, value_name = "NUMBER", value_parser = values::count, allow_hyphen_values = true)]
    pub(super) mailbox_send_per_day: Option<Limit>,
    /// Recipients that each mailbox may write to in an hour.
    #[arg(long, value_name = "NUMBER", value_parser = values::count, allow_hyphen_values = true)]
    pub(super) mailbox_recipients_per_hour: Option<Limit>,
    /// Recipients that each mailbox may write to in a day.
    #[arg(long, value_name = "NUMBER", value_parser = values::count, allow_hyphen_values = true)]
    pub(super) mailbox_recipients_per_day: Option<Limit>,
}

/// What is taken away again.
#[derive(Args)]
pub struct Without {
    /// Take a domain or an alias domain away. Can be said several times.
    #[arg(long = "no-domain", value_name = "DOMAIN", value_parser = values::domain)]
    pub(super) no_domains: Vec<Domain>,
    /// Take an alias away. Can be said several times.
    #[arg(long = "no-alias", value_name = "ADDRESS", value_parser = values::address)]
    pub(super) no_aliases: Vec<Address>,
    /// No contact any more: nobody gets the association's notices.
    #[arg(long, conflicts_with = "contact")]
    pub(super) no_contact: bool,
    /// Back to the default backend.
    #[arg(long, conflicts_with = "backend")]
    pub(super) no_backend: bool,
}

/// The word for a state.
#[derive(Clone, Copy, ValueEnum)]
pub enum StateWord {
    /// Everything is allowed.
    Active,
    /// Reading works; nothing is stored, deleted or sent.
    ReadOnly,
    /// Nobody logs in; mail is still accepted.
    Suspended,
    /// As active to the end of the day of --until; then suspended.
    Leaving,
}

/// `nologd store`.
#[derive(Subcommand)]
pub enum Store {
    /// Read every record and name those that make no sense together. Changes nothing. Also while the daemon runs.
    Check {
        /// The daemon's config file, which names the state folder.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        #[command(flatten)]
        output: Output,
    },
    /// Print the whole book as JSON, to keep it or to move it. It holds addresses: guard it as the state folder itself.
    ///
    /// Also while the daemon runs: then with the last change, and the usage of the last full hour.
    Export {
        /// The daemon's config file, which names the state folder.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Print what can still be read of damaged files.
        #[arg(long)]
        damaged: bool,
    },
    /// Write damaged files anew from the copy beside them, which has every change. The daemon does so by itself at its start.
    Repair {
        /// The daemon's config file, which names the state folder.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Where no copy is whole either: keep what can still be read. What is lost stays lost; save the folder first.
        #[arg(long)]
        partial: bool,
        #[command(flatten)]
        output: Output,
    },
    /// Fill an empty book from an export: all of it or nothing. Refuses what `check` would complain about.
    Import {
        /// The export; `-` reads standard input.
        file: PathBuf,
        /// The daemon's config file, which names the state folder.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        #[command(flatten)]
        output: Output,
    },
}
