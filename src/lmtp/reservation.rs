//! RecipientReservation for one recipient: the question to the book before the backend hears of the recipient, and its end.
//!
//! A recipient may lead to several mailboxes (an alias); all of them must have room. A mailbox that the book does not know
//! yet can exist or not, which only the backend can tell: it is weighed first, and set aside when the backend took it.

use super::environment::LmtpEnvironment;
use crate::private::Address;
use crate::quota::{Amount, ON_TOP, Origin, Reservation, Unknown, Verdict};

/// Octets of the fields that a backend writes on top, without the paths in them.
const FIELDS: u64 = 512;

/// What is set aside for one recipient; given back when dropped, until it is handed over.
pub(super) struct RecipientReservation {
    held: Vec<(Address, Reservation)>,
    /// Not in the book yet.
    strangers: Vec<Address>,
    amount: Amount,
    /// What the backend may write on top of the message, in octets.
    on_top: u64,
}

/// Why there is none.
pub(super) enum NoSpace {
    /// No association has the domain, and whether the sender is to try again.
    UnknownDomain(Unknown),
    /// What the book says, and whether the sender is to try again.
    Full(Verdict, bool),
    /// The mailbox was taken out of the book while the message came in: only a new try shows what it is now.
    Gone,
}

impl RecipientReservation {
    /// Asks for room for a message of `octets` in every mailbox that `recipient` leads to. `paths`: octets of the sender's and the
    /// recipient's paths, which the backend writes on top, some of them twice (Return-Path, Delivered-To, Received).
    pub(super) fn ask(
        env: &dyn LmtpEnvironment,
        recipient: &Address,
        octets: u64,
        paths: usize,
    ) -> Result<RecipientReservation, NoSpace> {
        let mailboxes = env.book().resolve(recipient).ok_or_else(|| unknown(env))?;
        let on_top = ON_TOP.max(FIELDS + 2 * paths as u64);
        let mut room = RecipientReservation { held: Vec::new(), strangers: Vec::new(), amount: stored(octets, on_top), on_top };
        for mailbox in mailboxes {
            match env.book().reserve(&mailbox, room.amount, Origin::Incoming, env.today()) {
                Ok(reservation) => room.held.push((mailbox, reservation)),
                Err(Verdict::Unknown) => {
                    let weighed = env.book().probe(&mailbox, room.amount, env.today());
                    weighed.map_err(|verdict| no_room(env, &mailbox, room.amount, verdict))?;
                    room.strangers.push(mailbox);
                }
                Err(verdict) => return Err(no_room(env, &mailbox, room.amount, verdict)),
            }
        }
        Ok(room)
    }

    /// Another node judges: it is asked by its own RCPT, and nothing is set aside here.
    pub(super) fn elsewhere() -> RecipientReservation {
        RecipientReservation { held: Vec::new(), strangers: Vec::new(), amount: Amount::ZERO, on_top: 0 }
    }

    /// Whether another node judges by now, and this is to be given up.
    pub(super) fn is_cut(&self) -> bool {
        self.held.iter().any(|(_, reservation)| reservation.is_cut())
    }

    /// Whether the book may still say no when the backend has said yes.
    pub(super) fn is_doubtful(&self, env: &dyn LmtpEnvironment) -> bool {
        self.strangers.iter().any(|mailbox| env.book().may_admit(mailbox).is_err())
    }

    /// The backend took the recipient, so its mailboxes exist.
    pub(super) fn settle(&mut self, env: &dyn LmtpEnvironment) -> Result<(), NoSpace> {
        for mailbox in std::mem::take(&mut self.strangers) {
            let reserved = env.book().admit(&mailbox);
            let reserved = reserved.and_then(|()| env.book().reserve(&mailbox, self.amount, Origin::Incoming, env.today()));
            let reservation = reserved.map_err(|verdict| no_room(env, &mailbox, self.amount, verdict))?;
            self.held.push((mailbox, reservation));
        }
        Ok(())
    }

    /// Makes sure that there is room for a message of `octets`, where fewer were announced.
    pub(super) fn widen(&mut self, env: &dyn LmtpEnvironment, octets: u64) -> Result<(), NoSpace> {
        let more = Amount { octets: stored(octets, self.on_top).octets.saturating_sub(self.amount.octets), messages: 0 };
        if more == Amount::ZERO {
            return Ok(());
        }
        for (mailbox, reservation) in &mut self.held {
            reservation.grow(more).map_err(|verdict| match verdict {
                Verdict::Unknown => NoSpace::Gone,
                verdict => no_room(env, mailbox, stored(octets, self.on_top), verdict),
            })?;
        }
        self.amount = self.amount.plus(more);
        Ok(())
    }

    /// The final dot goes out: from now on only the backend knows what becomes of the message. Dropped from now on, it is in
    /// doubt.
    pub(super) fn hand_over(&mut self) {
        self.held.iter_mut().for_each(|(_, reservation)| reservation.handed_over());
    }

    /// The backend did not store it.
    pub(super) fn release(self) {
        for (_, reservation) in self.held {
            // Where that is in doubt, the book asks the open sessions to count.
            reservation.release();
        }
    }

    /// The backend was lost behind the final dot: nobody knows whether it stored the message.
    pub(super) fn doubt(self) {
        self.held.into_iter().for_each(|(_, reservation)| reservation.doubt());
    }

    /// The backend stored a message of `octets`.
    pub(super) fn commit(self, octets: u64) {
        for (_, reservation) in self.held {
            // How much the backend wrote on top, its push or the next count tells.
            let _ = reservation.commit_as(stored(octets, self.on_top));
        }
    }
}

fn stored(octets: u64, on_top: u64) -> Amount {
    Amount::message(octets.saturating_add(on_top))
}

/// No association has the domain. Where that may be otherwise at another node, it is to be tried again, whatever the config says of such a domain.
fn unknown(env: &dyn LmtpEnvironment) -> NoSpace {
    if env.book().knows_all_domains() { NoSpace::UnknownDomain(env.unknown()) } else { NoSpace::Full(Verdict::NotNow, true) }
}

fn no_room(env: &dyn LmtpEnvironment, mailbox: &Address, amount: Amount, verdict: Verdict) -> NoSpace {
    match verdict {
        Verdict::Unknown => unknown(env),
        verdict => NoSpace::Full(verdict, env.book().defers(env.over(), mailbox, amount, verdict, env.today())),
    }
}
