//! Words and numbers as they are set on a page: French signs with the narrow space that belongs to them (U+202F), sizes, shares.

use crate::fault::Lang;
use crate::notice;

/// The narrow space that never breaks.
pub const NARROW: char = '\u{202f}';

/// A text of ours, set: round apostrophes, and in French narrow spaces where others stand wide.
pub fn set(text: &str, lang: Lang) -> String {
    let mut set = String::with_capacity(text.len() + 8);
    let mut letters = text.chars().peekable();
    let mut last = ' ';
    while let Some(letter) = letters.next() {
        let next = letters.peek().copied().unwrap_or(' ');
        let sign = matches!(next, ':' | ';' | '!' | '?' | '%' | '»') || last == '«';
        set.push(match letter {
            '\'' => '’',
            '\u{a0}' | ' ' if lang == Lang::Fr && sign => NARROW,
            other => other,
        });
        last = letter;
    }
    set
}

/// A size: `7,4 Go`, `7.4 GB`.
pub fn size(octets: u64, lang: Lang) -> String {
    notice::size(octets, lang, NARROW)
}

/// A share: `74 %`.
pub fn percent_of(percent: u64, lang: Lang) -> String {
    match lang {
        Lang::En => format!("{percent}%"),
        Lang::Fr => format!("{percent}{NARROW}%"),
    }
}

/// A number with its thousands apart.
pub fn number(number: u64, lang: Lang) -> String {
    let digits = number.to_string();
    let mut set = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            set.push(if lang == Lang::Fr { NARROW } else { ',' });
        }
        set.push(digit);
    }
    set
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn french_signs_have_a_narrow_space() {
        assert_eq!(set("L'envoi\u{a0}: « oui » ?", Lang::Fr), "L’envoi\u{202f}: «\u{202f}oui\u{202f}»\u{202f}?");
        assert_eq!(set("It's here: yes ?", Lang::En), "It’s here: yes ?");
        assert_eq!(size(7 << 29, Lang::Fr), "3,5\u{202f}Go");
        assert_eq!(size(7 << 29, Lang::En), "3.5\u{a0}GB");
        assert_eq!((number(1_234_567, Lang::Fr).as_str(), number(999, Lang::En).as_str()), ("1\u{202f}234\u{202f}567", "999"));
    }
}
