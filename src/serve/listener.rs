//! A listener in service: each connection gets a seat within the limits, and a task of its own.

use std::sync::Arc;

use super::accepted::{Accepted, Handshake};
use super::imap_backend::Pooling;
use super::{Context, admin, imap, lmtp, metrics, pop3, postfix_policy, submission, usage};
use crate::event::{Provoked, count};
use crate::fault::{Fault, RefusalCode};
use crate::imap::login::Protection;
use crate::limit::Seat;
use crate::net::conn::Conn;
use crate::net::listen::Bound;
use crate::net::shutdown::Shutdown;
use crate::net::tls;

/// What is spoken at a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Admins, over a Unix socket.
    Admin,
    /// Mail programs reading.
    Imap,
    /// Mail programs sending.
    Submission,
    /// The host's relay bringing mail.
    Lmtp,
    /// The admins' monitoring.
    Metrics,
    /// Mail programs fetching.
    Pop3,
    /// The host's relay asking whether mail would find room.
    Policy,
    /// The storage telling what each mailbox holds, over a Unix socket.
    Usage,
    /// The webmail reading: everybody from one address, so limits go by account; connections to backends are pooled.
    WebmailImap,
    /// The webmail sending: limits go by account.
    WebmailSubmission,
}

impl Service {
    /// Every service.
    pub const ALL: [Service; 10] = [
        Service::Admin,
        Service::Imap,
        Service::Lmtp,
        Service::Metrics,
        Service::Policy,
        Service::Pop3,
        Service::Submission,
        Service::Usage,
        Service::WebmailImap,
        Service::WebmailSubmission,
    ];

    /// Whether everybody comes from one address here.
    pub fn is_webmail(self) -> bool {
        matches!(self, Service::WebmailImap | Service::WebmailSubmission)
    }

    /// Whether people log in here.
    pub fn has_logins(self) -> bool {
        match self {
            Service::Imap | Service::Pop3 | Service::Submission | Service::WebmailImap | Service::WebmailSubmission => true,
            Service::Admin | Service::Lmtp | Service::Metrics | Service::Policy | Service::Usage => false,
        }
    }

    /// The word in the config file.
    pub fn word(self) -> &'static str {
        match self {
            Service::Admin => "admin",
            Service::Imap => "imap",
            Service::Lmtp => "lmtp",
            Service::Metrics => "metrics",
            Service::Policy => "policy",
            Service::Pop3 => "pop3",
            Service::Submission => "submission",
            Service::Usage => "usage",
            Service::WebmailImap => "webmail-imap",
            Service::WebmailSubmission => "webmail-submission",
        }
    }
}

/// How TLS comes to be.
#[derive(Clone)]
pub enum TlsMode {
    /// From the first byte.
    Implicit(tls::Server),
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
    /// What is spoken.
    pub service: Service,
    /// How it is protected.
    pub entry: TlsMode,
    /// Whether connections to backends are pooled; for IMAP.
    pub pooling: Pooling,
    /// The domain of logins that have none.
    pub default_domain: Option<Arc<str>>,
}

impl Listener {
    /// Serves `bound` until the stop.
    pub async fn open(self, bound: Bound, context: Arc<Context>, stop: Shutdown) {
        match self.service {
            Service::Admin => return admin::open(bound, self.number, context, stop).await,
            Service::Metrics => return metrics::open(bound, self.number, context, stop).await,
            Service::Usage => return usage::open(bound, self.number, context, stop).await,
            _ => {}
        }
        let listening = stop.clone();
        let tell = |crowded: bool| {
            if crowded {
                count(Provoked::Crowded);
            }
        };
        let serve = |conn, peer| {
            let seat = match self.service {
                // Admins, monitoring and usage have listeners of their own.
                Service::Imap | Service::Pop3 | Service::Submission | Service::Admin | Service::Metrics | Service::Usage => {
                    context.limits.seat(context.limits.pseudonymiser().networks(&peer))
                }
                Service::Lmtp => context.limits.delivery_seat(),
                Service::Policy => context.limits.question_seat(),
                Service::WebmailImap | Service::WebmailSubmission => context.limits.webmail_seat(),
            };
            match seat {
                Ok(seat) => {
                    tell(seat.is_crowded());
                    let place = seat.place();
                    let (listener, limits) = (self.clone(), context.limits.clone());
                    let (context, stop) = (context.clone(), stop.clone());
                    let task = tokio::spawn(async move { receive(conn, seat, listener, context, stop).await }).abort_handle();
                    if let Some(place) = place {
                        // Without a word: behind TLS that would be one more thing to wait for.
                        limits.may_leave(place, move || task.abort());
                    }
                }
                Err(code) => {
                    self.turn_away(&conn, code);
                    tell(code == RefusalCode::TooManyConnections);
                }
            }
        };
        bound.serve(self.number, listening, serve).await;
    }

    /// Says why, where that costs one write that does not wait. Behind TLS nothing is said: a handshake for each would be
    /// what a flood wants.
    fn turn_away(&self, conn: &Conn, code: RefusalCode) {
        let words = match (&self.entry, self.service) {
            // These have no words for it; the connection just ends.
            (TlsMode::Implicit(_), _) | (_, Service::Admin | Service::Metrics | Service::Policy | Service::Usage) => return,
            (_, Service::Imap | Service::WebmailImap) => crate::imap::reply::turned_away(code),
            (_, Service::Pop3) => crate::pop3::reply::turned_away(code),
            (_, Service::Submission | Service::WebmailSubmission | Service::Lmtp) => crate::submission::turned_away(code),
        };
        conn.try_say(&words);
    }
}

async fn receive(conn: Conn, seat: Seat, listener: Listener, context: Arc<Context>, stop: Shutdown) {
    let Listener { entry, service, pooling, default_domain, .. } = listener;
    let (first, protection, tls) = match entry {
        TlsMode::Plain => (None, Protection::Secure, None),
        TlsMode::StartTls(tls) => (None, Protection::StartTls, Some(tls)),
        TlsMode::Implicit(tls) => (Some(tls), Protection::Secure, None),
    };
    let handshake = Handshake { conn, tls: first, login: context.patience.login };
    let accepted = Accepted { handshake, seat, stop, protection, tls, pooling, default_domain };
    let _: Result<(), Fault> = match service {
        // Have listeners of their own.
        Service::Admin | Service::Metrics | Service::Usage => Ok(()),
        Service::Imap | Service::WebmailImap => imap::serve(accepted, context).await,
        // Boxed, or an idle IMAP session would be as large as a submission.
        Service::Pop3 => Box::pin(pop3::serve(accepted, context)).await,
        Service::Submission | Service::WebmailSubmission => Box::pin(submission::serve(accepted, context)).await,
        Service::Lmtp => Box::pin(lmtp::serve(accepted, context)).await,
        Service::Policy => Box::pin(postfix_policy::serve(accepted, context)).await,
    };
}
