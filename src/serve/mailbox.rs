//! What a session of IMAP, POP3 or ManageSieve cannot know by itself: the person's place in the book; for IMAP also the rules for the
//! Sent mailbox.

use std::sync::Arc;

use super::Context;
use super::clock::{now, today};
use crate::fault::RefusalCode;
use crate::imap::options::SentCopy;
use crate::imap::space::{Account, Root};
use crate::private::Address;
use crate::quota::{
    Amount, Book, Deletion, Kind, Limit, NoShift, Origin, Refresh, Refreshed, Reservation, Shift, Standing, Stay, Turn, Verdict,
    Watch,
};
use crate::route::{BackendId, Backends};
use crate::scrub::{BODY_START, MessageContext as ScrubContext, Profile, Scrubber, Writer};

/// One logged-in person.
pub(super) struct MailboxAccount {
    user: Address,
    book: Arc<Book>,
    scrubber: Arc<Scrubber>,
    hostname: Box<str>,
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
    /// What the book has to tell this person's open session at `backend`. None: it has nothing about them.
    pub(super) fn watch(&self, context: &Context, (backends, backend): (&Backends, BackendId)) -> Option<Watch> {
        let watch = self.book.watch(&self.user)?;
        // The mailbox may have been moved while its password was judged, before there was anything to be told.
        let name = self.book.backend_for(&self.user).ok();
        let is = context.backends.load();
        let is = name.and_then(|name| is.at(is.find(name.as_deref())?).map(|is| is.name.clone()));
        if is.as_ref() != backends.at(backend).map(|here| &here.name) {
            watch.kick();
        }
        Some(watch)
    }

    /// Somebody's folder, as backends call its owner: an address, or the part before the `@` of a member of the same domain.
    fn folder_owner(&self, owner: &[u8]) -> Option<Address> {
        let owner = std::str::from_utf8(owner).ok()?;
        if owner.contains('@') {
            return Address::parse(owner);
        }
        Address::parse(&format!("{owner}@{}", self.user.domain().reveal()))
    }

    pub(super) fn new(context: &Context, user: Address) -> Arc<MailboxAccount> {
        let (book, scrubber) = (context.book.clone(), context.scrubber.clone());
        Arc::new(MailboxAccount { user, book, scrubber, hostname: context.hostname.clone() })
    }
}

impl MailboxAccount {
    /// Whether `amount` would find room now; sets nothing aside.
    pub(super) fn probe(&self, amount: Amount) -> Result<(), RefusalCode> {
        self.book.probe(&self.user, amount, today()).map_err(Verdict::code)
    }

    /// There is less in the mailbox than the book says, and this session cannot count.
    pub(super) fn shrank(&self) {
        self.book.recount(&self.user);
    }
}

impl Account for MailboxAccount {
    fn reserve(&self, amount: Amount) -> Result<Reservation, RefusalCode> {
        self.book.reserve(&self.user, amount, Origin::Member, today()).map_err(Verdict::code)
    }

    fn reserve_for(&self, owner: &[u8], amount: Amount) -> Result<Reservation, RefusalCode> {
        let owner = self.folder_owner(owner).ok_or(RefusalCode::NotYourFolder)?;
        self.book.reserve(&owner, amount, Origin::Member, today()).map_err(|verdict| match verdict {
            Verdict::Unknown => RefusalCode::NotYourFolder,
            verdict => verdict.code(),
        })
    }

    fn may_change(&self) -> Result<(), RefusalCode> {
        match self.book.route(self.user.domain(), today()).map(|route| route.standing) {
            None => Err(RefusalCode::UnknownMailbox),
            Some(Standing::Active | Standing::Leaving(_)) => Ok(()),
            Some(Standing::ReadOnly) => Err(RefusalCode::ReadOnly),
            Some(Standing::Suspended) => Err(RefusalCode::Suspended),
        }
    }

    fn shift(&self, turn: Turn) -> Option<Shift> {
        self.book.shift(&self.user, turn)
    }

    fn shift_alone(&self, turn: Turn) -> Result<Shift, NoShift> {
        self.book.shift_alone(&self.user, turn)
    }

    fn shift_for(&self, owner: &[u8], turn: Turn) -> Result<Shift, NoShift> {
        self.book.shift_alone(&self.folder_owner(owner).ok_or(NoShift::Unknown)?, turn)
    }

    fn deletion_for(&self, owner: &[u8]) -> Option<Deletion> {
        self.book.deletion(&self.folder_owner(owner)?)
    }

    fn is_self(&self, name: &[u8]) -> bool {
        self.folder_owner(name).as_ref() == Some(&self.user)
    }

    fn renames(&self) -> u64 {
        self.book.renames(&self.user)
    }

    fn is_pushed(&self) -> bool {
        self.book.is_pushed(&self.user)
    }

    fn is_nearly_full(&self) -> bool {
        let nearly = |used: u64, limit: Limit| limit.percent(used.into()) >= NEARLY;
        self.book.fill(&self.user, today()).is_some_and(|fill| {
            nearly(fill.used.octets, fill.limit)
                || nearly(fill.shared_used.octets, fill.shared_storage)
                || nearly(fill.shared_used.messages, fill.shared_messages)
        })
    }

    fn is_seen(&self) -> bool {
        self.book.is_seen(&self.user)
    }

    fn unsee(&self) {
        self.book.unsee(&self.user);
    }

    fn stay(&self) -> Option<Stay> {
        self.book.stay(&self.user)
    }

    fn begin_refresh(&self) -> Option<Refresh> {
        self.book.begin_refresh(&self.user)
    }

    fn finish_refresh(&self, refresh: Refresh, seen: Amount) -> Refreshed {
        refresh.finish(seen, today())
    }

    fn roots(&self) -> Option<[Root; 2]> {
        let fill = self.book.fill(&self.user, today())?;
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
        self.scrubber.headers().header_limit()
    }

    fn body_wanted(&self, header: &[u8]) -> usize {
        if self.scrubber.needs_body_start(header) { BODY_START } else { 0 }
    }

    fn scrub(&self, header: &[u8], body_start: &[u8], date: Option<&[u8]>) -> Option<Vec<u8>> {
        let owns = |address: &Address| self.book.owns(&self.user, address);
        let mailbox = self.book.mailbox_of(&self.user);
        let context = ScrubContext {
            profile: Profile::Sent,
            writer: writer_of(&self.book, &mailbox),
            mailbox: &mailbox,
            hostname: &self.hostname,
            now: i64::try_from(now().as_secs()).unwrap_or(0),
            // No id is added to a stored copy.
            random: [0; 16],
            owns: &owns,
            body_start,
        };
        let scrubbed = self.scrubber.scrub_copy(header, date, &context);
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
