//! Where a response of a backend ends (RFC 5804 4): lines that begin with a string, then one that begins with OK, NO or BYE. Strings in
//! it can be literals of any size, which stream.

/// Where it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum ResponsePlace {
    /// A line begins.
    #[default]
    LineStart,
    /// In the word that begins a line: which of [`WORDS`], and how many of its letters were there.
    Word(usize, usize),
    /// In a line.
    Line,
    /// Behind the CR of one.
    Cr,
    /// In a quoted string.
    Quoted,
    /// Behind a backslash in one.
    Escape,
    /// In the size of a literal, of so many digits.
    Size(u64, u8),
    /// Behind the `+` of one: some servers write it.
    Plus(u64),
    /// Behind its brace.
    Brace(u64),
    /// Behind the CR behind it.
    BraceCr(u64),
    /// In a literal, with so many octets to come.
    Literal(u64),
}

/// The first words of the last line of a response.
const WORDS: [(&[u8], Final); 3] = [(b"OK", Final::Ok), (b"NO", Final::No), (b"BYE", Final::Bye)];

/// How a response ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Final {
    /// Done.
    Ok,
    /// Refused.
    No,
    /// The backend closes.
    Bye,
}

/// What was seen of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scanned {
    /// All octets belong to it, and it goes on.
    More,
    /// It ends with the last of them.
    Ended(Final),
    /// It is none.
    Nonsense,
}

/// Reads a response, in pieces of any size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Response {
    place: ResponsePlace,
    last: Option<Final>,
    /// Whether lines may stand before the last one.
    lines: bool,
}

impl Response {
    /// One of a command whose answer has lines, or has none.
    pub(super) fn new(lines: bool) -> Response {
        Response { place: ResponsePlace::LineStart, last: None, lines }
    }

    /// Whether it stands between two lines.
    pub(super) fn at_line_start(&self) -> bool {
        self.place == ResponsePlace::LineStart
    }

    /// Takes the next octets up to the end of a line, if there is one outside of a literal: how many they are. What is no response is
    /// seen when nothing stands before it.
    pub(super) fn scan_line(&mut self, input: &[u8]) -> (usize, Scanned) {
        let mut at = 0;
        loop {
            let end = memchr::memchr(b'\n', &input[at..]).map_or(input.len(), |end| at + end + 1);
            match self.scan(&input[at..end]) {
                (len, Scanned::Nonsense) if at + len > 0 => return (at + len, Scanned::More),
                (_, Scanned::More) if end < input.len() && !self.at_line_start() => at = end,
                (len, scanned) => return (at + len, scanned),
            }
        }
    }

    /// Takes the next octets: how many belong to it.
    pub(super) fn scan(&mut self, input: &[u8]) -> (usize, Scanned) {
        let mut at = 0;
        while let Some(octet) = input.get(at) {
            if let ResponsePlace::Literal(left) = self.place {
                let count = usize::try_from(left).unwrap_or(usize::MAX).min(input.len() - at);
                at += count;
                self.place = literal(left - count as u64);
                continue;
            }
            if (self.place, octet) == (ResponsePlace::Cr, &b'\n') {
                if let Some(last) = self.last {
                    return (at + 1, Scanned::Ended(last));
                }
                self.place = ResponsePlace::LineStart;
            } else {
                let Some(place) = self.step(*octet) else { return (at, Scanned::Nonsense) };
                self.place = place;
            }
            at += 1;
        }
        (at, Scanned::More)
    }

    fn step(&mut self, octet: u8) -> Option<ResponsePlace> {
        Some(match (self.place, octet) {
            (ResponsePlace::LineStart, b'"') if self.lines => ResponsePlace::Quoted,
            (ResponsePlace::LineStart, b'{') if self.lines => ResponsePlace::Size(0, 0),
            (ResponsePlace::LineStart, _) => {
                ResponsePlace::Word(WORDS.iter().position(|(word, _)| word[0].eq_ignore_ascii_case(&octet))?, 1)
            }
            (ResponsePlace::Word(word, seen), _) if seen < WORDS[word].0.len() => {
                WORDS[word].0[seen].eq_ignore_ascii_case(&octet).then_some(ResponsePlace::Word(word, seen + 1))?
            }
            (ResponsePlace::Word(word, _), b' ' | b'\r') => {
                self.last = Some(WORDS[word].1);
                if octet == b'\r' { ResponsePlace::Cr } else { ResponsePlace::Line }
            }
            (ResponsePlace::Line, b'"') => ResponsePlace::Quoted,
            (ResponsePlace::Line, b'{') => ResponsePlace::Size(0, 0),
            (ResponsePlace::Line, b'\r') => ResponsePlace::Cr,
            (ResponsePlace::Line | ResponsePlace::Quoted | ResponsePlace::Escape, 0 | b'\n')
            | (ResponsePlace::Quoted | ResponsePlace::Escape, b'\r') => return None,
            (ResponsePlace::Line, _) => ResponsePlace::Line,
            (ResponsePlace::Quoted, b'\\') => ResponsePlace::Escape,
            (ResponsePlace::Quoted, b'"') => ResponsePlace::Line,
            (ResponsePlace::Quoted | ResponsePlace::Escape, _) => ResponsePlace::Quoted,
            (ResponsePlace::Size(size, digits @ ..10), b'0'..=b'9') => {
                ResponsePlace::Size(size * 10 + u64::from(octet - b'0'), digits + 1)
            }
            (ResponsePlace::Size(size, 1..), b'+') => ResponsePlace::Plus(size),
            (ResponsePlace::Size(size, 1..) | ResponsePlace::Plus(size), b'}') => ResponsePlace::Brace(size),
            (ResponsePlace::Brace(size), b'\r') => ResponsePlace::BraceCr(size),
            (ResponsePlace::BraceCr(size), b'\n') => literal(size),
            (
                ResponsePlace::Word(..)
                | ResponsePlace::Cr
                | ResponsePlace::Size(..)
                | ResponsePlace::Plus(_)
                | ResponsePlace::Brace(_)
                | ResponsePlace::BraceCr(_),
                _,
            ) => {
                return None;
            }
            // Taken in one go before.
            (ResponsePlace::Literal(_), _) => return None,
        })
    }
}

fn literal(left: u64) -> ResponsePlace {
    if left == 0 { ResponsePlace::Line } else { ResponsePlace::Literal(left) }
}

/// The response code of a last line at the front of `input`, without what stands behind its first word, in capitals: `QUOTA/MAXSIZE`.
/// `None`: more octets are needed. Empty: it has none. [`ENDLESS`]: it does not end where one does.
pub(super) fn code(input: &[u8]) -> Option<Vec<u8>> {
    const MOST: usize = 64;
    let line = &input[..input.len().min(MOST)];
    let Some(open) = line.iter().position(|byte| !byte.is_ascii_alphabetic() && *byte != b' ') else {
        return (line.len() >= MOST).then(|| ENDLESS.to_vec());
    };
    if line[open] != b'(' {
        return Some(Vec::new());
    }
    // A client may be as generous with blanks.
    let word = &line[open + 1..];
    let word = &word[word.iter().take_while(|byte| **byte == b' ').count()..];
    match word.iter().position(|byte| matches!(byte, b' ' | b')' | b'\r')) {
        Some(end) => Some(word[..end].to_ascii_uppercase()),
        None => (line.len() >= MOST).then(|| ENDLESS.to_vec()),
    }
}

/// In place of a code that no server has.
pub(super) const ENDLESS: &[u8] = b"?";

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &[u8], lines: bool) -> (usize, Scanned) {
        let found = [1, 3, text.len()].map(|size| pieces(text, lines, size));
        assert!(found[0] == found[1] && found[1] == found[2], "{text:?}");
        found[0]
    }

    fn pieces(text: &[u8], lines: bool, size: usize) -> (usize, Scanned) {
        let (mut response, mut before) = (Response::new(lines), 0);
        for piece in text.chunks(size) {
            let (len, scanned) = response.scan(piece);
            before += len;
            if scanned != Scanned::More {
                return (before, scanned);
            }
        }
        (before, Scanned::More)
    }

    #[test]
    fn a_response_ends_with_its_last_line() {
        let ended = |text: &[u8], last| assert_eq!(whole(&[text, b"OK\r\n"].concat(), true), (text.len(), Scanned::Ended(last)));
        ended(b"OK\r\n", Final::Ok);
        ended(b"no (QUOTA) \"x\"\r\n", Final::No);
        ended(b"BYE {4}\r\nOK\r\n\r\n", Final::Bye);
        ended(b"\"OK\" ACTIVE\r\n{5+}\r\nOK\r\n\"\r\n\"a {9}\\\" \"\r\nOK (TAG \"}{\") \"done\"\r\n", Final::Ok);
        ended(b"{0}\r\n\r\nOK\r\n", Final::Ok);
        assert_eq!(whole(b"\"a\"\r\n{100}\r\nOK\r\n", true).1, Scanned::More);
    }

    #[test]
    fn what_is_none_is_seen() {
        for text in [
            &b"x\r\n"[..],
            b"OKAY\r\n",
            b"OK\n",
            b"OK \"a\r\n",
            b"OK \0\r\n",
            b"{}\r\n",
            b"{5\r\n",
            b"{5} \r\n",
            b"{99999999999}\r\n",
            b" OK\r\n",
            b"\r\n",
            b"\"a\"\n",
            b"OK\rx\r\n",
        ] {
            assert_eq!(whole(text, true).1, Scanned::Nonsense, "{text:?}");
        }
        assert_eq!(whole(b"\"a\"\r\nOK\r\n", false), (0, Scanned::Nonsense));
    }

    #[test]
    fn codes() {
        assert_eq!(code(b"NO (referral \"sieve://x\") \"y\"\r\n"), Some(b"REFERRAL".to_vec()));
        assert_eq!(code(b"NO (QUOTA/MAXSIZE) \"y\"\r\n"), Some(b"QUOTA/MAXSIZE".to_vec()));
        assert_eq!(code(b"OK \"(NO)\"\r\n"), Some(Vec::new()));
        assert_eq!(code(b"OK\r\n"), Some(Vec::new()));
        assert_eq!((code(b"NO"), code(b"NO (REFE")), (None, None));
        // Who reads on behind blanks finds it.
        assert_eq!(code(b"NO  (  Referral \"sieve://x\") \"y\"\r\n"), Some(b"REFERRAL".to_vec()));
        assert_eq!(code(b"NO (  "), None);
        for far in [
            format!("NO{}(REFERRAL", " ".repeat(70)),
            format!("NO ({}REFERRAL", " ".repeat(70)),
            format!("NO ({}", "A".repeat(70)),
        ] {
            assert_eq!(code(far.as_bytes()), Some(ENDLESS.to_vec()));
        }
    }
}
