//! The mail with the link by which the contact of an association logs in at the pages.

use std::time::Duration;

use crate::fault::Lang;
use crate::quota::Name;

/// Subject and paragraphs. `link` is `good` for so long, once.
pub(super) fn words(name: &Name, link: &str, good: Duration, lang: Lang) -> (String, Vec<String>) {
    let (name, link, minutes) = (name.reveal(), link.to_owned(), good.as_secs() / 60);
    match lang {
        Lang::En => (
            format!("Your link to the page of {name}"),
            vec![
                "Hello,".into(),
                format!("This link leads to the page of the association {name}, to see its mail space and share it out:"),
                link,
                format!("It works once, within {minutes} minutes. Keep it to yourself: whoever has it comes in."),
                "If you did not ask for it, you need not do anything. Somebody typed your address, and learnt nothing by it.".into(),
            ],
        ),
        Lang::Fr => (
            format!("Votre lien vers la page de {name}"),
            vec![
                "Bonjour,".into(),
                format!("Ce lien mène à la page de l'association {name}, pour voir son espace de courriel et le répartir\u{a0}:"),
                link,
                format!("Il fonctionne une seule fois, pendant {minutes} minutes. Gardez-le pour vous\u{a0}: qui l'a peut entrer."),
                "Si vous ne l'avez pas demandé, vous n'avez rien à faire. Quelqu'un a tapé votre adresse, et n'a rien appris par là.".into(),
            ],
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Notice;
    use super::*;

    #[test]
    fn the_link_stands_alone_and_whole_in_its_line() {
        let link = format!("https://mail.nolog.example/fr/enter/{}", "a".repeat(43));
        for lang in [Lang::En, Lang::Fr] {
            for (good, says) in [(15, "15 minutes"), (60, "60 minutes")] {
                let notice = Notice::login(&Name::parse("velo").unwrap(), &link, Duration::from_secs(good * 60), lang);
                assert_eq!(notice.body.lines().filter(|line| line.contains("http")).collect::<Vec<_>>(), [&link]);
                assert!(notice.subject.contains("velo") && notice.body.contains(says));
            }
        }
    }
}
