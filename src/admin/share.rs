//! `share show`: which node judges which association, or why none does here; `share publish` and `share adopt`: whose settings are right.

use clap::Args;
use serde::{Deserialize, Serialize};

use super::layout::{counted, rows};
pub use super::share_desk::{BookShown, EndedPages, JudgedShown, KickedElsewhere, ShareDesk, ShareTold, SharedAssociation};
use super::{AdminCommand, Audience, Executor, Moment, NotDone, share_dispute};
use crate::quota::print_size;
use crate::share::Bar;

/// `share show`.
#[derive(Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShowShare {}

/// `share publish`.
#[derive(Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishShare {
    /// In place of the settings that etcd has, where this node has others (`nologd share show`: in dispute). All nodes take them over.
    #[arg(long)]
    #[serde(default)]
    pub replace: bool,
}

/// `share adopt`.
#[derive(Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdoptShare {}

const ALONE: &str = "This daemon is not one of several nodes: its config has no [share].";

pub(super) fn desk(executor: &Executor) -> Result<&dyn ShareDesk, NotDone> {
    executor.share.as_deref().ok_or(NotDone::because(ALONE))
}

impl AdminCommand for ShowShare {
    const WORD: &'static str = "share show";
    const LOOKS: bool = true;
    type Told = ShareTold;

    fn audience(&self) -> Audience<'_> {
        Audience::Admins
    }

    fn carry_out(&self, executor: &Executor, _: &Moment<'_>) -> Result<ShareTold, NotDone> {
        Ok(desk(executor)?.told(&executor.book))
    }

    fn print(told: &ShareTold) -> String {
        let mut text = head(told);
        if told.book == BookShown::Disputed {
            text.push_str(&share_dispute::print(told.disputed.as_deref()));
        }
        told.associations.iter().for_each(|one| text.push_str(&judged(one, told.etcd_answers)));
        text
    }
}

fn head(told: &ShareTold) -> String {
    let etcd = match () {
        () if !told.etcd_answers => "does not answer",
        () if told.etcd_full => "answers, and has NO ROOM: nothing that is written is taken (nologd help etcd-full)",
        () => "answers",
    };
    let book = match told.book {
        BookShown::Unknown => "not known yet whether there is one for all nodes",
        BookShown::Own => "this node's own (nologd share publish)",
        BookShown::Shared => "those of all nodes",
        BookShown::Behind => "those of all nodes, and not the newest",
        BookShown::Lost => {
            "as they were before etcd was emptied or put back; nothing can be changed (nologd share publish, on one node)"
        }
        BookShown::Disputed => {
            "IN DISPUTE: this node's own, and etcd has others (nologd share publish --replace: these for all; nologd share adopt: etcd's)"
        }
    };
    let mut text = rows(&[
        ("this node", told.name.clone()),
        ("settings", book.to_owned()),
        ("etcd", etcd.to_owned()),
        ("nodes", told.nodes.join(" ")),
        ("certificate", told.certificate_days.map_or("its dates cannot be read".to_owned(), left)),
    ]);
    if let Some(bar) = told.bar {
        text.push_str(&rows(&[("judges", nothing(bar, told.bar_node.as_deref().unwrap_or("another node")))]));
    }
    if !told.silent.is_empty() {
        text.push_str(&rows(&[("out of reach", told.silent.join(" "))]));
    }
    text
}

fn judged(one: &SharedAssociation, etcd_answers: bool) -> String {
    let node = match &one.node {
        Some(node) if etcd_answers => node.clone(),
        Some(node) => format!("{node}, as far as is known"),
        None if etcd_answers => "nobody".to_owned(),
        None => "an unknown node".to_owned(),
    };
    let how = match one.judged {
        JudgedShown::Elsewhere => String::new(),
        JudgedShown::Counting => ": nothing is stored yet, the storage is being asked (nologd share count)".to_owned(),
        JudgedShown::Apart => {
            ": NOTHING is stored, a mailbox of it is at another backend or on its way (mailbox move --home)".to_owned()
        }
        JudgedShown::Closed => ": nothing is stored until etcd answers".to_owned(),
        JudgedShown::Judged if one.withheld > 0 => format!(": {} held back", print_size(one.withheld)),
        JudgedShown::Judged => String::new(),
    };
    format!("{}: judged by {node}{how}\n", one.name.reveal())
}

fn left(days: i64) -> String {
    match days {
        0.. => format!("{} left", counted(days.unsigned_abs(), "day")),
        _ => format!("OVER since {}: etcd and other nodes refuse it", counted(days.unsigned_abs(), "day")),
    }
}

/// In words.
fn nothing(bar: Bar, node: &str) -> String {
    let why = match bar {
        Bar::Unknown => "it is not known yet whether it may".to_owned(),
        Bar::OtherKey => "etcd was first used with another message-id.key".to_owned(),
        Bar::OtherEtcd => "members of `etcd` in [share] are not of one cluster".to_owned(),
        Bar::FewMembers => "no more than half of the members of `etcd` have answered as one".to_owned(),
        Bar::FellowKey => format!("{node} has another message-id.key"),
        Bar::FellowEtcd => format!("{node} speaks to another etcd"),
        Bar::WentBack => "etcd was emptied or put back a moment ago".to_owned(),
        Bar::Namesake => "another machine has the name of this node".to_owned(),
        Bar::Behind => "what other nodes have set is not in force here (nologd help copy-unusable)".to_owned(),
        Bar::Disputed => "its settings and those in etcd are in dispute".to_owned(),
    };
    format!("nothing: {why} (nologd help judges-nothing)")
}

impl AdminCommand for PublishShare {
    const WORD: &'static str = "share publish";
    type Told = ShareTold;

    fn audience(&self) -> Audience<'_> {
        Audience::Admins
    }

    fn carry_out(&self, executor: &Executor, _: &Moment<'_>) -> Result<ShareTold, NotDone> {
        let desk = desk(executor)?;
        desk.publish(&executor.book, self.replace).map_err(NotDone::because)?;
        Ok(desk.told(&executor.book))
    }

    fn print(_: &ShareTold) -> String {
        "The settings of this node are those of all nodes from now on: the others take them over in a second. One that was changed apart says so (nologd share show), and waits for an admin.\n".into()
    }
}

impl AdminCommand for AdoptShare {
    const WORD: &'static str = "share adopt";
    type Told = ShareTold;

    fn audience(&self) -> Audience<'_> {
        Audience::Admins
    }

    fn carry_out(&self, executor: &Executor, _: &Moment<'_>) -> Result<ShareTold, NotDone> {
        let desk = desk(executor)?;
        desk.adopt(&executor.book).map_err(NotDone::because)?;
        Ok(desk.told(&executor.book))
    }

    fn print(_: &ShareTold) -> String {
        "The settings of all nodes are in force here, in place of those that this node had.\n".into()
    }
}
