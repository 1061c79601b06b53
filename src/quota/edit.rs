//! What an admin may change about an association, as it is typed, sent and applied; and why not.

use std::collections::BTreeSet;

use clap::Args;
use serde::{Deserialize, Serialize};

use super::state::StateWord;
use super::{AdminError, Association, Day, Limit, SenderRule, State, typed};
use crate::fault::Lang;
use crate::private::{Address, Domain, revealed};
use crate::words::given;

/// Changes to an association: what can be typed, and what is sent. What is not given stays as it is. Sizes like 10G or 500M (powers of
/// 1024), numbers, or `none` for no limit.
#[derive(Clone, Default, PartialEq, Eq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Edit {
    /// A domain of its own. Can be said several times.
    #[arg(long = "domain", value_name = "DOMAIN")]
    #[serde(default, with = "revealed", skip_serializing_if = "Vec::is_empty")]
    pub add_domains: Vec<Domain>,
    /// Another domain for the same mailboxes, like velo.org.example=velo.example. Can be said several times.
    #[arg(long = "domain-alias", value_name = "ALIAS=DOMAIN", value_parser = typed::standby)]
    #[serde(default, with = "revealed", skip_serializing_if = "Vec::is_empty")]
    pub add_domain_aliases: Vec<(Domain, Domain)>,
    /// An address that leads to mailboxes, like info@velo.example=alice@velo.example,bob@velo.example. Can be said several times.
    #[arg(long = "alias", value_name = "ADDRESS=MAILBOX,...", value_parser = typed::leads)]
    #[serde(default, with = "revealed", skip_serializing_if = "Vec::is_empty")]
    pub set_aliases: Vec<(Address, BTreeSet<Address>)>,
    /// Space that all mailboxes share.
    #[arg(long, value_name = "SIZE", value_parser = typed::size, allow_hyphen_values = true)]
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub storage: Option<Limit>,
    /// Messages that all mailboxes share.
    #[arg(long, value_name = "NUMBER", value_parser = typed::count, allow_hyphen_values = true)]
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub messages: Option<Limit>,
    /// Space of a mailbox that has no limit of its own.
    #[arg(long, value_name = "SIZE", value_parser = typed::size, allow_hyphen_values = true)]
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub mailbox_default: Option<Limit>,
    /// How many mailboxes there may be.
    #[arg(long, value_name = "NUMBER", value_parser = typed::count, allow_hyphen_values = true)]
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub mailboxes: Option<Limit>,
    /// Where notices about the association go.
    #[arg(long, value_name = "ADDRESS")]
    #[serde(default, with = "revealed", skip_serializing_if = "Option::is_none")]
    pub contact: Option<Address>,
    /// The language of notices and refusals.
    #[arg(long, value_name = "en|fr")]
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "language")]
    pub lang: Option<Lang>,
    /// Members write as themselves and their aliases (mailbox), or as any address of the association (domain).
    #[arg(long = "senders", value_name = "mailbox|domain")]
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "senders")]
    pub sender_rule: Option<SenderRule>,
    /// The mail server behind, by its name in the config file.
    #[arg(long, value_name = "NAME")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<String>,
    #[allow(missing_docs)] // its own text would stand in the help
    #[command(flatten)]
    #[serde(default, skip_serializing_if = "is_default")]
    pub state: StateEdit,
    #[allow(missing_docs)]
    #[command(flatten)]
    #[serde(default, skip_serializing_if = "is_default")]
    pub sending: SendingEdit,
    /// What is taken away again; not for a new association.
    #[arg(skip)]
    #[serde(skip)]
    pub without: Without,
}

/// Another state.
#[derive(Clone, Copy, Default, PartialEq, Eq, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateEdit {
    /// active; read-only: nothing is stored, deleted or sent; suspended: no login; leaving: active to the day of --until, then suspended.
    /// Incoming mail is accepted in every state.
    #[arg(long, value_name = "STATE")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<StateWord>,
    /// The last day of a leaving association, like 2027-03-01 (UTC).
    #[arg(long, value_name = "DAY")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Day>,
}

/// Changes to the sending limits, each for itself.
#[derive(Clone, Copy, Default, PartialEq, Eq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SendingEdit {
    /// Messages that all members together may send in an hour.
    #[arg(long, value_name = "NUMBER", value_parser = typed::count, allow_hyphen_values = true)]
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub send_per_hour: Option<Limit>,
    /// Messages that all members together may send in a day.
    #[arg(long, value_name = "NUMBER", value_parser = typed::count, allow_hyphen_values = true)]
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub send_per_day: Option<Limit>,
    /// Recipients that all members together may write to in an hour.
    #[arg(long, value_name = "NUMBER", value_parser = typed::count, allow_hyphen_values = true)]
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub recipients_per_hour: Option<Limit>,
    /// Recipients that all members together may write to in a day.
    #[arg(long, value_name = "NUMBER", value_parser = typed::count, allow_hyphen_values = true)]
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub recipients_per_day: Option<Limit>,
    /// Messages that each mailbox may send in an hour.
    #[arg(long, value_name = "NUMBER", value_parser = typed::count, allow_hyphen_values = true)]
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub mailbox_send_per_hour: Option<Limit>,
    /// Messages that each mailbox may send in a day.
    #[arg(long, value_name = "NUMBER", value_parser = typed::count, allow_hyphen_values = true)]
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub mailbox_send_per_day: Option<Limit>,
    /// Recipients that each mailbox may write to in an hour.
    #[arg(long, value_name = "NUMBER", value_parser = typed::count, allow_hyphen_values = true)]
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub mailbox_recipients_per_hour: Option<Limit>,
    /// Recipients that each mailbox may write to in a day.
    #[arg(long, value_name = "NUMBER", value_parser = typed::count, allow_hyphen_values = true)]
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub mailbox_recipients_per_day: Option<Limit>,
}

/// What is taken away again.
#[derive(Clone, Default, PartialEq, Eq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Without {
    /// Take a domain or an alias domain away. Can be said several times.
    #[arg(long = "no-domain", value_name = "DOMAIN")]
    #[serde(default, with = "revealed", skip_serializing_if = "Vec::is_empty")]
    pub domains: Vec<Domain>,
    /// Take an alias away. Can be said several times.
    #[arg(long = "no-alias", value_name = "ADDRESS")]
    #[serde(default, with = "revealed", skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<Address>,
    /// No contact any more: nobody gets the association's notices.
    #[arg(long = "no-contact", conflicts_with = "contact")]
    #[serde(default)]
    pub no_contact: bool,
    /// Back to the default backend.
    #[arg(long = "no-backend", conflicts_with = "backend")]
    #[serde(default)]
    pub no_backend: bool,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Edit {
    /// `was` with the changes; not checked within itself yet ([`Association::check`]).
    pub fn apply(&self, was: Association, today: Day) -> Result<Association, AdminError> {
        // All by name, so that the compiler asks what becomes of a new one.
        let Edit {
            add_domains: _,
            add_domain_aliases: _,
            set_aliases: _,
            storage,
            messages,
            mailboxes,
            mailbox_default,
            contact,
            lang,
            sender_rule,
            backend,
            state,
            sending,
            without,
        } = self;
        let mut now = was;
        self.apply_domains(&mut now)?;
        self.apply_aliases(&mut now)?;
        set(&mut now.storage, *storage);
        set(&mut now.messages, *messages);
        set(&mut now.mailboxes, *mailboxes);
        set(&mut now.mailbox_default, *mailbox_default);
        set(&mut now.lang, *lang);
        set(&mut now.sender_rule, *sender_rule);
        set(&mut now.state, state.state(today)?);
        set(&mut now.contact, contact.clone().map(Some));
        set(&mut now.contact, without.no_contact.then_some(None));
        set(&mut now.backend, backend.clone().map(|name| Some(name.into_boxed_str())));
        set(&mut now.backend, without.no_backend.then_some(None));
        sending.apply(&mut now);
        Ok(now)
    }

    fn apply_domains(&self, now: &mut Association) -> Result<(), AdminError> {
        for domain in &self.without.domains {
            if !now.domains.remove(domain) && now.domain_aliases.remove(domain).is_none() {
                return Err(AdminError::NoSuchDomain);
            }
        }
        for domain in &self.add_domains {
            if !now.domains.insert(domain.clone()) {
                return Err(AdminError::DomainTaken);
            }
        }
        // The other spelling of a domain is the domain: nothing is to be added.
        now.domain_aliases.extend(self.add_domain_aliases.iter().filter(|(alias, domain)| alias != domain).cloned());
        Ok(())
    }

    fn apply_aliases(&self, now: &mut Association) -> Result<(), AdminError> {
        for alias in &self.without.aliases {
            now.aliases.remove(alias).ok_or(AdminError::NoSuchAlias)?;
        }
        now.aliases.extend(self.set_aliases.iter().cloned());
        Ok(())
    }
}

impl StateEdit {
    fn state(self, today: Day) -> Result<Option<State>, AdminError> {
        match (self.state, self.until) {
            (None, None) => Ok(None),
            (Some(StateWord::Active), None) => Ok(Some(State::Active)),
            (Some(StateWord::ReadOnly), None) => Ok(Some(State::ReadOnly)),
            (Some(StateWord::Suspended), None) => Ok(Some(State::Suspended)),
            (Some(StateWord::Leaving), Some(day)) if day < today => Err(AdminError::DayOver),
            (Some(StateWord::Leaving), Some(day)) => Ok(Some(State::LeavingUntil(day))),
            (Some(StateWord::Leaving), None) => Err(AdminError::NoLastDay),
            (_, Some(_)) => Err(AdminError::DayAlone),
        }
    }
}

impl From<State> for StateEdit {
    fn from(state: State) -> StateEdit {
        let (word, until) = match state {
            State::Active => (StateWord::Active, None),
            State::ReadOnly => (StateWord::ReadOnly, None),
            State::Suspended => (StateWord::Suspended, None),
            State::LeavingUntil(day) => (StateWord::Leaving, Some(day)),
        };
        StateEdit { state: Some(word), until }
    }
}

impl SendingEdit {
    fn apply(self, now: &mut Association) {
        let all = &mut now.sending.association;
        set(&mut all.messages_per_hour, self.send_per_hour);
        set(&mut all.messages_per_day, self.send_per_day);
        set(&mut all.recipients_per_hour, self.recipients_per_hour);
        set(&mut all.recipients_per_day, self.recipients_per_day);
        let each = &mut now.sending.mailbox;
        set(&mut each.messages_per_hour, self.mailbox_send_per_hour);
        set(&mut each.messages_per_day, self.mailbox_send_per_day);
        set(&mut each.recipients_per_hour, self.mailbox_recipients_per_hour);
        set(&mut each.recipients_per_day, self.mailbox_recipients_per_day);
    }
}

fn set<T>(target: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *target = value;
    }
}
