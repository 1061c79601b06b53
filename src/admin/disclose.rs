//! `disclose`: what is kept about a mailbox, for its owner or for a lawful request: the book, and what memory counts. Exact, unlike lists.
//!
//! Absent on purpose: what is open at this moment (sessions, pooled connections, links and hand-overs at the pages, the number of changes there). It
//! ends by itself, and asked for again and again it would tell when somebody comes and goes. The answer says so.

use clap::Args;
use serde::{Deserialize, Serialize};

use super::blocks::Tries;
use super::incident::IncidentSummary;
use super::layout::{ShownRow, fill, joined, rows};
use super::mailbox_shown::MailboxShown;
use super::{AdminCommand, Audience, Executor, Moment, NotDone, blocks, incident};
use crate::private::{Address, revealed};
use crate::quota::{Amount, Day, Disclosure, Filling, Name, print_size};
use crate::words::nullable;

/// What is in memory and not told.
const BESIDES: &str = "Not told, in memory only, and gone when it ends: sessions that are open now, connections that wait for the webmail, notices \
                       that the mail server has not taken yet, and for some minutes links that were mailed and how often somebody changed something at \
                       the pages.";

/// `disclose`.
#[derive(Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiscloseMailbox {
    /// The mailbox.
    #[serde(with = "revealed")]
    pub(crate) address: Address,
}

/// All that the book has, and what memory counts.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Disclosed {
    #[serde(with = "revealed")]
    pub(crate) address: Address,
    /// None when the book has no such mailbox: an alias, a contact elsewhere.
    #[serde(deserialize_with = "nullable")]
    pub(crate) mailbox: Option<MailboxShown>,
    /// What lists show of it; none when they do not show it yet.
    #[serde(deserialize_with = "nullable")]
    pub(crate) listed: Option<Amount>,
    /// The level that is due, and the one that was told, in percent; 0 for none.
    pub(crate) notice_level: u64,
    pub(crate) notice_told: u64,
    /// The last day that a notice of leaving told.
    #[serde(deserialize_with = "nullable")]
    pub(crate) leaving_told: Option<Day>,
    #[serde(with = "revealed")]
    pub(crate) aliases: Vec<Address>,
    #[serde(with = "revealed")]
    pub(crate) contact_of: Vec<Name>,
    /// Up to how many octets our own notices may fill it, though it is full; none where it was not.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "Option::is_none")]
    pub(crate) notices_to: Option<u64>,
    #[serde(deserialize_with = "nullable")]
    pub(crate) sending: Option<Filling>,
    #[serde(deserialize_with = "nullable")]
    pub(crate) incident: Option<IncidentSummary>,
    pub(crate) tries: Tries,
    /// Of several nodes, another one judges its association, and the numbers here are old.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) old: bool,
}

impl AdminCommand for DiscloseMailbox {
    const WORD: &'static str = "disclose";
    const LOOKS: bool = true;
    type Told = Disclosed;

    fn audience(&self) -> Audience<'_> {
        Audience::Owner(&self.address)
    }

    fn subject(&self) -> Option<String> {
        Some(self.address.reveal())
    }

    fn carry_out(&self, executor: &Executor, at: &Moment<'_>) -> Result<Disclosed, NotDone> {
        let incident = incident::about(&executor.incidents, &self.address, at.now);
        let tries = blocks::about(executor, &self.address);
        let held = match executor.book.disclose(&self.address) {
            Some(held) => held,
            None if incident.is_none() && tries.known_networks == 0 && !tries.slowed => {
                return Err(NotDone::because(&format!("Nothing is kept about this address: it is not in the book. {BESIDES}")));
            }
            None => Disclosure::default(),
        };
        let of = held.mailbox.as_ref().map(|mailbox| &mailbox.association);
        let old = of.is_some_and(|name| !executor.old_numbers(Some(name)).is_empty());
        Ok(Disclosed {
            address: self.address.clone(),
            mailbox: held.mailbox.as_ref().map(MailboxShown::exact),
            listed: held.mailbox.as_ref().and_then(|mailbox| mailbox.settled),
            notice_level: held.due.level.percent(),
            notice_told: held.told.level.percent(),
            leaving_told: held.told.leaving,
            aliases: held.aliases,
            contact_of: held.contact_of,
            notices_to: held.notices_to,
            sending: held.sending,
            incident,
            tries,
            old,
        })
    }

    fn print(told: &Disclosed) -> String {
        let mut held: Vec<ShownRow> = told.mailbox.iter().flat_map(mailbox).collect();
        if told.old {
            held.push(("these numbers", "are OLD: another node judges it, and has not told this one for a while".into()));
        }
        held.extend(
            told.listed.map(|listed| ("shown in lists", format!("{}, {} messages", print_size(listed.octets), listed.messages))),
        );
        held.push(("last notice", if told.notice_told == 0 { "none".into() } else { format!("at {} %", told.notice_told) }));
        if told.notice_level > told.notice_told {
            held.push(("notice that waits", format!("at {} %", told.notice_level)));
        }
        held.extend(told.leaving_told.map(|day| ("told of leaving on", day.print())));
        held.push(("aliases", joined(told.aliases.iter().map(Address::reveal), ", ")));
        held.push(("contact of", joined(told.contact_of.iter().map(|name| name.reveal().into()), ", ")));
        held.extend(told.notices_to.map(|octets| ("full, with notices up to", print_size(octets))));
        held.extend(told.sending.into_iter().flat_map(sending));
        let networks = told.tries.known_networks;
        let plural = if networks == 1 { "" } else { "s" };
        held.push(("good logins", format!("of {networks} network{plural} within 30 h, as keyed hashes in memory")));
        if told.tries.slowed {
            held.push(("wrong passwords", "so many that strangers are refused for now (`blocks`)".into()));
        }
        if let Some(incident) = &told.incident {
            let (kept, left) = (incident.kept, incident.minutes_left);
            held.push(("incident mode", format!("on, {kept} steps; ends within {left} min (`incident show`)")));
        }
        let head = "this is what nologd keeps. It does not know when, from where or with whom mail was exchanged.";
        format!("{}: {head}\n{}{BESIDES}\n", told.address.reveal(), rows(&held))
    }
}

fn mailbox(mailbox: &MailboxShown) -> Vec<ShownRow> {
    let mut held = mailbox.settings();
    held.push(("in use", fill(mailbox.octets, mailbox.storage)));
    held.push(("messages", mailbox.messages.to_string()));
    held.extend(mailbox.reserved.map(|reserved| ("being stored", format!("{} octets", reserved.octets))));
    held.extend(mailbox.counted.map(|counted| ("counted, and sure", if counted { "yes" } else { "no" }.into())));
    held
}

fn sending(filling: Filling) -> [ShownRow; 4] {
    [
        ("sent, that count this hour", filling.messages_per_hour.to_string()),
        ("sent, that count this day", filling.messages_per_day.to_string()),
        ("recipients, this hour", filling.recipients_per_hour.to_string()),
        ("recipients, this day", filling.recipients_per_day.to_string()),
    ]
}
