//! The grammar of SMTP (RFC 5321 and its extensions), for both roles: what a mail program may say, what a relay may answer,
//! and how we speak to a relay.

pub(crate) mod answer;
pub mod client;
pub mod command;
pub mod line;
pub mod path;
pub mod reply;
