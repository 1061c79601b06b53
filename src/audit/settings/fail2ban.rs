//! fail2ban.conf, fail2ban.d and the `.local` files over them, in this order: the last one of a name counts.

use super::super::check::{self, Check};
use super::super::finding::Finding;

/// What the settings in `text` would write down.
pub fn findings(file: &str, text: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut judge = |check: &Check, name: &str, good: &[&str], instead: &str| {
        let set = last(text, name);
        if !set.as_ref().is_some_and(|(_, value)| good.iter().any(|good| value.eq_ignore_ascii_case(good))) {
            // This section counts before the other one.
            let instead = format!("in fail2ban.local:\n[Definition]\n{instead}");
            found.push(Finding::new(check, file, set.map(|(line, _)| line), name, &instead));
        }
    };
    judge(&check::FAIL2BAN_DATABASE, "dbfile", &["None", ":memory:"], "dbfile = None");
    // Bans are told at NOTICE, what was found at INFO.
    judge(&check::FAIL2BAN_LOG, "loglevel", &["CRITICAL", "ERROR"], "loglevel = ERROR");
    found
}

/// What counts: `[Definition]`, and where it says nothing, `[DEFAULT]`; other sections are for something else.
fn last<'a>(text: &'a str, name: &str) -> Option<(usize, &'a str)> {
    let (mut section, mut own, mut default) = ("", None, None);
    for (number, line) in text.lines().enumerate() {
        if line.starts_with(['#', ';', ' ', '\t']) {
            continue;
        }
        if let Some(name) = line.trim().strip_prefix('[').and_then(|line| line.split(']').next()) {
            section = name;
            continue;
        }
        let Some((_, value)) = line.split_once(['=', ':']).filter(|(key, _)| key.trim().eq_ignore_ascii_case(name)) else {
            continue;
        };
        let set = Some((number + 1, value.split(" ;").next().unwrap_or_default().trim()));
        match section {
            "Definition" => own = set,
            "DEFAULT" => default = set,
            _ => {}
        }
    }
    own.or(default)
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
        let quiet = "dbfile = None\nloglevel = ERROR\n";
        for (text, count) in [
            // As fail2ban.conf was before 1.0: what is said for all does not reach it.
            (format!("[Definition]\nloglevel = INFO\ndbfile = /x\n[DEFAULT]\n{quiet}"), 2),
            (format!("{debian}[Definition]\n{quiet}"), 0),
            (format!("{debian}[Thread]\n{quiet}"), 2),
            (format!("{debian}[sshd]\n{quiet}"), 2),
            (format!("{debian}{}", "[DEFAULT]\nDbFile: none ; kept nowhere\nloglevel=error\n"), 0),
            (format!("{debian}[DEFAULT]\n;dbfile = None\n  loglevel = ERROR\n"), 2),
        ] {
            assert_eq!(names(&text).len(), count, "{text}");
        }
    }
}
