//! A listener in service: each connection gets a seat within the limits, and a task of its own.

use std::sync::Arc;

use super::{Context, imap, submission};
use crate::event::{Event, emit};
use crate::fault::{Code, Fault};
use crate::imap::login::Protection;
use crate::limit::Seat;
use crate::net::conn::Conn;
use crate::net::link::Link;
use crate::net::listen::Bound;
use crate::net::stop::Stop;
use crate::net::tls;
use tokio::time::Instant;

/// What is spoken at a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Mail programs reading.
    Imap,
    /// Mail programs sending.
    Submission,
}

/// How TLS comes to be.
#[derive(Clone)]
pub enum Entry {
    /// From the first byte.
    Implicit(tls::Server),
    /// After STARTTLS.
    StartTls(tls::Server),
    /// Not at all: loopback and Unix sockets only.
    Plain,
}

/// One listener.
pub struct Door {
    /// Position in the config file.
    pub number: u64,
    /// What is spoken.
    pub service: Service,
    /// How it is protected.
    pub entry: Entry,
}

/// What a driver is given for one connection.
pub(super) struct Visit {
    pub(super) link: Link,
    pub(super) seat: Seat,
    pub(super) stop: Stop,
    pub(super) protection: Protection,
    /// For STARTTLS.
    pub(super) tls: Option<tls::Server>,
}

impl Door {
    /// Serves `bound` until the stop.
    pub async fn open(self, bound: Bound, context: Arc<Context>, stop: Stop) {
        let listening = stop.clone();
        let mut crowded = false;
        let serve = |conn, peer| {
            let network = context.limits.pseudonymiser().peer(&peer);
            match context.limits.seat(network) {
                Ok(seat) => {
                    crowded = false;
                    let (entry, service, context, stop) = (self.entry.clone(), self.service, context.clone(), stop.clone());
                    tokio::spawn(async move { receive(conn, seat, entry, service, context, stop).await });
                }
                Err(code) => {
                    self.turn_away(&conn, code);
                    if code == Code::TooManyConnections && !std::mem::replace(&mut crowded, true) {
                        emit(Event::Crowded { limit: context.limits.sessions() as u64 });
                    }
                }
            }
        };
        bound.serve(self.number, listening, serve).await;
    }

    /// Says why, where that costs one write that does not wait. Behind TLS nothing is said: a handshake for each would be
    /// what a flood wants.
    fn turn_away(&self, conn: &Conn, code: Code) {
        let words = match (&self.entry, self.service) {
            (Entry::Implicit(_), _) => return,
            (_, Service::Imap) => crate::imap::reply::turned_away(code),
            (_, Service::Submission) => crate::submission::turned_away(code),
        };
        conn.try_say(&words);
    }
}

async fn receive(conn: Conn, seat: Seat, entry: Entry, service: Service, context: Arc<Context>, stop: Stop) {
    let (conn, protection, tls) = match entry {
        Entry::Plain => (Ok(conn), Protection::Secure, None),
        Entry::StartTls(tls) => (Ok(conn), Protection::StartTls, Some(tls)),
        // Boxed: the handshake's state must not stay in the task for the rest of the session.
        Entry::Implicit(tls) => (Box::pin(tls.accept(conn)).await, Protection::Secure, None),
    };
    let Ok(conn) = conn else { return };
    let deadline = Instant::now() + context.patience.login;
    let link = Link::new(conn, crate::fault::Side::Client, deadline);
    let visit = Visit { link, seat, stop, protection, tls };
    let _: Result<(), Fault> = match service {
        Service::Imap => imap::serve(visit, context).await,
        // Boxed, or an idle IMAP session would be as large as a submission.
        Service::Submission => Box::pin(submission::serve(visit, context)).await,
    };
}
