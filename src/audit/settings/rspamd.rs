//! rspamd: what an admin wrote under local.d and override.d, file by file; Debian's own files say what the defaults are.
//!
//! Absent on purpose: UCL as a whole. Names and values are read wherever they stand, comments and texts over several lines are not.

use super::super::check::{self, Check};
use super::super::finding::Finding;

/// The files that are looked at, without their folder; override.d wins over local.d.
pub const FILES: &[&str] = &[
    "logging.inc",
    "history_redis.conf",
    "replies.conf",
    "greylist.conf",
    "ratelimit.conf",
    "reputation.conf",
    "statistic.conf",
    "classifier-bayes.conf",
    "clickhouse.conf",
    "elastic.conf",
    "metadata_exporter.conf",
    "redis.conf",
];

/// Files of that folder itself, which may set anything.
pub const WHOLE: &[&str] = &["rspamd.conf.local", "rspamd.conf.local.override"];
/// Where a server of Redis is named.
const REDIS: &[&str] = &["servers", "write_servers", "read_servers", "sentinels"];

/// What the settings in `files`, whole paths under `folder`, would write down.
pub fn findings(folder: &str, files: &[(String, String)]) -> Vec<Finding> {
    let mut found = Vec::new();
    let settings = LocalFiles { folder, files };
    let level = settings.last("logging.inc", "level");
    if !level.as_ref().is_some_and(|set| matches!(set.value.as_str(), "error")) {
        found.push(settings.tell(&check::RSPAMD_LOG, "logging.inc", level, "level", "level = \"error\";"));
    }
    // These are written at any level.
    let debugged = settings.last("logging.inc", "debug_modules");
    if debugged.as_ref().is_some_and(|set| !set.value.trim_matches(['[', ']', ' ']).is_empty() || set.value == "[") {
        found.push(settings.tell(&check::RSPAMD_LOG, "logging.inc", debugged, "debug_modules", "debug_modules = [];"));
    }
    in_redis(&settings, &mut found);
    let file = format!("{folder}/options.inc");
    let instead = "in a drop-in of rspamd.service: ExecStopPost=/bin/rm -f /var/lib/rspamd/rspamd.history";
    found.push(Finding::new(&check::RSPAMD_HISTORY_FILE, &file, None, "history_file", instead));
    for file in ["statistic.conf", "classifier-bayes.conf"] {
        for name in ["per_user", "users_enabled"] {
            let set = settings.last(file, name);
            if set.as_ref().is_some_and(|set| !is_off(&set.value)) {
                found.push(settings.tell(&check::RSPAMD_USERS, file, set, name, &format!("{name} = false;")));
            }
        }
    }
    for (file, name) in [("clickhouse.conf", "server"), ("elastic.conf", "server"), ("metadata_exporter.conf", "backend")] {
        let enabled = settings.last(file, "enabled");
        let off = enabled.is_some_and(|set| is_off(&set.value));
        let set = settings.last(file, name).or_else(|| settings.last(file, "servers"));
        if set.is_some() && !off {
            found.push(settings.tell(&check::RSPAMD_EXPORT, file, set, name, "enabled = false;"));
        }
    }
    found
}

/// What keeps something about persons in Redis: of a module, its file, and the setting without which it does nothing, where it has one. `neural`
/// is none of them: it keeps how often which rules matched, of nobody.
const IN_REDIS: &[(&Check, &str, Option<&str>)] = &[
    (&check::RSPAMD_HISTORY, "history_redis.conf", None),
    (&check::RSPAMD_REPLIES, "replies.conf", None),
    (&check::RSPAMD_GREYLIST, "greylist.conf", None),
    (&check::RSPAMD_LIMITS, "ratelimit.conf", Some("rates")),
    (&check::RSPAMD_REPUTATION, "reputation.conf", Some("rules")),
];

/// Without Redis none of them has a place to write to.
fn in_redis(settings: &LocalFiles<'_>, found: &mut Vec<Finding>) {
    let is_on = |file: &str| REDIS.iter().any(|name| settings.last(file, name).is_some());
    let redis = is_on("redis.conf") || settings.whole();
    for (check, file, wanted) in IN_REDIS {
        let on = (redis || is_on(file)) && wanted.is_none_or(|name| settings.last(file, name).is_some());
        let enabled = settings.last(file, "enabled");
        if on && !enabled.as_ref().is_some_and(|set| is_off(&set.value)) {
            found.push(settings.tell(check, file, enabled, "enabled", "enabled = false;"));
        }
    }
}

fn is_off(value: &str) -> bool {
    matches!(value, "false" | "no" | "off")
}

struct LocalFiles<'a> {
    folder: &'a str,
    files: &'a [(String, String)],
}

struct Set<'a> {
    file: &'a str,
    line: usize,
    value: String,
}

/// Line, name and value of each setting: `name = value;`, `name: value`, `name value;`, several in a line too.
fn settings(text: &str) -> Vec<(usize, String, String)> {
    let (mut found, mut comment, mut end) = (Vec::new(), 0, None::<String>);
    for (number, line) in text.lines().enumerate() {
        if let Some(tag) = &end {
            if line.trim_end_matches([';', ' ']) == tag {
                end = None;
            }
            continue;
        }
        for statement in statements(line, &mut comment) {
            let statement = statement.trim();
            let end_of_name = |letter: char| letter.is_whitespace() || matches!(letter, '=' | ':');
            let (name, rest) = statement.split_at(statement.find(end_of_name).unwrap_or(statement.len()));
            let rest = rest.trim_start();
            let value = rest.strip_prefix(['=', ':']).unwrap_or(rest);
            let bare = |text: &str| text.trim().trim_matches(['"', '\'']).to_owned();
            end = value.trim().strip_prefix("<<").map(str::to_owned).or(end);
            found.push((number + 1, bare(name), bare(value)));
        }
    }
    found
}

/// The statements of a line, without comments; `comment` is how many are open (they nest).
fn statements(line: &str, comment: &mut usize) -> Vec<String> {
    let (mut all, mut quote, mut letters) = (vec![String::new()], None, line.chars().peekable());
    while let Some(letter) = letters.next() {
        match (letter, quote) {
            ('*', None) if *comment > 0 && letters.next_if_eq(&'/').is_some() => *comment -= 1,
            ('/', None) if letters.next_if_eq(&'*').is_some() => *comment += 1,
            _ if *comment > 0 => {}
            ('#', None) => break,
            (';' | '{' | '}', None) => all.push(String::new()),
            (letter, _) => {
                match (letter, quote) {
                    ('"' | '\'', None) => quote = Some(letter),
                    (letter, Some(open)) if letter == open => quote = None,
                    _ => {}
                }
                all.last_mut().into_iter().for_each(|last| last.push(letter));
            }
        }
    }
    all.retain(|statement| !statement.trim().is_empty());
    all
}

impl<'a> LocalFiles<'a> {
    fn last(&self, file: &str, name: &str) -> Option<Set<'a>> {
        let folders = ["override.d", "local.d"].map(|folder| format!("{}/{folder}/{file}", self.folder));
        folders.iter().find_map(|path| {
            let (file, text) = self.files.iter().find(|(other, _)| other == path)?;
            // Of several in one file rspamd makes a list, and takes one: what is off has to be off in all of them.
            let sets: Vec<_> = settings(text).into_iter().filter(|(_, key, _)| key == name).collect();
            let loud = sets.iter().rposition(|(.., value)| value != "error" && !is_off(value));
            let set = sets.get(loud.unwrap_or(sets.len().checked_sub(1)?))?;
            Some(Set { file, line: set.0, value: set.2.clone() })
        })
    }

    /// Whether a file that may set anything names a server of Redis.
    fn whole(&self) -> bool {
        let whole = self.files.iter().filter(|(path, _)| WHOLE.iter().any(|name| path.rsplit('/').next() == Some(*name)));
        whole.flat_map(|(_, text)| settings(text)).any(|(_, key, _)| REDIS.contains(&key.as_str()))
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
        let greylist = "rspamd-greylist /r/local.d/greylist.conf";
        assert_eq!(
            all,
            ["rspamd-history /r/local.d/history_redis.conf", "rspamd-replies /r/local.d/replies.conf", greylist, file]
        );
        let quiet = ("local.d/logging.inc", "level = \"error\";\n");
        let off = ["history_redis", "replies", "greylist"].map(|name| (format!("local.d/{name}.conf"), "enabled = false;\n"));
        let off = off.each_ref().map(|(name, text)| (name.as_str(), *text));
        assert_eq!(names(&[redis, quiet, off[0], off[1], off[2]]), [file]);
        // These keep nothing before somebody sets them up.
        let set_up = [
            ("local.d/ratelimit.conf", "rates {\n  by_user = { bucket = { burst = 100; rate = \"1 / 1m\"; } }\n}\n"),
            ("local.d/reputation.conf", "rules {\n  ip_reputation = { selector \"ip\" {} }\n}\n"),
        ];
        let all = names(&[&[redis, quiet][..], &off, &set_up].concat());
        assert_eq!(all, ["rspamd-limits /r/local.d/ratelimit.conf", "rspamd-reputation /r/local.d/reputation.conf", file]);
        assert_eq!(names(&[&[quiet][..], &set_up].concat()), [file], "without Redis they have no place for it");
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
    fn what_is_written_otherwise_is_read_as_rspamd_does() {
        let log = |text: &str| names(&[("local.d/logging.inc", text)]).iter().any(|name| name.starts_with("rspamd-log "));
        for quiet in
            ["level = error;", "level: 'error'", "\"level\" = \"error\";", "level error;", "color = true; level = \"error\";"]
        {
            assert!(!log(quiet), "{quiet}");
        }
        for loud in [
            "/* level = \"error\"; */",
            "/*\nlevel = \"error\";\n*/",
            "#level = \"error\";",
            "log_format = <<EOD\nlevel = \"error\";\nEOD;\n",
            "level = \"error\";\ndebug_modules = [\"dkim\"];",
            "level = \"error\"; level = \"info\";",
            "level = \"info\"; level = \"error\";",
            "LEVEL = \"error\";",
            "type = \"a;level=error\";",
        ] {
            assert!(log(loud), "{loud}");
        }
        assert!(!log("level = \"error\"; # debug_modules = [\"x\"]\ndebug_modules = [];"));
        for redis in [
            ("local.d/redis.conf", "write_servers = \"127.0.0.1\";"),
            ("local.d/history_redis.conf", "servers 127.0.0.1:6379;"),
            ("rspamd.conf.local", "redis { servers = \"127.0.0.1\"; }"),
        ] {
            assert!(names(&[redis]).iter().any(|name| name.starts_with("rspamd-history /")), "{redis:?}");
        }
        assert!(!names(&[("local.d/redis.conf", "#servers = x;")]).iter().any(|name| name.starts_with("rspamd-history /")));
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
