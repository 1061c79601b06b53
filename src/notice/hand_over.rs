//! The mails with the links by which an association is handed over from one contact to another: one to each of the two.

use crate::fault::Lang;
use crate::private::Address;
use crate::quota::Name;

/// Subject and paragraphs for the contact until now. `link` is good once, for a quarter of an hour.
pub(super) fn old(name: &Name, new: &Address, link: &str, lang: Lang) -> (String, Vec<String>) {
    let (name, new, link) = (name.reveal(), new.reveal(), link.to_owned());
    match lang {
        Lang::En => (
            format!("Hand over {name}?"),
            vec![
                "Hello,".into(),
                format!("On the page of {name} somebody asked to make this address its contact in your place:"),
                new,
                "If that is right, confirm it here:".into(),
                link,
                "It works once, within 15 minutes. Nothing changes before the other address has confirmed it too.".into(),
                "If it was not you, do nothing, and log out at the page: somebody else had it open.".into(),
            ],
        ),
        Lang::Fr => (
            format!("Passer la main pour {name}\u{a0}?"),
            vec![
                "Bonjour,".into(),
                format!("Sur la page de {name}, quelqu'un a demandé que cette adresse devienne son contact à votre place\u{a0}:"),
                new,
                "Si c'est bien voulu, confirmez-le ici\u{a0}:".into(),
                link,
                "Ce lien fonctionne une seule fois, pendant 15 minutes. Rien ne change avant que l'autre adresse ait confirmé aussi.".into(),
                "Si ce n'était pas vous, ne faites rien, et déconnectez-vous de la page\u{a0}: quelqu'un d'autre l'avait ouverte.".into(),
            ],
        ),
    }
}

/// Subject and paragraphs for the one that it is handed over to.
pub(super) fn new(name: &Name, link: &str, lang: Lang) -> (String, Vec<String>) {
    let (name, link) = (name.reveal(), link.to_owned());
    match lang {
        Lang::En => (
            format!("Become the contact of {name}?"),
            vec![
                "Hello,".into(),
                format!(
                    "The contact of the association {name} wants to hand over to you: you would see its mail space, share it out, and get its \
                     notices. Confirm it here:"
                ),
                link,
                "It works once, within 15 minutes.".into(),
                "If you do not want that, or do not know about it, you need not do anything.".into(),
            ],
        ),
        Lang::Fr => (
            format!("Devenir le contact de {name}\u{a0}?"),
            vec![
                "Bonjour,".into(),
                format!(
                    "Le contact de l'association {name} veut vous passer la main\u{a0}: vous verriez son espace de courriel, le répartiriez, et \
                     recevriez ses avis. Confirmez ici\u{a0}:"
                ),
                link,
                "Ce lien fonctionne une seule fois, pendant 15 minutes.".into(),
                "Si vous ne le voulez pas, ou n'en savez rien, vous n'avez rien à faire.".into(),
            ],
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Notice;
    use super::*;

    #[test]
    fn each_link_stands_alone_in_its_line() {
        let (name, zoe) = (Name::parse("velo").unwrap(), Address::parse("zoe@elsewhere.example").unwrap());
        let link = format!("https://mail.nolog.example/fr/confirm/{}", "a".repeat(43));
        for lang in [Lang::En, Lang::Fr] {
            let (old, new) = (Notice::hand_over(&name, &zoe, &link, lang), Notice::take_over(&name, &link, lang));
            for notice in [&old, &new] {
                assert_eq!(notice.body.lines().filter(|line| line.contains("http")).collect::<Vec<_>>(), [&link]);
                assert!(notice.subject.contains("velo") && notice.body.contains("15 minutes"));
            }
            assert!(old.body.lines().any(|line| line == "zoe@elsewhere.example"));
        }
    }
}
