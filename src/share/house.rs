//! By what nodes know that they speak of the same: one word in etcd, put there by whoever comes first into an empty one.
//!
//! ```text
//! nologd/house     MARK.CHANCE     MARK is made of the key of all nodes, CHANCE is a random number
//! ```
//!
//! Nodes with different keys call one association by different numbers, and each would judge it. So would nodes that speak to different etcds: a cluster's own
//! number tells those apart only where their members have different names, and all that were started by themselves are called the same. Chance tells
//! them apart, and tells when one was emptied.

use std::fmt;

/// The word. See the head of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HouseWord {
    mark: String,
    chance: u64,
}

impl HouseWord {
    /// A new one, of the nodes whose key has this mark; `chance` is random.
    pub fn new(mark: &str, chance: u64) -> HouseWord {
        HouseWord { mark: mark.to_owned(), chance }
    }

    /// Reads what its text says; none for anything else.
    pub fn read(text: &str) -> Option<HouseWord> {
        let (mark, chance) = text.split_once('.')?;
        (is_hex(mark, 32) && is_hex(chance, 16))
            .then_some(HouseWord { mark: mark.to_owned(), chance: u64::from_str_radix(chance, 16).ok()? })
    }

    /// What is made of the key.
    pub fn mark(&self) -> &str {
        &self.mark
    }
}

impl fmt::Display for HouseWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:016x}", self.mark, self.chance)
    }
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// What a node says of itself to another one that comes to its listener: the house, as far as it is known, and whether it is in it.
///
/// ```text
/// MARK.CHANCE.in     MARK.-.out
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GreetingWord {
    /// See [`HouseWord`].
    pub mark: String,
    /// None: etcd has not told it yet.
    pub house: Option<HouseWord>,
    /// It judges, or would.
    pub is_in: bool,
}

impl GreetingWord {
    /// Reads one; none for anything else.
    pub fn read(text: &str) -> Option<GreetingWord> {
        let (rest, stands) = text.rsplit_once('.')?;
        let is_in = match stands {
            "in" => true,
            "out" => false,
            _ => return None,
        };
        match rest.strip_suffix(".-") {
            Some(mark) => is_hex(mark, 32).then(|| GreetingWord { mark: mark.to_owned(), house: None, is_in }),
            None => HouseWord::read(rest).map(|house| GreetingWord { mark: house.mark.clone(), house: Some(house), is_in }),
        }
    }
}

impl fmt::Display for GreetingWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.house {
            Some(house) => write!(f, "{house}")?,
            None => write!(f, "{}.-", self.mark)?,
        }
        f.write_str(if self.is_in { ".in" } else { ".out" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_as_it_was_written_and_anything_else_is_none() {
        let mark = "0123456789abcdef".repeat(2);
        let house = HouseWord::new(&mark, 7);
        assert_eq!(HouseWord::read(&house.to_string()), Some(house.clone()));
        for (house, is_in) in [(Some(house), true), (None, false)] {
            let word = GreetingWord { mark: mark.clone(), house, is_in };
            assert_eq!(GreetingWord::read(&word.to_string()), Some(word));
        }
        for text in ["", ".", "0.0", &format!("{mark}.+000000000000007"), &format!("{mark}.7"), &format!("{mark}."), &mark] {
            assert_eq!((HouseWord::read(text), GreetingWord::read(&format!("{text}.in"))), (None, None), "{text}");
        }
        assert_eq!(GreetingWord::read(&format!("{mark}.-.maybe")), None);
    }
}
