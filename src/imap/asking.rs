//! Our questions, as the session asks them: when, and what goes on with the answer.

use std::sync::Arc;

use super::ImapStep;
use super::backend_capabilities::BackendCapability;
use super::count::Count;
use super::places::{Places, Reading};
use super::question::{Aim, Learned, Question};
use super::session::{ClientPhase, ImapSession, Pending};
use super::way::Way;

impl ImapSession {
    /// Asks `command`; `pending` goes on with the answer. Waits until the backend owes nothing, and decides anew then.
    pub(super) fn ask(&mut self, aim: Aim, command: &[u8], pending: Pending, taken: usize) -> ImapStep {
        if !self.tags.is_empty() {
            return self.keep(pending, taken);
        }
        let (question, line) = Question::new(aim, command, self.rules.fresh_tag);
        self.phase = ClientPhase::Ask(question, pending);
        ImapStep::Rewrite(taken, line)
    }

    pub(super) fn keep(&mut self, pending: Pending, taken: usize) -> ImapStep {
        self.phase = ClientPhase::Ready(pending);
        if taken == 0 { ImapStep::Hold } else { ImapStep::Swallow(taken) }
    }

    /// Whether it must still be asked whose the folders are.
    pub(super) fn wants_places(&self) -> bool {
        let asks = self.rules.backend_capabilities.has(BackendCapability::Namespace)
            || self.rules.backend_capabilities.has(BackendCapability::SpecialUse);
        let matters = self.gate.account().is_some() || self.rules.sent_copy.is_some();
        !self.places_asked && asks && matters
    }

    pub(super) fn ask_places(&mut self, pending: Pending, taken: usize) -> ImapStep {
        let backend_capabilities = self.rules.backend_capabilities;
        match Reading::new(
            backend_capabilities.has(BackendCapability::Namespace),
            backend_capabilities.has(BackendCapability::SpecialUse),
        ) {
            Some((reading, command)) => self.ask(Aim::Places(reading), &command, pending, taken),
            None => {
                self.places_asked = true;
                self.keep(pending, taken)
            }
        }
    }

    /// Whether the backend can be counted now: to open another folder would close the client's.
    pub(super) fn may_count(&self) -> bool {
        let opens = matches!(self.gate.way(), Some(Way::Sizes { .. }));
        let sees = self.gate.way() == Some(Way::Quota) || self.sees_all();
        self.gate.way().is_some() && sees && !(opens && self.selected.is_some())
    }

    /// Counts what the mailbox holds, and goes on with the answer; at once where it cannot be counted here and now.
    pub(super) fn count(&mut self, pending: Pending, taken: usize) -> ImapStep {
        if !self.may_count() {
            // As soon as the client opens another folder, it can be.
            if self.sees_all() {
                self.gate.leave_to_others()
            } else {
                self.gate.put_off()
            }
            return self.go_on(pending, taken);
        }
        if !self.tags.is_empty() {
            self.gate.now();
            return self.keep(pending, taken);
        }
        if self.wants_places() {
            self.gate.now();
            return self.ask_places(pending, taken);
        }
        let refresh = self.gate.account().and_then(|account| account.begin_refresh());
        let (Some(way), Some(mut refresh)) = (self.gate.begin(), refresh) else { return self.go_on(pending, taken) };
        let look = self.look(refresh.is_late());
        if !self.waits(look) {
            refresh.hasty();
        }
        let (count, command) = Count::new(way, self.places.clone(), look);
        self.ask(Aim::Usage(count, refresh), &command, pending, taken)
    }

    /// The backend has answered.
    pub(super) fn found(&mut self, found: Learned, pending: Pending) {
        let mut pending = pending;
        match found {
            Learned::Usage(refresh, Some(seen)) => {
                if let Some(account) = self.gate.account().cloned() {
                    self.gate.counted(account.finish_refresh(refresh, seen));
                }
            }
            Learned::Usage(refresh, None) => {
                drop(refresh);
                self.gate.not_counted();
            }
            // What was told before stays known where the backend cannot tell it now.
            Learned::Places(places) => {
                self.places_asked = true;
                if let Some(mut places) = places {
                    self.places.iter().for_each(|known| places.keep_sent(known));
                    self.places = Some(Arc::new(places));
                }
            }
            Learned::Sizes(told) => {
                if let Pending::Judged(command) = &mut pending {
                    command.learn_sizes(told);
                }
            }
            Learned::Exists(there) => {
                if let Pending::Judged(command) = &mut pending {
                    command.learn_folder(there);
                }
            }
        }
        self.phase = ClientPhase::Ready(pending);
    }

    /// What was kept goes on: the backend owes nothing any more.
    pub(super) fn resume(&mut self) -> ImapStep {
        let ClientPhase::Ready(pending) = std::mem::replace(&mut self.phase, ClientPhase::Command) else {
            return ImapStep::Hold;
        };
        if self.gate.asks_now() { self.count(pending, 0) } else { self.go_on(pending, 0) }
    }

    fn go_on(&mut self, pending: Pending, taken: usize) -> ImapStep {
        match pending {
            // The session goes on behind this.
            Pending::Nothing => ImapStep::Swallow(taken),
            Pending::Say(answer) => ImapStep::Answer(taken, answer),
            Pending::Judged(command) => command.go_on(self, taken),
        }
    }

    /// The session rests: nothing has come from the client for a while, or it is gone. What is due is asked now.
    pub fn rest(&mut self) {
        self.gate.rest();
    }

    /// Whether [`ImapSession::rest`] may ask something.
    pub fn wants_rest(&self) -> bool {
        let may = matches!(self.phase, ClientPhase::Command | ClientPhase::Idle { .. });
        may && self.gate.may_ask_at_rest() && self.may_count()
    }

    /// Somebody else changed the mailbox: it is to be counted when this session rests.
    pub fn recount(&mut self) {
        if self.gate.account().is_some_and(|account| !account.is_seen()) {
            self.gate.heard();
        }
    }

    /// Where the backend never told, all is taken for the member's own: so it is counted, and paid for.
    pub(super) fn known_places(&self) -> Arc<Places> {
        self.places.clone().unwrap_or_default()
    }
}
