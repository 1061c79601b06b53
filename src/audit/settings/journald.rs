//! systemd's journal: journald.conf with its drop-ins, as `systemd-analyze cat-config systemd/journald.conf` prints them.

use super::super::check::{self, Check};
use super::super::finding::Finding;

/// Seconds that a fault may be looked at afterwards.
const LONGEST: u64 = 7 * 86_400;

/// Drop-ins are read in the order of their names, whatever their folder; Debian 13 has one called `syslog.conf`.
const LATER: &str = "# it stands in a drop-in that is read too early: rename that to /etc/systemd/journald.conf.d/zz-nologd.conf";

/// What the settings in `text` would keep.
pub fn findings(file: &str, text: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut judge = |check: &Check, name: &str, good: fn(&str) -> bool, instead: &str| {
        let set = last(text, name);
        if set.is_none_or(|(_, value)| !good(value)) {
            // A line that is there already, and that a later drop-in overrules, is no line to write once more.
            let overruled = settings(text).any(|(_, key, value)| key == name && good(value));
            let instead = if overruled { format!("{instead}\n{LATER}") } else { instead.to_owned() };
            found.push(Finding::new(check, file, set.map(|(line, _)| line), name, &instead));
        }
    };
    judge(&check::JOURNALD_STORAGE, "Storage", |value| matches!(value, "volatile" | "none"), "Storage=volatile");
    let short = |value: &str| seconds(value).is_some_and(|seconds| (1..=LONGEST).contains(&seconds));
    judge(&check::JOURNALD_RETENTION, "MaxRetentionSec", short, "MaxRetentionSec=1day");
    let off = |value: &str| matches!(value, "no" | "false" | "0" | "off");
    judge(&check::JOURNALD_FORWARD, "ForwardToSyslog", off, "ForwardToSyslog=no");
    found
}

fn last<'a>(text: &'a str, name: &str) -> Option<(usize, &'a str)> {
    settings(text).filter(|(_, key, _)| *key == name).last().map(|(number, _, value)| (number, value))
}

fn settings(text: &str) -> impl Iterator<Item = (usize, &str, &str)> {
    let lines = text.lines().enumerate();
    lines.filter_map(|(number, line)| line.split_once('=').map(|(key, value)| (number + 1, key.trim(), value.trim())))
}

/// A time span as systemd writes it: `3day`, `36h`, `90`. Sums of several are not understood, and count as too long.
fn seconds(value: &str) -> Option<u64> {
    let digits = value.len() - value.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = value.split_at(digits);
    let unit = match unit.trim() {
        "" | "s" | "sec" | "second" | "seconds" => 1,
        "m" | "min" | "minute" | "minutes" => 60,
        "h" | "hr" | "hour" | "hours" => 3600,
        "d" | "day" | "days" => 86_400,
        "w" | "week" | "weeks" => 7 * 86_400,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drop_ins_come_last_and_count() {
        let names = |text: &str| findings("x", text).into_iter().map(|finding| finding.check).collect::<Vec<_>>();
        assert_eq!(names("[Journal]\n#Storage=volatile\n"), ["journald-storage", "journald-retention", "journald-forward"]);
        let clean = "[Journal]\nStorage=auto\n# drop-in\n[Journal]\nStorage=volatile\nMaxRetentionSec=3day\nForwardToSyslog=no\n";
        assert_eq!(names(clean), [""; 0]);
        // As Debian 13 does it: our drop-in is there, and sorts before systemd's own.
        let early =
            findings("x", &format!("{clean}# /usr/lib/systemd/journald.conf.d/syslog.conf\n[Journal]\nForwardToSyslog=yes\n"));
        assert_eq!(early.len(), 1);
        assert!(early[0].instead.contains("zz-nologd.conf"), "{}", early[0].instead);
        assert!(!findings("x", "")[2].instead.contains("rename"));
        for long in ["0", "1month", "8d", "1d 2h", ""] {
            assert_eq!(names(&clean.replace("3day", long)), ["journald-retention"], "{long}");
        }
    }
}
