//! What commands ask of a node that shares its work with others, and what it tells.

use serde::{Deserialize, Serialize};

use super::doubt::OldNumbers;
use crate::private::{Address, revealed};
use crate::quota::{Book, Day, DisputedAssociation, Name, StorageRows};
use crate::share::Bar;
use crate::words::nullable;

/// Who knows it.
pub trait ShareDesk: Send + Sync {
    /// How all stand.
    fn told(&self, book: &Book) -> ShareTold;
    /// Why nothing is judged here; none where it is.
    fn why_not(&self) -> Option<Bar>;
    /// The book here is to be that of all nodes; with `replace`, in place of another one that is in dispute.
    ///
    /// # Errors
    /// Why not: a sentence for the admin.
    fn publish(&self, book: &Book, replace: bool) -> Result<(), &'static str>;
    /// That of all nodes is to come in place of the book here, which is in dispute.
    ///
    /// # Errors
    /// Why not: a sentence for the admin.
    fn adopt(&self, book: &Book) -> Result<(), &'static str>;
    /// Associations whose numbers are old here.
    fn old_numbers(&self, book: &Book) -> Vec<OldNumbers>;
    /// Whoever is logged in at another node as this one is not any more. Waits for their answers.
    fn kick(&self, address: &Address) -> KickedElsewhere;
    /// These mailboxes were removed here: the others forget them. Those that did not say so; waits for their answers.
    fn forget(&self, addresses: &[Address]) -> Vec<String>;
    /// The storage is asked from now on; none where nothing is to be asked.
    fn begin_round(&self) -> Option<u64>;
    /// It has told of these; false where they belong to no round.
    fn take_rows(&self, round: u64, rows: StorageRows) -> bool;
    /// That was all; whether it was whole. How many associations are known now.
    fn end_round(&self, book: &Book, round: u64, whole: bool, today: Day) -> u64;
}

/// What ended at other nodes.
#[derive(Default)]
pub struct KickedElsewhere {
    /// Sessions of mail programs.
    pub sessions: u64,
    /// At the pages.
    pub pages: EndedPages,
    /// Nodes that did not answer: there, sessions may go on.
    pub unreached: Vec<String>,
}

/// How this node stands to an association.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JudgedShown {
    /// It does not judge it.
    Elsewhere,
    /// It does, and the storage has not told yet what is there.
    Counting,
    /// It does, and a count is never whole: a mailbox of it is at another backend.
    Apart,
    /// It does, and may store nothing now: etcd does not answer.
    Closed,
    /// It judges.
    Judged,
}

words! {
    JudgedShown, "No such way to stand.":
    Elsewhere = "elsewhere", Counting = "counting", Apart = "apart", Closed = "closed", Judged = "judged",
}

/// Whose the settings are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BookShown {
    /// etcd has not answered yet.
    Unknown,
    /// Each node's own.
    Own,
    /// Those of all nodes, as they stand in etcd.
    Shared,
    /// The same, and something was changed that is not in force here yet.
    Behind,
    /// etcd was emptied or put back: each node's own, as they were, and nothing can be changed.
    Lost,
    /// This node's own, and others stand in etcd: an admin has to say which are right.
    Disputed,
}

words! {
    BookShown, "No such book.":
    Unknown = "unknown", Own = "own", Shared = "shared", Behind = "behind", Lost = "lost",
    Disputed = "disputed",
}

/// One association.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SharedAssociation {
    /// Its name.
    #[serde(with = "revealed")]
    pub name: Name,
    /// The node that judges it; none where no living one does.
    #[serde(deserialize_with = "nullable")]
    pub node: Option<String>,
    /// How it stands here.
    pub judged: JudgedShown,
    /// Octets that are held back for what earlier judges may still bring.
    pub withheld: u64,
}

/// How all stand.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ShareTold {
    /// This node.
    pub name: String,
    /// Whose the settings are.
    pub book: BookShown,
    /// Over which associations they and those in etcd differ: all of them. None where they are not in dispute, or that cannot be told.
    #[serde(deserialize_with = "nullable")]
    pub disputed: Option<Vec<DisputedAssociation>>,
    /// Whether etcd answered the last question.
    pub etcd_answers: bool,
    /// It has no room: it answers, and takes nothing that is written.
    pub etcd_full: bool,
    /// Why it judges nothing; none where it may.
    #[serde(deserialize_with = "nullable")]
    pub bar: Option<Bar>,
    /// Which other node that is about, if one.
    #[serde(deserialize_with = "nullable")]
    pub bar_node: Option<String>,
    /// Days that the certificate of `[share]` is valid, below zero where it is over; none where its dates cannot be read.
    #[serde(deserialize_with = "nullable")]
    pub certificate_days: Option<i64>,
    /// The nodes that live.
    pub nodes: Vec<String>,
    /// Other nodes of the config whose listener cannot be reached from here.
    pub silent: Vec<String>,
    /// In the order of their names.
    pub associations: Vec<SharedAssociation>,
}

/// What ended at the pages, before the command is carried out: they are not the book's.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndedPages {
    /// Sessions.
    pub sessions: u64,
    /// Links that were mailed and not opened, and hand-overs that waited.
    pub links: u64,
}
