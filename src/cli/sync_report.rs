//! What a sync prints. Standard output goes to the journal: counts and code words; names only where a person asked for them.

use std::io::IsTerminal;

use super::{complain, say};
use crate::admin::sync::SyncApplied;
use crate::import::code::SyncCode;
use crate::import::difference::Difference;
use crate::import::list::PanelList;
use crate::import::state::PanelCounts;
use crate::private::Address;
use crate::quota::{Batch, Limit, OwnLimit, PanelLimit, print_size};

/// What was done, in counts; what the panel has that nobody understands, in sentences.
pub(super) fn report(panel: &PanelList, found: &Difference, applied: SyncApplied, is_news: bool, is_dry: bool) {
    let counts = found.counts;
    let head = if is_dry { SyncCode::DryRun } else { SyncCode::Done }.word();
    let numbers = [
        ("associations new", counts.associations.0),
        ("associations gone", counts.associations.1),
        ("domains new", counts.domains.0),
        ("domains moved", counts.moved),
        ("domains gone", counts.domains.1),
        ("mailboxes new", counts.mailboxes.0),
        ("mailboxes gone", counts.mailboxes.1),
        ("limits changed", counts.limits),
        ("aliases changed", counts.aliases.0),
        ("aliases gone", counts.aliases.1),
        ("missing in the panel, not removed yet", counts.waiting),
        ("domains moved by hand", counts.by_hand),
        ("contacts missing in the panel", counts.contacts),
        ("mailboxes above their association's number", applied.above),
    ];
    let told: Vec<_> = numbers.iter().filter(|(_, count)| *count > 0).map(|(what, count)| format!("{what} {count}")).collect();
    // A run that finds nothing says nothing, but to a person.
    if is_news || is_dry || std::io::stdout().is_terminal() {
        let told = if told.is_empty() { "nothing to change".to_owned() } else { told.join(", ") };
        say(&format!("{head} {told}"));
    }
    if applied.residue {
        complain("Old files of the book could not be wiped yet: the next change and the next start try again.");
    }
    panel.odd.sentences().for_each(|sentence| say(&sentence));
}

/// One line for each change.
pub(super) fn names(batch: &Batch) {
    let joined = |texts: Vec<String>| texts.join(", ");
    batch.associations.iter().for_each(|new| say(&format!("+ association {}", new.name.reveal())));
    batch.domains.iter().for_each(|(domain, name)| say(&format!("+ domain {} of {}", domain.reveal_written(), name.reveal())));
    batch
        .domain_aliases
        .iter()
        .for_each(|(alias, domain)| say(&format!("+ domain {} stands for {}", alias.reveal_written(), domain.reveal_written())));
    for PanelLimit(address, limit) in &batch.mailboxes {
        let limit = match limit {
            OwnLimit::Default => "the association's default".to_owned(),
            OwnLimit::Own(Limit::None) => "no limit".to_owned(),
            OwnLimit::Own(Limit::At(octets)) => print_size(*octets),
        };
        say(&format!("+ mailbox {}: {limit}", address.reveal()));
    }
    for (alias, targets) in &batch.aliases {
        let targets = joined(targets.iter().map(Address::reveal).collect());
        say(&if targets.is_empty() {
            format!("- alias {}", alias.reveal())
        } else {
            format!("+ alias {} -> {targets}", alias.reveal())
        });
    }
    batch.gone_mailboxes.iter().for_each(|address| say(&format!("- mailbox {}", address.reveal())));
    batch.gone_domains.iter().for_each(|domain| say(&format!("- domain {}", domain.reveal_written())));
    batch.gone_associations.iter().for_each(|name| say(&format!("- association {}", name.reveal())));
}

/// What a panel has, in counts.
pub(super) fn counted(counts: PanelCounts) -> String {
    let PanelCounts { domains, mailboxes, aliases, standing } = counts;
    format!("{domains} domains, {standing} alias domains, {mailboxes} mailboxes and {aliases} aliases")
}
