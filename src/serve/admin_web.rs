//! The admins' pages, over a Unix socket: whoever the kernel says is an admin ([`Access`](super::Access)) is one here, as on the socket of
//! the command line, and there is no password. A browser comes to it by `ssh -L`.
//!
//! It has places of its own, so that a flood from outside cannot lock the admins out. A browser is led by any page of the web, so what it
//! asks for counts only under a name of the machine that it runs on: a name of somebody else's that leads there (DNS rebinding) is refused.

use std::sync::Arc;

use axum::body::Body as HttpBody;
use axum::http::{StatusCode, header};
use axum::response::Response;
use hyper::body::Incoming;
use tokio::net::UnixStream;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::Context;
use super::admin_pages::table;
use super::http::{Secured, talk};
use super::http_io::HttpIo;
use crate::fault::Fault;
use crate::net::buffer::Buffer;
use crate::net::conn::Conn;
use crate::net::listen::Bound;
use crate::net::shutdown::Shutdown;
use crate::web::request::is_this_machine;

/// Connections at once, on each of the threads that serve. A browser makes six; more wait.
const BROWSERS: usize = 8;

/// Serves `bound` until the stop.
pub(super) async fn open(bound: Bound, number: u64, context: Arc<Context>, stop: Shutdown) {
    let seats = Arc::new(Semaphore::new(BROWSERS));
    let listening = stop.clone();
    let serve = |conn, _| {
        let Conn::Unix(stream) = conn else { return };
        let (seats, context, stop) = (seats.clone(), context.clone(), stop.clone());
        tokio::spawn(async move {
            let seat = seats.acquire().await;
            // Nobody is there to be told when the peer is gone.
            let _ = receive(stream, context, stop).await;
            drop(seat);
        });
    };
    bound.serve(number, listening, serve).await;
}

async fn receive(stream: UnixStream, context: Arc<Context>, stop: Shutdown) -> Result<(), Fault> {
    let allowed = context.access.admits(&stream);
    let io = HttpIo::new((Conn::Unix(stream), Buffer::default()));
    let mark = move |request: &mut hyper::Request<Incoming>| {
        let mut named = request.headers().get_all(header::HOST).iter();
        let local = named.next().is_some_and(|host| is_this_machine(host.as_bytes())) && named.next().is_none();
        match (allowed, local) {
            (true, true) => Ok(()),
            (false, _) => {
                Err(refused(StatusCode::FORBIDDEN, "Only admins of nologd may come here: see [admin] in its config.\n"))
            }
            (true, false) => {
                Err(refused(StatusCode::MISDIRECTED_REQUEST, "Open this as http://localhost and the port of ssh -L.\n"))
            }
        }
    };
    talk(io, table(context), mark, Secured::Elsewhere, (Instant::now(), stop)).await
}

fn refused(status: StatusCode, text: &'static str) -> Box<Response> {
    let mut response = Response::new(HttpBody::from(text));
    *response.status_mut() = status;
    Box::new(response)
}
