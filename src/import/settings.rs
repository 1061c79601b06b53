//! What `nologd sync` is told: by a file of its own, which the daemon does not read, and by the command line.

use std::io;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use zeroize::Zeroizing;

use super::postfixadmin::MULTIPLIER;
use crate::policy::Problem;
use crate::store::{is_no_file, read_regular};

/// Where the package has the file.
pub const FILE: &str = "/etc/nologd-sync/sync.toml";
/// Where the state is kept, unless systemd says it.
pub const STATE: &str = "/var/lib/nologd-sync";

/// Which panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PanelKind {
    /// AlternC, in its database or a dump of it.
    Alternc,
    /// A table that any panel can write.
    Csv,
    /// mailcow, in its database.
    Mailcow,
    /// Modoboa, in its database.
    Modoboa,
    /// Postfix's own maps, as text.
    Postfix,
    /// PostfixAdmin, in its database.
    Postfixadmin,
}

words! {
    PanelKind, "The panels are alternc, csv, mailcow, modoboa, postfix and postfixadmin.":
    Alternc = "alternc", Csv = "csv", Mailcow = "mailcow", Modoboa = "modoboa", Postfix = "postfix", Postfixadmin = "postfixadmin"
}

/// Which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// MariaDB or MySQL.
    Mariadb,
    /// PostgreSQL.
    Postgresql,
}

words! { Engine, "The engines are mariadb and postgresql.": Mariadb = "mariadb", Postgresql = "postgresql" }

/// Every key of the file, and what it takes.
pub const KEYS: &[(&str, &str)] = &[
    ("from", "the panel: alternc, csv, mailcow, modoboa, postfix or postfixadmin"),
    ("file", "the path of a file"),
    ("map", "the path of a file"),
    ("quota_multiplier", "a number of octets above 0"),
    ("engine", "mariadb or postgresql"),
    ("socket", "the path of a socket, or of PostgreSQL's folder"),
    ("port", "a number up to 65535"),
    ("database", "a name"),
    ("user", "a name"),
    ("password_file", "the path of a file"),
    ("domains_file", "the path of a file"),
    ("aliases_file", "the path of a file"),
    ("mailboxes_file", "the path of a file"),
];

/// The file.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SyncSettings {
    /// Which panel.
    pub from: Option<PanelKind>,
    /// A file instead of a database: the table of `csv`, a dump.
    pub file: Option<PathBuf>,
    /// Which domains make an association.
    pub map: Option<PathBuf>,
    /// Octets of a MB of PostfixAdmin.
    pub quota_multiplier: Option<NonZeroU64>,
    /// Which database.
    pub engine: Option<Engine>,
    /// Its socket; of PostgreSQL, the folder.
    pub socket: Option<PathBuf>,
    /// Of PostgreSQL: the number in the socket's name.
    pub port: Option<u16>,
    /// Its name; without one, the panel's own.
    pub database: Option<String>,
    /// Who asks; without one, the name of the Unix user, which the server knows by itself.
    pub user: Option<String>,
    /// A file with a password. Better none at all.
    pub password_file: Option<PathBuf>,
    /// Of Postfix: the files.
    pub domains_file: Option<PathBuf>,
    /// Of Postfix.
    pub aliases_file: Option<PathBuf>,
    /// Of Postfix.
    pub mailboxes_file: Option<PathBuf>,
}

/// How to reach a database.
pub struct Database {
    /// Its socket, or the folder of PostgreSQL's.
    pub socket: PathBuf,
    /// Of PostgreSQL.
    pub port: u16,
    /// Its name.
    pub name: String,
    /// Who asks.
    pub user: String,
    /// None: the server knows the Unix user.
    pub password: Option<Zeroizing<String>>,
}

impl SyncSettings {
    /// Reads the file.
    ///
    /// # Errors
    /// What to tell the admin: line and key, and nothing else of what stands there, for it goes to the journal.
    pub fn read(file: &Path) -> Result<SyncSettings, String> {
        let shown = file.display();
        let text = read_regular(file).map_err(|error| {
            if is_no_file(&error) { format!("{shown}: is no regular file.") } else { format!("{shown}: {}.", error.kind()) }
        })?;
        SyncSettings::parse(&text).map_err(|(line, why)| format!("{shown}:{line}: {why}"))
    }

    fn parse(text: &str) -> Result<SyncSettings, (usize, String)> {
        toml::from_str(text).map_err(|error| {
            let Problem { line, .. } = Problem::from_toml(text, &error);
            (line, wrong(text.lines().nth(line.saturating_sub(1)).unwrap_or_default(), &error))
        })
    }

    /// The engine: MariaDB unless the file says otherwise.
    pub fn engine(&self) -> Engine {
        self.engine.unwrap_or(Engine::Mariadb)
    }

    /// Octets of a MB of PostfixAdmin.
    pub fn multiplier(&self) -> u64 {
        self.quota_multiplier.map_or(MULTIPLIER, NonZeroU64::get)
    }

    /// How to reach the database.
    ///
    /// # Errors
    /// The file with the password cannot be read.
    pub fn database(&self, panel: &str) -> io::Result<Database> {
        let socket = match self.engine() {
            Engine::Mariadb => "/run/mysqld/mysqld.sock",
            Engine::Postgresql => "/run/postgresql",
        };
        let own = || nix::unistd::User::from_uid(nix::unistd::geteuid()).ok().flatten().map(|user| user.name);
        let password = match &self.password_file {
            Some(file) => Some(Zeroizing::new(Zeroizing::new(read_regular(file)?).trim_end_matches(['\r', '\n']).to_owned())),
            None => None,
        };
        Ok(Database {
            socket: self.socket.clone().unwrap_or_else(|| socket.into()),
            port: self.port.unwrap_or(5432),
            name: self.database.clone().unwrap_or_else(|| panel.to_owned()),
            user: self.user.clone().or_else(own).unwrap_or_default(),
            password,
        })
    }
}

/// The reader's own words may quote the line, and a password may be in it.
fn wrong(line: &str, error: &toml::de::Error) -> String {
    let key = line.split('=').next().unwrap_or_default().trim();
    match KEYS.iter().find(|(known, _)| *known == key) {
        _ if error.message().starts_with("unknown field") => {
            let known: Vec<_> = KEYS.iter().map(|(key, _)| *key).collect();
            format!("no such key. There are {}.", known.join(", "))
        }
        Some((key, takes)) => format!("{key} takes {takes}, once, in quotes unless it is a number."),
        None => "this is no line of key = \"value\".".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_told_by_line_and_key_and_never_by_what_stands_there() {
        const CANARY: &str = "canary-5f1e";
        let said = |text: &str| SyncSettings::parse(text).err().unwrap();
        for (text, line, word) in [
            (format!("from = \"csv\"\npassword = \"{CANARY}\"\n"), 2, "no such key"),
            (format!("{CANARY} = 1\n"), 1, "no such key"),
            (format!("port = \"{CANARY}\"\n"), 1, "port takes a number"),
            (format!("user = {CANARY}\n"), 1, "user takes a name"),
            (format!("from = \"{CANARY}\"\n"), 1, "from takes the panel"),
            (format!("user = \"a\"\nuser = \"{CANARY}\"\n"), 2, "user takes a name, once"),
            (format!("password_file = \"{CANARY}\n"), 1, "password_file takes the path"),
            (format!("\n{CANARY}\n"), 2, "no line of key"),
            (format!("user = \"\"\"\n{CANARY}\n"), 0, ""),
            (format!("[{CANARY}]\nx = 1\n"), 1, "no such key"),
            (format!("quota_multiplier = 0 # {CANARY}\n"), 1, "above 0"),
            (format!("engine = [\"{CANARY}\"]"), 1, "mariadb or postgresql"),
        ] {
            let (at, why) = said(&text);
            assert!((line == 0 || at == line) && why.contains(word) && !why.contains(CANARY), "{text}: {at}: {why}");
        }
    }

    #[test]
    fn every_key_is_in_the_list() {
        let error = toml::from_str::<SyncSettings>("x = 1").err().unwrap();
        let known: Vec<_> = error.message().split('`').skip(3).step_by(2).collect();
        assert_eq!(known, KEYS.iter().map(|(key, _)| *key).collect::<Vec<_>>());
    }
}
