//! Members at the pages: the password that their mail server judges, the session that it begins, and what they see and change in it. The
//! contact of an association whose address is a mailbox here comes in the same way.
//!
//! A password is judged as by every mail protocol (`admission`): the same tries, the same words, the same time for a name that is nobody's.
//! Absent on purpose: incident mode, which has no word here by which its owner could be told.

use std::sync::Arc;

use super::Context;
use super::admission::NoLogin;
use super::clock::today;
use super::desk::Desk;
use super::web_pages::wrong;
use super::web_standing::is_member;
use super::web_visit::{begin, done, form_of, is_in, news, obey, visitor};
use crate::admin::disclose::DiscloseMailbox;
use crate::admin::mailbox::SetMailbox;
use crate::admin::{NotDoneCause, Principal};
use crate::fault::RefusalCode;
use crate::private::{Address, Credential};
use crate::quota::{MailboxEdit, Name};
use crate::web::home::NoPage;
use crate::web::member::{MemberPage, MemberResult};
use crate::web::news::VisitNews;
use crate::web::password::{self, EntryPage, LastTry, NoEntry};
use crate::web::request::FormSender;
use crate::web::session::{FoundVisit, Visitor};
use crate::web::{Body, Keep, WebAnswer, WebRequest, login};
use crate::wire::sasl;

/// The member's page, or the way in.
pub(super) fn member(context: &Arc<Context>, asked: &WebRequest) -> WebAnswer {
    // In a contact's session there is another page for it.
    let own = logged_in(context, asked).and_then(|_| news(context, asked));
    // A member has one form: whatever was done is a change.
    shown(context, asked, |page| page.html(), own.map_or(MemberResult::None, |_| MemberResult::Done))
}

/// All that is held.
pub(super) fn held(context: &Arc<Context>, asked: &WebRequest) -> WebAnswer {
    shown(context, asked, |page| page.held(), MemberResult::None)
}

/// The same as a file.
pub(super) fn download(context: &Arc<Context>, asked: &WebRequest) -> WebAnswer {
    let Some((found, address)) = logged_in(context, asked) else { return way_in(context, asked) };
    let Ok(told) = obey(context, &found.visitor.principal, &DiscloseMailbox { address }) else {
        return wrong(context, asked.lang, NoPage::Missing);
    };
    match serde_json::to_vec_pretty(&told) {
        Ok(text) => WebAnswer { keep: Keep::Never, ..WebAnswer::file(Body::Held, text) },
        // An empty file would say that nothing is held.
        Err(_) => wrong(context, asked.lang, NoPage::Busy),
    }
}

fn shown(
    context: &Arc<Context>,
    asked: &WebRequest,
    page: impl Fn(&MemberPage<'_>) -> String,
    result: MemberResult,
) -> WebAnswer {
    let Some((found, address)) = logged_in(context, asked) else { return way_in(context, asked) };
    let standing = context.book.may_log_in(&address, today());
    let held = obey(context, &found.visitor.principal, &DiscloseMailbox { address });
    let (Ok(held), Ok(standing)) = (held, standing) else { return wrong(context, asked.lang, NoPage::Missing) };
    let (site, lang, form_token) = (&context.web.site, asked.lang, &*found.form_token);
    let answer = WebAnswer::page(page(&MemberPage { site, lang, held: &held, standing, form_token, result }), Keep::Never);
    if result == MemberResult::Failed { WebAnswer { status: 503, ..answer } } else { answer }
}

fn way_in(context: &Context, asked: &WebRequest) -> WebAnswer {
    WebAnswer::page(password::ask(&context.web.site, asked.lang, None), Keep::Never)
}

/// A member, and the mailbox.
fn logged_in(context: &Context, asked: &WebRequest) -> Option<(FoundVisit, Address)> {
    let found = visitor(context, asked)?;
    let address = mailbox(&found)?;
    Some((found, address))
}

fn mailbox(found: &FoundVisit) -> Option<Address> {
    match &found.visitor.principal {
        Principal::Member(address) => Some(address.clone()),
        Principal::Admin | Principal::Contact(_) => None,
    }
}

/// The language of notices.
pub(super) fn set_language(context: &Arc<Context>, asked: &WebRequest) -> WebAnswer {
    let Some(found) = form_of(context, asked) else { return wrong(context, asked.lang, NoPage::Form) };
    let lang = asked.form.field("language").and_then(|word| word.parse().ok());
    let (Some(address), Some(lang)) = (mailbox(&found), lang) else { return wrong(context, asked.lang, NoPage::Form) };
    if !context.web.lock().changes.take(&address, context.web.now()) {
        return wrong(context, asked.lang, NoPage::Busy);
    }
    let command = SetMailbox { address, edit: MailboxEdit { lang: Some(lang), ..MailboxEdit::default() } };
    match obey(context, &found.visitor.principal, &command) {
        Ok(_) => done(context, asked, VisitNews::Changed, EntryPage::Member),
        Err(not_done) if not_done.cause == NotDoneCause::Unwritten => {
            shown(context, asked, |page| page.html(), MemberResult::Failed)
        }
        Err(_) => wrong(context, asked.lang, NoPage::Missing),
    }
}

/// From the own mailbox to an association whose contact it is: another session, which ends when it is that no more.
pub(super) fn to_contact(context: &Arc<Context>, asked: &WebRequest) -> WebAnswer {
    let (token, name) = (asked.form.field("token"), asked.form.field("association").and_then(Name::parse));
    let Some(found) = form_of(context, asked) else {
        let second = token.and_then(|token| is_in(context, asked, token)).filter(|(own, _)| Some(own) == name.as_ref());
        return second.map_or_else(|| wrong(context, asked.lang, NoPage::Form), |(_, there)| there);
    };
    let (Some(address), Some(name)) = (mailbox(&found), name) else { return wrong(context, asked.lang, NoPage::Form) };
    if !context.book.is_contact(&name, &address) {
        return wrong(context, asked.lang, NoPage::Missing);
    }
    begin(context, asked, Visitor { principal: Principal::Contact(name), address }, token)
}

/// A password that was typed.
pub(super) async fn enter(context: &Arc<Context>, desk: &Desk, asked: &WebRequest, entry: EntryPage) -> WebAnswer {
    // From another site, whoever reads there would be logged in as somebody else.
    if asked.sender != FormSender::OwnPage {
        return wrong(context, asked.lang, NoPage::Form);
    }
    let typed = asked.form.field("mailbox").unwrap_or_default().trim();
    let refused = |why: NoEntry| {
        let (site, last) = (&context.web.site, LastTry { typed, why });
        let page = match entry {
            EntryPage::Member => password::ask(site, asked.lang, Some(&last)),
            EntryPage::Contact => login::ask(site, asked.lang, None, Some(&last)),
        };
        WebAnswer::problem(why.status(), page)
    };
    let Some(credential) = credential(typed, asked, desk) else { return refused(NoEntry::Incomplete) };
    let who = match desk.judge(context, credential).await {
        Some(Ok(who)) => who,
        Some(Err(NoLogin::Denied)) => return refused(NoEntry::Refused(RefusalCode::WrongPassword)),
        Some(Err(NoLogin::Untried(code))) => return refused(NoEntry::Refused(code)),
        None => return refused(NoEntry::Slow),
    };
    // The mailbox whose password was proven, and not the one that an alias or a sub-address of this name leads to.
    let address = context.book.mailbox_itself(&who.user).unwrap_or(who.user);
    if !is_member(context, &address) {
        return refused(NoEntry::Incomplete);
    }
    let theirs = if entry == EntryPage::Contact { context.book.contact_of(&address) } else { Vec::new() };
    let principal = match &theirs[..] {
        [(name, _)] => Principal::Contact(name.clone()),
        // Of several, the member's page asks which.
        _ => Principal::Member(address.clone()),
    };
    begin(context, asked, Visitor { principal, address }, None)
}

/// What was typed, as a mail program would send it. None where it can be no login.
fn credential(typed: &str, asked: &WebRequest, desk: &Desk) -> Option<Credential> {
    let credential = sasl::by_password(typed.as_bytes(), asked.form.field("password")?.as_bytes()).ok()?;
    let credential = credential.completed(desk.default_domain.as_deref());
    Address::parse(credential.user.reveal()).is_some().then_some(credential)
}
