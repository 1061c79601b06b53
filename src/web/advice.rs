//! What stands on the help page beside the text of each code word (`crate::fault`): what the person can do, what the contact of the
//! association can do, and what only the people of the host can. For somebody who is tired and reads it on a phone.
//!
//! The words themselves stand in `remedies`.

use crate::fault::Lang;

/// What a word is about; the page is in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Matter {
    /// No room.
    Space,
    /// Logging in.
    Login,
    /// Sending, and messages that are not taken as they are.
    Sending,
    /// Nothing to do but to wait.
    Waiting,
    /// The mail program did something that is not understood.
    Program,
}

impl Matter {
    /// All, in the order of the page.
    pub const ALL: [Matter; 5] = [Matter::Space, Matter::Login, Matter::Sending, Matter::Waiting, Matter::Program];

    /// The heading.
    pub fn title(self, lang: Lang) -> &'static str {
        match (self, lang) {
            (Matter::Space, Lang::En) => "Space and folders",
            (Matter::Space, Lang::Fr) => "Espace et dossiers",
            (Matter::Login, Lang::En) => "Password and login",
            (Matter::Login, Lang::Fr) => "Mot de passe et connexion",
            (Matter::Sending, Lang::En) => "Sending",
            (Matter::Sending, Lang::Fr) => "Envoi de messages",
            (Matter::Waiting, Lang::En) => "Wait and try again",
            (Matter::Waiting, Lang::Fr) => "Attendre et réessayer",
            (Matter::Program, Lang::En) => "The mail program",
            (Matter::Program, Lang::Fr) => "Le logiciel de messagerie",
        }
    }
}

/// What to do about a word.
#[derive(Clone, Copy)]
pub struct Advice {
    /// What it is about.
    pub matter: Matter,
    pub(super) you: [&'static str; 2],
    pub(super) contact: [&'static str; 2],
    pub(super) hosts: [&'static str; 2],
}

impl Advice {
    /// What the person can do.
    pub fn you(self, lang: Lang) -> &'static str {
        self.you[lang as usize]
    }

    /// What the contact of the association can do.
    pub fn contact(self, lang: Lang) -> &'static str {
        self.contact[lang as usize]
    }

    /// What only the people of the host can do.
    pub fn hosts(self, lang: Lang) -> &'static str {
        self.hosts[lang as usize]
    }
}

// What several words share. English, then French, as in `Lang`.

pub(super) const NOT_CONTACT: [&str; 2] =
    ["Nothing: it is not about the association.", "Rien\u{a0}: l'association n'y est pour rien."];
pub(super) const NOT_HOSTS: [&str; 2] = ["Nothing is needed from them.", "Rien à leur demander."];
pub(super) const LOOK_BEHIND: [&str; 2] = [
    "They see by themselves that a server does not answer. Tell them if it lasts for more than an hour.",
    "Les hébergeurs voient eux-mêmes qu'un serveur ne répond pas. Prévenez-les si cela dure plus d'une heure.",
];
pub(super) const SETTINGS: [&str; 2] = [
    "Compare the settings with those of somebody for whom it works.",
    "Comparer les réglages avec ceux d'une personne chez qui tout fonctionne.",
];
pub(super) const ASK_IF_STAYS: [&str; 2] = [
    "If it stays, tell them this word and the name of your mail program. They have no log: your words are all they have.",
    "Si cela persiste, donnez-leur ce mot et le nom de votre logiciel. Aucun journal n'est tenu\u{a0}: ce que vous dites est tout ce qu'ils ont.",
];
pub(super) const MORE_SPACE: [&str; 2] = [
    "Give the mailbox a larger share, on the contact's page, within the association's space.",
    "Donner une plus grande part à la boîte, sur la page du contact, dans la limite de l'espace de l'association.",
];
pub(super) const OPEN_AGAIN: [&str; 2] = ["Ask the host what it is about.", "Demander à l'hébergeur de quoi il s'agit."];

/// One function of a code word, from one row for each.
macro_rules! remedies {
    ($($($code:ident)|+ => $matter:ident, $you:expr, $contact:expr, $hosts:expr;)+) => {
        /// What to do about `code`.
        pub fn advice(code: RefusalCode) -> Advice {
            match code {
                $($(RefusalCode::$code)|+ => Advice { matter: Matter::$matter, you: $you, contact: $contact, hosts: $hosts },)+
            }
        }
    };
}
