//! The grammar of a dump: statements, names and rows, octet by octet. Nothing is held but one row.

use std::fs::File;
use std::io::{BufRead, BufReader};

use super::tables::{LONG, SourceTrouble};

/// Octets that are read at once.
const PIECE: usize = 64 * 1024;

/// How mysqldump and mariadb-dump begin, and how they end.
const BEGIN: [&[u8]; 2] = [b"- MySQL dump ", b"- MariaDB dump "];
const END: &[u8] = b"- Dump completed";

/// What a statement is.
pub(super) enum SqlStatement {
    /// The reader stands behind the name.
    Create(String),
    /// The reader stands before the first row. The columns, where the statement names them.
    Insert(String, Option<Vec<String>>),
    Other,
}

/// Reads a dump from its beginning, statement by statement.
pub(super) struct SqlReader {
    input: BufReader<File>,
    /// The dump told that it begins, and not yet that it ends.
    lacks_end: bool,
}

impl SqlReader {
    /// Reads `file` from where it stands.
    pub(super) fn new(file: File) -> SqlReader {
        SqlReader { input: BufReader::with_capacity(PIECE, file), lacks_end: false }
    }

    /// Whether the dump told that it begins, and not that it ends.
    pub(super) fn lacks_end(&self) -> bool {
        self.lacks_end
    }

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

    /// The beginning of the next statement; none at the end of the dump.
    pub(super) fn statement(&mut self) -> Result<Option<SqlStatement>, SourceTrouble> {
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
    pub(super) fn columns(&mut self) -> Result<Vec<String>, SourceTrouble> {
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
    pub(super) fn row(&mut self) -> Result<Option<Vec<Option<String>>>, SourceTrouble> {
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

    /// Up to the end of the statement.
    pub(super) fn skip_statement(&mut self) -> Result<(), SourceTrouble> {
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
