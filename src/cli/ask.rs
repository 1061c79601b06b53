//! From what was typed to the request, and what it is about, so that a refusal can name it.

use super::arguments::{Admin, Association, Daemon, OneMailbox, Settings, StateWord, Without};
use super::blocks::Blocks;
use super::incident::Incident;
use super::mailbox::Mailbox;
use super::values::Own;
use super::{USAGE, complain};
use crate::admin::{self, RateEdit, Request, SendingEdit};
use crate::private::Address;
use crate::quota::{Day, Edit, Grant, MailboxEdit, State};

/// A request, ready to be sent.
pub(super) struct Asked {
    pub(super) request: Request,
    /// What a refusal is about; none when it is about nothing in particular.
    pub(super) subject: Option<String>,
    pub(super) daemon: Daemon,
}

/// What `command` asks for. Ends the process when the arguments contradict each other.
pub(super) fn asked(command: Admin) -> Asked {
    match command {
        Admin::Association(command) => association(command),
        Admin::Mailbox(command) => mailbox(command),
        Admin::Incident(command) => incident(command),
        Admin::Blocks(Blocks::List(daemon)) => Asked { request: Request::BlocksList, subject: None, daemon },
        Admin::Blocks(Blocks::Lift { address, all: _, daemon }) => {
            let subject = address.as_ref().map(Address::reveal);
            Asked { request: Request::BlocksLift(address), subject, daemon }
        }
        Admin::Status(daemon) => Asked { request: Request::Status, subject: None, daemon },
        Admin::Disclose(OneMailbox { address, daemon }) => {
            let subject = Some(address.reveal());
            Asked { request: Request::Disclose(address), subject, daemon }
        }
    }
}

fn association(command: Association) -> Asked {
    let (request, name, daemon) = match command {
        Association::List(daemon) => {
            return Asked { request: Request::AssociationList, subject: None, daemon };
        }
        Association::Add { name, settings, daemon } => {
            let settings = Box::new(self::settings(*settings, None));
            (Request::AssociationAdd(name.clone(), settings), name, daemon)
        }
        Association::Show { name, daemon } => (Request::AssociationShow(name.clone()), name, daemon),
        Association::Set { name, settings, without, daemon } => {
            let settings = Box::new(self::settings(*settings, Some(*without)));
            (Request::AssociationSet(name.clone(), settings), name, daemon)
        }
        Association::Remove { name, with_mailboxes, daemon } => {
            (Request::AssociationRemove(name.clone(), with_mailboxes), name, daemon)
        }
        Association::Grant { name, size, until, daemon } => {
            (Request::AssociationGrant(name.clone(), Grant { octets: size, until }), name, daemon)
        }
    };
    Asked { request, subject: Some(name.reveal().to_owned()), daemon }
}

fn mailbox(command: Mailbox) -> Asked {
    let (request, address, daemon) = match command {
        Mailbox::List { association, daemon } => {
            let subject = association.as_ref().map(|name| name.reveal().to_owned());
            return Asked { request: Request::MailboxList(association), subject, daemon };
        }
        Mailbox::Set { address, storage, kind, daemon } => {
            let own = storage.map(|storage| match storage {
                Own::Default => None,
                Own::Limit(limit) => Some(limit),
            });
            (Request::MailboxSet(address.clone(), MailboxEdit { own, kind }), address, daemon)
        }
        Mailbox::Remove(OneMailbox { address, daemon }) => (Request::MailboxRemove(address.clone()), address, daemon),
        Mailbox::Kick(OneMailbox { address, daemon }) => (Request::MailboxKick(address.clone()), address, daemon),
        Mailbox::Refresh(OneMailbox { address, daemon }) => (Request::MailboxRefresh(address.clone()), address, daemon),
    };
    Asked { request, subject: Some(address.reveal()), daemon }
}

fn incident(command: Incident) -> Asked {
    let (request, address, daemon) = match command {
        Incident::List(daemon) => return Asked { request: Request::IncidentList, subject: None, daemon },
        Incident::Start { address, minutes, daemon } => (Request::IncidentStart(address.clone(), minutes), address, daemon),
        Incident::Show(OneMailbox { address, daemon }) => (Request::IncidentShow(address.clone()), address, daemon),
        Incident::Stop(OneMailbox { address, daemon }) => (Request::IncidentStop(address.clone()), address, daemon),
    };
    Asked { request, subject: Some(address.reveal()), daemon }
}

fn settings(given: Settings, without: Option<Without>) -> admin::Settings {
    let state = state(given.state, given.until);
    let rates = |hour, day, recipients_hour, recipients_day| RateEdit {
        messages_per_hour: hour,
        messages_per_day: day,
        recipients_per_hour: recipients_hour,
        recipients_per_day: recipients_day,
    };
    let sending = SendingEdit {
        mailbox: rates(
            given.mailbox_send_per_hour,
            given.mailbox_send_per_day,
            given.mailbox_recipients_per_hour,
            given.mailbox_recipients_per_day,
        ),
        association: rates(given.send_per_hour, given.send_per_day, given.recipients_per_hour, given.recipients_per_day),
    };
    let mut edit = Edit {
        storage: given.storage,
        messages: given.messages,
        mailboxes: given.mailboxes,
        mailbox_default: given.mailbox_default,
        state,
        contact: given.contact.map(Some),
        lang: given.lang,
        sender_rule: given.senders,
        backend: given.backend.map(|name| Some(name.into_boxed_str())),
        add_domains: given.domains,
        add_domain_aliases: given.domain_aliases.into_iter().map(|pair| (pair.alias, pair.domain)).collect(),
        set_aliases: given.aliases.into_iter().map(|leads| (leads.alias, leads.targets)).collect(),
        ..Edit::default()
    };
    if let Some(without) = without {
        edit.remove_domains = without.no_domains;
        edit.set_aliases.extend(without.no_aliases.into_iter().map(|alias| (alias, Default::default())));
        edit.contact = if without.no_contact { Some(None) } else { edit.contact };
        edit.backend = if without.no_backend { Some(None) } else { edit.backend };
    }
    admin::Settings { edit, sending }
}

fn state(word: Option<StateWord>, until: Option<Day>) -> Option<State> {
    match (word, until) {
        (None, None) => None,
        (Some(StateWord::Active), None) => Some(State::Active),
        (Some(StateWord::ReadOnly), None) => Some(State::ReadOnly),
        (Some(StateWord::Suspended), None) => Some(State::Suspended),
        (Some(StateWord::Leaving), Some(day)) => Some(State::LeavingUntil(day)),
        (Some(StateWord::Leaving), None) => wrong("--state leaving needs the last day: --until 2027-03-01"),
        (_, Some(_)) => wrong("--until goes with --state leaving only"),
    }
}

fn wrong(text: &str) -> ! {
    complain(text);
    std::process::exit(USAGE.into())
}
