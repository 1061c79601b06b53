//! fail2ban.conf, fail2ban.d and the `.local` files over them, in this order: the last one of a name counts.

use super::super::check::{self, Check};
use super::super::finding::Finding;

/// What the settings in `text` would write down.
pub fn findings(file: &str, text: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut judge = |check: &Check, name: &str, good: &dyn Fn(&str) -> bool, instead: &str| {
        let set = last(text, name);
        if !set.is_some_and(|(_, value)| good(value)) {
            let instead = format!("in fail2ban.local:\n[DEFAULT]\n{instead}");
            found.push(Finding::new(check, file, set.map(|(line, _)| line), name, &instead));
        }
    };
    let nowhere = |value: &str| matches!(value, "None" | ":memory:");
    judge(&check::FAIL2BAN_DATABASE, "dbfile", &nowhere, "dbfile = None");
    // Bans are told at NOTICE, what was found at INFO.
    let quiet = last(text, "loglevel").is_some_and(|(_, value)| matches!(value, "CRITICAL" | "ERROR"));
    judge(&check::FAIL2BAN_LOG, "loglevel", &|_| quiet, "loglevel = ERROR");
    found
}

fn last<'a>(text: &'a str, name: &str) -> Option<(usize, &'a str)> {
    let settings = text.lines().enumerate().filter_map(|(number, line)| {
        let (key, value) = line.split_once('=').filter(|_| !line.starts_with(['#', ';', ' ']))?;
        Some((number + 1, key.trim(), value.trim()))
    });
    settings.filter(|(_, key, _)| *key == name).last().map(|(number, _, value)| (number, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_file_counts() {
        let names = |text: &str| findings("x", text).into_iter().map(|finding| (finding.check, finding.line)).collect::<Vec<_>>();
        let debian = "[DEFAULT]\nloglevel = INFO\n# dbfile = None\ndbfile = /var/lib/fail2ban/fail2ban.sqlite3\n";
        assert_eq!(names(debian), [("fail2ban-database".to_owned(), Some(4)), ("fail2ban-log".to_owned(), Some(2))]);
        assert_eq!(names(&format!("{debian}[DEFAULT]\ndbfile = None\nloglevel = ERROR\n")), []);
        assert_eq!(names("").len(), 2, "by default both are there");
    }
}
