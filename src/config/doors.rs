//! What a listener has besides its service: who stands in front of it (`proxy_protocol`), whether it is the onion door (`network`), and
//! several services behind one port (`by_alpn`).

use super::reader::{Found, Reader, Section};
use crate::net::forwarders::Forwarders;
use crate::private::NoSubnet;
use crate::serve::Service;

/// Services that clients may ask for by ALPN: mail programs, and browsers.
const BY_ALPN: [Service; 4] = [Service::Imap, Service::Pop3, Service::Submission, Service::Web];
/// Services that members come to through Tor.
const BY_TOR: [Service; 3] = [Service::Imap, Service::Pop3, Service::Submission];

/// What stands in one `[[listen]]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Doors {
    /// Load balancers that say where their clients are.
    pub forwarders: Forwarders,
    /// Nobody who comes has an address.
    pub onion: bool,
    /// The services, where there are several: the client names one.
    pub by_alpn: Vec<Service>,
}

/// The same with its place in the file.
pub(super) struct FoundDoors {
    pub(super) doors: Doors,
    proxies: Option<Found<()>>,
    network: Option<Found<()>>,
    alpn: Option<Found<()>>,
}

/// Where and how it listens: what [`FoundDoors::check`] has to know.
#[derive(Clone, Copy)]
pub(super) struct ListensAt {
    pub(super) service: Service,
    pub(super) unix: bool,
    pub(super) local: bool,
    pub(super) implicit: bool,
}

fn place<T>(found: &Found<T>) -> Found<()> {
    Found { value: (), span: found.span.clone(), key: found.key.clone() }
}

pub(super) fn doors(reader: &mut Reader<'_>, section: &mut Section<'_>) -> FoundDoors {
    let proxies = section.texts(reader, "proxy_protocol");
    let network = section.text(reader, "network");
    let named = section.texts(reader, "by_alpn");
    let mut doors = Doors::default();
    for found in &proxies {
        if let Err(why) = doors.forwarders.add(&found.value) {
            reader.wrong(found, told(why));
        }
    }
    if let Some(found) = &network {
        doors.onion = found.value == "onion";
        if !doors.onion {
            reader.wrong(found, "must be \"onion\", or not be there");
        }
    }
    for found in &named {
        match BY_ALPN.into_iter().find(|service| service.word() == found.value) {
            Some(service) if !doors.by_alpn.contains(&service) => doors.by_alpn.push(service),
            Some(_) => reader.wrong(found, "names a service twice"),
            None => reader.wrong(found, "must name some of \"imap\", \"pop3\", \"submission\", \"web\""),
        }
    }
    FoundDoors {
        doors,
        proxies: proxies.first().map(place),
        network: network.as_ref().map(place),
        alpn: named.first().map(place),
    }
}

fn told(why: NoSubnet) -> &'static str {
    match why {
        NoSubnet::Syntax => "must name addresses, networks such as 10.0.0.0/24, or \"unix\"",
        NoSubnet::Everybody => "has a network of everybody: anyone could say to be anywhere",
        NoSubnet::TooWide => {
            "has a network wider than a host's own: whoever is in it could say to be anywhere. Name the balancers"
        }
        NoSubnet::HostBits => "has a network with bits behind its end: an address, or the network's own first address",
    }
}

impl FoundDoors {
    /// The service by which connections get their places, until they have named one: of a mail program, where one may come.
    pub(super) fn first(&self) -> Option<Service> {
        let named = &self.doors.by_alpn;
        named.iter().find(|service| **service != Service::Web).or(named.first()).copied()
    }

    /// Whether services are named by ALPN, so that `service` is not wanted.
    pub(super) fn is_by_alpn(&self) -> bool {
        self.alpn.is_some()
    }

    /// Tells what does not go together.
    pub(super) fn check(&self, reader: &mut Reader<'_>, at: ListensAt) {
        if let Some(found) = &self.proxies {
            let forwarders = &self.doors.forwarders;
            if at.service.is_of_the_household() {
                reader.wrong(found, "is for mail: admins, monitoring and usage come by themselves");
            } else if at.unix && forwarders.has_address() {
                reader.wrong(found, "of a Unix socket is [\"unix\"]: nobody who connects there has an address");
            } else if !at.unix && forwarders.has_unix() {
                reader.wrong(found, "has \"unix\", and this listener is no Unix socket");
            }
        }
        if let Some(found) = &self.network {
            if !BY_TOR.contains(&at.service) || self.doors.by_alpn.contains(&Service::Web) {
                reader.wrong(found, "is for imap, pop3 and submission: Tor brings members");
            } else if !at.local {
                reader.wrong(
                    found,
                    "needs a Unix socket or loopback, where Tor connects to: nobody else may come without an address",
                );
            }
        }
        if let Some(found) = self.alpn.as_ref().filter(|_| !at.implicit) {
            reader.wrong(found, "needs tls = \"implicit\": ALPN is a part of TLS");
        }
    }
}

/// `onion`: the name that members are told.
pub(super) fn onion(reader: &mut Reader<'_>, root: &mut Section<'_>, has_door: bool) -> Option<String> {
    let found = root.text(reader, "onion")?;
    // Version 3: 56 letters of base32, the last of which is always the version.
    let label = found.value.strip_suffix(".onion").filter(|label| label.len() == 56 && label.ends_with('d'));
    if !label.is_some_and(|label| label.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'2'..=b'7'))) {
        reader.wrong(&found, "must be the name in Tor's file hostname: 56 letters and digits, and .onion");
    } else if !has_door {
        reader.wrong(&found, "has no listener with network = \"onion\"");
    }
    Some(found.value)
}
