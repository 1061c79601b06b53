//! Why the daemon cannot start, in sentences for the terminal of the admin.

use std::fmt;
use std::io::{self, ErrorKind};
use std::path::PathBuf;

use crate::quota::AdminError;
use crate::sandbox::{NoUser, Unenforced};
use crate::store::StoreError;

/// Why the daemon cannot start, for the terminal of the admin.
#[derive(Debug)]
pub enum StartTrouble {
    /// An address cannot be bound.
    Listen(String, io::Error),
    /// No certificate for the default name; what is wrong with the folders that are there.
    NoDefaultCertificate(Vec<String>),
    /// The example key at a listener that others can reach.
    ExampleKey,
    /// The state folder cannot be used.
    State(io::Error),
    /// One of two machines, and there is no key that both have.
    NoKey,
    /// The same, and whether there is one is not known, or it cannot be read.
    UnreadKey(io::Error),
    /// The witness did not take the first copy.
    NotCopied,
    /// It was to judge by its own book, which is empty or cannot be read, and the witness has one.
    EmptyBook,
    /// The store cannot be opened.
    Store(StoreError),
    /// The associations of the file cannot be written into the book.
    Import(AdminError),
    /// The authorities for a listener's clients cannot be read.
    Clients(PathBuf, io::Error),
    /// Certificates or authorities that the config names so cannot be read, or do not belong together.
    Authorities(&'static str, io::Error),
    /// The daemon cannot become the user that it should be.
    User(NoUser),
    /// `sandbox = "required"`, and this is missing.
    NotConfined(Vec<Unenforced>),
    /// The cryptography library or the kernel does not give what is needed.
    Crypto,
}

impl std::error::Error for StartTrouble {}

impl fmt::Display for StartTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartTrouble::Listen(address, error) if error.kind() == io::ErrorKind::AddrInUse => {
                write!(
                    f,
                    "cannot listen at {address}: {error}. Another program has it, or a nologd that runs already: `nologd check`"
                )
            }
            StartTrouble::Listen(address, error) if error.raw_os_error() == Some(nix::errno::Errno::EPERM as i32) => {
                write!(
                    f,
                    "cannot listen at {address}: {error}. Its group must be one that the daemon's user is in: `nologd check`"
                )
            }
            StartTrouble::Listen(address, error) => write!(f, "cannot listen at {address}: {error}"),
            StartTrouble::NoDefaultCertificate(broken) if broken.is_empty() => {
                write!(f, "the folder of [tls] default has no certificate (fullchain.pem and privkey.pem)")
            }
            StartTrouble::NoDefaultCertificate(broken) => {
                write!(f, "the default certificate cannot be used: {}", broken.join("; "))
            }
            StartTrouble::ExampleKey => write!(f, "the example certificate is for loopback only: its key is known to everybody"),
            StartTrouble::State(error) => write!(f, "state_dir cannot be used: {error}"),
            StartTrouble::NoKey => write!(
                f,
                "this is one of several machines, and state_dir has no {}: copy another one's file, with the same owner and rights. Where \
                 none has one: run nologd once without [share] and without the listener for node",
                super::KEY_FILE
            ),
            StartTrouble::UnreadKey(error) => write!(f, "{} of state_dir cannot be read: {error}", super::KEY_FILE),
            StartTrouble::EmptyBook => {
                write!(
                    f,
                    "this machine's own book is empty or cannot be read, and the witness has one: start without --with-own-book"
                )
            }
            StartTrouble::NotCopied => write!(f, "the witness did not keep the first copy of the book: look at its disk"),
            StartTrouble::Store(error) => store(*error, f),
            StartTrouble::Import(error) => write!(f, "the associations of the config file cannot be imported: {}", error.text()),
            StartTrouble::Clients(file, error) => write!(f, "client_authorities {} cannot be read: {error}", file.display()),
            StartTrouble::Authorities(which, error) => write!(f, "{which} cannot be read: {error}"),
            StartTrouble::User(NoUser::Missing) => {
                write!(f, "started as root: say in the config which user to become (user = \"nologd\")")
            }
            StartTrouble::User(NoUser::Unknown) => write!(f, "the user of the config does not exist on this machine"),
            StartTrouble::User(NoUser::Refused) => write!(f, "the kernel did not let us become the user of the config"),
            StartTrouble::NotConfined(missing) => {
                let parts: Vec<_> = missing.iter().map(|rule| rule.text()).collect();
                write!(f, "sandbox = \"required\", but {}", parts.join("; "))
            }
            StartTrouble::Crypto => write!(f, "no randomness or no cryptography on this machine"),
        }
    }
}

fn store(error: StoreError, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match error {
        StoreError::InUse => write!(f, "another nologd uses this state_dir; stop it first"),
        StoreError::Newer(version) => {
            write!(f, "the store was written by a newer nologd (schema {version}); install that version again")
        }
        StoreError::Damaged => write!(
            f,
            "the store is damaged, and so are its copies; `nologd store repair --partial` keeps what can still be read, or move the \
             folder `store` of state_dir away and import the last export"
        ),
        StoreError::Io(ErrorKind::StorageFull) => {
            write!(f, "the store cannot be opened: its disk is full; make room on that of state_dir (`df -h`, `df -i`)")
        }
        StoreError::Io(kind) => write!(f, "the store cannot be opened: {kind}"),
        other => write!(f, "the store cannot be opened: {other:?}"),
    }
}
