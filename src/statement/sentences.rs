//! Every sentence of the statement, its place, and what stands behind it. The words are under `policy/statement/`.

use super::sentence::{HeldByRules, Proof, Sentence, StatementPart};
use crate::sandbox::{Probe, Unenforced};

const fn sentence(part: StatementPart, name: &'static str, rules: &'static [HeldByRules], proof: Proof) -> Sentence {
    Sentence { name, part, rules, proof }
}

const fn headers(part: StatementPart, name: &'static str, rules: &'static [HeldByRules]) -> Sentence {
    sentence(part, name, rules, Policy)
}

use Proof::{
    Audit, Balancer, Canary, Check, Kernel, NoHint, Onion, Outputs, Outside, Pair, Policy, Sent, Shared, Test, UnseenPayload,
    Witness,
};
use StatementPart::{Kept, Limits, Machine, Mail, NotKept, Servers};
use Unenforced::{Calls, Connect, CoreDumps, Datagrams, Dumpable, Files, Privileges, Scope, Swap, Truncate, Unix};

const HEADERS: &str = "headers.toml";
const MEMORY: &str = "memory.toml";
const RETENTION: &str = "retention.toml";
const SANDBOX: &str = "sandbox.toml";

const DAY: Proof = Test("tests/strace.rs", "a_day_leaves_no_marker_in_any_file_or_output");
const DURING: Proof = Test("tests/strace.rs", "memory_during_a_session_holds_no_password");
const WIPED: Proof = Test("tests/strace.rs", "memory_after_logout_holds_no_password_and_there_is_no_core");

/// All of them, in the order of the statement. Those about servers are told once for each server that they fit.
pub const SENTENCES: &[Sentence] = &[
    sentence(
        Kept,
        "book",
        &[(RETENTION, &["limits", "usage", "routes"])],
        Test("tests/statement.rs", "the_book_keeps_what_is_said_and_no_time"),
    ),
    sentence(Kept, "book-pair", &[], Pair),
    sentence(Kept, "book-shared", &[], Shared),
    sentence(
        Kept,
        "book-forgets",
        &[(RETENTION, &["limits", "usage", "routes"])],
        Test("tests/store_contract.rs", "what_an_admin_removes_is_in_no_file_even_while_usage_is_written"),
    ),
    sentence(
        Kept,
        "usage-rounded",
        &[(RETENTION, &["usage"])],
        Test("tests/seized_disk.rs", "nothing_but_the_present_rounded_numbers"),
    ),
    sentence(
        Kept,
        "sending",
        &[(RETENTION, &["sending"])],
        Test("src/quota/sending.rs", "a_limit_is_reached_exactly_and_drains_evenly"),
    ),
    sentence(
        Kept,
        "guessers",
        &[(RETENTION, &["tries"]), (MEMORY, &["pseudonyms"])],
        Test("src/private/pseudonym.rs", "one_network_has_one_pseudonym_and_a_new_key_gives_another"),
    ),
    sentence(Kept, "session", &[(RETENTION, &["session"]), (MEMORY, &["buffers-wiped", "idle-holds-nothing"])], WIPED),
    sentence(Kept, "password-in-memory", &[(RETENTION, &["password"]), (MEMORY, &["secrets-wiped"])], DURING),
    sentence(
        Kept,
        "incident",
        &[(RETENTION, &["incident"])],
        Test("tests/interop/incident.rs", "an_incident_shows_verbs_codes_and_times_and_nothing_else"),
    ),
    sentence(
        Kept,
        "totals",
        &[(RETENTION, &["totals"])],
        Test("tests/metrics.rs", "totals_are_coarse_and_late_and_say_nothing_about_anybody"),
    ),
    sentence(
        Kept,
        "message-id-key",
        &[(RETENTION, &["message-id-key"])],
        Test("src/scrub/message_id.rs", "each_mailbox_has_its_own_identifiers"),
    ),
    sentence(
        NotKept,
        "connections",
        &[(RETENTION, &["connections", "addresses"]), ("log.toml", &["output"])],
        Test("src/event/layer.rs", "an_event_becomes_one_line_of_words_and_numbers"),
    ),
    sentence(NotKept, "correspondence", &[(RETENTION, &["correspondence"])], DAY),
    sentence(NotKept, "programs", &[(RETENTION, &["programs"])], DAY),
    sentence(NotKept, "failures", &[(RETENTION, &["failures"])], DAY),
    sentence(
        NotKept,
        "passwords",
        &[(MEMORY, &["secrets-wiped", "panic-without-words"])],
        Test("tests/layers.rs", "personal_types_cannot_be_printed"),
    ),
    sentence(NotKept, "no-spool", &[(RETENTION, &["contents"])], Test("tests/dialogues_submission.rs", "in_memory")),
    sentence(NotKept, "pages", &[], Test("tests/strace_web.rs", "what_is_said_at_the_pages_is_in_no_file_and_in_no_output")),
    sentence(NotKept, "client-hint", &[], NoHint),
    sentence(NotKept, "onion", &[], Onion),
    headers(Mail, "mail-origin", &[(HEADERS, &["trace", "client-address", "web-scripts"])]),
    headers(Mail, "mail-login", &[(HEADERS, &["login", "verdicts-of-others", "receipts", "sender"])]),
    headers(
        Mail,
        "mail-program",
        &[(HEADERS, &["mail-program", "client-families", "virus-scanners", "mime-version", "content-type"])],
    ),
    headers(Mail, "mail-message-id", &[(HEADERS, &["message-id", "resent-message-id", "threads", "machine-names"])]),
    headers(Mail, "mail-date", &[(HEADERS, &["date", "resent-date", "content-disposition"])]),
    headers(Mail, "mail-language", &[(HEADERS, &["language"])]),
    headers(Mail, "mail-bcc", &[(HEADERS, &["blind-copies"])]),
    headers(Mail, "mail-unknown", &[(HEADERS, &["unknown"])]),
    sentence(Machine, "witness", &[], Witness),
    sentence(Machine, "core-dumps", &[(MEMORY, &["no-core-dumps"])], Kernel(&[CoreDumps], &[])),
    sentence(Machine, "swap", &[(MEMORY, &["no-swap"])], Kernel(&[Swap], &[])),
    sentence(Machine, "other-programs", &[(MEMORY, &["not-dumpable"])], Kernel(&[Dumpable], &[])),
    sentence(Machine, "privileges", &[(MEMORY, &["no-new-privileges"])], Kernel(&[Privileges], &[])),
    sentence(
        Machine,
        "files-written",
        &[(SANDBOX, &["write", "remove-socket"])],
        Kernel(&[Files, Truncate], &[Probe::WriteTemporary, Probe::WriteLog, Probe::WriteDevice]),
    ),
    sentence(
        Machine,
        "files-read",
        &[(SANDBOX, &["read", "read-authorities", "read-machine", "read-names"])],
        Kernel(&[Files], &[Probe::ReadElsewhere, Probe::ReadConnections]),
    ),
    sentence(
        Machine,
        "connections-out",
        &[(SANDBOX, &["connect", "connect-names", "options", "options-names", "no-new-doors"])],
        Kernel(
            &[Connect, Calls, Datagrams, Unix],
            &[
                Probe::ConnectElsewhere,
                Probe::FastOpen,
                Probe::OtherProtocols,
                Probe::OtherFamilies,
                Probe::SocketOptions,
                Probe::Listen,
                Probe::ListenUnbound,
                Probe::ConnectUnix,
            ],
        ),
    ),
    sentence(Machine, "no-programs", &[(SANDBOX, &["no-programs"])], Kernel(&[Calls], &[Probe::Exec, Probe::MemoryFile])),
    sentence(
        Machine,
        "system-log",
        &[(SANDBOX, &["connect", "sockets", "sockets-names", "sockets-unix", "no-system-log"])],
        Kernel(&[Calls, Unix], &[Probe::SystemLog, Probe::ConnectUnix]),
    ),
    sentence(
        Machine,
        "other-processes",
        &[(SANDBOX, &["no-other-processes", "no-shared-memory", "no-descriptors", "no-messages"])],
        Kernel(
            &[Files, Scope, Calls],
            &[
                Probe::ReadProcess,
                Probe::SignalProcess,
                Probe::Trace,
                Probe::Watch,
                Probe::MessageQueue,
                Probe::PassDescriptor,
                Probe::Abstract,
            ],
        ),
    ),
    sentence(
        Machine,
        "no-way-out",
        &[(SANDBOX, &["no-new-walls", "no-keyring", "no-bypass", "no-machine", "no-return", "no-looking-in", "no-marks"])],
        Kernel(&[Calls], &[Probe::Namespace, Probe::Dumpable, Probe::CoreDumps, Probe::User]),
    ),
    sentence(Machine, "outputs", &[("log.toml", &["output"])], Outputs),
    sentence(Servers, "audit", &[], Audit),
    sentence(Servers, "server-clean", &[], Audit),
    sentence(Servers, "server-unread", &[], Audit),
    sentence(Servers, "dovecot-fault-lines", &[], Check("dovecot-fault-lines")),
    sentence(Servers, "dovecot-sieve-user-log", &[], Check("dovecot-sieve-user-log")),
    sentence(Servers, "postfix-queue", &[], Check("postfix-queue")),
    sentence(Servers, "postfix-postscreen-cache", &[], Check("postfix-postscreen-cache")),
    sentence(Servers, "roundcube-last-login", &[], Check("roundcube-last-login")),
    sentence(Servers, "rspamd-history-file", &[], Check("rspamd-history-file")),
    sentence(Servers, "backups-old-logs", &[], Check("backups-old-logs")),
    sentence(Servers, "canary", &[], Canary),
    sentence(Servers, "canary-found", &[], Canary),
    sentence(Limits, "provider", &[], Outside),
    sentence(Limits, "other-side", &[], Outside),
    sentence(Limits, "filters", &[], Outside),
    sentence(Limits, "network", &[], Outside),
    sentence(Limits, "balancer", &[], Balancer),
    sentence(Limits, "old-blocks", &[], Outside),
    sentence(Limits, "tags", &[], Test("tests/dialogues_imap.rs", "in_memory")),
    sentence(Limits, "body", &[], Test("tests/scrub.rs", "a_hundred_thousand_blocks_that_nobody_would_write")),
    sentence(Limits, "boundary", &[], Test("tests/programs.rs", "the_same_message_of_two_programs_has_the_same_header")),
    sentence(Limits, "signed", &[(HEADERS, &["signatures"])], Test("tests/scrub.rs", "messages_with_traps")),
    sentence(Limits, "machines", &[], Test("tests/scrub.rs", "machines_keep_their_own_fields")),
    sentence(Limits, "encrypted", &[(HEADERS, &["unseen_payload"])], UnseenPayload),
    sentence(
        Limits,
        "self-description",
        &[(HEADERS, &["self-description"])],
        Sent(&["Organization", "Comments", "Keywords", "Face", "X-Face", "X-Image-URL", "X-URL"]),
    ),
];
