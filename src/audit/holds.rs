//! What a log line, a file or a database can hold about a person.

/// What is written down about a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holds {
    /// The network address of the person's device.
    ClientAddress,
    /// The login, which is usually the mail address.
    Login,
    /// Who wrote, and to whom.
    Correspondents,
    /// The identifier of a message.
    MessageId,
    /// When something was done.
    Times,
    /// The mail program or browser.
    Program,
    /// The password.
    Password,
    /// Subjects or bodies.
    Contents,
}

impl Holds {
    /// All of them.
    pub const ALL: [Holds; 8] = [
        Holds::ClientAddress,
        Holds::Login,
        Holds::Correspondents,
        Holds::MessageId,
        Holds::Times,
        Holds::Program,
        Holds::Password,
        Holds::Contents,
    ];

    /// What a value that the canary planted stands for.
    pub fn planted(name: &str) -> Option<Holds> {
        Some(match name {
            "client-address" => Holds::ClientAddress,
            "login" => Holds::Login,
            "refused-sender" => Holds::Correspondents,
            "message-id" => Holds::MessageId,
            "machine-name" | "imap-id" | "user-agent" => Holds::Program,
            "password" | "wrong-password" => Holds::Password,
            "subject" | "body" | "mailbox-name" | "broken-tls" => Holds::Contents,
            _ => return None,
        })
    }

    /// Its word in reports.
    pub fn word(self) -> &'static str {
        match self {
            Holds::ClientAddress => "client-address",
            Holds::Login => "login",
            Holds::Correspondents => "correspondents",
            Holds::MessageId => "message-id",
            Holds::Times => "times",
            Holds::Program => "program",
            Holds::Password => "password",
            Holds::Contents => "contents",
        }
    }
}
