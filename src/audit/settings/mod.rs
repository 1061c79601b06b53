//! The first part of the audit: settings, read as text, and what they would write down. A setting that is absent counts with its default.
//!
//! Pure: which files and tools the text comes from is decided in `source`.

mod dovecot;
mod dovecot_front;
mod journald;
mod nginx;
mod php;
mod postfix;
pub mod postfix_ways;
mod roundcube;
mod rsyslog;

use super::check::Server;
use super::finding::Finding;

pub use dovecot_front::DovecotFront;

/// The text of one server's settings, and where it comes from.
pub struct Source {
    /// Whose settings.
    pub server: Server,
    /// The file, or the command whose output this is.
    pub file: String,
    /// The settings.
    pub text: String,
    /// Files that the settings name and whose contents matter (header_checks of Postfix), as far as they could be read.
    pub named: Vec<(String, String)>,
}

/// What all the sources together would write down.
pub fn findings(sources: &[Source]) -> Vec<Finding> {
    // What the webmail can store depends on what the web server tells it.
    let webs: Vec<_> = sources.iter().filter(|source| source.server == Server::Nginx).collect();
    let hidden = !webs.is_empty() && webs.iter().any(|source| nginx::hides_address(&source.text));
    let mut findings = Vec::new();
    for source in sources {
        findings.extend(match source.server {
            Server::Dovecot => dovecot::findings(&source.file, &source.text),
            Server::Postfix => postfix::findings(&source.file, &source.text, &source.named),
            Server::Nginx => nginx::findings(&source.file, &source.text),
            Server::Roundcube => roundcube::findings(&source.file, &source.text, &source.named, hidden),
            Server::Journald => journald::findings(&source.file, &source.text),
            Server::Rsyslog => rsyslog::findings(&source.file, &source.text),
        });
    }
    findings
}

/// The files with rules that the settings of Postfix name; their contents decide what is logged.
pub fn named_files(server: Server, text: &str) -> Vec<String> {
    match server {
        Server::Postfix => postfix::rule_files(text),
        Server::Roundcube => roundcube::included_files(text),
        _ => Vec::new(),
    }
}
