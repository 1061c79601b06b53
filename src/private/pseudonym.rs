//! Keyed hashes that stand for a client address or an account in the rate limits.
//!
//! The keys are made at start and live in memory only; that of hints is replaced every hour. What was counted under an old one can
//! never be tied to an address again, not even by us (docs/keys.md).

use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::Ipv6Addr;

use arc_swap::ArcSwap;
use aws_lc_rs::{hmac, rand};

use super::{Peer, Secret};

/// 16 bytes of HMAC-SHA256: long enough that two peers never share one by chance.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pseudonym([u8; 16]);

impl Pseudonym {
    /// The bytes, as a key of the rate limits.
    pub fn reveal(self) -> [u8; 16] {
        self.0
    }
}

/// What a backend may be told in place of a client's address, so that it can slow one guesser down and nobody else.
///
/// 40 bits, made of a [`Pseudonym`] with a key that is replaced every hour: a backend that writes it down can tie together what
/// one network did within that hour, and no more.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Hint([u8; 5]);

impl Hint {
    /// As an address that no network routes (ULA, RFC 4193 3.1): the 40 bits are its Global ID, the rest is the same for all.
    /// Everything stands in the first 48 bits, because Dovecot counts wrong passwords of IPv6 addresses by /48.
    pub fn reveal(self) -> Ipv6Addr {
        let [a, b, c, d, e] = self.0;
        Ipv6Addr::from([0xfd, a, b, c, d, e, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])
    }
}

/// What stands for where a client is: its network (IPv4 /32, IPv6 /64), and of IPv6 the /56 and the /48 around it, for one customer
/// may have as many /64 as a city has people.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Networks {
    narrow: Pseudonym,
    wider: Option<[Pseudonym; 2]>,
}

impl Networks {
    /// The network itself.
    pub fn narrow(&self) -> Pseudonym {
        self.narrow
    }

    /// All of them, the small ones first.
    pub fn each(&self) -> impl Iterator<Item = Pseudonym> + use<> {
        [self.narrow].into_iter().chain(self.wider.into_iter().flatten())
    }
}

/// Holds the keys.
pub struct Pseudonymiser {
    key: hmac::Key,
    hints: ArcSwap<hmac::Key>,
    traces: RandomState,
}

impl Pseudonymiser {
    /// A fresh random key. `None` when the kernel gives no randomness, which must stop the start.
    pub fn new() -> Option<Pseudonymiser> {
        Some(Pseudonymiser { key: fresh()?, hints: ArcSwap::from_pointee(fresh()?), traces: RandomState::new() })
    }

    /// What stands for `of` towards a backend, until [`Pseudonymiser::turn_hints`].
    pub fn hint(&self, of: Pseudonym) -> Hint {
        let tag = hmac::sign(&self.hints.load(), &of.0);
        let mut short = [0; 5];
        short.copy_from_slice(&tag.as_ref()[..5]);
        Hint(short)
    }

    /// A new key for hints: those from before stand for nobody any more. Without randomness the old key stays.
    pub fn turn_hints(&self) {
        if let Some(key) = fresh() {
            self.hints.store(key.into());
        }
    }

    /// Stand for a client's network and those around it.
    pub fn networks(&self, peer: &Peer) -> Networks {
        let (narrow, wider) = peer.prefixes();
        Networks { narrow: self.hash(&narrow), wider: wider.map(|wider| wider.map(|prefix| self.hash(&prefix))) }
    }

    /// Stands for the circuit of an onion service that `peer` is the number of: no network is around it.
    pub fn circuit(&self, peer: &Peer) -> Networks {
        Networks { narrow: self.hash(&[b"c", &peer.whole()[..]].concat()), wider: None }
    }

    /// Stands for the onion listener, which all who come through it come from.
    pub fn onion(&self) -> Pseudonym {
        self.hash(b"o")
    }

    /// Stands for the host's own web server, which all readers behind it come from.
    pub fn web_server(&self) -> Pseudonym {
        self.hash(b"w")
    }

    /// Stands for an account at one network.
    pub fn pair(&self, network: Pseudonym, account: Pseudonym) -> Pseudonym {
        self.hash(&[b"&", &network.0[..], &account.0[..]].concat())
    }

    /// Enough of a hash of a secret to know it again when it is tried again for the same account, and far too little to find it by.
    ///
    /// Not by HMAC, whose state holds up to 64 octets of what it reads and is moved about on the stack, where nobody wipes it: of a
    /// password that was all of it. SipHash holds up to seven.
    pub fn trace(&self, account: Pseudonym, secret: &Secret) -> u16 {
        let mut hash = self.traces.build_hasher();
        hash.write(&account.0);
        hash.write(secret.reveal());
        (hash.finish() & 0xffff) as u16
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

fn fresh() -> Option<hmac::Key> {
    let mut key = zeroize::Zeroizing::new([0u8; 32]);
    rand::fill(&mut key[..]).ok()?;
    Some(hmac::Key::new(hmac::HMAC_SHA256, &key[..]))
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
        assert!(one.networks(&peer("[2001:db8::1]")) == one.networks(&peer("[2001:db8::2]")));
        let (near, far) = (one.networks(&peer("[2001:db8::1]")), one.networks(&peer("[2001:db8:0:1::1]")));
        assert!(near.narrow() != far.narrow() && near.each().skip(1).eq(far.each().skip(1)));
        assert!(near.each().count() == 3 && one.networks(&peer("192.0.2.1")).each().count() == 1);
        let alice = one.account("alice@asso.example");
        assert!((0..4u8).any(|byte| one.trace(alice, &Secret::new(b"a")) != one.trace(alice, &Secret::new(&[byte]))));
        assert!(one.networks(&peer("192.0.2.1")) != one.networks(&peer("192.0.2.2")));
        assert!(one.networks(&peer("192.0.2.1")) == one.networks(&peer("[::ffff:192.0.2.1]")));
        assert!(one.networks(&peer("192.0.2.1")) != two.networks(&peer("192.0.2.1")));
        assert!(one.account("Alice@asso.example") == one.account("alice@asso.example"));
    }

    #[test]
    fn a_hint_is_a_local_address_of_one_client_until_its_key_turns() {
        let keys = Pseudonymiser::new().unwrap();
        let (one, two) = (keys.networks(&peer("192.0.2.1")).narrow(), keys.networks(&peer("192.0.2.2")).narrow());
        let before = keys.hint(one);
        assert!(keys.hint(one) == before && keys.hint(two) != before);
        let octets = before.reveal().octets();
        assert_eq!((octets[0], &octets[6..]), (0xfd, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 1][..]));
        assert!(octets[1..6] != one.reveal()[..5], "the pseudonym itself is nobody's business");
        keys.turn_hints();
        assert!(keys.hint(one) != before && keys.networks(&peer("192.0.2.1")).narrow() == one);
    }
}
