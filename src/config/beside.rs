//! What one of two machines has more than one alone (docs/nodes.md).

use std::sync::Arc;

use super::file::Config;
use super::key::kept_key;
use super::trouble::StartTrouble;
use crate::scrub::MessageIdKey;
use crate::serve::node::NodeLink;
use crate::store::{Condition, Copied};

/// One of two machines (docs/nodes.md), when it is to judge.
pub struct Beside {
    /// Its place in the pair.
    pub link: Arc<NodeLink>,
    /// What it followed, and keeps copies of from now on.
    pub store: Arc<Copied>,
    /// How its files were found.
    pub found: Condition,
}

/// The key that both machines of a pair have. It is never made here: two would differ.
///
/// # Errors
/// `NoKey`; `UnreadKey` where there is one, or nobody can say.
pub fn common_key(config: &Config) -> Result<MessageIdKey, StartTrouble> {
    kept_key(&config.state_dir).map_err(StartTrouble::UnreadKey)?.ok_or(StartTrouble::NoKey)
}
