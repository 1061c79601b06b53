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
        Principal::Contact(name) => context.book.is_contact(name, &visitor.address),
        Principal::Member(address) => is_member(context, address),
        // They come another way.
        Principal::Admin => false,
    }
}

/// Whether there is a mailbox of that address itself, whose owner may log in: not an alias' or a sub-address', and none that was removed.
pub(super) fn is_member(context: &Context, address: &Address) -> bool {
    context.book.may_log_in(address, today()).is_ok() && context.book.mailbox(address).is_some()
}

/// Whether lists show that very mailbox as one of the association's: pages change what they show, and make no mailbox.
pub(super) fn is_listed(context: &Context, name: &Name, address: &Address) -> bool {
    let view = context.book.mailbox(address);
    view.is_some_and(|view| view.settled.is_some() && view.association == *name && view.address == *address)
}

/// Ends the sessions, links and hand-overs of those who are not any more who they were. To be called after each command that changes
/// something, by whichever listener it came, before it is answered: what is made anew then is somebody else's. After one that only looks there is
/// nothing to end.
pub(super) fn end_what_fell(context: &Context) {
    let mut visits = context.web.lock();
    visits.sessions.keep_only(|visitor| stands(context, visitor));
    visits.links.keep_only(|name, contact| context.book.is_contact(name, contact));
    visits.hand_overs.keep_only(|name, contact| context.book.is_contact(name, contact));
}
