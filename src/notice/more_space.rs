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
    let mut paragraphs = match lang {
        Lang::En => vec![
            "Hello,".into(),
            format!("The contact of the association {name} asks for {more} more of mail space. The contact is {contact}"),
            format!("Now it has {storage}, not counting what is granted, borrowed or lent; {used} are in use."),
            "To give it for good, or until a day:".into(),
            command,
            for_a_while,
            "The contact expects an answer from you, whatever it is: to this message nobody can reply.".into(),
        ],
        Lang::Fr => vec![
            "Bonjour,".into(),
            format!("Le contact de l'association {name} demande {more} d'espace de courriel en plus. Le contact est {contact}"),
            format!(
                "Elle a aujourd'hui {storage}, sans compter ce qui est accordé, emprunté ou prêté\u{a0}; {used} sont utilisés."
            ),
            "Pour l'accorder durablement, ou jusqu'à une date\u{a0}:".into(),
            command,
            for_a_while,
            "Le contact attend une réponse de votre part, quelle qu'elle soit\u{a0}: on ne peut pas répondre à ce message."
                .into(),
        ],
    };
    if !request.words.is_empty() {
        paragraphs.push(match lang {
            Lang::En => format!("In the contact's words: “{}”", request.words),
            Lang::Fr => format!("Avec les mots du contact\u{a0}: «\u{a0}{}\u{a0}»", request.words),
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
        let odd = Notice::more_space(&request((1 << 30) + 1, ""), Lang::En);
        assert!(odd.body.contains("--storage 11811160065\n") && !odd.body.contains("words"), "{}", odd.body);
    }
}
