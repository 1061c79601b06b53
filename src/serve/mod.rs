//! The drivers: one task per connection, a short loop each. The only place where protocol and sockets meet.
//!
//! [`Context`] is what all sessions share. Drivers never import each other; what two of them need (who may log in, how a server
//! behind us is spoken to) stands in files of its own.

mod accepted;
mod access;
mod admin;
mod admin_pages;
mod admin_typed;
mod admin_web;
mod admission;
pub mod ask_backends;
mod asked_mail;
mod attend;
pub mod clock;
mod connect;
pub mod contracted;
mod deliver;
mod desk;
mod environment;
mod handshake;
pub mod health;
mod http;
mod http_io;
pub mod imap;
pub mod imap_backend;
pub mod listener;
mod lmtp;
mod mail_places;
mod mailbox;
pub mod methods;
pub mod metrics;
pub mod node;
pub mod node_state;
mod node_talk;
mod node_wire;
pub mod notices;
mod obey;
mod observe;
mod own_mail;
mod parting;
mod postfix_policy;
mod proxy;
mod sealed;
mod sender_watch;
mod service;
pub mod share;
mod share_answer;
mod share_book;
mod share_count;
mod share_cut;
mod share_desk;
mod share_drive;
pub mod share_etcd;
mod share_house;
mod share_kept;
mod share_reach;
mod share_register;
mod share_standing;
mod share_talk;
mod share_words;
mod side;
mod silence;
pub mod standby;
pub mod submission;
mod submission_login;
mod upstream;
pub mod usage;
mod web;
mod web_certificates;
mod web_contact;
mod web_hand_over;
mod web_lend;
mod web_links;
mod web_member;
mod web_more_space;
mod web_pages;
mod web_response;
mod web_room;
mod web_standing;
mod web_table;
mod web_visit;
pub mod workers;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::admin::{Executor, ServerStatus};
use crate::event::{BackendService, Provoked, count, name_backends};
use crate::fault::{Fault, RefusalCode, Side};
use crate::incident::Incidents;
use crate::limit::Limits;
use crate::metrics::Metrics;
use crate::net::certificates::Certificates;
use crate::net::tls;
use crate::notice;
use crate::pool::{Pool, RelayCapabilities, RelayPool};
use crate::postfix_policy::Failure;
use crate::private::Address;
use crate::quota::{Book, OverQuota, Unknown};
use crate::route::{BackendId, Backends};
use crate::scrub::Scrubber;

pub use access::Access;
pub use listener::{Listener, ListenerFront, TlsMode};
pub use sealed::CopyKey;
pub use service::Service;
pub use web_room::{VisitClock, WebRoom};

/// How long things may take; each can be set in the config file's `[limits]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// From the first byte to the end of the login, TLS included.
    pub login: Duration,
    /// A backend's connection, TLS and greeting.
    pub backend: Duration,
    /// Silence of a session in which nothing is under way. RFC 9051 5.4 asks for 30 minutes at least.
    pub idle: Duration,
    /// Silence in the middle of a command or a message.
    pub stall: Duration,
    /// Octets a second that a message must come with at least, after `stall`.
    pub least_rate: u64,
}

impl Default for Patience {
    fn default() -> Patience {
        let seconds = Duration::from_secs;
        Patience { login: seconds(60), backend: seconds(10), idle: seconds(31 * 60), stall: seconds(300), least_rate: 100 }
    }
}

/// How big things may be; each can be set in the config file's `[limits]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Octets of one message at submission.
    pub message: u64,
    /// Recipients of one message at submission. RFC 5321 4.5.3.1.8 asks for 100 at least.
    pub recipients: u32,
}

impl Default for Sizes {
    fn default() -> Sizes {
        Sizes { message: 64 << 20, recipients: 1000 }
    }
}

/// What the relay that brings mail is told; `[quota]` in the config file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    /// Where there is no room.
    pub over: OverQuota,
    /// Where mail comes in for a domain that no association has.
    pub unknown: Unknown,
    /// Where the policy service cannot judge.
    pub policy_failure: Failure,
}

impl Context {
    /// Tells what was kept back since the last time: counted events, and servers that stopped or began to answer meanwhile.
    pub fn tell(&self) {
        self.healths.iter().for_each(|health| health.tell(&self.backends.load()));
        crate::event::tell();
    }
}

/// What all sessions share.
pub struct Context {
    /// Swapped whole on reload.
    pub backends: Arc<ArcSwap<Backends>>,
    /// Associations, limits, usage: the only judge.
    pub book: Arc<Book>,
    /// This machine's place among several nodes; none where it is alone.
    pub share: Option<NodeShare>,
    /// Where admins' requests are carried out.
    pub executor: Executor,
    /// Who may use the admins' socket, besides root.
    pub access: Access,
    /// Who notices come from; none for `postmaster@` the domain.
    pub notices_from: Option<Address>,
    /// Notices that the relay has not taken yet: the book puts them in.
    pub notices: Arc<notice::Queue>,
    /// The header rules with the key of this installation.
    pub scrubber: Arc<Scrubber>,
    /// Rates and numbers.
    pub limits: Arc<Limits>,
    /// Times.
    pub patience: Patience,
    /// Sizes.
    pub sizes: Sizes,
    /// Answers to the relay that brings mail.
    pub quota: Quota,
    /// TLS towards backends.
    pub tls: tls::TlsClient,
    /// Our name in greetings and to relays.
    pub hostname: Box<str>,
    /// Backend connections that are parked between two sessions.
    pub pool: Arc<Pool>,
    /// Relay connections that are parked between two messages.
    pub relay_pool: Arc<RelayPool>,
    /// Whether each server of each backend took its last connection.
    pub healths: health::Healths,
    /// What the kernel holds us to, and what it does not.
    pub enforcement: crate::sandbox::Enforcement,
    /// The certificates of the listeners; none where no listener uses TLS.
    pub certificates: Option<Arc<Certificates>>,
    /// Totals, for the admins' monitoring.
    pub metrics: Metrics,
    /// Sessions that are watched, with their owners' knowledge.
    pub incidents: Arc<Incidents>,
    /// Which ways to log in the backends know besides passwords, by IMAP.
    pub methods: methods::Methods,
    /// What their servers of other protocols said of themselves.
    pub lists: contracted::ServerLists,
    /// What the relays showed of themselves.
    pub relay_capabilities: RelayCapabilities,
    /// What pages need.
    pub web: WebRoom,
}

/// One of several nodes that all take clients (docs/many-nodes.md).
pub struct NodeShare {
    /// Its place.
    pub link: Arc<share::ShareLink>,
    /// TLS towards the others, with this node's certificate.
    pub tls: tls::TlsClient,
}

impl Context {
    /// TLS towards this backend.
    fn tls_to(&self, backends: &Backends, backend: BackendId) -> &tls::TlsClient {
        match &self.share {
            Some(share) if backends.is_fellow(backend) => &share.tls,
            _ => &self.tls,
        }
    }

    /// The node that judges the association of `address`, as a backend: none where that is this one, or nobody, or where there is one node.
    /// `Some(None)`: another one that is not in the config file.
    fn fellow_of(&self, backends: &Backends, address: &Address) -> Option<Option<BackendId>> {
        let link = &self.share.as_ref()?.link;
        let node = link.elsewhere(self.book.share_of(address)?)?;
        Some(backends.fellow(&node))
    }

    /// Puts these backends in force; sessions go on with those they began with. What is known of others is forgotten.
    pub fn reload(&self, backends: Backends) {
        let backends = Arc::new(backends.succeeding(&self.backends.load()));
        self.backends.store(backends.clone());
        name_backends(backends.names());
        self.pool.keep(&backends);
        self.relay_pool.keep(&backends);
        self.relay_capabilities.keep(&backends);
        self.methods.keep(&backends);
        self.lists.keep(&backends);
        self.healths.iter().for_each(|health| health.keep(&backends));
    }

    /// How each server of each backend stands, for admins.
    fn servers(&self, backends: &Backends) -> Vec<ServerStatus> {
        let mut servers = Vec::new();
        for (id, backend) in backends.iter() {
            for (service, _) in backend.endpoints() {
                let state = match self.healths.of(service).is_up(id) {
                    Some(true) => "up",
                    Some(false) => "down",
                    None => "untried",
                };
                servers.push(ServerStatus { backend: backend.name.to_string(), service, state: state.to_owned() });
            }
        }
        servers
    }

    /// Counts what the admins have to hear of this server of a backend.
    fn note(&self, backend: BackendId, service: BackendService, fault: Fault) {
        let Some(position) = self.backends.load().position(backend) else { return };
        match fault {
            Fault::Garbage(_) => count(Provoked::BackendConfused(position, service)),
            Fault::Barred(RefusalCode::BackendSetup) => count(Provoked::BackendSetup(position, service)),
            Fault::Gone(_) | Fault::Slow(_) | Fault::TooLong(_) | Fault::Tls(_) => {}
            Fault::Down | Fault::Denied | Fault::Barred(_) | Fault::Limit | Fault::Stopping => {}
        }
    }

    /// This server of a backend answered something that makes no sense.
    fn confused(&self, backend: BackendId, service: BackendService) {
        self.note(backend, service, Fault::Garbage(Side::Backend));
    }
}
