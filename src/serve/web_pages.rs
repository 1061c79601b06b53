//! What each path is answered with: the daemon's knowledge, given to the pure pages of `crate::web`.

use std::sync::Arc;

use super::Context;
use super::clock::today;
use super::web_room::Fixed;
use crate::fault::Lang;
use crate::web::home::NoPage;
use crate::web::layout::{STYLE, Style};
use crate::web::signed::signed;
use crate::web::{
    Body, Keep, WebAnswer, WebRequest, apple, autoconfig, help as help_page, home as first, programs as setting_up,
};

pub(super) fn style(_: &Arc<Context>, _: &WebRequest) -> WebAnswer {
    // Not for long: an update changes it, and pages must not wait for it.
    WebAnswer { keep: Keep::Hour, ..WebAnswer::file(Body::Css, STYLE) }
}

pub(super) fn home(context: &Arc<Context>, asked: &WebRequest) -> WebAnswer {
    WebAnswer::page(fixed(context).home[asked.lang as usize].clone(), Keep::Hour)
}

pub(super) fn help(context: &Arc<Context>, asked: &WebRequest) -> WebAnswer {
    WebAnswer::page(fixed(context).help[asked.lang as usize].clone(), Keep::Hour)
}

pub(super) fn programs(context: &Arc<Context>, asked: &WebRequest) -> WebAnswer {
    WebAnswer::page(fixed(context).programs[asked.lang as usize].clone(), Keep::Hour)
}

/// Made when the first reader comes: most hosts' daemons have no pages at first.
fn fixed(context: &Context) -> &Fixed {
    let site = &context.web.site;
    let each = |page: &dyn Fn(Lang) -> String| [page(Lang::En), page(Lang::Fr)];
    context.web.fixed.get_or_init(|| Fixed {
        home: each(&|lang| first::home(site, lang)),
        help: each(&|lang| help_page::help(lang, &site.ports.host, Style::Linked)),
        programs: each(&|lang| setting_up::programs(site, lang)),
    })
}

pub(super) fn statement(context: &Arc<Context>, asked: &WebRequest) -> WebAnswer {
    match &*context.web.statement.load() {
        Some(statement) => WebAnswer::page(statement.pages[asked.lang as usize].clone(), Keep::Hour),
        None => wrong(context, asked.lang, NoPage::Missing),
    }
}

pub(super) fn autoconfig(context: &Arc<Context>, asked: &WebRequest) -> WebAnswer {
    let site = &context.web.site;
    let known = |domain: &_| context.book.route(domain, today()).is_some();
    let domain = autoconfig::domain(asked.host.as_ref(), known, &site.ports);
    WebAnswer::file(Body::Xml, autoconfig::client_config(&domain, &site.ports, &site.programs_link()))
}

pub(super) fn pacc(context: &Arc<Context>, asked: &WebRequest) -> WebAnswer {
    let site = &context.web.site;
    match autoconfig::pacc(&site.ports, &site.programs_link()) {
        Some(json) => WebAnswer::file(Body::Json, json),
        None => wrong(context, asked.lang, NoPage::Missing),
    }
}

pub(super) fn autodiscover(context: &Arc<Context>, asked: &WebRequest) -> WebAnswer {
    let address = autoconfig::asked_by_outlook(asked.body.reveal());
    let answer = WebAnswer::file(Body::Xml, autoconfig::autodiscover(address.as_ref(), &context.web.site.ports));
    WebAnswer { keep: Keep::Never, ..answer }
}

pub(super) fn profile(context: &Arc<Context>, asked: &WebRequest) -> WebAnswer {
    match apple::profile(&context.web.site.ports) {
        Some(profile) => WebAnswer::file(Body::Profile, sealed(context, profile.into_bytes())),
        None => wrong(context, asked.lang, NoPage::Missing),
    }
}

/// `profile`, signed where that can be.
fn sealed(context: &Context, profile: Vec<u8>) -> Vec<u8> {
    let web = &context.web;
    let seal = context.certificates.as_ref().and_then(|certificates| certificates.seal(web.site.pages_host()));
    let Some(seal) = seal else { return profile };
    if let Some(kept) = &*web.sealed.load()
        && kept.0.is(&seal)
    {
        return kept.1.clone();
    }
    let Some(signed) = signed(&profile, &seal) else { return profile };
    web.sealed.store(Some(Arc::new((seal, signed.clone()))));
    signed
}

pub(super) fn profile_code(context: &Arc<Context>, asked: &WebRequest) -> WebAnswer {
    match apple::qr(&context.web.site.profile_link()) {
        Some(svg) => WebAnswer::file(Body::Svg, svg),
        None => wrong(context, asked.lang, NoPage::Missing),
    }
}

/// A page that says what is wrong.
pub(super) fn wrong(context: &Context, lang: Lang, what: NoPage) -> WebAnswer {
    wrong_among(context, lang, what, Style::Linked)
}

/// The same, among these pages.
pub(super) fn wrong_among(context: &Context, lang: Lang, what: NoPage, style: Style) -> WebAnswer {
    WebAnswer::problem(what.status(), first::wrong(&context.web.site, lang, what, style))
}
