//! What pages need that lasts longer than a request: who is logged in, and what is made once. It knows nothing of what all sessions share,
//! of which it is a part.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use tokio::sync::Semaphore;

use super::mail_places::MailPlaces;
use crate::admin::kick::EndedPages;
use crate::net::seal::HostSeal;
use crate::private::Address;
use crate::quota::Name;
use crate::web::Site;
use crate::web::budget::{AskedLinks, ChangeBudget};
use crate::web::links::Links;
use crate::web::more_space::SpaceRequests;
use crate::web::news::AdminNews;
use crate::web::open_hand_overs::HandOvers;
use crate::web::session::{Sessions, VisitToken};

/// What pages need that lasts longer than a request.
pub struct WebRoom {
    /// What they say about this host.
    pub site: Site,
    /// The statement, in each language, once it is made.
    pub(super) statement: ArcSwapOption<Statement>,
    /// What is the same for all, in each language: made once.
    pub(super) fixed: OnceLock<Fixed>,
    /// What stands in the forms of admins' pages. None without randomness: then no form of theirs is taken.
    pub(super) admin_form: Option<VisitToken>,
    /// The places of mails that somebody asked for.
    pub(super) mails: MailPlaces,
    /// Places of those who ask for a link and are no contacts: they wait for nothing.
    pub(super) asking: Arc<Semaphore>,
    /// The profile as it was signed last: to sign costs a thousand times what all else of an answer does.
    pub(super) sealed: ArcSwapOption<(HostSeal, Vec<u8>)>,
    visits: Mutex<Visits>,
    turns: [Mutex<()>; TURNS],
    clock: VisitClock,
}

/// Pages about associations that are made at once: each looks at all mailboxes of its own, and so has a million octets for that moment.
const TURNS: usize = 16;

/// A clock that only goes forward, from any beginning: sessions and links end by it.
pub type VisitClock = Box<dyn Fn() -> Duration + Send + Sync>;

/// Who is logged in, or may be soon.
#[derive(Default)]
pub(super) struct Visits {
    pub(super) sessions: Sessions,
    pub(super) links: Links,
    pub(super) changes: ChangeBudget,
    pub(super) hand_overs: HandOvers,
    pub(super) asked: AskedLinks,
    pub(super) space_requests: SpaceRequests,
    pub(super) admin_news: AdminNews,
}

/// Requests of nobody's for links, which wait for some seconds like all others: a thousand octets each at most with all around them (of which 272
/// are those that `web_links` counts), and so four million in all. More are answered alike, and do not wait.
const ASKING: usize = 4096;

/// The statement as a page of its own, in English and in French, and what its style is called in a Content-Security-Policy.
pub(super) struct Statement {
    pub(super) pages: [String; 2],
    style: String,
}

/// Pages that nothing changes, in English and in French.
pub(super) struct Fixed {
    pub(super) home: [String; 2],
    pub(super) help: [String; 2],
    pub(super) programs: [String; 2],
}

impl WebRoom {
    /// A room for `site`, by the machine's clock.
    pub fn new(site: Site) -> WebRoom {
        let began = Instant::now();
        WebRoom::by_clock(site, Box::new(move || began.elapsed()))
    }

    /// The same by another one.
    pub fn by_clock(site: Site, clock: VisitClock) -> WebRoom {
        let (mails, asking) = (MailPlaces::default(), Arc::new(Semaphore::new(ASKING)));
        let fixed = OnceLock::new();
        let (statement, visits, admin_form) = (ArcSwapOption::empty(), Mutex::default(), VisitToken::new());
        let (sealed, turns) = (ArcSwapOption::empty(), Default::default());
        WebRoom { site, statement, fixed, sealed, admin_form, mails, asking, visits, turns, clock }
    }

    /// Shows the statement, in English and in French, whose style has this hash (`sha256-...`).
    pub fn tell_statement(&self, pages: [String; 2], style: &str) {
        // Told at the start and after each reload: the backends of then may be told other things.
        self.statement.store(Some(Arc::new(Statement { pages, style: format!("'{style}'") })));
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Visits> {
        // A panic elsewhere must not close the pages.
        self.visits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// To be held while a page about this association is made, or another list of all its mailboxes. Whoever asks for many at once waits for
    /// themselves; not to be asked for where the disk is waited for.
    pub(super) fn turn(&self, name: &Name) -> Option<MutexGuard<'_, ()>> {
        let at = name.reveal().bytes().map(usize::from).sum::<usize>() % TURNS;
        self.turns.get(at).map(|turn| turn.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Since the clock's beginning.
    pub(super) fn now(&self) -> Duration {
        (self.clock)()
    }

    /// Forgets sessions and links that are over.
    pub fn sweep(&self) {
        let (mut visits, now) = (self.lock(), self.now());
        visits.sessions.sweep(now);
        visits.links.sweep(now);
        visits.changes.sweep(now);
        visits.hand_overs.sweep(now);
        visits.admin_news.sweep(now);
    }

    /// Ends the sessions of whoever came in by such an address, and forgets its links: somebody else has the mailbox, perhaps.
    pub(super) fn end_of(&self, whose: impl Fn(&Address) -> bool) -> EndedPages {
        let mut visits = self.lock();
        let sessions = visits.sessions.end_of(&whose);
        let links = visits.links.end_of(&whose) + visits.hand_overs.end_of(&whose);
        EndedPages { sessions: sessions as u64, links: links as u64 }
    }

    /// The style that may stand inside a page.
    pub(super) fn inside_style(&self) -> String {
        self.statement.load().as_ref().map_or_else(String::new, |statement| statement.style.clone())
    }
}
