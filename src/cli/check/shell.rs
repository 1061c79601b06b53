//! Words of the commands that a check prints to be run: whatever a path is called, a shell reads one word, and that path.

use std::ffi::OsStr;

/// As a shell reads it.
pub(super) fn word(text: impl AsRef<OsStr>) -> String {
    let bytes = text.as_ref().as_encoded_bytes();
    // A program would take it for an option.
    let before = if bytes.starts_with(b"-") { "./" } else { "" };
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_./:@%+=,-".contains(byte);
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.is_empty() && bytes.iter().all(is_plain) => format!("{before}{text}"),
        Ok(text) if !text.contains(char::is_control) => format!("'{before}{}'", text.replace('\'', r"'\''")),
        // What cannot be shown as it is: bash's way to write octets.
        _ => format!("$'{before}{}'", bytes.iter().map(octet).collect::<String>()),
    }
}

fn octet(byte: &u8) -> String {
    match byte {
        b' '..=b'~' if !b"'\\".contains(byte) => char::from(*byte).to_string(),
        _ => format!("\\{byte:03o}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::os::unix::ffi::OsStrExt;
    use std::process::Command;

    #[test]
    fn what_needs_no_quotes_has_none() {
        assert_eq!(
            word("/etc/ssl/private/mail.nolog.example_1+2=3,@%:-.pem"),
            "/etc/ssl/private/mail.nolog.example_1+2=3,@%:-.pem"
        );
        assert_eq!(word("/srv/a b"), "'/srv/a b'");
        assert_eq!(word("/srv/l'association"), r"'/srv/l'\''association'");
        assert_eq!(word("/srv/clé"), "'/srv/clé'");
    }

    #[test]
    fn a_shell_reads_each_as_one_word() {
        let names: [&[u8]; 14] = [
            b"/a b",
            b"/a;id",
            b"/a'b",
            b"/a`id`",
            b"/a$(id)",
            b"/a\"b",
            b"/a&b|c>d",
            b"~",
            b"/a*[x]?{b,c}",
            b"/a\\b",
            b"/a\nb",
            b"/\xff'\\\x1b[2J",
            b"",
            b"#!a",
        ];
        for name in names {
            let line = format!("printf %s {}", word(OsStr::from_bytes(name)));
            let read = Command::new("bash").args(["-c", &line]).output().unwrap().stdout;
            assert_eq!(read, name, "{line}");
            assert!(!line.contains(char::is_control), "{line:?}");
        }
        assert_eq!(word("-R"), "./-R");
    }
}
