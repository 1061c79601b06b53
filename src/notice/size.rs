//! A size as a notice says it.

use crate::fault::Lang;
use crate::quota::print_size;

/// A size as the language writes it. The parts stay in one line.
pub(super) fn size(octets: u64, lang: Lang) -> String {
    let shown = print_size(octets);
    match (shown.split_once(' '), lang) {
        (Some((number, unit)), Lang::En) => format!("{number}\u{a0}{unit}B"),
        (Some((number, unit)), Lang::Fr) => format!("{}\u{a0}{unit}o", number.replace('.', ",")),
        (None, Lang::En) => format!("{shown}\u{a0}bytes"),
        (None, Lang::Fr) => format!("{shown}\u{a0}octets"),
    }
}
