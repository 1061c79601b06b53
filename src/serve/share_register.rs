//! The book's records in etcd, for all nodes (docs/many-nodes.md): a change of an admin is there before it is made here, and each node takes over what
//! others changed. What is said to etcd is in [`crate::share::register`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use super::clock::{boot_time, today};
use super::share::ShareLink;
use super::share_book::Digests;
use super::share_etcd::fresh;
use crate::admin::node::CopyTrouble;
use crate::private::Private;
use crate::quota::{Book, BookFollowed, OfferedBook, disputed};
use crate::share::Bar;
use crate::share::register::{self, SHELVES, Shelved, Shelving};
use crate::store::{AsShared, Record, Register, Store, StoreError, shareable};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;

/// For a change to be in etcd.
const KEEPING: Duration = Duration::from_secs(10);

/// What stands on a shelf, as text.
type Shelves = BTreeMap<u8, String>;

impl ShareLink {
    /// Where this node keeps its records. To be called once, before the book is opened.
    pub fn keep_in(&self, files: Arc<dyn Store>) {
        let _ = self.book.files.set(files);
    }

    /// Puts this node's records into etcd, for all nodes, where there are none yet; with `replace`, in place of those that are in dispute there.
    pub(super) fn publish_own(&self, book: &Book, replace: bool) -> Result<(), &'static str> {
        let files = self.book.files.get().ok_or("The book is not open yet.")?;
        let disputed = self.book.disputed();
        match self.book.seen() {
            _ if self.bar().is_some_and(|bar| bar != Bar::Disputed) => {
                return Err("This node judges nothing: `nologd share show` says why.");
            }
            None => return Err("etcd has not answered yet. Try again in a moment."),
            _ if disputed.is_some() && !replace => {
                return Err(
                    "etcd has other settings than this node. `nologd share publish --replace` puts those of this node in their place for all nodes, \
                            `nologd share adopt` takes those of etcd.",
                );
            }
            _ if self.book.replaces().is_some() || disputed.is_some() => {}
            Some(0) => {}
            Some(_) => return Err("There is a book for all nodes already."),
        }
        if !files.scan("association/").is_ok_and(|found| !found.is_empty()) {
            return Err("This node's own book is empty.");
        }
        let published = book.while_unchanged(|| {
            let records = shareable(files.scan("")?);
            let stands = disputed.or(self.book.replaces());
            let there = self.put(&records, stands.map_or_else(|| self.book.taken(), |seen| (seen, None)))?;
            // Where the disk does not take the mark, the records are the same as there.
            let _ = files.transact(&[there.record()]);
            self.took(&there, &records);
            Ok(())
        });
        published.map_err(|error: StoreError| match error {
            StoreError::Outrun => "Another node has put its book there meanwhile.",
            _ => "It is not known whether etcd has them: `nologd share show` says so in a moment. If it has not, say it again.",
        })
    }

    /// What etcd has comes in place of this node's records, which are in dispute.
    pub(super) fn adopt_theirs(&self, book: &Book) -> Result<(), &'static str> {
        let Some(handle) = self.book.handle.get().filter(|_| self.book.disputed().is_some()) else {
            return Err("Nothing is in dispute: `nologd share show` says whose the settings of this node are.");
        };
        let (kept, answer) = sync_channel(1);
        let etcd = self.etcd.clone();
        handle.spawn(async move { kept.send(etcd.post(&register::read_call()).await) });
        let shelved = answer.recv_timeout(KEEPING).ok().flatten().and_then(|answer| register::read(&answer));
        let taken = self.take_in(book, shelved.ok_or("etcd did not answer. Try again.")?, true);
        self.book.say_trouble(taken.err());
        self.settle();
        taken.map_err(CopyTrouble::text)?;
        if self.book.disputed().is_some() {
            Err("It is not known yet which etcd answers. Try again in a moment.")
        } else {
            Ok(())
        }
    }

    /// The last change in etcd is this one.
    pub(super) fn saw(self: &Arc<ShareLink>, number: u64, book: &Arc<Book>) {
        if self.book.see(number, boot_time()) {
            let (link, book) = (self.clone(), book.clone());
            tokio::spawn(async move {
                let trouble = link.take_over(&book).await.err();
                link.book.say_trouble(trouble);
                link.book.done();
                link.settle();
            });
        }
    }

    async fn take_over(self: &Arc<ShareLink>, book: &Arc<Book>) -> Result<(), CopyTrouble> {
        // Where it is not answered, it is asked again.
        let Some(shelved) = self.etcd.post(&register::read_call()).await.and_then(|answer| register::read(&answer)) else {
            return Ok(());
        };
        let (link, book) = (self.clone(), book.clone());
        let taken = tokio::task::spawn_blocking(move || link.take_in(&book, shelved, link.book.may_be_replaced()));
        taken.await.unwrap_or(Err(CopyTrouble::Unwritable))
    }

    /// What stands there comes in force here. `replaces`: whatever is here.
    fn take_in(&self, book: &Book, Shelved { number, shelves }: Shelved, replaces: bool) -> Result<(), CopyTrouble> {
        let mut records = BTreeMap::new();
        for (shelf, sealed) in shelves {
            let opened = self.book.seal.open(&sealed, shelf.into()).ok_or(CopyTrouble::OtherKey)?;
            let found: BTreeMap<String, String> = serde_json::from_str(&opened).map_err(|_| CopyTrouble::OtherVersion)?;
            records.extend(found);
        }
        let record = |(key, value): (String, String)| Record { key: Private::new(key), value: Private::new(value.into_bytes()) };
        let records: Vec<_> = records.into_iter().map(record).collect();
        let has_any = records.iter().any(|record| record.key.reveal().starts_with("association/"));
        // Where etcd went back a moment ago, it is asked again.
        let (Some(house), Some(files)) = (self.house(), self.book.files.get()) else { return Ok(()) };
        let offered = OfferedBook { records, there: AsShared { house: house.to_string(), number }, replaces };
        // Its own change may have come in between: what was read before that is older.
        let is_current = || number > self.book.taken().0;
        match book.follow(&**files, &offered, is_current, today()) {
            Ok(BookFollowed::Taken) => self.took(&offered.there, &offered.records),
            Ok(BookFollowed::Disputed) => {
                let own = files.scan("").map(shareable);
                self.book.dispute(number, own.and_then(|own| disputed(&own, &offered.records)).ok());
                // Who came in before that was known.
                book.kick_where(|domain| self.book.suspends(domain, today()) == Some(true));
            }
            Ok(BookFollowed::TooLate) => {}
            Err(StoreError::Damaged) if !has_any => return Err(CopyTrouble::Empty),
            Err(StoreError::Damaged) => return Err(CopyTrouble::Newer),
            Err(_) => return Err(CopyTrouble::Unwritable),
        }
        Ok(())
    }

    fn shelves(&self, records: &[Record]) -> Option<Shelves> {
        let mut found: BTreeMap<u8, BTreeMap<&str, &str>> = BTreeMap::new();
        for record in records {
            let key = record.key.reveal();
            let tag = hmac::sign(&self.key, key.as_bytes());
            let shelf = tag.as_ref().first()? % SHELVES;
            found.entry(shelf).or_default().insert(key, std::str::from_utf8(record.value.reveal()).ok()?);
        }
        found.into_iter().map(|(shelf, records)| Some((shelf, serde_json::to_string(&records).ok()?))).collect()
    }
}

fn digests(shelves: &Shelves) -> Digests {
    shelves.iter().map(|(shelf, text)| (*shelf, digest(&SHA256, text.as_bytes()).as_ref().to_vec())).collect()
}

/// Which of them are to be written over what stands there by `before`, one that is empty by now among them; all, where that is not known.
fn to_write(mut shelves: Shelves, before: Option<Digests>) -> Shelves {
    let now = digests(&shelves);
    let there = before.as_ref().map_or_else(|| (0..SHELVES).collect(), |before| before.keys().copied().collect::<Vec<_>>());
    for shelf in there {
        shelves.entry(shelf).or_insert_with(|| "{}".to_owned());
    }
    if let Some(before) = before {
        shelves.retain(|shelf, _| before.get(shelf) != now.get(shelf));
    }
    shelves
}

impl Register for ShareLink {
    fn is_shared(&self) -> Result<bool, StoreError> {
        match (self.book.handle.get(), self.book.seen()) {
            // The first start writes what the config file has.
            (None, _) => Ok(false),
            (Some(_), None) => Err(StoreError::Unshared),
            (Some(_), Some(seen)) => Ok(seen > 0 || self.book.taken().0 > 0 || self.book.is_lost()),
        }
    }

    fn publish(&self, records: &[Record]) -> Result<AsShared, StoreError> {
        match () {
            () if self.book.is_lost() => return Err(StoreError::Outrun),
            () if self.book.disputed().is_some() => return Err(StoreError::Disputed),
            () => {}
        }
        self.put(records, self.book.taken())
    }

    fn took(&self, there: &AsShared, records: &[Record]) {
        self.book.take(there.number, self.shelves(records).as_ref().map(digests), boot_time());
    }
}

impl ShareLink {
    /// Puts these records there, where what stands there is still of this number.
    fn put(&self, records: &[Record], (seen, before): (u64, Option<Digests>)) -> Result<AsShared, StoreError> {
        let (handle, house) = self.book.handle.get().zip(self.house()).ok_or(StoreError::Unshared)?;
        // By settings that are in dispute nothing is judged; whether they are to be those of all nodes is an admin's to say.
        if self.bar().is_some_and(|bar| bar != Bar::Disputed) {
            return Err(StoreError::Unshared);
        }
        let shelves = self.shelves(records).ok_or(StoreError::TooLarge)?;
        let changed = to_write(shelves, before);
        let sealed = changed.into_iter().map(|(shelf, text)| Some((shelf, self.book.seal.seal(&text, shelf.into())?)));
        let sealed: Vec<_> = sealed.collect::<Option<_>>().ok_or(StoreError::Unshared)?;
        let mark = format!("{:016x}", fresh().ok_or(StoreError::Unshared)?);
        let call = register::write_call(seen, &mark, &sealed);
        let (kept, answer) = sync_channel(1);
        let etcd = self.etcd.clone();
        handle.spawn(async move { kept.send(etcd.post(&call).await) });
        let answer = answer.recv_timeout(KEEPING).ok().flatten().ok_or(StoreError::Unshared)?;
        match register::written(&answer, &mark).ok_or(StoreError::Unshared)? {
            Shelving::Done(number) => Ok(AsShared { house: house.to_string(), number }),
            Shelving::Outrun => Err(StoreError::Outrun),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_to_stand_there_is_written_over() {
        let shelves = |texts: &[(u8, &str)]| texts.iter().map(|(shelf, text)| (*shelf, (*text).to_owned())).collect::<Shelves>();
        let before = digests(&shelves(&[(1, "a"), (2, "b"), (3, "c")]));
        let now = shelves(&[(1, "a"), (2, "x"), (4, "d")]);
        assert_eq!(to_write(now.clone(), Some(before)), shelves(&[(2, "x"), (3, "{}"), (4, "d")]));
        let all = to_write(now, None);
        assert_eq!((all.len(), &*all[&1], &*all[&3]), (usize::from(SHELVES), "a", "{}"));
    }
}
