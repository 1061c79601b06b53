//! rspamd: what an admin wrote under local.d and override.d, file by file; Debian's own files say what the defaults are.
//!
//! Absent on purpose: UCL as a whole. `name = value;` on a line of its own is how these files are written.

use super::super::check::{self, Check};
use super::super::finding::Finding;

/// The files that are looked at, without their folder; override.d wins over local.d.
pub const FILES: &[&str] = &[
    "logging.inc",
    "history_redis.conf",
    "replies.conf",
    "statistic.conf",
    "classifier-bayes.conf",
    "clickhouse.conf",
    "elastic.conf",
    "metadata_exporter.conf",
    "redis.conf",
];

/// What the settings in `files`, whole paths under `folder`, would write down.
pub fn findings(folder: &str, files: &[(String, String)]) -> Vec<Finding> {
    let mut found = Vec::new();
    let settings = LocalFiles { folder, files };
    let level = settings.last("logging.inc", "level");
    if !level.as_ref().is_some_and(|set| matches!(set.value, "error")) {
        found.push(settings.tell(&check::RSPAMD_LOG, "logging.inc", level, "level", "level = \"error\";"));
    }
    // Without Redis neither of them has a place to write to.
    let redis = settings.last("redis.conf", "servers").is_some();
    for (check, file) in [(&check::RSPAMD_HISTORY, "history_redis.conf"), (&check::RSPAMD_REPLIES, "replies.conf")] {
        let on = redis || settings.last(file, "servers").is_some();
        let enabled = settings.last(file, "enabled");
        if on && !enabled.as_ref().is_some_and(|set| matches!(set.value, "false" | "no" | "off")) {
            found.push(settings.tell(check, file, enabled, "enabled", "enabled = false;"));
        }
    }
    let file = format!("{folder}/options.inc");
    let instead = "in a drop-in of rspamd.service: ExecStopPost=/bin/rm -f /var/lib/rspamd/rspamd.history";
    found.push(Finding::new(&check::RSPAMD_HISTORY_FILE, &file, None, "history_file", instead));
    for file in ["statistic.conf", "classifier-bayes.conf"] {
        for name in ["per_user", "users_enabled"] {
            let set = settings.last(file, name);
            if set.as_ref().is_some_and(|set| !matches!(set.value, "false" | "no" | "off")) {
                found.push(settings.tell(&check::RSPAMD_USERS, file, set, name, &format!("{name} = false;")));
            }
        }
    }
    for (file, name) in [("clickhouse.conf", "server"), ("elastic.conf", "server"), ("metadata_exporter.conf", "backend")] {
        let enabled = settings.last(file, "enabled");
        let off = enabled.is_some_and(|set| matches!(set.value, "false" | "no" | "off"));
        let set = settings.last(file, name).or_else(|| settings.last(file, "servers"));
        if set.is_some() && !off {
            found.push(settings.tell(&check::RSPAMD_EXPORT, file, set, name, "enabled = false;"));
        }
    }
    found
}

struct LocalFiles<'a> {
    folder: &'a str,
    files: &'a [(String, String)],
}

struct Set<'a> {
    file: &'a str,
    line: usize,
    value: &'a str,
}

impl<'a> LocalFiles<'a> {
    fn last(&self, file: &str, name: &str) -> Option<Set<'a>> {
        let folders = ["override.d", "local.d"].map(|folder| format!("{}/{folder}/{file}", self.folder));
        folders.iter().find_map(|path| {
            let (file, text) = self.files.iter().find(|(other, _)| other == path)?;
            let lines = text.lines().enumerate().filter_map(|(number, line)| {
                let (key, value) = line.split('#').next()?.split_once(['=', ':'])?;
                let value = value.trim().trim_end_matches(';').trim().trim_matches('"');
                (key.trim() == name).then_some(Set { file, line: number + 1, value })
            });
            lines.last()
        })
    }

    fn tell(&self, check: &Check, file: &str, set: Option<Set<'_>>, name: &str, instead: &str) -> Finding {
        let missing = format!("{}/local.d/{file}", self.folder);
        let (file, line) = set.map_or((missing.as_str(), None), |set| (set.file, Some(set.line)));
        Finding::new(check, file, line, name, instead)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(files: &[(&str, &str)]) -> Vec<String> {
        let files: Vec<_> = files.iter().map(|(name, text)| (format!("/r/{name}"), (*text).to_owned())).collect();
        findings("/r", &files).into_iter().map(|finding| format!("{} {}", finding.check, finding.file)).collect()
    }

    #[test]
    fn by_default_it_logs_and_with_redis_it_remembers() {
        let file = "rspamd-history-file /r/options.inc";
        assert_eq!(names(&[]), ["rspamd-log /r/local.d/logging.inc", file]);
        let redis = ("local.d/redis.conf", "servers = \"127.0.0.1\";\n");
        let all = names(&[redis, ("local.d/logging.inc", "level = \"error\";\n")]);
        assert_eq!(all, ["rspamd-history /r/local.d/history_redis.conf", "rspamd-replies /r/local.d/replies.conf", file]);
        let quiet = ("local.d/logging.inc", "level = \"error\";\n");
        let off = ["local.d/history_redis.conf", "local.d/replies.conf"].map(|name| (name, "enabled = false;\n"));
        assert_eq!(names(&[redis, quiet, off[0], off[1]]), [file]);
    }

    #[test]
    fn override_wins() {
        let both = [
            ("local.d/logging.inc", "level = \"error\";"),
            ("override.d/logging.inc", "# level = \"error\";\nlevel = \"info\";"),
        ];
        assert_eq!(names(&both)[0], "rspamd-log /r/override.d/logging.inc");
    }

    #[test]
    fn what_is_learned_for_each_member_and_what_goes_elsewhere() {
        let users = names(&[("local.d/classifier-bayes.conf", "per_user = <<EOD\nreturn x\nEOD;\n")]);
        assert!(users.contains(&"rspamd-per-user /r/local.d/classifier-bayes.conf".to_owned()), "{users:?}");
        let export = ("local.d/elastic.conf", "server = \"logs.example\";\n");
        assert!(names(&[export]).iter().any(|name| name.starts_with("rspamd-export ")));
        let off = ("local.d/elastic.conf", "server = \"logs.example\";\nenabled = false;\n");
        assert!(!names(&[off]).iter().any(|name| name.starts_with("rspamd-export ")));
    }
}
