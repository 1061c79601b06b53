//! Which domains make an association, where the panel's accounts do not say it: lines of `domain;association`.

use std::collections::BTreeMap;

use super::list::PanelList;
use super::odd::OddWhy;
use crate::private::Domain;
use crate::quota::Name;

/// Groups the domains as the text says; those that it does not name stay with their account. Before [`PanelList::finish`], which looks
/// which aliases stay within an association.
pub fn regroup(list: &mut PanelList, text: &str) {
    let mut renamed: BTreeMap<Name, Name> = BTreeMap::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let Some((domain, name)) = line.split_once(';') else {
            list.odd.lose("mapping", OddWhy::NoForm);
            continue;
        };
        let (domain, name) = (Domain::parse(domain.trim()), list.name("mapping", name));
        match (domain, name) {
            (Some(domain), Some(name)) => {
                // Domains of the panel alone: this file makes none.
                if let Some(account) = list.domains.get_mut(&domain) {
                    renamed.entry(name.clone()).or_insert_with(|| account.clone());
                    *account = name;
                }
            }
            (None, _) => list.odd.lose("mapping", OddWhy::NoDomain),
            (_, None) => {}
        }
    }
    // What the account begins with, its association begins with.
    for (name, account) in renamed {
        if let Some(beginning) = list.beginnings.get(&account).cloned() {
            list.beginnings.entry(name).or_insert(beginning);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_domains_go_where_the_file_says() {
        let text = "association;domain;mailbox;alias;contact\none;a.example;bob;;c@d.example\none;b.example;info;bob@a.example;\none;c.example;info;bob@b.example bob@a.example;\none;b.example;bob;;\n";
        let mut list = crate::import::csv::read(&mut text.as_bytes()).ok().unwrap();
        regroup(&mut list, "# of today\nb.example; Two\nc.example;two\nelse.example;three\nx y;four\nfive\n");
        list.finish();
        let two = Name::parse("two").unwrap();
        assert_eq!(list.domains.get(&Domain::parse("b.example").unwrap()).map(Name::reveal), Some("two"));
        assert!(list.domains.len() == 3 && list.aliases.len() == 1 && list.beginnings.contains_key(&two));
        assert_eq!(list.odd.total(), 2);
    }
}
