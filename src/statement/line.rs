//! The pieces that a page is made of.

use super::machine::RuleVerdict;

/// Whose statement it is, and of when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Letterhead {
    /// The host's name.
    pub host: Option<String>,
    /// Whom to ask: an address, or a page.
    pub contact: Option<String>,
    /// The day, `YYYY-MM-DD`.
    pub made: String,
}

/// One sentence as it is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementLine {
    /// The name of the sentence; behind a `:` the server it is about.
    pub name: String,
    /// The words.
    pub text: String,
    /// What stands behind it.
    pub proof: String,
    /// The rule holds; otherwise this is the opposite, or says that nobody looked.
    pub holds: bool,
    /// The same in full.
    pub verdict: RuleVerdict,
}
