//! The grammar of SMTP (RFC 5321 and its extensions), for both roles: what a mail program may say, what a server may reply,
//! and how we speak to a server behind us.

pub(crate) mod answer;
pub mod client;
pub mod command;
pub mod delivery;
pub mod path;
pub mod replied;
pub mod reply;
pub mod steps;
pub mod upstream;
