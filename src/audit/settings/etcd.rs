//! etcd, where several nodes have it (docs/many-nodes.md): Debian's `/etc/default/etcd`, a file in YAML, and flags in a unit. What all of them say is read as one; where a
//! setting stands twice, the loudest counts. And cron's tables and units, for what clears up behind it.
//!
//! Absent on purpose: certificates. `nologd check` and etcd's own refusal say whether they fit.

use super::super::check;
use super::super::finding::Finding;

/// Where its settings are.
pub const FILES: &[&str] = &[
    "/etc/default/etcd",
    "/etc/etcd/*.yml",
    "/etc/etcd/*.yaml",
    "/etc/etcd/*.conf",
    "/etc/etcd.conf*",
    "/etc/systemd/system/etcd.service",
    "/etc/systemd/system/etcd.service.d/*.conf",
];

/// Debian's file is what an admin changes, and where a line that is missing belongs.
const OWN: &str = "/etc/default/etcd";

/// What is set: in which file and line, and to what.
struct EtcdSetting<'a> {
    file: &'a str,
    line: usize,
    value: String,
}

/// Whether a file is one of its own, and none of cron's or another unit.
pub fn is_own(file: &str) -> bool {
    file.starts_with(OWN) || file.starts_with("/etc/etcd") || file.starts_with("/etc/systemd/system/etcd.service")
}

/// What etcd would keep and tell with these settings; `files` has cron's tables and units too.
pub fn findings(files: &[(String, String)]) -> Vec<Finding> {
    let mut found = Vec::new();
    let all = |name: &str| {
        let own = files.iter().filter(|(file, _)| is_own(file));
        own.flat_map(|(file, text)| settings(file, text, name)).collect::<Vec<_>>()
    };
    let mut tell = |check, setting: Option<&EtcdSetting<'_>>, name: &str, instead: &str| {
        let (file, line) = setting.map_or((OWN, None), |setting| (setting.file, Some(setting.line)));
        found.push(Finding::new(check, file, line, name, instead));
    };
    let retention = all("auto-compaction-retention");
    let never = |setting: &&EtcdSetting<'_>| !setting.value.bytes().any(|octet| matches!(octet, b'1'..=b'9'));
    if retention.is_empty() || retention.iter().any(|setting| never(&setting)) {
        let instead = "ETCD_AUTO_COMPACTION_MODE=revision and ETCD_AUTO_COMPACTION_RETENTION=1";
        tell(&check::ETCD_HISTORY, retention.iter().find(never), "auto-compaction-retention", instead);
    }
    let clears_up = |(_, text): &&(String, String)| {
        text.lines().any(|line| !is_comment(line) && line.contains("etcdctl") && line.contains("defrag"))
    };
    if !files.iter().any(|file| clears_up(&file)) {
        tell(&check::ETCD_FREED, None, "defrag", "a line in /etc/cron.d that runs etcdctl defrag each night, on each member");
    }
    let level = all("log-level");
    let loud = |setting: &&EtcdSetting<'_>| !matches!(setting.value.as_str(), "error" | "dpanic" | "panic" | "fatal");
    let debug = all("debug");
    let debugs = debug.iter().find(|setting| setting.value != "false");
    if level.is_empty() || debugs.is_some() || level.iter().any(|setting| loud(&setting)) {
        let setting = debugs.or_else(|| level.iter().find(loud));
        tell(&check::ETCD_LOG, setting, "log-level", "ETCD_LOGGER=zap and ETCD_LOG_LEVEL=error, and no ETCD_DEBUG");
    }
    let metrics = all("listen-metrics-urls");
    if let Some(setting) = metrics.iter().find(|setting| setting.value.split(',').any(is_open)) {
        tell(&check::ETCD_METRICS, Some(setting), "listen-metrics-urls", "ETCD_LISTEN_METRICS_URLS=http://127.0.0.1:2381");
    }
    found
}

/// Whether whoever reaches it may read there.
fn is_open(url: &str) -> bool {
    let host = url.trim().trim_start_matches("http://");
    let is_here = ["127.", "localhost", "[::1]"].iter().any(|here| host.starts_with(here));
    // By https, etcd asks for a certificate where it does for its clients.
    !is_here && url.trim().starts_with("http://")
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with(['#', ';'])
}

/// Each time that the setting of this name stands in `text`: `ETCD_NAME=x`, `name: x`, `--name=x`, `--name x`.
fn settings<'a>(file: &'a str, text: &str, name: &str) -> Vec<EtcdSetting<'a>> {
    let (variable, flag) = (format!("ETCD_{}=", name.replace('-', "_").to_uppercase()), format!("--{name}"));
    let is_yaml = !file.starts_with(OWN) && !file.starts_with("/etc/systemd/");
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !is_comment(line)) {
        let mut keep = |value: &str| {
            let value = value.trim().trim_matches(['"', '\'', '[', ']']).to_lowercase();
            found.push(EtcdSetting { file, line: number + 1, value });
        };
        if is_yaml {
            let pair = line.split_once(':').filter(|(key, _)| key.trim() == name);
            pair.into_iter().for_each(|(_, value)| keep(value.split(" #").next().unwrap_or_default()));
            continue;
        }
        let words: Vec<_> = line.split(|letter: char| letter.is_whitespace() || matches!(letter, '"' | '\'')).collect();
        for (at, word) in words.iter().enumerate() {
            // Debian's DAEMON_ARGS, without quotes.
            let word = word.split_once("=--").map_or(*word, |(name, _)| word.get(name.len() + 1..).unwrap_or_default());
            let next = || words[at + 1..].iter().find(|word| !word.is_empty()).copied().unwrap_or_default();
            if let Some(value) = word.strip_prefix(&variable) {
                keep(if value.is_empty() { next() } else { value });
            } else if let Some(rest) = word.strip_prefix(&flag) {
                match rest.strip_prefix('=') {
                    Some(value) => keep(value),
                    // A switch has no value.
                    None if rest.is_empty() => keep(if name == "debug" { "true" } else { next() }),
                    None => {}
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: &str = "ETCD_LOGGER=zap\nETCD_LOG_LEVEL=error\n";
    const SHORT: &str = "ETCD_AUTO_COMPACTION_MODE=revision\nETCD_AUTO_COMPACTION_RETENTION=1\n";
    const CRON: (&str, &str) = ("/etc/cron.d/etcd", "0 4 * * * root etcdctl defrag\n");

    fn names(files: &[(&str, &str)]) -> Vec<(String, String, Option<usize>)> {
        let files: Vec<_> = files.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned())).collect();
        findings(&files).into_iter().map(|finding| (finding.check, finding.file, finding.line)).collect()
    }

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        names(files).into_iter().map(|(check, ..)| check).collect()
    }

    #[test]
    fn debians_own_keep_everything_and_ours_are_clean() {
        assert_eq!(found(&[(OWN, "# ETCD_LOG_LEVEL=error\n")]), ["etcd-history", "etcd-freed-pages", "etcd-log"]);
        let all = format!("{QUIET}{SHORT}ETCD_LISTEN_METRICS_URLS=\"http://127.0.0.1:2381\"\n");
        assert_eq!(names(&[(OWN, &all), CRON]), []);
        // The same as flags, and in YAML.
        let flags = "[Service]\nExecStart=\nExecStart=/usr/bin/etcd --auto-compaction-mode revision --auto-compaction-retention 1 \\\n  --logger=zap --log-level=error\n";
        assert_eq!(names(&[("/etc/systemd/system/etcd.service.d/nologd.conf", flags), CRON]), []);
        let daemon = "DAEMON_ARGS='--auto-compaction-retention=1 --log-level \"error\"'\n";
        assert_eq!(names(&[(OWN, daemon), CRON]), []);
        let yaml = "name: one\nauto-compaction-retention: \"1\"   # one\nlog-level: error\n";
        assert_eq!(names(&[("/etc/etcd/etcd.conf.yml", yaml), CRON]), []);
    }

    #[test]
    fn of_several_the_loudest_counts_and_its_line_is_named() {
        let base = format!("{QUIET}{SHORT}");
        for (line, check) in [
            ("ETCD_AUTO_COMPACTION_RETENTION=0", "etcd-history"),
            ("ETCD_AUTO_COMPACTION_RETENTION=\"0h\"", "etcd-history"),
            ("DAEMON_ARGS=--auto-compaction-retention=0", "etcd-history"),
            ("ETCD_LOG_LEVEL=debug", "etcd-log"),
            ("ETCD_LOG_LEVEL=info", "etcd-log"),
            ("ETCD_LOG_LEVEL=warn", "etcd-log"),
            ("ETCD_DEBUG=true", "etcd-log"),
            ("DAEMON_ARGS=\"--debug\"", "etcd-log"),
            ("ETCD_LISTEN_METRICS_URLS=http://192.0.2.7:2381", "etcd-metrics"),
            ("ETCD_LISTEN_METRICS_URLS=http://127.0.0.1:2381,http://0.0.0.0:2381", "etcd-metrics"),
        ] {
            let text = format!("{base}{line}\n");
            assert_eq!(names(&[(OWN, &text), CRON]), [(check.to_owned(), OWN.to_owned(), Some(5))], "{line}");
            assert_eq!(names(&[(OWN, &base), ("/etc/etcd/x.conf", "log-level: error\n"), CRON]), []);
        }
        for line in
            ["ETCD_DEBUG=false", "ETCD_LISTEN_METRICS_URLS=https://192.0.2.7:2381", "ETCD_LISTEN_METRICS_URLS=http://[::1]:1"]
        {
            assert_eq!(names(&[(OWN, &format!("{base}{line}\n")), CRON]), [], "{line}");
        }
        for other in
            ["# 0 4 * * * root etcdctl defrag\n", "0 4 * * * root etcdctl endpoint health\n", "0 4 * * * root e4defrag /\n"]
        {
            assert_eq!(found(&[(OWN, &base), ("/etc/cron.d/x", other)]), ["etcd-freed-pages"], "{other}");
        }
        // A unit of its own, or a timer's.
        let unit = ("/etc/systemd/system/etcd-defrag.service", "[Service]\nExecStart=/usr/bin/etcdctl --endpoints x defrag\n");
        assert_eq!(names(&[(OWN, &base), unit]), []);
    }
}
