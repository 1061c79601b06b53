//! Message-ID: a keyed hash of the old one, which can be told again as ours (RFC 5322 3.6.4).
//!
//! ```text
//! <r.t@association>    r = HMAC(key, "mailbox-id " length mailbox old) , 16 octets, in hex; `length` of the mailbox, 8 octets
//!                      t = HMAC(key, "check " r) , 6 octets, in hex
//! ```
//! The same old identifier of the same mailbox gives the same new one at submission and in Sent, today and in a year, without a
//! table that would tell who wrote what. The mailbox is in it so that nobody can try out guesses of another's machine name: the
//! same guess gives somebody else another hash. It is the mailbox that logged in, not the address in From.
//!
//! `t` proves that an identifier is already ours, also one from before the mailbox was in `r`: it is left alone, so that
//! scrubbing twice equals scrubbing once, and so that a draft's or a resent message's identifier holds. No mailbox is in `t`,
//! because replies name the identifiers of others here, and those must be told as ours too.
//!
//! Absent on purpose: any way back, and the time; two messages tell nothing about which was first.

use aws_lc_rs::hmac;
use zeroize::Zeroizing;

use crate::private::Address;

const HASH: usize = 16;
const CHECK: usize = 6;

/// What the key is used for. No purpose begins like another one, so that no input to one is an input to another.
#[derive(Clone, Copy)]
enum Purpose {
    Identifier,
    Check,
}

impl Purpose {
    fn label(self) -> &'static [u8] {
        match self {
            Purpose::Identifier => b"mailbox-id ",
            Purpose::Check => b"check ",
        }
    }
}

/// The secret of the rewriting: 32 octets, wiped when dropped, printed never. A new key breaks threads, so it is kept.
pub struct MessageIdKey(Zeroizing<[u8; 32]>);

impl MessageIdKey {
    /// Takes 32 random octets over.
    pub fn new(bytes: [u8; 32]) -> MessageIdKey {
        MessageIdKey(Zeroizing::new(bytes))
    }

    /// The key that nodes make numbers of associations' names with (docs/keys.md).
    pub fn for_shares(&self) -> Zeroizing<[u8; 32]> {
        self.derived(b"associations of the nodes")
    }

    /// The key that nodes seal the book's records with, for etcd (docs/keys.md).
    pub fn for_records(&self) -> Zeroizing<[u8; 32]> {
        self.derived(b"records of the nodes")
    }

    /// What stands for the key itself where nodes see whether they have the same one (docs/keys.md): there is no way back.
    pub fn mark(&self) -> String {
        self.derived(b"mark of the nodes").iter().take(16).map(|octet| format!("{octet:02x}")).collect()
    }

    /// The key that the two machines of a pair seal copies of the book with (docs/keys.md).
    pub fn for_copies(&self) -> Zeroizing<[u8; 32]> {
        self.derived(b"copies of the book")
    }

    fn derived(&self, purpose: &[u8]) -> Zeroizing<[u8; 32]> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.0[..]);
        let mut made = Zeroizing::new([0; 32]);
        made.copy_from_slice(hmac::sign(&key, purpose).as_ref());
        made
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

    /// The identifier that stands for `old` (without angle brackets) where `mailbox` writes: `old` itself if it is ours and of
    /// this domain.
    pub(super) fn rewrite(&self, mailbox: &Address, old: &[u8], domain: &str) -> String {
        if let Some(ours) = self.ours(old, domain) {
            return ours.to_owned();
        }
        let mailbox = mailbox.reveal();
        let length = (mailbox.len() as u64).to_be_bytes();
        self.identifier(&self.hash::<HASH>(Purpose::Identifier, &[&length, mailbox.as_bytes(), old]), domain)
    }

    /// An identifier for a message that has none.
    pub(super) fn fresh(&self, random: &[u8; 16], domain: &str) -> String {
        self.identifier(&hex(random), domain)
    }

    fn identifier(&self, hash: &str, domain: &str) -> String {
        let check = self.hash::<CHECK>(Purpose::Check, &[hash.as_bytes()]);
        format!("{hash}.{check}@{domain}")
    }

    fn ours<'a>(&self, old: &'a [u8], domain: &str) -> Option<&'a str> {
        let old = std::str::from_utf8(old).ok()?;
        let (hash, rest) = old.split_at_checked(2 * HASH)?;
        let (check, right) = rest.strip_prefix('.')?.split_at_checked(2 * CHECK)?;
        let fits = right.strip_prefix('@')? == domain && check == self.hash::<CHECK>(Purpose::Check, &[hash.as_bytes()]);
        fits.then_some(old)
    }

    fn hash<const LENGTH: usize>(&self, purpose: Purpose, data: &[&[u8]]) -> String {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(purpose.label());
        data.iter().for_each(|data| context.update(data));
        let tag = context.sign();
        hex(tag.as_ref().get(..LENGTH).unwrap_or_default())
    }
}

/// All identifiers between angle brackets that stand outside of quotes and comments; white space and folds inside of them go.
pub(super) fn identifiers(value: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let (mut depth, mut quoted, mut escaped) = (0u32, false, false);
    let mut rest = value;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' if depth == 0 => quoted = !quoted,
            b'(' if !quoted => depth += 1,
            b')' if !quoted => depth = depth.saturating_sub(1),
            b'<' if !quoted && depth == 0 => {
                let Some(end) = rest.iter().position(|b| *b == b'>') else { break };
                let (id, after) = rest.split_at(end);
                found.extend(Some(without_blanks(id)).filter(|id| !id.is_empty()));
                rest = after;
            }
            _ => {}
        }
    }
    found
}

fn without_blanks(id: &[u8]) -> Vec<u8> {
    id.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect()
}

/// The identifier inside the value of a field: between the angle brackets, else all of it; white space and folds go.
/// `None` if nothing is left.
pub(super) fn identifier(value: &[u8]) -> Option<Vec<u8>> {
    let opened = value.iter().position(|b| *b == b'<').map(|at| at + 1);
    let inner = value.get(opened.unwrap_or(0)..).unwrap_or_default();
    let closed = inner.iter().position(|b| *b == b'>').filter(|_| opened.is_some());
    let inner = inner.get(..closed.unwrap_or(inner.len())).unwrap_or_default();
    let id = without_blanks(inner);
    (!id.is_empty()).then_some(id)
}

fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alice() -> Address {
        Address::parse("alice@asso.example").unwrap()
    }

    #[test]
    fn ours_is_left_alone_and_the_rest_is_hashed() {
        let mint = Mint::new(&MessageIdKey::new([7; 32]));
        let other = Mint::new(&MessageIdKey::new([8; 32]));
        let new = mint.rewrite(&alice(), b"2026.1234@laptop.local", "asso.example");
        assert!(new.len() == 32 + 1 + 12 + 1 + 12 && new.ends_with("@asso.example"));
        assert_eq!(mint.rewrite(&alice(), b"2026.1234@laptop.local", "asso.example"), new);
        assert_eq!(mint.rewrite(&alice(), new.as_bytes(), "asso.example"), new);
        assert_ne!(mint.rewrite(&alice(), new.as_bytes(), "other.example"), new.replace("asso", "other"));
        assert_ne!(other.rewrite(&alice(), new.as_bytes(), "asso.example"), new);
        assert_ne!(mint.rewrite(&alice(), new.replace('.', "-").as_bytes(), "asso.example"), new);
        let fresh = mint.fresh(&[3; 16], "asso.example");
        assert_eq!(mint.rewrite(&alice(), fresh.as_bytes(), "asso.example"), fresh);
    }

    /// Nobody can try out guesses of another's machine name: the same guess gives another hash to every mailbox.
    #[test]
    fn each_mailbox_has_its_own_identifiers() {
        let mint = Mint::new(&MessageIdKey::new([7; 32]));
        let new = |mailbox: &str, old: &str| {
            let mailbox = Address::parse(mailbox).unwrap();
            mint.rewrite(&mailbox, old.as_bytes(), "asso.example")[..2 * HASH].to_owned()
        };
        let all = [
            new("alice@asso.example", "1@laptop.local"),
            new("bob@asso.example", "1@laptop.local"),
            new("alice@other.example", "1@laptop.local"),
            // No two pairs are the same octets.
            new("a@b.example", "xx"),
            new("a@b.examplex", "x"),
        ];
        for (at, one) in all.iter().enumerate() {
            assert!(!all[..at].contains(one), "{at}");
        }
        assert_eq!(new("Alice@Asso.example", "1@laptop.local"), all[0]);
    }

    /// As it was minted by version 0.1.0 with this key, from `2026.1234@laptop.local`.
    #[test]
    fn identifiers_from_before_stay_valid() {
        let mint = Mint::new(&MessageIdKey::new([7; 32]));
        let hash = mint.before(b"2026.1234@laptop.local");
        assert_eq!(mint.rewrite(&alice(), hash.as_bytes(), "asso.example"), hash);
    }

    impl Mint {
        fn before(&self, old: &[u8]) -> String {
            let tag = hmac::sign(&self.key, &[b"id ", old].concat());
            let hash = hex(&tag.as_ref()[..HASH]);
            let tag = hmac::sign(&self.key, &[b"check ", hash.as_bytes()].concat());
            format!("{hash}.{}@asso.example", hex(&tag.as_ref()[..CHECK]))
        }
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
