//! What the protocols ask before they know a mailbox: where an address leads, and whose it is.

use std::collections::BTreeSet;

use super::ledger::Ledger;
use super::{Book, Day, MailboxPlace, Name, SenderRule, Standing, Verdict};
use crate::fault::Lang;
use crate::private::{Address, Domain};

/// What a domain leads to.
#[derive(Clone)]
pub struct Route {
    /// The owner of the domain.
    pub association: Name,
    /// The backend's name, where a mailbox has none of its own; none for the default one.
    pub backend: Option<Box<str>>,
    /// What its members may do today.
    pub standing: Standing,
    /// Which senders its members may use.
    pub sender_rule: SenderRule,
    /// The language that its members are spoken to in.
    pub lang: Lang,
}

/// Who judges a login: a backend by its name, none for the default one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoginRoute {
    /// The one that has the mailbox.
    At(Option<Box<str>>),
    /// The one that had it before it was on its way. Nobody gets in, but only who has proven the password is told why.
    OnItsWay(Option<Box<str>>),
}

/// No backend has all that an address leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoBackend;

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

    /// The backends that mail to `address` goes to, by their names; none for the default one, which has a name as well.
    ///
    /// # Errors
    /// [`NoBackend`]: no association has the domain, or a mailbox is on its way.
    pub fn backends_of(&self, address: &Address) -> Result<BTreeSet<Option<Box<str>>>, NoBackend> {
        let found = self.with(address, |_, ledger, address| {
            leads_to(ledger, address, self.params.separator).all().iter().map(|mailbox| ledger.backend(mailbox)).collect()
        });
        found.unwrap_or(Err(NoBackend))
    }

    /// The backend that has the mailbox which the login `user` leads to.
    ///
    /// # Errors
    /// [`NoBackend`]: no association has the domain, or the mailbox is on its way.
    pub fn backend_for(&self, user: &Address) -> Result<Option<Box<str>>, NoBackend> {
        match self.login_route(user) {
            Some(LoginRoute::At(name)) => Ok(name),
            Some(LoginRoute::OnItsWay(_)) | None => Err(NoBackend),
        }
    }

    /// Who judges the login `user`: the backend of its mailbox, or of its association where that is not one mailbox. An alias's list is not
    /// walked: see [`LeadsTo`]. None: no association has the domain.
    pub fn login_route(&self, user: &Address) -> Option<LoginRoute> {
        self.with(user, |_, ledger, user| match leads_to(ledger, user, self.params.separator).only() {
            Some(mailbox) => ledger.login_route(mailbox),
            None => LoginRoute::At(ledger.association.backend.clone()),
        })
    }

    /// How the book writes `domain`, if that can be written in two ways and is an association's own: its mail server knows that one.
    pub fn spelling(&self, domain: &Domain) -> Option<Box<str>> {
        let postmaster = Address::parse(&format!("postmaster@{}", domain.reveal())).filter(|_| domain.has_two_spellings())?;
        self.with(&postmaster, |_, ledger, _| Some(ledger.association.domains.get(domain)?.reveal_written().into()))?
    }

    /// The same address, which shares the text of its domain with the book where that has it, so that a thousand sessions hold it once.
    pub fn sharing(&self, user: Address) -> Address {
        let same = |domain: &&Domain| domain.reveal_written() == user.domain().reveal_written();
        let shared = self.with(&user, |_, ledger, _| {
            let domain = ledger.association.domains.get(user.domain()).filter(same)?;
            Some(user.within(domain))
        });
        shared.flatten().unwrap_or(user)
    }

    /// The mailboxes that mail to `address` goes to: an alias is replaced by its targets, an alias domain by the domain it
    /// stands for, a sub-address by its mailbox. None when no association has the domain. Whether a mailbox exists, only the
    /// backend knows.
    pub fn resolve(&self, address: &Address) -> Option<BTreeSet<Address>> {
        self.with(address, |_, ledger, address| leads_to(ledger, address, self.params.separator).all())
    }

    /// Whether a domain that no association has here is nobody's. Of several nodes, one may not have the settings of all yet, or not know whether it has.
    pub fn knows_all_domains(&self) -> bool {
        self.gatekeeper.bench().is_none_or(|bench| bench.has_settings_of_all())
    }

    /// The mailbox that the login `user` leads to, however it is spelt: with a tag, at another domain of the association. The login
    /// itself where that is not one mailbox.
    pub fn mailbox_of(&self, user: &Address) -> Address {
        let leads = self.with(user, |_, ledger, address| leads_to(ledger, address, self.params.separator).only().cloned());
        leads.flatten().unwrap_or_else(|| user.clone())
    }

    /// The mailbox of that address, at the association's own domain where an alias domain was said; none where no association has it.
    pub fn mailbox_itself(&self, address: &Address) -> Option<Address> {
        self.with(address, |_, _, address| address.clone())
    }

    /// The association that has the address' domain.
    pub fn association_of(&self, address: &Address) -> Option<Name> {
        self.with(address, |_, ledger, _| ledger.association.name.clone())
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
                    let leads = leads_to(ledger, &sender, self.params.separator);
                    leads.has(user) || leads.has(&own)
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

impl Ledger {
    fn backend(&self, mailbox: &Address) -> Result<Option<Box<str>>, NoBackend> {
        let entry = self.number(mailbox).and_then(|number| self.entry(number));
        self.backend_of(entry).map(|name| name.map(Into::into))
    }

    fn login_route(&self, mailbox: &Address) -> LoginRoute {
        let place = self.number(mailbox).and_then(|number| self.entry(number)).and_then(|entry| entry.own().place.clone());
        match place {
            None => LoginRoute::At(self.association.backend.clone()),
            Some(MailboxPlace::Backend(name)) => LoginRoute::At(Some(name)),
            Some(MailboxPlace::Nowhere) => LoginRoute::OnItsWay(None),
            Some(MailboxPlace::NowhereFrom(name)) => LoginRoute::OnItsWay(Some(name)),
        }
    }
}

/// Where an address leads. Of an alias the book's own list: it may be long, and whoever types its name to log in must not feel that.
enum LeadsTo<'a> {
    Alias(&'a BTreeSet<Address>),
    Mailbox(Address),
}

impl LeadsTo<'_> {
    /// The mailbox, where it is just one.
    fn only(&self) -> Option<&Address> {
        match self {
            LeadsTo::Alias(targets) => targets.first().filter(|_| targets.len() == 1),
            LeadsTo::Mailbox(mailbox) => Some(mailbox),
        }
    }

    fn has(&self, address: &Address) -> bool {
        match self {
            LeadsTo::Alias(targets) => targets.contains(address),
            LeadsTo::Mailbox(mailbox) => mailbox == address,
        }
    }

    fn all(self) -> BTreeSet<Address> {
        match self {
            LeadsTo::Alias(targets) => targets.clone(),
            LeadsTo::Mailbox(mailbox) => [mailbox].into(),
        }
    }
}

fn leads_to<'a>(ledger: &'a Ledger, address: &Address, separator: Option<char>) -> LeadsTo<'a> {
    let aliases = &ledger.association.aliases;
    if let Some(targets) = aliases.get(address) {
        return LeadsTo::Alias(targets);
    }
    // A mailbox whose name really contains the separator is that mailbox.
    if ledger.number(address).is_some() {
        return LeadsTo::Mailbox(address.clone());
    }
    let mailbox = separator.map_or_else(|| address.clone(), |separator| address.without_tag(separator));
    aliases.get(&mailbox).map_or(LeadsTo::Mailbox(mailbox), LeadsTo::Alias)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::quota::{Association, BookParams, Edit};
    use crate::store::MemoryStore;

    /// However an address is written: at login, in MAIL and From, in RCPT, in a question of Postfix, in a push.
    #[test]
    fn two_spellings_lead_to_one_association() {
        let today = Day::from_unix(0);
        let (domain, address) = (|text: &str| Domain::parse(text).unwrap(), |text: &str| Address::parse(text).unwrap());
        for (written, other) in [("vélo.example", "xn--vlo-bma.example"), ("xn--vlo-bma.example", "vélo.example")] {
            let book = Book::open(Arc::new(MemoryStore::new()), BookParams::default()).ok().unwrap();
            let velo = Association::new(Name::parse("velo").unwrap(), [domain(written)]);
            assert!(book.add_association(velo, today).is_ok());
            for text in [written, other] {
                assert!(book.route(&domain(text), today).is_some(), "{text}");
                let (zed, shifted) = (address(&format!("zed@{text}")), address(&format!("Zed+list@{other}")));
                assert!(book.owns(&zed, &shifted) && book.owns(&shifted, &zed), "{text}");
                assert!(!book.owns(&zed, &address(&format!("bob@{other}"))), "{text}");
                assert!(book.resolve(&shifted) == Some([zed.clone()].into()), "{text}");
                assert_eq!(book.account_of(&format!("ZED@{text}")), "zed@xn--vlo-bma.example");
                assert_eq!(book.spelling(&domain(text)).as_deref(), Some(written));
                // The text that the book has; never another spelling than what was typed.
                let shared = [(); 2].map(|()| book.sharing(address(&format!("zed@{text}"))));
                assert!(shared[0] == zed && shared[0].domain().reveal_written() == text, "{text}");
                let is_once = std::ptr::eq(shared[0].domain().reveal(), shared[1].domain().reveal());
                assert_eq!(is_once, text == written, "{text}");
            }
            assert!(book.spelling(&domain("asso.example")).is_none() && book.spelling(&domain("été.example")).is_none());
            // The other spelling is nothing that could be added, by anybody.
            let alias = Edit { add_domain_aliases: vec![(domain(other), domain(written))], ..Edit::default() };
            assert!(book.set_association(&Name::parse("velo").unwrap(), &alias, today).is_ok());
            assert!(book.add_association(Association::new(Name::parse("other").unwrap(), [domain(other)]), today).is_err());
        }
    }
}
