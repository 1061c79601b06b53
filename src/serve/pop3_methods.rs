//! Asking the POP3 servers behind which ways to log in they know besides passwords: at the start, by [`methods`](super::methods), until each
//! answers; and every login sees its list anew.

use tokio::time::Instant;

use super::Context;
use super::converse::{asks_for_tls, converse};
use crate::event::BackendService;
use crate::fault::{Fault, Side};
use crate::net::buffered::BufferedConn;
use crate::net::dial::dial;
use crate::pop3::upstream_login::UpstreamPop3Login;
use crate::route::{BackendId, Backends, Endpoint};

/// Asks those of whom nothing sure is known.
pub(super) async fn ask_unknown(context: &Context, backends: &Backends) {
    for (id, backend) in backends.iter().filter(|(id, _)| context.pop3_methods.is_due(*id)) {
        let Some(endpoint) = backend.endpoint(BackendService::Pop3) else { continue };
        // One that does not answer is asked again.
        let _ = ask(context, (id, endpoint)).await;
    }
}

/// Asks one: its greeting, TLS where that comes first, and CAPA; nobody logs in.
async fn ask(context: &Context, (id, endpoint): (BackendId, &Endpoint)) -> Result<(), Fault> {
    let patience = context.patience.backend;
    let conn = dial(endpoint, &context.tls, patience).await?;
    let conn = BufferedConn::new(conn, Side::Backend, Instant::now() + patience);
    let mut conversation = UpstreamPop3Login::new(asks_for_tls(endpoint));
    let mut conn = converse(context, endpoint, conn, &mut conversation, None).await?;
    context.pop3_methods.learn(id, conversation.tokens());
    // Its answer is not waited for: it has said what was asked.
    conn.send(b"QUIT\r\n").await
}
