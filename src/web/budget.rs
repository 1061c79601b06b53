//! How much members, contacts and strangers make the daemon do at the pages: changes that wait for the disk, links that wait to be made. In memory
//! only, and forgotten within minutes.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use crate::private::Address;

/// Changes that one contact may make to shares within [`CHANGED`]: an association may have many mailboxes.
const SHARINGS: u32 = 200;
/// Changes that one member may make.
const CHANGES: u32 = 20;
/// Changes that weigh what is used at this moment.
const WEIGHINGS: u32 = 4;
/// How long they count.
const CHANGED: Duration = Duration::from_secs(10 * 60);

/// How much members and contacts change: each change waits for the disk, and there are thousands of them.
#[derive(Default)]
pub struct ChangeBudget(HashMap<Box<str>, (Duration, u32)>);

impl ChangeBudget {
    /// Whether `who` may change something more now; it is counted.
    pub fn take(&mut self, who: &Address, now: Duration) -> bool {
        self.charge(who, now, SHARINGS / CHANGES)
    }

    /// The same for a contact that shares out.
    pub fn take_sharing(&mut self, who: &Address, now: Duration) -> bool {
        self.charge(who, now, 1)
    }

    /// The same for a change that weighs the use of this moment: an answer is a bit of it, and many answers are all of it
    /// (docs/side-information.md).
    pub fn take_weighing(&mut self, who: &Address, now: Duration) -> bool {
        self.charge(who, now, SHARINGS / WEIGHINGS)
    }

    /// What is refused costs nothing: what is dear and too much leaves what is left for what is cheap.
    fn charge(&mut self, who: &Address, now: Duration, price: u32) -> bool {
        self.sweep(now);
        let (began, spent) = self.0.get(&*who.reveal()).copied().unwrap_or((now, 0));
        let Some(spent) = spent.checked_add(price).filter(|spent| *spent <= SHARINGS) else { return false };
        self.0.insert(who.reveal().into(), (began, spent));
        true
    }

    /// Forgets what is over.
    pub fn sweep(&mut self, now: Duration) {
        self.0.retain(|_, (began, _)| now.saturating_sub(*began) < CHANGED);
        self.0.shrink_to_fit();
    }
}

/// Contacts who asked for links and whose request is not looked at yet: each once.
#[derive(Default)]
pub struct AskedLinks(HashSet<Address>);

impl AskedLinks {
    /// Whether it has its turn: it is `known`, and does not wait already.
    pub fn add(&mut self, address: Address, known: bool) -> bool {
        known && self.0.insert(address)
    }

    /// It is looked at.
    pub fn end(&mut self, address: &Address) {
        self.0.remove(address);
        self.0.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_000_000);

    #[test]
    fn a_member_changes_as_much_as_a_person_would() {
        let (mut changes, alice, bob) =
            (ChangeBudget::default(), "alice@velo.example".parse().unwrap(), "bob@velo.example".parse().unwrap());
        let taken = (0..1000).filter(|second| changes.take(&alice, NOW + Duration::from_millis(*second))).count();
        assert_eq!(taken, CHANGES as usize);
        assert!(changes.take(&bob, NOW) && !changes.take(&alice, NOW + CHANGED - Duration::from_secs(1)));
        assert!(changes.take(&alice, NOW + CHANGED));
        let carl = "carl@velo.example".parse().unwrap();
        let weighed =
            (0..100).filter(|second| changes.take_weighing(&carl, NOW + CHANGED + Duration::from_secs(*second))).count();
        assert_eq!(weighed, WEIGHINGS as usize);
        let rose = "rose@jardin.example".parse().unwrap();
        let shared = (0..1000).filter(|second| changes.take_sharing(&rose, NOW + Duration::from_millis(*second))).count();
        assert_eq!(shared, SHARINGS as usize);
        changes.sweep(NOW + CHANGED + CHANGED);
        assert!(changes.0.is_empty());
    }

    #[test]
    fn what_is_refused_costs_nothing() {
        let (mut changes, carl): (_, Address) = (ChangeBudget::default(), "carl@velo.example".parse().unwrap());
        let left = SHARINGS / WEIGHINGS - 1;
        assert!((0..SHARINGS - left).all(|_| changes.take_sharing(&carl, NOW)));
        assert!((0..5).all(|_| !changes.take_weighing(&carl, NOW)), "more than is left");
        assert_eq!((0..2 * left).filter(|_| changes.take_sharing(&carl, NOW)).count(), left as usize);
        assert!(
            !changes.take(&carl, NOW) && changes.take_weighing(&carl, NOW + CHANGED),
            "and the ten minutes are those of the first"
        );
    }

    #[test]
    fn a_contact_who_asks_without_end_waits_once_and_nobody_waits_for_nothing() {
        let (mut asked, carl, eve): (_, Address, Address) =
            (AskedLinks::default(), "carl@velo.example".parse().unwrap(), "eve@velo.example".parse().unwrap());
        assert!((0..1000).filter(|_| asked.add(carl.clone(), true)).count() == 1);
        assert!((0..1000).all(|_| !asked.add(eve.clone(), false)) && asked.0.len() == 1);
        asked.end(&carl);
        assert!(asked.0.capacity() == 0 && asked.add(carl, true));
    }
}
