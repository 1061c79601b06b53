//! Contacts at the pages: the link that is asked for, the session that it begins, and what is changed in it. All of it by the commands that
//! admins give, judged by the same function (`crate::admin::Principal`). Sessions are those of members too (`web_member`).

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::sleep;

use super::Context;
use super::clock::today;
use super::notices::send_now;
use super::web_certificates::certificates;
use super::web_pages::wrong;
use super::web_standing::{end_what_fell, is_listed, stands};
use crate::admin::association::{SetAssociation, ShowAssociation};
use crate::admin::mailbox::{ListMailboxes, SetMailbox};
use crate::admin::{AdminCommand, DeclineCause, Declined, Moment, Principal};
use crate::fault::Lang;
use crate::notice::Notice;
use crate::private::{Address, Domain};
use crate::quota::{Edit, Limit, MailboxEdit, Name, OwnLimit, Without};
use crate::web::contact::ContactPage;
use crate::web::form_result::{FormResult, ShareField};
use crate::web::home::NoPage;
use crate::web::password::EntryPage;
use crate::web::request::FormSender;
use crate::web::session::{FoundVisit, VisitToken, Visitor};
use crate::web::share::{ShareError, share};
use crate::web::{CookieChange, Keep, WebAnswer, WebRequest, login};

/// Associations of one contact to which links are sent at once.
const LINKS: usize = 5;

/// The contact's page, or the way in.
pub(super) fn contact(context: &Arc<Context>, asked: &WebRequest) -> WebAnswer {
    shown(context, asked, FormResult::None)
}

/// The same after a change.
pub(super) fn changed(context: &Arc<Context>, asked: &WebRequest) -> WebAnswer {
    shown(context, asked, FormResult::Done)
}

/// The same after an offer, which changes nothing yet.
pub(super) fn offered(context: &Arc<Context>, asked: &WebRequest) -> WebAnswer {
    shown(context, asked, FormResult::Offered)
}

/// The same after an offer was taken back.
pub(super) fn withdrawn(context: &Arc<Context>, asked: &WebRequest) -> WebAnswer {
    shown(context, asked, FormResult::Withdrawn)
}

/// The same after an offer was let be.
pub(super) fn declined(context: &Arc<Context>, asked: &WebRequest) -> WebAnswer {
    shown(context, asked, FormResult::Declined)
}

fn shown(context: &Arc<Context>, asked: &WebRequest, came: FormResult) -> WebAnswer {
    match visitor(context, asked).filter(|found| matches!(found.visitor.principal, Principal::Contact(_))) {
        Some(found) => page(context, asked.lang, &found, came),
        None => WebAnswer::page(login::ask(&context.web.site, asked.lang, None, None), Keep::Never),
    }
}

/// Sends links, if there is anybody to send them to. What is answered is decided before that is looked up.
pub(super) fn ask_link(context: &Arc<Context>, asked: &WebRequest) -> WebAnswer {
    if asked.sender != FormSender::OwnPage {
        return wrong(context, asked.lang, NoPage::Form);
    }
    let typed = asked.form.field("address").unwrap_or_default().trim();
    let Some(address) = Address::parse(typed) else {
        return WebAnswer::problem(422, login::ask(&context.web.site, asked.lang, Some(typed), None));
    };
    let links = links_for(context, &address);
    if !links.is_empty() {
        let (context, lang) = (context.clone(), asked.lang);
        Handle::current().spawn(async move {
            // Not at once: what comes next on the same connection would wait for it, and that could be timed.
            sleep(pause()).await;
            // Where too many are under way, this one is lost; the page says to ask again.
            if let Ok(place) = context.web.mails.clone().try_acquire_owned() {
                send_links(&context, &address, links, lang).await;
                drop(place);
            }
        });
    }
    WebAnswer::page(login::asked(&context.web.site, asked.lang), Keep::Never)
}

/// A link on its way to the contact of an association.
struct LinkMail {
    name: Name,
    domain: Domain,
    token: VisitToken,
}

/// New links, for a few of the associations whose contact this is. Of those that have a fresh one none is made, so that the others have
/// their turn, and so that asking again and again makes no more of them.
fn links_for(context: &Context, address: &Address) -> Vec<LinkMail> {
    let (theirs, now) = (context.book.contact_of(address), context.web.now());
    let make = |(name, domain): (Name, Domain)| {
        let token = context.web.lock().links.make(&name, address, now)?;
        Some(LinkMail { name, domain, token })
    };
    theirs.into_iter().filter_map(make).take(LINKS).collect()
}

/// Between one and four seconds. Without randomness the longest.
pub(super) fn pause() -> Duration {
    let mut byte = [255];
    let _ = aws_lc_rs::rand::fill(&mut byte);
    Duration::from_secs(1) + Duration::from_millis(12) * u32::from(byte[0])
}

async fn send_links(context: &Context, address: &Address, links: Vec<LinkMail>, lang: Lang) {
    for LinkMail { name, domain, token } in links {
        let link = format!("{}/{}/enter/{}", context.web.site.url, lang.word(), token.reveal().as_str());
        send_now(context, Notice::login(&name, &link, lang), &domain, address).await;
    }
}

/// Shows the button, and spends nothing.
pub(super) fn enter(context: &Arc<Context>, asked: &WebRequest) -> WebAnswer {
    let token = asked.rest.reveal();
    let good = context.web.lock().links.is_open(token, context.web.now());
    match std::str::from_utf8(token) {
        Ok(text) if good => WebAnswer::page(login::enter(&context.web.site, asked.lang, text), Keep::Never),
        _ => WebAnswer::problem(404, login::over(&context.web.site, asked.lang)),
    }
}

/// Spends the link. The session has a name that nobody had before, whatever cookie came; the one of that cookie ends.
pub(super) fn spend(context: &Arc<Context>, asked: &WebRequest) -> WebAnswer {
    if asked.sender != FormSender::OwnPage {
        return wrong(context, asked.lang, NoPage::Form);
    }
    let (now, token) = (context.web.now(), asked.form.field("link").unwrap_or_default());
    let spent = context.web.lock().links.spend(token.as_bytes(), now);
    let Some((name, address)) = spent.filter(|(name, address)| context.book.is_contact(name, address)) else {
        return WebAnswer::problem(404, login::over(&context.web.site, asked.lang));
    };
    begin(context, asked, Visitor { principal: Principal::Contact(name), address })
}

/// Begins a session, under a name that nobody had before, whatever cookie came; the one of that cookie ends. Its page is next.
pub(super) fn begin(context: &Context, asked: &WebRequest, visitor: Visitor) -> WebAnswer {
    let page = match visitor.principal {
        Principal::Contact(_) => EntryPage::Contact.path(),
        Principal::Admin | Principal::Member(_) => EntryPage::Member.path(),
    };
    let mut visits = context.web.lock();
    if let Some(cookie) = &asked.session {
        visits.sessions.end(cookie.reveal());
    }
    match visits.sessions.begin(visitor, context.web.now()) {
        Some(token) => {
            WebAnswer { cookie: CookieChange::Set(token), ..WebAnswer::go_to(&format!("/{}{page}", asked.lang.word())) }
        }
        None => wrong(context, asked.lang, NoPage::Busy),
    }
}

/// Ends the session.
pub(super) fn leave(context: &Arc<Context>, asked: &WebRequest) -> WebAnswer {
    if form_of(context, asked).is_none() {
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
        Err(error) => return page(context, asked.lang, &found, FormResult::Refused(ShareField::Default, error, typed.into())),
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
            return page(context, asked.lang, &found, FormResult::Refused(ShareField::Mailbox(address), error, typed.into()));
        }
    };
    let command = SetMailbox { address, edit: MailboxEdit { storage: Some(storage), ..MailboxEdit::default() } };
    told(context, asked, &found, obey(context, &found.visitor.principal, &command).map(drop))
}

fn change(context: &Arc<Context>, asked: &WebRequest, found: &FoundVisit, edit: Edit) -> WebAnswer {
    let Principal::Contact(name) = &found.visitor.principal else { return wrong(context, asked.lang, NoPage::Form) };
    let command = SetAssociation { name: name.clone(), edit: Box::new(edit), without: Without::default() };
    told(context, asked, found, obey(context, &found.visitor.principal, &command).map(drop))
}

fn told(context: &Arc<Context>, asked: &WebRequest, found: &FoundVisit, done: Result<(), Declined>) -> WebAnswer {
    match done {
        // Elsewhere, so that the back button and a second click send nothing again.
        Ok(()) => WebAnswer::go_to(&format!("/{}/contact/changed", asked.lang.word())),
        Err(declined) if declined.cause == DeclineCause::Unwritten => unwritten(context, asked, found),
        // It is gone meanwhile, or never was theirs.
        Err(_) => wrong(context, asked.lang, NoPage::Missing),
    }
}

/// It could not be written down, here or where a copy is kept.
pub(super) fn unwritten(context: &Arc<Context>, asked: &WebRequest, found: &FoundVisit) -> WebAnswer {
    WebAnswer { status: 503, ..page(context, asked.lang, found, FormResult::Failed) }
}

/// The size that was typed, within what the association has; none where nothing was typed.
fn typed_share(context: &Context, found: &FoundVisit, typed: &str) -> Result<Option<u64>, ShareError> {
    if typed.trim().is_empty() {
        return Ok(None);
    }
    let most = match &found.visitor.principal {
        Principal::Contact(name) => context.book.association(name, today()).map(|view| view.storage),
        Principal::Admin | Principal::Member(_) => Ok(Limit::None),
    };
    // Gone meanwhile: nothing can be shared out.
    share(typed, most.unwrap_or(Limit::At(0))).map(Some)
}

pub(super) fn page(context: &Arc<Context>, lang: Lang, found: &FoundVisit, result: FormResult) -> WebAnswer {
    let principal = &found.visitor.principal;
    let Principal::Contact(name) = principal else { return wrong(context, lang, NoPage::Missing) };
    let association = obey(context, principal, &ShowAssociation { name: name.clone() });
    let mailboxes = obey(context, principal, &ListMailboxes { association: Some(name.clone()) });
    let (Ok(association), Ok(mailboxes)) = (association, mailboxes) else { return wrong(context, lang, NoPage::Missing) };
    let refused = matches!(result, FormResult::Refused(..) | FormResult::LendRefused(..) | FormResult::HandOverRefused(_));
    let page = ContactPage {
        site: &context.web.site,
        lang,
        association: &association.association,
        mailboxes: &mailboxes.mailboxes,
        offers: [&association.offered, &association.offers],
        certificates: &certificates(context, &association.association),
        form_token: &found.form_token,
        result,
    };
    let answer = WebAnswer::page(page.html(), Keep::Never);
    if refused { WebAnswer { status: 422, ..answer } } else { answer }
}

pub(super) fn obey<C: AdminCommand>(context: &Context, principal: &Principal, command: &C) -> Result<C::Told, Declined> {
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

/// Who sent a form of a page of ours, made in this very session.
pub(super) fn form_of(context: &Context, asked: &WebRequest) -> Option<FoundVisit> {
    let token = asked.form.field("token")?;
    let own = asked.sender == FormSender::OwnPage && context.web.lock().sessions.sent_by(asked.session.as_ref()?.reveal(), token);
    own.then(|| visitor(context, asked)).flatten()
}
