//! Dovecot's socket for usage: read a line, tell the book, answer.
//!
//! Dovecot's LMTP says its 250 only after our answer, and our own LMTP session waits for that 250: nothing here may wait for a
//! session. So these connections have seats of their own, are served beside the sessions and not among them, and go on to the very
//! end of a stop. Dovecot keeps one connection for each of its processes: they rest for as long as they like, and are bounded by
//! number.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::Context;
use crate::fault::{Fault, Side};
use crate::net::buffered::BufferedConn;
use crate::net::conn::Conn;
use crate::net::listen::Bound;
use crate::net::shutdown::{Shutdown, ShutdownPhase};
use crate::quota::{Book, Speaker};
use crate::usage::{Push, UsageFramer, UsageSession, UsageStep};

/// To say the rest of a line, and to take an answer.
const SPEAKING: Duration = Duration::from_secs(30);
/// Silence between two transactions: as good as for ever.
const RESTING: Duration = Duration::from_secs(30 * 24 * 3600);
/// How often the book is told that time passes.
const TICK: Duration = Duration::from_millis(250);

/// Serves `bound`, where the backend called `backend` speaks, until the stop.
pub(super) async fn open(bound: Bound, number: u64, backend: Option<Arc<str>>, context: Arc<Context>, stop: Shutdown) {
    let (seats, listening) = (UsageSeats::new(context.limits.usage()), stop.clone());
    let serve = |conn, _| {
        let (seat, stop) = (seats.take(), stop.clone());
        let ear = Ear { context: context.clone(), backend: backend.clone() };
        // Nobody is there to be told why it ended.
        tokio::spawn(async move { converse(conn, seat, &ear, stop).await.ok() });
    };
    bound.serve(number, listening, serve).await;
}

/// Tells the book that time passes, for as long as the program runs. One for the whole daemon.
pub async fn tick(book: Arc<Book>) {
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        book.tick();
    }
}

/// Who is told, and by whom.
struct Ear {
    context: Arc<Context>,
    /// Its name; none where the config does not say it.
    backend: Option<Arc<str>>,
}

impl Ear {
    fn hear(&self, push: &Push) {
        // Each time: which one is the default is the config's of now.
        let is_default = |name: &str| self.context.backends.load().is_default(name);
        let speaker = self.backend.as_deref().map(|name| Speaker { name, is_default: is_default(name) });
        self.context.book.pushed_by(speaker, &push.mailbox, push.octets, push.messages);
    }
}

async fn converse(conn: Conn, mut seat: UsageSeat, ear: &Ear, mut stop: Shutdown) -> Result<(), Fault> {
    let mut link = BufferedConn::new(conn, Side::Client, Instant::now() + RESTING);
    let (mut framer, mut session) = (UsageFramer::default(), UsageSession::default());
    loop {
        let (used, frame) = framer.next(link.input());
        let step = frame.map(|frame| session.decide(frame)).transpose()?;
        link.consume(used);
        match step {
            Some(step) => {
                link.set_deadline(Instant::now() + SPEAKING);
                act(step, &mut link, ear).await?;
            }
            None if used > 0 => {}
            None => {
                let patience = if link.input().is_empty() { RESTING } else { SPEAKING };
                link.set_deadline(Instant::now() + patience);
                tokio::select! {
                    filled = link.fill() => drop(filled?),
                    () = seat.leave.notified() => return Ok(()),
                    () = stop.reached(ShutdownPhase::Draining) => return Err(Fault::Stopping),
                }
                seat.stir();
            }
        }
    }
}

async fn act(step: UsageStep, link: &mut BufferedConn, ear: &Ear) -> Result<(), Fault> {
    let answer = match step {
        UsageStep::GoOn => return Ok(()),
        UsageStep::Answer(answer) => answer,
        UsageStep::Push(push, answer) => {
            ear.hear(&push);
            answer
        }
    };
    link.send(&answer).await
}

/// Who is there, whoever spoke last at the end.
struct UsageSeats {
    /// At once. Above that, whoever has been silent for longest goes; Dovecot connects again when it has something to say.
    most: usize,
    order: Mutex<SeatOrder>,
}

#[derive(Default)]
struct SeatOrder {
    next: u64,
    taken: BTreeMap<u64, Arc<Notify>>,
}

/// One connection's place; gives it back when dropped.
struct UsageSeat {
    seats: Arc<UsageSeats>,
    number: u64,
    leave: Arc<Notify>,
}

impl UsageSeats {
    fn new(most: usize) -> Arc<UsageSeats> {
        Arc::new(UsageSeats { most, order: Mutex::default() })
    }

    fn lock(&self) -> MutexGuard<'_, SeatOrder> {
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place, always. Whoever was silent for longest may have to go for it.
    fn take(self: &Arc<UsageSeats>) -> UsageSeat {
        let leave = Arc::new(Notify::new());
        let mut order = self.lock();
        if order.taken.len() >= self.most
            && let Some((_, oldest)) = order.taken.pop_first()
        {
            oldest.notify_one();
        }
        let number = order.put(leave.clone());
        UsageSeat { seats: self.clone(), number, leave }
    }
}

impl SeatOrder {
    fn put(&mut self, leave: Arc<Notify>) -> u64 {
        self.next += 1;
        self.taken.insert(self.next, leave);
        self.next
    }
}

impl UsageSeat {
    /// Something was said.
    fn stir(&mut self) {
        let mut order = self.seats.lock();
        // Not there any more: it was told to go meanwhile, and will.
        if let Some(leave) = order.taken.remove(&self.number) {
            self.number = order.put(leave);
        }
    }
}

impl Drop for UsageSeat {
    fn drop(&mut self) {
        self.seats.lock().taken.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_that_was_silent_for_longest_goes() {
        let seats = UsageSeats::new(100);
        let mut there: Vec<_> = (0..100).map(|_| seats.take()).collect();
        there[0].stir();
        let more = seats.take();
        let told = |seat: &UsageSeat| !seats.lock().taken.contains_key(&seat.number);
        assert!(told(&there[1]) && !told(&there[0]) && !told(&more) && there.iter().filter(|seat| told(seat)).count() == 1);
        there[1].stir();
        assert!(told(&there[1]), "who was told to go does not come back");
        drop(there);
        drop(more);
        assert!(seats.lock().taken.is_empty());
    }
}
