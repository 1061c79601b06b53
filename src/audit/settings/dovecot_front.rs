//! What Dovecot is set to, as far as a daemon in front of it depends on it: everybody comes from one address, and usage is to be told.
//! Of `doveconf -n`, 2.3 and 2.4; what is absent there has its default.

use std::collections::BTreeMap;

use super::dovecot::{Setting, is_on, parse};

/// Those settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DovecotFront {
    /// `mail_max_userip_connections`: of one member from one address, in IMAP.
    pub connections: u64,
    /// Whether a wrong password makes others of the same address wait.
    pub penalty: bool,
    /// IMAP sessions at once.
    pub sessions: u64,
    /// Whether it keeps count of what mailboxes hold.
    pub has_quota: bool,
    /// Whether it passes that on.
    pub clones_quota: bool,
    /// Whether it refuses what does not fit, too.
    pub enforces_quota: bool,
    /// Whether a warning is set that is empty: 2.3 lets nobody in then.
    pub empty_warning: bool,
    /// Whether it warns of full mailboxes itself.
    pub warns: bool,
}

impl DovecotFront {
    /// Reads them.
    pub fn read(text: &str) -> DovecotFront {
        let settings = parse(text);
        // The one for IMAP alone counts before the one for all.
        let number = |name: &str, section: &str| {
            let of = |inside: bool| {
                let fits = |setting: &&Setting<'_>| setting.name == name && inside == setting.path.contains(&section);
                settings.iter().filter(fits).rfind(|setting| inside || setting.path.is_empty())
            };
            of(true).or_else(|| of(false)).and_then(|setting| setting.value.parse::<u64>().ok())
        };
        let plugin = |plugin: &str| {
            settings.iter().any(|setting| {
                let named = setting.name == "mail_plugins" && setting.value.split([' ', ',']).any(|word| word == plugin);
                named || setting.in_list() && setting.name == plugin && is_on(&setting.value)
            })
        };
        let switched_off = settings.iter().any(|setting| {
            let there = setting.path.last() == Some(&"unix_listener anvil-auth-penalty");
            there && setting.name == "mode" && setting.value.chars().all(|c| c == '0')
        });
        let unlimited = |limit: u64| if limit == 0 { u64::MAX } else { limit };
        DovecotFront {
            connections: number("mail_max_userip_connections", "protocol imap").map_or(10, unlimited),
            penalty: !switched_off,
            sessions: number("process_limit", "service imap")
                .map_or(1024, unlimited)
                .saturating_mul(number("client_limit", "service imap").unwrap_or(1).max(1)),
            has_quota: plugin("quota"),
            clones_quota: plugin("quota_clone"),
            enforces_quota: plugin("quota") && enforces(&settings),
            empty_warning: warnings(&settings).any(str::is_empty),
            // A program that is none: the templates for panels.
            warns: warnings(&settings).any(|warning| !warning.is_empty() && !warning.ends_with(" none")),
        }
    }
}

/// Of 2.3 `quota`, `quota2` ... in `plugin { }`; of 2.4 `quota NAME { }`.
fn enforces(settings: &[Setting<'_>]) -> bool {
    let is_root = |name: &str| name.strip_prefix("quota").is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
    let old = settings.iter().filter(|setting| setting.path == ["plugin"] && is_root(setting.name) && !setting.value.is_empty());
    let mut new: BTreeMap<&str, bool> = BTreeMap::new();
    for setting in settings {
        let Some(root) = setting.path.first().filter(|section| section.starts_with("quota ")) else { continue };
        let enforces = new.entry(root).or_insert(true);
        if setting.path.len() == 1 && matches!(setting.name, "enforce" | "quota_enforce") {
            *enforces = is_on(&setting.value);
        }
    }
    old.map(|setting| !setting.value.split(':').any(|word| word == "noenforcing"))
        .chain(new.into_values())
        .any(|enforces| enforces)
}

/// Of 2.3: `quota_warning`, `quota_warning2` ... in `plugin { }`.
fn warnings<'a>(settings: &'a [Setting<'_>]) -> impl Iterator<Item = &'a str> {
    let is_one =
        |name: &str| name.strip_prefix("quota_warning").is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
    let found = settings.iter().filter(move |setting| setting.path == ["plugin"] && is_one(setting.name));
    found.map(|setting| setting.value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: DovecotFront = DovecotFront {
        connections: 10,
        penalty: true,
        sessions: 1024,
        has_quota: false,
        clones_quota: false,
        enforces_quota: false,
        empty_warning: false,
        warns: false,
    };

    #[test]
    fn defaults_are_dovecots_own() {
        let front =
            DovecotFront { connections: 10, penalty: true, sessions: 1024, has_quota: false, clones_quota: false, ..NONE };
        assert_eq!(DovecotFront::read("# 2.3.19.1: /etc/dovecot/dovecot.conf\nssl = no\n"), front);
    }

    #[test]
    fn what_is_set_for_imap_counts_before_what_is_set_for_all() {
        let text = "mail_max_userip_connections = 20\nmail_plugins = quota quota_clone\nprotocol imap {\n  mail_max_userip_connections = 100\n}\n\
                    protocol pop3 {\n  mail_max_userip_connections = 3\n}\nservice anvil {\n  unix_listener anvil-auth-penalty {\n    mode = 00\n  }\n}\n\
                    service imap {\n  process_limit = 4000\n}\nservice imap-login {\n  process_limit = 7\n}\n";
        let front =
            DovecotFront { connections: 100, penalty: false, sessions: 4000, has_quota: true, clones_quota: true, ..NONE };
        assert_eq!(DovecotFront::read(text), front);
        let new = DovecotFront::read(
            "# 2.4.1 (x): y\nmail_plugins {\n  quota = yes\n  quota_clone = no\n}\nmail_max_userip_connections = 0\n",
        );
        assert!(new.has_quota && !new.clones_quota && new.connections == u64::MAX);
    }

    #[test]
    fn a_second_judge_is_seen_in_both_versions() {
        let judged = |text: &str| {
            let front = DovecotFront::read(text);
            (front.enforces_quota, front.empty_warning, front.warns)
        };
        let old = |lines: &str| {
            judged(&format!("# 2.3.19.1: /etc/dovecot/dovecot.conf\nmail_plugins = quota\nplugin {{\n{lines}\n}}\n"))
        };
        assert_eq!(old("quota = dict:user::proxy::quotadict"), (true, false, false));
        assert_eq!(old("quota = dict:user::noenforcing:proxy::quotadict\nquota_rule = *:storage=1G"), (false, false, false));
        assert_eq!(old("quota = count:User quota:noenforcing\nquota2 = maildir:Domain"), (true, false, false));
        assert_eq!(old("quota_warning = storage=80%% quota-warning 80 %u"), (false, false, true));
        assert_eq!(old("quota_warning ="), (false, true, false));
        // Not switched on.
        assert!(!judged("plugin {\n  quota = maildir:User quota\n}\n").0);
        let new = |lines: &str| judged(&format!("# 2.4.1 (x): y\nmail_plugins {{\n  quota = yes\n}}\n{lines}")).0;
        assert!(new("quota \"User quota\" {\n  driver = count\n}\n"));
        assert!(!new("quota \"User quota\" {\n  driver = count\n  enforce = no\n  warning x {\n    enforce = yes\n  }\n}\n"));
        // What the package itself brings is no second judge.
        for lines in [
            include_str!("../../../policy/backends/panels/alternc-dovecot.conf"),
            include_str!("../../../policy/backends/panels/postfixadmin-dovecot.conf"),
            include_str!("../../../policy/backends/dovecot-2.3-usage.conf"),
            include_str!("../../../policy/backends/dovecot-2.4-usage.conf"),
        ] {
            assert_eq!(judged(&format!("mail_plugins = quota\n{lines}")), (false, false, false), "{lines}");
        }
    }
}
