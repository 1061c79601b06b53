//! The first page of admins: what has to be seen to, and the associations, the fullest first. What `nologd status` says, for a browser.
//!
//! Absent on purpose: who is connected, how much is sent, any time.

use maud::{Markup, html};

use super::Site;
use super::amount::{amount, full_of_messages, old};
use super::layout::{Layout, Style, say};
use super::typography::{number, set};
use crate::admin::CertificateStatus;
use crate::admin::status::{StatusLine, StatusTold};
use crate::fault::Lang;
use crate::notice::date;
use crate::quota::State;

/// The page.
pub fn home(site: &Site, lang: Lang, told: &StatusTold) -> String {
    let title = say(lang, "Associations", "Associations");
    // A machine that waits has no pages.
    let associations = told.associations.as_deref().unwrap_or_default();
    let counts = told.mailboxes.map(|mailboxes| {
        let counts = [associations.len() as u64, mailboxes].map(|count| number(count, lang));
        match lang {
            Lang::En => format!("{} associations, {} mailboxes", counts[0], counts[1]),
            Lang::Fr => format!("{} associations, {} boîtes", counts[0], counts[1]),
        }
    });
    let worries = worries(told, lang);
    let main = html! {
        h1 { (title) }
        @if let Some(counts) = counts { p.lead { (counts) } }
        @if !worries.is_empty() { div.error { ul { @for worry in &worries { li { (worry) } } } } }
        @if associations.is_empty() {
            p { (say(lang, "There is no association yet. Add one on the command line:", "Il n'y a encore aucune association. Ajoutez-en une en ligne de commande\u{a0}:")) }
            p { code { "nologd association add NAME --domain DOMAIN" } }
        } @else {
            ul.boxes { @for line in associations { (association(line, told.old.iter().any(|old| old.association == line.name), lang)) } }
        }
        p.note { (say(
            lang,
            "Numbers are rounded, and those of the last full hour, as in every list. Adding and removing associations and domains is for the command line.",
            "Les nombres sont arrondis, et ceux de la dernière heure pleine, comme dans toute liste. Ajouter ou retirer des associations et des domaines \
             se fait en ligne de commande.",
        )) }
        p.note { "nologd " (told.version) }
    };
    Layout { lang, title: &title, path: Some("/"), style: Style::Admins, host: &site.ports.host, leave: None }.page(&main)
}

fn association(line: &StatusLine, is_old: bool, lang: Lang) -> Markup {
    let (name, fill) = (line.name.reveal(), &line.fill);
    let mailboxes = match (fill.mailboxes, lang) {
        (1, Lang::En) => "1 mailbox".to_owned(),
        (many, Lang::En) => format!("{} mailboxes", number(many, lang)),
        (0 | 1, Lang::Fr) => format!("{} boîte", fill.mailboxes),
        (many, Lang::Fr) => format!("{} boîtes", number(many, lang)),
    };
    html! {
        li {
            strong { a href=(format!("/{}/association/{name}", lang.word())) { (name) } }
            @if line.state != State::Active { " – " (state(line.state, lang)) }
            (amount(fill.octets, fill.storage, lang, false))
            (old(is_old, lang))
            @if let Some(full) = full_of_messages(fill, lang) { p.note { (full) } }
            span.note { (mailboxes) }
        }
    }
}

/// A state, in words.
pub(super) fn state(state: State, lang: Lang) -> String {
    match (state, lang) {
        (State::Active, _) => say(lang, "active", "active"),
        (State::ReadOnly, _) => say(lang, "read-only", "lecture seule"),
        (State::Suspended, _) => say(lang, "suspended", "suspendue"),
        (State::LeavingUntil(day), Lang::En) => format!("leaving, last day {}", date(day, lang)),
        (State::LeavingUntil(day), Lang::Fr) => set(&format!("en départ, dernier jour le {}", date(day, lang)), lang),
    }
}

/// What an admin has to see to.
fn worries(told: &StatusTold, lang: Lang) -> Vec<String> {
    let mut all = Vec::new();
    if told.store_unwritable == Some(true) {
        all.push(say(
            lang,
            "The store cannot be written: mail goes on, changes are refused (STORE-UNWRITABLE).",
            "Le stockage ne peut pas être écrit\u{a0}: le courrier passe, les changements sont refusés (STORE-UNWRITABLE).",
        ));
    }
    let down = told.servers.iter().flatten().filter(|server| server.state == "down");
    all.extend(down.map(|server| {
        let (backend, service) = (&server.backend, server.service.word());
        match lang {
            Lang::En => format!("A mail server does not answer: {service} of {backend}"),
            Lang::Fr => set(&format!("Un serveur de messagerie ne répond pas\u{a0}: {service} de {backend}"), lang),
        }
    }));
    if let Some(accounts @ 1..) = told.slowed_accounts {
        all.push(match lang {
            Lang::En => format!("Accounts slowed by wrong passwords: {accounts} (nologd blocks list)"),
            Lang::Fr => set(&format!("Comptes ralentis par des mots de passe faux\u{a0}: {accounts} (nologd blocks list)"), lang),
        });
    }
    all.extend(told.certificates.iter().flatten().filter_map(|one| certificate(one, lang)));
    if let Some(incidents @ 1..) = told.incidents {
        all.push(match lang {
            Lang::En => format!("Incident mode is on: {incidents}"),
            Lang::Fr => set(&format!("Mode incident actif\u{a0}: {incidents}"), lang),
        });
    }
    let rules = |english: &str, french: &str, rules: &[String]| {
        (!rules.is_empty()).then(|| format!("{} {}", say(lang, english, french), rules.join(", ")))
    };
    all.extend(rules("Not enforced here:", "Non appliqué ici\u{a0}:", &told.not_enforced));
    all.extend(rules("Loosened by the policy folder:", "Relâché par le dossier des règles\u{a0}:", &told.loosened));
    all
}

/// Days of warning before a certificate is over.
const SOON: i64 = 14;

fn certificate(told: &CertificateStatus, lang: Lang) -> Option<String> {
    let state = match (told.in_force, told.days) {
        (false, _) => say(lang, "not in force", "pas en vigueur"),
        (true, Some(days)) if days < 0 => say(lang, "over: mail programs refuse it", "périmé\u{a0}: les logiciels le refusent"),
        (true, Some(days)) if days <= SOON => match lang {
            Lang::En => format!("{days} days left"),
            Lang::Fr => format!("encore {days} jours"),
        },
        _ if told.broken.is_some() => {
            say(lang, "what is there now cannot be used", "ce qui s'y trouve maintenant est inutilisable")
        }
        _ => return None,
    };
    Some(format!("{} {}{} {state}", say(lang, "Certificate", "Certificat"), told.name, say(lang, ":", "\u{a0}:")))
}
