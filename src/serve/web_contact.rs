//! What a contact looks at besides its page: the other parts of its list of mailboxes, where one of them is, and all of it as a file.

use std::sync::Arc;

use serde_json::json;

use super::Context;
use super::web_pages::wrong;
use super::web_visit::{form_of, obey, page, part_of, visitor};
use crate::admin::Principal;
use crate::admin::association::ShowAssociation;
use crate::admin::mailbox::ListMailboxes;
use crate::private::Address;
use crate::quota::Name;
use crate::web::amount::fullest_first;
use crate::web::contact_mailboxes::place_of;
use crate::web::form_result::FormResult;
use crate::web::home::NoPage;
use crate::web::parts::ListPart;
use crate::web::{Body, Keep, WebAnswer, WebRequest, login};

/// The page with another part of its mailboxes.
pub(super) fn mailboxes(context: &Arc<Context>, asked: &WebRequest) -> WebAnswer {
    match std::str::from_utf8(asked.rest.reveal()).ok().and_then(ListPart::parse) {
        Some(part) => part_of(context, asked, part),
        None => wrong(context, asked.lang, NoPage::Missing),
    }
}

/// Where a mailbox of the list is. One that is not this association's is not found, like one that is nowhere.
pub(super) fn find(context: &Arc<Context>, asked: &WebRequest) -> WebAnswer {
    let Some(found) = form_of(context, asked) else { return wrong(context, asked.lang, NoPage::Form) };
    let Principal::Contact(name) = &found.visitor.principal else { return wrong(context, asked.lang, NoPage::Form) };
    let Some(typed) = asked.form.field("address").map(str::trim) else { return wrong(context, asked.lang, NoPage::Request) };
    match Address::parse(typed).and_then(|address| place(context, &found.visitor.principal, name, &address)) {
        Some(place) => WebAnswer::go_to(&format!("/{}{place}", asked.lang.word())),
        None => page(context, asked.lang, &found, FormResult::NotFound(typed.into())),
    }
}

fn place(context: &Context, principal: &Principal, name: &Name, address: &Address) -> Option<String> {
    let _turn = context.web.turn(name);
    let told = obey(context, principal, &ListMailboxes { association: Some(name.clone()) }).ok()?;
    let sorted = fullest_first(&told.mailboxes);
    let place = sorted.iter().position(|mailbox| mailbox.address == *address)?;
    Some(place_of(place, sorted.len()))
}

/// All that the page shows, and what it has no place for, as a file. It is long, so it costs as much as a change.
pub(super) fn download(context: &Arc<Context>, asked: &WebRequest) -> WebAnswer {
    let found = visitor(context, asked);
    let Some((found, name)) = found
        .and_then(|found| match &found.visitor.principal {
            Principal::Contact(name) => Some((name.clone(), found)),
            Principal::Admin | Principal::Member(_) => None,
        })
        .map(|(name, found)| (found, name))
    else {
        return WebAnswer::page(login::ask(&context.web.site, asked.lang, None, None), Keep::Never);
    };
    if !context.web.lock().changes.take(&found.visitor.address, context.web.now()) {
        return wrong(context, asked.lang, NoPage::Busy);
    }
    let (principal, _turn) = (&found.visitor.principal, context.web.turn(&name));
    let association = obey(context, principal, &ShowAssociation { name: name.clone() });
    let mailboxes = obey(context, principal, &ListMailboxes { association: Some(name.clone()) });
    let (Ok(association), Ok(mailboxes)) = (association, mailboxes) else {
        return wrong(context, asked.lang, NoPage::Missing);
    };
    match serde_json::to_vec(&json!({ "about": association, "mailboxes": mailboxes.mailboxes })) {
        Ok(text) => WebAnswer { keep: Keep::Never, ..WebAnswer::file(Body::Held, text) },
        // An empty file would say that nothing is held.
        Err(_) => wrong(context, asked.lang, NoPage::Busy),
    }
}
