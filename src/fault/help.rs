//! The page that explains the code words, and how a refusal ends: with its word, and with the link to it.
//!
//! The page is set once, at the start: all refusals of a process lead to the same one.

use std::sync::OnceLock;

use super::RefusalCode;

/// The longest address of such a page, in octets.
pub const MAX_HELP: usize = 120;
/// The longest line of a reply, with its end (RFC 5321 4.5.3.1.5, RFC 2449 4). IMAP has no such limit, and is not told more.
const LINE: usize = 512;

static PAGE: OnceLock<HelpPage> = OnceLock::new();

/// Where the page is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HelpPage(Box<str>);

impl HelpPage {
    /// Reads its address: `https://`, and only what stands in a line of any protocol and in a link as it is. No `#`: the word comes there.
    pub fn parse(text: &str) -> Option<HelpPage> {
        let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?[]@!$&*+,;=%".contains(&byte);
        let rest = text.strip_prefix("https://")?;
        let fits = text.len() <= MAX_HELP && !rest.is_empty() && !rest.starts_with('/') && rest.bytes().all(safe);
        fits.then(|| HelpPage(text.into()))
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.0
    }

    /// From here on every refusal of this process leads there.
    pub fn link_refusals(self) {
        // A second one would be another daemon in the same process, which only tests make.
        let _ = PAGE.set(self);
    }
}

impl RefusalCode {
    /// How a refusal with this code ends behind `before` octets of its line: ` (WORD)`, and the link to its text where there is a page and
    /// room for it.
    pub fn ending(self, before: usize) -> String {
        self.ending_with(PAGE.get(), before)
    }

    fn ending_with(self, page: Option<&HelpPage>, before: usize) -> String {
        let word = format!(" ({})", self.word());
        let link = page.map(|page| format!(" {}#{}", page.0, self.word())).unwrap_or_default();
        if before + word.len() + link.len() + 2 > LINE { word } else { word + &link }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_breaks_no_line_and_no_parentheses() {
        for good in ["https://aide.nolog.example/", "https://mail.nolog.example/help", "https://a.example:8443/x?y=z"] {
            assert!(HelpPage::parse(good).is_some(), "{good}");
        }
        let long = format!("https://{}", "a".repeat(MAX_HELP));
        let wrong = [
            "",
            "http://a.example",
            "https://",
            "https:///x",
            "https://a.example/#x",
            "https://a.example/(x)",
            "https://a b",
            &long,
        ];
        for wrong in wrong.iter().chain(&["https://a.example/\r\nx", "https://a.example/\u{e9}", "https://a.example/\"x"]) {
            assert!(HelpPage::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_link_stands_where_there_is_room_for_it() {
        let (code, url) = (RefusalCode::MailboxFull, format!("https://{}", "a".repeat(MAX_HELP - 8)));
        assert_eq!(code.ending_with(None, 10), " (MAILBOX-FULL)");
        // Not the page of this process, in which other tests may run.
        let page = HelpPage::parse(&url);
        let ending = code.ending_with(page.as_ref(), 10);
        assert_eq!(ending, format!(" (MAILBOX-FULL) {url}#MAILBOX-FULL"));
        assert_eq!(code.ending_with(page.as_ref(), LINE - ending.len() - 2), ending);
        assert_eq!(code.ending_with(page.as_ref(), LINE - ending.len() - 1), " (MAILBOX-FULL)");
    }
}
