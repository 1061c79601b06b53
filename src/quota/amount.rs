//! How much: octets and messages, and the limits on them.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::size;

/// Octets that a mail server may write on top of a message that it stores: Return-Path, Delivered-To, Received. They are set
/// aside with each incoming message, so that the book is never below what the backend counts; a refresh finds the truth.
pub const ON_TOP: u64 = 1024;

/// Mail, counted: octets as the backend counts them, and messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Amount {
    /// Octets.
    pub octets: u64,
    /// Number of messages.
    pub messages: u64,
}

impl Amount {
    /// Nothing.
    pub const ZERO: Amount = Amount { octets: 0, messages: 0 };

    /// What neither of the two numbers of a mailbox passes: 8 PiB. What a storage tells beyond it is a fault of the storage's, and no number.
    pub const MOST: u64 = 1 << 53;

    /// One message of that size.
    pub fn message(octets: u64) -> Amount {
        Amount { octets, messages: 1 }
    }

    /// Both together; stays at the largest number instead of starting anew.
    pub fn plus(self, more: Amount) -> Amount {
        Amount { octets: self.octets.saturating_add(more.octets), messages: self.messages.saturating_add(more.messages) }
    }

    /// What is left without `less`; never below zero.
    pub fn minus(self, less: Amount) -> Amount {
        Amount { octets: self.octets.saturating_sub(less.octets), messages: self.messages.saturating_sub(less.messages) }
    }

    /// The larger of both, for each of the two numbers.
    pub fn most(self, other: Amount) -> Amount {
        Amount { octets: self.octets.max(other.octets), messages: self.messages.max(other.messages) }
    }

    /// Whether neither of the two numbers is below that of `other`.
    pub fn covers(self, other: Amount) -> bool {
        self.most(other) == self
    }

    /// Whether that is an empty mailbox: no message, or no octet.
    pub(super) fn is_nothing(self) -> bool {
        self.messages == 0 || self.octets == 0
    }

    /// Whether both numbers can be true.
    pub fn is_possible(self) -> bool {
        self.octets <= Amount::MOST && self.messages <= Amount::MOST
    }

    /// The smaller of both, for each of the two numbers.
    pub(super) fn least(self, other: Amount) -> Amount {
        Amount { octets: self.octets.min(other.octets), messages: self.messages.min(other.messages) }
    }
}

/// A sum over many mailboxes. Wider than any of them, so that a backend that lies cannot make it overflow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// Octets.
    pub octets: u128,
    /// Number of messages.
    pub messages: u128,
}

impl Sum {
    pub(super) fn add(&mut self, more: Amount) {
        self.octets = self.octets.saturating_add(more.octets.into());
        self.messages = self.messages.saturating_add(more.messages.into());
    }

    pub(super) fn subtract(&mut self, less: Amount) {
        self.octets = self.octets.saturating_sub(less.octets.into());
        self.messages = self.messages.saturating_sub(less.messages.into());
    }

    /// Both sums together.
    pub(super) fn with(mut self, more: Sum) -> Sum {
        self.octets = self.octets.saturating_add(more.octets);
        self.messages = self.messages.saturating_add(more.messages);
        self
    }

    /// As an [`Amount`], the largest one when it is above.
    pub fn amount(self) -> Amount {
        let narrow = |wide: u128| u64::try_from(wide).unwrap_or(u64::MAX);
        Amount { octets: narrow(self.octets), messages: narrow(self.messages) }
    }
}

/// A bound on one number: octets, messages, mailboxes.
///
/// # Examples
///
/// ```
/// use nologd::quota::Limit;
///
/// assert!(Limit::At(1000).allows(1000) && !Limit::At(1000).allows(1001));
/// assert_eq!(Limit::At(1000).excess(1200), 200);
/// // Without a limit, too, nothing passes that could not be counted.
/// assert!(!Limit::None.allows(u128::from(u64::MAX) + 1));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Limit {
    /// As much as there is.
    #[default]
    None,
    /// This much and not one more.
    At(u64),
}

impl Limit {
    /// One of so many equal parts, rounded down; never nothing of something.
    pub(super) fn part(self, parts: u64) -> Limit {
        match self {
            Limit::At(most @ 1..) => Limit::At((most / parts.max(1)).max(1)),
            limit => limit,
        }
    }

    /// Whether `total` is within the limit.
    pub fn allows(self, total: u128) -> bool {
        match self {
            // Even without a limit, nothing is accepted that could not be counted.
            Limit::None => total <= u64::MAX.into(),
            Limit::At(most) => total <= most.into(),
        }
    }

    /// By how much `total` is above the limit.
    pub fn excess(self, total: u128) -> u64 {
        match self {
            Limit::None => 0,
            Limit::At(most) => u64::try_from(total.saturating_sub(most.into())).unwrap_or(u64::MAX),
        }
    }

    /// The limit raised by `more`.
    pub(super) fn raised(self, more: u64) -> Limit {
        match self {
            Limit::None => Limit::None,
            Limit::At(most) => Limit::At(most.saturating_add(more)),
        }
    }

    /// The limit lowered by `less`; never below nothing.
    pub(super) fn lowered(self, less: u128) -> Limit {
        match self {
            Limit::None => Limit::None,
            Limit::At(most) => Limit::At(most.saturating_sub(u64::try_from(less).unwrap_or(u64::MAX))),
        }
    }

    /// How full, in percent rounded down; 0 without a limit.
    pub fn percent(self, used: u128) -> u128 {
        match self {
            Limit::None => 0,
            Limit::At(most) => size::percent(used, most.into()),
        }
    }
}

impl Serialize for Limit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Limit::None => serializer.serialize_unit(),
            Limit::At(most) => serializer.serialize_u64(*most),
        }
    }
}

/// `null`, or a number. Not by way of `Option`: of that, serde takes an absent field for null, and absent is not "no limit".
impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Limit, D::Error> {
        struct Read;

        impl serde::de::Visitor<'_> for Read {
            type Value = Limit;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("a limit")
            }

            fn visit_unit<E>(self) -> Result<Limit, E> {
                Ok(Limit::None)
            }

            fn visit_u64<E>(self, most: u64) -> Result<Limit, E> {
                Ok(Limit::At(most))
            }
        }
        deserializer.deserialize_any(Read)
    }
}
