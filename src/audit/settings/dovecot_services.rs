//! Dovecot's services: scripts that run after a login, and listeners that mail programs reach past us.

use std::collections::BTreeSet;

use super::super::check;
use super::super::finding::Finding;
use super::dovecot::{DovecotSetting, is_2_4, is_on, parse};

/// A listener and its usual port.
type Port = (&'static str, &'static str);
/// Protocols of members, with the service that listens for each and its listeners.
const LOGINS: &[(&str, &str, &[Port])] = &[
    ("imap", "service imap-login", &[("imap", "143"), ("imaps", "993")]),
    ("pop3", "service pop3-login", &[("pop3", "110"), ("pop3s", "995")]),
    ("sieve", "service managesieve-login", &[("sieve", "4190")]),
    ("submission", "service submission-login", &[("submission", "587"), ("submissions", "465")]),
];
/// Services that run once somebody is logged in; a second word of their command is a script's socket.
const AFTER_LOGIN: &[&str] = &["imap", "pop3", "managesieve", "submission", "lmtp", "lda"];

/// What the services in `text` would write down, or let through.
pub fn findings(file: &str, text: &str) -> Vec<Finding> {
    let (settings, mut found) = (parse(text), Vec::new());
    post_login(file, &settings, &mut found);
    beside(file, &settings, is_2_4(text, &settings), &mut found);
    sieve(file, &settings, &mut found);
    found
}

/// `executable = imap imap-postlogin`, and the service that runs the script. Where nobody calls one, the service alone runs nothing: that is
/// how a host stops it that may not edit its panel's file.
fn post_login(file: &str, settings: &[DovecotSetting<'_>], found: &mut Vec<Finding>) {
    let (mut called, mut scripts) = (Vec::new(), Vec::new());
    for setting in settings.iter().filter(|setting| setting.name == "executable") {
        let Some(service) = setting.path.last().and_then(|section| section.strip_prefix("service ")) else { continue };
        let words: Vec<_> = setting.value.split_whitespace().collect();
        // The socket of a script stands behind the program, a script itself before it.
        let program = words.iter().find(|word| word.rsplit('/').next() == Some(service)).copied().unwrap_or(service);
        let told = |instead: &str| Finding::new(&check::DOVECOT_POST_LOGIN, file, Some(setting.line), "executable", instead);
        if setting.value.contains("script-login") {
            scripts.push(told(&format!("remove the section: service {service}")));
        } else if AFTER_LOGIN.contains(&service)
            && (words.first() != Some(&program) || words.get(1).is_some_and(|word| !word.starts_with('-')))
        {
            called.push(told(&format!("executable = {program}")));
        }
    }
    if !called.is_empty() {
        called.append(&mut scripts);
        called.sort_by_key(|finding| finding.line);
        found.append(&mut called);
    }
}

/// Only where `protocols` says what runs: `doveconf -n` on Debian always does.
fn beside(file: &str, settings: &[DovecotSetting<'_>], new: bool, found: &mut Vec<Finding>) {
    let last = |path: &[&str], name: &str| settings.iter().rfind(|setting| setting.path == path && setting.name == name);
    let top = |name: &str| last(&[], name);
    let Some((line, protocols)) = protocols(settings) else { return };
    let everywhere = top("listen").map_or("*, ::", |setting| setting.value.as_str());
    let word = if new { "listen" } else { "address" };
    for (protocol, service, listeners) in LOGINS {
        if !protocols.contains(protocol) {
            continue;
        }
        let (mut line, mut instead) = (line, String::new());
        for (listener, port) in *listeners {
            let section = format!("inet_listener {listener}");
            let path = [*service, section.as_str()];
            let port = last(&path, "port").map_or(*port, |setting| setting.value.as_str());
            let address = last(&path, "address").or_else(|| last(&path, "listen"));
            if port == "0" || is_loopback(address.map_or(everywhere, |setting| setting.value.as_str())) {
                continue;
            }
            line = address.or_else(|| last(&path, "port")).map_or(line, |setting| setting.line);
            instead.push_str(&format!("  inet_listener {listener} {{\n    {word} = 127.0.0.1\n  }}\n"));
        }
        if !instead.is_empty() {
            let instead = format!("{service} {{\n{instead}}}");
            found.push(Finding::new(&check::DOVECOT_BESIDE, file, Some(line), service, &instead));
        }
    }
}

/// What runs, and the last line that says so. `protocols = $protocols pop3` adds, as Debian's files of each protocol do; 2.4 also has a list.
fn protocols<'a>(settings: &'a [DovecotSetting<'_>]) -> Option<(usize, BTreeSet<&'a str>)> {
    let (mut all, mut at) = (BTreeSet::new(), None);
    for setting in settings {
        if setting.path.is_empty() && setting.name == "protocols" {
            let words = || setting.value.split_whitespace();
            if !words().any(|word| word.starts_with('$')) {
                all.clear();
            }
            all.extend(words());
        } else if setting.path == ["protocols"] {
            if is_on(&setting.value) {
                all.insert(setting.name)
            } else {
                all.remove(setting.name)
            };
        } else {
            continue;
        }
        at = Some(setting.line);
    }
    at.map(|line| (line, all))
}

fn is_loopback(addresses: &str) -> bool {
    let mut addresses = addresses.split([',', ' ']).filter(|address| !address.is_empty()).peekable();
    addresses.peek().is_some() && addresses.all(|address| address.starts_with("127.") || matches!(address, "::1" | "localhost"))
}

/// A script that fails writes beside itself, wherever Sieve is on.
fn sieve(file: &str, settings: &[DovecotSetting<'_>], found: &mut Vec<Finding>) {
    let named = |setting: &&DovecotSetting<'_>| {
        let listed = setting.in_list() && setting.name == "sieve" && setting.value != "no";
        listed || (setting.name == "mail_plugins" && setting.value.split([' ', ',']).any(|word| word == "sieve"))
    };
    if let Some(setting) = settings.iter().find(named) {
        let instead = "sieve_user_log says where the file is";
        found.push(Finding::new(&check::DOVECOT_SIEVE_LOG, file, Some(setting.line), "sieve_user_log", instead));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(check: &check::Check, text: &str) -> Vec<(usize, String)> {
        let found = findings("x", text).into_iter().filter(|finding| finding.check == check.name);
        found.map(|finding| (finding.line.unwrap(), finding.instead)).collect()
    }

    #[test]
    fn a_script_after_the_login_is_seen_where_it_is_called_and_where_it_is() {
        let text = "service imap {\n  executable = imap imap-postlogin\n}\nservice imap-postlogin {\n  executable = script-login /x.sh\n}\n\
                    service pop3 {\n  executable = pop3 -D\n}\nservice managesieve {\n  executable = /usr/lib/dovecot/managesieve\n}\n\
                    service lmtp {\n  executable = /usr/lib/x.sh /usr/lib/dovecot/lmtp\n}\n";
        let expected = [
            (2, "executable = imap"),
            (5, "remove the section: service imap-postlogin"),
            (14, "executable = /usr/lib/dovecot/lmtp"),
        ];
        let expected = expected.map(|(line, instead)| (line, instead.to_owned()));
        assert_eq!(of(&check::DOVECOT_POST_LOGIN, text), expected);
        // As where AlternC's own file stays, and a later one says `executable = imap`, which is Dovecot's default and not printed.
        let uncalled = "service imap-postlogin {\n  executable = script-login /x.sh\n}\nservice imap {\n  vsz_limit = 512 M\n}\n";
        assert_eq!(of(&check::DOVECOT_POST_LOGIN, uncalled), []);
    }

    #[test]
    fn listeners_that_the_network_reaches() {
        let all = of(&check::DOVECOT_BESIDE, "protocols = imap pop3 sieve lmtp\n");
        assert_eq!(all.len(), 3);
        assert!(all[2].1.contains("  inet_listener sieve {\n    address = 127.0.0.1\n"), "{all:?}");
        assert_eq!(of(&check::DOVECOT_BESIDE, "protocols = imap pop3 sieve lmtp\nlisten = 127.0.0.1, ::1\n"), []);
        assert_eq!(of(&check::DOVECOT_BESIDE, "protocols = lmtp\n"), []);
        let ours = "protocols = imap lmtp\nservice imap-login {\n  inet_listener imap {\n    address = 127.0.0.1\n    port = 10143\n  }\n  \
                    inet_listener imaps {\n    port = 0\n  }\n}\n";
        assert_eq!(of(&check::DOVECOT_BESIDE, ours), []);
        let half = of(&check::DOVECOT_BESIDE, &ours.replace("port = 0", "port = 993"));
        assert!(half.len() == 1 && half[0].0 == 8 && !half[0].1.contains("inet_listener imap {"), "{half:?}");
    }

    #[test]
    fn protocols_are_added_one_by_one() {
        let count = |text: &str| of(&check::DOVECOT_BESIDE, text).len();
        assert_eq!(count("protocols = $protocols imap\nprotocols = $protocols lmtp\nprotocols = $protocols pop3\n"), 2);
        assert_eq!(count("protocols = $protocols imap\nprotocols = lmtp\n"), 0);
        assert_eq!(count("# 2.4.1 (x): y\nprotocols {\n  imap = yes\n  pop3 = no\n  sieve = yes\n}\n"), 2);
        assert_eq!(count("# 2.4.1 (x): y\nprotocols = imap pop3\nprotocols {\n  pop3 = no\n}\n"), 1);
    }

    #[test]
    fn new_settings_have_new_words() {
        let text = "# 2.4.1 (abc)\nprotocols = pop3\nprotocol lmtp {\n  mail_plugins {\n    sieve = yes\n  }\n}\n";
        assert!(of(&check::DOVECOT_BESIDE, text)[0].1.contains("    listen = 127.0.0.1\n"));
        assert_eq!(of(&check::DOVECOT_SIEVE_LOG, text).len(), 1);
    }
}
