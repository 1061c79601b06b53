//! What a panel has, whichever panel it is: the plain list that every source returns.

use std::collections::{BTreeMap, HashSet};

use super::bounds::{BESIDE, ROOM};
use super::leads::Leads;
use super::odd::{OddRows, OddWhy};
use crate::private::{Address, Domain};
use crate::quota::{Limit, Name, OwnLimit};

/// All of it.
#[derive(Default)]
pub struct PanelList {
    /// Each domain with mail, and its account.
    pub domains: BTreeMap<Domain, Name>,
    /// Domains that stand for one of these.
    pub standing: BTreeMap<Domain, Domain>,
    /// Mailboxes, switched off or not, and what the panel says about their limit: none where it says nothing that can be understood.
    pub mailboxes: BTreeMap<Address, Option<OwnLimit>>,
    /// Where aliases lead: to mailboxes of the same account, and nowhere else.
    /// In their order, and not in a set: a set of one takes ten times the room, and there are tens of thousands.
    pub aliases: BTreeMap<Address, Vec<Address>>,
    /// What accounts begin with, should they be new.
    pub beginnings: BTreeMap<Name, Beginning>,
    /// Whether the source has mailboxes at all, and aliases; else the book's own stay as they are.
    pub has_mailboxes: bool,
    /// See `has_mailboxes`.
    pub has_aliases: bool,
    /// What made no sense.
    pub odd: OddRows,
    /// Octets of each account's domains.
    taken: BTreeMap<Name, usize>,
    /// As they stand there, before they are followed: [`PanelList::finish`].
    leads: Leads,
}

/// What a new association begins with.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Beginning {
    /// Where notices go.
    pub contact: Option<Address>,
    /// Octets that all share.
    pub storage: Option<Limit>,
}

impl PanelList {
    /// An empty one, of a source that has mailboxes, aliases, or not.
    pub fn of(has_mailboxes: bool, has_aliases: bool) -> PanelList {
        PanelList { has_mailboxes, has_aliases, ..PanelList::default() }
    }

    /// The name of an account; none when it makes none.
    pub fn name(&mut self, table: &'static str, text: &str) -> Option<Name> {
        // One that looks like an option would be in the way of every command about it.
        let name = Name::parse(text.trim()).filter(|name| !name.reveal().starts_with(['-', '.']));
        if name.is_none() {
            self.odd.lose(table, OddWhy::NoName);
        }
        name
    }

    /// A domain of an account.
    pub fn domain(&mut self, table: &'static str, text: &str, account: &Name) -> Option<Domain> {
        let domain = self.read_domain(table, text)?;
        match self.domains.get(&domain).map(|other| other == account) {
            Some(true) => {}
            Some(false) => {
                self.odd.lose(table, OddWhy::TwoAccounts);
                return None;
            }
            None if !self.has_room(account, domain.reveal_written().len()) => {
                self.odd.lose(table, OddWhy::TooMuch);
                return None;
            }
            None => drop(self.domains.insert(domain.clone(), account.clone())),
        }
        Some(domain)
    }

    fn has_room(&mut self, account: &Name, octets: usize) -> bool {
        let taken = self.taken.entry(account.clone()).or_default();
        *taken += octets + BESIDE;
        *taken <= ROOM
    }

    /// A domain that stands for another one.
    pub fn stands(&mut self, table: &'static str, alias: &str, target: &str) {
        let (Some(alias), Some(target)) = (self.read_domain(table, alias), self.read_domain(table, target)) else { return };
        // A table may say it again in each line.
        if self.standing.get(&alias) == Some(&target) {
            return;
        }
        let Some(account) = self.domains.get(&target).cloned().filter(|_| alias != target) else {
            // Of a domain that comes later, or of none: `finish` looks.
            if alias != target {
                self.standing.insert(alias, target);
            }
            return;
        };
        if self.has_room(&account, alias.reveal_written().len() + target.reveal_written().len() + BESIDE) {
            self.standing.insert(alias, target);
        } else {
            self.odd.lose(table, OddWhy::TooMuch);
        }
    }

    /// A mailbox. `limit`: none where what the panel says is no limit.
    pub fn mailbox(&mut self, table: &'static str, local: &str, domain: &Domain, limit: Option<OwnLimit>) {
        let Some(address) = self.read_address(table, &format!("{local}@{}", domain.reveal())) else { return };
        if limit.is_none() {
            self.odd.add(table, OddWhy::NoLimit);
        }
        self.mailboxes.insert(address, limit);
    }

    /// An alias of a domain that is there already, and where it leads; more of them with each call. What lies outside is left out in the
    /// end.
    pub fn alias<'a>(&mut self, table: &'static str, address: &str, targets: impl Iterator<Item = &'a str>) {
        let Some(address) = Address::parse(address.trim()) else { return self.odd.add(table, OddWhy::NoAddress) };
        if let Some(account) = self.domains.get(address.domain()) {
            let targets = targets.map(str::trim).filter(|target| !target.is_empty());
            if !self.leads.add(account, address, targets) {
                self.odd.add(table, OddWhy::TooMuch);
            }
        }
    }

    /// A mailbox's address; what cannot be one is counted.
    pub fn read_address(&mut self, table: &'static str, text: &str) -> Option<Address> {
        let address = Address::parse(text.trim());
        if address.is_none() {
            self.odd.lose(table, OddWhy::NoAddress);
        }
        address
    }

    #[cfg(test)]
    pub(super) fn leads(&self) -> &Leads {
        &self.leads
    }

    fn read_domain(&mut self, table: &'static str, text: &str) -> Option<Domain> {
        let domain = Domain::parse(text.trim());
        if domain.is_none() {
            self.odd.lose(table, OddWhy::NoDomain);
        }
        domain
    }

    /// For panels in which a domain that stands for another one looks like a domain: with mailboxes of its own it stands for none, and without
    /// any it is no domain.
    pub fn settle_standing(&mut self) {
        let used: HashSet<_> = self.mailboxes.keys().map(Address::domain).collect();
        self.domains.retain(|domain, _| used.contains(domain) || !self.standing.contains_key(domain));
    }

    /// To be called when all rows are there: puts together what stood in several places.
    pub fn finish(&mut self) {
        let domains = &self.domains;
        let odd = &mut self.odd;
        // What is hosted for itself stands for nothing.
        self.standing.retain(|alias, target| {
            let stands = domains.contains_key(target);
            if !stands {
                odd.add("alias domains", OddWhy::NoOwner);
            }
            stands && !domains.contains_key(alias)
        });
        self.mailboxes.retain(|address, _| domains.contains_key(address.domain()));
        let found = std::mem::take(&mut self.leads).followed(&self.domains, &self.standing, &self.mailboxes);
        self.aliases = found.aliases;
        (0..found.loops).for_each(|_| self.odd.add("aliases", OddWhy::Loop));
        (0..found.too_much).for_each(|_| self.odd.add("aliases", OddWhy::TooMuch));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> PanelList {
        let mut list = PanelList::of(true, true);
        for (domain, account) in [("a.example", "one"), ("b.example", "two")] {
            let account = list.name("t", account).unwrap();
            let domain = list.domain("t", domain, &account).unwrap();
            list.mailbox("t", "bob", &domain, Some(OwnLimit::Default));
        }
        list
    }

    fn shown(list: &PanelList) -> Vec<String> {
        let targets = |targets: &Vec<Address>| targets.iter().map(Address::reveal).collect::<Vec<_>>().join(",");
        list.aliases.iter().map(|(alias, to)| format!("{}={}", alias.reveal(), targets(to))).collect()
    }

    #[test]
    fn aliases_are_followed_to_mailboxes_of_their_own_account() {
        let mut list = list();
        list.stands("t", "x.example", "a.example");
        for (alias, to) in [
            ("info@a.example", "Bob@A.example\nveille@elsewhere.example"),
            ("chain@a.example", "info@a.example"),
            ("by-standby@a.example", "bob@x.example"),
            ("out@a.example", "someone@elsewhere.example"),
            ("foreign@a.example", "bob@b.example"),
            ("l1@a.example", "l2@a.example"),
            ("l2@a.example", "l1@a.example"),
            ("l3@a.example", "l3@a.example\nbob@a.example"),
            // A copy of a mailbox's mail gives no right to write as that mailbox.
            ("bob@a.example", "bob@a.example\ninfo@a.example"),
            ("nowhere@c.example", "bob@a.example"),
        ] {
            list.alias("t", alias, to.lines());
        }
        list.finish();
        let expected = ["by-standby@a.example", "chain@a.example", "info@a.example", "l3@a.example"];
        assert_eq!(shown(&list), expected.map(|alias| format!("{alias}=bob@a.example")));
        assert_eq!((list.odd.count("aliases", OddWhy::Loop), list.odd.total()), (2, 2));
    }

    #[test]
    fn what_is_no_name_is_counted_and_not_kept() {
        let mut list = list();
        let one = Name::parse("one").unwrap();
        let a = Domain::parse("a.example").unwrap();
        assert!(list.domain("d", "b.example", &one).is_none() && list.domain("d", "a b", &one).is_none());
        assert!(list.name("d", "one two").is_none() && list.name("d", "").is_none());
        assert!(list.name("d", "-rf").is_none() && list.name("d", "..").is_none());
        for local in ["a b", "x\u{7}", "x\ny", "", "<x>", "a@b"] {
            list.mailbox("m", local, &a, Some(OwnLimit::Default));
        }
        // Odd, and a mailbox all the same.
        for local in ["-rf", "--yes", "l'equipe", "é", "don+2026"] {
            list.mailbox("m", local, &a, None);
        }
        list.finish();
        let count = |table, why| list.odd.count(table, why);
        assert_eq!((count("d", OddWhy::TwoAccounts), count("d", OddWhy::NoDomain), count("d", OddWhy::NoName)), (1, 1, 4));
        assert_eq!((count("m", OddWhy::NoAddress), count("m", OddWhy::NoLimit)), (6, 5));
        assert!(list.mailboxes.len() == 2 + 5);
        assert!(list.odd.sentences().all(|text| !text.contains("x") || text.contains("SYNC-ROWS")));
    }

    #[test]
    fn many_aliases_in_a_row_end() {
        let mut list = list();
        for number in 0..1000 {
            list.alias("t", &format!("a{number}@a.example"), [format!("a{}@a.example", number + 1).as_str()].into_iter());
        }
        list.alias("t", "a1000@a.example", ["bob@a.example"].into_iter());
        list.finish();
        assert!((15..40).contains(&list.aliases.len()), "{}", list.aliases.len());
    }
}
