//! What a notice says. To add a language, the compiler names each place.

use std::time::Duration;

use super::more_space::{self, SpaceRequest};
use super::size::{NO_BREAK, size};
use super::{hand_over, leaving, login, offer, stopped};
use crate::fault::Lang;
use crate::private::Address;
use crate::quota::{Crossing, Day, Fact, Level, Limit, Name, Subject};

/// Octets in a line of the text, where a word ends.
const LINE: usize = 72;

/// A notice in words; personal, like the crossing it comes from.
pub struct Notice {
    /// In one line.
    pub(super) subject: String,
    /// Lines that end in LF.
    pub(super) body: String,
}

impl Notice {
    /// Says that a level was passed, or that the association leaves. None when that was called off.
    pub fn about(fact: &Fact) -> Option<Notice> {
        let (subject, paragraphs) = match fact {
            Fact::Crossing(crossing) => passed(crossing),
            Fact::Leaving(leaving) => leaving::words(leaving)?,
            Fact::Stopped(stopped) => stopped::words(stopped),
        };
        Some(Notice::of(subject, &paragraphs))
    }

    /// Lets the contact of `name` in at the pages, by `link`, which is `good` for so long.
    pub fn login(name: &Name, link: &str, good: Duration, lang: Lang) -> Notice {
        let (subject, paragraphs) = login::words(name, link, good, lang);
        Notice::of(subject, &paragraphs)
    }

    /// Asks the contact of `name` whether it is `new` from now on.
    pub fn hand_over(name: &Name, new: &Address, link: &str, lang: Lang) -> Notice {
        let (subject, paragraphs) = hand_over::old(name, new, link, lang);
        Notice::of(subject, &paragraphs)
    }

    /// Asks the next contact of `name`.
    pub fn take_over(name: &Name, link: &str, lang: Lang) -> Notice {
        let (subject, paragraphs) = hand_over::new(name, link, lang);
        Notice::of(subject, &paragraphs)
    }

    /// Tells the contact of the second one that the first one offers it space. `link` leads to its page.
    pub fn offer(between: [&Name; 2], octets: u64, until: Day, link: &str, lang: Lang) -> Notice {
        let (subject, paragraphs) = offer::words(between, octets, until, link, lang);
        Notice::of(subject, &paragraphs)
    }

    /// Asks the hosts for more space.
    pub fn more_space(request: &SpaceRequest, lang: Lang) -> Notice {
        let (subject, paragraphs) = more_space::words(request, lang);
        let Notice { subject, mut body } = Notice::of(subject, &paragraphs);
        // Each line of what a person wrote is marked: none of them can look like one of ours.
        if !request.words.is_empty() {
            wrap(&request.words).lines().for_each(|line| body.push_str(&format!("> {line}\n")));
        }
        Notice { subject, body }
    }

    fn of(subject: String, paragraphs: &[String]) -> Notice {
        let body = paragraphs.iter().map(|paragraph| wrap(paragraph)).collect::<Vec<_>>().join("\n");
        Notice { subject, body }
    }
}

fn passed(crossing: &Crossing) -> (String, Vec<String>) {
    let fullest = Fullest::of(crossing);
    match (&crossing.subject, crossing.lang) {
        (Subject::Mailbox(address), Lang::En) => mailbox_en(&address.reveal(), &fullest),
        (Subject::Mailbox(address), Lang::Fr) => mailbox_fr(&address.reveal(), &fullest),
        (Subject::Association(name), Lang::En) => association_en(name.reveal(), &fullest),
        (Subject::Association(name), Lang::Fr) => association_fr(name.reveal(), &fullest),
    }
}

/// The limit that is nearest to being reached.
struct Fullest {
    percent: u128,
    /// "820 MB of 1 GB", "8200 messages of 10000".
    amount: String,
    level: Level,
}

impl Fullest {
    fn of(crossing: &Crossing) -> Fullest {
        let (used, lang, level) = (crossing.used, crossing.lang, crossing.now);
        let storage = crossing.storage.percent(used.octets.into());
        let messages = crossing.messages.percent(used.messages.into());
        let of = match lang {
            Lang::En => "of",
            Lang::Fr => "sur",
        };
        match (crossing.storage, crossing.messages) {
            (_, Limit::At(most)) if messages > storage => {
                Fullest { percent: messages, amount: format!("{} messages {of} {most}", used.messages), level }
            }
            (Limit::At(most), _) => Fullest {
                percent: storage,
                amount: format!("{} {of} {}", size(used.octets, lang, NO_BREAK), size(most, lang, NO_BREAK)),
                level,
            },
            (Limit::None, _) => Fullest { percent: storage, amount: size(used.octets, lang, NO_BREAK), level },
        }
    }

    fn is_full(&self) -> bool {
        self.percent >= 100
    }
}

fn mailbox_en(address: &str, fill: &Fullest) -> (String, Vec<String>) {
    let how = if fill.is_full() { "full".to_owned() } else { format!("{} % full", fill.percent) };
    let then = if fill.is_full() { "New messages cannot come in" } else { "When it is full, new messages can no longer come in" };
    let next = match fill.level {
        Level::Full => "There will be no other before there is room again.",
        Level::Low | Level::High => "The next one comes when the mailbox is 95 % full.",
    };
    (
        format!("Your mailbox is {how}"),
        vec![
            "Hello,".into(),
            format!("Your mailbox {address} is {how}: {} are in use.", fill.amount),
            format!(
                "{then}. To make room, delete messages that you no longer need, those with large attachments first, and then \
                 empty the trash."
            ),
            "If you need more space, ask the person in charge of your association's mail.".into(),
            format!("This message was sent automatically. {next}"),
        ],
    )
}

fn mailbox_fr(address: &str, fill: &Fullest) -> (String, Vec<String>) {
    let how = if fill.is_full() { "pleine".to_owned() } else { format!("remplie à {}\u{a0}%", fill.percent) };
    let then = match fill.is_full() {
        true => "Elle ne peut plus recevoir de nouveaux messages",
        false => "Une fois pleine, elle ne pourra plus recevoir de nouveaux messages",
    };
    let next = match fill.level {
        Level::Full => "Vous n'en recevrez pas d'autre tant que la place n'aura pas été libérée.",
        Level::Low | Level::High => "Le prochain ne viendra que si la boîte est remplie à 95\u{a0}%.",
    };
    (
        format!("Votre boîte de courriel est {how}"),
        vec![
            "Bonjour,".into(),
            format!("Votre boîte {address} est {how}\u{a0}: {} sont utilisés.", fill.amount),
            format!(
                "{then}. Pour libérer de la place, supprimez les messages dont vous n'avez plus besoin, en commençant par ceux \
                 qui ont de grosses pièces jointes, puis videz la corbeille."
            ),
            "S'il vous faut plus d'espace, adressez-vous à la personne qui s'occupe du courrier dans votre association.".into(),
            format!("Ce message a été envoyé automatiquement. {next}"),
        ],
    )
}

fn association_en(name: &str, fill: &Fullest) -> (String, Vec<String>) {
    let how = if fill.is_full() { "full".to_owned() } else { format!("{} % full", fill.percent) };
    let then = match fill.is_full() {
        true => "None of them can receive or store new messages now",
        false => "When it is full, none of them can receive or store new messages",
    };
    (
        format!("The mail space of {name} is {how}"),
        vec![
            "Hello,".into(),
            format!("The mail space of the association {name} is {how}: {} are in use.", fill.amount),
            format!(
                "All mailboxes of the association share this space. {then}. Members make room by deleting what they no longer \
                 need and emptying the trash; or ask your mail host for more space."
            ),
            "You receive this automatic message as the contact of the association.".into(),
        ],
    )
}

fn association_fr(name: &str, fill: &Fullest) -> (String, Vec<String>) {
    let how = if fill.is_full() { "plein".to_owned() } else { format!("rempli à {}\u{a0}%", fill.percent) };
    let then = match fill.is_full() {
        true => "Plus aucune ne peut recevoir ni enregistrer de nouveaux messages",
        false => "Une fois qu'il sera plein, plus aucune ne pourra recevoir ni enregistrer de nouveaux messages",
    };
    (
        format!("L'espace de courriel de {name} est {how}"),
        vec![
            "Bonjour,".into(),
            format!("L'espace de courriel de l'association {name} est {how}\u{a0}: {} sont utilisés.", fill.amount),
            format!(
                "Toutes les boîtes de l'association se partagent cet espace. {then}. Pour libérer de la place, chaque membre peut \
                 supprimer les messages devenus inutiles puis vider la corbeille\u{a0}; vous pouvez aussi demander plus d'espace \
                 à votre hébergeur."
            ),
            "Vous recevez ce message automatique en tant que contact de l'association.".into(),
        ],
    )
}

/// A paragraph in lines.
fn wrap(paragraph: &str) -> String {
    let (mut text, mut column) = (String::new(), 0);
    for word in paragraph.split(' ') {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > LINE {
            text.push('\n');
            column = 0;
        } else if column > 0 {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += length;
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quota::{Amount, Name};

    fn crossing(subject: Subject, percent: u64, lang: Lang) -> Crossing {
        let now = if percent >= 95 { Level::Full } else { Level::High };
        let (used, storage) = (Amount { octets: percent << 20, messages: 990 }, Limit::At(100 << 20));
        Crossing { subject, was: Level::Low, now, used, storage, messages: Limit::None, lang, contact: None }
    }

    fn about(crossing: Crossing) -> Notice {
        Notice::about(&Fact::Crossing(crossing)).unwrap()
    }

    fn mailbox() -> Subject {
        Subject::Mailbox(Address::parse("alice@velo.example").unwrap())
    }

    #[test]
    fn it_says_how_full_in_both_languages() {
        let french = about(crossing(mailbox(), 82, Lang::Fr));
        assert_eq!(french.subject, "Votre boîte de courriel est remplie à 82\u{a0}%");
        assert!(french.body.contains("82\u{a0}Mo sur 100\u{a0}Mo") && french.body.contains("alice@velo.example"));
        let english = about(crossing(mailbox(), 96, Lang::En));
        assert_eq!(english.subject, "Your mailbox is 96 % full");
        assert!(english.body.contains("96\u{a0}MB of 100\u{a0}MB") && english.body.contains("no other"));
        let full = about(crossing(mailbox(), 130, Lang::En));
        assert!(full.subject.ends_with("is full") && !full.body.contains("130 %"));
        let lines: Vec<_> = french.body.lines().collect();
        assert!(lines.iter().all(|line| line.chars().count() <= LINE) && lines.len() > 8);
    }

    #[test]
    fn the_limit_that_is_nearest_is_named() {
        let name = Subject::Association(Name::parse("velo").unwrap());
        let mut counted = crossing(name, 50, Lang::Fr);
        counted.messages = Limit::At(1000);
        let notice = about(counted);
        assert!(notice.subject.contains("velo est rempli à 99\u{a0}%"), "{}", notice.subject);
        assert!(notice.body.replace('\n', " ").contains("990 messages sur 1000"));
    }
}
