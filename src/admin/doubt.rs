//! Of several nodes that all take clients, one judges an association, and tells the others how full it is (docs/many-nodes.md). Where it has not for a while, the
//! numbers here are old, and where it never has, they are this node's own: whoever looks is told so.

use serde::{Deserialize, Serialize};

use crate::private::revealed;
use crate::quota::Name;
use crate::words::nullable;

/// An association whose numbers are old.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OldNumbers {
    /// Its name.
    #[serde(with = "revealed")]
    pub association: Name,
    /// Who knows them; none where no node judges it at the moment, or it is not known which.
    #[serde(deserialize_with = "nullable")]
    pub judge: Option<String>,
}

/// A line for each.
pub(super) fn print(old: &[OldNumbers]) -> String {
    let line = |OldNumbers { association, judge }: &OldNumbers| {
        let name = association.reveal();
        match judge {
            Some(node) => {
                format!(
                    "{name}: these numbers are OLD, or none have come yet. {node} judges it, and has not told this node lately: ask there.\n"
                )
            }
            None => format!(
                "{name}: these numbers are OLD, or none have come yet. No node is known to judge it at the moment (nologd share show).\n"
            ),
        }
    };
    old.iter().map(line).collect()
}
