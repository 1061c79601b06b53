//! `node show`, `node take-over`, `node stand-by`: which of two machines judges, and how to change it. Nothing about anybody.

use clap::Args;
use serde::{Deserialize, Serialize};

pub use super::node_desk::{BeginWith, ChosenShown, CopyTrouble, DutyShown, GrantsShown, NodeDesk, NodeTold};
use super::{AdminCommand, Audience, Executor, Moment, NotDone};

/// `node show`.
#[derive(Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShowNode {}

/// `node take-over`.
#[derive(Clone, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TakeOver {
    /// Begin with the book of this machine, and put it in place of what the witness has: once, when the pair is made; or after the witness
    /// lost its copy.
    #[arg(long)]
    pub with_own_book: bool,
    /// Though there is no association in it yet.
    #[arg(long, requires = "with_own_book")]
    #[serde(default)]
    pub empty: bool,
}

/// `node stand-by`.
#[derive(Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StandBy {}

const ALONE: &str = "This daemon is not one of two: its config has no listener for node.";

impl AdminCommand for ShowNode {
    const WORD: &'static str = "node show";
    const LOOKS: bool = true;
    type Told = NodeTold;

    fn audience(&self) -> Audience<'_> {
        Audience::Admins
    }

    fn carry_out(&self, executor: &Executor, _: &Moment<'_>) -> Result<NodeTold, NotDone> {
        executor.node.as_ref().map(|node| node.told()).ok_or(NotDone::because(ALONE))
    }

    fn print(told: &NodeTold) -> String {
        told.print()
    }
}

impl AdminCommand for TakeOver {
    const WORD: &'static str = "node take-over";
    type Told = NodeTold;

    fn audience(&self) -> Audience<'_> {
        Audience::Admins
    }

    fn carry_out(&self, executor: &Executor, _: &Moment<'_>) -> Result<NodeTold, NotDone> {
        let node = executor.node.as_ref().ok_or(NotDone::because(ALONE))?;
        let book = match (self.with_own_book, self.empty) {
            (false, _) => BeginWith::NewestCopy,
            (true, false) => BeginWith::OwnBook,
            (true, true) => BeginWith::EmptyBook,
        };
        node.take_over(book).map_err(NotDone::because)?;
        Ok(node.told())
    }

    fn print(_: &NodeTold) -> String {
        "This machine takes over as soon as the other one has left, or its lease is over: look with `nologd node show`. After two minutes that is forgotten.\n".into()
    }
}

impl AdminCommand for StandBy {
    const WORD: &'static str = "node stand-by";
    type Told = NodeTold;

    fn audience(&self) -> Audience<'_> {
        Audience::Admins
    }

    fn carry_out(&self, executor: &Executor, _: &Moment<'_>) -> Result<NodeTold, NotDone> {
        let node = executor.node.as_ref().ok_or(NotDone::because(ALONE))?;
        if node.stand_by() { Ok(node.told()) } else { Err(NotDone::because("This machine does not judge, and is not to.")) }
    }

    fn print(told: &NodeTold) -> String {
        let said = match told.duty {
            DutyShown::Waits => "This machine goes on waiting: what was said is taken back.\n",
            _ => "This machine leaves: it starts anew, and waits.\n",
        };
        said.into()
    }
}
