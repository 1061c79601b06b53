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

/// A short silence that something waits for. Without a wish there is no timer.
#[derive(Default)]
pub(super) struct Nap {
    timer: Option<Pin<Box<Sleep>>>,
    wish: Option<Wish>,
    moved: usize,
}

impl Nap {
    /// The wish, if nothing has moved for as long as it takes.
    pub(super) fn over(&mut self, cx: &mut Context<'_>, wish: Wish, moved: usize) -> Option<Wish> {
        let length = match wish {
            Wish::Nothing => {
                self.timer = None;
                return None;
            }
            Wish::Rest | Wish::Stay => REST,
            Wish::Octets | Wish::End | Wish::LastWords => OCTETS,
        };
        // Octets that come are what is waited for; what is due at rest is due, also where a client is never silent.
        let anew = self.wish != Some(wish) || !matches!(wish, Wish::Rest | Wish::Stay) && self.moved != moved;
        if self.timer.is_none() || anew {
            (self.wish, self.moved) = (Some(wish), moved);
            self.timer = Some(Box::pin(sleep_until(Instant::now() + length)));
        }
        let over = self.timer.as_mut().is_some_and(|timer| timer.as_mut().poll(cx).is_ready());
        over.then(|| {
            self.timer = None;
            wish
        })
    }
}

/// How long a session has been silent, or has trickled in the middle of something.
pub(super) struct Silence {
    patience: Patience,
    /// Octets since the last look.
    pub(super) moved: usize,
    /// Whether nothing was under way at some moment since the last look.
    pub(super) rested: bool,
    /// How long nothing has moved.
    quiet: Duration,
}

impl Silence {
    pub(super) fn new(patience: Patience) -> Silence {
        Silence { patience, moved: 0, rested: true, quiet: Duration::ZERO }
    }

    /// To be asked every `patience.stall`.
    pub(super) fn is_too_long(&mut self, rests: bool) -> bool {
        let (moved, rested) = (std::mem::take(&mut self.moved), std::mem::replace(&mut self.rested, rests));
        self.quiet = if moved == 0 { self.quiet + self.patience.stall } else { Duration::ZERO };
        let trickles = (moved as u64) < self.patience.least_rate.saturating_mul(self.patience.stall.as_secs());
        if rests { self.quiet >= self.patience.idle } else { !rested && trickles }
    }
}
