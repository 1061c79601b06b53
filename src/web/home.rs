//! The first page, and those that say what went wrong.

use maud::html;

use super::Site;
use super::layout::{Layout, Style, say};
use crate::fault::Lang;

/// The first page.
pub fn home(site: &Site, lang: Lang) -> String {
    let title = say(lang, "Your mail here", "Votre courrier ici");
    let here = |path: &str| format!("/{}{path}", lang.word());
    let links = [
        (
            "/member",
            say(lang, "My mailbox", "Ma boîte"),
            say(lang, "How full it is, and what is held about you.", "Son remplissage, et ce qui est conservé sur vous."),
        ),
        (
            "/help",
            say(lang, "What does this refusal mean?", "Que veut dire ce refus\u{a0}?"),
            say(
                lang,
                "MAILBOX-FULL, WRONG-PASSWORD… and what you can do.",
                "MAILBOX-FULL, WRONG-PASSWORD… et ce que vous pouvez faire.",
            ),
        ),
        (
            "/programs",
            say(lang, "Set up a mail program", "Configurer un logiciel de messagerie"),
            say(lang, "Computer, phone, tablet.", "Ordinateur, téléphone, tablette."),
        ),
        (
            "/statement",
            say(lang, "What is kept about you, and what is not", "Ce qui est conservé sur vous, et ce qui ne l'est pas"),
            say(lang, "In plain words, from the rules in force.", "En mots simples, d'après les règles en vigueur."),
        ),
        (
            "/contact",
            say(lang, "I am the contact of an association", "Je suis le contact d'une association"),
            say(lang, "See and share out its space.", "Voir son espace et le répartir."),
        ),
    ];
    let main = html! {
        h1 { (title) }
        p.lead { (say(
            lang,
            "This server keeps no log of who writes to whom, when, or from where. Neither do these pages: no cookie before you log in, no script.",
            "Ce serveur ne tient aucun journal de qui écrit à qui, ni quand, ni d'où. Ces pages non plus\u{a0}: pas de cookie avant la connexion, pas \
             de script.",
        )) }
        ul.links { @for (path, name, text) in links { li { a href=(here(path)) { strong { (name) } span { (text) } } } } }
    };
    Layout { lang, title: &title, path: Some("/"), style: Style::Linked, host: &site.ports.host, leave: None }.page(&main)
}

/// Why there is no page.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum NoPage {
    /// 404.
    Missing,
    /// 400: what came is no request that could be meant.
    Request,
    /// 403: the form did not come from a page of ours.
    Form,
    /// 405: the path is for another method.
    Method,
    /// 411: a body without its length.
    Length,
    /// 413: it is too long.
    Long,
    /// 503.
    Busy,
}

impl NoPage {
    /// The status code.
    pub fn status(self) -> u16 {
        match self {
            NoPage::Missing => 404,
            NoPage::Request => 400,
            NoPage::Form => 403,
            NoPage::Method => 405,
            NoPage::Length => 411,
            NoPage::Long => 413,
            NoPage::Busy => 503,
        }
    }
}

/// The page that says it.
pub fn wrong(site: &Site, lang: Lang, wrong: NoPage, style: Style) -> String {
    let (title, text) = match wrong {
        NoPage::Missing => (
            say(lang, "There is no such page", "Cette page n'existe pas"),
            say(lang, "The link may be old, or not whole.", "Le lien est peut-être ancien, ou incomplet."),
        ),
        NoPage::Form => (
            say(lang, "The form was not accepted", "Le formulaire n'a pas été accepté"),
            say(
                lang,
                "It did not come from a page of this site, or you were logged out meanwhile. Open the page again and try once more.",
                "Il ne venait pas d'une page de ce site, ou votre session s'est terminée entre-temps. Rouvrez la page et réessayez.",
            ),
        ),
        NoPage::Busy => (
            say(lang, "Not possible right now", "Impossible pour le moment"),
            say(lang, "Try again in some minutes.", "Réessayez dans quelques minutes."),
        ),
        NoPage::Request | NoPage::Method | NoPage::Length | NoPage::Long => (
            say(lang, "This request was not understood", "Cette demande n'a pas été comprise"),
            say(lang, "Open the page again.", "Rouvrez la page."),
        ),
    };
    let home = format!("/{}/", lang.word());
    let main = html! {
        h1 { (title) }
        p { (text) }
        p { a href=(home) { (say(lang, "To the first page", "Vers la page d'accueil")) } }
    };
    Layout { lang, title: &title, path: None, style, host: &site.ports.host, leave: None }.page(&main)
}
