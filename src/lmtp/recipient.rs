//! RCPT: first the book, then the backend of the association. The relay hears the one that says no, or the backend's yes.

use super::answer;
use super::backend::{BackendConn, Slot};
use super::envelope::unknown;
use super::environment::LmtpEnvironment;
use super::reservation::RecipientReservation;
use super::session::{Awaited, LmtpAct, LmtpSession, LmtpStep};
use super::state::{Candidate, LmtpState, Outstanding, Recipient, RecipientFate, Transaction};
use crate::fault::{Fault, RefusalCode, Side};
use crate::private::Address;
use crate::route::BackendId;
use crate::smtp::answer::refusal;
use crate::smtp::client::Capabilities;
use crate::smtp::path::{Parameters, Path};
use crate::smtp::replied::{Replied, Wanted, hear};
use crate::smtp::reply::Reply;
use crate::smtp::upstream::{Manner, Opened};

/// The backend that has all mailboxes that `address` leads to; none where there is no such one.
fn backend_of(env: &dyn LmtpEnvironment, address: &Address) -> Option<BackendId> {
    let names = env.book().backends_of(address).ok()?;
    let mut backends = names.iter().map(|name| env.backend(name.as_deref()));
    let first = backends.next()??;
    backends.all(|other| other == Some(first)).then_some(first)
}

fn command(path: Path<'_>) -> Vec<u8> {
    [b"RCPT TO:<", path.reveal(), b">\r\n"].concat()
}

impl LmtpSession {
    /// Judges a recipient; if the book says yes, its backend is asked in the next steps.
    pub(super) fn recipient(
        &mut self,
        env: &dyn LmtpEnvironment,
        mut transaction: Transaction,
        path: Path<'_>,
        parameters: Parameters<'_>,
    ) {
        transaction.tried += 1;
        let (command, fits) = (command(path), transaction.tried <= self.params.recipients && parameters.iter().next().is_none());
        if let Some(first) = transaction.place_of(&command).filter(|_| fits) {
            // Dovecot stores it once, whatever it says twice.
            let slot = transaction.recipients[first].slot;
            transaction.recipients.push(Recipient { slot, command, fate: RecipientFate::Same(first) });
            return self.say(LmtpState::Open(transaction), b"250 2.1.5 OK\r\n".to_vec());
        }
        match self.candidate(env, &transaction, path, parameters) {
            Ok(candidate) => self.state = LmtpState::Asked(transaction, candidate),
            Err(answer) => self.say(LmtpState::Open(transaction), answer),
        }
    }

    fn candidate(
        &mut self,
        env: &dyn LmtpEnvironment,
        transaction: &Transaction,
        path: Path<'_>,
        parameters: Parameters<'_>,
    ) -> Result<Candidate, Vec<u8>> {
        if transaction.tried > self.params.recipients {
            return Err(refusal(RefusalCode::TooManyRecipients));
        }
        if parameters.iter().next().is_some() {
            return Err(unknown());
        }
        if !transaction.envelope.may_say(path) {
            return Err(answer::needs_utf8());
        }
        let address = std::str::from_utf8(path.reveal()).ok().and_then(Address::parse).ok_or_else(answer::no_address)?;
        let paths = transaction.envelope.sender_length() + path.reveal().len();
        let (room, backend) = match env.judge_elsewhere(&address) {
            Some(backend) => (RecipientReservation::elsewhere(), backend),
            None => {
                let room = RecipientReservation::ask(env, &address, transaction.envelope.size, paths);
                (room.map_err(|why| answer::no_room(&why))?, backend_of(env, &address))
            }
        };
        let slot = self.slot(backend.ok_or_else(|| answer::backend(Fault::Down))?);
        // If the book says no after the backend's yes, only a new transaction takes the recipient back.
        if room.is_doubtful(env) && transaction.uses(slot) {
            return Err(answer::apart());
        }
        let asked = Outstanding::Nothing { fresh: false };
        Ok(Candidate { slot, command: command(path), ascii: path.is_ascii(), room, asked })
    }

    fn slot(&mut self, backend: BackendId) -> Slot {
        let known = self.backends.iter().position(|conn| conn.backend == backend);
        Slot(known.unwrap_or_else(|| {
            self.backends.push(BackendConn::new(backend));
            self.backends.len() - 1
        }))
    }

    /// A backend is being asked about `candidate`.
    pub(super) fn asked(
        &mut self,
        env: &dyn LmtpEnvironment,
        transaction: Transaction,
        candidate: Candidate,
        input: &[u8],
    ) -> LmtpStep {
        if let Outstanding::Nothing { fresh } = candidate.asked {
            return self.ask(transaction, candidate, fresh, input);
        }
        let slot = candidate.slot;
        let fault = match hear(input, Wanted::Done) {
            (_, Replied::Part) => {
                self.state = LmtpState::Asked(transaction, candidate);
                return LmtpStep::new(0, LmtpAct::Read(Awaited::Backend(slot)));
            }
            (_, Replied::Lost(fault)) => fault,
            // One command was out.
            (used, _) if used < input.len() => Fault::Garbage(Side::Backend),
            (used, Replied::Yes(reply)) => {
                self.accepted(env, transaction, candidate, &reply);
                return LmtpStep::of_backend(used, LmtpAct::Again);
            }
            (used, Replied::No(reply)) => {
                reply.write(&mut self.answers);
                self.state = LmtpState::Open(transaction);
                return LmtpStep::of_backend(used, LmtpAct::Again);
            }
        };
        self.state = LmtpState::Asked(transaction, candidate);
        self.drop_backend(slot, fault);
        LmtpStep::of_backend(input.len(), LmtpAct::Again)
    }

    fn ask(&mut self, transaction: Transaction, mut candidate: Candidate, fresh: bool, input: &[u8]) -> LmtpStep {
        let slot = candidate.slot;
        let Some(backend) = self.backends.get_mut(slot.0) else { return LmtpStep::new(0, LmtpAct::Close) };
        // What a connection says by itself (421, mostly) is no answer to us.
        if backend.upstream.is_ready() && !input.is_empty() {
            let rested = !backend.in_transaction;
            candidate.asked = if rested { Outstanding::Mail { fresh } } else { Outstanding::Rcpt };
            self.state = LmtpState::Asked(transaction, candidate);
            self.drop_backend(slot, Fault::Gone(Side::Backend));
            return LmtpStep::of_backend(input.len(), LmtpAct::Again);
        }
        if backend.in_transaction {
            backend.upstream.say(&candidate.command);
            candidate.asked = Outstanding::Rcpt;
            self.state = LmtpState::Asked(transaction, candidate);
            return LmtpStep::new(0, LmtpAct::Again);
        }
        let fresh = fresh || !backend.upstream.is_ready();
        candidate.asked = Outstanding::Nothing { fresh };
        let (used, opened) = backend.upstream.open(input);
        let act = match opened {
            Opened::Act(act) => LmtpAct::Backend(slot, act),
            Opened::Read => LmtpAct::Read(Awaited::Backend(slot)),
            Opened::Ready(capabilities) => {
                self.ask_mail(transaction, candidate, fresh, &capabilities);
                return LmtpStep::of_backend(used, LmtpAct::Again);
            }
            Opened::Denied => return self.unopened(transaction, candidate, used, Fault::Down),
            Opened::Failed(fault) => return self.unopened(transaction, candidate, used, fault),
        };
        self.state = LmtpState::Asked(transaction, candidate);
        LmtpStep::of_backend(used, act)
    }

    fn ask_mail(&mut self, transaction: Transaction, mut candidate: Candidate, fresh: bool, backend: &Capabilities) {
        let command = transaction.envelope.command(backend, candidate.ascii);
        match (command, self.backend_mut(candidate.slot)) {
            (Some(command), Some(backend)) => {
                backend.upstream.say(&command);
                candidate.asked = Outstanding::Mail { fresh };
                self.state = LmtpState::Asked(transaction, candidate);
            }
            _ => self.say(LmtpState::Open(transaction), answer::needs_utf8()),
        }
    }

    fn unopened(&mut self, transaction: Transaction, candidate: Candidate, used: usize, fault: Fault) -> LmtpStep {
        let slot = candidate.slot;
        self.state = LmtpState::Asked(transaction, candidate);
        self.drop_backend(slot, fault);
        LmtpStep::of_backend(used, LmtpAct::Again)
    }

    fn accepted(&mut self, env: &dyn LmtpEnvironment, mut transaction: Transaction, mut candidate: Candidate, reply: &Reply) {
        let Some(backend) = self.backends.get_mut(candidate.slot.0) else { return };
        if let Outstanding::Mail { .. } = candidate.asked {
            backend.in_transaction = true;
            candidate.asked = Outstanding::Nothing { fresh: true };
            self.state = LmtpState::Asked(transaction, candidate);
            return;
        }
        match candidate.room.settle(env) {
            Ok(()) => {
                let Candidate { slot, command, room, .. } = candidate;
                transaction.recipients.push(Recipient { slot, command, fate: RecipientFate::Open(room) });
                reply.write(&mut self.answers);
            }
            Err(why) => {
                // The backend has a recipient that it must not have. Others that it has lose their turn, and are tried again.
                backend.leave(Manner::WithQuit);
                transaction.settle(candidate.slot, &answer::apart());
                self.answers.extend(answer::no_room(&why));
            }
        }
        self.state = LmtpState::Open(transaction);
    }
}
