//! The second part of the audit: plants made-up values through the real listeners, then looks where they turned up.
//!
//! It needs a test mailbox of its own, and the right to read what is searched. The two messages it makes are removed again.

mod beside;
mod client;
mod flight;
mod forms;
#[cfg(any(test, feature = "testing"))]
mod look_for;
mod planted;
mod search;
mod session_id;
mod sqlite;
mod trouble;

#[cfg(any(test, feature = "testing"))]
pub use look_for::look_for;
pub use trouble::FlightTrouble;

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use zeroize::Zeroizing;

use crate::config::{Config, Listen, ListenOptions, ListenTls};
use crate::serve::Service;
use crate::terminal::Progress;

use super::finding::Canary;
use beside::WayBeside;
use client::{FlightPath, WayIn};
use flight::TestMailbox;
use planted::Plants;
use search::{Search, Territory};

/// Servers write a moment after they have answered.
const SETTLING: Duration = Duration::from_secs(3);

/// What is to be done.
pub struct FlightPlan<'a> {
    /// The daemon that is tried.
    pub config: &'a Config,
    /// The test mailbox, which is its login too.
    pub address: &'a str,
    /// Its password.
    pub password: Zeroizing<String>,
    /// Files and folders in which nothing may be found.
    pub logs: &'a [PathBuf],
    /// Mailboxes and their indexes, in which the message itself may be found.
    pub mail: &'a [PathBuf],
    /// Whether systemd's journal of this machine is searched.
    pub journal: bool,
    /// Folders with journals of other machines or containers.
    pub journals: &'a [PathBuf],
}

/// Flies and searches.
///
/// # Errors
/// See [`FlightTrouble`]. Then nothing was shown, neither good nor bad.
pub fn fly(order: &FlightPlan<'_>) -> Result<Canary, FlightTrouble> {
    let plants = Plants::new().ok_or(FlightTrouble::NoRandom)?;
    let imap = way(order.config, Service::Imap, "imap", plants.address)?;
    let submission = way(order.config, Service::Submission, "submission", plants.address)?;
    let beside = beside::ALL.iter().map(|listener| beside(order.config, listener.service, listener.starttls, plants.address));
    let beside = beside.collect::<Result<Vec<_>, _>>()?;
    let login = TestMailbox { address: order.address, password: &order.password };
    let mut progress = Progress::new();
    progress.begin("the canary logs in, sends, and fails");
    let mut steps = flight::fly(&imap, &submission, &login, &plants)?;
    for (listener, way) in beside::ALL.iter().zip(&beside) {
        steps.extend(listener.fly(way, &login, &plants)?);
    }
    progress.begin("waiting until the servers have written what they write");
    std::thread::sleep(SETTLING);
    progress.clear();
    let planted = plants.all(order.address, &order.password);
    let mut found = Canary { steps, planted: planted.len(), ..Canary::default() };
    let search = Search::new(&planted, plants.address);
    for (paths, territory) in [(order.logs, Territory::Logs), (order.mail, Territory::Mail)] {
        paths.iter().for_each(|path| search.path(path, territory, &mut found));
    }
    search.path(&order.config.state_dir, Territory::Book, &mut found);
    if order.journal {
        journal(None, &search, &mut found);
    }
    order.journals.iter().for_each(|folder| journal(Some(folder), &search, &mut found));
    // It is for tidiness: a mailbox that keeps two messages is no finding.
    let _ = flight::clean_up(&imap, &login, &plants);
    found.traces.sort();
    Ok(found)
}

fn way(config: &Config, service: Service, name: &'static str, from: Ipv4Addr) -> Result<FlightPath, FlightTrouble> {
    let to = listener(config, service, ListenTls::Implicit).ok_or(FlightTrouble::NoListener(name))?;
    by(config, (from, to), WayIn::Tls)
}

/// ManageSieve has no port for TLS from the first octet (RFC 5804 1.1), and POP3 has both.
fn beside(config: &Config, service: Service, command: &'static str, from: Ipv4Addr) -> Result<WayBeside, FlightTrouble> {
    let ways = [(ListenTls::Implicit, WayIn::Tls), (ListenTls::StartTls, WayIn::Asked(command))];
    let open = ways.into_iter().find_map(|(tls, begin)| Some((listener(config, service, tls)?, begin)));
    match open {
        Some((to, begin)) => by(config, (from, to), begin).map(WayBeside::Open),
        None if config.listens.iter().any(|listen| listen.service == service || listen.options.by_alpn.contains(&service)) => {
            Ok(WayBeside::Closed)
        }
        None => Ok(WayBeside::None),
    }
}

/// A mail program's own listener: without ALPN, without Tor, and not one where this machine speaks for others.
fn listener(config: &Config, service: Service, tls: ListenTls) -> Option<SocketAddr> {
    let plain = |options: &ListenOptions| options.by_alpn.is_empty() && options.front.is_open_to_this_machine();
    let mut listens = config.listens.iter().filter(|listen| plain(&listen.options));
    listens.find(|listen| listen.service == service && listen.tls == tls).and_then(reachable)
}

fn by(config: &Config, (from, to): (Ipv4Addr, SocketAddr), begin: WayIn) -> Result<FlightPath, FlightTrouble> {
    let files = config.tls.as_ref().ok_or(FlightTrouble::Certificate)?;
    let chain = files.certificates.join(&files.default).join("fullchain.pem");
    let certificate = first_certificate(&chain).ok_or(FlightTrouble::Certificate)?;
    Ok(FlightPath { from, to, name: files.default.clone(), certificate, begin })
}

/// "Any address" is reached by loopback; `[::]` takes IPv4 too, as the kernel is set by default.
fn reachable(listen: &Listen) -> Option<SocketAddr> {
    let mut address: SocketAddr = listen.address.parse().ok()?;
    if address.ip().is_unspecified() {
        address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    Some(address)
}

fn first_certificate(file: &Path) -> Option<CertificateDer<'static>> {
    CertificateDer::from_pem_slice(&fs::read(file).ok()?).ok()
}

/// What a journal took in during the last minutes; it is read as it is exported, and kept nowhere.
fn journal(folder: Option<&Path>, search: &Search<'_>, found: &mut Canary) {
    let mut command = Command::new("journalctl");
    command.args(["--quiet", "--no-pager", "--output=export", "--since=-10min"]).stdin(Stdio::null()).stderr(Stdio::null());
    let name = match folder {
        Some(folder) => {
            command.arg("--directory").arg(folder);
            format!("the journal in {}", folder.display())
        }
        None => "the journal".to_owned(),
    };
    let searched = command.stdout(Stdio::piped()).spawn().ok().and_then(|mut child| {
        let result = search.stream(child.stdout.take()?, &name, Territory::Logs, found);
        child.wait().ok().filter(|status| status.success() && result.is_ok())
    });
    if searched.is_none() {
        found.unreadable.push(name);
    }
}
