//! `[share]` in the config file: one of several nodes that all take clients (docs/many-nodes.md).

use std::path::PathBuf;

use super::listen::Listen;
use super::reader::{Found, Reader, Section};
use crate::event::BackendService;
use crate::node::is_name;
use crate::route::{Backend, Backends, Endpoint, Security, Unusable};
use crate::serve::Service;

/// See the head of the file.
#[derive(Clone, PartialEq, Eq)]
pub struct ShareSettings {
    /// This node.
    pub name: String,
    /// The members of etcd.
    pub etcd: Vec<Endpoint>,
    /// Who signs the certificates of the nodes and of etcd.
    pub authority: PathBuf,
    /// This node's chain, and its key.
    pub certificate: PathBuf,
    /// See `certificate`.
    pub key: PathBuf,
}

/// What stands there; and the backends with the other nodes beside them.
pub(super) fn share(
    reader: &mut Reader<'_>,
    root: &mut Section<'_>,
    listens: &[Listen],
    backends: Option<Backends>,
) -> (Option<ShareSettings>, Option<Backends>) {
    let names: Vec<_> = backends.iter().flat_map(Backends::names).collect();
    let (share, fellows) = section(reader, root, &names);
    if share.is_none() && listens.iter().any(|listen| listen.service.is_of_the_nodes()) {
        reader.problem(0..0, "share", "is missing: there is a listener for other nodes");
    }
    if share.is_some() && listens.iter().any(|listen| listen.service == Service::Node) {
        reader.problem(0..0, "share", "and a listener for node: a machine is one of a pair, or one of several nodes");
    }
    (share, backends.map(|backends| backends.beside(fellows)))
}

fn section(reader: &mut Reader<'_>, root: &mut Section<'_>, backends: &[&str]) -> (Option<ShareSettings>, Vec<Backend>) {
    let mut section = root.section(reader, "share");
    let (place, name) = (section.place(), section.text(reader, "name"));
    let members = section.texts(reader, "etcd");
    let [authority, certificate, key] =
        ["authority", "certificate", "key"].map(|key| section.text(reader, key).map(|found| PathBuf::from(found.value)));
    let nodes = section.sections(reader, "node");
    section.end(reader);
    let mut fellows: Vec<Backend> = Vec::new();
    for node in nodes {
        let place = node.place();
        let Some(fellow) = fellow(reader, node) else { continue };
        let is_own = name.as_ref().is_some_and(|own| *own.value == *fellow.name);
        if is_own || fellows.iter().any(|other| other.name == fellow.name) || backends.contains(&&*fellow.name) {
            reader.wrong(&place, "has a name that this node, another node or a backend has");
        }
        fellows.push(fellow);
    }
    let parts = (name, authority, certificate, key);
    let (Some(name), Some(authority), Some(certificate), Some(key)) = parts else {
        let is_there = parts.0.is_some() || parts.1.is_some() || parts.2.is_some() || parts.3.is_some();
        if is_there || !members.is_empty() || !fellows.is_empty() {
            reader.wrong(&place, "needs name, etcd, authority, certificate and key");
        }
        return (None, Vec::new());
    };
    if !is_name(&name.value) {
        reader.wrong(&name, "must have small letters, digits and -, and at most 32 of them");
    }
    if members.is_empty() {
        reader.wrong(&place, "needs etcd, with the URL of each member");
    }
    let etcd = members.iter().filter_map(|url| member(reader, url)).collect();
    (Some(ShareSettings { name: name.value, etcd, authority, certificate, key }), fellows)
}

fn member(reader: &mut Reader<'_>, url: &Found<String>) -> Option<Endpoint> {
    let wrong = match Endpoint::parse(&url.value, "http") {
        Ok(endpoint) if endpoint.security != Security::StartTls => return Some(endpoint),
        Err(Unusable::PlainToElsewhere) => "goes to another machine: use https://",
        Ok(_) | Err(Unusable::Scheme | Unusable::Place) => "must be like https://etcd-1.nolog.example:2379",
    };
    reader.wrong(url, wrong);
    None
}

/// Another node: what its listeners share-imap and share-lmtp are reached by.
fn fellow(reader: &mut Reader<'_>, mut section: Section<'_>) -> Option<Backend> {
    let name = section.needed(reader, "name");
    let imap = section.needed(reader, "imap");
    let lmtp = section.needed(reader, "lmtp");
    section.end(reader);
    let (name, imap, lmtp) = (name?, imap?, lmtp?);
    let mut endpoint = |url: &Found<String>, scheme: &str| match Endpoint::parse(&url.value, scheme) {
        Ok(endpoint) if endpoint.security == Security::Implicit => Some(endpoint),
        _ => {
            reader.wrong(
                url,
                &format!("must be {scheme}s://HOST:PORT: between nodes there is TLS, with certificates on both sides"),
            );
            None
        }
    };
    let (imap, lmtp) = (endpoint(&imap, "imap"), endpoint(&lmtp, "lmtp"));
    Some(Backend::new(&name.value, imap?).with(BackendService::Lmtp, lmtp?))
}
