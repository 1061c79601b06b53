//! A Debian machine with a panel: its own settings, trimmed to the lines that matter, as files in a folder. Each leak is named with the
//! file, the line and the line to write; and with these lines written, they are gone.

use std::fs;
use std::path::Path;
use std::process::Command;

use nologd::audit::AuditReport;
use nologd::demo::{Owner, Place};

/// Each file of the machine, with what Debian and AlternC put there.
const TREE: &[(&str, &str)] = &[
    ("etc/dovecot/dovecot.conf", "!include conf.d/*.conf\n!include_try local.conf\n"),
    (
        "etc/dovecot/conf.d/95_alternc.conf",
        "# Made from a template.\nprotocols = imap pop3 sieve\nprotocol lda {\n  mail_plugins = $mail_plugins quota sieve\n}\n\
         service imap {\n  executable = imap imap-postlogin\n}\nservice imap-postlogin {\n  executable = script-login /usr/lib/x.sh\n}\n\
         plugin {\n  sieve_trace_dir = /var/lib/dovecot/trace\n}\n",
    ),
    (
        "etc/apache2/apache2.conf",
        "ErrorLog ${APACHE_LOG_DIR}/error.log\nLogFormat \"%h %l %u %t \\\"%r\\\" %>s %O\" common\n\
         IncludeOptional conf-enabled/*.conf\nIncludeOptional sites-enabled/*.conf\n",
    ),
    (
        "etc/apache2/conf-enabled/alternc.conf",
        "LogFormat \"%{LOGIN}e %h %l %u %t \\\"%r\\\" %>s\" alternc\n\
         CustomLog \"|| /usr/sbin/vlogger -s access.log -t \\\"access-%Y%m%d.log\\\" /var/log/alternc/sites/\" alternc\n",
    ),
    (
        "etc/apache2/sites-enabled/autoconfig.velo.example.conf",
        "<VirtualHost *:80>\n  ServerName autoconfig.velo.example\n  RewriteRule ^/mail/config-v1.1.xml$ /auto.php [L]\n</VirtualHost>\n",
    ),
    ("etc/alternc/local.sh", "HOSTING=\"x\"\nMYSQL_DATABASE=\"alternc\"\nALTERNC_LOGS=\"/var/log/alternc/sites\"\n"),
    ("etc/logrotate.d/alternc", "/var/log/alternc/bureau.log {\n  monthly\n  rotate 12\n}\n"),
    ("etc/logrotate.d/apache2", "/var/log/apache2/*.log {\n  daily\n  rotate 14\n}\n"),
    ("etc/rspamd/rspamd.conf", "logging {\n  type = \"file\";\n}\n"),
    ("etc/rspamd/local.d/redis.conf", "servers = \"127.0.0.1\";\n"),
    ("etc/rspamd/local.d/classifier-bayes.conf", "backend = \"redis\";\nper_user = true;\n"),
    ("etc/opendkim.conf", "Syslog\t\tyes\nSyslogSuccess\tyes\n"),
    ("etc/mailman3/mailman.cfg", "[mta]\nincoming: mailman.mta.postfix.LMTP\n"),
    ("etc/fail2ban/fail2ban.conf", "[DEFAULT]\nloglevel = INFO\ndbfile = /var/lib/fail2ban/fail2ban.sqlite3\n"),
    ("etc/systemd/journald.conf", "[Journal]\n#Storage=auto\n"),
    ("etc/systemd/journald.conf.d/90-nologd.conf", "[Journal]\nStorage=volatile\nMaxRetentionSec=1day\nForwardToSyslog=no\n"),
    ("usr/lib/systemd/journald.conf.d/syslog.conf", "[Journal]\nForwardToSyslog=yes\n"),
    ("etc/cron.d/backup", "# each night\n0 3 * * * root rsync -a /etc /var/log backup.example::here\n"),
];

/// What has to be found: check, file, line.
const EXPECTED: &[(&str, &str, Option<usize>)] = &[
    ("dovecot-post-login", "/etc/dovecot/conf.d/95_alternc.conf", Some(7)),
    ("dovecot-post-login", "/etc/dovecot/conf.d/95_alternc.conf", Some(10)),
    ("dovecot-listener-beside", "/etc/dovecot/conf.d/95_alternc.conf", Some(2)),
    ("dovecot-sieve-trace", "/etc/dovecot/conf.d/95_alternc.conf", Some(13)),
    ("dovecot-sieve-user-log", "/etc/dovecot/conf.d/95_alternc.conf", Some(4)),
    ("apache-access-log", "/etc/apache2/conf-enabled/alternc.conf", Some(2)),
    ("apache-error-log", "/etc/apache2/apache2.conf", Some(1)),
    ("apache-autoconfig-log", "/etc/apache2/sites-enabled/autoconfig.velo.example.conf", Some(2)),
    ("panel-alternc-last-login", "/etc/alternc/local.sh", Some(2)),
    ("panel-alternc-last-address", "/etc/alternc/local.sh", Some(2)),
    ("panel-alternc-sessions", "/etc/alternc/local.sh", Some(2)),
    ("panel-alternc-log-age", "/etc/alternc/local.sh", None),
    ("panel-alternc-bureau-log", "/etc/logrotate.d/alternc", Some(3)),
    ("rspamd-log", "/etc/rspamd/local.d/logging.inc", None),
    ("rspamd-history", "/etc/rspamd/local.d/history_redis.conf", None),
    ("rspamd-replies", "/etc/rspamd/local.d/replies.conf", None),
    ("rspamd-greylist", "/etc/rspamd/local.d/greylist.conf", None),
    ("rspamd-per-user", "/etc/rspamd/local.d/classifier-bayes.conf", Some(2)),
    ("opendkim-syslog", "/etc/opendkim.conf", Some(1)),
    ("mailman-log", "/etc/mailman3/mailman.cfg", None),
    ("fail2ban-database", "/etc/fail2ban/fail2ban.conf", Some(3)),
    ("fail2ban-log", "/etc/fail2ban/fail2ban.conf", Some(2)),
    ("journald-forward", "/usr/lib/systemd/journald.conf.d/syslog.conf", Some(2)),
    ("backups-logs", "/etc/cron.d/backup", Some(2)),
    ("backups-old-logs", "/etc/logrotate.d/apache2", Some(3)),
];

/// The same machine with the lines that the audit names.
const MENDED: &[(&str, &str)] = &[
    ("etc/dovecot/local.conf", "service imap {\n  executable = imap\n}\n"),
    ("etc/dovecot/conf.d/95_alternc.conf", "protocols = imap\nlisten = 127.0.0.1\n"),
    (
        "etc/apache2/apache2.conf",
        "ErrorLog /dev/null\nIncludeOptional conf-enabled/*.conf\nIncludeOptional sites-enabled/*.conf\n",
    ),
    ("etc/apache2/conf-enabled/alternc.conf", "CustomLog /dev/null common\n"),
    ("etc/alternc/local.sh", "LOGS_DELETE_DAYS=1\n"),
    ("etc/logrotate.d/alternc", "/var/log/alternc/bureau.log {\n  daily\n  rotate 0\n}\n"),
    ("etc/rspamd/local.d/logging.inc", "level = \"error\";\n"),
    ("etc/rspamd/local.d/history_redis.conf", "enabled = false;\n"),
    ("etc/rspamd/local.d/replies.conf", "enabled = false;\n"),
    ("etc/rspamd/local.d/greylist.conf", "enabled = false;\n"),
    ("etc/rspamd/local.d/classifier-bayes.conf", "per_user = false;\n"),
    ("etc/opendkim.conf", "Syslog no\n"),
    (
        "etc/mailman3/mailman.cfg",
        "[logging.smtp]\nlevel: error\n[logging.subscribe]\nlevel: error\n[logging.vette]\nlevel: error\n[logging.bounce]\n\
         level: error\n[logging.http]\nlevel: error\n",
    ),
    ("etc/fail2ban/fail2ban.local", "[DEFAULT]\ndbfile = None\nloglevel = ERROR\n"),
    ("etc/systemd/journald.conf.d/zz-nologd.conf", "[Journal]\nForwardToSyslog=no\n"),
    ("etc/cron.d/backup", "0 3 * * * root rsync -a --exclude /var/log / backup.example::here\n"),
];

#[test]
fn each_leak_of_such_a_machine_is_named_with_its_file_and_line() {
    let place = Place::new().unwrap();
    let report = audited(&place, TREE);
    for (check, file, line) in EXPECTED {
        let found = report.findings.iter().any(|found| found.check == *check && found.file == *file && found.line == *line);
        let others: Vec<_> = report.findings.iter().filter(|found| found.check == *check).collect();
        assert!(found, "{check} at {file} {line:?}: {others:?}");
    }
    for finding in &report.findings {
        assert!(!finding.instead.is_empty(), "{finding:?}");
        // A line that is there already is no line to write.
        let Some(line) = finding.line else { continue };
        let text = fs::read_to_string(place.path("root").join(finding.file.trim_start_matches('/'))).unwrap();
        assert_ne!(text.lines().nth(line - 1).unwrap().trim(), finding.instead, "{finding:?}");
    }
    let forward = report.findings.iter().find(|found| found.check == "journald-forward").unwrap();
    assert!(forward.instead.contains("zz-nologd.conf"), "the line is there, but too early: {}", forward.instead);
}

#[test]
fn with_the_lines_written_they_are_gone() {
    let place = Place::new().unwrap();
    audited(&place, TREE);
    let report = audited(&place, MENDED);
    // What is in the panel's database needs its database; old files and the filter's own stay for a while.
    let stay = ["panel-alternc-last-login", "panel-alternc-last-address", "panel-alternc-sessions", "backups-old-logs"];
    for (check, ..) in EXPECTED.iter().filter(|(check, ..)| !stay.contains(check)) {
        let left: Vec<_> = report.findings.iter().filter(|found| found.check == *check).collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

/// A link that leads out of the folder leads to the folder's own root: another machine's settings are never mixed with this one's.
#[test]
fn links_stay_inside() {
    let place = Place::new().unwrap();
    let tree: &[(&str, &str)] = &[
        ("etc/apache2/apache2.conf", "ErrorLog /dev/null\nIncludeOptional sites-enabled/*.conf\n"),
        ("etc/apache2/sites-available/a.conf", "CustomLog /var/log/a.log common\n"),
        ("etc/apache2/sites-enabled/readme", ""),
    ];
    write(&place, tree);
    let link = place.path("root").join("etc/apache2/sites-enabled/a.conf");
    std::os::unix::fs::symlink("/etc/apache2/sites-available/a.conf", &link).unwrap();
    std::os::unix::fs::symlink("loop.conf", place.path("root").join("etc/apache2/sites-enabled/loop.conf")).unwrap();
    let found = audited(&place, &[]).findings;
    let access: Vec<_> = found.iter().filter(|found| found.check == "apache-access-log").collect();
    assert!(access.len() == 1 && access[0].file == "/etc/apache2/sites-enabled/a.conf", "{access:?}");
}

/// What cannot be read is not clean: it is named, and there is no report without it. (Too large, because root may read everything.)
#[test]
fn what_cannot_be_read_is_told_and_nothing_is_called_clean() {
    for file in ["etc/dovecot/conf.d/20-large.conf", "etc/rspamd/local.d/redis.conf", "etc/systemd/journald.conf.d/99-large.conf"]
    {
        let place = Place::new().unwrap();
        write(&place, TREE);
        #[allow(clippy::disallowed_methods)] // the settings of a made-up machine
        fs::File::create(place.path("root").join(file)).unwrap().set_len(9 << 20).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_nologd"));
        let output = command.args(["audit", "--root"]).arg(place.path("root")).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.contains(&format!("/{file}: ")), "{told}");
        assert!(output.status.code() == Some(1) && output.stdout.is_empty());
    }
}

/// Settings that include themselves, and lines of any bytes, end.
#[test]
fn a_circle_of_includes_ends() {
    let place = Place::new().unwrap();
    let long = "x".repeat(100_000);
    let tree: &[(&str, &str)] = &[
        ("etc/apache2/apache2.conf", "Include apache2.conf\nInclude *.conf\nCustomLog \"\\\nLogFormat \"%\n"),
        ("etc/dovecot/dovecot.conf", "!include *.conf\n}\n}\n{\nservice\n = \n"),
        ("etc/opendkim.conf", &long),
        ("etc/cron.d/x", "\u{0}\u{1} rsync /var/log\n"),
    ];
    let found = audited(&place, tree).findings;
    assert!(found.iter().any(|found| found.check == "backups-logs"));
}

fn audited(place: &Place, files: &[(&str, &str)]) -> AuditReport {
    write(place, files);
    let mut command = Command::new(env!("CARGO_BIN_EXE_nologd"));
    let output = command.args(["audit", "--json", "--root"]).arg(place.path("root")).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn write(place: &Place, files: &[(&str, &str)]) {
    let root = place.path("root");
    if !root.exists() {
        place.make("root", Owner::me()).unwrap();
    }
    for (name, text) in files {
        let file = root.join(name);
        fs::create_dir_all(file.parent().unwrap_or(Path::new("/"))).unwrap();
        #[allow(clippy::disallowed_methods)] // the settings of a made-up machine
        fs::write(&file, text).unwrap();
    }
}
