//! The forms in which a value can stand in a file: plain, base64 at any alignment, quoted-printable, percent, hexadecimal, UTF-16.
//!
//! Absent on purpose: compression and encryption, which cannot be searched; such files are named in the report instead.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use memchr::memmem::Finder;

use super::planted::Planted;

/// One value in one form.
pub(super) struct Needle {
    /// Which planted value, by its position.
    pub planted: usize,
    /// The form's name in reports.
    pub form: &'static str,
    /// In any case of letters: the haystack is to be in small letters.
    pub any_case: bool,
    /// Finds it.
    pub finder: Finder<'static>,
    /// Octets.
    pub length: usize,
}

/// All values in all forms.
pub(super) fn needles(planted: &[Planted]) -> Vec<Needle> {
    let mut all = Vec::new();
    for (position, value) in planted.iter().enumerate() {
        let text = value.value.as_bytes();
        let lower = text.to_ascii_lowercase();
        // Passwords with a capital letter are found in small letters too.
        let mut add = |form, any_case, bytes: Vec<u8>| {
            let needle =
                Needle { planted: position, form, any_case, length: bytes.len(), finder: Finder::new(&bytes).into_owned() };
            all.push(needle);
        };
        add("plain", true, lower.clone());
        add("utf-16", true, lower.iter().flat_map(|byte| [*byte, 0]).collect());
        add("utf-16", true, lower.iter().flat_map(|byte| [0, *byte]).collect());
        add("hexadecimal", true, each(&lower, |byte| format!("{byte:02x}")));
        add("quoted-printable", true, each(&lower, |byte| format!("={byte:02x}")));
        let special = |start: &'static str| {
            move |byte: u8| {
                if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_') {
                    char::from(byte).to_string()
                } else {
                    format!("{start}{byte:02x}")
                }
            }
        };
        for (form, start) in [("percent", "%"), ("quoted-printable", "=")] {
            let partly = each(&lower, special(start));
            if partly != lower {
                add(form, true, partly);
            }
        }
        for bytes in [text, lower.as_slice()] {
            for shift in 0..3 {
                add("base64", false, base64(bytes, shift));
            }
            if text == lower.as_slice() {
                break;
            }
        }
    }
    all.retain(|needle| needle.length >= 6);
    all
}

fn each(bytes: &[u8], form: impl Fn(u8) -> String) -> Vec<u8> {
    bytes.iter().map(|byte| form(*byte)).collect::<String>().to_ascii_lowercase().into_bytes()
}

/// The letters that `bytes` become, `shift` octets after a beginning, without those that neighbours have a part in.
fn base64(bytes: &[u8], shift: usize) -> Vec<u8> {
    let mut shifted = vec![0; shift];
    shifted.extend_from_slice(bytes);
    let letters = STANDARD_NO_PAD.encode(&shifted).into_bytes();
    let (first, end) = ((shift * 8).div_ceil(6), shifted.len() * 8 / 6);
    letters.get(first..end).unwrap_or_default().to_vec()
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::super::planted::Rightful;
    use super::*;

    #[test]
    fn base64_is_found_at_every_place_of_a_text() {
        for before in 0..9 {
            for after in 0..4 {
                let text = format!("{}alice@velo.example{}", "x".repeat(before), "y".repeat(after));
                let encoded = STANDARD_NO_PAD.encode(text);
                let found = (0..3).any(|shift| {
                    let needle = base64(b"alice@velo.example", shift);
                    Finder::new(&needle).find(encoded.as_bytes()).is_some()
                });
                assert!(found, "{before} {after}");
            }
        }
    }

    #[test]
    fn forms() {
        let planted = Planted { name: "login", value: Zeroizing::new("Al@velo.example".to_owned()), place: Rightful::Nowhere };
        let needles = needles(&[planted]);
        let finds = |text: &[u8]| {
            let lower = text.to_ascii_lowercase();
            needles
                .iter()
                .find(|needle| needle.finder.find(if needle.any_case { &lower } else { text }).is_some())
                .map(|needle| needle.form)
        };
        assert_eq!(finds(b"user=<al@VELO.example>"), Some("plain"));
        assert_eq!(finds(b"?_user=al%40velo.example"), Some("percent"));
        assert_eq!(finds(b"al=40velo.example"), Some("quoted-printable"));
        assert_eq!(finds(b"616C4076656C6F2E6578616D706C65"), Some("hexadecimal"));
        assert_eq!(finds(b"a\0l\0@\0v\0e\0l\0o\0.\0e\0x\0a\0m\0p\0l\0e\0"), Some("utf-16"));
        assert_eq!(finds(STANDARD_NO_PAD.encode("\0Al@velo.example\0x").as_bytes()), Some("base64"));
        assert_eq!(finds(b"bob@velo.example"), None);
    }
}
