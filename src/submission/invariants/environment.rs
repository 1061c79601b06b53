//! The rules and the stand-in of the backend that tests of submission play with.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::fault::RefusalCode;
use crate::private::{Address, Credential};
use crate::scrub::invariants::shared_scrubber;
use crate::scrub::{MessageContext, Profile, Refusal, Scrubbed, Scrubber, Writer};
use crate::smtp::client::Capabilities;
use crate::submission::{CredentialVerdict, SubmissionEnvironment, SubmissionLimits, SubmissionParams};
use crate::wire::sasl::MechanismName;

/// The password that the stand-in of the backend accepts, for every address.
pub const PASSWORD: &[u8] = b"right";

/// What a client says to be logged in as `alice@asso.example`.
pub const LOGGED_IN: &[u8] = b"EHLO x\r\nAUTH PLAIN AGFsaWNlQGFzc28uZXhhbXBsZQByaWdodA==\r\n";

/// Rules for tests: everybody owns exactly their own address, the clock stands still, and every second message is counted by somebody else.
pub struct SubmissionTestEnvironment(&'static Scrubber, AtomicBool);

impl SubmissionTestEnvironment {
    /// With the built-in header policy and a key that is no secret.
    pub fn new() -> SubmissionTestEnvironment {
        SubmissionTestEnvironment(shared_scrubber(), AtomicBool::new(false))
    }
}

impl Default for SubmissionTestEnvironment {
    fn default() -> SubmissionTestEnvironment {
        SubmissionTestEnvironment::new()
    }
}

impl SubmissionEnvironment for SubmissionTestEnvironment {
    fn owns(&self, user: &Address, sender: &Address) -> bool {
        *user == sender.without_tag('+')
    }

    fn admits(&self, user: &Address) -> Result<(), RefusalCode> {
        if user.reveal_local() == "busy" { Err(RefusalCode::TooManyMessages) } else { Ok(()) }
    }

    fn counts(&self, _: &Address, recipients: usize) -> Result<(), RefusalCode> {
        if recipients > 2 { Err(RefusalCode::TooManyMessages) } else { Ok(()) }
    }

    fn is_counted_elsewhere(&self, _: &Address) -> bool {
        !self.1.fetch_xor(true, Ordering::Relaxed)
    }

    fn envelope_id(&self, user: &Address, old: &[u8]) -> String {
        self.0.envelope_id(user, old)
    }

    fn needs_body_start(&self, header: &[u8]) -> bool {
        self.0.needs_body_start(header)
    }

    fn scrub(&self, user: &Address, header: &[u8], body_start: &[u8]) -> Result<Scrubbed, RefusalCode> {
        let owns = |address: &Address| self.owns(user, address);
        let context = MessageContext {
            profile: Profile::Submission,
            writer: Writer::Person,
            mailbox: user,
            hostname: "mail.nolog.example",
            now: 1_795_363_200,
            random: [3; 16],
            owns: &owns,
            body_start,
        };
        self.0.scrub(header, &context).map_err(Refusal::code)
    }
}

/// Parameters for tests: small bounds.
pub fn test_params() -> SubmissionParams {
    SubmissionParams {
        hostname: "mail.nolog.example".into(),
        relay: Capabilities::all(),
        mechanisms: vec![MechanismName::Plain, MechanismName::Login],
        limits: SubmissionLimits { message: 100_000, header: 4096, recipients: 3, ..SubmissionLimits::default() },
    }
}

/// What the stand-in of the backend says.
pub fn test_verdict(credential: Credential) -> CredentialVerdict {
    match Address::parse(credential.user.reveal()) {
        Some(user) if user.reveal_local() == "relayed" => CredentialVerdict::Relay(user, credential),
        Some(user) if user.reveal_local() == "down" => {
            drop(user);
            CredentialVerdict::Unknown(RefusalCode::BackendDown)
        }
        Some(user) if credential.secret.reveal() == PASSWORD => CredentialVerdict::Accepted(user),
        _ => CredentialVerdict::Denied,
    }
}
