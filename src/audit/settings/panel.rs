//! Panels, known by their settings: which columns of their database hold who came, when and from where. The database itself is not
//! read: what stands in it is the canary's business, in a dump.

use super::super::check::{self, Check};
use super::super::finding::Finding;
use super::{php, rotated};

/// The files whose presence shows a panel.
pub const FILES: &[&str] = &[
    "/etc/alternc/local.sh",
    "/etc/logrotate.d/alternc",
    "/opt/mailcow-dockerized/mailcow.conf",
    "/etc/postfixadmin/config.inc.php",
    "/etc/postfixadmin/config.local.php",
    "/usr/share/postfixadmin/config.inc.php",
    "/usr/share/postfixadmin/config.local.php",
    "/opt/postfixadmin/config.inc.php",
    "/opt/postfixadmin/config.local.php",
    "/srv/postfixadmin/config.inc.php",
    "/srv/postfixadmin/config.local.php",
    "/var/www/postfixadmin/config.inc.php",
    "/var/www/postfixadmin/config.local.php",
    "/var/www/html/postfixadmin/config.inc.php",
    "/var/www/html/postfixadmin/config.local.php",
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
    // A shell takes the value up to a blank; what is behind it is another word.
    let value = line.and_then(|line| text.lines().nth(line - 1)?.split_once('=')?.1.split_whitespace().next());
    let days = value.and_then(|value| value.trim_matches(['"', '\'', ';']).parse::<u64>().ok());
    if days.is_none_or(|days| days > DAYS) {
        found.push(Finding::new(&check::PANEL_ALTERNC_LOGS, file, line, "LOGS_DELETE_DAYS", "LOGS_DELETE_DAYS=1"));
    }
}

fn bureau(file: &str, text: &str, found: &mut Vec<Finding>) {
    for kept in rotated::kept(&[(file, text)], |_| true) {
        found.push(Finding::new(&check::PANEL_ALTERNC_BUREAU, file, Some(kept.line), "rotate", rotated::INSTEAD));
    }
}

/// `$CONF['logging']` is YES until it is said otherwise, in the later of both files of one folder.
fn postfixadmin(file: &str, text: &str, files: &[(String, String)], found: &mut Vec<Finding>) {
    let set = |text: &str| php::assignments_to("$CONF[", text).into_iter().rfind(|set| set.name == "logging");
    let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
    let beside = |name: &str| files.iter().find(|(other, _)| *other == format!("{folder}/{name}"));
    let local = beside("config.local.php").filter(|(_, text)| set(text).is_some());
    let decides = local.or_else(|| beside("config.inc.php")).is_none_or(|(other, _)| other == file);
    let set = set(text);
    // What is computed, or no word that PostfixAdmin knows for off, is on.
    let off = set.as_ref().is_some_and(|set| matches!(set.text().to_ascii_lowercase().as_str(), "no" | "false"));
    if decides && !off {
        let instead = "$CONF['logging'] = 'NO';";
        found.push(Finding::new(&check::PANEL_POSTFIXADMIN, file, set.map(|set| set.line), "logging", instead));
    }
}

/// The last line that sets it: a shell takes that one.
fn line_of(text: &str, name: &str) -> Option<usize> {
    let sets = |line: &str| line.split_once('=').is_some_and(|(key, _)| key.trim().trim_start_matches("export").trim() == name);
    let lines = text.lines().enumerate().filter(|(_, line)| sets(line));
    lines.last().map(|(number, _)| number + 1)
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
        for (days, count) in
            [("366", 4), ("\"7\"", 3), ("1", 3), ("never", 4), ("1 # a day", 3), ("1;", 3), ("1\nLOGS_DELETE_DAYS=366", 4)]
        {
            assert_eq!(names(&[(file, &format!("LOGS_DELETE_DAYS={days}\n"))]).len(), count, "{days}");
        }
        assert_eq!(names(&[(file, "LOGS_DELETE_DAYS=366\nexport  LOGS_DELETE_DAYS=1\n#LOGS_DELETE_DAYS=366\n")]).len(), 3);
        assert_eq!(names(&[("/etc/logrotate.d/alternc", "/x {\n  monthly\n  rotate 12\n}\n")]), [("rotate".to_owned(), Some(3))]);
        assert_eq!(names(&[("/etc/logrotate.d/alternc", "/x {\n  rotate 0\n}\n")]), []);
    }

    #[test]
    fn the_others() {
        let (all, own) = ("/etc/postfixadmin/config.inc.php", "/etc/postfixadmin/config.local.php");
        let told = [("logging".to_owned(), Some(1))];
        assert_eq!(names(&[(all, "$CONF['logging'] = 'YES';\n"), (own, "")]), told);
        assert_eq!(names(&[(all, "$CONF['logging'] = 'YES';\n"), (own, "$CONF['logging'] = 'NO';\n")]), []);
        // Not in force: in a comment, behind the value, in another folder, in a file that says nothing about it.
        for text in [
            "$CONF['logging'] = 'YES'; // or 'NO'\n",
            "/*\n$CONF['logging'] = 'NO';\n*/\n",
            "$CONF['logging'] = 'NO';\n$CONF[ \"logging\" ]='YES';\n",
            "# $CONF['logging'] = 'NO';\n",
            "",
        ] {
            assert_eq!(names(&[(all, text)]).len(), 1, "{text}");
        }
        for text in ["$CONF[\"logging\"]=\"NO\";", "$CONF['logging'] =\n  false; // 'YES'", "$CONF['logging'] = 'no';"] {
            assert_eq!(names(&[(all, text)]), [], "{text}");
        }
        let elsewhere = "/var/www/postfixadmin/config.local.php";
        assert_eq!(names(&[(all, "$CONF['logging'] = 'YES';\n"), (elsewhere, "$CONF['logging'] = 'NO';\n")]), told);
        assert_eq!(names(&[(elsewhere, "$CONF['database_type'] = 'mysqli';\n")]), [("logging".to_owned(), None)]);
        assert_eq!(names(&[("/opt/mailcow-dockerized/mailcow.conf", "DBNAME=mailcow\n")]), [("sasl_log".to_owned(), Some(1))]);
    }
}
