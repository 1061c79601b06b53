//! ManageSieve: what [`enter`](super::enter) and [`carry`](super::carry) do not know by themselves.
//!
//! Absent on purpose: incident mode, as for POP3, and a pool: a webmail opens its filters seldom, and Dovecot's server of them has no
//! command that leads back to the state behind the login.

use std::sync::Arc;

use super::Context;
use super::accepted::Accepted;
use super::admission::Authenticated;
use super::carry::{SessionPair, carry};
use super::enter::{Entered, Entrance, enter};
use super::health::Health;
use super::mailbox::MailboxAccount;
use crate::event::BackendService;
use crate::fault::{Fault, RefusalCode, Side};
use crate::imap::space::Account;
use crate::quota::Amount;
use crate::route::{Backend, Endpoint};
use crate::sieve::login::SieveLogin;
use crate::sieve::reply::SieveVoice;
use crate::sieve::session::{ScriptOwner, SieveSession};
use crate::sieve::upstream_login::UpstreamSieveLogin;

impl ScriptOwner for MailboxAccount {
    fn may_change(&self) -> Result<(), RefusalCode> {
        Account::may_change(self)
    }

    fn has_room(&self, octets: u64) -> Result<(), RefusalCode> {
        Account::may_change(self)?;
        self.probe(Amount { octets, messages: 0 })
    }
}

struct ManageSieve;

impl Entrance for ManageSieve {
    type Door = SieveLogin;
    type Voice = SieveVoice;
    type Conversation = UpstreamSieveLogin;
    const SERVICE: BackendService = BackendService::Sieve;

    fn endpoint<'a>(&self, backend: &'a Backend) -> Option<&'a Endpoint> {
        backend.sieve.as_ref()
    }

    fn health<'a>(&self, context: &'a Context) -> &'a Health {
        &context.sieve_health
    }

    fn conversation(&self, starttls: bool) -> UpstreamSieveLogin {
        UpstreamSieveLogin::new(starttls)
    }

    fn heard(&self, context: &Context, who: &Authenticated, conversation: UpstreamSieveLogin) {
        context.sieve_offers.learn(who.backend, conversation.into_offer());
    }
}

/// Serves one connection to its end.
///
/// # Errors
/// Why it ended, if not by its own wish.
pub(super) async fn serve(accepted: Accepted, context: Arc<Context>) -> Result<(), Fault> {
    let offer = context.sieve_offers.of_all(&context.backends.load());
    let forwarding = context.forwarding;
    let door = |secure| SieveLogin::new(secure, Arc::new(offer), forwarding);
    // Boxed, so that what login needs does not stay in the task of a session that idles for long.
    let (entered, seat, stop) = Box::pin(enter(accepted, &context, &ManageSieve, door)).await?;
    let Some(Entered { client, who, backend }) = entered else { return Ok(()) };
    let server = who.backend;
    let member = MailboxAccount::new(&context, who.user);
    let watch = member.watch();
    let mut pair = SessionPair::<_, SieveVoice>::new(client, backend, SieveSession::new(member, forwarding));
    let end = carry(&mut pair, context.patience, stop, watch.as_ref()).await;
    if end == Err(Fault::Garbage(Side::Backend)) {
        context.confused(server, BackendService::Sieve);
    }
    drop(seat);
    drop(pair);
    if let Some(watch) = watch {
        watch.closed();
    }
    end
}
