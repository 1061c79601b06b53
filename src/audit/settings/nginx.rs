//! nginx, as web server of the webmail and as mail proxy: the output of `nginx -T`, or its config files.
//!
//! A directive holds for the blocks inside; one that is good at the top and bad further in is told where it is bad.

use super::super::check::{self, Check};
use super::super::finding::Finding;

/// Variables that hold, or are made of, the visitor's network address.
const ADDRESSES: &[&str] = &[
    "remote_addr",
    "remote_port",
    "binary_remote_addr",
    "realip_remote_addr",
    "proxy_add_x_forwarded_for",
    "proxy_protocol_addr",
    "http_x_forwarded_for",
    "http_x_real_ip",
    "http_forwarded",
    "geoip",
];
/// Directives that hand a value to the server behind.
const HANDS_ON: &[&str] = &["fastcgi_param", "uwsgi_param", "scgi_param", "proxy_set_header", "grpc_set_header"];

/// What the settings in `text` would write down.
pub fn findings(file: &str, text: &str) -> Vec<Finding> {
    let directives = parse(text);
    let mut found = Vec::new();
    let mut tell =
        |check: &Check, line, setting: &str, instead: &str| found.push(Finding::new(check, file, line, setting, instead));
    let web = directives.iter().any(|directive| directive.words == ["http"]);
    if web && !directives.iter().any(|directive| directive.is("access_log") && directive.block == ["http"]) {
        tell(&check::NGINX_ACCESS, None, "access_log", "access_log off;");
    }
    if !directives.iter().any(|directive| directive.is("error_log") && directive.block.is_empty()) {
        tell(&check::NGINX_ERRORS, None, "error_log", "error_log /dev/null emerg;");
    }
    let smtp =
        directives.iter().any(|directive| directive.block.first() == Some(&"mail") && directive.words == ["protocol", "smtp"]);
    if smtp && !directives.iter().any(|directive| directive.words == ["xclient", "off"]) {
        tell(&check::NGINX_XCLIENT, None, "xclient", "xclient off;");
    }
    for directive in &directives {
        let line = Some(directive.line);
        let mail = directive.block.first() == Some(&"mail");
        match directive.words.as_slice() {
            ["access_log", to, ..] if *to != "off" => tell(&check::NGINX_ACCESS, line, "access_log", "access_log off;"),
            ["error_log", _, "debug"] => tell(&check::NGINX_DEBUG, line, "error_log", "error_log /dev/null emerg;"),
            ["error_log", to, rest @ ..] if *to != "/dev/null" && !matches!(rest, ["emerg" | "alert"]) => {
                tell(&check::NGINX_ERRORS, line, "error_log", "error_log /dev/null emerg;");
            }
            ["auth_http", ..] => tell(&check::NGINX_AUTH, line, "auth_http", "let nologd listen there instead"),
            ["xclient", "on"] => tell(&check::NGINX_XCLIENT, line, "xclient", "xclient off;"),
            ["proxy_protocol", "on"] => tell(&check::NGINX_PROXY_PROTOCOL, line, "proxy_protocol", "proxy_protocol off;"),
            ["resolver", to, ..] if mail && *to != "off" => tell(&check::NGINX_AUTH, line, "resolver", "resolver off;"),
            [name, key, value, ..] if HANDS_ON.contains(name) && tells_address(value) && !directive.is_overruled(&directives) => {
                let instead = if *key == "REMOTE_PORT" { "0" } else { "127.0.0.1" };
                tell(&check::NGINX_FORWARDED, line, name, &format!("{name} {key} {instead};"));
            }
            _ => {}
        }
    }
    found
}

/// Whether the webmail behind is told a constant in place of the visitor's address.
pub fn hides_address(text: &str) -> bool {
    let directives = parse(text);
    let constant = directives
        .iter()
        .any(|directive| matches!(directive.words.as_slice(), [_, "REMOTE_ADDR", value, ..] if !tells_address(value)));
    constant && !findings("", text).iter().any(|finding| finding.check == check::NGINX_FORWARDED.name)
}

fn tells_address(value: &str) -> bool {
    ADDRESSES.iter().any(|name| value.contains(&format!("${name}")) || value.contains(&format!("${{{name}")))
}

struct Directive<'a> {
    /// The blocks around it, from the outside, by their first word.
    block: Vec<&'a str>,
    /// Which of the blocks, counted.
    block_number: usize,
    words: Vec<&'a str>,
    line: usize,
}

impl Directive<'_> {
    fn is(&self, name: &str) -> bool {
        self.words.first() == Some(&name)
    }

    // FastCGI gets both; PHP takes the last one.
    fn is_overruled(&self, all: &[Directive<'_>]) -> bool {
        let same =
            |other: &&Directive<'_>| other.words.get(..2) == self.words.get(..2) && other.block_number == self.block_number;
        let after = all.iter().filter(same).rfind(|other| other.line > self.line);
        after.is_some_and(|other| other.words.get(2).is_some_and(|value| !tells_address(value)))
    }
}

fn parse(text: &str) -> Vec<Directive<'_>> {
    let (mut directives, mut block, mut numbers, mut count) = (Vec::new(), Vec::new(), vec![0], 0);
    let (mut words, mut start) = (Vec::new(), 0);
    for (word, line) in words_of(text) {
        if words.is_empty() {
            start = line;
        }
        match word {
            ";" | "{" => {
                let words: Vec<&str> = std::mem::take(&mut words);
                let first = words.first().copied();
                let block_number = numbers.last().copied().unwrap_or_default();
                directives.push(Directive { block: block.clone(), block_number, words, line: start });
                if let Some(name) = first.filter(|_| word == "{") {
                    count += 1;
                    block.push(name);
                    numbers.push(count);
                }
            }
            "}" => {
                block.pop();
                numbers.pop();
            }
            word => words.push(word),
        }
    }
    directives
}

/// Words, quoted words without their quotes, and `;`, `{`, `}`, each with its line. Comments are left out; `${x}` is no block.
fn words_of(text: &str) -> Vec<(&str, usize)> {
    let mut words = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            let end = match first {
                '#' => break,
                ';' | '{' | '}' => 1,
                '"' | '\'' => rest[1..].find(first).map_or(rest.len(), |at| at + 2),
                _ => end_of_word(rest),
            };
            let (word, next) = rest.split_at(end);
            words.push((word.trim_matches(['"', '\'']), number + 1));
            rest = next.trim_start();
        }
    }
    words
}

fn end_of_word(text: &str) -> usize {
    let (mut before, mut inside) = (' ', false);
    for (at, c) in text.char_indices() {
        match c {
            '{' if before == '$' => inside = true,
            '}' if inside => inside = false,
            ';' | '{' | '}' => return at,
            c if c.is_whitespace() => return at,
            _ => {}
        }
        before = c;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<(String, Option<usize>)> {
        findings("x", text).into_iter().map(|finding| (finding.check, finding.line)).collect()
    }

    #[test]
    fn defaults_count() {
        assert_eq!(names("error_log /dev/null emerg;"), []);
        assert_eq!(names(""), [("nginx-error-log".to_owned(), None)]);
        let expected = [("nginx-access-log".to_owned(), None), ("nginx-error-log".to_owned(), None)];
        assert_eq!(names("http { server { access_log off; } }"), expected);
    }

    #[test]
    fn crit_still_names_addresses() {
        // nginx reports broken TLS handshakes of clients at that level.
        let found = names("error_log /var/log/nginx/error.log crit;\nhttp { access_log off; }");
        assert_eq!(found, [("nginx-error-log".to_owned(), Some(1))]);
    }

    #[test]
    fn the_mail_module() {
        let text =
            "error_log /dev/null emerg;\nmail {\n  auth_http 127.0.0.1:9000/auth;\n  server {\n    protocol smtp;\n  }\n}\n";
        let expected = [("nginx-xclient".to_owned(), None), ("nginx-auth-http".to_owned(), Some(3))];
        assert_eq!(names(text), expected);
    }

    #[test]
    fn the_webmail_is_told_a_constant_or_the_address() {
        let server =
            |line: &str| format!("error_log /dev/null emerg;\nhttp {{\naccess_log off;\nlocation / {{\n{line}\n}}\n}}\n");
        let told = server("fastcgi_param REMOTE_ADDR $remote_addr;");
        assert_eq!(names(&told), [("nginx-forwarded-address".to_owned(), Some(5))]);
        assert!(!hides_address(&told));
        let overruled = server("fastcgi_param REMOTE_ADDR $remote_addr;\nfastcgi_param REMOTE_ADDR 127.0.0.1;");
        assert_eq!(names(&overruled), []);
        assert!(hides_address(&overruled));
        assert_eq!(names(&server("proxy_set_header X-Real-IP \"${remote_addr}\";")).len(), 1);
        assert!(!hides_address(""));
    }
}
