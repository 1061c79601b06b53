//! A request, as far as anything here may depend on it: the host, the language, the cookie, whether a browser sent it from one of our own
//! pages, and the fields of a form. All else is dropped where it came in.
//!
//! Absent on purpose: the query string, which mail programs fill with addresses (autoconfig), the user agent, the referrer, and every
//! `Forwarded` and `X-Forwarded-*`: what nobody reads can neither leak nor lie.

use std::borrow::Cow;

use crate::fault::Lang;
use crate::private::{Domain, Secret};

/// The longest body that is read, in octets: the address of a mailbox, a size and two tokens; of Outlook, the longest address and what
/// stands around it.
pub const MAX_BODY: usize = 4 * 1024;
/// The fields of one form.
const MAX_FIELDS: usize = 24;

/// Where a browser says that a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormSender {
    /// A page of ours.
    OwnPage,
    /// Another site's page.
    Elsewhere,
    /// It does not say it.
    Unknown,
}

/// What is asked.
pub struct WebRequest {
    /// The host that is asked for, without its port; none where it is no name of one.
    pub host: Option<Domain>,
    /// What the reader would like to read.
    pub lang: Lang,
    /// The session that is claimed.
    pub session: Option<Secret>,
    /// Whether one of our own pages sent it.
    pub sender: FormSender,
    /// Whether the answer is read: HEAD (RFC 9110 9.3.2) brings no page, and so nothing is told by it.
    pub is_read: bool,
    /// Of a POST.
    pub form: WebForm,
    /// All of the body.
    pub body: Secret,
    /// What follows the path of a page that takes something there.
    pub rest: Secret,
}

/// It names no host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAHost;

/// The host in a `Host` field or in an authority (RFC 9110 7.2).
///
/// # Errors
/// What is no host and no port at all: the request is refused, and nothing is looked up by it.
pub fn host(field: &[u8]) -> Result<Option<Domain>, NotAHost> {
    let text = std::str::from_utf8(field).map_err(|_| NotAHost)?;
    if text.starts_with('[') {
        // An address: it names no association.
        return text.bytes().all(|byte| byte.is_ascii_hexdigit() || b"[]:.".contains(&byte)).then_some(None).ok_or(NotAHost);
    }
    let (name, port) = text.split_once(':').unwrap_or((text, ""));
    if !port.bytes().all(|byte| byte.is_ascii_digit()) || port.len() > 5 || !name.is_ascii() {
        return Err(NotAHost);
    }
    Domain::parse(name).map(Some).ok_or(NotAHost)
}

/// Whether a `Host` field names the machine itself that the browser runs on, with any port: what no name server answers for.
pub fn is_this_machine(field: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(field) else { return false };
    let (name, port) = match text.strip_prefix("[::1]") {
        Some(port) => ("[::1]", port.strip_prefix(':').unwrap_or(port)),
        None => text.split_once(':').unwrap_or((text, "")),
    };
    port.bytes().all(|byte| byte.is_ascii_digit()) && ["localhost", "127.0.0.1", "[::1]"].contains(&name)
}

/// The first language of ours in an `Accept-Language` field (RFC 9110 12.5.4) with the highest weight; English where there is none.
pub fn language(field: &str) -> Lang {
    let weighed = field.split(',').take(32).filter_map(|range| {
        let mut parts = range.split(';');
        let tag = parts.next()?.trim();
        let lang = match tag.split('-').next()?.to_ascii_lowercase().as_str() {
            "fr" => Lang::Fr,
            "en" => Lang::En,
            _ => return None,
        };
        let weight =
            parts.find_map(|part| part.trim().strip_prefix("q=")).map_or(Some(1.0), |weight| weight.parse::<f32>().ok())?;
        (weight > 0.0).then_some((lang, weight))
    });
    weighed.fold((Lang::En, 0.0), |best, one| if one.1 > best.1 { one } else { best }).0
}

/// Who sent it, by `Sec-Fetch-Site` (Fetch Metadata), or by `Origin` (RFC 6454 7) of browsers that do not know it. A page that a person
/// opens by hand is none of ours: no form comes that way.
pub fn sender(fetch_site: Option<&str>, origin: Option<&str>, host: Option<&str>) -> FormSender {
    match (fetch_site, origin, host) {
        (Some("same-origin"), ..) => FormSender::OwnPage,
        (Some(_), ..) => FormSender::Elsewhere,
        (None, Some(origin), Some(host)) => {
            let own = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
            if own == Some(host) { FormSender::OwnPage } else { FormSender::Elsewhere }
        }
        (None, Some(_), None) => FormSender::Elsewhere,
        (None, None, _) => FormSender::Unknown,
    }
}

/// The value of `name` in a `Cookie` field (RFC 6265 4.2.1). Of two, none: a session is never chosen among several.
pub fn cookie<'a>(field: &'a str, name: &str) -> Option<&'a str> {
    let mut found = field.split(';').filter_map(|pair| pair.trim().split_once('=')).filter(|(key, _)| *key == name);
    let (_, value) = found.next()?;
    found.next().is_none().then_some(value)
}

/// The fields of a form (`application/x-www-form-urlencoded`). Wiped when it is dropped.
#[derive(Default)]
pub struct WebForm(Vec<(String, Secret)>);

impl WebForm {
    /// Reads a body. Empty where it is none of a form, or has more fields than any of ours.
    pub fn read(body: &[u8]) -> WebForm {
        let Ok(text) = std::str::from_utf8(body) else { return WebForm::default() };
        if text.len() > MAX_BODY || text.matches('&').count() >= MAX_FIELDS {
            return WebForm::default();
        }
        let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
        let fields =
            pairs.filter_map(|(name, value)| Some((decoded(name)?.into_owned(), Secret::new(decoded(value)?.as_bytes()))));
        WebForm(fields.collect())
    }

    /// The field `name`, where it is there once.
    pub fn field(&self, name: &str) -> Option<&str> {
        let mut found = self.0.iter().filter(|(key, _)| key == name);
        let (_, value) = found.next()?;
        if found.next().is_some() {
            return None;
        }
        std::str::from_utf8(value.reveal()).ok()
    }
}

fn decoded(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains(['%', '+']) {
        return Some(text.into());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'+' => bytes.push(b' '),
            b'%' => {
                let (digits, after) = rest.split_at_checked(2)?;
                let digits = std::str::from_utf8(digits).ok()?;
                bytes.push(u8::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'))?);
                rest = after;
            }
            other => bytes.push(*other),
        }
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_with_or_without_a_port_and_nothing_else() {
        let name = |field: &str| host(field.as_bytes()).map(|host| host.map(|domain| domain.reveal().to_owned()));
        assert_eq!(name("Velo.example:8443"), Ok(Some("velo.example".into())));
        assert_eq!(name("velo.example."), Ok(Some("velo.example".into())));
        assert_eq!(name("[2001:db8::1]:443"), Ok(None));
        for wrong in
            ["", "velo.example/x", "velo.example:80:80", "velo.example:8o", "a b", "x@velo.example", "<b>", "v\u{e9}lo", "[x]"]
        {
            assert_eq!(name(wrong), Err(NotAHost), "{wrong}");
        }
        assert!(host(b"velo.example\xff").is_err());
    }

    #[test]
    fn only_names_that_nobody_else_can_have_are_this_machine() {
        for own in ["localhost", "localhost:8080", "127.0.0.1:8080", "[::1]", "[::1]:8080"] {
            assert!(is_this_machine(own.as_bytes()), "{own}");
        }
        for other in [
            "",
            "evil.example",
            "localhost.evil.example",
            "localhost:80@evil.example",
            "127.0.0.1.evil.example:80",
            "localhost.",
            "[::1]x",
            "[::2]:80",
            "localhost:8o",
            "127.0.0.2",
            "LOCALHOST",
        ] {
            assert!(!is_this_machine(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn languages_by_weight() {
        for (field, lang) in [
            ("", Lang::En),
            ("fr", Lang::Fr),
            ("fr-CA,en;q=0.9", Lang::Fr),
            ("en;q=0.4, fr;q=0.8", Lang::Fr),
            ("de,en;q=0.5,fr;q=0.3", Lang::En),
            ("fr;q=0", Lang::En),
            ("fr;q=x,en", Lang::En),
            ("*", Lang::En),
        ] {
            assert_eq!(language(field), lang, "{field}");
        }
    }

    #[test]
    fn another_site_and_silence_are_not_our_page() {
        assert_eq!(sender(Some("same-origin"), None, None), FormSender::OwnPage);
        for site in ["cross-site", "same-site", "none", ""] {
            assert_eq!(sender(Some(site), Some("https://a.example"), Some("a.example")), FormSender::Elsewhere);
        }
        assert_eq!(sender(None, Some("https://a.example"), Some("a.example")), FormSender::OwnPage);
        assert_eq!(sender(None, Some("https://a.example:444"), Some("a.example")), FormSender::Elsewhere);
        assert_eq!(sender(None, Some("null"), Some("null")), FormSender::Elsewhere);
        assert_eq!(sender(None, Some("https://evil.example"), Some("a.example")), FormSender::Elsewhere);
        assert_eq!(sender(None, None, Some("a.example")), FormSender::Unknown);
    }

    #[test]
    fn forms_and_cookies_are_never_ambiguous() {
        let form = WebForm::read(b"address=a%40b.example&size=2+G&x=1&x=2&bad=%zz&worse=%+1");
        assert_eq!(form.field("address"), Some("a@b.example"));
        assert_eq!(form.field("size"), Some("2 G"));
        assert_eq!((form.field("x"), form.field("bad"), form.field("worse")), (None, None, None));
        assert_eq!(WebForm::read(&[b'a'; MAX_BODY + 1]).field("a"), None);
        assert_eq!(WebForm::read("a=1&".repeat(MAX_FIELDS).as_bytes()).field("a"), None);
        assert_eq!(cookie("a=1; __Host-nologd=xyz", "__Host-nologd"), Some("xyz"));
        assert_eq!(cookie("__Host-nologd=a; __Host-nologd=b", "__Host-nologd"), None);
    }
}
