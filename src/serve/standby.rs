//! A machine that waits (docs/nodes.md): whoever connects is told so and goes; admins are heard about the pair and nothing else.

use std::sync::Arc;

use super::access::Access;
use super::admin;
use super::listener::Listener;
use super::service::Service;
use crate::admin::Executor;
use crate::fault::RefusalCode;
use crate::net::listen::Bound;
use crate::net::shutdown::Shutdown;

/// Serves `bound` until the stop.
pub async fn open(listener: Listener, bound: Bound, executor: Arc<Executor>, access: Access, stop: Shutdown) {
    let number = listener.number;
    if listener.service == Service::Admin {
        return admin::open_waiting(bound, number, executor, access, stop).await;
    }
    // One line, where that is one write that does not wait.
    bound.serve(number, stop, |conn, _| listener.turn_away(&conn, RefusalCode::Standby)).await;
}
