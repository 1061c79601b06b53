//! What is a mailbox's own: what admins set for it alone. All of it is usual for most mailboxes, and then nothing of it is stored.

use std::str::FromStr;

use clap::Args;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Limit, typed};
use crate::fault::Lang;
use crate::words::given;

/// Who writes with a mailbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// A person, with any mail program.
    #[default]
    Person,
    /// A program of the association that sends by itself: its own header fields are for other programs, and stay.
    Machine,
}

words! { Kind, "The kinds are person and machine.": Person = "person", Machine = "machine" }

/// Whether a mailbox may send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SendingSwitch {
    /// As its limits let it.
    #[default]
    On,
    /// Not at all: somebody else has its password, for example.
    Off,
}

words! { SendingSwitch, "Sending is on or off.": On = "on", Off = "off" }

/// Who said last what a mailbox's limit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitBy {
    /// The host's panel: what it says next holds.
    Panel,
    /// An admin or a contact, after the panel: what the panel says is heard no more.
    Hand,
}

words! { LimitBy, "A limit is by the panel or by hand.": Panel = "panel", Hand = "hand" }

/// The language of a mailbox's own notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnLang {
    /// The association's.
    Default,
    /// English.
    En,
    /// French.
    Fr,
}

words! { OwnLang, "The languages are en, fr and default.": Default = "default", En = "en", Fr = "fr" }

impl OwnLang {
    /// As it is chosen.
    pub fn of(lang: Option<Lang>) -> OwnLang {
        match lang {
            None => OwnLang::Default,
            Some(Lang::En) => OwnLang::En,
            Some(Lang::Fr) => OwnLang::Fr,
        }
    }

    /// None for the association's.
    pub fn lang(self) -> Option<Lang> {
        match self {
            OwnLang::Default => None,
            OwnLang::En => Some(Lang::En),
            OwnLang::Fr => Some(Lang::Fr),
        }
    }
}

/// Where a mailbox is, if not where all others of its association are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MailboxPlace {
    /// At the backend of that name in the config file.
    Backend(Box<str>),
    /// On its way from the default backend: mail for it waits, and members are told to come back.
    Nowhere,
    /// The same, on its way from the backend of that name.
    NowhereFrom(Box<str>),
}

impl MailboxPlace {
    /// Whether it is on its way.
    pub fn is_nowhere(&self) -> bool {
        match self {
            MailboxPlace::Backend(_) => false,
            MailboxPlace::Nowhere | MailboxPlace::NowhereFrom(_) => true,
        }
    }

    /// The word for admins.
    pub fn word(&self) -> &str {
        match self {
            MailboxPlace::Backend(name) => name,
            MailboxPlace::Nowhere | MailboxPlace::NowhereFrom(_) => {
                "nowhere for the moment: mail waits, and members are told to come back"
            }
        }
    }

    /// On its way from where it was; none for its association's backend, which is `home`. Said once more, nothing changes.
    pub(super) fn leaving(was: Option<MailboxPlace>, home: Option<Box<str>>) -> MailboxPlace {
        let from = match was {
            Some(on_its_way @ (MailboxPlace::Nowhere | MailboxPlace::NowhereFrom(_))) => return on_its_way,
            Some(MailboxPlace::Backend(name)) => Some(name),
            None => home,
        };
        from.map_or(MailboxPlace::Nowhere, MailboxPlace::NowhereFrom)
    }
}

/// The settings of one mailbox: also its record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Own {
    /// Its own limit on octets; none when the association's default holds.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub storage: Option<Limit>,
    /// Who writes with it.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub kind: Kind,
    /// Whether it may send.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub sending: SendingSwitch,
    /// Who set the limit; none where no panel ever did.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub limit_by: Option<LimitBy>,
    /// The language of its own notices; none for the association's.
    #[serde(default, rename = "language", skip_serializing_if = "Option::is_none")]
    pub lang: Option<Lang>,
    /// Where it is; none for its association's backend.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub place: Option<MailboxPlace>,
}

impl Own {
    /// What most mailboxes have.
    pub(super) const USUAL: Own =
        Own { storage: None, kind: Kind::Person, sending: SendingSwitch::On, limit_by: None, lang: None, place: None };

    /// What a panel says about the limit, as long as nobody has said it by hand.
    pub(super) fn by_panel(&self, limit: OwnLimit) -> Own {
        let hears = match self.limit_by {
            Some(by) => by == LimitBy::Panel,
            None => self.storage.is_none(),
        };
        let own = self.clone();
        if hears { Own { storage: limit.storage(), limit_by: Some(LimitBy::Panel), ..own } } else { own }
    }
}

fn is_usual<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Changes to a mailbox: what can be typed, and what is sent. What is not given stays as it is.
#[derive(Clone, Copy, Default, PartialEq, Eq, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[group(required = true, multiple = true)]
pub struct MailboxEdit {
    /// Its space, like 2G; `none` for no limit; `default` for the association's default again.
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true)]
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub storage: Option<OwnLimit>,
    /// person; machine: a program of the association that sends by itself. Header fields that no rule of the policy names are
    /// dropped from what persons send, and stay in what machines send: other programs read them.
    #[arg(long, value_name = "person|machine")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// off: nothing is taken from it for sending (SENDING-OFF), until it is on again. Reading and receiving go on.
    #[arg(long, value_name = "on|off")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sending: Option<SendingSwitch>,
    /// The language of notices to its owner; `default` for the association's again.
    #[arg(long = "language", value_name = "en|fr|default")]
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "language")]
    pub lang: Option<OwnLang>,
}

impl MailboxEdit {
    /// `was` with the changes.
    pub fn apply(self, was: Own) -> Own {
        let storage = self.storage.map_or(was.storage, OwnLimit::storage);
        // Where no panel ever spoke, nothing has to be said against it.
        let limit_by = if self.storage.is_some() { was.limit_by.map(|_| LimitBy::Hand) } else { was.limit_by };
        let lang = self.lang.map_or(was.lang, OwnLang::lang);
        Own { storage, kind: self.kind.unwrap_or(was.kind), sending: self.sending.unwrap_or(was.sending), limit_by, lang, ..was }
    }
}

/// The limit of a mailbox: its own, or its association's default. On the socket a number, null for no limit, or `default`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnLimit {
    /// The association's default again.
    Default,
    /// Its own.
    Own(Limit),
}

/// The word for the association's default.
const DEFAULT: &str = "default";

impl OwnLimit {
    /// The own limit that it makes; none for the default.
    fn storage(self) -> Option<Limit> {
        match self {
            OwnLimit::Default => None,
            OwnLimit::Own(limit) => Some(limit),
        }
    }
}

impl FromStr for OwnLimit {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<OwnLimit, &'static str> {
        if text == DEFAULT { Ok(OwnLimit::Default) } else { typed::size(text).map(OwnLimit::Own) }
    }
}

impl Serialize for OwnLimit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            OwnLimit::Default => serializer.serialize_str(DEFAULT),
            OwnLimit::Own(limit) => limit.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for OwnLimit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<OwnLimit, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum WrittenLimit {
            Limit(Limit),
            Word(String),
        }
        match WrittenLimit::deserialize(deserializer)? {
            WrittenLimit::Limit(limit) => Ok(OwnLimit::Own(limit)),
            WrittenLimit::Word(word) if word == DEFAULT => Ok(OwnLimit::Default),
            WrittenLimit::Word(_) => Err(serde::de::Error::custom("no limit")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_usual_leaves_nothing_to_store() {
        assert_eq!(serde_json::to_string(&Own::default()).unwrap(), "{}");
        let all = Own {
            storage: Some(Limit::None),
            kind: Kind::Machine,
            sending: SendingSwitch::Off,
            limit_by: None,
            lang: Some(Lang::Fr),
            place: Some(MailboxPlace::Backend("store2".into())),
        };
        let text = serde_json::to_string(&all).unwrap();
        assert_eq!(text, r#"{"storage":null,"kind":"machine","sending":"off","language":"fr","place":{"backend":"store2"}}"#);
        let away = Own { place: Some(MailboxPlace::Nowhere), ..Own::default() };
        assert_eq!(serde_json::to_string(&away).unwrap(), r#"{"place":"nowhere"}"#);
        assert_eq!(serde_json::from_str::<Own>(r#"{"place":"nowhere"}"#).unwrap(), away);
        let back = Own { place: Some(MailboxPlace::NowhereFrom("store2".into())), ..Own::default() };
        assert_eq!(serde_json::to_string(&back).unwrap(), r#"{"place":{"nowhere-from":"store2"}}"#);
        assert_eq!(serde_json::from_str::<Own>(&text).unwrap(), all);
    }

    #[test]
    fn the_panel_is_heard_until_somebody_speaks_by_hand() {
        let (five, six) = (OwnLimit::Own(Limit::At(5)), OwnLimit::Own(Limit::At(6)));
        let by_hand = |own: &Own, limit| MailboxEdit { storage: Some(limit), ..MailboxEdit::default() }.apply(own.clone());
        let panel = Own::default().by_panel(five);
        assert_eq!((panel.storage, panel.by_panel(six).storage), (Some(Limit::At(5)), Some(Limit::At(6))));
        assert_eq!(serde_json::to_string(&panel).unwrap(), r#"{"storage":5,"limit-by":"panel"}"#);
        // Also where it was set by hand to what all others have.
        for limit in [six, OwnLimit::Default] {
            let set = by_hand(&panel, limit);
            assert!(set.limit_by == Some(LimitBy::Hand) && set.by_panel(five) == set);
        }
        // By hand before there was a panel.
        let set = by_hand(&Own::default(), six);
        assert!(set.limit_by.is_none() && set.by_panel(five) == set);
        let off = MailboxEdit { sending: Some(SendingSwitch::Off), ..MailboxEdit::default() }.apply(panel);
        assert_eq!(off.by_panel(six), Own { storage: Some(Limit::At(6)), ..off });
    }

    #[test]
    fn a_limit_is_a_number_null_or_the_word() {
        for (text, limit) in [
            ("null", Some(OwnLimit::Own(Limit::None))),
            ("7", Some(OwnLimit::Own(Limit::At(7)))),
            ("\"default\"", Some(OwnLimit::Default)),
            ("\"none\"", None),
            ("-1", None),
            ("true", None),
        ] {
            assert_eq!(serde_json::from_str(text).ok(), limit, "{text}");
            assert!(limit.is_none_or(|limit| serde_json::to_string(&limit).unwrap() == text));
        }
        assert_eq!("default".parse(), Ok(OwnLimit::Default));
    }
}
