//! PostfixAdmin, on MariaDB or PostgreSQL; and mailcow, whose tables grew out of it.
//!
//! | | |
//! |---|---|
//! | account | the domain's admin in `domain_admins`, the first one by name; without one, the domain is its own association |
//! | mailbox | a row of `mailbox`, also where it or its domain is switched off |
//! | limit | `mailbox.quota` in octets; 0 and -1: none |
//! | what the association begins with | the sum of `domain.quota`, in MB of `quota_multiplier` octets, where each domain has one |
//! | alias | a row of `alias` that is switched on and is no mailbox |
//!
//! Absent on purpose: `quota2`, which may have rows by domain; domains for which this host is only a second MX (`backupmx`).

use std::collections::BTreeMap;

use super::list::PanelList;
use super::odd::OddWhy;
use super::tables::{self, SourceTrouble, Tables, is_true};
use crate::private::Domain;
use crate::quota::{Limit, Name, OwnLimit};

/// Octets of a MB of PostfixAdmin, unless its config says otherwise.
pub const MULTIPLIER: u64 = 1_024_000;
/// What stands for `@` in the name of an association. No dot: `x@velo.example` and a domain `x.velo.example` are two associations.
const AT: &str = "_at_";
/// The row that stands for all domains.
const ALL: &str = "ALL";

/// Reads all of it. `multiplier`: octets of a MB of a domain's limit.
pub fn read(tables: &mut dyn Tables, multiplier: u64) -> Result<PanelList, SourceTrouble> {
    let mut list = PanelList::of(true, true);
    let admins = admins(tables)?;
    domains(tables, &mut list, &admins, multiplier)?;
    tables.each("mailbox", &["username", "quota"], &["kind"], &mut |row| {
        let [Some(address), quota, kind] = *row else { return list.odd.lose("mailbox", OddWhy::NoForm) };
        // Rooms and things, in mailcow.
        if kind.is_some_and(|kind| !kind.is_empty()) {
            return;
        }
        let (local, domain) = address.rsplit_once('@').unwrap_or((address, ""));
        match Domain::parse(domain) {
            Some(domain) => list.mailbox("mailbox", local, &domain, limit(quota)),
            None => drop(list.read_address("mailbox", address)),
        }
    })?;
    tables.each("alias", &["address", "goto", "active"], &[], &mut |row| {
        let [Some(address), Some(leads), active] = *row else { return };
        // What catches all of a domain is no address.
        if (active.is_none() || is_true(active)) && !address.starts_with('@') {
            list.alias("alias", address, leads.split([',', '\n', ' ']));
        }
    })?;
    if tables.has("alias_domain")? {
        tables.each("alias_domain", &["alias_domain", "target_domain", "active"], &[], &mut |row| {
            let [Some(alias), Some(target), active] = *row else { return };
            if active.is_none() || is_true(active) {
                list.stands("alias_domain", alias, target);
            }
        })?;
    }
    // PostfixAdmin has a row in `domain` for these as well.
    list.settle_standing();
    Ok(list)
}

fn admins(tables: &mut dyn Tables) -> Result<BTreeMap<String, String>, SourceTrouble> {
    let mut admins: BTreeMap<String, String> = BTreeMap::new();
    if !tables.has("domain_admins")? {
        return Ok(admins);
    }
    tables.each("domain_admins", &["username", "domain", "active"], &[], &mut |row| {
        let [Some(admin), Some(domain), active] = *row else { return };
        if domain == ALL || !(active.is_none() || is_true(active)) {
            return;
        }
        let first = admins.entry(domain.to_lowercase()).or_insert_with(|| admin.to_owned());
        if admin < first.as_str() {
            admin.clone_into(first);
        }
    })?;
    Ok(admins)
}

fn domains(
    tables: &mut dyn Tables,
    list: &mut PanelList,
    admins: &BTreeMap<String, String>,
    multiplier: u64,
) -> Result<(), SourceTrouble> {
    let mut sums: BTreeMap<Name, Option<u64>> = BTreeMap::new();
    tables.each("domain", &["domain", "quota", "backupmx"], &[], &mut |row| {
        let [Some(domain), quota, backup] = *row else { return list.odd.lose("domain", OddWhy::NoForm) };
        if domain == ALL || is_true(backup) {
            return;
        }
        let admin = admins.get(&domain.to_lowercase()).and_then(|admin| Name::parse(&admin.replace('@', AT)));
        let Some(name) = admin.or_else(|| list.name("domain", domain)) else { return };
        if list.domain("domain", domain, &name).is_none() {
            return;
        }
        // Nothing, 0 and -1 say that there is none.
        let limit = match quota.map(str::trim).filter(|quota| !["", "-1"].contains(quota)) {
            None => Some(OwnLimit::Own(Limit::None)),
            quota => tables::limit(quota, multiplier),
        };
        let octets = match limit {
            Some(OwnLimit::Own(Limit::At(octets))) => Some(octets),
            Some(_) => None,
            None => {
                list.odd.add("domain", OddWhy::NoLimit);
                None
            }
        };
        let sum = sums.entry(name).or_insert(Some(0));
        *sum = sum.zip(octets).and_then(|(sum, more)| sum.checked_add(more));
    })?;
    for (name, sum) in sums {
        list.beginnings.entry(name).or_default().storage = sum.map(Limit::At);
    }
    Ok(())
}

/// Octets; -1 is none, as 0 is.
fn limit(quota: Option<&str>) -> Option<OwnLimit> {
    tables::limit(quota.map(|quota| if quota.trim() == "-1" { "0" } else { quota }), 1)
}

#[cfg(test)]
mod tests {
    use super::super::tables::made::MadeTables;
    use super::*;

    #[test]
    fn an_association_has_the_sum_of_its_domains_where_each_has_a_limit() {
        let rows = [
            "a1.example|2|0",
            "a2.example|3|0",
            "b1.example|2|0",
            "b2.example|0|0",
            "c.example|-1|0",
            "d.example|NULL|0",
            "e.example|much|0",
            "f.example|-7|0",
            "ALL|9|0",
        ];
        let admins =
            ["a@x.example|a1.example|1", "a@x.example|a2.example|1", "b@x.example|b1.example|1", "b@x.example|b2.example|1"];
        let tables = [
            ("domain", "domain|quota|backupmx", &rows[..]),
            ("domain_admins", "username|domain|active", &admins),
            ("mailbox", "username|quota|active", &[]),
            ("alias", "address|goto|active", &[]),
        ];
        let list = read(&mut MadeTables(&tables), 1000).ok().unwrap();
        let storage = |name: &str| list.beginnings.get(&Name::parse(name).unwrap()).and_then(|beginning| beginning.storage);
        assert_eq!((storage("a_at_x.example"), storage("b_at_x.example")), (Some(Limit::At(5000)), None));
        for name in ["c.example", "d.example", "e.example", "f.example"] {
            assert_eq!(storage(name), None, "{name}");
        }
        assert_eq!((list.odd.count("domain", OddWhy::NoLimit), list.odd.total()), (2, 2));
    }
}
