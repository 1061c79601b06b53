//! What `nologd sync` is told: by a file of its own, which the daemon does not read, and by the command line.

use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::Deserialize;
use zeroize::Zeroizing;

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
    pub quota_multiplier: Option<u64>,
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
    /// What to tell the admin: line and key.
    pub fn read(file: &Path) -> Result<SyncSettings, String> {
        let text = fs::read_to_string(file).map_err(|error| error.kind().to_string())?;
        toml::from_str(&text).map_err(|error| error.to_string())
    }

    /// The engine: MariaDB unless the file says otherwise.
    pub fn engine(&self) -> Engine {
        self.engine.unwrap_or(Engine::Mariadb)
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
            Some(file) => Some(Zeroizing::new(fs::read_to_string(file)?.trim_end_matches(['\r', '\n']).to_owned())),
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
