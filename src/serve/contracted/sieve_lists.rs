//! What the ManageSieve servers behind said of themselves: mail programs read it before they log in. Each is asked at the start, by
//! [`methods`](crate::serve::ask_backends), until it answers, and every login sees its list anew.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::private::Mechanism;
use crate::route::{BackendId, Backends};
use crate::sieve::offer::{Forwarding, SieveOffer};

/// What is known.
pub(super) struct SieveOffers {
    pub(super) forwarding: Forwarding,
    known: Mutex<KnownOffers>,
}

#[derive(Default)]
struct KnownOffers {
    of_each: HashMap<BackendId, ToldOffer>,
    /// What can be told of all of them before login.
    of_all: Arc<SieveOffer>,
}

struct ToldOffer {
    offer: SieveOffer,
    /// Somebody was refused because of it, so it is asked for again.
    is_doubted: bool,
}

impl SieveOffers {
    /// Nothing is known. `forwarding` is what is not told of anybody.
    pub(super) fn new(forwarding: Forwarding) -> SieveOffers {
        SieveOffers { forwarding, known: Mutex::default() }
    }

    pub(super) fn learn(&self, backends: &Backends, backend: BackendId, offer: SieveOffer) {
        let mut known = self.lock();
        if known.of_each.get(&backend).is_none_or(|told| told.is_doubted || told.offer != offer) {
            known.of_each.insert(backend, ToldOffer { offer, is_doubted: false });
            known.share(backends, self.forwarding);
        }
    }

    /// What is known of backends that are not in force any more is forgotten.
    pub(super) fn keep(&self, backends: &Backends) {
        let mut known = self.lock();
        known.of_each.retain(|backend, _| backends.at(*backend).is_some());
        known.share(backends, self.forwarding);
    }

    /// What can be told of all backends before login, as far as they are known.
    pub(super) fn of_all(&self) -> Arc<SieveOffer> {
        self.lock().of_all.clone()
    }

    /// Whether it is worth a connection to `backend`: not where its list has no such mechanism. Then it is asked again before long.
    pub(super) fn is_worth_asking(&self, backend: BackendId, mechanism: Mechanism) -> bool {
        match self.lock().of_each.get_mut(&backend) {
            Some(told) if !told.offer.tokens.take(mechanism) => {
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

    fn lock(&self) -> MutexGuard<'_, KnownOffers> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KnownOffers {
    fn share(&mut self, backends: &Backends, forwarding: Forwarding) {
        let told = backends.iter().filter_map(|(id, _)| self.of_each.get(&id)).map(|told| told.offer.clone());
        self.of_all = Arc::new(told.reduce(|all, next| all.shared(&next)).unwrap_or_default().within(forwarding));
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

    fn offer(extensions: &[&str], bearer: bool) -> SieveOffer {
        let extensions = extensions.iter().map(|word| (*word).into()).collect();
        SieveOffer { extensions, tokens: Tokens { bearer, xoauth2: false }, ..SieveOffer::default() }
    }

    #[test]
    fn what_all_have_is_told_without_what_is_refused() {
        let both = backends(&["one", "two"]);
        let ids: Vec<_> = both.iter().map(|(id, _)| id).collect();
        let offers = SieveOffers::new(Forwarding::Refuse);
        assert_eq!(*offers.of_all(), SieveOffer::default());
        offers.learn(&both, ids[0], offer(&["fileinto", "enotify", "vacation"], true));
        assert_eq!(*offers.of_all(), offer(&["fileinto", "vacation"], true));
        let before = offers.of_all();
        offers.learn(&both, ids[0], offer(&["fileinto", "enotify", "vacation"], true));
        assert!(Arc::ptr_eq(&before, &offers.of_all()), "what every login tells anew is not put together anew");
        offers.learn(&both, ids[1], offer(&["vacation", "enotify"], false));
        assert_eq!(*offers.of_all(), offer(&["vacation"], true));
        offers.keep(&backends(&[]));
        assert_eq!(*offers.of_all(), SieveOffer::default());
    }

    /// Or each try would be a connection to the mail server, and none of them a wrong password.
    #[test]
    fn what_a_server_does_not_take_costs_it_no_connection() {
        let one = backends(&["one"]);
        let id = one.default_id();
        let offers = SieveOffers::new(Forwarding::Allow);
        assert!(offers.is_worth_asking(id, Mechanism::XOAuth2) && offers.is_due(id), "nothing is known");
        offers.learn(&one, id, offer(&[], true));
        assert!(offers.is_worth_asking(id, Mechanism::OAuthBearer) && offers.is_worth_asking(id, Mechanism::Password));
        assert!(!offers.is_due(id));
        assert!(!offers.is_worth_asking(id, Mechanism::XOAuth2) && offers.is_due(id), "it may have changed");
        offers.learn(&one, id, offer(&[], true));
        assert!(!offers.is_due(id));
    }
}
