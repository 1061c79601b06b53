//! HTTP/1.1 (RFC 9112) by hyper over a connection of ours, with our deadlines: what the pages for everybody and those for admins share.
//!
//! A connection has a short life whatever happens on it, and so many requests, so that nobody holds a seat by being slow, and nobody has
//! more work done than others by being quick. Absent on purpose: HTTP/2, upgrades, compression (its lengths tell secrets), chunked
//! requests.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body as HttpBody;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use tokio::time::{Instant, sleep_until};
use tower_service::Service as _;

use super::http_io::HttpIo;
use crate::fault::{Fault, Side};
use crate::net::shutdown::{Shutdown, ShutdownPhase};

/// After so long no new request is taken on a connection.
pub(super) const OPEN: Duration = Duration::from_secs(20);
/// After so long it ends in the middle of one.
const LIFE: Duration = Duration::from_secs(40);
/// Requests on one connection. A person opens one page and its stylesheet at a time.
const REQUESTS: u32 = 100;
/// Fields of a request's head. Browsers send some 20.
const FIELDS: usize = 64;
/// Octets of a request's head, and the most that hyper holds for one connection.
const HEAD: usize = 16 * 1024;
/// For a year, this host is asked with TLS only (RFC 6797 6.1).
const ALWAYS_TLS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// What is told to whoever comes by TLS, besides what is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Secured {
    /// Always come so.
    ByUs,
    /// Nothing: the host's own web server, or ssh, has the TLS, and says what it wants.
    Elsewhere,
}

/// Answers the requests of one connection, which `began` then, out of `table`, each after `mark`.
///
/// # Errors
/// Why it ended, if not by its own wish.
pub(super) async fn talk(
    io: HttpIo,
    table: Router,
    mark: impl Fn(&mut hyper::Request<Incoming>) -> Result<(), Box<Response>>,
    secured: Secured,
    (began, mut stop): (Instant, Shutdown),
) -> Result<(), Fault> {
    let asked = AtomicU32::new(0);
    let service = service_fn(|mut request: hyper::Request<Incoming>| {
        let last = asked.fetch_add(1, Ordering::Relaxed) + 1 >= REQUESTS;
        let marked = mark(&mut request);
        let mut table = table.clone();
        async move {
            let mut response: Response<HttpBody> = match marked {
                Ok(()) => table.call(request).await?,
                Err(refused) => *refused,
            };
            if secured == Secured::ByUs {
                response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, ALWAYS_TLS);
            }
            if last {
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(response)
        }
    });
    // `Date` stays: who has a clock must send it (RFC 9110 6.6.1), and it tells nothing but what time it is.
    let mut http = http1::Builder::new();
    http.max_headers(FIELDS).max_buf_size(HEAD).half_close(false).pipeline_flush(false);
    let mut connection = pin!(http.serve_connection(io, service));
    let mut open = true;
    let (mut life, mut closing) = (pin!(sleep_until(began + LIFE)), pin!(sleep_until(began + OPEN)));
    loop {
        tokio::select! {
            end = connection.as_mut() => return end.map_err(|_| Fault::Gone(Side::Client)),
            () = &mut life => return Err(Fault::Slow(Side::Client)),
            () = &mut closing, if open => {
                open = false;
                connection.as_mut().graceful_shutdown();
            }
            () = stop.reached(ShutdownPhase::Draining), if open => {
                open = false;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}
