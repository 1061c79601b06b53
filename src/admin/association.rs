//! `association ...`.

use std::collections::BTreeMap;

use clap::Args;
use serde::{Deserialize, Serialize};

use super::association_rows::{loan_rows, print_change, settings_rows, state, zone_row};
use super::association_shown::AssociationShown;
use super::changed::Changed;
use super::doubt::{self, OldNumbers};
use super::layout::{Canvas, ShownRow, count, rows, table};
use super::open_offers::{OfferShown, OffersAbout};
use super::zones::ZoneShown;
use super::{AdminCommand, Audience, Executor, Moment, NotDone};
use crate::private::{Address, revealed};
use crate::quota::{Association, Edit, Name, Without};

/// `association add`.
#[derive(Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddAssociation {
    /// Its name in commands: letters, digits, `-`, `_`, `.`; never changes.
    #[serde(with = "revealed")]
    name: Name,
    #[command(flatten)]
    edit: Box<Edit>,
}

impl AdminCommand for AddAssociation {
    const WORD: &'static str = "association add";
    type Told = Changed<Association>;

    fn audience(&self) -> Audience<'_> {
        Audience::Admins
    }

    fn subject(&self) -> Option<String> {
        Some(self.name.reveal().into())
    }

    fn carry_out(&self, executor: &Executor, at: &Moment<'_>) -> Result<Changed<Association>, NotDone> {
        known_backend(&self.edit, at)?;
        // Nothing is in the book before all is checked: it is made here, and added as a whole.
        let new = self.edit.apply(Association::new(self.name.clone(), []), at.today)?;
        Ok(Changed::of(executor.book.add_association(new, at.today)?, |association| association))
    }

    fn print(told: &Changed<Association>) -> String {
        print_change(told)
    }
}

/// `association set`.
#[derive(Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetAssociation {
    /// Its name.
    #[serde(with = "revealed")]
    pub(crate) name: Name,
    #[command(flatten)]
    pub(crate) edit: Box<Edit>,
    #[command(flatten)]
    #[serde(default)]
    pub(crate) without: Without,
}

impl AdminCommand for SetAssociation {
    const WORD: &'static str = "association set";
    type Told = Changed<Association>;

    /// The contact shares the space out, and chooses the language; what costs the host, or opens a door, is for admins.
    fn audience(&self) -> Audience<'_> {
        let others = Edit { mailbox_default: None, lang: None, ..(*self.edit).clone() };
        let shares = others == Edit::default() && self.without == Without::default();
        if shares { Audience::Contact(&self.name) } else { Audience::Admins }
    }

    fn subject(&self) -> Option<String> {
        Some(self.name.reveal().into())
    }

    fn carry_out(&self, executor: &Executor, at: &Moment<'_>) -> Result<Changed<Association>, NotDone> {
        known_backend(&self.edit, at)?;
        let edit = Edit { without: self.without.clone(), ..(*self.edit).clone() };
        Ok(Changed::of(executor.book.set_association(&self.name, &edit, at.today)?, |association| association))
    }

    fn print(told: &Changed<Association>) -> String {
        print_change(told)
    }
}

fn known_backend(edit: &Edit, at: &Moment<'_>) -> Result<(), NotDone> {
    match &edit.backend {
        Some(name) if at.backends.find(Some(name)).is_none() => {
            Err(NotDone::because("The config file has no backend of that name."))
        }
        _ => Ok(()),
    }
}

/// `association list`.
#[derive(Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListAssociations {}

/// All of them.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssociationsListed {
    associations: Vec<AssociationShown>,
    /// Of several nodes, another one judges these, and their numbers here are old.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    old: Vec<OldNumbers>,
}

impl AssociationsListed {
    /// What is set about each, without its aliases; and these, with where they lead.
    pub fn associations(self) -> impl Iterator<Item = (Association, BTreeMap<Address, Vec<Address>>)> {
        self.associations.into_iter().map(|shown| {
            let AssociationShown { name, settings, aliases, lent, borrowed, fill: _ } = shown;
            (Association { name, settings, aliases: BTreeMap::new(), lent, borrowed }, aliases)
        })
    }
}

impl AdminCommand for ListAssociations {
    const WORD: &'static str = "association list";
    const LOOKS: bool = true;
    type Told = AssociationsListed;

    fn audience(&self) -> Audience<'_> {
        Audience::Admins
    }

    fn carry_out(&self, executor: &Executor, at: &Moment<'_>) -> Result<AssociationsListed, NotDone> {
        let associations = executor.book.associations(at.today).into_iter().map(AssociationShown::of).collect();
        Ok(AssociationsListed { associations, old: executor.old_numbers(None) })
    }

    fn print(told: &AssociationsListed) -> String {
        told.table() + &doubt::print(&told.old)
    }

    fn draw(told: &AssociationsListed, canvas: Canvas) -> String {
        let percents = told.associations.iter().map(|shown| shown.fill.percent_of_octets());
        canvas.with_bars(&told.table(), percents) + &doubt::print(&told.old)
    }
}

impl AssociationsListed {
    fn table(&self) -> String {
        let lines = self.associations.iter().map(|AssociationShown { name, settings, fill, .. }| {
            let mailboxes = count(fill.mailboxes, settings.mailboxes);
            [name.reveal().into(), state(settings.state), mailboxes, fill.print()]
        });
        match table(["NAME", "STATE", "MAILBOXES", "STORAGE"], lines) {
            none if none.is_empty() => "There is no association yet. `nologd association add` makes one.\n".into(),
            table => table,
        }
    }
}

/// `association show`.
#[derive(Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShowAssociation {
    /// Its name.
    #[serde(with = "revealed")]
    pub(crate) name: Name,
}

/// One of them.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssociationTold {
    pub(crate) association: AssociationShown,
    /// What it offers to others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) offered: Vec<OfferShown>,
    /// What others offer to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) offers: Vec<OfferShown>,
    /// Of several nodes, another one judges it, and its numbers here are old.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) old: Vec<OldNumbers>,
    /// More that others offer to it.
    #[serde(default, rename = "more-offers", skip_serializing_if = "is_none")]
    pub(crate) more_offers: u64,
    /// How the zones of its domains stand, where somebody looked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) zones: Vec<ZoneShown>,
}

fn is_none(number: &u64) -> bool {
    *number == 0
}

impl AdminCommand for ShowAssociation {
    const WORD: &'static str = "association show";
    const LOOKS: bool = true;
    type Told = AssociationTold;

    fn audience(&self) -> Audience<'_> {
        Audience::Contact(&self.name)
    }

    fn subject(&self) -> Option<String> {
        Some(self.name.reveal().into())
    }

    fn carry_out(&self, executor: &Executor, at: &Moment<'_>) -> Result<AssociationTold, NotDone> {
        let view = executor.book.association(&self.name, at.today)?;
        let OffersAbout { made, had, unshown } = executor.offers.about(&self.name, at);
        let association = AssociationShown::of(view);
        let (zones, old) = (executor.zones.of(association.all_domains()), executor.old_numbers(Some(&self.name)));
        Ok(AssociationTold { association, offered: made, offers: had, old, more_offers: unshown, zones })
    }

    fn print(told: &AssociationTold) -> String {
        let AssociationShown { name, settings, aliases, lent, borrowed, fill } = &told.association;
        let used: [ShownRow; 3] = [
            ("space in use", fill.print()),
            ("messages in use", count(fill.messages, settings.messages)),
            ("mailboxes in use", count(fill.mailboxes, settings.mailboxes)),
        ];
        let all: Vec<_> = used
            .into_iter()
            .chain(settings_rows(settings, aliases))
            .chain(loan_rows(lent, borrowed))
            .chain(zone_row(&told.zones))
            .collect();
        format!(
            "{}
{}{}",
            name.reveal(),
            rows(&all),
            doubt::print(&told.old)
        )
    }
}

/// `association remove`.
#[derive(Clone, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RemoveAssociation {
    /// Its name.
    #[serde(with = "revealed")]
    name: Name,
    /// Forget its mailboxes too.
    #[arg(long)]
    #[serde(default)]
    with_mailboxes: bool,
}

impl AdminCommand for RemoveAssociation {
    const WORD: &'static str = "association remove";
    type Told = Changed<Association>;

    fn audience(&self) -> Audience<'_> {
        Audience::Admins
    }

    fn subject(&self) -> Option<String> {
        Some(self.name.reveal().into())
    }

    fn carry_out(&self, executor: &Executor, at: &Moment<'_>) -> Result<Changed<Association>, NotDone> {
        let change = executor.book.remove_association(&self.name, self.with_mailboxes, at.today)?;
        executor.offers.forget(&self.name);
        Ok(Changed::of(change, |association| association))
    }

    fn print(told: &Changed<Association>) -> String {
        print_change(told)
    }
}
