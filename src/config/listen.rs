//! `[[listen]]` in the config file: where clients connect, and how they are protected there.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::groups::group;
use super::listen_options::{ListenOptions, ListensAt, options};
use super::reader::{Found, Reader, Section, choice};
use crate::private::Domain;
use crate::route::is_loopback;
use crate::serve::Service;

/// One listener.
#[derive(Clone, PartialEq, Eq)]
pub struct Listen {
    /// What is spoken; by ALPN: the first of what may be, of mail programs where there is one.
    pub service: Service,
    /// `ADDRESS:PORT` or `unix:PATH`.
    pub address: String,
    /// How it is protected.
    pub tls: ListenTls,
    /// Whether backend connections are reused: always for the webmail, on request for `imap`.
    pub pool: bool,
    /// Who else may connect to a Unix socket: a group, by its number.
    pub group: Option<u32>,
    /// Who signs the certificates that clients must show; none where clients need no certificate.
    pub clients: Option<PathBuf>,
    /// The domain of logins that have none.
    pub default_domain: Option<String>,
    /// The backend that tells usage there, by its name; none where nobody knows which it is.
    pub backend: Option<String>,
    /// Who stands in front of it, and what else may be spoken.
    pub options: ListenOptions,
}

/// `tls = ...` of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListenTls {
    /// From the first byte.
    Implicit,
    /// After STARTTLS.
    StartTls,
    /// Not at all.
    None,
}

impl ListenTls {
    /// The word in the config file.
    pub fn word(self) -> &'static str {
        match self {
            ListenTls::Implicit => "implicit",
            ListenTls::StartTls => "starttls",
            ListenTls::None => "none",
        }
    }
}

impl Listen {
    /// What is spoken there: one service, or several by ALPN.
    pub fn services(&self) -> &[Service] {
        if self.options.by_alpn.is_empty() { std::slice::from_ref(&self.service) } else { &self.options.by_alpn }
    }

    /// Their words in the config file.
    pub fn words(&self) -> String {
        self.services().iter().map(|service| service.word()).collect::<Vec<_>>().join(" ")
    }

    /// Whether it can be reached from this machine only.
    pub fn is_local(&self) -> bool {
        let host = self.address.rsplit_once(':').map_or("", |(host, _)| host.trim_start_matches('[').trim_end_matches(']'));
        self.address.starts_with("unix:") || is_loopback(host)
    }
}

/// `default_domain`, of the whole file or of one listener.
fn default_domain(reader: &mut Reader<'_>, section: &mut Section<'_>) -> Option<String> {
    let found = section.text(reader, "default_domain")?;
    if Domain::parse(&found.value).is_none_or(|domain| !domain.has_dot()) {
        reader.wrong(&found, "must be a domain, such as asso.example");
    }
    Some(found.value)
}

/// All of them, and the backends that they name, which must be in the file.
pub(super) fn listens(reader: &mut Reader<'_>, root: &mut Section<'_>, certificates: bool) -> (Vec<Listen>, Vec<Found<String>>) {
    let everywhere = default_domain(reader, root);
    let (mut listens, mut named): (Vec<Listen>, _) = (Vec::new(), Vec::new());
    let sections = root.sections(reader, "listen");
    if sections.is_empty() {
        reader.problem(0..0, "listen", "is missing: at least one [[listen]] is needed");
    }
    for section in sections {
        let Some((listen, address)) = listen(reader, section, everywhere.as_deref(), &mut named) else { continue };
        if let Some(wrong) = wrong_address(&listen, &listens, certificates) {
            reader.wrong(&address, wrong);
        }
        listens.push(listen);
    }
    (listens, named)
}

/// One listener, and where its address stands. A backend that it names is put into `named`.
fn listen(
    reader: &mut Reader<'_>,
    mut section: Section<'_>,
    everywhere: Option<&str>,
    named: &mut Vec<Found<String>>,
) -> Option<(Listen, Found<String>)> {
    let options = options(reader, &mut section);
    let service = if options.is_by_alpn() { section.text(reader, "service") } else { section.needed(reader, "service") };
    let address = section.needed(reader, "address");
    let tls = section.needed(reader, "tls");
    let wants_pool = section.flag(reader, "pool");
    let group = section.text(reader, "group");
    let clients = section.text(reader, "client_authorities");
    let backend = section.text(reader, "backend");
    let own_domain = default_domain(reader, &mut section);
    let place = section.place();
    section.end(reader);
    let services: Vec<_> = Service::ALL.iter().map(|service| (service.word(), *service)).collect();
    if let Some(found) = service.as_ref().filter(|_| options.is_by_alpn()) {
        reader.wrong(found, "and by_alpn: one of the two");
    }
    let service = choice(reader, service, &services).or_else(|| options.first());
    let kinds = [ListenTls::Implicit, ListenTls::StartTls, ListenTls::None].map(|kind| (kind.word(), kind));
    let protection = choice(reader, tls, &kinds);
    let (service, address, tls) = (service?, address?, protection?);
    if wants_pool && (options.is_by_alpn() || service != Service::Imap && !service.is_webmail()) {
        reader.wrong(&place, "has pool = true, which is for imap only");
    }
    let unix = address.value.starts_with("unix:");
    let group = group.and_then(|found| socket_group(reader, &found, unix, service));
    let clients = clients.and_then(|found| client_authorities(reader, &found, service, tls));
    if own_domain.is_some() && !service.has_logins() {
        reader.wrong(&place, "has default_domain, and nobody logs in there");
    }
    let speaker = backend.as_ref().map(|found| found.value.clone());
    match backend {
        Some(found) if service == Service::Usage => named.push(found),
        Some(found) => reader.wrong(&found, "is for usage: which mail server speaks there"),
        None => {}
    }
    let default_domain = own_domain.or_else(|| everywhere.map(str::to_owned)).filter(|_| service.has_logins());
    let pool = wants_pool || service.is_webmail();
    let (found, options, text) = (options.options.clone(), options, address.value.clone());
    let listen = Listen { service, address: text, tls, pool, group, clients, default_domain, backend: speaker, options: found };
    options.check(reader, ListensAt { service, unix, local: listen.is_local(), implicit: tls == ListenTls::Implicit });
    Some((listen, address))
}

/// What is wrong with where it listens, and how it is protected there; `before`: those above it in the file.
fn wrong_address(listen: &Listen, before: &[Listen], certificates: bool) -> Option<&'static str> {
    let unix = listen.address.starts_with("unix:");
    let protected = listen.tls != ListenTls::None;
    match listen.service {
        _ if !unix && listen.address.parse::<SocketAddr>().is_err() => {
            Some("must be ADDRESS:PORT with the number of an address, or unix:PATH")
        }
        _ if !protected && !listen.is_local() => Some("must be loopback or a Unix socket where tls is \"none\""),
        Service::Admin if !unix => Some("must be a Unix socket for admins, such as unix:/run/nologd/admin.sock"),
        service if wrong_socket(service, before, unix).is_some() => wrong_socket(service, before, unix),
        Service::Lmtp | Service::Policy if protected => {
            Some("is for the host's own mail server: loopback or a Unix socket, with tls = \"none\"")
        }
        Service::Metrics if protected => {
            Some("is for monitoring on this machine: loopback or a Unix socket, with tls = \"none\"")
        }
        Service::Web if listen.tls == ListenTls::StartTls => {
            Some("is for browsers, which know no STARTTLS: say tls = \"implicit\"")
        }
        service if service.is_of_the_nodes() && listen.tls != ListenTls::Implicit => {
            Some("is for other nodes: say tls = \"implicit\"; the certificates are those of [share]")
        }
        service if service.is_webmail() && !listen.is_local() && listen.clients.is_none() => {
            Some("must be loopback or a Unix socket, or have client_authorities: who can reach it can guess passwords freely")
        }
        _ if protected && unix => Some("cannot be a Unix socket where TLS is used"),
        service if protected && !certificates && !service.is_of_the_nodes() => Some("needs [tls] with certificates and default"),
        _ if before.iter().any(|other| other.address == listen.address) => Some("is used twice"),
        _ => None,
    }
}

/// What is wrong with the address of a service that believes whoever can speak to it.
fn wrong_socket(service: Service, before: &[Listen], unix: bool) -> Option<&'static str> {
    let second = || before.iter().any(|other| other.service == Service::Node);
    match service {
        Service::AdminWeb if !unix => Some(
            "must be a Unix socket for admins, such as unix:/run/nologd/admin-web.sock: on a port, every program of this machine would be one",
        ),
        Service::Node if !unix => {
            Some("must be a Unix socket for the pair, such as unix:/run/nologd/node.sock: who can speak to it is believed")
        }
        Service::Node if second() => Some("is a second socket for the pair; there is one other machine"),
        Service::Usage if !unix => {
            Some("must be a Unix socket for usage, such as unix:/run/nologd/usage.sock: who can speak to it is believed")
        }
        _ => None,
    }
}

/// Who signs the certificate that a webmail on another machine must show.
fn client_authorities(
    reader: &mut Reader<'_>,
    found: &Found<String>,
    service: Service,
    protection: ListenTls,
) -> Option<PathBuf> {
    if !service.is_webmail() {
        reader.wrong(found, "is for webmail-imap, webmail-sieve and webmail-submission: mail programs have no certificates");
    } else if protection != ListenTls::Implicit {
        reader.wrong(found, "needs tls = \"implicit\": a certificate is shown before anything is said");
    } else {
        return Some(found.value.clone().into());
    }
    None
}

/// The group that may connect to a Unix socket.
fn socket_group(reader: &mut Reader<'_>, found: &Found<String>, unix: bool, service: Service) -> Option<u32> {
    if !unix {
        reader.wrong(found, "is for Unix sockets; a port has no group");
    } else if matches!(service, Service::Admin | Service::AdminWeb) {
        reader.wrong(found, "of the admins' socket belongs into [admin]");
    } else if let Some(group) = group(&found.value) {
        return Some(group.gid);
    } else {
        reader.wrong(found, "is no group of this machine");
    }
    None
}
