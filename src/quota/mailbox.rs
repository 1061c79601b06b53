//! The admins' commands about mailboxes (`nologd mailbox`).

use std::collections::BTreeSet;

use super::admin::{Change, Excess};
use super::entry::Entry;
use super::ledger::Ledger;
use super::tally::Tally;
use super::{AdminError, Amount, Book, Day, Kind, Limit, MailboxEdit, MailboxPlace, Name, Own, OwnLimit, record};
use crate::private::Address;

/// A mailbox and its numbers at this moment.
#[derive(Clone, PartialEq, Eq)]
pub struct MailboxView {
    /// The mailbox's own address.
    pub address: Address,
    /// Its association.
    pub association: Name,
    /// What is set for it alone.
    pub own: Own,
    /// The limit that holds.
    pub limit: Limit,
    /// What is in it, and what is in doubt.
    pub used: Amount,
    /// Of that, what was handed over and never answered.
    pub doubt: Amount,
    /// Set aside by open reservations.
    pub reserved: Amount,
    /// What lists show of `used` ([`Book::settle`]); none when they do not show the mailbox yet.
    pub settled: Option<Amount>,
    /// Whether `used` is the backend's number ([`Book::is_seen`]); else it is what was written last, or may be too high.
    pub seen: bool,
    /// Whether it has a place among the mailboxes; else only a recount has found it at the storage.
    pub lives: bool,
}

/// What GETQUOTAROOT tells a member: the two roots that hold its mailbox (RFC 9208), at one moment.
#[derive(Clone)]
pub struct Fill {
    /// In the mailbox, with what is in doubt. Open reservations are not counted: they may come to nothing.
    pub used: Amount,
    /// The mailbox's limit on octets.
    pub limit: Limit,
    /// The second root.
    pub association: Name,
    /// In all its mailboxes.
    pub shared_used: Amount,
    /// The association's limit on octets today, grants included.
    pub shared_storage: Limit,
    /// The association's limit on messages.
    pub shared_messages: Limit,
}

impl Book {
    /// Both quota roots of a mailbox. One that is not in the book yet is empty; none when no association has the domain.
    pub fn fill(&self, mailbox: &Address, today: Day) -> Option<Fill> {
        self.with(mailbox, |_, ledger, mailbox| {
            let entry = ledger.number(mailbox).and_then(|number| ledger.entry(number));
            Fill {
                used: entry.map_or(Amount::ZERO, Entry::shown),
                limit: ledger.association.mailbox_limit(entry.and_then(|entry| entry.own().storage)),
                association: ledger.association.name.clone(),
                shared_used: ledger.used.amount(),
                shared_storage: ledger.association.storage_on(today),
                shared_messages: ledger.association.messages,
            }
        })
    }

    /// All mailboxes of one association or of all, with the numbers of this moment, in the order of the addresses. For lists there is
    /// [`Book::listed`].
    pub fn mailboxes(&self, association: Option<&Name>) -> Result<Vec<MailboxView>, AdminError> {
        let tenants = match association {
            Some(name) => vec![self.tenant(name).ok_or(AdminError::NoSuchAssociation)?],
            None => self.tenants(),
        };
        let mut found = Vec::new();
        for tenant in tenants {
            let ledger = tenant.lock();
            found.extend(ledger.entries().map(|entry| view(&ledger, entry)));
        }
        found.sort_by(|one, two| one.address.cmp(&two.address));
        Ok(found)
    }

    /// One mailbox; none when it is not in the book.
    pub fn mailbox(&self, address: &Address) -> Option<MailboxView> {
        self.with(address, |_, ledger, address| {
            let number = ledger.number(address)?;
            ledger.entry(number).map(|entry| view(ledger, entry))
        })
        .flatten()
    }

    /// Who writes with a mailbox, by its own address. One that is not in the book is a person's.
    pub fn kind(&self, mailbox: &Address) -> Kind {
        let find = |ledger: &Ledger, mailbox: &Address| Some(ledger.entry(ledger.number(mailbox)?)?.own().kind);
        self.with(mailbox, |_, ledger, mailbox| find(ledger, mailbox)).flatten().unwrap_or_default()
    }

    /// [`Book::edit_mailbox`] of its limit alone.
    pub fn set_mailbox(&self, address: &Address, own: Option<Limit>, today: Day) -> Result<Change<MailboxView>, AdminError> {
        let storage = Some(own.map_or(OwnLimit::Default, OwnLimit::Own));
        self.edit_mailbox(address, MailboxEdit { storage, ..MailboxEdit::default() }, today)
    }

    /// `mailbox set`. A mailbox that was never seen is made.
    pub fn edit_mailbox(&self, address: &Address, edit: MailboxEdit, today: Day) -> Result<Change<MailboxView>, AdminError> {
        self.change_own(address, |own| edit.apply(own), |_| {}, today)
    }

    /// `mailbox move`: from now on it is at `place`; none for the association's backend. Of one that is on its way the book keeps itself from
    /// where. What is known of its numbers is about the other one, so they
    /// stay, and are to be counted. Sessions that are open go on: [`Book::kick`] ends them.
    pub fn move_mailbox(
        &self,
        address: &Address,
        place: Option<MailboxPlace>,
        today: Day,
    ) -> Result<Change<MailboxView>, AdminError> {
        let now = self.pulse.now();
        let home = self.with(address, |_, ledger, _| ledger.association.backend.clone()).flatten();
        let move_it = |own: Own| match place {
            Some(to) if to.is_nowhere() => Own { place: Some(MailboxPlace::leaving(own.place, home)), ..own },
            place => Own { place, ..own },
        };
        self.change_own(address, move_it, |tally| tally.is_elsewhere(now), today)
    }

    fn change_own(
        &self,
        address: &Address,
        edit: impl FnOnce(Own) -> Own,
        numbers: impl FnOnce(&mut Tally),
        today: Day,
    ) -> Result<Change<MailboxView>, AdminError> {
        let _turn = self.turn();
        let room = self.with(address, |_, ledger, address| (address.clone(), ledger.has_place(address)));
        let (address, fits) = room.ok_or(AdminError::NoSuchDomain)?;
        if !fits {
            return Err(AdminError::TooMany);
        }
        // Whoever is named is listed with what is in it: a zero for what was would not be true.
        self.list(&address);
        let was = self.mailbox(&address);
        let own = edit(was.as_ref().map(|was| was.own.clone()).unwrap_or_default());
        let residue = self.write(&[record::mailbox(&address, &own)])?;
        let only_usage = was.is_none() && own == Own::default();
        let changed = self.with(&address, |tenant, ledger, address| {
            let number = ledger.insert(address);
            let entry = ledger.entry_mut(number)?;
            entry.set_own(own);
            entry.list();
            ledger.change(number, numbers);
            ledger.day = today;
            tenant.after(ledger, number);
            ledger.entry(number).map(|entry| view(ledger, entry))
        });
        let now = changed.flatten().ok_or(AdminError::NoSuchDomain)?;
        let above = now.limit.excess(now.settled.unwrap_or_default().octets.into());
        let excess = Excess { octets: above, overfull: (above > 0).into(), ..Excess::default() };
        // A mailbox like all others leaves no record behind: its usage is what keeps it in the book.
        if only_usage {
            self.write_without(&|_, _| false)?;
        }
        Ok(Change { was, now: Some(now), excess, residue })
    }

    /// `mailbox remove`: the book forgets the mailbox, in memory, in the store and in the aliases that lead to it. The
    /// backend's copy of the mail is not touched. When it returns, no file of the state folder holds the address.
    pub fn remove_mailbox(&self, address: &Address, today: Day) -> Result<Change<MailboxView>, AdminError> {
        let _turn = self.turn();
        let was = self.mailbox(address).ok_or(AdminError::NoSuchMailbox)?;
        if !self.contact_of(&was.address).is_empty() {
            return Err(AdminError::IsContact);
        }
        let tenant = self.tenant(&was.association).ok_or(AdminError::NoSuchAssociation)?;
        let before = tenant.lock().association.clone();
        let leading = before.aliases.iter().filter(|(alias, targets)| **alias == was.address || targets.contains(&was.address));
        let mut after = before.clone();
        for (alias, targets) in leading {
            let left: BTreeSet<_> = targets.iter().filter(|target| **target != was.address).cloned().collect();
            // An alias of the same name goes as a whole.
            if *alias == was.address || left.is_empty() {
                after.aliases.remove(alias);
            } else {
                after.aliases.insert(alias.clone(), left);
            }
        }
        after.drop_ended(today);
        after.check()?;
        let mut changes = record::difference(Some(&before), Some(&after));
        changes.push(record::forget(&was.address));
        // First: what only the usage knows would come back after a crash.
        let residue = self.write_without(&|_, mailbox| mailbox == Some(&was.address))? | self.write(&changes)?;
        self.with(&was.address, |_, ledger, address| {
            ledger.association = after;
            ledger.remove(address);
        });
        self.forget_traces(None, std::slice::from_ref(&was.address));
        Ok(Change { was: Some(was), now: None, excess: Excess::default(), residue })
    }
}

fn view(ledger: &Ledger, entry: &Entry) -> MailboxView {
    MailboxView {
        address: entry.address.clone(),
        association: ledger.association.name.clone(),
        own: entry.own().clone(),
        limit: ledger.association.mailbox_limit(entry.own().storage),
        used: entry.shown(),
        doubt: entry.doubt(),
        reserved: entry.open(),
        settled: entry.settled(),
        seen: entry.is_seen(),
        lives: !entry.is_found(),
    }
}
