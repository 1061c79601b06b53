//! Mailman 3 (mailman.cfg) and Mailman 2 (mm_cfg.py): which of their loggers write addresses.
//!
//! Absent on purpose: the archives. Whoever writes to a list that is archived wants to be read.

use super::super::check;
use super::super::finding::Finding;

/// Loggers of Mailman 3 whose lines name people at their default level.
const LOGGERS: &[&str] = &["smtp", "subscribe", "vette", "bounce", "http"];
/// Formats of Mailman 2 that are written for each message until they are None.
const FORMATS: &[&str] = &["SMTP_LOG_EVERY_MESSAGE", "SMTP_LOG_SUCCESS", "SMTP_LOG_REFUSED", "SMTP_LOG_EACH_FAILURE"];

/// What the settings in `text` would write down.
pub fn findings(file: &str, text: &str) -> Vec<Finding> {
    if file.ends_with("mm_cfg.py") { of_2(file, text) } else { of_3(file, text) }
}

fn of_3(file: &str, text: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    for logger in LOGGERS {
        let (mut inside, mut level) = (false, None);
        for (number, line) in text.lines().enumerate() {
            if let Some(section) = line.trim().strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                inside = section.strip_prefix("logging.") == Some(logger);
            } else if let Some((_, value)) = line.split_once([':', '=']).filter(|(name, _)| inside && name.trim() == "level") {
                level = Some((number + 1, value.trim()));
            }
        }
        if !level.is_some_and(|(_, value)| matches!(value.to_lowercase().as_str(), "error" | "critical")) {
            let instead = format!("[logging.{logger}]\nlevel: error");
            let line = level.map(|(line, _)| line);
            found.push(Finding::new(&check::MAILMAN_LOG, file, line, &format!("logging.{logger}"), &instead));
        }
    }
    found
}

fn of_2(file: &str, text: &str) -> Vec<Finding> {
    let set = |name: &str| {
        let lines = text.lines().enumerate().filter_map(|(number, line)| {
            let (key, value) = line.split_once('=')?;
            (key.trim() == name).then_some((number + 1, value.split('#').next()?.trim()))
        });
        lines.last()
    };
    let bad = FORMATS.iter().map(|name| (name, set(name))).filter(|(_, set)| set.is_none_or(|(_, value)| value != "None"));
    bad.map(|(name, set)| Finding::new(&check::MAILMAN_LOG, file, set.map(|(line, _)| line), name, &format!("{name} = None")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_logger_of_3_by_itself() {
        let quiet: String = LOGGERS.iter().map(|logger| format!("[logging.{logger}]\nlevel: error\n")).collect();
        assert_eq!(findings("mailman.cfg", &quiet), []);
        assert_eq!(findings("mailman.cfg", "").len(), LOGGERS.len());
        let loud = findings("mailman.cfg", &quiet.replace("[logging.smtp]\nlevel: error", "[logging.smtp]\nlevel: info"));
        assert_eq!(
            loud.iter().map(|finding| (finding.setting.as_str(), finding.line)).collect::<Vec<_>>(),
            [("logging.smtp", Some(2))]
        );
    }

    #[test]
    fn each_format_of_2() {
        assert_eq!(findings("/etc/mailman/mm_cfg.py", "SMTP_LOG_SUCCESS = None\n").len(), FORMATS.len() - 1);
        assert_eq!(findings("/etc/mailman/mm_cfg.py", "SMTP_LOG_SUCCESS=None  # quiet\n").len(), FORMATS.len() - 1);
        let later = "SMTP_LOG_SUCCESS = None\n#SMTP_LOG_SUCCESS = None\nSMTP_LOG_SUCCESS = ('post', 'x')\n";
        assert_eq!(findings("/etc/mailman/mm_cfg.py", later).len(), FORMATS.len());
    }
}
