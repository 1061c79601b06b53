//! What mail programs can be told to use: the ports that really listen, with TLS from the first byte before STARTTLS.

use crate::fault::Lang;

/// What is spoken there. A new one is its row in [`Speech::row`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Speech {
    /// Reading, with folders.
    Imap,
    /// Fetching.
    Pop3,
    /// Sending.
    Submission,
}

/// Which way the mail goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailDirection {
    /// To the member.
    Incoming,
    /// From the member.
    Outgoing,
}

/// What those who are told it call it.
pub struct SpeechRow {
    /// The word of its listeners in the config file.
    pub service: &'static str,
    /// Which way the mail goes.
    pub direction: MailDirection,
    /// Ports that it is known by: with TLS from the first byte, and with STARTTLS (RFC 8314 7, RFC 9051, RFC 1939, RFC 6409).
    pub usual: [u16; 2],
    /// Its services in a zone (RFC 6186, RFC 8314 5.1), in the same order.
    pub records: [&'static str; 2],
    /// In autoconfig and PACC; Outlook says it in capitals.
    pub protocol: &'static str,
    /// The kind of account that reads by it, in Apple's profiles; none where nobody reads by it.
    pub account: Option<&'static str>,
    /// For people, in English and French.
    pub name: [&'static str; 2],
}

impl Speech {
    /// In the order in which programs are told of them: of what brings mail the better one first.
    pub const ALL: [Speech; 3] = [Speech::Imap, Speech::Pop3, Speech::Submission];

    /// What it is called.
    pub fn row(self) -> SpeechRow {
        match self {
            Speech::Imap => SpeechRow {
                service: "imap",
                direction: MailDirection::Incoming,
                usual: [993, 143],
                records: ["_imaps", "_imap"],
                protocol: "imap",
                account: Some("EmailTypeIMAP"),
                name: ["Reading (IMAP)", "Réception (IMAP)"],
            },
            Speech::Pop3 => SpeechRow {
                service: "pop3",
                direction: MailDirection::Incoming,
                usual: [995, 110],
                records: ["_pop3s", "_pop3"],
                protocol: "pop3",
                account: Some("EmailTypePOP"),
                name: ["Fetching (POP3)", "Relève (POP3)"],
            },
            Speech::Submission => SpeechRow {
                service: "submission",
                direction: MailDirection::Outgoing,
                usual: [465, 587],
                records: ["_submissions", "_submission"],
                protocol: "smtp",
                account: None,
                name: ["Sending (SMTP)", "Envoi (SMTP)"],
            },
        }
    }

    /// For people.
    pub fn name(self, lang: Lang) -> &'static str {
        let [english, french] = self.row().name;
        match lang {
            Lang::En => english,
            Lang::Fr => french,
        }
    }
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
pub struct MailPort {
    /// What is spoken.
    pub speech: Speech,
    /// When TLS begins.
    pub encryption: Encryption,
    /// Its number.
    pub port: u16,
}

impl MailPort {
    /// The port that the protocol is known by, with this kind of TLS.
    pub fn usual_port(self) -> u16 {
        let [implicit, starttls] = self.speech.row().usual;
        match self.encryption {
            Encryption::Implicit => implicit,
            Encryption::StartTls => starttls,
        }
    }
}

/// What is offered at which host.
#[derive(Clone)]
pub struct MailPorts {
    /// The name that certificates are for.
    pub host: Box<str>,
    ports: Vec<MailPort>,
}

impl MailPorts {
    /// The ports of `host`, in any order.
    pub fn new(host: &str, mut ports: Vec<MailPort>) -> MailPorts {
        ports.sort_unstable();
        ports.dedup();
        MailPorts { host: host.into(), ports }
    }

    /// All of one kind, the best first.
    pub fn of(&self, speech: Speech) -> impl Iterator<Item = MailPort> + '_ {
        self.ports.iter().copied().filter(move |port| port.speech == speech)
    }

    /// The best of one kind.
    pub fn best(&self, speech: Speech) -> Option<MailPort> {
        self.of(speech).next()
    }

    /// Whether it listens in the usual way, with TLS from the first byte at the port that is known for it.
    pub fn has_usual(&self, speech: Speech) -> bool {
        self.of(speech).any(|port| port.encryption == Encryption::Implicit && port.port == port.usual_port())
    }
}
