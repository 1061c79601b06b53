//! The executor: takes a request to the book and comes back with the answer. Blocks on the disk.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use serde_json::json;

use super::request::Settings;
use super::status::{Host, status};
use super::{Answer, Request, blocks, show, watch};
use crate::incident::Incidents;
use crate::limit::Limits;
use crate::private::Address;
use crate::quota::{AdminError, Association, Book, Day, Edit, Name, State};
use crate::route::Backends;

/// Where admins' requests are carried out.
pub struct Executor {
    book: Arc<Book>,
    host: Host,
    incidents: Arc<Incidents>,
    limits: Arc<Limits>,
    // Sending limits are changed one by one, but the book takes them all at once: nobody may come in between.
    write_lock: Mutex<()>,
}

impl Executor {
    /// A executor in front of `book`.
    pub fn new(book: Arc<Book>, host: Host, incidents: Arc<Incidents>, limits: Arc<Limits>) -> Executor {
        Executor { book, host, incidents, limits, write_lock: Mutex::new(()) }
    }

    /// Carries out a request. A change is on disk when this returns. `backends` are those of the config file; `today` and `now` are the clock's.
    pub fn serve(&self, request: &Request, backends: &Backends, today: Day, now: Instant) -> Answer {
        let _writing = self.write_lock.lock().unwrap_or_else(PoisonError::into_inner);
        self.carry_out(request, backends, today, now).map_or_else(|refusal| refusal, Answer::Done)
    }

    fn carry_out(&self, request: &Request, backends: &Backends, today: Day, now: Instant) -> Result<serde_json::Value, Answer> {
        let book = &*self.book;
        Ok(match request {
            Request::AssociationAdd(name, settings) => self.add(name, settings, backends, today)?,
            Request::AssociationGrant(name, grant) => show::association_change(&book.grant(name, *grant, today)?),
            Request::AssociationList => {
                json!({ "associations": book.associations(today).iter().map(show::association).collect::<Vec<_>>() })
            }
            Request::AssociationRemove(name, with_mailboxes) => {
                show::association_change(&book.remove_association(name, *with_mailboxes, today)?)
            }
            Request::AssociationSet(name, settings) => self.set(name, settings, backends, today)?,
            Request::AssociationShow(name) => json!({ "association": show::association(&book.association(name, today)?) }),
            Request::BlocksList => blocks::list(&self.limits, book)?,
            Request::BlocksLift(account) => blocks::lift(&self.limits, book, account.as_ref())?,
            Request::Disclose(address) => self.disclose(address, now)?,
            Request::IncidentList => watch::list(&self.incidents, now),
            Request::IncidentShow(address) => watch::show(&self.incidents, address, now)?,
            Request::IncidentStart(address, minutes) => watch::start(&self.incidents, book, address, *minutes, (today, now))?,
            Request::IncidentStop(address) => watch::stop(&self.incidents, address, now)?,
            Request::MailboxKick(address) => self.kick(address)?,
            Request::MailboxList(name) => {
                json!({ "mailboxes": book.mailboxes(name.as_ref())?.iter().map(show::mailbox).collect::<Vec<_>>() })
            }
            Request::MailboxRefresh(address) => self.refresh(address)?,
            Request::MailboxRemove(address) => show::mailbox_change(&book.remove_mailbox(address, today)?),
            Request::MailboxSet(address, edit) => show::mailbox_change(&book.edit_mailbox(address, *edit, today)?),
            Request::Status => {
                let mut told = status(&self.host, book, backends, today);
                told["incidents"] = json!(self.incidents.list(now).len());
                told
            }
            Request::UsageLoad(batch) => {
                let loaded = batch.iter().filter(|(address, seen)| book.load(address, *seen, today)).count();
                json!({ "loaded": loaded, "not-in-the-book": batch.len() - loaded })
            }
        })
    }

    // Nothing is in the book before all is checked: the new association is made here, and added as a whole.
    fn add(&self, name: &Name, settings: &Settings, backends: &Backends, today: Day) -> Result<serde_json::Value, Answer> {
        let edit = &settings.edit;
        known_backend(edit, backends)?;
        if !edit.remove_domains.is_empty() {
            return Err(Answer::usage("A new association has no domains yet that could be taken away."));
        }
        if edit.state.is_some_and(|state| matches!(state, State::LeavingUntil(day) if day < today)) {
            return Err(AdminError::DayOver.into());
        }
        let mut new = Association::new(name.clone(), edit.add_domains.iter().cloned());
        if new.domains.len() != edit.add_domains.len() {
            return Err(AdminError::DomainTaken.into());
        }
        new.storage = edit.storage.unwrap_or(new.storage);
        new.messages = edit.messages.unwrap_or(new.messages);
        new.mailboxes = edit.mailboxes.unwrap_or(new.mailboxes);
        new.mailbox_default = edit.mailbox_default.unwrap_or(new.mailbox_default);
        new.state = edit.state.unwrap_or(new.state);
        new.contact = edit.contact.clone().flatten();
        new.lang = edit.lang.unwrap_or(new.lang);
        new.sender_rule = edit.sender_rule.unwrap_or(new.sender_rule);
        new.backend = edit.backend.clone().flatten();
        new.domain_aliases = edit.add_domain_aliases.iter().cloned().collect();
        new.aliases = edit.set_aliases.iter().cloned().collect();
        new.sending = settings.sending.apply(new.sending).unwrap_or(new.sending);
        Ok(show::association_change(&self.book.add_association(new, today)?))
    }

    fn set(&self, name: &Name, settings: &Settings, backends: &Backends, today: Day) -> Result<serde_json::Value, Answer> {
        known_backend(&settings.edit, backends)?;
        let was = self.book.association(name, today)?.association.sending;
        let edit = Edit { sending: settings.sending.apply(was), ..settings.edit.clone() };
        Ok(show::association_change(&self.book.set_association(name, &edit, today)?))
    }

    fn disclose(&self, address: &Address, now: Instant) -> Result<serde_json::Value, Answer> {
        let incident = watch::about(&self.incidents, address, now);
        let tries = blocks::about(&self.limits, &self.book, address);
        let tried = tries["known-networks"] != 0 || tries["slowed"] == true;
        let mut held = match self.book.disclose(address) {
            Some(held) => show::disclosure(address, &held),
            None if incident.is_null() && !tried => {
                return Err(Answer::refused("Nothing is held about this address: it is not in the book."));
            }
            None => json!({ "address": address.reveal() }),
        };
        held["incident"] = incident;
        held["tries"] = tries;
        Ok(held)
    }

    fn kick(&self, address: &Address) -> Result<serde_json::Value, Answer> {
        let mailbox = self.book.mailbox(address).ok_or(AdminError::NoSuchMailbox)?;
        Ok(json!({ "address": mailbox.address.reveal(), "sessions": self.book.kick(address) }))
    }

    // Asking the backend needs the member's password, which only the member has.
    fn refresh(&self, address: &Address) -> Result<serde_json::Value, Answer> {
        self.book.unsee(address);
        let mailbox = self.book.mailbox(address).ok_or(AdminError::NoSuchMailbox)?;
        Ok(json!({ "mailbox": show::mailbox(&mailbox), "refreshed": "at-next-session" }))
    }
}

fn known_backend(edit: &Edit, backends: &Backends) -> Result<(), Answer> {
    let Some(Some(name)) = &edit.backend else { return Ok(()) };
    match backends.find(Some(name)) {
        Some(_) => Ok(()),
        None => Err(Answer::refused("The config file has no backend of that name.")),
    }
}
