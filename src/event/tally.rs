//! Events that a peer can bring about: counted, and told together at fixed moments.
//!
//! A line for each would be a clock in the journal, which a member (or who writes to one) could set at will: it would say when
//! something was done, and by its number how often. So [`count`] says nothing. [`tell`] is called every [`TELLING`] whatever
//! happened, and at the stop, and says once for each kind that it happened, and a number rounded up to ten, a hundred,
//! a thousand ... Absent on purpose: telling the first one at once. For what must be known at once there is [`emit`],
//! and no peer brings that about.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::{BackendService, Event, emit};

/// How often counted events are told.
pub const TELLING: Duration = Duration::from_secs(600);

/// Different events between two tellings; more are not told.
const KINDS: usize = 64;

/// What is counted. The numbers are positions in the config file, or reply codes: a few, and none of a peer's choosing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Provoked {
    /// Taking a connection at this listener failed.
    AcceptFailed(u64),
    /// This server of this backend answered what makes no sense.
    BackendConfused(u64, BackendService),
    /// This one is set up so that it takes no passwords from here.
    BackendSetup(u64, BackendService),
    /// A connection at this listener began with a header of the PROXY protocol, which may not.
    ProxyHeaderForeign(u64),
    /// A connection at this listener did not begin with one, which must.
    ProxyHeaderMissing(u64),
    /// There were too many connections.
    Crowded,
    /// Mail came in for a domain of nobody.
    UnknownDomain,
    /// A notice was refused for good with this reply code.
    NoticeRefused(u64),
    /// A notice was given up.
    NoticesLost,
    /// A mailbox or an association reached a limit of sending.
    SendingStopped,
}

impl Provoked {
    fn event(self, times: u64) -> Event {
        match self {
            Provoked::AcceptFailed(listener) => Event::AcceptFailed { listener, times },
            Provoked::BackendConfused(backend, service) => Event::BackendConfused { backend, times, service: service as u64 },
            Provoked::BackendSetup(backend, service) => Event::BackendSetup { backend, times, service: service as u64 },
            Provoked::ProxyHeaderForeign(listener) => Event::ProxyHeaderForeign { listener, times },
            Provoked::ProxyHeaderMissing(listener) => Event::ProxyHeaderMissing { listener, times },
            Provoked::Crowded => Event::Crowded { times },
            Provoked::UnknownDomain => Event::UnknownDomain { times },
            Provoked::NoticeRefused(code) => Event::NoticeRefused { code, times },
            Provoked::NoticesLost => Event::NoticesLost { times },
            Provoked::SendingStopped => Event::SendingStopped { times },
        }
    }
}

static PENDING: Mutex<Provocations> = Mutex::new(Provocations(BTreeMap::new()));

/// Counts one of `what`.
pub fn count(what: Provoked) {
    PENDING.lock().unwrap_or_else(PoisonError::into_inner).count(what);
}

/// Tells what was counted since the last time.
pub fn tell() {
    let pending = PENDING.lock().unwrap_or_else(PoisonError::into_inner).take();
    pending.into_iter().for_each(emit);
}

struct Provocations(BTreeMap<Provoked, u64>);

impl Provocations {
    fn count(&mut self, what: Provoked) {
        if let Some(times) = self.0.get_mut(&what) {
            *times = times.saturating_add(1);
        } else if self.0.len() < KINDS {
            self.0.insert(what, 1);
        }
    }

    fn take(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.0).into_iter().map(|(what, times)| what.event(rounded(times))).collect()
    }
}

/// Up to the next power of ten, ten at least.
fn rounded(times: u64) -> u64 {
    (1..20).map(|power| 10u64.saturating_pow(power)).find(|bound| *bound >= times).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_each_however_often_it_was_done() {
        let mut tally = Provocations(BTreeMap::new());
        let lines = |tally: &mut Provocations| format!("{:?}", tally.take());
        for _ in 0..11 {
            tally.count(Provoked::BackendConfused(1, BackendService::Imap));
        }
        tally.count(Provoked::BackendConfused(0, BackendService::Relay));
        tally.count(Provoked::UnknownDomain);
        let told = "[BackendConfused { backend: 0, times: 10, service: 4 }, BackendConfused { backend: 1, times: 100, service: 0 }, \
                    UnknownDomain { times: 10 }]";
        assert_eq!(lines(&mut tally), told);
        assert_eq!(lines(&mut tally), "[]", "what was told is not told again");
    }

    #[test]
    fn numbers_are_rounded_up_and_kinds_are_bounded() {
        for (times, told) in [(1, 10), (9, 10), (10, 10), (11, 100), (100, 100), (101, 1000), (u64::MAX, u64::MAX)] {
            assert_eq!(rounded(times), told);
        }
        let mut tally = Provocations(BTreeMap::new());
        (0..1000).for_each(|code| tally.count(Provoked::NoticeRefused(code)));
        assert_eq!(tally.take().len(), KINDS);
    }
}
