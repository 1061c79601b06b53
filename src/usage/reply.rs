//! What Dovecot is told: three answers, none of which it takes for a failure.

/// `O`: transaction `id` is taken.
pub(super) fn taken(id: u64) -> Vec<u8> {
    format!("O{id}\n").into_bytes()
}

/// `N`: there is no such key.
pub(super) fn not_there() -> Vec<u8> {
    b"N\n".to_vec()
}

/// An empty line: there are no more keys.
pub(super) fn no_more() -> Vec<u8> {
    b"\n".to_vec()
}
