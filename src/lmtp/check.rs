//! What must hold for every client, for tests and fuzzing: plays it against two backends that say yes to all but `no...@`,
//! once whole and once in pieces of any size.

use super::invariants::{FakeBackend, LmtpPlay};
use crate::fault::RefusalCode;
use crate::private::Address;

/// Refusals of one recipient whose order depends on the pieces, when several things are wrong with a message: which of them is
/// told does, that it is refused does not.
const FLAWS: [RefusalCode; 4] =
    [RefusalCode::BareLineEnd, RefusalCode::MailboxFull, RefusalCode::AssociationFull, RefusalCode::TooManyRecipients];

/// What a client says to have a recipient at each of the backends.
pub const BEGUN: &[u8] = b"LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<alice@velo.example>\r\nRCPT TO:<chloe@jardin.example>\r\nDATA\r\n";

/// What is left behind: the client's answers, what the backends stored, what the book counts.
#[derive(PartialEq, Eq)]
struct Aftermath {
    answers: Vec<u8>,
    stored: Vec<(usize, usize, Vec<u8>)>,
    counted: u64,
}

/// Panics when the pieces decide what becomes of mail, when a bare LF is stored, when mail is
/// counted and not stored or the other way round, or when room stays set aside.
pub fn check(input: &[u8], random: &mut dyn FnMut() -> u64) {
    let whole = played(input, &mut |left| left);
    let pieces = played(input, &mut |left| 1 + usize::try_from(random() % 40).unwrap_or(0) % left.max(1));
    assert!(told(&whole.answers) == told(&pieces.answers), "the client's answers depend on how the bytes came");
    assert!(whole.stored == pieces.stored, "what is stored depends on how the bytes came");
    assert!(whole.counted == pieces.counted, "what is counted depends on how the bytes came");
    assert!((whole.counted == 0) == whole.stored.is_empty(), "the book and the backends do not agree");
    for (_, _, message) in &whole.stored {
        // A CR alone passes.
        let bare = |at: &usize| message.get(*at) == Some(&b'\n') && (*at == 0 || message.get(*at - 1) != Some(&b'\r'));
        assert!(!(0..message.len()).any(|at| bare(&at)), "a bare LF is stored");
    }
}

fn told(answers: &[u8]) -> Vec<&[u8]> {
    let flawed = |line: &[u8]| FLAWS.iter().any(|code| memchr::memmem::find(line, code.word().as_bytes()).is_some());
    answers.split(|byte| *byte == b'\n').map(|line| if flawed(line) { b"refused" } else { line }).collect()
}

fn played(input: &[u8], size: &mut dyn FnMut(usize) -> usize) -> Aftermath {
    let mut play = LmtpPlay::new();
    let mut yes = [AcceptingBackend::new(0), AcceptingBackend::new(1)];
    play.run();
    let mut rest = input;
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(size(rest.len()).clamp(1, rest.len()));
        play.client(piece);
        while let Some((number, answer)) = yes.iter_mut().find_map(|yes| yes.answer(&play.backends[yes.number])) {
            play.backend(number, &answer);
        }
        rest = behind;
    }
    let answers = std::mem::take(&mut play.to_client);
    let stored = yes.into_iter().flat_map(|yes| yes.stored).collect();
    let env = play.into_house();
    let mailboxes = env.mailboxes();
    assert!(mailboxes.iter().all(|(_, _, reserved)| *reserved == 0), "room stays set aside");
    Aftermath { answers, stored, counted: mailboxes.iter().map(|(_, used, _): &(Address, u64, u64)| used).sum() }
}

/// A backend that accepts everything but recipients that begin with `no`.
struct AcceptingBackend {
    number: usize,
    /// Up to where it has read what it received.
    seen: usize,
    connections: usize,
    greeted: bool,
    in_data: bool,
    recipients: usize,
    stored: Vec<(usize, usize, Vec<u8>)>,
}

impl AcceptingBackend {
    fn new(number: usize) -> AcceptingBackend {
        AcceptingBackend { number, seen: 0, connections: 0, greeted: false, in_data: false, recipients: 0, stored: Vec::new() }
    }

    fn answer(&mut self, backend: &FakeBackend) -> Option<(usize, Vec<u8>)> {
        if !backend.is_connected() {
            return None;
        }
        if backend.began.len() != self.connections {
            // What came before belongs to a connection that is no more.
            self.connections = backend.began.len();
            self.seen = backend.began.last().copied().unwrap_or(0);
            (self.greeted, self.in_data, self.recipients) = (false, false, 0);
        }
        if !std::mem::replace(&mut self.greeted, true) {
            return Some((self.number, b"220 store LMTP\r\n".to_vec()));
        }
        let news = backend.received.get(self.seen..)?;
        let answer = if self.in_data { self.message(news)? } else { self.command(news)? };
        Some((self.number, answer))
    }

    fn message(&mut self, news: &[u8]) -> Option<Vec<u8>> {
        // The CRLF of DATA was left: the lone dot may be the first line.
        let end = memchr::memmem::find(news, b"\r\n.\r\n")?;
        let message = news.get(2..end + 2).unwrap_or_default().to_vec();
        self.stored.push((self.number, self.recipients, message));
        self.seen += end + 5;
        self.in_data = false;
        Some(b"250 2.0.0 stored\r\n".repeat(std::mem::take(&mut self.recipients)))
    }

    fn command(&mut self, news: &[u8]) -> Option<Vec<u8>> {
        let end = memchr::memmem::find(news, b"\r\n")?;
        let line = &news[..end];
        self.in_data = line == b"DATA";
        self.seen += if self.in_data { end } else { end + 2 };
        let refused = line.starts_with(b"RCPT TO:<no");
        self.recipients += usize::from(line.starts_with(b"RCPT") && !refused);
        if line.starts_with(b"RSET") || line.starts_with(b"MAIL") {
            self.recipients = 0;
        }
        Some(match () {
            () if self.in_data => b"354 go\r\n".to_vec(),
            () if refused => b"550 5.1.1 nobody\r\n".to_vec(),
            () if line.starts_with(b"LHLO") => b"250-store\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE\r\n".to_vec(),
            () => b"250 2.0.0 ok\r\n".to_vec(),
        })
    }
}
