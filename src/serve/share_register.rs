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
use crate::quota::Book;
use crate::share::register::{self, SHELVES, Shelving};
use crate::store::{Record, Register, Store, StoreError, shareable};
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

    /// Puts this node's records into etcd, for all nodes, where there are none yet.
    pub(super) fn publish_own(&self, book: &Book) -> Result<(), &'static str> {
        let files = self.book.files.get().ok_or("The book is not open yet.")?;
        match self.book.seen() {
            _ if self.bar().is_some() => return Err("This node judges nothing: `nologd share show` says why."),
            None => return Err("etcd has not answered yet. Try again in a moment."),
            _ if self.book.replaces().is_some() => {}
            Some(0) => {}
            Some(_) => return Err("There is a book for all nodes already."),
        }
        if !files.scan("association/").is_ok_and(|found| !found.is_empty()) {
            return Err("This node's own book is empty.");
        }
        let published = book.while_unchanged(|| {
            let records = shareable(files.scan("")?);
            let number = self.put(&records, self.book.replaces().map_or_else(|| self.book.taken(), |seen| (seen, None)))?;
            self.took(number, &records);
            Ok(())
        });
        published.map_err(|error: StoreError| match error {
            StoreError::Outrun => "Another node has put its book there meanwhile.",
            _ => "etcd did not take it. Try again.",
        })
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
        let (mut records, number) = (BTreeMap::new(), shelved.number);
        for (shelf, sealed) in shelved.shelves {
            let opened = self.book.seal.open(&sealed, shelf.into()).ok_or(CopyTrouble::OtherKey)?;
            let found: BTreeMap<String, String> = serde_json::from_str(&opened).map_err(|_| CopyTrouble::OtherVersion)?;
            records.extend(found);
        }
        let record = |(key, value): (String, String)| Record { key: Private::new(key), value: Private::new(value.into_bytes()) };
        let records: Vec<_> = records.into_iter().map(record).collect();
        let has_any = records.iter().any(|record| record.key.reveal().starts_with("association/"));
        let (link, book) = (self.clone(), book.clone());
        let taken = tokio::task::spawn_blocking(move || {
            let files = link.book.files.get().ok_or(StoreError::Closed)?;
            // Its own change may have come in between: what was read before that is older.
            let is_current = || number > link.book.taken().0;
            if book.follow(&**files, &records, is_current, today())? {
                link.took(number, &records);
            }
            Ok(())
        });
        match taken.await.unwrap_or(Err(StoreError::Closed)) {
            Ok(()) => Ok(()),
            Err(StoreError::Damaged) if !has_any => Err(CopyTrouble::Empty),
            Err(StoreError::Damaged) => Err(CopyTrouble::Newer),
            Err(_) => Err(CopyTrouble::Unwritable),
        }
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

    fn publish(&self, records: &[Record]) -> Result<u64, StoreError> {
        if self.book.is_lost() {
            return Err(StoreError::Outrun);
        }
        self.put(records, self.book.taken())
    }

    fn took(&self, number: u64, records: &[Record]) {
        self.book.take(number, self.shelves(records).as_ref().map(digests), boot_time());
    }
}

impl ShareLink {
    /// Puts these records there, where what stands there is still of this number.
    fn put(&self, records: &[Record], (seen, before): (u64, Option<Digests>)) -> Result<u64, StoreError> {
        let handle = self.book.handle.get().ok_or(StoreError::Unshared)?;
        if self.bar().is_some() {
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
            Shelving::Done(number) => Ok(number),
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
