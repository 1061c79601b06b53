//! `status`: what runs, what it does not enforce, and how full the associations are. No sessions, no rates, no times.

use std::cmp::Reverse;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};

use super::show;
use crate::quota::{AssociationView, Book, Day};
use crate::route::Backends;

/// What does not change while the daemon runs.
#[derive(Clone, Default)]
pub struct Host {
    /// The listeners, in the order of the config file.
    pub listeners: Vec<ListenerStatus>,
    /// Rules that this kernel or this start does not enforce, in words.
    pub not_enforced: Vec<String>,
    /// The same rules, each by its word.
    pub missing: Vec<&'static str>,
    /// Rules that the policy folder loosened.
    pub loosened: Vec<String>,
    /// The fingerprint of the policy.
    pub policy: String,
    /// Outputs (1, 2) that are kept on a disk.
    pub kept_outputs: Vec<u64>,
    /// Outputs (1, 2) that end in another program.
    pub lost_outputs: Vec<u64>,
    /// The certificates; none where no listener uses TLS.
    pub certificates: Option<Certificates>,
}

/// How the certificates stand whenever that is asked.
pub type Certificates = Arc<dyn Fn() -> Vec<CertificateStatus> + Send + Sync>;

/// How the certificate of one folder stands.
#[derive(Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CertificateStatus {
    /// The folder's name.
    pub name: String,
    /// Whole days that the one in force is still valid, below zero when it is over; none where that is not known.
    pub days: Option<i64>,
    /// Whether any is in force.
    pub in_force: bool,
    /// What is wrong with the files that are there now.
    pub broken: Option<&'static str>,
}

/// A listener as the config file has it.
#[derive(Clone, PartialEq, Eq)]
pub struct ListenerStatus {
    /// `imap`, `submission` ...
    pub service: &'static str,
    /// `ADDRESS:PORT` or `unix:PATH`.
    pub address: String,
    /// `implicit`, `starttls`, `none`.
    pub tls: &'static str,
}

/// The answer to `status`; the fullest association comes first.
pub(super) fn status(host: &Host, book: &Book, backends: &Backends, today: Day) -> Value {
    let mut views = book.associations(today);
    views.sort_by_cached_key(|view| (Reverse(show::percent(view).as_u64()), view.association.name.clone()));
    let listener =
        |listener: &ListenerStatus| json!({ "service": listener.service, "address": listener.address, "tls": listener.tls });
    let mailboxes: u64 = views.iter().map(|view| view.mailboxes).sum();
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "listeners": host.listeners.iter().map(listener).collect::<Vec<_>>(),
        "backends": backends.names().collect::<Vec<_>>(),
        "client-hints": backends.hinted().collect::<Vec<_>>(),
        "not-enforced": host.not_enforced,
        "missing": host.missing,
        "policy": host.policy,
        "kept-outputs": host.kept_outputs,
        "lost-outputs": host.lost_outputs,
        "loosened": host.loosened,
        "certificates": host.certificates.as_ref().map_or_else(Vec::new, |standing| standing()),
        "store-unwritable": book.is_unwritable(),
        "mailboxes": mailboxes,
        "pushed": book.pushed_mailboxes(),
        "associations": views.iter().map(line).collect::<Vec<_>>(),
    })
}

fn line(view: &AssociationView) -> Value {
    let mut shown = show::association(view);
    let state = shown.pointer_mut("/settings/state").map(Value::take);
    json!({ "name": view.association.name.reveal(), "state": state, "fill": shown.get_mut("fill").map(Value::take) })
}
