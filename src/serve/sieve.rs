//! ManageSieve: what [`contracted`] does not know of it.
//!
//! Absent on purpose: a pool: a webmail opens its filters seldom, and Dovecot's server of them has no
//! command that leads back to the state behind the login.

use std::sync::Arc;

use super::Context;
use super::accepted::Accepted;
use super::admission::Authenticated;
use super::contracted;
use super::enter::Entrance;
use super::mailbox::MailboxAccount;
use crate::event::BackendService;
use crate::fault::{Fault, RefusalCode};
use crate::imap::space::Account;
use crate::incident::StepDialect;
use crate::private::Mechanism;
use crate::quota::Amount;
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
    const DIALECT: &'static StepDialect = &crate::sieve::steps::DIALECT;

    fn conversation(&self, starttls: bool) -> UpstreamSieveLogin {
        UpstreamSieveLogin::new(starttls)
    }

    fn is_worth_asking(&self, context: &Context, who: &Authenticated, mechanism: Mechanism) -> bool {
        context.sieve_offers.is_worth_asking(who.backend, mechanism)
    }

    fn heard(&self, context: &Context, who: &Authenticated, conversation: UpstreamSieveLogin) {
        context.sieve_offers.learn(&who.backends, who.backend, conversation.into_offer());
    }
}

/// Serves one connection to its end.
///
/// # Errors
/// Why it ended, if not by its own wish.
pub(super) async fn serve(accepted: Accepted, context: Arc<Context>) -> Result<(), Fault> {
    let (offer, forwarding) = (context.sieve_offers.of_all(), context.forwarding);
    let door = |secure| SieveLogin::new(secure, offer);
    let session = |member: Arc<MailboxAccount>| SieveSession::new(member, forwarding);
    contracted::serve(accepted, context, &ManageSieve, door, session).await
}
