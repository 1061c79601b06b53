//! What Dovecot is set to, as far as a daemon in front of it depends on it: everybody comes from one address, and usage is to be told.
//! Of `doveconf -n`, 2.3 and 2.4; what is absent there has its default.

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
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_dovecots_own() {
        let front = DovecotFront { connections: 10, penalty: true, sessions: 1024, has_quota: false, clones_quota: false };
        assert_eq!(DovecotFront::read("# 2.3.19.1: /etc/dovecot/dovecot.conf\nssl = no\n"), front);
    }

    #[test]
    fn what_is_set_for_imap_counts_before_what_is_set_for_all() {
        let text = "mail_max_userip_connections = 20\nmail_plugins = quota quota_clone\nprotocol imap {\n  mail_max_userip_connections = 100\n}\n\
                    protocol pop3 {\n  mail_max_userip_connections = 3\n}\nservice anvil {\n  unix_listener anvil-auth-penalty {\n    mode = 00\n  }\n}\n\
                    service imap {\n  process_limit = 4000\n}\nservice imap-login {\n  process_limit = 7\n}\n";
        let front = DovecotFront { connections: 100, penalty: false, sessions: 4000, has_quota: true, clones_quota: true };
        assert_eq!(DovecotFront::read(text), front);
        let new = DovecotFront::read(
            "# 2.4.1 (x): y\nmail_plugins {\n  quota = yes\n  quota_clone = no\n}\nmail_max_userip_connections = 0\n",
        );
        assert!(new.has_quota && !new.clones_quota && new.connections == u64::MAX);
    }
}
