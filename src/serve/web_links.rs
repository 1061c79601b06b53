//! The links by which contacts log in at the pages: asked for by anybody, mailed to contacts, and spent once. How they are kept is in
//! `crate::web::session`.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::sleep;

use super::Context;
use super::asked_mail::{AskedMail, may_have_come, note_lost, send_in_turn};
use super::web_pages::wrong;
use super::web_visit::{begin, is_in};
use crate::admin::Principal;
use crate::fault::Lang;
use crate::notice::Notice;
use crate::private::{Address, Domain};
use crate::quota::Name;
use crate::web::home::NoPage;
use crate::web::links::MadeLink;
use crate::web::request::FormSender;
use crate::web::session::Visitor;
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
        Handle::current().spawn(wait_and_look_up((context.clone(), address, asked.lang, turn, seat)));
    }
    WebAnswer::page(login::asked(&context.web.site, asked.lang), Keep::Never)
}

/// Not at once: what comes next on the same connection would wait for it, and that could be timed. So many wait here that what comes after it
/// must be none of this future.
async fn wait_and_look_up(
    (context, address, lang, turn, seat): (Arc<Context>, Address, Lang, bool, Option<OwnedSemaphorePermit>),
) {
    sleep(pause()).await;
    drop(seat);
    if turn {
        look_up(&context, &address, lang);
    }
}

/// Each association has a mail server of its own, which may hang: none waits for the mail of another.
fn look_up(context: &Arc<Context>, address: &Address, lang: Lang) {
    context.web.lock().asked.end(address);
    for link in links_for(context, address) {
        let (context, address) = (context.clone(), address.clone());
        Handle::current().spawn(async move { send_link(&context, &address, link, lang).await });
    }
}

/// A link on its way to the contact of an association.
struct LinkMail {
    name: Name,
    domain: Domain,
    link: MadeLink,
}

/// New links, for a few of the associations whose contact this is. Of those that have a fresh one none is made, so that the others have
/// their turn, and so that asking again and again makes no more of them.
fn links_for(context: &Context, address: &Address) -> Vec<LinkMail> {
    let (theirs, now) = (context.book.contact_of(address), context.web.now());
    let make = |(name, domain): (Name, Domain)| {
        let link = context.web.lock().links.make(&name, address, now)?;
        Some(LinkMail { name, domain, link })
    };
    theirs.into_iter().filter_map(make).take(LINKS).collect()
}

/// Between one and four seconds. Without randomness the longest.
pub(super) fn pause() -> Duration {
    let mut byte = [255];
    let _ = aws_lc_rs::rand::fill(&mut byte);
    Duration::from_secs(1) + Duration::from_millis(12) * u32::from(byte[0])
}

async fn send_link(context: &Context, address: &Address, link: LinkMail, lang: Lang) {
    let LinkMail { name, domain, link: MadeLink { token, good } } = link;
    let mail = || {
        // Somebody else is the contact since it was made, or this one was kicked.
        let open = context.web.lock().links.look(token.reveal().as_bytes(), context.web.now()).is_some();
        let link = || format!("{}/{}/enter/{}", context.web.site.url, lang.word(), token.reveal().as_str());
        let notice = || Notice::login(&name, &link(), good, lang);
        open.then(|| AskedMail { notice: notice(), domain: domain.clone(), to: address.clone() })
    };
    let Some(outcome) = send_in_turn(context, (&domain, address), mail).await else { return };
    note_lost(&outcome);
    if !may_have_come(&outcome) {
        context.web.lock().links.forget(&token);
    }
}

/// Shows the button, and spends nothing.
pub(super) fn enter(context: &Arc<Context>, asked: &WebRequest) -> WebAnswer {
    let token = asked.rest.reveal();
    let name = context.web.lock().links.look(token, context.web.now()).cloned();
    match (std::str::from_utf8(token), name) {
        (Ok(text), Some(name)) => WebAnswer::page(login::enter(&context.web.site, asked.lang, &name, text), Keep::Never),
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
        let over = || WebAnswer::problem(404, login::over(&context.web.site, asked.lang));
        return is_in(context, asked, token).map_or_else(over, |(_, there)| there);
    };
    begin(context, asked, Visitor { principal: Principal::Contact(name), address }, Some(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn octets<A, F>(_: impl Fn(A) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn who_waits_for_nothing_takes_little_room() {
        // Besides: tokio's own of a task, and the address, of at most 320 octets.
        let waiting = octets(wait_and_look_up);
        assert!(waiting <= 288, "{waiting}");
    }
}
