//! What an incident remembers of POP3 (`crate::incident`): verbs, and the status and response code of an answer.

use crate::incident::{Answer, AnswerStatus, StepDialect, StepWord, words};

/// How its lines become steps.
pub const DIALECT: StepDialect = StepDialect { protocol: StepWord::new("pop3"), command, answer };

/// What may be said after login.
const VERBS: &[&str] = &["CAPA", "DELE", "LANG", "LIST", "NOOP", "QUIT", "RETR", "RSET", "STAT", "TOP", "UIDL", "UTF8"];

/// The response codes of RFC 2449 8.1.1, RFC 3206 and RFC 6856 3.
const RESPONSES: &[&str] = &["AUTH", "IN-USE", "LOGIN-DELAY", "SYS/PERM", "SYS/TEMP", "UTF8"];

fn command(line: &[u8]) -> StepWord {
    StepWord::among(VERBS, words(line).next().unwrap_or_default())
}

/// A status line; `None` for what is none.
fn answer(line: &[u8]) -> Option<Answer> {
    Answer::status_line(&[("+OK", AnswerStatus::Ok), ("-ERR", AnswerStatus::No)], line, *b"[]", RESPONSES)
}
