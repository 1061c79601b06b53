//! What pages say about this host.

use super::mail_ports::MailPorts;
use crate::private::Address;

/// The path of Apple's profile.
pub const PROFILE: &str = "/mail.mobileconfig";

/// What pages say about this host. It does not change while the daemon runs.
#[derive(Clone)]
pub struct Site {
    /// What mail programs are told to use.
    pub ports: MailPorts,
    /// Where these pages are, as members reach them, without a slash at its end: `https://mail.nolog.example`.
    pub url: Box<str>,
    /// Where the help page is.
    pub help: Box<str>,
    /// The server that takes mail from outside; none where that was not said.
    pub mx: Option<Box<str>>,
    /// Whom contacts ask for more space; none where that was not said.
    pub hosts: Option<Address>,
}

impl Site {
    /// The host that the pages are at.
    pub fn pages_host(&self) -> &str {
        let host = self.url.strip_prefix("https://").unwrap_or(&self.url);
        host.split(['/', ':']).next().unwrap_or_default()
    }

    /// The link to Apple's profile.
    pub fn profile_link(&self) -> String {
        format!("{}{}", self.url, PROFILE)
    }

    /// The link to the page that says how to set up a mail program.
    pub fn programs_link(&self) -> String {
        format!("{}/programs", self.url)
    }
}
