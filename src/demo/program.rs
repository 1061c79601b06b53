//! The programs that are started, by name, and the packages that they come in.

/// What is started, and what it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// The mailboxes.
    Dovecot,
    /// What several nodes have in common.
    Etcd,
    /// This very program.
    Nologd,
    /// Makes the certificates of several nodes.
    Openssl,
    /// The tests' relay.
    Postfix,
    /// The demo's relay.
    Relay,
    /// The webmail.
    Roundcube,
}

impl Program {
    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Program::Dovecot => "Dovecot",
            Program::Etcd => "etcd",
            Program::Nologd => "nologd",
            Program::Openssl => "openssl",
            Program::Postfix => "Postfix",
            Program::Relay => "the relay",
            Program::Roundcube => "Roundcube",
        }
    }

    /// The Debian packages that it comes in.
    pub fn packages(self) -> &'static str {
        match self {
            Program::Dovecot => "dovecot-imapd dovecot-lmtpd",
            Program::Etcd => "etcd-server",
            Program::Openssl => "openssl",
            Program::Postfix => "postfix",
            Program::Roundcube => "roundcube-core roundcube-sqlite3 php-cli",
            Program::Nologd | Program::Relay => "",
        }
    }
}
