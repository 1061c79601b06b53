//! The first part of the audit: settings, read as text, and what they would write down. A setting that is absent counts with its default.
//!
//! Pure: which files and tools the text comes from is decided in `source`.

mod apache;
pub mod backups;
mod dovecot;
mod dovecot_filters;
mod dovecot_front;
mod dovecot_namespaces;
mod dovecot_services;
pub mod etcd;
mod fail2ban;
mod journald;
mod mailman;
mod nginx;
mod opendkim;
pub mod origin;
pub mod panel;
mod php;
mod postfix;
pub mod postfix_ways;
mod rotated;
mod roundcube;
pub mod rspamd;
mod rsyslog;

use super::check::AuditedServer;
use super::finding::Finding;
use origin::Origins;

pub use dovecot_front::{ConnectionLimit, DovecotFront, DovecotHabit};
pub use dovecot_namespaces::dovecot_namespaces;

/// The text of one server's settings, and where it comes from.
pub struct Source {
    /// Whose settings.
    pub server: AuditedServer,
    /// The file, or the command whose output this is.
    pub file: String,
    /// The settings.
    pub text: String,
    /// Files that the settings name and whose contents matter (header_checks of Postfix), as far as they could be read; or all
    /// files, where there is no order between them (rspamd, panels, backups).
    pub named: Vec<(String, String)>,
    /// Where the lines of `text` come from, as far as it is known.
    pub origins: Origins,
}

/// What all the sources together would write down.
pub fn findings(sources: &[Source]) -> Vec<Finding> {
    // What the webmail can store depends on what the web server tells it.
    let webs: Vec<_> = sources.iter().filter(|source| source.server == AuditedServer::Nginx).collect();
    let hidden = !webs.is_empty() && webs.iter().any(|source| nginx::hides_address(&source.text));
    let mut findings = Vec::new();
    for source in sources {
        let mut found = match source.server {
            AuditedServer::Dovecot => {
                let mut found = dovecot::findings(&source.file, &source.text);
                found.extend(dovecot_services::findings(&source.file, &source.text));
                found
            }
            AuditedServer::Postfix => postfix::findings(&source.file, &source.text, &source.named),
            AuditedServer::Nginx => nginx::findings(&source.file, &source.text),
            AuditedServer::Apache => apache::findings(&source.file, &source.text),
            AuditedServer::Panel => panel::findings(&source.named),
            AuditedServer::Rspamd => rspamd::findings(&source.file, &source.named),
            AuditedServer::OpenDkim => opendkim::findings(&source.file, &source.text),
            AuditedServer::Mailman => mailman::findings(&source.file, &source.text),
            AuditedServer::Fail2ban => fail2ban::findings(&source.file, &source.text),
            AuditedServer::Etcd => etcd::findings(&source.named),
            AuditedServer::Backups => backups::findings(&source.named),
            AuditedServer::Roundcube => roundcube::findings(&source.file, &source.text, &source.named, hidden),
            AuditedServer::Journald => journald::findings(&source.file, &source.text),
            AuditedServer::Rsyslog => rsyslog::findings(&source.file, &source.text),
        };
        found.iter_mut().for_each(|finding| place(finding, source));
        findings.extend(found);
    }
    findings
}

/// A line of a joined text becomes the line of the file that people change.
fn place(finding: &mut Finding, source: &Source) {
    if finding.file != source.file {
        return;
    }
    let known = finding.line.and_then(|line| source.origins.of(line)).map(|(file, line)| (file.to_owned(), line));
    if let Some((file, line)) = known {
        (finding.file, finding.line) = (file, Some(line));
    }
}

/// The files with rules that the settings of Postfix name; their contents decide what is logged.
pub fn named_files(server: AuditedServer, text: &str) -> Vec<String> {
    match server {
        AuditedServer::Postfix => postfix::rule_files(text),
        AuditedServer::Roundcube => roundcube::included_files(text),
        AuditedServer::Dovecot | AuditedServer::Nginx | AuditedServer::Apache | AuditedServer::Panel => Vec::new(),
        AuditedServer::Rspamd | AuditedServer::OpenDkim | AuditedServer::Mailman | AuditedServer::Fail2ban => Vec::new(),
        AuditedServer::Journald | AuditedServer::Rsyslog | AuditedServer::Etcd | AuditedServer::Backups => Vec::new(),
    }
}
