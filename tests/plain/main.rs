//! What needs nothing but this crate and its own program: no other server; and no right of root, but for what is in a module `as_root`.

#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that cannot go on must say where

// Shared by several.
#[path = "../alone/mod.rs"]
mod alone;
#[path = "../support/answered.rs"]
mod answered;
#[path = "../support/dialogue.rs"]
mod dialogue;
#[path = "../golden/mod.rs"]
mod golden;
#[path = "../support/house.rs"]
mod house;
#[path = "../web/http.rs"]
mod http;
#[path = "../support/in_process.rs"]
mod in_process;
#[path = "../support/played.rs"]
mod played;
#[path = "../support/random.rs"]
mod random;
#[path = "../support/root.rs"]
mod root;
#[path = "../support/scripted.rs"]
mod scripted;
#[path = "../support/wire.rs"]
mod wire;

// A file of tests/ is a line here: tests/layers.rs looks.
#[path = "../admin.rs"]
mod admin;
#[path = "../admin_golden.rs"]
mod admin_golden;
#[path = "../backends.rs"]
mod backends;
#[path = "../bad_config.rs"]
mod bad_config;
#[path = "../bad_start.rs"]
mod bad_start;
#[path = "../certificates.rs"]
mod certificates;
#[path = "../clock_step.rs"]
mod clock_step;
#[path = "../corpus.rs"]
mod corpus;
#[path = "../dialogues_imap.rs"]
mod dialogues_imap;
#[path = "../dialogues_lmtp.rs"]
mod dialogues_lmtp;
#[path = "../dialogues_pop3.rs"]
mod dialogues_pop3;
#[path = "../dialogues_sieve.rs"]
mod dialogues_sieve;
#[path = "../dialogues_submission.rs"]
mod dialogues_submission;
#[path = "../dialogues_tls.rs"]
mod dialogues_tls;
#[path = "../dns.rs"]
mod dns;
#[path = "../doors.rs"]
mod doors;
#[path = "../imap_ends.rs"]
mod imap_ends;
#[path = "../kicked.rs"]
mod kicked;
#[path = "../layers.rs"]
mod layers;
#[path = "../lmtp_cut.rs"]
mod lmtp_cut;
#[path = "../loans.rs"]
mod loans;
#[path = "../metrics.rs"]
mod metrics;
#[path = "../nodes.rs"]
mod nodes;
#[path = "../notices.rs"]
mod notices;
#[path = "../package.rs"]
mod package;
#[path = "../pages.rs"]
mod pages;
#[path = "../places.rs"]
mod places;
#[path = "../programs.rs"]
mod programs;
#[path = "../quit_unheard.rs"]
mod quit_unheard;
#[path = "../quota_races.rs"]
mod quota_races;
#[path = "../quota_told.rs"]
mod quota_told;
#[path = "../quota_truth.rs"]
mod quota_truth;
#[path = "../relay_moods.rs"]
mod relay_moods;
#[path = "../reload.rs"]
mod reload;
#[path = "../scrub.rs"]
mod scrub;
#[path = "../statement.rs"]
mod statement;
#[path = "../store_command.rs"]
mod store_command;
#[path = "../store_contract.rs"]
mod store_contract;
#[path = "../terminal.rs"]
mod terminal;
#[path = "../usage.rs"]
mod usage;
#[path = "../web.rs"]
mod web;
#[path = "../web_members.rs"]
mod web_members;
