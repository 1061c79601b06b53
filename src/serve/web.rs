//! Pages for everybody: [`http`](super::http) with our seats; what is answered stands in `web_table`.

use std::sync::Arc;

use hyper::body::Incoming;
use tokio::time::Instant;

use super::Context;
use super::accepted::Accepted;
use super::desk::Desk;
use super::handshake::Unsecured;
use super::http::{OPEN, Secured, talk};
use super::http_io::HttpIo;
use super::web_table::table;
use crate::fault::Fault;

/// Serves one connection to its end.
///
/// # Errors
/// Why it ended, if not by its own wish.
pub(super) async fn serve(accepted: Accepted, context: Arc<Context>) -> Result<(), Fault> {
    let Accepted { mut handshake, seat, stop, default_domain, .. } = accepted;
    let began = Instant::now();
    let secured = if matches!(handshake.entrance, Unsecured::Plain(_)) { Secured::Elsewhere } else { Secured::ByUs };
    // Where nothing is greeted, its first octets are waited for.
    handshake.login = OPEN;
    let link = handshake.greet(b"").await?;
    let desk = Arc::new(Desk::new(seat, default_domain));
    let at_desk = desk.clone();
    let mark = move |request: &mut hyper::Request<Incoming>| {
        request.extensions_mut().insert(at_desk.clone());
        Ok(())
    };
    let end = talk(HttpIo::new(link.into_parts()), table(context), mark, secured, (began, stop)).await;
    desk.finish().await;
    end
}
