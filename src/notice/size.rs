//! A size in words, for people: in notices and on pages.

use crate::fault::Lang;
use crate::quota::print_size;

/// In mails, which are read with all kinds of fonts.
pub(super) const NO_BREAK: char = '\u{a0}';

/// A size as the language writes it. `space` keeps the parts of a French one in one line: pages have a narrow one for that.
pub fn size(octets: u64, lang: Lang, space: char) -> String {
    let shown = print_size(octets);
    match (shown.split_once(' '), lang) {
        (Some((number, unit)), Lang::En) => format!("{number}\u{a0}{unit}B"),
        (Some((number, unit)), Lang::Fr) => format!("{}{space}{unit}o", number.replace('.', ",")),
        (None, Lang::En) => format!("{shown}\u{a0}bytes"),
        (None, Lang::Fr) if octets < 2 => format!("{shown}{space}octet"),
        (None, Lang::Fr) => format!("{shown}{space}octets"),
    }
}
