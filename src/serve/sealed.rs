//! A copy of the book as it lies at the witness: AES-256-GCM (NIST SP 800-38D) with a key that only the two machines have (docs/keys.md).
//!
//! `nologd-copy-2`, 12 octets of nonce, the sealed document, 16 octets of tag. The first part and the copy's number are authenticated with the
//! rest: under another number it opens no more than with another key.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use zeroize::Zeroizing;

const HEAD: &[u8] = b"nologd-copy-2";

/// What seals and opens copies.
pub struct CopyKey(RandomizedNonceKey);

impl CopyKey {
    /// None: the cryptography library does not work.
    pub fn new(key: &[u8; 32]) -> Option<CopyKey> {
        RandomizedNonceKey::new(&AES_256_GCM, key).ok().map(CopyKey)
    }

    pub(super) fn seal(&self, document: &str, number: u64) -> Option<Vec<u8>> {
        let mut text = document.as_bytes().to_vec();
        let nonce = self.0.seal_in_place_append_tag(about(number), &mut text).ok()?;
        let nonce: &[u8; NONCE_LEN] = nonce.as_ref();
        Some([HEAD, nonce, &text].concat())
    }

    /// None: it was sealed with another key, or as another copy, or damaged.
    pub(super) fn open(&self, sealed: &[u8], number: u64) -> Option<Zeroizing<String>> {
        let (nonce, text) = sealed.strip_prefix(HEAD)?.split_at_checked(NONCE_LEN)?;
        let (nonce, mut text) = (Nonce::try_assume_unique_for_key(nonce).ok()?, Zeroizing::new(text.to_vec()));
        let opened = self.0.open_in_place(nonce, about(number), &mut text).ok()?;
        Some(Zeroizing::new(std::str::from_utf8(opened).ok()?.to_owned()))
    }
}

fn about(number: u64) -> Aad<Vec<u8>> {
    Aad::from([HEAD, &number.to_be_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_key_opens_what_was_sealed_and_nothing_else() {
        let (ours, theirs) = (CopyKey::new(&[1; 32]).unwrap(), CopyKey::new(&[2; 32]).unwrap());
        let sealed = ours.seal("{\"a\":1}", 7).unwrap();
        assert!(ours.open(&sealed, 7).unwrap().as_str() == "{\"a\":1}" && theirs.open(&sealed, 7).is_none());
        assert!(ours.open(&sealed, 8).is_none(), "an old copy under a new number");
        assert!(ours.seal("{\"a\":1}", 7).unwrap() != sealed);
        assert!(!sealed.windows(3).any(|piece| piece == b"\"a\""));
        for at in 0..sealed.len() {
            let mut odd = sealed.clone();
            odd[at] ^= 1;
            assert!(ours.open(&odd, 7).is_none() && ours.open(&sealed[..at], 7).is_none(), "{at}");
        }
    }
}
