//! Who writes things down on a mail host: the servers that the audit knows.

/// A server, or a part of the machine, that writes things down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AuditedServer {
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
    /// What several nodes share, where there are several.
    Etcd,
    /// What copies log files, and keeps old ones.
    Backups,
}

impl AuditedServer {
    /// All of them.
    pub const ALL: [AuditedServer; 14] = [
        AuditedServer::Dovecot,
        AuditedServer::Postfix,
        AuditedServer::Nginx,
        AuditedServer::Apache,
        AuditedServer::Roundcube,
        AuditedServer::Panel,
        AuditedServer::Rspamd,
        AuditedServer::OpenDkim,
        AuditedServer::Mailman,
        AuditedServer::Fail2ban,
        AuditedServer::Journald,
        AuditedServer::Rsyslog,
        AuditedServer::Etcd,
        AuditedServer::Backups,
    ];

    /// Its name for people and in reports.
    pub fn name(self) -> &'static str {
        match self {
            AuditedServer::Dovecot => "Dovecot",
            AuditedServer::Postfix => "Postfix",
            AuditedServer::Nginx => "nginx",
            AuditedServer::Apache => "Apache",
            AuditedServer::Roundcube => "Roundcube",
            AuditedServer::Panel => "panel",
            AuditedServer::Rspamd => "rspamd",
            AuditedServer::OpenDkim => "OpenDKIM",
            AuditedServer::Mailman => "Mailman",
            AuditedServer::Fail2ban => "fail2ban",
            AuditedServer::Journald => "journald",
            AuditedServer::Rsyslog => "rsyslog",
            AuditedServer::Etcd => "etcd",
            AuditedServer::Backups => "backups",
        }
    }
}
