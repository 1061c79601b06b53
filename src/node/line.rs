//! What node and witness say to each other: lines of ASCII words; behind some of them so many octets as the line says.

use std::fmt;

use super::Bid;

/// The version of all this. Another one is not understood.
pub const VERSION: u64 = 2;

/// Octets of a copy at most, and of what comes with any word: a hundred times thirty thousand mailboxes are less.
pub const COPY_OCTETS: u64 = 512 << 20;

/// Octets of a line at most, its end among them.
pub const LINE_OCTETS: u64 = 200;

/// What a node says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeWord {
    /// First: its version, and which process it is.
    Hello(u64, u64),
    /// May I judge? With a number.
    Ask(u64, Bid),
    /// Here is the book of who judges by lease `term`, sealed, with so many octets: copy `number`, behind copy `previous` and no other.
    Put {
        /// Which lease.
        term: u64,
        /// The newest copy that the node knows of; 0 for none.
        previous: u64,
        /// What this one is called.
        number: u64,
        /// How long it is.
        octets: u64,
    },
    /// Give me the newest copy.
    Get,
    /// Tell me what the mailboxes hold.
    Count,
    /// I judge no more.
    Leave,
}

/// The answer to a question for the lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseWord {
    /// Yours.
    Yes,
    /// Yours soon: the storage is being closed to everybody else.
    Closing,
    /// Another one's.
    No,
}

words! { LeaseWord, "A lease is given, being given, or not.": Yes = "yes", Closing = "closing", No = "no" }

/// What the witness says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WitnessWord {
    /// First: its version, and the name that the node has here.
    Hello(u64, String),
    /// To a question: its number, the answer, which lease that is about, the number of the newest copy, and whether the other node wants to judge.
    Lease(u64, LeaseWord, u64, u64, bool),
    /// The copy is on the disk, with this number.
    Kept(u64),
    /// It is not: you do not hold the lease, another copy is the newest, or the disk takes nothing.
    NotKept,
    /// The newest copy: its number, and so many octets.
    Copy(u64, u64),
    /// A part of what the mailboxes hold, as `usage load` of the admins' socket, with so many octets.
    Load(u64),
    /// That was all: whole, or with some missing.
    Counted(bool),
}

impl fmt::Display for NodeWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NodeWord::Hello(version, life) => writeln!(f, "hello {version} {life:x}"),
            NodeWord::Ask(number, wish) => writeln!(f, "ask {number} {}", wish.word()),
            NodeWord::Put { term, previous, number, octets } => writeln!(f, "put {term} {previous} {number} {octets}"),
            NodeWord::Get => writeln!(f, "get"),
            NodeWord::Count => writeln!(f, "count"),
            NodeWord::Leave => writeln!(f, "leave"),
        }
    }
}

impl NodeWord {
    /// Reads a line, without its end.
    pub fn read(line: &str) -> Option<NodeWord> {
        let words: Vec<_> = line.split(' ').collect();
        Some(match words[..] {
            ["hello", version, life] => NodeWord::Hello(number(version)?, u64::from_str_radix(life, 16).ok()?),
            ["ask", asked, wish] => NodeWord::Ask(number(asked)?, wish.parse().ok()?),
            ["put", term, previous, copy, octets] => {
                NodeWord::Put { term: number(term)?, previous: number(previous)?, number: number(copy)?, octets: number(octets)? }
            }
            ["get"] => NodeWord::Get,
            ["count"] => NodeWord::Count,
            ["leave"] => NodeWord::Leave,
            _ => return None,
        })
    }
}

impl fmt::Display for WitnessWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WitnessWord::Hello(version, name) => writeln!(f, "hello {version} {name}"),
            WitnessWord::Lease(number, word, term, newest, called) => {
                writeln!(f, "lease {number} {} {term} {newest} {}", word.word(), if *called { "called" } else { "-" })
            }
            WitnessWord::Kept(number) => writeln!(f, "kept {number}"),
            WitnessWord::NotKept => writeln!(f, "not-kept"),
            WitnessWord::Copy(number, octets) => writeln!(f, "copy {number} {octets}"),
            WitnessWord::Load(octets) => writeln!(f, "load {octets}"),
            WitnessWord::Counted(whole) => writeln!(f, "counted {}", if *whole { "whole" } else { "partly" }),
        }
    }
}

impl WitnessWord {
    /// Reads a line, without its end.
    pub fn read(line: &str) -> Option<WitnessWord> {
        let words: Vec<_> = line.split(' ').collect();
        Some(match words[..] {
            ["hello", version, name] if is_name(name) => WitnessWord::Hello(number(version)?, name.into()),
            ["lease", asked, word, term, newest, called @ ("called" | "-")] => {
                WitnessWord::Lease(number(asked)?, word.parse().ok()?, number(term)?, number(newest)?, called == "called")
            }
            ["kept", copy] => WitnessWord::Kept(number(copy)?),
            ["not-kept"] => WitnessWord::NotKept,
            ["copy", copy, octets] => WitnessWord::Copy(number(copy)?, number(octets)?),
            ["load", octets] => WitnessWord::Load(number(octets)?),
            ["counted", word @ ("whole" | "partly")] => WitnessWord::Counted(word == "whole"),
            _ => return None,
        })
    }

    /// How many octets follow it.
    pub fn octets(&self) -> u64 {
        match self {
            WitnessWord::Copy(_, octets) | WitnessWord::Load(octets) => *octets,
            _ => 0,
        }
    }
}

/// Whether a node can have this name: it goes into lines and into an argument of a program.
pub fn is_name(name: &str) -> bool {
    let sign = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=32).contains(&name.len()) && name.bytes().all(sign) && !name.starts_with('-')
}

fn number(text: &str) -> Option<u64> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_reads_as_it_was_written() {
        for word in [
            NodeWord::Hello(1, u64::MAX),
            NodeWord::Ask(7, Bid::Now),
            NodeWord::Put { term: u64::MAX, previous: 0, number: 7, octets: 5 },
            NodeWord::Get,
            NodeWord::Count,
            NodeWord::Leave,
        ] {
            let line = word.to_string();
            assert_eq!(NodeWord::read(line.strip_suffix('\n').unwrap()), Some(word));
        }
        for word in [
            WitnessWord::Hello(1, "front-a".into()),
            WitnessWord::Lease(1, LeaseWord::Yes, u64::MAX, 3, true),
            WitnessWord::Lease(2, LeaseWord::Closing, 7, 0, false),
            WitnessWord::Kept(9),
            WitnessWord::NotKept,
            WitnessWord::Copy(1, 2),
            WitnessWord::Load(3),
            WitnessWord::Counted(true),
            WitnessWord::Counted(false),
        ] {
            let line = word.to_string();
            assert_eq!(WitnessWord::read(line.strip_suffix('\n').unwrap()), Some(word));
        }
    }

    #[test]
    fn anything_else_is_no_word() {
        for line in [
            "",
            " get",
            "get ",
            "get now",
            "put 1 2 3 -1",
            "put 1 2 3 +1",
            "put 1 2 3",
            "ask 1 perhaps",
            "hello 1 xyz",
            "put 99999999999999999999",
        ] {
            assert_eq!(NodeWord::read(line), None, "{line}");
        }
        for line in ["hello 1 ", "hello 1 A", "hello 1 -x", "lease 1 yes 1 1", "counted", "counted all", "kept", "copy 1"] {
            assert_eq!(WitnessWord::read(line), None, "{line}");
        }
    }
}
