//! Hands one message of our own to one server that takes it, over a connection of its own.

use std::time::Duration;

use tokio::time::timeout;

use super::Context;
use super::upstream::{Destination, Parking, Role, UpstreamConn};
use crate::smtp::delivery::{Delivery, DeliveryOutcome, DeliveryStep, Letter, Taker};
use crate::smtp::upstream::Done;

/// From the connection to the last reply.
const SENDING: Duration = Duration::from_secs(60);

/// One message, to one that takes it.
pub(super) async fn carry(context: &Context, to: Destination<'_>, taker: Taker, letter: Letter) -> DeliveryOutcome {
    let mut delivery = Delivery::new(&context.hostname, taker, letter);
    let ended = timeout(SENDING, hand_over(context, to, taker, &mut delivery)).await;
    ended.unwrap_or_else(|_| delivery.lost())
}

async fn hand_over(context: &Context, to: Destination<'_>, taker: Taker, delivery: &mut Delivery) -> DeliveryOutcome {
    let role = match taker {
        Taker::Relay => Role::Relay,
        Taker::Store => Role::Store,
    };
    let mut relay = UpstreamConn::new(role, Parking::Never);
    loop {
        match delivery.step(relay.input()) {
            DeliveryStep::Read(used) => {
                relay.consume(used);
                let sent = relay.send(&delivery.commands(), context.patience.stall).await;
                let read = match sent {
                    Ok(()) => relay.fill(context.patience.stall).await,
                    Err(fault) => Err(fault),
                };
                if let Err(fault) = read {
                    delivery.done(Done::Failed(fault));
                }
            }
            DeliveryStep::Act(used, act) => {
                relay.consume(used);
                if let Some(done) = relay.act(context, Some(to), act).await {
                    delivery.done(done);
                }
            }
            DeliveryStep::End(outcome) => return outcome,
        }
    }
}
