//! A dump of `mysqldump` or `mariadb-dump`: for the first, nervous look, and for panels on another machine.
//!
//! It is read once for each table, never held in memory, and never run. Columns are found by the dump's own CREATE TABLE. What is no
//! UTF-8 is taken for Latin-1. A dump that ends in the middle of a statement is refused as a whole; so is one that tells its beginning and
//! not its end (`-- Dump completed`), and one that is written to while it is read.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Seek};
use std::path::Path;
use std::time::SystemTime;

use super::tables::{JUDGED, LONG, SourceTrouble, Tables, Values};

/// Octets that are read at once.
const PIECE: usize = 64 * 1024;

/// How mysqldump and mariadb-dump begin, and how they end.
const BEGIN: [&[u8]; 2] = [b"- MySQL dump ", b"- MariaDB dump "];
const END: &[u8] = b"- Dump completed";

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
        let file = File::open(path).map_err(|_| SourceTrouble::Unread)?;
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
        let mut reader = SqlReader { input: BufReader::with_capacity(PIECE, file), lacks_end: false };
        let mut read = || {
            while let Some(statement) = reader.statement()? {
                take(statement, &mut reader)?;
                reader.skip_statement()?;
            }
            if reader.lacks_end { Err(SourceTrouble::Unread) } else { Ok(()) }
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
                let chosen: Vec<_> = places.iter().map(|place| values.get((*place)?)?.as_deref()).collect();
                take(&chosen);
            }
            Ok(())
        })
    }
}

enum SqlStatement {
    /// The reader stands behind the name.
    Create(String),
    /// The reader stands before the first row. The columns, where the statement names them.
    Insert(String, Option<Vec<String>>),
    Other,
}

struct SqlReader {
    input: BufReader<File>,
    /// The dump told that it begins, and not yet that it ends.
    lacks_end: bool,
}

impl SqlReader {
    fn peek(&mut self) -> Result<Option<u8>, SourceTrouble> {
        self.input.fill_buf().map(|buffer| buffer.first().copied()).map_err(|_| SourceTrouble::Unread)
    }

    fn bump(&mut self) -> Result<Option<u8>, SourceTrouble> {
        let byte = self.peek()?;
        self.input.consume(usize::from(byte.is_some()));
        Ok(byte)
    }

    /// The next octet, which must be there.
    fn more(&mut self) -> Result<u8, SourceTrouble> {
        self.bump()?.ok_or(SourceTrouble::Unread)
    }

    /// Passes over blanks and comments. A lone `-` or `/` is passed over, too: no statement that matters begins with one.
    fn blanks(&mut self) -> Result<(), SourceTrouble> {
        while let Some(byte) = self.peek()? {
            match byte {
                byte if byte.is_ascii_whitespace() => drop(self.bump()?),
                b'#' => self.line()?,
                b'-' => {
                    self.bump()?;
                    if self.peek()? == Some(b'-') {
                        self.remark()?;
                    }
                }
                b'/' => {
                    self.bump()?;
                    if self.peek()? == Some(b'*') {
                        let (mut last, mut byte) = (0, self.more()?);
                        while (last, byte) != (b'*', b'/') {
                            (last, byte) = (byte, self.more()?);
                        }
                    }
                }
                _ => break,
            }
        }
        Ok(())
    }

    fn line(&mut self) -> Result<(), SourceTrouble> {
        while self.bump()?.is_some_and(|byte| byte != b'\n') {}
        Ok(())
    }

    /// A line behind `-`, which may be one of the dump's own.
    fn remark(&mut self) -> Result<(), SourceTrouble> {
        let mut text = Vec::new();
        while let Some(byte) = self.bump()?.filter(|byte| *byte != b'\n') {
            if text.len() < END.len() {
                text.push(byte);
            }
        }
        self.lacks_end |= BEGIN.iter().any(|begin| text.starts_with(begin));
        self.lacks_end &= text != END;
        Ok(())
    }

    /// A word or a name in quotes; empty where something else stands.
    fn word(&mut self) -> Result<String, SourceTrouble> {
        self.blanks()?;
        let mut word = Vec::new();
        match self.peek()? {
            Some(quote @ (b'`' | b'"')) => {
                self.bump()?;
                word = self.quoted(quote)?;
            }
            _ => {
                while let Some(byte) = self.peek()?.filter(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$')) {
                    word.push(byte);
                    self.bump()?;
                }
            }
        }
        Ok(text(word))
    }

    /// What stands there up to the other quote; longer texts than anybody needs are cut.
    fn quoted(&mut self, quote: u8) -> Result<Vec<u8>, SourceTrouble> {
        let mut found = Vec::new();
        loop {
            found.truncate(LONG);
            match self.more()? {
                b'\\' if quote != b'`' => found.push(match self.more()? {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'0' => 0,
                    b'Z' => 26,
                    byte => byte,
                }),
                byte if byte == quote => {
                    if self.peek()? != Some(quote) {
                        return Ok(found);
                    }
                    self.bump()?;
                    found.push(quote);
                }
                byte => found.push(byte),
            }
        }
    }

    fn statement(&mut self) -> Result<Option<SqlStatement>, SourceTrouble> {
        self.blanks()?;
        if self.peek()?.is_none() {
            return Ok(None);
        }
        let word = self.word()?.to_ascii_uppercase();
        match word.as_str() {
            "CREATE" if self.word()?.eq_ignore_ascii_case("table") => {
                let mut name = self.word()?;
                if name.eq_ignore_ascii_case("if") {
                    let _ = (self.word()?, self.word()?);
                    name.clear();
                }
                let name = if name.is_empty() { self.word()? } else { name };
                Ok(Some(SqlStatement::Create(name)))
            }
            "INSERT" | "REPLACE" => {
                let mut name = self.word()?;
                while ["into", "ignore", "low_priority", "delayed"].iter().any(|word| name.eq_ignore_ascii_case(word)) {
                    name = self.word()?;
                }
                self.blanks()?;
                let named = if self.peek()? == Some(b'(') { Some(self.columns()?) } else { None };
                let values = self.word()?;
                if !values.eq_ignore_ascii_case("values") && !values.eq_ignore_ascii_case("value") {
                    return Ok(Some(SqlStatement::Other));
                }
                Ok(Some(SqlStatement::Insert(name, named)))
            }
            _ => Ok(Some(SqlStatement::Other)),
        }
    }

    /// The names in parentheses: of a table's definition, or of an INSERT. Keys are no columns.
    fn columns(&mut self) -> Result<Vec<String>, SourceTrouble> {
        const KEYS: [&str; 10] =
            ["primary", "key", "unique", "constraint", "fulltext", "spatial", "index", "foreign", "check", "period"];
        self.blanks()?;
        if self.peek()? != Some(b'(') {
            return Ok(Vec::new());
        }
        self.bump()?;
        let mut columns = Vec::new();
        loop {
            self.blanks()?;
            let bare = !matches!(self.peek()?, Some(b'`' | b'"'));
            let name = self.word()?;
            if !(bare && KEYS.iter().any(|key| name.eq_ignore_ascii_case(key))) {
                columns.push(name);
            }
            let mut depth = 0_u32;
            loop {
                match self.more()? {
                    quote @ (b'\'' | b'"' | b'`') => drop(self.quoted(quote)?),
                    b'(' => depth += 1,
                    b')' if depth == 0 => return Ok(columns),
                    b')' => depth -= 1,
                    b',' if depth == 0 => break,
                    _ => {}
                }
            }
        }
    }

    /// The next row of an INSERT; none at its end.
    fn row(&mut self) -> Result<Option<Vec<Option<String>>>, SourceTrouble> {
        loop {
            self.blanks()?;
            match self.peek()? {
                Some(b',') => drop(self.bump()?),
                Some(b'(') => break,
                Some(_) => return Ok(None),
                None => return Err(SourceTrouble::Unread),
            }
        }
        self.bump()?;
        let mut values = Vec::new();
        loop {
            let value = self.value()?;
            values.push(value);
            match self.more()? {
                b',' => {}
                b')' => return Ok(Some(values)),
                _ => return Err(SourceTrouble::Unread),
            }
        }
    }

    /// One value, up to what follows it.
    fn value(&mut self) -> Result<Option<String>, SourceTrouble> {
        let (mut plain, mut quoted) = (Vec::new(), None);
        while let Some(byte) = self.peek()?.filter(|byte| !matches!(byte, b',' | b')')) {
            self.bump()?;
            match byte {
                // Also behind `_binary`.
                b'\'' | b'"' => quoted = Some(self.quoted(byte)?),
                byte if byte.is_ascii_whitespace() => {}
                byte => plain.push(byte),
            }
            plain.truncate(LONG);
        }
        Ok(match quoted {
            Some(quoted) => Some(text(quoted)),
            None if plain.eq_ignore_ascii_case(b"null") => None,
            None => Some(text(plain)),
        })
    }

    fn skip_statement(&mut self) -> Result<(), SourceTrouble> {
        loop {
            self.blanks()?;
            match self.more()? {
                b';' => return Ok(()),
                quote @ (b'\'' | b'"' | b'`') => drop(self.quoted(quote)?),
                _ => {}
            }
        }
    }
}

fn text(octets: Vec<u8>) -> String {
    String::from_utf8(octets).unwrap_or_else(|wrong| wrong.into_bytes().into_iter().map(char::from).collect())
}

#[cfg(test)]
mod tests {
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
        let long = "é".repeat(1 << 20);
        let text = format!("CREATE TABLE t (a int, b int);\nINSERT INTO t VALUES ('{long}',{long}),(1,2);\n");
        let found = rows(text.as_bytes()).unwrap();
        assert!(found.len() == 2 && found.iter().all(|row| row.len() <= 5 * LONG) && found.ends_with(&["2|1|NULL".to_owned()]));
    }
}
