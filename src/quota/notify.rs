//! When numbers change: what is to be told of it.

use super::fact::{Crossing, Fact, Leaving};
use super::ledger::Ledger;
use super::levels::Level;
use super::mark::Mark;
use super::subject::Subject;
use super::{Amount, Day, Limit, Standing};

impl Ledger {
    /// Looks whether the mailbox or the association passed a level, and whether the mailbox's owner must hear of leaving.
    pub(super) fn facts(&mut self, number: u64, today: Day) -> [Option<Fact>; 3] {
        [
            self.cross_mailbox(number).map(Fact::Crossing),
            self.cross_association(today).map(Fact::Crossing),
            self.leave_mailbox(number, today).map(Fact::Leaving),
        ]
    }

    /// The same for the association and every mailbox.
    pub(super) fn all_facts(&mut self, today: Day) -> Vec<Fact> {
        let mut facts: Vec<_> = self.cross_association(today).map(Fact::Crossing).into_iter().collect();
        facts.extend(self.leave_association(today).map(Fact::Leaving));
        for number in self.roll.numbers() {
            facts.extend(self.cross_mailbox(number).map(Fact::Crossing));
            facts.extend(self.leave_mailbox(number, today).map(Fact::Leaving));
        }
        facts
    }

    fn leave_mailbox(&mut self, number: u64, today: Day) -> Option<Leaving> {
        let until = self.last_day(today);
        let entry = self.roll.entry_mut(number)?;
        // The contact hears of it as the contact.
        let until = until.filter(|_| self.association.contact.as_ref() != Some(&entry.address));
        if !entry.change_mark(|mark| mark.leave(until)) {
            return None;
        }
        let (subject, lang) = (Subject::Mailbox(entry.address.clone()), entry.own().lang);
        let leaving = self.leaving(subject, until);
        Some(Leaving { lang: lang.unwrap_or(leaving.lang), ..leaving })
    }

    fn leave_association(&mut self, today: Day) -> Option<Leaving> {
        let until = self.last_day(today);
        if !self.mark.leave(until) {
            return None;
        }
        Some(self.leaving(Subject::Association(self.association.name.clone()), until))
    }

    fn last_day(&self, today: Day) -> Option<Day> {
        match self.association.state.standing(today) {
            Standing::Leaving(day) => Some(day),
            Standing::Active | Standing::ReadOnly | Standing::Suspended => None,
        }
    }

    fn leaving(&self, subject: Subject, until: Option<Day>) -> Leaving {
        Leaving { subject, association: self.association.name.clone(), until, lang: self.association.lang }
    }

    fn cross_mailbox(&mut self, number: u64) -> Option<Crossing> {
        let entry = self.roll.entry_mut(number)?;
        // It may be too high: told at the tick that settles it.
        if entry.is_unsettled() {
            return None;
        }
        let storage = self.association.mailbox_limit(entry.own().storage);
        let used = entry.shown();
        let (was, now) = entry.change_mark(|mark| mark.fill(storage.percent(used.octets.into())))?;
        let (subject, lang) = (Subject::Mailbox(entry.address.clone()), entry.own().lang);
        let crossing = self.crossing(subject, was, now, used, storage, Limit::None);
        Some(Crossing { lang: lang.unwrap_or(crossing.lang), ..crossing })
    }

    fn cross_association(&mut self, today: Day) -> Option<Crossing> {
        let (storage, messages) = (self.association.storage_on(today), self.association.messages);
        let fill = storage.percent(self.used.octets).max(messages.percent(self.used.messages));
        let (was, now) = self.mark.fill(fill)?;
        let subject = Subject::Association(self.association.name.clone());
        Some(self.crossing(subject, was, now, self.used.amount(), storage, messages))
    }

    /// Takes note that a notice was taken.
    pub(super) fn told(&mut self, fact: &Fact) {
        let tell = |mark: &mut Mark| match fact {
            Fact::Crossing(crossing) => mark.tell_level(crossing.now),
            Fact::Leaving(leaving) => mark.tell_leaving(leaving.until),
            // In memory only: a restart forgets the limits too.
            Fact::Stopped(_) => {}
        };
        match fact.subject() {
            Subject::Association(_) => tell(&mut self.mark),
            Subject::Mailbox(address) => {
                let number = self.number(address);
                number.and_then(|number| self.entry_mut(number)).into_iter().for_each(|entry| entry.change_mark(tell));
            }
        }
    }

    fn crossing(&self, subject: Subject, was: Level, now: Level, used: Amount, storage: Limit, messages: Limit) -> Crossing {
        let (lang, contact) = (self.association.lang, self.association.contact.clone());
        Crossing { subject, was, now, used, storage, messages, lang, contact }
    }
}
