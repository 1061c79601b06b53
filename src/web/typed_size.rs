//! A share of an association's space, as its contact types it: `2`, `2,5`, `500 Mo`, `2 GB`. Never more than the association has.

use crate::quota::Limit;

/// The least share, in octets: less can only be a mistake, and would refuse all mail.
pub const LEAST: u64 = 1 << 20;

/// Why it is no share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypedSizeError {
    /// It is no size.
    NotASize,
    /// It is below [`LEAST`].
    TooSmall,
    /// It is more than the association has.
    Above,
}

/// Reads what was typed. Without a unit it is in gigabytes.
///
/// # Errors
/// [`TypedSizeError`]; `most` is the association's limit.
pub fn read_size(typed: &str, most: Limit) -> Result<u64, TypedSizeError> {
    let typed: String =
        typed.chars().filter(|letter| !letter.is_whitespace()).collect::<String>().to_lowercase().replace(',', ".");
    let end = typed.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(typed.len());
    let (number, unit) = typed.split_at(end);
    let unit: u64 = match unit {
        "" | "g" | "go" | "gb" | "gio" | "gib" => 1 << 30,
        "m" | "mo" | "mb" | "mio" | "mib" => 1 << 20,
        "t" | "to" | "tb" | "tio" | "tib" => 1 << 40,
        // As the field has it where nothing larger is exact.
        "o" | "b" if !number.contains('.') => {
            return within(number.parse().map_err(|_| TypedSizeError::NotASize)?, most);
        }
        _ => return Err(TypedSizeError::NotASize),
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    // Whole thousandths of the unit: nobody shares out less, and no fraction is rounded twice.
    if whole.is_empty() || whole.len() > 7 || part.len() > 3 || part.contains('.') {
        return Err(TypedSizeError::NotASize);
    }
    let thousandths: u64 = format!("{whole}{part:0<3}").parse().map_err(|_| TypedSizeError::NotASize)?;
    let octets = u128::from(thousandths) * u128::from(unit) / 1000;
    within(u64::try_from(octets).map_err(|_| TypedSizeError::Above)?, most)
}

fn within(octets: u64, most: Limit) -> Result<u64, TypedSizeError> {
    if octets < LEAST {
        Err(TypedSizeError::TooSmall)
    } else if !most.allows(octets.into()) {
        Err(TypedSizeError::Above)
    } else {
        Ok(octets)
    }
}

/// A share as it would be typed: for the field, with what holds now. It reads back to the octet, so that a field that nobody touched changes
/// nothing.
pub fn typed(octets: u64, comma: bool) -> String {
    let units = if octets < 1 << 30 { &[("M", 20)][..] } else { &[("G", 30), ("M", 20)] };
    let exact = units.iter().find_map(|(unit, bits)| Some((thousandths(octets, *bits)?, *unit)));
    let (number, unit) = exact.unwrap_or_else(|| (octets.to_string(), ""));
    let (number, of) = if comma { (number.replace('.', ","), "o") } else { (number, "B") };
    format!("{number} {unit}{of}")
}

/// The number of units of `2^bits` octets, in thousandths; none where those do not say it exactly.
fn thousandths(octets: u64, bits: u32) -> Option<String> {
    let thousandths = (u128::from(octets) * 1000).div_ceil(1 << bits);
    (thousandths * (1 << bits) / 1000 == u128::from(octets)).then(|| {
        let text = format!("{}.{:03}", thousandths / 1000, thousandths % 1000);
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEN: Limit = Limit::At(10 << 30);

    #[test]
    fn people_write_sizes_in_many_ways() {
        for (text, octets) in [
            ("2", 2 << 30),
            ("2 Go", 2 << 30),
            ("2,5 go", 5 << 29),
            ("2.5GB", 5 << 29),
            ("500 Mo", 500 << 20),
            ("500\u{202f}Mo", 500 << 20),
            ("10G", 10 << 30),
            ("0,5", 1 << 29),
        ] {
            assert_eq!(read_size(text, TEN), Ok(octets), "{text}");
        }
        for text in ["", "Go", "-1", "1e3", "1.2.3", "2 x", "1,2345", "99999999999999999999", "١", "<script>", "2 Go; 3"] {
            assert_eq!(read_size(text, TEN), Err(TypedSizeError::NotASize), "{text}");
        }
    }

    #[test]
    fn never_more_than_the_association_has() {
        assert_eq!(read_size("10,001", TEN), Err(TypedSizeError::Above));
        assert_eq!(read_size("9999999 To", TEN), Err(TypedSizeError::Above));
        assert_eq!(read_size("11", Limit::None), Ok(11 << 30));
        assert_eq!(
            (read_size("0", TEN), read_size("0,9 Mo", TEN)),
            (Err(TypedSizeError::TooSmall), Err(TypedSizeError::TooSmall))
        );
    }

    #[test]
    fn what_stands_in_the_field_reads_back() {
        for octets in
            [1 << 30, 5 << 29, 500 << 20, 10 << 30, 7_873_748_992, 7 << 30 | 1, LEAST, LEAST + 1, 1_234_567_890, 10_000_000_000]
        {
            assert_eq!(read_size(&typed(octets, true), TEN), Ok(octets));
            assert_eq!(read_size(&typed(octets, false), TEN), Ok(octets));
        }
        assert_eq!(typed(5 << 29, true), "2,5 Go");
    }
}
