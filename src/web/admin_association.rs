//! One association, for admins: its space, limits, extra space, state, contact, sending limits, and its mailboxes by how full they are. Each
//! form is one command of the command line.
//!
//! What a form shows goes with it (`was-...`), so that a form of an old window changes only what was touched in it.
//!
//! Absent on purpose: domains, aliases, the backend and removal, which are rare and hard to take back: the command line has them.

use maud::{Markup, html};

use super::Site;
use super::admin_form::{AdminForm, AdminResult, SENDING, TextField, count};
use super::admin_home::state;
use super::amount::{amount, full_of_messages, fullest_first, old};
use super::layout::{Layout, Style, done, refused, say};
use super::typography::{number, set, size};
use crate::admin::association_shown::AssociationShown;
use crate::admin::mailbox_shown::MailboxShown;
use crate::fault::Lang;
use crate::notice::date;
use crate::private::Address;
use crate::quota::{SendingSwitch, State, StateWord};

/// What the page shows.
pub struct AdminAssociationPage<'a> {
    /// This host.
    pub site: &'a Site,
    /// The language of the page.
    pub lang: Lang,
    /// The association.
    pub association: &'a AssociationShown,
    /// Whether its numbers are old.
    pub old: bool,
    /// Its mailboxes, in any order.
    pub mailboxes: &'a [MailboxShown],
    /// What stands in its forms.
    pub form_token: &'a str,
    /// What came of the last form.
    pub result: AdminResult<'a>,
}

impl AdminAssociationPage<'_> {
    /// The page.
    pub fn html(&self) -> String {
        let (lang, name) = (self.lang, self.association.name.reveal());
        let main = html! {
            h1 { (name) }
            p.lead { (state(self.association.settings.state, lang)) }
            (self.said())
            (self.space())
            (self.limits())
            (self.grants())
            (self.state())
            (self.contact())
            (self.sending())
            h2 { (say(lang, "Domains", "Domaines")) }
            ul { @for domain in &self.association.settings.domains { li.address { (domain.reveal_written()) } } }
            (self.all_mailboxes())
        };
        let path = format!("/association/{name}");
        Layout { lang, title: name, path: Some(&path), style: Style::Admins, host: &self.site.ports.host, leave: None }
            .page(&main)
    }

    fn said(&self) -> Markup {
        let lang = self.lang;
        html! {
            @match &self.result {
                AdminResult::None => {}
                AdminResult::Done => { (done(lang)) }
                AdminResult::Refused(form, field, why, _) => { (refused(lang, Some(&form.id(field)), why)) }
            }
        }
    }

    fn space(&self) -> Markup {
        let (lang, fill) = (self.lang, &self.association.fill);
        html! {
            section.card aria-label=(say(lang, "Space", "Espace")) {
                p.note { (say(lang, "Space of the whole association, extra space included", "Espace de toute l'association, supplément compris")) }
                (amount(fill.octets, fill.storage, lang, true))
                (old(self.old, lang))
                ul {
                    li { (number(fill.mailboxes, lang)) " " (say(lang, "mailboxes", "boîtes")) }
                    li { (number(fill.messages, lang)) " messages" }
                    @if let Some(full) = full_of_messages(fill, lang) { li { strong { (full) } } }
                }
            }
        }
    }

    fn limits(&self) -> Markup {
        let (lang, settings) = (self.lang, &self.association.settings);
        let sizes =
            say(lang, "For example 10 GB or 500 MB. Empty: no limit.", "Par exemple 10 Go ou 500 Mo. Vide\u{a0}: sans limite.");
        let counts = say(lang, "A number. Empty: no limit.", "Un nombre. Vide\u{a0}: sans limite.");
        let fields = [
            ("storage", say(lang, "Space of the association", "Espace de l'association"), self.octets(settings.storage), &sizes),
            (
                "mailbox-default",
                say(lang, "Share of each mailbox that has none of its own", "Part des boîtes qui n'en ont pas de particulière"),
                self.octets(settings.mailbox_default),
                &sizes,
            ),
            ("mailboxes", say(lang, "Number of mailboxes", "Nombre de boîtes"), count(settings.mailboxes), &counts),
            ("messages", say(lang, "Number of messages", "Nombre de messages"), count(settings.messages), &counts),
        ];
        let fields = fields.map(|(name, label, now, hint)| self.text(AdminForm::Limits, name, label, now, hint.clone()));
        html! { h2 { (say(lang, "Limits", "Limites")) } (self.form(AdminForm::Limits, &html! { @for field in fields { (field) } })) }
    }

    fn grants(&self) -> Markup {
        let (lang, form) = (self.lang, AdminForm::Grant);
        let size_hint = say(lang, "0 takes back what was given until that day.", "0 reprend ce qui a été donné jusqu'à ce jour.");
        let inner = html! {
            (self.text(form, "size", say(lang, "How much", "Combien"), String::new(), size_hint))
            (self.dated(form, "until", say(lang, "Last day", "Dernier jour"), String::new()))
        };
        html! {
            h2 { (say(lang, "Extra space until a day", "Espace supplémentaire jusqu'à un jour")) }
            @if !self.association.settings.grants.is_empty() {
                ul { @for grant in &self.association.settings.grants {
                    li { (set(&match lang {
                        Lang::En => format!("{} until {}", size(grant.octets, lang), date(grant.until, lang)),
                        Lang::Fr => format!("{} jusqu'au {}", size(grant.octets, lang), date(grant.until, lang)),
                    }, lang)) }
                } }
            }
            (self.form(form, &inner))
        }
    }

    fn state(&self) -> Markup {
        let (lang, form, now) = (self.lang, AdminForm::State, self.association.settings.state);
        let shown = |word: StateWord| match word {
            StateWord::Active => say(lang, "Active", "Active"),
            StateWord::ReadOnly => say(
                lang,
                "Read-only: nothing is stored, deleted or sent",
                "Lecture seule\u{a0}: rien n'est stocké, supprimé ni envoyé",
            ),
            StateWord::Suspended => say(lang, "Suspended: nobody logs in", "Suspendue\u{a0}: personne ne se connecte"),
            StateWord::Leaving => {
                say(lang, "Leaving: active until the last day", "En départ\u{a0}: active jusqu'au dernier jour")
            }
        };
        let (is, until) = match now {
            State::Active => (StateWord::Active, String::new()),
            State::ReadOnly => (StateWord::ReadOnly, String::new()),
            State::Suspended => (StateWord::Suspended, String::new()),
            State::LeavingUntil(day) => (StateWord::Leaving, day.print()),
        };
        let chosen = self.again(form, "state").unwrap_or(is.word());
        let inner = html! {
            label for="state-state" { (say(lang, "State", "État")) }
            p.hint id="state-hint" { (say(lang, "Incoming mail is accepted in every state.", "Le courrier entrant est accepté dans tous les cas.")) }
            input type="hidden" name="was-state" value=(is.word());
            select id="state-state" name="state" aria-describedby="state-hint" {
                @for word in StateWord::ALL { option value=(word.word()) selected[word.word() == chosen] { (shown(*word)) } }
            }
            (self.dated(form, "until", say(lang, "Last day, if it leaves", "Dernier jour, si elle part"), until))
        };
        html! { h2 { (say(lang, "State", "État")) } (self.form(form, &inner)) }
    }

    fn contact(&self) -> Markup {
        let (lang, form, settings) = (self.lang, AdminForm::Contact, &self.association.settings);
        let now = settings.contact.as_ref().map_or_else(String::new, Address::reveal);
        let hint = say(
            lang,
            "Notices and links for the contact's page go there. Empty: nobody.",
            "Les avis et les liens vers la page du contact y vont. Vide\u{a0}: personne.",
        );
        let chosen = self.again(form, "language").unwrap_or(settings.lang.word());
        let inner = html! {
            (self.text(form, "contact", say(lang, "Address of the contact", "Adresse du contact"), now, hint))
            label for="contact-language" { (say(lang, "Language of notices", "Langue des avis")) }
            input type="hidden" name="was-language" value=(settings.lang.word());
            select id="contact-language" name="language" {
                option value="fr" lang="fr" selected[chosen == "fr"] { "Français" }
                option value="en" lang="en" selected[chosen == "en"] { "English" }
            }
        };
        html! { h2 { (say(lang, "Contact and language", "Contact et langue")) } (self.form(form, &inner)) }
    }

    fn sending(&self) -> Markup {
        let (lang, form, limits) = (self.lang, AdminForm::Sending, &self.association.settings.sending);
        let (all, each) = (limits.association, limits.mailbox);
        let now = [
            all.messages_per_hour,
            all.messages_per_day,
            all.recipients_per_hour,
            all.recipients_per_day,
            each.messages_per_hour,
            each.messages_per_day,
            each.recipients_per_hour,
            each.recipients_per_day,
        ];
        let labels = [
            ("All together: messages an hour", "Tous ensemble\u{a0}: messages par heure"),
            ("All together: messages a day", "Tous ensemble\u{a0}: messages par jour"),
            ("All together: recipients an hour", "Tous ensemble\u{a0}: destinataires par heure"),
            ("All together: recipients a day", "Tous ensemble\u{a0}: destinataires par jour"),
            ("Each mailbox: messages an hour", "Chaque boîte\u{a0}: messages par heure"),
            ("Each mailbox: messages a day", "Chaque boîte\u{a0}: messages par jour"),
            ("Each mailbox: recipients an hour", "Chaque boîte\u{a0}: destinataires par heure"),
            ("Each mailbox: recipients a day", "Chaque boîte\u{a0}: destinataires par jour"),
        ];
        let hint = say(lang, "Empty: no limit.", "Vide\u{a0}: sans limite.");
        let fields = SENDING.iter().zip(labels).zip(now);
        let inner = html! { @for ((name, (english, french)), now) in fields {
            (self.text(form, name, say(lang, english, french), count(now), hint.clone()))
        } };
        let open = matches!(&self.result, AdminResult::Refused(AdminForm::Sending, ..));
        html! {
            h2 { (say(lang, "Sending limits", "Limites d'envoi")) }
            details open[open] {
                summary { (say(lang, "Change the sending limits", "Modifier les limites d'envoi")) }
                (self.form(form, &inner))
            }
        }
    }

    fn all_mailboxes(&self) -> Markup {
        let lang = self.lang;
        let mailboxes = fullest_first(self.mailboxes);
        html! {
            h2 { (say(lang, "Mailboxes, the fullest first", "Boîtes, les plus remplies d'abord")) }
            @if mailboxes.is_empty() { p { (say(lang, "No mailbox is known yet.", "Aucune boîte n'est encore connue.")) } }
            @else { ul.boxes { @for (place, mailbox) in mailboxes.iter().enumerate() { (self.mailbox(place, mailbox)) } } }
        }
    }

    fn mailbox(&self, place: usize, mailbox: &MailboxShown) -> Markup {
        let (lang, form, address) = (self.lang, AdminForm::Mailbox, mailbox.address.reveal());
        let refused = match &self.result {
            AdminResult::Refused(AdminForm::Mailbox, _, _, typed) => typed.field("address") == Some(&address),
            AdminResult::None | AdminResult::Done | AdminResult::Refused(..) => false,
        };
        let now = if mailbox.own_limit { self.octets(mailbox.storage) } else { String::new() };
        let own_id = if refused { form.id("share") } else { format!("share-{place}") };
        let hint =
            say(lang, "For example 2 GB. Empty: the share for all the others.", "Par exemple 2 Go. Vide\u{a0}: la part commune.");
        let label = format!("{}{address}", say(lang, "Share of ", "Part de "));
        let share = TextField { form, name: "share", id: &own_id, label, now, hint, kind: "text" };
        let switch = format!("sending-{place}");
        let change = say(lang, "Change", "Modifier");
        html! {
            li {
                strong { (address) }
                @if mailbox.sending == SendingSwitch::Off { " – " (say(lang, "sending is off", "envoi désactivé")) }
                (amount(mailbox.octets, mailbox.storage, lang, false))
                details open[refused] {
                    summary aria-label=(format!("{change}, {address}")) { (change) }
                    (self.form_of(form, &address, &html! {
                        input type="hidden" name="address" value=(address);
                        (self.field(&share, refused))
                        label for=(switch) { (say(lang, "Sending of ", "Envoi de ")) (address) }
                        input type="hidden" name="was-sending" value=(mailbox.sending.word());
                        select id=(switch) name="sending" {
                            option value="on" selected[mailbox.sending == SendingSwitch::On] { (say(lang, "On", "Actif")) }
                            option value="off" selected[mailbox.sending == SendingSwitch::Off] { (say(lang, "Off", "Désactivé")) }
                        }
                    }))
                }
            }
        }
    }
}
