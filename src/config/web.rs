//! `help_url` and `[web]` in the config file.

use super::reader::{Reader, Section};
use crate::fault::{HelpPage, MAX_HELP};

/// The page that refusals link to, and where the pages are.
pub(super) fn read(reader: &mut Reader<'_>, root: &mut Section<'_>) -> (Option<HelpPage>, Option<Box<str>>) {
    let wrong = format!("must be https:// and a page, in plain letters, without #, in {MAX_HELP} octets at most");
    let page = |reader: &mut Reader<'_>, section: &mut Section<'_>, key: &str| {
        let found = section.text(reader, key)?;
        let page = HelpPage::parse(&found.value);
        if page.is_none() {
            reader.wrong(&found, &wrong);
        }
        page
    };
    let help = page(reader, root, "help_url");
    let mut section = root.section(reader, "web");
    let web = page(reader, &mut section, "url");
    section.end(reader);
    (help, web.map(|page| page.url().trim_end_matches('/').into()))
}
