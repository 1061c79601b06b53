//! RCPT: first the book, then the backend of the association. The relay hears the one that says no, or the backend's yes.

use super::answer;
use super::envelope::unknown;
use super::hop::Hop;
use super::reservation::RecipientReservation;
use super::session::{Act, Environment, Peer, Session, Step};
use super::state::{Asked, Candidate, Fate, Recipient, State, Transaction};
use crate::fault::{Fault, RefusalCode, Side};
use crate::private::Address;
use crate::route::BackendId;
use crate::smtp::answer::refusal;
use crate::smtp::client::Capabilities;
use crate::smtp::line::{Line, Opened};
use crate::smtp::path::{Parameters, Path};
use crate::smtp::reply::Reply;

impl Session {
    /// Judges a recipient; if the book says yes, its backend is asked in the next steps.
    pub(super) fn recipient(
        &mut self,
        env: &dyn Environment,
        mut transaction: Transaction,
        path: Path<'_>,
        parameters: Parameters<'_>,
    ) {
        transaction.tried += 1;
        match self.candidate(env, &transaction, path, parameters) {
            Ok(candidate) => self.state = State::Asked(transaction, candidate),
            Err(answer) => self.say(State::Open(transaction), answer),
        }
    }

    fn candidate(
        &mut self,
        env: &dyn Environment,
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
        let room =
            RecipientReservation::ask(env, &address, transaction.envelope.size, paths).map_err(|why| answer::no_room(&why))?;
        let route = env.book().route(address.domain(), env.today());
        let backend = route.and_then(|route| env.backend(route.backend.as_deref()));
        let slot = self.slot(backend.ok_or_else(|| answer::backend(Fault::Down))?);
        // If the book says no after the backend's yes, only a new transaction takes the recipient back.
        if room.is_doubtful(env) && transaction.uses(slot) {
            return Err(answer::apart());
        }
        let order = [b"RCPT TO:<", path.reveal(), b">\r\n"].concat();
        let asked = Asked::Nothing { fresh: false };
        Ok(Candidate { slot, order, ascii: path.is_ascii(), room, asked })
    }

    fn slot(&mut self, backend: BackendId) -> usize {
        self.hops.iter().position(|hop| hop.backend == backend).unwrap_or_else(|| {
            self.hops.push(Hop::new(backend));
            self.hops.len() - 1
        })
    }

    /// A backend is being asked about `candidate`.
    pub(super) fn asked(&mut self, env: &dyn Environment, transaction: Transaction, candidate: Candidate, input: &[u8]) -> Step {
        if let Asked::Nothing { fresh } = candidate.asked {
            return self.ask(transaction, candidate, fresh, input);
        }
        let slot = candidate.slot;
        match Reply::parse(input) {
            Ok(None) => {
                self.state = State::Asked(transaction, candidate);
                Step::new(0, Act::Read(Peer::Hop(slot)))
            }
            Ok(Some((reply, used))) if reply.code() != 421 && (reply.is_positive() || reply.is_negative()) => {
                if used < input.len() {
                    self.state = State::Asked(transaction, candidate);
                    self.drop_hop(slot, Fault::Garbage(Side::Backend));
                } else {
                    self.answered(env, transaction, candidate, &reply);
                }
                Step::of_hop(input.len(), Act::Again)
            }
            told => {
                let fault = if let Ok(Some((reply, _))) = told { of_code(reply.code()) } else { Fault::Garbage(Side::Backend) };
                self.state = State::Asked(transaction, candidate);
                self.drop_hop(slot, fault);
                Step::of_hop(input.len(), Act::Again)
            }
        }
    }

    fn ask(&mut self, transaction: Transaction, mut candidate: Candidate, fresh: bool, input: &[u8]) -> Step {
        let slot = candidate.slot;
        let Some(hop) = self.hops.get_mut(slot) else { return Step::new(0, Act::Close) };
        // What a connection says by itself (421, mostly) is no answer to us.
        if let (Line::Ready(_), false) = (&hop.line, input.is_empty()) {
            let rested = !hop.in_transaction;
            candidate.asked = if rested { Asked::Mail { fresh } } else { Asked::Rcpt };
            self.state = State::Asked(transaction, candidate);
            self.drop_hop(slot, Fault::Gone(Side::Backend));
            return Step::of_hop(input.len(), Act::Again);
        }
        if hop.in_transaction {
            hop.orders.extend_from_slice(&candidate.order);
            candidate.asked = Asked::Rcpt;
            self.state = State::Asked(transaction, candidate);
            return Step::new(0, Act::Again);
        }
        let fresh = fresh || !matches!(hop.line, Line::Ready(_));
        candidate.asked = Asked::Nothing { fresh };
        let (used, opened) = hop.line.open(input, &mut hop.orders);
        let act = match opened {
            Opened::Dial => Act::Dial(slot),
            Opened::Read => Act::Read(Peer::Hop(slot)),
            Opened::Secure => Act::Secure(slot),
            Opened::Ready(capabilities) => {
                self.ask_mail(transaction, candidate, fresh, &capabilities);
                return Step::of_hop(used, Act::Again);
            }
            Opened::Denied => return self.unopened(transaction, candidate, used, Fault::Down),
            Opened::Failed(fault) => return self.unopened(transaction, candidate, used, fault),
        };
        self.state = State::Asked(transaction, candidate);
        Step::of_hop(used, act)
    }

    fn ask_mail(&mut self, transaction: Transaction, mut candidate: Candidate, fresh: bool, backend: &Capabilities) {
        let order = transaction.envelope.order(backend, candidate.ascii);
        match (order, self.hops.get_mut(candidate.slot)) {
            (Some(order), Some(hop)) => {
                hop.orders.extend_from_slice(&order);
                candidate.asked = Asked::Mail { fresh };
                self.state = State::Asked(transaction, candidate);
            }
            _ => self.say(State::Open(transaction), answer::needs_utf8()),
        }
    }

    fn unopened(&mut self, transaction: Transaction, candidate: Candidate, used: usize, fault: Fault) -> Step {
        let slot = candidate.slot;
        self.state = State::Asked(transaction, candidate);
        self.drop_hop(slot, fault);
        Step::of_hop(used, Act::Again)
    }

    fn answered(&mut self, env: &dyn Environment, mut transaction: Transaction, mut candidate: Candidate, reply: &Reply) {
        let Some(hop) = self.hops.get_mut(candidate.slot) else { return };
        if !reply.is_positive() {
            reply.write(&mut self.answers);
            self.state = State::Open(transaction);
            return;
        }
        if let Asked::Mail { .. } = candidate.asked {
            hop.in_transaction = true;
            candidate.asked = Asked::Nothing { fresh: true };
            self.state = State::Asked(transaction, candidate);
            return;
        }
        match candidate.room.settle(env) {
            Ok(()) => {
                let Candidate { slot, room, .. } = candidate;
                transaction.recipients.push(Recipient { slot, fate: Fate::Open(room) });
                reply.write(&mut self.answers);
            }
            Err(why) => {
                // The backend has a recipient that it must not have. Others that it has lose their turn, and are tried again.
                hop.leave(true, None);
                transaction.settle(candidate.slot, &answer::apart());
                self.answers.extend(answer::no_room(&why));
            }
        }
        self.state = State::Open(transaction);
    }
}

/// What a reply means that is neither yes nor no. 421: the backend closes; to the relay a 421 would say that we do.
pub(super) fn of_code(code: u16) -> Fault {
    if code == 421 { Fault::Gone(Side::Backend) } else { Fault::Garbage(Side::Backend) }
}
