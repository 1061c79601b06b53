//! What the kernel can be asked for, and may not have.

/// A rule that does not hold, for the kernel or the start did not take it. The numbers are those of the event `not-enforced`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unenforced {
    /// `RLIMIT_CORE` of 0.
    CoreDumps = 1,
    /// Not dumpable: no ptrace, no `/proc/PID/mem` for the same user.
    Dumpable = 2,
    /// No new privileges by exec.
    Privileges = 3,
    /// Files outside of what the config names can be written and read (Landlock 1, Linux 5.13).
    Files = 4,
    /// They cannot, but for being cut short (Landlock 3, Linux 6.2).
    Truncate = 5,
    /// TCP connections can go anywhere, and new listeners can be made (Landlock 4, Linux 6.7).
    Connect = 6,
    /// Signals and abstract Unix sockets reach other processes (Landlock 6, Linux 6.12).
    Scope = 7,
    /// The denied calls are not denied (seccomp).
    Calls = 8,
    /// The memory can be written to a swap disk.
    Swap = 9,
    /// Unix sockets that have a path can be connected to, whichever they are (Landlock 9, Linux 7.1). Only where a mail server has one.
    Unix = 10,
    /// Datagrams can go to any port (Landlock 10, Linux 7.2). Only where mail servers have names.
    Datagrams = 11,
}

impl Unenforced {
    /// All of them, in the order of their numbers.
    pub const ALL: &'static [Unenforced] = &[
        Unenforced::CoreDumps,
        Unenforced::Dumpable,
        Unenforced::Privileges,
        Unenforced::Files,
        Unenforced::Truncate,
        Unenforced::Connect,
        Unenforced::Scope,
        Unenforced::Calls,
        Unenforced::Swap,
        Unenforced::Unix,
        Unenforced::Datagrams,
    ];

    /// Its word, for machines.
    pub fn word(self) -> &'static str {
        match self {
            Unenforced::CoreDumps => "core-dumps",
            Unenforced::Dumpable => "dumpable",
            Unenforced::Privileges => "privileges",
            Unenforced::Files => "files",
            Unenforced::Truncate => "truncate",
            Unenforced::Connect => "connect",
            Unenforced::Scope => "scope",
            Unenforced::Calls => "calls",
            Unenforced::Swap => "swap",
            Unenforced::Unix => "unix",
            Unenforced::Datagrams => "datagrams",
        }
    }

    /// The one with this word.
    pub fn find(word: &str) -> Option<Unenforced> {
        Unenforced::ALL.iter().copied().find(|rule| rule.word() == word)
    }

    /// What that means, for the admin.
    pub fn text(self) -> &'static str {
        match self {
            Unenforced::CoreDumps => "core dumps could not be switched off",
            Unenforced::Dumpable => "other processes of the same user can read the memory",
            Unenforced::Privileges => "programs started from here could gain rights",
            Unenforced::Files => "the kernel has no Landlock (Linux 5.13): files elsewhere are protected by their rights alone",
            Unenforced::Truncate => "the kernel's Landlock cannot refuse to cut files short (Linux 6.2)",
            Unenforced::Connect => "the kernel's Landlock cannot refuse connections to other ports (Linux 6.7)",
            Unenforced::Scope => "the kernel's Landlock cannot refuse signals to other processes (Linux 6.12)",
            Unenforced::Calls => "the kernel took no list of denied calls (seccomp)",
            Unenforced::Swap => "the memory can be swapped to a disk: set MemorySwapMax=0 in the systemd unit, or use no swap",
            Unenforced::Unix => {
                "the kernel's Landlock cannot tell a mail server's Unix socket from others (Linux 7.1): a mail server on a port needs none"
            }
            Unenforced::Datagrams => {
                "the kernel's Landlock cannot tell questions about names from other datagrams (Linux 7.2): mail servers by number need none"
            }
        }
    }

    /// Whether `sandbox = "required"` refuses to start without it. Swap is a matter of the machine, and what two
    /// kernels of this year have cannot be asked of everybody: told, not required.
    pub fn is_required(self) -> bool {
        !matches!(self, Unenforced::Swap | Unenforced::Unix | Unenforced::Datagrams)
    }
}
