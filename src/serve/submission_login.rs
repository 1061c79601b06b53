//! AUTH at submission: the mailbox's IMAP backend judges, or the relay does; whoever it is, within the limits of guessing.

use super::admission::{Authenticated, Claim, NoLogin};
use super::imap_backend;
use super::submission::SubmissionDriver;
use crate::fault::{Fault, RefusalCode, Side};
use crate::incident::StepWord;
use crate::private::Credential;
use crate::route::AuthBy;
use crate::submission::CredentialVerdict;

impl SubmissionDriver {
    /// A client has shown `credential`: who it is, or that the relay is to say it.
    pub(super) async fn judge(&mut self, credential: Credential) -> Result<(), Fault> {
        let credential = credential.completed(self.default_domain.as_deref());
        self.send().await?;
        let known = self.observer.is_on();
        self.observer.about(credential.user.reveal());
        if !known {
            self.observer.asked(Side::Client, StepWord::new("AUTH"));
        }
        let verdict = match self.by_relay(&credential) {
            Some(Ok((who, respelt))) => {
                let user = who.user.clone();
                self.who = Some(who);
                CredentialVerdict::Relay(user, respelt.unwrap_or(credential))
            }
            Some(Err(code)) => untried(code),
            None => match Box::pin(imap_backend::verify(&self.context, &self.seat, &credential, self.pooling)).await {
                Ok(who) => {
                    let user = who.user.clone();
                    self.who = Some(who);
                    self.observer.judged(None);
                    CredentialVerdict::Accepted(user)
                }
                Err(NoLogin::Denied) => {
                    self.observer.judged(Some(RefusalCode::WrongPassword));
                    CredentialVerdict::Denied
                }
                Err(NoLogin::Untried(code)) => {
                    self.observer.judged(Some(code));
                    untried(code)
                }
            },
        };
        self.session.judged(verdict);
        Ok(())
    }

    /// Where the relay judges: who it would be, within the limits.
    fn by_relay(&mut self, credential: &Credential) -> Option<Result<(Authenticated, Option<Credential>), RefusalCode>> {
        // Who is on the way sends all the same: no mailbox is needed for it.
        let Claim { who, respelt, .. } = Authenticated::claimed(&self.context, credential)?;
        let who = who?;
        if who.backends.at(who.backend)?.auth != AuthBy::Relay {
            return None;
        }
        let limits = &self.context.limits;
        let account = limits.pseudonymiser().account(&self.context.book.account_of(credential.user.reveal()));
        let attempt = self.seat.attempt(account, &credential.secret);
        Some(attempt.map(|attempt| {
            self.attempt = Some(attempt);
            (who, respelt)
        }))
    }

    /// The relay has taken the credential, or could not judge it.
    pub(super) fn relay_judged(&mut self) -> Result<(), Fault> {
        let Some(attempt) = self.attempt.take() else { return Ok(()) };
        if !self.session.is_at_rest() {
            attempt.unjudged();
            return Ok(());
        }
        attempt.right(&self.seat).map_err(|_| Fault::Limit)
    }

    /// The relay refused it.
    pub(super) fn count_wrong(&mut self) {
        if let Some(attempt) = self.attempt.take() {
            attempt.wrong();
        }
        self.who = None;
    }
}

fn untried(code: RefusalCode) -> CredentialVerdict {
    match code {
        RefusalCode::TooManyTries => CredentialVerdict::Limited,
        code => CredentialVerdict::Unknown(code),
    }
}
