//! What copies log files away, and how long old ones stay: cron's tables, units, and the settings of the usual tools.
//!
//! A line is judged by its words: a tool that copies, or a source in a tool's settings, and a folder of logs in the same line.
//! Absent on purpose: what a script does that is called by its name. It is read only where it lies in cron's own folders.

use super::super::check;
use super::super::finding::Finding;

/// Cron's and systemd's: there a line counts that calls a tool.
pub const CALLERS: &[&str] = &[
    "/etc/crontab",
    "/etc/cron.d/*",
    "/etc/cron.hourly/*",
    "/etc/cron.daily/*",
    "/etc/cron.weekly/*",
    "/etc/cron.monthly/*",
    "/var/spool/cron/crontabs/*",
    "/etc/systemd/system/*.service",
];
/// Tools' own settings: there each line counts.
pub const SETTINGS: &[&str] = &[
    "/etc/borgmatic/*.yaml",
    "/etc/borgmatic.d/*.yaml",
    "/etc/rsnapshot.conf",
    "/etc/backup.d/*",
    "/etc/duply/*/conf",
    "/etc/backup-manager.conf",
];
/// How long old ones stay.
pub const ROTATED: &[&str] = &["/etc/logrotate.conf", "/etc/logrotate.d/*"];

const TOOLS: &[&str] =
    &["rsync", "borg", "restic", "duplicity", "rdiff-backup", "rclone", "tar ", "scp ", "cp -", "bacula", "kopia"];
const FOLDERS: &[&str] = &["/var/log", "/var/spool/postfix", "/var/spool/rspamd", "/var/lib/fail2ban"];
/// Words in the paths of files that mail and web servers write.
const WRITERS: &[&str] =
    &["mail.", "apache2", "nginx", "roundcube", "rspamd", "dovecot", "fail2ban", "mailman", "exim", "proftpd"];

/// What these files would copy or keep.
pub fn findings(files: &[(String, String)]) -> Vec<Finding> {
    let mut found = Vec::new();
    for (file, text) in files {
        if file.starts_with("/etc/logrotate") {
            found.extend(rotated(file, text));
        } else {
            let caller = file.contains("/cron") || file.starts_with("/etc/systemd/");
            found.extend(copied(file, text, caller));
        }
    }
    found
}

fn copied(file: &str, text: &str, caller: bool) -> Vec<Finding> {
    let mut found = Vec::new();
    let excluded = text.lines().any(|line| line.contains("exclude") && line.contains("/var/log"));
    let mut excludes = false;
    for (number, line) in text.lines().enumerate() {
        let trimmed = line.trim();
        // A list of what is left out, in YAML: until the next name.
        if !caller && trimmed.ends_with(':') {
            excludes = trimmed.contains("exclude");
        }
        let skipped = trimmed.starts_with(['#', ';']) || trimmed.contains("exclude") || excludes;
        let named = FOLDERS.iter().any(|folder| trimmed.contains(folder));
        let called = TOOLS.iter().any(|tool| trimmed.contains(tool));
        let whole = !caller && !excluded && !lists(text) && is_root(trimmed);
        if !skipped && ((named && (called || !caller)) || whole) {
            let instead = "leave /var/log and /var/spool/postfix out of the backup";
            found.push(Finding::new(&check::BACKUPS_LOGS, file, Some(number + 1), "backup", instead));
        }
    }
    found
}

/// Whether a list of what is left out names the logs.
fn lists(text: &str) -> bool {
    text.split_once("exclude").is_some_and(|(_, rest)| rest.contains("/var/log"))
}

/// rsnapshot's `backup / localhost/`, borgmatic's `- /`.
fn is_root(line: &str) -> bool {
    let mut words = line.split_whitespace();
    matches!((words.next(), words.next()), (Some("backup" | "-" | "include"), Some("/")))
}

fn rotated(file: &str, text: &str) -> Vec<Finding> {
    let (mut found, mut writes) = (Vec::new(), false);
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.starts_with('/') || line.starts_with('"') {
            writes |= WRITERS.iter().any(|writer| line.contains(writer));
        } else if line.starts_with('}') {
            writes = false;
        }
        let count = line.strip_prefix("rotate ").and_then(|count| count.trim().parse::<u64>().ok());
        if writes && count.is_some_and(|count| count > 0) {
            let instead = "daily\nrotate 0";
            found.push(Finding::new(&check::BACKUPS_OLD, file, Some(number + 1), "rotate", instead));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(file: &str, text: &str) -> Vec<usize> {
        findings(&[(file.to_owned(), text.to_owned())]).into_iter().map(|finding| finding.line.unwrap()).collect()
    }

    #[test]
    fn a_tool_and_a_folder_in_one_line_of_cron() {
        let text = "# rsync -a /var/log x:\n0 3 * * * root rsync -a /var/log backup.example:\n5 * * * * root find /var/log -delete\n\
                    0 4 * * * root borg create --exclude /var/log repo::x /\n";
        assert_eq!(lines("/etc/cron.d/backup", text), [2]);
        assert_eq!(lines("/etc/systemd/system/b.service", "[Service]\nExecStart=/usr/bin/restic backup /etc /var/log\n"), [2]);
    }

    #[test]
    fn sources_in_settings_and_what_they_leave_out() {
        assert_eq!(lines("/etc/rsnapshot.conf", "backup\t/home/\tlocalhost/\nbackup\t/var/log/\tlocalhost/\n"), [2]);
        let borg = "source_directories:\n  - /etc\n  - /var/log\nexclude_patterns:\n  - /var/log/journal\n";
        assert_eq!(lines("/etc/borgmatic/config.yaml", borg), [3]);
        assert_eq!(lines("/etc/borgmatic/config.yaml", "source_directories:\n  - /\n"), [2]);
        let out = "source_directories:\n  - /\nexclude_patterns:\n  - /var/log\n";
        assert_eq!(lines("/etc/borgmatic/config.yaml", out), [0; 0]);
    }

    #[test]
    fn old_files_of_servers_and_not_of_others() {
        assert_eq!(lines("/etc/logrotate.d/nginx", "/var/log/nginx/*.log {\n  daily\n  rotate 14\n}\n"), [3]);
        assert_eq!(lines("/etc/logrotate.d/apt", "/var/log/apt/term.log {\n  rotate 12\n}\n"), [0; 0]);
        assert_eq!(lines("/etc/logrotate.d/rsyslog", "/var/log/mail.log\n/var/log/syslog\n{\n  rotate 4\n}\n"), [4]);
    }
}
