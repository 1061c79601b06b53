//! `nologd audit`: shows on the running system that nobody is written down.
//!
//! Settings: each setting of the servers around us that would write a person down, with the line to write instead. Canary: made-up
//! values are planted through the real listeners, and looked for. Itself: this program tries to break its own rules from inside the
//! sandbox. Absent on purpose: changing anything. The audit reads, and says what
//! it found; it never prints what it read.

pub mod canary;
pub mod check;
mod finding;
mod holds;
mod itself;
mod pattern;
mod server;
pub mod settings;
mod source;
mod tree;

pub use check::Check;
pub use finding::{AuditReport, Canary, Finding, Trace};
pub use itself::{Itself, Tried};
pub use source::tool_output;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use zeroize::Zeroizing;

use crate::config::{self, Config};
use crate::quota::Day;
use crate::store::read_regular;
use crate::terminal::Progress;

use check::AuditedServer;
use settings::Source;
use tree::{Tree, Unreadable};

/// `nologd audit ...`. Without a file, the settings of every server that is installed here are read.
#[derive(clap::Args)]
pub struct AuditArguments {
    /// Settings of Dovecot: a file, or `auto` for what runs here (`doveconf -n`).
    #[arg(long, value_name = "FILE")]
    dovecot_config: Vec<PathBuf>,
    /// Settings of Postfix: a file, or `auto` (`postconf -n`).
    #[arg(long, value_name = "FILE")]
    postfix_config: Vec<PathBuf>,
    /// Settings of nginx: a file, or `auto` (`nginx -T`).
    #[arg(long, value_name = "FILE")]
    nginx_config: Vec<PathBuf>,
    /// Settings of Apache: a file, or `auto` (apache2.conf with its includes).
    #[arg(long, value_name = "FILE")]
    apache_config: Vec<PathBuf>,
    /// Roundcube's config.inc.php, or `auto`.
    #[arg(long, value_name = "FILE")]
    roundcube_config: Vec<PathBuf>,
    /// journald.conf, or `auto`.
    #[arg(long, value_name = "FILE")]
    journald_config: Vec<PathBuf>,
    /// rsyslog.conf, or `auto`.
    #[arg(long, value_name = "FILE")]
    rsyslog_config: Vec<PathBuf>,
    /// Read the files of another machine under this folder (a container, a mounted disk), in place of what is installed here.
    #[arg(long, value_name = "FOLDER", conflicts_with = "no_settings")]
    root: Option<PathBuf>,
    /// The address of a test mailbox: log in, send and fail as it, then search for every trace. Needs the config file.
    #[arg(long, value_name = "ADDRESS", requires = "password_file", requires = "logs")]
    canary: Option<String>,
    /// The daemon's config file; without this, /etc/nologd/nologd.toml where it is there. With it, this program also goes into the
    /// daemon's sandbox and tries to break its rules; and the canary knows where to fly.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A file with the password of the test mailbox.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Log files and folders, queues, databases: nothing may be found in them. SQLite's own files are understood; of another
    /// database give a dump (mysqldump, pg_dump), for its files may be compressed.
    #[arg(long, value_name = "PATH", num_args = 1.., requires = "canary")]
    logs: Vec<PathBuf>,
    /// Mailboxes and their indexes: the test message may be found in them, and nothing about the machine that wrote it.
    #[arg(long, value_name = "PATH", num_args = 1.., requires = "canary")]
    mail: Vec<PathBuf>,
    /// Search systemd's journal too.
    #[arg(long, requires = "canary")]
    journal: bool,
    /// Search a journal in this folder too, of a container for example.
    #[arg(long, value_name = "FOLDER", requires = "canary")]
    journal_folder: Vec<PathBuf>,
    /// Without reading any settings: only the canary and the sandbox of the config file.
    #[arg(long)]
    no_settings: bool,
    /// For machines; `nologd statement --audit` reads it.
    #[arg(long)]
    json: bool,
}

impl AuditArguments {
    fn files(&self, server: AuditedServer) -> &[PathBuf] {
        match server {
            AuditedServer::Dovecot => &self.dovecot_config,
            AuditedServer::Postfix => &self.postfix_config,
            AuditedServer::Nginx => &self.nginx_config,
            AuditedServer::Apache => &self.apache_config,
            AuditedServer::Roundcube => &self.roundcube_config,
            AuditedServer::Journald => &self.journald_config,
            AuditedServer::Rsyslog => &self.rsyslog_config,
            // Several files each, or a single known one: they are found.
            AuditedServer::Panel
            | AuditedServer::Rspamd
            | AuditedServer::OpenDkim
            | AuditedServer::Mailman
            | AuditedServer::Fail2ban
            | AuditedServer::Etcd
            | AuditedServer::Backups => &[],
        }
    }
}

/// `nologd audit`: exit 0 when clean, 1 when something was found or could not be read.
pub fn run(arguments: &AuditArguments, say: fn(&str), complain: fn(&str)) -> ExitCode {
    let config = config::named_or_installed(arguments.config.as_deref());
    if config.is_none() && (arguments.canary.is_some() || arguments.no_settings) {
        complain("there is no config file: say --config FILE");
        return ExitCode::from(2);
    }
    let Some(sources) = sources(arguments, complain) else { return ExitCode::FAILURE };
    let mut report = report(&sources);
    match canary(arguments, config.as_deref()) {
        Ok(canary) => report.canary = canary,
        Err(why) => {
            complain(&format!("the canary did not fly: {why}"));
            return ExitCode::FAILURE;
        }
    }
    if let Some(file) = &config {
        match config_of(file).and_then(|config| itself::try_itself(&config, file)) {
            Ok(tried) => report.itself = Some(tried),
            Err(why) => {
                complain(&format!("the sandbox was not tried: {why}"));
                return ExitCode::FAILURE;
            }
        }
    }
    if arguments.json {
        say(&serde_json::to_string_pretty(&report).unwrap_or_default());
    } else {
        say(report.text().trim_end());
    }
    if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The report about `sources`, made today.
pub fn report(sources: &[Source]) -> AuditReport {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let read = AuditedServer::ALL.iter().filter(|server| sources.iter().any(|source| source.server == **server));
    AuditReport {
        made: Day::from_unix(now).print(),
        read: read.map(|server| server.name().to_owned()).collect(),
        findings: settings::findings(sources),
        canary: None,
        itself: None,
    }
}

fn config_of(file: &Path) -> Result<Config, String> {
    let text = read_regular(file).map_err(|error| format!("{}: {error}", file.display()))?;
    config::read(&text).map_err(|_| format!("{}: has errors: `nologd check` names them", file.display()))
}

fn canary(arguments: &AuditArguments, config: Option<&Path>) -> Result<Option<Canary>, String> {
    let (Some(address), Some(file), Some(password)) = (&arguments.canary, config, &arguments.password_file) else {
        return Ok(None);
    };
    let config = config_of(file)?;
    // A pipe is welcome: `<(pass show ...)`.
    let text = std::fs::read_to_string(password).map_err(|error| format!("{}: {error}", password.display()));
    let text = Zeroizing::new(text?);
    let password = Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned());
    let AuditArguments { logs, mail, journal, journal_folder: journals, .. } = arguments;
    let order = canary::FlightPlan { config: &config, address, password, logs, mail, journal: *journal, journals };
    canary::fly(&order).map(Some).map_err(|trouble| trouble.to_string())
}

/// What is to be judged. `None`: not all of it can be read, and each part that cannot is told. A report without it would call clean
/// what nobody has seen.
fn sources(arguments: &AuditArguments, complain: fn(&str)) -> Option<Vec<Source>> {
    let tree = Tree::new(arguments.root.as_deref());
    let (mut sources, mut unread) = (Vec::new(), Vec::new());
    for source in of_each_server(arguments, &tree) {
        match source {
            Ok(source) => sources.push(source),
            Err(one) => unread.push(one),
        }
    }
    unread.extend(tree.into_unread());
    unread.iter().for_each(|Unreadable { what, why }| complain(&format!("{what}: {why}")));
    unread.is_empty().then_some(sources)
}

fn of_each_server(arguments: &AuditArguments, tree: &Tree) -> Vec<Result<Source, Unreadable>> {
    if arguments.root.is_some() {
        // What is named besides is read as it is named: what nobody has read is not clean.
        let named = |server: AuditedServer| {
            let files = arguments.files(server).iter().filter(|file| file.to_str() != Some("auto"));
            files.map(move |file| source::from_file(server, file, tree))
        };
        let found = AuditedServer::ALL.iter().filter_map(|server| source::from_tree(*server, tree)).map(Ok);
        return found.chain(AuditedServer::ALL.iter().flat_map(|server| named(*server))).collect();
    }
    let none = AuditedServer::ALL.iter().all(|server| arguments.files(*server).is_empty());
    let all = none && !arguments.no_settings;
    let of = |server: AuditedServer| {
        let named = arguments.files(server).iter().map(move |file| match file.to_str() {
            Some("auto") => source::from_machine(server, tree).unwrap_or_else(|| Err(not_here(server))),
            _ => source::from_file(server, file, tree),
        });
        named.chain(if all { source::from_machine(server, tree) } else { None })
    };
    let mut progress = Progress::new();
    let told = |server: AuditedServer| {
        progress.begin(&format!("reading the settings of {}", server.name()));
        of(server)
    };
    AuditedServer::ALL.into_iter().flat_map(told).collect()
}

fn not_here(server: AuditedServer) -> Unreadable {
    Unreadable { what: server.name().to_owned(), why: "is not installed here".to_owned() }
}
