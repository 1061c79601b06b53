//! What pages say about this host, from its listeners.

use std::net::SocketAddr;

use super::file::Config;
use super::listen::{Listen, ListenTls};
use super::listen_options::ListenOptions;
use crate::web::Site;
use crate::web::mail_ports::{Encryption, MailPort, MailPorts, Speech};

/// What pages say about this host.
pub fn site(config: &Config) -> Site {
    let url = config.web_url.clone().unwrap_or_else(|| format!("https://{}", config.hostname).into());
    let help = config.help_url.as_ref().map_or_else(|| format!("{url}/help"), |page| page.url().to_owned());
    Site {
        ports: MailPorts::new(&config.hostname, ports(&config.listens)),
        help: help.into(),
        url,
        mx: config.mx.clone(),
        hosts: config.hosts.clone(),
    }
}

/// How far a listener is from a mail program: what is nearer hides the others. None: no mail program gets in there by itself. Without TLS it
/// does not, nor where the client must say what it wants, nor by Tor.
fn distance(listen: &Listen) -> Option<Distance> {
    let ListenOptions { front, by_alpn } = &listen.options;
    let open = listen.tls != ListenTls::None && !front.is_by_tor() && by_alpn.is_empty();
    open.then(|| match () {
        () if listen.is_local() => Distance::ThisMachine,
        () if front.speaks_for_clients() => Distance::BehindBalancer,
        () => Distance::Direct,
    })
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Distance {
    Direct,
    /// It has the same port outside, as the handbook has it.
    BehindBalancer,
    ThisMachine,
}

/// The ports for mail programs: of each protocol those that are nearest.
fn ports(listens: &[Listen]) -> Vec<MailPort> {
    let mut ports = Vec::new();
    for speech in Speech::ALL {
        let all = || {
            listens
                .iter()
                .filter(|listen| listen.service.word() == speech.row().service)
                .filter_map(|listen| Some((distance(listen)?, listen)))
        };
        let nearest = all().map(|(distance, _)| distance).min();
        for (_, listen) in all().filter(|(distance, _)| Some(*distance) == nearest) {
            let encryption = if listen.tls == ListenTls::Implicit { Encryption::Implicit } else { Encryption::StartTls };
            let port = listen.address.parse::<SocketAddr>().map(|address| address.port());
            ports.extend(port.ok().map(|port| MailPort { speech, encryption, port }));
        }
    }
    ports
}
