//! Sending limits: messages and recipients, per hour and per day, of a mailbox and of its association. In memory only.
//!
//! Each limit is a bucket that fills as one sends and empties evenly over its period: a full hour's worth can go out at
//! once, and then only as much as has drained. One number tells what is used up, so there is no list of when anything was
//! sent, and an empty bucket is forgotten. The caller's `now` is any clock that only goes forward.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::news::{News, Stopped};
use super::subject::Subject;
use super::{Book, Day, Kind, Limit, Name, SendingSwitch as Switch, Standing, Verdict};
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

impl Rates {
    /// No limits at all.
    pub const NONE: Rates = Rates {
        messages_per_hour: Limit::None,
        messages_per_day: Limit::None,
        recipients_per_hour: Limit::None,
        recipients_per_day: Limit::None,
    };

    /// Each limit that is not set, from `default`.
    fn or(self, default: Rates) -> Rates {
        let or = |own: Limit, default: Limit| if own == Limit::None { default } else { own };
        Rates {
            messages_per_hour: or(self.messages_per_hour, default.messages_per_hour),
            messages_per_day: or(self.messages_per_day, default.messages_per_day),
            recipients_per_hour: or(self.recipients_per_hour, default.recipients_per_hour),
            recipients_per_day: or(self.recipients_per_day, default.recipients_per_day),
        }
    }
}

/// Whose limit was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reached {
    Mailbox,
    Association,
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
        let user = self.mailbox_of(user);
        let found = self.with(&user, |_, ledger, mailbox| {
            let association = &ledger.association;
            let entry = ledger.number(mailbox).and_then(|number| ledger.entry(number));
            let switch = entry.map(|entry| entry.own.sending).unwrap_or_default();
            (association.name.clone(), association.sending, association.state.standing(today), mailbox.clone(), switch)
        });
        let (name, mut limits, standing, user, switch) = found.ok_or(Verdict::Unknown)?;
        if switch == Switch::Off {
            return Err(Verdict::SendingOff);
        }
        // A program that sends by itself has the limits that somebody gave it, and no others.
        if self.kind(&user) == Kind::Person {
            limits.mailbox = limits.mailbox.or(self.params.sending);
        }
        match standing {
            Standing::Active | Standing::Leaving(_) => {
                self.sending.take(&user, &name, limits, recipients, millis(now)).map_err(|reached| {
                    self.tell_stopped(&user, reached, millis(now));
                    Verdict::TooManyMessages
                })
            }
            Standing::ReadOnly => Err(Verdict::ReadOnly),
            Standing::Suspended => Err(Verdict::Suspended),
        }
    }

    /// Gives back what [`Book::take_sending`] counted, when the message was not sent after all.
    pub fn give_back_sending(&self, user: &Address, recipients: u64) {
        let found = self.with(&self.mailbox_of(user), |_, ledger, user| (ledger.association.name.clone(), user.clone()));
        if let Some((name, user)) = found {
            self.sending.give_back(&user, &name, recipients);
        }
    }

    /// Forgets buckets that are empty. To be called every few minutes.
    pub fn forget_sending(&self, now: Duration) {
        self.sending.forget_empty(millis(now));
    }
}

impl Book {
    /// A limit was reached: once a day for each, its owner and the contact hear of it. It may be a stolen password.
    fn tell_stopped(&self, user: &Address, reached: Reached, now: u64) {
        let found = self.with(user, |_, ledger, _| {
            let association = &ledger.association;
            (association.name.clone(), association.lang, association.contact.clone())
        });
        let Some((association, lang, contact)) = found else { return };
        let whole = Subject::Association(association.clone());
        let sender = match reached {
            Reached::Mailbox => Some(user.clone()),
            Reached::Association => None,
        };
        let about = sender.clone().map_or_else(|| whole.clone(), Subject::Mailbox);
        if !self.sending.is_first(&about, now) {
            return;
        }
        // Who is both hears of it once.
        let to_contact = contact.is_some() && contact != sender;
        let told = sender.clone().map(Subject::Mailbox).into_iter().chain(to_contact.then_some(whole));
        for subject in told {
            let (sender, association) = (sender.clone(), association.clone());
            self.waiting.push(News::Stopped(Stopped { subject, sender, association, lang }));
        }
    }
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
    fn lock(&self) -> MutexGuard<'_, Senders> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, user: &Address, name: &Name, limits: SendingLimits, recipients: u64, now: u64) -> Result<(), Reached> {
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

    fn give_back(&self, user: &Address, name: &Name, recipients: u64) {
        let mut senders = self.lock();
        senders.mailboxes.get_mut(user).into_iter().for_each(|buckets| buckets.give_back(recipients));
        senders.associations.get_mut(name).into_iter().for_each(|buckets| buckets.give_back(recipients));
    }

    /// Whether nobody was told of it within the last day; from now on somebody is.
    fn is_first(&self, about: &Subject, now: u64) -> bool {
        let mut senders = self.lock();
        let first = senders.told.get(about).is_none_or(|at| now.saturating_sub(*at) >= DAY);
        if first {
            senders.told.insert(about.clone(), now);
        }
        first
    }

    fn forget_empty(&self, now: u64) {
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
        sending.give_back(&Address::parse("a@b.example").unwrap(), &Name::parse("amis").unwrap(), 8);
        assert_eq!(take(&sending, "c@b.example", limits, 6, 0), Ok(()));
        assert_eq!(take(&sending, "a@b.example", limits, 3, 0), Err(Reached::Association));
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

    /// Alice with a default of two messages an hour, and a contact.
    fn book() -> Book {
        use super::super::{Association, Params};
        use crate::private::Domain;
        let sending = Rates { messages_per_hour: Limit::At(2), ..Rates::NONE };
        let params = Params { sending, ..Params::default() };
        let book = Book::open(std::sync::Arc::new(crate::store::Memory::default()), params).unwrap();
        let mut velo = Association::new(Name::parse("velo").unwrap(), [Domain::parse("velo.example").unwrap()]);
        velo.contact = Address::parse("eva@velo.example");
        book.add_association(velo, today()).unwrap_or_else(|_| panic!());
        book
    }

    fn today() -> Day {
        Day::parse("2027-01-01").unwrap()
    }

    fn send(book: &Book, user: &str, hours: u64) -> Result<(), Verdict> {
        book.take_sending(&Address::parse(user).unwrap(), 1, Duration::from_secs(hours * 3600), today())
    }

    /// Who is told about whom, in words for a test.
    fn told(book: &Book) -> Vec<String> {
        let name = |subject: &Subject| match subject {
            Subject::Mailbox(address) => address.reveal(),
            Subject::Association(name) => name.reveal().to_owned(),
        };
        let stopped = |news: &News| match news {
            News::Stopped(stopped) => format!(
                "{}: {}",
                name(&stopped.subject),
                stopped.sender.as_ref().map_or_else(|| "all".to_owned(), |sender| sender.reveal())
            ),
            News::Crossing(_) | News::Leaving(_) => panic!("no such news"),
        };
        book.news().iter().map(stopped).collect()
    }

    #[test]
    fn whoever_has_no_limit_has_the_default_and_a_program_has_none() {
        use super::super::MailboxEdit;
        let book = book();
        let all = |user: &str| (0..3).map(|_| send(&book, user, 0).is_ok()).collect::<Vec<_>>();
        assert_eq!(all("alice@velo.example"), [true, true, false]);
        assert_eq!(all("alice+tag@velo.example"), [false; 3], "the same person");
        let cron = Address::parse("cron@velo.example").unwrap();
        let edit = MailboxEdit { kind: Some(Kind::Machine), ..MailboxEdit::default() };
        book.edit_mailbox(&cron, edit, today()).unwrap_or_else(|_| panic!());
        assert_eq!(all("cron@velo.example"), [true; 3]);
    }

    #[test]
    fn a_limit_that_is_reached_is_told_once_a_day_to_the_owner_and_the_contact() {
        let book = book();
        assert!((0..4).map(|_| send(&book, "alice@velo.example", 0)).filter(Result::is_err).count() == 2);
        assert_eq!(told(&book), ["velo: alice@velo.example", "alice@velo.example: alice@velo.example"]);
        assert!((0..9).map(|_| send(&book, "alice@velo.example", 1)).any(|sent| sent.is_err()));
        assert!(told(&book).is_empty(), "not again within the day");
        book.forget_sending(Duration::from_secs(25 * 3600));
        assert!(book.sending.lock().told.is_empty());
        assert!((0..3).map(|_| send(&book, "alice@velo.example", 30)).any(|sent| sent.is_err()));
        assert_eq!(told(&book).len(), 2, "on the next day");
        assert!((0..3).map(|_| send(&book, "eva@velo.example", 30)).any(|sent| sent.is_err()));
        assert_eq!(told(&book), ["eva@velo.example: eva@velo.example"], "owner and contact in one");
    }
}
