//! Layer 2: the quota book (docs/quota.md). It lives in memory and is the only judge; the store is its durable copy.
//!
//! ```text
//! reserve ──▶ Reservation ──commit──▶ usage ──write_usage, now and then──▶ store
//!    │             ├─release, drop─▶ nothing happened
//!    │             └─doubt, drop after hand-over─▶ counted until a later count
//!    └──▶ Verdict (which limit, which code word)
//! Refresh::finish, pushed, load ──▶ usage is what the backend says, and what came through us since
//! ```
//!
//! | lock, taken in this order | guards | held during disk writes |
//! |---|---|---|
//! | turn | one admin change, or the writing of usage, at a time | yes |
//! | directory | which association a domain belongs to | no |
//! | ledger, one for each association | all its numbers | no |
//! | pulse; who listens to facts | which mailboxes wait for a tick; notices that wait | no |
//!
//! A reservation takes the last three and never waits for the disk. Sessions that watch are woken under the ledger's lock. Absent on
//! purpose: a clock. `today`, `now` and [`Book::tick`] come from the caller, and nothing in the book knows when anything happened.

mod admin;
mod admin_error;
mod allowance;
mod amount;
mod apply;
mod association;
mod batch;
mod batch_plan;
mod beside;
mod book;
mod check;
mod contacts;
mod count;
mod day;
mod deletion;
mod directory;
mod disclose;
mod dispute;
mod doubt;
mod edit;
mod entry;
mod fact;
mod follow;
mod followed;
mod judged;
mod ledger;
mod levels;
mod load;
mod loan;
mod mailbox;
mod mandate;
mod mark;
mod notice_room;
mod notify;
mod over_quota;
mod own;
mod permit;
mod place;
mod pulse;
mod push;
mod pushed;
mod recent;
mod record;
mod refresh;
mod reserve;
mod rested;
mod roll;
mod rounding;
mod routing;
mod sending;
mod sending_limits;
mod settled;
mod shared;
mod size;
mod speaker;
mod spent;
mod state;
mod stay;
mod subject;
mod tally;
mod typed;
mod usage;
mod verdict;
mod wanted;
mod watch;
mod watcher;
mod words;
mod write;

pub use admin::{AssociationView, Change, Excess};
pub use admin_error::AdminError;
pub use amount::{Amount, Limit, ON_TOP, Sum};
pub use association::{Association, Grant, Lending, Loan, Name, SenderRule, Settings};
pub use batch::{Applied, Batch, PanelLimit, Proposal};
pub use book::{Book, BookParams};
pub use check::{Defect, Findings, check};
pub use day::Day;
pub use deletion::{DeletedBy, Deletion};
pub use disclose::Disclosure;
pub use dispute::{Dispute, DisputedAssociation, DisputedPart, disputed};
pub use edit::{Edit, SendingEdit, StateEdit, Without};
pub use fact::{Crossing, Fact, Facts, Leaving, Stopped};
pub use follow::{BookFollowed, OfferedBook};
pub use judged::JudgedNumbers;
pub use levels::Level;
pub use loan::Lent;
pub use mailbox::{Fill, MailboxView};
pub use mandate::Bench;
pub use mark::Notified;
pub use notice_room::NoticeKind;
pub use over_quota::{OverQuota, Unknown};
pub use own::{Kind, LimitBy, MailboxEdit, MailboxPlace, Own, OwnLang, OwnLimit, SendingSwitch};
pub use permit::{Permission, Permit};
pub use place::Placed;
pub use record::SCHEMA;
pub use refresh::{Refresh, Shift};
pub use reserve::Reservation;
pub use rounding::rounded;
pub use routing::{LoginRoute, NoBackend, Route};
pub use sending_limits::{Filling, Rates, SendingLimits, SpentSending};
pub use shared::{CountOutcome, StorageRows, TenantCount};
pub use size::{SizeError, parse as parse_size, print as print_size, print_of as print_fill};
pub use speaker::Speaker;
pub use state::{Standing, State, StateWord};
pub use stay::{Stay, WhoStays};
pub use subject::Subject;
pub use usage::{LoadOutcome, Recounted};
pub use verdict::Verdict;
pub use wanted::WantedCounts;
pub use watch::{Told, Watch};
pub use words::{Counted, NoShift, Origin, Refreshed, Released, Turn};
pub use write::UsageWriter;

#[cfg(test)]
mod tests;
