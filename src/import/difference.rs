//! What the panel has and the book has not, and the other way round: a batch that makes the book follow. Pure.
//!
//! The panel is master of domains, mailboxes and aliases. Limits, contacts and what is set about associations are the book's, but for a
//! mailbox's limit until somebody sets it by hand. A domain that was moved by hand stays where it is. Domains that no panel ever had are
//! nobody's business here. Where a row of the panel was left out that may have been a mailbox or a domain, nothing is known to be gone:
//! nothing is marked, moved or removed then.

use std::collections::{BTreeMap, BTreeSet};

use super::bounds::has_room;
use super::list::PanelList;
use super::state::{Missing, PanelCounts, SyncState};
use crate::private::{Address, Domain};
use crate::quota::{Association, Batch, Limit, LimitBy, Name, OwnLimit, PanelLimit, Proposal};

/// The book, as it is.
#[derive(Default)]
pub struct BookNow {
    /// What is set about each, without its aliases.
    pub associations: Vec<Association>,
    /// Where aliases lead, in the order of the addresses.
    pub aliases: BTreeMap<Address, Vec<Address>>,
    /// Each mailbox that lists show, its own limit, and who set it.
    pub mailboxes: BTreeMap<Address, (OwnLimit, Option<LimitBy>)>,
}

/// What is to be done.
pub struct Difference {
    /// For the daemon.
    pub batch: Batch,
    /// What is remembered when it was done.
    pub state: SyncState,
    /// What will be told.
    pub counts: SyncCounts,
    /// For the brakes.
    pub stakes: Stakes,
    /// Mailboxes that the panel does not have, and that stay for now.
    pub waiting: Vec<Address>,
}

/// How much changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SyncCounts {
    /// New associations, and those that go.
    pub associations: (u64, u64),
    /// New domains, also those that stand for another, and those that go.
    pub domains: (u64, u64),
    /// Domains that go to another association, or stand for another domain.
    pub moved: u64,
    /// New mailboxes, and those that go.
    pub mailboxes: (u64, u64),
    /// Mailboxes with another limit.
    pub limits: u64,
    /// New or changed aliases, and those that go.
    pub aliases: (u64, u64),
    /// Mailboxes that are missing, and wait.
    pub waiting: u64,
    /// Domains that were moved by hand, and stay.
    pub by_hand: u64,
    /// Mailboxes that are missing in the panel and stay, for notices about an association go there.
    pub contacts: u64,
}

/// What the brakes look at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stakes {
    /// What the panel has now.
    pub panel: PanelCounts,
    /// What it had at the last run; or before the first one, what the book has of its domains.
    pub last: PanelCounts,
    /// Mailboxes of the book that are the panel's.
    pub held: u64,
    /// Of these, how many the panel has no more, and nobody agreed to.
    pub missing: u64,
    /// Associations that would be left without a domain, and nobody agreed to.
    pub emptied: u64,
    /// Mailboxes with another limit than the panel gave before. Those that had none of the panel are new to it.
    pub limits: u64,
}

/// A comparison under way.
pub(super) struct Draft<'a> {
    pub(super) panel: &'a PanelList,
    pub(super) book: &'a BookNow,
    pub(super) before: &'a SyncState,
    pub(super) hour: u64,
    pub(super) agrees: bool,
    /// Where domains are in the book: of whom, and for which other domain they stand.
    pub(super) owners: BTreeMap<&'a Domain, (&'a Name, Option<&'a Domain>)>,
    /// Where the panel's domains will be.
    pub(super) homes: BTreeMap<&'a Domain, &'a Name>,
    pub(super) missing: BTreeMap<String, Missing>,
    pub(super) batch: Batch,
    pub(super) state: SyncState,
    pub(super) counts: SyncCounts,
    pub(super) stakes: Stakes,
    pub(super) waiting: Vec<Address>,
}

/// Compares. `hour`: hours since 1970, whichever the clock says. `agrees`: an admin said `--yes`.
pub fn difference(panel: &PanelList, book: &BookNow, before: &SyncState, hour: u64, agrees: bool) -> Difference {
    let mut owners = BTreeMap::new();
    for association in &book.associations {
        owners.extend(association.domains.iter().map(|domain| (domain, (&association.name, None))));
        owners.extend(association.domain_aliases.iter().map(|(alias, domain)| (alias, (&association.name, Some(domain)))));
    }
    let mut draft = Draft {
        panel,
        book,
        before,
        hour,
        agrees,
        owners,
        homes: BTreeMap::new(),
        missing: BTreeMap::new(),
        batch: Batch::default(),
        state: before.clone(),
        counts: SyncCounts::default(),
        stakes: Stakes::default(),
        waiting: Vec::new(),
    };
    draft.domains();
    draft.mailboxes();
    draft.aliases();
    let gone = draft.missing_mailboxes();
    draft.standing(&gone);
    draft.missing_domains(&gone);
    draft.finish()
}

impl<'a> Draft<'a> {
    fn domains(&mut self) {
        let mut new = BTreeSet::new();
        for (domain, account) in &self.panel.domains {
            let home = match self.owners.get(domain) {
                None => {
                    self.counts.domains.0 += 1;
                    account
                }
                Some((owner, None)) if *owner == account => account,
                Some((owner, None)) if self.panel.odd.loses() => {
                    self.homes.insert(domain, *owner);
                    continue;
                }
                Some((owner, None)) if !self.before.has_placed(domain, owner) => {
                    self.counts.by_hand += 1;
                    self.homes.insert(domain, *owner);
                    continue;
                }
                Some(_) => {
                    self.counts.moved += 1;
                    account
                }
            };
            self.homes.insert(domain, home);
            self.state.place(domain, home);
            if self.owners.get(domain) != Some(&(home, None)) {
                self.batch.domains.push((domain.clone(), home.clone()));
                new.insert(home);
            }
        }
        for association in &self.book.associations {
            new.remove(&association.name);
        }
        self.counts.associations.0 = new.len() as u64;
        for name in new {
            let beginning = self.panel.beginnings.get(name).cloned().unwrap_or_default();
            let storage = beginning.storage.unwrap_or(Limit::None);
            self.batch.associations.push(Proposal { name: name.clone(), contact: beginning.contact, storage });
        }
    }

    fn mailboxes(&mut self) {
        for (address, says) in &self.panel.mailboxes {
            let limit = match (self.book.mailboxes.get(address), says) {
                (None, says) => {
                    self.counts.mailboxes.0 += 1;
                    says.unwrap_or(OwnLimit::Default)
                }
                (Some((_, Some(LimitBy::Hand))), _) | (Some(_), None) => continue,
                (Some((OwnLimit::Own(_), None)), _) => continue,
                (Some((held, Some(LimitBy::Panel))), Some(says)) if held == says => continue,
                (Some((_, by)), Some(says)) => {
                    self.counts.limits += 1;
                    self.stakes.limits += u64::from(by.is_some());
                    *says
                }
            };
            self.batch.mailboxes.push(PanelLimit(address.clone(), limit));
        }
    }

    fn aliases(&mut self) {
        if !self.panel.has_aliases {
            return;
        }
        let held = &self.book.aliases;
        for (alias, targets) in &self.panel.aliases {
            let home = self.homes.get(alias.domain());
            let mut targets: BTreeSet<_> =
                targets.iter().filter(|target| self.homes.get(target.domain()) == home).cloned().collect();
            let known = held.get(alias);
            if self.panel.odd.loses() {
                targets.extend(known.into_iter().flatten().cloned());
                // The book would refuse it, and all else with it.
                if let Some(known) = known.filter(|_| !has_room(&targets)) {
                    targets = known.iter().cloned().collect();
                }
            }
            if known.is_none() && targets.is_empty() || known.is_some_and(|known| known.iter().eq(&targets)) {
                continue;
            }
            if targets.is_empty() {
                self.counts.aliases.1 += 1
            } else {
                self.counts.aliases.0 += 1
            }
            self.batch.aliases.push((alias.clone(), targets.into_iter().collect()));
        }
        if self.panel.odd.loses() {
            return;
        }
        for alias in held.keys().filter(|alias| self.homes.contains_key(alias.domain())) {
            if !self.panel.aliases.contains_key(alias) {
                self.counts.aliases.1 += 1;
                self.batch.aliases.push((alias.clone(), Vec::new()));
            }
        }
    }

    /// A domain with mailboxes of its own stands for another one only when the last of them is gone.
    fn standing(&mut self, gone: &BTreeSet<&Address>) {
        for (alias, target) in &self.panel.standing {
            let Some(home) = self.homes.get(target).copied() else { continue };
            if self.panel.odd.loses() && self.owners.contains_key(alias) {
                continue;
            }
            self.state.place(alias, home);
            match self.owners.get(alias) {
                Some((owner, Some(held))) if *held == target && *owner == home => continue,
                Some((_, None)) if !self.is_empty_without(alias, gone) => continue,
                Some((owner, _)) if !self.before.has_placed(alias, owner) => {
                    self.counts.by_hand += 1;
                    self.state.placed.remove(alias.reveal());
                    continue;
                }
                Some(_) => self.counts.moved += 1,
                None => self.counts.domains.0 += 1,
            }
            self.batch.domain_aliases.push((alias.clone(), target.clone()));
        }
    }

    fn finish(mut self) -> Difference {
        let count = |number: usize| number as u64;
        let panel = PanelCounts {
            domains: count(self.panel.domains.len()),
            mailboxes: count(self.panel.mailboxes.len()),
            aliases: count(self.panel.aliases.len()),
            standing: count(self.panel.standing.len()),
        };
        let domains = self.owners.iter().filter(|(domain, (_, stands))| stands.is_none() && self.is_managed(domain)).count();
        let held = PanelCounts { domains: count(domains), mailboxes: self.stakes.held, ..PanelCounts::default() };
        (self.stakes.panel, self.stakes.last) = (panel, self.before.counts.unwrap_or(held));
        self.state.counts = Some(panel);
        self.state.told = None;
        self.state.set_missing(self.missing);
        Difference { batch: self.batch, state: self.state, counts: self.counts, stakes: self.stakes, waiting: self.waiting }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn many(from: usize) -> Vec<Address> {
        (from..from + 300).map(|number| format!("m{number:04}@velo.example").parse().unwrap()).collect()
    }

    /// Three hundred of before and three hundred others: more than one alias of the book can hold.
    #[test]
    fn where_rows_are_lost_an_alias_never_becomes_more_than_the_book_can_hold() {
        let (before, now, alias) = (many(1000), many(5000), "all@velo.example".parse::<Address>().unwrap());
        let mut book = BookNow::default();
        book.associations.push(Association::new("velo".parse().unwrap(), ["velo.example".parse().unwrap()]));
        book.aliases.insert(alias.clone(), before.clone());
        let mut panel = PanelList::of(true, true);
        let name = panel.name("t", "velo").unwrap();
        let domain = panel.domain("t", "velo.example", &name).unwrap();
        panel.aliases.insert(alias.clone(), now.clone());
        let led = |panel: &PanelList| {
            let found = difference(panel, &book, &SyncState::new().unwrap(), 0, false);
            found.batch.aliases.into_iter().map(|(_, targets)| targets).next()
        };
        assert!(led(&panel).is_some_and(|targets| targets == now));
        panel.mailbox("t", "a b", &domain, None);
        assert!(led(&panel).is_none(), "what is known stays");
        panel.aliases.insert(alias, now[..20].to_vec());
        assert!(led(&panel).is_some_and(|targets| targets.len() == 320));
    }
}
