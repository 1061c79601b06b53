//! What mail programs can be told to use: the ports that really listen, with TLS from the first byte before STARTTLS.

/// What is spoken there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Speech {
    /// Reading, with folders.
    Imap,
    /// Fetching.
    Pop3,
    /// Sending.
    Submission,
}

/// When TLS begins. In the order in which it is recommended (RFC 8314 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Encryption {
    /// With the first byte.
    Implicit,
    /// After STARTTLS.
    StartTls,
}

/// One port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OfferedPort {
    /// What is spoken.
    pub speech: Speech,
    /// When TLS begins.
    pub encryption: Encryption,
    /// Its number.
    pub port: u16,
}

impl OfferedPort {
    /// The port that the protocol is known by, with this kind of TLS (RFC 8314 7, RFC 9051, RFC 1939, RFC 6409).
    pub fn usual_port(self) -> u16 {
        match (self.speech, self.encryption) {
            (Speech::Imap, Encryption::Implicit) => 993,
            (Speech::Imap, Encryption::StartTls) => 143,
            (Speech::Pop3, Encryption::Implicit) => 995,
            (Speech::Pop3, Encryption::StartTls) => 110,
            (Speech::Submission, Encryption::Implicit) => 465,
            (Speech::Submission, Encryption::StartTls) => 587,
        }
    }
}

/// What is offered at which host.
#[derive(Clone)]
pub struct MailOffer {
    /// The name that certificates are for.
    pub host: Box<str>,
    doors: Vec<OfferedPort>,
}

impl MailOffer {
    /// The doors of `host`, in any order.
    pub fn new(host: &str, mut doors: Vec<OfferedPort>) -> MailOffer {
        doors.sort_unstable();
        doors.dedup();
        MailOffer { host: host.into(), doors }
    }

    /// All of one kind, the best first.
    pub fn doors(&self, speech: Speech) -> impl Iterator<Item = OfferedPort> + '_ {
        self.doors.iter().copied().filter(move |door| door.speech == speech)
    }

    /// The best of one kind.
    pub fn best(&self, speech: Speech) -> Option<OfferedPort> {
        self.doors(speech).next()
    }

    /// Whether it listens in the usual way, with TLS from the first byte at the port that is known for it.
    pub fn has_usual(&self, speech: Speech) -> bool {
        self.doors(speech).any(|door| door.encryption == Encryption::Implicit && door.port == door.usual_port())
    }
}
