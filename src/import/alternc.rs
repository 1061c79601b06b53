//! AlternC, out of its database or a dump of it. Any version with `address` and `mailbox` (3.0 and later); columns by their names, for
//! their order and number differ from host to host.
//!
//! | | |
//! |---|---|
//! | account | `membres.login`; the state of the account is the panel's, not that of its mail |
//! | mailbox | an `address` of no type with a row in `mailbox` that Dovecot delivers to; also where it is switched off |
//! | limit | `mailbox.quota` in MiB; 0: none; NULL: the association's default |
//! | alias | any other `address` of no type that is switched on, with rows in `recipient` |
//! | alias domain | an address without a local part that leads to `@other.domain` |
//!
//! Absent on purpose: lists of mailman and sympa, which are no mailboxes; addresses that catch all; `password`, `pass`, every usage.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::list::PanelList;
use super::odd::OddWhy;
use super::tables::{SourceTrouble, Tables, Values, is_true, number};
use crate::private::{Address, Domain};
use crate::quota::{Limit, Name, OwnLimit};

const MIB: i128 = 1 << 20;

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
    let used: HashSet<_> = list.mailboxes.keys().map(Address::domain).collect();
    // A domain with mailboxes of its own stands for none.
    let standing: Vec<_> = list.standing.keys().filter(|domain| !used.contains(domain)).cloned().collect();
    standing.iter().for_each(|domain| drop(list.domains.remove(domain)));
    Ok(list)
}

fn accounts(tables: &mut dyn Tables, list: &mut PanelList) -> Result<HashMap<String, Name>, SourceTrouble> {
    let mut accounts = HashMap::new();
    tables.each("membres", &["uid", "login"], &["mail"], &mut |row| {
        let [Some(uid), Some(login), mail] = *row else { return list.odd.lose("membres", OddWhy::NoForm) };
        let Some(name) = list.name("membres", login) else { return };
        let contact = mail.and_then(Address::parse);
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
        list.mailbox("mailbox", &row.local, domain, limit(quota));
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
    // An address can have several rows.
    let mut leads: BTreeMap<u64, String> = BTreeMap::new();
    tables.each("recipient", &["address_id", "recipients"], &[], &mut |row: &Values<'_>| {
        let [Some(id), Some(recipients)] = *row else { return };
        let Ok(id) = id.parse::<u64>() else { return list.odd.add("recipient", OddWhy::NoForm) };
        if rows.get(&id).is_some_and(|row| row.on) && !boxes.contains(&id) {
            let all = leads.entry(id).or_default();
            all.push_str(recipients);
            all.push('\n');
        }
    })?;
    for (id, recipients) in leads {
        let Some(row) = rows.get(&id) else { continue };
        let Some((_, domain)) = domains.get(row.domain as usize) else { continue };
        let mut targets = recipients.split([',', '\n', '\r', ' ']).filter(|target| !target.is_empty());
        if !row.local.is_empty() {
            if row.plain {
                list.alias("address", &format!("{}@{}", row.local, domain.reveal()), targets);
            }
        } else if let (Some(target), None) = (targets.next().and_then(|target| target.strip_prefix('@')), targets.next()) {
            list.stands("recipient", domain.reveal(), target);
        }
    }
    Ok(())
}

fn is_kept(action: Option<&str>) -> bool {
    action.is_none_or(|action| action == "OK" || action.is_empty())
}

/// MiB.
fn limit(quota: Option<&str>) -> Option<OwnLimit> {
    match quota.map(str::trim) {
        None | Some("") => Some(OwnLimit::Default),
        Some(text) => match number(text)? {
            0 => Some(OwnLimit::Own(Limit::None)),
            mib => u64::try_from(mib.checked_mul(MIB)?).ok().map(|octets| OwnLimit::Own(Limit::At(octets))),
        },
    }
}
