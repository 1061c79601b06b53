//! Which mechanisms for tokens somebody takes or offers (RFC 7628; XOAUTH2): told by a server, merged, and asked before a try.

use super::sasl::MechanismName;
use crate::private::Mechanism;

/// The mechanisms besides those for passwords: what a mail program presents there is a token that only a backend can read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// OAUTHBEARER.
    pub bearer: bool,
    /// XOAUTH2.
    pub xoauth2: bool,
}

impl Tokens {
    /// Whether `name` may be used: passwords always.
    pub fn allow(self, name: MechanismName) -> bool {
        match name {
            MechanismName::Login | MechanismName::Plain => true,
            MechanismName::OAuthBearer => self.bearer,
            MechanismName::XOAuth2 => self.xoauth2,
        }
    }

    /// Whether a credential of this kind may be presented: passwords always.
    pub fn take(self, mechanism: Mechanism) -> bool {
        match mechanism {
            Mechanism::Password => true,
            Mechanism::OAuthBearer => self.bearer,
            Mechanism::XOAuth2 => self.xoauth2,
        }
    }

    /// What either has.
    pub fn or(self, other: Tokens) -> Tokens {
        Tokens { bearer: self.bearer || other.bearer, xoauth2: self.xoauth2 || other.xoauth2 }
    }
}
