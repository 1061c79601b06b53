//! What copies log files away, and how long old ones stay: cron's tables, units, and the settings of the usual tools.
//!
//! A line is judged by its words: a tool that copies, or a source in a tool's settings, and in the same line a folder of logs, or one that
//! holds them, where nothing in the file leaves them out.
//! Absent on purpose: what a script does that is called by its name. It is read only where it lies in cron's own folders.

use super::super::check;
use super::super::finding::Finding;
use super::rotated;

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
/// Where etcd is: what it has compacted since stays in a copy. The nodes' settings are on each node, too.
const ETCD: &[&str] = &["/var/lib/etcd", "etcdctl snapshot save", "etcdutl snapshot save"];
/// Words in the paths of files that mail and web servers write.
const WRITERS: &[&str] = &[
    "mail.",
    "apache2",
    "nginx",
    "roundcube",
    "rspamd",
    "dovecot",
    "fail2ban",
    "mailman",
    "exim",
    "proftpd",
    "alternc",
    "/syslog",
    // Any of them.
    "/var/log/*",
];

/// What these files would copy or keep.
pub fn findings(files: &[(String, String)]) -> Vec<Finding> {
    let mut found = Vec::new();
    let is_rotated = |file: &str| file.starts_with("/etc/logrotate");
    for (file, text) in files.iter().filter(|(file, _)| !is_rotated(file)) {
        let caller = file.contains("/cron") || file.starts_with("/etc/systemd/");
        found.extend(copied(file, text, caller));
    }
    let rotated: Vec<_> =
        files.iter().filter(|(file, _)| is_rotated(file)).map(|(file, text)| (file.as_str(), text.as_str())).collect();
    let kept = rotated::kept(&rotated, |path| WRITERS.iter().any(|writer| path.contains(writer)));
    found.extend(
        kept.iter().map(|kept| Finding::new(&check::BACKUPS_OLD, kept.file, Some(kept.line), "rotate", rotated::INSTEAD)),
    );
    found
}

fn copied(file: &str, text: &str, caller: bool) -> Vec<Finding> {
    let mut found = Vec::new();
    let lines: Vec<(usize, &str)> =
        text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.starts_with(['#', ';'])).collect();
    // In a table of cron each line is a command of its own; elsewhere what one line leaves out is left out of the others.
    let is_table = file.contains("crontab") || file.contains("/cron.d/");
    let out_of_all = !is_table && (lines.iter().any(|(_, line)| leaves_out(line)) || !caller && lists(&lines));
    let mut excludes = false;
    for (number, line) in &lines {
        // A list of what is left out, in YAML: until the next name.
        if !caller && line.ends_with(':') {
            excludes = line.contains("exclude");
        }
        let called = !caller || TOOLS.iter().any(|tool| line.contains(tool));
        let whole = || !out_of_all && !leaves_out(line) && sources(line).any(holds_logs);
        let is_etcd = ETCD.iter().any(|words| line.contains(words)) && !leaves_out_any(line, "/var/lib/etcd");
        if !excludes && is_etcd && (called || line.contains("snapshot save")) {
            let instead = "leave /var/lib/etcd out, and copy what nologd store export writes on one node";
            found.push(Finding::new(&check::ETCD_COPIED, file, Some(number + 1), "backup", instead));
        }
        let named = || sources(line).any(|source| FOLDERS.iter().any(|folder| source.contains(folder)));
        if !excludes && called && (named() || whole()) {
            let instead = "leave /var/log and /var/spool/postfix out of the backup";
            found.push(Finding::new(&check::BACKUPS_LOGS, file, Some(number + 1), "backup", instead));
        }
    }
    found
}

/// `--exclude /var/log`, `-e /var/log`, `exclude = /var/log`.
fn leaves_out(line: &str) -> bool {
    leaves_out_any(line, "/var/log")
}

fn leaves_out_any(line: &str, folder: &str) -> bool {
    let words = words(line);
    let mut pairs = words.iter().zip(words.iter().skip(1));
    let is_named = pairs.any(|(before, word)| is_excluding(before) && word.contains(folder));
    is_named || is_excluding(line) && line.contains(folder)
}

/// Whether a list of what is left out names the logs: over several lines.
fn lists(lines: &[(usize, &str)]) -> bool {
    let from = lines.iter().position(|(_, line)| is_excluding(line));
    from.is_some_and(|from| lines.iter().skip(from).any(|(_, line)| line.contains("/var/log")))
}

fn is_excluding(word: &str) -> bool {
    let word = word.trim_start_matches('-').to_ascii_lowercase();
    word.starts_with("exclude") || word == "e" || word == "iexclude"
}

/// The words of a line that may be what is copied: not what is left out, nor where the command stands.
fn sources(line: &str) -> impl Iterator<Item = &str> {
    let words = if is_excluding(line) { Vec::new() } else { words(line) };
    let is_source = |before: &str| !is_excluding(before) && !matches!(before, "-C" | "--directory" | "cd" | "snapshot_root");
    let pairs = words.clone().into_iter().zip(words.into_iter().skip(1));
    pairs.filter(move |(before, _)| is_source(before)).map(|(_, word)| word)
}

fn words(line: &str) -> Vec<&str> {
    let line = line.split(" #").next().unwrap_or_default();
    let words = line.split(|c: char| c.is_whitespace() || matches!(c, '=' | ',' | '[' | ']' | '"' | '\''));
    words.filter(|word| !word.is_empty()).collect()
}

/// A folder that has the logs somewhere below: rsnapshot's `backup / localhost/`, borgmatic's `- /var`, `tar cz /`, `include = /`.
fn holds_logs(folder: &str) -> bool {
    matches!(folder.trim_end_matches(['*', '.']), "/" | "/var" | "/var/") && !folder.starts_with("/.")
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
        let whole = "0 1 * * * root tar czf /srv/b.tgz /\n0 2 * * * root rsync -a /var/ b.example:/var/\n\
                     0 3 * * * root restic backup '/'\n0 4 * * * root cd / && rsync -a etc b.example:\n\
                     0 5 * * * root tar -C / -cf /srv/c.tar etc\n0 6 * * * root find / -name core\n";
        assert_eq!(lines("/etc/cron.d/backup", whole), [1, 2, 3]);
        for (line, count) in [
            ("borg create -e /var/log r::x /", 0),
            ("rsync -a --exclude=/var/log / x:", 0),
            ("rsync -a --exclude '*.gz' /var/log x:", 1),
            ("rsync -a --exclude /proc / x:   # --exclude /var/log", 1),
            ("rsync -a --exclude=/var/log / x:\n0 2 * * * root rsync -a / y:", 1),
        ] {
            assert_eq!(lines("/etc/cron.d/backup", &format!("0 1 * * * root {line}\n")).len(), count, "{line}");
        }
        assert_eq!(lines("/etc/cron.daily/b", "#!/bin/sh\n# exclude /var/log some day\nrsync -a / x:\n"), [3]);
        assert_eq!(
            lines("/etc/cron.daily/b", "#!/bin/sh\nEXCLUDE=/var/log\nrsync -a \\\n  --exclude /var/log \\\n  / x:\n"),
            [0; 0]
        );
        assert_eq!(lines("/etc/systemd/system/b.service", "[Service]\nExecStart=/usr/bin/restic backup /etc /var/log\n"), [2]);
    }

    #[test]
    fn etcds_files_and_snapshots() {
        for (file, line, count) in [
            ("/etc/cron.d/b", "0 1 * * * root rsync -a /var/lib/etcd b.example:", 1),
            ("/etc/cron.d/b", "0 1 * * * root etcdctl snapshot save /srv/etcd.db", 1),
            ("/etc/cron.daily/b", "etcdutl snapshot save /srv/etcd.db", 1),
            ("/etc/cron.d/b", "0 1 * * * root rsync -a --exclude=/var/lib/etcd /srv b.example:", 0),
            ("/etc/cron.d/b", "0 1 * * * root du -s /var/lib/etcd", 0),
            ("/etc/cron.d/b", "0 1 * * * root etcdctl snapshot status /srv/etcd.db", 0),
            ("/etc/borgmatic/config.yaml", "source_directories:\n  - /var/lib/etcd", 1),
            ("/etc/borgmatic/config.yaml", "source_directories:\n  - /srv\nexclude_patterns:\n  - /var/lib/etcd", 0),
            ("/etc/rsnapshot.conf", "backup\t/var/lib/etcd/\tlocalhost/", 1),
        ] {
            let found = findings(&[(file.to_owned(), format!("{line}\n"))]);
            assert_eq!(found.iter().filter(|finding| finding.check == "backups-of-etcd").count(), count, "{file}: {line}");
        }
    }

    #[test]
    fn sources_in_settings_and_what_they_leave_out() {
        assert_eq!(lines("/etc/rsnapshot.conf", "backup\t/home/\tlocalhost/\nbackup\t/var/log/\tlocalhost/\n"), [2]);
        let borg = "source_directories:\n  - /etc\n  - /var/log\nexclude_patterns:\n  - /var/log/journal\n";
        assert_eq!(lines("/etc/borgmatic/config.yaml", borg), [3]);
        assert_eq!(lines("/etc/borgmatic/config.yaml", "source_directories:\n  - /\n"), [2]);
        for (file, text) in [
            ("/etc/borgmatic/config.yaml", "source_directories: [/etc, /var]\n"),
            ("/etc/borgmatic/config.yaml", "source_directories:\n  - '/var/'   # all\n"),
            ("/etc/backup.d/90.rdiff", "[source]\ninclude = /\n"),
            ("/etc/duply/x/conf", "SOURCE='/'\n"),
            ("/etc/backup-manager.conf", "export BM_TARBALL_DIRECTORIES=\"/etc /home /var\"\n"),
            ("/etc/rsnapshot.conf", "backup\t/var/\tlocalhost/\n"),
        ] {
            assert_eq!(lines(file, text).len(), 1, "{file}: {text}");
        }
        assert_eq!(lines("/etc/rsnapshot.conf", "snapshot_root\t/\nbackup\t/etc/\tlocalhost/\n"), [0; 0]);
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
