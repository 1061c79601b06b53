//! Over which associations two books differ, where an admin has to choose between them (docs/many-nodes.md#settings-that-are-in-dispute): what kind of
//! thing it is, and no address.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::followed::FollowedBook;
use super::{Association, Day, Name, Settings, Standing, State};
use crate::private::{Address, Domain, revealed};
use crate::store::{Record, StoreError};
use crate::words::nullable;

/// An association of which the two say different things.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DisputedAssociation {
    /// Its name.
    #[serde(with = "revealed")]
    pub name: Name,
    /// Its state by the settings of this node; none where they have no such association.
    #[serde(deserialize_with = "nullable")]
    pub here: Option<State>,
    /// The same by what stands in etcd.
    #[serde(deserialize_with = "nullable")]
    pub in_etcd: Option<State>,
    /// What else differs, where both have it.
    pub parts: Vec<DisputedPart>,
}

/// What may differ besides its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisputedPart {
    /// Its domains, or those that stand for them.
    Domains,
    /// What it and its mailboxes may have, and extra space for a while.
    Limits,
    /// What it may send, and under which names.
    Sending,
    /// Where aliases lead.
    Aliases,
    /// What is set for single mailboxes.
    Mailboxes,
    /// What it lends or borrows.
    Loans,
    /// Its contact, its language, its backend.
    Rest,
}

words! {
    DisputedPart, "No such part of an association's settings.":
    Domains = "domains", Limits = "limits", Sending = "sending", Aliases = "aliases", Mailboxes = "mailboxes", Loans = "loans", Rest = "rest",
}

/// What the settings of a node and those in etcd say differently, as long as no admin has said which are right.
pub struct Dispute {
    /// Of which associations.
    pub over: Vec<DisputedAssociation>,
    /// The states in etcd, by domain: an association may have another name there. Those that are active have none.
    states: BTreeMap<Domain, State>,
}

impl Dispute {
    /// Whether a domain's association is suspended by what stands in etcd.
    pub fn suspends(&self, domain: &Domain, today: Day) -> bool {
        self.states.get(domain).is_some_and(|state| state.standing(today) == Standing::Suspended)
    }
}

/// Those of which `own`, the records here, and `theirs`, which all nodes have, say different things: first whom one of them does not have, then whose
/// state differs. None where all that differs is in force nowhere, such as what is set for a mailbox of a domain that nobody has.
///
/// # Errors
/// [`StoreError::Damaged`]: records that make no sense together.
pub fn disputed(own: &[Record], theirs: &[Record]) -> Result<Dispute, StoreError> {
    let (own, theirs) = (FollowedBook::read(own)?, FollowedBook::read(theirs)?);
    let set = with_other_mailboxes(&own, &theirs);
    let names: BTreeSet<_> = own.associations.keys().chain(theirs.associations.keys()).collect();
    let compared = names.into_iter().map(|name| {
        let (here, there) = (own.associations.get(name), theirs.associations.get(name));
        // Of one that only one of them has, all of it differs: `here` and `in_etcd` say so.
        let parts = here.zip(there).map_or_else(Vec::new, |(here, there)| parts(here, there, set.contains(name)));
        let state = |side: Option<&Association>| side.map(|association| association.state);
        DisputedAssociation { name: name.clone(), here: state(here), in_etcd: state(there), parts }
    });
    let mut all: Vec<_> = compared.filter(|one| one.here != one.in_etcd || !one.parts.is_empty()).collect();
    all.sort_by_key(|one| (one.here.is_some() && one.in_etcd.is_some(), one.here == one.in_etcd));
    let inactive = theirs.associations.values().filter(|association| association.state != State::Active);
    let states = inactive.flat_map(|association| association.all_domains().map(|domain| (domain.clone(), association.state)));
    Ok(Dispute { over: all, states: states.collect() })
}

/// Whose mailboxes have something of their own that the other side does not say.
fn with_other_mailboxes(own: &FollowedBook, theirs: &FollowedBook) -> BTreeSet<Name> {
    let owners = [own, theirs].map(|side| {
        let domains = side.associations.iter().flat_map(|(name, one)| one.all_domains().map(move |domain| (domain, name)));
        domains.collect::<BTreeMap<&Domain, &Name>>()
    });
    let differs = |address: &&Address| own.owns.get(*address) != theirs.owns.get(*address);
    let differing = own.owns.keys().chain(theirs.owns.keys()).filter(differs);
    differing
        .flat_map(|address| owners.iter().filter_map(|owner| owner.get(address.domain())))
        .map(|name| (*name).clone())
        .collect()
}

fn parts(here: &Association, there: &Association, has_other_mailboxes: bool) -> Vec<DisputedPart> {
    let Association { name: _, settings, aliases, lent, borrowed } = here;
    // The state is shown itself.
    let Settings { domains, domain_aliases, storage, messages, mailboxes, mailbox_default, .. } = settings;
    let Settings { state: _, contact, lang, sender_rule, sending, backend, grants, .. } = settings;
    let is_as_limited = (storage, messages, mailboxes, mailbox_default, grants)
        == (&there.storage, &there.messages, &there.mailboxes, &there.mailbox_default, &there.grants);
    let found = [
        (DisputedPart::Domains, (domains, domain_aliases) != (&there.domains, &there.domain_aliases)),
        (DisputedPart::Limits, !is_as_limited),
        (DisputedPart::Sending, (sender_rule, sending) != (&there.sender_rule, &there.sending)),
        (DisputedPart::Aliases, *aliases != there.aliases),
        (DisputedPart::Mailboxes, has_other_mailboxes),
        (DisputedPart::Loans, (lent, borrowed) != (&there.lent, &there.borrowed)),
        (DisputedPart::Rest, (contact, lang, backend) != (&there.contact, &there.lang, &there.backend)),
    ];
    found.into_iter().filter(|(_, differs)| *differs).map(|(part, _)| part).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::quota::{Book, BookParams, Day, Edit, Grant, Limit, MailboxEdit, SendingSwitch};
    use crate::store::{MemoryStore, RecordChange, Store, shareable};

    struct Side(Arc<MemoryStore>);

    /// Three associations, and what a test does to them.
    fn side(work: impl FnOnce(&Book)) -> Side {
        let files = Arc::new(MemoryStore::new());
        let book = Book::open(files.clone(), BookParams::default()).unwrap();
        for name in ["velo", "jardin", "ferme"] {
            let new = Association::new(self::name(name), [Domain::parse(&format!("{name}.example")).unwrap()]);
            assert!(book.add_association(new, today()).is_ok());
        }
        work(&book);
        Side(files)
    }

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    fn today() -> Day {
        Day::from_unix(0)
    }

    fn at(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    fn records(side: &Side) -> Vec<Record> {
        shareable(side.0.scan("").unwrap())
    }

    fn told(one: &Side, two: &Side) -> Vec<String> {
        let text = |state: Option<State>| state.map_or("none", State::word);
        let parts = |parts: &[DisputedPart]| parts.iter().map(|part| part.word()).collect::<Vec<_>>().join(" ");
        let line = |one: &DisputedAssociation| {
            format!("{} {} {} {}", one.name.reveal(), text(one.here), text(one.in_etcd), parts(&one.parts))
        };
        disputed(&records(one), &records(two)).unwrap().over.iter().map(line).collect()
    }

    fn edit(book: &Book, name: &str, edit: Edit) {
        assert!(book.set_association(&self::name(name), &edit, today()).is_ok());
    }

    #[test]
    fn each_kind_of_difference_is_named_and_nothing_else() {
        let plain = side(|_| {});
        assert!(told(&plain, &side(|_| {})).is_empty());
        let changed = side(|book| {
            assert!(book.remove_association(&name("ferme"), false, today()).is_ok());
            assert!(
                book.add_association(Association::new(name("bois"), [Domain::parse("bois.example").unwrap()]), today()).is_ok()
            );
            edit(book, "velo", Edit { state: State::Suspended.into(), storage: Some(Limit::At(1 << 20)), ..Edit::default() });
        });
        let wanted = ["bois active none ", "ferme none active ", "velo suspended active limits"];
        assert_eq!(told(&changed, &plain), wanted);
        assert_eq!(told(&plain, &changed), ["bois none active ", "ferme active none ", "velo active suspended limits"]);
        let finer = side(|book| {
            let set_aliases = vec![(at("all@velo.example"), [at("a@velo.example")].into())];
            edit(
                book,
                "velo",
                Edit { set_aliases, add_domains: vec![Domain::parse("roue.example").unwrap()], ..Edit::default() },
            );
            let own = MailboxEdit { sending: Some(SendingSwitch::Off), ..MailboxEdit::default() };
            assert!(book.edit_mailbox(&at("b@ferme.example"), own, today()).is_ok());
            edit(book, "ferme", Edit { contact: Some(at("eva@elsewhere.example")), ..Edit::default() });
            edit(book, "jardin", Edit { storage: Some(Limit::At(1 << 20)), ..Edit::default() });
            edit(book, "velo", Edit { storage: Some(Limit::At(1 << 20)), ..Edit::default() });
            let loan = Grant { octets: 1000, until: Day::parse("1971-01-01").unwrap() };
            assert!(book.lend(&name("velo"), &name("jardin"), loan, today()).is_ok());
        });
        let wanted = [
            "ferme active active mailboxes rest",
            "jardin active active limits loans",
            "velo active active domains limits aliases loans",
        ];
        assert_eq!(told(&finer, &plain), wanted);
        assert_eq!(told(&plain, &finer), wanted);
        // Neither a person nor an address.
        let found = disputed(&records(&finer), &records(&plain)).unwrap().over;
        assert!(!serde_json::to_string(&found).unwrap().contains('@'));
    }

    /// By domain: there, it may be another association's.
    #[test]
    fn who_is_suspended_there_is_so_whatever_the_association_is_called() {
        let domain = |name: &str| Domain::parse(&format!("{name}.example")).unwrap();
        let there = side(|book| {
            edit(book, "velo", Edit { state: State::Suspended.into(), add_domains: vec![domain("roue")], ..Edit::default() });
            edit(
                book,
                "jardin",
                Edit { state: State::LeavingUntil(Day::parse("1971-01-01").unwrap()).into(), ..Edit::default() },
            );
        });
        let here = side(|book| edit(book, "ferme", Edit { add_domains: vec![domain("roue")], ..Edit::default() }));
        let dispute = disputed(&records(&here), &records(&there)).unwrap();
        let suspended = |name: &str, day| dispute.suspends(&domain(name), Day::parse(day).unwrap());
        let days = ["1970-12-31", "1971-01-02"];
        let of = |name: &str| days.map(|day| suspended(name, day));
        assert_eq!(["velo", "roue", "jardin", "ferme"].map(of), [[true; 2], [true; 2], [false, true], [false; 2]]);
    }

    #[test]
    fn what_is_in_force_nowhere_is_no_difference_of_an_association() {
        let (one, two) = (side(|_| {}), side(|_| {}));
        let odd = RecordChange::put("mailbox/x@nobody.example".to_owned(), b"{\"sending\":\"off\"}".to_vec());
        assert!(one.0.transact(&[odd]).is_ok() && records(&one) != records(&two));
        assert!(told(&one, &two).is_empty() && told(&two, &one).is_empty());
    }
}
