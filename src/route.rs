//! Backends and how they are reached. Domain -> association -> name of the backend is the book's; this is the rest of the way.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::event::BackendService;

/// Where a server listens, and how it is spoken to.
///
/// # Examples
///
/// ```
/// use nologd::route::{Endpoint, Security, Unusable};
///
/// let endpoint = Endpoint::parse("imap+starttls://store.example:143", "imap").ok().unwrap();
/// assert_eq!(endpoint.security, Security::StartTls);
/// let plain = Endpoint::parse("imap://store.example:143", "imap");
/// assert_eq!(plain.err(), Some(Unusable::PlainToElsewhere));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The socket.
    pub socket: SocketName,
    /// The encryption.
    pub security: Security,
}

/// A socket.
#[derive(Clone, PartialEq, Eq)]
pub enum SocketName {
    /// Name or address, and port. The name is what a certificate must be for.
    Tcp(Box<str>, u16),
    /// A path.
    Unix(PathBuf),
}

/// How a connection to a backend is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// Not at all: loopback and Unix sockets only.
    Plain,
    /// TLS from the first byte, verified certificate.
    Implicit,
    /// TLS after the protocol's STARTTLS, verified certificate; never without.
    StartTls,
}

/// Why a URL is no endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// The scheme is not one of this service.
    Scheme,
    /// No host, or no port where one is needed.
    Place,
    /// Plain text to another machine.
    PlainToElsewhere,
}

impl Endpoint {
    /// Reads `SCHEME://HOST:PORT`, `SCHEME+starttls://...`, `SCHEMEs://...` or `unix:PATH`; the scheme is that of a service ([`scheme`]).
    ///
    /// # Errors
    /// Plain text is refused to anything but loopback and Unix sockets.
    pub fn parse(url: &str, scheme: &str) -> Result<Endpoint, Unusable> {
        if let Some(path) = url.strip_prefix("unix:") {
            let socket = SocketName::Unix(PathBuf::from(path.strip_prefix("//").unwrap_or(path)));
            return Ok(Endpoint { socket, security: Security::Plain });
        }
        let (given, rest) = url.split_once("://").ok_or(Unusable::Scheme)?;
        let security = match given.strip_prefix(scheme) {
            Some("") => Security::Plain,
            Some("s") => Security::Implicit,
            Some("+starttls") => Security::StartTls,
            _ => return Err(Unusable::Scheme),
        };
        let (host, port) = rest.trim_end_matches('/').rsplit_once(':').ok_or(Unusable::Place)?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = port.parse().map_err(|_| Unusable::Place)?;
        if host.is_empty() || port == 0 {
            return Err(Unusable::Place);
        }
        if security == Security::Plain && !is_loopback(host) {
            return Err(Unusable::PlainToElsewhere);
        }
        Ok(Endpoint { socket: SocketName::Tcp(host.into(), port), security })
    }
}

/// Whether `host` is this machine, by its name or its number.
pub fn is_loopback(host: &str) -> bool {
    let number = host.parse::<std::net::IpAddr>();
    host == "localhost" || number.is_ok_and(|number| number.is_loopback())
}

/// Who judges a password at submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthBy {
    /// The IMAP server: a login and a logout.
    Imap,
    /// The relay: AUTH is passed on.
    Relay,
}

/// What a backend is told about where a client is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientHint {
    /// Nothing: all clients have our address.
    #[default]
    None,
    /// A made-up address for each client (`private::Hint`), by IMAP ID before the login.
    Pseudonym,
}

/// The scheme of the URLs of a service's endpoints.
pub fn scheme(service: BackendService) -> &'static str {
    match service {
        BackendService::Relay => "smtp",
        service => service.word(),
    }
}

/// One mail server behind us: mailbox access always, and what else it has. Nothing of it changes while it is in force; a reload makes
/// others ([`Backends::succeeding`]).
///
/// # Examples
///
/// ```
/// use nologd::event::BackendService;
/// use nologd::route::{Backend, Endpoint};
///
/// let endpoint = |url: &str, scheme: &str| Endpoint::parse(url, scheme).ok().unwrap();
/// let backend = Backend::new("store1", endpoint("imap://127.0.0.1:10143", "imap"))
///     .with(BackendService::Lmtp, endpoint("unix:/run/dovecot/lmtp", "lmtp"));
/// let services: Vec<_> = backend.endpoints().map(|(service, _)| service.word()).collect();
/// assert_eq!(services, ["imap", "lmtp"]);
/// ```
#[derive(PartialEq, Eq)]
pub struct Backend {
    /// For the admins.
    pub name: Box<str>,
    /// Mailbox access, which each has.
    pub imap: Endpoint,
    /// The services beside it.
    beside: BTreeMap<BackendService, Endpoint>,
    /// Who judges passwords at submission.
    pub auth: AuthBy,
    /// What it is told about where a client is.
    pub hint: ClientHint,
}

impl Backend {
    /// With mailbox access alone, which judges passwords too; it is told nothing about where clients are.
    pub fn new(name: &str, imap: Endpoint) -> Backend {
        Backend { name: name.into(), imap, beside: BTreeMap::new(), auth: AuthBy::Imap, hint: ClientHint::None }
    }

    /// The same with this service at `endpoint`.
    #[must_use]
    pub fn with(mut self, service: BackendService, endpoint: Endpoint) -> Backend {
        match service {
            BackendService::Imap => self.imap = endpoint,
            service => drop(self.beside.insert(service, endpoint)),
        }
        self
    }

    /// Where this service of it is; none where it has none.
    pub fn endpoint(&self, service: BackendService) -> Option<&Endpoint> {
        if service == BackendService::Imap { Some(&self.imap) } else { self.beside.get(&service) }
    }

    /// Those services that it has, in the order in which admins are told of them.
    pub fn endpoints(&self) -> impl Iterator<Item = (BackendService, &Endpoint)> {
        BackendService::ALL.iter().filter_map(|service| Some((*service, self.endpoint(*service)?)))
    }
}

/// One backend as a section of the file describes it, for as long as the daemon runs: a reload that moves the section leaves it its
/// id, one that changes it gives a new one, and no id is given twice. What is learned of a backend is kept by its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BackendId(u64);

impl BackendId {
    /// Those in force are made in [`Backends`].
    #[cfg(any(test, feature = "testing"))]
    pub(crate) const fn new(number: u64) -> BackendId {
        BackendId(number)
    }
}

/// All of them. Which association uses which is in the book; a session keeps the backends it began with.
#[derive(Default)]
pub struct Backends {
    /// In the order of the config file.
    list: Vec<(BackendId, Backend)>,
    default: usize,
    /// Other nodes, in the order of the config file: for the sessions of associations that they judge, and for nothing else.
    fellows: Vec<(BackendId, Backend)>,
    /// The next id that nobody has or had.
    next: u64,
}

impl Backends {
    /// In the order of the config file; `default` is a position in it.
    pub fn new(list: Vec<Backend>, default: usize) -> Backends {
        let next = list.len() as u64;
        Backends { list: (0..).map(BackendId).zip(list).collect(), default, fellows: Vec::new(), next }
    }

    /// The same beside other nodes, which are spoken to like backends.
    #[must_use]
    pub fn beside(mut self, fellows: Vec<Backend>) -> Backends {
        self.fellows = (self.next..).map(BackendId).zip(fellows).collect();
        self.next += self.fellows.len() as u64;
        self
    }

    /// The same with the ids of those that were in force `before`, where they did not change.
    pub fn succeeding(mut self, before: &Backends) -> Backends {
        self.next = before.next;
        for (id, backend) in self.list.iter_mut().chain(&mut self.fellows) {
            let same = before.list.iter().chain(&before.fellows).find(|(_, old)| old == backend);
            *id = same.map_or(BackendId(self.next), |(id, _)| *id);
            self.next += u64::from(same.is_none());
        }
        self
    }

    /// The one with this id. None: it is not in this file.
    pub fn at(&self, id: BackendId) -> Option<&Backend> {
        self.list.iter().chain(&self.fellows).find(|(other, _)| *other == id).map(|(_, backend)| backend)
    }

    /// The other node of that name.
    pub fn fellow(&self, name: &str) -> Option<BackendId> {
        self.fellows.iter().find(|(_, fellow)| *fellow.name == *name).map(|(id, _)| *id)
    }

    /// Whether it is another node.
    pub fn is_fellow(&self, id: BackendId) -> bool {
        self.fellows.iter().any(|(other, _)| *other == id)
    }

    /// All other nodes, in the order of the config file.
    pub fn fellows(&self) -> impl Iterator<Item = &Backend> {
        self.fellows.iter().map(|(_, fellow)| fellow)
    }

    /// The one called `name`; the default one without a name. None: the file no longer has it.
    pub fn find(&self, name: Option<&str>) -> Option<BackendId> {
        match name {
            Some(name) => self.iter().find(|(_, backend)| *backend.name == *name).map(|(id, _)| id),
            None => Some(self.default_id()),
        }
    }

    /// Where logins of unknown domains are sent, to be refused there like a wrong password.
    pub fn default_id(&self) -> BackendId {
        self.list.get(self.default).map_or(BackendId(self.next), |(id, _)| *id)
    }

    /// Whether the one called `name` is the default one. Not so where the file does not have it.
    pub fn is_default(&self, name: &str) -> bool {
        self.find(Some(name)) == self.find(None)
    }

    /// Which section of the file it is, from zero: what admins are told.
    pub fn position(&self, id: BackendId) -> Option<u64> {
        self.iter().position(|(other, _)| other == id).map(|position| position as u64)
    }

    /// All, in the order of the config file.
    pub fn iter(&self) -> impl Iterator<Item = (BackendId, &Backend)> + Clone {
        self.list.iter().map(|(id, backend)| (*id, backend))
    }

    /// Their names, in the order of the config file.
    pub fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.iter().map(|(_, backend)| &*backend.name)
    }

    /// The names of those that are given a made-up address for each client.
    pub fn hinted(&self) -> impl Iterator<Item = &str> {
        self.iter().filter(|(_, backend)| backend.hint == ClientHint::Pseudonym).map(|(_, backend)| &*backend.name)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints() {
        let local = Endpoint::parse("imap://127.0.0.1:143", "imap").unwrap();
        assert!(local.security == Security::Plain);
        assert!(Endpoint::parse("imap+starttls://mail.example:143", "imap").unwrap().security == Security::StartTls);
        assert!(Endpoint::parse("imaps://[2001:db8::1]:993", "imap").is_ok());
        assert!(Endpoint::parse("unix:/run/lmtp", "lmtp").is_ok());
        assert_eq!(Endpoint::parse("imap://mail.example:143", "imap").err(), Some(Unusable::PlainToElsewhere));
        assert_eq!(Endpoint::parse("pop3://127.0.0.1:110", "imap").err(), Some(Unusable::Scheme));
        assert_eq!(Endpoint::parse("imap://127.0.0.1", "imap").err(), Some(Unusable::Place));
    }

    fn backend(name: &str, port: u16) -> Backend {
        let imap = Endpoint { socket: SocketName::Tcp("127.0.0.1".into(), port), security: Security::Plain };
        Backend::new(name, imap)
    }

    #[test]
    fn a_backend_has_the_services_it_was_given() {
        let endpoint = |service| Endpoint { socket: SocketName::Unix(scheme(service).into()), security: Security::Plain };
        let full = BackendService::ALL.iter().fold(backend("a", 1), |full, service| full.with(*service, endpoint(*service)));
        let found: Vec<_> = full.endpoints().map(|(service, endpoint)| (service, endpoint.clone())).collect();
        assert!(found == BackendService::ALL.iter().map(|service| (*service, endpoint(*service))).collect::<Vec<_>>());
        assert!(backend("a", 1).endpoints().map(|(service, _)| service).eq([BackendService::Imap]));
    }

    #[test]
    fn a_backend_keeps_its_id_as_long_as_it_is_the_same() {
        let first = Backends::new(vec![backend("a", 1), backend("b", 2)], 0);
        let (a, b) = (first.find(Some("a")).unwrap(), first.find(Some("b")).unwrap());
        let moved = Backends::new(vec![backend("b", 2), backend("c", 3), backend("a", 1)], 0).succeeding(&first);
        assert_eq!((moved.find(Some("a")), moved.find(Some("b")), moved.position(a)), (Some(a), Some(b), Some(2)));
        let c = moved.find(Some("c")).unwrap();
        assert!(c != a && c != b && moved.default_id() == b);
        assert!(moved.is_default("b") && !moved.is_default("a") && !moved.is_default("d"));
        // It is changed, and changed back; another one takes its place.
        let changed = Backends::new(vec![backend("a", 9), backend("c", 3)], 0).succeeding(&moved);
        let other = changed.find(Some("a")).unwrap();
        assert!(![a, b, c].contains(&other) && changed.at(a).is_none() && changed.position(c) == Some(1));
        let back = Backends::new(vec![backend("a", 1)], 0).succeeding(&changed);
        assert!(![a, b, c, other].contains(&back.find(Some("a")).unwrap()));
    }
}
