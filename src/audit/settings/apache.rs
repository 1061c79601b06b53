//! Apache: apache2.conf with its includes in their order, as one text.
//!
//! A format is judged by an allow list: new variables that name a visitor come with every module. A vhost with a log of its own
//! does not write into the server's; one without does.

use std::collections::BTreeMap;

use super::super::check::{self, Check};
use super::super::finding::Finding;

/// What is written where no format is named.
const COMMON: &str = "%h %l %u %t \"%r\" %>s %b";
/// What may stand in a format: the site, the outcome, sizes and durations.
const HARMLESS: &[char] = &['v', 'V', 'p', 's', 'O', 'B', 'b', 'D', 'T', 'I', 'S', 'X', 'P', '%'];
const NO_ACCESS: &str = "CustomLog /dev/null common";
const NO_ERRORS: &str = "ErrorLog /dev/null";
/// What mail programs that are being set up ask for, in the rules of a site or in its name.
const AUTOCONFIG: &[&str] = &["autoconfig", "autodiscover", "config-v1.1.xml"];

/// What the settings in `text` would write down.
pub fn findings(file: &str, text: &str) -> Vec<Finding> {
    let directives = parse(text);
    let formats = formats(&directives);
    let mut found = Vec::new();
    let mut tell = |check: &Check, line, setting: &str, instead: &str| {
        found.push(Finding::new(check, file, line, setting, instead));
    };
    let is_error_log = |directive: &Instruction| directive.is("ErrorLog") && directive.site.is_none();
    if !directives.iter().any(is_error_log) {
        tell(&check::APACHE_ERRORS, None, "ErrorLog", NO_ERRORS);
    }
    let mut writes = Vec::new();
    for directive in &directives {
        let line = Some(directive.line);
        let target = directive.words.get(1).map_or("", String::as_str);
        if ["CustomLog", "TransferLog", "GlobalLog"].iter().any(|name| directive.is(name)) {
            let word = directive.words.get(2).map_or("CLF", String::as_str);
            // A name that nobody explained may stand for anything.
            let own = |site| formats.get(&(site, word)).copied();
            let named = own(directive.site).or_else(|| own(None));
            let format = named.or_else(|| word.contains('%').then_some(word)).unwrap_or(COMMON);
            if target != "/dev/null" && names_a_visitor(format) {
                writes.push(directive.site);
                let instead = if directive.is("GlobalLog") { "GlobalLog /dev/null common" } else { NO_ACCESS };
                tell(&check::APACHE_ACCESS, line, &directive.words[0], instead);
            }
        } else if directive.is("ErrorLog") && target != "/dev/null" {
            tell(&check::APACHE_ERRORS, line, "ErrorLog", NO_ERRORS);
        } else if directive.is("ForensicLog") {
            tell(&check::APACHE_FORENSIC, line, "ForensicLog", "remove this line");
        } else if directive.is("SecAuditEngine") && !target.eq_ignore_ascii_case("Off") {
            tell(&check::APACHE_FORENSIC, line, "SecAuditEngine", "SecAuditEngine Off");
        }
    }
    for (site, line) in autoconfig_sites(&directives) {
        let own = directives.iter().any(|directive| directive.site == Some(site) && directive.is("CustomLog"));
        if writes.contains(&Some(site)) || (!own && writes.contains(&None)) {
            let instead = "let nologd answer these sites, or write inside: CustomLog /dev/null common";
            tell(&check::APACHE_AUTOCONFIG, Some(line), "VirtualHost", instead);
        }
    }
    found
}

/// By site and nickname: one that a site explains for itself is explained nowhere else.
fn formats(directives: &[Instruction]) -> BTreeMap<(Option<usize>, &str), &str> {
    let named = directives.iter().filter(|directive| directive.is("LogFormat"));
    let pair = |directive: &'_ Instruction| directive.words.get(2).zip(directive.words.get(1)).is_some();
    let named = named.filter(|directive| pair(directive));
    named.map(|directive| ((directive.site, directive.words[2].as_str()), directive.words[1].as_str())).collect()
}

/// The sites that answer mail programs, each with the line of its name, or of the first rule that says so.
fn autoconfig_sites(directives: &[Instruction]) -> Vec<(usize, usize)> {
    let mut sites: Vec<(usize, usize)> = Vec::new();
    for directive in directives {
        let Some(site) = directive.site else { continue };
        let by_name = ["ServerName", "ServerAlias"].iter().any(|name| directive.is(name));
        let by_rule = ["RewriteRule", "Alias", "ProxyPass"].iter().any(|name| directive.is(name));
        let says = |words: &[String]| words.iter().any(|word| AUTOCONFIG.iter().any(|name| word.to_lowercase().contains(name)));
        let told = sites.iter().any(|(known, _)| *known == site);
        if !told && (by_name || by_rule) && says(&directive.words[1..]) {
            sites.push((site, directive.line));
        }
    }
    sites
}

/// Whether `format` holds a variable that may name a visitor, or say when one came.
fn names_a_visitor(format: &str) -> bool {
    let mut rest = format;
    while let Some((_, after)) = rest.split_once('%') {
        let after = after.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '<' | '>' | '!' | ','));
        // `%{...}x` is harmless for ports only: the others are headers, cookies, variables of the request.
        let (long, letter) = match after.strip_prefix('{').and_then(|inside| inside.split_once('}')) {
            Some((inside, next)) => (!matches!(inside, "canonical" | "local"), next),
            None => (false, after),
        };
        let name = letter.chars().next().unwrap_or(' ');
        if long || !HARMLESS.contains(&name) {
            return true;
        }
        rest = letter.get(name.len_utf8()..).unwrap_or_default();
    }
    false
}

struct Instruction {
    words: Vec<String>,
    line: usize,
    /// Which `<VirtualHost>` it stands in, counted.
    site: Option<usize>,
}

impl Instruction {
    // Apache takes names of directives in any case.
    fn is(&self, name: &str) -> bool {
        self.words.first().is_some_and(|word| word.eq_ignore_ascii_case(name))
    }
}

fn parse(text: &str) -> Vec<Instruction> {
    let (mut directives, mut site, mut count) = (Vec::new(), None, 0);
    let (mut whole, mut start) = (String::new(), 0);
    for (number, line) in text.lines().enumerate() {
        if whole.is_empty() {
            start = number + 1;
        }
        if let Some(line) = line.strip_suffix('\\') {
            whole.push_str(line);
            continue;
        }
        whole.push_str(line);
        let line = std::mem::take(&mut whole);
        let line = line.trim();
        if let Some(section) = line.strip_prefix('<') {
            let section = section.to_lowercase();
            if section.starts_with("virtualhost") {
                count += 1;
                site = Some(count);
            } else if section.starts_with("/virtualhost") {
                site = None;
            }
        } else if !line.is_empty() && !line.starts_with('#') {
            directives.push(Instruction { words: words(line), line: start, site });
        }
    }
    directives
}

/// Words; in quotes, `\"` is a quote.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote, mut open) = (Vec::new(), String::new(), None, false);
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\\', Some(_)) => word.extend(chars.next()),
            (c, Some(end)) if c == end => quote = None,
            ('"' | '\'', None) => (quote, open) = (Some(c), true),
            (c, None) if c.is_whitespace() => {
                if open || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                open = false;
            }
            (c, _) => word.push(c),
        }
    }
    if open || !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<(String, Option<usize>)> {
        findings("x", text).into_iter().map(|finding| (finding.check, finding.line)).collect()
    }

    fn access(line: usize) -> (String, Option<usize>) {
        ("apache-access-log".to_owned(), Some(line))
    }

    #[test]
    fn formats_are_judged_by_what_they_may_hold() {
        for good in ["%v %>s %O", "%v:%p %200,304!s %%", "", "%{local}p"] {
            assert!(!names_a_visitor(good), "{good}");
        }
        for bad in [COMMON, "%a", "%{c}a", "%{X-Forwarded-For}i", "%v %U", "%{LOGIN}e", "%", "%{", "%t", "%{User-Agent}i"] {
            assert!(names_a_visitor(bad), "{bad}");
        }
    }

    #[test]
    fn a_name_for_a_format_may_come_after_its_use() {
        let quiet = "ErrorLog /dev/null\n";
        let text = format!("{quiet}CustomLog \"|| /usr/sbin/x -t \\\"a\\\"\" mine\nLogFormat \"%v %h\" mine\n");
        assert_eq!(names(&text), [access(2)]);
        assert_eq!(names(&text.replace("%h", "%>s")), []);
        assert_eq!(names(&format!("{quiet}transferlog logs/a\ncustomlog \\\nlogs/b unknown-name-%h\n")), [access(2), access(3)]);
        assert_eq!(names(&format!("{quiet}# CustomLog x combined\nCustomLog /dev/null combined\n")), []);
    }

    #[test]
    fn a_site_that_answers_mail_programs_inherits_the_log_of_the_server() {
        let site = |line: &str| {
            format!(
                "ErrorLog /dev/null\n<VirtualHost *:80>\n{line}\nRewriteRule ^/mail/config-v1.1.xml$ /x.php [L]\n</VirtualHost>\n"
            )
        };
        assert_eq!(names(&site("")), [], "no log at all");
        let log = "CustomLog /var/log/a common\n";
        let told = ("apache-autoconfig-log".to_owned(), Some(4));
        assert_eq!(names(&format!("{}{log}", site(""))), [access(6), told]);
        assert_eq!(names(&format!("{}{log}", site(NO_ACCESS))), [access(6)]);
        let named = site("ServerName autoconfig.velo.example").replace("config-v1.1.xml", "a");
        assert_eq!(names(&format!("{named}{log}")).last(), Some(&("apache-autoconfig-log".to_owned(), Some(3))));
    }

    #[test]
    fn the_error_log_is_there_by_default() {
        assert_eq!(names(""), [("apache-error-log".to_owned(), None)]);
        assert_eq!(names("ErrorLog ${APACHE_LOG_DIR}/error.log\nForensicLog x\n").len(), 2);
        let quiet = "ErrorLog /dev/null\n";
        assert_eq!(names(&format!("{quiet}SecAuditEngine RelevantOnly\nsecauditengine off\n")).len(), 1);
    }

    #[test]
    fn what_a_site_calls_a_format_is_so_there_alone() {
        let site = "<VirtualHost *:80>\nLogFormat \"%v\" combined\n</VirtualHost>\n";
        let text = format!("ErrorLog /dev/null\nLogFormat \"%h\" combined\nCustomLog /var/log/a combined\n{site}");
        assert_eq!(names(&text), [access(3)]);
        let inside = site.replace("combined\n<", "combined\nCustomLog /var/log/b combined\n<");
        assert_eq!(names(&format!("ErrorLog /dev/null\nLogFormat \"%h\" combined\n{inside}")), []);
    }
}
