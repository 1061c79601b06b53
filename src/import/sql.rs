//! The tables of a panel in MariaDB (or MySQL) and PostgreSQL, over a Unix socket.
//!
//! Both print values as text, so that one reading does for all. Nothing is ever written, no statement holds a word of the panel, and all
//! tables are read in one transaction where the engine has any. Absent on purpose: TLS and TCP, for a database elsewhere belongs behind a
//! socket that the admin forwards.

use futures_util::TryStreamExt;
use mysql::prelude::Queryable;
use tokio::runtime::Runtime;
use tokio_postgres::{NoTls, SimpleQueryMessage};

use super::settings::Database;
use super::tables::{FIELDS, LONG, SourceTrouble, Tables, Values, cut};

/// MariaDB or MySQL.
pub struct Mariadb(mysql::Conn);

impl Mariadb {
    /// Connects, and begins to read.
    pub fn open(database: &Database) -> Result<Mariadb, SourceTrouble> {
        let options = mysql::OptsBuilder::new()
            .socket(Some(database.socket.to_string_lossy()))
            .user(Some(&database.user))
            .pass(database.password.as_ref().map(|password| password.as_str()))
            .db_name(Some(&database.name));
        let mut link = mysql::Conn::new(options).map_err(|error| blame_mariadb(&error, SourceTrouble::Away))?;
        let begin = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY";
        link.query_drop(begin).map_err(|error| blame_mariadb(&error, SourceTrouble::Broken))?;
        Ok(Mariadb(link))
    }
}

fn blame_mariadb(error: &mysql::Error, otherwise: SourceTrouble) -> SourceTrouble {
    match error {
        // ER_DBACCESS_DENIED_ERROR, ER_ACCESS_DENIED_ERROR, ER_BAD_DB_ERROR, ER_ACCESS_DENIED_NO_PASSWORD_ERROR.
        mysql::Error::MySqlError(error) if matches!(error.code, 1044 | 1045 | 1049 | 1698) => SourceTrouble::Refused,
        _ => otherwise,
    }
}

impl SqlServer for Mariadb {
    const QUOTE: char = '`';
    const HERE: &'static str = "table_schema = DATABASE()";

    fn query(&mut self, ask: &str, take: &mut dyn FnMut(&Values<'_>)) -> Result<(), SourceTrouble> {
        let broken = |error: mysql::Error| blame_mariadb(&error, SourceTrouble::Broken);
        let mut rows = self.0.query_iter(ask).map_err(broken)?;
        while let Some(rows) = rows.iter() {
            for row in rows {
                let values = row.map_err(broken)?.unwrap().into_iter().map(|value| match value {
                    mysql::Value::NULL => None,
                    mysql::Value::Bytes(octets) => Some(String::from_utf8_lossy(&octets).into_owned()),
                    other => Some(other.as_sql(true)),
                });
                let values: Vec<_> = values.collect();
                take(&values.iter().map(Option::as_deref).collect::<Vec<_>>());
            }
        }
        Ok(())
    }
}

/// PostgreSQL.
pub struct Postgres {
    runtime: Runtime,
    client: tokio_postgres::Client,
}

impl Postgres {
    /// Connects, and begins to read. The socket is the folder that the server's sockets are in.
    pub fn open(database: &Database) -> Result<Postgres, SourceTrouble> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|_| SourceTrouble::Broken)?;
        let mut config = tokio_postgres::Config::new();
        config.host_path(&database.socket).user(&database.user).dbname(&database.name).port(database.port);
        if let Some(password) = &database.password {
            config.password(password.as_str());
        }
        let client = runtime.block_on(async {
            let (client, link) = config.connect(NoTls).await.map_err(|error| blame_postgres(&error, SourceTrouble::Away))?;
            tokio::spawn(async move { drop(link.await) });
            let begin = client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await;
            begin.map_err(|error| blame_postgres(&error, SourceTrouble::Broken))?;
            Ok(client)
        })?;
        Ok(Postgres { runtime, client })
    }
}

impl SqlServer for Postgres {
    const QUOTE: char = '"';
    const HERE: &'static str = "table_schema = ANY(current_schemas(false))";

    fn query(&mut self, ask: &str, take: &mut dyn FnMut(&Values<'_>)) -> Result<(), SourceTrouble> {
        let broken = |error: tokio_postgres::Error| blame_postgres(&error, SourceTrouble::Broken);
        self.runtime.block_on(async {
            let rows = self.client.simple_query_raw(ask).await.map_err(broken)?;
            let mut rows = std::pin::pin!(rows);
            while let Some(message) = rows.try_next().await.map_err(broken)? {
                if let SimpleQueryMessage::Row(row) = message {
                    let values: Vec<_> = (0..row.len()).map(|at| row.try_get(at).ok().flatten()).collect();
                    take(&values);
                }
            }
            Ok(())
        })
    }
}

fn blame_postgres(error: &tokio_postgres::Error, otherwise: SourceTrouble) -> SourceTrouble {
    // Classes 28 (who), 3D (no such database), 42501 (may not).
    let refused = |code: &str| code.starts_with("28") || code.starts_with("3D") || code == "42501";
    if error.code().is_some_and(|code| refused(code.code())) { SourceTrouble::Refused } else { otherwise }
}

/// What differs between the two.
trait SqlServer {
    /// Around names.
    const QUOTE: char;
    /// Of the schema that was asked for.
    const HERE: &'static str;

    fn query(&mut self, ask: &str, take: &mut dyn FnMut(&Values<'_>)) -> Result<(), SourceTrouble>;

    fn columns(&mut self, table: &str) -> Result<Vec<String>, SourceTrouble> {
        let here = Self::HERE;
        let ask = format!("SELECT column_name FROM information_schema.columns WHERE {here} AND table_name = '{table}'");
        let mut columns = Vec::new();
        self.query(&ask, &mut |row| columns.extend(row.first().copied().flatten().map(str::to_owned)))?;
        Ok(columns)
    }
}

impl<S: SqlServer> Tables for S {
    fn has(&mut self, table: &'static str) -> Result<bool, SourceTrouble> {
        Ok(!self.columns(table)?.is_empty())
    }

    fn each(
        &mut self,
        table: &'static str,
        needed: &[&'static str],
        optional: &[&'static str],
        take: &mut dyn FnMut(&Values<'_>),
    ) -> Result<(), SourceTrouble> {
        let ask = select(table, &self.columns(table)?, needed, optional, S::QUOTE)?;
        self.query(&ask, &mut |row| take(&row.iter().map(|value| value.map(cut)).collect::<Vec<_>>()))
    }
}

/// The question: NULL for what is not there.
fn select(
    table: &'static str,
    known: &[String],
    needed: &[&'static str],
    optional: &[&'static str],
    quote: char,
) -> Result<String, SourceTrouble> {
    let has = |name: &str| known.iter().any(|column| column.eq_ignore_ascii_case(name));
    if known.is_empty() {
        return Err(SourceTrouble::NoTable(table));
    }
    if let Some(missing) = needed.iter().find(|name| !has(name)) {
        return Err(SourceTrouble::NoColumn(table, missing));
    }
    let named = |name: &str| match (has(name), FIELDS.contains(&name)) {
        (true, false) => format!("{quote}{name}{quote}"),
        (true, true) => format!("LEFT({quote}{name}{quote}, {LONG})"),
        (false, _) => "NULL".into(),
    };
    let columns: Vec<_> = needed.iter().chain(optional).map(|name| named(name)).collect();
    Ok(format!("SELECT {} FROM {quote}{table}{quote}", columns.join(", ")))
}
