//! One mailbox's numbers, and what each end of a reservation does to them. docs/quota.md tells when what counts.
//!
//! `used` is what is stored as far as anybody knows. What came through us and was answered is never missing in it; for a moment
//! it may be there twice. With `open` and the doubts it is never below what the backend holds of what came through us.

use super::doubt::Doubts;
use super::pulse::Tick;
use super::push::PushState;
use super::recent::Recent;
use super::{Amount, Counted, Origin, Released, Turn};

/// See the head of the file.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) used: Amount,
    /// Set aside by reservations that are open.
    pub(super) open: Amount,
    pub(super) doubts: Doubts,
    /// Octets that members announced and did not hand over yet.
    pub(super) announced: u64,
    /// Reservations that are set aside, for nothing too.
    pub(super) set_aside: u32,
    /// Reservations that were handed over and have no end yet; how many of them are incoming mail.
    pub(super) handed: u32,
    pub(super) handed_incoming: u32,
    /// Everything committed since the start of the program; only differences mean anything.
    pub(super) committed: Amount,
    /// Incoming mail that a number which is told soon may miss, since the start; what of it still may be missed.
    pub(super) incoming: Amount,
    pub(super) late: Doubts,
    /// What was committed in the last ticks.
    pub(super) recent: Recent,
    /// When a member's reservation was committed last.
    pub(super) by_member: Option<Tick>,
    /// Counts under way, the number of the last that began and of the newest that was finished, and how many were used.
    pub(super) counting: u32,
    pub(super) begun: u64,
    pub(super) finished: u64,
    pub(super) counts: u64,
    /// When somebody took a count upon himself that others can make as well.
    pub(super) taken: Option<Tick>,
    /// Pushes that came, whoever had the mailbox; only differences mean anything.
    pub(super) pushes: u64,
    /// What is under way, by [`Turn`].
    pub(super) under_way: [u32; Turn::COUNT],
    /// How many moves and renames there were, and when the last one ended.
    pub(super) shifted: u64,
    pub(super) settled_at: Option<Tick>,
    /// How often a folder began or ended to be renamed or deleted.
    pub(super) renames: u64,
    /// When the backend's number was learnt last.
    pub(super) confirmed: Option<Tick>,
    /// When another backend got the mailbox; none where none did since the start.
    pub(super) arrived: Option<Tick>,
    /// How often it became known that there may be less.
    pub(super) unseen: u64,
    /// Deletions that the backend has not answered.
    pub(super) deleting: u32,
    /// A count is wanted.
    pub(super) wanted: bool,
    /// There may be less than the number says: mail was deleted and nobody counted since.
    pub(super) shrunk: bool,
    /// The open sessions are to hear that one is wanted.
    pub(super) tell: bool,
    /// A session that ended stays behind.
    pub(super) stayed: bool,
    /// Open sessions, and until when the backend's side of one that ended may be open.
    pub(super) watched: u32,
    pub(super) lingers: Tick,
    pub(super) push: Option<Box<PushState>>,
}

/// A reservation's side.
pub(super) struct Held {
    pub(super) amount: Amount,
    pub(super) way: Origin,
    phase: Phase,
    since: Since,
    folders: Folders,
}

/// The mailbox's folders when it was set aside first: then the backend was told where it goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Folders {
    /// It never was.
    Unseen,
    /// One was being renamed or deleted.
    Moving,
    /// None was, after so many beginnings and ends of it.
    Still(u64),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Set aside; the backend does not have all of it.
    Announced,
    /// Let go for the moment.
    Paused,
    /// The backend has every octet.
    Handed,
}

/// What had happened when it was handed over, or else when it was made.
#[derive(Clone, Copy, Default)]
struct Since {
    counts: u64,
    pushes: u64,
}

impl Held {
    /// Neither set aside nor let go yet.
    pub(super) fn new(amount: Amount, way: Origin) -> Held {
        Held { amount, way, phase: Phase::Paused, since: Since::default(), folders: Folders::Unseen }
    }

    pub(super) fn is_handed(&self) -> bool {
        self.phase == Phase::Handed
    }

    pub(super) fn is_paused(&self) -> bool {
        self.phase == Phase::Paused
    }
}

impl Tally {
    /// What is shown as used: what is stored, and what is in doubt.
    pub(super) fn shown(&self) -> Amount {
        self.used.plus(self.doubts.total())
    }

    /// Whether the backend's number was learnt since the start.
    pub(super) fn is_confirmed(&self) -> bool {
        self.confirmed.is_some()
    }

    /// Whether the number is the backend's, and nothing has happened since that makes it uncertain.
    pub(super) fn is_seen(&self) -> bool {
        let sure = !self.wanted && !self.is_unsettled() && self.doubts.total() == Amount::ZERO;
        self.confirmed.is_some() && sure && self.deleting == 0
    }

    /// A count is wanted, and whoever is there to count is told.
    pub(super) fn want(&mut self) {
        self.wanted = true;
        self.tell = true;
    }

    /// Whether the number waits for a tick: it may be too high until then.
    pub(super) fn is_unsettled(&self) -> bool {
        self.push.as_ref().is_some_and(|push| push.is_unsettled())
    }

    /// Whether any of `turns` is under way.
    pub(super) fn has_under_way(&self, turns: &[Turn]) -> bool {
        turns.iter().any(|turn| self.under_way[*turn as usize] > 0)
    }

    /// Whether the open sessions are to be told; once.
    pub(super) fn take_tell(&mut self) -> bool {
        std::mem::take(&mut self.tell)
    }

    /// Sets a reservation's amount aside; it was judged.
    pub(super) fn hold(&mut self, held: &mut Held) {
        self.open = self.open.plus(held.amount);
        self.set_aside += 1;
        if held.way == Origin::Member {
            self.announced = self.announced.saturating_add(held.amount.octets);
        }
        (held.phase, held.since) = (Phase::Announced, self.since());
        if held.folders == Folders::Unseen {
            held.folders =
                if self.has_under_way(&[Turn::Rename, Turn::Delete]) { Folders::Moving } else { Folders::Still(self.renames) };
        }
    }

    /// More for a reservation that is not let go; it was judged.
    pub(super) fn grow(&mut self, held: &mut Held, more: Amount) {
        self.open = self.open.plus(more);
        if held.way == Origin::Member && held.phase == Phase::Announced {
            self.announced = self.announced.saturating_add(more.octets);
        }
        held.amount = held.amount.plus(more);
    }

    /// Its octets do not come.
    pub(super) fn pause(&mut self, held: &mut Held) {
        if held.phase == Phase::Announced {
            self.let_go(held);
            held.phase = Phase::Paused;
        }
    }

    /// The backend has all of it.
    pub(super) fn hand_over(&mut self, held: &mut Held) {
        match held.phase {
            Phase::Handed => return,
            // It can be stored now, so it counts, whatever the limits say.
            Phase::Paused => {
                self.open = self.open.plus(held.amount);
                self.set_aside += 1;
            }
            Phase::Announced => self.unannounce(held),
        }
        self.handed += 1;
        self.handed_incoming += u32::from(held.way == Origin::Incoming);
        (held.phase, held.since) = (Phase::Handed, self.since());
    }

    /// Nothing was stored, says the backend, or it never had all of it.
    pub(super) fn release(&mut self, held: &Held, now: Tick) -> Released {
        // Dovecot says NO when the folder was renamed under the command, with the message in it.
        if held.is_handed() && held.folders != Folders::Still(self.renames) {
            self.doubt(held, now);
            return Released::Doubt;
        }
        self.let_go(held);
        let _ = self.incoming_ended();
        Released::Free
    }

    /// Nobody knows whether it was stored.
    pub(super) fn doubt(&mut self, held: &Held, now: Tick) {
        self.let_go(held);
        let _ = self.incoming_ended();
        if held.amount != Amount::ZERO {
            self.doubts.add(held.amount, self.begun, now);
            self.want();
        }
    }

    /// `stored` is in the mailbox now.
    pub(super) fn commit(&mut self, held: &Held, stored: Amount, now: Tick) -> Counted {
        self.let_go(held);
        let counted = self.stored(held, stored, now);
        if self.incoming_ended() { Counted::Once } else { counted }
    }

    fn stored(&mut self, held: &Held, stored: Amount, now: Tick) -> Counted {
        if stored == Amount::ZERO {
            return Counted::Once;
        }
        self.committed = self.committed.plus(stored);
        let slot = self.recent.slot(now);
        *slot = slot.plus(stored);
        if held.way == Origin::Member {
            self.by_member = Some(now);
        }
        let overlaps = self.counting > 0 || self.counts != held.since.counts;
        if self.push.is_some() {
            // A push that came since the hand-over may hold it: its own, if the session ended at once.
            let perhaps = self.pushes != held.since.pushes;
            return self.commit_pushed(held.way, stored, (overlaps, perhaps), now);
        }
        self.used = self.used.plus(stored);
        if held.way == Origin::Incoming {
            self.came_late(stored, now);
        }
        self.counted(held.way, overlaps)
    }

    /// Incoming mail that the next number may miss.
    pub(super) fn came_late(&mut self, stored: Amount, now: Tick) {
        self.incoming = self.incoming.plus(stored);
        self.late.add(stored, self.begun, now);
    }

    /// The backend's own count of incoming mail is not known before somebody asks for it.
    pub(super) fn counted(&mut self, way: Origin, twice: bool) -> Counted {
        match way {
            Origin::Incoming => self.want(),
            // Its session counts again.
            Origin::Member => self.wanted |= twice,
        }
        if twice { Counted::PerhapsTwice } else { Counted::Once }
    }

    fn since(&self) -> Since {
        Since { counts: self.counts, pushes: self.pushes }
    }

    fn let_go(&mut self, held: &Held) {
        match held.phase {
            Phase::Paused => return,
            Phase::Announced => self.unannounce(held),
            Phase::Handed => {
                self.handed = self.handed.saturating_sub(1);
                self.handed_incoming = self.handed_incoming.saturating_sub(u32::from(held.way == Origin::Incoming));
            }
        }
        self.open = self.open.minus(held.amount);
        self.set_aside = self.set_aside.saturating_sub(1);
    }

    fn unannounce(&mut self, held: &Held) {
        if held.way == Origin::Member {
            self.announced = self.announced.saturating_sub(held.amount.octets);
        }
    }
}
