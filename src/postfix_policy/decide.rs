//! One request, one action.

use super::request::PolicyRequest;
use crate::fault::RefusalCode;
use crate::private::Address;
use crate::quota::{Amount, Book, Day, ON_TOP, OverQuota, Verdict};
use crate::smtp::answer::{coded, no_space};

/// What Postfix is told where nothing can be judged; `[quota] policy_failure` in the config file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Failure {
    /// Nothing: the mail comes in, and is judged again by LMTP.
    #[default]
    Dunno,
    /// To let the sender try again, if nothing else refuses the mail.
    Defer,
}

impl Failure {
    /// The answer to a request.
    pub fn action(self) -> Vec<u8> {
        match self {
            Failure::Dunno => action(b"DUNNO"),
            Failure::Defer => {
                let text = coded("DEFER_IF_PERMIT 4.3.0", "Space cannot be judged at the moment", RefusalCode::BackendDown);
                action(text.trim_ascii_end())
            }
        }
    }
}

/// The answer to `request`. A domain or an address that is not ours is none of our business: Postfix asks about mail that goes
/// out as well, so an unknown domain is deferred by LMTP, where all mail is for us.
pub fn decide(request: PolicyRequest<'_>, book: &Book, over: OverQuota, today: Day) -> Vec<u8> {
    let recipient = std::str::from_utf8(request.recipient).ok().and_then(Address::parse);
    let recipient = recipient.filter(|_| request.is_about_mail);
    // The relay writes on top of the message, and then the mail server does.
    let amount = Amount::message(request.size.saturating_add(2 * ON_TOP));
    for mailbox in recipient.and_then(|recipient| book.resolve(&recipient)).unwrap_or_default() {
        if let Err(verdict) = book.probe(&mailbox, amount, today) {
            // Its domain went away between two looks.
            if verdict == Verdict::Unknown {
                continue;
            }
            let defer = book.defers(over, &mailbox, amount, verdict, today);
            return action(no_space(verdict, defer).trim_ascii_end());
        }
    }
    action(b"DUNNO")
}

fn action(text: &[u8]) -> Vec<u8> {
    [b"action=", text, b"\n\n"].concat()
}
