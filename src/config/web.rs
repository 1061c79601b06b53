//! `help_url` and `[web]` in the config file.

use super::reader::{Reader, Section};
use crate::fault::{HelpPage, MAX_HELP};

/// The page that refusals link to, and where the pages are.
pub(super) fn read(reader: &mut Reader<'_>, root: &mut Section<'_>) -> (Option<HelpPage>, Option<Box<str>>) {
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
    section.end(reader);
    let site = found.and_then(|found| {
        let site = origin(&found.value);
        if site.is_none() {
            reader.wrong(&found, "must be https:// and a host, with its port if that is another than 443");
        }
        site
    });
    (help, site)
}

/// `https://HOST` or `https://HOST:PORT`: every link on the pages begins at its root.
fn origin(text: &str) -> Option<Box<str>> {
    let text = text.trim_end_matches('/');
    HelpPage::parse(text)?;
    let host = text.strip_prefix("https://")?;
    (!host.contains(['/', '?', '@'])).then(|| text.into())
}
