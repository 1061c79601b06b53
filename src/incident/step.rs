//! One step of a session, in words of closed lists only. What is not in a list is `Other`, whatever it was.

use crate::fault::{RefusalCode, Side};

/// What is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Reading.
    Imap,
    /// Fetching.
    Pop3,
    /// Writing filters.
    Sieve,
    /// Sending.
    Submission,
}

impl Protocol {
    /// For the admin.
    pub fn word(self) -> &'static str {
        match self {
            Protocol::Imap => "imap",
            Protocol::Pop3 => "pop3",
            Protocol::Sieve => "sieve",
            Protocol::Submission => "submission",
        }
    }
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
    pub protocol: Protocol,
    /// What.
    pub what: StepContent,
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepContent {
    /// A command.
    Asked(Verb),
    /// An answer to one.
    Answered(Answer),
}

/// An answer, without its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Good or bad.
    pub status: AnswerStatus,
    /// The response code of IMAP.
    pub response: Option<Response>,
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

macro_rules! closed_list {
    ($(#[$doc:meta])* $name:ident $list:ident $($word:literal)*) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name(u8);

        const $list: &[&str] = &[$($word),*];

        impl $name {
            /// The word in the list that is the same as `word`, whatever the case of its letters; else `Other`.
            pub fn of(word: &[u8]) -> $name {
                let place = $list.iter().position(|known| known.as_bytes().eq_ignore_ascii_case(word));
                $name(place.and_then(|place| u8::try_from(place).ok()).unwrap_or(u8::MAX))
            }

            /// The word, from the list.
            pub fn word(self) -> &'static str {
                $list.get(usize::from(self.0)).copied().unwrap_or("Other")
            }
        }
    };
}

closed_list! {
    /// A command of IMAP, POP3, ManageSieve or SMTP.
    Verb VERBS
    "APPEND" "AUTH" "AUTHENTICATE" "BDAT" "CAPA" "CAPABILITY" "CHECK" "CHECKSCRIPT" "CLOSE" "COMPRESS" "COPY" "CREATE" "DATA"
    "DELE" "DELETE" "DELETESCRIPT" "DONE" "EHLO" "ENABLE" "EXAMINE" "EXPUNGE" "FETCH" "GETACL" "GETMETADATA" "GETQUOTA"
    "GETQUOTAROOT" "GETSCRIPT" "HAVESPACE" "HELO" "HELP" "ID" "IDLE" "LANG" "LIST" "LISTSCRIPTS" "LOGIN" "LOGOUT" "LSUB" "MAIL"
    "MOVE" "MYRIGHTS" "NAMESPACE" "NOOP" "NOTIFY" "PUTSCRIPT" "QUIT" "RCPT" "RENAME" "RENAMESCRIPT" "REPLACE" "RETR" "RSET"
    "SEARCH" "SELECT" "SETACTIVE" "SETMETADATA" "SORT" "STARTTLS" "STAT" "STATUS" "STORE" "SUBSCRIBE" "THREAD" "TOP" "UID"
    "UID COPY" "UID EXPUNGE" "UID FETCH" "UID MOVE" "UID REPLACE" "UID SEARCH" "UID SORT" "UID STORE" "UID THREAD" "UIDL"
    "UNSELECT" "UNSUBSCRIBE" "UTF8" "VRFY" "XLIST"
}

closed_list! {
    /// A response code of IMAP (RFC 9051 7.1, RFC 5530 and extensions), POP3 (RFC 2449, RFC 3206) or ManageSieve (RFC 5804 1.3).
    Response RESPONSES
    "ACTIVE" "ALERT" "ALREADYEXISTS" "APPENDUID" "AUTH" "AUTHENTICATIONFAILED" "AUTHORIZATIONFAILED" "BADCHARSET" "CANNOT"
    "CAPABILITY" "CLIENTBUG" "CLOSED" "CONTACTADMIN" "COPYUID" "CORRUPTION" "EXPIRED" "EXPUNGEISSUED" "HASCHILDREN"
    "HIGHESTMODSEQ" "IN-USE" "INUSE" "LIMIT" "LOGIN-DELAY" "MODIFIED" "NOMODSEQ" "NONEXISTENT" "NOPERM" "OVERQUOTA" "PARSE"
    "PERMANENTFLAGS" "PRIVACYREQUIRED" "QUOTA" "QUOTA/MAXSCRIPTS" "QUOTA/MAXSIZE" "READ-ONLY" "READ-WRITE" "SERVERBUG"
    "SYS/PERM" "SYS/TEMP" "TAG" "TOOBIG" "TRYCREATE" "TRYLATER" "UIDNEXT" "UIDNOTSTICKY" "UIDVALIDITY" "UNAVAILABLE"
    "UNKNOWN-CTE" "UNSEEN" "USEATTR" "WARNINGS"
}

impl Verb {
    /// The verb of a client's line in IMAP; with the second word behind UID.
    pub fn of_imap(line: &[u8]) -> Verb {
        let mut words = words(line).skip(1);
        let verb = words.next().unwrap_or_default();
        match words.next() {
            Some(second) if verb.eq_ignore_ascii_case(b"UID") && second.len() <= LONGEST => Verb::of(&[b"UID ", second].concat()),
            _ => Verb::of(verb),
        }
    }

    /// The verb of a client's line in POP3 or ManageSieve.
    pub fn of_line(line: &[u8]) -> Verb {
        Verb::of_smtp(line)
    }

    /// The verb of a client's line in SMTP.
    pub fn of_smtp(line: &[u8]) -> Verb {
        Verb::of(words(line).next().unwrap_or_default())
    }
}

/// No word of the lists is longer.
const LONGEST: usize = 24;

impl Answer {
    /// A status alone.
    pub fn plain(status: AnswerStatus, code: Option<RefusalCode>) -> Answer {
        Answer { status, response: None, code }
    }

    /// The first line of what came in IMAP; `None` for data.
    pub fn of_imap(line: &[u8]) -> Option<Answer> {
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
        let response = words.next().and_then(|word| word.strip_prefix(b"["));
        let response = response.map(|word| Response::of(word.strip_suffix(b"]").unwrap_or(word)));
        Some(Answer { status: status.unwrap_or(AnswerStatus::Other), response, code: None })
    }

    /// What came in a session of `protocol`; `None` where that is for [`Answer::of_imap`] and [`Answer::of_smtp`].
    pub fn of(protocol: Protocol, line: &[u8]) -> Option<Answer> {
        match protocol {
            Protocol::Pop3 => Answer::of_pop3(line),
            Protocol::Sieve => Answer::of_sieve(line),
            Protocol::Imap | Protocol::Submission => None,
        }
    }

    /// A status line of POP3; `None` for what is none.
    fn of_pop3(line: &[u8]) -> Option<Answer> {
        let mut words = words(line);
        let status = match words.next()? {
            b"+OK" => AnswerStatus::Ok,
            b"-ERR" => AnswerStatus::No,
            _ => return None,
        };
        let response = words.next().and_then(|word| word.strip_prefix(b"["));
        let response = response.map(|word| Response::of(word.strip_suffix(b"]").unwrap_or(word)));
        Some(Answer { status, response, code: None })
    }

    /// The last line of a response of ManageSieve; `None` for the lines before it.
    fn of_sieve(line: &[u8]) -> Option<Answer> {
        let mut words = words(line);
        let said = words.next()?;
        let known = [("OK", AnswerStatus::Ok), ("NO", AnswerStatus::No), ("BYE", AnswerStatus::Bye)];
        let (_, status) = *known.iter().find(|(word, _)| said.eq_ignore_ascii_case(word.as_bytes()))?;
        let response = words.next().and_then(|word| word.strip_prefix(b"("));
        let response = response.map(|word| Response::of(word.strip_suffix(b")").unwrap_or(word)));
        Some(Answer { status, response, code: None })
    }

    /// The last line of a reply in SMTP; `None` for the lines before it, and for what is no reply.
    pub fn of_smtp(line: &[u8]) -> Option<Answer> {
        let (digits, rest) = line.split_at_checked(3)?;
        let number = digits.iter().try_fold(0u16, |number, digit| match digit {
            b'0'..=b'9' => Some(number * 10 + u16::from(digit - b'0')),
            _ => None,
        });
        let number = number.filter(|number| (200..=599).contains(number))?;
        (rest.first() != Some(&b'-')).then_some(Answer::plain(AnswerStatus::Reply(number), None))
    }

    /// The same with the code word at the end of `line`, which we wrote.
    pub fn ours(self, line: &[u8]) -> Answer {
        // Behind it there may be a link, which has no parentheses.
        let word = line.rsplit(|byte| *byte == b'(').next().and_then(|end| end.split(|byte| *byte == b')').next());
        let code = RefusalCode::ALL.iter().copied().find(|code| word == Some(code.word().as_bytes()));
        Answer { code, ..self }
    }
}

/// The words of the first line.
fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let end = text.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(text.len());
    text[..end].split(|byte| *byte == b' ').filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_come_from_the_list_or_are_other() {
        for (line, word) in [
            (&b"a1 select INBOX\r\n"[..], "SELECT"),
            (b"a1 UID fetch 1:* (FLAGS)\r\n", "UID FETCH"),
            (b"a1 UID canary 1\r\n", "Other"),
            (b"a1 UID\r\n", "UID"),
            (b"a1 CANARY alice@velo.example\r\n", "Other"),
            (b"canary\r\n", "Other"),
            (b"", "Other"),
        ] {
            assert_eq!(Verb::of_imap(line).word(), word, "{}", String::from_utf8_lossy(line));
        }
        assert_eq!(Verb::of_smtp(b"mail FROM:<alice@velo.example>\r\n").word(), "MAIL");
        assert_eq!(Verb::of_smtp(b"alice\r\n").word(), "Other");
        assert!(VERBS.is_sorted() && RESPONSES.is_sorted() && VERBS.len() < 255 && RESPONSES.len() < 255);
        assert!(VERBS.iter().chain(RESPONSES).all(|word| word.len() <= LONGEST));
    }

    #[test]
    fn answers_lose_their_text() {
        let told = |answer: Option<Answer>| {
            let answer = answer?;
            Some((answer.status, answer.response.map(Response::word), answer.code.map(RefusalCode::word)))
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
            assert_eq!(told(Answer::of_imap(line)), expected, "{}", String::from_utf8_lossy(line));
        }
        let ours = b"a1 NO [OVERQUOTA] The mailbox is full. (MAILBOX-FULL)\r\n";
        let full = Some((AnswerStatus::No, Some("OVERQUOTA"), Some("MAILBOX-FULL")));
        assert_eq!(told(Answer::of_imap(ours).map(|answer| answer.ours(ours))), full);
        assert_eq!(told(Answer::of_smtp(b"550 5.7.1 canary\r\n")), Some((AnswerStatus::Reply(550), None, None)));
        for line in [&b"250-canary\r\n"[..], b"999 x\r\n", b"canary\r\n", b"25", b"2x0 \r\n"] {
            assert_eq!(told(Answer::of_smtp(line)), None);
        }
    }
}
