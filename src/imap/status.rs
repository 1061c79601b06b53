//! How the backend ends a command of ours, and how the words of its answers are read. Whoever asks builds on it.

use crate::quota::Amount;

/// How the backend ended a command of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Ok,
    No,
    /// BAD; to a question of ours also whatever is none of the three.
    Bad,
}

/// What an aim wants after an answer.
pub(super) enum Then {
    /// To send this command (without tag and line end).
    Ask(Vec<u8>),
    Done,
}

/// Whether `line` begins with `word`, in any case of letters.
pub(super) fn is(line: &[u8], word: &[u8]) -> bool {
    line.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
}

/// The number behind `word`, which stands at the start or behind a space or parenthesis.
pub(super) fn number_after(text: &[u8], word: &[u8]) -> Option<u64> {
    let at = text.windows(word.len()).enumerate().find(|(at, window)| {
        let free = *at == 0 || matches!(text[at - 1], b' ' | b'(');
        free && window.eq_ignore_ascii_case(word)
    })?;
    number(&text[at.0 + word.len()..]).map(|(number, _)| number)
}

/// The number at the front of `text`, and how many digits it has.
pub(super) fn number(text: &[u8]) -> Option<(u64, usize)> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number = std::str::from_utf8(&text[..digits]).ok()?.parse().ok()?;
    Some((number, digits))
}

/// What `* STATUS name (MESSAGES 1 SIZE 2)` tells, if it tells both (RFC 8438).
pub(super) fn told_by_status(line: &[u8]) -> Option<Amount> {
    let values = values(line);
    Some(Amount { octets: number_after(values, b"SIZE ")?, messages: number_after(values, b"MESSAGES ")? })
}

/// What `* QUOTA root (STORAGE 1 9 MESSAGE 2 9)` tells, if it tells both: units of 1024 octets (RFC 9208 5.1), which some servers round
/// down.
pub(super) fn told_by_quota(line: &[u8]) -> Option<Amount> {
    let values = values(line);
    let octets = number_after(values, b"STORAGE ")?.saturating_mul(1024).saturating_add(1023);
    Some(Amount { octets, messages: number_after(values, b"MESSAGE ")? })
}

/// What is behind the last parenthesis: a folder may be called "(SIZE 9)".
fn values(line: &[u8]) -> &[u8] {
    line.iter().rposition(|byte| *byte == b'(').map_or(line, |at| &line[at + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_as_words() {
        assert_eq!(number_after(b"MESSAGES 3 SIZE 400)", b"SIZE "), Some(400));
        assert_eq!(number_after(b"RFC822.SIZE 400)", b"SIZE "), None);
        assert_eq!(number_after(b"SIZE x", b"SIZE "), None);
        assert_eq!(number_after(b"SIZE 99999999999999999999", b"SIZE "), None);
    }
}
