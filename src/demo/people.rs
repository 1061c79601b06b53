//! Who lives in the demo. Everyone is made up, and so are the passwords.

/// One association of the demo.
pub struct DemoAssociation {
    /// Its name in the config.
    pub name: &'static str,
    /// Its only domain.
    pub domain: &'static str,
    /// The mailbox that may also write as `contact@`.
    pub contact: &'static str,
}

/// One mailbox of the demo.
pub struct Member {
    /// Address, which is the login too.
    pub address: &'static str,
    /// Its password.
    pub password: &'static str,
}

/// Two associations: what belongs to one is none of the other's business.
pub const ASSOCIATIONS: [DemoAssociation; 2] = [
    DemoAssociation { name: "velo", domain: "velo.example", contact: "alice@velo.example" },
    DemoAssociation { name: "jardin", domain: "jardin.example", contact: "chloe@jardin.example" },
];

/// Four mailboxes, two for each association.
pub const MEMBERS: [Member; 4] = [
    Member { address: "alice@velo.example", password: "bell-and-basket" },
    Member { address: "bob@velo.example", password: "spokes-and-chain" },
    Member { address: "chloe@jardin.example", password: "beans-and-mint" },
    Member { address: "david@jardin.example", password: "rake-and-rain" },
];
