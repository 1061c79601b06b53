//! POP3: what [`contracted`] does not know of it.

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
use crate::pop3::login::Pop3Login;
use crate::pop3::reply::Pop3Voice;
use crate::pop3::session::{Maildrop, Pop3Session};
use crate::pop3::upstream_login::UpstreamPop3Login;
use crate::private::Mechanism;

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
    type Door = Pop3Login;
    type Voice = Pop3Voice;
    type Conversation = UpstreamPop3Login;
    const SERVICE: BackendService = BackendService::Pop3;
    const DIALECT: &'static StepDialect = &crate::pop3::steps::DIALECT;

    fn conversation(&self, starttls: bool) -> UpstreamPop3Login {
        UpstreamPop3Login::new(starttls)
    }

    fn is_worth_asking(&self, context: &Context, who: &Authenticated, mechanism: Mechanism) -> bool {
        context.pop3_methods.is_worth_asking(who.backend, mechanism)
    }

    fn heard(&self, context: &Context, who: &Authenticated, conversation: UpstreamPop3Login) {
        context.pop3_methods.learn(who.backend, conversation.tokens());
    }
}

/// Serves one connection to its end.
///
/// # Errors
/// Why it ended, if not by its own wish.
pub(super) async fn serve(accepted: Accepted, context: Arc<Context>) -> Result<(), Fault> {
    let tokens = context.pop3_methods.of_all(&context.backends.load());
    let door = |secure| Pop3Login::new(secure, tokens);
    contracted::serve(accepted, context, &Pop3, door, |member| Pop3Session::new(member)).await
}
