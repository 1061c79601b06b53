//! Towards the backend, until it accepts the credentials: its capabilities, STARTTLS where asked for and its capabilities anew, then
//! AUTHENTICATE.
//!
//! Absent on purpose: XCLIENT. A backend learns nothing about clients. Nor is a password sent to one that lists no way to take it here.

use std::time::Duration;

use zeroize::Zeroizing;

use super::capability;
use super::capability::SieveCapabilities;
use super::response::{self, Final, Response, Scanned};
use crate::fault::{Fault, RefusalCode, Side};
use crate::private::Credential;
use crate::wire::contract::{Approach, Conversation};
use crate::wire::sasl;

/// RFC 5804 4: a quoted string has at most so many octets.
const QUOTED: usize = 1024;

/// The conversation with one backend.
pub struct UpstreamSieveLogin {
    waits: WaitsForSieve,
    starttls: bool,
    list: SieveCapabilities,
    plain: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum WaitsForSieve {
    /// Its capabilities, in the clear or behind TLS from the first byte.
    Greeting,
    /// The answer to STARTTLS.
    StartTls,
    /// Its capabilities behind STARTTLS: nothing is known of what came before.
    Secured,
    /// The verdict. A challenge may come first, that tells why a token is refused (RFC 7628 3.2.3).
    Verdict,
    /// The refusal: that challenge was cancelled.
    Refusal,
}

impl UpstreamSieveLogin {
    /// What it said of itself.
    pub fn into_capabilities(self) -> SieveCapabilities {
        self.list
    }

    /// A challenge: there is nothing more to say, so it is cancelled (RFC 5804 2.1), and the refusal comes.
    fn cancel(&mut self, input: &[u8]) -> Result<Approach, Fault> {
        let mut challenge = Response::new(true);
        match challenge.scan_line(&input[..input.len().min(capability::LIST)]) {
            (len, Scanned::More) if challenge.at_line_start() => {
                self.waits = WaitsForSieve::Refusal;
                Ok(Approach::Send(len, Zeroizing::new(b"\"*\"\r\n".to_vec())))
            }
            (len, Scanned::More) if len == input.len() && len < capability::LIST => Ok(Approach::Need),
            _ => Err(Fault::Garbage(Side::Backend)),
        }
    }

    fn attempt(&mut self, len: usize, list: &[u8], credential: &Credential) -> Result<Approach, Fault> {
        let (name, response) = sasl::initial_response(credential);
        if !capability::has(list, "SASL", Some(name)) {
            let code = if name == sasl::MechanismName::Plain { RefusalCode::BackendSetup } else { RefusalCode::LoginMethod };
            return Err(Fault::Barred(code));
        }
        let (verb, size) = (format!("AUTHENTICATE \"{}\" ", name.word()), format!("{{{}+}}\r\n", response.len()));
        let (before, behind): (&[u8], &[u8]) =
            if response.len() <= QUOTED { (b"\"", b"\"\r\n") } else { (size.as_bytes(), b"\r\n") };
        let parts = [verb.as_bytes(), before, &response, behind];
        // Sized before it is filled: a buffer that grows would leave copies of the secret behind.
        let mut line = Zeroizing::new(Vec::with_capacity(parts.iter().map(|part| part.len()).sum()));
        parts.iter().for_each(|part| line.extend_from_slice(part));
        self.waits = WaitsForSieve::Verdict;
        Ok(Approach::Send(len, line))
    }
}

impl Conversation for UpstreamSieveLogin {
    const PROTOCOL: &'static str = "ManageSieve";
    const STARTTLS: &'static str = "STARTTLS";
    const GOODBYE: &'static [u8] = b"LOGOUT\r\n";
    // Dovecot 2.3 greets before it is ready to read: of commands that come at once, some three in a hundred are not looked at until more comes.
    // Seen on implicit TLS alone; after 50 ms on none of 480.
    const SETTLES: Duration = Duration::from_millis(50);

    fn begin(starttls: bool) -> UpstreamSieveLogin {
        UpstreamSieveLogin { waits: WaitsForSieve::Greeting, starttls, list: SieveCapabilities::default(), plain: false }
    }

    fn takes_passwords(&self) -> bool {
        self.plain
    }

    fn next(&mut self, input: &[u8], credential: Option<&Credential>) -> Result<Approach, Fault> {
        if self.waits == WaitsForSieve::Verdict && matches!(input.first(), Some(b'"' | b'{')) {
            return self.cancel(input);
        }
        let lines = matches!(self.waits, WaitsForSieve::Greeting | WaitsForSieve::Secured);
        let Some((len, last)) = capability::find(input, lines)? else { return Ok(Approach::Need) };
        let list = &input[..len];
        match (self.waits, last) {
            (WaitsForSieve::Greeting, Final::Ok) if self.starttls => {
                // One that does not have it is not asked: what it would say is in the clear.
                if !capability::has(list, "STARTTLS", None) {
                    return Err(Fault::Tls(Side::Backend));
                }
                self.waits = WaitsForSieve::StartTls;
                Ok(Approach::Send(len, Zeroizing::new(b"STARTTLS\r\n".to_vec())))
            }
            (WaitsForSieve::Greeting | WaitsForSieve::Secured, Final::Ok) => {
                self.list = capability::read(list);
                self.plain = capability::has(list, "SASL", Some(sasl::MechanismName::Plain));
                match credential {
                    Some(credential) => self.attempt(len, list, credential),
                    None => Ok(Approach::Done(len)),
                }
            }
            (WaitsForSieve::StartTls, Final::Ok) => {
                self.waits = WaitsForSieve::Secured;
                Ok(Approach::StartTls)
            }
            (WaitsForSieve::Verdict, Final::Ok) => Ok(Approach::Done(len)),
            (WaitsForSieve::Verdict | WaitsForSieve::Refusal, Final::No | Final::Bye) => Err(refusal(list, last)),
            // An OK to what was cancelled: nobody can say who is logged in.
            (WaitsForSieve::Refusal, Final::Ok) => Err(Fault::Garbage(Side::Backend)),
            (WaitsForSieve::StartTls, _) => Err(Fault::Tls(Side::Backend)),
            (WaitsForSieve::Greeting | WaitsForSieve::Secured, Final::No | Final::Bye) => {
                Err(too_many(list).unwrap_or(Fault::Down))
            }
        }
    }
}

/// What NO to a login says of the password (RFC 5804 1.3, 2.1): a code says that it is not at fault, and so does BYE.
fn refusal(line: &[u8], last: Final) -> Fault {
    if let Some(fault) = too_many(line) {
        return fault;
    }
    match (&*response::code(line).unwrap_or_default(), last) {
        (b"TRYLATER", _) => Fault::Down,
        (b"REFERRAL", _) => Fault::Barred(RefusalCode::AskAdmins),
        (b"ENCRYPT-NEEDED" | b"AUTH-TOO-WEAK" | b"TRANSITION-NEEDED", _) => Fault::Barred(RefusalCode::BackendSetup),
        (_, Final::Bye) => Fault::Down,
        _ => Fault::Denied,
    }
}

/// Dovecot has no code for its limit of connections.
fn too_many(line: &[u8]) -> Option<Fault> {
    let told = memchr::memmem::find(&line.to_ascii_lowercase(), b"maximum number of connections").is_some();
    told.then_some(Fault::Barred(RefusalCode::TooManyConnections))
}
