//! The pages: README, docs/ and the rest. French says the same code as English, nothing stands there that the program does not know,
//! nothing that it knows is missing in the reference, and no link and no citation leads nowhere.
//!
//! Absent on purpose: whether the French says what the English says, and whether the prose is true. That needs a reader.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // the reference is written anew where it is told to

#[path = "pages/links.rs"]
mod links;
#[path = "pages/page.rs"]
mod page;
#[path = "pages/program.rs"]
mod program;
#[path = "pages/reference.rs"]
mod reference;
#[path = "pages/twins.rs"]
mod twins;
