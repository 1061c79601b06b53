//! Long lists of mailboxes, a hundred at a time: whoever reads on a telephone sees an end, and no page is so long that a few readers at once take
//! the memory that mail needs (docs/architecture.md).

use std::ops::Range;

use maud::{Markup, html};

use super::layout::say;
use super::typography::number;
use crate::fault::Lang;

/// The path below which the parts of a contact's list are, without the language.
pub const MAILBOXES: &str = "/contact/mailboxes";
/// How many are on one page.
const SHOWN: usize = 100;

/// One page of a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ListPart {
    /// From one on.
    number: usize,
    all: usize,
}

impl ListPart {
    /// The page `number` of a list of so many; the last one where there are not so many pages.
    pub fn new(number: usize, all: usize) -> ListPart {
        ListPart { number: number.clamp(1, all.div_ceil(SHOWN).max(1)), all }
    }

    /// The page on which the entry at `place` is, from zero on.
    pub fn with(place: usize, all: usize) -> ListPart {
        ListPart::new(place / SHOWN + 1, all)
    }

    /// As it stands at the end of a path; none where it is no number of a page.
    pub fn parse(text: &str) -> Option<usize> {
        let digits = (1..=6).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|number| digits && *number > 0)
    }

    /// From one on.
    pub fn number(self) -> usize {
        self.number
    }

    /// Whether it is not all of the list.
    pub fn is_cut(self) -> bool {
        self.all > SHOWN
    }

    /// The places of what is on it.
    pub fn range(self) -> Range<usize> {
        let first = (self.number - 1) * SHOWN;
        first..(first + SHOWN).min(self.all)
    }

    /// Which ones these are, where they are not all.
    pub(super) fn words(self, lang: Lang) -> Markup {
        let range = self.range();
        let each = |place: usize| number(u64::try_from(place).unwrap_or(u64::MAX), lang);
        let (from, to, all) = (each(range.start + 1), each(range.end), each(self.all));
        let text = match lang {
            Lang::En => format!("{from} to {to} of {all}"),
            Lang::Fr => format!("{from} à {to} sur {all}"),
        };
        html! { @if self.is_cut() { p.note { (text) } } }
    }

    /// The way to the others, whose pages are below `path`.
    pub(super) fn links(self, lang: Lang, path: &str) -> Markup {
        let link = |to: usize, text: String| html! { a href=(format!("/{}{path}/{to}", lang.word())) { (text) } " " };
        html! {
            @if self.is_cut() {
                nav.parts aria-label=(say(lang, "More mailboxes", "Autres boîtes")) {
                    @if self.number > 1 { (link(self.number - 1, say(lang, "The ones before", "Les précédentes"))) }
                    @if self.number < self.all.div_ceil(SHOWN) { (link(self.number + 1, say(lang, "The next ones", "Les suivantes"))) }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_entry_is_on_one_page_and_no_page_is_empty() {
        for all in [0, 1, 99, 100, 101, 200, 3000, 3001] {
            let last = ListPart::new(usize::MAX, all);
            let places: Vec<_> = (1..=last.number()).flat_map(|number| ListPart::new(number, all).range()).collect();
            assert_eq!(places, (0..all).collect::<Vec<_>>());
            assert!(all == 0 || !last.range().is_empty());
            assert!((0..all).all(|place| ListPart::with(place, all).range().contains(&place)));
            assert_eq!((last.is_cut(), ListPart::new(0, all)), (all > 100, ListPart::new(1, all)));
        }
    }

    #[test]
    fn a_page_is_a_small_number() {
        assert_eq!((ListPart::parse("1"), ListPart::parse("30"), ListPart::parse("007")), (Some(1), Some(30), Some(7)));
        for wrong in ["", "0", "-1", "+1", "1x", "٣", "99999999999999999999", "1/2", " 1"] {
            assert_eq!(ListPart::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn it_says_where_it_is_and_leads_on() {
        let links = |number, lang| ListPart::new(number, 3000).links(lang, "/contact/mailboxes").into_string();
        let middle = links(2, Lang::Fr);
        assert_eq!(ListPart::new(2, 3000).words(Lang::Fr).into_string(), "<p class=\"note\">101 à 200 sur 3\u{202f}000</p>");
        assert!(middle.contains("\"/fr/contact/mailboxes/1\"") && middle.contains("\"/fr/contact/mailboxes/3\""));
        assert!(!links(1, Lang::En).contains("before") && !links(30, Lang::En).contains("next"));
        assert_eq!(ListPart::new(1, 100).links(Lang::En, "/x").into_string(), "");
    }
}
