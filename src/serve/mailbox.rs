//! What a session of IMAP, POP3 or ManageSieve cannot know by itself: the person's place in the book; for IMAP also the rules for the
//! Sent mailbox.

use std::sync::Arc;

use super::Context;
use super::admission::Authenticated;
use super::clock::{now, today};
use crate::fault::RefusalCode;
use crate::imap::options::SentCopy;
use crate::imap::space::{Account, Root};
use crate::private::Address;
use crate::quota::{
    Amount, Book, DeletedBy, Deletion, Kind, Limit, NoShift, Origin, Refresh, Refreshed, Reservation, Shift, Standing, Turn,
    Verdict, Watch, WhoStays,
};
use crate::route::{BackendId, Backends};
use crate::scrub::{BODY_START, MessageContext as ScrubContext, Profile, Writer};

/// One logged-in person.
pub(super) struct MailboxAccount {
    user: Address,
    context: Arc<Context>,
    /// The backend of this session, among those that were in force when it began.
    backends: Arc<Backends>,
    backend: BackendId,
}

/// Who writes with `mailbox`, for the rules about header fields.
pub(super) fn writer_of(book: &Book, mailbox: &Address) -> Writer {
    match book.kind(mailbox) {
        Kind::Person => Writer::Person,
        Kind::Machine => Writer::Machine,
    }
}

/// From this fill on, in percent, what is deleted is counted at once: somebody may be waiting for the room.
const NEARLY: u128 = 80;

impl MailboxAccount {
    /// What the book has to tell this person's open session. None: it has nothing about them.
    pub(super) fn watch(&self) -> Option<Watch> {
        let watch = self.context.book.watch(&self.user)?;
        // The mailbox may have been moved while its password was judged, before there was anything to be told.
        if !self.is_here(&self.user) {
            watch.kick();
        }
        Some(watch)
    }

    /// Whether `mailbox` is at the backend of this session. Another store may hold a copy of what was there.
    fn is_here(&self, mailbox: &Address) -> bool {
        self.context.book.backend_for(mailbox).is_ok_and(|name| self.backends.find(name.as_deref()) == Some(self.backend))
    }

    /// The owner of a folder that can be changed here.
    ///
    /// # Errors
    /// [`RefusalCode::NotYourFolder`]: nobody's that the book knows. [`RefusalCode::BackendDown`]: the mailbox is elsewhere, or on its way.
    fn owner_here(&self, owner: &[u8]) -> Result<Address, RefusalCode> {
        let owner = self.folder_owner(owner).ok_or(RefusalCode::NotYourFolder)?;
        match self.context.book.association_of(&owner) {
            None => Err(RefusalCode::NotYourFolder),
            Some(_) if !self.is_here(&owner) => Err(RefusalCode::BackendDown),
            Some(_) => Ok(owner),
        }
    }

    /// Somebody's folder, as backends call its owner: an address, or the part before the `@` of a member of the same domain.
    fn folder_owner(&self, owner: &[u8]) -> Option<Address> {
        let owner = std::str::from_utf8(owner).ok()?;
        if owner.contains('@') {
            return Address::parse(owner);
        }
        Address::parse(&format!("{owner}@{}", self.user.domain().reveal()))
    }

    pub(super) fn new(context: &Arc<Context>, who: Authenticated) -> Arc<MailboxAccount> {
        let Authenticated { user, backends, backend } = who;
        Arc::new(MailboxAccount { user, context: context.clone(), backends, backend })
    }
}

impl MailboxAccount {
    /// Whether `amount` would find room now; sets nothing aside.
    pub(super) fn probe(&self, amount: Amount) -> Result<(), RefusalCode> {
        self.context.book.probe(&self.user, amount, today()).map_err(Verdict::code)
    }

    /// There is less in the mailbox than the book says, and this session cannot count.
    pub(super) fn shrank(&self) {
        self.context.book.recount(&self.user);
    }
}

impl Account for MailboxAccount {
    fn reserve(&self, amount: Amount) -> Result<Reservation, RefusalCode> {
        self.context.book.reserve(&self.user, amount, Origin::Member, today()).map_err(Verdict::code)
    }

    fn reserve_for(&self, owner: &[u8], amount: Amount) -> Result<Reservation, RefusalCode> {
        let owner = self.owner_here(owner)?;
        self.context.book.reserve(&owner, amount, Origin::Member, today()).map_err(|verdict| match verdict {
            Verdict::Unknown => RefusalCode::NotYourFolder,
            verdict => verdict.code(),
        })
    }

    fn may_change(&self) -> Result<(), RefusalCode> {
        match self.context.book.route(self.user.domain(), today()).map(|route| route.standing) {
            None => Err(RefusalCode::UnknownMailbox),
            Some(Standing::Active | Standing::Leaving(_)) => Ok(()),
            Some(Standing::ReadOnly) => Err(RefusalCode::ReadOnly),
            Some(Standing::Suspended) => Err(RefusalCode::Suspended),
        }
    }

    fn shift(&self, turn: Turn) -> Option<Shift> {
        self.context.book.shift(&self.user, turn)
    }

    fn shift_alone(&self, turn: Turn) -> Result<Shift, NoShift> {
        self.context.book.shift_alone(&self.user, turn)
    }

    fn shift_for(&self, owner: &[u8], turn: Turn) -> Result<Shift, NoShift> {
        let unseen = |code| if code == RefusalCode::BackendDown { NoShift::NotNow } else { NoShift::Unknown };
        let owner = self.owner_here(owner).map_err(unseen)?;
        self.context.book.shift_alone(&owner, turn)
    }

    fn deletion_for(&self, owner: &[u8]) -> Option<Deletion> {
        self.context.book.deletion(&self.folder_owner(owner)?, DeletedBy::Guest)
    }

    fn own_deletion(&self) -> Option<Deletion> {
        self.context.book.deletion(&self.user, DeletedBy::Owner)
    }

    fn is_self(&self, name: &[u8]) -> bool {
        self.folder_owner(name).as_ref() == Some(&self.user)
    }

    fn renames(&self) -> u64 {
        self.context.book.renames(&self.user)
    }

    fn is_pushed(&self) -> bool {
        self.context.book.is_pushed(&self.user)
    }

    fn is_nearly_full(&self) -> bool {
        let nearly = |used: u64, limit: Limit| limit.percent(used.into()) >= NEARLY;
        self.context.book.fill(&self.user, today()).is_some_and(|fill| {
            nearly(fill.used.octets, fill.limit)
                || nearly(fill.shared_used.octets, fill.shared_storage)
                || nearly(fill.shared_used.messages, fill.shared_messages)
        })
    }

    fn is_known(&self) -> bool {
        self.context.book.is_confirmed(&self.user)
    }

    fn is_seen(&self) -> bool {
        self.context.book.is_seen(&self.user)
    }

    fn takes_count(&self) -> bool {
        self.context.book.take_count(&self.user)
    }

    fn unsee(&self) {
        self.context.book.unsee(&self.user);
    }

    fn leave_count(&self) {
        self.context.book.recount(&self.user);
    }

    fn stay(&self) -> Option<WhoStays> {
        self.context.book.stay(&self.user)
    }

    // What a store of before holds is not what is in the mailbox.
    fn begin_refresh(&self) -> Option<Refresh> {
        self.is_here(&self.user).then_some(())?;
        self.context.book.begin_refresh(&self.user)
    }

    fn finish_refresh(&self, refresh: Refresh, seen: Amount) -> Refreshed {
        refresh.finish(seen, today())
    }

    fn roots(&self) -> Option<[Root; 2]> {
        let fill = self.context.book.fill(&self.user, today())?;
        let own =
            Root { octets: fill.used.octets.into(), storage: fill.limit, messages: fill.used.messages.into(), most: Limit::None };
        let shared = Root {
            octets: fill.shared_used.octets.into(),
            storage: fill.shared_storage,
            messages: fill.shared_used.messages.into(),
            most: fill.shared_messages,
        };
        Some([own, shared])
    }
}

impl SentCopy for MailboxAccount {
    fn header_limit(&self) -> usize {
        self.context.scrubber.headers().header_limit()
    }

    fn body_wanted(&self, header: &[u8]) -> usize {
        if self.context.scrubber.needs_body_start(header) { BODY_START } else { 0 }
    }

    fn scrub(&self, header: &[u8], body_start: &[u8], date: Option<&[u8]>) -> Option<Vec<u8>> {
        let owns = |address: &Address| self.context.book.owns(&self.user, address);
        let mailbox = self.context.book.mailbox_of(&self.user);
        let context = ScrubContext {
            profile: Profile::Sent,
            writer: writer_of(&self.context.book, &mailbox),
            mailbox: &mailbox,
            hostname: &self.context.hostname,
            now: i64::try_from(now().as_secs()).unwrap_or(0),
            // No id is added to a stored copy.
            random: [0; 16],
            owns: &owns,
            body_start,
        };
        let scrubbed = self.context.scrubber.scrub_copy(header, date, &context);
        scrubbed.touched().then(|| scrubbed.into_header())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::private::Domain;
    use crate::quota::{Association, BookParams, Day, Name};
    use crate::store::MemoryStore;

    #[test]
    fn a_login_in_any_spelling_is_one_mailbox() {
        let book =
            Book::open(Arc::new(MemoryStore::new()), BookParams { separator: Some('+'), ..BookParams::default() }).unwrap();
        let domain = |text: &str| Domain::parse(text).unwrap();
        let mut velo = Association::new(Name::parse("velo").unwrap(), [domain("velo.example")]);
        velo.domain_aliases.insert(domain("bike.example"), domain("velo.example"));
        book.import_once(vec![velo], Day::from_unix(0)).unwrap();
        let mailbox = |login: &str| book.mailbox_of(&Address::parse(login).unwrap()).reveal();
        for login in ["alice@velo.example", "Alice@Bike.example", "alice+phone@velo.example"] {
            assert_eq!(mailbox(login), "alice@velo.example", "{login}");
        }
        assert_eq!(mailbox("alice@elsewhere.example"), "alice@elsewhere.example");
    }
}
