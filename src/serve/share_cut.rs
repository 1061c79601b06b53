//! How a session hears that something under way is to be given up, because another node judges (docs/many-nodes.md). Without other nodes it never does.

use std::future::pending;

use tokio::sync::watch;

use super::Context;

/// See the head of the file.
pub(super) struct Cuts {
    calls: Option<watch::Receiver<u64>>,
    called: bool,
}

impl Cuts {
    pub(super) fn of(context: &Context) -> Cuts {
        Cuts { calls: context.share.as_ref().map(|share| share.link.cuts()), called: false }
    }

    /// Waits until something is to be given up, of whomever.
    pub(super) async fn called(&mut self) {
        let Some(calls) = &mut self.calls else { return pending().await };
        match calls.changed().await {
            Ok(()) => self.called = true,
            Err(_) => pending().await,
        }
    }

    /// Whether it was called, once.
    pub(super) fn take(&mut self) -> bool {
        std::mem::take(&mut self.called)
    }
}
