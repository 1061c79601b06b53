//! ManageSieve: what [`contracted`](super) does not know of it.
//!
//! Absent on purpose: a pool: a webmail opens its filters seldom, and Dovecot's server of them has no
//! command that leads back to the state behind the login.

use std::sync::Arc;

use super::ServerLists;
use super::ask::ask_those;
use super::enter::Entrance;
use super::one::serve_one;
use crate::event::BackendService;
use crate::fault::{Fault, RefusalCode};
use crate::imap::space::Account;
use crate::incident::StepDialect;
use crate::private::Mechanism;
use crate::quota::Amount;
use crate::route::{BackendId, Backends};
use crate::serve::Context;
use crate::serve::accepted::Accepted;
use crate::serve::mailbox::MailboxAccount;
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
    type BeforeLogin = SieveLogin;
    type Voice = SieveVoice;
    type Conversation = UpstreamSieveLogin;
    const SERVICE: BackendService = BackendService::Sieve;
    const DIALECT: &'static StepDialect = &crate::sieve::steps::DIALECT;

    fn is_worth_asking(lists: &ServerLists, backend: BackendId, mechanism: Mechanism) -> bool {
        lists.sieve.is_worth_asking(backend, mechanism)
    }

    fn is_due(lists: &ServerLists, backend: BackendId) -> bool {
        lists.sieve.is_due(backend)
    }

    fn heard(lists: &ServerLists, backends: &Backends, backend: BackendId, conversation: UpstreamSieveLogin) {
        lists.sieve.learn(backends, backend, conversation.into_capabilities());
    }
}

/// Asks the servers of whom nothing sure is known.
pub(in crate::serve) async fn ask_unknown(context: &Context, backends: &Backends) {
    ask_those::<ManageSieve>(context, backends).await;
}

/// Serves one connection to its end.
///
/// # Errors
/// Why it ended, if not by its own wish.
pub(in crate::serve) async fn serve(accepted: Accepted, context: Arc<Context>) -> Result<(), Fault> {
    let (list, forwarding) = (context.lists.sieve.of_all(), context.lists.sieve.forwarding);
    let before = |secure| SieveLogin::new(secure, list);
    let session = |member: Arc<MailboxAccount>| SieveSession::new(member, forwarding);
    serve_one::<ManageSieve, _>(accepted, context, before, session).await
}
