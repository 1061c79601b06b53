//! Every sentence of the statement, its place, and what stands behind it. The words are under `policy/statement/`.

use crate::sandbox::Unenforced;

/// A part of the statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// What is kept.
    Kept,
    /// What is not kept.
    NotKept,
    /// What is taken out of mail.
    Mail,
    /// What holds the daemon to it.
    Machine,
    /// What the other servers write down.
    Servers,
    /// What nobody here can prevent.
    Limits,
}

impl Part {
    /// All, in the order of the statement.
    pub const ALL: [Part; 6] = [Part::Kept, Part::NotKept, Part::Mail, Part::Machine, Part::Servers, Part::Limits];

    /// Its key in the files of words.
    pub(super) fn key(self) -> &'static str {
        match self {
            Part::Kept => "kept",
            Part::NotKept => "not-kept",
            Part::Mail => "mail",
            Part::Machine => "machine",
            Part::Servers => "servers",
            Part::Limits => "limits",
        }
    }
}

/// What holds a sentence up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Rules of `policy/headers.toml`: none is loosened.
    Rules(&'static [&'static str]),
    /// A rule of `policy/headers.toml` that keeps fields: at least one of these is still sent.
    Sent(&'static str, &'static [&'static str]),
    /// The config file: no backend has `client_hint`.
    NoHint,
    /// A setting of `policy/headers.toml`: encrypted payloads are left alone.
    UnseenPayload,
    /// A test of this source: a file, and a function in it. What it holds cannot be switched off.
    Test(&'static str, &'static str),
    /// Asked of the kernel at the start, and now, before this is said.
    Kernel(Unenforced, &'static str),
    /// The audit of settings, as a whole.
    Audit,
    /// The audit's canary.
    Canary,
    /// A check of the audit that tells what no setting can stop.
    Check(&'static str),
    /// Nothing here: it is outside of what any program can hold. It is said because silence would promise it.
    Outside,
}

impl Proof {
    /// For the brackets behind a sentence.
    pub fn name(self, sentence: &str) -> String {
        match self {
            Proof::Rules(names) => format!("rule: {}", names.join(", ")),
            Proof::Sent(name, _) => format!("rule: {name}"),
            Proof::NoHint => "setting: client_hint".to_owned(),
            Proof::UnseenPayload => "rule: unseen_payload".to_owned(),
            Proof::Test(file, name) => format!("test: {file} {name}"),
            Proof::Kernel(_, name) => format!("kernel: {name}"),
            Proof::Audit => "check: audit".to_owned(),
            Proof::Canary => "check: canary".to_owned(),
            Proof::Check(name) => format!("check: {name}"),
            Proof::Outside => format!("limit: {sentence}"),
        }
    }
}

/// One sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// Its key in the files of words.
    pub name: &'static str,
    /// Where it stands.
    pub part: Part,
    /// What holds it up.
    pub proof: Proof,
}

const fn sentence(part: Part, name: &'static str, proof: Proof) -> Sentence {
    Sentence { name, part, proof }
}

use Part::{Kept, Limits, Machine, Mail, NotKept, Servers};
use Proof::{Audit, Canary, Check, Kernel, NoHint, Outside, Rules, Sent, Test, UnseenPayload};

/// All of them, in the order of the statement. Those about servers are told once for each server that they fit.
pub const SENTENCES: &[Sentence] = &[
    sentence(Kept, "book", Test("tests/statement.rs", "the_book_keeps_what_is_said_and_no_time")),
    sentence(
        Kept,
        "book-forgets",
        Test("tests/store_contract.rs", "what_an_admin_removes_is_in_no_file_even_while_usage_is_written"),
    ),
    sentence(Kept, "sending", Test("src/quota/sending.rs", "a_limit_is_reached_exactly_and_drains_evenly")),
    sentence(Kept, "incident", Test("tests/interop/incident.rs", "an_incident_shows_verbs_codes_and_times_and_nothing_else")),
    sentence(Kept, "totals", Test("tests/metrics.rs", "totals_are_coarse_and_late_and_say_nothing_about_anybody")),
    sentence(Kept, "message-id-key", Test("src/scrub/message_id.rs", "ours_is_left_alone_and_the_rest_is_hashed")),
    sentence(NotKept, "connections", Test("src/event/layer.rs", "an_event_becomes_one_line_of_words_and_numbers")),
    sentence(NotKept, "passwords", Test("tests/layers.rs", "personal_types_cannot_be_printed")),
    sentence(NotKept, "no-spool", Test("tests/dialogues_submission.rs", "in_memory")),
    sentence(NotKept, "guessers", Test("src/private/pseudonym.rs", "one_network_has_one_pseudonym_and_a_new_key_gives_another")),
    sentence(NotKept, "client-hint", NoHint),
    sentence(Mail, "mail-origin", Rules(&["trace", "client-address", "web-scripts"])),
    sentence(Mail, "mail-login", Rules(&["login", "verdicts-of-others"])),
    sentence(Mail, "mail-program", Rules(&["mail-program", "client-families", "mime-version"])),
    sentence(Mail, "mail-message-id", Rules(&["message-id"])),
    sentence(Mail, "mail-date", Rules(&["date"])),
    sentence(Mail, "mail-language", Rules(&["language"])),
    sentence(Mail, "mail-bcc", Rules(&["blind-copies"])),
    sentence(Machine, "core-dumps", Kernel(Unenforced::CoreDumps, "CoreDumps")),
    sentence(Machine, "other-programs", Kernel(Unenforced::Dumpable, "Dumpable")),
    sentence(Machine, "privileges", Kernel(Unenforced::Privileges, "Privileges")),
    sentence(Servers, "audit", Audit),
    sentence(Servers, "server-clean", Audit),
    sentence(Servers, "server-unread", Audit),
    sentence(Servers, "dovecot-fault-lines", Check("dovecot-fault-lines")),
    sentence(Servers, "postfix-queue", Check("postfix-queue")),
    sentence(Servers, "postfix-postscreen-cache", Check("postfix-postscreen-cache")),
    sentence(Servers, "roundcube-last-login", Check("roundcube-last-login")),
    sentence(Servers, "canary", Canary),
    sentence(Servers, "canary-found", Canary),
    sentence(Limits, "provider", Outside),
    sentence(Limits, "other-side", Outside),
    sentence(Limits, "network", Outside),
    sentence(Limits, "old-blocks", Outside),
    sentence(Limits, "body", Test("tests/scrub.rs", "a_hundred_thousand_blocks_that_nobody_would_write")),
    sentence(Limits, "encrypted", UnseenPayload),
    sentence(
        Limits,
        "self-description",
        Sent("self-description", &["Organization", "Comments", "Keywords", "Face", "X-Face", "X-Image-URL", "X-URL"]),
    ),
];
