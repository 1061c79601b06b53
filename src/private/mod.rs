//! Personal data, in types that cannot be printed.
//!
//! Nothing in here has `Debug`, `Display` or `Serialize`, in any build: a careless format string does not compile.
//! [`Private::reveal`] is the only door, and it is easy to search for (tests/layers.rs); for serde it is [`revealed`].
//!
//! ```compile_fail
//! let user = nologd::private::Private::new("alice");
//! println!("{:?}", user);
//! ```
//! Nor does it compile for what holds one:
//! ```compile_fail
//! #[derive(Debug)]
//! struct Session(nologd::private::Address);
//! ```
//! ```
//! struct Session(nologd::private::Address);
//! ```
//! ```
//! let user = nologd::private::Private::new("alice");
//! assert_eq!(*user.reveal(), "alice");
//! ```

mod address;
mod credential;
mod local_part;
mod peer;
mod pseudonym;
pub mod revealed;
mod subnet;

pub use address::{Address, Domain};
pub use credential::{Credential, Mechanism, Secret};
pub use peer::Peer;
pub use pseudonym::{Hint, Networks, Pseudonym, Pseudonymiser};
pub use revealed::Text;
pub use subnet::{NoSubnet, Subnet};

/// A value about a person. Equality is allowed, printing is not.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Private<T>(T);

impl<T> Private<T> {
    /// Closes the door behind `value`.
    pub fn new(value: T) -> Self {
        Private(value)
    }

    /// Opens the door. Every use must end in a protocol answer to that same person, in a backend, or in the book.
    pub fn reveal(&self) -> &T {
        &self.0
    }
}
