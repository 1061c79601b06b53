//! Layer 2: the quota book (DESIGN section 4). It lives in memory and is the only judge; the store is its durable copy.
//!
//! ```text
//! reserve ──▶ Reservation ──commit──▶ usage ──write_usage, in batches──▶ store
//!    │             └──────drop──────▶ nothing happened
//!    └──▶ Verdict (which limit, which code word)
//! ```
//!
//! | lock, taken in this order | guards | held during disk writes |
//! |---|---|---|
//! | turn | one admin change, or one batch of usage, at a time | yes |
//! | directory | which association a domain belongs to | no |
//! | ledger, one for each association | all its numbers | no |
//! | news | what the notifier has not seen | no |
//!
//! A reservation takes the last three and never waits for the disk. Absent on purpose: a clock. `today` and `now` come from
//! the caller, and nothing in the book knows when anything happened.

mod admin;
mod amount;
mod association;
mod book;
mod check;
mod day;
mod disclose;
mod edit;
mod ledger;
mod levels;
mod mailbox;
mod mark;
mod news;
mod over;
mod push;
mod record;
mod refresh;
mod reserve;
mod routing;
mod sending;
mod size;
mod verdict;
mod watch;
mod write;

pub use admin::{AssociationView, Change, Excess};
pub use amount::{Amount, Limit, Sum};
pub use association::{Association, Grant, Name, SenderRule, Standing, State};
pub use book::{Book, Params};
pub use check::{Findings, check};
pub use day::Day;
pub use disclose::Disclosure;
pub use edit::{AdminError, Edit};
pub use levels::{Crossing, Level};
pub use mailbox::{Fill, MailboxView};
pub use mark::Notified;
pub use news::{Leaving, News, Subject, Topic};
pub use over::{ON_TOP, Over};
pub use record::{SCHEMA, association_json};
pub use refresh::{Refresh, Refreshed, Shift};
pub use reserve::{Counted, Reservation, Way};
pub use routing::Route;
pub use sending::{Filling, Rates, SendingLimits};
pub use size::{SizeError, parse as parse_size, print as print_size, print_of as print_fill};
pub use verdict::Verdict;
pub use watch::{Told, Watch};
pub use write::UsageWriter;
