//! What admins are told of the nodes, and the way in for what the storage counts.

use std::collections::BTreeSet;
use std::sync::mpsc::sync_channel;
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::clock::{self, boot_time};
use super::share::ShareLink;
use super::share_answer;
use super::share_count::{AskedTenant, PendingCounts};
use super::share_talk::PATIENCE;
use super::share_words::{KickTold, NodeQuestion};
use crate::admin::doubt::OldNumbers;
use crate::admin::share::{BookShown, JudgedShown, KickedElsewhere, ShareDesk, ShareTold, SharedAssociation};
use crate::event::{Event, emit};
use crate::private::Address;
use crate::quota::{Book, CountOutcome, Day, StorageRows};
use crate::share::{Bar, News, Tenant};

/// For all other nodes to answer: each has its time from the same moment on.
const WAITING: Duration = PATIENCE.saturating_mul(3);
/// Addresses in one question: the longest ones fit.
const TOGETHER: usize = 100;

impl ShareLink {
    fn begin_to_speak(&self, book: &Book, tenant: Tenant) {
        book.take_over_spent(tenant, clock::steady());
        // What others told of it was before.
        self.hearsays().remove(&tenant);
        if let Some((handle, others)) = self.book.handle.get().zip(self.others.get()) {
            handle.spawn(share_answer::begin_to_speak(others.clone(), tenant));
        }
    }

    /// What each other node answers, for a thread that may wait. Where they cannot be asked at all, nobody is known to have been.
    fn ask_all<T: DeserializeOwned + Send + 'static>(&self, question: NodeQuestion) -> Vec<(String, Option<T>)> {
        let Some((handle, others)) = self.book.handle.get().zip(self.others.get().cloned()) else {
            return vec![("other nodes".into(), None)];
        };
        let names = others.names();
        let (told, answers) = sync_channel(1);
        handle.spawn(async move { told.send(others.ask_each::<T>(question).await) });
        let unheard = || names.into_iter().map(|name| (name, None)).collect();
        answers.recv_timeout(WAITING).unwrap_or_else(|_| unheard())
    }

    pub(super) fn pending(&self) -> MutexGuard<'_, PendingCounts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ShareDesk for ShareLink {
    fn told(&self, book: &Book) -> ShareTold {
        let (names, apart) = (book.share_names(), book.shares_apart());
        let (state, now) = (self.lock(), boot_time());
        let shown = |(name, tenant): (crate::quota::Name, u64)| {
            let node = state.fellow.judge_of(tenant).map(str::to_owned);
            let here = node.as_deref() == Some(&self.name);
            let judged = match () {
                () if !here => JudgedShown::Elsewhere,
                () if !state.fellow.judges(tenant) && apart.contains(&tenant) => JudgedShown::Apart,
                () if !state.fellow.judges(tenant) => JudgedShown::Counting,
                () if !state.fellow.would_grant(tenant, now) => JudgedShown::Closed,
                () => JudgedShown::Judged,
            };
            let withheld = if here { state.fellow.withheld(tenant) } else { 0 };
            SharedAssociation { name, node, judged, withheld }
        };
        let book = match self.book.told() {
            _ if self.book.is_lost() => BookShown::Lost,
            (None, _) => BookShown::Unknown,
            (Some(false), _) => BookShown::Own,
            (Some(true), true) => BookShown::Shared,
            (Some(true), false) if self.book.disputed().is_some() => BookShown::Disputed,
            (Some(true), false) => BookShown::Behind,
        };
        let bar = state.standing.bar();
        let (silent, bar_node) = (state.standing.silent(), bar.and_then(|(_, node)| state.standing.name(node?)));
        ShareTold {
            bar: bar.map(|(bar, _)| bar),
            bar_node,
            certificate_days: self.certified.get().map(|validity| validity.days(clock::now().as_secs())),
            silent,
            name: self.name.clone(),
            book,
            disputed: self.book.disputed_over(),
            etcd_answers: state.answers == Some(true),
            etcd_full: self.etcd.is_full(),
            nodes: state.lives.iter().map(|life| life.node.clone()).collect(),
            associations: names.into_iter().map(shown).collect(),
        }
    }

    fn why_not(&self) -> Option<Bar> {
        self.bar()
    }

    fn publish(&self, book: &Book, replace: bool) -> Result<(), &'static str> {
        self.publish_own(book, replace)
    }

    fn adopt(&self, book: &Book) -> Result<(), &'static str> {
        self.adopt_theirs(book)
    }

    fn old_numbers(&self, book: &Book) -> Vec<OldNumbers> {
        let old = |(association, tenant)| Some(OldNumbers { association, judge: self.doubtful(tenant)? });
        book.share_names().into_iter().filter_map(old).collect()
    }

    fn kick(&self, address: &Address) -> KickedElsewhere {
        let mut all = KickedElsewhere::default();
        for (node, told) in self.ask_all::<KickTold>(NodeQuestion::Kick(address.clone())) {
            match told {
                Some(KickTold { sessions, pages }) => {
                    all.sessions += sessions;
                    all.pages.sessions += pages.sessions;
                    all.pages.links += pages.links;
                }
                None => all.unreached.push(node),
            }
        }
        all
    }

    fn forget(&self, addresses: &[Address]) -> Vec<String> {
        let mut unreached = BTreeSet::new();
        for some in addresses.chunks(TOGETHER) {
            let told = self.ask_all::<bool>(NodeQuestion::Forget(some.to_vec()));
            unreached.extend(told.into_iter().filter(|(_, forgotten)| *forgotten != Some(true)).map(|(node, _)| node));
        }
        unreached.into_iter().collect()
    }

    fn begin_round(&self) -> Option<u64> {
        self.pending().begin()
    }

    fn take_rows(&self, round: u64, rows: StorageRows) -> bool {
        self.pending().take(round, rows)
    }

    fn end_round(&self, book: &Book, round: u64, whole: bool, today: Day) -> u64 {
        let (over, rows) = self.pending().end(round);
        let (mut counted, mut in_vain) = (0, 0);
        for AskedTenant { tenant, number, count } in over {
            // Dropped, a count is none.
            let found = if whole { count.finish(book, &rows, today) } else { CountOutcome::Partly };
            if let CountOutcome::InVain { mailboxes } = found {
                in_vain += mailboxes;
            }
            if found != CountOutcome::Partly {
                let mut state = self.lock();
                let before = state.fellow.judges(tenant);
                state.fellow.hear(News::Counted(tenant, number), boot_time());
                let is_new = !before && state.fellow.judges(tenant);
                if is_new {
                    state.mute(tenant);
                }
                drop(state);
                if is_new {
                    self.begin_to_speak(book, tenant);
                }
                counted += 1;
            } else {
                self.pending().wait(tenant, boot_time());
            }
        }
        if in_vain > 0 {
            emit(Event::CountInVain { mailboxes: in_vain });
        }
        self.stir.notify_one();
        counted
    }
}
