//! The connection to a server behind us that mail is handed to, by SMTP or LMTP: makes it, secures it, sends, waits, parks it and
//! hangs up, as an [`ConnAct`] says. Submission, LMTP and notices all speak to their servers through this.
//!
//! Absent on purpose: what is said. That is for the sessions, which have a `smtp::upstream::Upstream` each.

use std::time::Duration;

use tokio::time::Instant;

use super::Context;
use super::connect::connect;
use crate::event::BackendService;
use crate::fault::{Fault, Side};
use crate::net::buffered::BufferedConn;
use crate::net::dial::secure;
use crate::pool::{RelayConn, Wear};
use crate::route::{BackendId, Backends, Endpoint, Security};
use crate::smtp::upstream::{ConnAct, Done, Manner};

/// How long a server may take to hear QUIT.
const FAREWELL: Duration = Duration::from_secs(1);

/// Which server of a backend.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Takes outgoing mail.
    Relay,
    /// Stores incoming mail.
    Store,
}

/// Where a connection leads.
#[derive(Clone, Copy)]
pub(super) struct Destination<'a> {
    pub(super) backends: &'a Backends,
    pub(super) backend: BackendId,
}

/// A connection, or none.
pub(super) struct UpstreamConn {
    role: Role,
    conn: Option<BufferedConn>,
    wear: Wear,
    parking: Parking,
}

/// Whether a parked connection may be taken.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Parking {
    /// None.
    Never,
    /// One that was parked, if there is any.
    Any,
    /// This one was parked. If it fails, a new one is made.
    Taken,
}

impl UpstreamConn {
    pub(super) fn new(role: Role, parking: Parking) -> UpstreamConn {
        UpstreamConn { role, conn: None, wear: Wear::none(), parking }
    }

    /// Whether there is a connection.
    pub(super) fn is_open(&self) -> bool {
        self.conn.is_some()
    }

    /// What was read and not consumed.
    pub(super) fn input(&self) -> &[u8] {
        self.conn.as_ref().map_or(&[], BufferedConn::input)
    }

    /// Whether the server has closed, as far as the kernel has told by now.
    pub(super) fn is_gone(&mut self) -> bool {
        self.conn.as_mut().is_some_and(BufferedConn::is_gone)
    }

    /// Forgets the first `count` bytes of the input.
    pub(super) fn consume(&mut self, count: usize) {
        if let Some(conn) = &mut self.conn {
            conn.consume(count);
        }
    }

    /// Sends all of `bytes`. Where there is no connection its loss was told already.
    ///
    /// # Errors
    /// The connection is lost.
    pub(super) async fn send(&mut self, bytes: &[u8], patience: Duration) -> Result<(), Fault> {
        let Some(conn) = self.conn.as_mut().filter(|_| !bytes.is_empty()) else { return Ok(()) };
        conn.set_deadline(Instant::now() + patience);
        let sent = conn.send(bytes).await;
        self.checked(sent)
    }

    /// Waits for more bytes.
    ///
    /// # Errors
    /// The connection is lost.
    pub(super) async fn fill(&mut self, patience: Duration) -> Result<(), Fault> {
        let Some(conn) = &mut self.conn else { return Ok(()) };
        conn.set_deadline(Instant::now() + patience);
        let filled = conn.fill().await.map(drop);
        self.checked(filled)
    }

    fn checked(&mut self, result: Result<(), Fault>) -> Result<(), Fault> {
        if result.is_err() {
            self.conn = None;
        }
        result
    }

    /// Does what the session wants; what came of it, if it is to be told.
    pub(super) async fn act(&mut self, context: &Context, to: Option<Destination<'_>>, act: ConnAct) -> Option<Done> {
        let done = match act {
            ConnAct::Connect => self.connect(context, to).await,
            ConnAct::Secure => self.secure(context, to).await,
            ConnAct::HangUp(manner) => {
                if let (Manner::For(fault), Some(to)) = (manner, to) {
                    context.note(to.backend, self.service(), fault);
                }
                self.hang_up(manner.last_words()).await;
                return None;
            }
            ConnAct::Park(capabilities) => {
                if let (Some(conn), Some(to)) = (self.conn.take(), to) {
                    let wear = self.wear.and_a_message();
                    self.conn = context.relay_pool.park(to.backend, RelayConn { conn, wear, capabilities });
                }
                self.hang_up(Manner::WithQuit.last_words()).await;
                self.parking = Parking::Any;
                return None;
            }
        };
        Some(done.unwrap_or_else(Done::Failed))
    }

    async fn connect(&mut self, context: &Context, to: Option<Destination<'_>>) -> Result<Done, Fault> {
        let to = to.ok_or(Fault::Down)?;
        if self.parking == Parking::Any
            && let Some(RelayConn { conn, wear, capabilities }) = context.relay_pool.take(to.backend)
        {
            (self.conn, self.wear, self.parking) = (Some(conn), wear, Parking::Taken);
            return Ok(Done::Reused(capabilities));
        }
        let endpoint = self.endpoint(to).ok_or(Fault::Down)?;
        let conn = connect(context, endpoint, (to.backend, self.service()), || {
            if self.role == Role::Relay {
                context.relay_pool.release(to.backend, 1);
            }
        });
        (self.conn, self.wear) = (Some(conn.await?), Wear::none());
        Ok(Done::Connected { starttls: endpoint.security == Security::StartTls })
    }

    async fn secure(&mut self, context: &Context, to: Option<Destination<'_>>) -> Result<Done, Fault> {
        let endpoint = to.and_then(|to| self.endpoint(to)).ok_or(Fault::Down)?;
        let conn = self.conn.take().ok_or(Fault::Down)?;
        let patience = context.patience.backend;
        // `into_bare` drops what came in the clear.
        let conn = secure(conn.into_bare(), endpoint, &context.tls, patience).await?;
        self.conn = Some(BufferedConn::new(conn, Side::Backend, Instant::now() + patience));
        Ok(Done::Secured)
    }

    async fn hang_up(&mut self, last_words: &[u8]) {
        let Some(mut conn) = self.conn.take() else { return };
        conn.set_deadline(Instant::now() + FAREWELL);
        if !last_words.is_empty() && conn.send(last_words).await.is_ok() {
            conn.close().await;
        }
    }

    fn endpoint<'a>(&self, to: Destination<'a>) -> Option<&'a Endpoint> {
        to.backends.at(to.backend)?.endpoint(self.service())
    }

    fn service(&self) -> BackendService {
        match self.role {
            Role::Relay => BackendService::Relay,
            Role::Store => BackendService::Lmtp,
        }
    }
}
