//! With real servers and programs: Dovecot, Postfix, Roundcube, Thunderbird and what people write with. As root.

#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that cannot go on must say where

// Shared by several.
#[path = "../alone/mod.rs"]
mod alone;
#[path = "../support/answered.rs"]
mod answered;
#[path = "../support/dialect.rs"]
mod dialect;
#[path = "../support/house.rs"]
mod house;
#[path = "../support/hunt.rs"]
mod hunt;
#[path = "../support/in_process.rs"]
mod in_process;
#[path = "../support/random.rs"]
mod random;
#[path = "../support/root.rs"]
mod root;
#[path = "../support/scripted.rs"]
mod scripted;
#[path = "../support/mod.rs"]
mod support;
#[path = "../support/wire.rs"]
mod wire;

// A file of tests/ is a line here: tests/layers.rs looks.
#[path = "../attack.rs"]
mod attack;
#[path = "../audit.rs"]
mod audit;
#[path = "../balancers.rs"]
mod balancers;
#[path = "../contact_story.rs"]
mod contact_story;
#[path = "../interop.rs"]
mod interop;
#[path = "../many.rs"]
mod many;
#[path = "../many_back.rs"]
mod many_back;
#[path = "../many_faults.rs"]
mod many_faults;
#[path = "../many_late.rs"]
mod many_late;
#[path = "../many_same.rs"]
mod many_same;
#[path = "../many_told.rs"]
mod many_told;
#[path = "../members_story.rs"]
mod members_story;
#[path = "../moved.rs"]
mod moved;
#[path = "../onion.rs"]
mod onion;
#[path = "../others.rs"]
mod others;
#[path = "../pool.rs"]
mod pool;
#[path = "../pop3.rs"]
mod pop3;
#[path = "../quick_ack.rs"]
mod quick_ack;
#[path = "../share.rs"]
mod share;
#[path = "../sieve.rs"]
mod sieve;
#[path = "../sync.rs"]
mod sync;
#[path = "../thunderbird.rs"]
mod thunderbird;
#[path = "../web_servers.rs"]
mod web_servers;
#[path = "../webmail.rs"]
mod webmail;
#[path = "../webmail_certificate.rs"]
mod webmail_certificate;
#[path = "../webmail_filters.rs"]
mod webmail_filters;
