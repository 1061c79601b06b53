//! Layer 3: the commands of admins, and of whoever else may give them, as the daemon, the command line and pages say them to each other.
//!
//! ```text
//! nologd association set ──▶ SetAssociation ──one line of JSON──▶ Request ──▶ Executor ──▶ Book
//! the admin's terminal  ◀── Changed<..>    ◀──one line of JSON── ReplyLine   ◀──┘
//! ```
//!
//! A command is one type in one file: its fields are what can be typed (clap), what is sent (serde) and what is carried out; who may give it,
//! what is told and how that is printed stand beside it. [`Principal::may`] is the only judge of who may. Printing works on types: a key that
//! one side does not know is an error, never an empty line.
//!
//! One request and one answer for each connection (`serve::admin` carries them). Sizes are exact numbers of octets; `null` is
//! "no limit" or "none"; what is left out stays as it is. Unknown keys are refused: a newer command line must not believe that
//! an older daemon did all of what it asked.
//!
//! To add a command: CONTRIBUTING.md. To add a setting: docs/admin-settings.md.
//!
//! Absent on purpose: any activity. No answer says who is connected, who sent anything, or when; but for `mailbox kick`, how many sessions it
//! ended. What is looked at again and again must tell no act either: docs/side-information.md.

pub mod association;
mod association_rows;
pub mod association_shown;
pub mod blocks;
mod changed;
mod command;
pub mod disclose;
pub mod doubt;
mod executor;
pub mod grant;
pub mod hand_over;
mod host;
mod in_parts;
pub mod incident;
mod json;
pub mod kick;
mod layout;
mod line;
pub mod loan;
pub mod mailbox;
pub mod mailbox_shown;
mod moment;
pub mod move_mailbox;
pub mod node;
mod node_desk;
pub mod offer;
pub mod offer_news;
pub mod open_offers;
mod principal;
mod refusal;
mod request;
mod seen_zones;
pub mod share;
pub mod share_count;
mod share_desk;
mod share_dispute;
pub mod status;
pub mod sync;
#[cfg(test)]
mod tests;
pub mod usage;
pub mod usage_count;
pub mod zones;

pub use changed::Changed;
pub use command::{AdminCommand, ReplyLine, ask};
pub use executor::Executor;
pub use host::{AskCertificates, CertificateStatus, Host, ListenerStatus, ServerStatus};
pub use layout::Canvas;
pub use line::{MAX_ANSWER, MAX_REQUEST, Unread, VERSION, tell, told};
pub use moment::Moment;
pub use principal::{Audience, Principal};
pub use refusal::{NotDone, NotDoneCause};
pub use request::Request;
