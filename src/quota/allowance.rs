//! What the book says to a message that is to be sent: whether it may be, and who hears that a limit was reached.

use std::time::Duration;

use super::fact::{Fact, Stopped};
use super::sending::{Reached, millis};
use super::subject::Subject;
use super::{Book, Day, Kind, Name, SendingLimits, SendingSwitch as Switch, Standing, Verdict};
use crate::private::Address;

impl Book {
    /// Counts one message to `recipients` addressees, in all limits or in none. Also refuses where the association's state
    /// does not let its members send.
    pub fn take_sending(&self, user: &Address, recipients: u64, now: Duration, today: Day) -> Result<(), Verdict> {
        self.take_sending_part(user, recipients, 1, now, today)
    }

    /// The same in one of so many `parts` of each limit: this is one of several nodes, and cannot ask the one that counts.
    pub fn take_sending_part(
        &self,
        user: &Address,
        recipients: u64,
        parts: u64,
        now: Duration,
        today: Day,
    ) -> Result<(), Verdict> {
        let (user, name, limits) = self.may_send(user, today)?;
        self.sending.take(&user, &name, limits.part(parts), recipients, millis(now)).map_err(|reached| {
            // Who has reached a part has not reached the limit; and of several nodes one tells.
            if parts == 1 {
                self.tell_stopped(&user, reached, millis(now));
            }
            Verdict::TooManyMessages
        })
    }

    /// Whether it may send at all, whatever it has sent: by which mailbox and association that counts, and within what.
    ///
    /// # Errors
    /// Why not.
    pub fn may_send(&self, user: &Address, today: Day) -> Result<(Address, Name, SendingLimits), Verdict> {
        // However the login is spelt: with a tag, at an alias domain, it is the same person.
        let user = self.mailbox_of(user);
        let found = self.with(&user, |_, ledger, mailbox| {
            let association = &ledger.association;
            let entry = ledger.number(mailbox).and_then(|number| ledger.entry(number));
            let switch = entry.map(|entry| entry.own().sending).unwrap_or_default();
            (association.name.clone(), association.sending, association.state.standing(today), mailbox.clone(), switch)
        });
        let (name, mut limits, standing, user, switch) = found.ok_or(Verdict::Unknown)?;
        if switch == Switch::Off {
            return Err(Verdict::SendingOff);
        }
        // A program that sends by itself has the limits that somebody gave it, and no others.
        if self.kind(&user) == Kind::Person {
            limits = self.sending_of_persons(limits);
        }
        match standing {
            Standing::Active | Standing::Leaving(_) => Ok((user, name, limits)),
            Standing::ReadOnly => Err(Verdict::ReadOnly),
            Standing::Suspended => Err(Verdict::Suspended),
        }
    }

    /// The limits of an association with these, as they hold for a person's mailbox: those of the config where it has none of its own.
    pub fn sending_of_persons(&self, limits: SendingLimits) -> SendingLimits {
        SendingLimits { mailbox: limits.mailbox.or(self.params.sending), ..limits }
    }

    /// Forgets buckets that are empty. To be called every few minutes.
    pub fn forget_sending(&self, now: Duration) {
        [&self.sending, &self.heard_spent].iter().for_each(|sending| sending.forget_empty(millis(now)));
    }
}

impl Book {
    /// A limit was reached: once a day for each, its owner and the contact hear of it. It may be a stolen password.
    fn tell_stopped(&self, user: &Address, reached: Reached, now: u64) {
        let found = self.with(user, |_, ledger, mailbox| {
            let (association, entry) = (&ledger.association, ledger.number(mailbox).and_then(|number| ledger.entry(number)));
            let own = entry.and_then(|entry| entry.own().lang);
            (association.name.clone(), association.lang, own, association.contact.clone())
        });
        let Some((association, lang, own, contact)) = found else { return };
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
            let lang = own.filter(|_| matches!(subject, Subject::Mailbox(_))).unwrap_or(lang);
            self.facts.tell(Fact::Stopped(Stopped { subject, sender, association, lang }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Limit, Rates};
    use super::*;

    #[test]
    fn who_is_switched_off_sends_nothing_however_the_login_is_spelt() {
        use std::sync::Arc;

        use super::super::{Association, BookParams, MailboxEdit};
        use crate::private::Domain;
        use crate::store::{MemoryStore, Store};

        let today = Day::parse("2027-01-01").unwrap();
        let address = |text: &str| Address::parse(text).unwrap();
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let book = Book::open(store.clone(), BookParams::default()).unwrap();
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
        let again = Book::open(store, BookParams::default()).unwrap();
        assert_eq!(send(&again, "a@b.example"), Err(Verdict::SendingOff));
        switch(&again, Switch::On);
        assert_eq!(send(&again, "a@b.example"), Ok(()));
    }

    /// Alice with a default of two messages an hour, and a contact.
    fn book() -> Book {
        use super::super::{Association, BookParams};
        use crate::private::Domain;
        let sending = Rates { messages_per_hour: Limit::At(2), ..Rates::NONE };
        let params = BookParams { sending, ..BookParams::default() };
        let book = Book::open(std::sync::Arc::new(crate::store::MemoryStore::default()), params).unwrap();
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

    /// All that was told since the last look.
    #[derive(Default)]
    struct Heard(std::sync::Mutex<Vec<Fact>>);

    impl Heard {
        fn take(&self) -> Vec<Fact> {
            std::mem::take(&mut *self.0.lock().unwrap())
        }
    }

    impl super::super::Facts for Heard {
        fn tell(&self, fact: Fact) {
            self.0.lock().unwrap().push(fact);
        }

        fn forget(&self, _: &Subject) {}
    }

    /// Who is told about whom, in words for a test.
    fn told(heard: &Heard) -> Vec<String> {
        let name = |subject: &Subject| match subject {
            Subject::Mailbox(address) => address.reveal(),
            Subject::Association(name) => name.reveal().to_owned(),
        };
        let stopped = |fact: &Fact| match fact {
            Fact::Stopped(stopped) => format!(
                "{}: {}",
                name(&stopped.subject),
                stopped.sender.as_ref().map_or_else(|| "all".to_owned(), |sender| sender.reveal())
            ),
            Fact::Crossing(_) | Fact::Leaving(_) => panic!("no such fact"),
        };
        heard.take().iter().map(stopped).collect()
    }

    /// Nor is the contact: the one that counts for all nodes tells.
    #[test]
    fn who_has_reached_a_part_of_a_limit_is_told_nothing() {
        let (book, heard) = (book(), std::sync::Arc::new(Heard::default()));
        book.lead_to(heard.clone());
        let alice = Address::parse("a@velo.example").unwrap();
        let part = || book.take_sending_part(&alice, 1, 2, Duration::ZERO, today());
        assert!(part().is_ok() && part() == Err(Verdict::TooManyMessages) && told(&heard).is_empty());
        assert!(send(&book, "a@velo.example", 0).is_ok() && send(&book, "a@velo.example", 0).is_err());
        assert_eq!(told(&heard).len(), 2);
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
        let (book, heard) = (book(), std::sync::Arc::new(Heard::default()));
        book.lead_to(heard.clone());
        assert!((0..4).map(|_| send(&book, "alice@velo.example", 0)).filter(Result::is_err).count() == 2);
        assert_eq!(told(&heard), ["alice@velo.example: alice@velo.example", "velo: alice@velo.example"]);
        assert!((0..9).map(|_| send(&book, "alice@velo.example", 1)).any(|sent| sent.is_err()));
        assert!(told(&heard).is_empty(), "not again within the day");
        book.forget_sending(Duration::from_secs(25 * 3600));
        assert!(book.sending.tells_nobody());
        assert!((0..3).map(|_| send(&book, "alice@velo.example", 30)).any(|sent| sent.is_err()));
        assert_eq!(told(&heard).len(), 2, "on the next day");
        assert!((0..3).map(|_| send(&book, "eva@velo.example", 30)).any(|sent| sent.is_err()));
        assert_eq!(told(&heard), ["eva@velo.example: eva@velo.example"], "owner and contact in one");
    }
}
