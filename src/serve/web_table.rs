//! Which path is answered by what (axum's table), and HTTP around it: what of a request is looked at, what every response says.

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Version, header};
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};

use super::Context;
use super::desk::Desk;
use super::web_contact as own;
use super::web_member as member;
use super::web_pages as pages;
use super::web_response::{COOKIE, response};
use super::web_visit as visit;
use super::{web_hand_over as hand_over, web_lend as lend, web_links as links, web_more_space as more_space};
use crate::fault::Lang;
use crate::private::Secret;
use crate::web::WebAnswer;
use crate::web::home::NoPage;
use crate::web::layout::Style;
use crate::web::password::EntryPage;
use crate::web::request::{self, MAX_BODY, WebForm, WebRequest};

/// What answers a request.
pub(super) type PageAnswerer = fn(&Arc<Context>, &WebRequest) -> WebAnswer;

/// The table, for one connection.
pub(super) fn table(context: Arc<Context>) -> Router {
    // Made once: it is the same for all.
    static TABLE: OnceLock<Router<Arc<Context>>> = OnceLock::new();
    TABLE.get_or_init(whole).clone().with_state(context)
}

/// What the table does not have is a page that says so.
fn whole() -> Router<Arc<Context>> {
    let mut table = Router::new()
        .route("/style.css", show(pages::style))
        .route("/mail/config-v1.1.xml", show(pages::autoconfig))
        .route("/.well-known/autoconfig/mail/config-v1.1.xml", show(pages::autoconfig))
        .route("/.well-known/mail-v1.xml", show(pages::autoconfig))
        .route("/.well-known/user-agent-configuration.json", show(pages::pacc))
        .route("/autodiscover/autodiscover.xml", take(pages::autodiscover))
        .route("/Autodiscover/Autodiscover.xml", take(pages::autodiscover))
        .route("/mail.mobileconfig", show(pages::profile))
        .route("/mail.mobileconfig.svg", show(pages::profile_code));
    // In the language that the browser likes, in English, in French.
    for lang in ["", "/en", "/fr"] {
        let at = |path: &str| format!("{lang}{path}");
        table = table
            .route(&at("/"), show(pages::home))
            .route(&at("/help"), show(pages::help))
            .route(&at("/programs"), show(pages::programs))
            .route(&at("/statement"), show(pages::statement))
            .route(&at("/contact"), show_kept(visit::contact))
            .route(&at("/contact/mailboxes/{part}"), show_kept_at(own::mailboxes))
            .route(&at("/contact/find"), take_kept(own::find))
            .route(&at("/contact/held.json"), show_kept(own::download))
            .route(&at("/contact/link"), take_kept(links::ask_link))
            .route(&at("/contact/default"), take_kept(visit::set_default))
            .route(&at("/contact/mailbox"), take_kept(visit::set_mailbox))
            .route(&at("/contact/language"), take_kept(visit::set_language))
            .route(&at("/contact/enter"), post(log_in_as_contact))
            .route(&at("/member"), show_kept(member::member))
            .route(&at("/member/held"), show_kept(member::held))
            .route(&at("/member/held.json"), show_kept(member::download))
            .route(&at("/member/enter"), post(log_in))
            .route(&at("/member/language"), take_kept(member::set_language))
            .route(&at("/member/contact"), take_kept(member::to_contact))
            .route(&at("/contact/lend/offer"), take_kept(lend::offer))
            .route(&at("/contact/lend/accept"), take_kept(lend::accept))
            .route(&at("/contact/lend/decline"), take_kept(lend::decline))
            .route(&at("/contact/lend/withdraw"), take_kept(lend::withdraw))
            .route(&at("/contact/lend/return"), take_kept(lend::give_back))
            .route(&at("/contact/more"), take_kept(more_space::ask))
            .route(&at("/contact/hand-over"), take_kept(hand_over::ask))
            .route(&at("/confirm"), take_kept(hand_over::confirm))
            .route(&at("/confirm/{link}"), follow(hand_over::look))
            .route(&at("/enter"), take_kept(links::spend))
            .route(&at("/enter/{link}"), follow(links::enter))
            .route(&at("/leave"), take_kept(visit::leave));
    }
    table
        .fallback(async |State(context): State<Arc<Context>>, request: Request| {
            answered(context, request, String::new(), Style::Linked, |context, asked| {
                pages::wrong(context, asked.lang, NoPage::Missing)
            })
            .await
        })
        .method_not_allowed_fallback(async |State(context): State<Arc<Context>>, request: Request| {
            answered(context, request, String::new(), Style::Linked, |context, asked| {
                pages::wrong(context, asked.lang, NoPage::Method)
            })
            .await
        })
}

/// A page that is made at once.
fn show(page: PageAnswerer) -> MethodRouter<Arc<Context>> {
    get(async move |State(context): State<Arc<Context>>, request: Request| {
        answered(context, request, String::new(), Style::Linked, page).await
    })
}

/// The answer to a form, at once.
fn take(page: PageAnswerer) -> MethodRouter<Arc<Context>> {
    post(async move |State(context): State<Arc<Context>>, request: Request| {
        answered(context, request, String::new(), Style::Linked, page).await
    })
}

/// A page of the book's, which may be long.
fn show_kept(page: PageAnswerer) -> MethodRouter<Arc<Context>> {
    get(async move |State(context): State<Arc<Context>>, request: Request| {
        aside(context, request, String::new(), Style::Linked, page).await
    })
}

/// The same of something that the path ends with.
fn show_kept_at(page: PageAnswerer) -> MethodRouter<Arc<Context>> {
    get(async move |State(context): State<Arc<Context>>, path: PathRest, request: Request| {
        aside(context, request, rest(path), Style::Linked, page).await
    })
}

/// The answer to a form that changes the book, which waits for the disk.
fn take_kept(page: PageAnswerer) -> MethodRouter<Arc<Context>> {
    post(async move |State(context): State<Arc<Context>>, request: Request| {
        aside(context, request, String::new(), Style::Linked, page).await
    })
}

/// What follows the path. What is no text is nothing of ours.
pub(super) type PathRest = Result<Path<String>, PathRejection>;

/// It, or nothing.
pub(super) fn rest(rest: PathRest) -> String {
    rest.map_or_else(|_| String::new(), |Path(rest)| rest)
}

/// A link that was mailed.
fn follow(page: PageAnswerer) -> MethodRouter<Arc<Context>> {
    get(async move |State(context): State<Arc<Context>>, link: PathRest, request: Request| {
        answered(context, request, rest(link), Style::Linked, page).await
    })
}

async fn log_in(State(context): State<Arc<Context>>, request: Request) -> Response {
    judged(context, request, EntryPage::Member).await
}

async fn log_in_as_contact(State(context): State<Arc<Context>>, request: Request) -> Response {
    judged(context, request, EntryPage::Contact).await
}

/// The answer to a password. It is the connection's last: what was read of it goes with its buffers.
async fn judged(context: Arc<Context>, request: Request, entry: EntryPage) -> Response {
    let (lang, desk) = (language(&request), request.extensions().get::<Arc<Desk>>().cloned());
    let answer = match (read(request, lang, String::new()).await, desk) {
        (Ok(asked), Some(desk)) => member::enter(&context, &desk, &asked, entry).await,
        (Err(wrong), _) => pages::wrong(&context, lang, wrong),
        // Only connections of the pages for everybody come here.
        (_, None) => pages::wrong(&context, lang, NoPage::Missing),
    };
    let mut response = response(answer, &context);
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Answered at once. `rest` is what follows the path, `style` that of a page which says that nothing could be read.
pub(super) async fn answered(
    context: Arc<Context>,
    request: Request,
    rest: String,
    style: Style,
    page: PageAnswerer,
) -> Response {
    let lang = language(&request);
    let answer = match read(request, lang, rest).await {
        Ok(asked) => page(&context, &asked),
        Err(wrong) => pages::wrong_among(&context, lang, wrong, style),
    };
    response(answer, &context)
}

/// The same on another thread, so that mail goes on meanwhile.
pub(super) async fn aside(context: Arc<Context>, request: Request, rest: String, style: Style, page: PageAnswerer) -> Response {
    let lang = language(&request);
    let answer = match read(request, lang, rest).await {
        Ok(asked) => {
            let work = context.clone();
            let done = tokio::task::spawn_blocking(move || page(&work, &asked)).await;
            done.unwrap_or_else(|_| pages::wrong_among(&context, lang, NoPage::Busy, style))
        }
        Err(wrong) => pages::wrong_among(&context, lang, wrong, style),
    };
    response(answer, &context)
}

/// By the path where it says one, else as the browser likes it.
fn language(request: &Request) -> Lang {
    let path = request.uri().path();
    let of_path = Lang::ALL
        .iter()
        .copied()
        .find(|lang| path.strip_prefix('/').is_some_and(|path| path.starts_with(&format!("{}/", lang.word()))));
    let liked = || one(request.headers(), &header::ACCEPT_LANGUAGE).ok().flatten().map_or(Lang::En, request::language);
    of_path.unwrap_or_else(liked)
}

/// What may be looked at of a request. A body comes with its length (RFC 9112 6.3): where a server before us and we could read two
/// different ends of it, nothing is read at all, and the connection ends.
async fn read(request: Request, lang: Lang, rest: String) -> Result<WebRequest, NoPage> {
    let (parts, body) = request.into_parts();
    let fields = &parts.headers;
    if fields.contains_key(header::TRANSFER_ENCODING) {
        return Err(NoPage::Length);
    }
    let named = one(fields, &header::HOST).map_err(|()| NoPage::Request)?;
    let aimed = parts.uri.authority().map(|authority| authority.as_str());
    if aimed.is_some_and(|aimed| named.is_some_and(|named| !named.eq_ignore_ascii_case(aimed))) {
        return Err(NoPage::Request);
    }
    if parts.version == Version::HTTP_11 && named.is_none() {
        return Err(NoPage::Request);
    }
    let host = named.or(aimed).map(|host| request::host(host.as_bytes())).transpose().map_err(|_| NoPage::Request)?.flatten();
    let site = HeaderName::from_static("sec-fetch-site");
    let [site, origin] = [&site, &header::ORIGIN].map(|name| one(fields, name));
    let sender = request::sender(site.map_err(|()| NoPage::Form)?, origin.map_err(|()| NoPage::Form)?, named);
    let session = one(fields, &header::COOKIE).ok().flatten().and_then(|field| request::cookie(field, COOKIE));
    let session = session.map(|value| Secret::new(value.as_bytes()));
    let length = one(fields, &header::CONTENT_LENGTH).map_err(|()| NoPage::Request)?;
    if length.is_some_and(|length| length.parse::<usize>().is_ok_and(|length| length > MAX_BODY)) {
        return Err(NoPage::Long);
    }
    let body = to_bytes(body, MAX_BODY).await.map_err(|_| NoPage::Long)?;
    let is_read = parts.method != Method::HEAD;
    let kind = one(fields, &header::CONTENT_TYPE).ok().flatten().unwrap_or_default();
    let form = if kind.starts_with("application/x-www-form-urlencoded") { WebForm::read(&body) } else { WebForm::default() };
    Ok(WebRequest { host, lang, session, sender, is_read, form, body: Secret::new(&body), rest: Secret::new(rest.as_bytes()) })
}

/// The value of a field that may be there once.
fn one<'a>(fields: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, ()> {
    let mut all = fields.get_all(name).iter();
    let first = all.next().map(|value| value.to_str().map_err(|_| ())).transpose()?;
    if all.next().is_some() { Err(()) } else { Ok(first) }
}
