//! Contacts at the pages: the session that a link (`web_links`) or a password begins, and what is changed in it. All of it by the commands that
//! admins give, judged by the same function (`crate::admin::Principal`). Sessions are those of members too (`web_member`).

use std::sync::Arc;

use super::Context;
use super::clock::today;
use super::web_certificates::certificates;
use super::web_pages::wrong;
use super::web_standing::{end_what_fell, is_listed, stands};
use crate::admin::association::{SetAssociation, ShowAssociation};
use crate::admin::mailbox::{ListMailboxes, SetMailbox};
use crate::admin::{AdminCommand, Moment, NotDone, NotDoneCause, Principal};
use crate::fault::Lang;
use crate::private::{Address, Secret};
use crate::quota::{Edit, Limit, MailboxEdit, Name, OwnLimit, Without};
use crate::web::contact::ContactPage;
use crate::web::form_mark::FormMark;
use crate::web::form_result::{FormResult, SizeField};
use crate::web::home::NoPage;
use crate::web::news::VisitNews;
use crate::web::parts::{ListPart, MAILBOXES};
use crate::web::password::EntryPage;
use crate::web::request::FormSender;
use crate::web::session::{FoundVisit, Visitor};
use crate::web::typed_size::{TypedSizeError, read_size};
use crate::web::{CookieChange, Keep, WebAnswer, WebRequest, login};

/// The contact's page, or the way in.
pub(super) fn contact(context: &Arc<Context>, asked: &WebRequest) -> WebAnswer {
    part_of(context, asked, 1)
}

/// It with this part of its mailboxes.
pub(super) fn part_of(context: &Arc<Context>, asked: &WebRequest, part: usize) -> WebAnswer {
    match visitor(context, asked).filter(|found| matches!(found.visitor.principal, Principal::Contact(_))) {
        Some(found) => {
            let result = news(context, asked).map_or(FormResult::None, FormResult::Done);
            page_with(context, asked.lang, &found, result, part)
        }
        None => WebAnswer::page(login::ask(&context.web.site, asked.lang, None, None), Keep::Never),
    }
}

/// What was done in this session just now and was not told yet. To be asked by the page that says it alone: asking tells it.
pub(super) fn news(context: &Context, asked: &WebRequest) -> Option<VisitNews> {
    let cookie = asked.session.as_ref().filter(|_| asked.is_read)?;
    context.web.lock().sessions.news(cookie.reveal(), context.web.now())
}

/// It was done: the page of this session says so once. Elsewhere, so that the back button and a second click send nothing again.
pub(super) fn done(context: &Context, asked: &WebRequest, news: VisitNews, page: EntryPage) -> WebAnswer {
    if let Some(cookie) = &asked.session {
        context.web.lock().sessions.tell(cookie.reveal(), news, FormMark::of(asked.body.reveal()), context.web.now());
    }
    go_to(asked, page)
}

/// Whether that is what was done last in this session, by the very same form: the second of two clicks comes when there is nothing to do any
/// more, and its answer is the one that is seen.
pub(super) fn is_again(context: &Context, asked: &WebRequest, news: VisitNews) -> bool {
    let again = |cookie: &Secret| {
        context.web.lock().sessions.is_again(cookie.reveal(), news, FormMark::of(asked.body.reveal()), context.web.now())
    };
    asked.session.as_ref().is_some_and(again)
}

fn go_to(asked: &WebRequest, page: EntryPage) -> WebAnswer {
    WebAnswer::go_to(&format!("/{}{}", asked.lang.word(), page.path()))
}

/// Begins a session, under a name that nobody had before, whatever cookie came; the one of that cookie ends. Its page is next. `by` is the token
/// that is good for this once.
pub(super) fn begin(context: &Context, asked: &WebRequest, visitor: Visitor, by: Option<&str>) -> WebAnswer {
    let page = match visitor.principal {
        Principal::Contact(_) => EntryPage::Contact,
        Principal::Admin | Principal::Member(_) => EntryPage::Member,
    };
    let mut visits = context.web.lock();
    if let Some(cookie) = &asked.session {
        visits.sessions.end(cookie.reveal());
    }
    match visits.sessions.begin(visitor, by, context.web.now()) {
        Some(token) => WebAnswer { cookie: CookieChange::Set(token), ..go_to(asked, page) },
        None => wrong(context, asked.lang, NoPage::Busy),
    }
}

/// For the second of two clicks that began a session as contact: whoever shows what it was begun by, and the cookie that it got, is in. To
/// everybody else, what was good once is over.
pub(super) fn is_in(context: &Context, asked: &WebRequest, by: &str) -> Option<(Name, WebAnswer)> {
    let cookie = asked.session.as_ref().filter(|_| asked.sender == FormSender::OwnPage)?;
    let found = visitor(context, asked).filter(|_| context.web.lock().sessions.came_by(cookie.reveal(), by))?;
    match found.visitor.principal {
        Principal::Contact(name) => Some((name, go_to(asked, EntryPage::Contact))),
        Principal::Admin | Principal::Member(_) => None,
    }
}

/// Ends the session. Who has none is out already.
pub(super) fn leave(context: &Arc<Context>, asked: &WebRequest) -> WebAnswer {
    let is_out = asked.sender == FormSender::OwnPage && visitor(context, asked).is_none();
    if !is_out && form_of(context, asked).is_none() {
        return wrong(context, asked.lang, NoPage::Form);
    }
    if let Some(cookie) = &asked.session {
        context.web.lock().sessions.end(cookie.reveal());
    }
    WebAnswer { cookie: CookieChange::Gone, ..WebAnswer::go_to(&format!("/{}/", asked.lang.word())) }
}

/// The share of mailboxes that have none of their own.
pub(super) fn set_default(context: &Arc<Context>, asked: &WebRequest) -> WebAnswer {
    let Some(found) = form_of(context, asked) else { return wrong(context, asked.lang, NoPage::Form) };
    // What cannot be read is not nothing: nothing takes a limit away.
    let Some(typed) = asked.form.field("share") else { return wrong(context, asked.lang, NoPage::Request) };
    let limit = match typed_share(context, &found, typed) {
        Ok(None) => Limit::None,
        Ok(Some(octets)) => Limit::At(octets),
        Err(error) => return page(context, asked.lang, &found, FormResult::Refused(SizeField::Default, error, typed.into())),
    };
    change(context, asked, &found, Edit { mailbox_default: Some(limit), ..Edit::default() })
}

/// The language of notices.
pub(super) fn set_language(context: &Arc<Context>, asked: &WebRequest) -> WebAnswer {
    let Some(found) = form_of(context, asked) else { return wrong(context, asked.lang, NoPage::Form) };
    match asked.form.field("language").and_then(|word| word.parse().ok()) {
        Some(lang) => change(context, asked, &found, Edit { lang: Some(lang), ..Edit::default() }),
        None => wrong(context, asked.lang, NoPage::Form),
    }
}

/// The share of one mailbox. One that is not this association's is refused like one that is nowhere.
pub(super) fn set_mailbox(context: &Arc<Context>, asked: &WebRequest) -> WebAnswer {
    let Some(found) = form_of(context, asked) else { return wrong(context, asked.lang, NoPage::Form) };
    let Some(typed) = asked.form.field("share") else { return wrong(context, asked.lang, NoPage::Request) };
    let listed =
        |address: &Address| matches!(&found.visitor.principal, Principal::Contact(name) if is_listed(context, name, address));
    let Some(address) = asked.form.field("address").and_then(Address::parse).filter(listed) else {
        return wrong(context, asked.lang, NoPage::Missing);
    };
    let storage = match typed_share(context, &found, typed) {
        Ok(None) => OwnLimit::Default,
        Ok(Some(octets)) => OwnLimit::Own(Limit::At(octets)),
        Err(error) => {
            return page(context, asked.lang, &found, FormResult::Refused(SizeField::Mailbox(address), error, typed.into()));
        }
    };
    if !may_change(context, &found) {
        return wrong(context, asked.lang, NoPage::Busy);
    }
    let command = SetMailbox { address, edit: MailboxEdit { storage: Some(storage), ..MailboxEdit::default() } };
    let answer = told(context, asked, &found, obey(context, &found.visitor.principal, &command).map(drop));
    // Back to where it was pressed.
    match asked.form.field("part").and_then(ListPart::parse).filter(|_| answer.status == 303) {
        Some(part) => WebAnswer { location: Some(format!("/{}{MAILBOXES}/{part}", asked.lang.word())), ..answer },
        None => answer,
    }
}

/// Whether this contact may keep the disk busy once more.
pub(super) fn may_change(context: &Context, found: &FoundVisit) -> bool {
    context.web.lock().changes.take_sharing(&found.visitor.address, context.web.now())
}

fn change(context: &Arc<Context>, asked: &WebRequest, found: &FoundVisit, edit: Edit) -> WebAnswer {
    let Principal::Contact(name) = &found.visitor.principal else { return wrong(context, asked.lang, NoPage::Form) };
    if !may_change(context, found) {
        return wrong(context, asked.lang, NoPage::Busy);
    }
    let command = SetAssociation { name: name.clone(), edit: Box::new(edit), without: Without::default() };
    told(context, asked, found, obey(context, &found.visitor.principal, &command).map(drop))
}

fn told(context: &Arc<Context>, asked: &WebRequest, found: &FoundVisit, came: Result<(), NotDone>) -> WebAnswer {
    match came {
        Ok(()) => done(context, asked, VisitNews::Changed, EntryPage::Contact),
        Err(not_done) if not_done.cause == NotDoneCause::Unwritten => unwritten(context, asked, found),
        // It is gone meanwhile, or never was theirs.
        Err(_) => wrong(context, asked.lang, NoPage::Missing),
    }
}

/// It could not be written down, here or where a copy is kept.
pub(super) fn unwritten(context: &Arc<Context>, asked: &WebRequest, found: &FoundVisit) -> WebAnswer {
    WebAnswer { status: 503, ..page(context, asked.lang, found, FormResult::Failed) }
}

/// The size that was typed, within what the association has; none where nothing was typed.
fn typed_share(context: &Context, found: &FoundVisit, typed: &str) -> Result<Option<u64>, TypedSizeError> {
    if typed.trim().is_empty() {
        return Ok(None);
    }
    let most = match &found.visitor.principal {
        Principal::Contact(name) => context.book.association(name, today()).map(|view| view.storage),
        Principal::Admin | Principal::Member(_) => Ok(Limit::None),
    };
    // Gone meanwhile: nothing can be shared out.
    read_size(typed, most.unwrap_or(Limit::At(0))).map(Some)
}

pub(super) fn page(context: &Arc<Context>, lang: Lang, found: &FoundVisit, result: FormResult) -> WebAnswer {
    page_with(context, lang, found, result, 1)
}

fn page_with(context: &Arc<Context>, lang: Lang, found: &FoundVisit, result: FormResult, part: usize) -> WebAnswer {
    let principal = &found.visitor.principal;
    let Principal::Contact(name) = principal else { return wrong(context, lang, NoPage::Missing) };
    let _turn = context.web.turn(name);
    let association = obey(context, principal, &ShowAssociation { name: name.clone() });
    let mailboxes = obey(context, principal, &ListMailboxes { association: Some(name.clone()) });
    let (Ok(association), Ok(mailboxes)) = (association, mailboxes) else { return wrong(context, lang, NoPage::Missing) };
    let refused = match result {
        FormResult::Refused(..)
        | FormResult::LendRefused(..)
        | FormResult::HandOverRefused(..)
        | FormResult::MoreSpaceRefused(..)
        | FormResult::NotFound(_) => true,
        FormResult::None | FormResult::Done(_) | FormResult::Failed => false,
    };
    let page = ContactPage {
        site: &context.web.site,
        lang,
        association: &association.association,
        old: !association.old.is_empty(),
        mailboxes: &mailboxes.mailboxes,
        offers: [&association.offered, &association.offers],
        more_offers: association.more_offers,
        certificates: &certificates(context, &association.association),
        zones: &association.zones,
        form_token: &found.form_token,
        standing: association.association.settings.state.standing(today()),
        sending: context.book.sending_of_persons(association.association.settings.sending),
        part,
        result,
    };
    let answer = WebAnswer::page(page.html(), Keep::Never);
    if refused { WebAnswer { status: 422, ..answer } } else { answer }
}

pub(super) fn obey<C: AdminCommand>(context: &Context, principal: &Principal, command: &C) -> Result<C::Told, NotDone> {
    let backends = context.backends.load();
    let at = Moment { backends: &backends, servers: &context.servers(&backends), today: today(), now: std::time::Instant::now() };
    let told = context.executor.obey(principal, command, &at);
    if !C::LOOKS {
        end_what_fell(context);
    }
    told
}

/// Who is logged in. Not any more whom the association has another contact than, nor a member whose mailbox is gone or whose association is
/// suspended.
pub(super) fn visitor(context: &Context, asked: &WebRequest) -> Option<FoundVisit> {
    let cookie = asked.session.as_ref()?.reveal();
    let found = context.web.lock().sessions.find(cookie, context.web.now())?;
    let stands = stands(context, &found.visitor);
    if !stands {
        context.web.lock().sessions.end(cookie);
    }
    stands.then_some(found)
}

/// Who sent a form of a page of ours, made in this very session. What the form before it did is told no more: the next page says what came of
/// this one.
pub(super) fn form_of(context: &Context, asked: &WebRequest) -> Option<FoundVisit> {
    let (token, cookie) = (asked.form.field("token")?, asked.session.as_ref()?);
    let own = asked.sender == FormSender::OwnPage && context.web.lock().sessions.sent_by(cookie.reveal(), token);
    let found = own.then(|| visitor(context, asked)).flatten()?;
    let _ = context.web.lock().sessions.news(cookie.reveal(), context.web.now());
    Some(found)
}
