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
use crate::web::more_space::{MoreSpaceError, MoreSpaceTyped};
use crate::web::news::VisitNews;
use crate::web::password::EntryPage;
use crate::web::session::FoundVisit;
use crate::web::share::share;
use crate::web::{WebAnswer, WebRequest};

/// Asks.
pub(super) fn ask(context: &Arc<Context>, asked: &WebRequest) -> WebAnswer {
    let Some(found) = form_of(context, asked) else { return wrong(context, asked.lang, NoPage::Form) };
    let (Principal::Contact(name), Some(hosts)) = (&found.visitor.principal, &context.web.site.hosts) else {
        return wrong(context, asked.lang, NoPage::Form);
    };
    let (Some(share), Some(words)) = (asked.form.field("share"), asked.form.field("words")) else {
        return wrong(context, asked.lang, NoPage::Request);
    };
    let typed = MoreSpaceTyped { share: share.trim().into(), words: words.into() };
    let refused = |error| page(context, asked.lang, &found, FormResult::MoreSpaceRefused(error, typed.clone()));
    let (request, domain) = match read(context, &found, name, &typed) {
        Ok(read) => read,
        Err(error) => return refused(error),
    };
    if !may_change(context, &found) {
        return wrong(context, asked.lang, NoPage::Busy);
    }
    if context.web.lock().space_requests.begin(name, context.web.now()) {
        let mail = SpaceRequestMail { request, domain, hosts: hosts.clone(), lang: asked.lang };
        Handle::current().spawn(mail.send(context.clone()));
    } else if !is_again(context, asked, VisitNews::SpaceAsked) {
        return refused(MoreSpaceError::Lately);
    }
    done(context, asked, VisitNews::SpaceAsked, EntryPage::Contact)
}

/// What was typed, with what the page shows of the association, and the domain by whose relay it goes.
fn read(
    context: &Context,
    found: &FoundVisit,
    name: &Name,
    typed: &MoreSpaceTyped,
) -> Result<(SpaceRequest, Domain), MoreSpaceError> {
    let more = share(&typed.share, Limit::None).map_err(MoreSpaceError::Size)?;
    let words = typed.plain_words().ok_or(MoreSpaceError::TooLong)?;
    let shown = obey(context, &found.visitor.principal, &ShowAssociation { name: name.clone() });
    let association = shown.map_err(|_| MoreSpaceError::NoMail)?.association;
    // Without a limit the form is not there, and there is nothing to ask for.
    let Limit::At(storage) = association.settings.storage else { return Err(MoreSpaceError::NoMail) };
    let domain = association.settings.domains.first().filter(|domain| has_relay(context, domain)).cloned();
    let (used, contact) = (association.fill.octets, found.visitor.address.clone());
    let request = SpaceRequest { name: name.clone(), contact, more, used, storage, words };
    Ok((request, domain.ok_or(MoreSpaceError::NoMail)?))
}

struct SpaceRequestMail {
    request: SpaceRequest,
    domain: Domain,
    hosts: Address,
    lang: Lang,
}

/// How long a relay that takes no mail has until it is tried again: the contact was told that the hosts are asked.
const AGAIN: [Duration; 4] = [Duration::ZERO, Duration::from_secs(20), Duration::from_secs(5 * 60), Duration::from_secs(60 * 60)];

impl SpaceRequestMail {
    async fn send(self, context: Arc<Context>) {
        let mut outcome = DeliveryOutcome::Down;
        for wait in AGAIN {
            sleep(wait).await;
            let (notice, domain, to) = (Notice::more_space(&self.request, self.lang), self.domain.clone(), self.hosts.clone());
            let mail = || Some(AskedMail { notice, domain, to });
            outcome = send_in_turn(&context, (&self.domain, &self.hosts), mail).await.unwrap_or(DeliveryOutcome::Down);
            if !matches!(outcome, DeliveryOutcome::Later | DeliveryOutcome::Down) {
                break;
            }
        }
        // Of what never left the contact may try again at once.
        if matches!(outcome, DeliveryOutcome::Later | DeliveryOutcome::Down | DeliveryOutcome::Refused(_)) {
            context.web.lock().space_requests.untold(&self.request.name);
        }
        note_lost(&outcome);
    }
}
