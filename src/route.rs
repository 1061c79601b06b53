//! Backends and how they are reached. Domain -> association -> name of the backend is the book's; this is the rest of the way.

use std::path::PathBuf;

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

/// What a backend is told about where a client is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientHint {
    /// Nothing: all clients have our address.
    #[default]
    None,
    /// A made-up address for each client (`private::Hint`), by IMAP ID before the login.
    Pseudonym,
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
    /// What it is told about where a client is.
    pub hint: ClientHint,
}

/// All of them. Which association uses which is in the book; a session keeps the backends it began with.
#[derive(Default)]
pub struct Backends {
    list: Vec<Backend>,
    default: usize,
}

impl Backends {
    /// In the order of the config file; `default` is a position in it.
    pub fn new(list: Vec<Backend>, default: usize) -> Backends {
        Backends { list, default }
    }

    /// The one at `position`.
    pub fn at(&self, position: usize) -> Option<&Backend> {
        self.list.get(position)
    }

    /// The position of the one called `name`; of the default one without a name. None: the file no longer has it.
    pub fn position(&self, name: Option<&str>) -> Option<usize> {
        match name {
            Some(name) => self.list.iter().position(|backend| *backend.name == *name),
            None => Some(self.default),
        }
    }

    /// Where logins of unknown domains are sent, to be refused there like a wrong password.
    pub fn default_position(&self) -> usize {
        self.default
    }

    /// Their names, in the order of the config file.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|backend| &*backend.name)
    }

    /// The names of those that are given a made-up address for each client.
    pub fn hinted(&self) -> impl Iterator<Item = &str> {
        self.list.iter().filter(|backend| backend.hint == ClientHint::Pseudonym).map(|backend| &*backend.name)
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
}
