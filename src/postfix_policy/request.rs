//! One request: lines of `name=value`, each ended by LF alone, and an empty line.

use crate::fault::{Fault, Side};
use crate::smtp::command::number;

/// The longest request, in octets. What Postfix itself sends is below 2 KiB, but HELO names and certificates can be long.
const MAX_REQUEST: usize = 8 * 1024;
/// The longest line that is looked at, in octets. Longer ones of attributes that nobody wants are passed over.
const MAX_LINE: usize = 512;

/// What is wanted of a request.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct PolicyRequest<'a> {
    /// It is one of `smtpd_access_policy`, at a point where there is a recipient or was one.
    pub(super) is_about_mail: bool,
    /// Empty at DATA and after it when there are several.
    pub(super) recipient: &'a [u8],
    /// What the sender announced, or after DATA what came. Zero: nobody knows.
    pub(super) size: u64,
}

impl<'a> PolicyRequest<'a> {
    /// Reads one request from the front of `input`: the request and the octets it takes, or `None` when more must come.
    ///
    /// # Errors
    /// `Garbage` for a line without `=` or a size that is no number, `TooLong` above 8 KiB, or 512 octets for a line that counts.
    pub fn parse(input: &'a [u8]) -> Result<Option<(PolicyRequest<'a>, usize)>, Fault> {
        let mut request = PolicyRequest::default();
        let (mut kind, mut point) = (&b""[..], &b""[..]);
        let window = &input[..input.len().min(MAX_REQUEST)];
        let mut at = 0;
        while let Some(length) = memchr::memchr(b'\n', &window[at..]) {
            let line = &window[at..at + length];
            at += length + 1;
            if line.is_empty() {
                let mail: [&[u8]; 3] = [b"RCPT", b"DATA", b"END-OF-MESSAGE"];
                request.is_about_mail = kind == b"smtpd_access_policy" && mail.contains(&point);
                return Ok(Some((request, at)));
            }
            let (name, value) = line.split_at(memchr::memchr(b'=', line).ok_or(Fault::Garbage(Side::Client))?);
            let value = &value[1..];
            match name {
                b"request" => kind = bounded(value)?,
                b"protocol_state" => point = bounded(value)?,
                b"recipient" => request.recipient = bounded(value)?,
                b"size" => request.size = number(value).ok_or(Fault::Garbage(Side::Client))?,
                _ => {}
            }
        }
        if input.len() >= MAX_REQUEST { Err(Fault::TooLong(Side::Client)) } else { Ok(None) }
    }
}

fn bounded(value: &[u8]) -> Result<&[u8], Fault> {
    if value.len() < MAX_LINE { Ok(value) } else { Err(Fault::TooLong(Side::Client)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &[u8] =
        b"request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\nhelo_name=\nsender=a=b@x.example\n\
        recipient=alice@velo.example\nclient_address=192.0.2.1\nsize=12\n\nrequest=";

    #[test]
    fn wanted_attributes_are_read_in_any_order_and_pieces() {
        let (request, used) = PolicyRequest::parse(WHOLE).ok().flatten().unwrap();
        assert!(request.is_about_mail && request.recipient == b"alice@velo.example" && request.size == 12);
        assert_eq!(&WHOLE[used..], b"request=");
        for end in 0..used {
            assert!(PolicyRequest::parse(&WHOLE[..end]).ok().unwrap().is_none());
        }
        let other = b"recipient=a@b.example\nrequest=something_else\n\n";
        assert!(!PolicyRequest::parse(other).ok().flatten().unwrap().0.is_about_mail);
    }

    #[test]
    fn bounds() {
        let long = |name: &str, octets| [name.as_bytes(), b"=", &vec![b'x'; octets], b"\n\n"].concat();
        assert!(PolicyRequest::parse(&long("helo_name", 2000)).is_ok());
        assert!(matches!(PolicyRequest::parse(&long("recipient", 512)), Err(Fault::TooLong(_))));
        assert!(matches!(PolicyRequest::parse(&long("helo_name", 9000)), Err(Fault::TooLong(_))));
        assert!(matches!(PolicyRequest::parse(&[b'x'; 9000]), Err(Fault::TooLong(_))));
        for garbage in [&b"nothing\n\n"[..], b"size=-1\n\n", b"size=\n\n", b"size=1\r\n\n"] {
            assert!(matches!(PolicyRequest::parse(garbage), Err(Fault::Garbage(Side::Client))));
        }
    }
}
