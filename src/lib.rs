//! nologd: a daemon between mail programs and mail servers of a host that promises its members to keep no logs.
//!
//! ```text
//!  mail programs ──IMAPS / submissions──┐                 ┌── mailbox storage (IMAP, LMTP)
//!  the webmail ────IMAP / submission────┤     nologd      ├── relay (SMTP)
//!  the relay ──────LMTP, policy service─┤                 │
//!  the storage ────usage, pushed────────┤                 │
//!  the admins ─────command line, web────┘                 └── embedded store
//! ```
//!
//! # The map
//!
//! A module imports only from lower layers, and drivers never import each other; `tests/layers.rs` holds it. The words, and where things
//! are: docs/architecture.md. Four walks from the socket and back: docs/flows.md.
//!
//! | layer | modules | what lives there |
//! |---|---|---|
//! | 6 program | `main` `run` `cli` `config` `audit` `statement` `demo` `import` | may import all below |
//! | 5 drivers | `serve` | the only async glue |
//! | 4 hands | `net` `pool` `sandbox` `terminal` | sockets, TLS, timers; connections kept between sessions; the kernel; what an admin sees |
//! | 3 minds | `smtp` `imap` `submission` `lmtp` `postfix_policy` `pop3` `sieve` `usage` `admin` `notice` `node` `share` `metrics` `web` | pure protocol: no tokio, no clock, no sockets |
//! | 2 books | `store` `quota` `limit` `route` `scrub` `incident` | what is known about associations, and the rules applied to messages |
//! | 1 grammar | `wire` `policy` | bytes and rules |
//! | 0 words | `fault` `private` `event` | `event` never imports `private` |
//!
//! One flow for every protocol: `socket -> net::conn -> frame -> command -> decide -> Step -> net::conn -> socket`.
//! Protocol modules are fed bytes and answer with a step ([`imap::ImapStep`]); the driver in `serve` does what the step says.
#![forbid(unsafe_code)]

// Its macro is for all below.
#[macro_use]
mod words;

pub mod admin;
pub mod audit;
pub mod cli;
pub mod config;
pub mod demo;
pub mod event;
pub mod fault;
pub mod imap;
pub mod import;
pub mod incident;
pub mod limit;
pub mod lmtp;
pub mod metrics;
pub mod net;
pub mod node;
pub mod notice;
pub mod policy;
pub mod pool;
pub mod pop3;
pub mod postfix_policy;
pub mod private;
pub mod quota;
pub mod route;
pub mod run;
pub mod sandbox;
pub mod scrub;
pub mod serve;
pub mod share;
pub mod sieve;
pub mod smtp;
pub mod statement;
pub mod store;
pub mod submission;
pub mod terminal;
pub mod usage;
pub mod web;
pub mod wire;
