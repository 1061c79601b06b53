//! COPY and MOVE (RFC 9051 6.4.7, 6.4.8), also behind UID: which messages, and where to.

use super::Cursor;

/// `set mailbox`.
pub fn transfer(arguments: &[u8]) -> Option<(&[u8], Vec<u8>)> {
    let mut cursor = Cursor::new(arguments);
    let set = set(&mut cursor)?;
    cursor.space()?;
    let mailbox = cursor.astring()?;
    cursor.end()?;
    Some((set, mailbox))
}

/// A sequence set, or `$` (RFC 5182).
fn set<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    let set = cursor.run(|byte| byte.is_ascii_digit() || matches!(byte, b':' | b',' | b'*' | b'$'))?;
    let number = |text: &[u8]| text == b"*" || !text.starts_with(b"0") && !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let range = |text: &[u8]| {
        let mut ends = text.split(|byte| *byte == b':');
        matches!((ends.next(), ends.next(), ends.next()), (Some(first), last, None) if number(first) && last.is_none_or(number))
    };
    let good = set == b"$" || set.split(|byte| *byte == b',').all(range);
    good.then_some(set)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_and_mailboxes() {
        for set in ["1", "1:*", "*", "$", "1,3:5,*:7", "4294967295"] {
            let line = format!("{set} Trash\r\n");
            assert_eq!(transfer(line.as_bytes()), Some((set.as_bytes(), b"Trash".to_vec())));
        }
        for wrong in ["", "0 a", "1: a", "1:2:3 a", "1,,2 a", "$1 a", "1  a", "1 a b", "1 ", "1", "x a", "01 a"] {
            assert!(transfer(wrong.as_bytes()).is_none(), "{wrong}");
        }
    }
}
