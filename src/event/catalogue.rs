//! Every event there is. To report something new, add a line here: a word, what its numbers are, and nothing else.

/// Values of an event, at most.
pub(super) const MOST: usize = 3;

macro_rules! catalogue {
    ($($(#[$doc:meta])* $name:ident $word:literal ($($field:ident),*);)*) => {
        /// Something that may be reported. Backends, listeners and certificates are numbered in the order of the config file.
        #[allow(missing_docs)] // the values are named by their fields and explained at the event
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Event { $($(#[$doc])* $name { $($field: u64),* }),* }

        /// Which event, without its values.
        #[allow(missing_docs)] // explained at the event
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum EventKind { $($name),* }

        impl EventKind {
            /// Every one, in the order of their numbers.
            pub const ALL: &'static [EventKind] = &[$(EventKind::$name),*];

            /// Its word, as it begins the line.
            pub fn word(self) -> &'static str {
                match self { $(EventKind::$name => $word),* }
            }
        }

        impl Event {
            /// As numbers: which event, and its values.
            pub(super) fn encode(self) -> (u64, [u64; MOST]) {
                match self { $(Event::$name { $($field),* } => {
                    let given: &[u64] = &[$($field),*];
                    let mut values = [0; MOST];
                    values[..given.len()].copy_from_slice(given);
                    (EventKind::$name as u64, values)
                })* }
            }
        }

        /// The words of each event: its own and those of its values.
        const WORDS: &[(&str, &[&str])] = &[$(($word, &[$(stringify!($field)),*])),*];
    };
}

// One bit each in the layer's list of what is printed.
const _: () = assert!(WORDS.len() <= 64);

/// The words of event `number`: its own and those of its values.
pub(super) fn words(number: u64) -> Option<EventWords> {
    WORDS.get(usize::try_from(number).ok()?).copied()
}

/// The words of all events, in the order of their numbers.
pub fn catalogue() -> impl Iterator<Item = EventWords> {
    WORDS.iter().copied()
}

/// An event's own word, and those of its values.
pub type EventWords = (&'static str, &'static [&'static str]);

catalogue! {
    /// All listeners are bound and the daemon serves.
    Started "started" (listeners, backends);
    /// SIGTERM or SIGINT came; sessions are being drained.
    Stopping "stopping" (sessions);
    /// The last session is gone, or the time was over.
    Stopped "stopped" (cut);
    /// SIGHUP: the config file was read again and is in force.
    Reloaded "reloaded" (backends);
    /// The associations of the config file were written into the book, once and for all; the admin commands change them now.
    Imported "imported" (associations);
    /// The store cannot be written, since the start or since now (how often it came to that); mail goes on with the book in memory, and
    /// what admins change is refused. Told once, until it can be written again.
    StoreFailed "store-failed" (times);
    /// The store can be written again.
    StoreWrites "store-writes" ();
    /// The store's files were damaged. Nothing is lost: so many records were written anew from the copy beside them.
    StoreRepaired "store-repaired" (records);
    /// So many numbers of the usage file were damaged: these mailboxes count as never seen.
    UsageLost "usage-lost" (mailboxes);
    /// SIGHUP: the config file has errors; the old one stays in force. `nologd check` names them.
    ReloadRefused "reload-refused" (errors);
    /// SIGHUP: this many parts of the config changed and wait for a restart; which ones is a bit of each [`ConfigPart`](super::ConfigPart).
    RestartNeeded "restart-needed" (sections, changed);
    /// SIGHUP: the config file cannot be read, with this error number of the system (errno(3)); the old one stays in force.
    ConfigUnreadable "config-unreadable" (error);
    /// Not every config file that may stand there later can be read at SIGHUP: 1, its folder is shared with others and a file that is put
    /// in its place stays closed; 2, the daemon's user may not read it. `nologd check` says what to do.
    ReloadLimited "reload-limited" (why);
    /// So many associations of the config file are new to the book: only the first start reads them. `nologd check` names them.
    AssociationsUnread "associations-unread" (associations);
    /// So many mailboxes are at a backend that the config file does not have, by their own place or by their association's: nobody logs in
    /// there, and mail for them waits. Told at the start and at each SIGHUP.
    BackendMissing "backend-missing" (mailboxes);
    /// A mailbox or an association has sent as much as it may; owner and contact are told by mail.
    SendingStopped "sending-stopped" (times);
    /// Certificates were read again and are in force.
    CertificatesReloaded "certificates-reloaded" (names);
    /// A certificate or key cannot be used; the old one stays in force.
    CertificateBroken "certificate-broken" (position);
    /// A certificate has so many days left, and should have been renewed. Told once a day.
    CertificateEnds "certificate-ends" (position, days);
    /// A certificate is not valid any more: mail programs refuse it. Told once a day.
    CertificateOver "certificate-over" (position);
    /// The daemon's user may not read a certificate or its key, which was read as root: a renewed one will not be read.
    CertificateClosed "certificate-closed" (position);
    /// One of two machines waits, and follows the book of the other one.
    Standby "standby" ();
    /// This machine judges from now on, by the newest copy of the book; mail is stored as soon as the storage has told what is there.
    TookOver "took-over" ();
    /// The storage has told what its mailboxes hold: this many. 1: all of them; 0: some were missing, and their associations wait.
    Recounted "recounted" (mailboxes, whole);
    /// The lease has run out and the witness does not answer: nothing is stored until it does, or the other machine takes over.
    LeaseOut "lease-out" ();
    /// The lease is there again.
    LeaseBack "lease-back" ();
    /// Another machine judges: this one starts anew, and waits. 1: it was called for, or told to; 0: the other one had it already.
    SteppedBack "stepped-back" (called);
    /// The copy of the book cannot be taken over: `why` is a number of `CopyTrouble`.
    CopyUnusable "copy-unusable" (why);
    /// No member of etcd answers: what this node judges is stored for some seconds more, and then put off until one does.
    EtcdGone "etcd-gone" ();
    /// etcd answers again.
    EtcdBack "etcd-back" ();
    /// etcd answers, and takes nothing that is written: it has no room. Who judges goes on, and nobody can take what a node leaves.
    EtcdFull "etcd-full" ();
    /// It has taken something again.
    EtcdRoom "etcd-room" ();
    /// This node judges nothing, because it and others might mean different things: `why` is a number of `Bar`; `node` is the other node that it is
    /// about, in the order of the config file, where it is about one.
    JudgesNothing "judges-nothing" (why, node);
    /// This node may judge again.
    JudgesAgain "judges-again" ();
    /// Another node lives, and its listener cannot be reached from here: members who come here and whom it judges are turned away. The number is its place in
    /// the config file.
    NodeSilent "node-silent" (node);
    /// It can be reached again.
    NodeAnswers "node-answers" (node);
    /// So many associations that this node is to judge are not stored into: for a minute, nobody has told what the storage holds of them.
    CountLate "count-late" (associations);
    /// All of them were counted.
    CountThere "count-there" ();
    /// The storage says that there is nothing in any mailbox of an association (of one of two machines: in any at all), and in so many of them there was
    /// something, which nobody is known to have deleted.
    CountInVain "count-in-vain" (mailboxes);
    /// The certificate that this node shows to etcd and to other nodes has so many days left. Told once a day.
    NodeCertificateEnds "node-certificate-ends" (days);
    /// It is not valid any more. Told once a day.
    NodeCertificateOver "node-certificate-over" ();
    /// A backend does not take connections, or says nothing on them. Told at once; what changes again within minutes is told later, if it is still so.
    /// Which of its servers is a [`BackendService`](super::BackendService), here and below.
    BackendDown "backend-down" (backend, service);
    /// A backend greets again.
    BackendUp "backend-up" (backend, service);
    /// Sessions ended because a backend answered something that makes no sense. Counted, and told at fixed moments.
    BackendConfused "backend-confused" (backend, times, service);
    /// A backend takes no passwords from here (LOGINDISABLED, PRIVACYREQUIRED): nobody can log in. Counted, and told at fixed moments.
    BackendSetup "backend-setup" (backend, times, service);
    /// A relay does not take notices; this many wait now. Told once, until one goes out again.
    NoticesWait "notices-wait" (number);
    /// Notices were given up: too many wait, or for too long. Counted, and told at fixed moments.
    NoticesLost "notices-lost" (times);
    /// A relay refused notices for good, with this reply code. Counted, and told at fixed moments.
    NoticeRefused "notice-refused" (code, times);
    /// Mail came in for a domain that no association has: the book is behind the relay. Counted, and told at fixed moments.
    UnknownDomain "unknown-domain" (times);
    /// Taking connections failed (usually: no file descriptors left). Counted, and told at fixed moments.
    AcceptFailed "accept-failed" (listener, times);
    /// Connections of a load balancer of `proxy_protocol` did not begin with a valid header of the PROXY protocol: they were closed.
    /// Counted, and told at fixed moments.
    ProxyHeaderMissing "proxy-header-missing" (listener, times);
    /// Connections of somebody who is not in `proxy_protocol` began with a header of the PROXY protocol: they were closed. Counted, and
    /// told at fixed moments.
    ProxyHeaderForeign "proxy-header-foreign" (listener, times);
    /// The number of sessions reached its limit: new ones are refused, or whoever waited longest without a login was made to leave.
    /// Counted, and told at fixed moments.
    Crowded "crowded" (times);
    /// This process may open fewer files than its limits need: they are cut to what fits.
    FewDescriptors "few-descriptors" (limit, needed);
    /// A task panicked. The place in the source is told, the message is not; each place once since the start.
    Panicked "panicked" (line, column);
    /// A rule of the policy is not enforced by this kernel or this start (the number is the rule's).
    NotEnforced "not-enforced" (rule);
    /// Standard output (1) or standard error (2) ends in a regular file or a journal on disk: these lines are kept there.
    OutputKept "output-kept" (descriptor);
}
