//! An answer as HTTP: what every response says, whatever was asked.

use axum::body::Body as HttpBody;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;

use super::Context;
use crate::web::{Body, CookieChange, Keep, WebAnswer};

/// The cookie. The prefix keeps other names of the domain, and plain HTTP, from setting it.
pub(super) const COOKIE: &str = "__Host-nologd";

/// The same for every response: nothing from elsewhere, in no frame, guessed to be nothing else.
pub(super) fn response(answer: WebAnswer, context: &Context) -> Response {
    let mut response = Response::new(HttpBody::from(answer.bytes));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let fields = response.headers_mut();
    let mut say = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            fields.append(name, value);
        }
    };
    // The statement is a page of its own, which is also read from a file, and so has its style inside.
    let inside = context.web.inside_style();
    let policy = format!(
        "default-src 'none'; style-src 'self' {inside}; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    );
    say(header::CONTENT_SECURITY_POLICY, &policy);
    say(header::CONTENT_TYPE, answer.body.media_type());
    say(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    // Nothing goes to other sites. Not `no-referrer`: then browsers say `Origin: null` to us too, by which old ones show whose a form is.
    say(header::REFERRER_POLICY, "same-origin");
    say(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    say(header::CACHE_CONTROL, answer.keep.cache_control());
    match answer.keep {
        Keep::Hour => say(header::VARY, "Accept-Language"),
        // Each domain has its own.
        Keep::Day => say(header::VARY, "Host"),
        Keep::Never => {}
    }
    match answer.body {
        Body::Profile => say(header::CONTENT_DISPOSITION, "attachment; filename=\"mail.mobileconfig\""),
        Body::Held => say(header::CONTENT_DISPOSITION, "attachment; filename=\"nologd.json\""),
        Body::Html | Body::Xml | Body::Json | Body::Css | Body::Svg => {}
    }
    if let Some(path) = &answer.location {
        say(header::LOCATION, path);
    }
    match &answer.cookie {
        CookieChange::Stays => {}
        CookieChange::Set(token) => {
            say(header::SET_COOKIE, &format!("{COOKIE}={}; Path=/; Secure; HttpOnly; SameSite=Strict", token.reveal().as_str()));
        }
        CookieChange::Gone => {
            say(header::SET_COOKIE, &format!("{COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0"));
            // A browser may keep whole pages for its back button, whatever Cache-Control says: these would be shown to whoever comes next.
            say(HeaderName::from_static("clear-site-data"), "\"cache\"");
        }
    }
    // Where the end of a request is not certain, what follows on this connection is not either.
    if matches!(answer.status, 400 | 411 | 413) {
        say(header::CONNECTION, "close");
    }
    response
}
