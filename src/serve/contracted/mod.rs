//! Protocols that keep to [`crate::wire::contract`]: [`one`] connection to its end, by [`enter`] and then [`carry`]; and what the servers of
//! backends say of themselves before anybody logs in, which they are [asked](ask). A new one is a file here, with its line in
//! [`ServerLists`].

mod ask;
mod carry;
mod converse;
mod enter;
mod one;
pub(super) mod pop3;
pub(super) mod sieve;
mod sieve_lists;

use sieve_lists::SieveLists;

use crate::route::Backends;
use crate::serve::methods::Methods;
use crate::sieve::forwarding::Forwarding;

/// What the servers said of themselves, which mail programs read before they log in. Every login sees a server's list anew.
pub struct ServerLists {
    /// Which ways to log in POP3 servers know besides passwords.
    pop3: Methods,
    sieve: SieveLists,
}

impl ServerLists {
    /// Nothing is known. `forwarding` is what is done about filters that bring mail out of the house.
    pub fn new(forwarding: Forwarding) -> ServerLists {
        ServerLists { pop3: Methods::default(), sieve: SieveLists::new(forwarding) }
    }

    /// What is known of backends that are not in force any more is forgotten.
    pub(super) fn keep(&self, backends: &Backends) {
        self.pop3.keep(backends);
        self.sieve.keep(backends);
    }
}
