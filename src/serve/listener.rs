//! A listener in service: each connection gets a seat within the limits, and a task of its own.
//!
//! A connection of a load balancer that says where its client is (`proxy_protocol`) says it first: until then it has a place apart, and
//! its seat is that of the client.

mod forwarded;
mod forwarders;
pub mod proxy_header;

use std::sync::Arc;

use tokio::task::JoinHandle;

use forwarded::Unheard;
use forwarders::Forwarders;
use proxy_header::Forwarded;

use super::accepted::Accepted;
use super::handshake::{Handshake, Unsecured, unless_header};
use super::imap_backend::Pooling;
use super::service::{Guests, Service};
use super::{Context, admin, admin_web, imap, metrics, usage};
use crate::event::{Provoked, count};
use crate::fault::{Fault, RefusalCode};
use crate::limit::Seat;
use crate::net::alpn;
use crate::net::conn::Conn;
use crate::net::listen::Bound;
use crate::net::shutdown::Shutdown;
use crate::net::tls;
use crate::private::{Networks, Peer};
use crate::wire::protection::Protection;

/// How TLS comes to be.
#[derive(Clone)]
pub enum TlsMode {
    /// From the first byte.
    Implicit(tls::TlsServer),
    /// From the first byte, and by what the client says there it gets its service.
    ByAlpn(Arc<[(Service, tls::TlsServer)]>),
    /// After STARTTLS.
    StartTls(tls::TlsServer),
    /// Not at all: loopback and Unix sockets only.
    Plain,
}

/// One listener.
#[derive(Clone)]
pub struct Listener {
    /// Position in the config file.
    pub number: u64,
    /// What is spoken; by ALPN: one of what may be spoken.
    pub service: Service,
    /// How it is protected.
    pub entry: TlsMode,
    /// Whether connections to backends are pooled; for IMAP.
    pub pooling: Pooling,
    /// The domain of logins that have none.
    pub default_domain: Option<Arc<str>>,
    /// The backend that tells usage there, by its name.
    pub backend: Option<Arc<str>>,
    /// Who stands in front.
    pub front: ListenerFront,
}

/// Who stands in front of a listener, so that a connection is not simply its peer's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListenerFront {
    /// Load balancers that say where their clients are.
    pub forwarders: Forwarders,
    /// Whether nobody who comes here has an address: limits go by account, and by Tor's circuit where that is known.
    pub onion: bool,
}

impl ListenerFront {
    /// Whether clients come by Tor, and nobody has an address.
    pub fn is_by_tor(&self) -> bool {
        self.onion
    }

    /// Whether somebody may speak for clients, before they say anything themselves.
    pub fn speaks_for_clients(&self) -> bool {
        !self.forwarders.is_empty()
    }

    /// Whether who connects from this machine is a client like any other: it comes not by Tor, and does not speak for somebody else.
    pub fn is_open_to_this_machine(&self) -> bool {
        !self.onion && !self.forwarders.hold_local()
    }
}

impl Listener {
    /// Serves `bound` until the stop.
    pub async fn open(self, bound: Bound, context: Arc<Context>, stop: Shutdown) {
        match self.service {
            Service::Admin => return admin::open(bound, self.number, context, stop).await,
            Service::AdminWeb => return admin_web::open(bound, self.number, context, stop).await,
            Service::Metrics => return metrics::open(bound, self.number, context, stop).await,
            // Has a thread of its own, from before anything is served.
            Service::Node => return,
            Service::Usage => return usage::open(bound, self.number, self.backend, context, stop).await,
            _ => {}
        }
        let (number, listening) = (self.number, stop.clone());
        let open = OpenListener { listener: Arc::new(self), context, stop };
        let serve = |conn, peer| {
            if open.listener.front.forwarders.hold(&conn, &peer) {
                open.clone().hear(conn, peer)
            } else {
                open.admit(conn, peer, false)
            }
        };
        bound.serve(number, listening, serve).await;
    }

    /// Says why, where that costs one write that does not wait. Behind TLS nothing is said: a handshake for each would be
    /// what a flood wants.
    pub(super) fn turn_away(&self, conn: &Conn, code: RefusalCode) {
        let is_bare = matches!(self.entry, TlsMode::Plain | TlsMode::StartTls(_));
        if let Some(words) = self.service.turned_away(code).filter(|_| is_bare) {
            conn.try_say(&words);
        }
    }
}

/// A listener with what its connections need.
#[derive(Clone)]
struct OpenListener {
    listener: Arc<Listener>,
    context: Arc<Context>,
    stop: Shutdown,
}

impl OpenListener {
    /// A balancer's connection: its header first.
    fn hear(self, conn: Conn, peer: Peer) {
        let limits = self.context.limits.clone();
        let seat = limits.unnamed_seat();
        tell(seat.is_crowded());
        let place = seat.place();
        let task = tokio::spawn(async move {
            let heard = forwarded::hear(&conn, self.stop.clone()).await;
            match heard {
                Ok(Forwarded::Client(client)) => self.admit(conn, client, true),
                Ok(Forwarded::Unnamed) => self.admit(conn, peer, false),
                Err(Unheard::Missing) => count(Provoked::ProxyHeaderMissing(self.listener.number)),
                Err(Unheard::Left) => {}
            }
            drop(seat);
        });
        if let Some(place) = place {
            let task = task.abort_handle();
            limits.may_leave(place, move || task.abort());
        }
    }

    /// A connection of `peer`, or for whom a balancer `named` it.
    fn admit(&self, conn: Conn, peer: Peer, named: bool) {
        match self.seat(&peer, named) {
            Ok(seat) => {
                let open = self.clone();
                let from = || self.context.limits.pseudonymiser().networks(&peer);
                match &self.listener.entry {
                    TlsMode::Implicit(tls) => {
                        let entrance = Unsecured::Tls(conn, tls.clone());
                        waiting(&self.context, seat, |seat| open.speak(entrance, Protection::Secure, None, seat));
                    }
                    TlsMode::StartTls(tls) => {
                        let (entrance, tls) = (Unsecured::Plain(conn), Some(tls.clone()));
                        waiting(&self.context, seat, |seat| open.speak(entrance, Protection::StartTls, tls, seat));
                    }
                    TlsMode::Plain => {
                        let entrance = Unsecured::Plain(conn);
                        waiting(&self.context, seat, |seat| open.speak(entrance, Protection::Secure, None, seat));
                    }
                    TlsMode::ByAlpn(servers) => {
                        let (servers, from) = (servers.clone(), from());
                        waiting(&self.context, seat, |seat| tokio::spawn(open.choose(conn, servers, seat, from)));
                    }
                }
            }
            Err(code) => {
                self.listener.turn_away(&conn, code);
                tell(code == RefusalCode::TooManyConnections);
            }
        }
    }

    fn seat(&self, peer: &Peer, named: bool) -> Result<Seat, RefusalCode> {
        let limits = &self.context.limits;
        let keys = limits.pseudonymiser();
        match self.listener.service.guests() {
            // The number of a circuit, if Tor tells it.
            Guests::MailPrograms if self.listener.front.is_by_tor() => limits.onion_seat(named.then(|| keys.circuit(peer))),
            // Those of the household have listeners of their own.
            Guests::MailPrograms | Guests::Household => limits.seat(keys.networks(peer)),
            // The host's own web server brings everybody from one address, unless it says whose they are.
            Guests::Browsers => {
                let far = named || !matches!(self.listener.entry, TlsMode::Plain);
                limits.page_seat(far.then(|| keys.networks(peer)))
            }
            Guests::Deliveries => limits.delivery_seat(),
            Guests::Questions => limits.question_seat(),
            Guests::Webmail => limits.webmail_seat(),
            Guests::Fellows => limits.fellow_seat(),
            Guests::FellowMail => limits.fellow_delivery_seat(),
        }
    }

    /// Speaks the listener's service, in a task.
    fn speak(
        self,
        entrance: Unsecured,
        protection: Protection,
        tls: Option<tls::TlsServer>,
        seat: Seat,
    ) -> JoinHandle<Result<(), Fault>> {
        let (service, context) = (self.listener.service, self.context.clone());
        let accepted = self.accepted(entrance, protection, tls, seat);
        // It is told to nobody how it ends: what admins have to hear of it was counted where it happened.
        match service {
            // Itself in its task: thousands of them idle, and one in a box of its own would be larger.
            Service::Imap | Service::ShareImap | Service::WebmailImap => tokio::spawn(imap::serve(accepted, context)),
            // Not within one that has room for IMAP.
            service => tokio::spawn(service.serve(accepted, context)),
        }
    }

    fn accepted(self, entrance: Unsecured, protection: Protection, tls: Option<tls::TlsServer>, seat: Seat) -> Accepted {
        let OpenListener { listener, context, stop } = self;
        let handshake = Handshake { entrance, login: context.patience.login, listener: listener.number, stop: stop.clone() };
        let (pooling, default_domain) = (listener.pooling, listener.default_domain.clone());
        Accepted { handshake, seat, stop, protection, tls, pooling, default_domain }
    }

    /// Speaks what the client chooses.
    async fn choose(self, conn: Conn, servers: Arc<[(Service, tls::TlsServer)]>, seat: Seat, from: Networks) {
        let chosen = Box::pin(choose(conn, &servers, self.listener.number)).await;
        let Some((service, entrance)) = chosen else { return };
        drop(servers);
        let (context, pages) = (self.context.clone(), self.listener.service.guests() != Guests::Browsers);
        if pages && service.guests() == Guests::Browsers {
            // Who reads pages has limits of his own, and takes no place of a mail program. By another task, which another one may have to end.
            drop(seat);
            return match context.limits.page_seat(Some(from)) {
                Ok(seat) => waiting(&context, seat, |seat| {
                    tokio::spawn(service.serve(self.accepted(entrance, Protection::Secure, None, seat), context.clone()))
                }),
                Err(code) => tell(code == RefusalCode::TooManyConnections),
            };
        }
        let accepted = self.accepted(entrance, Protection::Secure, None, seat);
        let _: Result<(), Fault> = service.serve(accepted, context).await;
    }
}

/// Begins what needs a `seat`, in a task that may have to leave for somebody else.
fn waiting<T>(context: &Context, seat: Seat, begin: impl FnOnce(Seat) -> JoinHandle<T>) {
    tell(seat.is_crowded());
    let place = seat.place();
    let task = begin(seat).abort_handle();
    if let Some(place) = place {
        // Without a word: behind TLS that would be one more thing to wait for.
        context.limits.may_leave(place, move || task.abort());
    }
}

/// Which service a client wants, and the handshake so far. Who wants none of them is told so.
async fn choose(conn: Conn, servers: &[(Service, tls::TlsServer)], listener: u64) -> Option<(Service, Unsecured)> {
    let patience = servers.first()?.1.patience();
    let hello = unless_header(conn, patience, listener, |conn| alpn::hello(conn, patience)).await.ok()?;
    match hello.chosen(servers) {
        Some((service, server)) => Some((*service, Unsecured::Begun(hello, server.clone()))),
        None => {
            hello.refuse(patience).await;
            None
        }
    }
}

fn tell(crowded: bool) {
    if crowded {
        count(Provoked::Crowded);
    }
}
