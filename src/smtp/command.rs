//! What a mail program says: one line, one command. RFC 5321 4.1, RFC 3207, RFC 4954, RFC 3030.
//!
//! Lines end in CRLF; NUL, bare CR and bare LF make a line unreadable. Pipelining (RFC 2920) needs nothing here: the next
//! line is simply there already.

use super::path::{self, Parameters, Path};

/// The longest command line, in octets with CRLF: 512 of RFC 5321 4.5.3.1.4, and room for what the extensions add.
pub const MAX_LINE: usize = 2048;
/// The longest line of an authentication, RFC 4954 4.
pub const MAX_AUTH_LINE: usize = 12_288;

/// What stands at the front of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpLine<'a> {
    /// No line end yet; more must come.
    Part,
    /// A line without its CRLF, and how many octets it takes with it.
    Whole(&'a [u8], usize),
    /// A line with NUL, a bare CR or a bare LF in it; so many octets are to be dropped.
    Unreadable(usize),
    /// A line longer than the bound. Its end is not here yet; drop what is here up to and with the next LF.
    TooLong,
}

/// Looks for a line. `long` lifts the bound to what authentication needs.
pub fn line(input: &[u8], long: bool) -> SmtpLine<'_> {
    let auth = long || input.get(..5).is_some_and(|verb| verb.eq_ignore_ascii_case(b"AUTH "));
    let bound = if auth { MAX_AUTH_LINE } else { MAX_LINE };
    let window = &input[..input.len().min(bound)];
    let Some(end) = memchr::memchr(b'\n', window) else {
        return if input.len() >= bound { SmtpLine::TooLong } else { SmtpLine::Part };
    };
    match window[..end].strip_suffix(b"\r") {
        Some(line) if !line.contains(&0) && !line.contains(&b'\r') => SmtpLine::Whole(line, end + 1),
        _ => SmtpLine::Unreadable(end + 1),
    }
}

/// A command with its arguments, byte exact.
///
/// # Examples
///
/// ```
/// use nologd::smtp::command::{SmtpCommand, SmtpLine, Wrong, line};
///
/// let SmtpLine::Whole(text, _) = line(b"rcpt to:<bob@there.example> NOTIFY=NEVER\r\nDATA\r\n", false) else { panic!() };
/// let Ok(SmtpCommand::Rcpt(path, parameters)) = SmtpCommand::parse(text) else { panic!() };
/// assert_eq!(path.reveal(), b"bob@there.example");
/// assert!(parameters.iter().any(|parameter| parameter.keyword == b"NOTIFY"));
/// assert!(SmtpCommand::parse(b"RCPT TO:<bob@there.example").err() == Some(Wrong::Arguments));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // each is the RFC's own word
pub enum SmtpCommand<'a> {
    /// Mechanism and initial response.
    Auth(&'a [u8], Option<&'a [u8]>),
    /// Octets that follow, and whether they are the last.
    Bdat(u64, bool),
    Data,
    Ehlo(&'a [u8]),
    Expn,
    Helo(&'a [u8]),
    Help,
    /// LMTP's EHLO, RFC 2033.
    Lhlo(&'a [u8]),
    Mail(Path<'a>, Parameters<'a>),
    Noop,
    Quit,
    Rcpt(Path<'a>, Parameters<'a>),
    Rset,
    StartTls,
    Vrfy,
}

/// Why a line is no command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// 500: the verb is not known.
    Verb,
    /// 501: the verb is known, what follows is not right.
    Arguments,
    /// A BDAT that cannot be read: octets follow it, nobody knows how many.
    Chunk,
}

/// Whether a line means to be BDAT, however badly: what follows it is no command then (RFC 3030 2).
pub fn announces_octets(line: &[u8]) -> bool {
    let blanks = line.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    line.get(blanks..blanks + 4).is_some_and(|verb| verb.eq_ignore_ascii_case(b"BDAT"))
}

impl<'a> SmtpCommand<'a> {
    /// Reads a line without its CRLF.
    ///
    /// # Errors
    /// See [`Wrong`].
    pub fn parse(line: &'a [u8]) -> Result<SmtpCommand<'a>, Wrong> {
        let line = line.trim_ascii_end();
        if announces_octets(line) {
            return chunk(line).ok_or(Wrong::Chunk);
        }
        let end = memchr::memchr(b' ', line).unwrap_or(line.len());
        let (verb, rest) = (&line[..end], line[end..].trim_ascii_start());
        let mut upper = [0; 8];
        let known = upper.get_mut(..verb.len()).ok_or(Wrong::Verb)?;
        known.copy_from_slice(verb);
        known.make_ascii_uppercase();
        match &*known {
            b"AUTH" => auth(rest),
            b"DATA" => alone(rest, SmtpCommand::Data),
            b"EHLO" => name(rest).map(SmtpCommand::Ehlo),
            b"EXPN" => Ok(SmtpCommand::Expn),
            b"HELO" => name(rest).map(SmtpCommand::Helo),
            b"HELP" => Ok(SmtpCommand::Help),
            b"LHLO" => name(rest).map(SmtpCommand::Lhlo),
            b"MAIL" => path_after(rest, b"FROM:").map(|(path, parameters)| SmtpCommand::Mail(path, parameters)),
            b"NOOP" => Ok(SmtpCommand::Noop),
            b"QUIT" => alone(rest, SmtpCommand::Quit),
            b"RCPT" => recipient(rest),
            b"RSET" => alone(rest, SmtpCommand::Rset),
            b"STARTTLS" => alone(rest, SmtpCommand::StartTls),
            b"VRFY" => Ok(SmtpCommand::Vrfy),
            _ => Err(Wrong::Verb),
        }
    }
}

fn alone<'a>(rest: &[u8], command: SmtpCommand<'a>) -> Result<SmtpCommand<'a>, Wrong> {
    if rest.is_empty() { Ok(command) } else { Err(Wrong::Arguments) }
}

// What a program calls itself is never used, so any visible word is good enough.
fn name(rest: &[u8]) -> Result<&[u8], Wrong> {
    if rest.is_empty() || rest.len() > 255 { Err(Wrong::Arguments) } else { Ok(rest) }
}

fn auth(rest: &[u8]) -> Result<SmtpCommand<'_>, Wrong> {
    let mut words = rest.split(|byte| *byte == b' ');
    match (words.next(), words.next(), words.next()) {
        (Some(mechanism), initial, None) if !mechanism.is_empty() => Ok(SmtpCommand::Auth(mechanism, initial)),
        _ => Err(Wrong::Arguments),
    }
}

fn chunk(line: &[u8]) -> Option<SmtpCommand<'_>> {
    let rest = line.get(4..)?.strip_prefix(b" ").filter(|_| !line.starts_with(b" "))?.trim_ascii_start();
    let end = memchr::memchr(b' ', rest).unwrap_or(rest.len());
    let last = match rest[end..].trim_ascii() {
        b"" => false,
        word if word.eq_ignore_ascii_case(b"LAST") => true,
        _ => return None,
    };
    number(&rest[..end]).map(|size| SmtpCommand::Bdat(size, last))
}

/// A decimal number of at most 19 digits, nothing else: no sign, no space.
pub fn number(digits: &[u8]) -> Option<u64> {
    let plain = !digits.is_empty() && digits.len() <= 19 && digits.iter().all(u8::is_ascii_digit);
    plain.then(|| digits.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
}

fn recipient(rest: &[u8]) -> Result<SmtpCommand<'_>, Wrong> {
    match path_after(rest, b"TO:")? {
        (path, _) if path.is_null() => Err(Wrong::Arguments),
        (path, parameters) => Ok(SmtpCommand::Rcpt(path, parameters)),
    }
}

fn path_after<'a>(rest: &'a [u8], word: &[u8]) -> Result<(Path<'a>, Parameters<'a>), Wrong> {
    let (front, path) = rest.split_at_checked(word.len()).ok_or(Wrong::Arguments)?;
    if !front.eq_ignore_ascii_case(word) {
        return Err(Wrong::Arguments);
    }
    path::parse(path).ok_or(Wrong::Arguments)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(line: &[u8]) -> Wrong {
        SmtpCommand::parse(line).err().unwrap()
    }

    #[test]
    fn lines() {
        assert_eq!(line(b"NOOP\r\nQ", false), SmtpLine::Whole(b"NOOP", 6));
        assert_eq!(line(b"NOOP\r", false), SmtpLine::Part);
        for bad in [&b"NOOP\nQUIT\r\n"[..], b"NO\rOP\r\n", b"NO\0P\r\n", b"\n"] {
            assert!(matches!(line(bad, false), SmtpLine::Unreadable(_)));
        }
        assert_eq!(line(&[b'x'; MAX_LINE], false), SmtpLine::TooLong);
        assert_eq!(line(&[b'x'; MAX_LINE], true), SmtpLine::Part);
        assert_eq!(line(&[&b"auth "[..], &[b'x'; MAX_LINE]].concat(), false), SmtpLine::Part);
        assert_eq!(line(&[b'x'; MAX_AUTH_LINE], true), SmtpLine::TooLong);
    }

    #[test]
    fn commands() {
        assert!(matches!(SmtpCommand::parse(b"ehlo [192.0.2.1]"), Ok(SmtpCommand::Ehlo(b"[192.0.2.1]"))));
        assert!(matches!(SmtpCommand::parse(b"Auth PLAIN ="), Ok(SmtpCommand::Auth(b"PLAIN", Some(b"=")))));
        assert!(matches!(SmtpCommand::parse(b"BDAT 10 last"), Ok(SmtpCommand::Bdat(10, true))));
        assert!(matches!(SmtpCommand::parse(b"DATA "), Ok(SmtpCommand::Data)));
        let Ok(SmtpCommand::Mail(path, parameters)) = SmtpCommand::parse(b"MAIL from:<a@b.example> BODY=8BITMIME") else {
            panic!()
        };
        assert_eq!((path.reveal(), parameters.iter().count()), (&b"a@b.example"[..], 1));
        assert!(matches!(SmtpCommand::parse(b"rcpt to:<Postmaster>"), Ok(SmtpCommand::Rcpt(..))));
    }

    #[test]
    fn a_chunk_that_cannot_be_read_is_no_other_wrong_command() {
        for line in [
            &b"BDAT"[..],
            b"BDAT -1",
            b"BDAT 1 FIRST",
            b"BDAT 99999999999999999999",
            b"bdat x",
            b" BDAT 5",
            b"BDAT\t5",
            b"BDATA 5",
        ] {
            assert_eq!(wrong(line), Wrong::Chunk);
        }
    }

    #[test]
    fn wrong_commands() {
        for line in [&b""[..], b" NOOP", b"FOO", b"MAILFROM:<a>", b"NOOPNOOPNOOP", b"BURL imap://x"] {
            assert_eq!(wrong(line), Wrong::Verb);
        }
        for line in [&b"EHLO"[..], b"DATA x", b"RCPT TO:<>", b"MAIL FROM", b"AUTH"] {
            assert_eq!(wrong(line), Wrong::Arguments);
        }
    }
}
