//! Sending limits: messages and recipients, per hour and per day, of a mailbox and of its association. In memory only.
//!
//! Each limit is a bucket that fills as one sends and empties evenly over its period: a full hour's worth can go out at
//! once, and then only as much as has drained. One number tells what is used up, so there is no list of when anything was
//! sent, and an empty bucket is forgotten. The caller's `now` is any clock that only goes forward.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::sending_limits::{Filling, Rates, SendingLimits, SpentMailbox, SpentSending, SpentWeights};
use super::subject::Subject;
use super::{Limit, Name};
use crate::private::Address;

const HOUR: u64 = 3_600_000;
const DAY: u64 = 86_400_000;

/// Whose limit was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reached {
    Mailbox,
    Association,
}

/// All buckets.
#[derive(Default)]
pub(super) struct Sending(Mutex<Senders>);

#[derive(Default)]
struct Senders {
    mailboxes: HashMap<Address, Buckets>,
    associations: HashMap<Name, Buckets>,
    /// Whose limit was reached and told, and when: for a day.
    told: BTreeMap<Subject, u64>,
}

impl Sending {
    #[cfg(test)]
    pub(super) fn tells_nobody(&self) -> bool {
        self.lock().told.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, Senders> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn take(
        &self,
        user: &Address,
        name: &Name,
        limits: SendingLimits,
        recipients: u64,
        now: u64,
    ) -> Result<(), Reached> {
        if limits == SendingLimits::default() {
            return Ok(());
        }
        let mut senders = self.lock();
        let mut mailbox = senders.mailboxes.get(user).copied().unwrap_or_default();
        let mut association = senders.associations.get(name).copied().unwrap_or_default();
        if !mailbox.take(limits.mailbox, recipients, now) {
            return Err(Reached::Mailbox);
        }
        if !association.take(limits.association, recipients, now) {
            return Err(Reached::Association);
        }
        senders.mailboxes.insert(user.clone(), mailbox);
        senders.associations.insert(name.clone(), association);
        Ok(())
    }

    /// Whether nobody was told of it within the last day; from now on somebody is.
    pub(super) fn is_first(&self, about: &Subject, now: u64) -> bool {
        let mut senders = self.lock();
        let first = senders.told.get(about).is_none_or(|at| now.saturating_sub(*at) >= DAY);
        if first {
            senders.told.insert(about.clone(), now);
        }
        first
    }

    /// Whoever has something in a bucket.
    pub(super) fn senders(&self) -> Vec<Address> {
        self.lock().mailboxes.keys().cloned().collect()
    }

    /// What is spent by one association and these mailboxes; none where nothing is.
    pub(super) fn spent(&self, name: &Name, mailboxes: Vec<Address>, now: u64) -> Option<SpentSending> {
        let senders = self.lock();
        let together = senders.associations.get(name).map(|buckets| buckets.spent(now)).unwrap_or_default();
        let mailbox = |address: Address| {
            let spent = senders.mailboxes.get(&address)?.spent(now);
            (spent != SpentWeights::default()).then_some(SpentMailbox { address, spent })
        };
        let mailboxes: Vec<_> = mailboxes.into_iter().filter_map(mailbox).collect();
        (together != SpentWeights::default() || !mailboxes.is_empty()).then_some(SpentSending { together, mailboxes })
    }

    /// So much is spent at least.
    pub(super) fn raise_mailbox(&self, user: &Address, spent: SpentWeights, rates: Rates, now: u64) {
        self.lock().mailboxes.entry(user.clone()).or_default().raise(spent, rates, now);
    }

    /// The same of an association.
    pub(super) fn raise_association(&self, name: &Name, spent: SpentWeights, rates: Rates, now: u64) {
        self.lock().associations.entry(name.clone()).or_default().raise(spent, rates, now);
    }

    /// What `heard` knows of these counts here from now on.
    pub(super) fn absorb(&self, heard: &Sending, name: &Name, mailboxes: &[Address], now: u64) {
        let (mut heard, mut senders) = (heard.lock(), self.lock());
        for address in mailboxes {
            if let Some(buckets) = heard.mailboxes.remove(address) {
                senders.mailboxes.entry(address.clone()).or_default().raise_to(buckets, now);
            }
        }
        if let Some(buckets) = heard.associations.remove(name) {
            senders.associations.entry(name.clone()).or_default().raise_to(buckets, now);
        }
    }

    pub(super) fn forget_empty(&self, now: u64) {
        let mut senders = self.lock();
        senders.told.retain(|_, at| now.saturating_sub(*at) < DAY);
        keep_filled(&mut senders.mailboxes, now);
        keep_filled(&mut senders.associations, now);
    }

    pub(super) fn forget_mailbox(&self, address: &Address) {
        let mut senders = self.lock();
        senders.mailboxes.remove(address);
        senders.told.remove(&Subject::Mailbox(address.clone()));
    }

    pub(super) fn forget_association(&self, name: &Name) {
        let mut senders = self.lock();
        senders.associations.remove(name);
        senders.told.remove(&Subject::Association(name.clone()));
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

pub(super) fn millis(now: Duration) -> u64 {
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

/// The buckets of one sender.
#[derive(Clone, Copy, Default)]
struct Buckets {
    messages_per_hour: SendingBucket,
    messages_per_day: SendingBucket,
    recipients_per_hour: SendingBucket,
    recipients_per_day: SendingBucket,
}

impl Buckets {
    /// Fills all; what a failed take leaves behind must be thrown away.
    fn take(&mut self, rates: Rates, recipients: u64, now: u64) -> bool {
        self.messages_per_hour.take(rates.messages_per_hour, 1, HOUR, now)
            && self.messages_per_day.take(rates.messages_per_day, 1, DAY, now)
            && self.recipients_per_hour.take(rates.recipients_per_hour, recipients, HOUR, now)
            && self.recipients_per_day.take(rates.recipients_per_day, recipients, DAY, now)
    }

    fn is_empty(&self, now: u64) -> bool {
        self.all().iter().all(|bucket| bucket.is_empty(now))
    }

    fn all(&self) -> [SendingBucket; 4] {
        [self.messages_per_hour, self.messages_per_day, self.recipients_per_hour, self.recipients_per_day]
    }

    fn all_mut(&mut self) -> [&mut SendingBucket; 4] {
        [&mut self.messages_per_hour, &mut self.messages_per_day, &mut self.recipients_per_hour, &mut self.recipients_per_day]
    }

    fn spent(&self, now: u64) -> SpentWeights {
        self.all().map(|bucket| u64::try_from(bucket.left(now)).unwrap_or(u64::MAX))
    }

    /// Each holds so much at least, where it has a limit.
    fn raise(&mut self, spent: SpentWeights, rates: Rates, now: u64) {
        let limits = [rates.messages_per_hour, rates.messages_per_day, rates.recipients_per_hour, rates.recipients_per_day];
        let drain = limits.map(|limit| if let Limit::At(most) = limit { most } else { 0 });
        for ((bucket, weight), drain) in self.all_mut().into_iter().zip(spent).zip(drain) {
            if drain > 0 {
                bucket.raise(SendingBucket { weight: weight.into(), drain, at: now }, now);
            }
        }
    }

    fn raise_to(&mut self, other: Buckets, now: u64) {
        self.all_mut().into_iter().zip(other.all()).for_each(|(bucket, other)| bucket.raise(other, now));
    }
}

/// One limit. A unit weighs as much as the period has milliseconds, and in each millisecond the limit's number drains: so a
/// full bucket is empty after one period, in whole numbers.
#[derive(Clone, Copy, Default)]
struct SendingBucket {
    weight: u128,
    /// What drains in a millisecond.
    drain: u64,
    at: u64,
}

impl SendingBucket {
    fn take(&mut self, limit: Limit, units: u64, period: u64, now: u64) -> bool {
        let Limit::At(most) = limit else {
            *self = SendingBucket::default();
            return true;
        };
        let weight = self.left(now) + u128::from(units) * u128::from(period);
        *self = SendingBucket { weight, drain: most, at: now };
        weight <= u128::from(most) * u128::from(period)
    }

    fn raise(&mut self, other: SendingBucket, now: u64) {
        if other.left(now) > self.left(now) {
            *self = SendingBucket { weight: other.left(now), drain: other.drain, at: now };
        }
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

    fn take(sending: &Sending, user: &str, limits: SendingLimits, recipients: u64, minutes: u64) -> Result<(), Reached> {
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
        assert_eq!(take(&sending, "a@b.example", limits, 1, 9), Err(Reached::Mailbox));
        assert_eq!(take(&sending, "a@b.example", limits, 1, 10), Ok(()));
        assert_eq!(take(&sending, "a@b.example", limits, 1, 11), Err(Reached::Mailbox));
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
        assert_eq!(take(&sending, "c@b.example", limits, 3, 0), Err(Reached::Association));
        assert_eq!(take(&sending, "c@b.example", limits, 2, 0), Ok(()));
        assert_eq!(take(&sending, "c@b.example", limits, u64::MAX, 0), Err(Reached::Mailbox));
        assert_eq!(sending.mailbox(&Address::parse("c@b.example").unwrap()).unwrap().recipients_per_day, 2);
    }
}
