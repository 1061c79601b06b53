//! What the canary plants: values that exist nowhere else, one for each thing that a server could write down.

use std::net::Ipv4Addr;

use aws_lc_rs::rand;
use zeroize::Zeroizing;

/// One planted value.
pub(super) struct Planted {
    /// Its name in reports.
    pub name: &'static str,
    /// The value. The login and its password are real, so it is wiped.
    pub value: Zeroizing<String>,
    /// Where it may be found.
    pub place: Rightful,
}

/// Where a value belongs, and is no finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rightful {
    /// Nowhere.
    Nowhere,
    /// In the mailbox.
    Mail,
    /// In the mailbox, and in nologd's own book.
    MailAndBook,
}

/// Everything that is planted in one flight.
pub(super) struct Plants {
    pub address: Ipv4Addr,
    pub wrong_password: String,
    pub machine: String,
    pub imap_id: String,
    pub user_agent: String,
    pub message_id: String,
    pub subject: String,
    pub body: String,
    pub refused: String,
    pub mailbox: String,
    pub broken: String,
}

impl Plants {
    /// New values. `None` where the machine gives no random octets.
    pub fn new() -> Option<Plants> {
        Some(Plants {
            address: address()?,
            wrong_password: token()?,
            machine: token()?,
            imap_id: token()?,
            user_agent: token()?,
            message_id: token()?,
            subject: token()?,
            body: token()?,
            refused: token()?,
            mailbox: token()?,
            broken: token()?,
        })
    }

    /// All values with their names, the real login among them.
    pub fn all(&self, login: &str, password: &str) -> Vec<Planted> {
        let planted = |name, value: &str, place| Planted { name, value: Zeroizing::new(value.to_owned()), place };
        vec![
            planted("client-address", &self.address.to_string(), Rightful::Nowhere),
            planted("login", login, Rightful::MailAndBook),
            planted("password", password, Rightful::Nowhere),
            planted("wrong-password", &self.wrong_password, Rightful::Nowhere),
            planted("machine-name", &self.machine, Rightful::Nowhere),
            planted("imap-id", &self.imap_id, Rightful::Nowhere),
            planted("user-agent", &self.user_agent, Rightful::Nowhere),
            planted("message-id", &self.message_id, Rightful::Nowhere),
            planted("subject", &self.subject, Rightful::Mail),
            planted("body", &self.body, Rightful::Mail),
            planted("refused-sender", &self.refused, Rightful::Nowhere),
            planted("mailbox-name", &self.mailbox, Rightful::Nowhere),
            planted("broken-tls", &self.broken, Rightful::Nowhere),
        ]
    }
}

/// Sixteen small letters: no server takes them apart, and every program takes them in any place.
fn token() -> Option<String> {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).ok()?;
    Some(bytes.iter().map(|byte| char::from(b'a' + byte % 26)).collect())
}

/// An address of this machine that nobody else connects from: 127.0.0.0/8 is all ours, 127.0.0.1 is everybody's.
fn address() -> Option<Ipv4Addr> {
    let mut bytes = [0; 3];
    rand::fill(&mut bytes).ok()?;
    // Three digits in each part: a short number is found everywhere.
    let [a, b, c] = bytes.map(|byte| 100 + byte % 150);
    Some(Ipv4Addr::new(127, a, b, c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_flights_plant_the_same() {
        let (one, two) = (Plants::new().unwrap(), Plants::new().unwrap());
        let (one, two) = (one.all("a@velo.example", "password"), two.all("a@velo.example", "password"));
        for (one, two) in one.iter().zip(&two).filter(|(one, _)| !matches!(one.name, "login" | "password")) {
            assert_ne!(*one.value, *two.value, "{}", one.name);
            assert!(one.value.len() >= 15, "{}", one.name);
            assert!(super::super::super::check::Holds::planted(one.name).is_some(), "{}", one.name);
        }
    }
}
