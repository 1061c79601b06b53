//! Signs that turn the direction of writing (Unicode's UAX 9): in a line of ours they would put one thing behind another's name.

/// Whether this is one.
pub fn is_turning(sign: char) -> bool {
    matches!(sign, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
