//! A listener in service: each connection gets a seat within the limits, and a task of its own.
//!
//! A connection of a load balancer that says where its client is (`proxy_protocol`) says it first: until then it has a place apart, and
//! its seat is that of the client.

use std::sync::Arc;

use super::accepted::Accepted;
use super::forwarded::{self, Unheard};
use super::handshake::{Handshake, Unsecured};
use super::imap_backend::Pooling;
use super::{Context, admin, admin_web, imap, lmtp, metrics, pop3, postfix_policy, sieve, submission, usage, web};
use crate::event::{BackendService, Provoked, count};
use crate::fault::{Fault, RefusalCode};
use crate::imap::login::Protection;
use crate::limit::Seat;
use crate::net::alpn;
use crate::net::conn::Conn;
use crate::net::forwarders::Forwarders;
use crate::net::listen::Bound;
use crate::net::proxy_header::Forwarded;
use crate::net::shutdown::Shutdown;
use crate::net::tls;
use crate::private::Peer;

/// What is spoken at a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Admins, over a Unix socket.
    Admin,
    /// The same, with a browser.
    AdminWeb,
    /// Mail programs reading.
    Imap,
    /// Mail programs sending.
    Submission,
    /// The host's relay bringing mail.
    Lmtp,
    /// The admins' monitoring.
    Metrics,
    /// The other machine of a pair, by way of the witness, over a Unix socket.
    Node,
    /// Mail programs fetching.
    Pop3,
    /// The host's relay asking whether mail would find room.
    Policy,
    /// Mail programs writing filters.
    Sieve,
    /// The storage telling what each mailbox holds, over a Unix socket.
    Usage,
    /// Browsers, and mail programs that ask how they are to be set up.
    Web,
    /// The webmail reading: everybody from one address, so limits go by account; connections to backends are pooled.
    WebmailImap,
    /// The webmail writing filters: limits go by account; no connection is pooled.
    WebmailSieve,
    /// The webmail sending: limits go by account.
    WebmailSubmission,
}

impl Service {
    /// Every service.
    pub const ALL: [Service; 15] = [
        Service::Admin,
        Service::AdminWeb,
        Service::Imap,
        Service::Lmtp,
        Service::Metrics,
        Service::Node,
        Service::Policy,
        Service::Pop3,
        Service::Sieve,
        Service::Submission,
        Service::Usage,
        Service::Web,
        Service::WebmailImap,
        Service::WebmailSieve,
        Service::WebmailSubmission,
    ];

    /// Whether everybody comes from one address here.
    pub fn is_webmail(self) -> bool {
        matches!(self, Service::WebmailImap | Service::WebmailSieve | Service::WebmailSubmission)
    }

    /// Whether people log in here.
    pub fn has_logins(self) -> bool {
        match self {
            Service::Imap | Service::Pop3 | Service::Sieve | Service::Submission | Service::Web => true,
            Service::WebmailImap | Service::WebmailSieve | Service::WebmailSubmission => true,
            Service::Admin | Service::AdminWeb | Service::Lmtp | Service::Metrics => false,
            Service::Node | Service::Policy | Service::Usage => false,
        }
    }

    /// The server of each backend that it cannot do without, besides mailbox access.
    pub fn needs_of_backends(self) -> Option<BackendService> {
        match self {
            Service::Lmtp => Some(BackendService::Lmtp),
            Service::Pop3 => Some(BackendService::Pop3),
            Service::Sieve | Service::WebmailSieve => Some(BackendService::Sieve),
            _ => None,
        }
    }

    /// The word in the config file.
    pub fn word(self) -> &'static str {
        match self {
            Service::Admin => "admin",
            Service::AdminWeb => "admin-web",
            Service::Imap => "imap",
            Service::Lmtp => "lmtp",
            Service::Metrics => "metrics",
            Service::Node => "node",
            Service::Policy => "policy",
            Service::Pop3 => "pop3",
            Service::Sieve => "sieve",
            Service::Submission => "submission",
            Service::Usage => "usage",
            Service::Web => "web",
            Service::WebmailImap => "webmail-imap",
            Service::WebmailSieve => "webmail-sieve",
            Service::WebmailSubmission => "webmail-submission",
        }
    }
}

/// How TLS comes to be.
#[derive(Clone)]
pub enum TlsMode {
    /// From the first byte.
    Implicit(tls::Server),
    /// From the first byte, and by what the client says there it gets its service.
    ByAlpn(Arc<[(Service, tls::Server)]>),
    /// After STARTTLS.
    StartTls(tls::Server),
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
    /// Who says where the clients are.
    pub forwarders: Forwarders,
    /// Whether nobody who comes here has an address: limits go by account, and by Tor's circuit where that is known.
    pub onion: bool,
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
            Service::Usage => return usage::open(bound, self.number, context, stop).await,
            _ => {}
        }
        let (number, listening) = (self.number, stop.clone());
        let open = OpenListener { listener: Arc::new(self), context, stop };
        let serve = |conn, peer| {
            if open.listener.forwarders.hold(&conn, &peer) {
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
        let words = match (&self.entry, self.service) {
            // These have no words for it; the connection just ends.
            (TlsMode::Implicit(_) | TlsMode::ByAlpn(_), _)
            | (_, Service::Admin | Service::AdminWeb | Service::Metrics | Service::Node | Service::Policy) => return,
            (_, Service::Usage | Service::Web) => return,
            (_, Service::Imap | Service::WebmailImap) => crate::imap::reply::turned_away(code),
            (_, Service::Pop3) => crate::pop3::reply::turned_away(code),
            (_, Service::Sieve | Service::WebmailSieve) => crate::sieve::reply::turned_away(code),
            (_, Service::Submission | Service::WebmailSubmission | Service::Lmtp) => crate::submission::turned_away(code),
        };
        conn.try_say(&words);
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
                tell(seat.is_crowded());
                let place = seat.place();
                let (open, limits) = (self.clone(), self.context.limits.clone());
                let task = tokio::spawn(async move { open.receive(conn, seat).await }).abort_handle();
                if let Some(place) = place {
                    // Without a word: behind TLS that would be one more thing to wait for.
                    limits.may_leave(place, move || task.abort());
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
        match self.listener.service {
            // The number of a circuit, if Tor tells it.
            Service::Imap | Service::Pop3 | Service::Sieve | Service::Submission if self.listener.onion => {
                limits.onion_seat(named.then(|| keys.circuit(peer)))
            }
            // Admins, monitoring and usage have listeners of their own.
            Service::Imap | Service::Pop3 | Service::Sieve | Service::Submission => limits.seat(keys.networks(peer)),
            Service::Admin | Service::AdminWeb | Service::Metrics | Service::Node | Service::Usage => {
                limits.seat(keys.networks(peer))
            }
            // The host's own web server brings everybody from one address, unless it says whose they are.
            Service::Web => {
                let far = named || !matches!(self.listener.entry, TlsMode::Plain);
                limits.page_seat(far.then(|| keys.networks(peer)))
            }
            Service::Lmtp => limits.delivery_seat(),
            Service::Policy => limits.question_seat(),
            Service::WebmailImap | Service::WebmailSieve | Service::WebmailSubmission => limits.webmail_seat(),
        }
    }

    async fn receive(self, conn: Conn, seat: Seat) {
        let OpenListener { listener, context, stop } = self;
        let (login, number, pooling) = (context.patience.login, listener.number, listener.pooling);
        let mut service = listener.service;
        let (entrance, protection, tls) = match &listener.entry {
            TlsMode::Plain => (Unsecured::Plain(conn), Protection::Secure, None),
            TlsMode::StartTls(tls) => (Unsecured::Plain(conn), Protection::StartTls, Some(tls.clone())),
            TlsMode::Implicit(tls) => (Unsecured::Tls(conn, tls.clone()), Protection::Secure, None),
            TlsMode::ByAlpn(servers) => {
                let Some((chosen, entrance)) = Box::pin(choose(conn, servers, number)).await else { return };
                service = chosen;
                (entrance, Protection::Secure, None)
            }
        };
        let default_domain = listener.default_domain.clone();
        drop(listener);
        let handshake = Handshake { entrance, login, listener: number, stop: stop.clone() };
        let accepted = Accepted { handshake, seat, stop, protection, tls, pooling, default_domain };
        let _: Result<(), Fault> = match service {
            // Have listeners of their own.
            Service::Admin | Service::AdminWeb | Service::Metrics | Service::Node | Service::Usage => Ok(()),
            Service::Imap | Service::WebmailImap => imap::serve(accepted, context).await,
            // Boxed, or an idle IMAP session would be as large as a submission.
            Service::Pop3 => Box::pin(pop3::serve(accepted, context)).await,
            Service::Sieve | Service::WebmailSieve => Box::pin(sieve::serve(accepted, context)).await,
            Service::Submission | Service::WebmailSubmission => Box::pin(submission::serve(accepted, context)).await,
            Service::Lmtp => Box::pin(lmtp::serve(accepted, context)).await,
            Service::Policy => Box::pin(postfix_policy::serve(accepted, context)).await,
            Service::Web => Box::pin(web::serve(accepted, context)).await,
        };
    }
}

/// Which service a client wants, and the handshake so far. Who wants none of them is told so.
async fn choose(conn: Conn, servers: &[(Service, tls::Server)], listener: u64) -> Option<(Service, Unsecured)> {
    let patience = servers.first()?.1.patience();
    let hello = match alpn::hello(conn, patience).await {
        Ok(hello) => hello,
        Err(fault) => {
            if matches!(fault, Fault::Garbage(_)) {
                count(Provoked::ProxyHeaderForeign(listener));
            }
            return None;
        }
    };
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
