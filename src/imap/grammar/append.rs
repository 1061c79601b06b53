//! APPEND (RFC 9051 6.3.12), with MULTIAPPEND (RFC 3502), literal8 (RFC 3516) and UTF8 (RFC 6855 4). CATENATE (RFC 4469) is not
//! read: it would bring bodies around the scrubber and the book.

use super::Cursor;

/// What stands before a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options<'a> {
    /// The date-time without its quotes.
    pub date: Option<&'a [u8]>,
    /// `UTF8 (` stands before the literal, and `)` must follow it.
    pub utf8: bool,
}

/// Whether the mailbox name comes in the literal that is announced behind `arguments` (without the announcement).
pub fn name_follows(arguments: &[u8]) -> bool {
    arguments.is_empty()
}

/// The mailbox name at the front of `arguments`, and what is behind it.
pub fn mailbox(arguments: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut cursor = Cursor::new(arguments);
    let name = cursor.astring()?;
    Some((name, cursor.rest()))
}

/// What stands between the mailbox name, or the message before, and the announcement of a message: ` (flags) "date" `.
/// `binary`: the announcement is one of a literal8.
pub fn options(text: &[u8], binary: bool) -> Option<Options<'_>> {
    let mut cursor = Cursor::new(text);
    cursor.space()?;
    if cursor.rest().starts_with(b"(") {
        flags(&mut cursor)?;
        cursor.space()?;
    }
    let mut date = None;
    if cursor.rest().starts_with(b"\"") {
        date = Some(date_time(&mut cursor)?);
        cursor.space()?;
    }
    let utf8 = !cursor.rest().is_empty();
    if utf8 {
        cursor.letters(b"UTF8")?;
        cursor.word(b" (")?;
    }
    let fits = cursor.rest().is_empty() && (binary || !utf8);
    fits.then_some(Options { date, utf8 })
}

fn flags(cursor: &mut Cursor<'_>) -> Option<()> {
    cursor.word(b"(")?;
    let mut first = true;
    while cursor.word(b")").is_none() {
        if !std::mem::take(&mut first) {
            cursor.space()?;
        }
        let _ = cursor.word(b"\\");
        cursor.run(|byte| byte.is_ascii_graphic() && !b"(){%*\"\\]".contains(&byte))?;
    }
    Some(())
}

/// `" 1-Jan-2026 10:00:00 +0000"`.
fn date_time<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    const SHAPE: &[u8] = b"dd-aaa-dddd dd:dd:dd sdddd";
    const MONTHS: &[u8] = b"janfebmaraprmayjunjulaugsepoctnovdec";
    cursor.word(b"\"")?;
    let date = cursor.rest().get(..SHAPE.len())?;
    let fits = |(at, (shape, byte)): (usize, (&u8, &u8))| match shape {
        b'd' => byte.is_ascii_digit() || at == 0 && *byte == b' ',
        b'a' => byte.is_ascii_alphabetic(),
        b's' => matches!(byte, b'+' | b'-'),
        shape => shape == byte,
    };
    let month = date.get(3..6)?.to_ascii_lowercase();
    let good = SHAPE.iter().zip(date).enumerate().all(fits) && MONTHS.chunks(3).any(|known| known == month);
    good.then_some(())?;
    cursor.word(date)?;
    cursor.word(b"\"")?;
    Some(date)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_before_a_message() {
        for text in [
            &b" "[..],
            b" () ",
            b" (\\Seen) ",
            b" (\\Seen $Label1 a.b) \" 1-Jan-2026 10:00:00 +0000\" ",
            b" \"22-Nov-2026 10:00:00 -0130\" ",
        ] {
            assert!(options(text, false).is_some(), "{}", String::from_utf8_lossy(text));
        }
        assert!(options(b" (\\Seen) UTF8 (", true).is_some_and(|options| options.utf8));
        assert_eq!(options(b" \"22-Nov-2026 10:00:00 -0130\" ", false).unwrap().date, Some(&b"22-Nov-2026 10:00:00 -0130"[..]));
        for text in [
            &b""[..],
            b"  ",
            b" (\\Seen)",
            b" (\\Seen  \\Draft) ",
            b" (\\Bad( ",
            b" (a ",
            b" badflag ",
            b" \"bad date\" ",
            b" \"22-Nop-2026 10:00:00 +0000\" ",
            b" \"22-Nov-2026 10:00:00 +0000\" () ",
            b" CATENATE (TEXT ",
            b" UTF8 (",
            b" UTF8 (x ",
        ] {
            assert!(options(text, false).is_none(), "{}", String::from_utf8_lossy(text));
        }
    }
}
