//! What an incident remembers of ManageSieve (`crate::incident`): verbs, and the status and response code of an answer.

use crate::incident::{Answer, AnswerStatus, StepDialect, StepWord, words};

/// How its lines become steps.
pub const DIALECT: StepDialect = StepDialect { protocol: StepWord::new("sieve"), command, answer };

/// What may be said after login.
const VERBS: &[&str] = &[
    "CAPABILITY",
    "CHECKSCRIPT",
    "DELETESCRIPT",
    "GETSCRIPT",
    "HAVESPACE",
    "LISTSCRIPTS",
    "LOGOUT",
    "NOOP",
    "PUTSCRIPT",
    "RENAMESCRIPT",
    "SETACTIVE",
];

/// The response codes of RFC 5804 1.3.
const RESPONSES: &[&str] =
    &["ACTIVE", "ALREADYEXISTS", "NONEXISTENT", "QUOTA", "QUOTA/MAXSCRIPTS", "QUOTA/MAXSIZE", "TAG", "TRYLATER", "WARNINGS"];

fn command(line: &[u8]) -> StepWord {
    StepWord::among(VERBS, words(line).next().unwrap_or_default())
}

/// The last line of a response; `None` for the lines before it.
fn answer(line: &[u8]) -> Option<Answer> {
    let known = [("OK", AnswerStatus::Ok), ("NO", AnswerStatus::No), ("BYE", AnswerStatus::Bye)];
    Answer::status_line(&known, line, *b"()", RESPONSES)
}
