//! How we open a conversation with a relay or a mailbox server: greeting, EHLO or LHLO, STARTTLS, AUTH. RFC 5321 3.1,
//! RFC 3207, RFC 4954, RFC 2033 4.1.
//!
//! Fed with whole replies, answers with what to send: no sockets here. The relay hears our own host name and nothing about
//! the client. Absent on purpose: HELO (a relay without extensions cannot carry what we promised), XCLIENT, and going on
//! without TLS where the config asks for it.

use zeroize::Zeroizing;

use super::command::number;
use super::reply::Reply;
use crate::fault::{Fault, RefusalCode, Side};
use crate::private::{Credential, Mechanism};
use crate::wire::sasl;

/// What a server offers in its answer to EHLO, as far as it matters here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// RFC 2920.
    pub pipelining: bool,
    /// RFC 1870: `Some(0)` is "no fixed bound".
    pub size: Option<u64>,
    /// RFC 6152.
    pub eight_bit: bool,
    /// RFC 6531.
    pub smtputf8: bool,
    /// RFC 3461.
    pub dsn: bool,
    /// RFC 3030.
    pub chunking: bool,
    /// RFC 2034.
    pub enhanced: bool,
    /// RFC 3207.
    pub starttls: bool,
    /// RFC 4954, and whether PLAIN is among the mechanisms.
    pub auth: bool,
    /// AUTH lists PLAIN.
    pub auth_plain: bool,
    /// AUTH lists OAUTHBEARER.
    pub auth_bearer: bool,
    /// AUTH lists XOAUTH2.
    pub auth_xoauth2: bool,
}

impl Capabilities {
    /// Reads the lines behind the first of an answer to EHLO.
    pub fn read(reply: &Reply) -> Capabilities {
        let mut all = Capabilities::default();
        for line in reply.lines().skip(1) {
            let mut words = line.split(|byte| *byte == b' ' || *byte == b'=').filter(|word| !word.is_empty());
            let keyword = words.next().unwrap_or_default().to_ascii_uppercase();
            match &*keyword {
                b"PIPELINING" => all.pipelining = true,
                b"SIZE" => all.size = Some(words.next().and_then(number).unwrap_or(0)),
                b"8BITMIME" => all.eight_bit = true,
                b"SMTPUTF8" => all.smtputf8 = true,
                b"DSN" => all.dsn = true,
                b"CHUNKING" => all.chunking = true,
                b"ENHANCEDSTATUSCODES" => all.enhanced = true,
                b"STARTTLS" => all.starttls = true,
                b"AUTH" => all.read_auth(words),
                _ => {}
            }
        }
        all
    }

    /// Everything that a submission server of ours ever offers.
    pub fn all() -> Capabilities {
        let size = Some(0);
        let yes = Capabilities { pipelining: true, size, eight_bit: true, smtputf8: true, dsn: true, ..Capabilities::default() };
        Capabilities { chunking: true, enhanced: true, ..yes }
    }

    /// What both can do. TLS and authentication are each relay's own affair and left out.
    pub fn and(self, other: &Capabilities) -> Capabilities {
        let size = match (self.size, other.size) {
            (Some(0), size) | (size, Some(0)) => size,
            (Some(one), Some(two)) => Some(one.min(two)),
            _ => None,
        };
        Capabilities {
            pipelining: self.pipelining && other.pipelining,
            size,
            eight_bit: self.eight_bit && other.eight_bit,
            smtputf8: self.smtputf8 && other.smtputf8,
            dsn: self.dsn && other.dsn,
            chunking: self.chunking && other.chunking,
            enhanced: self.enhanced && other.enhanced,
            ..Capabilities::default()
        }
    }

    fn read_auth<'a>(&mut self, words: impl Iterator<Item = &'a [u8]>) {
        self.auth = true;
        for name in words.filter_map(sasl::MechanismName::parse) {
            match name {
                sasl::MechanismName::Plain => self.auth_plain = true,
                sasl::MechanismName::OAuthBearer => self.auth_bearer = true,
                sasl::MechanismName::XOAuth2 => self.auth_xoauth2 = true,
                sasl::MechanismName::Login => {}
            }
        }
    }

    fn has(&self, name: sasl::MechanismName) -> bool {
        match name {
            sasl::MechanismName::Plain => self.auth_plain,
            sasl::MechanismName::OAuthBearer => self.auth_bearer,
            sasl::MechanismName::XOAuth2 => self.auth_xoauth2,
            sasl::MechanismName::Login => false,
        }
    }
}

/// A conversation that is being opened; begins by waiting for the greeting.
pub struct Opening {
    hello: &'static [u8],
    hostname: Box<str>,
    /// STARTTLS is still to be done.
    starttls: bool,
    /// AUTH is still to be done.
    login: Option<Credential>,
    stage: OpeningStage,
}

enum OpeningStage {
    Greeting,
    Ehlo,
    StartTls,
    Auth(Capabilities),
}

/// What a reply leads to.
pub enum OpeningStep {
    /// Send this, wait for the next reply.
    Send(Zeroizing<Vec<u8>>, Opening),
    /// Drop what was read, start TLS, then go on with [`Opening::secured`].
    Secure(Opening),
    /// Mail can be handed over.
    Ready(Capabilities),
    /// The relay is there and refuses the credential.
    Denied,
    /// The relay cannot be used.
    Failed(Fault),
}

impl Opening {
    /// `hostname` is what EHLO says; `starttls` asks for TLS before anything else; `login` is to be judged by the relay.
    pub fn new(hostname: &str, starttls: bool, login: Option<Credential>) -> Opening {
        Opening { hello: b"EHLO ", hostname: hostname.into(), starttls, login, stage: OpeningStage::Greeting }
    }

    /// The same with a server that stores mail: LMTP, where the two say LHLO.
    pub fn lmtp(hostname: &str, starttls: bool) -> Opening {
        Opening { hello: b"LHLO ", ..Opening::new(hostname, starttls, None) }
    }

    /// TLS is up: what to send. All that was said before is forgotten (RFC 3207 4.2).
    pub fn secured(mut self) -> (Zeroizing<Vec<u8>>, Opening) {
        self.starttls = false;
        self.stage = OpeningStage::Ehlo;
        (self.ehlo(), self)
    }

    /// Takes the relay's next reply.
    pub fn reply(mut self, reply: &Reply) -> OpeningStep {
        match (self.stage, reply.code()) {
            // 421, 554: not now, or not for us. Either way nobody takes mail here.
            (_, 421) | (OpeningStage::Greeting, 400..) => OpeningStep::Failed(Fault::Down),
            (OpeningStage::Greeting, 220) => {
                self.stage = OpeningStage::Ehlo;
                OpeningStep::Send(self.ehlo(), self)
            }
            (OpeningStage::Ehlo, 250) => {
                self.stage = OpeningStage::Ehlo;
                self.greeted(Capabilities::read(reply))
            }
            (OpeningStage::StartTls, 220) => {
                self.stage = OpeningStage::StartTls;
                OpeningStep::Secure(self)
            }
            (OpeningStage::StartTls, 400..) => OpeningStep::Failed(Fault::Tls(Side::Backend)),
            (OpeningStage::Auth(capabilities), 235) => OpeningStep::Ready(capabilities),
            (OpeningStage::Auth(_), 535 | 501) => OpeningStep::Denied,
            // RFC 4954 6: what these say is not about the password.
            (OpeningStage::Auth(_), 432) => OpeningStep::Failed(Fault::Barred(RefusalCode::PasswordExpired)),
            (OpeningStage::Auth(_), 525) => OpeningStep::Failed(Fault::Barred(RefusalCode::NotAllowed)),
            (OpeningStage::Auth(_), 504 | 534 | 538) => OpeningStep::Failed(Fault::Barred(RefusalCode::BackendSetup)),
            (OpeningStage::Auth(_), 400..) => OpeningStep::Failed(Fault::Down),
            _ => OpeningStep::Failed(Fault::Garbage(Side::Backend)),
        }
    }

    fn greeted(mut self, capabilities: Capabilities) -> OpeningStep {
        if self.starttls {
            if !capabilities.starttls {
                return OpeningStep::Failed(Fault::Tls(Side::Backend));
            }
            self.stage = OpeningStage::StartTls;
            return OpeningStep::Send(line(b"STARTTLS", b""), self);
        }
        let Some(login) = self.login.take() else { return OpeningStep::Ready(capabilities) };
        let (name, response) = sasl::initial_response(&login);
        if !capabilities.has(name) {
            return OpeningStep::Failed(Fault::Barred(match login.mechanism {
                Mechanism::Password => RefusalCode::BackendSetup,
                Mechanism::OAuthBearer | Mechanism::XOAuth2 => RefusalCode::LoginMethod,
            }));
        }
        self.stage = OpeningStage::Auth(capabilities);
        let verb = format!("AUTH {} ", name.word());
        OpeningStep::Send(line(verb.as_bytes(), &response), self)
    }

    fn ehlo(&self) -> Zeroizing<Vec<u8>> {
        line(self.hello, self.hostname.as_bytes())
    }
}

// Sized before it is filled: it may hold a secret.
fn line(verb: &[u8], rest: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut line = Zeroizing::new(Vec::with_capacity(verb.len() + rest.len() + 2));
    line.extend_from_slice(verb);
    line.extend_from_slice(rest);
    line.extend_from_slice(b"\r\n");
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(text: &[u8]) -> Reply {
        Reply::parse(text).ok().flatten().unwrap().0
    }

    fn sent(next: OpeningStep) -> (String, Opening) {
        let OpeningStep::Send(bytes, opening) = next else { panic!("nothing to send") };
        (String::from_utf8(bytes.to_vec()).unwrap(), opening)
    }

    #[test]
    fn starttls_then_ready() {
        let opening = Opening::new("mail.example", true, None);
        let (text, opening) = sent(opening.reply(&reply(b"220 hi\r\n")));
        assert_eq!(text, "EHLO mail.example\r\n");
        let (text, opening) = sent(opening.reply(&reply(b"250-r\r\n250-STARTTLS\r\n250 SIZE 10\r\n")));
        assert_eq!(text, "STARTTLS\r\n");
        let OpeningStep::Secure(opening) = opening.reply(&reply(b"220 go\r\n")) else { panic!() };
        let (_, opening) = opening.secured();
        let OpeningStep::Ready(capabilities) = opening.reply(&reply(b"250-r\r\n250-AUTH PLAIN LOGIN\r\n250 size\r\n")) else {
            panic!()
        };
        assert_eq!(capabilities, Capabilities { size: Some(0), auth: true, auth_plain: true, ..Capabilities::default() });
    }

    #[test]
    fn never_without_tls() {
        let (_, opening) = sent(Opening::new("mail.example", true, None).reply(&reply(b"220 hi\r\n")));
        assert!(matches!(opening.reply(&reply(b"250 r\r\n")), OpeningStep::Failed(Fault::Tls(Side::Backend))));
    }

    #[test]
    fn refusals() {
        let opening = || Opening::new("mail.example", false, None);
        assert!(matches!(opening().reply(&reply(b"554 no\r\n")), OpeningStep::Failed(Fault::Down)));
        assert!(matches!(opening().reply(&reply(b"250 hi\r\n")), OpeningStep::Failed(Fault::Garbage(Side::Backend))));
    }
}
