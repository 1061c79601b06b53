//! rsyslog.conf with its included files, in this order: rules are taken from top to bottom, so that a `stop` saves what comes after.
//!
//! The classic form (`mail.* /var/log/mail.log`) and the usual ones of RainerScript. A rule that cannot be understood counts as one
//! that writes.

use super::super::check;
use super::super::finding::Finding;

const STOP: &str = "# before every rule that writes\nmail.* stop";

/// What the rules in `text` would write down.
pub fn findings(file: &str, text: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        match judge(line.trim()) {
            LineEffect::Other => {}
            LineEffect::StopsMail => break,
            LineEffect::WritesMail => found.push(Finding::new(&check::RSYSLOG_MAIL, file, Some(number + 1), name(line), STOP)),
        }
    }
    found
}

enum LineEffect {
    Other,
    StopsMail,
    WritesMail,
}

fn judge(line: &str) -> LineEffect {
    let squeezed = line.split('#').next().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
    if squeezed.is_empty() || squeezed.starts_with('$') {
        return LineEffect::Other;
    }
    if squeezed.starts_with("if ") && squeezed.contains("$syslogfacility-text") {
        let whole = squeezed.contains("== 'mail' then stop") || squeezed.contains("== \"mail\" then stop");
        return if whole { LineEffect::StopsMail } else { LineEffect::Other };
    }
    if squeezed.contains("action(") {
        let elsewhere = ["omfile", "omfwd", "omrelp", "ommysql", "ompgsql", "omelasticsearch"];
        return if elsewhere.iter().any(|module| squeezed.contains(module)) { LineEffect::WritesMail } else { LineEffect::Other };
    }
    let Some((selector, action)) = squeezed.split_once(' ').filter(|(selector, _)| selector.contains('.')) else {
        return LineEffect::Other;
    };
    match action {
        "stop" | "~" if selector == "mail.*" => LineEffect::StopsMail,
        "stop" | "~" => LineEffect::Other,
        // To the terminals of logged-in admins, and only what is an emergency.
        action if action.starts_with(":omusrmsg:") => LineEffect::Other,
        _ if covers_mail(selector) => LineEffect::WritesMail,
        _ => LineEffect::Other,
    }
}

/// `auth,mail.info;cron.*`: the last part that names mail, or everything, decides.
fn covers_mail(selector: &str) -> bool {
    let mut covers = false;
    for part in selector.split(';') {
        let Some((facilities, level)) = part.rsplit_once('.') else { continue };
        if facilities.split(',').any(|facility| matches!(facility, "*" | "mail")) {
            covers = level != "none";
        }
    }
    covers
}

fn name(line: &str) -> &str {
    line.split_whitespace().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_that_cover_mail() {
        for yes in ["mail.*", "*.*;auth,authpriv.none", "mail,news.err", "*.info"] {
            assert!(covers_mail(yes), "{yes}");
        }
        for no in ["auth,authpriv.*", "*.*;mail.none", "kern.*", "mail.none"] {
            assert!(!covers_mail(no), "{no}");
        }
    }

    #[test]
    fn a_stop_saves_what_comes_after_and_not_what_came_before() {
        let lines = |text: &str| findings("x", text).into_iter().map(|finding| finding.line.unwrap()).collect::<Vec<_>>();
        assert_eq!(lines("*.* -/var/log/syslog\nmail.* stop\nmail.* /var/log/mail.log\n"), [1]);
        assert_eq!(lines("mail.*\t~\n*.*;auth.none -/var/log/syslog\n"), [0; 0]);
        assert_eq!(lines("mail.err stop\nmail.*  @@logs.example:514\n"), [2]);
        assert_eq!(lines("if $syslogfacility-text == 'mail' then stop\n*.* action(type=\"omfile\" file=\"/x\")\n"), [0; 0]);
        assert_eq!(lines("action(type=\"omfwd\" target=\"x\")\n"), [1]);
    }
}
