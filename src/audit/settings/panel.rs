//! Panels, known by their settings: which columns of their database hold who came, when and from where. The database itself is not
//! read: what stands in it is the canary's business, in a dump.

use super::super::check::{self, Check};
use super::super::finding::Finding;

/// The files whose presence shows a panel.
pub const FILES: &[&str] = &[
    "/etc/alternc/local.sh",
    "/etc/logrotate.d/alternc",
    "/opt/mailcow-dockerized/mailcow.conf",
    "/etc/postfixadmin/config.inc.php",
    "/etc/postfixadmin/config.local.php",
];

/// AlternC's tables. A trigger stops what its programs would write; DEFAULT forgets what they wrote.
const ALTERNC: &[(&Check, &str, &str)] = &[
    (
        &check::PANEL_ALTERNC_LOGIN,
        "mailbox.lastlogin",
        "first take the script away from Dovecot (dovecot-post-login), then in the database:\n\
         UPDATE mailbox SET lastlogin = DEFAULT, lastloginsasl = DEFAULT;",
    ),
    (
        &check::PANEL_ALTERNC_ADDRESS,
        "membres.lastip",
        "in the database:\n\
         CREATE TRIGGER nologd_membres BEFORE UPDATE ON membres FOR EACH ROW SET NEW.lastip = '';\n\
         UPDATE membres SET lastip = '';",
    ),
    (
        &check::PANEL_ALTERNC_SESSIONS,
        "sessions.ip",
        "in the database:\n\
         CREATE TRIGGER nologd_sessions BEFORE INSERT ON sessions FOR EACH ROW SET NEW.ip = '';\n\
         UPDATE sessions SET ip = '';",
    ),
];
/// Days that AlternC's access logs may get old.
const DAYS: u64 = 7;

/// What the panels that these files belong to would write down.
pub fn findings(files: &[(String, String)]) -> Vec<Finding> {
    let mut found = Vec::new();
    for (file, text) in files {
        match file.rsplit_once('/').map(|(_, name)| name) {
            Some("local.sh") => alternc(file, text, &mut found),
            Some("alternc") => bureau(file, text, &mut found),
            Some("mailcow.conf") => {
                let instead = "in the database, from cron each hour, for mailcow writes it again:\nDELETE FROM sasl_log;";
                let line = line_of(text, "DBNAME");
                found.push(Finding::new(&check::PANEL_MAILCOW_SASL, file, line, "sasl_log", instead));
            }
            _ => postfixadmin(file, text, files, &mut found),
        }
    }
    found
}

fn alternc(file: &str, text: &str, found: &mut Vec<Finding>) {
    let database = line_of(text, "MYSQL_DATABASE");
    found.extend(ALTERNC.iter().map(|(check, column, instead)| Finding::new(check, file, database, column, instead)));
    let line = line_of(text, "LOGS_DELETE_DAYS");
    let days =
        line.and_then(|line| text.lines().nth(line - 1)?.split_once('=')?.1.trim().trim_matches(['"', '\'']).parse::<u64>().ok());
    if days.is_none_or(|days| days > DAYS) {
        found.push(Finding::new(&check::PANEL_ALTERNC_LOGS, file, line, "LOGS_DELETE_DAYS", "LOGS_DELETE_DAYS=1"));
    }
}

fn bureau(file: &str, text: &str, found: &mut Vec<Finding>) {
    let kept = text.lines().position(|line| {
        let count = line.trim().strip_prefix("rotate ").and_then(|count| count.trim().parse::<u64>().ok());
        count.is_some_and(|count| count > 0)
    });
    if let Some(line) = kept {
        let instead = "daily\nrotate 0";
        found.push(Finding::new(&check::PANEL_ALTERNC_BUREAU, file, Some(line + 1), "rotate", instead));
    }
}

/// `$CONF['logging']` is YES until it is said otherwise, in the later of both files.
fn postfixadmin(file: &str, text: &str, files: &[(String, String)], found: &mut Vec<Finding>) {
    let sets = |line: &str| line.trim().starts_with("$CONF['logging']");
    let set = |text: &str| text.lines().enumerate().filter(|(_, line)| sets(line)).last().map(|(number, _)| number);
    let local = files.iter().find(|(other, text)| other.ends_with("config.local.php") && set(text).is_some());
    if local.is_some_and(|(other, _)| other != file) || (local.is_none() && file.ends_with("config.local.php")) {
        return;
    }
    let line = set(text);
    let off = line.and_then(|line| text.lines().nth(line)).is_some_and(|line| line.contains("'NO'") || line.contains("\"NO\""));
    if !off {
        let instead = "$CONF['logging'] = 'NO';";
        found.push(Finding::new(&check::PANEL_POSTFIXADMIN, file, line.map(|line| line + 1), "logging", instead));
    }
}

fn line_of(text: &str, name: &str) -> Option<usize> {
    let sets = |line: &str| line.split_once('=').is_some_and(|(key, _)| key.trim().trim_start_matches("export ") == name);
    text.lines().position(sets).map(|line| line + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(files: &[(&str, &str)]) -> Vec<(String, Option<usize>)> {
        let files: Vec<_> = files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        findings(&files).into_iter().map(|finding| (finding.setting, finding.line)).collect()
    }

    #[test]
    fn alternc_by_its_columns_and_days() {
        let file = "/etc/alternc/local.sh";
        let found = names(&[(file, "# x\nMYSQL_DATABASE=\"alternc\"\n")]);
        let columns = ["mailbox.lastlogin", "membres.lastip", "sessions.ip"].map(|name| (name.to_owned(), Some(2)));
        assert_eq!(found[..3], columns);
        assert_eq!(found[3], ("LOGS_DELETE_DAYS".to_owned(), None));
        for (days, count) in [("366", 4), ("\"7\"", 3), ("1", 3), ("never", 4)] {
            assert_eq!(names(&[(file, &format!("LOGS_DELETE_DAYS={days}\n"))]).len(), count, "{days}");
        }
        assert_eq!(names(&[("/etc/logrotate.d/alternc", "/x {\n  monthly\n  rotate 12\n}\n")]), [("rotate".to_owned(), Some(3))]);
        assert_eq!(names(&[("/etc/logrotate.d/alternc", "/x {\n  rotate 0\n}\n")]), []);
    }

    #[test]
    fn the_others() {
        let (all, own) = ("/etc/postfixadmin/config.inc.php", "/etc/postfixadmin/config.local.php");
        let told = [("logging".to_owned(), Some(1))];
        assert_eq!(names(&[(all, "$CONF['logging'] = 'YES';\n"), (own, "")]), told);
        assert_eq!(names(&[(all, "$CONF['logging'] = 'YES';\n"), (own, "$CONF['logging'] = 'NO';\n")]), []);
        assert_eq!(names(&[("/opt/mailcow-dockerized/mailcow.conf", "DBNAME=mailcow\n")]), [("sasl_log".to_owned(), Some(1))]);
    }
}
