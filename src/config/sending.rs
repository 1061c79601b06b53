//! The section `[sending]`: what one person's mailbox may send where its association has no limit of its own.
//!
//! A stolen password is found out by its victims days later; until then the limits are all that holds it.

use super::reader::{Reader, Section};
use crate::quota::{Limit, Rates};

/// A person who writes a lot stays far below; one message may go to as many as `limits.recipients` allows.
const DEFAULT: Rates = Rates {
    messages_per_hour: Limit::At(200),
    messages_per_day: Limit::At(1000),
    recipients_per_hour: Limit::At(1000),
    recipients_per_day: Limit::At(2000),
};

/// As good as no limit.
const MOST: u64 = 1_000_000_000;

/// Reads the section; what is not there has its default.
pub(super) fn read(reader: &mut Reader<'_>, root: &mut Section<'_>) -> Rates {
    let mut section = root.section(reader, "sending");
    let mut limit = |name: &str, default: Limit| section.number(reader, name, MOST).map_or(default, Limit::At);
    let rates = Rates {
        messages_per_hour: limit("messages_per_hour", DEFAULT.messages_per_hour),
        messages_per_day: limit("messages_per_day", DEFAULT.messages_per_day),
        recipients_per_hour: limit("recipients_per_hour", DEFAULT.recipients_per_hour),
        recipients_per_day: limit("recipients_per_day", DEFAULT.recipients_per_day),
    };
    section.end(reader);
    rates
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;

    #[test]
    fn what_is_not_said_has_its_default() {
        let rates = |section: &str| {
            let text = format!(
                "hostname = \"mail.nolog.example\"\nstate_dir = \"/x\"\n{section}\n[[listen]]\nservice = \"imap\"\n\
                 address = \"127.0.0.1:1143\"\ntls = \"none\"\n[[backend]]\nname = \"one\"\nimap = \"imap://127.0.0.1:10143\"\n"
            );
            read(&text).map(|config| config.sending)
        };
        assert_eq!(rates("").ok(), Some(DEFAULT));
        let own = rates("[sending]\nmessages_per_hour = 7\nrecipients_per_day = 5\n").ok();
        let expected = Rates { messages_per_hour: Limit::At(7), recipients_per_day: Limit::At(5), ..DEFAULT };
        assert_eq!(own, Some(expected));
        assert!(rates("[sending]\nper_hour = 1\n").is_err(), "a misspelt key");
    }
}
