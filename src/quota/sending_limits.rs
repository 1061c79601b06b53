//! How much may be sent, by each mailbox and by an association as a whole; and how much of that is used.

use serde::{Deserialize, Serialize};

use super::Limit;
use crate::private::{Address, revealed};

/// How much may be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Rates {
    /// Messages in an hour.
    pub messages_per_hour: Limit,
    /// Messages in a day.
    pub messages_per_day: Limit,
    /// Recipients in an hour, each message's counted.
    pub recipients_per_hour: Limit,
    /// Recipients in a day, each message's counted.
    pub recipients_per_day: Limit,
}

/// The limits of one association: of each mailbox, and of all together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SendingLimits {
    /// Of each mailbox.
    pub mailbox: Rates,
    /// Of all mailboxes together.
    pub association: Rates,
}

impl SendingLimits {
    /// One of so many equal parts, each rounded down, and at least one message to one recipient: a limit of nothing stays one.
    pub(super) fn part(self, parts: u64) -> SendingLimits {
        let part = |rates: Rates| Rates {
            messages_per_hour: rates.messages_per_hour.part(parts),
            messages_per_day: rates.messages_per_day.part(parts),
            recipients_per_hour: rates.recipients_per_hour.part(parts),
            recipients_per_day: rates.recipients_per_day.part(parts),
        };
        SendingLimits { mailbox: part(self.mailbox), association: part(self.association) }
    }
}

impl Rates {
    /// No limits at all.
    pub const NONE: Rates = Rates {
        messages_per_hour: Limit::None,
        messages_per_day: Limit::None,
        recipients_per_hour: Limit::None,
        recipients_per_day: Limit::None,
    };

    /// Each limit that is not set, from `default`.
    pub(super) fn or(self, default: Rates) -> Rates {
        let or = |own: Limit, default: Limit| if own == Limit::None { default } else { own };
        Rates {
            messages_per_hour: or(self.messages_per_hour, default.messages_per_hour),
            messages_per_day: or(self.messages_per_day, default.messages_per_day),
            recipients_per_hour: or(self.recipients_per_hour, default.recipients_per_hour),
            recipients_per_day: or(self.recipients_per_day, default.recipients_per_day),
        }
    }
}

/// How full the buckets of one sender are: messages and recipients that still count, rounded up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Filling {
    /// Messages in an hour.
    pub messages_per_hour: u64,
    /// Messages in a day.
    pub messages_per_day: u64,
    /// Recipients in an hour, each message's counted.
    pub recipients_per_hour: u64,
    /// Recipients in a day, each message's counted.
    pub recipients_per_day: u64,
}

/// What is spent in one association. Each number is in units of its limit times the milliseconds of its period.
///
/// Absent on purpose: who was told that a limit was reached. That is known before the relay has it, and twice is better than never.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpentSending {
    pub(super) together: SpentWeights,
    pub(super) mailboxes: Vec<SpentMailbox>,
}

impl SpentSending {
    /// The same in parts of so many mailboxes.
    pub fn parts(self, most: usize) -> Vec<SpentSending> {
        let SpentSending { together, mut mailboxes } = self;
        let mut parts = Vec::new();
        loop {
            let rest = mailboxes.split_off(most.min(mailboxes.len()));
            parts.push(SpentSending { together, mailboxes });
            if rest.is_empty() {
                return parts;
            }
            mailboxes = rest;
        }
    }
}

/// Messages in an hour and in a day, recipients in an hour and in a day.
pub(super) type SpentWeights = [u64; 4];

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SpentMailbox {
    #[serde(with = "revealed")]
    pub(super) address: Address,
    pub(super) spent: SpentWeights,
}
