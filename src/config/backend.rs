//! `[[backend]]` in the config file: the mail servers behind.

use super::reader::{Found, Reader, Section, choice};
use crate::route::{AuthBy, Backend, Backends, ClientHint, Endpoint, Unusable};

/// What every backend needs for the listeners that there are.
#[derive(Clone, Copy)]
pub(super) struct Needed {
    pub(super) lmtp: bool,
    pub(super) pop3: bool,
    pub(super) sieve: bool,
}

pub(super) fn backends(reader: &mut Reader<'_>, root: &mut Section<'_>, needed: Needed) -> Option<Backends> {
    let mut backends: Vec<Backend> = Vec::new();
    let mut default = None;
    let sections = root.sections(reader, "backend");
    if sections.is_empty() {
        reader.problem(0..0, "backend", "is missing: at least one [[backend]] is needed");
    }
    // With a backend that cannot be used, nobody can say which names are wrong.
    let mut complete = true;
    for section in sections {
        let place = section.place();
        let (backend, is_default) = backend(reader, section, needed);
        let Some(backend) = backend else {
            complete = false;
            continue;
        };
        if backends.iter().any(|other| other.name == backend.name) {
            reader.wrong(&place, "has a name that another backend has");
        }
        if is_default && default.replace(backends.len()).is_some() {
            reader.wrong(&place, "is a second default; one backend can be it");
        }
        backends.push(backend);
    }
    (complete && !backends.is_empty()).then(|| Backends::new(backends, default.unwrap_or(0)))
}

fn backend(reader: &mut Reader<'_>, mut section: Section<'_>, needed: Needed) -> (Option<Backend>, bool) {
    let name = section.needed(reader, "name");
    let imap = section.needed(reader, "imap");
    let pop3 = section.text(reader, "pop3");
    let sieve = section.text(reader, "sieve");
    let lmtp = section.text(reader, "lmtp");
    let relay = section.text(reader, "relay");
    let auth = section.text(reader, "auth");
    let hint = section.text(reader, "client_hint");
    let default = section.flag(reader, "default");
    // Otherwise its mail would be deferred for days before anybody sees why.
    if needed.lmtp && lmtp.is_none() {
        let place = section.place();
        reader.problem(place.span, "backend.lmtp", "is missing: the lmtp listener passes mail on to every backend");
    }
    if needed.pop3 && pop3.is_none() {
        let place = section.place();
        reader.problem(place.span, "backend.pop3", "is missing: the pop3 listener passes members on to every backend");
    }
    if needed.sieve && sieve.is_none() {
        let place = section.place();
        reader.problem(place.span, "backend.sieve", "is missing: the sieve listener passes members on to every backend");
    }
    section.end(reader);
    let imap = imap.and_then(|url| endpoint(reader, &url, "imap"));
    let pop3 = pop3.and_then(|url| endpoint(reader, &url, "pop3"));
    let sieve = sieve.and_then(|url| endpoint(reader, &url, "sieve"));
    let lmtp = lmtp.and_then(|url| endpoint(reader, &url, "lmtp"));
    let relay = relay.and_then(|url| endpoint(reader, &url, "smtp"));
    let auth = match auth {
        None => Some(AuthBy::Imap),
        auth => choice(reader, auth, &[("imap", AuthBy::Imap), ("relay", AuthBy::Relay)]),
    };
    let hints = [("none", ClientHint::None), ("pseudonym", ClientHint::Pseudonym)];
    let hint = choice(reader, hint, &hints).unwrap_or_default();
    let (Some(name), Some(imap), Some(auth)) = (name, imap, auth) else { return (None, default) };
    (Some(Backend { name: name.value.into(), imap, pop3, sieve, lmtp, relay, auth, hint }), default)
}

fn endpoint(reader: &mut Reader<'_>, url: &Found<String>, scheme: &str) -> Option<Endpoint> {
    let text = match Endpoint::parse(&url.value, scheme) {
        Ok(endpoint) => return Some(endpoint),
        Err(Unusable::Scheme) => format!("must begin with {scheme}://, {scheme}+starttls://, {scheme}s:// or unix:"),
        Err(Unusable::Place) => "must have a host and a port".to_owned(),
        Err(Unusable::PlainToElsewhere) => format!("goes to another machine: use {scheme}s:// or {scheme}+starttls://"),
    };
    reader.wrong(url, &text);
    None
}
