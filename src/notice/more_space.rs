//! The mail by which a contact asks the hosts for more space.

use super::size::{NO_BREAK, size};
use crate::fault::Lang;
use crate::private::Address;
use crate::quota::Name;

/// What is asked.
pub struct SpaceRequest {
    /// The association.
    pub name: Name,
    /// Its contact, who asks.
    pub contact: Address,
    /// How much more, in octets.
    pub more: u64,
    /// What is in use, as lists show it, and its space without what is granted or lent.
    pub used: u64,
    /// See `used`.
    pub storage: u64,
    /// What for, in the contact's words and in one line.
    pub words: String,
}

/// Subject and paragraphs.
pub(super) fn words(request: &SpaceRequest, lang: Lang) -> (String, Vec<String>) {
    let (name, contact) = (request.name.reveal(), request.contact.reveal());
    let [more, used, storage] = [request.more, request.used, request.storage].map(|octets| size(octets, lang, NO_BREAK));
    // In octets where it is no whole number of a unit: the command sets what was asked for, and nothing near it.
    let in_command = |octets: u64| match octets {
        whole if whole % (1 << 30) == 0 => format!("{}G", whole >> 30),
        whole if whole % (1 << 20) == 0 => format!("{}M", whole >> 20),
        octets => octets.to_string(),
    };
    let command = format!("nologd association set {name} --storage {}", in_command(request.storage.saturating_add(request.more)));
    let for_a_while = format!("nologd association grant {name} {} --until YYYY-MM-DD", in_command(request.more));
    let look = format!("nologd association show {name}");
    let mut paragraphs = match lang {
        Lang::En => vec![
            "Hello,".into(),
            format!("The contact of the association {name} asks for {more} more of mail space. The contact is {contact}"),
            format!("At this moment it has {storage}, not counting what is granted, borrowed or lent; in use: {used}."),
            "To give it for good, or until a day. The first command sets the whole space: if it was changed since this mail, look first.".into(),
            command,
            for_a_while,
            look,
            "The contact expects an answer from you, whatever it is. Write to the address above: a reply to this message does not go there.".into(),
        ],
        Lang::Fr => vec![
            "Bonjour,".into(),
            format!("Le contact de l'association {name} demande {more} d'espace de courriel en plus. Le contact est {contact}"),
            format!("Elle a en ce moment {storage}, sans compter ce qui est accordé, emprunté ou prêté\u{a0}; utilisé\u{a0}: {used}."),
            "Pour l'accorder durablement, ou jusqu'à une date. La première commande fixe tout l'espace\u{a0}: s'il a changé depuis ce message, regardez d'abord."
                .into(),
            command,
            for_a_while,
            look,
            "Le contact attend une réponse de votre part, quelle qu'elle soit. Écrivez à l'adresse ci-dessus\u{a0}: une réponse à ce message n'y va pas.".into(),
        ],
    };
    if !request.words.is_empty() {
        paragraphs.push(match lang {
            Lang::En => "In the contact's words:".into(),
            Lang::Fr => "Avec les mots du contact\u{a0}:".into(),
        });
    }
    let subject = match lang {
        Lang::En => format!("{name} asks for mail space"),
        Lang::Fr => format!("{name} demande de l'espace de courriel"),
    };
    (subject, paragraphs)
}

#[cfg(test)]
mod tests {
    use super::super::Notice;
    use super::*;

    #[test]
    fn it_says_who_asks_for_what_and_how_to_give_it() {
        let request = |more, words: &str| SpaceRequest {
            name: "velo".parse().unwrap(),
            contact: "alice@velo.example".parse().unwrap(),
            more,
            used: 9 << 30,
            storage: 10 << 30,
            words: words.into(),
        };
        for (lang, more) in [(Lang::En, "2\u{a0}GB more"), (Lang::Fr, "2\u{a0}Go d'espace")] {
            let notice = Notice::more_space(&request(2 << 30, "a camp"), lang);
            let has = |words: &str| notice.body.replace('\n', " ").contains(words);
            assert!(has(more) && has("alice@velo.example") && has("a camp"), "{}", notice.body);
            let lines: Vec<_> = notice.body.lines().collect();
            assert!(lines.contains(&"nologd association set velo --storage 12G"), "{}", notice.body);
            assert!(lines.contains(&"nologd association grant velo 2G --until YYYY-MM-DD"), "{}", notice.body);
        }
        // Whatever a contact writes, it stands behind a mark, line by line.
        let long = format!("a camp\u{201d} {0} As agreed by phone: {0} nologd association remove jardin", "\u{2800}".repeat(72));
        for lang in [Lang::En, Lang::Fr] {
            let notice = Notice::more_space(&request(2 << 30, &long), lang);
            let (ours, theirs): (Vec<_>, Vec<_>) = notice.body.lines().partition(|line| !line.starts_with("> "));
            assert!(
                theirs.len() > 3 && !ours.iter().any(|line| line.contains("jardin") || line.contains("phone")),
                "{}",
                notice.body
            );
        }
        let odd = Notice::more_space(&request((1 << 30) + 1, ""), Lang::En);
        assert!(odd.body.contains("--storage 11811160065\n") && !odd.body.contains("words"), "{}", odd.body);
    }
}
