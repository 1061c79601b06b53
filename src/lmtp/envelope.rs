//! MAIL: what is read of it, and what each backend hears.

use super::answer;
use crate::fault::RefusalCode;
use crate::smtp::answer::{arguments, coded};
use crate::smtp::client::Capabilities;
use crate::smtp::command::number;
use crate::smtp::path::{Parameters, Path};

/// The sender and what was said of the message.
pub(super) struct LmtpEnvelope {
    sender: Box<[u8]>,
    /// RFC 1870; zero is what a relay says that does not know.
    pub(super) size: u64,
    eight_bit: bool,
    pub(super) utf8: bool,
}

impl LmtpEnvelope {
    /// Reads MAIL.
    ///
    /// # Errors
    /// The answer for the relay.
    pub(super) fn read(path: Path<'_>, parameters: Parameters<'_>) -> Result<LmtpEnvelope, Vec<u8>> {
        let mut envelope = LmtpEnvelope { sender: path.reveal().into(), size: 0, eight_bit: false, utf8: false };
        for parameter in parameters.iter() {
            let keyword = parameter.keyword.to_ascii_uppercase();
            match (&*keyword, parameter.value) {
                (b"SIZE", Some(value)) => envelope.size = number(value).ok_or_else(arguments)?,
                (b"BODY", Some(value)) if value.eq_ignore_ascii_case(b"7BIT") => {}
                (b"BODY", Some(value)) if value.eq_ignore_ascii_case(b"8BITMIME") => envelope.eight_bit = true,
                (b"SMTPUTF8", None) => envelope.utf8 = true,
                _ => return Err(unknown()),
            }
        }
        if envelope.may_say(path) { Ok(envelope) } else { Err(answer::needs_utf8()) }
    }

    /// Octets of the sender's path.
    pub(super) fn sender_length(&self) -> usize {
        self.sender.len()
    }

    /// RFC 6531 3.5: without SMTPUTF8 a path is ASCII; with it, it is UTF-8.
    pub(super) fn may_say(&self, path: Path<'_>) -> bool {
        path.is_ascii() || self.utf8 && std::str::from_utf8(path.reveal()).is_ok()
    }

    /// The command for a backend, with the parameters that it knows; none when it cannot be told the address. A backend
    /// without SMTPUTF8 is given a message with UTF-8 in its header: it stores octets, and they change no more.
    pub(super) fn command(&self, backend: &Capabilities, ascii_recipient: bool) -> Option<Vec<u8>> {
        let ascii = self.sender.is_ascii() && ascii_recipient;
        let mut command = [b"MAIL FROM:<", &*self.sender, b">"].concat();
        if backend.size.is_some() && self.size > 0 {
            command.extend_from_slice(format!(" SIZE={}", self.size).as_bytes());
        }
        if backend.eight_bit && self.eight_bit {
            command.extend_from_slice(b" BODY=8BITMIME");
        }
        match (self.utf8, backend.smtputf8) {
            (true, true) => command.extend_from_slice(b" SMTPUTF8"),
            (true, false) if !ascii => return None,
            _ => {}
        }
        command.extend_from_slice(b"\r\n");
        Some(command)
    }
}

/// A parameter that was not offered.
pub(super) fn unknown() -> Vec<u8> {
    coded("555 5.5.4", "Parameter not known", RefusalCode::Syntax)
}
