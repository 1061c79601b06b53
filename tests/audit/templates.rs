//! Our own templates are clean, and each line of them says why it is there.

use std::fs;
use std::path::{Path, PathBuf};

use nologd::audit::check::{AuditedServer, Check, LeakKind};
use nologd::audit::report;

use super::source;

const TEMPLATES: &[(AuditedServer, &str)] = &[
    (AuditedServer::Dovecot, "dovecot-2.3.conf"),
    (AuditedServer::Dovecot, "dovecot-2.4.conf"),
    (AuditedServer::Postfix, "postfix.cf"),
    (AuditedServer::Nginx, "nginx.conf"),
    (AuditedServer::Roundcube, "roundcube.inc.php"),
    (AuditedServer::Journald, "journald.conf"),
    (AuditedServer::Rsyslog, "rsyslog.conf"),
];

/// What is there beside them: the unit, what Dovecot needs to tell usage, which `tests/interop/push.rs` runs, and the ports behind
/// nologd, which `make test-package` runs; POP3's and ManageSieve's are run by `tests/pop3.rs` and `tests/sieve.rs`. Those of a pair
/// of machines are run by `tests/pair.rs`; what the unit for counts runs is run by `tests/many.rs`.
const OTHERS: &[&str] = &[
    "nologd.service",
    "nologd-node.service",
    "nologd-share-count.service",
    "nologd-usage-count.service",
    "nologd-usage-count.timer",
    "nologd-dns.service",
    "nologd-dns.timer",
    "close-storage",
    "keepalived.conf",
    "dovecot-2.3-usage.conf",
    "dovecot-2.4-usage.conf",
    "dovecot-2.3-ports.conf",
    "dovecot-2.4-ports.conf",
    "dovecot-2.3-pop3.conf",
    "dovecot-2.4-pop3.conf",
    "dovecot-2.3-sieve.conf",
    "dovecot-2.4-sieve.conf",
    "postfix-master.cf",
];

#[test]
fn with_our_templates_nothing_is_found() {
    let sources: Vec<_> = TEMPLATES.iter().map(|(server, name)| source(*server, &installed(*server, &read(name)))).collect();
    let report = report(&sources);
    assert!(report.is_clean(), "{}", report.text());
    assert!(report.findings.iter().all(|finding| Check::find(&finding.check).unwrap().kind == LeakKind::Remains));
    // Not clean because nothing was read: with any line that matters taken out, something is found.
    for (server, name) in TEMPLATES {
        let text = read(name);
        let first = text.lines().find(|line| matters(line)).unwrap();
        let broken: String = text.lines().filter(|line| *line != first).map(|line| format!("{line}\n")).collect();
        assert!(!super::report(&[source(*server, &installed(*server, &broken))]).is_clean(), "{name} without {first}");
    }
}

/// What comes from loopback counts as secured, so nothing of ours has the line that opens POP3 and ManageSieve to passwords in clear from the
/// network: neither a file to copy, nor what a page says to write. Prose may name it.
#[test]
fn nothing_to_copy_takes_passwords_in_clear_from_elsewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut looked = 0;
    for folder in ["policy/backends", "policy/backends/panels", "docs", "docs/admin", "docs/fr", "."] {
        for file in fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()) {
            let Ok(text) = fs::read_to_string(&file) else { continue };
            let is_page = file.extension().is_some_and(|end| end == "md");
            let mut in_block = !is_page;
            for line in text.lines().map(str::trim) {
                if is_page && line.starts_with("```") {
                    in_block = !in_block;
                }
                let said = line.split('#').next().unwrap_or_default().split_whitespace().collect::<String>();
                let opens = ["disable_plaintext_auth=no", "auth_allow_cleartext=yes"].iter().any(|word| said.contains(word));
                assert!(!(in_block && opens) || said.starts_with("remote127.0.0.1{"), "{}: {line}", file.display());
            }
            looked += 1;
        }
    }
    assert!(looked > 60, "only {looked} files were found");
}

/// The template where it belongs: rsyslog's is read before Debian's own rules, the others are whole or come last.
fn installed(server: AuditedServer, template: &str) -> String {
    if server == AuditedServer::Rsyslog {
        format!("{template}{}", include_str!("rsyslog-debian.conf"))
    } else {
        template.to_owned()
    }
}

fn matters(line: &str) -> bool {
    let starts = ["info_log_path", "maillog_file =", "error_log", "$config['smtp_log']", "Storage", "mail.*"];
    starts.iter().any(|start| line.starts_with(start))
}

#[test]
fn every_line_says_why() {
    let mut files: Vec<PathBuf> = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    // Those for panels: `tests/sync.rs`.
    files.retain(|path| !path.is_dir());
    files.sort();
    assert_eq!(files.len(), TEMPLATES.len() + OTHERS.len(), "a template without a test: {files:?}");
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let comments = text.lines().filter(|line| line.trim_start().starts_with(['#', '/'])).count();
        assert!(comments >= 3, "{}", file.display());
        let mut since = 0;
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            since = if line.starts_with(['#', '/', '[']) || line.starts_with("<?") { 0 } else { since + 1 };
            // A comment stands for its block of lines.
            assert!(since <= 12, "{}:{}: no comment near", file.display(), number + 1);
        }
    }
}

#[test]
fn to_tell_usage_writes_nobody_down() {
    for version in ["2.3", "2.4"] {
        let both = read(&format!("dovecot-{version}.conf")) + &read(&format!("dovecot-{version}-usage.conf"));
        assert!(report(&[source(AuditedServer::Dovecot, &both)]).is_clean(), "{version}");
    }
}

#[test]
fn to_stand_behind_nologd_writes_nobody_down() {
    for version in ["2.3", "2.4"] {
        let both = read(&format!("dovecot-{version}-ports.conf"))
            + &read(&format!("dovecot-{version}-pop3.conf"))
            + &read(&format!("dovecot-{version}-sieve.conf"))
            + &read(&format!("dovecot-{version}.conf"));
        assert!(report(&[source(AuditedServer::Dovecot, &both)]).is_clean(), "{version}");
    }
}

#[test]
fn the_unit_shuts_the_daemon_in() {
    let unit = read("nologd.service");
    for line in
        ["Type=notify", "MemorySwapMax=0", "LimitCORE=0", "ProtectSystem=strict", "NoNewPrivileges=yes", "StateDirectory=nologd"]
    {
        assert!(unit.lines().any(|other| other == line), "{line}");
    }
}

/// A socket needs a folder that can be written to, and a chown. Later filters win, and `@privileged` takes chown away.
#[test]
fn the_unit_lets_the_daemon_open_its_sockets() {
    let unit = read("nologd.service");
    let at = |line: &str| unit.lines().position(|other| other.starts_with(line));
    assert!(at("RuntimeDirectory=nologd").is_some());
    assert!(at("SystemCallFilter=@chown") > at("SystemCallFilter=~@privileged"));
}

pub(super) fn read(name: &str) -> String {
    fs::read_to_string(folder().join(name)).unwrap()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("policy/backends")
}
