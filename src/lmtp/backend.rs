//! One backend's side of the session.

use crate::fault::Fault;
use crate::route::BackendId;
use crate::smtp::client::Opening;
use crate::smtp::upstream::{Done, Manner, Reuse, Upstream};

/// One of the backends of a session, counted from zero in the order in which they were needed. It keeps its backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot(pub(super) usize);

impl Slot {
    /// The number, to keep something by.
    pub fn index(self) -> usize {
        self.0
    }
}

/// A backend in this session. Its connection is kept between messages.
pub(super) struct BackendConn {
    pub(super) backend: BackendId,
    pub(super) upstream: Upstream,
    /// It accepted MAIL of the present transaction.
    pub(super) in_transaction: bool,
}

impl BackendConn {
    pub(super) fn new(backend: BackendId) -> BackendConn {
        BackendConn { backend, upstream: Upstream::new(Reuse::Never), in_transaction: false }
    }

    /// See [`Upstream::leave`].
    pub(super) fn leave(&mut self, manner: Manner) {
        self.in_transaction = false;
        self.upstream.leave(manner);
    }

    /// What came of the connection; a fault if it is lost.
    pub(super) fn is(&mut self, done: Done, hostname: &str) -> Option<Fault> {
        match done {
            Done::Connected { starttls } => self.upstream.connected(Opening::lmtp(hostname, starttls), false),
            Done::Reused(capabilities) => self.upstream.reused(capabilities),
            Done::Secured => self.upstream.secured(),
            Done::Failed(fault) => {
                self.in_transaction = false;
                self.upstream.failed();
                return Some(fault);
            }
        }
        None
    }
}
