//! How a line announces a literal at its end, `{123}`, `{123+}` or `~{123}` (RFC 9051 4.3, RFC 7888, RFC 3516): read, and written.
//!
//! Whether a line may end in one at all is the framer's to know.

use memchr::memrchr;

/// A literal that a line announces at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Literal {
    /// Octets to follow.
    pub size: u64,
    /// Whether the sender waits for a `+` first (no `+` or `-` before the brace).
    pub sync: bool,
    /// `~{n}`: literal8, may hold NUL (RFC 3516).
    pub binary: bool,
    /// Where in the line the announcement starts: at `~` or `{`.
    pub at: usize,
}

/// What the end of a line says of a literal.
pub(super) enum Announced {
    No,
    Yes(Literal),
    /// Of a size that is no number of 63 bits: whatever follows belongs to it.
    Endless(Literal),
    Broken,
}

/// `{123}`, `{123+}` at the end of a line, also behind `~`. `{123-}` of an old draft is broken: servers disagree about it.
pub(super) fn announcement(text: &[u8]) -> Announced {
    let Some(inner) = text.strip_suffix(b"}") else { return Announced::No };
    let Some(open) = memrchr(b'{', inner) else { return Announced::No };
    let (digits, sync) = match inner[open + 1..].split_last() {
        Some((b'+', digits)) => (digits, false),
        Some((b'-', digits)) if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) => return Announced::Broken,
        _ => (&inner[open + 1..], true),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Announced::No;
    }
    let size = digits.iter().try_fold(0u64, |size, digit| size.checked_mul(10)?.checked_add(u64::from(digit - b'0')));
    let binary = open > 0 && inner[open - 1] == b'~';
    let literal = |size| Literal { size, sync, binary, at: open - usize::from(binary) };
    match size.filter(|size| *size < 1 << 63) {
        Some(size) => Announced::Yes(literal(size)),
        None => Announced::Endless(literal(u64::MAX)),
    }
}

/// The end of a line that announces `size` octets in the form of `literal`, and waits.
pub(super) fn announce(literal: &Literal, size: u64) -> Vec<u8> {
    let tilde = if literal.binary { "~" } else { "" };
    format!("{tilde}{{{size}}}\r\n").into_bytes()
}
