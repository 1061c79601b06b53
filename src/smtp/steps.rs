//! What an incident remembers of submission (`crate::incident`): verbs, and the three digits of a reply.

use crate::incident::{Answer, AnswerStatus, StepDialect, StepWord, words};

/// How its lines become steps.
pub const DIALECT: StepDialect = StepDialect { protocol: StepWord::new("submission"), command, answer };

const VERBS: &[&str] =
    &["AUTH", "BDAT", "DATA", "EHLO", "HELO", "HELP", "MAIL", "NOOP", "QUIT", "RCPT", "RSET", "STARTTLS", "VRFY"];

fn command(line: &[u8]) -> StepWord {
    StepWord::among(VERBS, words(line).next().unwrap_or_default())
}

/// The last line of a reply (RFC 5321 4.2); `None` for the lines before it, and for what is no reply.
fn answer(line: &[u8]) -> Option<Answer> {
    let (digits, rest) = line.split_at_checked(3)?;
    let number = digits.iter().try_fold(0u16, |number, digit| match digit {
        b'0'..=b'9' => Some(number * 10 + u16::from(digit - b'0')),
        _ => None,
    });
    let number = number.filter(|number| (200..=599).contains(number))?;
    (rest.first() != Some(&b'-')).then_some(Answer::plain(AnswerStatus::Reply(number), None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_reply_the_number_stays() {
        assert_eq!(command(b"mail FROM:<alice@velo.example>\r\n").word(), "MAIL");
        assert_eq!(command(b"alice\r\n"), StepWord::OTHER);
        assert_eq!(answer(b"550 5.7.1 canary\r\n"), Some(Answer::plain(AnswerStatus::Reply(550), None)));
        for line in [&b"250-canary\r\n"[..], b"999 x\r\n", b"canary\r\n", b"25", b"2x0 \r\n"] {
            assert_eq!(answer(line), None);
        }
    }
}
