//! The page of an association's contact: its space, its mailboxes by how full they are, and how the space is shared out.
//!
//! Numbers are the settled ones, rounded and made anew each full hour, as in every list (docs/side-information.md): the page never shows who
//! did what, or when. Absent on purpose: who logged in, what came, what was sent.

use maud::{Markup, html};

use super::Site;
use super::amount::{amount, full_of_messages, fullest_first, old};
use super::domains::{DomainsSection, ShownCertificate};
use super::form_result::{FormResult, SizeField, not_found, not_kept};
use super::hand_over;
use super::layout::{Layout, Style, done, refused, say};
use super::lend::{self, LendSection};
use super::more_space::{self, MoreSpaceSection};
use super::news::VisitNews;
use super::parts::MAILBOXES;
use super::typed_size::typed;
use super::typography::{number, set, size};
use crate::admin::association_shown::AssociationShown;
use crate::admin::mailbox_shown::MailboxShown;
use crate::admin::open_offers::OfferShown;
use crate::admin::zones::ZoneShown;
use crate::fault::Lang;
use crate::notice::date;
use crate::quota::{Limit, Loan, SendingLimits, Standing};

/// What the page shows.
pub struct ContactPage<'a> {
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
    /// What it offers to others, and what is offered to it.
    pub offers: [&'a [OfferShown]; 2],
    /// How many more are offered to it.
    pub more_offers: u64,
    /// The certificates that programs are shown for the mail host and for its domains, in the order of their names.
    pub certificates: &'a [ShownCertificate],
    /// How the zones of its domains stand, where somebody looked.
    pub zones: &'a [ZoneShown],
    /// What stands in its forms.
    pub form_token: &'a str,
    /// Whether it may be used today.
    pub standing: Standing,
    /// How much may be sent, by each person's mailbox and by all together.
    pub sending: SendingLimits,
    /// Which page of the mailboxes, from one on.
    pub part: usize,
    /// What came of the last form.
    pub result: FormResult,
}

impl ContactPage<'_> {
    /// The page.
    pub fn html(&self) -> String {
        let (lang, name) = (self.lang, self.association.name.reveal());
        let mailboxes = fullest_first(self.mailboxes);
        let part = self.shown_part(&mailboxes);
        let main = html! {
            h1 { (name) }
            (self.said())
            (self.standing())
            @if !self.offers[1].is_empty() {
                div.done role="status" { p { a href="#lend" { (say(lang, "Another association offers you space", "Une autre association vous propose de l'espace")) } } }
            }
            (self.space())
            (self.all_mailboxes(&mailboxes, part))
            (self.default_share())
            (self.lending())
            (self.more_space())
            (self.sending_limits())
            (self.domains())
            (self.language())
            (hand_over::form(lang, &self.hidden(), match &self.result {
                FormResult::HandOverRefused(error, typed) => Some((*error, typed)),
                _ => None,
            }))
            (self.held())
        };
        let title = say(lang, "Contact's page", "Page du contact");
        let host = &self.site.ports.host;
        let path = if part.number() == 1 { "/contact".to_owned() } else { format!("{MAILBOXES}/{}", part.number()) };
        Layout { lang, title: &title, path: Some(&path), style: Style::Linked, host, leave: Some(self.form_token) }.page(&main)
    }

    /// On top: what came of the last form.
    fn said(&self) -> Markup {
        let lang = self.lang;
        html! {
            @match &self.result {
                FormResult::None => {}
                FormResult::Done(VisitNews::Changed) => { (done(lang)) }
                FormResult::Done(VisitNews::Offered) => { (lend::offered(lang)) }
                FormResult::Done(VisitNews::Withdrawn) => { (lend::withdrawn(lang)) }
                FormResult::Done(VisitNews::Declined) => { (lend::declined(lang)) }
                FormResult::Done(VisitNews::SpaceAsked) => { (more_space::asked(lang)) }
                FormResult::Refused(field, error, _) => { (refused(lang, Some(&self.id(field)), &self.wrong(*error))) }
                FormResult::LendRefused(error, _) => { (lend::summary(lang, *error)) }
                FormResult::MoreSpaceRefused(error, _) => { (more_space::summary(lang, *error)) }
                FormResult::HandOverRefused(error, _) => { (refused(lang, Some("hand-over"), &hand_over::wrong(lang, *error))) }
                FormResult::NotFound(_) => { (refused(lang, Some("find"), &not_found(lang))) }
                FormResult::Failed => div.error role="alert" { p { (not_kept(lang)) } },
            }
        }
    }

    fn space(&self) -> Markup {
        let (lang, fill, settings) = (self.lang, &self.association.fill, &self.association.settings);
        let counts = |used: u64, limit: Limit, one: &str, many: &str| match limit {
            Limit::At(most) => format!("{} {} {} {many}", number(used, lang), say(lang, "of", "sur"), number(most, lang)),
            Limit::None => format!("{} {}", number(used, lang), if used == 1 { one } else { many }),
        };
        let words = match lang {
            Lang::En => [["mailbox", "mailboxes"], ["message", "messages"]],
            Lang::Fr => [["boîte", "boîtes"], ["message", "messages"]],
        };
        html! {
            section.card aria-label=(say(lang, "Space", "Espace")) {
                p.note { (say(lang, "Space of the whole association", "Espace de toute l'association")) }
                (amount(fill.octets, fill.storage, lang, true))
                (old(self.old, lang))
                ul {
                    @for grant in &settings.grants {
                        li { (set(&match lang {
                            Lang::En => format!("including {} until {}", size(grant.octets, lang), date(grant.until, lang)),
                            Lang::Fr => format!("dont {} jusqu'au {}", size(grant.octets, lang), date(grant.until, lang)),
                        }, lang)) }
                    }
                    (self.loans())
                    li { (counts(fill.mailboxes, settings.mailboxes, words[0][0], words[0][1])) }
                    li { (counts(fill.messages, settings.messages, words[1][0], words[1][1])) }
                    @if let Some(full) = full_of_messages(fill, lang) { li { strong { (full) } } }
                }
                p.note { (say(
                    lang,
                    "Rounded, as it was at the last full hour: this page shows how full things are, and never who does what.",
                    "Arrondi, tel qu'à la dernière heure pleine\u{a0}: cette page montre le remplissage, jamais qui fait quoi.",
                )) }
            }
        }
    }

    /// What of the space comes from others, and what others have.
    fn loans(&self) -> Markup {
        let lang = self.lang;
        let each = |loans: &[Loan], [english, french]: [&str; 2]| {
            let words = loans.iter().map(|loan| match lang {
                Lang::En => {
                    format!("{} {english} {} until {}", size(loan.octets, lang), loan.with.reveal(), date(loan.until, lang))
                }
                Lang::Fr => {
                    format!("{} {french} {} jusqu'au {}", size(loan.octets, lang), loan.with.reveal(), date(loan.until, lang))
                }
            });
            words.map(|words| set(&words, lang)).collect::<Vec<_>>()
        };
        html! {
            @for line in each(&self.association.borrowed, ["more, borrowed from", "de plus, empruntés à"]) { li { (line) } }
            @for line in each(&self.association.lent, ["less, lent to", "de moins, prêtés à"]) { li { (line) } }
        }
    }

    fn default_share(&self) -> Markup {
        let (lang, field) = (self.lang, SizeField::Default);
        let (id, limit) = (self.id(&field), self.association.settings.mailbox_default);
        let now = if let Limit::At(octets) = limit { typed(octets, lang == Lang::Fr) } else { String::new() };
        html! {
            h2 { (say(lang, "The share for all the others", "La part commune")) }
            form method="post" action=(format!("/{}/contact/default", lang.word())) {
                (self.hidden())
                label for=(id) { (say(lang, "Share of each mailbox that has none of its own", "Part des boîtes qui n'en ont pas de particulière")) }
                (self.input(&field, &id, &now, &say(
                    lang,
                    "Shares may add up to more than the space: what counts is what is used. Empty: no limit but the association's.",
                    "Le total des parts peut dépasser l'espace\u{a0}: seul compte ce qui est utilisé. Vide\u{a0}: pas d'autre limite que celle de l'association.",
                )))
                button type="submit" { (say(lang, "Change", "Modifier")) }
            }
        }
    }

    fn lending(&self) -> Markup {
        let refused = match &self.result {
            FormResult::LendRefused(error, typed) => Some((*error, typed)),
            _ => None,
        };
        let loans = [&self.association.lent[..], &self.association.borrowed[..]];
        let (lang, offers, more_offers) = (self.lang, self.offers, self.more_offers);
        LendSection { lang, loans, offers, more_offers, refused, hidden: &self.hidden() }.html()
    }

    /// Where there is a limit, and somebody to ask.
    fn more_space(&self) -> Markup {
        let refused = match &self.result {
            FormResult::MoreSpaceRefused(error, typed) => Some((*error, typed)),
            _ => None,
        };
        let can = self.site.hosts.is_some() && self.association.settings.storage != Limit::None;
        html! { @if can { (MoreSpaceSection { lang: self.lang, refused, hidden: &self.hidden() }.html()) } }
    }

    fn domains(&self) -> Markup {
        let domains: Vec<_> = self.association.all_domains().collect();
        let (lang, site, certificates, zones) = (self.lang, self.site, self.certificates, self.zones);
        DomainsSection { lang, site, domains: &domains, zones, certificates }.html()
    }

    fn language(&self) -> Markup {
        let (lang, now) = (self.lang, self.association.settings.lang);
        html! {
            h2 { (say(lang, "Language of notices", "Langue des avis")) }
            form method="post" action=(format!("/{}/contact/language", lang.word())) {
                (self.hidden())
                label for="language" { (say(lang, "Messages that tell members and you that space runs out", "Messages qui vous préviennent, vous et les membres, que l'espace se remplit")) }
                select id="language" name="language" {
                    option value="fr" lang="fr" selected[now == Lang::Fr] { "Français" }
                    option value="en" lang="en" selected[now == Lang::En] { "English" }
                }
                button type="submit" { (say(lang, "Change", "Modifier")) }
            }
        }
    }

    fn held(&self) -> Markup {
        let lang = self.lang;
        html! {
            h2 { (say(lang, "What is held about the association", "Ce qui est conservé sur l'association")) }
            p { (say(
                lang,
                "What this page shows, as a file: settings, loans and offers, aliases, and each mailbox with its share and its rounded numbers.",
                "Ce que montre cette page, dans un fichier\u{a0}: réglages, prêts et offres, alias, et chaque boîte avec sa part et ses nombres arrondis.",
            )) }
            p { a href="/contact/held.json" download { (say(lang, "Download it (JSON)", "Télécharger (JSON)")) } }
        }
    }
}
