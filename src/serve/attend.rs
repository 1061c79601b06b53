//! What the book has to tell an open session: that it is over, or that a count is wanted.

use std::task::{Context, Poll};

use super::clock::today;
use super::proxy::Proxy;
use crate::fault::{Fault, RefusalCode};
use crate::imap::reply;
use crate::quota::{Told, Watch};

/// Hears what the book has to tell this session.
pub(super) struct Attendant {
    watch: Option<Watch>,
    /// The session was told to end. It is open, and watched, until the backend has answered what it has.
    over: bool,
    /// To be asked whether or not it has called.
    pub(super) stirred: bool,
}

impl Attendant {
    pub(super) fn new(watch: Option<Watch>) -> Attendant {
        Attendant { watch, over: false, stirred: true }
    }

    /// The backend's connection is closed: what it has to push it pushes now.
    pub(super) fn closed(self) {
        if let Some(watch) = self.watch {
            watch.closed();
        }
    }

    pub(super) fn listen(&mut self, cx: &mut Context<'_>, proxy: &mut Proxy) {
        let Some(watch) = self.watch.as_ref().filter(|_| !self.over) else { return };
        if !std::mem::take(&mut self.stirred) && !watch.is_stirred() {
            return;
        }
        while let Poll::Ready(told) = watch.poll(cx, today()) {
            let code = match told {
                Told::Recount => {
                    proxy.recount();
                    continue;
                }
                // Its client is gone already, and it is about to go: others rely on its count (docs/quota.md).
                Told::Kicked | Told::Ended(_) if proxy.stays_behind() => {
                    self.over = true;
                    return;
                }
                Told::Kicked => RefusalCode::SessionEnded,
                Told::Elsewhere => RefusalCode::TakingOver,
                Told::Ended(verdict) => verdict.code(),
            };
            proxy.close(&reply::bye_by(code), Fault::Limit);
            self.over = true;
            return;
        }
    }
}
