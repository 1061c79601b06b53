//! Which storages a node reaches, as it says in etcd: the value of its life's key, about no association and no person. Empty while all goes well.
//!
//! ```text
//! -STORE ... +STORE ...     those that it has not reached for a while; those that it does, where another node says that it does not
//! ```
//!
//! A judge that does not reach a storage stores nothing, at no node. Where another node does, that one is to judge. Where none says so, all stays where it is: a storage
//! that is down for everybody moves nothing.

use std::collections::BTreeSet;
use std::fmt;

/// A storage, by a number that all nodes make of its name.
pub type StoreNumber = u64;

/// See the head of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Not reached.
    pub away: BTreeSet<StoreNumber>,
    /// Reached, for whoever does not.
    pub here: BTreeSet<StoreNumber>,
}

impl Reach {
    /// Reads what its text says. What cannot be read says nothing: it is of a newer node.
    pub fn read(text: &str) -> Reach {
        let mut reach = Reach::default();
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            let Some((sign, number)) = word.split_at_checked(1) else { return Reach::default() };
            let is_number = number.len() == 16 && number.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            match (sign, StoreNumber::from_str_radix(number, 16)) {
                ("-", Ok(store)) if is_number => reach.away.insert(store),
                ("+", Ok(store)) if is_number => reach.here.insert(store),
                _ => return Reach::default(),
            };
        }
        reach
    }

    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.away.is_empty() && self.here.is_empty()
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let away = self.away.iter().map(|store| ('-', store));
        for (at, (sign, store)) in away.chain(self.here.iter().map(|store| ('+', store))).enumerate() {
            write!(f, "{}{sign}{store:016x}", if at == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_as_it_was_written_and_anything_else_says_nothing() {
        for (away, here) in [(vec![], vec![]), (vec![7], vec![]), (vec![1, u64::MAX], vec![0, 9])] {
            let reach = Reach { away: away.into_iter().collect(), here: here.into_iter().collect() };
            assert_eq!(Reach::read(&reach.to_string()), reach);
        }
        let one = "0000000000000001";
        for odd in ["-", "-1", "?", &format!("*{one}"), &format!("-+{}", &one[1..]), &format!("-{one} x"), "\u{e9}"] {
            assert!(Reach::read(odd).is_empty(), "{odd}");
        }
    }
}
