//! The policy service: read a request, answer, read the next.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tokio::time::Instant;

use super::Context;
use super::accepted::Accepted;
use super::clock::today;
use crate::fault::Fault;
use crate::net::shutdown::ShutdownPhase;
use crate::postfix_policy::{PolicyRequest, decide};

/// Serves one connection to its end. Postfix closes it when it is idle for long, or was used often.
///
/// # Errors
/// Why it ended, if not by its own wish.
pub(super) async fn serve(accepted: Accepted, context: Arc<Context>) -> Result<(), Fault> {
    let Accepted { handshake, seat: _seat, mut stop, .. } = accepted;
    let mut link = handshake.greet(b"").await?;
    loop {
        link.set_deadline(Instant::now() + context.patience.idle);
        match PolicyRequest::parse(link.input()) {
            Ok(Some((request, used))) => {
                let answer = judge(&context, request);
                link.consume(used);
                link.send(&answer).await?;
            }
            Ok(None) => tokio::select! {
                filled = link.fill() => drop(filled?),
                () = stop.reached(ShutdownPhase::Draining) => return Err(Fault::Stopping),
            },
            Err(fault) => {
                link.send(&context.quota.policy_failure.action()).await?;
                link.close().await;
                return Err(fault);
            }
        }
    }
}

/// A book that panics must not stop the mail of the whole host, unless the admins want just that.
fn judge(context: &Context, request: PolicyRequest<'_>) -> Vec<u8> {
    let judged = catch_unwind(AssertUnwindSafe(|| decide(request, &context.book, context.quota.over, today())));
    judged.unwrap_or_else(|_| context.quota.policy_failure.action())
}
