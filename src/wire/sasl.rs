//! SASL, the server's side: what a mail program answers after AUTH or AUTHENTICATE becomes a [`Credential`].
//!
//! PLAIN (RFC 4616), LOGIN (draft-murchison-sasl-login), OAUTHBEARER (RFC 7628) and XOAUTH2, its older form. Also the one line
//! that tells a credential to a backend. SMTP and IMAP share this: both carry base64 lines, `*` to cancel and, for an empty
//! initial response, `=` (RFC 4954 4, RFC 4959 3).
//!
//! Absent on purpose: CRAM-MD5, DIGEST-MD5, SCRAM and GSSAPI, which a proxy cannot replay to a backend; acting for somebody
//! else (an authorization identity that differs from the name that logs in).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::private::{Credential, Mechanism, Private, Secret};

/// The longest answer that is read, in octets of base64. Tokens of big providers are below 4 KiB.
pub const MAX_ANSWER: usize = 8 * 1024;
/// The longest login name, in octets. An address has at most 320.
const MAX_USER: usize = 512;

/// A mechanism by its registered name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MechanismName {
    /// User and password, each asked for.
    Login,
    /// RFC 7628.
    OAuthBearer,
    /// RFC 4616.
    Plain,
    /// What OAUTHBEARER was before it was a standard.
    XOAuth2,
}

impl MechanismName {
    /// The mechanism with this name, in any case of letters.
    pub fn parse(name: &[u8]) -> Option<MechanismName> {
        [MechanismName::Login, MechanismName::OAuthBearer, MechanismName::Plain, MechanismName::XOAuth2]
            .into_iter()
            .find(|known| known.word().as_bytes().eq_ignore_ascii_case(name))
    }

    /// As it stands in capability lists.
    pub fn word(self) -> &'static str {
        match self {
            MechanismName::Login => "LOGIN",
            MechanismName::OAuthBearer => "OAUTHBEARER",
            MechanismName::Plain => "PLAIN",
            MechanismName::XOAuth2 => "XOAUTH2",
        }
    }
}

/// What comes next in an exchange.
pub enum SaslStep {
    /// Send this base64 text (it can be empty) as the challenge, then feed the next line to [`Exchange::answer`].
    Challenge(&'static str, Exchange),
    /// All is said; the backend judges.
    Done(Credential),
    /// The exchange is over without a credential.
    Refused(SaslRefusal),
}

/// Why an exchange ended without a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaslRefusal {
    /// The client sent `*`.
    Cancelled,
    /// No base64, or not what the mechanism asks for.
    Malformed,
    /// Longer than [`MAX_ANSWER`], or a login name longer than an address can be.
    TooLong,
    /// The client wants to act as somebody else. To be answered like a wrong password.
    Foreign,
    /// The password is empty. To be answered like a wrong one; no backend is asked.
    Empty,
}

/// An exchange that waits for the client's next line.
pub struct Exchange(SaslState);

enum SaslState {
    /// The one answer of this mechanism.
    Whole(MechanismName),
    /// LOGIN's first answer.
    User,
    /// LOGIN's second answer.
    Password(Private<Box<str>>),
}

/// Begins an exchange. `initial` is the initial response as it stands in the command: base64, or `=` for an empty one.
pub fn start(name: MechanismName, initial: Option<&[u8]>) -> SaslStep {
    let state = match name {
        MechanismName::Login => SaslState::User,
        _ => SaslState::Whole(name),
    };
    match initial {
        Some(b"=") => state.read(Zeroizing::new(Vec::new())),
        Some(line) => Exchange(state).answer(line),
        None => state.ask(),
    }
}

impl Exchange {
    /// Takes the client's answer to the challenge: one line without its CRLF.
    pub fn answer(self, line: &[u8]) -> SaslStep {
        if line == b"*" {
            return SaslStep::Refused(SaslRefusal::Cancelled);
        }
        if line.len() > MAX_ANSWER {
            return SaslStep::Refused(SaslRefusal::TooLong);
        }
        match decode(line) {
            Some(bytes) => self.0.read(bytes),
            None => SaslStep::Refused(SaslRefusal::Malformed),
        }
    }
}

impl SaslState {
    fn ask(self) -> SaslStep {
        let challenge = match self {
            SaslState::Whole(_) => "",
            SaslState::User => "VXNlcm5hbWU6",        // Username:
            SaslState::Password(_) => "UGFzc3dvcmQ6", // Password:
        };
        SaslStep::Challenge(challenge, Exchange(self))
    }

    fn read(self, bytes: Zeroizing<Vec<u8>>) -> SaslStep {
        let read = match self {
            SaslState::Whole(MechanismName::OAuthBearer) => bearer(&bytes),
            SaslState::Whole(MechanismName::XOAuth2) => xoauth2(&bytes),
            SaslState::Whole(_) => plain(&bytes),
            SaslState::User => match user(&bytes) {
                Ok(user) => return SaslState::Password(user).ask(),
                Err(refusal) => Err(refusal),
            },
            SaslState::Password(user) => password(user, &bytes),
        };
        match read {
            Ok(credential) => SaslStep::Done(credential),
            Err(refusal) => SaslStep::Refused(refusal),
        }
    }
}

// RFC 4616 2: [authzid] NUL authcid NUL passwd
fn plain(bytes: &[u8]) -> Result<Credential, SaslRefusal> {
    let mut parts = bytes.splitn(3, |b| *b == 0);
    let (Some(other), Some(name), Some(secret)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(SaslRefusal::Malformed);
    };
    if !other.is_empty() && !other.eq_ignore_ascii_case(name) {
        return Err(SaslRefusal::Foreign);
    }
    password(user(name)?, secret)
}

// RFC 7628 3.1: gs2-header "," kvsep *(key "=" value kvsep) kvsep, with the name in the GS2 header.
fn bearer(bytes: &[u8]) -> Result<Credential, SaslRefusal> {
    let pairs = bytes.strip_suffix(&[1, 1]).ok_or(SaslRefusal::Malformed)?;
    let mut pairs = pairs.split(|b| *b == 1);
    let header = pairs.next().and_then(|header| std::str::from_utf8(header).ok()).ok_or(SaslRefusal::Malformed)?;
    let mut parts = header.split(',');
    let (Some("n" | "y"), Some(name), Some(""), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err(SaslRefusal::Malformed);
    };
    // Without a name we cannot route.
    let name = name.strip_prefix("a=").and_then(saslname).ok_or(SaslRefusal::Malformed)?;
    let mut seen = [false; BEARER_KEYS.len()];
    for pair in pairs {
        let key =
            BEARER_KEYS.iter().position(|key| pair.strip_prefix(*key).is_some_and(is_plain)).ok_or(SaslRefusal::Malformed)?;
        if std::mem::replace(&mut seen[key], true) {
            return Err(SaslRefusal::Malformed);
        }
    }
    // The first of them is the token.
    if !seen[0] {
        return Err(SaslRefusal::Malformed);
    }
    Ok(Credential { user: user(name.as_bytes())?, secret: Secret::new(bytes), mechanism: Mechanism::OAuthBearer })
}

/// What may stand in an OAUTHBEARER response: a backend hears it byte for byte, so nothing that might name somebody else to it.
const BEARER_KEYS: [&[u8]; 3] = [b"auth=", b"host=", b"port="];

// RFC 5801 4: "=2C" stands for a comma and "=3D" for an equals sign, and no "=" for itself.
fn saslname(name: &str) -> Option<String> {
    let mut pieces = name.split('=');
    let mut plain = pieces.next()?.to_owned();
    for piece in pieces {
        let (sign, rest) =
            piece.strip_prefix("2C").map(|rest| (',', rest)).or(piece.strip_prefix("3D").map(|rest| ('=', rest)))?;
        plain.push(sign);
        plain.push_str(rest);
    }
    Some(plain)
}

// "user=" name kvsep "auth=Bearer " token kvsep kvsep, and nothing else: with a second name in it, a backend might take the one
// and we the other (Dovecot takes the last), and whose mail it is would be a choice of the client's.
fn xoauth2(bytes: &[u8]) -> Result<Credential, SaslRefusal> {
    let mut pairs = bytes.strip_suffix(&[1, 1]).ok_or(SaslRefusal::Malformed)?.split(|b| *b == 1);
    let (Some(name), Some(token), None) = (pairs.next(), pairs.next(), pairs.next()) else { return Err(SaslRefusal::Malformed) };
    let name = name.strip_prefix(b"user=").ok_or(SaslRefusal::Malformed)?;
    if !token.strip_prefix(b"auth=").is_some_and(is_plain) {
        return Err(SaslRefusal::Malformed);
    }
    Ok(Credential { user: user(name)?, secret: Secret::new(bytes), mechanism: Mechanism::XOAuth2 })
}

// RFC 7628 3.1: VCHAR, SP, HTAB, CR and LF; of these, no line end has a use.
fn is_plain(value: &[u8]) -> bool {
    !value.is_empty() && value.iter().all(|byte| matches!(byte, b' '..=b'~'))
}

/// A name and a password that came otherwise, held to the same. The error says what could be neither.
pub fn by_password(name: &[u8], secret: &[u8]) -> Result<Credential, SaslRefusal> {
    password(user(name)?, secret)
}

fn password(user: Private<Box<str>>, secret: &[u8]) -> Result<Credential, SaslRefusal> {
    if secret.is_empty() {
        return Err(SaslRefusal::Empty);
    }
    // A NUL would end the password early in what the backend is told.
    if secret.contains(&0) {
        return Err(SaslRefusal::Malformed);
    }
    Ok(Credential { user, secret: Secret::new(secret), mechanism: Mechanism::Password })
}

fn user(bytes: &[u8]) -> Result<Private<Box<str>>, SaslRefusal> {
    if bytes.len() > MAX_USER {
        return Err(SaslRefusal::TooLong);
    }
    let name = std::str::from_utf8(bytes).map_err(|_| SaslRefusal::Malformed)?;
    let usable = !name.is_empty() && !name.chars().any(char::is_control);
    usable.then(|| Private::new(name.into())).ok_or(SaslRefusal::Malformed)
}

/// The mechanism and the initial response, in base64, that tell `credential` to a backend: PLAIN for a password, else the
/// client's own response as it came.
pub fn initial_response(credential: &Credential) -> (MechanismName, Zeroizing<Vec<u8>>) {
    let secret = credential.secret.reveal();
    match credential.mechanism {
        Mechanism::OAuthBearer => (MechanismName::OAuthBearer, encode(secret)),
        Mechanism::XOAuth2 => (MechanismName::XOAuth2, encode(secret)),
        Mechanism::Password => {
            let user = credential.user.reveal().as_bytes();
            let mut plain = Zeroizing::new(Vec::with_capacity(user.len() + secret.len() + 2));
            plain.push(0);
            plain.extend_from_slice(user);
            plain.push(0);
            plain.extend_from_slice(secret);
            (MechanismName::Plain, encode(&plain))
        }
    }
}

// Both are sized before they are filled: a buffer that grows would leave copies of the secret behind.
fn encode(bytes: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut text = Zeroizing::new(vec![0; bytes.len().div_ceil(3) * 4]);
    let length = STANDARD.encode_slice(bytes, &mut text).unwrap_or(0);
    text.truncate(length);
    text
}

fn decode(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(vec![0; base64::decoded_len_estimate(text.len())]);
    let length = STANDARD.decode_slice(text, &mut bytes).ok()?;
    bytes.truncate(length);
    Some(bytes)
}

#[cfg(test)]
mod tests;
