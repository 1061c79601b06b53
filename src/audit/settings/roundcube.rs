//! Roundcube's config.inc.php; what it does not set has the value of defaults.inc.php (1.6).
//!
//! Its database needs SQL to be seen, and is the canary's business.

use super::super::check::{self, Check};
use super::super::finding::Finding;
use super::php::{Assignment, assignments_with, included, replaces_server};

/// Off by default, and bad when on.
const SWITCHES: &[(&Check, &str)] = &[
    (&check::ROUNDCUBE_LOGINS, "log_logins"),
    (&check::ROUNDCUBE_DEBUG, "session_debug"),
    (&check::ROUNDCUBE_DEBUG, "sql_debug"),
    (&check::ROUNDCUBE_DEBUG, "imap_debug"),
    (&check::ROUNDCUBE_DEBUG, "ldap_debug"),
    (&check::ROUNDCUBE_DEBUG, "smtp_debug"),
    (&check::ROUNDCUBE_DEBUG, "memcache_debug"),
    (&check::ROUNDCUBE_DEBUG, "apc_debug"),
    (&check::ROUNDCUBE_DEBUG, "redis_debug"),
    (&check::ROUNDCUBE_DEBUG, "managesieve_debug"),
    (&check::ROUNDCUBE_DEBUG, "imap_log_session"),
    (&check::ROUNDCUBE_USER_LOGS, "per_user_logging"),
    (&check::ROUNDCUBE_XCLIENT, "smtp_xclient_login"),
    (&check::ROUNDCUBE_XCLIENT, "smtp_xclient_addr"),
    (&check::ROUNDCUBE_RECEIVED, "http_received_header"),
    (&check::ROUNDCUBE_AGENT, "useragent"),
];

/// Plugins that store or hand on who somebody is.
const PLUGINS: &[&str] =
    &["lastlogin", "last_login", "rcguard", "dovecot_ident", "dovecot_client_ip", "fail2ban", "login_info", "loginfail_logger"];

/// The files that are included by an absolute path, as the no-log template is.
pub fn included_files(text: &str) -> Vec<String> {
    included(text).into_iter().map(|(_, path)| path).collect()
}

/// What the settings in `text`, and in those of `files` that it includes, would write down. `hidden`: the web server tells a
/// constant in place of the visitor's address.
pub fn findings(file: &str, text: &str, files: &[(String, String)], hidden: bool) -> Vec<Finding> {
    let settings = assignments_with(text, files);
    let paths = included_files(text);
    let mut texts = files.iter().filter(|(path, _)| paths.contains(path)).map(|(_, text)| text.as_str()).chain([text]);
    let hidden = hidden || texts.any(|text| replaces_server(text, "REMOTE_ADDR"));
    let last = |name: &str| settings.iter().rfind(|setting| setting.name == name);
    let mut found = Vec::new();
    let mut tell = |check: &Check, setting: Option<&Assignment>, name: &str, instead: &str| {
        found.push(Finding::new(check, file, setting.map(|setting| setting.line), name, instead));
    };
    let sent = last("smtp_log");
    if sent.is_none_or(Assignment::is_true) {
        tell(&check::ROUNDCUBE_SENT, sent, "smtp_log", "$config['smtp_log'] = false;");
    }
    let driver = last("log_driver");
    if driver.is_none_or(|setting| setting.text() != "stdout") {
        let instead = "$config['log_driver'] = 'stdout';    // php-fpm throws it away: catch_workers_output is off by default";
        tell(&check::ROUNDCUBE_ERRORS, driver, "log_driver", instead);
    }
    let session = last("log_session_id");
    if session.is_none_or(Assignment::is_true) {
        tell(&check::ROUNDCUBE_SESSION_ID, session, "log_session_id", "$config['log_session_id'] = 0;");
    }
    for (check, name) in SWITCHES {
        if let Some(setting) = last(name).filter(|setting| setting.is_true()) {
            tell(
                check,
                Some(setting),
                name,
                &format!("$config['{name}'] = {};", if *name == "useragent" { "null" } else { "false" }),
            );
        }
    }
    let storage = last("session_storage");
    if !hidden && storage.is_none_or(|setting| setting.text() != "php") {
        let instead = "$_SERVER['REMOTE_ADDR'] = '127.0.0.1';    // or in nginx: fastcgi_param REMOTE_ADDR 127.0.0.1;";
        tell(&check::ROUNDCUBE_SESSION_TABLE, storage, "session_storage", instead);
    }
    if let Some(setting) = last("plugins") {
        for plugin in setting.texts().filter(|plugin| PLUGINS.contains(plugin)) {
            tell(&check::ROUNDCUBE_PLUGINS, Some(setting), "plugins", &format!("$config['plugins'] without '{plugin}'"));
        }
    }
    let instead = "each week: UPDATE users SET last_login = NULL, failed_login = NULL, failed_login_counter = NULL;";
    tell(&check::ROUNDCUBE_LAST_LOGIN, None, "users.last_login", instead);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_assignment_counts() {
        let template = [("/t".to_owned(), include_str!("../../../policy/backends/roundcube.inc.php").to_owned())];
        let names = |text: &str, hidden| {
            findings("x", text, &template, hidden).into_iter().map(|finding| finding.check).collect::<Vec<_>>()
        };
        let clean = "$config['smtp_log'] = false;\n$config['log_driver'] = 'stdout';\n$config['log_session_id'] = 0;\n";
        assert_eq!(names(clean, true), ["roundcube-last-login"]);
        assert_eq!(names(clean, false), ["roundcube-session-table", "roundcube-last-login"]);
        let constant = format!("{clean}$_SERVER['REMOTE_ADDR'] = '127.0.0.1';\n");
        assert_eq!(names(&constant, false), ["roundcube-last-login"]);
        assert_eq!(names("$config['smtp_log'] = true;\ninclude('/t');\n", false), ["roundcube-last-login"]);
        let again = format!("{clean}$config['smtp_log'] = true;\n");
        assert_eq!(names(&again, true), ["roundcube-sendmail-log", "roundcube-last-login"]);
        let plugins = format!("{clean}$config['plugins'] = ['archive', 'lastlogin'];\n$config['imap_debug'] = true;\n");
        assert_eq!(names(&plugins, true), ["roundcube-debug", "roundcube-plugins", "roundcube-last-login"]);
    }
}
