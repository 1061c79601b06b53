//! One line, read. The letter, the number of the transaction, and fields with tabs between them.

use super::frame::UsageFrame;
use crate::fault::{Fault, Side};
use crate::private::Address;

/// What Dovecot says.
#[derive(PartialEq, Eq)]
pub(super) enum UsageCommand {
    /// `H`: whose mailbox it is about where a transaction does not say so, as before 2.3.
    Hello(Option<Address>),
    /// `B`: begins. The inner one is none where the user is no address; the outer one where no user stands there.
    Begin(u64, Option<Option<Address>>),
    /// `S`: the key is so much now; none for what is no number of octets or messages.
    Set(u64, Key, Option<u64>),
    /// `U`: the key is gone. That is not zero: 2.4 does it before each `S` if told to.
    Unset(u64, Key),
    /// `A`: so much more, or less.
    Add(u64, Key, Option<i64>),
    /// `C`: take it, and say so.
    Commit(u64),
    /// `D`: take it, and say nothing.
    CommitUnasked(u64),
    /// `R`: forget it.
    RollBack(u64),
    /// `L`: what is this key?
    LookUp,
    /// `I`: which keys are there?
    Iterate,
    /// `T` and `V`: when a transaction was made, and whether Dovecot may log its values. Neither is our business.
    Aside,
}

/// What a number is about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    /// Octets in the whole mailbox.
    Storage,
    /// Messages in it.
    Messages,
    /// Anything else.
    Other,
}

impl UsageCommand {
    /// Reads one.
    ///
    /// # Errors
    /// `Garbage` for a letter that is none and for a transaction without a number: whoever speaks so may wait for an answer
    /// that we do not know. The end of the connection is one that Dovecot takes at once; silence costs it 30 seconds.
    pub(super) fn parse(frame: UsageFrame<'_>) -> Result<UsageCommand, Fault> {
        let line = match frame {
            UsageFrame::Line(line) => line,
            UsageFrame::Long(first) => return long(first),
        };
        let (letter, rest) = line.split_first().ok_or(GARBAGE)?;
        let mut fields = rest.split(|octet| *octet == b'\t');
        let first = fields.next().unwrap_or_default();
        let id = || number(first).ok_or(GARBAGE);
        Ok(match letter {
            b'H' => UsageCommand::Hello(fields.nth(2).and_then(address)),
            b'B' => UsageCommand::Begin(id()?, fields.next().map(address)),
            b'S' => UsageCommand::Set(id()?, key(fields.next()), fields.next().and_then(number)),
            b'U' => UsageCommand::Unset(id()?, key(fields.next())),
            b'A' => UsageCommand::Add(id()?, key(fields.next()), fields.next().and_then(signed)),
            b'C' => UsageCommand::Commit(id()?),
            b'D' => UsageCommand::CommitUnasked(id()?),
            b'R' => UsageCommand::RollBack(id()?),
            b'L' => UsageCommand::LookUp,
            b'I' => UsageCommand::Iterate,
            b'T' | b'V' => UsageCommand::Aside,
            _ => return Err(GARBAGE),
        })
    }
}

const GARBAGE: Fault = Fault::Garbage(Side::Backend);

/// Of a line that was too long. One that wants a number has lost it: the connection ends, except where nobody waits for us.
fn long(first: u8) -> Result<UsageCommand, Fault> {
    match first {
        b'L' => Ok(UsageCommand::LookUp),
        b'I' => Ok(UsageCommand::Iterate),
        // A key or a value of somebody else's, or a name that is no address of ours.
        b'H' | b'S' | b'U' | b'A' | b'T' | b'V' => Ok(UsageCommand::Aside),
        _ => Err(Fault::TooLong(Side::Backend)),
    }
}

fn key(field: Option<&[u8]>) -> Key {
    match field.and_then(unescape).as_deref() {
        Some(b"priv/quota/storage") => Key::Storage,
        Some(b"priv/quota/messages") => Key::Messages,
        _ => Key::Other,
    }
}

fn address(field: &[u8]) -> Option<Address> {
    Address::parse(std::str::from_utf8(&unescape(field)?).ok()?)
}

/// Digits and nothing else.
fn number(field: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(field).ok().filter(|_| field.iter().all(u8::is_ascii_digit))?;
    digits.parse().ok()
}

fn signed(field: &[u8]) -> Option<i64> {
    match field.strip_prefix(b"-") {
        Some(rest) => i64::try_from(number(rest)?).ok()?.checked_neg(),
        None => i64::try_from(number(field)?).ok(),
    }
}

/// Octets that would end a line or a field come as two. None for what cannot stand in a line.
fn unescape(field: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::with_capacity(field.len());
    let mut octets = field.iter();
    while let Some(octet) = octets.next() {
        plain.push(match octet {
            1 => match octets.next()? {
                b'0' => 0,
                b'1' => 1,
                b't' => b'\t',
                b'r' => b'\r',
                b'n' => b'\n',
                _ => return None,
            },
            octet => *octet,
        });
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &[u8]) -> Result<UsageCommand, Fault> {
        UsageCommand::parse(UsageFrame::Line(line))
    }

    #[test]
    fn both_versions_and_all_letters() {
        let alice = || Address::parse("alice@velo.example");
        assert!(
            parse(b"H3\t2\t0\t\tquota") == Ok(UsageCommand::Hello(None))
                && parse(b"H4\t0\t0\t\tquota") == Ok(UsageCommand::Hello(None))
        );
        assert!(parse(b"H2\t0\t0\tAlice@velo.example\tquota") == Ok(UsageCommand::Hello(alice())));
        assert!(parse(b"B1\talice@velo.example") == Ok(UsageCommand::Begin(1, Some(alice()))));
        assert!(parse(b"B18446744073709551615\talice@velo.example\t0") == Ok(UsageCommand::Begin(u64::MAX, Some(alice()))));
        assert!(
            parse(b"B1\tnobody") == Ok(UsageCommand::Begin(1, Some(None))) && parse(b"B1") == Ok(UsageCommand::Begin(1, None))
        );
        assert!(parse(b"S1\tpriv/quota/storage\t7014") == Ok(UsageCommand::Set(1, Key::Storage, Some(7014))));
        assert!(parse(b"U1\tpriv/quota/messages") == Ok(UsageCommand::Unset(1, Key::Messages)));
        assert!(parse(b"A1\tpriv/quota/messages\t-3") == Ok(UsageCommand::Add(1, Key::Messages, Some(-3))));
        assert!(parse(b"C1") == Ok(UsageCommand::Commit(1)) && parse(b"D1") == Ok(UsageCommand::CommitUnasked(1)));
        assert!(parse(b"R1") == Ok(UsageCommand::RollBack(1)) && parse(b"T1\t5\t6") == Ok(UsageCommand::Aside));
        assert!(parse(b"Lpriv/x\tbob") == Ok(UsageCommand::LookUp) && parse(b"I0\t0\tpriv/x") == Ok(UsageCommand::Iterate));
    }

    #[test]
    fn escapes_and_odd_values() {
        assert!(parse(b"B1\t\"a\x01tb\"@velo.example") == Ok(UsageCommand::Begin(1, Some(None))), "a tab in a name");
        assert!(parse(b"S1\tpriv/quota/storage\x010\t1") == Ok(UsageCommand::Set(1, Key::Other, Some(1))));
        assert!(parse(b"S1\tpriv/\x01x\t1") == Ok(UsageCommand::Set(1, Key::Other, Some(1))));
        for odd in [&b""[..], b"-1", b"1.5", b"x", b"18446744073709551616", b" 1", b"1\x01n"] {
            let line = [b"S1\tpriv/quota/storage\t".as_slice(), odd].concat();
            assert!(parse(&line) == Ok(UsageCommand::Set(1, Key::Storage, None)));
        }
        assert!(parse(b"S1\tpriv/quota/storage") == Ok(UsageCommand::Set(1, Key::Storage, None)));
    }

    #[test]
    fn who_speaks_otherwise_is_not_kept_waiting() {
        for garbage in [&b""[..], b"C", b"C-1", b"Cx", b"B\talice@velo.example", b"GET / HTTP/1.0\r", b"X1"] {
            assert!(matches!(parse(garbage), Err(Fault::Garbage(_))));
        }
        assert!(matches!(UsageCommand::parse(UsageFrame::Long(b'C')), Err(Fault::TooLong(_))));
        assert!(
            UsageCommand::parse(UsageFrame::Long(b'S')) == Ok(UsageCommand::Aside)
                && UsageCommand::parse(UsageFrame::Long(b'L')) == Ok(UsageCommand::LookUp)
        );
    }
}
