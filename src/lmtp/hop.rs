//! One backend's side of the session.

use crate::fault::Fault;
use crate::route::BackendId;
use crate::smtp::line::{Line, Orders};

/// A backend in this session. Its connection is kept between messages.
pub(super) struct Hop {
    pub(super) backend: BackendId,
    pub(super) line: Line,
    /// It accepted MAIL of the present transaction.
    pub(super) in_transaction: bool,
    pub(super) orders: Orders,
}

impl Hop {
    pub(super) fn new(backend: BackendId) -> Hop {
        Hop { backend, line: Line::Away, in_transaction: false, orders: Orders::default() }
    }

    /// See [`Line::leave`].
    pub(super) fn leave(&mut self, polite: bool, fault: Option<Fault>) {
        self.in_transaction = false;
        self.line.leave(&mut self.orders, polite, fault);
    }
}
