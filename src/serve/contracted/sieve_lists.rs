//! What the ManageSieve servers behind said of themselves: mail programs read it before they log in. Each is asked at the start, by
//! [`ask_backends`](crate::serve::ask_backends), until it answers, and every login sees its list anew.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::private::Mechanism;
use crate::route::{BackendId, Backends};
use crate::sieve::capability::SieveCapabilities;
use crate::sieve::forwarding::Forwarding;

/// What is known.
pub(super) struct SieveLists {
    pub(super) forwarding: Forwarding,
    known: Mutex<KnownLists>,
}

#[derive(Default)]
struct KnownLists {
    of_each: HashMap<BackendId, ToldList>,
    /// What can be told of all of them before login.
    of_all: Arc<SieveCapabilities>,
}

struct ToldList {
    list: SieveCapabilities,
    /// Somebody was refused because of it, so it is asked for again.
    is_doubted: bool,
}

impl SieveLists {
    /// Nothing is known. `forwarding` is what is not told of anybody.
    pub(super) fn new(forwarding: Forwarding) -> SieveLists {
        SieveLists { forwarding, known: Mutex::default() }
    }

    pub(super) fn learn(&self, backends: &Backends, backend: BackendId, list: SieveCapabilities) {
        let mut known = self.lock();
        if known.of_each.get(&backend).is_none_or(|told| told.is_doubted || told.list != list) {
            known.of_each.insert(backend, ToldList { list, is_doubted: false });
            known.tell_all(backends, self.forwarding);
        }
    }

    /// What is known of backends that are not in force any more is forgotten.
    pub(super) fn keep(&self, backends: &Backends) {
        let mut known = self.lock();
        known.of_each.retain(|backend, _| backends.at(*backend).is_some());
        known.tell_all(backends, self.forwarding);
    }

    /// What can be told of all backends before login, as far as they are known.
    pub(super) fn of_all(&self) -> Arc<SieveCapabilities> {
        self.lock().of_all.clone()
    }

    /// Whether it is worth a connection to `backend`: not where its list has no such mechanism. Then it is asked again before long.
    pub(super) fn is_worth_asking(&self, backend: BackendId, mechanism: Mechanism) -> bool {
        match self.lock().of_each.get_mut(&backend) {
            Some(told) if !told.list.tokens.take(mechanism) => {
                told.is_doubted = true;
                false
            }
            _ => true,
        }
    }

    /// Whether it is to be asked.
    pub(super) fn is_due(&self, backend: BackendId) -> bool {
        self.lock().of_each.get(&backend).is_none_or(|told| told.is_doubted)
    }

    fn lock(&self) -> MutexGuard<'_, KnownLists> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KnownLists {
    fn tell_all(&mut self, backends: &Backends, forwarding: Forwarding) {
        let told = backends.iter().filter_map(|(id, _)| self.of_each.get(&id)).map(|told| told.list.clone());
        self.of_all = Arc::new(told.reduce(|all, next| all.common(&next)).unwrap_or_default().within(forwarding));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::BackendService;
    use crate::route::{Backend, Endpoint};
    use crate::wire::tokens::Tokens;

    fn backends(names: &[&str]) -> Backends {
        let endpoint =
            |scheme: &str| Endpoint::parse(&format!("{scheme}://127.0.0.1:1"), scheme).unwrap_or_else(|_| unreachable!());
        let backend = |name: &&str| Backend::new(name, endpoint("imap")).with(BackendService::Sieve, endpoint("sieve"));
        Backends::new(names.iter().map(backend).collect(), 0)
    }

    fn list(extensions: &[&str], bearer: bool) -> SieveCapabilities {
        let extensions = extensions.iter().map(|word| (*word).into()).collect();
        SieveCapabilities { extensions, tokens: Tokens { bearer, xoauth2: false }, ..SieveCapabilities::default() }
    }

    #[test]
    fn what_all_have_is_told_without_what_is_refused() {
        let both = backends(&["one", "two"]);
        let ids: Vec<_> = both.iter().map(|(id, _)| id).collect();
        let lists = SieveLists::new(Forwarding::Refuse);
        assert_eq!(*lists.of_all(), SieveCapabilities::default());
        lists.learn(&both, ids[0], list(&["fileinto", "enotify", "vacation"], true));
        assert_eq!(*lists.of_all(), list(&["fileinto", "vacation"], true));
        let before = lists.of_all();
        lists.learn(&both, ids[0], list(&["fileinto", "enotify", "vacation"], true));
        assert!(Arc::ptr_eq(&before, &lists.of_all()), "what every login tells anew is not put together anew");
        lists.learn(&both, ids[1], list(&["vacation", "enotify"], false));
        assert_eq!(*lists.of_all(), list(&["vacation"], true));
        lists.keep(&backends(&[]));
        assert_eq!(*lists.of_all(), SieveCapabilities::default());
    }

    /// Or each try would be a connection to the mail server, and none of them a wrong password.
    #[test]
    fn what_a_server_does_not_take_costs_it_no_connection() {
        let one = backends(&["one"]);
        let id = one.default_id();
        let lists = SieveLists::new(Forwarding::Allow);
        assert!(lists.is_worth_asking(id, Mechanism::XOAuth2) && lists.is_due(id), "nothing is known");
        lists.learn(&one, id, list(&[], true));
        assert!(lists.is_worth_asking(id, Mechanism::OAuthBearer) && lists.is_worth_asking(id, Mechanism::Password));
        assert!(!lists.is_due(id));
        assert!(!lists.is_worth_asking(id, Mechanism::XOAuth2) && lists.is_due(id), "it may have changed");
        lists.learn(&one, id, list(&[], true));
        assert!(!lists.is_due(id));
    }
}
