//! Runs `tests/dialogues/imap/*.txt` in memory, at chunk sizes 1, 7 and all.
//!
//! One line each: `C> text` the client sends, `C< text` the client must receive; `B> text` the backend sends, `B< text` the
//! backend must receive. What is received and not expected fails, so no line for B means that the backend hears nothing.
//! `[...]` at the end stands for any rest of the line. `\r` `\n` `\0` `\\` `\xNN` are what they are in Rust; a single `\` at
//! the end leaves the CRLF out. `#` is a comment. Orders: `! before login` (there is no backend then), `! literal-minus` and
//! `! no literal-plus` (what the backend takes), `! closed` (the session must have ended by now),
//! `! quota` (the mailbox holds 1000 octets, its association 1500), `! unseen`, `! small association` (500).

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use nologd::fault::Code;
use nologd::imap::Step;
use nologd::imap::account::{Account, Root};
use nologd::imap::login::{Before, Login, Protection};
use nologd::imap::probe::Means;
use nologd::imap::session::{SentCopy, Session, Terms};
use nologd::private::{Address, Domain};
use nologd::quota::{Amount, Association, Book, Day, Limit, Name, Params, Refresh, Reservation, Verdict, Way};
use nologd::store::Memory;

#[test]
fn dialogues() {
    let files = files();
    assert!(files.len() > 20, "the dialogues were not found");
    let mut failed = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        for size in [1, 7, usize::MAX] {
            if let Err(why) = run(&text, size) {
                failed.push(format!("{} at chunk size {size}: {why}", file.file_name().unwrap().to_string_lossy()));
                break;
            }
        }
    }
    assert!(failed.is_empty(), "\n{}", failed.join("\n"));
}

fn files() -> Vec<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/dialogues/imap");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Drops every line that begins with `X-Secret:`, of messages that are `From: me`.
struct Rules;

impl SentCopy for Rules {
    fn header_limit(&self) -> usize {
        200
    }
    fn body_wanted(&self, _: &[u8]) -> usize {
        0
    }
    fn scrub(&self, header: &[u8], _: &[u8]) -> Option<Vec<u8>> {
        let lines: Vec<&[u8]> = header.split_inclusive(|byte| *byte == b'\n').collect();
        let mine = lines.iter().any(|line| line.starts_with(b"From: me"));
        mine.then(|| lines.into_iter().filter(|line| !line.starts_with(b"X-Secret:")).collect::<Vec<_>>().concat())
    }
}

/// A mailbox of 1000 octets in an association of 1500, in which nobody else has anything.
struct Alice {
    book: Book,
    address: Address,
}

impl Alice {
    fn new(text: &str) -> Alice {
        let book = Book::open(Arc::new(Memory::new()), Params { separator: Some('+') }).unwrap();
        let mut association = Association::new(Name::parse("velo").unwrap(), [Domain::parse("velo.example").unwrap()]);
        association.mailbox_default = Limit::At(1000);
        association.storage = Limit::At(if text.contains("! small association") { 500 } else { 1500 });
        book.import_once(vec![association], Day::from_unix(0)).ok().unwrap();
        let address = Address::parse("alice@velo.example").unwrap();
        book.admit(&address).unwrap();
        if !text.contains("! unseen") {
            book.begin_refresh(&address).unwrap().finish(Amount::ZERO, Day::from_unix(0));
        }
        Alice { book, address }
    }
}

impl Account for Alice {
    fn reserve(&self, amount: Amount) -> Result<Reservation, Code> {
        self.book.reserve(&self.address, amount, Way::Member, Day::from_unix(0)).map_err(Verdict::code)
    }
    fn is_seen(&self) -> bool {
        self.book.is_seen(&self.address)
    }
    fn unsee(&self) {
        self.book.unsee(&self.address);
    }
    fn begin_refresh(&self) -> Option<Refresh> {
        self.book.begin_refresh(&self.address)
    }
    fn finish_refresh(&self, refresh: Refresh, seen: Amount) {
        refresh.finish(seen, Day::from_unix(0));
    }
    fn roots(&self) -> Option<[Root; 2]> {
        let fill = self.book.fill(&self.address, Day::from_unix(0))?;
        let root = |octets, storage, messages| Root { octets, storage, messages, most: Limit::None };
        let own = root(fill.used.octets.into(), fill.limit, fill.used.messages.into());
        Some([own, root(fill.shared_used.octets.into(), fill.shared_storage, 0)])
    }
}

/// Both sides of a session, as byte strings.
struct Play {
    login: Option<Login>,
    session: Session,
    from_client: Vec<u8>,
    from_backend: Vec<u8>,
    to_client: Vec<u8>,
    to_backend: Vec<u8>,
    answers: Vec<u8>,
    closed: bool,
}

impl Play {
    fn new(text: &str) -> Play {
        let non_sync = if text.contains("! no literal-plus") {
            None
        } else if text.contains("! literal-minus") {
            Some(4096)
        } else {
            Some(u64::MAX)
        };
        let login = text.contains("! before login").then(|| Login::new(Protection::Secure));
        let account = text.contains("! quota").then(|| Arc::new(Alice::new(text)) as Arc<dyn Account>);
        let means = Means::of(b"LIST-STATUS STATUS=SIZE");
        let terms = Terms { account, means, append_limit: 5000, non_sync, sent_copy: Some(Arc::new(Rules)) };
        let session = Session::new(terms);
        let empty = Vec::new;
        let (from_client, from_backend, to_client, to_backend) = (empty(), empty(), empty(), empty());
        Play { login, session, from_client, from_backend, to_client, to_backend, answers: empty(), closed: false }
    }

    fn turn(&mut self) {
        while !self.closed && (self.login_turn() || self.client_turn() || self.backend_turn() || self.answer_turn()) {}
    }

    fn login_turn(&mut self) -> bool {
        let Some(login) = &mut self.login else { return false };
        match login.next(&self.from_client) {
            Before::Need => false,
            Before::Answer(count, answer) => {
                self.from_client.drain(..count);
                self.to_client.extend(answer);
                true
            }
            Before::Try(count, attempt) => {
                self.from_client.drain(..count);
                self.to_client.extend([&attempt.tag, &b" tried\r\n"[..]].concat());
                true
            }
            Before::StartTls(_, words) | Before::Close(_, words, _) => {
                self.to_client.extend(words);
                self.closed = true;
                false
            }
        }
    }

    fn client_turn(&mut self) -> bool {
        if self.login.is_some() {
            return false;
        }
        match self.session.from_client(&self.from_client, false) {
            Step::Need | Step::Hold => return false,
            Step::Forward(count) => self.to_backend.extend(self.from_client.drain(..count)),
            Step::Rewrite(count, bytes) => {
                self.from_client.drain(..count);
                self.to_backend.extend(bytes);
            }
            Step::Answer(count, bytes) => {
                self.from_client.drain(..count);
                self.answers.extend(bytes);
            }
            Step::Swallow(count) => drop(self.from_client.drain(..count)),
            Step::Close(words, _) => self.close(&words),
        }
        true
    }

    fn backend_turn(&mut self) -> bool {
        match self.session.from_backend(&self.from_backend, false) {
            Step::Need | Step::Hold => return false,
            Step::Forward(count) => self.to_client.extend(self.from_backend.drain(..count)),
            Step::Rewrite(count, bytes) => {
                self.from_backend.drain(..count);
                self.to_client.extend(bytes);
            }
            Step::Swallow(count) => drop(self.from_backend.drain(..count)),
            Step::Answer(count, bytes) => {
                self.from_backend.drain(..count);
                self.to_backend.extend(bytes);
            }
            Step::Close(words, _) => self.close(&words),
        }
        true
    }

    fn answer_turn(&mut self) -> bool {
        let may = !self.answers.is_empty() && self.session.may_answer();
        if may {
            self.to_client.append(&mut self.answers);
        }
        may
    }

    fn close(&mut self, words: &[u8]) {
        self.to_client.extend(words);
        self.closed = true;
    }
}

fn run(text: &str, size: usize) -> Result<(), String> {
    let mut play = Play::new(text);
    play.turn();
    let mut pending: (&str, Vec<u8>) = ("", Vec::new());
    for (number, line) in text.lines().chain(["# end"]).enumerate() {
        let (mark, rest) = line.split_at_checked(2).unwrap_or(("# ", ""));
        let rest = rest.strip_prefix(' ').unwrap_or(rest);
        if mark != pending.0 {
            let (side, bytes) = std::mem::replace(&mut pending, (mark, Vec::new()));
            for piece in bytes.chunks(size.min(bytes.len().max(1))) {
                if side == "C>" {
                    play.from_client.extend(piece)
                } else {
                    play.from_backend.extend(piece)
                }
                play.turn();
            }
        }
        let result = match mark {
            "C>" | "B>" => {
                pending.1.extend(bytes(rest));
                Ok(())
            }
            "C<" => expect(&mut play.to_client, rest),
            "B<" => expect(&mut play.to_backend, rest),
            "! " | "!" if rest.contains("closed") => play.closed.then_some(()).ok_or("is still open".to_owned()),
            _ => Ok(()),
        };
        result.map_err(|why| format!("line {}: {why}", number + 1))?;
        // What one side hears is complete before the next one speaks.
        if matches!(mark, "C>" | "B>") && pending.1.len() == bytes(rest).len() {
            nothing_left(&play).map_err(|why| format!("before line {}: {why}", number + 1))?;
        }
    }
    nothing_left(&play)
}

fn nothing_left(play: &Play) -> Result<(), String> {
    for (side, bytes) in [("client", &play.to_client), ("backend", &play.to_backend)] {
        if !bytes.is_empty() {
            return Err(format!("the {side} also received {:?}", String::from_utf8_lossy(bytes)));
        }
    }
    Ok(())
}

fn expect(received: &mut Vec<u8>, rest: &str) -> Result<(), String> {
    if let Some(start) = rest.strip_suffix("[...]") {
        let start = bytes(&format!("{start}\\"));
        let end = received.iter().position(|byte| *byte == b'\n').map_or(received.len(), |at| at + 1);
        if received.starts_with(&start) {
            received.drain(..end);
            return Ok(());
        }
    } else {
        let wanted = bytes(rest);
        if received.starts_with(&wanted) {
            received.drain(..wanted.len());
            return Ok(());
        }
    }
    Err(format!("expected {rest:?}, received {:?}", String::from_utf8_lossy(received)))
}

fn bytes(text: &str) -> Vec<u8> {
    let (text, end) = match text.strip_suffix('\\') {
        Some(text) if !text.ends_with('\\') => (text, &b""[..]),
        _ => (text, &b"\r\n"[..]),
    };
    let mut out = Vec::new();
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match (char, char == '\\') {
            (_, true) => match chars.next() {
                Some('r') => out.push(b'\r'),
                Some('n') => out.push(b'\n'),
                Some('0') => out.push(0),
                Some('x') => {
                    let digits: String = chars.by_ref().take(2).collect();
                    out.push(u8::from_str_radix(&digits, 16).unwrap());
                }
                other => out.extend(other.map(|char| u8::try_from(char).unwrap())),
            },
            (char, false) => out.extend(char.encode_utf8(&mut [0; 4]).bytes()),
        }
    }
    out.extend_from_slice(end);
    out
}
