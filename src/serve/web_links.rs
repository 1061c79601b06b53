//! The links by which contacts log in at the pages: asked for by anybody, mailed to contacts, and spent once. How they are kept is in
//! `crate::web::session`.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::{sleep, timeout};

use super::Context;
use super::notices::{note_lost, place, send_now};
use super::web_pages::wrong;
use super::web_visit::begin;
use crate::admin::Principal;
use crate::fault::Lang;
use crate::notice::Notice;
use crate::private::{Address, Domain};
use crate::quota::Name;
use crate::smtp::delivery::DeliveryOutcome;
use crate::web::home::NoPage;
use crate::web::request::FormSender;
use crate::web::session::{LINK, VisitToken, Visitor};
use crate::web::{Keep, WebAnswer, WebRequest, login};

/// Associations of one contact to which links are sent at once.
const LINKS: usize = 5;

/// Sends links, if there is anybody to send them to. What is answered tells nothing of that, nor does how long it takes: the same is done for
/// everybody, and whose contact the address is is looked up later.
pub(super) fn ask_link(context: &Arc<Context>, asked: &WebRequest) -> WebAnswer {
    if asked.sender != FormSender::OwnPage {
        return wrong(context, asked.lang, NoPage::Form);
    }
    let typed = asked.form.field("address").unwrap_or_default().trim();
    let Some(address) = Address::parse(typed) else {
        return WebAnswer::problem(422, login::ask(&context.web.site, asked.lang, Some(typed), None));
    };
    let (known, own) = (context.book.is_any_contact(&address), address.clone());
    // What is asked for again while it waits is asked for once: so few wait.
    let turn = context.web.lock().asked.add(own, known);
    // Nobody else has anything to wait for, and waits all the same, as long as there is room for that.
    let seat = context.web.asking.clone().try_acquire_owned().ok();
    if turn || seat.is_some() {
        let (context, lang) = (context.clone(), asked.lang);
        Handle::current().spawn(async move {
            // Not at once: what comes next on the same connection would wait for it, and that could be timed.
            sleep(pause()).await;
            drop(seat);
            if turn {
                look_up(&context, &address, lang).await;
            }
        });
    }
    WebAnswer::page(login::asked(&context.web.site, asked.lang), Keep::Never)
}

async fn look_up(context: &Context, address: &Address, lang: Lang) {
    context.web.lock().asked.end(address);
    let links = links_for(context, address);
    if links.is_empty() {
        return;
    }
    // Behind a relay that hangs, strangers could have more and more of them wait: one that is over is not sent.
    match timeout(LINK, place(context)).await {
        Ok(place) => {
            send_links(context, address, links, lang).await;
            drop(place);
        }
        Err(_) => note_lost(&DeliveryOutcome::Later),
    }
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
        let outcome = send_now(context, Notice::login(&name, &link, lang), &domain, address).await;
        note_lost(&outcome);
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
