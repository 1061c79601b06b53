//! What a person logs in with. Wiped from memory when dropped.

use zeroize::Zeroizing;

use super::Private;

/// A password or a token, wiped when dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<Box<[u8]>>);

impl Secret {
    /// Takes the bytes over into memory that is wiped when dropped.
    pub fn new(bytes: &[u8]) -> Secret {
        Secret(Zeroizing::new(bytes.into()))
    }

    /// The bytes, for the backend that judges them.
    pub fn reveal(&self) -> &[u8] {
        &self.0
    }

    /// Full comparison in a time that depends on the lengths only: never a hash in place of the secret.
    pub fn same(&self, other: &Secret) -> bool {
        aws_lc_rs::constant_time::verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

/// How the secret is proven to the backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// User and password (LOGIN, AUTH PLAIN, AUTH LOGIN): told to the backend in the way it understands.
    Password,
    /// RFC 7628: the secret is the whole initial response.
    OAuthBearer,
    /// The older form of the same; the secret is the whole initial response.
    XOAuth2,
}

/// One login attempt.
#[derive(Clone)]
pub struct Credential {
    /// The name that the person logs in with.
    pub user: Private<Box<str>>,
    /// What proves it.
    pub secret: Secret,
    /// How.
    pub mechanism: Mechanism,
}
