//! Asking the hosts for more space, on the contact's page: they get a mail, and decide. Nothing is set and nothing stored by it.

use std::collections::HashMap;
use std::time::Duration;

use maud::{Markup, html};

use super::form_input::FormInput;
use super::layout::{done_with, refused, say};
use super::typed_size::TypedSizeError;
use crate::fault::Lang;
use crate::quota::Name;
use crate::wire::direction::is_turning;

/// Signs of what a contact writes to the hosts.
const WORDS: usize = 300;
/// The most that is asked for at once, in octets: a command with more in it would be a slip, or no limit at all.
pub const MOST: u64 = 1 << 40;
/// An association asks once within this time: whoever wants it sooner knows how to write a mail.
const PAUSE: Duration = Duration::from_secs(24 * 3600);

/// Why nobody was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MoreSpaceError {
    /// It is no size, or not one that can be asked for.
    Size(TypedSizeError),
    /// More than a few words.
    TooLong,
    /// They were asked within a day.
    Lately,
    /// No mail can be sent.
    NoMail,
}

/// What was typed.
#[derive(Clone, Default)]
pub struct MoreSpaceTyped {
    /// How much.
    pub size: String,
    /// What for.
    pub words: String,
}

impl MoreSpaceTyped {
    /// In one line, without what turns or moves the text around it. None: it is too long.
    pub fn plain_words(&self) -> Option<String> {
        let words = self
            .words
            .split(|sign: char| sign.is_whitespace() || sign.is_control() || is_turning(sign))
            .filter(|word| !word.is_empty());
        let line = words.collect::<Vec<_>>().join(" ");
        (line.chars().count() <= WORDS).then_some(line)
    }
}

/// Which associations asked within a day. In memory only.
#[derive(Default)]
pub struct SpaceRequests(HashMap<Box<str>, Duration>);

impl SpaceRequests {
    /// Whether it may ask now; it is counted, unless it is [`untold`](SpaceRequests::untold).
    pub fn begin(&mut self, name: &Name, now: Duration) -> bool {
        self.0.retain(|_, asked| now.saturating_sub(*asked) < PAUSE);
        self.0.shrink_to_fit();
        let is_first = !self.0.contains_key(name.reveal());
        self.0.entry(name.reveal().into()).or_insert(now);
        is_first
    }

    /// The mail never left.
    pub fn untold(&mut self, name: &Name) {
        self.0.remove(name.reveal());
    }
}

/// The part of the page.
pub struct MoreSpaceSection<'a> {
    /// The language.
    pub lang: Lang,
    /// What was typed and refused.
    pub refused: Option<(MoreSpaceError, &'a MoreSpaceTyped)>,
    /// The hidden fields of a form.
    pub hidden: &'a Markup,
}

/// The field that an error is about; none where it is about none.
fn field(error: MoreSpaceError) -> Option<&'static str> {
    match error {
        MoreSpaceError::Size(_) => Some("more-share"),
        MoreSpaceError::TooLong => Some("more-words"),
        MoreSpaceError::Lately | MoreSpaceError::NoMail => None,
    }
}

/// What is wrong, with a link to its field where there is one.
pub(super) fn summary(lang: Lang, error: MoreSpaceError) -> Markup {
    refused(lang, field(error), &wrong(lang, error))
}

/// On top of the page: they are being asked, and nothing has changed by it.
pub(super) fn asked(lang: Lang) -> Markup {
    done_with(&say(
        lang,
        "Your hosts are asked by mail. Nothing has changed yet: they decide, and answer you.",
        "Un courriel part vers vos hébergeurs. Rien n'a encore changé\u{a0}: la décision leur revient, et ils vous répondront.",
    ))
}

fn wrong(lang: Lang, error: MoreSpaceError) -> String {
    match error {
        MoreSpaceError::Size(TypedSizeError::TooSmall) => {
            say(lang, "Less than 1 MB is nothing to ask for.", "Moins de 1 Mo, cela ne se demande pas.")
        }
        MoreSpaceError::Size(TypedSizeError::NotASize) => say(
            lang,
            "This is no size. Write it like 2 GB or 500 MB.",
            "Ce n'est pas une taille. Écrivez par exemple 2 Go ou 500 Mo.",
        ),
        MoreSpaceError::Size(TypedSizeError::Above) => {
            say(lang, "This is too much to ask for: 1 TB at most.", "C'est trop demander\u{a0}: 1 To au plus.")
        }
        MoreSpaceError::TooLong => say(
            lang,
            "These are too many words. Say it in 300 letters at most.",
            "C'est trop long. Dites-le en 300 lettres au plus.",
        ),
        MoreSpaceError::Lately => say(
            lang,
            "Your hosts were asked within the last day. If it cannot wait, write to them.",
            "La demande a déjà été faite dans les dernières 24 heures. Si cela ne peut pas attendre, écrivez à vos hébergeurs.",
        ),
        MoreSpaceError::NoMail => say(
            lang,
            "No mail can be sent at the moment. Try again later, or write to your hosts.",
            "Aucun courriel ne peut être envoyé pour le moment. Réessayez plus tard, ou écrivez à vos hébergeurs.",
        ),
    }
}

impl MoreSpaceSection<'_> {
    /// It.
    pub fn html(&self) -> Markup {
        let lang = self.lang;
        let typed = self.refused.map(|(_, typed)| typed.clone()).unwrap_or_default();
        html! {
            h2 id="more" { (say(lang, "Ask for more space", "Demander plus d'espace")) }
            details open[self.refused.is_some_and(|(error, _)| field(error).is_some())] {
                summary { (say(lang, "Ask your hosts", "Demander à vos hébergeurs")) }
                form method="post" action=(format!("/{}/contact/more", lang.word())) {
                    (self.hidden)
                    p { (say(
                        lang,
                        "They get a mail with the name of the association, your address, how full it is, and what you write here; once a day at most.",
                        "Ils reçoivent un courriel avec le nom de l'association, votre adresse, son remplissage, et ce que vous écrivez ici\u{a0}; \
                         au plus une fois par jour.",
                    )) }
                    label for="more-share" { (say(lang, "How much more", "Combien de plus")) }
                    (self.input(["more-share", "share"], &typed.size, true, &say(lang, "For example 2 GB or 500 MB.", "Par exemple 2 Go ou 500 Mo.")))
                    label for="more-words" { (say(lang, "What for, in a few words", "Pourquoi, en quelques mots")) }
                    (self.input(["more-words", "words"], &typed.words, false, &say(lang, "Or nothing.", "Ou rien.")))
                    button type="submit" { (say(lang, "Ask", "Demander")) }
                }
            }
        }
    }

    fn input(&self, [id, name]: [&str; 2], now: &str, required: bool, hint: &str) -> Markup {
        let refused = self.refused.map(|(error, _)| error).filter(|error| field(*error) == Some(id));
        let wrong = refused.map(|error| wrong(self.lang, error));
        FormInput { id, name, kind: "text", value: now, required, longest: Some(WORDS), hint, wrong: wrong.as_deref() }.html()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_one_line_that_turns_nothing() {
        let words = |words: &str| MoreSpaceTyped { size: String::new(), words: words.into() }.plain_words();
        assert_eq!(words(" a camp\r\n\r\n.\r\nBcc: eve\u{202e}\tx\u{0} ").as_deref(), Some("a camp . Bcc: eve x"));
        assert_eq!(words("").as_deref(), Some(""));
        assert!(words(&"é".repeat(WORDS)).is_some() && words(&"é".repeat(WORDS + 1)).is_none());
    }

    #[test]
    fn once_a_day_unless_the_mail_never_left() {
        let (mut asked, [velo, jardin]) = (SpaceRequests::default(), ["velo", "jardin"].map(|name| Name::parse(name).unwrap()));
        let now = Duration::from_secs(5);
        assert!(asked.begin(&velo, now) && !asked.begin(&velo, now + PAUSE / 2) && asked.begin(&jardin, now));
        asked.untold(&velo);
        assert!(asked.begin(&velo, now));
        // A try that was refused does not begin the day anew.
        assert!(!asked.begin(&velo, now + PAUSE - Duration::from_secs(1)) && asked.begin(&velo, now + PAUSE));
    }
}
