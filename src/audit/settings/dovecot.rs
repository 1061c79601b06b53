//! Dovecot 2.3 and 2.4: the output of `doveconf -n`, or a file with the same grammar.
//!
//! Includes are not followed: `doveconf -n` has done it. Formats are judged by an allow list of variables, because new ones that
//! name a person come with every release.

use super::super::check::{self, Check};
use super::super::finding::Finding;

/// What the settings in `text` would write down.
pub fn findings(file: &str, text: &str) -> Vec<Finding> {
    let settings = parse(text);
    let new = is_2_4(text, &settings);
    let mut found = Vec::new();
    for row in ROWS {
        let mut own: Vec<_> = settings.iter().filter(|setting| setting.is(row.setting) && !setting.in_list()).collect();
        let default = if new { row.default_2_4 } else { row.default_2_3 };
        let instead = if new { row.instead_2_4 } else { row.instead_2_3 };
        let mut tell = |line| found.push(Finding::new(row.check, file, line, row.setting, instead));
        if !own.iter().any(|setting| setting.path.is_empty()) && default.is_some_and(row.bad) {
            tell(None);
        }
        own.retain(|setting| (row.bad)(&setting.value));
        own.iter().for_each(|setting| tell(Some(setting.line)));
    }
    plugins(file, &settings, &mut found);
    sections(file, &settings, &mut found);
    if !settings.iter().any(|setting| setting.name == "log_path" && setting.value == "/dev/null") {
        found.push(Finding::new(&check::DOVECOT_FAULTS, file, None, "log_path", "keep it in memory: see journald.conf"));
    }
    found
}

struct SettingRow {
    check: &'static Check,
    setting: &'static str,
    default_2_3: Option<&'static str>,
    default_2_4: Option<&'static str>,
    bad: fn(&str) -> bool,
    instead_2_3: &'static str,
    instead_2_4: &'static str,
}

const fn row(
    check: &'static Check,
    setting: &'static str,
    defaults: [Option<&'static str>; 2],
    bad: fn(&str) -> bool,
    instead: [&'static str; 2],
) -> SettingRow {
    let [default_2_3, default_2_4] = defaults;
    let [instead_2_3, instead_2_4] = instead;
    SettingRow { check, setting, default_2_3, default_2_4, bad, instead_2_3, instead_2_4 }
}

/// What a session moved, in octets and messages.
const MOVED: &[&str] = &[
    "i",
    "o",
    "input",
    "output",
    "deleted",
    "expunged",
    "autoexpunged",
    "trashed",
    "appended",
    "fetch_hdr_count",
    "fetch_hdr_bytes",
    "fetch_body_count",
    "fetch_body_bytes",
    "top_count",
    "top_bytes",
    "retr_count",
    "retr_bytes",
    "deleted_count",
    "deleted_bytes",
    "message_count",
    "message_bytes",
    "uidl_change",
];

const OFF: [Option<&str>; 2] = [None, None];

/// Each setting, the defaults of 2.3 and 2.4 where they write a person down, and the lines to write instead.
const ROWS: &[SettingRow] = &[
    row(
        &check::DOVECOT_INFO,
        "info_log_path",
        [Some(""), Some("")],
        |value| value != "/dev/null",
        ["info_log_path = /dev/null"; 2],
    ),
    row(
        &check::DOVECOT_LOGIN,
        "login_log_format_elements",
        [
            Some("user=<%u> method=%m rip=%r lip=%l mpid=%e %c session=<%{session}>"),
            Some(
                "user=<%{user}> method=%{mechanism} rip=%{remote_ip} lip=%{local_ip} mpid=%{mail_pid} %{secured} session=<%{session}>",
            ),
        ],
        |value| names_a_person(value, &["m", "c", "k", "e", "mechanism", "secured", "mail_pid", "ssl_security"]),
        ["login_log_format_elements = method=%m %c", "login_log_format_elements = method=%{mechanism} %{secured}"],
    ),
    row(
        &check::DOVECOT_LOGIN_FORMAT,
        "login_log_format",
        [Some("%$: %s"), Some("%{message}: %{elements}")],
        |value| names_a_person(value, &["$", "s", "message", "elements"]),
        ["login_log_format = %$: %s", "login_log_format = %{message}: %{elements}"],
    ),
    row(
        &check::DOVECOT_PREFIX,
        "mail_log_prefix",
        [Some("%s(%u)<%{pid}><%{session}>: "), Some("%{protocol}(%{user})<%{process:pid}><%{session}>: ")],
        |value| names_a_person(value, &["s", "p", "pid", "service", "protocol", "process:pid"]),
        ["mail_log_prefix = \"%s: \"", "mail_log_prefix = \"%{protocol}: \""],
    ),
    row(
        &check::DOVECOT_LOGOUT,
        "imap_logout_format",
        OFF,
        |value| names_a_person(value, MOVED),
        ["imap_logout_format = in=%i out=%o", "imap_logout_format = in=%{input} out=%{output}"],
    ),
    row(
        &check::DOVECOT_LOGOUT,
        "pop3_logout_format",
        OFF,
        |value| names_a_person(value, &[MOVED, &["t", "p", "r", "b", "d", "m", "s", "u"]].concat()),
        ["pop3_logout_format = top=%t/%p retr=%r/%b del=%d/%m size=%s", "pop3_logout_format = in=%{input} out=%{output}"],
    ),
    row(
        &check::DOVECOT_LOGOUT,
        "managesieve_logout_format",
        OFF,
        |value| names_a_person(value, MOVED),
        ["managesieve_logout_format = bytes=%i/%o", "managesieve_logout_format = bytes=%{input}/%{output}"],
    ),
    row(
        &check::DOVECOT_DELIVERY,
        "deliver_log_format",
        [Some("msgid=%m: %$"), Some("msgid=%{msgid}: %{message}")],
        |value| names_a_person(value, &["$", "p", "w", "message", "size", "vsize", "delivery_time", "session_time"]),
        ["deliver_log_format = %$", "deliver_log_format = %{message}"],
    ),
    row(&check::DOVECOT_AUTH_VERBOSE, "auth_verbose", OFF, is_on, ["auth_verbose = no"; 2]),
    row(&check::DOVECOT_AUTH_PASSWORDS, "auth_verbose_passwords", OFF, is_on, ["auth_verbose_passwords = no"; 2]),
    row(&check::DOVECOT_AUTH_PASSWORDS, "auth_debug_passwords", OFF, is_on, ["auth_debug_passwords = no"; 2]),
    row(&check::DOVECOT_DEBUG, "auth_debug", OFF, is_on, ["auth_debug = no"; 2]),
    row(&check::DOVECOT_DEBUG, "mail_debug", OFF, is_on, ["mail_debug = no"; 2]),
    row(&check::DOVECOT_DEBUG, "log_debug", OFF, is_on, ["log_debug ="; 2]),
    row(&check::DOVECOT_TLS_LOG, "verbose_ssl", OFF, is_on, ["verbose_ssl = no"; 2]),
    row(&check::DOVECOT_ID_LOG, "imap_id_log", OFF, is_on, ["imap_id_log ="; 2]),
    row(&check::DOVECOT_TITLE, "verbose_proctitle", OFF, is_on, ["verbose_proctitle = no"; 2]),
    row(&check::DOVECOT_RAWLOG, "rawlog_dir", OFF, is_on, ["rawlog_dir ="; 2]),
    row(&check::DOVECOT_RAWLOG, "login_proxy_rawlog_dir", OFF, is_on, ["login_proxy_rawlog_dir ="; 2]),
    row(&check::DOVECOT_RAWLOG, "lmtp_rawlog_dir", OFF, is_on, ["lmtp_rawlog_dir ="; 2]),
    row(&check::DOVECOT_RAWLOG, "lmtp_proxy_rawlog_dir", OFF, is_on, ["lmtp_proxy_rawlog_dir ="; 2]),
    row(&check::DOVECOT_RAWLOG, "submission_relay_rawlog_dir", OFF, is_on, ["submission_relay_rawlog_dir ="; 2]),
    row(&check::DOVECOT_RAWLOG, "imapc_rawlog_dir", OFF, is_on, ["imapc_rawlog_dir ="; 2]),
    row(&check::DOVECOT_RAWLOG, "pop3c_rawlog_dir", OFF, is_on, ["pop3c_rawlog_dir ="; 2]),
    row(&check::DOVECOT_RAWLOG, "executable", OFF, |value| value.contains("rawlog"), ["remove this service"; 2]),
    row(&check::DOVECOT_POLICY_SERVER, "auth_policy_server_url", OFF, is_on, ["auth_policy_server_url ="; 2]),
    row(&check::DOVECOT_RECEIVED, "lmtp_add_received_header", [Some("yes"); 2], is_on, ["lmtp_add_received_header = no"; 2]),
    // 2.3 has no such setting: its submission service cannot be told.
    row(
        &check::DOVECOT_RECEIVED,
        "submission_add_received_header",
        [None, Some("yes")],
        is_on,
        ["submission_add_received_header = no"; 2],
    ),
    row(&check::DOVECOT_LAST_LOGIN, "last_login_dict", OFF, is_on, ["last_login_dict ="; 2]),
    row(&check::DOVECOT_SIEVE_TRACE, "sieve_trace_dir", OFF, is_on, ["sieve_trace_dir ="; 2]),
    row(&check::DOVECOT_MAIL_LOG, "mail_log_events", OFF, is_on, ["mail_log_events ="; 2]),
];

pub(super) fn is_on(value: &str) -> bool {
    !matches!(value, "" | "no" | "false")
}

/// `mail_plugins = $mail_plugins notify mail_log`, or `mail_plugins { mail_log = yes }`.
fn plugins(file: &str, settings: &[DovecotSetting<'_>], found: &mut Vec<Finding>) {
    for (plugin, check) in [("mail_log", &check::DOVECOT_MAIL_LOG), ("last_login", &check::DOVECOT_LAST_LOGIN)] {
        for setting in settings {
            let named = setting.name == "mail_plugins" && setting.value.split([' ', ',']).any(|word| word == plugin);
            let listed = setting.in_list() && setting.name == plugin && is_on(&setting.value);
            if named || listed {
                let instead = format!("mail_plugins without {plugin}");
                found.push(Finding::new(check, file, Some(setting.line), "mail_plugins", &instead));
            }
        }
    }
}

/// Exporters are sections with names; one is enough to export something once a metric uses it.
fn sections(file: &str, settings: &[DovecotSetting<'_>], found: &mut Vec<Finding>) {
    let mut told: Vec<&str> = Vec::new();
    for setting in settings {
        let Some(section) = setting.path.first().filter(|name| name.starts_with("event_exporter")) else { continue };
        if !told.contains(section) {
            told.push(section);
            found.push(Finding::new(&check::DOVECOT_EVENTS, file, Some(setting.line), "event_exporter", "remove this section"));
        }
    }
}

pub(super) struct DovecotSetting<'a> {
    /// The sections around it, from the outside.
    pub(super) path: Vec<&'a str>,
    pub(super) name: &'a str,
    pub(super) value: String,
    pub(super) line: usize,
}

impl DovecotSetting<'_> {
    /// Whether it is an entry of 2.4's `mail_plugins { ... }`.
    pub(super) fn in_list(&self) -> bool {
        self.path.last() == Some(&"mail_plugins")
    }

    /// By its name. `doveconf -n` of 2.4 prints `auth_policy_server_url` as `server_url` in `auth_policy { ... }`.
    fn is(&self, name: &str) -> bool {
        let rest = self.path.last().and_then(|section| name.strip_prefix(section)?.strip_prefix('_'));
        self.name == name || rest == Some(self.name)
    }
}

pub(super) fn parse(text: &str) -> Vec<DovecotSetting<'_>> {
    let mut path = Vec::new();
    let mut settings = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.starts_with('#') || line.is_empty() {
            continue;
        }
        if line == "}" {
            path.pop();
        } else if let Some((name, value)) = line.split_once('=').filter(|(name, _)| !name.contains('{')) {
            settings.push(DovecotSetting { path: path.clone(), name: name.trim(), value: unquote(value), line: number + 1 });
        } else if let Some(name) = line.strip_suffix('{') {
            path.push(name.trim());
        }
    }
    settings
}

// A `#` after a blank begins a comment, as doveconf reads it.
fn unquote(value: &str) -> String {
    let value = value.trim();
    if let Some(quoted) = value.strip_prefix('"') {
        return quoted.split('"').next().unwrap_or_default().to_owned();
    }
    value.split(" #").next().unwrap_or_default().trim().to_owned()
}

pub(super) fn is_2_4(text: &str, settings: &[DovecotSetting<'_>]) -> bool {
    let named = text
        .lines()
        .next()
        .and_then(|line| line.strip_prefix("# "))
        .is_some_and(|line| !line.starts_with("2.3") && line.starts_with("2."));
    named || settings.iter().any(|setting| setting.name.starts_with("dovecot_") && setting.name.ends_with("_version"))
}

/// Whether `format` holds a variable that is not among `harmless`. Modifiers (`%Lu`, `%-20u`, `%{user | lower}`) are looked through.
fn names_a_person(format: &str, harmless: &[&str]) -> bool {
    let mut rest = format;
    while let Some((_, after)) = rest.split_once('%') {
        let after = after.trim_start_matches(|c: char| {
            c.is_ascii_digit() || matches!(c, '-' | '.' | 'L' | 'U' | 'E' | 'X' | 'R' | 'N' | 'H' | 'M' | 'D' | 'T')
        });
        let (name, next) = match after.strip_prefix('{') {
            Some(long) => {
                let (inside, next) = long.split_once('}').unwrap_or((long, ""));
                (inside.split(['|', ' ']).next().unwrap_or_default(), next)
            }
            None => after.split_at(after.chars().next().map_or(0, char::len_utf8)),
        };
        if name != "%" && !harmless.contains(&name) {
            return true;
        }
        rest = next;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        findings("x", text).into_iter().map(|finding| finding.check).collect()
    }

    #[test]
    fn formats_are_judged_by_what_they_may_hold() {
        let harmless = ["m", "mechanism", "$"];
        for good in ["", "method=%m", "%%u %m", "%{mechanism}", "%$: 100%%"] {
            assert!(!names_a_person(good, &harmless), "{good}");
        }
        for bad in ["%u", "%Lu", "%-20u", "%{user}", "%{user | lower}", "%{session}", "%m %{real_rip}", "%", "%{"] {
            assert!(names_a_person(bad, &harmless), "{bad}");
        }
    }

    #[test]
    fn what_is_set_in_a_section_counts_too() {
        let text = "protocol imap {\n  mail_plugins = $mail_plugins notify mail_log\n}\nauth_verbose = yes\n";
        let found = findings("x", text);
        let of = |check: &Check| found.iter().find(|finding| finding.check == check.name).and_then(|finding| finding.line);
        assert_eq!(of(&check::DOVECOT_MAIL_LOG), Some(2));
        assert_eq!(of(&check::DOVECOT_AUTH_VERBOSE), Some(4));
        assert_eq!(of(&check::DOVECOT_LOGIN), None);
    }

    #[test]
    fn a_clean_line_at_the_top_does_not_excuse_a_bad_one_in_a_section() {
        let text = "mail_log_prefix = \"%s: \"\nprotocol lmtp {\n  mail_log_prefix = \"%s(%u): \"\n}\n";
        assert!(names(text).contains(&"dovecot-line-prefix".to_owned()));
        let text = "protocol lmtp {\n  mail_log_prefix = \"%s: \"\n}\n";
        assert!(names(text).contains(&"dovecot-line-prefix".to_owned()), "the default holds for the others");
    }

    #[test]
    fn a_setting_that_2_4_prints_in_a_group_is_known_by_its_whole_name() {
        let found = findings("x", "auth_policy {\n  hash_nonce = x\n  server_url = http://127.0.0.1/x\n}\n");
        let told = found.iter().find(|finding| finding.check == check::DOVECOT_POLICY_SERVER.name).unwrap();
        assert_eq!((told.line, told.setting.as_str()), (Some(3), "auth_policy_server_url"));
        assert!(!names("auth_policy {\n  server_url =\n}\n").contains(&"dovecot-auth-policy-server".to_owned()));
    }

    #[test]
    fn lists_and_exporters_of_2_4() {
        let text = "# 2.4.1 (abc): /etc/dovecot/dovecot.conf\nmail_plugins {\n  last_login = yes\n  mail_log = no\n}\n\
                    event_exporter log {\n  driver = log\n  format = json\n}\n";
        let found = names(text);
        assert!(found.contains(&"dovecot-last-login".to_owned()) && !found.contains(&"dovecot-mail-log".to_owned()), "{found:?}");
        assert_eq!(found.iter().filter(|name| *name == "dovecot-event-export").count(), 1);
        let instead = findings("x", text).into_iter().find(|finding| finding.setting == "login_log_format_elements");
        assert!(instead.unwrap().instead.contains("%{mechanism}"));
    }
}
