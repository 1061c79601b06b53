//! Layer 3: what admins ask and what they are answered, as the daemon and the command line say it to each other.
//!
//! ```text
//! nologd association set ──▶ Request ──one line of JSON──▶ Request ──▶ Executor ──▶ Book
//! the admin's terminal  ◀── Answer  ◀──one line of JSON── Answer  ◀──┘
//! ```
//!
//! One request and one answer for each connection (`serve::admin` carries them). Sizes are exact numbers of octets; `null` is
//! "no limit" or "none"; what is left out stays as it is. Unknown keys are refused: a newer command line must not believe that
//! an older daemon did all of what it asked.
//!
//! Absent on purpose: any activity. No answer says who is connected, who sent anything, or when; but for `mailbox kick`, how many sessions it ended.

mod answer;
mod blocks;
mod encode;
mod executor;
mod fields;
mod request;
mod show;
mod status;
mod watch;

pub use answer::Answer;
pub use executor::Executor;
pub use request::{RateEdit, Request, SendingEdit, Settings};
pub use status::{CertificateStatus, Certificates, Host, ListenerStatus};

/// The version of the two lines. Another one is refused with a sentence.
pub const VERSION: u64 = 1;

/// The longest request, in octets with its line end: a few hundred domains or aliases in one command.
pub const MAX_REQUEST: usize = 64 * 1024;

/// The longest answer, in octets with its line end: 100,000 mailboxes.
pub const MAX_ANSWER: usize = 64 * 1024 * 1024;
