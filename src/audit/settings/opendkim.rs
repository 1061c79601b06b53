//! opendkim.conf: a name, blanks, a value; of a switch only the first letter counts, and `#` begins a comment.

use super::super::check::{self, Check};
use super::super::finding::Finding;

/// Off by default, and bad when on.
const SWITCHES: &[(&Check, &str)] = &[(&check::OPENDKIM_SYSLOG, "Syslog"), (&check::OPENDKIM_FILES, "KeepTemporaryFiles")];

/// Where copies of messages, or figures about each, are put.
const FILES: &[&str] = &["Statistics", "DiagnosticDirectory"];

/// What the settings in `text` would write down.
pub fn findings(file: &str, text: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    let settings: Vec<(usize, &str, &str)> = text
        .lines()
        .enumerate()
        .filter_map(|(number, line)| {
            let (name, value) = line.split('#').next()?.trim().split_once(char::is_whitespace)?;
            Some((number + 1, name, value.trim()))
        })
        .collect();
    for (check, name) in SWITCHES {
        let last = settings.iter().rfind(|(_, other, _)| other.eq_ignore_ascii_case(name));
        if let Some((line, ..)) = last.filter(|(.., value)| value.starts_with(['T', 't', 'Y', 'y', '1'])) {
            found.push(Finding::new(check, file, Some(*line), name, &format!("{name} no")));
        }
    }
    let leaves = |name: &str| FILES.iter().any(|other| name.eq_ignore_ascii_case(other));
    for (line, name, _) in settings.iter().filter(|(_, name, _)| leaves(name)) {
        found.push(Finding::new(&check::OPENDKIM_FILES, file, Some(*line), name, "remove this line"));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_switch_counts_and_comments_do_not() {
        let names = |text: &str| findings("x", text).into_iter().map(|finding| (finding.check, finding.line)).collect::<Vec<_>>();
        assert_eq!(names("Syslog\t\tyes\n"), [("opendkim-syslog".to_owned(), Some(1))]);
        assert_eq!(names("Syslog yes\nsyslog No # Syslog yes\n#Statistics x\n"), []);
        assert_eq!(names("SYSLOG True\n"), [("opendkim-syslog".to_owned(), Some(1))]);
        assert_eq!(names("diagnosticdirectory /var/x\n"), [("opendkim-files".to_owned(), Some(1))]);
        let files = names("KeepTemporaryFiles true\nStatistics /var/x\nSyslogSuccess yes\n");
        assert_eq!(
            files.iter().map(|(name, line)| (name.as_str(), *line)).collect::<Vec<_>>(),
            [("opendkim-files", Some(1)), ("opendkim-files", Some(2))]
        );
    }
}
