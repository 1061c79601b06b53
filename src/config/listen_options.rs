//! What a listener has besides its service: who stands in front of it (`proxy_protocol`), whether it is the onion service (`network`), and
//! several services behind one port (`by_alpn`).

use super::reader::{Found, Reader, Section};
use crate::private::NoSubnet;
use crate::serve::{ListenerFront, Service};

/// What stands in one `[[listen]]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListenOptions {
    /// Who stands in front.
    pub front: ListenerFront,
    /// The services, where there are several: the client names one.
    pub by_alpn: Vec<Service>,
}

/// The same with its place in the file.
pub(super) struct FoundOptions {
    pub(super) options: ListenOptions,
    proxies: Option<Found<()>>,
    network: Option<Found<()>>,
    alpn: Option<Found<()>>,
}

/// Where and how it listens: what [`FoundOptions::check`] has to know.
#[derive(Clone, Copy)]
pub(super) struct ListensAt {
    pub(super) service: Service,
    pub(super) unix: bool,
    pub(super) local: bool,
    pub(super) implicit: bool,
}

/// Services that clients may ask for by ALPN.
fn by_alpn() -> impl Iterator<Item = Service> {
    Service::ALL.iter().copied().filter(|service| service.is_by_alpn())
}

fn place<T>(found: &Found<T>) -> Found<()> {
    Found { value: (), span: found.span.clone(), key: found.key.clone() }
}

pub(super) fn options(reader: &mut Reader<'_>, section: &mut Section<'_>) -> FoundOptions {
    let proxies = section.texts(reader, "proxy_protocol");
    let network = section.text(reader, "network");
    let named = section.texts(reader, "by_alpn");
    let mut options = ListenOptions::default();
    for found in &proxies {
        if let Err(why) = options.front.forwarders.add(&found.value) {
            reader.wrong(found, told(why));
        }
    }
    if let Some(found) = &network {
        options.front.onion = found.value == "onion";
        if !options.front.onion {
            reader.wrong(found, "must be \"onion\", or not be there");
        }
    }
    for found in &named {
        match by_alpn().find(|service| service.word() == found.value) {
            Some(service) if !options.by_alpn.contains(&service) => options.by_alpn.push(service),
            Some(_) => reader.wrong(found, "names a service twice"),
            None => {
                let known: Vec<_> = by_alpn().map(|service| format!("\"{}\"", service.word())).collect();
                reader.wrong(found, &format!("must name some of {}", known.join(", ")));
            }
        }
    }
    FoundOptions {
        options,
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

impl FoundOptions {
    /// The service by which connections get their places, until they have named one: of a mail program, where one may come.
    pub(super) fn first(&self) -> Option<Service> {
        let named = &self.options.by_alpn;
        named.iter().find(|service| **service != Service::Web).or(named.first()).copied()
    }

    /// Whether services are named by ALPN, so that `service` is not wanted.
    pub(super) fn is_by_alpn(&self) -> bool {
        self.alpn.is_some()
    }

    /// Tells what does not go together.
    pub(super) fn check(&self, reader: &mut Reader<'_>, at: ListensAt) {
        if let Some(found) = &self.proxies {
            let forwarders = &self.options.front.forwarders;
            if at.service.is_of_the_household() {
                reader.wrong(found, "is for mail: admins, monitoring and usage come by themselves");
            } else if at.unix && forwarders.has_address() {
                reader.wrong(found, "of a Unix socket is [\"unix\"]: nobody who connects there has an address");
            } else if !at.unix && forwarders.has_unix() {
                reader.wrong(found, "has \"unix\", and this listener is no Unix socket");
            }
        }
        if let Some(found) = &self.network {
            if !at.service.is_by_tor() || self.options.by_alpn.contains(&Service::Web) {
                let known: Vec<_> =
                    Service::ALL.iter().filter(|service| service.is_by_tor()).map(|service| service.word()).collect();
                let (last, others) = known.split_last().map_or(("", String::new()), |(last, others)| (*last, others.join(", ")));
                reader.wrong(found, &format!("is for {others} and {last}: Tor brings members"));
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
pub(super) fn onion(reader: &mut Reader<'_>, root: &mut Section<'_>, has_listener: bool) -> Option<String> {
    let found = root.text(reader, "onion")?;
    // Version 3: 56 letters of base32, the last of which is always the version.
    let label = found.value.strip_suffix(".onion").filter(|label| label.len() == 56 && label.ends_with('d'));
    if !label.is_some_and(|label| label.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'2'..=b'7'))) {
        reader.wrong(&found, "must be the name in Tor's file hostname: 56 letters and digits, and .onion");
    } else if !has_listener {
        reader.wrong(&found, "has no listener with network = \"onion\"");
    }
    Some(found.value)
}
