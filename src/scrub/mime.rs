//! Values of structured fields, reduced to the words and parameters that mean something (RFC 2045 5.1, RFC 2183, RFC 2231).
//!
//! What is written is one form for all programs: lower case where case means nothing, quotes where they are needed, no
//! comments. What cannot be read is read as a lenient reader would, cut at each `;` outside of quotes and comments, so that
//! nothing hides behind a mistake.

/// Octets of a line before the next parameter goes to a line of its own.
const LINE: usize = 76;

/// Parameters of one field that are looked at. Long names of files are cut into some ten; more is no program's.
const MOST: usize = 200;

/// Parameters whose values mean the same in any case of letters.
const CASELESS: [&str; 6] = ["charset", "delsp", "format", "micalg", "protocol", "smime-type"];

/// Parameters that are names of files, of which a path is taken off.
const FILES: [&str; 2] = ["filename", "name"];

/// The words of `value` that stand in `list`, spelt as there, between commas. `None` if there is none.
///
/// A word ends at white space, a comment or `;`: `1 (Highest)` is `1`, `auto-replied; owner-email=x` is `auto-replied`.
pub(super) fn words(value: &[u8], list: &[String]) -> Option<String> {
    let plain = cut(value).into_iter().next().unwrap_or_default();
    let items = plain.split(|b| *b == b',').map(first_word);
    let mut known: Vec<&str> = Vec::new();
    for item in items {
        let word = list.iter().find(|word| word.as_bytes().eq_ignore_ascii_case(item));
        known.extend(word.filter(|word| !known.contains(&word.as_str())).map(String::as_str));
    }
    (!known.is_empty()).then(|| known.join(", "))
}

/// The type or disposition of `value`, and those of its parameters that stand in `list`, in that order. Behind the name of
/// the field, which is `name` octets long, no line is longer than need be. Empty if there is neither a type nor one of these.
pub(super) fn parameters(name: usize, value: &[u8], list: &[String]) -> Vec<u8> {
    let mut segments = cut(value).into_iter();
    let mut kind = segments.next().unwrap_or_default();
    kind.retain(|b| !matches!(b, b'"' | b'\\'));
    let mut out = type_of(&kind);
    out.make_ascii_lowercase();
    let mut kept: Vec<(usize, Vec<u8>)> = segments.filter_map(|segment| parameter(&segment, list)).collect();
    kept.sort_by_key(|(place, _)| *place);
    let mut column = name + 2 + out.len();
    for (_, text) in kept {
        let folds = column + 2 + text.len() > LINE;
        out.extend_from_slice(if folds { b";\r\n " } else { b"; " });
        column = if folds { 1 } else { column + 2 } + text.len();
        out.extend_from_slice(&text);
    }
    out
}

/// `text / plain` is `text/plain`; behind that, whatever is of no word ends it.
fn type_of(segment: &[u8]) -> Vec<u8> {
    let Some(slash) = segment.iter().position(|b| *b == b'/') else { return token(segment).to_vec() };
    let (main, sub) = segment.split_at(slash);
    [token(main), b"/", token(sub.get(1..).unwrap_or_default())].concat()
}

fn token(text: &[u8]) -> &[u8] {
    let text = text.trim_ascii();
    text.split(|b| !is_token(*b)).next().unwrap_or_default()
}

/// The place in `list` and the text of one parameter; `None` if it is not in it.
fn parameter(segment: &[u8], list: &[String]) -> Option<(usize, Vec<u8>)> {
    let equals = segment.iter().position(|b| *b == b'=')?;
    let (name, value) = segment.split_at(equals);
    let name = name.trim_ascii().to_ascii_lowercase();
    let base = name.split(|b| *b == b'*').next().unwrap_or_default();
    let place = list.iter().position(|known| known.as_bytes() == base)?;
    // RFC 2231: digits and stars behind the name, nothing else.
    let extended = name.ends_with(b"*");
    if !name.get(base.len()..)?.iter().all(|b| b.is_ascii_digit() || *b == b'*') {
        return None;
    }
    let known = list.get(place)?.as_str();
    let mut value = unquoted(value.get(1..).unwrap_or_default().trim_ascii());
    if CASELESS.contains(&known) {
        value.make_ascii_lowercase();
    }
    if FILES.contains(&known) {
        let first = name.len() == base.len() || extended && matches!(name.get(base.len()..), Some(b"*" | b"*0*"));
        value = if extended && first { without_language(&value) } else { value };
        value = without_path(&value, extended);
    }
    let token = value.iter().all(|b| is_token(*b)) && !value.is_empty();
    let bare = extended && token || token && !FILES.contains(&known) && known != "boundary";
    let text = if bare { value } else { quoted(&value) };
    Some((place, [&name[..], b"=", &text].concat()))
}

/// RFC 2231 4: `charset'language'text`; the language goes.
fn without_language(value: &[u8]) -> Vec<u8> {
    let mut pieces = value.splitn(3, |b| *b == b'\'');
    match (pieces.next(), pieces.next(), pieces.next()) {
        (Some(charset), Some(_), Some(text)) => [charset, b"''", text].concat(),
        _ => value.to_vec(),
    }
}

/// RFC 2183 2.3: a name has no folders in it; readers take the last part. Of a name in pieces (RFC 2231 3) each is cut by
/// itself: a path over two of them is not seen. An encoded word may have a `/` of its own.
fn without_path(value: &[u8], extended: bool) -> Vec<u8> {
    if value.starts_with(b"=?") {
        return value.to_vec();
    }
    let text_at = value.windows(2).position(|pair| pair == b"''").filter(|_| extended).map_or(0, |at| at + 2);
    let (charset, text) = value.split_at(text_at);
    let plain = text.iter().rposition(|b| matches!(b, b'/' | b'\\')).map_or(0, |at| at + 1);
    let coded = |code: &[u8]| extended && (code.eq_ignore_ascii_case(b"%2F") || code.eq_ignore_ascii_case(b"%5C"));
    let coded = text.windows(3).rposition(coded).map_or(0, |at| at + 3);
    [charset, text.get(plain.max(coded)..).unwrap_or_default()].concat()
}

/// Cut at each `;` outside of quotes and comments; comments are a blank, and folds are opened.
fn cut(value: &[u8]) -> Vec<Vec<u8>> {
    let mut segments = vec![Vec::new()];
    let (mut quoted, mut escaped, mut depth) = (false, false, 0u32);
    for &byte in value {
        if byte == b';' && !quoted && depth == 0 {
            if segments.len() > MOST {
                break;
            }
            segments.push(Vec::new());
            continue;
        }
        let Some(segment) = segments.last_mut() else { continue };
        let was_escaped = std::mem::take(&mut escaped);
        match byte {
            b'\r' | b'\n' => {}
            b'\\' if !was_escaped && (quoted || depth > 0) => escaped = true,
            b'"' if !was_escaped && depth == 0 => quoted = !quoted,
            b'(' if !was_escaped && !quoted => depth += 1,
            b')' if !was_escaped && depth > 0 => {
                depth -= 1;
                segment.push(b' ');
                continue;
            }
            _ => {}
        }
        if depth == 0 && !matches!(byte, b'\r' | b'\n') {
            segment.push(byte);
        }
    }
    segments
}

/// Without the quotes around it, if it has any; what is behind them goes.
fn unquoted(value: &[u8]) -> Vec<u8> {
    let Some(inner) = value.strip_prefix(b"\"") else { return value.to_vec() };
    let (mut plain, mut escaped) = (Vec::new(), false);
    for &byte in inner {
        match byte {
            _ if std::mem::take(&mut escaped) => plain.push(byte),
            b'\\' => escaped = true,
            b'"' => break,
            _ => plain.push(byte),
        }
    }
    plain
}

fn quoted(value: &[u8]) -> Vec<u8> {
    let escaped = value.iter().flat_map(|byte| {
        let escape = matches!(byte, b'"' | b'\\').then_some(b'\\');
        escape.into_iter().chain([*byte])
    });
    [b'"'].into_iter().chain(escaped).chain([b'"']).collect()
}

fn first_word(text: &[u8]) -> &[u8] {
    let text = text.trim_ascii();
    text.split(u8::is_ascii_whitespace).next().unwrap_or_default()
}

/// RFC 2045 5.1.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    fn reduced(value: &str) -> String {
        let known = list(&["charset", "format", "boundary", "protocol", "name", "filename"]);
        let once = parameters(12, value.as_bytes(), &known);
        assert_eq!(parameters(12, &once, &known), once, "{value}");
        String::from_utf8(once).unwrap()
    }

    #[test]
    fn words_that_are_known() {
        let known = list(&["1", "5", "high", "auto-replied", "OOF"]);
        let found = |value: &str| words(value.as_bytes(), &known).unwrap_or_default();
        assert_eq!(found(" 1 (Highest)\r\n"), "1");
        assert_eq!(found(" (\r\n x) 5 mine\r\n"), "5");
        assert_eq!(found(" High\r\n"), "high");
        assert_eq!(found(" auto-replied; owner-email=\"alice@asso.example\"\r\n"), "auto-replied");
        assert_eq!(found(" oof, AutoReply, OOF\r\n"), "OOF");
        assert_eq!(found(" 3 (Normal)\r\n"), "");
        assert_eq!(found(" (1\r\n"), "");
    }

    #[test]
    fn parameters_that_mean_something() {
        assert_eq!(
            reduced(" text/plain; charset=\"UTF-8\"; x-unix-mode=0644; x-mac-type=\"a;b\"\r\n"),
            "text/plain; charset=utf-8"
        );
        assert_eq!(
            reduced(" Text / Plain (a; b) ;\r\n\tformat=Flowed;\r\n\tcharset=utf-8 (x)\r\n"),
            "text/plain; charset=utf-8; format=flowed"
        );
        assert_eq!(reduced("multipart/mixed; boundary=abc"), "multipart/mixed; boundary=\"abc\"");
        assert_eq!(
            reduced("multipart/signed; protocol=\"application/pgp-signature\"; boundary=\"a b\\\"\"; x=\"\\\"; name=\\\"\""),
            "multipart/signed; boundary=\"a b\\\"\";\r\n protocol=\"application/pgp-signature\""
        );
        assert_eq!(
            reduced("text/plain; name*0*=utf-8'fr'caf%C3%A9; name*1=\"x y\"; name*x=z"),
            "text/plain; name*0*=utf-8''caf%C3%A9; name*1=\"x y\""
        );
        assert_eq!(reduced("inline; filename=\"/home/alice/a.txt\"; creation-date=\"x +0100\""), "inline; filename=\"a.txt\"");
        assert_eq!(reduced("inline; filename=C:\\\\Users\\\\alice\\\\a b.txt"), "inline; filename=\"a b.txt\"");
        assert_eq!(reduced("inline; filename=\"=?utf-8?B?w6/x?=\""), "inline; filename=\"=?utf-8?B?w6/x?=\"");
        assert_eq!(reduced("inline; filename*=utf-8'fr'%2Fhome%2Falice%2Fa%C3%A9"), "inline; filename*=utf-8''a%C3%A9");
        assert_eq!(reduced("text/plain; charset=\"utf-8"), "text/plain; charset=utf-8");
        assert_eq!(reduced("text/plain; (charset=x"), "text/plain");
        assert_eq!(reduced(""), "");
        let many = parameters(12, ["text/plain", &"; format=x".repeat(1000)].concat().as_bytes(), &list(&["format"]));
        assert_eq!(many.iter().filter(|b| **b == b';').count(), MOST);
    }
}
