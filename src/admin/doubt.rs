//! Of several nodes that all take clients, one judges an association, and tells the others how full it is (docs/many-nodes.md). Where it has not for a while, the
//! numbers here are old, and whoever looks is told so.

use serde::{Deserialize, Serialize};

use super::Executor;
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

impl Executor {
    /// Whose numbers are old, of one association or of all.
    pub(super) fn old_numbers(&self, of: Option<&Name>) -> Vec<OldNumbers> {
        let all = self.share.as_ref().map_or_else(Vec::new, |share| share.old_numbers(&self.book));
        all.into_iter().filter(|one| of.is_none_or(|name| one.association == *name)).collect()
    }
}

/// A line for each.
pub(super) fn print(old: &[OldNumbers]) -> String {
    let line = |OldNumbers { association, judge }: &OldNumbers| {
        let name = association.reveal();
        match judge {
            Some(node) => {
                format!("{name}: these numbers are OLD. {node} judges it and has not told this node for a while: ask there.\n")
            }
            None => format!("{name}: these numbers are OLD. No node is known to judge it at the moment (nologd share show).\n"),
        }
    };
    old.iter().map(line).collect()
}
