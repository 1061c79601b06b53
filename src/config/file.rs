//! What may stand in the config file, and what it means.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::admin::{access, notices};
use super::association::associations;
use super::doors::onion;
use super::listen::{Listen, listens};
use super::policy;
use super::reader::{Found, Reader, Section, choice};
use crate::fault::HelpPage;
use crate::limit;
use crate::policy::{Policy, Problem};
use crate::pool;
use crate::postfix_policy::Failure;
use crate::private::{Address, Domain};
use crate::quota::{Association, OverQuota, Rates, Unknown};
use crate::route::{AuthBy, Backend, Backends, ClientHint, Endpoint, Unusable};
use crate::serve::{Access, Patience, Quota, Service, Sizes};
use crate::sieve::offer::Forwarding;

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
    /// The name of the onion door, where members are told of it.
    pub onion: Option<String>,
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
    /// Who notices come from; none for `postmaster@` the domain.
    pub notices_from: Option<Address>,
    /// The rules that never bend.
    pub policy: Policy,
    /// Where files of it were read from, if not all are built in.
    pub policy_folder: Option<PathBuf>,
    /// Not to start where the kernel lacks a part of the sandbox.
    pub sandbox_required: bool,
    /// Rates and numbers.
    pub limits: limit::Params,
    /// Connections that rest.
    pub pool: pool::Params,
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
fn greeting(given: String, domain: &Domain) -> Box<str> {
    if given.is_ascii() { given.into() } else { domain.reveal().into() }
}

fn whole(reader: &mut Reader<'_>, root: &mut Section<'_>) -> Option<Config> {
    let hostname = root.needed(reader, "hostname");
    let domain = hostname.as_ref().and_then(|found| Domain::parse(&found.value));
    if let (Some(found), None) = (&hostname, &domain) {
        reader.wrong(found, "must be a host name, such as mail.nolog.example");
    }
    let state_dir = root.needed(reader, "state_dir");
    // A daemon has no folder of its own to begin from: where it would be depends on who starts it.
    if let Some(found) = state_dir.as_ref().filter(|found| !Path::new(&found.value).is_absolute()) {
        reader.wrong(found, "must begin with /, such as /var/lib/nologd");
    }
    let user = root.text(reader, "user").map(|found| found.value);
    let drain = root.number(reader, "drain_seconds", 3600).unwrap_or(30);
    let (tls, authorities) = tls(reader, root);
    let listens = listens(reader, root, tls.is_some());
    let onion = onion(reader, root, listens.iter().any(|listen| listen.doors.onion));
    let (limits, patience, sizes) = limits(reader, root);
    let limits =
        limits.beside(listens.iter().any(|one| one.doors.onion), listens.iter().any(|one| !one.doors.forwarders.is_empty()));
    let access = access(reader, root);
    let notices_from = notices(reader, root);
    let (help_url, web_url) = super::web::read(reader, root);
    let quota = quota(reader, root);
    let pool = super::pool::read(reader, root);
    let sending = super::sending::read(reader, root);
    let (policy, policy_folder) = policy::read(reader, root);
    let sandbox = root.text(reader, "sandbox");
    let required = sandbox.is_some().then(|| choice(reader, sandbox, &[("required", true), ("available", false)])).flatten();
    let separator = separator(reader, root);
    let serves = |service| listens.iter().any(|listen| listen.services().contains(&service));
    let forwarding = forwarding(reader, root);
    let needed = Needed {
        lmtp: serves(Service::Lmtp),
        pop3: serves(Service::Pop3),
        sieve: serves(Service::Sieve) || serves(Service::WebmailSieve),
    };
    let backends = backends(reader, root, needed);
    let associations = associations(reader, root, backends.as_ref());
    Some(Config {
        hostname: greeting(hostname?.value, &domain?),
        state_dir: state_dir?.value.into(),
        user,
        tls,
        authorities,
        listens,
        onion,
        backends: backends?,
        associations,
        separator,
        access,
        help_url,
        web_url,
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

fn limits(reader: &mut Reader<'_>, root: &mut Section<'_>) -> (limit::Params, Patience, Sizes) {
    let mut section = root.section(reader, "limits");
    let (params, patience, sizes) = (limit::Params::default(), Patience::default(), Sizes::default());
    let mut number = |name: &str, most: u64, default: u64| section.number(reader, name, most).unwrap_or(default);
    let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    let seconds = Duration::from_secs;
    let params = limit::Params {
        sessions: usize::try_from(number("sessions", 1_000_000, params.sessions as u64)).unwrap_or(params.sessions),
        before_login: usize::try_from(number("sessions_before_login", 1_000_000, params.before_login as u64))
            .unwrap_or(params.before_login),
        sessions_per_network: small(number("sessions_per_network", 1_000_000, params.sessions_per_network.into())),
        connections_per_minute: small(number("connections_per_minute", 1_000_000, params.connections_per_minute.into())),
        wrong_per_network: small(number("wrong_passwords_per_network", 1_000_000, params.wrong_per_network.into())),
        wrong_per_account: small(number("wrong_passwords_per_account", 1_000_000, params.wrong_per_account.into())),
        forgive: seconds(number("wrong_password_forgiven_seconds", 86_400, params.forgive.as_secs())),
        ..params
    };
    let patience = Patience {
        login: seconds(number("login_seconds", 3600, patience.login.as_secs())),
        backend: seconds(number("backend_seconds", 600, patience.backend.as_secs())),
        idle: seconds(number("idle_seconds", 86_400, patience.idle.as_secs())),
        stall: seconds(number("stall_seconds", 3600, patience.stall.as_secs())),
        least_rate: number("least_octets_per_second", 1_000_000, patience.least_rate),
    };
    let sizes = Sizes {
        message: number("message_octets", 1 << 40, sizes.message),
        recipients: small(number("recipients", 100_000, sizes.recipients.into())),
    };
    section.end(reader);
    (params, patience, sizes)
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

/// What every backend needs for the listeners that there are.
#[derive(Clone, Copy)]
struct Needed {
    lmtp: bool,
    pop3: bool,
    sieve: bool,
}

fn backends(reader: &mut Reader<'_>, root: &mut Section<'_>, needed: Needed) -> Option<Backends> {
    let mut backends: Vec<Backend> = Vec::new();
    let mut default = None;
    let sections = root.sections(reader, "backend");
    if sections.is_empty() {
        reader.problem(0..0, "backend", "is missing: at least one [[backend]] is needed");
    }
    // With a backend that cannot be used, nobody can say which names are wrong.
    let mut complete = true;
    for section in sections {
        let place = section.place();
        let (backend, is_default) = backend(reader, section, needed);
        let Some(backend) = backend else {
            complete = false;
            continue;
        };
        if backends.iter().any(|other| other.name == backend.name) {
            reader.wrong(&place, "has a name that another backend has");
        }
        if is_default && default.replace(backends.len()).is_some() {
            reader.wrong(&place, "is a second default; one backend can be it");
        }
        backends.push(backend);
    }
    (complete && !backends.is_empty()).then(|| Backends::new(backends, default.unwrap_or(0)))
}

fn backend(reader: &mut Reader<'_>, mut section: Section<'_>, needed: Needed) -> (Option<Backend>, bool) {
    let name = section.needed(reader, "name");
    let imap = section.needed(reader, "imap");
    let pop3 = section.text(reader, "pop3");
    let sieve = section.text(reader, "sieve");
    let lmtp = section.text(reader, "lmtp");
    let relay = section.text(reader, "relay");
    let auth = section.text(reader, "auth");
    let hint = section.text(reader, "client_hint");
    let default = section.flag(reader, "default");
    // Otherwise its mail would be deferred for days before anybody sees why.
    if needed.lmtp && lmtp.is_none() {
        let place = section.place();
        reader.problem(place.span, "backend.lmtp", "is missing: the lmtp listener passes mail on to every backend");
    }
    if needed.pop3 && pop3.is_none() {
        let place = section.place();
        reader.problem(place.span, "backend.pop3", "is missing: the pop3 listener passes members on to every backend");
    }
    if needed.sieve && sieve.is_none() {
        let place = section.place();
        reader.problem(place.span, "backend.sieve", "is missing: the sieve listener passes members on to every backend");
    }
    section.end(reader);
    let imap = imap.and_then(|url| endpoint(reader, &url, "imap"));
    let pop3 = pop3.and_then(|url| endpoint(reader, &url, "pop3"));
    let sieve = sieve.and_then(|url| endpoint(reader, &url, "sieve"));
    let lmtp = lmtp.and_then(|url| endpoint(reader, &url, "lmtp"));
    let relay = relay.and_then(|url| endpoint(reader, &url, "smtp"));
    let auth = match auth {
        None => Some(AuthBy::Imap),
        auth => choice(reader, auth, &[("imap", AuthBy::Imap), ("relay", AuthBy::Relay)]),
    };
    let hints = [("none", ClientHint::None), ("pseudonym", ClientHint::Pseudonym)];
    let hint = choice(reader, hint, &hints).unwrap_or_default();
    let (Some(name), Some(imap), Some(auth)) = (name, imap, auth) else { return (None, default) };
    (Some(Backend { name: name.value.into(), imap, pop3, sieve, lmtp, relay, auth, hint }), default)
}

fn endpoint(reader: &mut Reader<'_>, url: &Found<String>, scheme: &str) -> Option<Endpoint> {
    let text = match Endpoint::parse(&url.value, scheme) {
        Ok(endpoint) => return Some(endpoint),
        Err(Unusable::Scheme) => format!("must begin with {scheme}://, {scheme}+starttls://, {scheme}s:// or unix:"),
        Err(Unusable::Place) => "must have a host and a port".to_owned(),
        Err(Unusable::PlainToElsewhere) => format!("goes to another machine: use {scheme}s:// or {scheme}+starttls://"),
    };
    reader.wrong(url, &text);
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `docs/admin/reference.md`; that what stands there is right is a test of `tests/pages/reference.rs`.
    #[test]
    fn every_key_is_in_the_reference() {
        let reference = include_str!("../../docs/admin/reference.md");
        let (mut reader, mut root) = Reader::new("[[listen]]\n[[backend]]\n[[association]]\n[[association.alias]]\n");
        let _ = whole(&mut reader, &mut root);
        let missing: Vec<_> = reader.asked.iter().filter(|key| !reference.contains(&format!("\n| `{key}` | "))).collect();
        assert!(missing.is_empty() && reader.asked.len() > 60, "not in the reference: {missing:?}");
    }
}
