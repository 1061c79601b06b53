//! Whether the mail servers behind take connections, and whether they know the mailboxes that aliases lead to.
//!
//! A start does not need them: nologd tells members that the mail server is down, and goes on. But a wrong port looks the same.

use tokio::runtime::Builder;

use super::book::KnownBook;
use super::finding::Faults;
use super::starter::Starter;
use super::talk::{Talk, broke, place, shown};
use crate::config::{Config, StartTrouble};
use crate::event::BackendService;
use crate::fault::Fault;
use crate::net::tls::TlsClient;
use crate::route::{Backend, Endpoint};

/// No more questions about aliases than this for each mail server.
const MOST: usize = 1000;

/// Runs a conversation.
pub(super) fn wait<T>(work: impl Future<Output = T>) -> Option<T> {
    Some(Builder::new_current_thread().enable_all().build().ok()?.block_on(work))
}

/// Connects to each, and asks about aliases.
pub(super) fn reach(config: &Config, starter: &Starter, book: &KnownBook, found: &mut Faults) {
    let tls = match TlsClient::new(config.authorities.as_deref()) {
        Ok(tls) => tls,
        Err(error) => return found.wrong(StartTrouble::Authorities("backend_authorities", error).to_string()),
    };
    let backends = &config.backends;
    for (_, backend) in backends.iter() {
        let mut incoming = false;
        for (service, endpoint) in backend.endpoints() {
            // A Unix socket is asked for its rights, and those are the ones of the user that nologd stays.
            let opened = starter.as_user(|| wait(Talk::open(endpoint, &tls)).map(|opened| opened.err())).flatten();
            let Some(opened) = opened.or_else(|| wait(Talk::open(endpoint, &tls)).map(|opened| opened.err())) else { return };
            match opened {
                None => incoming |= service == BackendService::Lmtp,
                Some(fault) => found.wrong(unreached(backend, service, endpoint, fault)),
            }
        }
        if let Some(lmtp) = backend.endpoint(BackendService::Lmtp).filter(|_| incoming) {
            let is_default =
                backends.find(None).and_then(|default| backends.at(default)).is_some_and(|at| at.name == backend.name);
            let targets = leads(book, &backend.name, is_default);
            if let Some(Err(fault)) = wait(ask(lmtp, &tls, config, &targets, backend, found)) {
                found.note(format!(
                    "backend {}, lmtp: whether it knows the mailboxes of aliases is not known: {}",
                    backend.name,
                    broke(fault)
                ));
            }
        }
    }
}

fn unreached(backend: &Backend, service: BackendService, endpoint: &Endpoint, fault: Fault) -> String {
    let (name, key, place) = (&backend.name, service.word(), place(endpoint));
    let what = if service == BackendService::Relay { "the relay" } else { "the mail server" };
    format!("[[backend]] {name}, {key} = {place}: {}. Does {what} run, and is this its port?", broke(fault))
}

/// Aliases of associations at this backend, each with one mailbox.
fn leads<'a>(book: &'a KnownBook, backend: &str, is_default: bool) -> Vec<(&'a str, &'a str)> {
    let here = |name: &Option<String>| name.as_deref().map_or(is_default, |name| name == backend);
    let aliases =
        book.associations().into_iter().flatten().filter(|member| here(&member.backend)).flat_map(|member| &member.aliases);
    aliases.flat_map(|(alias, targets)| targets.iter().map(move |target| (&**alias, &**target))).take(MOST).collect()
}

/// As an incoming message would, up to the recipients; no message follows.
async fn ask(
    lmtp: &Endpoint,
    tls: &TlsClient,
    config: &Config,
    targets: &[(&str, &str)],
    backend: &Backend,
    found: &mut Faults,
) -> Result<(), Fault> {
    if targets.is_empty() {
        return Ok(());
    }
    let mut talk = Talk::open(lmtp, tls).await?;
    let hello = format!("LHLO {}", config.hostname);
    talk.reply(None).await?;
    talk.reply(Some(&hello)).await?;
    if talk.wants_starttls() {
        talk.reply(Some("STARTTLS")).await?;
        talk = talk.secure().await?;
        talk.reply(Some(&hello)).await?;
    }
    talk.reply(Some("MAIL FROM:<>")).await?;
    for (alias, target) in targets {
        let (code, words) = talk.reply(Some(&format!("RCPT TO:<{target}>"))).await?;
        if code >= 500 {
            found.wrong(format!(
                "alias {alias}: leads to {target}, which the mail server {} does not know ({code} {}). Make that mailbox, or mend the alias",
                backend.name,
                shown(words.first().map_or("", String::as_str))
            ));
        }
    }
    talk.reply(Some("RSET")).await?;
    talk.say("QUIT").await
}
