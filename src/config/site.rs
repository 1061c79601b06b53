//! What pages say about this host, from its listeners.

use std::net::SocketAddr;

use super::doors::Doors;
use super::file::Config;
use super::listen::{Listen, Protection};
use crate::serve::Service;
use crate::web::Site;
use crate::web::offer::{Encryption, MailOffer, OfferedPort, Speech};

/// What pages say about this host.
pub fn site(config: &Config) -> Site {
    let url = config.web_url.clone().unwrap_or_else(|| format!("https://{}", config.hostname).into());
    let help = config.help_url.as_ref().map_or_else(|| format!("{url}/help"), |page| page.url().to_owned());
    Site { offer: MailOffer::new(&config.hostname, doors(&config.listens)), help: help.into(), url }
}

/// With TLS, for whoever comes: not behind a balancer, which speaks first; not where the client must say what it wants; not Tor's.
fn is_plain_door(listen: &Listen) -> bool {
    let Doors { forwarders, onion, by_alpn } = &listen.doors;
    listen.tls != Protection::None && forwarders.is_empty() && !onion && by_alpn.is_empty()
}

/// The doors for mail programs: with TLS, and those of this machine alone only where there are no others.
fn doors(listens: &[Listen]) -> Vec<OfferedPort> {
    let mut doors = Vec::new();
    for (service, speech) in
        [(Service::Imap, Speech::Imap), (Service::Pop3, Speech::Pop3), (Service::Submission, Speech::Submission)]
    {
        let all = || listens.iter().filter(|listen| listen.service == service && is_plain_door(listen));
        let any_far = all().any(|listen| !listen.is_local());
        for listen in all().filter(|listen| !any_far || !listen.is_local()) {
            let encryption = if listen.tls == Protection::Implicit { Encryption::Implicit } else { Encryption::StartTls };
            let port = listen.address.parse::<SocketAddr>().map(|address| address.port());
            doors.extend(port.ok().map(|port| OfferedPort { speech, encryption, port }));
        }
    }
    doors
}
