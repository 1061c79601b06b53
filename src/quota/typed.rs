//! Values as people type them. Each error is a sentence for whoever typed it.

use std::collections::BTreeSet;

use super::{Limit, parse_size};
use crate::private::{Address, Domain};

/// Octets: `10G`, or `none`.
pub(super) fn size(text: &str) -> Result<Limit, &'static str> {
    if text == "none" { Ok(Limit::None) } else { parse_size(text).map(Limit::At).map_err(|error| error.text()) }
}

/// A number, or `none`.
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

/// A domain that stands for another.
pub(super) fn standby(text: &str) -> Result<(Domain, Domain), &'static str> {
    let (alias, target) = text.split_once('=').ok_or("Write it like alias.example=velo.example.")?;
    Ok((alias.parse()?, target.parse()?))
}

/// An address and the mailboxes that it leads to.
pub(super) fn leads(text: &str) -> Result<(Address, BTreeSet<Address>), &'static str> {
    let (alias, targets) = text.split_once('=').ok_or("Write it like info@velo.example=alice@velo.example.")?;
    let targets = targets.split(',').map(str::parse).collect::<Result<_, _>>()?;
    Ok((alias.parse()?, targets))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits() {
        assert!(size("10G") == Ok(Limit::At(10 << 30)) && size("none") == Ok(Limit::None));
        assert!(count("20") == Ok(Limit::At(20)) && count("none") == Ok(Limit::None));
        for wrong in ["", "-1", "+1", "1.5", "ten", "99999999999999999999"] {
            assert!(count(wrong).is_err(), "{wrong}");
        }
        for wrong in ["10X", "-1", "", "99999999T", "default"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn aliases() {
        let (alias, targets) = leads("info@a.example=bob@a.example,eve@a.example").ok().unwrap();
        assert!(alias.reveal() == "info@a.example" && targets.len() == 2);
        for wrong in ["info@a.example", "info@a.example=", "=bob@a.example", "info@a.example=bob@a.example,"] {
            assert!(leads(wrong).is_err(), "{wrong}");
        }
        assert!(standby("b.example=a.example").is_ok() && standby("b.example").is_err());
    }
}
