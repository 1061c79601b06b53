//! The command line. Small enough to be read by hand; `--bench` is what cargo adds.

use crate::peers::Peer;
use crate::rows::Row;

/// What the caller wants.
pub enum Wish {
    /// Called by a test runner, not by `cargo bench`: there are no tests in here.
    Nothing,
    Help(String),
    Wrong(String),
    /// The hidden sub-command: be the mail server behind all peers.
    Backend,
    Run(Args),
}

/// Rows, peers and form of the output.
pub struct Args {
    pub rows: Vec<Row>,
    pub peers: Vec<Peer>,
    pub json: bool,
    pub write: bool,
    pub full: bool,
    /// Rounds of each row, the peers taking turns; the median is told.
    pub repeat: usize,
}

/// The hidden word that turns this program into the backend.
pub const BACKEND: &str = "--fake-backend";

impl Args {
    pub fn read() -> Wish {
        let words: Vec<String> = std::env::args().skip(1).collect();
        if words.first().is_some_and(|word| word == BACKEND) {
            return Wish::Backend;
        }
        if !words.iter().any(|word| word == "--bench") {
            return Wish::Nothing;
        }
        Self::parse(words.iter().map(String::as_str).filter(|word| *word != "--bench"))
    }

    fn parse<'a>(mut words: impl Iterator<Item = &'a str>) -> Wish {
        let mut args = Self { rows: Vec::new(), peers: Vec::new(), json: false, write: false, full: false, repeat: 3 };
        while let Some(word) = words.next() {
            match word {
                "--help" | "-h" => return Wish::Help(usage()),
                "--json" => args.json = true,
                "--write" => args.write = true,
                "--full" => args.full = true,
                "--peer" => match words.next().and_then(Peer::named) {
                    Some(peer) => args.peers.push(peer),
                    None => return Wish::Wrong(usage()),
                },
                "--repeat" => match words.next().and_then(|word| word.parse().ok()).filter(|times| (1..=99).contains(times)) {
                    Some(times) => args.repeat = times,
                    None => return Wish::Wrong(usage()),
                },
                name => match Row::named(name) {
                    Some(row) => args.rows.push(row),
                    None => return Wish::Wrong(format!("no row is named `{name}`\n{}", usage())),
                },
            }
        }
        if args.rows.is_empty() {
            args.rows = Row::ALL.to_vec();
        }
        if args.peers.is_empty() {
            args.peers = Peer::ALL.to_vec();
        }
        Wish::Run(args)
    }
}

fn usage() -> String {
    let rows: Vec<_> = Row::ALL.iter().map(|row| row.name()).collect();
    let peers: Vec<_> = Peer::ALL.iter().map(|peer| peer.name()).collect();
    format!(
        "cargo bench --bench side_by_side -- [ROW ...] [--peer PEER ...] [--repeat N] [--full] [--json] [--write]\n\
         ROW    {}; default: all\n\
         PEER   {}; may be repeated; default: all\n\
         --repeat N  rounds of each row, the peers taking turns; the median is told; default: 3\n\
         --full   idle: up to 10,000 sessions instead of 2,000\n\
         --json   figures for machines on standard output\n\
         --write  also write benches/RESULTS.md",
        rows.join(" "),
        peers.join(" ")
    )
}
