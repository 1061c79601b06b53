//! Message-ID: a keyed hash of the old one, which can be told again as ours (RFC 5322 3.6.4).
//!
//! ```text
//! <r.t@association>    r = HMAC(key, "id " old) , 16 octets, in hex        t = HMAC(key, "check " r), 6 octets, in hex
//! ```
//! The same old identifier gives the same new one at submission and in Sent, today and in a year, without a table that
//! would tell who wrote what. `t` proves that an identifier is already ours: it is left alone, so that scrubbing twice
//! equals scrubbing once, and so that a draft's or a resent message's identifier holds.
//!
//! Absent on purpose: any way back, and the time; two messages tell nothing about which was first.

use aws_lc_rs::hmac;
use zeroize::Zeroizing;

const HASH: usize = 16;
const CHECK: usize = 6;

/// The secret of the rewriting: 32 octets, wiped when dropped, printed never. A new key breaks threads, so it is kept.
pub struct MessageIdKey(Zeroizing<[u8; 32]>);

impl MessageIdKey {
    /// Takes 32 random octets over.
    pub fn new(bytes: [u8; 32]) -> MessageIdKey {
        MessageIdKey(Zeroizing::new(bytes))
    }
}

/// Makes and recognises identifiers.
pub(super) struct Mint {
    key: hmac::Key,
}

impl Mint {
    pub(super) fn new(key: &MessageIdKey) -> Mint {
        Mint { key: hmac::Key::new(hmac::HMAC_SHA256, &key.0[..]) }
    }

    /// The identifier that stands for `old` (without angle brackets): `old` itself if it is ours and of this domain.
    pub(super) fn rewrite(&self, old: &[u8], domain: &str) -> String {
        match self.ours(old, domain) {
            Some(ours) => ours.to_owned(),
            None => self.identifier(&self.hash::<HASH>(b"id ", old), domain),
        }
    }

    /// An identifier for a message that has none.
    pub(super) fn fresh(&self, random: &[u8; 16], domain: &str) -> String {
        self.identifier(&hex(random), domain)
    }

    fn identifier(&self, hash: &str, domain: &str) -> String {
        let check = self.hash::<CHECK>(b"check ", hash.as_bytes());
        format!("{hash}.{check}@{domain}")
    }

    fn ours<'a>(&self, old: &'a [u8], domain: &str) -> Option<&'a str> {
        let old = std::str::from_utf8(old).ok()?;
        let (hash, rest) = old.split_at_checked(2 * HASH)?;
        let (check, right) = rest.strip_prefix('.')?.split_at_checked(2 * CHECK)?;
        let fits = right.strip_prefix('@')? == domain && check == self.hash::<CHECK>(b"check ", hash.as_bytes());
        fits.then_some(old)
    }

    fn hash<const LENGTH: usize>(&self, purpose: &[u8], data: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(purpose);
        context.update(data);
        let tag = context.sign();
        hex(tag.as_ref().get(..LENGTH).unwrap_or_default())
    }
}

/// The identifier inside the value of a field: between the angle brackets, else all of it; white space and folds go.
/// `None` if nothing is left.
pub(super) fn identifier(value: &[u8]) -> Option<Vec<u8>> {
    let opened = value.iter().position(|b| *b == b'<').map(|at| at + 1);
    let inner = value.get(opened.unwrap_or(0)..).unwrap_or_default();
    let closed = inner.iter().position(|b| *b == b'>').filter(|_| opened.is_some());
    let inner = inner.get(..closed.unwrap_or(inner.len())).unwrap_or_default();
    let id: Vec<u8> = inner.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect();
    (!id.is_empty()).then_some(id)
}

fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_is_left_alone_and_the_rest_is_hashed() {
        let mint = Mint::new(&MessageIdKey::new([7; 32]));
        let other = Mint::new(&MessageIdKey::new([8; 32]));
        let new = mint.rewrite(b"2026.1234@laptop.local", "asso.example");
        assert!(new.len() == 32 + 1 + 12 + 1 + 12 && new.ends_with("@asso.example"));
        assert_eq!(mint.rewrite(b"2026.1234@laptop.local", "asso.example"), new);
        assert_eq!(mint.rewrite(new.as_bytes(), "asso.example"), new);
        assert_ne!(mint.rewrite(new.as_bytes(), "other.example"), new.replace("asso", "other"));
        assert_ne!(other.rewrite(new.as_bytes(), "asso.example"), new);
        assert_ne!(mint.rewrite(new.replace('.', "-").as_bytes(), "asso.example"), new);
        let fresh = mint.fresh(&[3; 16], "asso.example");
        assert_eq!(mint.rewrite(fresh.as_bytes(), "asso.example"), fresh);
    }

    #[test]
    fn the_identifier_is_found_in_the_value() {
        let found = |value: &str| identifier(value.as_bytes()).map(|id| String::from_utf8(id).unwrap()).unwrap_or_default();
        assert_eq!(found(" <a@b>\r\n"), "a@b");
        assert_eq!(found("\r\n <a@\r\n b> (<c@d>)\r\n"), "a@b");
        assert_eq!(found(" a@b \r\n"), "a@b");
        assert_eq!(found(" <a@b\r\n"), "a@b");
        assert_eq!(found(" <>\r\n"), "");
        assert_eq!(found("\r\n"), "");
    }
}
