//! How a contact logs in: by a link that is sent to the address that the association has for its contact, with nothing stored; or by the
//! password of that mailbox, where it is one of this host's ([`password`]).
//!
//! The answer is the same whether an address is a contact's or nobody's. The link leads to a button, and only the button spends it: what
//! scans mail follows links, and presses nothing.

use maud::{Markup, html};

use super::Site;
use super::layout::{Layout, Style, say};
use super::password::{self, EntryPage, LastTry};
use crate::fault::Lang;
use crate::quota::Name;

/// The page that asks for the address. `mistyped` is what was typed that is no address; `last` is a password that was tried.
pub fn ask(site: &Site, lang: Lang, mistyped: Option<&str>, last: Option<&LastTry<'_>>) -> String {
    let title = say(lang, "The contact's page", "La page du contact");
    let wrong = say(
        lang,
        "This is not a whole address, like name@association.example.",
        "Ce n'est pas une adresse complète, comme nom@association.example.",
    );
    let main = html! {
        h1 { (title) }
        p.lead { (say(
            lang,
            "Here the contact of an association sees its mail space and shares it out.",
            "Ici, le contact d'une association voit son espace de courriel et le répartit.",
        )) }
        @if mistyped.is_some() {
            div.error role="alert" { p { a href="#address" { (wrong) } } }
        }
        (password::summary(lang, last))
        form method="post" action=(format!("/{}/contact/link", lang.word())) {
            label for="address" { (say(lang, "Your address as contact", "Votre adresse de contact")) }
            p.hint id="address-hint" { (say(
                lang,
                "The one that your host has for your association. A link will be sent there.",
                "Celle que votre hébergeur connaît pour votre association. Un lien y sera envoyé.",
            )) }
            @match mistyped {
                Some(typed) => {
                    input type="email" id="address" name="address" required autocomplete="email" value=(typed) aria-invalid="true" aria-describedby="address-error address-hint";
                    p.field-error id="address-error" { (wrong) }
                }
                None => { input type="email" id="address" name="address" required autocomplete="email" aria-describedby="address-hint"; }
            }
            button type="submit" { (say(lang, "Send me the link", "Envoyez-moi le lien")) }
        }
        p.note { (say(
            lang,
            "No password is kept. Once you are in, one cookie holds your session until you log out, or 12 hours after your last click.",
            "Aucun mot de passe n'est gardé. Une fois dans la page, un cookie maintient votre session jusqu'à la déconnexion, ou 12 heures après votre \
             dernier clic.",
        )) " " (password::no_cookie(lang)) }
        h2 { (say(lang, "Or with the password of that mailbox", "Ou avec le mot de passe de cette boîte")) }
        p { (say(
            lang,
            "If your address as contact is a mailbox of this server. This works when it is full, too.",
            "Si votre adresse de contact est une boîte de ce serveur. Cela marche aussi quand elle est pleine.",
        )) }
        (password::form(lang, EntryPage::Contact, last))
    };
    page(site, lang, &title, Some("/contact"), &main)
}

/// The answer to the form, whoever asked.
pub fn asked(site: &Site, lang: Lang) -> String {
    let title = say(lang, "Check your mail", "Consultez votre courrier");
    let main = html! {
        h1 { (title) }
        p.lead { (say(
            lang,
            "If this is the address of an association's contact, a link is on its way there.",
            "Si cette adresse est celle du contact d'une association, un lien va y arriver.",
        )) }
        ul {
            li { (say(
                lang,
                "It works once; the mail says for how long.",
                "Il fonctionne une seule fois\u{a0}; le message dit pendant combien de temps.",
            )) }
            li { (say(
                lang,
                "Nothing comes? Look into the spam folder, and wait two minutes before you ask again.",
                "Rien ne vient\u{a0}? Regardez dans les indésirables, et attendez deux minutes avant de redemander.",
            )) }
            li { (say(
                lang,
                "When several were sent and not used, the next one takes longer, an hour at most. Until then the last one is good.",
                "Quand plusieurs ont été envoyés sans servir, le suivant tarde, une heure au plus. D'ici là, le dernier reste valable.",
            )) }
            li { (say(
                lang,
                "Still nothing: your host has another address as your contact. Ask them.",
                "Toujours rien\u{a0}: votre hébergeur a une autre adresse de contact. Demandez-lui.",
            )) }
        }
    };
    page(site, lang, &title, None, &main)
}

/// The page that the link leads to. `token` is as it stood in the link, and is good. It names the association: nobody shall be led into another
/// one's page than they think.
pub fn enter(site: &Site, lang: Lang, name: &Name, token: &str) -> String {
    let title = say(lang, "One more click", "Encore un clic");
    let main = html! {
        h1 { (title) }
        p.lead { (say(lang, "The link is good. It is used up when you go in.", "Le lien est valable. Il sera utilisé quand vous entrerez.")) }
        div.card { p { strong { (name.reveal()) } } }
        form method="post" action=(format!("/{}/enter", lang.word())) {
            input type="hidden" name="link" value=(token);
            button type="submit" { (say(lang, "Go to the contact's page", "Entrer dans la page du contact")) }
        }
    };
    page(site, lang, &title, None, &main)
}

/// The link was used, or is too old, or never was.
pub fn over(site: &Site, lang: Lang) -> String {
    let title = say(lang, "This link has expired", "Ce lien n'est plus valable");
    let main = html! {
        h1 { (title) }
        p { (say(
            lang,
            "A link works once, for as long as its mail says, and not after this server was restarted.",
            "Un lien fonctionne une seule fois, pendant le temps que dit le message, et plus après un redémarrage de ce serveur.",
        )) }
        p { a href=(format!("/{}/contact", lang.word())) { (say(lang, "Ask for another one", "En demander un autre")) } }
    };
    page(site, lang, &title, None, &main)
}

fn page(site: &Site, lang: Lang, title: &str, path: Option<&str>, main: &Markup) -> String {
    Layout { lang, title, path, style: Style::Linked, host: &site.ports.host, leave: None }.page(main)
}
