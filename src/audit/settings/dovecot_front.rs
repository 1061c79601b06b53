//! What Dovecot is set to, as far as a daemon in front of it depends on it: everybody comes from one address, and usage is to be told.
//! Of `doveconf -n`, 2.3 and 2.4; what is absent there has its default.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::dovecot::{DovecotSetting, is_2_4, is_on, parse};
use super::dovecot_filters::{by_other_ways, is_by_way, over_loopback};
use crate::event::BackendService;

const CONNECTIONS: &str = "mail_max_userip_connections";

/// The socket by which Dovecot's auth asks how long somebody has to wait.
const PENALTY: &str = "anvil-auth-penalty";

/// Those settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DovecotFront {
    /// `2.3` or `2.4`, as in the names of `policy/backends/`.
    pub series: &'static str,
    /// Of one member from one address, in each protocol that has such a limit; as it is for a daemon on the same machine.
    pub connections: [ConnectionLimit; BackendService::FOR_MEMBERS.len()],
    /// The least of them that is set for connections by other ways alone (`remote NET { }`, `local NET { }`).
    pub by_other_ways: Option<u64>,
    /// The socket whose file stays when the penalty is switched off.
    pub penalty_socket: PathBuf,
    /// Where usage is told: a socket's path, or what else is written there.
    pub tells_at: Option<String>,
    /// IMAP sessions at once.
    pub sessions: u64,
    habits: BTreeSet<DovecotHabit>,
}

/// `mail_max_userip_connections`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionLimit {
    /// Of which protocol.
    pub service: BackendService,
    /// How many.
    pub most: u64,
    /// The blocks that it stands in, where that is one for some connections alone.
    pub block: Option<String>,
}

/// What it does beside serving.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DovecotHabit {
    /// A wrong password makes others of the same address wait.
    Penalty,
    /// It believes some address what it says of its clients.
    Trusts,
    /// It keeps count of what mailboxes hold.
    Counts,
    /// It passes that on.
    Tells,
    /// It refuses what does not fit, too.
    Enforces,
    /// It warns of full mailboxes itself.
    Warns,
    /// A warning is set that is empty: 2.3 lets nobody in then.
    WarnsInVain,
}

impl DovecotFront {
    /// Reads them.
    pub fn read(text: &str) -> DovecotFront {
        let settings = parse(text);
        let new = is_2_4(text, &settings);
        // The one for a protocol alone counts before the one for all.
        let number = |name: &str, section: &str| {
            let of = |inside: bool| {
                let fits = |setting: &&DovecotSetting<'_>| setting.name == name && inside == setting.path.contains(&section);
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
            let there = setting.path.last().and_then(|section| section.strip_prefix("unix_listener ")) == Some(PENALTY);
            there && setting.name == "mode" && setting.value.chars().all(|c| c == '0')
        });
        let unlimited = |limit: u64| if limit == 0 { u64::MAX } else { limit };
        let warning = |is: fn(&str) -> bool| warnings(&settings).any(is);
        let habits = [
            (DovecotHabit::Penalty, !switched_off),
            (DovecotHabit::Trusts, top(&settings, "login_trusted_networks").is_some_and(|networks| !networks.is_empty())),
            (DovecotHabit::Counts, plugin("quota")),
            (DovecotHabit::Tells, plugin("quota_clone")),
            (DovecotHabit::Enforces, plugin("quota") && enforces(&settings)),
            // A program that is none: the templates for panels.
            (DovecotHabit::Warns, warning(|text| !text.is_empty() && !text.ends_with(" none"))),
            (DovecotHabit::WarnsInVain, warning(str::is_empty)),
        ];
        let most = |setting: &DovecotSetting<'_>| setting.value.parse().ok().map(unlimited);
        let connections = |service: BackendService| {
            let by_way = over_loopback(&settings, CONNECTIONS, service.word());
            let least = by_way.filter_map(|setting| Some((most(setting)?, setting))).min_by_key(|(most, _)| *most);
            let block = least.and_then(|(_, setting)| is_by_way(setting).then(|| setting.path.join(" { ")));
            ConnectionLimit { service, most: least.map_or(10, |(most, _)| most), block }
        };
        DovecotFront {
            series: if new { "2.4" } else { "2.3" },
            connections: BackendService::FOR_MEMBERS.map(connections),
            by_other_ways: by_other_ways(&settings, CONNECTIONS).filter_map(most).min(),
            penalty_socket: Path::new(top(&settings, "base_dir").unwrap_or("/run/dovecot")).join(PENALTY),
            tells_at: tells_at(&settings),
            sessions: number("process_limit", "service imap")
                .map_or(1024, unlimited)
                .saturating_mul(number("client_limit", "service imap").unwrap_or(1).max(1)),
            habits: habits.into_iter().filter(|(_, has)| *has).map(|(habit, _)| habit).collect(),
        }
    }

    /// Whether it does this.
    pub fn does(&self, habit: DovecotHabit) -> bool {
        self.habits.contains(&habit)
    }
}

fn top<'a>(settings: &'a [DovecotSetting<'_>], name: &str) -> Option<&'a str> {
    settings.iter().rfind(|setting| setting.path.is_empty() && setting.name == name).map(|setting| setting.value.as_str())
}

/// Of 2.3 `quota_clone_dict = proxy:SOCKET:NAME`; of 2.4 `quota_clone { dict proxy { socket_path = SOCKET } }`. Without a path it is a socket of
/// Dovecot's own.
fn tells_at(settings: &[DovecotSetting<'_>]) -> Option<String> {
    let old = settings.iter().rfind(|setting| setting.path == ["plugin"] && setting.name == "quota_clone_dict");
    let new = || {
        let mut inside = settings.iter().filter(|setting| setting.path.first() == Some(&"quota_clone") && setting.path.len() > 1);
        let first = inside.clone().next()?;
        let socket = inside.rfind(|setting| setting.name.ends_with("socket_path"));
        Some(socket.map_or_else(|| first.path[1].to_owned(), |setting| setting.value.clone()))
    };
    match old.map(|setting| setting.value.as_str()) {
        None | Some("") => new(),
        Some(value) => match value.strip_prefix("proxy:").and_then(|rest| rest.rsplit_once(':')) {
            Some((socket, _)) if !socket.is_empty() => Some(socket.to_owned()),
            _ => Some(value.to_owned()),
        },
    }
}

/// Of 2.3 `quota`, `quota2` ... in `plugin { }`; of 2.4 `quota NAME { }`.
fn enforces(settings: &[DovecotSetting<'_>]) -> bool {
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
fn warnings<'a>(settings: &'a [DovecotSetting<'_>]) -> impl Iterator<Item = &'a str> {
    let is_one =
        |name: &str| name.strip_prefix("quota_warning").is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
    let found = settings.iter().filter(move |setting| setting.path == ["plugin"] && is_one(setting.name));
    found.map(|setting| setting.value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    use DovecotHabit::{Counts, Enforces, Penalty, Tells, Trusts, Warns, WarnsInVain};

    fn front(series: &'static str, connections: [u64; 3], sessions: u64, habits: &[DovecotHabit]) -> DovecotFront {
        let services = BackendService::FOR_MEMBERS;
        DovecotFront {
            series,
            connections: [0, 1, 2].map(|at| ConnectionLimit { service: services[at], most: connections[at], block: None }),
            by_other_ways: None,
            penalty_socket: PathBuf::from("/run/dovecot/anvil-auth-penalty"),
            tells_at: None,
            sessions,
            habits: habits.iter().copied().collect(),
        }
    }

    #[test]
    fn defaults_are_dovecots_own() {
        let read = DovecotFront::read("# 2.3.19.1: /etc/dovecot/dovecot.conf\nssl = no\n");
        assert_eq!(read, front("2.3", [10; 3], 1024, &[Penalty]));
    }

    #[test]
    fn what_is_set_for_a_protocol_counts_before_what_is_set_for_all() {
        let text = "mail_max_userip_connections = 20\nmail_plugins = quota quota_clone\nprotocol imap {\n  mail_max_userip_connections = 100\n}\n\
                    protocol pop3 {\n  mail_max_userip_connections = 3\n}\nservice anvil {\n  unix_listener anvil-auth-penalty {\n    mode = 00\n  }\n}\n\
                    service imap {\n  process_limit = 4000\n}\nservice imap-login {\n  process_limit = 7\n}\n\
                    login_trusted_networks = 127.0.0.1\n";
        assert_eq!(DovecotFront::read(text), front("2.3", [100, 3, 20], 4000, &[Trusts, Counts, Tells]));
        let new = DovecotFront::read(
            "# 2.4.1 (x): y\nmail_plugins {\n  quota = yes\n  quota_clone = no\n}\nmail_max_userip_connections = 0\n",
        );
        assert_eq!(new, front("2.4", [u64::MAX; 3], 1024, &[Penalty, Counts]));
    }

    /// Where all come from one address, it is the limit for that address that refuses.
    #[test]
    fn a_limit_for_some_addresses_alone_counts_where_they_are_ours() {
        let text = "mail_max_userip_connections = 100\nremote 127.0.0.0/8 {\n  mail_max_userip_connections = 3\n}\n\
                    remote 192.0.2.0/24 {\n  mail_max_userip_connections = 2\n}\n";
        let read = DovecotFront::read(text);
        let limit = |limit: &ConnectionLimit| (limit.most, limit.block.clone());
        assert_eq!((limit(&read.connections[0]), read.by_other_ways), ((3, Some("remote 127.0.0.0/8".to_owned())), Some(2)));
        // Not one for others, though it stands within the protocol's.
        let inside = "protocol imap {\n  mail_max_userip_connections = 100\n  remote 192.0.2.0/24 {\n    mail_max_userip_connections = 2\n  }\n}\n";
        assert_eq!(limit(&DovecotFront::read(inside).connections[0]), (100, None));
    }

    #[test]
    fn where_usage_is_told_is_read_in_both_versions() {
        let told = |text: &str| DovecotFront::read(text).tells_at;
        let old = |value: &str| told(&format!("plugin {{\n  quota_clone_dict = {value}\n}}\n"));
        assert_eq!(old("proxy:/run/nologd/usage.sock:quota").as_deref(), Some("/run/nologd/usage.sock"));
        assert_eq!((old("proxy::quota").as_deref(), old("redis:x").as_deref()), (Some("proxy::quota"), Some("redis:x")));
        assert_eq!((old(""), told("quota_clone {\n  unset = yes\n}\n")), (None, None));
        let new = |inside: &str| {
            told(&format!("# 2.4.1 (x): y\nquota_clone {{\n  dict proxy {{\n    name = quota\n{inside}  }}\n}}\n"))
        };
        assert_eq!(new("    socket_path = /run/nologd/usage.sock\n").as_deref(), Some("/run/nologd/usage.sock"));
        assert_eq!(new("").as_deref(), Some("dict proxy"));
        // As the package's own files have it.
        for file in [
            include_str!("../../../policy/backends/dovecot-2.3-usage.conf"),
            include_str!("../../../policy/backends/dovecot-2.4-usage.conf"),
        ] {
            assert_eq!(told(file).as_deref(), Some("/run/nologd/usage.sock"));
        }
    }

    #[test]
    fn a_second_judge_is_seen_in_both_versions() {
        let judged = |text: &str| {
            let front = DovecotFront::read(text);
            (front.does(Enforces), front.does(WarnsInVain), front.does(Warns))
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
