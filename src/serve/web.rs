//! Pages: HTTP/1.1 (RFC 9112) by hyper over our own connection, with our seats and deadlines; what is answered stands in `web_table`.
//!
//! A connection has a short life whatever happens on it, so that nobody holds a seat by being slow. Absent on purpose: HTTP/2, upgrades,
//! compression (its lengths tell secrets), chunked requests.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use tokio::time::{Instant, sleep_until};

use super::Context;
use super::accepted::Accepted;
use super::http_io::HttpIo;
use super::web_table::table;
use crate::fault::{Fault, Side};
use crate::net::shutdown::Phase;
use tower_service::Service as _;

/// After so long no new request is taken on a connection.
const OPEN: Duration = Duration::from_secs(20);
/// After so long it ends in the middle of one.
const LIFE: Duration = Duration::from_secs(40);
/// Fields of a request's head. Browsers send some 20.
const FIELDS: usize = 64;
/// Octets of a request's head, and the most that hyper holds for one connection.
const HEAD: usize = 16 * 1024;

/// Serves one connection to its end.
///
/// # Errors
/// Why it ended, if not by its own wish.
pub(super) async fn serve(accepted: Accepted, context: Arc<Context>) -> Result<(), Fault> {
    let Accepted { mut handshake, seat, mut stop, .. } = accepted;
    let began = Instant::now();
    // Where nothing is greeted, its first octets are waited for.
    handshake.login = OPEN;
    let link = handshake.greet(b"").await?;
    let io = HttpIo::new(link.into_parts());
    let table = table(context);
    let service = service_fn(move |request: hyper::Request<Incoming>| table.clone().call(request));
    // `Date` stays: who has a clock must send it (RFC 9110 6.6.1), and it tells nothing but what time it is.
    let mut http = http1::Builder::new();
    http.max_headers(FIELDS).max_buf_size(HEAD).half_close(false).pipeline_flush(false);
    let mut connection = pin!(http.serve_connection(io, service));
    let (mut open, life) = (true, sleep_until(began + LIFE));
    let mut life = pin!(life);
    let mut closing = pin!(sleep_until(began + OPEN));
    let end = loop {
        tokio::select! {
            end = connection.as_mut() => break end.map_err(|_| Fault::Gone(Side::Client)),
            () = &mut life => break Err(Fault::Slow(Side::Client)),
            () = &mut closing, if open => {
                open = false;
                connection.as_mut().graceful_shutdown();
            }
            () = stop.reached(Phase::Draining), if open => {
                open = false;
                connection.as_mut().graceful_shutdown();
            }
        }
    };
    drop(seat);
    end
}
