//! Whether whoever is logged in at the pages, or was sent a link, still is who they were. Asked at each visit, and after each change by an
//! admin or a panel: an address that is somebody else's tomorrow must find nothing of its owner of today.

use super::Context;
use super::clock::today;
use crate::admin::Principal;
use crate::private::Address;
use crate::quota::Name;
use crate::web::session::Visitor;

/// Whether a session may go on.
pub(super) fn stands(context: &Context, visitor: &Visitor) -> bool {
    match &visitor.principal {
        Principal::Contact(name) => is_contact(context, name, &visitor.address),
        Principal::Member(address) => is_member(context, address),
        // They come another way.
        Principal::Admin => false,
    }
}

/// Whether there is a mailbox of that address itself, whose owner may log in: not an alias' or a sub-address', and none that was removed.
pub(super) fn is_member(context: &Context, address: &Address) -> bool {
    context.book.may_log_in(address, today()).is_ok() && context.book.mailbox(address).is_some()
}

/// Whether the association has that contact.
pub(super) fn is_contact(context: &Context, name: &Name, address: &Address) -> bool {
    context.book.contact_of(address).iter().any(|(theirs, _)| theirs == name)
}

/// Ends the sessions, links and hand-overs of those who are not any more who they were. To be called after a change of the book, before
/// it is answered: what is made anew then is somebody else's.
pub(super) fn end_what_fell(context: &Context) {
    let mut visits = context.web.lock();
    visits.sessions.keep_only(|visitor| stands(context, visitor));
    visits.links.keep_only(|name, contact| is_contact(context, name, contact));
    visits.hand_overs.keep_only(|name, contact| is_contact(context, name, contact));
}
