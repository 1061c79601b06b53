//! Where a panel's aliases lead, from alias to alias, down to mailboxes of the same account.
//!
//! Who may make aliases in a panel must not be able to make every run fail, or last, or fill the memory: what one alias leads to is bounded,
//! what one account has, and the steps in which they are followed. What is above leaves that alias out, or that account's, and nobody
//! else's: an alias is never followed through another account. That would also let the other account say who is meant.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::bounds::{BESIDE, ROOM, has_room, octets};
use crate::private::{Address, Domain};
use crate::quota::{Name, OwnLimit};

/// Most aliases in a row that are followed.
const CHAIN: usize = 20;
/// Octets of all aliases of one account, as they stand in the panel: some 40,000 of them.
const ACCOUNT: usize = 4 << 20;
/// Steps from an alias to a target, for one alias and for all of one account.
const STEPS: usize = 4096;
const ACCOUNT_STEPS: usize = 1 << 20;

/// Aliases as they stand in the panel.
#[derive(Default)]
pub(super) struct Leads {
    /// None: too much.
    targets: BTreeMap<Address, Option<Vec<Address>>>,
    taken: HashMap<Name, usize>,
}

/// Aliases as they are for the book.
#[derive(Default)]
pub(super) struct Followed {
    pub(super) aliases: BTreeMap<Address, Vec<Address>>,
    /// How many lead back to themselves, and nowhere else.
    pub(super) loops: u64,
    /// How many lead to more than one alias may, or in more steps.
    pub(super) too_much: u64,
}

impl Leads {
    /// Puts these beside what the alias has. False: this is too much, and the alias is left out.
    pub(super) fn add<'a>(&mut self, account: &Name, alias: Address, targets: impl Iterator<Item = &'a str>) -> bool {
        let taken = self.taken.entry(account.clone()).or_default();
        let is_known = match self.targets.get(&alias) {
            Some(None) => return true,
            known => known.is_some(),
        };
        if !is_known && *taken > ACCOUNT {
            return false;
        }
        let mut found = self.targets.get_mut(&alias).and_then(Option::take).unwrap_or_default();
        let before: usize = found.iter().map(octets).sum();
        let mut all = before;
        let fits = targets.into_iter().all(|target| {
            all += target.len() + BESIDE;
            found.extend(Address::parse(target));
            all <= ROOM
        });
        // Most lead to one mailbox, and there are tens of thousands.
        found.shrink_to_fit();
        *taken += if is_known { 0 } else { octets(&alias) } + (all - before);
        let fits = fits && *taken <= ACCOUNT;
        self.targets.insert(alias, fits.then_some(found));
        fits
    }

    /// Follows them all.
    pub(super) fn followed(
        mut self,
        domains: &BTreeMap<Domain, Name>,
        standing: &BTreeMap<Domain, Domain>,
        mailboxes: &BTreeMap<Address, Option<OwnLimit>>,
    ) -> Followed {
        // Who gets a copy of another's mail is not that other: a mailbox is no alias.
        self.targets.retain(|alias, _| domains.contains_key(alias.domain()) && !mailboxes.contains_key(alias));
        for (alias, targets) in &mut self.targets {
            let (account, Some(targets)) = (domains.get(alias.domain()), targets) else { continue };
            for target in targets.iter_mut() {
                canonical(target, standing);
            }
            targets.retain(|target| domains.get(target.domain()) == account);
            targets.sort_unstable();
            targets.dedup();
            targets.shrink_to_fit();
        }
        let mut found = Followed::default();
        // Most lead to mailboxes alone, and are there already.
        let mut further = BTreeMap::new();
        let mut steps: HashMap<&Name, usize> = HashMap::new();
        for (alias, targets) in &self.targets {
            let Some(targets) = targets else { continue };
            if !targets.iter().all(|target| mailboxes.contains_key(target)) {
                let steps = domains.get(alias.domain()).map(|account| steps.entry(account).or_default());
                let all = steps.and_then(|steps| self.follow(alias, mailboxes, steps));
                further.insert(alias.clone(), all);
            }
        }
        for (alias, targets) in self.targets {
            let (targets, round) = match (further.remove(&alias), targets) {
                // Told when it was read.
                (_, None) => continue,
                (None, Some(targets)) => (targets, false),
                (Some(Some((targets, round))), _) => (targets, round),
                (Some(None), _) => {
                    found.too_much += 1;
                    continue;
                }
            };
            let is_too_much = !has_room(&targets);
            found.loops += u64::from(round && targets.is_empty());
            found.too_much += u64::from(is_too_much);
            if !is_too_much && !targets.is_empty() {
                found.aliases.insert(alias, targets);
            }
        }
        found
    }

    /// The mailboxes that an alias leads to, and whether it also leads to itself; none when that takes too many steps.
    fn follow(
        &self,
        alias: &Address,
        mailboxes: &BTreeMap<Address, Option<OwnLimit>>,
        account_steps: &mut usize,
    ) -> Option<(Vec<Address>, bool)> {
        let (mut seen, mut next, mut round, mut found) = (BTreeSet::from([alias]), vec![alias], false, BTreeSet::new());
        let mut steps = 0;
        for _ in 0..CHAIN {
            for target in std::mem::take(&mut next).into_iter().filter_map(|at| self.targets.get(at)?.as_ref()).flatten() {
                steps += 1;
                *account_steps += 1;
                if steps > STEPS || *account_steps > ACCOUNT_STEPS {
                    return None;
                }
                round |= target == alias;
                if mailboxes.contains_key(target) {
                    found.insert(target);
                } else if seen.insert(target) {
                    next.push(target);
                }
            }
        }
        Some((found.into_iter().cloned().collect(), round))
    }
}

fn canonical(address: &mut Address, standing: &BTreeMap<Domain, Domain>) {
    let other = standing.get(address.domain());
    let other = other.and_then(|domain| Address::parse(&format!("{}@{}", address.reveal_local(), domain.reveal())));
    if let Some(other) = other {
        *address = other;
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::super::list::PanelList;
    use super::super::odd::OddWhy;
    use super::*;

    /// Two accounts, each with a domain of its name and a mailbox `bob`.
    fn list() -> PanelList {
        let mut list = PanelList::of(true, true);
        for account in ["good", "evil"] {
            let name = list.name("t", account).unwrap();
            let domain = list.domain("t", &format!("{account}.example"), &name).unwrap();
            list.mailbox("t", "bob", &domain, Some(OwnLimit::Default));
        }
        for (alias, target) in [("info@good.example", "bob@good.example"), ("chain@good.example", "info@good.example")] {
            list.alias("t", alias, [target].into_iter());
        }
        list
    }

    /// What the other account has is as if there were no such account.
    fn good(list: &mut PanelList) -> u64 {
        let begin = Instant::now();
        list.finish();
        assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
        let good = list.aliases.keys().filter(|alias| alias.domain().reveal() == "good.example").count();
        assert_eq!(good, 2);
        list.odd.count("aliases", OddWhy::TooMuch)
    }

    #[test]
    fn one_field_of_megabytes_leaves_one_alias_out() {
        let mut list = list();
        let many: String = (0..200_000).map(|number| format!("someone.or.other.{number}@evil.example\n")).collect();
        for _ in 0..3 {
            list.alias("t", "all@evil.example", many.lines());
        }
        list.alias("t", "some@evil.example", ["bob@evil.example"].into_iter());
        // In as many rows as there are targets.
        for number in 0..20_000 {
            list.alias("t", "row@evil.example", [format!("x{number}@evil.example").as_str()].into_iter());
        }
        let held: usize = list.leads().targets.values().flatten().map(Vec::len).sum();
        assert!(held < 10, "{held}");
        assert_eq!(list.odd.count("t", OddWhy::TooMuch), 2);
        assert_eq!((good(&mut list), list.aliases.len()), (0, 3));
    }

    #[test]
    fn very_many_aliases_are_the_accounts_own_trouble() {
        let mut list = list();
        for number in 0..100_000 {
            let target = format!("a-target-that-takes-some-room-{number}@elsewhere.example");
            list.alias("t", &format!("alias{number}@evil.example"), [target.as_str()].into_iter());
        }
        assert!((20_000..80_000).contains(&list.odd.count("t", OddWhy::TooMuch)));
        good(&mut list);
    }

    #[test]
    fn aliases_that_all_lead_to_each_other_end_soon() {
        let mut list = list();
        let all: String = (0..300).map(|number| format!("alias{number}@evil.example\n")).collect();
        for number in 0..3000 {
            list.alias("t", &format!("alias{number}@evil.example"), all.lines().chain(["bob@evil.example"]));
        }
        // Who leads there does not go there.
        list.alias("t", "chain@good.example", ["alias0@evil.example"].into_iter());
        assert!(good(&mut list) > 0);
    }

    #[test]
    fn another_account_does_not_say_who_is_meant() {
        let mut list = list();
        list.alias("t", "out@good.example", ["back@evil.example"].into_iter());
        list.alias("t", "back@evil.example", ["bob@good.example"].into_iter());
        good(&mut list);
        assert_eq!(list.aliases.len(), 2);
    }
}
