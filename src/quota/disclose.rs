//! `disclose ADDRESS`: every bit that the book holds about a mailbox, for its owner or for a lawful request. What is not in here is
//! not in the book: a field that is added to the ledger or to the sending limits must be added here.

use super::entry::Entry;
use super::sending_limits::Filling;
use super::{Book, MailboxView, Name, Notified};
use crate::private::Address;

/// Everything. The store holds the limit, the usage and what was told; the rest is in memory only.
#[derive(Default)]
pub struct Disclosure {
    /// Its limit and numbers.
    pub mailbox: Option<MailboxView>,
    /// What notices were due last.
    pub due: Notified,
    /// What notices went out last.
    pub told: Notified,
    /// Aliases that lead to it, or the alias that it is.
    pub aliases: Vec<Address>,
    /// Associations that it is the contact of.
    pub contact_of: Vec<Name>,
    /// Up to how many octets our own notices may fill it; none where it was not full.
    pub notices_to: Option<u64>,
    /// How much of its sending limits is used up; each empties by itself within its hour or day.
    pub sending: Option<Filling>,
}

impl Book {
    /// Everything that is held about `address`; none when that is nothing.
    pub fn disclose(&self, address: &Address) -> Option<Disclosure> {
        let canonical = self.with(address, |_, _, canonical| canonical.clone());
        let address = canonical.as_ref().unwrap_or(address);
        let mut found = Disclosure {
            mailbox: self.mailbox(address),
            due: Notified::default(),
            told: Notified::default(),
            aliases: Vec::new(),
            contact_of: Vec::new(),
            notices_to: None,
            sending: self.sending.mailbox(address).or_else(|| self.heard_spent.mailbox(address)),
        };
        self.with(address, |_, ledger, address| {
            let entry = ledger.number(address).and_then(|number| ledger.entry(number));
            let mark = entry.map(Entry::mark).unwrap_or_default();
            (found.due, found.told) = (mark.due(), mark.told());
            found.notices_to = entry.and_then(Entry::awake).and_then(|awake| awake.notices_to);
            let leading = ledger.association.aliases.iter();
            let leading = leading.filter(|(alias, targets)| *alias == address || targets.contains(address));
            found.aliases = leading.map(|(alias, _)| alias.clone()).collect();
        });
        found.contact_of = self.contact_of(address).into_iter().map(|(name, _)| name).collect();
        let held =
            found.mailbox.is_some() || found.sending.is_some() || !found.aliases.is_empty() || !found.contact_of.is_empty();
        held.then_some(found)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::directory::LOOKS;
    use super::super::{Association, Batch, BookParams, Day, Edit, Proposal, Without};
    use super::*;
    use crate::private::Domain;
    use crate::quota::Limit;
    use crate::store::MemoryStore;

    fn today() -> Day {
        Day::from_unix(0)
    }

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    fn book(associations: usize) -> Book {
        let book = Book::open(Arc::new(MemoryStore::new()), BookParams::default()).unwrap();
        for number in 0..associations {
            let domain = Domain::parse(&format!("a{number}.example")).unwrap();
            let mut new = Association::new(format!("a{number}").parse().unwrap(), [domain]);
            new.contact = Some(address(&format!("c{number}@a{number}.example")));
            assert!(book.add_association(new, today()).is_ok());
        }
        book
    }

    /// How many associations are looked into for it.
    fn looks<T>(work: impl FnOnce() -> T) -> usize {
        let before = LOOKS.with(|looks| looks.get());
        drop(work());
        LOOKS.with(|looks| looks.get()) - before
    }

    /// Anybody may ask for links to any address, and no clock says whose it is.
    #[test]
    fn who_is_nobodys_contact_is_found_without_looking_at_any_association() {
        for associations in [1, 200] {
            let book = book(associations);
            for nobody in ["nobody@a0.example", "c0@elsewhere.example", "c0@a00.example"] {
                assert_eq!(looks(|| book.contact_of(&address(nobody))), 0, "{nobody} among {associations}");
            }
            assert_eq!(looks(|| book.contact_of(&address("C0@A0.example"))), 1, "among {associations}");
            let [known, unknown] = ["c0@a0.example", "x0@a0.example"].map(address);
            assert_eq!([looks(|| book.is_any_contact(&known)), looks(|| book.is_any_contact(&unknown))], [0, 0]);
            assert!(book.is_any_contact(&known) && !book.is_any_contact(&unknown));
            let login = |user: &str| looks(|| book.account_of(user));
            assert_eq!([login("nobody@a0.example"), login("c0@a0.example"), login("x@elsewhere.example")], [1, 1, 0]);
        }
    }

    #[test]
    fn whoever_becomes_and_ceases_to_be_a_contact_is_found_so() {
        let book = book(3);
        let (carl, zoe) = (address("c1@a1.example"), address("zoe@elsewhere.example"));
        let of = |who: &Address| -> Vec<String> {
            let named = |(name, domain): (Name, Domain)| format!("{} {}", name.reveal(), domain.reveal());
            let theirs: Vec<_> = book.contact_of(who).into_iter().map(named).collect();
            assert_eq!(book.is_any_contact(who), !theirs.is_empty(), "whoever was one is none");
            theirs
        };
        let name = |number: usize| -> Name { format!("a{number}").parse().unwrap() };
        assert_eq!((of(&carl), of(&zoe)), (vec!["a1 a1.example".to_owned()], vec![]));
        let set = |number, contact: &Address| {
            let edit = Edit { contact: Some(contact.clone()), ..Edit::default() };
            assert!(book.set_association(&name(number), &edit, today()).is_ok());
        };
        set(2, &zoe);
        assert!(book.hand_over(&name(1), &carl, &zoe, today()).is_ok());
        assert_eq!((of(&carl), of(&zoe)), (vec![], vec!["a1 a1.example".to_owned(), "a2 a2.example".to_owned()]));
        // With what a panel says, in one step.
        let batch = Batch {
            associations: vec![Proposal { name: name(7), contact: Some(carl.clone()), storage: Limit::None }],
            domains: vec![(Domain::parse("seven.example").unwrap(), name(7)), (Domain::parse("a2.example").unwrap(), name(7))],
            gone_associations: vec![name(2)],
            ..Batch::default()
        };
        assert!(book.apply(&batch, today()).is_ok());
        assert_eq!((of(&carl), of(&zoe)), (vec!["a7 a2.example".to_owned()], vec!["a1 a1.example".to_owned()]));
        let edit = Edit { without: Without { no_contact: true, ..Without::default() }, ..Edit::default() };
        assert!(book.set_association(&name(1), &edit, today()).is_ok());
        assert!(book.remove_association(&name(7), true, today()).is_ok());
        assert!(of(&carl).is_empty() && of(&zoe).is_empty());
        assert!(of(&address("c0@a0.example")).len() == 1);
    }

    /// A book that was read from the store finds them as well.
    #[test]
    fn contacts_are_found_after_a_restart() {
        let store = Arc::new(MemoryStore::new());
        let open = || Book::open(store.clone(), BookParams::default()).unwrap();
        let mut new = Association::new("velo".parse().unwrap(), [Domain::parse("velo.example").unwrap()]);
        new.contact = Some(address("carl@velo.example"));
        assert!(open().add_association(new, today()).is_ok());
        assert_eq!(open().contact_of(&address("carl@velo.example")).len(), 1);
    }
}
