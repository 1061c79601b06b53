//! Values as admins type them. Each error is a sentence that clap prints behind the value, with exit code 2.

use std::collections::BTreeSet;

use crate::fault::Lang;
use crate::private::{Address, Domain};
use crate::quota::{Day, Kind, Limit, Name, SenderRule, parse_size};

/// The limit of a mailbox: its own, or its association's default.
#[derive(Clone, Copy)]
pub enum Own {
    /// `default`.
    Default,
    /// A size, or `none`.
    Limit(Limit),
}

/// A domain that stands for another.
#[derive(Clone)]
pub struct Standby {
    pub(super) alias: Domain,
    pub(super) domain: Domain,
}

/// An address and the mailboxes that it leads to.
#[derive(Clone)]
pub struct Leads {
    pub(super) alias: Address,
    pub(super) targets: BTreeSet<Address>,
}

pub(super) fn name(text: &str) -> Result<Name, &'static str> {
    Name::parse(text).ok_or("A name has letters, digits, `-`, `_` and `.`, and at most 64 of them.")
}

pub(super) fn domain(text: &str) -> Result<Domain, &'static str> {
    Domain::parse(text).ok_or("This is no domain. Write it like velo.example.")
}

pub(super) fn address(text: &str) -> Result<Address, &'static str> {
    Address::parse(text).ok_or("This is no mail address. Write it like alice@velo.example.")
}

pub(super) fn day(text: &str) -> Result<Day, &'static str> {
    Day::parse(text).ok_or("This is no day. Write it like 2027-03-01.")
}

pub(super) fn size(text: &str) -> Result<u64, &'static str> {
    parse_size(text).map_err(|error| error.text())
}

pub(super) fn size_limit(text: &str) -> Result<Limit, &'static str> {
    if text == "none" { Ok(Limit::None) } else { size(text).map(Limit::At) }
}

pub(super) fn own(text: &str) -> Result<Own, &'static str> {
    if text == "default" { Ok(Own::Default) } else { size_limit(text).map(Own::Limit) }
}

pub(super) fn kind(text: &str) -> Result<Kind, &'static str> {
    [Kind::Person, Kind::Machine].into_iter().find(|kind| kind.word() == text).ok_or("The kinds are person and machine.")
}

pub(super) fn count(text: &str) -> Result<Limit, &'static str> {
    if text == "none" {
        return Ok(Limit::None);
    }
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(number) if digits => Ok(Limit::At(number)),
        _ if digits => Err("This number is larger than can be counted."),
        _ => Err("This is no whole number. Write it like 20, or `none` for no limit."),
    }
}

pub(super) fn lang(text: &str) -> Result<Lang, &'static str> {
    match text {
        "en" => Ok(Lang::En),
        "fr" => Ok(Lang::Fr),
        _ => Err("The languages are en and fr."),
    }
}

pub(super) fn senders(text: &str) -> Result<SenderRule, &'static str> {
    match text {
        "domain" => Ok(SenderRule::Domain),
        "mailbox" => Ok(SenderRule::Mailbox),
        _ => Err("The rules are mailbox and domain."),
    }
}

pub(super) fn standby(text: &str) -> Result<Standby, &'static str> {
    let (alias, target) = text.split_once('=').ok_or("Write it like alias.example=velo.example.")?;
    Ok(Standby { alias: domain(alias)?, domain: domain(target)? })
}

pub(super) fn leads(text: &str) -> Result<Leads, &'static str> {
    let (alias, targets) = text.split_once("=").ok_or("Write it like info@velo.example=alice@velo.example.")?;
    let targets = targets.split(',').map(address).collect::<Result<_, _>>()?;
    Ok(Leads { alias: address(alias)?, targets })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits() {
        assert!(size_limit("10G") == Ok(Limit::At(10 << 30)) && size_limit("none") == Ok(Limit::None));
        assert!(count("20") == Ok(Limit::At(20)) && count("none") == Ok(Limit::None));
        for wrong in ["", "-1", "+1", "1.5", "ten", "99999999999999999999"] {
            assert!(count(wrong).is_err(), "{wrong}");
        }
        for wrong in ["10X", "-1", "", "99999999T", "default"] {
            assert!(size_limit(wrong).is_err(), "{wrong}");
        }
        assert!(matches!(own("default"), Ok(Own::Default)));
    }

    #[test]
    fn aliases() {
        let found = leads("info@a.example=bob@a.example,eve@a.example").ok().unwrap();
        assert!(found.alias.reveal() == "info@a.example" && found.targets.len() == 2);
        for wrong in ["info@a.example", "info@a.example=", "=bob@a.example", "info@a.example=bob@a.example,"] {
            assert!(leads(wrong).is_err(), "{wrong}");
        }
        assert!(standby("b.example=a.example").is_ok() && standby("b.example").is_err());
    }
}
