//! Where a rule of `policy/sandbox.toml` holds: what it is needed for depends on how the config names its mail servers.

use serde::Deserialize;

/// What a config makes of rules with a `when`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Servers {
    /// A server is named by its name.
    pub names: bool,
    /// A server listens on a Unix socket.
    pub unix: bool,
}

impl Servers {
    /// All there can be.
    pub(super) const ALL: [Servers; 4] = [
        Servers { names: false, unix: false },
        Servers { names: true, unix: false },
        Servers { names: false, unix: true },
        Servers { names: true, unix: true },
    ];
}

/// Where a rule holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum When {
    /// Where a server is named by its name.
    Names,
    /// Where none is.
    Numbers,
    /// Where a server listens on a Unix socket.
    Unix,
}

impl When {
    pub(super) fn holds(self, servers: Servers) -> bool {
        match self {
            When::Names => servers.names,
            When::Numbers => !servers.names,
            When::Unix => servers.unix,
        }
    }
}
