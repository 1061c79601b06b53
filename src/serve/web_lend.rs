//! Contacts who lend space to each other at the pages. Who may what is judged by the commands (`crate::admin::offer`).

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::time::sleep;

use super::Context;
use super::asked_mail::{AskedMail, send_in_turn};
use super::clock::today;
use super::web_links::pause;
use super::web_pages::wrong;
use super::web_visit::{done, form_of, is_again, may_change, obey, page, unwritten};
use crate::admin::offer::{AcceptLoan, DeclineOffer, LONGEST_SAID, OfferLoan, ReturnLoan, WithdrawOffer};
use crate::admin::{AdminCommand, Moment, NotDoneCause, Principal};
use crate::event::{Provoked, count};
use crate::fault::Lang;
use crate::notice::Notice;
use crate::private::{Address, Domain};
use crate::quota::{AdminError, Day, Limit, Name};
use crate::smtp::delivery::DeliveryOutcome;
use crate::web::form_result::FormResult;
use crate::web::home::NoPage;
use crate::web::lend::{LendError, LendTyped};
use crate::web::news::VisitNews;
use crate::web::password::EntryPage;
use crate::web::session::FoundVisit;
use crate::web::typed_size::{TypedSizeError, read_size};
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
    let (Some(to), Some(size), Some(until)) = (typed("to"), typed("share"), typed("until")) else {
        return wrong(context, asked.lang, NoPage::Request);
    };
    let typed = LendTyped { to, size, until };
    let refused = |error| page(context, asked.lang, &found, FormResult::LendRefused(error, typed.clone()));
    let command = match read(context, &from, &typed) {
        Ok(command) => command,
        Err(error) => return refused(error),
    };
    if !may_change(context, &found) {
        return wrong(context, asked.lang, NoPage::Busy);
    }
    match obey(context, &found.visitor.principal, &command) {
        Ok(_) => {
            tell_other(context, command);
            done(context, asked, VisitNews::Offered, EntryPage::Contact)
        }
        Err(not_done) => refused(not_offered(not_done.cause)),
    }
}

/// Tells the other contact, if there is one. The answer is decided before that is looked up, and what comes next on the same connection waits
/// for none of it: neither tells whether there is one.
fn tell_other(context: &Arc<Context>, offer: OfferLoan) {
    if !context.executor.count_offer(&offer, today()) {
        return;
    }
    let context = context.clone();
    Handle::current().spawn(async move {
        for wait in [pause()].into_iter().chain(AGAIN) {
            sleep(wait).await;
            // Withdrawn, or answered: there is nothing to tell.
            let Some(outcome) = tell_once(&context, &offer).await else { return };
            if !matches!(outcome, DeliveryOutcome::Later | DeliveryOutcome::Down) {
                return;
            }
            // As if it had not been counted: the next offer to the same is told, if this one never is.
            context.executor.uncount_offer(&offer);
            if !context.executor.count_offer(&offer, today()) {
                return;
            }
        }
        context.executor.uncount_offer(&offer);
        count(Provoked::NoticesLost);
    });
}

/// How long a relay that takes no mail has until it is tried again. The offer stands on the other page all the same.
const AGAIN: [Duration; 3] = [Duration::from_secs(20), Duration::from_secs(5 * 60), Duration::from_secs(60 * 60)];

async fn tell_once(context: &Context, offer: &OfferLoan) -> Option<DeliveryOutcome> {
    let contact = offer.to.as_ref().and_then(|to| contact_of(context, to));
    match &contact {
        Some((domain, contact, _)) => send_in_turn(context, (domain, contact), || news(context, offer)).await,
        // There is nobody to tell, which is noted all the same.
        None => news(context, offer).map(|_| DeliveryOutcome::Later),
    }
}

/// The first domain of an association, its contact, and the language of its notices.
fn contact_of(context: &Context, name: &Name) -> Option<(Domain, Address, Lang)> {
    let told = context.book.association(name, today()).ok()?.association;
    Some((told.domains.first()?.clone(), told.contact.clone()?, told.lang))
}

/// What the other contact is told.
fn news(context: &Context, offer: &OfferLoan) -> Option<AskedMail> {
    let backends = context.backends.load();
    let at = Moment { backends: &backends, servers: &[], today: today(), now: Instant::now() };
    let news = context.executor.offer_news(offer, &at)?;
    let (domain, to, lang) = contact_of(context, &news.to)?;
    let link = format!("{}/{}/contact", context.web.site.url, lang.word());
    let notice = Notice::offer([&offer.from, &news.to], news.octets, news.until, &link, lang);
    Some(AskedMail { notice, domain, to })
}

/// Why nothing is offered. What the daemon itself knows of an offer is that there are enough.
fn not_offered(cause: NotDoneCause) -> LendError {
    match cause {
        NotDoneCause::Book(AdminError::DayOver) => LendError::Day,
        NotDoneCause::Book(AdminError::NoLimit) => LendError::NoLimit,
        NotDoneCause::Book(AdminError::LentAway) => LendError::Size(TypedSizeError::Above),
        NotDoneCause::Book(AdminError::NeedsItself) => LendError::InUse,
        NotDoneCause::Book(AdminError::LendsToItself) => LendError::Itself,
        NotDoneCause::Book(_) => LendError::Gone,
        NotDoneCause::Usage | NotDoneCause::Subject | NotDoneCause::Busy | NotDoneCause::Unwritten => LendError::Enough,
    }
}

/// What was typed, as a command.
fn read(context: &Context, from: &Name, typed: &LendTyped) -> Result<OfferLoan, LendError> {
    let is_domain = Domain::parse(&typed.to).is_some_and(|domain| domain.has_dot());
    let to = named(context, &typed.to);
    if (to.is_none() && !is_domain) || typed.to.len() > LONGEST_SAID {
        return Err(LendError::NoName);
    }
    if to.as_ref() == Some(from) {
        return Err(LendError::Itself);
    }
    let size = read_size(&typed.size, Limit::None).map_err(LendError::Size)?;
    let until = Day::parse(&typed.until).ok_or(LendError::Day)?;
    Ok(OfferLoan { from: from.clone(), to, said: typed.to.clone(), size, until })
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
    let command = |own, until| {
        let (from, size) = offered(context, asked)?;
        Some(AcceptLoan { from, to: own, size, until })
    };
    // Whether it can be lent says whether the other association uses more than that at this very moment. Where there is no such offer, nothing is
    // weighed.
    let pays = |found: &FoundVisit, command: &AcceptLoan| {
        !context.executor.is_offered(command, Instant::now(), today())
            || context.web.lock().changes.take_weighing(&found.visitor.address, context.web.now())
    };
    act(context, asked, VisitNews::Changed, command, pays)
}

/// Lets an offer be.
pub(super) fn decline(context: &Arc<Context>, asked: &WebRequest) -> WebAnswer {
    let command = |own, until| {
        let (from, size) = offered(context, asked)?;
        Some(DeclineOffer { from, to: own, size, until })
    };
    act(context, asked, VisitNews::Declined, command, |found, _| may_change(context, found))
}

/// Whose offer, and how much.
fn offered(context: &Context, asked: &WebRequest) -> Option<(Name, u64)> {
    Some((named(context, asked.form.field("from")?)?, asked.form.field("size")?.parse().ok()?))
}

/// Takes an offer back.
pub(super) fn withdraw(context: &Arc<Context>, asked: &WebRequest) -> WebAnswer {
    let command = |own, until| Some(WithdrawOffer { from: own, said: asked.form.field("to")?.into(), until });
    act(context, asked, VisitNews::Withdrawn, command, |found, _| may_change(context, found))
}

/// Gives back what was borrowed.
pub(super) fn give_back(context: &Arc<Context>, asked: &WebRequest) -> WebAnswer {
    let command = |own, until| Some(ReturnLoan { from: named(context, asked.form.field("from")?)?, to: own, until });
    act(context, asked, VisitNews::Changed, command, |found, _| may_change(context, found))
}

/// Carries out what a button says: about the own association, and a day. `news` is what is so then; `pays` is asked of what can be read.
fn act<C: AdminCommand>(
    context: &Arc<Context>,
    asked: &WebRequest,
    news: VisitNews,
    command: impl FnOnce(Name, Day) -> Option<C>,
    pays: impl FnOnce(&FoundVisit, &C) -> bool,
) -> WebAnswer {
    let Some((found, own)) = contact(context, asked) else { return wrong(context, asked.lang, NoPage::Form) };
    let until = asked.form.field("until").and_then(Day::parse);
    let Some(command) = until.and_then(|until| command(own, until)) else { return wrong(context, asked.lang, NoPage::Request) };
    if !pays(&found, &command) {
        return wrong(context, asked.lang, NoPage::Busy);
    }
    let refused = |error| page(context, asked.lang, &found, FormResult::LendRefused(error, LendTyped::default()));
    match obey(context, &found.visitor.principal, &command) {
        Ok(_) => done(context, asked, news, EntryPage::Contact),
        Err(not_done) if is_over(not_done.cause) && is_again(context, asked, news) => {
            done(context, asked, news, EntryPage::Contact)
        }
        Err(not_done) => match not_done.cause {
            NotDoneCause::Unwritten => unwritten(context, asked, &found),
            NotDoneCause::Busy => refused(LendError::BeingTaken),
            NotDoneCause::Book(AdminError::NeedsItself) if C::WORD == ReturnLoan::WORD => refused(LendError::Needed),
            NotDoneCause::Book(_) | NotDoneCause::Usage | NotDoneCause::Subject => refused(LendError::Gone),
        },
    }
}

/// What was to be ended or taken is there no more.
fn is_over(cause: NotDoneCause) -> bool {
    matches!(cause, NotDoneCause::Subject | NotDoneCause::Book(AdminError::NoSuchLoan))
}
