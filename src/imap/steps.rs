//! What an incident remembers of IMAP (`crate::incident`): the verbs of our own table, and the status and response code of an answer.

use super::verbs::{behind_uid, row};
use crate::incident::{Answer, AnswerStatus, StepDialect, StepWord, response_code, words};

/// How its lines become steps.
pub const DIALECT: StepDialect = StepDialect { protocol: StepWord::new("imap"), command, answer };

/// The response codes of RFC 9051 7.1, RFC 5530 and extensions.
const RESPONSES: &[&str] = &[
    "ALERT",
    "ALREADYEXISTS",
    "APPENDUID",
    "AUTHENTICATIONFAILED",
    "AUTHORIZATIONFAILED",
    "BADCHARSET",
    "CANNOT",
    "CAPABILITY",
    "CLIENTBUG",
    "CLOSED",
    "CONTACTADMIN",
    "COPYUID",
    "CORRUPTION",
    "EXPIRED",
    "EXPUNGEISSUED",
    "HASCHILDREN",
    "HIGHESTMODSEQ",
    "INUSE",
    "LIMIT",
    "MODIFIED",
    "NOMODSEQ",
    "NONEXISTENT",
    "NOPERM",
    "OVERQUOTA",
    "PARSE",
    "PERMANENTFLAGS",
    "PRIVACYREQUIRED",
    "READ-ONLY",
    "READ-WRITE",
    "SERVERBUG",
    "TOOBIG",
    "TRYCREATE",
    "UIDNEXT",
    "UIDNOTSTICKY",
    "UIDVALIDITY",
    "UNAVAILABLE",
    "UNKNOWN-CTE",
    "UNSEEN",
    "USEATTR",
];

/// The verb of a client's line; with the second word behind UID.
fn command(line: &[u8]) -> StepWord {
    let mut words = words(line).skip(1);
    let verb = words.next().unwrap_or_default();
    StepWord::new(match words.next() {
        Some(second) if verb.eq_ignore_ascii_case(b"UID") => behind_uid(second).behind_uid,
        _ => row(verb).word,
    })
}

/// The first line of what came; `None` for data.
fn answer(line: &[u8]) -> Option<Answer> {
    let mut words = words(line);
    let tag = words.next()?;
    if tag == b"+" {
        return Some(Answer::plain(AnswerStatus::GoOn, None));
    }
    let said = words.next().unwrap_or_default();
    let known = [
        ("OK", AnswerStatus::Ok),
        ("NO", AnswerStatus::No),
        ("BAD", AnswerStatus::Bad),
        ("BYE", AnswerStatus::Bye),
        ("PREAUTH", AnswerStatus::Preauth),
    ];
    let status = known.iter().find(|(word, _)| said.eq_ignore_ascii_case(word.as_bytes())).map(|(_, status)| *status);
    if status.is_none() && tag == b"*" {
        return None;
    }
    let response = response_code(words.next(), *b"[]", RESPONSES);
    Some(Answer { status: status.unwrap_or(AnswerStatus::Other), response, code: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::RefusalCode;

    #[test]
    fn verbs_come_from_the_table_or_are_other() {
        for (line, word) in [
            (&b"a1 select INBOX\r\n"[..], "SELECT"),
            (b"a1 UID fetch 1:* (FLAGS)\r\n", "UID FETCH"),
            (b"a1 uid expunge 1:*\r\n", "UID EXPUNGE"),
            (b"a1 UID canary 1\r\n", "Other"),
            (b"a1 UID\r\n", "UID"),
            (b"a1 CANARY alice@velo.example\r\n", "Other"),
            (b"canary\r\n", "Other"),
            (b"", "Other"),
        ] {
            assert_eq!(command(line).word(), word, "{}", String::from_utf8_lossy(line));
        }
    }

    #[test]
    fn answers_lose_their_text() {
        let told = |answer: Option<Answer>| {
            let answer = answer?;
            Some((answer.status, answer.response.map(StepWord::word), answer.code.map(RefusalCode::word)))
        };
        for (line, expected) in [
            (&b"a1 OK [APPENDUID 1 2] canary\r\n"[..], Some((AnswerStatus::Ok, Some("APPENDUID"), None))),
            (b"a1 NO [OVERQUOTA] canary (MAILBOX-FULL)\r\n", Some((AnswerStatus::No, Some("OVERQUOTA"), None))),
            (b"a1 NO [CANARY] no\r\n", Some((AnswerStatus::No, Some("Other"), None))),
            (b"a1 CANARY no\r\n", Some((AnswerStatus::Other, None, None))),
            (b"* BYE canary\r\n", Some((AnswerStatus::Bye, None, None))),
            (b"+ canary\r\n", Some((AnswerStatus::GoOn, None, None))),
            (b"* 1 FETCH (BODY[] {6}\r\n", None),
            (b"* LIST () \"/\" canary\r\n", None),
        ] {
            assert_eq!(told(answer(line)), expected, "{}", String::from_utf8_lossy(line));
        }
        let ours = b"a1 NO [OVERQUOTA] The mailbox is full. (MAILBOX-FULL)\r\n";
        let full = Some((AnswerStatus::No, Some("OVERQUOTA"), Some("MAILBOX-FULL")));
        assert_eq!(told(answer(ours).map(|answer| answer.ours(ours))), full);
    }
}
