//! What a session may ask about the person's space, and the answers of RFC 9208: two quota roots, the mailbox and the
//! association.
//!
//! Quota is ours: the backend never sees GETQUOTA, GETQUOTAROOT or SETQUOTA. imap-codec reads these commands, names in every form
//! included (atom, quoted, quoted UTF-8, literal); what it cannot read is BAD.

use imap_codec::CommandCodec;
use imap_codec::decode::Decoder;
use imap_codec::imap_types::command::CommandBody;

use super::grammar::quoted;
use super::reply;
use super::space::{Account, Root};
use super::tag::Tag;
use crate::fault::RefusalCode;
use crate::quota::Limit;

/// The name of the quota root of the mailbox itself.
const MAILBOX: &str = "mailbox";

/// The quota root that the association shares.
const ASSOCIATION: &str = "association";

/// The answer to a quota command. `line` is the whole command, a literal with its octets included. Members do not set quotas.
pub fn answer(tag: &Tag<'_>, line: &[u8], account: &dyn Account) -> Vec<u8> {
    let Ok(([], command)) = CommandCodec::default().decode(line) else { return reply::bad(tag, RefusalCode::Syntax) };
    let Some(roots) = account.roots() else { return reply::no(tag, "UNAVAILABLE", RefusalCode::BackendDown) };
    let roots = limited(&roots);
    match command.body {
        CommandBody::GetQuotaRoot { .. } => match written_name(line) {
            Some(name) => [named(&name, &roots), told(&roots), reply::ok(tag, "GETQUOTAROOT done")].concat(),
            None => reply::bad(tag, RefusalCode::Syntax),
        },
        CommandBody::GetQuota { root } => {
            match roots.iter().find(|known| known.name.as_bytes() == AsRef::<[u8]>::as_ref(&root)) {
                Some(found) => [told([found]), reply::ok(tag, "GETQUOTA done")].concat(),
                None => reply::no(tag, "NONEXISTENT", RefusalCode::NotHere),
            }
        }
        CommandBody::SetQuota { .. } => reply::no(tag, "NOPERM", RefusalCode::NotHere),
        _ => reply::bad(tag, RefusalCode::Syntax),
    }
}

/// A quota root that has a limit.
struct Limited {
    name: &'static str,
    /// What stands in the parentheses of QUOTA.
    resources: String,
    /// Octets that can still be stored, as far as this root goes.
    left: u128,
}

/// The roots that have a limit. Without one a root is not there at all: QUOTA names at least one resource (RFC 9208 7,
/// quota-list), and at `()` Thunderbird gives the whole session up and shows an empty INBOX.
fn limited([mailbox, association]: &[Root; 2]) -> Vec<Limited> {
    let roots = [(MAILBOX, mailbox), (ASSOCIATION, association)].map(|(name, root)| {
        let left = match root.storage {
            Limit::At(most) => u128::from(most).saturating_sub(root.octets),
            Limit::None => u128::MAX,
        };
        Limited { name, resources: resources(root), left }
    });
    roots.into_iter().filter(|root| !root.resources.is_empty()).collect()
}

/// One `* QUOTAROOT name root` for each root (RFC 9208 4.2.2), all before the first QUOTA; `* QUOTAROOT name` where there is none.
///
/// One line with both names would be as good for the RFC, but SOGo takes what follows the mailbox for one name, finds no QUOTA of
/// it, and shows nothing. Thunderbird, FairEmail (Jakarta Mail) and MailKit add the lines up, Roundcube reads QUOTA only. SOGo,
/// KMail and Evolution keep the last line of a mailbox: that is the root in which least is left.
fn named(mailbox: &[u8], roots: &[Limited]) -> Vec<u8> {
    let line = |root: &[u8]| [b"* QUOTAROOT ", mailbox, root, b"\r\n"].concat();
    let mut order: Vec<_> = roots.iter().rev().collect();
    order.sort_by_key(|root| std::cmp::Reverse(root.left));
    match order[..] {
        [] => line(b""),
        _ => order.iter().flat_map(|root| line(format!(" {}", root.name).as_bytes())).collect(),
    }
}

/// `* QUOTA root (STORAGE used most MESSAGE used most)` of each.
fn told<'a>(roots: impl IntoIterator<Item = &'a Limited>) -> Vec<u8> {
    let line = |root: &Limited| format!("* QUOTA {} ({})\r\n", root.name, root.resources);
    roots.into_iter().map(line).collect::<String>().into_bytes()
}

/// STORAGE counts in 1024 octets (RFC 9208 5.1): used is rounded up, the limit down, so that a client never shows room that is
/// not there. STORAGE comes first: SOGo reads only what stands there. Without a limit nothing is told.
fn resources(root: &Root) -> String {
    let storage = match root.storage {
        Limit::At(most) => Some(resource("STORAGE", root.octets.div_ceil(1024), most / 1024)),
        Limit::None => None,
    };
    let message = match root.most {
        Limit::At(most) => Some(resource("MESSAGE", root.messages, most)),
        Limit::None => None,
    };
    storage.into_iter().chain(message).collect::<Vec<_>>().join(" ")
}

/// A limit below one unit is told as one that is taken: Thunderbird divides by what is told here, and at 0 stops in the middle
/// of opening the folder; Roundcube takes 0 for no limit.
fn resource(name: &str, used: u128, most: u64) -> String {
    let used = if most == 0 { used.max(1) } else { used };
    format!("{name} {used} {}", most.max(1))
}

/// The mailbox name of a GETQUOTAROOT that imap-codec has read, so that it is all that stands behind the verb. It goes back as it was
/// written, so that a client that compares finds it; one that came as a literal goes back as a quoted string.
/// `None`: a control octet stands in it. No mailbox has such a name, and one with a line end could be taken for an answer.
fn written_name(line: &[u8]) -> Option<Vec<u8>> {
    let text = line.strip_suffix(b"\r\n")?;
    let name = text.splitn(3, |byte| *byte == b' ').nth(2)?;
    let end = if name.starts_with(b"{") { name.iter().position(|byte| *byte == b'\n')? + 1 } else { 0 };
    let octets = &name[end..];
    if octets.iter().any(u8::is_ascii_control) {
        return None;
    }
    Some(if end > 0 { quoted(octets) } else { octets.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::super::tag::tag;
    use super::*;
    use crate::quota::{Amount, Deletion, NoShift, Refresh, Refreshed, Reservation, Shift, Turn, WhoStays};

    /// Limits of octets and messages of the mailbox, then of the association. 1025 octets are used, of 2048.
    struct Limits([Limit; 4]);

    impl Account for Limits {
        fn reserve(&self, _: Amount) -> Result<Reservation, RefusalCode> {
            Err(RefusalCode::MailboxFull)
        }
        fn reserve_for(&self, _: &[u8], _: Amount) -> Result<Reservation, RefusalCode> {
            Err(RefusalCode::MailboxFull)
        }
        fn may_change(&self) -> Result<(), RefusalCode> {
            Ok(())
        }
        fn shift(&self, _: Turn) -> Option<Shift> {
            None
        }
        fn shift_alone(&self, _: Turn) -> Result<Shift, NoShift> {
            Err(NoShift::Unknown)
        }
        fn shift_for(&self, _: &[u8], _: Turn) -> Result<Shift, NoShift> {
            Err(NoShift::Unknown)
        }
        fn deletion_for(&self, _: &[u8]) -> Option<Deletion> {
            None
        }
        fn own_deletion(&self) -> Option<Deletion> {
            None
        }
        fn is_self(&self, _: &[u8]) -> bool {
            false
        }
        fn renames(&self) -> u64 {
            0
        }
        fn is_pushed(&self) -> bool {
            false
        }
        fn leave_count(&self) {}
        fn takes_count(&self) -> bool {
            true
        }
        fn is_nearly_full(&self) -> bool {
            false
        }
        fn is_known(&self) -> bool {
            true
        }
        fn is_seen(&self) -> bool {
            true
        }
        fn unsee(&self) {}
        fn stay(&self) -> Option<WhoStays> {
            None
        }
        fn begin_refresh(&self) -> Option<Refresh> {
            None
        }
        fn finish_refresh(&self, _: Refresh, _: Amount) -> Refreshed {
            Refreshed::Outdated
        }
        fn roots(&self) -> Option<[Root; 2]> {
            let Limits([storage, most, shared, all]) = *self;
            let mailbox = Root { octets: 1025, storage, messages: 2, most };
            Some([mailbox, Root { octets: 2048, storage: shared, messages: 3, most: all }])
        }
    }

    const NONE: Limit = Limit::None;
    const HALF: Limits = Limits([Limit::At(10_000), NONE, NONE, Limit::At(9)]);

    fn told(limits: &Limits, line: &str) -> String {
        String::from_utf8(answer(&tag(b"a"), line.as_bytes(), limits)).unwrap()
    }

    #[test]
    fn two_roots_in_units_of_1024() {
        let roots = "* QUOTAROOT \"In Box\" association\r\n* QUOTAROOT \"In Box\" mailbox\r\n";
        let quotas = "* QUOTA mailbox (STORAGE 2 9)\r\n* QUOTA association (MESSAGE 3 9)\r\n";
        let expected = format!("{roots}{quotas}a OK GETQUOTAROOT done\r\n");
        assert_eq!(told(&HALF, "a GETQUOTAROOT \"In Box\"\r\n"), expected);
        assert_eq!(told(&HALF, "a GETQUOTA mailbox\r\n"), "* QUOTA mailbox (STORAGE 2 9)\r\na OK GETQUOTA done\r\n");
        assert!(told(&HALF, "a GETQUOTA \"elsewhere\"\r\n").starts_with("a NO [NONEXISTENT]"));
        assert!(told(&HALF, "a SETQUOTA mailbox (STORAGE 999)\r\n").starts_with("a NO [NOPERM]"));
        assert!(told(&HALF, "a GETQUOTA\r\n").starts_with("a BAD"));
    }

    #[test]
    fn a_root_without_a_limit_is_not_there() {
        let none = Limits([NONE; 4]);
        assert_eq!(told(&none, "a GETQUOTAROOT INBOX\r\n"), "* QUOTAROOT INBOX\r\na OK GETQUOTAROOT done\r\n");
        assert!(told(&none, "a GETQUOTA mailbox\r\n").starts_with("a NO [NONEXISTENT]"));
        let one = Limits([NONE, NONE, Limit::At(4096), NONE]);
        let quota = "* QUOTA association (STORAGE 2 4)\r\na OK GETQUOTAROOT done\r\n";
        assert_eq!(told(&one, "a GETQUOTAROOT INBOX\r\n"), format!("* QUOTAROOT INBOX association\r\n{quota}"));
        assert!(told(&one, "a GETQUOTA mailbox\r\n").starts_with("a NO [NONEXISTENT]"));
    }

    #[test]
    fn no_limit_is_told_as_zero() {
        let tiny = Limits([Limit::At(1023), Limit::At(0), NONE, NONE]);
        assert!(told(&tiny, "a GETQUOTA mailbox\r\n").starts_with("* QUOTA mailbox (STORAGE 2 1 MESSAGE 2 1)\r\n"));
        assert_eq!((resource("STORAGE", 0, 0), resource("STORAGE", 0, 1)), ("STORAGE 1 1".to_owned(), "STORAGE 0 1".to_owned()));
    }

    #[test]
    fn the_root_that_is_full_first_comes_last() {
        let order = |mailbox, association| {
            let text = told(&Limits([mailbox, NONE, association, NONE]), "a GETQUOTAROOT i\r\n");
            let at = |line: &str| text.find(line).unwrap();
            let (mailbox, association) = (at("QUOTAROOT i mailbox"), at("QUOTAROOT i association"));
            assert!(mailbox.max(association) < at("QUOTA mailbox") && at("QUOTA mailbox") < at("QUOTA association"));
            if mailbox > association { "mailbox" } else { "association" }
        };
        assert_eq!(order(Limit::At(3000), Limit::At(9000)), "mailbox");
        assert_eq!(order(Limit::At(9000), Limit::At(3000)), "association");
        assert_eq!(order(Limit::At(1025 + 7), Limit::At(2048 + 7)), "mailbox");
        // Over the limit: nothing is left.
        assert_eq!(order(Limit::At(5000), Limit::At(1)), "association");
    }

    #[test]
    fn names_in_every_form() {
        let one = Limits([Limit::At(4096), NONE, NONE, NONE]);
        for (written, back) in [
            ("INBOX", "INBOX"),
            ("&AOk-t&AOk-", "&AOk-t&AOk-"),
            ("\"a \\\"b\\\\\"", "\"a \\\"b\\\\\""),
            ("\"\u{e9}t\u{e9}\"", "\"\u{e9}t\u{e9}\""),
            ("{6}\r\nIn Box", "\"In Box\""),
            ("{6+}\r\nIn+Box", "\"In+Box\""),
            ("{5}\r\n\u{e9}t\u{e9}", "\"\u{e9}t\u{e9}\""),
            ("{0}\r\n", "\"\""),
            ("\"\"", "\"\""),
        ] {
            let text = told(&one, &format!("a GetQuotaRoot {written}\r\n"));
            assert!(text.starts_with(&format!("* QUOTAROOT {back} mailbox\r\n* QUOTA mailbox (")), "{written:?}: {text:?}");
        }
        assert!(told(&one, "a GETQUOTA {7+}\r\nmailbox\r\n").starts_with("* QUOTA mailbox ("));
        assert!(told(&one, "a SETQUOTA {7}\r\nmailbox (STORAGE 9)\r\n").starts_with("a NO [NOPERM]"));
        let latin = answer(&tag(b"a"), b"a GETQUOTAROOT {3}\r\n\xe9t\xe9\r\n", &one);
        assert!(latin.starts_with(b"* QUOTAROOT \"\xe9t\xe9\" mailbox\r\n"));
    }

    #[test]
    fn what_does_not_fit_is_bad() {
        for line in [
            &b"a GETQUOTAROOT\r\n"[..],
            b"a GETQUOTAROOT \r\n",
            b"a GETQUOTAROOT  INBOX\r\n",
            b"a GETQUOTAROOT INBOX \r\n",
            b"a GETQUOTAROOT INBOX x\r\n",
            b"a GETQUOTAROOT \"open\r\n",
            b"a GETQUOTAROOT \"a\"b\r\n",
            b"a GETQUOTAROOT (INBOX)\r\n",
            b"a GETQUOTAROOT \xc3\xa9\r\n",
            b"a GETQUOTAROOT \"\xe9\"\r\n",
            b"a GETQUOTAROOT \"a\x1bb\"\r\n",
            b"a GETQUOTAROOT {5}\r\nINBOX",
            b"a GETQUOTAROOT {4}\r\nINBOX\r\n",
            b"a GETQUOTAROOT {6}\r\nINBOX\r\n",
            b"a GETQUOTAROOT {5-}\r\nINBOX\r\n",
            b"a GETQUOTAROOT {+5}\r\nINBOX\r\n",
            b"a GETQUOTAROOT ~{5}\r\nINBOX\r\n",
            b"a GETQUOTAROOT {5}\r\nINBOX\r\nb NOOP\r\n",
            b"a GETQUOTAROOT {20}\r\nx\r\n* QUOTA mailbox (\r\n",
            b"a GETQUOTAROOT {3}\r\na\0b\r\n",
            b"a GETQUOTAROOT {4294967296}\r\nINBOX\r\n",
            b"a GETQUOTA mailbox association\r\n",
            b"a SETQUOTA mailbox STORAGE 9\r\n",
        ] {
            let text = answer(&tag(b"a"), line, &HALF);
            assert!(text.starts_with(b"a BAD "), "{:?}: {:?}", line.escape_ascii().to_string(), text.escape_ascii().to_string());
        }
    }
}
