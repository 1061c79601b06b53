//! POP3: what [`contracted`](super) does not know of it.

use std::sync::Arc;

use super::ServerLists;
use super::ask::ask_those;
use super::enter::Entrance;
use super::one::serve_one;
use crate::event::BackendService;
use crate::fault::{Fault, RefusalCode};
use crate::imap::space::Account;
use crate::incident::StepDialect;
use crate::pop3::login::Pop3Login;
use crate::pop3::reply::Pop3Voice;
use crate::pop3::session::{Maildrop, Pop3Session};
use crate::pop3::upstream_login::UpstreamPop3Login;
use crate::private::Mechanism;
use crate::route::{BackendId, Backends};
use crate::serve::Context;
use crate::serve::accepted::Accepted;
use crate::serve::mailbox::MailboxAccount;

impl Maildrop for MailboxAccount {
    fn may_delete(&self) -> Result<(), RefusalCode> {
        self.may_change()
    }

    fn freed(&self) {
        // POP3 knows one folder, and no size of the others: whoever can count is to do so.
        self.shrank();
    }

    fn perhaps_freed(&self) {
        // Whoever counted now might be too early.
        self.unsee();
    }
}

struct Pop3;

impl Entrance for Pop3 {
    type BeforeLogin = Pop3Login;
    type Voice = Pop3Voice;
    type Conversation = UpstreamPop3Login;
    const SERVICE: BackendService = BackendService::Pop3;
    const DIALECT: &'static StepDialect = &crate::pop3::steps::DIALECT;

    fn is_worth_asking(lists: &ServerLists, backend: BackendId, mechanism: Mechanism) -> bool {
        lists.pop3.is_worth_asking(backend, mechanism)
    }

    fn is_due(lists: &ServerLists, backend: BackendId) -> bool {
        lists.pop3.is_due(backend)
    }

    fn heard(lists: &ServerLists, _: &Backends, backend: BackendId, conversation: UpstreamPop3Login) {
        lists.pop3.learn(backend, conversation.tokens());
    }
}

/// Asks the servers of whom nothing sure is known.
pub(in crate::serve) async fn ask_unknown(context: &Context, backends: &Backends) {
    ask_those::<Pop3>(context, backends).await;
}

/// Serves one connection to its end.
///
/// # Errors
/// Why it ended, if not by its own wish.
pub(in crate::serve) async fn serve(accepted: Accepted, context: Arc<Context>) -> Result<(), Fault> {
    let tokens = context.lists.pop3.of_all(&context.backends.load());
    let before = |secure| Pop3Login::new(secure, tokens);
    serve_one::<Pop3, _>(accepted, context, before, |member| Pop3Session::new(member)).await
}
