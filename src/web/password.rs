//! The form by which somebody logs in with a mailbox's password: members, and contacts whose address is a mailbox here. The mailbox's
//! own mail server judges it, as for mail programs; nothing of it is kept.

use maud::{Markup, html};

use super::Site;
use super::layout::{Layout, Style, say};
use super::typography::set;
use crate::fault::{Lang, RefusalCode};

/// Where the form stands, and where it leads.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum EntryPage {
    /// The member's page.
    Member,
    /// The contact's page.
    Contact,
}

impl EntryPage {
    /// The page that it stands on, without the language.
    pub fn path(self) -> &'static str {
        match self {
            EntryPage::Member => "/member",
            EntryPage::Contact => "/contact",
        }
    }

    /// Where the form is sent to, without the language.
    pub fn target(self) -> &'static str {
        match self {
            EntryPage::Member => "/member/enter",
            EntryPage::Contact => "/contact/enter",
        }
    }
}

/// Why nobody came in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum NoEntry {
    /// What was typed is no address, or there is no password.
    Incomplete,
    /// It was refused, as a mail program is refused.
    Refused(RefusalCode),
    /// The mail server has not judged it yet.
    Slow,
}

impl NoEntry {
    /// The status code.
    pub fn status(self) -> u16 {
        match self {
            NoEntry::Incomplete => 422,
            NoEntry::Refused(RefusalCode::WrongPassword | RefusalCode::Suspended) => 403,
            NoEntry::Refused(RefusalCode::TooManyTries | RefusalCode::TooManyConnections) => 429,
            NoEntry::Refused(_) | NoEntry::Slow => 503,
        }
    }

    /// The sentence; a code word leads to its explanation.
    fn said(self, lang: Lang) -> Markup {
        match self {
            NoEntry::Incomplete => {
                let text = say(
                    lang,
                    "Type the whole address, like name@association.example, and the password.",
                    "Tapez l'adresse complète, comme nom@association.example, et le mot de passe.",
                );
                html! { (text) }
            }
            NoEntry::Refused(code) => html! {
                (set(code.text(lang), lang)) " "
                a.word href=(format!("/{}/help#{}", lang.word(), code.word())) { (code.word()) }
            },
            NoEntry::Slow => {
                let text = say(
                    lang,
                    "The mail server has not answered yet. Try again in a minute.",
                    "Le serveur de messagerie n'a pas encore répondu. Réessayez dans une minute.",
                );
                html! { (text) }
            }
        }
    }
}

/// What came of it the last time.
pub struct LastTry<'a> {
    /// The address that was typed.
    pub typed: &'a str,
    /// Why that was nothing.
    pub why: NoEntry,
}

/// The error on top of the page.
pub(super) fn summary(lang: Lang, last: Option<&LastTry<'_>>) -> Markup {
    html! {
        @if let Some(LastTry { why, .. }) = last {
            div.error role="alert" {
                p id="entry-error" { (why.said(lang)) }
                p { a href="#mailbox" { (say(lang, "To the form", "Vers le formulaire")) } }
            }
        }
    }
}

/// The form.
pub(super) fn form(lang: Lang, entry: EntryPage, last: Option<&LastTry<'_>>) -> Markup {
    let typed = last.map_or("", |last| last.typed);
    // Where it is not there: a style knows wrong fields by it.
    let wrong = last.map(|_| "true");
    let described = if last.is_some() { "entry-error mailbox-hint" } else { "mailbox-hint" };
    html! {
        form method="post" action=(format!("/{}{}", lang.word(), entry.target())) {
            label for="mailbox" { (say(lang, "Address of your mailbox", "Adresse de votre boîte")) }
            p.hint id="mailbox-hint" { (say(lang, "The whole address.", "L'adresse complète.")) }
            input type="text" inputmode="email" id="mailbox" name="mailbox" value=(typed) required autocomplete="username" autocapitalize="none"
                spellcheck="false" maxlength="320" aria-invalid=[wrong] aria-describedby=(described);
            label for="password" { (say(lang, "Password of your mailbox", "Mot de passe de votre boîte")) }
            input type="password" id="password" name="password" required autocomplete="current-password" maxlength="512" aria-invalid=[wrong]
                aria-describedby=(if last.is_some() { "entry-error" } else { "password-hint" });
            p.hint id="password-hint" { (say(
                lang,
                "The one that your mail program uses. Your mail server looks at it; it is not kept.",
                "Celui de votre logiciel de messagerie. Votre serveur de messagerie le vérifie\u{a0}; il n'est pas gardé.",
            )) }
            button type="submit" { (say(lang, "Log in", "Se connecter")) }
        }
    }
}

/// What somebody is to look at who came in, and finds the way in again.
pub(super) fn no_cookie(lang: Lang) -> String {
    say(
        lang,
        "Logged in, and here again? Then your browser keeps no cookie of this site: allow it, and log in once more.",
        "Connecté, et de nouveau ici\u{a0}? Votre navigateur refuse alors le cookie de ce site\u{a0}: autorisez-le, puis reconnectez-vous.",
    )
}

/// The page by which members come in.
pub fn ask(site: &Site, lang: Lang, last: Option<&LastTry<'_>>) -> String {
    let title = say(lang, "My mailbox", "Ma boîte");
    let main = html! {
        h1 { (title) }
        (summary(lang, last))
        p.lead { (say(
            lang,
            "See how full your mailbox is, what is held about you, and choose the language of your notices.",
            "Voyez le remplissage de votre boîte et ce qui est conservé sur vous, et choisissez la langue de vos avis.",
        )) }
        (form(lang, EntryPage::Member, last))
        p.note { (say(
            lang,
            "Forgotten your password? Ask the contact of your association. After some wrong ones, tries are refused for a few minutes.",
            "Mot de passe oublié\u{a0}? Demandez au contact de votre association. Après quelques erreurs, les essais sont refusés pendant quelques minutes.",
        )) }
        p.note { (say(
            lang,
            "Once you are in, one cookie holds your session until you log out, or 12 hours after your last click.",
            "Une fois dans la page, un cookie maintient votre session jusqu'à la déconnexion, ou 12 heures après votre dernier clic.",
        )) " " (no_cookie(lang)) }
    };
    Layout {
        lang,
        title: &title,
        path: Some(EntryPage::Member.path()),
        style: Style::Linked,
        host: &site.ports.host,
        leave: None,
    }
    .page(&main)
}
