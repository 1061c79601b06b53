//! Contacts who lend space to each other at the pages. Who may what is judged by the commands (`crate::admin::offer`).

use std::sync::Arc;

use super::Context;
use super::clock::today;
use super::web_pages::wrong;
use super::web_visit::{form_of, obey, page, unwritable};
use crate::admin::offer::{AcceptLoan, OfferLoan, ReturnLoan, WithdrawOffer};
use crate::admin::{AdminCommand, Principal};
use crate::private::Domain;
use crate::quota::{AdminError, Day, Grant, Limit, Name};
use crate::web::form_result::FormResult;
use crate::web::home::NoPage;
use crate::web::lend::{LendError, LendTyped};
use crate::web::session::FoundVisit;
use crate::web::share::share;
use crate::web::{WebAnswer, WebRequest};

/// Whoever is logged in as a contact, and the association.
fn contact(context: &Context, asked: &WebRequest) -> Option<(FoundVisit, Name)> {
    let found = form_of(context, asked)?;
    let Principal::Contact(name) = &found.visitor.principal else { return None };
    let name = name.clone();
    Some((found, name))
}

/// Offers.
pub(super) fn offer(context: &Arc<Context>, asked: &WebRequest) -> WebAnswer {
    let Some((found, from)) = contact(context, asked) else { return wrong(context, asked.lang, NoPage::Form) };
    let typed = |field: &str| asked.form.field(field).map(|text| text.trim().to_owned());
    let (Some(to), Some(share), Some(until)) = (typed("to"), typed("share"), typed("until")) else {
        return wrong(context, asked.lang, NoPage::Request);
    };
    let typed = LendTyped { to, share, until };
    let refused = |error| page(context, asked.lang, &found, FormResult::LendRefused(error, typed.clone()));
    let command = match read(context, &from, &typed) {
        Ok(command) => command,
        Err(error) => return refused(error),
    };
    match obey(context, &found.visitor.principal, &command) {
        Ok(_) => done(asked),
        // All else was looked at above.
        Err(_) => refused(LendError::Enough),
    }
}

/// What was typed, as a command that can be carried out.
fn read(context: &Context, from: &Name, typed: &LendTyped) -> Result<OfferLoan, LendError> {
    let to = named(context, &typed.to).ok_or(LendError::NoName)?;
    if to == *from {
        return Err(LendError::Itself);
    }
    let size = share(&typed.share, Limit::None).map_err(LendError::Size)?;
    let until = Day::parse(&typed.until).ok_or(LendError::Day)?;
    let command = OfferLoan { from: from.clone(), to, said: typed.to.clone(), size, until };
    match context.book.may_lend(from, Grant { octets: size, until }, today()) {
        Ok(()) => Ok(command),
        Err(AdminError::DayOver) => Err(LendError::Day),
        Err(AdminError::NoLimit) => Err(LendError::NoLimit),
        Err(AdminError::LentAway) => Err(LendError::Size(crate::web::share::ShareError::Above)),
        Err(AdminError::NeedsItself) => Err(LendError::InUse),
        Err(_) => Err(LendError::Gone),
    }
}

/// The association of that name, or of that domain; where there is none, the name of nobody: an offer tells nobody who is here.
fn named(context: &Context, typed: &str) -> Option<Name> {
    let today = today();
    let by_name = Name::parse(typed).filter(|name| context.book.association(name, today).is_ok());
    let by_domain = || Domain::parse(typed).filter(Domain::has_dot).and_then(|domain| context.book.route(&domain, today));
    by_name.or_else(|| by_domain().map(|route| route.association)).or_else(|| Name::parse(typed))
}

/// Takes what was offered.
pub(super) fn accept(context: &Arc<Context>, asked: &WebRequest) -> WebAnswer {
    // Whether it can be lent says whether the other association uses more than that at this very moment.
    if let Some((found, _)) = contact(context, asked)
        && !context.web.lock().changes.take_weighing(&found.visitor.address, context.web.now())
    {
        return wrong(context, asked.lang, NoPage::Busy);
    }
    act(context, asked, "from", LendError::Gone, |from, to, until| {
        let size = asked.form.field("size")?.parse().ok()?;
        Some(AcceptLoan { from, to, size, until })
    })
}

/// Lets an offer be.
pub(super) fn decline(context: &Arc<Context>, asked: &WebRequest) -> WebAnswer {
    act(context, asked, "from", LendError::Gone, |from, to, until| Some(WithdrawOffer { from, to, until }))
}

/// Takes an offer back.
pub(super) fn withdraw(context: &Arc<Context>, asked: &WebRequest) -> WebAnswer {
    act(context, asked, "to", LendError::Gone, |to, from, until| Some(WithdrawOffer { from, to, until }))
}

/// Gives back what was borrowed.
pub(super) fn give_back(context: &Arc<Context>, asked: &WebRequest) -> WebAnswer {
    act(context, asked, "from", LendError::Needed, |from, to, until| Some(ReturnLoan { from, to, until }))
}

/// Carries out what a button says: about the association in `field`, the own one, and a day.
fn act<C: AdminCommand>(
    context: &Arc<Context>,
    asked: &WebRequest,
    field: &str,
    error: LendError,
    command: impl FnOnce(Name, Name, Day) -> Option<C>,
) -> WebAnswer {
    let Some((found, own)) = contact(context, asked) else { return wrong(context, asked.lang, NoPage::Form) };
    let other = asked.form.field(field).and_then(|typed| named(context, typed));
    let until = asked.form.field("until").and_then(Day::parse);
    let Some(command) = other.zip(until).and_then(|(other, until)| command(other, own, until)) else {
        return wrong(context, asked.lang, NoPage::Request);
    };
    match obey(context, &found.visitor.principal, &command) {
        Ok(_) => done(asked),
        Err(_) if context.book.is_unwritable() => unwritable(context, asked, &found),
        Err(_) => page(context, asked.lang, &found, FormResult::LendRefused(error, LendTyped::default())),
    }
}

fn done(asked: &WebRequest) -> WebAnswer {
    WebAnswer::go_to(&format!("/{}/contact/changed", asked.lang.word()))
}
