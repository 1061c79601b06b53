//! Keyed hashes that stand for a client address or an account in the rate limits.
//!
//! The key is made at start, lives in memory only, and rotates: what was counted under an old key can never be tied to
//! an address again, not even by us (DESIGN section 5, rule 5).

use aws_lc_rs::{hmac, rand};

use super::Peer;

/// 16 bytes of HMAC-SHA256: long enough that two peers never share one by chance.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pseudonym([u8; 16]);

impl Pseudonym {
    /// The bytes, as a key of the rate limits.
    pub fn reveal(self) -> [u8; 16] {
        self.0
    }
}

/// Holds the key of the hour.
pub struct Pseudonymiser {
    key: hmac::Key,
}

impl Pseudonymiser {
    /// A fresh random key. `None` when the kernel gives no randomness, which must stop the start.
    pub fn new() -> Option<Pseudonymiser> {
        let mut key = zeroize::Zeroizing::new([0u8; 32]);
        rand::fill(&mut key[..]).ok()?;
        Some(Pseudonymiser { key: hmac::Key::new(hmac::HMAC_SHA256, &key[..]) })
    }

    /// Stands for a client's network: IPv4 /32, IPv6 /64.
    pub fn peer(&self, peer: &Peer) -> Pseudonym {
        self.hash(&peer.prefix())
    }

    /// Stands for an account, whether or not it exists. Case does not matter.
    pub fn account(&self, user: &str) -> Pseudonym {
        let user = user.to_lowercase();
        self.hash(&[b"@", user.as_bytes()].concat())
    }

    fn hash(&self, data: &[u8]) -> Pseudonym {
        let tag = hmac::sign(&self.key, data);
        let mut short = [0; 16];
        short.copy_from_slice(&tag.as_ref()[..16]);
        Pseudonym(short)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(text: &str) -> Peer {
        Peer::new(format!("{text}:1").parse().unwrap())
    }

    #[test]
    fn one_network_has_one_pseudonym_and_a_new_key_gives_another() {
        let (one, two) = (Pseudonymiser::new().unwrap(), Pseudonymiser::new().unwrap());
        assert!(one.peer(&peer("[2001:db8::1]")) == one.peer(&peer("[2001:db8::2]")));
        assert!(one.peer(&peer("[2001:db8::1]")) != one.peer(&peer("[2001:db8:0:1::1]")));
        assert!(one.peer(&peer("192.0.2.1")) != one.peer(&peer("192.0.2.2")));
        assert!(one.peer(&peer("192.0.2.1")) == one.peer(&peer("[::ffff:192.0.2.1]")));
        assert!(one.peer(&peer("192.0.2.1")) != two.peer(&peer("192.0.2.1")));
        assert!(one.account("Alice@asso.example") == one.account("alice@asso.example"));
    }
}
