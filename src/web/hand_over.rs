//! The pages by which a contact hands its association over to another address. Both addresses agree, each by a link of its own
//! (`open_hand_overs`). What is answered is the same whether an address exists or not.

use maud::{Markup, html};

use super::Site;
use super::form_input::FormInput;
use super::layout::{Layout, Style, say};
use super::open_hand_overs::{HandOverError, HandOverSide, WaitingHandOver};
use crate::fault::Lang;

/// The form on the contact's page; what was typed and is no other address stands in it again.
pub(super) fn form(lang: Lang, hidden: &Markup, refused: Option<(HandOverError, &str)>) -> Markup {
    html! {
        h2 { (say(lang, "Hand over to another contact", "Passer la main à un autre contact")) }
        form method="post" action=(format!("/{}/contact/hand-over", lang.word())) {
            (hidden)
            label for="hand-over" { (say(lang, "Address of the new contact", "Adresse du nouveau contact")) }
            (FormInput {
                id: "hand-over",
                name: "address",
                kind: "email",
                value: refused.map_or("", |(_, typed)| typed),
                required: true,
                longest: None,
                hint: &say(
                    lang,
                    "A link goes to you and one to them. When both are confirmed, within 15 minutes, they are the contact, and you are no longer.",
                    "Un lien vous est envoyé, et un autre à cette adresse. Quand les deux sont confirmés, en 15 minutes, cette personne devient le contact \
                     à votre place.",
                ),
                wrong: refused.map(|(error, _)| wrong(lang, error)).as_deref(),
            }.html())
            button type="submit" { (say(lang, "Send both links", "Envoyer les deux liens")) }
        }
    }
}

pub(super) fn wrong(lang: Lang, error: HandOverError) -> String {
    match error {
        HandOverError::NotAnother => say(
            lang,
            "This is not the whole address of somebody else, like name@association.example.",
            "Ce n'est pas l'adresse complète d'une autre personne, comme nom@association.example.",
        ),
        HandOverError::JustNow => say(
            lang,
            "Links were sent less than two minutes ago. Wait a little: a new try ends the one before.",
            "Des liens ont été envoyés il y a moins de deux minutes. Attendez un peu\u{a0}: un nouvel essai met fin au précédent.",
        ),
        HandOverError::EnoughToday => say(
            lang,
            "This was begun five times within a day. Try again tomorrow, or ask your host.",
            "Cela a été commencé cinq fois en un jour. Réessayez demain, ou demandez à votre hébergeur.",
        ),
        HandOverError::NoMail => say(
            lang,
            "No link can be sent at the moment. Try again later, or tell your host.",
            "Aucun lien ne peut être envoyé pour le moment. Réessayez plus tard, ou prévenez votre hébergeur.",
        ),
    }
}

/// The answer to the form, whatever the address is.
pub fn asked(site: &Site, lang: Lang) -> String {
    let title = say(lang, "Two links are on their way", "Deux liens sont en route");
    let main = html! {
        h1 { (title) }
        p.lead { (say(
            lang,
            "One to you, one to the new contact. Both must be confirmed within 15 minutes.",
            "L'un vers vous, l'autre vers le nouveau contact. Il faut confirmer les deux en 15 minutes.",
        )) }
        ul {
            li { (say(lang, "Until then you are the contact.", "D'ici là, le contact, c'est vous.")) }
            li { (say(
                lang,
                "A link did not come? Wait two minutes, then begin again: that ends the first try.",
                "Un lien n'est pas arrivé\u{a0}? Attendez deux minutes, puis recommencez\u{a0}: le premier essai prend fin.",
            )) }
        }
        p { a href=(format!("/{}/contact", lang.word())) { (say(lang, "Back to the contact's page", "Retour à la page du contact")) } }
    };
    page(site, lang, &title, &main)
}

/// The button.
pub fn confirm(site: &Site, lang: Lang, waiting: &WaitingHandOver, token: &str) -> String {
    let (name, new) = (waiting.name.reveal(), waiting.new.reveal());
    let (title, text, button) = match waiting.side {
        HandOverSide::Old => (
            say(lang, "Hand over?", "Passer la main\u{a0}?"),
            say(lang, "The contact of this association would be:", "Le contact de cette association serait\u{a0}:"),
            say(lang, "Hand over", "Passer la main"),
        ),
        HandOverSide::New => (
            say(lang, "Become the contact?", "Devenir le contact\u{a0}?"),
            say(
                lang,
                "You would see the space of this association, share it out, and get its notices:",
                "Vous verriez l'espace de cette association, le répartiriez, et recevriez ses avis\u{a0}:",
            ),
            say(lang, "Become the contact", "Devenir le contact"),
        ),
    };
    let main = html! {
        h1 { (title) }
        p { (text) }
        div.card { p { strong { (name) } } p { (new) } }
        form method="post" action=(format!("/{}/confirm", lang.word())) {
            input type="hidden" name="link" value=(token);
            button type="submit" { (button) }
        }
        p.note { (say(lang, "If this is a mistake, close the page: nothing happens.", "Si c'est une erreur, fermez la page\u{a0}: il ne se passe rien.")) }
    };
    page(site, lang, &title, &main)
}

/// One of the two did.
pub fn half(site: &Site, lang: Lang, side: HandOverSide) -> String {
    let title = say(lang, "Confirmed, one is missing", "Confirmé, il en manque un");
    let text = match side {
        HandOverSide::Old => say(
            lang,
            "Now the new contact opens the link that was sent to them.",
            "Le nouveau contact doit maintenant ouvrir le lien qu'il a reçu.",
        ),
        HandOverSide::New => say(
            lang,
            "Now the contact until now opens the link that was sent to them.",
            "Le contact actuel doit maintenant ouvrir le lien qu'il a reçu.",
        ),
    };
    page(site, lang, &title, &html! { h1 { (title) } p.lead { (text) } })
}

/// Both did.
pub fn done(site: &Site, lang: Lang) -> String {
    let title = say(lang, "Handed over", "C'est fait");
    let main = html! {
        h1 { (title) }
        p.lead { (say(
            lang,
            "The association has a new contact. Who was it before is logged out.",
            "L'association a un nouveau contact. L'ancien contact est déconnecté.",
        )) }
        p { a href=(format!("/{}/contact", lang.word())) { (say(lang, "To the contact's page", "Vers la page du contact")) } }
    };
    page(site, lang, &title, &main)
}

fn page(site: &Site, lang: Lang, title: &str, main: &Markup) -> String {
    Layout { lang, title, path: None, style: Style::Linked, host: &site.ports.host, leave: None }.page(main)
}
