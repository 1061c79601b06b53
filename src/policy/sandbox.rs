//! `policy/sandbox.toml`: what the kernel shall allow, as sets of paths, ports, sockets and calls.
//!
//! Pure words: whoever starts the daemon turns them into paths and ports of this machine, `sandbox` into kernel rules.

mod file;

use std::path::PathBuf;

use serde::Deserialize;

use super::syscalls::Call;

pub use super::when::{Servers, When};

/// The built-in file.
pub const BUILT_IN: &str = include_str!("../../policy/sandbox.toml");

/// A path, or one that the config names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RulePlace {
    /// `state_dir`.
    State,
    /// The folder of the config file.
    Config,
    /// `[tls] certificates`.
    Certificates,
    /// `[tls] backend_authorities`.
    Authorities,
    /// `[policy] directory`.
    Policy,
    /// The folders of the sockets that the storage tells usage to.
    Usage,
    /// Itself.
    Path(PathBuf),
}

/// Where TCP connections may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The ports of the backends in the config.
    Backends,
    /// One port.
    Port(u16),
    /// Anywhere.
    Any,
}

/// A kind of socket that may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)] // their names are what they are
pub enum Socket {
    InetStream,
    Inet6Stream,
    InetDatagram,
    Inet6Datagram,
    UnixStream,
    UnixDatagram,
    NetlinkRoute,
}

/// What of a socket may be set once the daemon runs. Everything else is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SocketOption {
    /// `TCP_NODELAY`.
    TcpNodelay,
    /// `TCP_QUICKACK`.
    TcpQuickack,
    /// `IP_RECVERR`.
    IpErrors,
    /// `IPV6_RECVERR`.
    Ipv6Errors,
}

/// What one rule does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleEffect {
    /// These, and all below, may be written and read.
    Write(Vec<RulePlace>),
    /// These, and all below, may be read.
    Read(Vec<RulePlace>),
    /// What is in these, and below, may be removed; not made, not written, not read.
    Remove(Vec<RulePlace>),
    /// Connections may go there.
    Connect(Vec<Target>),
    /// These may be made.
    Sockets(Vec<Socket>),
    /// These may be set on sockets.
    Options(Vec<SocketOption>),
    /// These are refused.
    Deny(Vec<Call>),
}

/// One rule.
#[derive(Clone, Debug)]
pub struct SandboxRule {
    /// Its name, its own within the file.
    pub name: String,
    /// Why it is there.
    pub reason: String,
    /// It holds only there; always without.
    pub when: Option<When>,
    /// What it does.
    pub what: RuleEffect,
}

/// The rules in force.
#[derive(Clone, Debug)]
pub struct Sandbox {
    rules: Vec<SandboxRule>,
}

impl Sandbox {
    /// The rules that are compiled in.
    pub fn built_in() -> Sandbox {
        Sandbox::parse(BUILT_IN).unwrap_or_else(|_| unreachable!("policy/sandbox.toml is checked by a test"))
    }

    /// All rules, in the order of the file.
    pub fn all(&self) -> &[SandboxRule] {
        &self.rules
    }

    /// Those that hold in front of `servers`.
    pub fn rules(&self, servers: Servers) -> impl Iterator<Item = &SandboxRule> {
        self.rules.iter().filter(move |rule| rule.holds(servers))
    }

    /// Names of our rules that grant what `built_in` does not, and of rules of `built_in` that deny what we do not: in front of any
    /// servers.
    pub fn loosened(&self, built_in: &Sandbox) -> Vec<String> {
        let looser = |rule: &&SandboxRule| {
            let granted =
                |grant: &RuleGrant<'_>, servers| built_in.rules(servers).any(|other| other.grants().any(|own| own == *grant));
            rule.where_it_holds().any(|servers| rule.grants().any(|grant| !granted(&grant, servers)))
        };
        let missing = |rule: &&SandboxRule| {
            let denied = |call: &Call, servers| self.rules(servers).any(|own| own.denies().contains(call));
            rule.where_it_holds().any(|servers| !rule.denies().iter().all(|call| denied(call, servers)))
        };
        let names = self.rules.iter().filter(looser).chain(built_in.rules.iter().filter(missing));
        names.map(|rule| rule.name.clone()).collect()
    }
}

impl Sandbox {
    /// Whether our rule `loose` grants more of what the built-in rule `rule` bounds.
    pub fn undoes(&self, loose: &str, rule: &str) -> bool {
        let built_in = Sandbox::built_in();
        let find = |rules: &[SandboxRule], name: &str| rules.iter().find(|rule| rule.name == name).map(|rule| rule.what.clone());
        matches!(
            (find(&self.rules, loose), find(&built_in.rules, rule)),
            (Some(RuleEffect::Write(_)), Some(RuleEffect::Write(_) | RuleEffect::Read(_)))
                | (Some(RuleEffect::Read(_)), Some(RuleEffect::Read(_)))
                | (Some(RuleEffect::Remove(_)), Some(RuleEffect::Write(_) | RuleEffect::Remove(_)))
                | (Some(RuleEffect::Connect(_)), Some(RuleEffect::Connect(_)))
                | (Some(RuleEffect::Sockets(_)), Some(RuleEffect::Sockets(_)))
                | (Some(RuleEffect::Options(_)), Some(RuleEffect::Options(_)))
        )
    }
}

/// One thing that a rule allows; writing includes reading.
#[derive(PartialEq)]
enum RuleGrant<'a> {
    Write(&'a RulePlace),
    Read(&'a RulePlace),
    Remove(&'a RulePlace),
    Connect(Target),
    Socket(Socket),
    Option(SocketOption),
}

impl SandboxRule {
    fn holds(&self, servers: Servers) -> bool {
        self.when.is_none_or(|when| when.holds(servers))
    }

    fn where_it_holds(&self) -> impl Iterator<Item = Servers> {
        Servers::ALL.into_iter().filter(|servers| self.holds(*servers))
    }

    fn denies(&self) -> &[Call] {
        if let RuleEffect::Deny(calls) = &self.what { calls } else { &[] }
    }

    fn grants(&self) -> Box<dyn Iterator<Item = RuleGrant<'_>> + '_> {
        match &self.what {
            RuleEffect::Write(places) => Box::new(places.iter().map(RuleGrant::Write)),
            RuleEffect::Read(places) => Box::new(places.iter().map(RuleGrant::Read)),
            RuleEffect::Remove(places) => Box::new(places.iter().map(RuleGrant::Remove)),
            RuleEffect::Connect(targets) => Box::new(targets.iter().copied().map(RuleGrant::Connect)),
            RuleEffect::Sockets(sockets) => Box::new(sockets.iter().copied().map(RuleGrant::Socket)),
            RuleEffect::Options(options) => Box::new(options.iter().copied().map(RuleGrant::Option)),
            RuleEffect::Deny(_) => Box::new(std::iter::empty()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_file_is_good_and_needs_no_names_for_backends_with_numbers() {
        let rules = Sandbox::built_in();
        let names: Vec<_> = rules.rules(Servers::default()).map(|rule| rule.name.as_str()).collect();
        assert!(names.contains(&"write") && names.contains(&"no-programs") && names.contains(&"no-messages"));
        assert!(!names.iter().any(|name| name.ends_with("-names") || name.ends_with("-unix")), "{names:?}");
        assert!(rules.all().iter().all(|rule| rule.reason.ends_with(['.', ')'])));
        let writes: Vec<_> = rules
            .all()
            .iter()
            .filter_map(|rule| if let RuleEffect::Write(places) = &rule.what { Some(places) } else { None })
            .collect();
        assert_eq!(writes, [&vec![RulePlace::State]], "one folder may be written, and no other");
    }

    #[test]
    fn mistakes_are_told_with_line_and_key() {
        let told = |rest: &str| {
            let text = format!("[[rule]]\nname = \"a\"\nreason = \"b\"\n{rest}\n");
            let problems = Sandbox::parse(&text).expect_err(&text);
            problems.iter().map(|problem| format!("{} {}", problem.line, problem.key)).collect::<Vec<_>>().join(", ")
        };
        assert_eq!(told("deny = [\"execve\", \"exec\"]"), "4 exec");
        assert_eq!(told("write = [\"relative\", \"@home\"]"), "4 relative, 4 @home");
        assert_eq!(told("connect = [\"0\"]"), "4 0");
        assert_eq!(told("colour = 1"), "4 colour");
        assert_eq!(told("sockets = [\"packet\"]"), "4 \"packet\"");
        assert_eq!(told("deny = [\"execve\"]\nread = [\"/\"]"), "2 a");
        assert_eq!(told("deny = [\"execve\"]\nwhen = \"names\""), "2 a");
        assert_eq!(told(""), "2 a");
    }

    #[test]
    fn an_override_is_told_where_it_is_looser() {
        let built_in = Sandbox::built_in();
        let loosened = |text: &str| Sandbox::parse(text).unwrap().loosened(&built_in);
        assert!(loosened(BUILT_IN).is_empty());
        assert_eq!(loosened(&BUILT_IN.replace("write  = [\"@state\"]", "write  = [\"@state\", \"/var/log\"]")), ["write"]);
        assert_eq!(loosened(&BUILT_IN.replace("remove = [\"@usage\"]", "remove = [\"/var/log\"]")), ["remove-socket"]);
        assert_eq!(loosened(&BUILT_IN.replace("[\"backends\"]", "[\"any\"]")), ["connect"]);
        assert_eq!(loosened(&BUILT_IN.replace("\"ptrace\", ", "")), ["no-other-processes"]);
        let names = ["connect-names", "sockets-names", "options-names"];
        assert_eq!(loosened(&BUILT_IN.replace("when    = \"names\"\n", "")), names);
        assert_eq!(loosened(&BUILT_IN.replace("when    = \"unix\"\n", "")), ["sockets-unix"]);
        assert_eq!(loosened(&BUILT_IN.replace("\"listen\", ", "")), ["no-new-doors"]);
        assert!(loosened(&BUILT_IN.replace("when   = \"numbers\"\n", "")).is_empty(), "to deny always is not looser");
        assert_eq!(loosened(&BUILT_IN.replace("\"unix-stream\"", "\"unix-datagram\"")), ["sockets-unix"]);
        let all = Sandbox::parse("[[rule]]\nname = \"all\"\nreason = \"x\"\nwrite = [\"/\"]\n").unwrap();
        assert!(all.undoes("all", "write") && all.undoes("all", "read") && !all.undoes("all", "connect"));
        let nothing = loosened("");
        assert!(nothing.contains(&"no-programs".to_owned()) && !nothing.contains(&"write".to_owned()));
        assert!(loosened(&BUILT_IN.replace(", \"@policy\"", "")).is_empty(), "to allow less is not looser");
    }
}
