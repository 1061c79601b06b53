//! Which ways to log in the mail servers know besides passwords, so that no mail program is offered one that leads nowhere.
//!
//! Each is asked at the start, and again after its place in the config changed; every login sees its list anew. One that does not
//! answer is asked again until it does. Where there are several, what any of them takes is offered, for whose member a
//! client is shows only with the login; who then comes to one without is told so, and it counts as no wrong password.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::private::Mechanism;
use crate::route::{AuthBy, Backend, BackendId, Backends};
use crate::wire::sasl::MechanismName;
use crate::wire::tokens::Tokens;

/// What is known.
#[derive(Default)]
pub struct Methods {
    known: Mutex<HashMap<BackendId, ToldTokens>>,
}

struct ToldTokens {
    tokens: Tokens,
    /// Somebody was refused because of it, so it is asked for again.
    is_doubted: bool,
}

impl Methods {
    fn of(&self, backend: BackendId) -> Option<Tokens> {
        self.lock().get(&backend).map(|known| known.tokens)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<BackendId, ToldTokens>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it is worth a connection to `backend`: not where its list has no such mechanism. Then it is asked again before long.
    pub(super) fn is_worth_asking(&self, backend: BackendId, mechanism: Mechanism) -> bool {
        match self.lock().get_mut(&backend) {
            Some(known) if !known.tokens.take(mechanism) => {
                known.is_doubted = true;
                false
            }
            _ => true,
        }
    }

    /// Whether it is to be asked.
    pub(super) fn is_due(&self, backend: BackendId) -> bool {
        self.lock().get(&backend).is_none_or(|known| known.is_doubted)
    }

    pub(super) fn learn(&self, backend: BackendId, tokens: Tokens) {
        self.lock().insert(backend, ToldTokens { tokens, is_doubted: false });
    }

    /// What is known of backends that are not in force any more is forgotten.
    pub(super) fn keep(&self, backends: &Backends) {
        self.lock().retain(|backend, _| backends.at(*backend).is_some());
    }

    /// What any of `backends` takes whose mailboxes are `judging`: all of them, or those that judge for submission too.
    fn any(&self, backends: &Backends, judging: impl Fn(&Backend) -> bool) -> Tokens {
        let known = backends.iter().filter(|(_, backend)| judging(backend)).filter_map(|(id, _)| self.of(id));
        known.fold(Tokens::default(), Tokens::or)
    }

    /// Where any mailbox may be the client's.
    pub(super) fn of_all(&self, backends: &Backends) -> Tokens {
        self.any(backends, |_| true)
    }

    /// For submission, where the mailbox judges. A relay that judges is asked for passwords only.
    pub(super) fn for_submission(&self, backends: &Backends) -> Vec<MechanismName> {
        let tokens = self.any(backends, |backend| backend.auth == AuthBy::Imap);
        let names = [MechanismName::Plain, MechanismName::Login, MechanismName::XOAuth2, MechanismName::OAuthBearer];
        names.into_iter().filter(|name| tokens.allow(*name)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::{Backend, Endpoint};

    /// Or each try would be a connection to the mail server, and none of them a wrong password.
    #[test]
    fn what_a_server_does_not_take_costs_it_no_connection() {
        let (methods, one) = (Methods::default(), BackendId::new(1));
        assert!(methods.is_worth_asking(one, Mechanism::XOAuth2) && methods.is_due(one), "nothing is known");
        methods.learn(one, Tokens { bearer: true, xoauth2: false });
        assert!(methods.is_worth_asking(one, Mechanism::OAuthBearer) && methods.is_worth_asking(one, Mechanism::Password));
        assert!(!methods.is_due(one));
        assert!(!methods.is_worth_asking(one, Mechanism::XOAuth2) && methods.is_due(one), "it may have changed");
        methods.learn(one, Tokens { bearer: true, xoauth2: true });
        assert!(methods.is_worth_asking(one, Mechanism::XOAuth2) && !methods.is_due(one));
    }

    #[test]
    fn what_any_takes_is_offered_and_at_submission_only_where_the_mailbox_judges() {
        let imap = || Endpoint::parse("imap://127.0.0.1:143", "imap").unwrap_or_else(|_| unreachable!());
        let backend = |name: &str, auth| {
            let mut backend = Backend::new(name, imap());
            backend.auth = auth;
            backend
        };
        let backends = Backends::new(vec![backend("one", AuthBy::Imap), backend("two", AuthBy::Relay)], 0);
        let ids: Vec<_> = backends.iter().map(|(id, _)| id).collect();
        let (methods, both) = (Methods::default(), Tokens { bearer: true, xoauth2: true });
        assert_eq!(methods.of_all(&backends), Tokens::default());
        methods.learn(ids[0], Tokens { bearer: false, xoauth2: true });
        methods.learn(ids[1], Tokens { bearer: true, xoauth2: false });
        assert_eq!(methods.of_all(&backends), both);
        assert_eq!(methods.for_submission(&backends), [MechanismName::Plain, MechanismName::Login, MechanismName::XOAuth2]);
        methods.learn(ids[1], Tokens::default());
        assert_eq!(methods.of_all(&backends), Tokens { bearer: false, xoauth2: true });
        methods.keep(&Backends::new(Vec::new(), 0));
        assert_eq!(methods.of_all(&backends), Tokens::default());
    }
}
