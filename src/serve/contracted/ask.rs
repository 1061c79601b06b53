//! What the server of a backend says of itself before anybody logs in: it is asked until that is known for sure.

use tokio::time::Instant;

use super::converse::{asks_for_tls, converse};
use super::enter::Entrance;
use crate::fault::{Fault, Side};
use crate::net::buffered::BufferedConn;
use crate::net::dial::dial;
use crate::route::{BackendId, Backends, Endpoint};
use crate::serve::Context;
use crate::wire::contract::Conversation;

/// Asks those that speak this of whom nothing sure is known.
pub(super) async fn ask_those<E: Entrance>(context: &Context, backends: &Backends) {
    for (id, backend) in backends.iter().filter(|(id, _)| E::is_due(&context.lists, *id)) {
        let Some(endpoint) = backend.endpoint(E::SERVICE) else { continue };
        // One that does not answer is asked again.
        let _ = ask::<E>(context, backends, (id, endpoint)).await;
    }
}

/// Asks one: its greeting, TLS where that comes first, and its list; nobody logs in.
async fn ask<E: Entrance>(context: &Context, backends: &Backends, (id, endpoint): (BackendId, &Endpoint)) -> Result<(), Fault> {
    let patience = context.patience.backend;
    let conn = dial(endpoint, &context.tls, patience).await?;
    let conn = BufferedConn::new(conn, Side::Backend, Instant::now() + patience);
    let mut conversation = E::Conversation::begin(asks_for_tls(endpoint));
    let mut conn = converse(context, endpoint, conn, &mut conversation, None).await?;
    E::heard(&context.lists, backends, id, conversation);
    // Its answer is not waited for: it has said what was asked.
    conn.send(E::Conversation::GOODBYE).await
}
