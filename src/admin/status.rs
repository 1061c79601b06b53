//! `status`: what runs, what it does not enforce, and how full the associations are. No sessions, no rates, no times.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use clap::Args;
use serde::{Deserialize, Serialize};

use super::association_rows;
use super::association_shown::FillShown;
use super::doubt::{self, OldNumbers};
use super::layout::{Canvas, counted, table};
use super::node::NodeTold;
use super::{AdminCommand, Audience, CertificateStatus, Executor, ListenerStatus, Moment, NotDone, ServerStatus};
use crate::private::revealed;
use crate::quota::{Name, State};
use crate::share::Bar;
use crate::words::nullable;

/// `status`.
#[derive(Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShowStatus {}

/// What runs. What is none is known where the book is, and here it is not: this is a machine that waits.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct StatusTold {
    pub(crate) version: String,
    /// In the order of the config file.
    pub listeners: Vec<ListenerStatus>,
    #[serde(deserialize_with = "nullable")]
    backends: Option<Vec<String>>,
    /// As their last connections went.
    #[serde(deserialize_with = "nullable")]
    pub(crate) servers: Option<Vec<ServerStatus>>,
    #[serde(deserialize_with = "nullable")]
    client_hints: Option<Vec<String>>,
    pub(crate) not_enforced: Vec<String>,
    missing: Vec<String>,
    policy: String,
    kept_outputs: Vec<u64>,
    lost_outputs: Vec<u64>,
    pub(crate) loosened: Vec<String>,
    #[serde(deserialize_with = "nullable")]
    pub(crate) certificates: Option<Vec<CertificateStatus>>,
    /// The disk took nothing at the last try.
    #[serde(deserialize_with = "nullable")]
    pub(crate) store_unwritable: Option<bool>,
    /// Where this is one of two machines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) node: Option<NodeTold>,
    /// Where this is one of several nodes, and judges nothing: why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) judges_nothing: Option<Bar>,
    #[serde(deserialize_with = "nullable")]
    pub(crate) mailboxes: Option<u64>,
    /// How many of them are at which backend, as it is named; those at the default one, which nobody named, are left out.
    #[serde(deserialize_with = "nullable")]
    pub(crate) placed: Option<BTreeMap<String, u64>>,
    /// Mailboxes that are at none for the moment (`mailbox move --nowhere`).
    #[serde(deserialize_with = "nullable")]
    pub(crate) on_their_way: Option<u64>,
    /// Of how many mailboxes the backend pushes the usage, as last settled.
    #[serde(deserialize_with = "nullable")]
    pub pushed: Option<u64>,
    #[serde(deserialize_with = "nullable")]
    pub(crate) incidents: Option<u64>,
    /// Accounts and networks that are slowed now because of wrong passwords: `blocks list`.
    #[serde(deserialize_with = "nullable")]
    pub(crate) slowed_accounts: Option<u64>,
    #[serde(deserialize_with = "nullable")]
    pub(crate) slowed_networks: Option<u64>,
    /// The fullest one comes first.
    #[serde(deserialize_with = "nullable")]
    pub(crate) associations: Option<Vec<StatusLine>>,
    /// Of several nodes, another one judges these, and their numbers here are old.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) old: Vec<OldNumbers>,
}

/// One association.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StatusLine {
    #[serde(with = "revealed")]
    pub(crate) name: Name,
    pub(crate) state: State,
    pub(crate) fill: FillShown,
}

impl AdminCommand for ShowStatus {
    const WORD: &'static str = "status";
    const LOOKS: bool = true;
    type Told = StatusTold;

    fn audience(&self) -> Audience<'_> {
        Audience::Admins
    }

    fn carry_out(&self, executor: &Executor, at: &Moment<'_>) -> Result<StatusTold, NotDone> {
        let waits = StatusTold::without_book(executor);
        if executor.is_waiting {
            return Ok(waits);
        }
        let (host, book, slowed) = (&executor.host, &executor.book, executor.limits.slowed());
        let (views, placed) = (book.associations(at.today), book.placed());
        let line =
            |view| StatusLine { fill: FillShown::of(view), name: view.association.name.clone(), state: view.association.state };
        let mut associations: Vec<_> = views.iter().map(line).collect();
        associations.sort_by(|one, two| (Reverse(one.fill.percent), &one.name).cmp(&(Reverse(two.fill.percent), &two.name)));
        Ok(StatusTold {
            backends: Some(at.backends.names().map(Into::into).collect()),
            servers: Some(at.servers.to_vec()),
            client_hints: Some(at.backends.hinted().map(Into::into).collect()),
            certificates: Some(host.certificates.as_ref().map_or_else(Vec::new, |standing| standing())),
            store_unwritable: Some(book.is_unwritable()),
            mailboxes: Some(associations.iter().map(|line| line.fill.mailboxes).sum()),
            on_their_way: Some(placed.on_their_way),
            placed: Some(placed.at.into_iter().map(|(name, mailboxes)| (name.into(), mailboxes)).collect()),
            pushed: Some(book.pushed_mailboxes()),
            incidents: Some(executor.incidents.list(at.now).len() as u64),
            slowed_accounts: Some(slowed.accounts() as u64),
            slowed_networks: Some(slowed.networks as u64),
            associations: Some(associations),
            old: executor.old_numbers(None),
            ..waits
        })
    }

    fn print(told: &StatusTold) -> String {
        daemon(told) + &host(told, |table, _| table)
    }

    fn draw(told: &StatusTold, canvas: Canvas) -> String {
        daemon(told) + &host(told, |table, percents| canvas.with_bars(&table, percents.into_iter()))
    }
}

impl StatusTold {
    /// What is so whoever judges.
    fn without_book(executor: &Executor) -> StatusTold {
        let host = &executor.host;
        StatusTold {
            version: env!("CARGO_PKG_VERSION").into(),
            listeners: host.listeners.clone(),
            backends: None,
            servers: None,
            client_hints: None,
            not_enforced: host.not_enforced.clone(),
            missing: host.missing.iter().copied().map(Into::into).collect(),
            policy: host.policy.clone(),
            kept_outputs: host.kept_outputs.clone(),
            lost_outputs: host.lost_outputs.clone(),
            loosened: host.loosened.clone(),
            certificates: None,
            store_unwritable: None,
            node: executor.node.as_ref().map(|node| node.told()),
            judges_nothing: executor.share.as_ref().and_then(|share| share.why_not()),
            mailboxes: None,
            placed: None,
            on_their_way: None,
            pushed: None,
            incidents: None,
            slowed_accounts: None,
            slowed_networks: None,
            associations: None,
            old: Vec::new(),
        }
    }
}

/// All but the associations.
fn daemon(told: &StatusTold) -> String {
    let mut text = format!("nologd {}\n", told.version);
    for listener in &told.listeners {
        let tls = match listener.tls.as_str() {
            "implicit" => "TLS",
            "by-alpn" => "TLS, by ALPN",
            "starttls" => "STARTTLS",
            _ => "no TLS: local",
        };
        text.push_str(&format!("    {:18}  {}  ({tls})\n", listener.service, listener.address));
    }
    for backend in told.backends.iter().flatten() {
        text.push_str(&format!("    backend             {backend}: {}\n", servers(told, backend)));
    }
    text.push_str(&strays(told));
    text.push_str(&format!("    policy              {}\n", told.policy));
    if let Some(node) = &told.node {
        text.push_str(&node.print());
    }
    if let Some(bar) = told.judges_nothing {
        text.push_str(&format!("    several nodes       this one judges NOTHING ({}): nologd share show\n", bar.word()));
    }
    if told.store_unwritable == Some(true) {
        text.push_str("    store               cannot be written: mail goes on, changes are refused (STORE-UNWRITABLE)\n");
    }
    for (outputs, end) in [(&told.kept_outputs, "is kept on a disk"), (&told.lost_outputs, "ends in another program")] {
        for output in outputs {
            let output = if *output == 1 { "standard output" } else { "standard error" };
            text.push_str(&format!("    {output} {end}\n"));
        }
    }
    for one in told.certificates.iter().flatten() {
        text.push_str(&format!("    certificate         {}\n", certificate(one)));
    }
    let pushed = told.pushed.map(|pushed| match pushed {
        0 => "never since the start".to_owned(),
        mailboxes => format!("yes, {}", counted(mailboxes, "mailbox")),
    });
    text.extend(pushed.map(|pushed| format!("    usage pushed        {pushed}\n")));
    if let Some(hinted) = told.client_hints.as_ref().filter(|hinted| !hinted.is_empty()) {
        let hinted = hinted.join(", ");
        text.push_str(&format!("    client hints        {hinted} (a made-up address for each client, another one every hour)\n"));
    }
    if let Some(mailboxes @ 1..) = told.incidents {
        text.push_str(&format!("    incident mode       on for {}\n", counted(mailboxes, "mailbox")));
    }
    if let Some((accounts, networks)) = told.slowed_accounts.zip(told.slowed_networks)
        && accounts + networks > 0
    {
        let (accounts, networks) = (counted(accounts, "account"), counted(networks, "network"));
        text.push_str(&format!("    slowed              {accounts}, {networks} (wrong passwords: nologd blocks list)\n"));
    }
    text.push_str(&rules("Not enforced here", &told.not_enforced));
    text.push_str(&rules("Loosened by the policy folder", &told.loosened));
    text
}

/// Mailboxes that nobody can reach: what they are at is not in the config, or they are at none.
fn strays(told: &StatusTold) -> String {
    let mut text = String::new();
    for (name, mailboxes) in told.placed.iter().flatten() {
        if told.backends.as_ref().is_some_and(|backends| !backends.contains(name)) {
            let mailboxes = counted(*mailboxes, "mailbox");
            text.push_str(&format!(
                "    backend             {name}: NOT in the config; {mailboxes}: no login, and mail waits (BACKEND-DOWN)\n"
            ));
        }
    }
    if let Some(mailboxes @ 1..) = told.on_their_way {
        let mailboxes = counted(mailboxes, "mailbox");
        text.push_str(&format!(
            "    on their way        {mailboxes} at no backend: no login, and mail waits (mailbox move --nowhere)\n"
        ));
    }
    text
}

/// Each server of one backend; what is down leaps to the eye.
fn servers(told: &StatusTold, backend: &str) -> String {
    let word = |state: &str| match state {
        "down" => "DOWN".to_owned(),
        "untried" => "not tried yet".to_owned(),
        other => other.to_owned(),
    };
    let own = told.servers.iter().flatten().filter(|server| server.backend == backend);
    own.map(|server| format!("{} {}", server.service.word(), word(&server.state))).collect::<Vec<_>>().join(", ")
}

/// What is not known is not said to be good.
fn certificate(told: &CertificateStatus) -> String {
    let left = match (told.in_force, told.days) {
        (true, Some(days @ 0..)) => format!("{} left", counted(days.unsigned_abs(), "day")),
        (true, Some(days)) => format!("OVER since {}: mail programs refuse it", counted(days.unsigned_abs(), "day")),
        (true, None) => "in force, its dates cannot be read".to_owned(),
        (false, _) => "NOT in force".to_owned(),
    };
    let broken = told.broken.as_ref().map(|why| format!("; what is there now cannot be used: {why}"));
    format!("{}: {left}{}", told.name, broken.unwrap_or_default())
}

/// What the book says, with the table of associations as `draw` draws it.
fn host(told: &StatusTold, draw: impl FnOnce(String, Vec<Option<u64>>) -> String) -> String {
    let Some((all, mailboxes)) = told.associations.as_ref().zip(told.mailboxes) else {
        return "\nThis machine waits: associations, mailboxes and mail servers are known where the other one judges.\n".into();
    };
    let head = format!("\n{}, {}\n", counted(all.len() as u64, "association"), counted(mailboxes, "mailbox"));
    head + &draw(associations(all), all.iter().map(|line| line.fill.percent).collect()) + &doubt::print(&told.old)
}

fn associations(all: &[StatusLine]) -> String {
    let lines = all.iter().map(|StatusLine { name, state, fill }| {
        let percent = fill.percent.map_or("-".into(), |percent| format!("{percent} %"));
        [percent, name.reveal().into(), association_rows::state(*state), fill.mailboxes.to_string(), fill.print()]
    });
    table(["FULL", "ASSOCIATION", "STATE", "MAILBOXES", "STORAGE"], lines)
}

fn rules(head: &str, rules: &[String]) -> String {
    let lines: String = rules.iter().map(|rule| format!("    {rule}\n")).collect();
    if lines.is_empty() { format!("{head}: nothing\n") } else { format!("{head}:\n{lines}") }
}
