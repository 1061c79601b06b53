//! The audit: each known leak in Debian's own settings, none with our templates, and what real servers then write.

#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that cannot go on must say where

#[path = "audit/alternc.rs"]
mod alternc;
#[path = "audit/canary.rs"]
mod canary;
#[path = "audit/nginx.rs"]
mod nginx;
#[path = "audit/real.rs"]
mod real;
#[path = "audit/roundcube.rs"]
mod roundcube;
#[path = "audit/rsyslog.rs"]
mod rsyslog;
#[path = "audit/templates.rs"]
mod templates;

use std::process::Command;

use nologd::audit::check::AuditedServer;
use nologd::audit::settings::origin::Origins;
use nologd::audit::settings::{Source, findings};
use nologd::audit::{Finding, report};
use nologd::demo::{Owner, Place};

/// Every leak of Debian's Dovecot, Postfix, nginx and Roundcube that is there without any line of an admin.
const DEFAULT_LEAKS: &[&str] = &[
    "dovecot-info-lines",
    "dovecot-login-line",
    "dovecot-line-prefix",
    "dovecot-delivery-line",
    "dovecot-received",
    "dovecot-fault-lines",
    "postfix-session-lines",
    "postfix-login-lines",
    "postfix-reject-lines",
    "postfix-message-id-lines",
    "postfix-envelope-lines",
    "postfix-anvil-lines",
    "postfix-verify-cache",
    "postfix-queue",
    "nginx-access-log",
    "nginx-error-log",
    "roundcube-sendmail-log",
    "roundcube-error-log",
    "roundcube-session-id",
    "roundcube-session-table",
    "roundcube-last-login",
];

#[test]
fn debians_own_settings_have_every_known_leak() {
    let sources = [
        source(AuditedServer::Dovecot, &output("doveconf", &["-n"], "dovecot-imapd")),
        source(AuditedServer::Postfix, &output("postconf", &["-n", "-c", "/etc/postfix"], "postfix")),
        source(AuditedServer::Nginx, &output("nginx", &["-T"], "nginx")),
        source(AuditedServer::Roundcube, include_str!("audit/roundcube-debian.inc.php")),
        source(AuditedServer::Journald, ""),
        source(AuditedServer::Rsyslog, include_str!("audit/rsyslog-debian.conf")),
    ];
    let found = findings(&sources);
    for leak in DEFAULT_LEAKS.iter().chain(&["journald-storage", "journald-retention", "journald-forward", "rsyslog-mail-lines"])
    {
        assert!(found.iter().any(|finding| finding.check == *leak), "{leak} was not found");
    }
    assert!(!report(&sources).is_clean());
}

#[test]
fn the_default_and_a_leaking_dovecot_2_4() {
    let default = names(&source(AuditedServer::Dovecot, include_str!("audit/dovecot-2.4-default.conf")));
    for leak in DEFAULT_LEAKS.iter().filter(|leak| leak.starts_with("dovecot-")) {
        assert!(default.contains(&(*leak).to_owned()), "{leak}: {default:?}");
    }
    let leaking = names(&source(AuditedServer::Dovecot, include_str!("audit/dovecot-2.4-leaking.conf")));
    for leak in [
        "dovecot-info-lines",
        "dovecot-login-line",
        "dovecot-line-prefix",
        "dovecot-delivery-line",
        "dovecot-auth-verbose",
        "dovecot-auth-passwords",
        "dovecot-auth-policy-server",
        "dovecot-process-title",
        "dovecot-rawlog",
        "dovecot-mail-log",
        "dovecot-last-login",
        "dovecot-event-export",
    ] {
        assert!(leaking.contains(&leak.to_owned()), "{leak}: {leaking:?}");
    }
}

/// The recipes that are copied from wiki to wiki, and write down what they take out.
#[test]
fn recipes_that_leak() {
    let mut postfix = source(
        AuditedServer::Postfix,
        "maillog_file = /dev/null\naddress_verify_map =\nsmtp_header_checks = pcre:/etc/postfix/anonymize_headers.pcre\n\
         mime_header_checks = regexp:/etc/postfix/mime\nsmtpd_tls_received_header = yes\nsmtpd_tls_loglevel = 1\n",
    );
    postfix.named = vec![
        (
            "/etc/postfix/anonymize_headers.pcre".to_owned(),
            "if /^\\s*Received:.*Authenticated sender.*\\(Postcow\\)/\n\
          /^Received: from .*? \\([\\w-.]* \\[.*?\\]\\)/\n  REPLACE Received: from localhost\nendif\n/^\\s*User-Agent/ IGNORE\n"
                .to_owned(),
        ),
        ("/etc/postfix/mime".to_owned(), "/^\\s*X-Originating-IP:/ IGNORE\n".to_owned()),
    ];
    let found = findings(&[postfix]);
    let rules: Vec<_> = found.iter().filter(|finding| finding.check == "postfix-header-checks").collect();
    assert_eq!(rules.len(), 1, "{rules:?}");
    assert!(found.iter().any(|finding| finding.check == "postfix-tls-received"));
    assert!(found.iter().any(|finding| finding.check == "postfix-tls-log"));
}

#[test]
fn every_finding_has_a_line_to_write_and_no_value() {
    let secret = "debug_peer_list = 198.51.100.7\nsmtpd_authorized_xclient_hosts = 198.51.100.8\n";
    let report = report(&[source(AuditedServer::Postfix, secret)]);
    assert!(report.findings.iter().all(|finding| !finding.instead.is_empty()));
    let json = serde_json::to_string(&report).unwrap();
    assert!(!json.contains("198.51.100") && !report.text().contains("198.51.100"), "a report travels");
    let back: nologd::audit::AuditReport = serde_json::from_str(&json).unwrap();
    assert_eq!(back, report);
}

#[test]
fn the_command_reads_files_and_ends_with_1_when_it_found_something() {
    let run = |arguments: &[&str]| Command::new(env!("CARGO_BIN_EXE_nologd")).arg("audit").args(arguments).output().unwrap();
    let root = env!("CARGO_MANIFEST_DIR");
    let leaking = run(&["--dovecot-config", &format!("{root}/tests/audit/dovecot-2.4-leaking.conf")]);
    assert_eq!(leaking.status.code(), Some(1));
    let text = String::from_utf8(leaking.stdout).unwrap();
    assert!(text.contains("-> login_log_format_elements = method=%{mechanism}"), "{text}");
    let clean = run(&["--dovecot-config", &format!("{root}/policy/backends/dovecot-2.4.conf"), "--json"]);
    assert_eq!(clean.status.code(), Some(0), "{}", String::from_utf8_lossy(&clean.stdout));
    // A file that is named is read beside a whole machine's too, of whichever server.
    let leaking = format!("{root}/tests/audit");
    let access_log = Place::new().unwrap();
    let nginx = access_log.write("nginx.conf", b"http {\n  access_log /var/log/nginx/access.log;\n}\n").unwrap();
    for (option, file, sentence) in [
        ("--dovecot-config", format!("{leaking}/dovecot-2.4-leaking.conf"), "-> login_log_format_elements = method=%{mechanism}"),
        ("--nginx-config", nginx.display().to_string(), "access_log"),
    ] {
        let beside = run(&["--root", &format!("{root}/certs-example"), option, &file]);
        let text = String::from_utf8(beside.stdout).unwrap();
        assert!(text.contains(sentence) && beside.status.code() == Some(1), "{text}");
    }
    let nowhere = run(&["--root", &format!("{root}/certs-example"), "--nginx-config", "/nowhere"]);
    assert!(nowhere.status.code() == Some(1) && !String::from_utf8_lossy(&nowhere.stdout).contains("clean"));
    let missing = run(&["--dovecot-config", "/nowhere"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(missing.stdout.is_empty() && !missing.stderr.is_empty());
}

fn source(server: AuditedServer, text: &str) -> Source {
    Source { server, file: server.name().to_owned(), text: text.to_owned(), named: Vec::new(), origins: Origins::default() }
}

fn names(source: &Source) -> Vec<String> {
    let Source { server, file, text, named, origins } = source;
    let copy = Source { server: *server, file: file.clone(), text: text.clone(), named: named.clone(), origins: origins.clone() };
    findings(&[copy]).into_iter().map(|finding: Finding| finding.check).collect()
}

/// The real settings of the package on this machine.
fn output(tool: &str, arguments: &[&str], package: &str) -> String {
    let path = ["/usr/sbin", "/usr/bin"]
        .iter()
        .map(|folder| format!("{folder}/{tool}"))
        .find(|path| std::path::Path::new(path).exists());
    let path = path.unwrap_or_else(|| panic!("{tool} is not installed: apt install {package}"));
    let output = Command::new(path).args(arguments).output().unwrap();
    assert!(output.status.success(), "{tool}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// From inside, everything is refused, the name of a person too; and a policy that lets something through is found.
#[test]
fn the_audit_tries_the_sandbox_from_inside() {
    let place = Place::new().unwrap();
    place.make("state", Owner::me()).unwrap();
    let user = if nix::unistd::Uid::effective().is_root() { "user = \"nobody\"\n" } else { "" };
    let config = |more: &str| {
        format!(
            "hostname = \"mail.nolog.example\"\nstate_dir = \"{}\"\n{user}\
             [[listen]]\nservice = \"imap\"\naddress = \"127.0.0.1:1143\"\ntls = \"none\"\n\
             [[backend]]\nname = \"one\"\nimap = \"imap://127.0.0.1:10143\"\n{more}",
            place.path("state").display()
        )
    };
    let run = |text: &str, arguments: &[&str]| {
        let file = place.write("nologd.toml", text.as_bytes()).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_nologd"));
        let output = command.args(["audit", "--no-settings", "--config"]).arg(file).args(arguments).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, text, errors) = run(&config(""), &["--json"]);
    assert_eq!((code, errors.as_str()), (Some(0), ""), "{text}");
    let report: nologd::audit::AuditReport = serde_json::from_str(&text).unwrap();
    let itself = report.itself.unwrap();
    assert_eq!(itself.tried.len(), nologd::sandbox::Probe::ALL.len() + 1);
    assert!(itself.tried.iter().any(|tried| tried.what == "report a person's name" && tried.refused));
    let (code, text, _) = run(&config(""), &[]);
    assert!(code == Some(0) && text.contains("  refused: report a person's name\n"), "{text}");
    assert!(
        text.contains("  refused: start a program\n")
            && text.ends_with("audit: clean: 0 settings to change, 0 traces, 0 attempts not refused\n"),
        "{text}"
    );

    place.make("policy", Owner::me()).unwrap();
    let loose = nologd::policy::sandbox::BUILT_IN.replace("write  = [\"@state\"]", "write  = [\"@state\", \"/tmp\"]");
    place.write("policy/sandbox.toml", loose.as_bytes()).unwrap();
    let own = format!("{}[policy]\ndirectory = \"{}\"\nallow_loosened = true\n", config(""), place.path("policy").display());
    let (code, text, _) = run(&own, &[]);
    assert!(code == Some(1) && text.contains("POSSIBLE: write a file in the folder for temporary files"), "{text}");
}
