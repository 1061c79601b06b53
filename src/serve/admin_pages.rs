//! What admins' pages are answered with: the same commands as on the command line, given as [`Principal::Admin`], which the socket vouches
//! for ([`admin_web`](super::admin_web)). No cookie and no session: whoever comes is an admin already. What a form needs is that one of these
//! pages sent it, with the token of this run in it.

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::extract::{Request, State};
use axum::routing::{get, post};

use super::Context;
use super::admin_typed::{Misfit, Typed};
use super::web_pages::{style, wrong_among};
use super::web_standing::is_listed;
use super::web_table::{PageAnswerer, PathRest, answered, aside, rest};
use super::web_visit::obey;
use crate::admin::association::{SetAssociation, ShowAssociation};
use crate::admin::grant::GrantAssociation;
use crate::admin::mailbox::{ListMailboxes, SetMailbox};
use crate::admin::status::ShowStatus;
use crate::admin::{NotDone, Principal};
use crate::fault::Lang;
use crate::private::Address;
use crate::quota::{Edit, Limit, MailboxEdit, Name, OwnLimit, Without};
use crate::web::admin_association::AdminAssociationPage;
use crate::web::admin_form::{AdminForm, AdminResult, SENDING};
use crate::web::form_mark::FormMark;
use crate::web::home::NoPage;
use crate::web::layout::{Style, say};
use crate::web::news::Click;
use crate::web::request::FormSender;
use crate::web::{Keep, WebAnswer, WebRequest, admin_home};

/// The table, for one connection.
pub(super) fn table(context: Arc<Context>) -> Router {
    static TABLE: OnceLock<Router<Arc<Context>>> = OnceLock::new();
    TABLE.get_or_init(whole).clone().with_state(context)
}

fn whole() -> Router<Arc<Context>> {
    let show = |page: PageAnswerer| {
        get(async move |State(context): State<Arc<Context>>, path: PathRest, request: Request| {
            aside(context, request, rest(path), Style::Admins, page).await
        })
    };
    let plain = |page: PageAnswerer| {
        get(async move |State(context): State<Arc<Context>>, request: Request| {
            aside(context, request, String::new(), Style::Admins, page).await
        })
    };
    let mut table = Router::new().route("/style.css", plain(style));
    for lang in ["", "/en", "/fr"] {
        let at = |path: &str| format!("{lang}{path}");
        table = table.route(&at("/"), plain(home)).route(&at("/association/{name}"), show(association));
        for form in AdminForm::ALL {
            let change = async move |State(context): State<Arc<Context>>, path: PathRest, request: Request| {
                aside(context, request, rest(path), Style::Admins, CHANGES[form as usize]).await
            };
            table = table.route(&at(&format!("/association/{{name}}/{}", form.word())), post(change));
        }
    }
    table
        .fallback(async |State(context): State<Arc<Context>>, request: Request| {
            answered(context, request, String::new(), Style::Admins, |context, asked| {
                nothing(context, asked.lang, NoPage::Missing)
            })
            .await
        })
        .method_not_allowed_fallback(async |State(context): State<Arc<Context>>, request: Request| {
            answered(context, request, String::new(), Style::Admins, |context, asked| {
                nothing(context, asked.lang, NoPage::Method)
            })
            .await
        })
}

/// By [`AdminForm`].
const CHANGES: [PageAnswerer; AdminForm::ALL.len()] = [
    |context, asked| change(context, asked, AdminForm::Limits),
    |context, asked| change(context, asked, AdminForm::Grant),
    |context, asked| change(context, asked, AdminForm::State),
    |context, asked| change(context, asked, AdminForm::Contact),
    |context, asked| change(context, asked, AdminForm::Sending),
    |context, asked| change(context, asked, AdminForm::Mailbox),
];

fn nothing(context: &Context, lang: Lang, what: NoPage) -> WebAnswer {
    wrong_among(context, lang, what, Style::Admins)
}

fn home(context: &Arc<Context>, asked: &WebRequest) -> WebAnswer {
    match obey(context, &Principal::Admin, &ShowStatus {}) {
        Ok(told) => WebAnswer::page(admin_home::home(&context.web.site, asked.lang, &told), Keep::Never),
        Err(_) => nothing(context, asked.lang, NoPage::Busy),
    }
}

fn association(context: &Arc<Context>, asked: &WebRequest) -> WebAnswer {
    let told = named(asked).filter(|_| asked.is_read);
    let changed = told.is_some_and(|name| context.web.lock().admin_news.take(&name, context.web.now()));
    shown(context, asked, if changed { AdminResult::Done } else { AdminResult::None })
}

/// The association that the path names.
fn named(asked: &WebRequest) -> Option<Name> {
    std::str::from_utf8(asked.rest.reveal()).ok().and_then(Name::parse)
}

fn shown(context: &Arc<Context>, asked: &WebRequest, result: AdminResult<'_>) -> WebAnswer {
    let Some(name) = named(asked) else { return nothing(context, asked.lang, NoPage::Missing) };
    let association = obey(context, &Principal::Admin, &ShowAssociation { name: name.clone() });
    let mailboxes = obey(context, &Principal::Admin, &ListMailboxes { association: Some(name) });
    let (Ok(association), Ok(mailboxes)) = (association, mailboxes) else {
        return nothing(context, asked.lang, NoPage::Missing);
    };
    let token = context.web.admin_form.as_ref().map(|token| token.reveal()).unwrap_or_default();
    let refused = matches!(result, AdminResult::Refused(..));
    let page = AdminAssociationPage {
        site: &context.web.site,
        lang: asked.lang,
        association: &association.association,
        old: !association.old.is_empty(),
        mailboxes: &mailboxes.mailboxes,
        form_token: &token,
        result,
    };
    let answer = WebAnswer::page(page.html(), Keep::Never);
    if refused { WebAnswer { status: 422, ..answer } } else { answer }
}

fn change(context: &Arc<Context>, asked: &WebRequest, form: AdminForm) -> WebAnswer {
    let token = asked.form.field("token");
    let own = context.web.admin_form.as_ref().zip(token).is_some_and(|(own, token)| own.is(token));
    if asked.sender != FormSender::OwnPage || !own {
        return nothing(context, asked.lang, NoPage::Form);
    }
    let Some(name) = named(asked) else { return nothing(context, asked.lang, NoPage::Missing) };
    let (mark, now) = (FormMark::of(asked.body.reveal()), context.web.now());
    let click = {
        let news = &mut context.web.lock().admin_news;
        // What the form before it did is told no more: the next page says what came of this one.
        let _ = news.take(&name, now);
        // Twice the same would be another one, or the end of one that is over.
        if form == AdminForm::Grant { news.begin(&name, form.word(), mark, now) } else { Click::First }
    };
    let done = match click {
        Click::First => carry_out(context, asked, &name, form),
        Click::UnderWay => return nothing(context, asked.lang, NoPage::Busy),
        Click::Done => Ok(()),
    };
    {
        let news = &mut context.web.lock().admin_news;
        if click == Click::First {
            news.end(mark);
        }
        if done.is_ok() {
            news.put(&name, form.word(), mark, now);
        }
    }
    match done {
        // Elsewhere, so that the back button and a second click send nothing again.
        Ok(()) => WebAnswer::go_to(&format!("/{}/association/{}", asked.lang.word(), name.reveal())),
        Err(Misfit(field, why)) => shown(context, asked, AdminResult::Refused(form, field, why, &asked.form)),
    }
}

fn carry_out(context: &Arc<Context>, asked: &WebRequest, name: &Name, form: AdminForm) -> Result<(), Misfit> {
    let typed = Typed { form: &asked.form, lang: asked.lang };
    match form {
        AdminForm::Limits => typed.limits().and_then(|edit| set(context, name, edit, Without::default(), "storage")),
        AdminForm::Grant => grant(context, name, &typed),
        AdminForm::State => typed.state().and_then(|edit| set(context, name, edit, Without::default(), "state")),
        AdminForm::Contact => typed.contact().and_then(|(edit, without)| set(context, name, edit, without, "contact")),
        AdminForm::Sending => typed.sending().and_then(|edit| set(context, name, edit, Without::default(), SENDING[0])),
        AdminForm::Mailbox => mailbox(context, name, &typed),
    }
}

fn set(context: &Context, name: &Name, edit: Edit, without: Without, field: &'static str) -> Result<(), Misfit> {
    if edit == Edit::default() && without == Without::default() {
        return Ok(());
    }
    let command = SetAssociation { name: name.clone(), edit: Box::new(edit), without };
    obey(context, &Principal::Admin, &command).map(drop).map_err(|not_done| misfit(field, not_done))
}

fn grant(context: &Context, name: &Name, typed: &Typed<'_>) -> Result<(), Misfit> {
    let taken_back = typed.form.field("size").is_some_and(|size| size.trim() == "0");
    let size = if taken_back { 0 } else { typed.size("size")?.ok_or_else(|| typed.no_size("size"))? };
    let until = typed.day("until")?.ok_or_else(|| typed.no_day("until"))?;
    let command = GrantAssociation { name: name.clone(), size, until };
    obey(context, &Principal::Admin, &command).map(drop).map_err(|not_done| misfit("until", not_done))
}

fn mailbox(context: &Context, name: &Name, typed: &Typed<'_>) -> Result<(), Misfit> {
    let gone = || Misfit("share", say(typed.lang, "There is no such mailbox.", "Cette boîte n'existe pas."));
    let listed = |address: &Address| is_listed(context, name, address);
    let address = typed.form.field("address").and_then(Address::parse).filter(listed).ok_or_else(gone)?;
    let storage = match typed.touched("share") {
        None => None,
        Some(_) => Some(typed.size("share")?.map_or(OwnLimit::Default, |octets| OwnLimit::Own(Limit::At(octets)))),
    };
    let sending = typed.word("sending", "share")?;
    let edit = MailboxEdit { storage, sending, ..MailboxEdit::default() };
    if edit == MailboxEdit::default() {
        return Ok(());
    }
    let command = SetMailbox { address, edit };
    obey(context, &Principal::Admin, &command).map(drop).map_err(|not_done| misfit("share", not_done))
}

/// The command's own words: they are for admins, and in English.
fn misfit(field: &'static str, not_done: NotDone) -> Misfit {
    Misfit(field, not_done.text)
}
