//! Postfix's own maps, as text (virtual(5), postmap(1)): so that no domain that is served is unknown, on hosts without a panel.
//!
//! | file | each line |
//! |---|---|
//! | domains | a domain; what follows it is passed over (`virtual_mailbox_domains`) |
//! | aliases | `address targets`; `domain anything` is a domain; `@domain @other` is an alias domain (`virtual_alias_maps`) |
//! | mailboxes | `address anything` (`virtual_mailbox_maps`) |
//!
//! Each domain is an association of its name; a mapping file groups them. Without the file of mailboxes, mailboxes stay as they are in the
//! book. Absent on purpose: `@domain address`, which catches all; limits, which Postfix does not know.

use super::list::PanelList;
use super::odd::OddWhy;
use crate::private::Domain;

/// What the three files hold; empty where there is none.
#[derive(Default)]
pub struct Maps {
    /// See the head of the file.
    pub domains: String,
    /// See the head of the file.
    pub aliases: String,
    /// See the head of the file; none where the file is not named.
    pub mailboxes: Option<String>,
}

/// Reads them.
pub fn read(maps: &Maps) -> PanelList {
    let mut list = PanelList::of(maps.mailboxes.is_some(), !maps.aliases.is_empty());
    for (key, _) in entries(&maps.domains) {
        own(&mut list, "domains", &key);
    }
    let aliases = entries(&maps.aliases);
    // First: an alias is of a domain that is there.
    for (key, _) in aliases.iter().filter(|(key, _)| !key.contains('@') && key.contains('.')) {
        own(&mut list, "aliases", key);
    }
    for (key, value) in &aliases {
        match (key.strip_prefix('@'), value.trim().strip_prefix('@')) {
            (Some(alias), Some(target)) => list.stands("aliases", alias, target),
            (Some(_), None) => {}
            (None, _) if key.contains('@') => list.alias("aliases", key, value.split([',', ' ', '\t'])),
            // A domain, or a name of this machine alone.
            (None, _) => {}
        }
    }
    for (key, _) in entries(maps.mailboxes.as_deref().unwrap_or_default()) {
        match list.read_address("mailboxes", &key) {
            Some(address) if list.domains.contains_key(address.domain()) => drop(list.mailboxes.insert(address, None)),
            Some(_) => list.odd.lose("mailboxes", OddWhy::NoOwner),
            None => {}
        }
    }
    list
}

fn own(list: &mut PanelList, table: &'static str, text: &str) {
    // A name is in ASCII.
    let ascii = Domain::parse(text).map(|domain| domain.reveal().to_owned());
    let Some(name) = list.name(table, ascii.as_deref().unwrap_or(text)) else { return };
    list.domain(table, text, &name);
}

/// postmap(1): a line that begins with a blank goes on the one before.
fn entries(text: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#')) {
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = found.last_mut() {
                value.push(' ');
                value.push_str(line.trim());
            }
            continue;
        }
        let (key, value) = line.split_once([' ', '\t']).unwrap_or((line, ""));
        found.push((key.to_owned(), value.trim().to_owned()));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_aliases_and_mailboxes() {
        let maps = Maps {
            domains: "# ours\nvelo.example  OK\nVélo2.example\n\nnot a/domain x\n".into(),
            aliases: "asso.example anything\ninfo@velo.example alice@velo.example,\n\tveille@elsewhere.example\n@v.example @velo.example\n@velo.example alice@velo.example\nroot alice@velo.example\n".into(),
            mailboxes: Some("alice@velo.example velo/alice/\nbob@nowhere.example x\n".into()),
        };
        let mut list = read(&maps);
        list.finish();
        assert_eq!((list.domains.len(), list.aliases.len(), list.standing.len(), list.mailboxes.len()), (4, 1, 1, 1));
        assert_eq!(list.odd.total(), 1, "{:?}", list.odd.sentences().collect::<Vec<_>>());
        assert!(list.domains.values().any(|name| name.reveal() == "xn--vlo2-bpa.example"));
        let few = read(&Maps { domains: "velo.example".into(), ..Maps::default() });
        assert!(!few.has_mailboxes && !few.has_aliases && few.domains.len() == 1);
    }
}
