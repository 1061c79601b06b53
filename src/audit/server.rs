//! Who writes things down on a mail host: the servers that the audit knows.

/// A server, or a part of the machine, that writes things down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Server {
    /// Mailboxes.
    Dovecot,
    /// The relay.
    Postfix,
    /// The web server in front of the webmail, or a mail proxy.
    Nginx,
    /// The other web server, with the panel's and the members' own sites.
    Apache,
    /// The webmail.
    Roundcube,
    /// The panel, and its database.
    Panel,
    /// The spam filter.
    Rspamd,
    /// The signer.
    OpenDkim,
    /// The lists.
    Mailman,
    /// Who bans network addresses.
    Fail2ban,
    /// systemd's journal.
    Journald,
    /// The classic log daemon.
    Rsyslog,
    /// What copies log files, and keeps old ones.
    Backups,
}

impl Server {
    /// All of them.
    pub const ALL: [Server; 13] = [
        Server::Dovecot,
        Server::Postfix,
        Server::Nginx,
        Server::Apache,
        Server::Roundcube,
        Server::Panel,
        Server::Rspamd,
        Server::OpenDkim,
        Server::Mailman,
        Server::Fail2ban,
        Server::Journald,
        Server::Rsyslog,
        Server::Backups,
    ];

    /// Its name for people and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Server::Dovecot => "Dovecot",
            Server::Postfix => "Postfix",
            Server::Nginx => "nginx",
            Server::Apache => "Apache",
            Server::Roundcube => "Roundcube",
            Server::Panel => "panel",
            Server::Rspamd => "rspamd",
            Server::OpenDkim => "OpenDKIM",
            Server::Mailman => "Mailman",
            Server::Fail2ban => "fail2ban",
            Server::Journald => "journald",
            Server::Rsyslog => "rsyslog",
            Server::Backups => "backups",
        }
    }
}
