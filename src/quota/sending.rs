//! Sending limits: messages and recipients, per hour and per day, of a mailbox and of its association. In memory only.
//!
//! Each limit is a bucket that fills as one sends and empties evenly over its period: a full hour's worth can go out at
//! once, and then only as much as has drained. One number tells what is used up, so there is no list of when anything was
//! sent, and an empty bucket is forgotten. The caller's `now` is any clock that only goes forward.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Book, Day, Limit, Name, SendingSwitch as Switch, Standing, Verdict};
use crate::private::Address;

const HOUR: u64 = 3_600_000;
const DAY: u64 = 86_400_000;

/// How much may be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Rates {
    /// Messages in an hour.
    pub messages_per_hour: Limit,
    /// Messages in a day.
    pub messages_per_day: Limit,
    /// Recipients in an hour, each message's counted.
    pub recipients_per_hour: Limit,
    /// Recipients in a day, each message's counted.
    pub recipients_per_day: Limit,
}

/// The limits of one association: of each mailbox, and of all together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SendingLimits {
    /// Of each mailbox.
    pub mailbox: Rates,
    /// Of all mailboxes together.
    pub association: Rates,
}

/// How full the buckets of one sender are: messages and recipients that still count, rounded up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Filling {
    /// Messages in an hour.
    pub messages_per_hour: u64,
    /// Messages in a day.
    pub messages_per_day: u64,
    /// Recipients in an hour, each message's counted.
    pub recipients_per_hour: u64,
    /// Recipients in a day, each message's counted.
    pub recipients_per_day: u64,
}

impl Book {
    /// Counts one message to `recipients` addressees, in all limits or in none. Also refuses where the association's state
    /// does not let its members send.
    pub fn take_sending(&self, user: &Address, recipients: u64, now: Duration, today: Day) -> Result<(), Verdict> {
        // However the login is spelt: with a tag, at an alias domain, it is the same person.
        let mailbox = self.mailbox_of(user);
        let found = self.with(user, |_, ledger, user| {
            let association = &ledger.association;
            let entry = ledger.number(&mailbox).and_then(|number| ledger.entry(number));
            let switch = entry.map(|entry| entry.own.sending).unwrap_or_default();
            (association.name.clone(), association.sending, association.state.standing(today), user.clone(), switch)
        });
        let (name, limits, standing, user, switch) = found.ok_or(Verdict::Unknown)?;
        if switch == Switch::Off {
            return Err(Verdict::SendingOff);
        }
        match standing {
            Standing::Active | Standing::Leaving(_) => self.sending.take(&user, &name, limits, recipients, millis(now)),
            Standing::ReadOnly => Err(Verdict::ReadOnly),
            Standing::Suspended => Err(Verdict::Suspended),
        }
    }

    /// Gives back what [`Book::take_sending`] counted, when the message was not sent after all.
    pub fn give_back_sending(&self, user: &Address, recipients: u64) {
        let found = self.with(user, |_, ledger, user| (ledger.association.name.clone(), user.clone()));
        if let Some((name, user)) = found {
            self.sending.give_back(&user, &name, recipients);
        }
    }

    /// Forgets buckets that are empty. To be called every few minutes.
    pub fn forget_sending(&self, now: Duration) {
        self.sending.forget_empty(millis(now));
    }
}

/// All buckets.
#[derive(Default)]
pub(super) struct Sending(Mutex<Senders>);

#[derive(Default)]
struct Senders {
    mailboxes: HashMap<Address, Buckets>,
    associations: HashMap<Name, Buckets>,
}

impl Sending {
    fn lock(&self) -> MutexGuard<'_, Senders> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, user: &Address, name: &Name, limits: SendingLimits, recipients: u64, now: u64) -> Result<(), Verdict> {
        if limits == SendingLimits::default() {
            return Ok(());
        }
        let mut senders = self.lock();
        let mut mailbox = senders.mailboxes.get(user).copied().unwrap_or_default();
        let mut association = senders.associations.get(name).copied().unwrap_or_default();
        if !mailbox.take(limits.mailbox, recipients, now) || !association.take(limits.association, recipients, now) {
            return Err(Verdict::TooManyMessages);
        }
        senders.mailboxes.insert(user.clone(), mailbox);
        senders.associations.insert(name.clone(), association);
        Ok(())
    }

    fn give_back(&self, user: &Address, name: &Name, recipients: u64) {
        let mut senders = self.lock();
        senders.mailboxes.get_mut(user).into_iter().for_each(|buckets| buckets.give_back(recipients));
        senders.associations.get_mut(name).into_iter().for_each(|buckets| buckets.give_back(recipients));
    }

    fn forget_empty(&self, now: u64) {
        let mut senders = self.lock();
        keep_filled(&mut senders.mailboxes, now);
        keep_filled(&mut senders.associations, now);
    }

    pub(super) fn forget_mailbox(&self, address: &Address) {
        self.lock().mailboxes.remove(address);
    }

    pub(super) fn forget_association(&self, name: &Name) {
        self.lock().associations.remove(name);
    }

    /// What counted when the mailbox sent last.
    pub(super) fn mailbox(&self, address: &Address) -> Option<Filling> {
        self.lock().mailboxes.get(address).map(|buckets| Filling {
            messages_per_hour: buckets.messages_per_hour.units(HOUR),
            messages_per_day: buckets.messages_per_day.units(DAY),
            recipients_per_hour: buckets.recipients_per_hour.units(HOUR),
            recipients_per_day: buckets.recipients_per_day.units(DAY),
        })
    }
}

fn keep_filled<K: Eq + Hash>(senders: &mut HashMap<K, Buckets>, now: u64) {
    senders.retain(|_, buckets| !buckets.is_empty(now));
    senders.shrink_to(senders.len() * 2);
}

fn millis(now: Duration) -> u64 {
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

/// The buckets of one sender.
#[derive(Clone, Copy, Default)]
struct Buckets {
    messages_per_hour: Bucket,
    messages_per_day: Bucket,
    recipients_per_hour: Bucket,
    recipients_per_day: Bucket,
}

impl Buckets {
    /// Fills all; what a failed take leaves behind must be thrown away.
    fn take(&mut self, rates: Rates, recipients: u64, now: u64) -> bool {
        self.messages_per_hour.take(rates.messages_per_hour, 1, HOUR, now)
            && self.messages_per_day.take(rates.messages_per_day, 1, DAY, now)
            && self.recipients_per_hour.take(rates.recipients_per_hour, recipients, HOUR, now)
            && self.recipients_per_day.take(rates.recipients_per_day, recipients, DAY, now)
    }

    fn give_back(&mut self, recipients: u64) {
        self.messages_per_hour.give_back(1, HOUR);
        self.messages_per_day.give_back(1, DAY);
        self.recipients_per_hour.give_back(recipients, HOUR);
        self.recipients_per_day.give_back(recipients, DAY);
    }

    fn is_empty(&self, now: u64) -> bool {
        self.messages_per_hour.is_empty(now)
            && self.messages_per_day.is_empty(now)
            && self.recipients_per_hour.is_empty(now)
            && self.recipients_per_day.is_empty(now)
    }
}

/// One limit. A unit weighs as much as the period has milliseconds, and in each millisecond the limit's number drains: so a
/// full bucket is empty after one period, in whole numbers.
#[derive(Clone, Copy, Default)]
struct Bucket {
    weight: u128,
    /// What drains in a millisecond.
    drain: u64,
    at: u64,
}

impl Bucket {
    fn take(&mut self, limit: Limit, units: u64, period: u64, now: u64) -> bool {
        let Limit::At(most) = limit else {
            *self = Bucket::default();
            return true;
        };
        let weight = self.left(now) + u128::from(units) * u128::from(period);
        *self = Bucket { weight, drain: most, at: now };
        weight <= u128::from(most) * u128::from(period)
    }

    fn give_back(&mut self, units: u64, period: u64) {
        self.weight = self.weight.saturating_sub(u128::from(units) * u128::from(period));
    }

    fn left(&self, now: u64) -> u128 {
        self.weight.saturating_sub(u128::from(self.drain) * u128::from(now.saturating_sub(self.at)))
    }

    fn is_empty(&self, now: u64) -> bool {
        self.left(now) == 0
    }

    fn units(&self, period: u64) -> u64 {
        u64::try_from(self.weight.div_ceil(period.into())).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(sending: &Sending, user: &str, limits: SendingLimits, recipients: u64, minutes: u64) -> Result<(), Verdict> {
        let (user, name) = (Address::parse(user).unwrap(), Name::parse("amis").unwrap());
        sending.take(&user, &name, limits, recipients, minutes * 60_000)
    }

    #[test]
    fn a_limit_is_reached_exactly_and_drains_evenly() {
        let sending = Sending::default();
        let mut limits = SendingLimits::default();
        limits.mailbox.messages_per_hour = Limit::At(6);
        for _ in 0..6 {
            assert_eq!(take(&sending, "a@b.example", limits, 1, 0), Ok(()));
        }
        assert_eq!(take(&sending, "a@b.example", limits, 1, 9), Err(Verdict::TooManyMessages));
        assert_eq!(take(&sending, "a@b.example", limits, 1, 10), Ok(()));
        assert_eq!(take(&sending, "a@b.example", limits, 1, 11), Err(Verdict::TooManyMessages));
        assert_eq!(take(&sending, "other@b.example", limits, 1, 11), Ok(()));
        sending.forget_empty(10 * 60_000 + HOUR);
        assert!(sending.lock().mailboxes.is_empty());
    }

    #[test]
    fn the_association_counts_all_its_mailboxes_and_a_refusal_counts_nowhere() {
        let sending = Sending::default();
        let mut limits = SendingLimits::default();
        limits.mailbox.recipients_per_day = Limit::At(8);
        limits.association.recipients_per_day = Limit::At(10);
        assert_eq!(take(&sending, "a@b.example", limits, 8, 0), Ok(()));
        assert_eq!(take(&sending, "c@b.example", limits, 3, 0), Err(Verdict::TooManyMessages));
        assert_eq!(take(&sending, "c@b.example", limits, 2, 0), Ok(()));
        assert_eq!(take(&sending, "c@b.example", limits, u64::MAX, 0), Err(Verdict::TooManyMessages));
        sending.give_back(&Address::parse("a@b.example").unwrap(), &Name::parse("amis").unwrap(), 8);
        assert_eq!(take(&sending, "c@b.example", limits, 6, 0), Ok(()));
        assert_eq!(take(&sending, "a@b.example", limits, 3, 0), Err(Verdict::TooManyMessages));
        assert_eq!(sending.mailbox(&Address::parse("c@b.example").unwrap()).unwrap().recipients_per_day, 8);
    }

    #[test]
    fn who_is_switched_off_sends_nothing_however_the_login_is_spelt() {
        use std::sync::Arc;

        use super::super::{Association, MailboxEdit, Params, SendingSwitch as Switch};
        use crate::private::Domain;
        use crate::store::{Memory, Store};

        let today = Day::parse("2027-01-01").unwrap();
        let address = |text: &str| Address::parse(text).unwrap();
        let store: Arc<dyn Store> = Arc::new(Memory::default());
        let book = Book::open(store.clone(), Params::default()).unwrap();
        let [own, other] = ["b.example", "c.example"].map(|text| Domain::parse(text).unwrap());
        let mut amis = Association::new(Name::parse("amis").unwrap(), [own.clone()]);
        amis.domain_aliases.insert(other, own);
        book.add_association(amis, today).unwrap_or_else(|_| panic!());
        let send = |book: &Book, user: &str| book.take_sending(&address(user), 1, Duration::ZERO, today);
        let switch = |book: &Book, to: Switch| {
            let edit = MailboxEdit { sending: Some(to), ..MailboxEdit::default() };
            assert!(book.edit_mailbox(&address("a@b.example"), edit, today).is_ok());
        };
        switch(&book, Switch::Off);
        for user in ["a@b.example", "A@B.example", "a+tag@b.example", "a@c.example", "\"a\"@b.example"] {
            assert_eq!(send(&book, user), Err(Verdict::SendingOff), "{user}");
        }
        assert_eq!(send(&book, "other@b.example"), Ok(()));
        // Also after a restart.
        let again = Book::open(store, Params::default()).unwrap();
        assert_eq!(send(&again, "a@b.example"), Err(Verdict::SendingOff));
        switch(&again, Switch::On);
        assert_eq!(send(&again, "a@b.example"), Ok(()));
    }
}
