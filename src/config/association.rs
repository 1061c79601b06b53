//! `[[association]]` in the config file: read at the first start and written into the book, where they live from then on.

use std::collections::{BTreeMap, BTreeSet};

use super::reader::{Found, Reader, Section, choice};
use crate::event::{Event, emit};
use crate::fault::Lang;
use crate::private::{Address, Domain};
use crate::quota::{AdminError, Association, Book, Limit, Name, SenderRule, parse_size};
use crate::route::Backends;
use crate::serve::clock::today;

/// All of them. What is wrong is told to `reader`.
pub(super) fn associations(reader: &mut Reader<'_>, root: &mut Section<'_>, backends: Option<&Backends>) -> Vec<Association> {
    let mut associations: Vec<Association> = Vec::new();
    for section in root.sections(reader, "association") {
        let place = section.place();
        let Some(new) = association(reader, section, backends) else { continue };
        if associations.iter().any(|other| other.name == new.name) {
            reader.wrong(&place, "has a name that another association has");
        }
        let taken = |domain: &Domain| associations.iter().any(|other| other.domains.contains(domain));
        if new.domains.iter().any(taken) {
            reader.wrong(&place, "has a domain that belongs to another association");
        }
        match new.check() {
            // Told with the list of domains already.
            Ok(()) | Err(AdminError::NoDomain) => {}
            Err(why) => reader.wrong(&place, why.text()),
        }
        associations.push(new);
    }
    associations
}

/// Says how many associations of the file are new to the book, in whole or by a domain: after the first start nobody reads them there.
pub fn tell_unread(associations: &[Association], book: &Book) {
    let known = book.associations(today());
    let has = |domain: &Domain| known.iter().any(|view| view.association.all_domains().any(|own| own == domain));
    let named = |name: &Name| known.iter().any(|view| view.association.name == *name);
    let unread = associations.iter().filter(|new| !named(&new.name) || !new.all_domains().all(has)).count();
    if unread > 0 {
        emit(Event::AssociationsUnread { associations: unread as u64 });
    }
}

/// Says how many mailboxes are at a backend that is none of `backends`. The file is taken all the same: they wait, and lose nothing, and all
/// others must not wait with them.
pub fn tell_astray(backends: &Backends, book: &Book) {
    let mailboxes = book.placed().astray(backends.names());
    if mailboxes > 0 {
        emit(Event::BackendMissing { mailboxes });
    }
}

fn association(reader: &mut Reader<'_>, mut section: Section<'_>, backends: Option<&Backends>) -> Option<Association> {
    let name = section.needed(reader, "name");
    let place = section.place();
    let domains = domains(reader, &mut section);
    if domains.is_empty() {
        reader.wrong(&place, "needs domains = [...] with at least one");
    }
    let backend = section.text(reader, "backend");
    let senders = section.text(reader, "senders");
    let lang = section.text(reader, "lang");
    let contact = section.text(reader, "contact");
    let storage = size(reader, &mut section, "storage");
    let mailbox_default = size(reader, &mut section, "mailbox_default");
    let mailboxes = section.number(reader, "mailboxes", u64::MAX);
    let messages = section.number(reader, "messages", u64::MAX);
    let aliases = aliases(reader, &mut section);
    section.end(reader);

    let name = name.and_then(|found| {
        let name = Name::parse(&found.value);
        if name.is_none() {
            reader.wrong(&found, "must be letters, digits, `-`, `_` and `.`, 64 at most");
        }
        name
    });
    if let Some(found) = &backend
        && backends.is_some_and(|backends| backends.find(Some(&found.value)).is_none())
    {
        reader.wrong(found, "names a backend that is not in this file");
    }
    let contact = contact.and_then(|found| address(reader, &found));
    let counted = |number: Option<u64>| number.map_or(Limit::None, Limit::At);
    let mut new = Association::new(name?, domains);
    new.backend = backend.map(|found| found.value.into());
    new.sender_rule = choice(reader, senders, &words(SenderRule::ALL, SenderRule::word)).unwrap_or_default();
    new.lang = choice(reader, lang, &words(Lang::ALL, Lang::word)).unwrap_or(Lang::En);
    new.contact = contact;
    (new.storage, new.mailbox_default) = (storage, mailbox_default);
    (new.mailboxes, new.messages) = (counted(mailboxes), counted(messages));
    new.aliases = aliases;
    Some(new)
}

fn words<T: Copy>(all: &[T], word: fn(T) -> &'static str) -> Vec<(&'static str, T)> {
    all.iter().map(|one| (word(*one), *one)).collect()
}

fn domains(reader: &mut Reader<'_>, section: &mut Section<'_>) -> BTreeSet<Domain> {
    let mut domains = BTreeSet::new();
    for found in section.texts(reader, "domains") {
        match Domain::parse(&found.value) {
            Some(domain) if domains.insert(domain.clone()) => {
                if !domain.has_dot() {
                    reader.wrong(&found, "is no domain: it has no dot");
                }
            }
            Some(_) => reader.wrong(&found, "stands twice"),
            None => reader.wrong(&found, "is no domain"),
        }
    }
    domains
}

fn size(reader: &mut Reader<'_>, section: &mut Section<'_>, name: &str) -> Limit {
    let Some(found) = section.text(reader, name) else { return Limit::None };
    match parse_size(&found.value) {
        Ok(octets) => Limit::At(octets),
        Err(why) => {
            reader.wrong(&found, why.text());
            Limit::None
        }
    }
}

fn aliases(reader: &mut Reader<'_>, section: &mut Section<'_>) -> BTreeMap<Address, BTreeSet<Address>> {
    let mut aliases = BTreeMap::new();
    for mut section in section.sections(reader, "alias") {
        let alias = section.needed(reader, "address");
        let mailboxes = section.texts(reader, "mailboxes");
        section.end(reader);
        let mailboxes: BTreeSet<_> = mailboxes.iter().filter_map(|found| address(reader, found)).collect();
        if let Some(alias) = alias.as_ref().and_then(|found| address(reader, found)) {
            aliases.insert(alias, mailboxes);
        }
    }
    aliases
}

fn address(reader: &mut Reader<'_>, found: &Found<String>) -> Option<Address> {
    let address = Address::parse(&found.value);
    if address.is_none() {
        reader.wrong(found, "is no mail address");
    }
    address
}
