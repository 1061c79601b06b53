//! The mail to a contact whose association is offered space by another one.

use super::leaving::date;
use super::size::{NO_BREAK, size};
use crate::fault::Lang;
use crate::quota::{Day, Name};

/// Subject and paragraphs for the contact of `to`. `link` leads to the page where the offer stands, and lets nobody in.
pub(super) fn words([from, to]: [&Name; 2], octets: u64, until: Day, link: &str, lang: Lang) -> (String, Vec<String>) {
    let (from, to, space, day) = (from.reveal(), to.reveal(), size(octets, lang, NO_BREAK), date(until, lang));
    let link = link.to_owned();
    match lang {
        Lang::En => (
            format!("{from} offers mail space to {to}"),
            vec![
                "Hello,".into(),
                format!("The contact of the association {from} offers {space} of its mail space to {to}, until {day}."),
                "To accept or decline it, look at your page:".into(),
                link,
                "Nothing changes before you accept. The offer stands for a week at most.".into(),
                "You receive this automatic message as the contact of the association; there is one a day at most for each association that offers.".into(),
            ],
        ),
        Lang::Fr => (
            format!("{from} propose de l'espace de courriel à {to}"),
            vec![
                "Bonjour,".into(),
                format!(
                    "Le contact de l'association {from} propose de prêter {space} de son espace de courriel à {to}, jusqu'au {day}."
                ),
                "Pour accepter ou refuser, consultez votre page\u{a0}:".into(),
                link,
                "Rien ne change tant que vous n'avez pas accepté. L'offre tient une semaine au plus.".into(),
                "Vous recevez ce message automatique en tant que contact de l'association\u{a0}; un par jour au plus pour les offres d'une \
                 même association."
                    .into(),
            ],
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Notice;
    use super::*;

    #[test]
    fn it_says_who_offers_what_until_when_and_where() {
        let [velo, jardin]: [Name; 2] = ["velo", "jardin"].map(|name| name.parse().unwrap());
        let (until, link) = ("2027-03-01".parse().unwrap(), "https://mail.nolog.example/en/contact");
        for (lang, space, day) in [(Lang::En, "2\u{a0}GB", "1 March 2027"), (Lang::Fr, "2\u{a0}Go", "1er mars 2027")] {
            let notice = Notice::offer([&velo, &jardin], 2 << 30, until, link, lang);
            assert_eq!(notice.body.lines().filter(|line| line.contains("http")).collect::<Vec<_>>(), [link]);
            let body = notice.body.replace(['\n', '\u{a0}'], " ");
            assert!(notice.subject.starts_with("velo ") && notice.subject.ends_with(" jardin"), "{}", notice.subject);
            assert!(body.contains(&space.replace('\u{a0}', " ")) && body.contains(day), "{body}");
        }
    }
}
