//! The command line. Small enough to be read by hand; `--bench` is what cargo adds.

use std::path::PathBuf;
use std::time::Duration;

use crate::load::Door;
use crate::peers::Peer;
use crate::rows::Row;

/// What the caller wants.
pub enum Wish {
    /// Called by a test runner, not by `cargo bench`: there are no tests in here.
    Nothing,
    Help(String),
    Wrong(String),
    /// A hidden sub-command: be the mail server behind all peers.
    Backend,
    /// A hidden sub-command: fill a book in this folder with so many associations, and make so many reservations.
    Book(PathBuf, usize, u64),
    /// A hidden sub-command: copy between this port and that of the backend.
    Copy(u16, u16),
    /// The same with TLS towards the clients, or on both sides.
    TlsCopy {
        port: u16,
        backend: Door,
        chain: PathBuf,
        key: PathBuf,
    },
    Run(Args),
}

/// What to run, and the form of the output.
pub struct Args {
    /// Each row with its peers.
    pub runs: Vec<(Row, Vec<Peer>)>,
    pub form: Form,
    pub write: bool,
    /// Rounds of each row, the peers taking turns; the median is told.
    pub repeat: usize,
    /// How long a morning is.
    pub morning: Duration,
}

/// What is printed at the end.
#[derive(Clone, Copy)]
pub enum Form {
    Tables,
    /// For machines.
    Json,
    /// Ratios beside the kept ones.
    Moved,
}

/// The rows of `--quick`: what everybody does all day, in under four minutes.
const QUICK: &[Row] = &[Row::Login, Row::Roundtrips, Row::Fetch, Row::Append, Row::AppendSmall, Row::Submit];

/// The hidden words that turn this program into the backend, a book, or a relay.
pub const BACKEND: &str = "--fake-backend";
pub const BOOK: &str = "--fill-book";
pub const COPY: &str = "--copy";
pub const TLS_COPY: &str = "--tls-copy";
pub const TLS_COPY_TWICE: &str = "--tls-copy-twice";

impl Args {
    pub fn read() -> Wish {
        let words: Vec<String> = std::env::args().skip(1).collect();
        match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            [BACKEND] => return Wish::Backend,
            [BOOK, folder, associations, count] => {
                let numbers = (associations.parse(), count.parse());
                let (Ok(associations), Ok(count)) = numbers else { return Wish::Wrong(usage()) };
                return Wish::Book(folder.into(), associations, count);
            }
            [COPY, port, backend] => {
                let ports = (port.parse(), backend.parse());
                let (Ok(port), Ok(backend)) = ports else { return Wish::Wrong(usage()) };
                return Wish::Copy(port, backend);
            }
            [word @ (TLS_COPY | TLS_COPY_TWICE), port, backend, chain, key] => {
                let ports = (port.parse(), backend.parse());
                let (Ok(port), Ok(backend)) = ports else { return Wish::Wrong(usage()) };
                let backend = Door { port: backend, tls: word == TLS_COPY_TWICE };
                return Wish::TlsCopy { port, backend, chain: chain.into(), key: key.into() };
            }
            _ => {}
        }
        if !words.iter().any(|word| word == "--bench") {
            return Wish::Nothing;
        }
        Self::parse(words.iter().map(String::as_str).filter(|word| *word != "--bench"))
    }

    fn parse<'a>(mut words: impl Iterator<Item = &'a str>) -> Wish {
        let mut args = Self { runs: Vec::new(), form: Form::Tables, write: false, repeat: 3, morning: Duration::from_secs(120) };
        let (mut rows, mut peers) = (Vec::new(), Vec::new());
        while let Some(word) = words.next() {
            match word {
                "--help" | "-h" => return Wish::Help(usage()),
                "--json" => args.form = Form::Json,
                "--quick" => args.form = Form::Moved,
                "--write" => args.write = true,
                "--peer" => match words.next().and_then(Peer::named) {
                    Some(peer) => peers.push(peer),
                    None => return Wish::Wrong(usage()),
                },
                "--repeat" => match words.next().and_then(|word| word.parse().ok()).filter(|times| (1..=99).contains(times)) {
                    Some(times) => args.repeat = times,
                    None => return Wish::Wrong(usage()),
                },
                "--minutes" => {
                    match words.next().and_then(|word| word.parse().ok()).filter(|minutes| (1..=60u64).contains(minutes)) {
                        Some(minutes) => args.morning = Duration::from_secs(minutes * 60),
                        None => return Wish::Wrong(usage()),
                    }
                }
                name => match Row::named(name) {
                    Some(row) => rows.push(row),
                    None => return Wish::Wrong(format!("no row is named `{name}`\n{}", usage())),
                },
            }
        }
        let everything = rows.is_empty() && peers.is_empty() && !matches!(args.form, Form::Moved);
        if args.write && !everything {
            return Wish::Wrong("--write is for a run of all rows and peers: RESULTS.md tells of one run".to_owned());
        }
        if matches!(args.form, Form::Moved) {
            args.repeat = 1;
            rows = if rows.is_empty() { QUICK.to_vec() } else { rows };
            peers = if peers.is_empty() { vec![Peer::Nologd, Peer::Nginx, Peer::TlsCopy] } else { peers };
        }
        let rows = if rows.is_empty() { Row::ALL.to_vec() } else { rows };
        let of = |row: Row| match &peers[..] {
            [] => row.peers().to_vec(),
            asked => Peer::ALL.into_iter().filter(|peer| asked.contains(peer) && row.takes(*peer)).collect(),
        };
        args.runs = rows.into_iter().map(|row| (row, of(row))).filter(|(_, peers)| !peers.is_empty()).collect();
        Wish::Run(args)
    }
}

fn usage() -> String {
    let rows: Vec<_> = Row::ALL.iter().map(|row| row.name()).collect();
    let peers: Vec<_> = Peer::ALL.iter().map(|peer| peer.name()).collect();
    format!(
        "cargo bench --bench side_by_side -- [ROW ...] [--peer PEER ...] [--repeat N] [--minutes N] [--json] [--quick] [--write]\n\
         ROW    {}; default: all\n\
         PEER   {}; may be repeated; default: those of the row's table\n\
         --repeat N  rounds of each row, the peers taking turns; the median is told; default: 3\n\
         --minutes N  how long a morning is, up to 60; default: 2\n\
         --json   figures for machines on standard output\n\
         --quick  one round of what everybody does all day, beside the kept ratios\n\
         --write  also write benches/RESULTS.md, and the table in README.md",
        rows.join(" "),
        peers.join(" ")
    )
}
