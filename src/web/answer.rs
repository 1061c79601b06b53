//! An answer, before it is HTTP: a status, a body with its kind, who may keep it, and what else the browser is told.

use super::session::VisitToken;

/// What a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// A page.
    Html,
    /// Autoconfig and autodiscover.
    Xml,
    /// PACC.
    Json,
    /// The stylesheet.
    Css,
    /// An Apple configuration profile, to be saved.
    Profile,
    /// What is held about somebody, to be saved.
    Held,
    /// A picture.
    Svg,
}

impl Body {
    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Body::Html => "text/html; charset=utf-8",
            Body::Xml => "application/xml; charset=utf-8",
            Body::Json => "application/json",
            Body::Css => "text/css; charset=utf-8",
            Body::Profile => "application/x-apple-aspen-config",
            Body::Held => "application/json",
            Body::Svg => "image/svg+xml",
        }
    }
}

/// Who may keep a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Everybody, for a day: it is the same for all who ask this host.
    Day,
    /// Everybody, for an hour; it depends on the language that is asked for.
    Hour,
    /// Nobody.
    Never,
}

impl Keep {
    /// The `Cache-Control` field.
    pub fn cache_control(self) -> &'static str {
        match self {
            Keep::Day => "public, max-age=86400",
            Keep::Hour => "public, max-age=3600",
            Keep::Never => "no-store",
        }
    }
}

/// What becomes of the cookie.
pub enum CookieChange {
    /// As it is.
    Stays,
    /// A session begins.
    Set(VisitToken),
    /// It ended.
    Gone,
}

/// An answer.
pub struct WebAnswer {
    /// The status code.
    pub status: u16,
    /// What the body is.
    pub body: Body,
    /// The body.
    pub bytes: Vec<u8>,
    /// Who may keep it.
    pub keep: Keep,
    /// Where the reader goes on: a path of ours.
    pub location: Option<String>,
    /// The session.
    pub cookie: CookieChange,
}

impl WebAnswer {
    /// A page that came out well.
    pub fn page(html: String, keep: Keep) -> WebAnswer {
        WebAnswer::of(200, Body::Html, html.into_bytes(), keep)
    }

    /// Something for a program.
    pub fn file(body: Body, bytes: impl Into<Vec<u8>>) -> WebAnswer {
        WebAnswer::of(200, body, bytes.into(), Keep::Day)
    }

    /// A page that says what is wrong.
    pub fn problem(status: u16, html: String) -> WebAnswer {
        WebAnswer::of(status, Body::Html, html.into_bytes(), Keep::Never)
    }

    /// Go on there (RFC 9110 15.4.4): a form that was sent is not sent again by the back button.
    pub fn go_to(path: &str) -> WebAnswer {
        WebAnswer { location: Some(path.into()), ..WebAnswer::of(303, Body::Html, Vec::new(), Keep::Never) }
    }

    fn of(status: u16, body: Body, bytes: Vec<u8>, keep: Keep) -> WebAnswer {
        WebAnswer { status, body, bytes, keep, location: None, cookie: CookieChange::Stays }
    }
}
