//! What an IMAP session says about the octets that were read, done: they pass, are rewritten, swallowed or answered. Each is moved at
//! once, or approved for the socket of the other side (`proxy`).

use super::proxy::Proxy;
use super::side::{WAITING, Waits};
use crate::imap::ImapStep;

impl Proxy {
    /// Asks the session about all that was read. True when something was done.
    pub(super) fn decide(&mut self) -> bool {
        let mut done = false;
        while self.backend.output.len() < WAITING && self.answers.len() < WAITING {
            let begins = self.observer.is_on() && self.session.awaits_command();
            let step = self.session.from_client(self.client.undecided(), self.client.is_full());
            if begins {
                self.observer.imap_command(self.client.undecided(), &step);
            }
            self.observer.imap_answer(&step);
            if !self.obey_client(step) {
                break;
            }
            done = true;
        }
        while self.client.output.len() < WAITING && self.closing.is_none() {
            let begins = self.observer.is_on() && self.session.may_answer();
            let step = self.session.from_backend(self.backend.undecided(), self.backend.is_full());
            if begins {
                self.observer.imap_response(self.backend.undecided(), &step);
            }
            if !self.obey_backend(step) {
                break;
            }
            done = true;
        }
        if !self.answers.is_empty() && self.session.may_answer() && self.closing.is_none() {
            self.client.take_approved(&mut self.backend, 0);
            self.client.output.append(&mut self.answers);
            self.answers = Vec::new();
            done = true;
        }
        done
    }

    fn obey_client(&mut self, step: ImapStep) -> bool {
        self.waits = match step {
            ImapStep::Need => Waits::Client,
            ImapStep::Hold => Waits::Backend,
            _ => Waits::Nobody,
        };
        match step {
            ImapStep::Need | ImapStep::Hold => return false,
            ImapStep::Forward(count) => self.client.approved += count,
            ImapStep::Rewrite(count, bytes) => {
                self.backend.take_approved(&mut self.client, count);
                self.backend.output.extend_from_slice(&bytes);
            }
            ImapStep::Answer(count, bytes) => {
                self.backend.take_approved(&mut self.client, count);
                self.answers.extend_from_slice(&bytes);
            }
            ImapStep::Swallow(count) => self.backend.take_approved(&mut self.client, count),
            ImapStep::Close(words, fault) => {
                self.close(&words, fault);
                return false;
            }
        }
        true
    }

    fn obey_backend(&mut self, step: ImapStep) -> bool {
        match step {
            ImapStep::Need | ImapStep::Hold => return false,
            ImapStep::Forward(count) => self.backend.approved += count,
            ImapStep::Rewrite(count, bytes) => {
                self.client.take_approved(&mut self.backend, count);
                self.client.output.extend_from_slice(&bytes);
            }
            ImapStep::Swallow(count) => self.client.take_approved(&mut self.backend, count),
            ImapStep::Answer(count, bytes) => {
                self.client.take_approved(&mut self.backend, count);
                self.backend.output.extend_from_slice(&bytes);
            }
            ImapStep::Close(words, fault) => {
                self.close(&words, fault);
                return false;
            }
        }
        true
    }
}
