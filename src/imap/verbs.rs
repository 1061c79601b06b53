//! The one table of IMAP verbs: what each is for the session, for the quota book, and for a connection that rests.
//!
//! A verb that is not in the table passes without being understood, so that a new extension works on the day the backend
//! has it; but it passes alone (nothing is sent behind it until it is answered), without literals, and its connection never
//! rests. Only what is known to read a literal as a literal is given one (see [`Args::Literals`]). What a server is known to have as
//! another name of a verb that is judged is refused by name: Cyrus' LOCALAPPEND is an APPEND, and takes its message from a URL.

/// One row.
#[derive(Debug)]
pub struct VerbRow {
    /// The verb, and behind UID the verb that follows it.
    pub verb: Verb,
    /// As it is written; `Other` for what is unknown.
    pub word: &'static str,
    /// The same with UID before it.
    pub behind_uid: &'static str,
    /// What may stand behind the verb.
    pub args: Args,
    /// What it does to what is stored.
    pub effect: Effect,
    /// What it leaves behind at the backend.
    pub after: After,
}

/// What may stand behind a verb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Args {
    /// Nothing at all (RFC 9051 9, `command-any` and its like).
    None,
    /// Anything in one line.
    Line,
    /// Strings, which may come as literals.
    Literals,
    /// The same behind a set of messages: numbers, or UIDs behind UID.
    Messages,
}

/// What a command does to what is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing, as far as space is concerned.
    Nothing,
    /// There may be less afterwards.
    Shrinks,
    /// Collected whole and read by a grammar of our own, each in its file.
    Judged(JudgedAs),
    /// For a while the client asks nothing any more behind it, or never again.
    Last,
    /// Answered by us.
    Ours,
    /// Not here: it would bring bodies around the scrubber, or blind us.
    Refused,
}

/// How a command is judged. Each has its arm in `dispatch`: one without does not compile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JudgedAs {
    /// Stores messages.
    Append,
    /// Makes a folder.
    Create,
    /// Takes one away.
    Delete,
    /// Opens one.
    Open,
    /// Asks for limits, which are ours.
    Quota,
    /// Gives one another name.
    Rename,
    /// Says who may see one.
    SetAcl,
    /// Copies or moves messages.
    Transfer,
}

/// What a command leaves behind at the backend, where another session of the same person may follow on the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// Nothing.
    Clean,
    /// A selected mailbox.
    Selected,
    /// No selected mailbox.
    Unselected,
    /// Nothing, unless one of its words switches something on.
    Words,
    /// The same, with the words of searches too.
    SearchWords,
    /// What cannot be taken back.
    Spoilt,
}

macro_rules! verbs {
    ($($name:ident $word:literal $args:ident $effect:ident $(($judged:ident))? $after:ident)*) => {
        /// The verbs that are known.
        #[allow(missing_docs)] // each is the RFC's own word
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Verb { $($name,)* Unknown }

        /// The rows, but for what is unknown.
        const TABLE: &[VerbRow] = &[$(VerbRow {
            verb: Verb::$name,
            word: $word,
            behind_uid: concat!("UID ", $word),
            args: Args::$args,
            effect: Effect::$effect $((JudgedAs::$judged))?,
            after: After::$after,
        }),*];
    };
}

verbs! {
    Append         "APPEND"         Literals Judged(Append)   Clean
    Authenticate   "AUTHENTICATE"   Line     Refused          Spoilt
    Capability     "CAPABILITY"     None     Nothing          Clean
    Check          "CHECK"          None     Nothing          Clean
    Close          "CLOSE"          None     Shrinks          Unselected
    Compress       "COMPRESS"       Line     Refused          Spoilt
    Copy           "COPY"           Messages Judged(Transfer) Clean
    Create         "CREATE"         Literals Judged(Create)   Clean
    Delete         "DELETE"         Literals Judged(Delete)   Clean
    DeleteAcl      "DELETEACL"      Literals Nothing          Spoilt
    Enable         "ENABLE"         Line     Nothing          Spoilt
    Examine        "EXAMINE"        Literals Judged(Open)     Selected
    Expunge        "EXPUNGE"        None     Shrinks          Clean
    Fetch          "FETCH"          Messages Nothing          Words
    // Runs a script of the member on stored mail: copies that nobody pays, and mail that nobody scrubs.
    Filter         "FILTER"         Literals Refused          Spoilt
    GenUrlAuth     "GENURLAUTH"     Literals Refused          Spoilt
    GetAcl         "GETACL"         Literals Nothing          Clean
    GetAnnotation  "GETANNOTATION"  Literals Nothing          Spoilt
    GetMetadata    "GETMETADATA"    Literals Nothing          Spoilt
    GetQuota       "GETQUOTA"       Literals Judged(Quota)    Clean
    GetQuotaRoot   "GETQUOTAROOT"   Literals Judged(Quota)    Clean
    Id             "ID"             Literals Ours             Clean
    Idle           "IDLE"           None     Last             Clean
    List           "LIST"           Literals Nothing          Clean
    ListRights     "LISTRIGHTS"     Literals Nothing          Clean
    LocalAppend    "LOCALAPPEND"    Literals Refused          Spoilt
    LocalCreate    "LOCALCREATE"    Literals Refused          Spoilt
    LocalDelete    "LOCALDELETE"    Literals Refused          Spoilt
    Login          "LOGIN"          Literals Refused          Spoilt
    Logout         "LOGOUT"         None     Last             Clean
    Lsub           "LSUB"           Literals Nothing          Clean
    Move           "MOVE"           Messages Judged(Transfer) Clean
    MyRights       "MYRIGHTS"       Literals Nothing          Clean
    Namespace      "NAMESPACE"      None     Nothing          Clean
    Noop           "NOOP"           None     Nothing          Clean
    Notify         "NOTIFY"         Literals Nothing          Spoilt
    Rename         "RENAME"         Literals Judged(Rename)   Clean
    Replace        "REPLACE"        Literals Refused          Spoilt
    ResetKey       "RESETKEY"       Literals Refused          Spoilt
    Search         "SEARCH"         Literals Nothing          SearchWords
    Select         "SELECT"         Literals Judged(Open)     Selected
    SetAcl         "SETACL"         Literals Judged(SetAcl)   Spoilt
    SetAnnotation  "SETANNOTATION"  Literals Nothing          Spoilt
    SetMetadata    "SETMETADATA"    Literals Nothing          Spoilt
    SetQuota       "SETQUOTA"       Literals Judged(Quota)    Clean
    Sort           "SORT"           Literals Nothing          SearchWords
    StartTls       "STARTTLS"       Line     Refused          Spoilt
    Status         "STATUS"         Literals Nothing          Words
    Store          "STORE"          Messages Nothing          Words
    Subscribe      "SUBSCRIBE"      Literals Nothing          Clean
    Thread         "THREAD"         Literals Nothing          SearchWords
    // Never by itself: what counts is the row of the verb behind it.
    Uid            "UID"            Literals Refused          Clean
    Unauthenticate "UNAUTHENTICATE" Line     Refused          Spoilt
    Unselect       "UNSELECT"       None     Nothing          Unselected
    Unsubscribe    "UNSUBSCRIBE"    Literals Nothing          Clean
    Undump         "UNDUMP"         Literals Refused          Spoilt
    UrlFetch       "URLFETCH"       Literals Refused          Spoilt
    Xlist          "XLIST"          Literals Nothing          Clean
    Xmove          "XMOVE"          Literals Refused          Spoilt
}

const UNKNOWN: VerbRow = VerbRow {
    verb: Verb::Unknown,
    word: "Other",
    behind_uid: "Other",
    args: Args::Line,
    effect: Effect::Nothing,
    after: After::Spoilt,
};

/// The one that takes an argument behind UID only (RFC 4315 2.1).
const EXPUNGE: VerbRow = VerbRow {
    verb: Verb::Expunge,
    word: "EXPUNGE",
    behind_uid: "UID EXPUNGE",
    args: Args::Line,
    effect: Effect::Shrinks,
    after: After::Clean,
};

/// The row of `word`.
pub fn row(word: &[u8]) -> &'static VerbRow {
    TABLE.iter().find(|row| row.word.as_bytes().eq_ignore_ascii_case(word)).unwrap_or(&UNKNOWN)
}

/// The row of the verb behind UID (RFC 9051 6.4.9, RFC 4315, RFC 6851); only these may stand there.
pub fn behind_uid(word: &[u8]) -> &'static VerbRow {
    let row = row(word);
    match row.verb {
        Verb::Expunge => &EXPUNGE,
        Verb::Copy | Verb::Fetch | Verb::Move | Verb::Replace | Verb::Search | Verb::Sort | Verb::Store | Verb::Thread => row,
        Verb::Filter | Verb::Xmove => row,
        _ => &UNKNOWN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_any_case_and_once() {
        assert_eq!(row(b"append").verb, Verb::Append);
        assert_eq!(row(b"XYZZY").args, Args::Line);
        assert_eq!(behind_uid(b"expunge").args, Args::Line);
        assert_eq!(behind_uid(b"APPEND").verb, Verb::Unknown);
        // Other names of what is judged are no unknown verbs, which pass.
        for word in [b"LOCALAPPEND".as_slice(), b"LocalCreate", b"localdelete", b"UNDUMP", b"XMOVE"] {
            assert_eq!(row(word).effect, Effect::Refused);
        }
        for word in [b"xmove".as_slice(), b"filter"] {
            assert_eq!((row(word).effect, behind_uid(word).effect), (Effect::Refused, Effect::Refused));
        }
        for (at, VerbRow { word, .. }) in TABLE.iter().enumerate() {
            assert!(TABLE.iter().skip(at + 1).all(|other| other.word != *word), "{word} stands there twice");
        }
    }
}
