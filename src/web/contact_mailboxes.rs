//! The mailboxes on a contact's page: the fullest first, a page of them at a time, each with its share; and the way to one that is on none of
//! the pages at hand.

use maud::{Markup, html};

use super::amount::amount;
use super::contact::ContactPage;
use super::form_input::FormInput;
use super::form_result::{FormResult, SizeField, not_found};
use super::layout::say;
use super::parts::{ListPart, MAILBOXES};
use super::typed_size::typed;
use crate::admin::mailbox_shown::MailboxShown;
use crate::fault::Lang;
use crate::quota::{Limit, SendingSwitch};

/// Where the mailbox at `place` of so many is found, the fullest first.
pub fn place_of(place: usize, all: usize) -> String {
    format!("{MAILBOXES}/{}#box-{place}", ListPart::with(place, all).number())
}

impl ContactPage<'_> {
    /// The page of the list to show: the one that was asked for, or the one with the mailbox whose share was refused.
    pub(super) fn shown_part(&self, mailboxes: &[&MailboxShown]) -> ListPart {
        let refused = match &self.result {
            FormResult::Refused(SizeField::Mailbox(address), ..) => {
                mailboxes.iter().position(|mailbox| mailbox.address == *address)
            }
            _ => None,
        };
        refused.map_or_else(|| ListPart::new(self.part, mailboxes.len()), |place| ListPart::with(place, mailboxes.len()))
    }

    pub(super) fn all_mailboxes(&self, mailboxes: &[&MailboxShown], part: ListPart) -> Markup {
        let lang = self.lang;
        html! {
            h2 { (say(lang, "Mailboxes, the fullest first", "Boîtes, les plus remplies d'abord")) }
            @if mailboxes.is_empty() {
                p { (say(
                    lang,
                    "No mailbox is known yet. Each one appears here in the hour after its first login or first message.",
                    "Aucune boîte n'est encore connue. Chacune apparaît ici dans l'heure qui suit sa première connexion ou son premier message.",
                )) }
            } @else {
                (part.words(lang))
                ul.boxes { @for place in part.range() { @if let Some(mailbox) = mailboxes.get(place) { (self.mailbox(place, mailbox, part)) } } }
                (part.links(lang, MAILBOXES))
            }
            @if part.is_cut() { (self.find()) }
        }
    }

    fn find(&self) -> Markup {
        let lang = self.lang;
        let missed = match &self.result {
            FormResult::NotFound(typed) => Some(typed),
            _ => None,
        };
        html! {
            form method="post" action=(format!("/{}/contact/find", lang.word())) {
                (self.hidden())
                label for="find" { (say(lang, "Find a mailbox", "Trouver une boîte")) }
                (FormInput {
                    id: "find",
                    name: "address",
                    kind: "email",
                    value: missed.map_or("", String::as_str),
                    required: true,
                    longest: None,
                    hint: &say(lang, "Its whole address.", "Son adresse complète."),
                    wrong: missed.map(|_| not_found(lang)).as_deref(),
                }.html())
                button.quiet type="submit" { (say(lang, "Show it", "L'afficher")) }
            }
        }
    }

    fn mailbox(&self, place: usize, mailbox: &MailboxShown, part: ListPart) -> Markup {
        let (lang, address) = (self.lang, mailbox.address.reveal());
        let field = SizeField::Mailbox(mailbox.address.clone());
        let refused = matches!(&self.result, FormResult::Refused(other, ..) if *other == field);
        let id = if refused { self.id(&field) } else { format!("share-{place}") };
        let now = match (mailbox.own_limit, mailbox.storage) {
            (true, Limit::At(octets)) => typed(octets, lang == Lang::Fr),
            _ => String::new(),
        };
        html! {
            li {
                strong { (address) }
                @if mailbox.sending == SendingSwitch::Off { " – " (say(lang, "sending is off", "envoi désactivé")) }
                (amount(mailbox.octets, mailbox.storage, lang, false))
                details open[refused] {
                    @let change = say(lang, "Change its share", "Changer sa part");
                    summary id=(format!("box-{place}")) aria-label=(format!("{change}, {address}")) { (change) }
                    form method="post" action=(format!("/{}/contact/mailbox", lang.word())) {
                        (self.hidden())
                        input type="hidden" name="address" value=(address);
                        @if part.number() > 1 { input type="hidden" name="part" value=(part.number()); }
                        label for=(id) { (say(lang, "Share of ", "Part de ")) (address) }
                        (self.input(&field, &id, &now, &say(
                            lang,
                            "For example 2 GB or 500 MB. Empty: the share for all the others.",
                            "Par exemple 2 Go ou 500 Mo. Vide\u{a0}: la part commune.",
                        )))
                        @let change = say(lang, "Change", "Modifier");
                        button type="submit" aria-label=(format!("{change}, {address}")) { (change) }
                    }
                }
            }
        }
    }
}
