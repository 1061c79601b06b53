//! What the protocols ask before they know a mailbox: where an address leads, and whose it is.

use std::collections::BTreeSet;

use super::ledger::Ledger;
use super::{Book, Day, Name, SenderRule, Standing, Verdict};
use crate::fault::Lang;
use crate::private::{Address, Domain};

/// What a domain leads to.
#[derive(Clone)]
pub struct Route {
    /// The owner of the domain.
    pub association: Name,
    /// The backend's name; none for the default one.
    pub backend: Option<Box<str>>,
    /// What its members may do today.
    pub standing: Standing,
    /// Which senders its members may use.
    pub sender_rule: SenderRule,
    /// The language that its members are spoken to in.
    pub lang: Lang,
}

impl Book {
    /// The association of a domain or of an alias domain.
    pub fn route(&self, domain: &Domain, today: Day) -> Option<Route> {
        let postmaster = Address::parse(&format!("postmaster@{}", domain.reveal()))?;
        self.with(&postmaster, |_, ledger, _| Route {
            association: ledger.association.name.clone(),
            backend: ledger.association.backend.clone(),
            standing: ledger.association.state.standing(today),
            sender_rule: ledger.association.sender_rule,
            lang: ledger.association.lang,
        })
    }

    /// The mailboxes that mail to `address` goes to: an alias is replaced by its targets, an alias domain by the domain it
    /// stands for, a sub-address by its mailbox. None when no association has the domain. Whether a mailbox exists, only the
    /// backend knows.
    pub fn resolve(&self, address: &Address) -> Option<BTreeSet<Address>> {
        self.with(address, |_, ledger, address| resolve(ledger, address, self.params.separator))
    }

    /// The mailbox that the login `user` leads to, however it is spelt: with a tag, at another domain of the association. The login
    /// itself where that is not one mailbox.
    pub fn mailbox_of(&self, user: &Address) -> Address {
        let mut all = self.resolve(user).unwrap_or_default().into_iter();
        match (all.next(), all.next()) {
            (Some(one), None) => one,
            _ => user.clone(),
        }
    }

    /// The account that the login `user` means: its mailbox, or what was typed where that is no address. Whoever guesses its
    /// password gains nothing by spelling it otherwise.
    pub fn account_of(&self, user: &str) -> String {
        Address::parse(user).map_or_else(|| user.to_owned(), |user| self.mailbox_of(&user).reveal())
    }

    /// Whether `user` may write as `sender`: its own mailbox, also with a sub-address or in an alias domain; an alias that
    /// leads to it; or any address of the association where its rule says so.
    pub fn owns(&self, user: &Address, sender: &Address) -> bool {
        let owned = self.with(user, |_, ledger, user| {
            let association = &ledger.association;
            let Some(sender) = association.canonical(sender) else { return false };
            match association.sender_rule {
                SenderRule::Domain => true,
                SenderRule::Mailbox => {
                    let own = self.params.separator.map_or_else(|| user.clone(), |separator| user.without_tag(separator));
                    let leads_to = resolve(ledger, &sender, self.params.separator);
                    leads_to.contains(user) || leads_to.contains(&own)
                }
            }
        });
        owned.unwrap_or(false)
    }

    /// Whether the association's state lets its members log in.
    pub fn may_log_in(&self, user: &Address, today: Day) -> Result<Standing, Verdict> {
        let standing = self.with(user, |_, ledger, _| ledger.association.state.standing(today));
        match standing {
            None => Err(Verdict::Unknown),
            Some(Standing::Suspended) => Err(Verdict::Suspended),
            Some(standing) => Ok(standing),
        }
    }
}

fn resolve(ledger: &Ledger, address: &Address, separator: Option<char>) -> BTreeSet<Address> {
    let aliases = &ledger.association.aliases;
    if let Some(targets) = aliases.get(address) {
        return targets.clone();
    }
    // A mailbox whose name really contains the separator is that mailbox.
    if ledger.number(address).is_some() {
        return [address.clone()].into();
    }
    let mailbox = separator.map_or_else(|| address.clone(), |separator| address.without_tag(separator));
    aliases.get(&mailbox).cloned().unwrap_or_else(|| [mailbox].into())
}
