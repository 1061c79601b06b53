//! What programs are told where people are told a code word: a row for each code, a column for each protocol. The rows are in the order of
//! the list of codes; a code without a row does not compile. Empty: the protocol has no word that says it, or never says it.
//!
//! - SMTP and LMTP: the usual status (RFC 5321 4.2.3) and enhanced code (RFC 3463), and a text.
//! - IMAP: RFC 5530, RFC 9208 4.3.1; TOOBIG is of RFC 4469.
//! - POP3: RFC 2449 8, RFC 3206 4, 5. AUTH makes a mail program ask for another password, so it stands only where that may help.
//! - ManageSieve: RFC 5804 1.3.

use super::RefusalCode;

/// The words for programs that go with a code.
pub struct Responses {
    /// Status and enhanced code of SMTP and LMTP.
    pub status: &'static str,
    /// The text behind them.
    pub said: &'static str,
    /// Response code of IMAP.
    pub imap: &'static str,
    /// Response code of POP3.
    pub pop3: &'static str,
    /// Response code of ManageSieve.
    pub sieve: &'static str,
}

macro_rules! responses {
    ($($name:ident $status:literal $said:literal $imap:literal $pop3:literal $sieve:literal)*) => {
        impl RefusalCode {
            /// What programs are told.
            pub fn responses(self) -> Responses {
                match self {
                    $(RefusalCode::$name => {
                        Responses { status: $status, said: $said, imap: $imap, pop3: $pop3, sieve: $sieve }
                    })*
                }
            }
        }
    };
}

responses! {
    // Code             SMTP         and its words                                       IMAP                   POP3          ManageSieve
    AskAdmins          "525 5.7.13" "This account cannot be used"                       "CONTACTADMIN"         "SYS/PERM"    ""
    AssociationFull    "552 5.2.2"  "No space left"                                     "OVERQUOTA"            ""            "QUOTA"
    BackendConfused    "451 4.3.0"  "The mail server made no sense, nothing was sent"   "UNAVAILABLE"          "SYS/TEMP"    "TRYLATER"
    BackendDown        "451 4.3.0"  "The mail server does not answer, nothing was sent" "UNAVAILABLE"          "SYS/TEMP"    "TRYLATER"
    BackendSetup       "454 4.7.0"  "The mail server takes no passwords from here"      "UNAVAILABLE"          "SYS/PERM"    ""
    BareLineEnd        "550 5.6.0"  "A line ends in CR or LF alone"                     ""                     ""            ""
    FolderBusy         "450 4.2.0"  "In use"                                            "INUSE"                ""            ""
    ForwardingOff      "550 5.7.1"  "Not for filters"                                   ""                     ""            ""
    HeaderTooLong      "552 5.3.4"  "Message header too long"                           ""                     ""            ""
    LineTooLong        "500 5.5.6"  "Line too long"                                     ""                     ""            ""
    LoginFirst         "530 5.7.0"  "Authentication required"                           ""                     ""            ""
    LoginMethod        "504 5.5.4"  "Mechanism not known"                               "CANNOT"               "SYS/PERM"    ""
    MailboxFull        "552 5.2.2"  "No space left"                                     "OVERQUOTA"            ""            "QUOTA"
    MessageTooLong     "552 5.3.4"  "Message too long"                                  "TOOBIG"               ""            ""
    MessageMalformed   "550 5.6.0"  "Malformed message header"                          ""                     ""            ""
    NoSender           "550 5.6.0"  "No sender in the message header"                   ""                     ""            ""
    NoSuchFolder       "550 5.2.0"  "Nothing there"                                     "NONEXISTENT"          ""            ""
    NoSuchMessage      "550 5.2.0"  "Nothing there"                                     "NONEXISTENT"          ""            ""
    NotAllowed         "525 5.7.13" "This account cannot be used"                       "AUTHORIZATIONFAILED"  "SYS/PERM"    ""
    NotHere            "502 5.5.1"  "Not available here"                                "CANNOT"               ""            ""
    NotYourAddress     "550 5.7.1"  "Not your address"                                  "NOPERM"               ""            ""
    NotYourFolder      "550 5.2.0"  "Nothing there"                                     "NOPERM"               ""            ""
    PasswordExpired    "535 5.7.8"  "The password has expired"                          "EXPIRED"              "AUTH"        ""
    ReadOnly           "550 5.7.1"  "Sending is not possible at the moment"             "NOPERM"               ""            ""
    ScriptTooLong      "550 5.7.1"  "Not for filters"                                   ""                     ""            "QUOTA/MAXSIZE"
    SenderUnclear      "550 5.6.0"  "The sender in the message header is not clear"     ""                     ""            ""
    SendingOff         "550 5.7.1"  "Sending is switched off for this mailbox"          "UNAVAILABLE"          ""            ""
    SentOrNot          "451 4.4.2"  "It is not known whether the message was sent"      "UNAVAILABLE"          ""            ""
    SessionEnded       "421 4.3.2"  "Session ended"                                     "UNAVAILABLE"          "SYS/TEMP"    "TRYLATER"
    SizeUnknown        "451 4.3.0"  "The size is not known"                             "UNAVAILABLE"          ""            ""
    Standby            "421 4.3.2"  "Another machine serves"                            "UNAVAILABLE"          "SYS/TEMP"    "TRYLATER"
    Stopping           "421 4.3.2"  "Service restarts"                                  "UNAVAILABLE"          "SYS/TEMP"    "TRYLATER"
    StoreUnwritable    "451 4.3.0"  "Not possible at the moment"                        "UNAVAILABLE"          "SYS/TEMP"    "TRYLATER"
    Suspended          "550 5.7.1"  "Sending is not possible at the moment"             "CONTACTADMIN"         "SYS/PERM"    ""
    Syntax             "500 5.5.2"  "Not understood"                                    ""                     ""            ""
    TakingOver         "451 4.3.2"  "Not now"                                           "UNAVAILABLE"          "SYS/TEMP"    "TRYLATER"
    TlsFirst           "538 5.7.11" "Encryption required for authentication"            "PRIVACYREQUIRED"      ""            "ENCRYPT-NEEDED"
    TooManyConnections "421 4.7.0"  "Too many connections"                              "LIMIT"                "IN-USE"      "TRYLATER"
    TooManyMailboxes   "552 5.2.2"  "No more mailboxes"                                 "OVERQUOTA"            "SYS/PERM"    ""
    TooManyMessages    "450 4.7.1"  "Too many messages"                                 "LIMIT"                ""            ""
    TooManyRecipients  "452 4.5.3"  "Too many recipients"                               "LIMIT"                ""            ""
    TooManyTries       "421 4.7.0"  "Too many tries"                                    "LIMIT"                "LOGIN-DELAY" "TRYLATER"
    TooManyWrites      "451 4.3.2"  "Too much was announced at once"                    "LIMIT"                ""            "TRYLATER"
    TooSlow            "421 4.4.2"  "Too slow"                                          ""                     ""            ""
    UnknownDomain      "550 5.1.2"  "No such domain here"                               "UNAVAILABLE"          "SYS/TEMP"    "TRYLATER"
    UnknownMailbox     "550 5.1.1"  "No such mailbox"                                   "UNAVAILABLE"          "SYS/TEMP"    "TRYLATER"
    WrongPassword      "535 5.7.8"  "Authentication failed"                             "AUTHENTICATIONFAILED" "AUTH"        ""
}
