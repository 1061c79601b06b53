//! Sizes as people write and read them: `10G`, `500M`; powers of 1024, always.

use std::fmt;

/// Why a text is no size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SizeError {
    /// Nothing there.
    Empty,
    /// A size cannot be below zero.
    Negative,
    /// The number is missing, or not a whole one.
    NotANumber,
    /// Above 2^64 - 1 octets.
    TooLarge,
    /// The letter behind the number is none of K, M, G, T.
    UnknownUnit,
}

impl fmt::Display for SizeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl std::error::Error for SizeError {}

impl SizeError {
    /// A sentence for the admin.
    pub fn text(self) -> &'static str {
        match self {
            SizeError::Empty => "A size is missing. Write it like 10G or 500M.",
            SizeError::Negative => "A size cannot be negative. Write it like 10G or 500M.",
            SizeError::NotANumber => "A size is a whole number with a unit, like 10G or 500M.",
            SizeError::TooLarge => "This size is larger than can be counted.",
            SizeError::UnknownUnit => "The units of a size are K, M, G and T, like in 10G or 500M.",
        }
    }
}

const UNITS: [(char, u32); 4] = [('K', 10), ('M', 20), ('G', 30), ('T', 40)];

/// Reads a size into octets: digits and at most one unit, in any case of letters, a space between them allowed.
pub fn parse(text: &str) -> Result<u64, SizeError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(SizeError::Empty);
    }
    if text.starts_with('-') {
        return Err(SizeError::Negative);
    }
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    if digits.is_empty() || unit.starts_with(['.', ',']) {
        return Err(SizeError::NotANumber);
    }
    let number: u64 = digits.parse().map_err(|_| SizeError::TooLarge)?;
    let factor = match unit.trim_start().to_ascii_uppercase().as_str() {
        "" => 1,
        unit => {
            let found = UNITS.iter().find(|(letter, _)| unit == letter.encode_utf8(&mut [0; 4]));
            1u64 << found.ok_or(SizeError::UnknownUnit)?.1
        }
    };
    number.checked_mul(factor).ok_or(SizeError::TooLarge)
}

/// Octets for people: `512`, `7.4 G`, `10 G`; rounded to a tenth, and to the unit from 100 on.
pub fn print(octets: u64) -> String {
    let mut shown = octets.to_string();
    for (letter, shift) in UNITS {
        let tenths = (u128::from(octets) * 10 + (1 << (shift - 1))) >> shift;
        if tenths < 10 || octets < 1 << shift {
            break;
        }
        shown = match (tenths / 10, tenths % 10) {
            (whole, 0) => format!("{whole} {letter}"),
            (whole, tenth) if whole < 100 => format!("{whole}.{tenth} {letter}"),
            _ => format!("{} {letter}", (tenths + 5) / 10),
        };
    }
    shown
}

/// `7.4 G of 10 G, 74 %`. The percentage is rounded down: 100 % is said only when it is full.
pub fn print_of(used: u64, limit: u64) -> String {
    format!("{} of {}, {} %", print(used), print(limit), percent(used.into(), limit.into()))
}

/// How full, in percent, rounded down; 100 when nothing is allowed at all.
pub(super) fn percent(used: u128, limit: u128) -> u128 {
    used.saturating_mul(100).checked_div(limit).unwrap_or(100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write() {
        for (text, octets) in [("10G", 10 << 30), ("500M", 500 << 20), (" 3 k ", 3072), ("0", 0), ("7", 7), ("2t", 2 << 40)] {
            assert_eq!(parse(text), Ok(octets));
        }
        for (text, error) in [
            ("", SizeError::Empty),
            ("-1", SizeError::Negative),
            ("10X", SizeError::UnknownUnit),
            ("10GB", SizeError::UnknownUnit),
            ("G", SizeError::NotANumber),
            ("1.5G", SizeError::NotANumber),
            ("99999999999999999999", SizeError::TooLarge),
            ("16777216T", SizeError::TooLarge),
            ("1\u{0}", SizeError::UnknownUnit),
        ] {
            assert_eq!(parse(text), Err(error), "{text}");
        }
        assert_eq!(parse("18446744073709551615"), Ok(u64::MAX));
    }

    #[test]
    fn what_people_read() {
        assert_eq!(print_of(7_945_689_498, 10 << 30), "7.4 G of 10 G, 74 %");
        assert_eq!(print_of((10 << 30) - 1, 10 << 30), "10 G of 10 G, 99 %");
        assert_eq!(print_of(1, 0), "1 of 0, 100 %");
        for (octets, text) in [
            (0, "0"),
            (1023, "1023"),
            (1024, "1 K"),
            (1536, "1.5 K"),
            (512 << 20, "512 M"),
            ((1 << 30) - 1, "1024 M"),
            (u64::MAX, "16777216 T"),
        ] {
            assert_eq!(print(octets), text);
        }
    }
}
