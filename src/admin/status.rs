//! `status`: what runs, what it does not enforce, and how full the associations are. No sessions, no rates, no times.

use std::cmp::Reverse;

use clap::Args;
use serde::{Deserialize, Serialize};

use super::association::FillShown;
use super::association_rows;
use super::layout::{Canvas, counted, table};
use super::node::NodeTold;
use super::{AdminCommand, Audience, CertificateStatus, Declined, Executor, ListenerStatus, Moment, ServerStatus};
use crate::private::revealed;
use crate::quota::{Name, State};

/// `status`.
#[derive(Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShowStatus {}

/// What runs.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct StatusTold {
    pub(crate) version: String,
    /// In the order of the config file.
    pub listeners: Vec<ListenerStatus>,
    backends: Vec<String>,
    /// As their last connections went.
    pub(crate) servers: Vec<ServerStatus>,
    client_hints: Vec<String>,
    pub(crate) not_enforced: Vec<String>,
    missing: Vec<String>,
    policy: String,
    kept_outputs: Vec<u64>,
    lost_outputs: Vec<u64>,
    pub(crate) loosened: Vec<String>,
    pub(crate) certificates: Vec<CertificateStatus>,
    /// The disk took nothing at the last try.
    pub(crate) store_unwritable: bool,
    /// Where this is one of two machines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) node: Option<NodeTold>,
    pub(crate) mailboxes: u64,
    /// Of how many mailboxes the backend pushes the usage, as last settled.
    pub pushed: u64,
    pub(crate) incidents: u64,
    /// Accounts and networks that are slowed now because of wrong passwords: `blocks list`.
    pub(crate) slowed_accounts: u64,
    pub(crate) slowed_networks: u64,
    /// The fullest one comes first.
    pub(crate) associations: Vec<StatusLine>,
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

    fn carry_out(&self, executor: &Executor, at: &Moment<'_>) -> Result<StatusTold, Declined> {
        let (host, book, slowed) = (&executor.host, &executor.book, executor.limits.slowed());
        let views = book.associations(at.today);
        let line =
            |view| StatusLine { fill: FillShown::of(view), name: view.association.name.clone(), state: view.association.state };
        let mut associations: Vec<_> = views.iter().map(line).collect();
        associations.sort_by(|one, two| (Reverse(one.fill.percent), &one.name).cmp(&(Reverse(two.fill.percent), &two.name)));
        Ok(StatusTold {
            version: env!("CARGO_PKG_VERSION").into(),
            listeners: host.listeners.clone(),
            backends: at.backends.names().map(Into::into).collect(),
            servers: at.servers.to_vec(),
            client_hints: at.backends.hinted().map(Into::into).collect(),
            not_enforced: host.not_enforced.clone(),
            missing: host.missing.iter().copied().map(Into::into).collect(),
            policy: host.policy.clone(),
            kept_outputs: host.kept_outputs.clone(),
            lost_outputs: host.lost_outputs.clone(),
            loosened: host.loosened.clone(),
            certificates: host.certificates.as_ref().map_or_else(Vec::new, |standing| standing()),
            store_unwritable: book.is_unwritable(),
            node: executor.node.as_ref().map(|node| node.told()),
            mailboxes: associations.iter().map(|line| line.fill.mailboxes).sum(),
            pushed: book.pushed_mailboxes(),
            incidents: executor.incidents.list(at.now).len() as u64,
            slowed_accounts: slowed.accounts() as u64,
            slowed_networks: slowed.networks as u64,
            associations,
        })
    }

    fn print(told: &StatusTold) -> String {
        daemon(told) + &head(told) + &associations(told)
    }

    fn draw(told: &StatusTold, canvas: Canvas) -> String {
        let percents = told.associations.iter().map(|line| line.fill.percent);
        daemon(told) + &head(told) + &canvas.with_bars(&associations(told), percents)
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
    for backend in &told.backends {
        text.push_str(&format!("    backend             {backend}: {}\n", servers(&told.servers, backend)));
    }
    text.push_str(&format!("    policy              {}\n", told.policy));
    if let Some(node) = &told.node {
        text.push_str(&node.print());
    }
    if told.store_unwritable {
        text.push_str("    store               cannot be written: mail goes on, changes are refused (STORE-UNWRITABLE)\n");
    }
    for (outputs, end) in [(&told.kept_outputs, "is kept on a disk"), (&told.lost_outputs, "ends in another program")] {
        for output in outputs {
            let output = if *output == 1 { "standard output" } else { "standard error" };
            text.push_str(&format!("    {output} {end}\n"));
        }
    }
    for one in &told.certificates {
        text.push_str(&format!("    certificate         {}\n", certificate(one)));
    }
    let pushed = match told.pushed {
        0 => "never since the start".to_owned(),
        mailboxes => format!("yes, {}", counted(mailboxes, "mailbox")),
    };
    text.push_str(&format!("    usage pushed        {pushed}\n"));
    if !told.client_hints.is_empty() {
        let hinted = told.client_hints.join(", ");
        text.push_str(&format!("    client hints        {hinted} (a made-up address for each client, another one every hour)\n"));
    }
    if told.incidents > 0 {
        text.push_str(&format!("    incident mode       on for {}\n", counted(told.incidents, "mailbox")));
    }
    if told.slowed_accounts + told.slowed_networks > 0 {
        let (accounts, networks) = (counted(told.slowed_accounts, "account"), counted(told.slowed_networks, "network"));
        text.push_str(&format!("    slowed              {accounts}, {networks} (wrong passwords: nologd blocks list)\n"));
    }
    text.push_str(&rules("Not enforced here", &told.not_enforced));
    text.push_str(&rules("Loosened by the policy folder", &told.loosened));
    text
}

/// Each server of one backend; what is down leaps to the eye.
fn servers(all: &[ServerStatus], backend: &str) -> String {
    let word = |state: &str| match state {
        "down" => "DOWN".to_owned(),
        "untried" => "not tried yet".to_owned(),
        other => other.to_owned(),
    };
    let own = all.iter().filter(|server| server.backend == backend);
    own.map(|server| format!("{} {}", server.service, word(&server.state))).collect::<Vec<_>>().join(", ")
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

fn head(told: &StatusTold) -> String {
    let all = told.associations.len() as u64;
    format!("\n{}, {}\n", counted(all, "association"), counted(told.mailboxes, "mailbox"))
}

fn associations(told: &StatusTold) -> String {
    let lines = told.associations.iter().map(|StatusLine { name, state, fill }| {
        let percent = fill.percent.map_or("-".into(), |percent| format!("{percent} %"));
        [percent, name.reveal().into(), association_rows::state(*state), fill.mailboxes.to_string(), fill.print()]
    });
    table(["FULL", "ASSOCIATION", "STATE", "MAILBOXES", "STORAGE"], lines)
}

fn rules(head: &str, rules: &[String]) -> String {
    let lines: String = rules.iter().map(|rule| format!("    {rule}\n")).collect();
    if lines.is_empty() { format!("{head}: nothing\n") } else { format!("{head}:\n{lines}") }
}
