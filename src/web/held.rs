//! What is kept about a mailbox, in words for its owner: what `nologd disclose` prints, in the reader's language.

use super::layout::say;
use super::typography::{number, percent_of, set, size};
use crate::admin::blocks::Tries;
use crate::admin::disclose::Disclosed;
use crate::admin::incident::IncidentSummary;
use crate::admin::mailbox_shown::MailboxShown;
use crate::fault::Lang;
use crate::notice::date;
use crate::private::Address;
use crate::quota::{Filling, Kind, Limit, LimitBy, OwnLang, SendingSwitch};

/// A row: what, and how it stands.
type HeldRow = (String, String);

/// Every bit of it, in order.
pub(super) fn rows(held: &Disclosed, lang: Lang) -> Vec<HeldRow> {
    // All by name, so that the compiler asks how a new one is shown.
    let Disclosed {
        address,
        mailbox,
        listed,
        notice_level,
        notice_told,
        leaving_told,
        aliases,
        contact_of,
        notices_to,
        sending,
        incident,
        tries,
        old,
    } = held;
    let row = |english: &str, french: &str, value: String| (say(lang, english, french), value);
    let none = || say(lang, "none", "aucun");
    let joined = |all: Vec<String>| if all.is_empty() { none() } else { all.join(", ") };
    let mut rows = vec![row("Address", "Adresse", address.reveal())];
    if *old {
        let words = say(
            lang,
            "old, or not here yet: another machine counts, and has told nothing lately",
            "anciens, ou pas encore arrivés\u{a0}: une autre machine compte, et n'a rien dit ces derniers temps",
        );
        rows.push(row("These numbers are", "Ces nombres sont", words));
    }
    rows.extend(mailbox.iter().flat_map(|mailbox| of_mailbox(mailbox, lang)));
    if let Some(listed) = listed {
        let shown = format!("{}, {} messages", size(listed.octets, lang), number(listed.messages, lang));
        rows.push(row("Shown to your contact and to admins, rounded", "Montré à votre contact et aux admins, arrondi", shown));
    }
    let at = |percent: u64| if percent == 0 { none() } else { percent_of(percent, lang) };
    rows.push(row("Last notice that space runs out", "Dernier avis d'espace presque plein", at(*notice_told)));
    if notice_level > notice_told {
        rows.push(row("Notice that waits to be sent", "Avis qui attend d'être envoyé", at(*notice_level)));
    }
    rows.extend(
        leaving_told
            .map(|day| row("Told that the association leaves on", "Averti du départ de l'association le", date(day, lang))),
    );
    rows.push(row("Aliases that lead here", "Alias qui mènent ici", joined(aliases.iter().map(Address::reveal).collect())));
    let names = contact_of.iter().map(|name| name.reveal().to_owned()).collect();
    rows.push(row("Contact of", "Contact de", joined(names)));
    rows.extend(notices_to.map(|octets| {
        row(
            "Full, and our own notices may fill it up to",
            "Pleine, et nos propres avis peuvent la remplir jusqu'à",
            size(octets, lang),
        )
    }));
    rows.extend(sending.iter().flat_map(|sent| of_sending(sent, lang)));
    rows.extend(of_tries(tries, lang));
    rows.extend(incident.iter().map(|incident| row("Incident mode", "Mode incident", watched(incident, lang))));
    rows
}

fn of_tries(tries: &Tries, lang: Lang) -> Vec<HeldRow> {
    let known = say(lang, "Networks of good logins", "Réseaux de connexions réussies");
    let mut rows = vec![(known, networks(tries.known_networks, lang))];
    if tries.slowed {
        let text =
            say(lang, "so many that strangers are refused for now", "si nombreux que les inconnus sont refusés pour le moment");
        rows.push((say(lang, "Wrong passwords", "Mots de passe faux"), text));
    }
    rows
}

fn watched(incident: &IncidentSummary, lang: Lang) -> String {
    let (kept, left) = (incident.kept, incident.minutes_left);
    match lang {
        Lang::En => format!("on: {kept} steps kept; it ends within {left} minutes"),
        Lang::Fr => set(&format!("actif\u{a0}: {kept} étapes gardées ; il se termine d'ici {left} minutes"), lang),
    }
}

fn of_sending(sent: &Filling, lang: Lang) -> [HeldRow; 2] {
    let forgotten = say(lang, "forgotten at a restart", "oublié à chaque redémarrage");
    let messages = format!("{}, {forgotten}", pair(sent.messages_per_hour, sent.messages_per_day, lang));
    let recipients = pair(sent.recipients_per_hour, sent.recipients_per_day, lang);
    [
        (
            say(lang, "Messages sent, that count this hour and this day", "Messages envoyés, comptés pour l'heure et le jour"),
            messages,
        ),
        (say(lang, "Recipients, this hour and this day", "Destinataires, pour l'heure et le jour"), recipients),
    ]
}

fn pair(hour: u64, day: u64, lang: Lang) -> String {
    format!("{} / {}", number(hour, lang), number(day, lang))
}

fn networks(known: u64, lang: Lang) -> String {
    match lang {
        Lang::En => format!("{known}, within 30 hours, as keyed hashes in memory: only their number can be told"),
        Lang::Fr => set(
            &format!("{known}, sur 30 heures, sous forme d'empreintes à clé en mémoire\u{a0}: on ne peut en dire que le nombre"),
            lang,
        ),
    }
}

fn of_mailbox(mailbox: &MailboxShown, lang: Lang) -> Vec<HeldRow> {
    let row = |english: &str, french: &str, value: String| (say(lang, english, french), value);
    let yes = |yes: bool| if yes { say(lang, "yes", "oui") } else { say(lang, "no", "non") };
    let limit = match mailbox.storage {
        Limit::At(octets) => size(octets, lang),
        Limit::None => say(lang, "none", "aucune"),
    };
    let origin = match mailbox.own_limit {
        true => say(lang, "of its own", "particulière"),
        false => say(lang, "as for all the others", "part commune"),
    };
    let by = match mailbox.limit_by {
        None => "",
        Some(LimitBy::Panel) => &say(lang, ", by the panel", ", par le panneau"),
        Some(LimitBy::Hand) => &say(lang, ", by hand", ", à la main"),
    };
    let kind = match mailbox.kind {
        Kind::Person => say(lang, "a person", "une personne"),
        Kind::Machine => say(lang, "a machine", "une machine"),
    };
    let sending = match mailbox.sending {
        SendingSwitch::On => say(lang, "on", "actif"),
        SendingSwitch::Off => say(lang, "off", "désactivé"),
    };
    let language = mailbox.language.map(|chosen| match chosen {
        OwnLang::Default => say(lang, "the association's", "celle de l'association"),
        OwnLang::En => "English".into(),
        OwnLang::Fr => "Français".into(),
    });
    let mut rows = vec![
        row("Association", "Association", mailbox.association.reveal().into()),
        row("Share of the space", "Part de l'espace", format!("{limit} ({origin}{by})")),
        row("In use", "Utilisé", format!("{} ({})", size(mailbox.octets, lang), octets(mailbox.octets, lang))),
        row("Messages", "Messages", number(mailbox.messages, lang)),
    ];
    rows.extend(
        mailbox.reserved.map(|now| row("Being stored at this moment", "En cours d'enregistrement", octets(now.octets, lang))),
    );
    rows.extend(mailbox.counted.map(|sure| row("Counted, and sure", "Compté, et sûr", yes(sure))));
    rows.push(row("Used by", "Utilisée par", kind));
    rows.push(row("Sending", "Envoi", sending));
    rows.extend(language.map(|language| row("Language of notices", "Langue des avis", language)));
    rows
}

fn octets(octets: u64, lang: Lang) -> String {
    let unit = match lang {
        Lang::En => "\u{a0}bytes",
        Lang::Fr if octets < 2 => "\u{202f}octet",
        Lang::Fr => "\u{202f}octets",
    };
    format!("{}{unit}", number(octets, lang))
}
