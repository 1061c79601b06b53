//! Every check of the audit: what a server would write down, and about whom.
//!
//! Names are never changed: the statement, reports of other hosts and people's notes refer to them.

pub use super::holds::Holds;
pub use super::server::AuditedServer;

/// Whether a setting can stop it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeakKind {
    /// A setting stops it, and is not set so.
    Leak,
    /// No setting stops it; it is told so that the statement can say it.
    Remains,
}

/// One thing that the audit looks for in settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Check {
    /// Its name, `server-subject`.
    pub name: &'static str,
    /// Who writes.
    pub server: AuditedServer,
    /// Whether it can be stopped.
    pub kind: LeakKind,
    /// What about a person.
    pub holds: &'static [Holds],
    /// One sentence: what is written, where and when.
    pub writes: &'static str,
}

impl Check {
    /// The check with this name.
    pub fn find(name: &str) -> Option<&'static Check> {
        Check::ALL.iter().copied().find(|check| check.name == name)
    }
}

macro_rules! checks {
    ($($id:ident $server:ident $kind:ident $name:literal [$($holds:ident),*] $writes:literal)*) => {
        $(#[doc = $writes] pub const $id: Check = Check {
            name: $name, server: AuditedServer::$server, kind: LeakKind::$kind, holds: &[$(Holds::$holds),*], writes: $writes,
        };)*

        impl Check {
            /// Every check, server by server.
            pub const ALL: &'static [&'static Check] = &[$(&$id),*];
        }
    };
}

checks! {
    DOVECOT_INFO Dovecot Leak "dovecot-info-lines" [Times, Correspondents]
        "A line for each login, logout, delivery and submission, with the time; those of submission name sender and addressees."
    DOVECOT_LOGIN Dovecot Leak "dovecot-login-line" [Login, ClientAddress, Times]
        "Each login, also a wrong one: the member's address, the network address, and a session id that holds network address and port in base64."
    DOVECOT_LOGIN_FORMAT Dovecot Leak "dovecot-login-format" [Login, ClientAddress, Times]
        "The frame around each login line names more than the message and its elements."
    DOVECOT_PREFIX Dovecot Leak "dovecot-line-prefix" [Login, ClientAddress, Times]
        "Each line of a session begins with the member's address and a session id that holds the network address in base64."
    DOVECOT_LOGOUT Dovecot Leak "dovecot-logout-line" [Login, ClientAddress, Times]
        "The end of each session, with more than how many octets and messages it moved."
    DOVECOT_DELIVERY Dovecot Leak "dovecot-delivery-line" [MessageId, Correspondents, Times]
        "Each delivery: the Message-ID of the mail, and what else the format names."
    DOVECOT_AUTH_VERBOSE Dovecot Leak "dovecot-auth-verbose" [Login, ClientAddress, Times]
        "Each failed login with the member's address and the network address."
    DOVECOT_AUTH_PASSWORDS Dovecot Leak "dovecot-auth-passwords" [Password, Login]
        "Passwords that were tried; a typing error away from the right one."
    DOVECOT_DEBUG Dovecot Leak "dovecot-debug" [Login, ClientAddress, Password, Times]
        "Everything that is done at each login and on each mailbox."
    DOVECOT_TLS_LOG Dovecot Leak "dovecot-tls-log" [ClientAddress, Times]
        "Each step of each TLS handshake, with the network address."
    DOVECOT_MAIL_LOG Dovecot Leak "dovecot-mail-log" [Login, MessageId, Correspondents, Contents, Times]
        "Each message that is stored, copied or deleted: mailbox, Message-ID, and sender and subject where asked for."
    DOVECOT_LAST_LOGIN Dovecot Leak "dovecot-last-login" [Login, Times]
        "The moment of each member's last login, in a file or database."
    DOVECOT_ID_LOG Dovecot Leak "dovecot-id-log" [Program, Login]
        "What mail programs say about themselves (IMAP ID): name, version, system."
    DOVECOT_EVENTS Dovecot Leak "dovecot-event-export" [Login, ClientAddress, Times]
        "Events with all their fields go to a log, a file or another machine."
    DOVECOT_TITLE Dovecot Leak "dovecot-process-title" [Login, ClientAddress]
        "Member and network address stand in the process list, which every user of the machine and every monitoring tool can read."
    DOVECOT_RAWLOG Dovecot Leak "dovecot-rawlog" [Contents, Password, Login]
        "Whole sessions, with the mail in them, are copied into files."
    DOVECOT_POLICY_SERVER Dovecot Leak "dovecot-auth-policy-server" [Login, ClientAddress, Program, Times]
        "Each login is told to another server, with the network address."
    DOVECOT_RECEIVED Dovecot Leak "dovecot-received" [Times, Login]
        "A Received line in each message it takes in, with the server it came from and the moment; at submission by a member, the member's network."
    DOVECOT_POST_LOGIN Dovecot Leak "dovecot-post-login" [Login, ClientAddress, Times]
        "A script runs at each login and is told who logs in and from where. AlternC's writes the moment into its database."
    DOVECOT_BESIDE Dovecot Leak "dovecot-listener-beside" [Login, ClientAddress, Times]
        "Mail programs can reach Dovecot past nologd: it learns the network address of whoever logs in there."
    DOVECOT_SIEVE_TRACE Dovecot Leak "dovecot-sieve-trace" [Correspondents, MessageId, Contents, Times]
        "Each step of each filter script, with what it looks at, goes into files."
    DOVECOT_SIEVE_LOG Dovecot Remains "dovecot-sieve-user-log" [MessageId, Times]
        "A filter script that fails writes the moment and the Message-ID into a file beside it, in the member's own folder."
    DOVECOT_FAULTS Dovecot Remains "dovecot-fault-lines" [Login, Times]
        "When something fails, the error line names the mailbox, or its path. No setting takes the name out of error lines."

    POSTFIX_SESSIONS Postfix Leak "postfix-session-lines" [ClientAddress, Times]
        "Each connection, its end and its loss, with the network address."
    POSTFIX_LOGINS Postfix Leak "postfix-login-lines" [Login, ClientAddress, Times]
        "Each message sent with a login, and each failed login: sasl_username and network address."
    POSTFIX_REJECTS Postfix Leak "postfix-reject-lines" [ClientAddress, Correspondents, Program, Times]
        "Each refused message: network address, sender, addressee, and the name that the mail program gave its machine."
    POSTFIX_MESSAGE_ID Postfix Leak "postfix-message-id-lines" [MessageId, Times]
        "The Message-ID of each message."
    POSTFIX_ENVELOPES Postfix Leak "postfix-envelope-lines" [Correspondents, Times]
        "Who wrote to whom, and when, for each message and each addressee."
    POSTFIX_STATISTICS Postfix Leak "postfix-anvil-lines" [ClientAddress, Times]
        "The busiest network addresses, every ten minutes."
    POSTFIX_HEADER_CHECKS Postfix Leak "postfix-header-checks" [ClientAddress, MessageId, Correspondents]
        "Rules other than IGNORE write what they remove into the log; and they reach into attached messages."
    POSTFIX_PORT_LOG Postfix Leak "postfix-port-log" [ClientAddress]
        "The port of each client, which finds one household behind an address that many share."
    POSTFIX_TLS_LOG Postfix Leak "postfix-tls-log" [ClientAddress, Times]
        "Each TLS session, with the network address."
    POSTFIX_TLS_RECEIVED Postfix Leak "postfix-tls-received" [Program]
        "The ciphers of the mail program, in a Received line of each message: they tell which program it is."
    POSTFIX_LOGIN_RECEIVED Postfix Leak "postfix-login-received" [Login]
        "The login, in a Received line of each message that is sent."
    POSTFIX_DEBUG Postfix Leak "postfix-debug" [ClientAddress, Login, Password, Correspondents]
        "Whole sessions of chosen peers, with the login, go to the log."
    POSTFIX_XCLIENT Postfix Leak "postfix-xclient" [ClientAddress, Login]
        "Another server may hand over network address and login of the person; both then stand in log, queue and headers."
    POSTFIX_XFORWARD Postfix Leak "postfix-xforward" [ClientAddress, Program]
        "Network address and machine name of the person are handed on to the next server."
    POSTFIX_VERIFY_CACHE Postfix Leak "postfix-verify-cache" [Correspondents, Times]
        "Addresses that were written to, and when they were last tried, in a file that outlives restarts."
    POSTFIX_QUEUE Postfix Remains "postfix-queue" [Correspondents, Times, Contents]
        "Until it is delivered, a message lies in the queue with sender, addressees and its text; the reason of a delay beside it."
    POSTFIX_POSTSCREEN Postfix Remains "postfix-postscreen-cache" [ClientAddress, Times]
        "postscreen keeps the network addresses of the servers that bring mail, and of whoever else tries, in a file for a week or more."

    NGINX_ACCESS Nginx Leak "nginx-access-log" [ClientAddress, Program, Times, Login]
        "Each page: network address, browser and the URL, in which the webmail names members."
    NGINX_ERRORS Nginx Leak "nginx-error-log" [ClientAddress, Login, Times]
        "Each fault, also one of a server behind: network address and URL; the mail module adds the login."
    NGINX_DEBUG Nginx Leak "nginx-debug-log" [Password, ClientAddress, Login]
        "Everything, in the mail module with the passwords."
    NGINX_AUTH Nginx Leak "nginx-auth-http" [Login, Password, ClientAddress]
        "Login, password and network address are sent to another server over HTTP at each login, and land in its log."
    NGINX_XCLIENT Nginx Leak "nginx-xclient" [ClientAddress, Login]
        "Network address and login are handed to the mail server behind; on by default."
    NGINX_PROXY_PROTOCOL Nginx Leak "nginx-proxy-protocol" [ClientAddress]
        "The network address is handed to the server behind."
    NGINX_FORWARDED Nginx Leak "nginx-forwarded-address" [ClientAddress]
        "The network address is handed to the webmail, which writes it into its database and its log."

    APACHE_ACCESS Apache Leak "apache-access-log" [ClientAddress, Program, Times, Login]
        "Each page: network address, browser and the URL, in which the webmail names members."
    APACHE_ERRORS Apache Leak "apache-error-log" [ClientAddress, Times]
        "Each fault, also one of a program behind: network address and path."
    APACHE_FORENSIC Apache Leak "apache-forensic-log" [ClientAddress, Login, Program, Times]
        "Each request with all its headers, cookies among them."
    APACHE_AUTOCONFIG Apache Leak "apache-autoconfig-log" [ClientAddress, Login, Times]
        "Mail programs that are being set up ask here, with the member's address in the URL: it stands beside the network address in one line of the access log."

    ROUNDCUBE_SENT Roundcube Leak "roundcube-sendmail-log" [Login, ClientAddress, MessageId, Correspondents, Times]
        "Each message that is sent: login, network address, Message-ID and all addressees, in sendmail.log."
    ROUNDCUBE_ERRORS Roundcube Leak "roundcube-error-log" [Login, ClientAddress, Times]
        "Each wrong password and each fault, with login, network address and URL, in errors.log or syslog."
    ROUNDCUBE_LOGINS Roundcube Leak "roundcube-login-log" [Login, ClientAddress, Times]
        "Each login with its network address, in userlogins.log."
    ROUNDCUBE_SESSION_ID Roundcube Leak "roundcube-session-id" [Login]
        "The first letters of the session in each log line: they tie lines to one person."
    ROUNDCUBE_DEBUG Roundcube Leak "roundcube-debug" [Password, Contents, Login]
        "Whole dialogues with the mail server or the database, passwords and mail included."
    ROUNDCUBE_USER_LOGS Roundcube Leak "roundcube-user-logs" [Login, Times]
        "A folder of log files for each member."
    ROUNDCUBE_SESSION_TABLE Roundcube Leak "roundcube-session-table" [ClientAddress, Times]
        "The network address of each visitor, in the session table, as long as the session lives and in every backup after."
    ROUNDCUBE_XCLIENT Roundcube Leak "roundcube-xclient" [ClientAddress, Login]
        "Network address or login are handed to the outgoing mail server."
    ROUNDCUBE_RECEIVED Roundcube Leak "roundcube-received" [ClientAddress]
        "A Received line with the visitor's network address in each message."
    ROUNDCUBE_AGENT Roundcube Leak "roundcube-user-agent" [Program]
        "Name and version of the webmail in each message."
    ROUNDCUBE_PLUGINS Roundcube Leak "roundcube-plugins" [ClientAddress, Login, Times]
        "A plugin that stores or hands on network addresses or logins."
    ROUNDCUBE_LAST_LOGIN Roundcube Remains "roundcube-last-login" [Login, Times]
        "The table of users holds the moments of the last login and of the last failed one. No setting stops it."

    PANEL_ALTERNC_LOGIN Panel Leak "panel-alternc-last-login" [Login, Times]
        "AlternC's table `mailbox` holds the moment of each member's last login (lastlogin, lastloginsasl), once its script has written it."
    PANEL_ALTERNC_ADDRESS Panel Leak "panel-alternc-last-address" [ClientAddress, Times]
        "AlternC's table `membres` holds the network address and the moment of each account's last login to the panel (lastip, lastlogin)."
    PANEL_ALTERNC_SESSIONS Panel Leak "panel-alternc-sessions" [ClientAddress, Times]
        "AlternC's table `sessions` holds the network address of whoever logged in to the panel (ip), for two days."
    PANEL_ALTERNC_LOGS Panel Leak "panel-alternc-log-age" [ClientAddress, Login, Program, Times]
        "AlternC keeps the access logs of all its sites, of the panel and of its autoconfiguration, for this many days (366 by default)."
    PANEL_ALTERNC_BUREAU Panel Leak "panel-alternc-bureau-log" [Login, ClientAddress, Times]
        "What is done in the panel, with account and network address, stands in bureau.log for months."
    PANEL_MAILCOW_SASL Panel Leak "panel-mailcow-sasl-log" [Login, ClientAddress, Times]
        "mailcow's table `sasl_log` holds each member's logins, with service, network address and moment."
    PANEL_POSTFIXADMIN Panel Leak "panel-postfixadmin-log" [ClientAddress, Login, Times]
        "PostfixAdmin's table `log` holds who changed which mailbox when, with the network address."

    RSPAMD_LOG Rspamd Leak "rspamd-log" [ClientAddress, Login, Correspondents, MessageId, Times]
        "A line for each message: network address, login, sender, addressees and Message-ID."
    RSPAMD_HISTORY Rspamd Leak "rspamd-history" [ClientAddress, Login, Correspondents, MessageId, Contents, Times]
        "The last messages, with network address, login, sender, addressees and subject, are kept in Redis for the web interface."
    RSPAMD_HISTORY_FILE Rspamd Remains "rspamd-history-file" [ClientAddress, Login, Correspondents, MessageId, Times]
        "The last 200 messages are held in memory without Redis, and written into rspamd.history when it stops."
    RSPAMD_USERS Rspamd Leak "rspamd-per-user" [Login, Contents]
        "What the filter learned is kept for each member apart: words of the mail under the member's address."
    RSPAMD_REPLIES Rspamd Leak "rspamd-replies" [Login, Correspondents, MessageId, Times]
        "Who wrote to whom, as hashes that anybody can compute again, is kept in Redis for a day to know replies."
    RSPAMD_GREYLIST Rspamd Leak "rspamd-greylist" [ClientAddress, Correspondents, Times]
        "Sender, addressees and network of mail that had to wait, as a hash that anybody can compute again, are kept in Redis for a day, with the moment."
    RSPAMD_LIMITS Rspamd Leak "rspamd-limits" [Login, ClientAddress, Correspondents, Times]
        "How much whoever a limit counts has sent or got, and when last, is kept in Redis under a hash that anybody can compute again."
    RSPAMD_REPUTATION Rspamd Leak "rspamd-reputation" [ClientAddress, Correspondents, Times]
        "From which networks or domains mail came, when last, and how it was judged, is kept in Redis."
    RSPAMD_EXPORT Rspamd Leak "rspamd-export" [ClientAddress, Login, Correspondents, MessageId, Times]
        "Each message's data are handed to another server or database."

    OPENDKIM_SYSLOG OpenDkim Leak "opendkim-syslog" [Login, ClientAddress, Times]
        "A line for each message; where none of its keys fits, with the sender's address or with the network address."
    OPENDKIM_FILES OpenDkim Leak "opendkim-files" [Correspondents, Contents, MessageId, Times]
        "Copies of messages or figures about each of them are left in files."

    MAILMAN_LOG Mailman Leak "mailman-log" [Correspondents, MessageId, Login, Times]
        "Each message to a list, each subscription and each held message: address, Message-ID, list."

    FAIL2BAN_DATABASE Fail2ban Leak "fail2ban-database" [ClientAddress, Login, Times]
        "Banned network addresses, and the log lines that led to it, are kept in a database on disk."
    FAIL2BAN_LOG Fail2ban Leak "fail2ban-log" [ClientAddress, Times]
        "Each network address that it found in a log, or bans, in a log of its own."

    JOURNALD_STORAGE Journald Leak "journald-storage" [Times]
        "What services say is kept on disk over restarts; deleted lines stay in free blocks."
    JOURNALD_RETENTION Journald Leak "journald-retention" [Times]
        "What services say is kept until the space is full, which can be months."
    JOURNALD_FORWARD Journald Leak "journald-forward" [Times]
        "Each line is handed to syslog too, which writes it into files of its own."

    RSYSLOG_MAIL Rsyslog Leak "rsyslog-mail-lines" [Login, ClientAddress, Correspondents, MessageId, Times]
        "All lines of the mail servers go into a file or to another machine."

    ETCD_HISTORY Etcd Leak "etcd-history" [Times]
        "Every state that nologd's nodes ever had there, in its order: what admins set and removed, sealed, and when each large message came, by the number of its association."
    ETCD_FREED Etcd Leak "etcd-freed-pages" [Times]
        "What was compacted stays in the file, as before, until the file is written anew (defrag)."
    ETCD_LOG Etcd Leak "etcd-log" [Times]
        "Slow and refused requests with their keys, which hold the numbers of associations, and the moment; at debug, each request."
    ETCD_METRICS Etcd Leak "etcd-metrics" [Times]
        "How much was read and written, to whoever reaches a port: asked again and again, when admins did something, and when large messages came."
    ETCD_COPIED Backups Leak "backups-of-etcd" [Times]
        "etcd's files, or a snapshot of them, are copied: what was compacted and removed since stays in the copies."

    BACKUPS_LOGS Backups Leak "backups-logs" [ClientAddress, Login, Correspondents, Times]
        "Log files or the queue are copied away with the backup, where they outlive every rule of this machine."
    BACKUPS_OLD Backups Remains "backups-old-logs" [ClientAddress, Login, Times]
        "Log files of mail and web servers are kept for this long after they were written."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_begin_with_their_server() {
        for check in Check::ALL {
            assert_eq!(Check::ALL.iter().filter(|other| other.name == check.name).count(), 1, "{}", check.name);
            assert!(check.name.starts_with(&check.server.name().to_lowercase()), "{}", check.name);
            assert!(check.writes.ends_with('.') && !check.holds.is_empty(), "{}", check.name);
            assert_eq!(Check::find(check.name), Some(*check));
        }
    }
}
