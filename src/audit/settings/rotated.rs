//! logrotate's settings: which files of them stay after they were put aside.
//!
//! A section without `rotate` has that of its file, or of logrotate.conf. Absent on purpose: ages and sizes, which end nothing where nothing
//! new comes.

/// What keeps nothing.
pub(super) const INSTEAD: &str = "daily\nrotate 0";

/// A section that keeps old files.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct KeptLogs<'a> {
    pub(super) file: &'a str,
    /// Of its `rotate`, or of its first path.
    pub(super) line: usize,
}

/// A section that is being read.
struct RotatedSection {
    meant: bool,
    line: usize,
    keeps: Option<bool>,
}

/// The sections of `files` (path, text) with a path that is meant, and that keep something.
pub(super) fn kept<'a>(files: &[(&'a str, &'a str)], is_meant: fn(&str) -> bool) -> Vec<KeptLogs<'a>> {
    // Where nobody knows what holds for all, something is kept.
    let all = files.iter().find(|(file, _)| file.ends_with("/logrotate.conf")).is_none_or(|(_, text)| {
        let lines = outside(text).filter_map(keeps);
        lines.last().unwrap_or(false)
    });
    files.iter().flat_map(|&(file, text)| of_file(file, text, all, is_meant)).collect()
}

fn of_file<'a>(file: &'a str, text: &str, mut all: bool, is_meant: fn(&str) -> bool) -> Vec<KeptLogs<'a>> {
    let (mut found, mut inside, mut script) = (Vec::new(), false, false);
    let mut section: Option<RotatedSection> = None;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if script {
            script = line != "endscript";
        } else if inside && line.starts_with('}') {
            let section = section.take().filter(|section| section.meant && section.keeps.unwrap_or(all));
            found.extend(section.map(|section| KeptLogs { file, line: section.line }));
            inside = false;
        } else if inside {
            script = is_script(line);
            if let (Some(section), Some(keeps)) = (&mut section, keeps(line)) {
                (section.keeps, section.line) = (Some(keeps), number + 1);
            }
        } else if !line.starts_with('#') && (line.contains('{') || line.starts_with(['/', '"', '\''])) {
            let paths = line.split('{').next().unwrap_or_default();
            let section = section.get_or_insert(RotatedSection { meant: false, line: number + 1, keeps: None });
            section.meant |= is_meant(paths);
            inside = line.contains('{');
        } else if let Some(keeps) = keeps(line) {
            all = keeps;
        }
    }
    found
}

/// The lines that stand in no section.
fn outside(text: &str) -> impl Iterator<Item = &str> {
    let mut inside = false;
    text.lines().map(str::trim).filter(move |line| {
        let before = inside;
        inside = if inside { !line.starts_with('}') } else { line.contains('{') && !line.starts_with('#') };
        !before && !inside
    })
}

fn is_script(line: &str) -> bool {
    matches!(line, "prerotate" | "postrotate" | "firstaction" | "lastaction" | "preremove")
}

/// Whether a `rotate` keeps something; below zero it keeps all.
fn keeps(line: &str) -> Option<bool> {
    let count = line.strip_prefix("rotate")?.trim_start_matches([' ', '\t', '=']);
    // What is no number is refused by logrotate, and the file with it.
    Some(count.split_whitespace().next()?.parse::<i64>().ok()? != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(files: &[(&'static str, &'static str)]) -> Vec<usize> {
        kept(files, |path| path.contains("mail")).iter().map(|kept| kept.line).collect()
    }

    #[test]
    fn a_section_without_a_number_has_that_of_all() {
        let own = ("/etc/logrotate.d/a", "/var/log/mail.log\n/var/log/syslog\n{\n\tweekly\n}\n");
        assert_eq!(lines(&[("/etc/logrotate.conf", "weekly\nrotate 4\ninclude /etc/logrotate.d\n"), own]), [1]);
        assert_eq!(
            lines(&[("/etc/logrotate.conf", "weekly\n/var/log/x {\n  rotate 4\n}\n"), own]),
            [0; 0],
            "logrotate's own is 0"
        );
        assert_eq!(lines(&[own]), [1], "what is not known is not zero");
        let whole = "rotate 0\n\"/var/log/mail.log\" {\n}\n/var/log/mail.err {\n\trotate\t12\n}\n";
        assert_eq!(lines(&[("/etc/logrotate.d/a", whole)]), [5]);
    }

    #[test]
    fn scripts_and_comments_are_none_of_it() {
        let script =
            "/var/log/mail.log {\n  rotate 0\n  postrotate\n    if x; then {\n      rotate 5\n    }\n    fi\n  endscript\n}\n";
        assert_eq!(lines(&[("/a", script)]), [0; 0]);
        assert_eq!(
            lines(&[("/a", "/var/log/mail.log {\n  rotate -1\n}\n# /var/log/mail.x {\n/var/log/mail.y { \nrotate=3\n}\n")]),
            [2, 6]
        );
        assert_eq!(lines(&[("/a", "/var/log/mail.log {\n  rotate 0\n  rotate 7\n")]), [0; 0], "no end: logrotate refuses it");
    }
}
