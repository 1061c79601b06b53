//! Postfix: the output of `postconf -n`, with those of `postconf -P` and `postconf -M` after it, or main.cf itself.
//!
//! Postfix has no log level. Its lines are kept from being written only by giving it no place to write to.

use super::super::check::{self, Check};
use super::super::finding::Finding;

const NO_LOG: &str = "maillog_file = /dev/null\nmaillog_file_prefixes = /var, /dev/stdout, /dev/null";

/// All that its log lines hold.
const LINES: &[&Check] = &[
    &check::POSTFIX_SESSIONS,
    &check::POSTFIX_LOGINS,
    &check::POSTFIX_REJECTS,
    &check::POSTFIX_MESSAGE_ID,
    &check::POSTFIX_ENVELOPES,
    &check::POSTFIX_STATISTICS,
];

/// Parameters that write nobody down by default.
const ROWS: &[(&Check, &str, &str)] = &[
    (&check::POSTFIX_PORT_LOG, "smtpd_client_port_logging", "smtpd_client_port_logging = no"),
    (&check::POSTFIX_TLS_LOG, "smtpd_tls_loglevel", "smtpd_tls_loglevel = 0"),
    (&check::POSTFIX_TLS_LOG, "smtp_tls_loglevel", "smtp_tls_loglevel = 0"),
    (&check::POSTFIX_TLS_RECEIVED, "smtpd_tls_received_header", "smtpd_tls_received_header = no"),
    (&check::POSTFIX_LOGIN_RECEIVED, "smtpd_sasl_authenticated_header", "smtpd_sasl_authenticated_header = no"),
    (&check::POSTFIX_DEBUG, "debug_peer_list", "debug_peer_list ="),
    (&check::POSTFIX_XCLIENT, "smtpd_authorized_xclient_hosts", "smtpd_authorized_xclient_hosts ="),
    (&check::POSTFIX_XCLIENT, "smtpd_authorized_xforward_hosts", "smtpd_authorized_xforward_hosts ="),
    (&check::POSTFIX_XCLIENT, "smtpd_upstream_proxy_protocol", "smtpd_upstream_proxy_protocol ="),
    (&check::POSTFIX_XFORWARD, "smtp_send_xforward_command", "smtp_send_xforward_command = no"),
    (&check::POSTFIX_XFORWARD, "lmtp_send_xforward_command", "lmtp_send_xforward_command = no"),
];

/// Parameters that name files with rules for headers and bodies.
const RULES: &[&str] = &[
    "header_checks",
    "mime_header_checks",
    "nested_header_checks",
    "body_checks",
    "milter_header_checks",
    "smtp_header_checks",
    "smtp_mime_header_checks",
    "smtp_nested_header_checks",
    "smtp_body_checks",
    "lmtp_header_checks",
];
/// What a rule may do without a log line.
const SILENT: &[&str] = &["IGNORE", "DUNNO", "OK"];

/// What the settings in `text` would write down. `named` holds the files with rules, as far as they could be read.
pub fn findings(file: &str, text: &str, named: &[(String, String)]) -> Vec<Finding> {
    let settings = parse(text);
    let mut found = Vec::new();
    let log = settings.iter().rfind(|setting| setting.name == "maillog_file");
    if log.is_none_or(|setting| setting.value != "/dev/null") {
        let line = log.map(|setting| setting.line);
        found.extend(LINES.iter().map(|check| Finding::new(check, file, line, "maillog_file", NO_LOG)));
    }
    for (check, name, instead) in ROWS {
        for setting in settings.iter().filter(|setting| setting.name == *name && is_on(&setting.value)) {
            found.push(Finding::new(check, file, Some(setting.line), name, instead));
        }
    }
    rules(file, &settings, named, &mut found);
    let cache = settings.iter().rfind(|setting| setting.name == "address_verify_map");
    if cache.is_none_or(|setting| !setting.value.is_empty()) {
        let line = cache.map(|setting| setting.line);
        let instead = "address_verify_map =";
        found.push(Finding::new(&check::POSTFIX_VERIFY_CACHE, file, line, "address_verify_map", instead));
    }
    found.extend(verbose_services(file, text));
    if let Some(line) = text.lines().position(|line| is_service(line) && line.contains(" postscreen")) {
        let instead = "postscreen_cache_retention_time says how long";
        found.push(Finding::new(&check::POSTFIX_POSTSCREEN, file, Some(line + 1), "postscreen_cache_map", instead));
    }
    found.push(Finding::new(
        &check::POSTFIX_QUEUE,
        file,
        None,
        "queue_directory",
        "maximal_queue_lifetime says how long at most",
    ));
    found
}

/// The files with rules that the settings name.
pub fn rule_files(text: &str) -> Vec<String> {
    let settings = parse(text);
    let rules = settings.iter().filter(|setting| RULES.contains(&setting.name.as_str()));
    rules.flat_map(|setting| tables(&setting.value).map(|(_, path)| path.to_owned()).collect::<Vec<_>>()).collect()
}

fn is_on(value: &str) -> bool {
    !matches!(value, "" | "no" | "0")
}

/// `pcre:/etc/postfix/x, regexp:/etc/postfix/y` as kind and path; references to other parameters are none.
fn tables(value: &str) -> impl Iterator<Item = (&str, &str)> {
    let words = value.split([' ', ',', '\t']).filter(|word| !word.is_empty() && !word.starts_with('$'));
    words.map(|word| word.split_once(':').unwrap_or(("", word)))
}

fn rules(file: &str, settings: &[PostfixSetting], named: &[(String, String)], found: &mut Vec<Finding>) {
    for setting in settings.iter().filter(|setting| RULES.contains(&setting.name.as_str())) {
        for (kind, path) in tables(&setting.value) {
            let mut tell = |place: &str, line, instead: &str| {
                found.push(Finding::new(&check::POSTFIX_HEADER_CHECKS, place, line, &setting.name, instead));
            };
            match named.iter().find(|(name, _)| name == path) {
                Some((_, text)) => {
                    for (line, _) in whole_rules(text).iter().filter(|(_, rule)| is_loud(rule)) {
                        tell(path, Some(*line), "leave it to nologd, or use IGNORE alone, with nested_header_checks =");
                    }
                }
                None if kind == "static" => {}
                None => tell(file, Some(setting.line), "this file could not be read: make sure that IGNORE is its only action"),
            }
        }
    }
}

/// Each rule with the number of its first line: a line that begins with a blank goes on with the one before.
fn whole_rules(text: &str) -> Vec<(usize, String)> {
    let mut rules: Vec<(usize, String)> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        match rules.last_mut() {
            Some((_, rule)) if line.starts_with([' ', '\t']) => {
                rule.push(' ');
                rule.push_str(line.trim());
            }
            _ => rules.push((number + 1, line.to_owned())),
        }
    }
    rules
}

/// Whether a rule has an action that writes a log line: `/pattern/flags ACTION text`. In doubt, it has.
fn is_loud(line: &str) -> bool {
    let line = line.trim();
    let Some(delimiter) = line.chars().next().filter(|c| !c.is_alphanumeric() && *c != '#') else { return false };
    let Some((_, after)) = line.get(1..).and_then(|rest| rest.rsplit_once(delimiter)) else { return false };
    // The text of an action may hold the delimiter too: then the action stands before it.
    let words = line.split_whitespace().chain(after.split_whitespace());
    let actions = ["BCC", "DISCARD", "FILTER", "HOLD", "INFO", "PREPEND", "REDIRECT", "REJECT", "REPLACE", "STRIP", "WARN"];
    let mut actions = words.filter(|word| actions.contains(&word.to_ascii_uppercase().as_str()));
    actions.next().is_some() && !SILENT.iter().any(|silent| after.trim().eq_ignore_ascii_case(silent))
}

/// `smtpd -v` in master.cf, as `postconf -M` prints it.
fn verbose_services<'a>(file: &'a str, text: &'a str) -> impl Iterator<Item = Finding> + 'a {
    let verbose =
        move |line: &str| is_service(line) && line.split_whitespace().skip(7).any(|word| matches!(word, "-v" | "-vv" | "-D"));
    let lines = text.lines().enumerate().filter(move |(_, line)| verbose(line));
    lines.map(move |(line, _)| {
        Finding::new(&check::POSTFIX_DEBUG, file, Some(line + 1), "-v in master.cf", "the same line without -v")
    })
}

fn is_service(line: &str) -> bool {
    line.split_whitespace().nth(1).is_some_and(|word| matches!(word, "inet" | "unix" | "fifo" | "pass"))
}

struct PostfixSetting {
    name: String,
    value: String,
    line: usize,
}

/// `name = value`, with values that go on in the next line after a blank; `service/type/name = value` counts as `name`.
fn parse(text: &str) -> Vec<PostfixSetting> {
    let mut settings: Vec<PostfixSetting> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with('#') || line.trim().is_empty() {
            continue;
        }
        if line.starts_with([' ', '\t']) {
            if let Some(last) = settings.last_mut() {
                last.value.push(' ');
                last.value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once('=') {
            let name = name.trim().rsplit('/').next().unwrap_or_default();
            settings.push(PostfixSetting { name: name.to_owned(), value: value.trim().to_owned(), line: number + 1 });
        }
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_that_is_not_ignore_is_loud() {
        for loud in [
            "/^\\s*Received:.*/ REPLACE Received: from localhost",
            "/^User-Agent:/i WARN",
            "/^X-Mailer:/ strip",
            "!^X-Host!  PREPEND X: a/b",
            "/^Subject: IGNORE/ INFO a/b c",
        ] {
            assert!(is_loud(loud), "{loud}");
        }
        for silent in
            ["/^Received:/ IGNORE", "# /a/ REPLACE", "", "/^A:/ DUNNO", "if /^Received:/", "endif", "/^Replace:/ IGNORE"]
        {
            assert!(!is_loud(silent), "{silent}");
        }
    }

    #[test]
    fn rule_files_are_found_and_read() {
        let text = "header_checks = regexp:/a,\n    pcre:/b\nnested_header_checks = $header_checks\n";
        assert_eq!(rule_files(text), ["/a", "/b"]);
        let named = [("/a".to_owned(), "/^A:/ IGNORE\n/^B:/ REPLACE B: c\n".to_owned())];
        let found: Vec<_> =
            findings("main.cf", text, &named).into_iter().filter(|finding| finding.setting == "header_checks").collect();
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!((found[0].file.as_str(), found[0].line), ("/a", Some(2)));
        assert!(found[1].instead.contains("could not be read"));
    }

    #[test]
    fn services_of_master_cf_count() {
        let text = "maillog_file = /dev/null\naddress_verify_map =\nsubmission/inet/smtpd_tls_loglevel = 1\n\
                    smtp       inet  n       -       y       -       -       smtpd -v\n\
                    relay      unix  -       -       y       -       -       smtp -o syslog_name=postfix/-v\n";
        let names: Vec<_> = findings("x", text, &[]).into_iter().map(|finding| finding.check).collect();
        assert_eq!(names, ["postfix-tls-log", "postfix-debug", "postfix-queue"]);
    }
}
