//! The one that scrubs: rules and key in, and a header block through them.

use crate::policy::headers::{Headers, Malformed, Profile};
use crate::private::Address;
use crate::wire::header::{Part, split};

use super::context::MessageContext;
use super::line_ends::with_crlf;
use super::message_id::{self, MessageIdKey, Mint};
use super::refusal::Refusal;
use super::rewrite::Rewrite;
use super::{protection, sender};

/// Fields and malformed lines in one header block. Mailing lists reach 100; more only costs memory.
pub(super) const PARTS: usize = 1000;

/// Octets of an envelope's identifier (RFC 3461 4.4).
const ENVID: usize = 100;

/// The rules and the key, made once and shared by all sessions.
///
/// # Examples
///
/// ```
/// use nologd::policy::headers::Headers;
/// use nologd::private::Address;
/// use nologd::scrub::{MessageContext, MessageIdKey, Profile, Scrubber, Writer};
///
/// let scrubber = Scrubber::new(Headers::built_in(), MessageIdKey::new([1; 32]));
/// let alice = Address::parse("alice@velo.example").unwrap();
/// let context = MessageContext {
///     profile: Profile::Submission,
///     writer: Writer::Person,
///     mailbox: &alice,
///     hostname: "mail.nolog.example",
///     now: 1_803_859_200,
///     random: [2; 16],
///     owns: &|address| *address == alice,
///     body_start: b"",
/// };
/// let header = b"From: alice@velo.example\r\nX-Mailer: planted\r\nDate: Mon, 1 Mar 2027 01:00:00 +0100\r\n\r\n";
/// let scrubbed = scrubber.scrub(header, &context).ok().unwrap();
/// let text = String::from_utf8(scrubbed.into_header()).unwrap();
/// assert!(text.contains("\r\nDate: Mon, 1 Mar 2027 00:00:00 +0000\r\n") && !text.contains("planted"));
/// ```
pub struct Scrubber {
    headers: Headers,
    mint: Mint,
}

/// A header block that went through the scrubber. Only the scrubber makes one, so a step that asks for one cannot be fed with
/// anything else.
pub struct Scrubbed {
    pub(super) header: Vec<u8>,
    pub(super) touched: bool,
}

impl Scrubbed {
    /// The block, with its blank line if the original had one.
    pub fn header(&self) -> &[u8] {
        &self.header
    }

    /// The block, taken over.
    pub fn into_header(self) -> Vec<u8> {
        self.header
    }

    /// False if a copy for Sent was none of ours to touch: not the member's own message, or not to be understood.
    pub fn touched(&self) -> bool {
        self.touched
    }
}

impl Scrubber {
    /// A scrubber with these rules and this key; the key's octets are wiped.
    pub fn new(headers: Headers, key: MessageIdKey) -> Scrubber {
        Scrubber { headers, mint: Mint::new(&key) }
    }

    /// The rules in force.
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// Whether [`MessageContext::body_start`] is looked at for this message: for multipart/signed only.
    pub fn needs_body_start(&self, header: &[u8]) -> bool {
        // A copy for Sent may have LF alone.
        let canonical = with_crlf(header);
        let parts: Vec<_> = split(&canonical).take(PARTS).collect();
        protection::needs_body(&parts)
    }

    /// What stands for the identifier of an envelope (ENVID, RFC 3461 4.4) that `mailbox` sends with, which many programs make
    /// like a Message-ID: the same as for one. At most 100 octets, as the RFC bounds it; without `<`, `>`, `+`, `=` and blanks.
    pub fn envelope_id(&self, mailbox: &Address, old: &[u8]) -> String {
        let old = message_id::identifier(old).unwrap_or_default();
        let new = self.mint.rewrite(mailbox, &old, mailbox.domain().reveal());
        let fits = new.len() <= ENVID && new.is_ascii();
        // The left side alone tells as much.
        if fits { new } else { new.split('@').next().unwrap_or_default().to_owned() }
    }

    /// Scrubs `header`: the whole block with its blank line, as [`EndFinder`](crate::wire::header::EndFinder) finds it, or the
    /// whole message if it has no blank line.
    ///
    /// # Errors
    /// At submission, if the message cannot be checked or is not the member's. Never in Sent.
    pub fn scrub(&self, header: &[u8], context: &MessageContext<'_>) -> Result<Scrubbed, Refusal> {
        match (self.checked(header, context), context.profile) {
            (Ok(header), _) => Ok(Scrubbed { header, touched: true }),
            (Err(_), Profile::Sent) => Ok(Scrubbed { header: header.to_vec(), touched: false }),
            (Err(refusal), Profile::Submission) => Err(refusal),
        }
    }

    fn checked(&self, header: &[u8], context: &MessageContext<'_>) -> Result<Vec<u8>, Refusal> {
        if header.len() > self.headers.header_limit() {
            return Err(Refusal::TooLong);
        }
        let mut parts: Vec<Part<'_>> = split(header).take(PARTS + 1).collect();
        if parts.len() > PARTS {
            return Err(Refusal::TooManyFields);
        }
        if matches!(parts.first(), Some(Part::Malformed(line)) if line.starts_with(b"From ")) {
            parts.remove(0);
        }
        let malformed = parts.iter().any(|part| matches!(part, Part::Malformed(_)));
        if malformed && (context.profile == Profile::Sent || self.headers.malformed() == Malformed::Refuse) {
            return Err(Refusal::Malformed);
        }
        sender::check(&parts, context.owns)?;
        Ok(Rewrite::new(&self.headers, &self.mint, context, &parts).run())
    }
}

#[cfg(test)]
mod tests {
    use super::super::invariants;
    use super::*;
    use crate::policy::headers::BUILT_IN;

    /// Of a mailbox `alice@` this domain.
    fn scrubbed(policy: &str, domain: &str, profile: Profile, header: &str) -> Result<String, Refusal> {
        let Ok(headers) = Headers::parse(policy) else { panic!("the policy is wrong") };
        let scrubber = Scrubber::new(headers, MessageIdKey::new([1; 32]));
        let mailbox = Address::parse(&format!("alice@{domain}")).unwrap();
        let scrubbed = scrubber.scrub(header.as_bytes(), &invariants::context(profile, &mailbox, b""))?;
        Ok(String::from_utf8(scrubbed.into_header()).unwrap())
    }

    fn submitted(policy: &str, domain: &str, header: &str) -> Result<String, Refusal> {
        scrubbed(policy, domain, Profile::Submission, header)
    }

    #[test]
    fn bounds() {
        let from = "From: alice@asso.example\r\n";
        let long = format!("{from}Subject: {}\r\n\r\n", "x".repeat(262_144));
        let many = format!("{from}{}\r\n", "A:\r\n".repeat(PARTS));
        assert_eq!(submitted(BUILT_IN, "asso.example", &long), Err(Refusal::TooLong));
        assert_eq!(submitted(BUILT_IN, "asso.example", &many), Err(Refusal::TooManyFields));
        assert_eq!(scrubbed(BUILT_IN, "asso.example", Profile::Sent, &long), Ok(long.clone()));
    }

    #[test]
    fn settings_of_the_policy_are_obeyed() {
        let junk = "From: alice@asso.example\r\njunk\r\nBc c: x\r\nSubject: s\r\n\r\n";
        let drop = BUILT_IN.replace("malformed = \"refuse\"", "malformed = \"drop\"");
        let out = submitted(&drop, "asso.example", junk).unwrap();
        assert!(!out.contains("junk") && !out.contains("Bc c") && out.contains("Subject: s\r\n"));
        assert_eq!(scrubbed(&drop, "asso.example", Profile::Sent, junk), Ok(junk.to_owned()));
        let closed = "From: alice@asso.example\r\nDate: 22 Nov 2026 17:00 +0100\r\nContent-Type: multipart/encrypted\r\n\r\n";
        let scrub = BUILT_IN.replace("unseen_payload = \"leave\"", "unseen_payload = \"scrub\"");
        assert!(submitted(BUILT_IN, "asso.example", closed).unwrap().contains("+0100"));
        assert!(!submitted(&scrub, "asso.example", closed).unwrap().contains("+0100"));
    }

    #[test]
    fn an_identifier_is_ascii_whatever_the_domain() {
        let out = submitted(BUILT_IN, "caf\u{e9}.example", "From: alice@asso.example\r\nMessage-ID: <x@y>\r\n\r\n").unwrap();
        assert!(out.is_ascii() && out.contains("@xn--caf-dma.example>\r\n"));
    }

    #[test]
    fn a_signed_trace_gets_one_of_ours_and_no_second() {
        let header = "Received: by other\r\nDKIM-Signature: h=received:date\r\nFrom: alice@asso.example\r\n\r\n";
        let once = submitted(BUILT_IN, "asso.example", header).unwrap();
        assert!(once.starts_with("Received: by mail.nolog.example (nologd); ") && once.contains("Received: by other"));
        assert!(!once.contains("\r\nDate:"));
        assert_eq!(submitted(BUILT_IN, "asso.example", &once), Ok(once));
    }
}
