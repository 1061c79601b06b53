//! A contact who asks the hosts for more space: a mail to the address of `web.hosts`, which decides nothing and changes nothing.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::sleep;

use super::Context;
use super::asked_mail::{AskedMail, note_lost, send_in_turn};
use super::notices::has_relay;
use super::web_pages::wrong;
use super::web_visit::{done, form_of, is_again, may_change, obey, page};
use crate::admin::Principal;
use crate::admin::association::ShowAssociation;
use crate::fault::Lang;
use crate::notice::{Notice, SpaceRequest};
use crate::private::{Address, Domain};
use crate::quota::{Limit, Name};
use crate::smtp::delivery::DeliveryOutcome;
use crate::web::form_result::FormResult;
use crate::web::home::NoPage;
use crate::web::more_space::{MOST, MoreSpaceError, MoreSpaceTyped};
use crate::web::news::VisitNews;
use crate::web::password::EntryPage;
use crate::web::typed_size::read_size;
use crate::web::{WebAnswer, WebRequest};

/// Asks.
pub(super) fn ask(context: &Arc<Context>, asked: &WebRequest) -> WebAnswer {
    let Some(found) = form_of(context, asked) else { return wrong(context, asked.lang, NoPage::Form) };
    let (Principal::Contact(name), Some(hosts)) = (&found.visitor.principal, &context.web.site.hosts) else {
        return wrong(context, asked.lang, NoPage::Form);
    };
    let (Some(size), Some(words)) = (asked.form.field("share"), asked.form.field("words")) else {
        return wrong(context, asked.lang, NoPage::Request);
    };
    let typed = MoreSpaceTyped { size: size.trim().into(), words: words.into() };
    let refused = |error| page(context, asked.lang, &found, FormResult::MoreSpaceRefused(error, typed.clone()));
    let more = match read_size(&typed.size, Limit::At(MOST)) {
        Ok(more) => more,
        Err(error) => return refused(MoreSpaceError::Size(error)),
    };
    let Some(words) = typed.plain_words() else { return refused(MoreSpaceError::TooLong) };
    let mail = SpaceRequestMail {
        name: name.clone(),
        contact: found.visitor.address.clone(),
        more,
        words,
        hosts: hosts.clone(),
        lang: asked.lang,
    };
    // Without a limit the form is not there, and there is nothing to ask for.
    let Some((_, domain)) = mail.request(context) else { return wrong(context, asked.lang, NoPage::Missing) };
    if !has_relay(context, &domain) {
        return refused(MoreSpaceError::NoMail);
    }
    if !may_change(context, &found) {
        return wrong(context, asked.lang, NoPage::Busy);
    }
    if context.web.lock().space_requests.begin(name, context.web.now()) {
        Handle::current().spawn(mail.send(context.clone(), domain));
    } else if !is_again(context, asked, VisitNews::SpaceAsked) {
        return refused(MoreSpaceError::Lately);
    }
    done(context, asked, VisitNews::SpaceAsked, EntryPage::Contact)
}

struct SpaceRequestMail {
    name: Name,
    contact: Address,
    more: u64,
    words: String,
    hosts: Address,
    lang: Lang,
}

/// How long a relay that takes no mail has until it is tried again: the contact was told that the hosts are asked.
const AGAIN: [Duration; 4] = [Duration::ZERO, Duration::from_secs(20), Duration::from_secs(5 * 60), Duration::from_secs(60 * 60)];

impl SpaceRequestMail {
    /// What is asked, as it is at this moment, and the domain by whose relay it goes. None: the contact is another one, or there is no limit any
    /// more.
    fn request(&self, context: &Context) -> Option<(SpaceRequest, Domain)> {
        let SpaceRequestMail { name, contact, more, words, .. } = self;
        if !context.book.is_contact(name, contact) {
            return None;
        }
        // As lists show it: the use of this moment is nobody's business here.
        let shown = obey(context, &Principal::Contact(name.clone()), &ShowAssociation { name: name.clone() }).ok()?.association;
        let Limit::At(storage) = shown.settings.storage else { return None };
        let (name, contact, words) = (name.clone(), contact.clone(), words.clone());
        let request = SpaceRequest { name, contact, more: *more, used: shown.fill.octets, storage, words };
        Some((request, shown.settings.domains.first()?.clone()))
    }

    async fn send(self, context: Arc<Context>, domain: Domain) {
        let mut outcome = Some(DeliveryOutcome::Down);
        for wait in AGAIN {
            sleep(wait).await;
            let mail = || {
                let (request, domain) = self.request(&context)?;
                Some(AskedMail { notice: Notice::more_space(&request, self.lang), domain, to: self.hosts.clone() })
            };
            outcome = send_in_turn(&context, (&domain, &self.hosts), mail).await;
            // Of what may have come the hosts rather have two than none.
            if !matches!(outcome, Some(DeliveryOutcome::Later | DeliveryOutcome::Down | DeliveryOutcome::Unknown)) {
                break;
            }
        }
        match outcome {
            Some(DeliveryOutcome::Accepted) => {}
            // Of what never left, as far as it is known, the contact may try again at once.
            Some(outcome) => {
                context.web.lock().space_requests.untold(&self.name);
                let is_lost = !matches!(outcome, DeliveryOutcome::Refused(_));
                note_lost(if is_lost { &DeliveryOutcome::Down } else { &outcome });
            }
            // There is nothing to ask any more.
            None => context.web.lock().space_requests.untold(&self.name),
        }
    }
}
