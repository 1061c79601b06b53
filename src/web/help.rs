//! The help page: every code word that can stand in a refusal, with what happened and what to do. The texts are those of
//! `nologd help CODE`; the anchor of a word is the word.

use maud::{Markup, html};

use super::advice::{Advice, Matter};
use super::layout::{Layout, Style, say};
use super::remedies::advice;
use super::typography::set;
use crate::fault::{Lang, RefusalCode};

/// The page.
pub fn help(lang: Lang, host: &str, style: Style) -> String {
    let title = say(lang, "What does this refusal mean?", "Que veut dire ce refus\u{a0}?");
    let main = html! {
        h1 { (title) }
        p.lead { (say(
            lang,
            "A refusal ends with a word in capitals, such as MAILBOX-FULL. Here is what it means, and what you can do.",
            "Un refus se termine par un mot en capitales, par exemple MAILBOX-FULL. Voici ce qu'il veut dire, et ce que vous pouvez faire.",
        )) }
        nav aria-label=(say(lang, "All words", "Tous les mots")) {
            @for matter in Matter::ALL {
                p.group { (set(matter.title(lang), lang)) }
                ul.index { @for code in about(matter) { li { a href=(format!("#{}", code.word())) { (code.word()) } } } }
            }
        }
        @for matter in Matter::ALL {
            h2 { (set(matter.title(lang), lang)) }
            @for code in about(matter) { (entry(code, advice(code), lang)) }
        }
        h2 { (say(lang, "No word?", "Pas de mot\u{a0}?")) }
        p { (say(
            lang,
            "Then the message does not come from here: it comes from your mail program, or from the server of the person you write to. \
             Pass it on whole to the contact of your association.",
            "Alors le message ne vient pas d'ici\u{a0}: il vient de votre logiciel, ou du serveur de la personne à qui vous écrivez. \
             Transmettez-le en entier au contact de votre association.",
        )) }
    };
    Layout { lang, title: &title, path: Some("/help"), style, host, leave: None }.page(&main)
}

fn about(matter: Matter) -> impl Iterator<Item = RefusalCode> {
    RefusalCode::ALL.iter().copied().filter(move |code| advice(*code).matter == matter)
}

fn entry(code: RefusalCode, advice: Advice, lang: Lang) -> Markup {
    html! {
        section.entry id=(code.word()) {
            h3 { a.word href=(format!("#{}", code.word())) { (code.word()) } }
            p { (set(code.text(lang), lang)) }
            dl {
                dt { (say(lang, "You", "Vous")) }
                dd { (set(advice.you(lang), lang)) }
                dt { (say(lang, "Your contact", "Votre contact")) }
                dd { (set(advice.contact(lang), lang)) }
                dt { (say(lang, "Only the host", "Seul l'hébergeur")) }
                dd { (set(advice.hosts(lang), lang)) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_has_its_anchor_once_and_its_text() {
        for lang in [Lang::En, Lang::Fr] {
            let page = help(lang, "mail.nolog.example", Style::Inside);
            for code in RefusalCode::ALL {
                assert_eq!(page.matches(&format!(" id=\"{}\"", code.word())).count(), 1, "{}", code.word());
                let text = html! { (set(code.text(lang), lang)) }.into_string();
                assert!(page.contains(&text), "{text}");
            }
            assert!(page.len() < 100_000, "{}", page.len());
        }
        assert!(!help(Lang::Fr, "m", Style::Inside).contains('\u{a0}'), "a wide space before a French sign");
    }
}
