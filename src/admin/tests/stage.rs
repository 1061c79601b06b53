//! For tests: an executor in front of a small book. Two associations; `velo` with three mailboxes, an alias domain and a contact.

use std::sync::Arc;
use std::time::Instant;

use crate::admin::{Executor, Host, Moment, Principal, Request};
use crate::incident::Incidents;
use crate::limit::{LimitParams, Limits};
use crate::private::{Address, Domain};
use crate::quota::{Amount, Association, Book, BookParams, Day, Limit};
use crate::route::Backends;
use crate::store::MemoryStore;

pub(in crate::admin) struct TestStage {
    pub(in crate::admin) executor: Executor,
    pub(in crate::admin) book: Arc<Book>,
    pub(in crate::admin) today: Day,
}

pub(in crate::admin) fn address(text: &str) -> Address {
    text.parse().unwrap()
}

impl TestStage {
    pub(in crate::admin) fn new() -> TestStage {
        let today = "2027-01-01".parse().unwrap();
        let book = Arc::new(Book::open(Arc::new(MemoryStore::default()), BookParams::default()).unwrap());
        let [velo, alias, jardin] = ["velo.example", "v.example", "jardin.example"].map(|text| Domain::parse(text).unwrap());
        let mut new = Association::new("velo".parse().unwrap(), [velo.clone()]);
        new.domain_aliases.insert(alias, velo);
        new.contact = Some(address("carl@velo.example"));
        (new.storage, new.mailbox_default) = (Limit::At(10 << 30), Limit::At(1 << 30));
        assert!(book.add_association(new, today).is_ok());
        assert!(book.add_association(Association::new("jardin".parse().unwrap(), [jardin]), today).is_ok());
        for text in ["alice@velo.example", "bob@velo.example", "carl@velo.example", "alice@jardin.example"] {
            assert!(book.load(&address(text), Amount { octets: 1_000_000, messages: 100 }, today));
        }
        let limits = Limits::new(LimitParams::default()).unwrap();
        let executor = Executor::new(book.clone(), Host::default(), Arc::new(Incidents::default()), limits);
        TestStage { executor, book, today }
    }

    /// The whole answer.
    pub(in crate::admin) fn say(&self, principal: &Principal, request: &Request) -> String {
        let backends = Backends::default();
        let at = Moment { backends: &backends, servers: &[], today: self.today, now: Instant::now() };
        request.serve(principal, &self.executor, &at).collect()
    }

    /// The same, for an admin: the command and its fields.
    pub(in crate::admin) fn ask(&self, fields: &str) -> String {
        let line = format!(r#"{{"nologd":1,"command":{fields}}}"#);
        let request = Request::read(line.as_bytes()).unwrap_or_else(|refusal| panic!("{line}: {}", refusal.text));
        self.say(&Principal::Admin, &request)
    }

    /// What admins can see of the book, exactly.
    pub(in crate::admin) fn everything(&self) -> Vec<String> {
        let looks = [r#""association list""#, r#""mailbox list""#, r#""incident list""#, r#""blocks list""#];
        let mailboxes = self.book.addresses(None).unwrap();
        let held = mailboxes.iter().map(|one| self.ask(&format!(r#""disclose","address":"{}""#, one.reveal())));
        looks.iter().map(|look| self.ask(look)).chain(held).collect()
    }
}
