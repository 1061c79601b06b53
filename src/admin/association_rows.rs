//! How an association's settings look to people, and how a change of them does.

use std::collections::BTreeMap;

use super::changed::Changed;
use super::layout::{ShownRow, joined, number_limit, size_limit};
use super::zones::ZoneShown;
use crate::private::{Address, Domain};
use crate::quota::{Association, Limit, Loan, Rates, Settings, State, parse_size, print_size};

/// A size, as it is typed.
pub(super) fn size(text: &str) -> Result<u64, &'static str> {
    parse_size(text).map_err(|error| error.text())
}

/// All rows of what came or went, or the rows that differ.
pub(super) fn print_change(told: &Changed<Association>) -> String {
    told.print(
        |association| association.name.reveal().into(),
        |association| {
            let rows = settings_rows(&association.settings, &association.aliases);
            rows.into_iter().chain(loan_rows(&association.lent, &association.borrowed)).collect()
        },
    )
}

/// A state, in the words of `--state`.
pub(super) fn state(state: State) -> String {
    match state {
        State::LeavingUntil(day) => format!("{}, until {}", state.word(), day.print()),
        State::Active | State::ReadOnly | State::Suspended => state.word().into(),
    }
}

/// All settings, one row each, always the same rows: so that two of these can be compared.
pub(super) fn settings_rows<'a, T>(settings: &Settings, aliases: &'a BTreeMap<Address, T>) -> Vec<ShownRow>
where
    &'a T: IntoIterator<Item = &'a Address>,
{
    let domains = settings.domain_aliases.iter();
    let leads = |targets: &'a T| joined(targets.into_iter().map(Address::reveal), ", ");
    let grants = settings.grants.iter().map(|grant| format!("{} until {}", print_size(grant.octets), grant.until.print()));
    vec![
        ("state", state(settings.state)),
        ("domains", joined(settings.domains.iter().map(|domain| domain.reveal_written().into()), ", ")),
        (
            "alias domains",
            joined(
                domains.map(|(from, to): (&Domain, &Domain)| format!("{} -> {}", from.reveal_written(), to.reveal_written())),
                "; ",
            ),
        ),
        ("aliases", joined(aliases.iter().map(|(from, to)| format!("{} -> {}", from.reveal(), leads(to))), "; ")),
        ("storage", size_limit(settings.storage)),
        ("extra storage", joined(grants, "; ")),
        ("messages", number_limit(settings.messages)),
        ("mailboxes", number_limit(settings.mailboxes)),
        ("mailbox default", size_limit(settings.mailbox_default)),
        ("contact", settings.contact.as_ref().map_or("none".into(), Address::reveal)),
        ("language", settings.lang.word().into()),
        ("senders", settings.sender_rule.word().into()),
        ("backend", settings.backend.as_deref().unwrap_or("the default one").into()),
        ("all may send", rates(settings.sending.association)),
        ("each mailbox may send", rates(settings.sending.mailbox)),
    ]
}

/// Loans, one row for each direction, always both.
pub(super) fn loan_rows(lent: &[Loan], borrowed: &[Loan]) -> [ShownRow; 2] {
    let each = |loans: &[Loan], way: &str| {
        let words = loans
            .iter()
            .map(|loan| format!("{} {way} {} until {}", print_size(loan.octets), loan.with.reveal(), loan.until.print()));
        joined(words, "; ")
    };
    [("lent", each(lent, "to")), ("borrowed", each(borrowed, "from"))]
}

/// How the zones of its domains stood, where somebody looked.
pub(super) fn zone_row(zones: &[ZoneShown]) -> Option<ShownRow> {
    let words = zones.iter().map(|ZoneShown { day, zone }| {
        let (domain, day) = (zone.domain.reveal_written(), day.print());
        let but = if zone.with_mx { "" } else { " (the MX was not looked at)" };
        match zone.amiss.len() {
            0 => format!("{domain}: every line is there{but}, {day}"),
            1 => format!("{domain}: one line is not{but}, {day}"),
            more => format!("{domain}: {more} lines are not{but}, {day}"),
        }
    });
    (!zones.is_empty()).then(|| ("zones", joined(words, "; ")))
}

/// Sending limits in one line.
fn rates(rates: Rates) -> String {
    let limits = [
        (rates.messages_per_hour, "messages an hour"),
        (rates.messages_per_day, "messages a day"),
        (rates.recipients_per_hour, "recipients an hour"),
        (rates.recipients_per_day, "recipients a day"),
    ];
    let set = limits.into_iter().filter_map(|(limit, words)| match limit {
        Limit::At(number) => Some(format!("{number} {words}")),
        Limit::None => None,
    });
    let set: Vec<_> = set.collect();
    if set.is_empty() { "no limit".into() } else { set.join(", ") }
}
