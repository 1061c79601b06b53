//! What may stand in the config file, and what it means.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::admin::{access, notices};
use super::association::associations;
use super::backend::backends;
use super::limits::limits;
use super::listen::{Listen, listens};
use super::listen_options::onion;
use super::policy;
use super::reader::{Reader, Section, choice};
use super::share::{ShareSettings, share};
use super::web::WebSettings;
use crate::fault::HelpPage;
use crate::limit;
use crate::policy::{Policy, Problem};
use crate::pool;
use crate::postfix_policy::Failure;
use crate::private::{Address, Domain};
use crate::quota::{Association, OverQuota, Rates, Unknown};
use crate::route::Backends;
use crate::serve::{Access, Patience, Quota, Sizes};
use crate::sieve::forwarding::Forwarding;

/// The file, read and checked.
pub struct Config {
    /// Our name.
    pub hostname: Box<str>,
    /// Where the store and the keys are.
    pub state_dir: PathBuf,
    /// Who the daemon becomes after a start as root.
    pub user: Option<String>,
    /// Certificates; `None` where no listener needs any.
    pub tls: Option<TlsFiles>,
    /// Authorities that backends' certificates are checked against, instead of the system's.
    pub authorities: Option<PathBuf>,
    /// Listeners.
    pub listens: Vec<Listen>,
    /// The name of the onion service, where members are told of it.
    pub onion: Option<String>,
    /// One of several nodes; `None` where it is alone.
    pub share: Option<ShareSettings>,
    /// Backends.
    pub backends: Backends,
    /// Associations, for the first start: from then on they are in the book.
    pub associations: Vec<Association>,
    /// What divides `user+tag@`; none where the backend does not know tags.
    pub separator: Option<char>,
    /// Who may use the admins' socket, besides root.
    pub access: Access,
    /// The page that explains code words, where refusals link to it.
    pub help_url: Option<HelpPage>,
    /// Where the pages are, as members reach them.
    pub web_url: Option<Box<str>>,
    /// The server that takes mail from outside, where that is said.
    pub mx: Option<Box<str>>,
    /// Whom contacts ask for more space, where that is said.
    pub hosts: Option<Address>,
    /// Who notices come from; none for `postmaster@` the domain.
    pub notices_from: Option<Address>,
    /// The rules that never bend.
    pub policy: Policy,
    /// Where files of it were read from, if not all are built in.
    pub policy_folder: Option<PathBuf>,
    /// Not to start where the kernel lacks a part of the sandbox.
    pub sandbox_required: bool,
    /// Rates and numbers.
    pub limits: limit::LimitParams,
    /// Connections that rest.
    pub pool: pool::PoolParams,
    /// Times.
    pub patience: Patience,
    /// Sizes.
    pub sizes: Sizes,
    /// What the relay that brings mail is told.
    pub quota: Quota,
    /// What is done about filters that bring mail out of the house.
    pub forwarding: Forwarding,
    /// What a person's mailbox may send where nobody said how much.
    pub sending: Rates,
    /// How long sessions have to end at a stop.
    pub drain: Duration,
}

/// Where certificates are.
#[derive(Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// One folder each.
    pub certificates: PathBuf,
    /// Whose certificate is shown to clients that name nobody.
    pub default: String,
}

/// Reads `text`.
///
/// # Errors
/// Every problem, with line and key, in the order of the lines.
pub fn read(text: &str) -> Result<Config, Vec<Problem>> {
    let (mut reader, mut root) = Reader::new(text);
    let config = whole(&mut reader, &mut root);
    root.end(&mut reader);
    let problems = reader.into_problems();
    match config {
        Some(config) if problems.is_empty() => Ok(config),
        _ => Err(problems),
    }
}

/// The name as it was given, but that it is ASCII in greetings and in EHLO (RFC 5321 2.3.5).
fn hostname(reader: &mut Reader<'_>, root: &mut Section<'_>) -> Option<Box<str>> {
    let given = root.needed(reader, "hostname")?;
    let Some(domain) = Domain::parse(&given.value) else {
        reader.wrong(&given, "must be a host name, such as mail.nolog.example");
        return None;
    };
    Some(if given.value.is_ascii() { given.value.into() } else { domain.reveal().into() })
}

fn state_dir(reader: &mut Reader<'_>, root: &mut Section<'_>) -> Option<PathBuf> {
    let given = root.needed(reader, "state_dir")?;
    // A daemon has no folder of its own to begin from: where it would be depends on who starts it.
    if !Path::new(&given.value).is_absolute() {
        reader.wrong(&given, "must begin with /, such as /var/lib/nologd");
    }
    Some(given.value.into())
}

fn whole(reader: &mut Reader<'_>, root: &mut Section<'_>) -> Option<Config> {
    let hostname = hostname(reader, root);
    let state_dir = state_dir(reader, root);
    let user = root.text(reader, "user").map(|found| found.value);
    let drain = root.number(reader, "drain_seconds", 3600).unwrap_or(30);
    let (tls, authorities) = tls(reader, root);
    let (listens, named) = listens(reader, root, tls.is_some());
    let onion = onion(reader, root, listens.iter().any(|listen| listen.options.front.is_by_tor()));
    let (limits, patience, sizes) = limits(reader, root);
    let limits = limits.beside(
        listens.iter().any(|one| one.options.front.is_by_tor()),
        listens.iter().any(|one| one.options.front.speaks_for_clients()),
    );
    let access = access(reader, root);
    let notices_from = notices(reader, root);
    let WebSettings { help: help_url, url: web_url, mx, hosts } = super::web::read(reader, root);
    let quota = quota(reader, root);
    let pool = super::pool::read(reader, root);
    let sending = super::sending::read(reader, root);
    let (policy, policy_folder) = policy::read(reader, root);
    let sandbox = root.text(reader, "sandbox");
    let required = sandbox.is_some().then(|| choice(reader, sandbox, &[("required", true), ("available", false)])).flatten();
    let separator = separator(reader, root);
    let forwarding = forwarding(reader, root);
    let needed: Vec<_> = listens.iter().flat_map(Listen::services).filter_map(|service| service.needs_of_backends()).collect();
    let backends = backends(reader, root, &needed);
    for found in named.iter().filter(|found| backends.as_ref().is_some_and(|all| all.find(Some(&found.value)).is_none())) {
        reader.wrong(found, "names a backend that is not in this file");
    }
    let (share, backends) = share(reader, root, &listens, backends);
    let associations = associations(reader, root, backends.as_ref());
    Some(Config {
        hostname: hostname?,
        state_dir: state_dir?,
        user,
        tls,
        authorities,
        listens,
        onion,
        share,
        backends: backends?,
        associations,
        separator,
        access,
        help_url,
        web_url,
        mx,
        hosts,
        notices_from,
        policy: policy?,
        policy_folder,
        sandbox_required: required.unwrap_or(false),
        limits,
        pool,
        patience,
        sizes,
        sending,
        forwarding,
        quota,
        drain: Duration::from_secs(drain),
    })
}

fn tls(reader: &mut Reader<'_>, root: &mut Section<'_>) -> (Option<TlsFiles>, Option<PathBuf>) {
    let mut section = root.section(reader, "tls");
    let certificates = section.text(reader, "certificates");
    let default = section.text(reader, "default");
    let authorities = section.text(reader, "backend_authorities").map(|found| found.value.into());
    let place = section.place();
    section.end(reader);
    let files = match (certificates, default) {
        (Some(folder), Some(name)) => Some(TlsFiles { certificates: folder.value.into(), default: name.value }),
        (None, None) => None,
        _ => {
            reader.wrong(&place, "needs both certificates and default");
            None
        }
    };
    (files, authorities)
}

fn quota(reader: &mut Reader<'_>, root: &mut Section<'_>) -> Quota {
    let mut section = root.section(reader, "quota");
    let over = section.text(reader, "over");
    let grace = section.number(reader, "grace_percent", 100).and_then(|percent| u8::try_from(percent).ok());
    let failure = section.text(reader, "policy_failure");
    let unknown = section.text(reader, "unknown");
    section.end(reader);
    let refuse = OverQuota::Refuse { grace: grace.unwrap_or(0) };
    let over = choice(reader, over, &[("refuse", refuse), ("defer", OverQuota::Defer)]).unwrap_or(refuse);
    let failures = [("dunno", Failure::Dunno), ("defer", Failure::Defer)];
    let policy_failure = choice(reader, failure, &failures).unwrap_or_default();
    let unknowns = [("defer", Unknown::Defer), ("refuse", Unknown::Refuse)];
    Quota { over, unknown: choice(reader, unknown, &unknowns).unwrap_or_default(), policy_failure }
}

/// Not a file of the policy: taken in, filters that forward are what members have today, so nothing is loosened by it.
fn forwarding(reader: &mut Reader<'_>, root: &mut Section<'_>) -> Forwarding {
    let mut section = root.section(reader, "sieve");
    let forward = section.text(reader, "forward");
    section.end(reader);
    choice(reader, forward, &[("allow", Forwarding::Allow), ("refuse", Forwarding::Refuse)]).unwrap_or_default()
}

fn separator(reader: &mut Reader<'_>, root: &mut Section<'_>) -> Option<char> {
    let Some(found) = root.text(reader, "recipient_separator") else { return Some('+') };
    let mut chars = found.value.chars();
    match (chars.next(), chars.next()) {
        (None, _) => None,
        (Some(char), None) if char.is_ascii_punctuation() => Some(char),
        _ => {
            reader.wrong(&found, "must be one sign, such as \"+\", or empty");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `docs/admin/reference.md`; that what stands there is right is a test of `tests/pages/reference.rs`.
    #[test]
    fn every_key_is_in_the_reference() {
        let reference = include_str!("../../docs/admin/reference.md");
        let (mut reader, mut root) =
            Reader::new("[[listen]]\n[[backend]]\n[[share.node]]\n[[association]]\n[[association.alias]]\n");
        let _ = whole(&mut reader, &mut root);
        let missing: Vec<_> = reader.asked.iter().filter(|key| !reference.contains(&format!("\n| `{key}` | "))).collect();
        assert!(missing.is_empty() && reader.asked.len() > 60, "not in the reference: {missing:?}");
    }
}
