//! What programs are told where people are told a code word: a row for each code. The rows are in the order of the list of codes; a code
//! without a row does not compile. Empty: the protocol has no word that says it, or never says it.
//!
//! - SMTP and LMTP: the usual status (RFC 5321 4.2.3) and enhanced code (RFC 3463), and a text.
//! - IMAP: RFC 5530, RFC 9208 4.3.1; TOOBIG is of RFC 4469.
//! - Protocols with few words of their own (POP3, ManageSieve) have them for the kinds.

use super::RefusalCode;

/// What goes with a code.
pub struct Responses {
    /// Status and enhanced code of SMTP and LMTP.
    pub status: &'static str,
    /// The text behind them.
    pub said: &'static str,
    /// Response code of IMAP.
    pub imap: &'static str,
    /// What a program could do.
    pub kind: ResponseKind,
}

/// What a program could do about a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseKind {
    /// Open fewer connections.
    Connections,
    /// Ask for encryption first.
    Encryption,
    /// Announce less at once.
    Flood,
    /// Make room.
    Full,
    /// Nothing before the hosts have done something.
    Hosts,
    /// Try again by itself.
    Later,
    /// Nothing that a protocol has a word for.
    None,
    /// Ask for another password.
    Password,
    /// Send less.
    TooLarge,
    /// Wait before the next try to log in.
    Tries,
}

macro_rules! responses {
    ($($name:ident $status:literal $said:literal $imap:literal $kind:ident)*) => {
        #[cfg(test)]
        const ROWS: &[RefusalCode] = &[$(RefusalCode::$name),*];

        impl RefusalCode {
            /// What programs are told.
            pub fn responses(self) -> Responses {
                match self {
                    $(RefusalCode::$name => {
                        Responses { status: $status, said: $said, imap: $imap, kind: ResponseKind::$kind }
                    })*
                }
            }
        }
    };
}

responses! {
    // Code            SMTP         and its words                                       IMAP                   kind
    AskAdmins          "525 5.7.13" "This account cannot be used"                       "CONTACTADMIN"         Hosts
    AssociationFull    "552 5.2.2"  "No space left"                                     "OVERQUOTA"            Full
    BackendConfused    "451 4.3.0"  "The mail server made no sense, nothing was sent"   "UNAVAILABLE"          Later
    BackendDown        "451 4.3.0"  "The mail server does not answer, nothing was sent" "UNAVAILABLE"          Later
    BackendSetup       "454 4.7.0"  "The mail server takes no passwords from here"      "UNAVAILABLE"          Hosts
    BareLineEnd        "550 5.6.0"  "A line ends in CR or LF alone"                     ""                     None
    FolderBusy         "450 4.2.0"  "In use"                                            "INUSE"                None
    ForwardingOff      "550 5.7.1"  "Not for filters"                                   ""                     None
    HeaderTooLong      "552 5.3.4"  "Message header too long"                           ""                     None
    LineTooLong        "500 5.5.6"  "Line too long"                                     ""                     None
    LoginFirst         "530 5.7.0"  "Authentication required"                           ""                     None
    LoginMethod        "504 5.5.4"  "Mechanism not known"                               "CANNOT"               Hosts
    MailboxFull        "552 5.2.2"  "No space left"                                     "OVERQUOTA"            Full
    MessageMalformed   "550 5.6.0"  "Malformed message header"                          ""                     None
    MessageTooLong     "552 5.3.4"  "Message too long"                                  "TOOBIG"               None
    NoSender           "550 5.6.0"  "No sender in the message header"                   ""                     None
    NoSuchFolder       "550 5.2.0"  "Nothing there"                                     "NONEXISTENT"          None
    NoSuchMessage      "550 5.2.0"  "Nothing there"                                     "NONEXISTENT"          None
    NotAllowed         "525 5.7.13" "This account cannot be used"                       "AUTHORIZATIONFAILED"  Hosts
    NotHere            "502 5.5.1"  "Not available here"                                "CANNOT"               None
    NotYourAddress     "550 5.7.1"  "Not your address"                                  "NOPERM"               None
    NotYourFolder      "550 5.2.0"  "Nothing there"                                     "NOPERM"               None
    PasswordExpired    "535 5.7.8"  "The password has expired"                          "EXPIRED"              Password
    ReadOnly           "550 5.7.1"  "Sending is not possible at the moment"             "NOPERM"               None
    ScriptTooLong      "550 5.7.1"  "Not for filters"                                   ""                     TooLarge
    SenderUnclear      "550 5.6.0"  "The sender in the message header is not clear"     ""                     None
    SendingOff         "550 5.7.1"  "Sending is switched off for this mailbox"          "UNAVAILABLE"          None
    SentOrNot          "451 4.4.2"  "It is not known whether the message was sent"      "UNAVAILABLE"          None
    SessionEnded       "421 4.3.2"  "Session ended"                                     "UNAVAILABLE"          Later
    SizeUnknown        "451 4.3.0"  "The size is not known"                             "UNAVAILABLE"          None
    Standby            "421 4.3.2"  "Another machine serves"                            "UNAVAILABLE"          Later
    Stopping           "421 4.3.2"  "Service restarts"                                  "UNAVAILABLE"          Later
    StoreUnwritable    "451 4.3.0"  "Not possible at the moment"                        "UNAVAILABLE"          Later
    Suspended          "550 5.7.1"  "Sending is not possible at the moment"             "CONTACTADMIN"         Hosts
    Syntax             "500 5.5.2"  "Not understood"                                    ""                     None
    TakingOver         "451 4.3.2"  "Not now"                                           "UNAVAILABLE"          Later
    TlsFirst           "538 5.7.11" "Encryption required for authentication"            "PRIVACYREQUIRED"      Encryption
    TooManyConnections "421 4.7.0"  "Too many connections"                              "LIMIT"                Connections
    TooManyMailboxes   "552 5.2.2"  "No more mailboxes"                                 "OVERQUOTA"            Hosts
    TooManyMessages    "450 4.7.1"  "Too many messages"                                 "LIMIT"                None
    TooManyRecipients  "452 4.5.3"  "Too many recipients"                               "LIMIT"                None
    TooManyTries       "421 4.7.0"  "Too many tries"                                    "LIMIT"                Tries
    TooManyWrites      "451 4.3.2"  "Too much was announced at once"                    "LIMIT"                Flood
    TooSlow            "421 4.4.2"  "Too slow"                                          ""                     None
    UnknownDomain      "550 5.1.2"  "No such domain here"                               "UNAVAILABLE"          Later
    UnknownMailbox     "550 5.1.1"  "No such mailbox"                                   "UNAVAILABLE"          Later
    WrongPassword      "535 5.7.8"  "Authentication failed"                             "AUTHENTICATIONFAILED" Password
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rows_are_in_the_order_of_the_list() {
        assert_eq!(ROWS, RefusalCode::ALL);
    }
}
