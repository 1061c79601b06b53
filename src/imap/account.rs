//! What a session may ask about the person's space, and the answers of RFC 9208: two quota roots, the mailbox and the
//! association.
//!
//! Quota is ours: the backend never sees GETQUOTA, GETQUOTAROOT or SETQUOTA. imap-codec reads these commands; what it
//! cannot read is BAD.

use imap_codec::CommandCodec;
use imap_codec::decode::Decoder;
use imap_codec::imap_types::command::CommandBody;

use super::command::astring;
use super::reply;
use super::space::{Account, Root};
use crate::fault::Code;
use crate::quota::Limit;

/// The name of the quota root of the mailbox itself.
const MAILBOX: &str = "mailbox";

/// The quota root that the association shares.
const ASSOCIATION: &str = "association";

/// The answer to a quota command; `line` is the whole command. Members do not set quotas.
pub fn answer(tag: &[u8], line: &[u8], account: &dyn Account) -> Vec<u8> {
    let Ok((_, command)) = CommandCodec::default().decode(line) else { return reply::bad(tag, Code::Syntax) };
    let Some([mailbox, association]) = account.roots() else { return reply::no(tag, "UNAVAILABLE", Code::BackendDown) };
    match command.body {
        CommandBody::GetQuotaRoot { .. } => {
            // The name goes back as it was written, so that a client that compares finds it.
            let Some(name) = written_name(line) else { return reply::bad(tag, Code::Syntax) };
            let roots = [b"* QUOTAROOT ", name, format!(" {MAILBOX} {ASSOCIATION}\r\n").as_bytes()].concat();
            let quotas = [quota(MAILBOX, &mailbox), quota(ASSOCIATION, &association)].concat();
            [roots, quotas.into_bytes(), reply::ok(tag, "GETQUOTAROOT done")].concat()
        }
        CommandBody::GetQuota { root } => {
            let found = match AsRef::<[u8]>::as_ref(&root) {
                b"mailbox" => quota(MAILBOX, &mailbox),
                b"association" => quota(ASSOCIATION, &association),
                _ => return reply::no(tag, "NONEXISTENT", Code::NotHere),
            };
            [found.into_bytes(), reply::ok(tag, "GETQUOTA done")].concat()
        }
        CommandBody::SetQuota { .. } => reply::no(tag, "NOPERM", Code::NotHere),
        _ => reply::bad(tag, Code::Syntax),
    }
}

/// `* QUOTA root (STORAGE used most MESSAGE used most)`. STORAGE counts in 1024 octets (RFC 9208 5.1): used is rounded up,
/// the limit down, so that a client never shows room that is not there. Without a limit nothing is told.
fn quota(name: &str, root: &Root) -> String {
    let mut resources = Vec::new();
    if let Limit::At(most) = root.storage {
        resources.push(format!("STORAGE {} {}", root.octets.div_ceil(1024), most / 1024));
    }
    if let Limit::At(most) = root.most {
        resources.push(format!("MESSAGE {} {most}", root.messages));
    }
    format!("* QUOTA {name} ({})\r\n", resources.join(" "))
}

/// The bytes of the mailbox name in a command without literals.
fn written_name(line: &[u8]) -> Option<&[u8]> {
    let text = line.strip_suffix(b"\r\n")?;
    let start = text.iter().enumerate().filter(|(_, byte)| **byte == b' ').nth(1)?.0 + 1;
    let (_, taken) = astring(&text[start..])?;
    text.get(start..start + taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Half;

    impl Account for Half {
        fn reserve(&self, _: Amount) -> Result<Reservation, Code> {
            Err(Code::MailboxFull)
        }
        fn is_seen(&self) -> bool {
            true
        }
        fn unsee(&self) {}
        fn begin_refresh(&self) -> Option<Refresh> {
            None
        }
        fn finish_refresh(&self, _: Refresh, _: Amount) {}
        fn roots(&self) -> Option<[Root; 2]> {
            let mailbox = Root { octets: 1025, storage: Limit::At(10_000), messages: 2, most: Limit::None };
            Some([mailbox, Root { octets: 2048, storage: Limit::None, messages: 2, most: Limit::At(9) }])
        }
    }

    fn told(line: &str) -> String {
        String::from_utf8(answer(b"a", line.as_bytes(), &Half)).unwrap()
    }

    #[test]
    fn two_roots_in_units_of_1024() {
        let quotas = "* QUOTA mailbox (STORAGE 2 9)\r\n* QUOTA association (MESSAGE 2 9)\r\n";
        let expected = format!("* QUOTAROOT \"In Box\" mailbox association\r\n{quotas}a OK GETQUOTAROOT done\r\n");
        assert_eq!(told("a GETQUOTAROOT \"In Box\"\r\n"), expected);
        assert_eq!(told("a GETQUOTA mailbox\r\n"), "* QUOTA mailbox (STORAGE 2 9)\r\na OK GETQUOTA done\r\n");
        assert!(told("a GETQUOTA \"elsewhere\"\r\n").starts_with("a NO [NONEXISTENT]"));
        assert!(told("a SETQUOTA mailbox (STORAGE 999)\r\n").starts_with("a NO [NOPERM]"));
        assert!(told("a GETQUOTA\r\n").starts_with("a BAD"));
    }
}
