//! The mailboxes of one association, found by their number and by their address.
//!
//! Each lies here once, in the order of the numbers, and four octets more say which place it has in the order of the addresses: two maps would
//! take more than the mailboxes themselves. To put one in the middle of that order, or to take one out, moves what is behind it; both are
//! seldom, and moving some 100 kB takes no time that anybody notices.

use super::entry::Entry;
use crate::private::Address;

/// Numbers are never used twice: a reservation that outlives its mailbox finds nothing, not the next mailbox of that name.
#[derive(Default)]
pub(super) struct Roll {
    entries: Vec<Entry>,
    /// Places in `entries`, in the order of the addresses.
    by_address: Vec<u32>,
    last: u64,
}

impl Roll {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// In the order in which they came.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.entries.iter_mut()
    }

    pub(super) fn numbers(&self) -> Vec<u64> {
        self.iter().map(Entry::number).collect()
    }

    pub(super) fn entry(&self, number: u64) -> Option<&Entry> {
        self.entries.get(self.place(number)?)
    }

    pub(super) fn entry_mut(&mut self, number: u64) -> Option<&mut Entry> {
        let place = self.place(number)?;
        self.entries.get_mut(place)
    }

    fn place(&self, number: u64) -> Option<usize> {
        self.entries.binary_search_by_key(&number, Entry::number).ok()
    }

    pub(super) fn number(&self, address: &Address) -> Option<u64> {
        let order = self.find(address).ok()?;
        self.at(order).map(Entry::number)
    }

    fn at(&self, order: usize) -> Option<&Entry> {
        self.entries.get(*self.by_address.get(order)? as usize)
    }

    /// Where it is in the order of the addresses, or where it would be.
    fn find(&self, address: &Address) -> Result<usize, usize> {
        // At the start, most come in their order.
        if self.at(self.by_address.len().wrapping_sub(1)).is_none_or(|last| last.address < *address) {
            return Err(self.by_address.len());
        }
        self.by_address.binary_search_by(|place| match self.entries.get(*place as usize) {
            Some(entry) => entry.address.cmp(address),
            None => std::cmp::Ordering::Less,
        })
    }

    /// The number of the mailbox with this address; it is `made` when missing.
    pub(super) fn insert(&mut self, address: &Address, made: impl FnOnce(u64) -> Entry) -> u64 {
        let order = match self.find(address) {
            Ok(order) => return self.at(order).map_or(0, Entry::number),
            Err(order) => order,
        };
        self.last += 1;
        // There is no memory for so many that a place would not fit.
        self.by_address.insert(order, self.entries.len() as u32);
        self.entries.push(made(self.last));
        self.last
    }

    pub(super) fn remove(&mut self, address: &Address) -> Option<Entry> {
        let place = self.by_address.remove(self.find(address).ok()?);
        self.by_address.iter_mut().filter(|other| **other > place).for_each(|other| *other -= 1);
        Some(self.entries.remove(place as usize))
    }

    /// Takes out those that go.
    pub(super) fn take(&mut self, goes: impl Fn(&Entry) -> bool) -> Vec<Entry> {
        let taken: Vec<_> = self.entries.extract_if(.., |entry| goes(entry)).collect();
        if !taken.is_empty() {
            self.by_address = (0..self.entries.len() as u32).collect();
            self.by_address.sort_unstable_by_key(|place| self.entries.get(*place as usize).map(|entry| &entry.address));
        }
        taken
    }

    /// So many more will come.
    pub(super) fn expect(&mut self, more: usize) {
        self.entries.reserve_exact(more);
        self.by_address.reserve_exact(more);
    }

    /// Gives back what was kept for more to come, where it is much.
    pub(super) fn fit(&mut self) {
        let spare = self.entries.capacity() - self.entries.len();
        if spare > self.entries.len() / 16 {
            self.entries.shrink_to_fit();
            self.by_address.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn at(number: u64) -> Address {
        Address::parse(&format!("m{number}@{}.example", if number.is_multiple_of(3) { "velo" } else { "jardin" })).unwrap()
    }

    /// Beside a map of each kind, through many comings and goings.
    #[test]
    fn it_finds_what_maps_find() {
        let (mut roll, mut by_address, mut random) = (Roll::default(), BTreeMap::new(), 1_u64);
        let mut next = 0;
        for step in 0..5000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let address = at((random >> 33) % 200);
            match (random >> 20) % 8 {
                0..5 => {
                    let number = roll.insert(&address, |number| Entry::new(address.clone(), number));
                    let known = *by_address.entry(address).or_insert_with(|| {
                        next += 1;
                        next
                    });
                    assert_eq!(number, known);
                }
                5 | 6 => assert_eq!(roll.remove(&address).map(|entry| entry.number()), by_address.remove(&address)),
                _ if step % 50 == 0 => {
                    let goes = |address: &Address| address.domain().reveal() == "velo.example";
                    let taken = roll.take(|entry| goes(&entry.address)).len();
                    let before = by_address.len();
                    by_address.retain(|address, _| !goes(address));
                    assert_eq!(taken, before - by_address.len());
                }
                _ => roll.fit(),
            }
            assert_eq!(roll.len(), by_address.len());
            for number in 0..200 {
                let known = by_address.get(&at(number)).copied();
                assert_eq!(roll.number(&at(number)), known);
                assert!(known.is_none_or(|known| roll.entry(known).is_some_and(|entry| entry.address == at(number))));
            }
            assert!(roll.entry(next + 1).is_none() && roll.numbers().is_sorted());
        }
    }
}
