//! What etcd knows of an association: who judges it, and how much may still come from whom. No time, no usage, no name.

use std::fmt;

/// One process of a node, or the same process after it lost its lease: never used twice.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Life {
    /// The node's name: what [`crate::node::is_name`] takes.
    pub node: String,
    /// Drawn at random.
    pub number: u64,
}

/// See the head of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deed {
    /// Who judges, and the octets that it may have on their way unconfirmed; none after it was handed back.
    pub holder: Option<(Life, u64)>,
    /// Octets that may still come from those before.
    pub left: Vec<(Life, u64)>,
}

impl Deed {
    /// The deed of the next judge: what the one before may have on its way is kept, but of those that `ended`.
    pub fn taken_by(&self, life: Life, flight: u64, ended: impl Fn(&Life) -> bool) -> Deed {
        let mut left: Vec<(Life, u64)> = Vec::new();
        for (life, octets) in self.left.iter().chain(&self.holder).filter(|(life, _)| !ended(life)) {
            // A node strikes all its lives of before together, so one line for each node is enough.
            match left.iter_mut().find(|(other, _)| other.node == life.node) {
                Some(line) => *line = (life.clone(), line.1.saturating_add(*octets)),
                None => left.push((life.clone(), *octets)),
            }
        }
        Deed { holder: Some((life, flight)), left }
    }

    /// Without what can come no more.
    pub fn without(&self, ended: impl Fn(&Life) -> bool) -> Deed {
        let left = self.left.iter().filter(|(life, _)| !ended(life)).cloned().collect();
        Deed { holder: self.holder.clone(), left }
    }

    /// Octets that are to be held back from every limit in this association.
    pub fn withheld(&self) -> u64 {
        self.left.iter().fold(0, |sum, (_, octets)| sum.saturating_add(*octets))
    }

    /// Reads what [`Deed`]'s text says.
    ///
    /// # Errors
    /// None for anything else: then nobody knows who judges, and nobody may.
    pub fn read(text: &str) -> Option<Deed> {
        let mut lines = text.lines();
        let holder = match lines.next()? {
            "-" => None,
            line => Some(part(line)?),
        };
        Some(Deed { holder, left: lines.map(part).collect::<Option<_>>()? })
    }
}

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.holder.is_none() {
            writeln!(f, "-")?;
        }
        for (life, octets) in self.holder.iter().chain(&self.left) {
            writeln!(f, "{} {:016x} {octets}", life.node, life.number)?;
        }
        Ok(())
    }
}

fn part(line: &str) -> Option<(Life, u64)> {
    let words: Vec<_> = line.split(' ').collect();
    let [node, number, octets] = words[..] else { return None };
    let digits = |text: &str, most: usize| (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
    let is_number = digits(number, 16) && number.len() == 16 && digits(octets, 20);
    let life = Life { node: node.into(), number: u64::from_str_radix(number, 16).ok()? };
    (is_number && crate::node::is_name(node)).then_some((life, octets.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn life(node: &str, number: u64) -> Life {
        Life { node: node.into(), number }
    }

    #[test]
    fn it_reads_as_it_was_written_and_anything_else_is_none() {
        let first = Deed::default().taken_by(life("front-a", 7), 5, |_| false);
        let second = first.taken_by(life("front-b", u64::MAX), 6, |_| false);
        assert_eq!(second.withheld(), 5);
        let given = Deed { holder: None, ..second.clone() };
        for deed in [Deed::default(), first, second.clone(), given] {
            assert_eq!(Deed::read(&deed.to_string()), Some(deed));
        }
        for text in
            ["", "\n", "front-a 7 5", "- \n", "-\n-", "A 0000000000000007 5", "a 0000000000000007 +5", "a 0000000000000007 5 6"]
        {
            assert_eq!(Deed::read(text), None, "{text}");
        }
        let again = second.taken_by(life("front-a", 8), 1, |_| false).taken_by(life("front-b", 9), 2, |_| false);
        assert_eq!(again.left, [(life("front-a", 8), 6), (life("front-b", u64::MAX), 6)], "a line for each node");
        let third = second.taken_by(life("front-a", 8), 9, |life| life.node == "front-a");
        assert_eq!((third.withheld(), third.without(|_| true).withheld()), (6, 0));
    }
}
