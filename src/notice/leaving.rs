//! The notice of an association that leaves: until which day, and that mail is to be taken along.

use crate::fault::Lang;
use crate::quota::{Day, Leaving, Subject};

/// Subject and paragraphs. None when leaving was called off.
pub(super) fn words(leaving: &Leaving) -> Option<(String, Vec<String>)> {
    let day = date(leaving.until?, leaving.lang);
    let name = leaving.association.reveal();
    Some(match (&leaving.subject, leaving.lang) {
        (Subject::Mailbox(address), Lang::En) => mailbox_en(&address.reveal(), name, &day),
        (Subject::Mailbox(address), Lang::Fr) => mailbox_fr(&address.reveal(), name, &day),
        (Subject::Association(_), Lang::En) => association_en(name, &day),
        (Subject::Association(_), Lang::Fr) => association_fr(name, &day),
    })
}

fn mailbox_en(address: &str, name: &str, day: &str) -> (String, Vec<String>) {
    (
        format!("Your mailbox can be used until {day}"),
        vec![
            "Hello,".into(),
            format!("The association {name} is leaving this mail host."),
            format!("You can use your mailbox {address} as usual until {day}, that day included. After that you can no longer open it."),
            "Please take your mail with you before then: in your mail program, copy the messages that you want to keep into local \
             folders on your computer, or into your new mailbox."
                .into(),
            "If you have questions, ask the person in charge of your association's mail.".into(),
            "This message was sent automatically.".into(),
        ],
    )
}

fn mailbox_fr(address: &str, name: &str, day: &str) -> (String, Vec<String>) {
    (
        format!("Votre boîte de courriel reste ouverte jusqu'au {day}"),
        vec![
            "Bonjour,".into(),
            format!("L'association {name} quitte cet hébergeur de courriel."),
            format!(
                "Vous pouvez utiliser votre boîte {address} comme d'habitude jusqu'au {day} inclus. Passé cette date, vous n'y \
                 aurez plus accès."
            ),
            "D'ici là, pensez à récupérer votre courrier\u{a0}: dans votre logiciel de messagerie, copiez les messages que vous \
             souhaitez garder dans des dossiers locaux, sur votre ordinateur, ou dans votre nouvelle boîte."
                .into(),
            "Pour toute question, adressez-vous à la personne qui s'occupe du courrier dans votre association.".into(),
            "Ce message a été envoyé automatiquement.".into(),
        ],
    )
}

fn association_en(name: &str, day: &str) -> (String, Vec<String>) {
    (
        format!("The mailboxes of {name} can be used until {day}"),
        vec![
            "Hello,".into(),
            format!(
                "The association {name} is leaving this mail host. Its mailboxes can be used as usual until {day}, that day \
                 included. After that nobody can open them any more."
            ),
            "Each member who has a mailbox here receives a message that says so, and how to take their mail with them. Please \
             make sure that everybody has done it before that day, also those who seldom read their mail."
                .into(),
            "If this is a mistake, or if you need more time, write to your mail host.".into(),
            "You receive this automatic message as the contact of the association.".into(),
        ],
    )
}

fn association_fr(name: &str, day: &str) -> (String, Vec<String>) {
    (
        format!("Les boîtes de courriel de {name} restent ouvertes jusqu'au {day}"),
        vec![
            "Bonjour,".into(),
            format!(
                "L'association {name} quitte cet hébergeur de courriel. Ses boîtes peuvent être utilisées comme d'habitude \
                 jusqu'au {day} inclus. Passé cette date, plus personne n'y aura accès."
            ),
            "Chaque membre qui a une boîte ici reçoit un message qui l'en informe et lui explique comment récupérer son courrier. \
             Assurez-vous que tout le monde l'a fait à temps, y compris celles et ceux qui consultent rarement leur boîte."
                .into(),
            "S'il s'agit d'une erreur, ou s'il vous faut plus de temps, écrivez à votre hébergeur.".into(),
            "Vous recevez ce message automatique en tant que contact de l'association.".into(),
        ],
    )
}

/// A day as the language writes it, in one piece.
pub fn date(day: Day, lang: Lang) -> String {
    const EN: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    const FR: [&str; 12] =
        ["janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"];
    let (year, month, day) = day.parts();
    let names = if lang == Lang::Fr { FR } else { EN };
    let month = names.get(usize::from(month).saturating_sub(1)).copied().unwrap_or_default();
    let first = if (lang, day) == (Lang::Fr, 1) { "er" } else { "" };
    format!("{day}{first}\u{a0}{month}\u{a0}{year}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::private::Address;
    use crate::quota::Name;

    #[test]
    fn it_names_the_day_as_people_write_it() {
        let name = Name::parse("velo").unwrap();
        let mailbox = Subject::Mailbox(Address::parse("alice@velo.example").unwrap());
        let say = |subject: &Subject, day: &str, lang| {
            let (subject, until) = (subject.clone(), Day::parse(day));
            words(&Leaving { subject, association: name.clone(), until, lang })
        };
        let (subject, body) = say(&mailbox, "2027-03-01", Lang::Fr).unwrap();
        assert_eq!(subject, "Votre boîte de courriel reste ouverte jusqu'au 1er\u{a0}mars\u{a0}2027");
        assert!(body[2].contains("alice@velo.example") && body[2].contains("1er\u{a0}mars\u{a0}2027 inclus"));
        let (subject, _) = say(&mailbox, "2026-12-31", Lang::En).unwrap();
        assert_eq!(subject, "Your mailbox can be used until 31\u{a0}December\u{a0}2026");
        let (subject, body) = say(&Subject::Association(name.clone()), "2027-08-02", Lang::Fr).unwrap();
        assert!(subject.contains("velo") && body[1].contains("2\u{a0}août\u{a0}2027"));
        assert!(say(&mailbox, "", Lang::Fr).is_none());
    }
}
