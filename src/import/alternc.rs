//! AlternC, out of its database or a dump of it. Any version with `address` and `mailbox` (3.0 and later); columns by their names, for
//! their order and number differ from host to host.
//!
//! | | |
//! |---|---|
//! | account | `membres.login`; the state of the account is the panel's, not that of its mail |
//! | mailbox | an `address` of no type with a row in `mailbox` that Dovecot delivers to; also where it is switched off |
//! | limit | `mailbox.quota` in MiB; 0: none; NULL: the association's default |
//! | alias | any other `address` of no type that is switched on, with rows in `recipient` |
//! | alias domain | an address without a local part that leads to `@other.domain` of the same account |
//!
//! Absent on purpose: lists of mailman and sympa, which are no mailboxes; addresses that catch all; `password`, `pass`, every usage.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::list::PanelList;
use super::odd::OddWhy;
use super::tables::{MIB, SourceTrouble, Tables, Values, is_true, limit};
use crate::private::{Address, Domain};
use crate::quota::Name;

/// Longest text that is read where a domain should stand.
const DOMAIN: usize = 1024;

/// One row of `address` that counts.
struct AddressRow {
    local: Box<str>,
    domain: u32,
    plain: bool,
    on: bool,
}

/// Reads all of it.
pub fn read(tables: &mut dyn Tables) -> Result<PanelList, SourceTrouble> {
    let mut list = PanelList::of(true, true);
    let accounts = accounts(tables, &mut list)?;
    let domains = domains(tables, &mut list, &accounts)?;
    let rows = addresses(tables, &mut list, &domains)?;
    let boxes = mailboxes(tables, &mut list, &rows, &domains)?;
    recipients(tables, &mut list, &rows, &boxes, &domains)?;
    list.settle_standing();
    Ok(list)
}

fn accounts(tables: &mut dyn Tables, list: &mut PanelList) -> Result<HashMap<String, Name>, SourceTrouble> {
    let mut accounts = HashMap::new();
    tables.each("membres", &["uid", "login"], &["mail"], &mut |row| {
        let [Some(uid), Some(login), mail] = *row else { return list.odd.lose("membres", OddWhy::NoForm) };
        let Some(name) = list.name("membres", login) else { return };
        let contact = mail.and_then(Address::parse).filter(Address::is_reachable);
        list.beginnings.entry(name.clone()).or_default().contact = contact;
        accounts.insert(uid.to_owned(), name);
    })?;
    Ok(accounts)
}

fn domains(
    tables: &mut dyn Tables,
    list: &mut PanelList,
    accounts: &HashMap<String, Name>,
) -> Result<Vec<(String, Domain)>, SourceTrouble> {
    let mut domains = Vec::new();
    tables.each("domaines", &["id", "compte", "domaine", "gesmx", "dns_action"], &[], &mut |row| {
        let [Some(id), Some(account), Some(domain), gesmx, action] = *row else {
            return list.odd.lose("domaines", OddWhy::NoForm);
        };
        if !is_true(gesmx) || action == Some("DELETE") {
            return;
        }
        let Some(account) = accounts.get(account) else { return list.odd.lose("domaines", OddWhy::NoOwner) };
        let domain = list.domain("domaines", domain, account);
        domains.extend(domain.map(|domain| (id.to_owned(), domain)));
    })?;
    Ok(domains)
}

fn addresses(
    tables: &mut dyn Tables,
    list: &mut PanelList,
    domains: &[(String, Domain)],
) -> Result<HashMap<u64, AddressRow>, SourceTrouble> {
    let numbers: HashMap<&str, u32> = domains.iter().zip(0..).map(|((id, _), number)| (id.as_str(), number)).collect();
    let mut rows = HashMap::new();
    tables.each("address", &["id", "domain_id", "address", "enabled", "mail_action"], &["type"], &mut |row| {
        let [Some(id), Some(domain), Some(local), enabled, action, kind] = *row else { return };
        // Most of those without a domain here are of domains without mail.
        let (Some(domain), true) = (numbers.get(domain).copied(), is_kept(action)) else { return };
        let Ok(id) = id.parse() else { return list.odd.lose("address", OddWhy::NoForm) };
        let plain = kind.is_none_or(str::is_empty);
        let on = enabled.is_none() || is_true(enabled);
        rows.insert(id, AddressRow { local: local.into(), domain, plain, on });
    })?;
    Ok(rows)
}

fn mailboxes(
    tables: &mut dyn Tables,
    list: &mut PanelList,
    rows: &HashMap<u64, AddressRow>,
    domains: &[(String, Domain)],
) -> Result<HashSet<u64>, SourceTrouble> {
    let mut boxes = HashSet::new();
    tables.each("mailbox", &["address_id", "quota", "mail_action"], &["delivery"], &mut |values| {
        let [Some(id), quota, action, delivery] = *values else { return list.odd.lose("mailbox", OddWhy::NoForm) };
        let Ok(id) = id.parse() else { return list.odd.lose("mailbox", OddWhy::NoForm) };
        let found = rows.get(&id).filter(|row| row.plain && !row.local.is_empty());
        let delivers = delivery.is_none_or(|way| way == "dovecot" || way.starts_with("lmtp"));
        let (Some(row), true, true) = (found, delivers, is_kept(action)) else { return };
        let Some((_, domain)) = domains.get(row.domain as usize) else { return };
        boxes.insert(id);
        list.mailbox("mailbox", &row.local, domain, limit(quota, MIB));
    })?;
    Ok(boxes)
}

fn recipients(
    tables: &mut dyn Tables,
    list: &mut PanelList,
    rows: &HashMap<u64, AddressRow>,
    boxes: &HashSet<u64>,
    domains: &[(String, Domain)],
) -> Result<(), SourceTrouble> {
    // Where an address catches all. An address can have several rows.
    let mut catches: BTreeMap<u64, String> = BTreeMap::new();
    tables.each("recipient", &["address_id", "recipients"], &[], &mut |row: &Values<'_>| {
        let [Some(id), Some(recipients)] = *row else { return };
        let Ok(id) = id.parse::<u64>() else { return list.odd.add("recipient", OddWhy::NoForm) };
        let Some(row) = rows.get(&id).filter(|row| row.on && !boxes.contains(&id)) else { return };
        let Some((_, domain)) = domains.get(row.domain as usize) else { return };
        if !row.local.is_empty() && row.plain {
            list.alias("address", &format!("{}@{}", row.local, domain.reveal()), targets(recipients));
        } else if row.local.is_empty() {
            let all = catches.entry(id).or_default();
            // More than one domain is no domain.
            if all.len() <= DOMAIN {
                all.push('\n');
                all.extend(recipients.chars().take(DOMAIN));
            }
        }
    })?;
    for (id, recipients) in catches {
        let domain = rows.get(&id).and_then(|row| domains.get(row.domain as usize));
        let Some((_, domain)) = domain else { continue };
        let mut targets = targets(&recipients);
        if let (Some(target), None) = (targets.next().and_then(|target| target.strip_prefix('@')), targets.next()) {
            match Domain::parse(target) {
                // To another account's it is a forward like any other: what one account's domain is, no other account says.
                Some(target) if list.domains.get(&target) == list.domains.get(domain) => {
                    list.stands("recipient", domain.reveal(), target.reveal());
                }
                Some(_) => {}
                None => list.odd.add("recipient", OddWhy::NoDomain),
            }
        }
    }
    Ok(())
}

fn targets(recipients: &str) -> impl Iterator<Item = &str> {
    recipients.split([',', '\n', '\r', ' ']).filter(|target| !target.is_empty())
}

fn is_kept(action: Option<&str>) -> bool {
    action.is_none_or(|action| action == "OK" || action.is_empty())
}

#[cfg(test)]
mod tests {
    use super::super::tables::made::MadeTables;
    use super::*;

    /// `rows`: what the addresses that catch all lead to, of the domain `own.example` (1) of the account `mine`.
    fn with(rows: &[&str]) -> PanelList {
        let tables = [
            ("membres", "uid|login", &["1|mine", "2|victim"][..]),
            (
                "domaines",
                "id|compte|domaine|gesmx|dns_action",
                &["1|1|own.example|1|OK", "2|2|victim.example|1|OK", "3|1|own2.example|1|OK"][..],
            ),
            (
                "address",
                "id|domain_id|address|type|enabled|mail_action",
                &["10|1|||1|OK", "20|2|bob||1|OK", "30|3|bob||1|OK", "31|3|info||1|OK"][..],
            ),
            ("mailbox", "address_id|quota|mail_action", &["20|1|OK", "30|1|OK"][..]),
            ("recipient", "address_id|recipients", rows),
        ];
        let mut list = read(&mut MadeTables(&tables)).ok().unwrap();
        list.finish();
        list
    }

    #[test]
    fn a_domain_stands_for_one_of_its_own_account_alone() {
        let own: Domain = "own.example".parse().unwrap();
        let list = with(&["10|@own2.example", "31|bob@own2.example"]);
        assert!(list.standing.contains_key(&own) && !list.domains.contains_key(&own) && list.aliases.len() == 1);
        for rows in [
            &["10|@victim.example"][..],
            &["10|@elsewhere.example"],
            &["10|@own2.example\n@own2.example"],
            &["10|bob@own2.example"],
        ] {
            let list = with(rows);
            assert!(list.standing.is_empty() && list.domains.contains_key(&own) && list.odd.is_none(), "{rows:?}");
        }
        // What is no domain is counted; and it is no reason to remove nothing any more.
        let list = with(&["10|@not a domain", "10|@also none"]);
        assert!(list.standing.is_empty() && list.odd.is_none());
        let list = with(&["10|@no_domain..at.all"]);
        assert_eq!((list.odd.count("recipient", OddWhy::NoDomain), list.odd.loses()), (1, false));
    }
}
