//! Silences of a session: short ones that something waits for, and one that is too long.

use std::future::Future;
use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use super::Patience;

/// How long a client may take to hear our last words.
pub(super) const LAST_WORDS: Duration = Duration::from_secs(5);

/// How long a session must rest before something is asked in it.
const REST: Duration = Duration::from_millis(300);

/// How long octets of a message may stay out before what is set aside for it is let go.
const OCTETS: Duration = Duration::from_secs(5);

/// What a silence is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Nothing,
    /// The session rests, and has something to ask then.
    Rest,
    /// The session stays behind, and looks whether all is quiet.
    Stay,
    /// Octets of a message are to come, and space is set aside for them.
    Octets,
    /// The client has left, and what it sent last waits for the backend.
    End,
    /// The client is to hear why it is sent away.
    LastWords,
}

/// A short silence that something waits for. Without a wish there is no timer, and nothing but a pointer.
#[derive(Default)]
pub(super) struct Nap(Option<Box<Napping>>);

struct Napping {
    timer: Pin<Box<Sleep>>,
    wish: Wish,
    moved: usize,
}

impl Nap {
    /// The wish, if nothing has moved for as long as it takes.
    pub(super) fn over(&mut self, cx: &mut Context<'_>, wish: Wish, moved: usize) -> Option<Wish> {
        let length = match wish {
            Wish::Nothing => {
                self.0 = None;
                return None;
            }
            Wish::Rest | Wish::Stay => REST,
            Wish::Octets | Wish::End | Wish::LastWords => OCTETS,
        };
        // Octets that come are what is waited for; what is due at rest is due, also where a client is never silent.
        let goes_on = |nap: &Napping| nap.wish == wish && (matches!(wish, Wish::Rest | Wish::Stay) || nap.moved == moved);
        if !self.0.as_deref().is_some_and(goes_on) {
            self.0 = Some(Box::new(Napping { timer: Box::pin(sleep_until(Instant::now() + length)), wish, moved }));
        }
        let over = self.0.as_mut().is_some_and(|nap| nap.timer.as_mut().poll(cx).is_ready());
        over.then(|| {
            self.0 = None;
            wish
        })
    }
}

/// How long a session has been silent, or has trickled in the middle of something.
pub(super) struct Silence {
    /// Octets since the last look.
    pub(super) moved: usize,
    /// Whether nothing was under way at some moment since the last look.
    pub(super) rested: bool,
    /// Looks in a row before which nothing had moved.
    quiet: u32,
}

impl Default for Silence {
    fn default() -> Silence {
        Silence { moved: 0, rested: true, quiet: 0 }
    }
}

impl Silence {
    /// To be asked every `patience.stall`.
    pub(super) fn is_too_long(&mut self, patience: &Patience, rests: bool) -> bool {
        let (moved, rested) = (std::mem::take(&mut self.moved), std::mem::replace(&mut self.rested, rests));
        self.quiet = if moved == 0 { self.quiet.saturating_add(1) } else { 0 };
        let trickles = (moved as u64) < patience.least_rate.saturating_mul(patience.stall.as_secs());
        if rests { patience.stall.saturating_mul(self.quiet) >= patience.idle } else { !rested && trickles }
    }
}
