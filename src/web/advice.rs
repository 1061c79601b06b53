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
