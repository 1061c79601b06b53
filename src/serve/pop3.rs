//! POP3: what [`contracted`] does not know by themselves.
//!
//! Absent on purpose: incident mode. POP3 has no word by which the owner could be told that a session is watched.

use std::sync::Arc;

use super::Context;
use super::accepted::Accepted;
use super::admission::Authenticated;
use super::contracted;
use super::enter::Entrance;
use super::health::Health;
use super::mailbox::MailboxAccount;
use crate::event::BackendService;
use crate::fault::{Fault, RefusalCode};
use crate::imap::space::Account;
use crate::pop3::login::Pop3Login;
use crate::pop3::reply::Pop3Voice;
use crate::pop3::session::{Maildrop, Pop3Session};
use crate::pop3::upstream_login::UpstreamPop3Login;
use crate::route::{Backend, Endpoint};

impl Maildrop for MailboxAccount {
    fn may_delete(&self) -> Result<(), RefusalCode> {
        self.may_change()
    }

    fn freed(&self) {
        // POP3 knows one folder, and no size of the others: whoever can count does it next.
        self.unsee();
    }
}

struct Pop3;

impl Entrance for Pop3 {
    type Door = Pop3Login;
    type Voice = Pop3Voice;
    type Conversation = UpstreamPop3Login;
    const SERVICE: BackendService = BackendService::Pop3;

    fn endpoint<'a>(&self, backend: &'a Backend) -> Option<&'a Endpoint> {
        backend.pop3.as_ref()
    }

    fn health<'a>(&self, context: &'a Context) -> &'a Health {
        &context.pop3_health
    }

    fn conversation(&self, starttls: bool) -> UpstreamPop3Login {
        UpstreamPop3Login::new(starttls)
    }

    fn heard(&self, _: &Context, _: &Authenticated, _: UpstreamPop3Login) {}
}

/// Serves one connection to its end.
///
/// # Errors
/// Why it ended, if not by its own wish.
pub(super) async fn serve(accepted: Accepted, context: Arc<Context>) -> Result<(), Fault> {
    contracted::serve(accepted, context, &Pop3, Pop3Login::new, |member| Pop3Session::new(member)).await
}
