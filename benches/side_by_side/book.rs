//! A process that fills a book of associations with 100 mailboxes each on the embedded store, and measures it on one core.
//!
//! It is pinned to one processor before its first thread starts: the writer of usage and the store's own threads share it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
use nologd::private::{Address, Domain};
use nologd::quota::{Amount, Association, Book, BookParams, Day, Limit, Name, Origin, UsageWriter};
use nologd::store::Embedded;

use crate::Res;

/// Mailboxes of each association.
const EACH: usize = 100;

/// Prints reservations a second: each one reserved and committed, of mailboxes in a random order.
pub fn run(folder: &Path, associations: usize, reservations: u64) -> Res<()> {
    pin()?;
    let today = Day::parse("2026-11-01").ok_or("no day")?;
    let store = Arc::new(Embedded::open(folder).map_err(|_| "the store does not open")?);
    let book = Arc::new(Book::open(store, BookParams::default()).map_err(|_| "the book does not open")?);
    let news = (0..associations).map(association).collect::<Option<Vec<_>>>().ok_or("no name")?;
    book.import_once(news, today).map_err(|_| "not imported")?;
    let mailboxes =
        (0..associations * EACH).map(|number| mailbox(number, associations)).collect::<Option<Vec<_>>>().ok_or("no address")?;
    mailboxes.iter().try_for_each(|mailbox| book.admit(mailbox)).map_err(|_| "not admitted")?;
    for mailbox in &mailboxes {
        let _ = book.reserve(mailbox, Amount::message(1000), Origin::Member, today).map_err(|_| "no room")?.commit();
    }
    book.write_usage().map_err(|_| "not written")?;
    let writer = UsageWriter::start(book.clone(), |_| Duration::from_millis(500))?;
    let (start, mut random) = (Instant::now(), 1u64);
    for _ in 0..reservations {
        // xorshift
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let at = usize::try_from(random % mailboxes.len() as u64)?;
        let mailbox = mailboxes.get(at).ok_or("no mailbox")?;
        let _ = book.reserve(mailbox, Amount::message(1000), Origin::Member, today).map_err(|_| "no room")?.commit();
    }
    let rate = reservations as f64 / start.elapsed().as_secs_f64();
    drop(writer);
    book.write_usage().map_err(|_| "not written")?;
    drop(book);
    println!("{rate}");
    Ok(())
}

fn association(number: usize) -> Option<Association> {
    let domain = Domain::parse(&format!("asso{number}.example"))?;
    let mut new = Association::new(Name::parse(&format!("asso{number}"))?, [domain]);
    (new.storage, new.mailbox_default) = (Limit::At(1 << 40), Limit::At(1 << 36));
    Some(new)
}

fn mailbox(number: usize, associations: usize) -> Option<Address> {
    Address::parse(&format!("m{}@asso{}.example", number / associations, number % associations))
}

/// To the first of the processors that we may use.
fn pin() -> Res<()> {
    let own = Pid::from_raw(0);
    let may = sched_getaffinity(own)?;
    let first = (0..CpuSet::count()).find(|number| may.is_set(*number).unwrap_or(false)).ok_or("no processor")?;
    let mut one = CpuSet::new();
    one.set(first)?;
    Ok(sched_setaffinity(own, &one)?)
}
