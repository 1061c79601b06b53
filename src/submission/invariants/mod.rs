//! What must hold for every input, for tests and fuzzing: play both peers from a script of bytes, in pieces of any size.

mod environment;
mod play;

use crate::smtp::command::SmtpCommand;
use crate::wire::protection::Protection;

pub use environment::{LOGGED_IN, PASSWORD, SubmissionTestEnvironment, test_params, test_verdict};
pub use play::SubmissionPlay;

/// Plays `input` as the client against a relay that says yes to everything, once whole and once in pieces whose sizes
/// `random` decides. Panics when the two differ, when a password reaches the relay, or when the relay gets a message whose
/// lines do not end in CRLF.
pub fn check(input: &[u8], random: &mut dyn FnMut() -> u64) {
    let parking = random().is_multiple_of(2);
    let whole = played(input, parking, &mut |left| left);
    let pieces = played(input, parking, &mut |left| 1 + usize::try_from(random() % 40).unwrap_or(0) % left.max(1));
    assert!(whole.0 == pieces.0, "the client's answers depend on how the bytes came");
    assert!(whole.1 == pieces.1, "what the relay gets depends on how the bytes came");
    assert!(whole.2 == pieces.2, "the end depends on how the bytes came");
    let relayed = &whole.1;
    assert!(memchr::memmem::find(relayed, PASSWORD).is_none(), "the relay hears the password");
    for (at, byte) in relayed.iter().enumerate() {
        match byte {
            b'\r' => assert!(relayed.get(at + 1) == Some(&b'\n')),
            b'\n' => assert!(at > 0 && relayed.get(at - 1) == Some(&b'\r')),
            _ => {}
        }
    }
}

/// Reads `line` as a command: no path and no parameter in it may hold an octet that ends a line or a path.
pub fn check_command(line: &[u8]) {
    let (path, parameters) = match SmtpCommand::parse(line) {
        Ok(SmtpCommand::Mail(path, parameters) | SmtpCommand::Rcpt(path, parameters)) => (path, parameters),
        _ => return,
    };
    let quiet = |bytes: &[u8]| !bytes.iter().any(|byte| byte.is_ascii_control());
    assert!(quiet(path.reveal()), "a control character in a path");
    for parameter in parameters.iter() {
        assert!(quiet(parameter.keyword) && quiet(parameter.value.unwrap_or_default()), "a control character in a parameter");
        assert!(!parameter.keyword.contains(&b' ') && !parameter.value.unwrap_or_default().contains(&b' '));
    }
}

/// What both sides got, and whether the session is over. The relay answers each line as it must, as long as there is one. Of a
/// message that was cut off, how much went out depends on the pieces: it is left out.
fn played(input: &[u8], parking: bool, size: &mut dyn FnMut(usize) -> usize) -> (Vec<u8>, Vec<u8>, bool) {
    let mut play = if parking { SubmissionPlay::new(Protection::Secure) } else { SubmissionPlay::without_rest() };
    let mut yes = AcceptingRelay::default();
    play.run();
    let mut rest = input;
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(size(rest.len()).clamp(1, rest.len()));
        play.client(piece);
        while let Some(answer) = yes.answer(&play) {
            play.relay(&answer);
        }
        rest = behind;
    }
    yes.notice_cuts(&play);
    let relayed = std::mem::take(&mut play.to_relay);
    let left = if yes.in_data { yes.seen } else { relayed.len() };
    yes.whole.extend_from_slice(&relayed[yes.kept..left]);
    (std::mem::take(&mut play.to_client), yes.whole, play.is_closed())
}

/// A relay that accepts everything.
#[derive(Default)]
struct AcceptingRelay {
    /// What came, without messages that were cut off.
    whole: Vec<u8>,
    /// Up to where it is in `whole`, or left out of it.
    kept: usize,
    /// Up to where it was answered.
    seen: usize,
    cuts: usize,
    greeted: bool,
    in_data: bool,
}

impl AcceptingRelay {
    fn notice_cuts(&mut self, play: &SubmissionPlay) {
        while let Some(cut) = play.cuts.get(self.cuts) {
            let end = if self.in_data { self.seen } else { *cut };
            self.whole.extend_from_slice(&play.to_relay[self.kept..end]);
            (self.kept, self.seen) = (*cut, *cut);
            (self.greeted, self.in_data) = (false, false);
            self.cuts += 1;
        }
    }

    fn answer(&mut self, play: &SubmissionPlay) -> Option<Vec<u8>> {
        self.notice_cuts(play);
        if !play.is_connected() {
            return None;
        }
        if !std::mem::replace(&mut self.greeted, true) {
            return Some(b"220 relay\r\n".to_vec());
        }
        let news = play.to_relay.get(self.seen..)?;
        if self.in_data {
            let end = memchr::memmem::find(news, b"\r\n.\r\n")?;
            self.seen += end + 5;
            self.in_data = false;
            return Some(b"250 2.0.0 Ok\r\n".to_vec());
        }
        let end = memchr::memmem::find(news, b"\r\n")?;
        self.in_data = &news[..end] == b"DATA";
        // The CRLF of DATA is looked at again: the lone dot may be the first line.
        self.seen += if self.in_data { end } else { end + 2 };
        Some(if self.in_data { b"354 go\r\n".to_vec() } else { b"250 2.0.0 Ok\r\n".to_vec() })
    }
}
