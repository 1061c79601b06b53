//! `help_url` and `[web]` in the config file.

use super::reader::{Reader, Section};
use crate::fault::{HelpPage, MAX_HELP};
use crate::private::{Address, Domain};

/// What pages are told.
pub struct WebSettings {
    /// The page that refusals link to.
    pub help: Option<HelpPage>,
    /// Where the pages are.
    pub url: Option<Box<str>>,
    /// The server that takes mail from outside.
    pub mx: Option<Box<str>>,
    /// Whom contacts ask for more space.
    pub hosts: Option<Address>,
}

/// The page that refusals link to, and what the pages are told.
pub(super) fn read(reader: &mut Reader<'_>, root: &mut Section<'_>) -> WebSettings {
    let wrong = format!("must be https:// and a page, in plain letters, without #, in {MAX_HELP} octets at most");
    let help = root.text(reader, "help_url").and_then(|found| {
        let page = HelpPage::parse(&found.value);
        if page.is_none() {
            reader.wrong(&found, &wrong);
        }
        page
    });
    let mut section = root.section(reader, "web");
    let found = section.text(reader, "url");
    let mx = section.text(reader, "mx").and_then(|found| {
        let host = Domain::parse(&found.value).filter(Domain::has_dot);
        if host.is_none() {
            reader.wrong(&found, "must be the name of a host");
        }
        host.map(|host| host.reveal().into())
    });
    let hosts = section.text(reader, "hosts").and_then(|found| {
        let address = Address::parse(&found.value).filter(Address::is_reachable);
        if address.is_none() {
            reader.wrong(&found, "must be the address that mail to the hosts reaches");
        }
        address
    });
    section.end(reader);
    let url = found.and_then(|found| {
        let site = origin(&found.value);
        if site.is_none() {
            reader.wrong(&found, "must be https:// and a host, with its port if that is another than 443");
        }
        site
    });
    WebSettings { help, url, mx, hosts }
}

/// `https://HOST` or `https://HOST:PORT`: every link on the pages begins at its root.
fn origin(text: &str) -> Option<Box<str>> {
    let text = text.trim_end_matches('/');
    HelpPage::parse(text)?;
    let host = text.strip_prefix("https://")?;
    (!host.contains(['/', '?', '@'])).then(|| text.into())
}
