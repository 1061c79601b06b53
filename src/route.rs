//! Routes: domain -> association -> backend. Swapped whole on reload; a session keeps the routes it began with.

use std::collections::HashMap;
use std::path::PathBuf;

use crate::private::{Address, Domain};

/// Where a server listens, and how it is spoken to.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The socket.
    pub place: Place,
    /// The encryption.
    pub security: Security,
}

/// A socket.
#[derive(Clone, PartialEq, Eq)]
pub enum Place {
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
    /// Reads `SCHEME://HOST:PORT`, `SCHEME+starttls://...`, `SCHEMEs://...` or `unix:PATH`, where SCHEME is `imap`,
    /// `smtp` or `lmtp`.
    ///
    /// # Errors
    /// Plain text is refused to anything but loopback and Unix sockets.
    pub fn parse(url: &str, scheme: &str) -> Result<Endpoint, Unusable> {
        if let Some(path) = url.strip_prefix("unix:") {
            let place = Place::Unix(PathBuf::from(path.strip_prefix("//").unwrap_or(path)));
            return Ok(Endpoint { place, security: Security::Plain });
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
        Ok(Endpoint { place: Place::Tcp(host.into(), port), security })
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

/// One mail server behind us.
pub struct Backend {
    /// For the admins.
    pub name: Box<str>,
    /// Mailbox access.
    pub imap: Endpoint,
    /// Incoming mail.
    pub lmtp: Option<Endpoint>,
    /// Outgoing mail.
    pub relay: Option<Endpoint>,
    /// Who judges passwords at submission.
    pub auth: AuthBy,
}

/// Which sender addresses a member may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Senders {
    /// The own mailbox, its sub-addresses, and aliases that lead to it.
    Mailbox,
    /// Every address of the association's domains.
    Domain,
}

/// One tenant.
pub struct Association {
    /// For the admins.
    pub name: Box<str>,
    /// Its domains, the first is the main one.
    pub domains: Vec<Domain>,
    /// Position of its backend.
    pub backend: usize,
    /// Sender rule.
    pub senders: Senders,
    /// Alias and the mailboxes it leads to.
    pub aliases: HashMap<Address, Vec<Address>>,
}

/// All of them.
#[derive(Default)]
pub struct Routes {
    backends: Vec<Backend>,
    associations: Vec<Association>,
    by_domain: HashMap<Domain, usize>,
    default_backend: usize,
}

impl Routes {
    /// Builds the table. Positions in `associations` must be within `backends`, which must not be empty; a domain that
    /// stands twice belongs to the first.
    pub fn new(backends: Vec<Backend>, associations: Vec<Association>, default_backend: usize) -> Routes {
        let mut by_domain = HashMap::new();
        for (position, association) in associations.iter().enumerate() {
            for domain in &association.domains {
                by_domain.entry(domain.clone()).or_insert(position);
            }
        }
        Routes { backends, associations, by_domain, default_backend }
    }

    /// The association that owns `domain`.
    pub fn association(&self, domain: &Domain) -> Option<&Association> {
        self.by_domain.get(domain).and_then(|position| self.associations.get(*position))
    }

    /// The backend at `position`.
    pub fn backend(&self, position: usize) -> Option<&Backend> {
        self.backends.get(position)
    }

    /// All backends, in the order of the config file.
    pub fn backends(&self) -> &[Backend] {
        &self.backends
    }

    /// All associations, in the order of the config file.
    pub fn associations(&self) -> &[Association] {
        &self.associations
    }

    /// Position of the backend that unknown domains are sent to, to be refused there like a wrong password.
    pub fn default_backend(&self) -> usize {
        self.default_backend
    }

    /// Whether `user` may write as `sender` (DESIGN section 3: mailbox, alias, or domain, as the association allows).
    pub fn owns(&self, user: &Address, sender: &Address) -> bool {
        let Some(association) = self.association(user.domain()) else { return false };
        let mailbox = sender.without_tag('+');
        let same = *user == *sender || *user == mailbox || user.without_tag('+') == mailbox;
        let alias = || [sender, &mailbox].iter().any(|name| association.aliases.get(name).is_some_and(|to| to.contains(user)));
        let domain = || association.senders == Senders::Domain && association.domains.contains(sender.domain());
        same || alias() || domain()
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

    #[test]
    fn senders() {
        let address = |text: &str| Address::parse(text).unwrap();
        let association = |senders| Association {
            name: "velo".into(),
            domains: vec![Domain::parse("velo.example").unwrap()],
            backend: 0,
            senders,
            aliases: HashMap::from([(address("contact@velo.example"), vec![address("alice@velo.example")])]),
        };
        let alice = address("alice@velo.example");
        let strict = Routes::new(vec![], vec![association(Senders::Mailbox)], 0);
        assert!(strict.owns(&alice, &alice));
        assert!(strict.owns(&alice, &address("alice+list@velo.example")));
        assert!(strict.owns(&alice, &address("contact@velo.example")));
        assert!(!strict.owns(&alice, &address("bob@velo.example")));
        assert!(!strict.owns(&address("bob@velo.example"), &address("contact@velo.example")));
        let open = Routes::new(vec![], vec![association(Senders::Domain)], 0);
        assert!(open.owns(&alice, &address("bob@velo.example")));
        assert!(!open.owns(&alice, &address("bob@other.example")));
    }
}
