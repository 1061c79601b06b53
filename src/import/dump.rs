//! A dump of `mysqldump` or `mariadb-dump`: for the first, nervous look, and for panels on another machine.
//!
//! It is read once for each table, never held in memory, and never run. Columns are found by the dump's own CREATE TABLE. What is no
//! UTF-8 is taken for Latin-1. A dump that ends in the middle of a statement is refused as a whole; so is one that tells its beginning and
//! not its end (`-- Dump completed`), and one that is written to while it is read.

use std::collections::HashMap;
use std::fs::File;
use std::io::Seek;
use std::path::Path;
use std::time::SystemTime;

use super::sql_reader::{SqlReader, SqlStatement};
use super::tables::{JUDGED, SourceTrouble, Tables, Values, cut};
use crate::store::open_regular;

/// A dump.
pub struct Dump {
    // Open all the time: another file of the same name is another dump.
    file: File,
    was: (u64, SystemTime),
    columns: HashMap<String, Vec<String>>,
}

impl Dump {
    /// Looks which tables there are.
    ///
    /// # Errors
    /// It cannot be read, or is cut off.
    pub fn open(path: &Path) -> Result<Dump, SourceTrouble> {
        let file = open_regular(path).map_err(SourceTrouble::of_file)?;
        let was = is(&file)?;
        let mut dump = Dump { file, was, columns: HashMap::new() };
        let mut columns = HashMap::new();
        dump.scan(&mut |statement, reader| {
            if let SqlStatement::Create(table) = statement {
                columns.insert(table, reader.columns()?);
            }
            Ok(())
        })?;
        dump.columns = columns;
        Ok(dump)
    }

    fn scan(&self, take: &mut dyn FnMut(SqlStatement, &mut SqlReader) -> Result<(), SourceTrouble>) -> Result<(), SourceTrouble> {
        let mut file = self.file.try_clone().map_err(|_| SourceTrouble::Unread)?;
        file.rewind().map_err(|_| SourceTrouble::Unread)?;
        let mut reader = SqlReader::new(file);
        let mut read = || {
            while let Some(statement) = reader.statement()? {
                take(statement, &mut reader)?;
                reader.skip_statement()?;
            }
            if reader.lacks_end() { Err(SourceTrouble::Unread) } else { Ok(()) }
        };
        let done = read();
        if is(&self.file)? == self.was { done } else { Err(SourceTrouble::Changed) }
    }
}

fn is(file: &File) -> Result<(u64, SystemTime), SourceTrouble> {
    let is = file.metadata().map_err(|_| SourceTrouble::Unread)?;
    Ok((is.len(), is.modified().map_err(|_| SourceTrouble::Unread)?))
}

impl Tables for Dump {
    fn has(&mut self, table: &'static str) -> Result<bool, SourceTrouble> {
        Ok(self.columns.contains_key(table))
    }

    fn each(
        &mut self,
        table: &'static str,
        needed: &[&'static str],
        optional: &[&'static str],
        take: &mut dyn FnMut(&Values<'_>),
    ) -> Result<(), SourceTrouble> {
        let known = self.columns.get(table).ok_or(SourceTrouble::NoTable(table))?;
        let missing = needed
            .iter()
            .filter(|name| !JUDGED.contains(name))
            .find(|name| !known.iter().any(|column| column.eq_ignore_ascii_case(name)));
        if let Some(missing) = missing {
            return Err(SourceTrouble::NoColumn(table, missing));
        }
        self.scan(&mut |statement, reader| {
            let SqlStatement::Insert(name, named) = statement else { return Ok(()) };
            if name != table {
                return Ok(());
            }
            let columns = named.as_ref().unwrap_or(known);
            let place = |name: &&str| columns.iter().position(|column| column.eq_ignore_ascii_case(name));
            let places: Vec<_> = needed.iter().chain(optional).map(place).collect();
            while let Some(values) = reader.row()? {
                let chosen: Vec<_> = places.iter().map(|place| values.get((*place)?)?.as_deref().map(cut)).collect();
                take(&chosen);
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tables::LONG;
    use super::*;

    /// A file with this text, gone again in the end.
    struct Written(std::path::PathBuf);

    impl Written {
        fn new(text: &[u8]) -> Written {
            static NUMBER: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
            let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let written = Written(std::env::temp_dir().join(format!("nologd-dump-{}-{number}", std::process::id())));
            written.put(text);
            written
        }

        fn put(&self, text: &[u8]) {
            let mut open = std::fs::OpenOptions::new().write(true).truncate(true).create(true).open(&self.0).unwrap();
            std::io::Write::write_all(&mut open, text).unwrap();
        }
    }

    impl Drop for Written {
        fn drop(&mut self) {
            std::fs::remove_file(&self.0).unwrap();
        }
    }

    fn rows_of(dump: &mut Dump) -> Result<Vec<String>, SourceTrouble> {
        let mut found = Vec::new();
        dump.each("t", &["b"], &["a", "none"], &mut |row| {
            found.push(row.iter().map(|value| value.unwrap_or("NULL")).collect::<Vec<_>>().join("|"));
        })?;
        Ok(found)
    }

    fn rows(text: &[u8]) -> Result<Vec<String>, SourceTrouble> {
        let file = Written::new(text);
        Dump::open(&file.0).and_then(|mut dump| rows_of(&mut dump))
    }

    #[test]
    fn rows_are_found_by_the_names_of_their_columns() {
        let create = "/*!40101 SET x = ';' */;\n-- don't\nCREATE TABLE `t` (\n  `a` enum('x,y)','z') NOT NULL DEFAULT 'x,y)',\n  `b` decimal(5,2) COMMENT 'it''s; (so)',\n  PRIMARY KEY (`a`(19)),\n  UNIQUE KEY `k` (`a`,`b`)\n) ENGINE=MyISAM COMMENT='a;b';\n";
        let insert = r"INSERT INTO `t` VALUES (1,2),('l\'e;q','a''b\n'),(NULL,-0.5), ( _binary 'x' , 'é' );";
        let other = "INSERT INTO `u` VALUES ('t',');');\nLOCK TABLES `t` WRITE;\n";
        let found = rows(format!("{create}{other}{insert}\nUNLOCK TABLES;\n-- over").as_bytes()).unwrap();
        assert_eq!(found, ["2|1|NULL", "a'b\n|l'e;q|NULL", "-0.5|NULL|NULL", "é|x|NULL"]);
        let named = format!("{create}INSERT INTO `t` (`b`, `a`) VALUES (1,2);");
        assert_eq!(rows(named.as_bytes()).unwrap(), ["1|2|NULL"]);
        let latin = [create.as_bytes(), b"INSERT INTO t VALUES ('\xe9','\xe8');"].concat();
        assert_eq!(rows(&latin).unwrap(), ["è|é|NULL"]);
        assert_eq!(rows(b"").err(), Some(SourceTrouble::NoTable("t")));
        assert_eq!(rows(b"CREATE TABLE t (a int);").err(), Some(SourceTrouble::NoColumn("t", "b")));
    }

    #[test]
    fn a_dump_that_is_cut_off_anywhere_is_refused_or_lacks_a_whole_statement() {
        let whole = b"CREATE TABLE `t` (`a` int, `b` int);\nINSERT INTO `t` VALUES (1,'x'),(2,'y');\n/* end */\n";
        let all = rows(whole).unwrap();
        for end in 0..whole.len() {
            match rows(&whole[..end]) {
                Ok(found) => assert!(found.is_empty() || found == all, "{end}"),
                Err(SourceTrouble::Unread | SourceTrouble::NoTable(_)) => {}
                Err(other) => panic!("{end}: {other:?}"),
            }
        }
    }

    const WHOLE: &str = "CREATE TABLE `t` (`a` int, `b` int);\nINSERT INTO `t` VALUES (1,'x'),(2,'y');\n";

    #[test]
    fn a_dump_that_tells_its_beginning_must_tell_its_end() {
        for head in
            ["-- MySQL dump 10.13  Distrib 8.0\n", "/*M!999999\\- enable the sandbox mode */ \n-- MariaDB dump 10.19-11.8\n"]
        {
            let cut = format!("{head}{WHOLE}");
            assert_eq!(rows(cut.as_bytes()).err(), Some(SourceTrouble::Unread));
            for end in ["-- Dump completed on 2026-11-26  1:02:03\n", "-- Dump completed"] {
                assert!(rows(format!("{cut}{end}").as_bytes()).is_ok());
            }
            // Two of them, one after the other.
            let two = format!("{cut}-- Dump completed\n{cut}");
            assert!(rows(two.as_bytes()).is_err() && rows(format!("{two}-- Dump completed\n").as_bytes()).is_ok());
        }
        // Without remarks (`--skip-comments`), and with those of somebody else.
        assert!(rows(WHOLE.as_bytes()).is_ok() && rows(format!("-- of today\n{WHOLE}").as_bytes()).is_ok());
    }

    #[test]
    fn a_dump_is_one_file_that_stays_as_it_is() {
        let file = Written::new(WHOLE.as_bytes());
        let mut dump = Dump::open(&file.0).ok().unwrap();
        let all = rows_of(&mut dump).unwrap();
        // Another one in its place: this one is read to its end.
        let other = Written::new(WHOLE.replace('x', "z").as_bytes());
        std::fs::rename(&other.0, &file.0).unwrap();
        other.put(b"");
        assert_eq!(rows_of(&mut dump).unwrap(), all);
        let mut dump = Dump::open(&file.0).ok().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(20));
        file.put(WHOLE.as_bytes());
        assert_eq!(rows_of(&mut dump).err(), Some(SourceTrouble::Changed));
    }

    #[test]
    fn very_long_texts_are_cut() {
        let long = format!("a{}", "é".repeat(1 << 20));
        let text = format!("CREATE TABLE t (a int, b int);\nINSERT INTO t VALUES ('{long}',{long}),(1,2);\n");
        let found = rows(text.as_bytes()).unwrap();
        assert!(
            found.len() == 2
                && found.iter().all(|row| row.split('|').all(|value| value.len() <= LONG))
                && found.ends_with(&["2|1|NULL".to_owned()])
        );
    }
}
