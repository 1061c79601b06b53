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

/// One login attempt: a name and a secret, as long as a line of the protocol lets them be (12 KiB at most, RFC 4954 4), wiped when dropped.
/// It cannot be printed.
#[derive(Clone)]
pub struct Credential {
    /// The name that the person logs in with.
    pub user: Private<Box<str>>,
    /// What proves it.
    pub secret: Secret,
    /// How.
    pub mechanism: Mechanism,
}

impl Credential {
    /// The same with `@domain` behind a name without one, where there is such a `domain`. What is in a token stays: it holds the name that
    /// it was made for.
    pub fn completed(self, domain: Option<&str>) -> Credential {
        let name = self.user.reveal();
        match domain {
            Some(domain) if self.mechanism == Mechanism::Password && !name.contains('@') => {
                let user = Private::new(format!("{name}@{domain}").into());
                Credential { user, ..self }
            }
            _ => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_name_without_a_domain_is_given_one() {
        let completed = |user: &str, mechanism, domain| {
            let typed = Credential { user: Private::new(user.into()), secret: Secret::new(b"pw"), mechanism };
            typed.completed(domain).user.reveal().to_string()
        };
        let asso = Some("asso.example");
        assert_eq!(completed("Alice", Mechanism::Password, asso), "Alice@asso.example");
        for (user, mechanism, domain) in [
            ("alice", Mechanism::Password, None),
            ("alice", Mechanism::XOAuth2, asso),
            ("alice", Mechanism::OAuthBearer, asso),
            ("alice@velo.example", Mechanism::Password, asso),
            ("alice@", Mechanism::Password, asso),
            ("@", Mechanism::Password, asso),
        ] {
            assert_eq!(completed(user, mechanism, domain), user);
        }
    }
}
