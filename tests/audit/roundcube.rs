//! Debian's Roundcube: its own settings, alone and with our template, as PHP itself reads them; and as the audit does.

use std::path::Path;
use std::process::Command;

use nologd::audit::check::AuditedServer;
use nologd::audit::settings::findings;

use super::{source, templates};

const SETTINGS: &str = "/etc/roundcube/config.inc.php";

#[test]
fn php_reads_the_template_as_the_audit_does() {
    let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("policy/backends/roundcube.inc.php");
    let lint = Command::new("php").arg("-l").arg(&template).output().expect("apt install php-cli");
    assert!(lint.status.success(), "{}", String::from_utf8_lossy(&lint.stdout));
    // Defaults first, then the admin's file: this is how Roundcube reads them. (Debian keeps the database's password in a third.)
    let value = |name: &str, more: &str| {
        let script = format!(
            "define('RCUBE_INSTALL_PATH', '/usr/share/roundcube/'); $config = []; include '/etc/roundcube/defaults.inc.php'; \
             $defaults = $config; @include '{SETTINGS}'; {more} echo json_encode(array_merge($defaults, $config)['{name}'] ?? null);"
        );
        let output = Command::new("php").args(["-d", "display_errors=stderr", "-r", &script]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let include = format!("include '{}';", template.display());
    for (name, debian, ours) in [
        ("smtp_log", "true", "false"),
        ("log_driver", "\"file\"", "\"stdout\""),
        ("log_session_id", "8", "0"),
        ("log_logins", "false", "false"),
        ("http_received_header", "false", "false"),
        ("ip_check", "false", "false"),
    ] {
        assert_eq!(value(name, ""), debian, "{name} of Debian");
        assert_eq!(value(name, &include), ours, "{name} with the template");
    }
}

#[test]
fn debians_settings_leak_and_with_the_template_at_their_end_they_do_not() {
    let debian = std::fs::read_to_string(SETTINGS).expect("apt install roundcube-core");
    let names = |text: &str| {
        findings(&[source(AuditedServer::Roundcube, text)]).into_iter().map(|finding| finding.check).collect::<Vec<_>>()
    };
    let leaks = names(&debian);
    for leak in ["roundcube-sendmail-log", "roundcube-error-log", "roundcube-session-id", "roundcube-session-table"] {
        assert!(leaks.contains(&leak.to_owned()), "{leak}: {leaks:?}");
    }
    let template = templates::read("roundcube.inc.php");
    // Also without the web server's half: the template itself tells Roundcube a constant.
    let whole = names(&format!("{debian}\n{}", template.trim_start_matches("<?php")));
    assert_eq!(whole, ["roundcube-last-login"]);
}
