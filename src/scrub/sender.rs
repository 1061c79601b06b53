//! Whose message is it: every address in From, and in Sender, must be the member's own (RFC 5322 3.6.2, RFC 6409 6.1).
//!
//! A member who forges a sender looks for values that two programs read differently. So two readers must agree here: a strict
//! one of our own, which takes the grammar of RFC 5322 3.4 and nothing looser, and mail-parser, which reads as mail programs
//! do. An address that either of them finds must be the member's own.
//!
//! Absent on purpose: obsolete routes (`<@a,@b:c@d>`), blanks around the dots of an address, and single words without a
//! domain, which a relay would complete with its own.

use std::collections::BTreeSet;

use mail_parser::HeaderValue;
use mail_parser::parsers::MessageStream;

use crate::private::{Address, Domain};
use crate::wire::header::{Field, Part};

use super::refusal::Refusal;

/// Different addresses in From or Sender. Nobody has more of their own, and each is asked for in the book.
const MOST: usize = 100;

/// Different texts of addresses that are read at all: one with letters outside ASCII costs microseconds, and a block has room for
/// thousands.
const READ: usize = 1000;

/// Passes if the message has one From field and at most one Sender field, readable, and every address in them is `owns`ed.
pub(super) fn check(parts: &[Part<'_>], owns: &dyn Fn(&Address) -> bool) -> Result<(), Refusal> {
    let mut from = named(parts, "From");
    let mut sender = named(parts, "Sender");
    let (Some(author), None) = (from.next(), from.next()) else {
        let several = named(parts, "From").next().is_some();
        return Err(if several { Refusal::TooManyFields } else { Refusal::NoFrom });
    };
    if own_addresses(author, owns)? == 0 {
        return Err(Refusal::NoFrom);
    }
    let one = sender.next();
    if sender.next().is_some() {
        return Err(Refusal::TooManyFields);
    }
    one.map_or(Ok(0), |sender| own_addresses(sender, owns)).map(|_| ())
}

fn named<'a>(parts: &[Part<'a>], name: &str) -> impl Iterator<Item = Field<'a>> {
    parts.iter().filter_map(move |part| match part {
        Part::Field(field) if field.is(name) => Some(*field),
        _ => None,
    })
}

/// How many addresses the field has, all of them the member's.
fn own_addresses(field: Field<'_>, owns: &dyn Fn(&Address) -> bool) -> Result<usize, Refusal> {
    let mut addresses = strict(field.value()).ok_or(Refusal::UnclearSender)?;
    unique(&mut addresses);
    if addresses.len() > MOST {
        return Err(Refusal::TooManySenders);
    }
    if !addresses.iter().all(owns) {
        return Err(Refusal::NotYours);
    }
    let mut second = match MessageStream::new(field.value()).parse_address() {
        HeaderValue::Address(address) => {
            let texts: BTreeSet<_> = address.iter().filter_map(|addr| addr.address.as_deref()).collect();
            let parsed: Option<Vec<Address>> = texts.into_iter().take(READ + 1).map(Address::parse).collect();
            let parsed = parsed.filter(|parsed| parsed.len() <= READ);
            parsed.ok_or(Refusal::UnclearSender)?
        }
        _ => Vec::new(),
    };
    unique(&mut second);
    // No reader may show one that was not checked. That mail-parser finds fewer is none: of `contact@… <alice@…>` programs show
    // either, and both are the member's.
    let checked = second.iter().all(|one| addresses.binary_search(one).is_ok());
    let any = second.is_empty() == addresses.is_empty();
    if checked && any { Ok(addresses.len()) } else { Err(Refusal::UnclearSender) }
}

/// Whether `field` names addresses, and none but those in From and Reply-To.
pub(super) fn is_as_author(field: Field<'_>, parts: &[Part<'_>]) -> bool {
    let authors = named(parts, "From").take(1).chain(named(parts, "Reply-To").take(1));
    let authors: BTreeSet<Address> = authors.filter_map(|field| strict(field.value())).flatten().collect();
    strict(field.value()).is_some_and(|named| !named.is_empty() && named.iter().all(|one| authors.contains(one)))
}

/// Whether the one Resent-From is the member's own: else what is in the Resent fields is somebody else's.
pub(super) fn is_resent_by_owner(parts: &[Part<'_>], owns: &dyn Fn(&Address) -> bool) -> bool {
    let mut from = named(parts, "Resent-From");
    matches!((from.next(), from.next()), (Some(field), None) if own_addresses(field, owns).is_ok_and(|count| count > 0))
}

/// The domains in From, in lower case.
pub(super) fn domains(parts: &[Part<'_>]) -> BTreeSet<Domain> {
    let authors = named(parts, "From").take(1).filter_map(|field| strict(field.value()));
    authors.flatten().map(|address| address.domain().clone()).collect()
}

// Sorted, each once: a comparison of two long lists must not cost the product of their lengths.
fn unique(addresses: &mut Vec<Address>) {
    addresses.sort_unstable();
    addresses.dedup();
}

/// The addresses of a mailbox or group list. `None` if anything in it is not of the grammar.
fn strict(value: &[u8]) -> Option<Vec<Address>> {
    let tokens = tokens(value)?;
    let mut addresses = AddressList::default();
    let mut entry = 0;
    let mut in_group = false;
    let mut in_angle = false;
    for (at, token) in tokens.iter().enumerate() {
        let Token::Special(special) = token else { continue };
        match special {
            b'<' if !in_angle => in_angle = true,
            b'>' if in_angle => in_angle = false,
            b'<' | b'>' => return None,
            b'@' => {}
            _ if in_angle => return None,
            b':' if !in_group && at > entry && phrase(tokens.get(entry..at)?) => {
                in_group = true;
                entry = at + 1;
            }
            b',' => {
                mailbox(tokens.get(entry..at)?, &mut addresses)?;
                entry = at + 1;
            }
            b';' if in_group => {
                mailbox(tokens.get(entry..at)?, &mut addresses)?;
                in_group = false;
                entry = at + 1;
            }
            _ => return None,
        }
    }
    if in_group || in_angle {
        return None;
    }
    mailbox(tokens.get(entry..)?, &mut addresses)?;
    Some(addresses.addresses)
}

/// The addresses so far, each text of one read once.
#[derive(Default)]
struct AddressList {
    texts: BTreeSet<Vec<u8>>,
    addresses: Vec<Address>,
}

impl AddressList {
    /// `None`: it is no address, or there are too many.
    fn add(&mut self, tokens: &[Token<'_>]) -> Option<()> {
        let [Token::Word(local) | Token::Quoted(local), Token::Special(b'@'), Token::Word(domain)] = tokens else { return None };
        let text = [*local, b"@", *domain].concat();
        if !self.texts.contains(&text) {
            self.addresses.push(Address::parse(std::str::from_utf8(&text).ok()?)?);
            self.texts.insert(text);
        }
        (self.texts.len() <= READ).then_some(())
    }
}

/// One entry between commas; RFC 5322 4.4 lets it be empty.
fn mailbox(tokens: &[Token<'_>], addresses: &mut AddressList) -> Option<()> {
    let Some(open) = tokens.iter().position(|token| matches!(token, Token::Special(b'<'))) else {
        if !tokens.is_empty() {
            addresses.add(tokens)?;
        }
        return Some(());
    };
    // `bob@b.example <alice@a.example>` is not of the grammar, but some programs write their own address there, unquoted, and
    // some show it: it must be the member's too, and nothing but it may be there.
    let name = tokens.get(..open)?;
    if !phrase(name) {
        addresses.add(name)?;
    }
    let (last, inner) = tokens.get(open + 1..)?.split_last()?;
    addresses.add(inner)?;
    matches!(last, Token::Special(b'>')).then_some(())
}

fn phrase(tokens: &[Token<'_>]) -> bool {
    tokens.iter().all(|token| !matches!(token, Token::Special(_)))
}

#[derive(Clone, Copy)]
enum Token<'a> {
    /// Atoms and dots, encoded words too.
    Word(&'a [u8]),
    /// With its quotes.
    Quoted(&'a [u8]),
    /// One of `< > @ , : ;`.
    Special(u8),
}

/// Cuts a value into tokens; comments and white space go. `None` at anything that stands in none of them.
fn tokens(value: &[u8]) -> Option<Vec<Token<'_>>> {
    let mut tokens = Vec::new();
    let mut rest = value;
    while let Some(first) = rest.first() {
        let length = match first {
            b' ' | b'\t' | b'\r' | b'\n' => 1,
            b'(' => comment(rest)?,
            b'"' => quoted(rest)?,
            b'<' | b'>' | b'@' | b',' | b':' | b';' => 1,
            _ => rest.iter().take_while(|b| is_word(**b)).count(),
        };
        let (token, after) = rest.split_at_checked(length)?;
        match first {
            b' ' | b'\t' | b'\r' | b'\n' | b'(' => {}
            b'"' => tokens.push(Token::Quoted(token)),
            b'<' | b'>' | b'@' | b',' | b':' | b';' => tokens.push(Token::Special(*first)),
            _ if length == 0 => return None,
            _ => tokens.push(Token::Word(token)),
        }
        rest = after;
    }
    Some(tokens)
}

/// RFC 5322 3.2.3 atext, the dot, and octets above 127 (RFC 6532). Square brackets too, for names like `Alice [Asso]` that
/// programs forget to quote; what divides a list divides it inside of them as well, and no address may hold them.
fn is_word(byte: u8) -> bool {
    byte > 127 || byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.[]".contains(&byte)
}

fn quoted(rest: &[u8]) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in rest.iter().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

fn comment(rest: &[u8]) -> Option<usize> {
    let (mut depth, mut escaped) = (0u32, false);
    for (at, byte) in rest.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'(' => depth += 1,
            b')' if depth == 1 => return Some(at + 1),
            b')' => depth = depth.checked_sub(1)?,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::header::split;

    fn verdict(header: &str) -> Result<(), Refusal> {
        let parts: Vec<_> = split(header.as_bytes()).collect();
        check(&parts, &|address| ["alice@asso.example", "news@asso.example"].contains(&address.reveal().as_str()))
    }

    fn from(value: &str) -> Result<(), Refusal> {
        verdict(&format!("From: {value}\r\n\r\n"))
    }

    #[test]
    fn own_addresses_in_every_dress() {
        for value in [
            "alice@asso.example",
            "Alice <Alice@Asso.Example>",
            "\"Alice, of Asso\" <alice@asso.example>",
            "\"bob@bank.example\" <alice@asso.example>",
            "=?utf-8?Q?Al=C3=ADce?= <alice@asso.example>",
            "=?utf-8?B?QWzDrWNl?=\r\n =?utf-8?B?IEEu?=\r\n\t<alice@asso.example>",
            "Al\u{ed}ce O'Neil A. <alice@asso.example>",
            "alice@asso.example (Alice (in the office))",
            "alice@asso.example <alice@asso.example>",
            "news@asso.example <alice@asso.example>",
            "<alice@asso.example>, News <news@asso.example>",
            "\"Alice \\\"Al\\\" B.\" <alice@asso.example>",
            "\"\" <alice@asso.example>",
            "Alice (work) <alice@asso.example> (home)",
            "=?utf-8?Q?Al=2C_ice?= <alice@asso.example>",
            "\"=?utf-8?Q?Al=2C_ice?=\" <alice@asso.example>",
            "'Alice' <alice@asso.example>",
            "Alice [Asso] <alice@asso.example>",
            "Alice B. C.<alice@asso.example>",
            "Alice\t<alice@asso.example>  ",
            "\u{1F600} Alice <alice@asso.example>",
            "< alice@asso.example >",
            "alice@asso.example,",
            "The team: alice@asso.example, news@asso.example;",
        ] {
            assert_eq!(from(value), Ok(()), "{value}");
        }
        assert_eq!(verdict("From: alice@asso.example\r\nSender: <news@asso.example>\r\n\r\n"), Ok(()));
    }

    #[test]
    fn what_is_not_the_members_own() {
        for (value, refusal) in [
            ("bob@bank.example", Refusal::NotYours),
            ("alice@asso.example, bob@bank.example", Refusal::NotYours),
            ("bob@bank.example <alice@asso.example>", Refusal::NotYours),
            ("Alice <bob@bank.example>", Refusal::NotYours),
            ("\"alice@asso.example\" <bob@bank.example>", Refusal::NotYours),
            ("Team: alice@asso.example, bob@bank.example;", Refusal::NotYours),
            ("alice@asso.example (x\\) <bob@bank.example>", Refusal::UnclearSender),
            ("<alice@asso.example> <bob@bank.example>", Refusal::UnclearSender),
            ("<alice@asso.example> bob@bank.example", Refusal::UnclearSender),
            ("bob@bank.example, <alice@asso.example", Refusal::UnclearSender),
            ("<@bank.example:alice@asso.example>", Refusal::UnclearSender),
            ("postmaster, alice@asso.example", Refusal::UnclearSender),
            ("Doe, Alice <alice@asso.example>", Refusal::UnclearSender),
            ("alice@asso.example@bank.example", Refusal::UnclearSender),
            ("alice @ [192.0.2.1]", Refusal::UnclearSender),
            ("\"alice@asso.example", Refusal::UnclearSender),
            ("Team: alice@asso.example", Refusal::UnclearSender),
            ("bob@bank.example\\, <alice@asso.example>", Refusal::UnclearSender),
            ("[ <bob@bank.example>] <alice@asso.example>", Refusal::UnclearSender),
            ("[, bob@bank.example ,] <alice@asso.example>", Refusal::UnclearSender),
            ("\"\\\" <bob@bank.example>\\\", \" <alice@asso.example", Refusal::UnclearSender),
            ("=?utf-8?Q?=3Cbob@bank.example=3E?= <alice@asso.example>", Refusal::UnclearSender),
            ("a:b:alice@asso.example;", Refusal::UnclearSender),
            ("undisclosed:;", Refusal::NoFrom),
            ("", Refusal::NoFrom),
            (",,", Refusal::NoFrom),
        ] {
            assert_eq!(from(value), Err(refusal), "{value}");
        }
        assert_eq!(verdict("To: alice@asso.example\r\n\r\n"), Err(Refusal::NoFrom));
        let two = "From: alice@asso.example\r\nfrom : bob@bank.example\r\n\r\n";
        assert_eq!(verdict(two), Err(Refusal::TooManyFields));
        assert_eq!(verdict("From: alice@asso.example\r\nSender: bob@bank.example\r\n"), Err(Refusal::NotYours));
        let many = (0..=MOST).map(|n| format!("a{n}@asso.example,")).collect::<String>();
        assert_eq!(from(&many), Err(Refusal::TooManySenders));
        assert_eq!(from(&"alice@asso.example,".repeat(8000)), Ok(()));
        let senders = "From: alice@asso.example\r\nSender: alice@asso.example\r\nSender: alice@asso.example\r\n";
        assert_eq!(verdict(senders), Err(Refusal::TooManyFields));
    }

    /// By the RFC the encoded word is text inside of quotes; readers that decode it there lose count of the quotes.
    #[test]
    fn the_two_readers_must_agree() {
        let value = "\"=?utf-8?Q?x\" ?= \" <bob@bank.example>, \" <alice@asso.example>";
        let found = strict(value.as_bytes()).unwrap_or_default();
        assert!(found.len() == 1 && found[0].reveal() == "alice@asso.example");
        assert_eq!(from(value), Err(Refusal::UnclearSender));
    }
}
