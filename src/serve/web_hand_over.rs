//! A contact who hands over: two links are sent, and when both were confirmed the book has another contact.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::time::sleep;

use super::Context;
use super::asked_mail::{AskedMail, may_have_come, note_lost, send_in_turn};
use super::notices::has_relay;
use super::web_links::pause;
use super::web_pages::wrong;
use super::web_visit::{form_of, may_change, obey, page};
use crate::admin::hand_over::HandOver;
use crate::admin::{NotDoneCause, Principal};
use crate::fault::Lang;
use crate::notice::Notice;
use crate::private::{Address, Domain};
use crate::quota::Name;
use crate::smtp::delivery::DeliveryOutcome;
use crate::web::form_result::FormResult;
use crate::web::home::NoPage;
use crate::web::open_hand_overs::{BegunHandOver, BothAgreed, HandOverError, Spent};
use crate::web::request::FormSender;
use crate::web::session::VisitToken;
use crate::web::{Keep, WebAnswer, WebRequest, hand_over as pages, login};

/// Sends both links, and says so; or says why none are sent. Whether the new address exists tells neither.
pub(super) fn ask(context: &Arc<Context>, asked: &WebRequest) -> WebAnswer {
    let Some(found) = form_of(context, asked) else { return wrong(context, asked.lang, NoPage::Form) };
    let Principal::Contact(name) = &found.visitor.principal else { return wrong(context, asked.lang, NoPage::Form) };
    let Some(typed) = asked.form.field("address") else { return wrong(context, asked.lang, NoPage::Request) };
    let old = &found.visitor.address;
    let refused = |why| page(context, asked.lang, &found, FormResult::HandOverRefused(why, typed.trim().into()));
    let Some(new) = Address::parse(typed.trim()).filter(|new| new != old && new.is_reachable()) else {
        return refused(HandOverError::NotAnother);
    };
    let domain = context.book.contact_of(old).into_iter().find(|(theirs, _)| theirs == name).map(|(_, domain)| domain);
    let Some(domain) = domain.filter(|domain| has_relay(context, domain)) else { return refused(HandOverError::NoMail) };
    if !may_change(context, &found) {
        return wrong(context, asked.lang, NoPage::Busy);
    }
    let begun = context.web.lock().hand_overs.begin(name, old, &new, context.web.now());
    match begun {
        Ok(BegunHandOver::Links(links)) => {
            let mail = HandOverMail { name: name.clone(), domain, old: old.clone(), new, links, lang: asked.lang };
            let mailing = context.clone();
            Handle::current().spawn(async move {
                sleep(pause()).await;
                mail.send(&mailing).await;
            });
        }
        Ok(BegunHandOver::Already) => {}
        Err(why) => return refused(why),
    }
    WebAnswer::page(pages::asked(&context.web.site, asked.lang), Keep::Never)
}

/// The two mails.
struct HandOverMail {
    name: Name,
    domain: Domain,
    old: Address,
    new: Address,
    links: [VisitToken; 2],
    lang: Lang,
}

impl HandOverMail {
    /// First to the contact. What does not reach them is not begun, and the other one hears nothing of it. What came of the second mail changes
    /// nothing: the contact could tell by it whether there is such an address.
    async fn send(self, context: &Context) {
        let [own, other] = &self.links;
        let first =
            self.send_one(context, own, &self.old, |link| Notice::hand_over(&self.name, &self.new, link, self.lang)).await;
        let second = if first.as_ref().is_some_and(may_have_come) {
            self.send_one(context, other, &self.new, |link| Notice::take_over(&self.name, link, self.lang)).await
        } else {
            None
        };
        if second.is_none() {
            context.web.lock().hand_overs.untold(&self.name, own);
        }
    }

    /// None: it was kicked, began anew, or is over since, and there is nothing to confirm.
    async fn send_one(
        &self,
        context: &Context,
        link: &VisitToken,
        to: &Address,
        notice: impl FnOnce(&str) -> Notice,
    ) -> Option<DeliveryOutcome> {
        let mail = || {
            let good = context.web.lock().hand_overs.is_open(link, context.web.now());
            let link = || format!("{}/{}/confirm/{}", context.web.site.url, self.lang.word(), link.reveal().as_str());
            good.then(|| AskedMail { notice: notice(&link()), domain: self.domain.clone(), to: to.clone() })
        };
        let outcome = send_in_turn(context, (&self.domain, to), mail).await;
        outcome.iter().for_each(note_lost);
        outcome
    }
}

/// Shows the button, and spends nothing.
pub(super) fn look(context: &Arc<Context>, asked: &WebRequest) -> WebAnswer {
    let token = asked.rest.reveal();
    let waiting = context.web.lock().hand_overs.look(token, context.web.now());
    match (waiting, std::str::from_utf8(token)) {
        (Some(waiting), Ok(text)) => WebAnswer::page(pages::confirm(&context.web.site, asked.lang, &waiting, text), Keep::Never),
        _ => WebAnswer::problem(404, login::over(&context.web.site, asked.lang)),
    }
}

/// Spends the link; with the second one the contact is another.
pub(super) fn confirm(context: &Arc<Context>, asked: &WebRequest) -> WebAnswer {
    if asked.sender != FormSender::OwnPage {
        return wrong(context, asked.lang, NoPage::Form);
    }
    let over = || WebAnswer::problem(404, login::over(&context.web.site, asked.lang));
    let token = asked.form.field("link").unwrap_or_default();
    let spent = context.web.lock().hand_overs.spend(token.as_bytes(), context.web.now());
    match spent {
        None => over(),
        Some(Spent::One(side)) => WebAnswer::page(pages::half(&context.web.site, asked.lang, side), Keep::Never),
        Some(Spent::Both(both)) => carry_out(context, asked, both),
        Some(Spent::UnderWay) => wrong(context, asked.lang, NoPage::Busy),
        // A second click, or the other one's. It is said for as long as it is so.
        Some(Spent::Done(name, to)) if context.book.is_contact(&name, &to) => done(context, asked),
        Some(Spent::Done(..)) => over(),
    }
}

fn done(context: &Context, asked: &WebRequest) -> WebAnswer {
    WebAnswer::page(pages::done(&context.web.site, asked.lang), Keep::Never)
}

fn carry_out(context: &Arc<Context>, asked: &WebRequest, both: BothAgreed) -> WebAnswer {
    let BothAgreed { name, from, to, .. } = &both;
    let command = HandOver { name: name.clone(), from: from.clone(), to: to.clone() };
    // In the name of the admins: neither contact may do it alone, and both have agreed.
    let came = obey(context, &Principal::Admin, &command);
    let mut visits = context.web.lock();
    match came {
        Ok(_) => {
            visits.hand_overs.done(both);
            done(context, asked)
        }
        Err(not_done) if not_done.cause == NotDoneCause::Unwritten => {
            visits.hand_overs.reopen(&both);
            wrong(context, asked.lang, NoPage::Busy)
        }
        Err(_) => {
            visits.hand_overs.end(&both);
            WebAnswer::problem(404, login::over(&context.web.site, asked.lang))
        }
    }
}
