//! The incidents that are on: begun and ended by the admin, ended by the clock, watched by sessions.
//!
//! While none is on, a session pays for one relaxed read of a number that nobody writes.

use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::ring::Ring;
use super::{Answer, IncidentStep, StepContent, StepWord};
use crate::fault::Side;
use crate::private::Address;

/// Incidents at once.
const MOST: usize = 4;
/// Minutes of an incident where the admin says nothing else.
pub const USUAL: u64 = 10;
/// Minutes of an incident at the most.
pub const LONGEST: u64 = 60;

/// All that are on.
#[derive(Default)]
pub struct Incidents {
    /// Counts beginnings and ends, so that sessions notice them.
    changes: AtomicU64,
    running: Mutex<Vec<(Address, Arc<Incident>)>>,
}

struct Incident {
    began: Instant,
    ends: Instant,
    over: AtomicBool,
    sessions: AtomicU16,
    ring: Mutex<Ring>,
}

/// Why an incident does not begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is on already.
    On,
    /// As many as may be are on.
    Full,
}

/// An incident as the admin is shown it.
pub struct RunningIncident {
    /// Whose.
    pub address: Address,
    /// How long it still lasts.
    pub left: Duration,
    /// Sessions since it began.
    pub sessions: u16,
    /// Its steps.
    pub steps: Vec<IncidentStep>,
    /// Older steps that found no room.
    pub dropped: u64,
}

/// What a session writes its steps with, while its owner's incident is on.
pub struct IncidentWatch {
    incident: Arc<Incident>,
    session: u16,
    protocol: StepWord,
}

impl Incidents {
    /// Changes with each beginning and each end.
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::Relaxed)
    }

    /// Begins one for `minutes`, of which 1 to [`LONGEST`] count.
    ///
    /// # Errors
    /// See [`Refused`].
    pub fn start(&self, address: Address, minutes: u64, now: Instant) -> Result<Duration, Refused> {
        let mut running = self.swept(now);
        if running.iter().any(|(other, _)| *other == address) {
            return Err(Refused::On);
        }
        if running.len() >= MOST {
            return Err(Refused::Full);
        }
        let length = Duration::from_secs(60 * minutes.clamp(1, LONGEST));
        let (over, sessions, ring) = Default::default();
        running.push((address, Arc::new(Incident { began: now, ends: now + length, over, sessions, ring })));
        self.changes.fetch_add(1, Ordering::Relaxed);
        Ok(length)
    }

    /// Ends the one of `address`, and forgets its steps. False: there is none.
    pub fn stop(&self, address: &Address, now: Instant) -> bool {
        let mut running = self.swept(now);
        let Some(place) = running.iter().position(|(other, _)| other == address) else { return false };
        running.swap_remove(place).1.end();
        self.changes.fetch_add(1, Ordering::Relaxed);
        true
    }

    /// The one of `address`.
    pub fn show(&self, address: &Address, now: Instant) -> Option<RunningIncident> {
        let running = self.swept(now);
        running.iter().find(|(other, _)| other == address).map(|(address, incident)| incident.show(address, now))
    }

    /// All that are on, the oldest first.
    pub fn list(&self, now: Instant) -> Vec<RunningIncident> {
        let mut list: Vec<_> = self.swept(now).iter().map(|(address, incident)| incident.show(address, now)).collect();
        list.sort_by_key(|shown| shown.left);
        list
    }

    /// Ends those whose time is over.
    pub fn sweep(&self, now: Instant) {
        drop(self.swept(now));
    }

    /// A session of `address`, if its incident is on.
    pub fn watch(&self, address: &Address, protocol: StepWord, now: Instant) -> Option<IncidentWatch> {
        let running = self.swept(now);
        let (_, incident) = running.iter().find(|(other, _)| other == address)?;
        let session = incident.sessions.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        Some(IncidentWatch { incident: incident.clone(), session, protocol })
    }

    fn swept(&self, now: Instant) -> MutexGuard<'_, Vec<(Address, Arc<Incident>)>> {
        let mut running = lock(&self.running);
        let before = running.len();
        running.retain(|(_, incident)| {
            let on = now < incident.ends;
            if !on {
                incident.end();
            }
            on
        });
        if running.len() < before {
            self.changes.fetch_add(1, Ordering::Relaxed);
        }
        running
    }
}

impl Incident {
    // A session may still hold it: what it held goes now.
    fn end(&self) {
        let mut ring = lock(&self.ring);
        self.over.store(true, Ordering::Relaxed);
        ring.clear();
    }

    fn show(&self, address: &Address, now: Instant) -> RunningIncident {
        let (steps, dropped) = lock(&self.ring).copy();
        let left = self.ends.saturating_duration_since(now);
        RunningIncident { address: address.clone(), left, sessions: self.sessions.load(Ordering::Relaxed), steps, dropped }
    }
}

impl IncidentWatch {
    /// Whether it is still on.
    pub fn is_on(&self, now: Instant) -> bool {
        now < self.incident.ends && !self.incident.over.load(Ordering::Relaxed)
    }

    /// How long it still lasts.
    pub fn left(&self, now: Instant) -> Duration {
        self.incident.ends.saturating_duration_since(now)
    }

    /// `side` gave a command.
    pub fn asked(&self, side: Side, verb: StepWord, now: Instant) {
        self.note(side, StepContent::Asked(verb), now);
    }

    /// `side` answered.
    pub fn answered(&self, side: Side, answer: Answer, now: Instant) {
        self.note(side, StepContent::Answered(answer), now);
    }

    fn note(&self, side: Side, what: StepContent, now: Instant) {
        if !self.is_on(now) {
            return;
        }
        let at = u32::try_from(now.saturating_duration_since(self.incident.began).as_millis()).unwrap_or(u32::MAX);
        let mut ring = lock(&self.incident.ring);
        // Looked at again behind the lock: nothing may be written down after the end has wiped it.
        if !self.incident.over.load(Ordering::Relaxed) {
            ring.push(IncidentStep { at, session: self.session, side, protocol: self.protocol, what });
        }
    }
}

// A panic elsewhere must not keep an incident from ending.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::super::ring::KEPT;
    use super::*;

    fn address(name: &str) -> Address {
        Address::parse(&format!("{name}@velo.example")).unwrap()
    }

    #[test]
    fn it_ends_by_itself_and_a_session_that_holds_it_holds_nothing() {
        let (incidents, now, alice) = (Incidents::default(), Instant::now(), address("alice"));
        assert!(incidents.watch(&alice, StepWord::new("imap"), now).is_none());
        assert_eq!(incidents.start(alice.clone(), 99, now), Ok(Duration::from_secs(3600)));
        let before = incidents.changes();
        let watch = incidents.watch(&alice, StepWord::new("imap"), now).unwrap();
        assert!(incidents.watch(&address("bob"), StepWord::new("imap"), now).is_none());
        watch.asked(Side::Client, StepWord::new("NOOP"), now + Duration::from_millis(1500));
        let shown = incidents.show(&alice, now).unwrap();
        assert_eq!((shown.steps.len(), shown.steps[0].at, shown.steps[0].session, shown.sessions), (1, 1500, 1, 1));
        let end = now + Duration::from_secs(3600);
        assert!(!watch.is_on(end) && incidents.show(&alice, end).is_none() && incidents.list(end).is_empty());
        assert!(incidents.changes() > before);
        watch.asked(Side::Client, StepWord::new("NOOP"), now);
        assert!(lock(&watch.incident.ring).copy().0.is_empty());
    }

    #[test]
    fn stopped_is_gone() {
        let (incidents, now, alice) = (Incidents::default(), Instant::now(), address("alice"));
        assert!(incidents.start(alice.clone(), 10, now).is_ok());
        assert_eq!(incidents.start(alice.clone(), 10, now), Err(Refused::On));
        let watch = incidents.watch(&alice, StepWord::new("submission"), now).unwrap();
        watch.asked(Side::Client, StepWord::new("MAIL"), now);
        assert!(incidents.stop(&alice, now) && !incidents.stop(&alice, now));
        watch.asked(Side::Client, StepWord::new("RCPT"), now);
        assert!(!watch.is_on(now) && lock(&watch.incident.ring).copy().0.is_empty());
    }

    #[test]
    fn number_and_length_are_bounded() {
        let (incidents, now) = (Incidents::default(), Instant::now());
        for name in ["a", "b", "c", "d"] {
            assert!(incidents.start(address(name), 1, now).is_ok());
        }
        assert_eq!(incidents.start(address("e"), 1, now), Err(Refused::Full));
        let watch = incidents.watch(&address("a"), StepWord::new("imap"), now).unwrap();
        (0..KEPT + 7).for_each(|_| watch.asked(Side::Client, StepWord::new("NOOP"), now));
        let shown = incidents.show(&address("a"), now).unwrap();
        assert_eq!((shown.steps.len(), shown.dropped), (KEPT, 7));
        assert!(incidents.start(address("e"), 1, now + Duration::from_secs(60)).is_ok());
    }
}
