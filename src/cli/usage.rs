//! `nologd usage load`: reads what `doveadm -f tab quota get -A` prints, and sends it in batches. Only totals are printed.

use std::collections::HashMap;
use std::io::{BufRead, stdin};
use std::path::Path;
use std::process::ExitCode;

use clap::Subcommand;
use serde_json::{Value, json};

use super::arguments::{Output, Where};
use super::{REFUSED, refuse, say, speak};
use crate::admin::{Answer, MAX_REQUEST, Request};
use crate::private::Address;
use crate::quota::Amount;

/// Octets that a mailbox takes in a request beside its address: quotes, brackets, commas, two numbers.
const BESIDE: usize = 50;

/// `nologd usage`.
#[derive(Subcommand)]
pub enum Usage {
    /// Tell the book what the mail server has in each mailbox, so that all are known on the first day:
    /// `doveadm -f tab quota get -A | nologd usage load`.
    ///
    /// From a pipe, not from a file of yesterday: what came in since would be lost. Mailboxes of known domains come into the book, as
    /// many as the association may have. Of several quota roots of a mailbox the largest number counts; a number that is missing is not
    /// taken for zero.
    Load {
        #[command(flatten)]
        place: Where,
        #[command(flatten)]
        output: Output,
    },
}

/// Carries it out. Exit code 1 when nothing was loaded.
pub fn usage(Usage::Load { place, output }: Usage) -> ExitCode {
    let socket = match place.socket() {
        Ok(socket) => socket,
        Err(code) => return code,
    };
    match load(&socket) {
        Ok(totals) => {
            say(&if output.json { format!("{:#}", totals.json()) } else { totals.text() });
            if totals.loaded > 0 { ExitCode::SUCCESS } else { ExitCode::from(REFUSED) }
        }
        Err(text) => {
            refuse(output, &text);
            ExitCode::from(REFUSED)
        }
    }
}

fn load(socket: &Path) -> Result<Totals, String> {
    // Before the first line is read: what happens from now on is not in the numbers, and the book adds it.
    let number = ask(socket, &Request::UsageBegin)?["load"].as_u64().unwrap_or_default();
    let mut read = Rows::default();
    for line in stdin().lock().split(b'\n') {
        read.take(&line.map_err(|error| format!("standard input: {error}"))?);
    }
    let (amounts, mut totals) = read.amounts();
    for batch in batches(amounts) {
        totals.add(&ask(socket, &Request::UsageLoad(number, batch))?);
    }
    ask(socket, &Request::UsageEnd(number))?;
    Ok(totals)
}

fn ask(socket: &Path, request: &Request) -> Result<Value, String> {
    match speak::speak(socket, request) {
        Ok(Answer::Done(value)) => Ok(value),
        Ok(Answer::Refused { text, .. }) => Err(text),
        Err(trouble) => Err(trouble.text(socket)),
    }
}

/// Requests that the daemon reads: below its bound, with room for the rest of the line.
fn batches(amounts: Vec<(Address, Amount)>) -> Vec<Vec<(Address, Amount)>> {
    let (mut batches, mut room) = (Vec::new(), 0);
    for (address, amount) in amounts {
        let size = json!(address.reveal()).to_string().len() + BESIDE;
        if size > room {
            batches.push(Vec::new());
            room = MAX_REQUEST - 1024;
        }
        room -= size;
        batches.last_mut().into_iter().for_each(|batch: &mut Vec<_>| batch.push((address.clone(), amount)));
    }
    batches
}

/// What doveadm printed, by mailbox.
#[derive(Default)]
struct Rows {
    mailboxes: HashMap<Address, (Option<u64>, Option<u64>)>,
    /// Lines that are none of doveadm's.
    odd: u64,
}

impl Rows {
    /// One line: user, name of the root, type, value, limit, per cent, with tabs between them.
    fn take(&mut self, line: &[u8]) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let Ok(text) = std::str::from_utf8(line) else {
            self.odd += 1;
            return;
        };
        let fields: Vec<_> = text.split('\t').collect();
        match fields[..] {
            [""] => {}
            [_, _, kind, value, ..] if kind.eq_ignore_ascii_case("type") && value.eq_ignore_ascii_case("value") => {}
            [user, _, kind @ ("STORAGE" | "MESSAGE"), value, ..] => match Address::parse(user) {
                Some(address) => self.value(address, kind, value.parse().ok()),
                None => self.odd += 1,
            },
            // A type of root that says nothing about space.
            [_, _, _, _, ..] => {}
            _ => self.odd += 1,
        }
    }

    fn value(&mut self, address: Address, kind: &str, value: Option<u64>) {
        let (octets, messages) = self.mailboxes.entry(address).or_default();
        // None is less than any number.
        match kind {
            "STORAGE" => *octets = value.and_then(|value| value.checked_mul(1024)).max(*octets),
            _ => *messages = value.max(*messages),
        }
    }

    /// Those of which both numbers are known.
    fn amounts(self) -> (Vec<(Address, Amount)>, Totals) {
        let mut totals = Totals { odd: self.odd, ..Totals::default() };
        let mut amounts = Vec::new();
        for (address, numbers) in self.mailboxes {
            match numbers {
                (Some(octets), Some(messages)) => amounts.push((address, Amount { octets, messages })),
                _ => totals.odd += 1,
            }
        }
        (amounts, totals)
    }
}

/// What is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Totals {
    loaded: u64,
    strangers: u64,
    meanwhile: u64,
    odd: u64,
}

impl Totals {
    fn add(&mut self, answer: &Value) {
        let of = |key: &str| answer[key].as_u64().unwrap_or_default();
        self.loaded += of("loaded");
        self.strangers += of("not-in-the-book");
        self.meanwhile += of("changed-meanwhile");
    }

    fn json(self) -> Value {
        json!({
            "loaded": self.loaded,
            "not-in-the-book": self.strangers,
            "changed-meanwhile": self.meanwhile,
            "not-understood": self.odd,
        })
    }

    fn text(self) -> String {
        format!(
            "loaded             {}\n\
             not in the book    {}  (no association has the domain, or it has all the mailboxes that it may)\n\
             changed meanwhile  {}  (counted at the next push or login)\n\
             not understood     {}  (a line of another form, or a mailbox without both numbers)",
            self.loaded, self.strangers, self.meanwhile, self.odd
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<String>, u64) {
        let mut rows = Rows::default();
        text.split('\n').for_each(|line| rows.take(line.as_bytes()));
        let (amounts, totals) = rows.amounts();
        let show =
            |(address, amount): &(Address, Amount)| format!("{} {} {}", address.reveal_local(), amount.octets, amount.messages);
        let mut shown: Vec<_> = amounts.iter().map(show).collect();
        shown.sort();
        (shown, totals.odd)
    }

    #[test]
    fn what_doveadm_prints_is_read() {
        let text = "Username\tQuota name\tType\tValue\tLimit\t%\n\
                    alice@velo.example\tUser quota\tSTORAGE\t7\t-\t0\nalice@velo.example\tUser quota\tMESSAGE\t1\t-\t0\n\
                    bob@velo.example\tone\tSTORAGE\t100\t-\t0\nbob@velo.example\tone\tMESSAGE\t3\t-\t0\n\
                    bob@velo.example\ttwo\tSTORAGE\t20\t-\t0\nbob@velo.example\ttwo\tMESSAGE\t9\t-\t0\n";
        assert_eq!(read(text), (vec!["alice 7168 1".to_owned(), "bob 102400 9".to_owned()], 0));
        let without_head = text.split_once('\n').unwrap().1.replace('\n', "\r\n");
        assert_eq!(read(&without_head).0.len(), 2);
    }

    #[test]
    fn what_is_missing_is_not_zero() {
        for value in ["-", "", "x", "-1", "error", "18446744073709551615"] {
            let text = format!("a@b.example\tr\tSTORAGE\t{value}\t-\t0\na@b.example\tr\tMESSAGE\t1\t-\t0\n");
            assert_eq!(read(&text), (vec![], 1), "{value}");
        }
        assert_eq!(read("a@b.example\tr\tSTORAGE\t5\t-\t0"), (vec![], 1), "no messages");
        assert_eq!(read("nobody\tr\tSTORAGE\t5\t-\t0\nsomething else\n"), (vec![], 2));
        assert_eq!(read("a@b.example\tr\tOTHER\t5\t-\t0\n"), (vec![], 0));
    }

    #[test]
    fn batches_are_what_the_daemon_reads() {
        let address = |number: u32| Address::parse(&format!("é{number}-{}@velo.example", "x".repeat(40))).unwrap();
        let amounts: Vec<_> =
            (0..5000).map(|number| (address(number), Amount { octets: u64::MAX, messages: u64::MAX })).collect();
        let batches = batches(amounts);
        assert!(batches.len() > 5 && batches.iter().map(Vec::len).sum::<usize>() == 5000);
        for batch in batches {
            let line = Request::UsageLoad(u64::MAX, batch).encode();
            assert!(line.len() <= MAX_REQUEST, "{}", line.len());
        }
    }
}
