//! What some numbers of events mean, in words: which server of a backend, which parts of the config; and the backends' names.
//!
//! A backend is named by the config file, so its name is about nobody. Absent on purpose: any other text.

use std::sync::{PoisonError, RwLock};

/// A server of a backend, in the order in which admins are told of them. The word is the key of the config file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)] // as in the config file
pub enum BackendService {
    Imap,
    Pop3,
    Sieve,
    Lmtp,
    Relay,
}

words! {
    BackendService, "must be a server of a backend":
    Imap = "imap",
    Pop3 = "pop3",
    Sieve = "sieve",
    Lmtp = "lmtp",
    Relay = "relay",
}

impl BackendService {
    /// Those that members log in to, each by a protocol of its own.
    pub const FOR_MEMBERS: [BackendService; 3] = [BackendService::Imap, BackendService::Pop3, BackendService::Sieve];
}

/// A part of the config file that only a restart takes over: a section, or a key at its top.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // as in the config file
pub enum ConfigPart {
    Listen,
    Tls,
    Limits,
    Sending,
    Quota,
    Pool,
    RecipientSeparator,
    Hostname,
    Drain,
    User,
    StateDir,
    Admin,
    Notices,
    Policy,
    Sandbox,
    /// Ports, folders and sockets of the backends, which the kernel was told once.
    Places,
    /// What is done about filters.
    Sieve,
    HelpUrl,
    Web,
    Onion,
    Share,
}

impl ConfigPart {
    /// In the order of their numbers.
    const WORDS: &'static [&'static str] = &[
        "listen",
        "tls",
        "limits",
        "sending",
        "quota",
        "pool",
        "recipient_separator",
        "hostname",
        "drain_seconds",
        "user",
        "state_dir",
        "admin",
        "notices",
        "policy",
        "sandbox",
        "places-for-the-kernel",
        "sieve",
        "help_url",
        "web",
        "onion",
        "share",
    ];

    /// One bit for each.
    pub fn bits(parts: impl Iterator<Item = ConfigPart>) -> u64 {
        parts.fold(0, |bits, part| bits | 1 << part as u64)
    }
}

/// The word for a value that has one, by the name of the value.
pub(super) fn word(name: &str, value: u64) -> Option<String> {
    match name {
        "service" => BackendService::ALL.get(usize::try_from(value).ok()?).map(|service| service.word().to_owned()),
        "changed" => {
            let set = ConfigPart::WORDS.iter().enumerate().filter(|(bit, _)| value >> bit & 1 == 1);
            Some(set.map(|(_, word)| *word).collect::<Vec<_>>().join(","))
        }
        _ => None,
    }
}

/// Letters of a name that are printed, at most.
const LONGEST: usize = 64;

static NAMES: RwLock<Vec<Box<str>>> = RwLock::new(Vec::new());

/// The backends are called so from now on, in the order of the config file. What would break a line is not printed.
pub fn name_backends<'a>(names: impl Iterator<Item = &'a str>) {
    let plain = |sign: char| if sign.is_whitespace() || sign.is_control() { '_' } else { sign };
    let names = names.map(|name| name.chars().take(LONGEST).map(plain).collect::<String>().into()).collect();
    *NAMES.write().unwrap_or_else(PoisonError::into_inner) = names;
}

/// What the backend at `position` is called.
pub(super) fn backend(position: u64) -> Option<Box<str>> {
    let names = NAMES.read().unwrap_or_else(PoisonError::into_inner);
    names.get(usize::try_from(position).ok()?).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_word() {
        assert!(BackendService::ALL.iter().enumerate().all(|(number, service)| *service as usize == number));
        assert_eq!(ConfigPart::WORDS.len(), ConfigPart::Share as usize + 1);
        assert_eq!((BackendService::Lmtp.word(), BackendService::Relay.word()), ("lmtp", "relay"));
        for (part, word) in [(ConfigPart::Hostname, "hostname"), (ConfigPart::Admin, "admin"), (ConfigPart::Policy, "policy")] {
            assert_eq!(super::word("changed", ConfigPart::bits([part].into_iter())).as_deref(), Some(word));
        }
    }
}
