//! What all pages have around them: the language, a title, the way home, the other language, and one stylesheet. No script, no picture
//! from elsewhere.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::typography::set;
use crate::fault::Lang;

/// The stylesheet, below 10 kB.
pub const STYLE: &str = include_str!("style.css");

/// Where the stylesheet comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// From this daemon.
    Linked,
    /// The same, among the admins' pages, which have a way of their own.
    Admins,
    /// It stands in the page: for copies that lie somewhere else, without links to pages of the daemon.
    Inside,
}

/// What a page has around it.
pub struct Layout<'a> {
    /// Its language.
    pub lang: Lang,
    /// What stands in the window's bar and, set by the page, on top.
    pub title: &'a str,
    /// Its path without the language, such as `/help`; none where it is in one language alone, as what answers a form.
    pub path: Option<&'a str>,
    /// Where its style comes from.
    pub style: Style,
    /// The host that runs all this.
    pub host: &'a str,
    /// The token of the session's forms, where somebody is logged in.
    pub leave: Option<&'a str>,
}

impl Layout<'_> {
    /// The whole page.
    pub fn page(&self, main: &Markup) -> String {
        let (lang, here) = (self.lang, |path: &str| format!("/{}{path}", self.lang.word()));
        let linked = self.style != Style::Inside;
        let page = html! {
            (DOCTYPE)
            html lang=(lang.word()) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    // Not to be found by search: each host's page is the same, and what is behind it is for its members.
                    meta name="robots" content="noindex";
                    title { (self.title) " – " (self.host) }
                    @if linked {
                        link rel="stylesheet" href="/style.css";
                        link rel="icon" href="data:,";
                    } @else {
                        style { (PreEscaped(STYLE)) }
                    }
                }
                body {
                    header {
                        a.skip href="#main" { (say(lang, "To the content", "Aller au contenu")) }
                        @if linked {
                            a.host href=(here("/")) { (self.host) }
                            (self.other_language())
                            @if let Some(token) = self.leave { (leave(lang, token)) }
                        } @else {
                            span.host { (self.host) }
                        }
                    }
                    main id="main" { (main) }
                    footer {
                        @if self.style == Style::Admins { nav aria-label=(say(lang, "Pages", "Pages")) {
                            a href=(here("/")) { (say(lang, "All associations", "Toutes les associations")) }
                        } }
                        @if self.style == Style::Linked { nav aria-label=(say(lang, "Pages", "Pages")) {
                            a href=(here("/help")) { (say(lang, "Help with refusals", "Aide sur les refus")) }
                            a href=(here("/programs")) { (say(lang, "Set up a mail program", "Configurer un logiciel")) }
                            a href=(here("/statement")) { (say(lang, "What is kept", "Ce qui est conservé")) }
                            a href=(here("/member")) { (say(lang, "My mailbox", "Ma boîte")) }
                            a href=(here("/contact")) { (say(lang, "Contact’s page", "Page du contact")) }
                        } }
                    }
                }
            }
        };
        page.into_string()
    }

    fn other_language(&self) -> Markup {
        let (other, word, name) = match self.lang {
            Lang::En => (Lang::Fr, "fr", "Français"),
            Lang::Fr => (Lang::En, "en", "English"),
        };
        html! {
            @if let Some(path) = self.path {
                a href=(format!("/{}{path}", other.word())) lang=(word) hreflang=(word) { (name) }
            }
        }
    }
}

fn leave(lang: Lang, token: &str) -> Markup {
    html! {
        form method="post" action=(format!("/{}/leave", lang.word())) {
            input type="hidden" name="token" value=(token);
            button.quiet type="submit" { (say(lang, "Log out", "Se déconnecter")) }
        }
    }
}

/// A text in the page's language, set.
pub fn say(lang: Lang, english: &str, french: &str) -> String {
    match lang {
        Lang::En => set(english, lang),
        Lang::Fr => set(french, lang),
    }
}

/// On top of a page: the last form was carried out.
pub(super) fn done(lang: Lang) -> Markup {
    done_with(&say(lang, "Changed. It holds from now on.", "C'est fait. Le changement est en vigueur."))
}

/// The same where there is more to say.
pub(super) fn done_with(text: &str) -> Markup {
    html! { div.done role="status" { p { (text) } } }
}

/// On top of a page: it was not, and why, with a link to the field that it is about.
pub(super) fn refused(lang: Lang, field: Option<&str>, why: &str) -> Markup {
    html! {
        div.error role="alert" {
            p {
                (say(lang, "Nothing was changed. ", "Rien n'a été modifié. "))
                @match field {
                    Some(id) => a href=(format!("#{id}")) { (why) },
                    None => (why),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_whole_and_takes_nothing_from_elsewhere() {
        assert!(STYLE.len() < 10_000 && !STYLE.contains("url(") && !STYLE.contains("@import"));
        let layout =
            |style| Layout { lang: Lang::Fr, title: "<Titre>", path: Some("/help"), style, host: "m.example", leave: None };
        let main = html! { h1 { "x" } };
        let page = layout(Style::Linked).page(&main);
        assert!(page.starts_with("<!DOCTYPE html>") && page.contains("<html lang=\"fr\">") && page.contains("&lt;Titre&gt;"));
        assert!(page.contains("href=\"/en/help\" lang=\"en\"") && !page.contains("<script") && !page.contains("http"));
        let copy = layout(Style::Inside).page(&main);
        assert!(copy.contains("--paper") && !copy.contains("href=\"/"));
    }
}
