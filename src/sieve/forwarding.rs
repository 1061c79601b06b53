//! Whether filters may bring mail out of the house.

/// What is done about filters that bring mail out of the house.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Forwarding {
    /// They are taken, and the mail server judges.
    #[default]
    Allow,
    /// New ones that forward, or send notices, are refused.
    Refuse,
}

/// Extensions with which a script sends mail, or what is in it, to an address of its choice: RFC 5435 and its draft, RFC 6009, and
/// Dovecot's own.
pub(super) const SENDING: [&str; 5] = ["enotify", "notify", "redirect-dsn", "redirect-deliverby", "vnd.dovecot.report"];
