//! What `doveadm -f tab mailbox status -A "messages vsize" "*"` prints: a head, and a line for each mailbox with all its folders (`-t`), or for each folder.

use std::collections::HashMap;
use std::io;

use super::quota_rows::number;
use crate::imap::namespaces::{MailboxOwner, Namespaces};
use crate::private::Address;
use crate::quota::Amount;

/// Lines that could not be read, in one count: what tells more of them tells something else.
const ODD: u64 = 10_000;
/// Lines of one count: more than any storage has mailboxes.
const ROWS: usize = 4_000_000;

/// A line for each mailbox.
#[derive(Default)]
pub(super) struct StatusRows {
    head: StatusHead,
    pub(super) rows: Vec<(Address, Amount)>,
    /// Lines that could not be read: what they are about is not known.
    odd: u64,
}

/// Lines for each folder, and of them the sums of those that are their owner's.
#[derive(Default)]
pub(super) struct FolderRows {
    head: StatusHead,
    pub(super) sums: HashMap<Address, Amount>,
    pub(super) odd: u64,
}

/// Where what stands: user, messages, vsize, perhaps the folder; and how many fields there are.
#[derive(Default)]
struct StatusHead(Option<([usize; 3], Option<usize>, usize)>);

impl StatusHead {
    /// Takes the first line; whether it is a head.
    fn take(&mut self, fields: &[&str]) -> bool {
        let place = |names: &[&str]| fields.iter().position(|field| names.contains(&field.to_ascii_lowercase().as_str()));
        let found = [place(&["username", "user"]), place(&["messages"]), place(&["vsize"])];
        if let [Some(user), Some(messages), Some(octets)] = found {
            self.0 = Some(([user, messages, octets], place(&["mailbox"]), fields.len()));
        }
        self.0.is_some()
    }
}

impl StatusRows {
    /// The next line.
    ///
    /// # Errors
    /// This is no such table.
    pub(super) fn take(&mut self, line: &[u8]) -> io::Result<()> {
        let Some(fields) = fields(line) else { return count_odd(&mut self.odd) };
        let Some((head, folder, _)) = self.head.0 else {
            return if self.head.take(&fields) { Ok(()) } else { count_odd(&mut self.odd) };
        };
        match row(&fields, head) {
            // With a column for the folder, a line is not about a mailbox: doveadm was not asked for the total (`-t`).
            Some(row) if folder.is_none() && self.rows.len() < ROWS => self.rows.push(row),
            None if fields == [""] => {}
            _ => return count_odd(&mut self.odd),
        }
        Ok(())
    }

    /// A storage without a mailbox says at least what it would say.
    pub(super) fn is_whole(&self) -> bool {
        matches!(self.head.0, Some((_, None, _))) && self.odd == 0
    }
}

impl FolderRows {
    /// The next line. A name with a tab in it must not pass for the numbers behind it.
    ///
    /// # Errors
    /// This is no such table.
    pub(super) fn take(&mut self, line: &[u8], namespaces: &Namespaces) -> io::Result<()> {
        let Some(fields) = fields(line) else { return count_odd(&mut self.odd) };
        let Some((head, folder, many)) = self.head.0 else {
            return if self.head.take(&fields) { Ok(()) } else { count_odd(&mut self.odd) };
        };
        let folder = folder.and_then(|at| fields.get(at)).filter(|_| fields.len() == many);
        match (row(&fields, head), folder) {
            (Some((address, amount)), Some(folder)) if self.sums.len() < ROWS => {
                if namespaces.owner_of_listed(folder.as_bytes()) == MailboxOwner::Own {
                    let sum = self.sums.entry(address).or_default();
                    *sum = sum.plus(amount);
                }
            }
            _ if fields == [""] => {}
            _ => return count_odd(&mut self.odd),
        }
        Ok(())
    }
}

fn fields(line: &[u8]) -> Option<Vec<&str>> {
    std::str::from_utf8(line).ok().map(|text| text.trim_end_matches('\r').split('\t').collect())
}

fn row(fields: &[&str], head: [usize; 3]) -> Option<(Address, Amount)> {
    let [user, messages, octets] = head.map(|at| fields.get(at).copied().unwrap_or_default());
    let amount = Amount { octets: number(octets)?, messages: number(messages)? };
    Address::parse(user).map(|address| (address, amount))
}

fn count_odd(odd: &mut u64) -> io::Result<()> {
    *odd += 1;
    if *odd > ODD { Err(io::ErrorKind::InvalidData.into()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imap::namespaces::NamespaceKind;

    fn read(text: &str) -> (Vec<(String, u64, u64)>, bool) {
        let mut table = StatusRows::default();
        text.split_terminator('\n').for_each(|line| table.take(line.as_bytes()).unwrap());
        let row = |(address, amount): &(Address, Amount)| (address.reveal(), amount.octets, amount.messages);
        (table.rows.iter().map(row).collect(), table.is_whole())
    }

    #[test]
    fn what_doveadm_prints_is_read_and_what_is_missing_is_not_zero() {
        let (rows, whole) = read("Username\tmessages\tvsize\na@velo.example\t2\t700\nb@velo.example\t0\t0\n");
        assert_eq!(rows, [("a@velo.example".into(), 700, 2), ("b@velo.example".into(), 0, 0)]);
        assert!(whole);
        for (text, rows) in [
            ("", 0),
            ("a@velo.example\t2\t700\n", 0),
            ("username\tmessages\tvsize\na@velo.example\t2\t\nb@velo.example\t1\t1\n", 1),
            ("username\tmessages\tvsize\nnobody\t2\t5\n", 0),
            ("username\tmessages\tvsize\na@velo.example\t2\t-5\n", 0),
            ("username\tmessages\tvsize\na@velo.example\t2\t+5\n", 0),
            ("username\tmessages\tvsize\na@velo.example\t2\t9007199254740993\n", 0),
            ("username\tmessages\tvsize\na@velo.example\t18446744073709551615\t5\n", 0),
            ("username\tmailbox\tmessages\tvsize\na@velo.example\tINBOX\t2\t5\n", 0),
        ] {
            let read = read(text);
            assert_eq!((read.0.len(), read.1), (rows, false), "{text}");
        }
    }

    #[test]
    fn only_folders_of_its_own_are_a_mailboxs_sum() {
        let namespaces = Namespaces::of([("shared/".to_owned(), NamespaceKind::OtherUsers)]);
        let mut table = FolderRows::default();
        let mut take = |line: &str| table.take(line.as_bytes(), &namespaces).unwrap();
        take("Username\tmailbox\tmessages\tvsize");
        ["INBOX\t2\t700", "Work\t1\t50", "shared/b@velo.example/Club\t9\t9000"]
            .iter()
            .for_each(|row| take(&format!("a@velo.example\t{row}")));
        // A folder whose name looks like numbers.
        take("b@velo.example\tx\t0\t0\t3\t900");
        assert_eq!((table.sums.len(), table.odd), (1, 1));
        assert!(table.sums.get(&Address::parse("a@velo.example").unwrap()) == Some(&Amount { octets: 750, messages: 3 }));
    }
}
