//! `association hand-over`: another contact in place of the one that is named, when both have agreed to it by their links (`crate::web`).
//!
//! For admins alone in the table of who may: the page gives it in their name, once it holds the proof that both addresses were reached. A
//! contact that could give it would need only its own agreement.

use serde::{Deserialize, Serialize};

use super::offer::Agreed;
use super::{AdminCommand, Audience, Executor, Moment, NotDone};
use crate::private::{Address, revealed};
use crate::quota::Name;

/// `association hand-over`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandOver {
    #[serde(with = "revealed")]
    pub(crate) name: Name,
    /// The contact until now: where it is another one meanwhile, nothing is changed.
    #[serde(with = "revealed")]
    pub(crate) from: Address,
    #[serde(with = "revealed")]
    pub(crate) to: Address,
}

impl AdminCommand for HandOver {
    const WORD: &'static str = "association hand-over";
    type Told = Agreed;

    fn audience(&self) -> Audience<'_> {
        Audience::Admins
    }

    fn subject(&self) -> Option<String> {
        Some(self.name.reveal().into())
    }

    fn carry_out(&self, executor: &Executor, at: &Moment<'_>) -> Result<Agreed, NotDone> {
        executor.book.hand_over(&self.name, &self.from, &self.to, at.today)?;
        Ok(Agreed {})
    }

    fn print(_: &Agreed) -> String {
        "Handed over.\n".into()
    }
}
