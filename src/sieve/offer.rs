//! What a backend says of itself that mail programs want to know before they log in (RFC 5804 1.7): the extensions of its Sieve, and
//! the ways to log in.
//!
//! Before login nobody knows which backend it will be. So what all have is told of extensions, for a filter that is written by that list
//! must run; and what any has of ways to log in, as for IMAP.

use crate::wire::tokens::Tokens;

/// What is done about filters that bring mail out of the house.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Forwarding {
    /// They are taken, and the mail server judges.
    #[default]
    Allow,
    /// New ones that forward, or send notices, are refused.
    Refuse,
}

/// Extensions with which a script sends mail, or what is in it, to an address of its choice: RFC 5435 and its draft, RFC 6009, and
/// Dovecot's own.
pub(super) const SENDING: [&str; 5] = ["enotify", "notify", "redirect-dsn", "redirect-deliverby", "vnd.dovecot.report"];

/// What one backend has, or all of some.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SieveOffer {
    /// Extensions, in the order of the backend.
    pub extensions: Vec<Box<str>>,
    /// Ways of notices (RFC 5435); empty where there are none.
    pub notify: Vec<Box<str>>,
    /// What it takes besides passwords.
    pub tokens: Tokens,
}

impl SieveOffer {
    /// What both have of extensions, and either of ways to log in.
    pub fn shared(self, other: &SieveOffer) -> SieveOffer {
        let both = |own: Vec<Box<str>>, others: &[Box<str>]| own.into_iter().filter(|word| others.contains(word)).collect();
        SieveOffer {
            extensions: both(self.extensions, &other.extensions),
            notify: both(self.notify, &other.notify),
            tokens: self.tokens.or(other.tokens),
        }
    }

    /// Without what `forwarding` does not let pass.
    pub fn within(mut self, forwarding: Forwarding) -> SieveOffer {
        if forwarding == Forwarding::Refuse {
            self.extensions.retain(|word| !SENDING.contains(&&*word.to_ascii_lowercase()));
            self.notify.clear();
        }
        self
    }
}
