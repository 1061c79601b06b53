//! `[[backend]]` in the config file: the mail servers behind.

use super::reader::{Found, Reader, Section, choice};
use crate::event::BackendService;
use crate::route::{AuthBy, Backend, Backends, ClientHint, Endpoint, Unusable, scheme};

/// All of them. Each must have what is `needed` by the listeners that there are.
pub(super) fn backends(reader: &mut Reader<'_>, root: &mut Section<'_>, needed: &[BackendService]) -> Option<Backends> {
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

fn backend(reader: &mut Reader<'_>, mut section: Section<'_>, needed: &[BackendService]) -> (Option<Backend>, bool) {
    let name = section.needed(reader, "name");
    let imap = section.needed(reader, BackendService::Imap.word());
    let beside = BackendService::ALL.iter().filter(|service| **service != BackendService::Imap);
    let beside: Vec<_> = beside.map(|service| (*service, section.text(reader, service.word()))).collect();
    let auth = section.text(reader, "auth");
    let hint = section.text(reader, "client_hint");
    let default = section.flag(reader, "default");
    // Otherwise its mail would be deferred for days before anybody sees why.
    for (service, _) in beside.iter().filter(|(service, url)| url.is_none() && needed.contains(service)) {
        let (word, whom) = (service.word(), if *service == BackendService::Lmtp { "mail" } else { "members" });
        let text = format!("is missing: the {word} listener passes {whom} on to every backend");
        reader.problem(section.place().span, &format!("backend.{word}"), &text);
    }
    section.end(reader);
    let imap = imap.and_then(|url| endpoint(reader, &url, BackendService::Imap));
    let mut endpoints = Vec::new();
    for (service, url) in beside {
        endpoints.extend(url.and_then(|url| endpoint(reader, &url, service)).map(|endpoint| (service, endpoint)));
    }
    let auth = match auth {
        None => Some(AuthBy::Imap),
        auth => choice(reader, auth, &[("imap", AuthBy::Imap), ("relay", AuthBy::Relay)]),
    };
    let hints = [("none", ClientHint::None), ("pseudonym", ClientHint::Pseudonym)];
    let hint = choice(reader, hint, &hints).unwrap_or_default();
    let (Some(name), Some(imap), Some(auth)) = (name, imap, auth) else { return (None, default) };
    let mut backend = Backend::new(&name.value, imap);
    (backend.auth, backend.hint) = (auth, hint);
    (Some(endpoints.into_iter().fold(backend, |backend, (service, at)| backend.with(service, at))), default)
}

fn endpoint(reader: &mut Reader<'_>, url: &Found<String>, service: BackendService) -> Option<Endpoint> {
    let scheme = scheme(service);
    let text = match Endpoint::parse(&url.value, scheme) {
        Ok(endpoint) => return Some(endpoint),
        Err(Unusable::Scheme) => format!("must begin with {scheme}://, {scheme}+starttls://, {scheme}s:// or unix:"),
        Err(Unusable::Place) => "must have a host and a port".to_owned(),
        Err(Unusable::PlainToElsewhere) => format!("goes to another machine: use {scheme}s:// or {scheme}+starttls://"),
    };
    reader.wrong(url, &text);
    None
}
