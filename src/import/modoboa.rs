//! Modoboa, out of its database.
//!
//! | | |
//! |---|---|
//! | account | none above the domain that could be read simply: each domain is an association of its name; a mapping file groups them |
//! | mailbox | `admin_mailbox`, also where its user is switched off |
//! | limit | `quota` in MiB, or the domain's `default_mailbox_quota` where `use_domain_quota` says so; 0: none |
//! | alias | `admin_alias` that is switched on and not internal, with its `admin_aliasrecipient` |
//!
//! Absent on purpose: domains that are only relayed (`type`).

use std::collections::HashMap;

use super::list::PanelList;
use super::odd::OddWhy;
use super::tables::{MIB, SourceTrouble, Tables, is_true, limit};
use crate::private::Domain;
use crate::quota::{Limit, OwnLimit};

/// Reads all of it.
pub fn read(tables: &mut dyn Tables) -> Result<PanelList, SourceTrouble> {
    let mut list = PanelList::of(true, true);
    let mut domains: HashMap<String, (Domain, Option<String>)> = HashMap::new();
    tables.each("admin_domain", &["id", "name", "quota", "default_mailbox_quota"], &["type"], &mut |row| {
        let [Some(id), Some(domain), quota, default, kind] = *row else {
            return list.odd.lose("admin_domain", OddWhy::NoForm);
        };
        if kind.is_some_and(|kind| kind != "domain") {
            return;
        }
        let Some(name) = list.name("admin_domain", domain) else { return };
        let Some(domain) = list.domain("admin_domain", domain, &name) else { return };
        if let Some(OwnLimit::Own(limit @ Limit::At(_))) = limit(quota, MIB) {
            list.beginnings.entry(name).or_default().storage = Some(limit);
        }
        domains.insert(id.to_owned(), (domain, default.map(str::to_owned)));
    })?;
    tables.each("admin_mailbox", &["address", "domain_id", "quota", "use_domain_quota"], &[], &mut |row| {
        let [Some(local), Some(domain), quota, of_domain] = *row else {
            return list.odd.lose("admin_mailbox", OddWhy::NoForm);
        };
        // Of a domain that is only relayed.
        let Some((domain, default)) = domains.get(domain) else { return };
        let quota = if is_true(of_domain) { default.as_deref() } else { quota };
        list.mailbox("admin_mailbox", local, domain, limit(quota, MIB));
    })?;
    let mut leads: HashMap<String, String> = HashMap::new();
    tables.each("admin_alias", &["id", "address", "enabled"], &["internal"], &mut |row| {
        let [Some(id), Some(address), enabled, internal] = *row else { return };
        if (enabled.is_none() || is_true(enabled)) && !is_true(internal) && !address.starts_with('@') {
            leads.insert(id.to_owned(), address.to_owned());
        }
    })?;
    tables.each("admin_aliasrecipient", &["alias_id", "address"], &[], &mut |row| {
        let [Some(id), Some(target)] = *row else { return };
        if let Some(address) = leads.get(id) {
            list.alias("admin_alias", address, [target].into_iter());
        }
    })?;
    if tables.has("admin_domainalias")? {
        tables.each("admin_domainalias", &["name", "target_id", "enabled"], &[], &mut |row| {
            let [Some(alias), Some(target), enabled] = *row else { return };
            match domains.get(target) {
                Some((target, _)) if enabled.is_none() || is_true(enabled) => {
                    list.stands("admin_domainalias", alias, target.reveal());
                }
                Some(_) => {}
                None => list.odd.add("admin_domainalias", OddWhy::NoOwner),
            }
        })?;
    }
    Ok(list)
}
