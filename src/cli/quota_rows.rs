//! What `doveadm -f tab quota get -A` prints, as `usage load` and `usage count` read it: two rows or more for each mailbox.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::json;

use crate::admin::MAX_REQUEST;
use crate::private::Address;
use crate::quota::Amount;

/// How long a number waits for others. The book takes it for what the mail server said a few minutes ago at most.
pub(super) const WAITING: Duration = Duration::from_secs(5);

/// Octets that a mailbox takes in a request beside its address: quotes, brackets, commas, two numbers.
const BESIDE: usize = 50;

/// What doveadm printed, by mailbox.
#[derive(Default)]
pub(super) struct QuotaRows {
    mailboxes: HashMap<Address, (Option<u64>, Option<u64>)>,
    /// Those with a row since the last batch, in the order of the rows. The last one may have more.
    due: Vec<Address>,
    /// Octets that they take in a request, as far as it takes any.
    size: usize,
    /// Lines that are none of doveadm's.
    odd: u64,
}

impl QuotaRows {
    /// One line: user, name of the root, type, value, limit, per cent, with tabs between them.
    pub(super) fn take(&mut self, line: &[u8]) {
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
                Some(address) => self.value(address, kind, number(value)),
                None => self.odd += 1,
            },
            // A type of root that says nothing about space.
            [_, _, _, _, ..] => {}
            _ => self.odd += 1,
        }
    }

    fn value(&mut self, address: Address, kind: &str, value: Option<u64>) {
        if self.due.last() != Some(&address) {
            self.size += json!(address.reveal()).to_string().len() + BESIDE;
            self.due.push(address.clone());
        }
        let (octets, messages) = self.mailboxes.entry(address).or_default();
        // None is less than any number.
        match kind {
            "STORAGE" => {
                *octets = value.and_then(|value| value.checked_mul(1024)).filter(|value| *value <= Amount::MOST).max(*octets)
            }
            _ => *messages = value.max(*messages),
        }
    }

    /// Whether a batch must go, or the daemon would not read it.
    pub(super) fn is_full(&self) -> bool {
        // Room for one more address, each of its octets written as six, and for the rest of the line.
        self.size > MAX_REQUEST - 4096
    }

    /// Those that are due and of which both numbers are known. The last one waits for its other rows, except at the end.
    pub(super) fn batch(&mut self, is_over: bool) -> Vec<(Address, Amount)> {
        self.size = 0;
        let waits = if is_over { None } else { self.due.pop() };
        let due = std::mem::replace(&mut self.due, waits.into_iter().collect());
        let known = |address: Address| match self.mailboxes.get(&address) {
            Some((Some(octets), Some(messages))) => Some((address, Amount { octets: *octets, messages: *messages })),
            _ => None,
        };
        due.into_iter().filter_map(known).collect()
    }

    /// Lines of another form, and mailboxes of which a number is missing.
    pub(super) fn odd(&self) -> u64 {
        self.odd + self.mailboxes.values().filter(|(octets, messages)| octets.is_none() || messages.is_none()).count() as u64
    }
}

/// A number as doveadm prints it: none where it is larger than can be true.
pub(super) fn number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number| *number <= Amount::MOST && text.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<String>, u64) {
        let mut rows = QuotaRows::default();
        text.split('\n').for_each(|line| rows.take(line.as_bytes()));
        let amounts = rows.batch(true);
        let show =
            |(address, amount): &(Address, Amount)| format!("{} {} {}", address.reveal_local(), amount.octets, amount.messages);
        let mut shown: Vec<_> = amounts.iter().map(show).collect();
        shown.sort();
        (shown, rows.odd())
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
        for value in ["-", "", "x", "-1", "+1", "error", "8796093022209", "18014398509481983", "18446744073709551615"] {
            let text = format!("a@b.example\tr\tSTORAGE\t{value}\t-\t0\na@b.example\tr\tMESSAGE\t1\t-\t0\n");
            assert_eq!(read(&text), (vec![], 1), "{value}");
        }
        assert_eq!(read("a@b.example\tr\tSTORAGE\t5\t-\t0"), (vec![], 1), "no messages");
        assert_eq!(read("nobody\tr\tSTORAGE\t5\t-\t0\nsomething else\n"), (vec![], 2));
        assert_eq!(read("a@b.example\tr\tOTHER\t5\t-\t0\n"), (vec![], 0));
    }

    #[test]
    fn batches_are_what_the_daemon_reads_and_hold_everybody_once() {
        let (mut rows, mut batches) = (QuotaRows::default(), Vec::new());
        let long = |number: u32| format!("{}{number}@{}example", "\u{1f600}".repeat(14), "a-long-label.".repeat(18));
        for number in 0..5000 {
            let user = if number % 2 == 0 { long(number) } else { format!("m{number}@velo.example") };
            for kind in ["STORAGE", "MESSAGE"] {
                rows.take(format!("{user}\tr\t{kind}\t8796093022208\t-\t0").as_bytes());
                if rows.is_full() {
                    batches.push(rows.batch(false));
                }
            }
        }
        batches.push(rows.batch(true));
        assert!(batches.len() > 5 && rows.odd() == 0);
        assert_eq!(batches.iter().map(Vec::len).sum::<usize>(), 5000);
        for batch in batches {
            let line = crate::admin::ask(&crate::admin::usage::LoadUsage::new(batch, Some("store2")));
            assert!(line.len() <= MAX_REQUEST, "{}", line.len());
        }
    }

    #[test]
    fn the_last_mailbox_waits_for_its_other_rows() {
        let mut rows = QuotaRows::default();
        rows.take(b"a@b.example\tr\tSTORAGE\t5\t-\t0");
        rows.take(b"a@b.example\tr\tMESSAGE\t5\t-\t0");
        assert!(rows.batch(false).is_empty());
        rows.take(b"a@b.example\ts\tSTORAGE\t9\t-\t0");
        rows.take(b"c@b.example\tr\tSTORAGE\t1\t-\t0");
        let batch = rows.batch(false);
        assert!(batch.len() == 1 && batch[0].1 == Amount { octets: 9 * 1024, messages: 5 });
        rows.take(b"c@b.example\tr\tMESSAGE\t1\t-\t0");
        assert!(rows.batch(true).len() == 1 && rows.batch(true).is_empty());
    }
}
