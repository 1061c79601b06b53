//! One step of a session, in words of the program's own text only. What a protocol has no word for is `Other`, whatever it was.

use crate::fault::{RefusalCode, Side};

/// A word of the program's own text: never of a peer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepWord(&'static str);

impl StepWord {
    /// For what has no word.
    pub const OTHER: StepWord = StepWord("Other");

    /// This word.
    pub const fn new(word: &'static str) -> StepWord {
        StepWord(word)
    }

    /// The word in `list` that is the same as `said`, whatever the case of its letters; else `Other`.
    pub fn among(list: &[&'static str], said: &[u8]) -> StepWord {
        let found = list.iter().find(|known| known.as_bytes().eq_ignore_ascii_case(said));
        found.map_or(StepWord::OTHER, |known| StepWord(known))
    }

    /// It.
    pub fn word(self) -> &'static str {
        self.0
    }
}

/// What a protocol brings, so that its sessions can be watched.
pub struct StepDialect {
    /// What is spoken, for the admin.
    pub protocol: StepWord,
    /// The verb of a client's line.
    pub command: fn(&[u8]) -> StepWord,
    /// What a line of an answer says; `None` for one that is no answer, or not its last line.
    pub answer: fn(&[u8]) -> Option<Answer>,
}

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IncidentStep {
    /// Milliseconds since the incident began.
    pub at: u32,
    /// Which session, counted from 1 since the incident began.
    pub session: u16,
    /// Who did it.
    pub side: Side,
    /// Where.
    pub protocol: StepWord,
    /// What.
    pub what: StepContent,
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepContent {
    /// A command.
    Asked(StepWord),
    /// An answer to one.
    Answered(Answer),
}

/// An answer, without its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Good or bad.
    pub status: AnswerStatus,
    /// Its response code, of a protocol that has such.
    pub response: Option<StepWord>,
    /// The code word, where the answer is ours.
    pub code: Option<RefusalCode>,
}

/// Whether an answer is a good one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // each is the RFC's own word
pub enum AnswerStatus {
    Ok,
    No,
    Bad,
    Bye,
    Preauth,
    /// `+`
    GoOn,
    /// Three digits of SMTP, 200 to 599.
    Reply(u16),
    Other,
}

impl Answer {
    /// A status alone.
    pub fn plain(status: AnswerStatus, code: Option<RefusalCode>) -> Answer {
        Answer { status, response: None, code }
    }

    /// A status line: its first word is one of `known`, and behind it `brackets` may have a word of `codes`. `None` for other lines.
    pub fn status_line(known: &[(&str, AnswerStatus)], line: &[u8], brackets: [u8; 2], codes: &[&'static str]) -> Option<Answer> {
        let mut words = words(line);
        let said = words.next()?;
        let (_, status) = *known.iter().find(|(word, _)| said.eq_ignore_ascii_case(word.as_bytes()))?;
        Some(Answer { status, response: response_code(words.next(), brackets, codes), code: None })
    }

    /// The same with the code word at the end of `line`, which we wrote.
    pub fn ours(self, line: &[u8]) -> Answer {
        // Behind it there may be a link, which has no parentheses.
        let word = line.rsplit(|byte| *byte == b'(').next().and_then(|end| end.split(|byte| *byte == b')').next());
        let code = RefusalCode::ALL.iter().copied().find(|code| word == Some(code.word().as_bytes()));
        Answer { code, ..self }
    }
}

/// The code that `word` begins with a bracket, where it does.
pub fn response_code(word: Option<&[u8]>, brackets: [u8; 2], codes: &[&'static str]) -> Option<StepWord> {
    let [open, close] = brackets;
    let code = word?.strip_prefix(&[open])?;
    Some(StepWord::among(codes, code.strip_suffix(&[close]).unwrap_or(code)))
}

/// The words of the first line.
pub fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let end = text.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(text.len());
    text[..end].split(|byte| *byte == b' ').filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_peer_said_never_becomes_a_word() {
        assert_eq!(StepWord::among(&["NOOP", "QUIT"], b"quit").word(), "QUIT");
        for said in [&b""[..], b"canary", b"NOOP ", b"NOOP\0"] {
            assert_eq!(StepWord::among(&["NOOP", "QUIT"], said), StepWord::OTHER);
        }
        let known = [("OK", AnswerStatus::Ok)];
        let answer = Answer::status_line(&known, b"ok (CANARY) canary\r\n", *b"()", &["WARNINGS"]).unwrap();
        assert_eq!((answer.status, answer.response), (AnswerStatus::Ok, Some(StepWord::OTHER)));
        assert_eq!(Answer::status_line(&known, b"canary\r\n", *b"()", &[]), None);
    }
}
