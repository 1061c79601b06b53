//! This process as one of several nodes that all take clients (docs/many-nodes.md): what the book and the sessions ask. The rules are
//! [`crate::share`]'s; etcd and the storage are asked in `share_drive` and `share_count`.
//!
//! One lock for all of it. It is taken under a ledger's lock, so nothing that takes a ledger's is done while it is held.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use arc_swap::ArcSwap;
use aws_lc_rs::hmac;
use tokio::sync::{Notify, watch};

use super::clock::boot_time;
use super::sealed::CopyKey;
use super::share_book::SharedBook;
use super::share_count::PendingCounts;
use super::share_etcd::EtcdClient;
use super::share_kept::KeptTalks;
use super::share_standing::ShareStanding;
use super::share_words::Hearsays;
use crate::net::certificate_folder::Validity;
use crate::net::tls::TlsClient;
use crate::quota::{Amount, Bench, Book, Name};
use crate::route::Backends;
use crate::share::{Accord, Assent, Exposure, Fellow, Life, News, Pace, Tenant};

/// The file in the state folder that has the number of the life that was asked for last, by which the next process knows it for its own.
const LIFE_FILE: &str = "share-life";

fn read_life(file: &Path) -> Option<u64> {
    let text = std::fs::read_to_string(file).ok()?;
    u64::from_str_radix(&text, 16).ok()
}

/// This machine's place among the nodes.
pub struct ShareLink {
    pub(super) name: String,
    pub(super) key: hmac::Key,
    pub(super) etcd: Arc<EtcdClient>,
    /// Where the number of its life is kept.
    pub(super) file: PathBuf,
    pub(super) book: SharedBook,
    pub(super) pace: Pace,
    /// Something is to be done at once.
    pub(super) stir: Notify,
    /// How often something under way was to be given up.
    pub(super) cuts: watch::Sender<u64>,
    pub(super) counts: Mutex<PendingCounts>,
    /// What other nodes told of associations that they judge.
    heard: Mutex<Hearsays>,
    /// Connections to them, between two questions.
    pub(super) kept: KeptTalks,
    /// Another node has something new to tell.
    pub(super) stirred: Notify,
    /// By which others are asked, from the start on.
    pub(super) others: OnceLock<Others>,
    /// When its certificate ends.
    pub(super) certified: OnceLock<Validity>,
    pub(super) held: Mutex<ShareState>,
}

/// The other nodes, and what they are asked for.
#[derive(Clone)]
pub(super) struct Others {
    pub(super) link: Weak<ShareLink>,
    /// Those of the config in force, with the other nodes among them.
    pub(super) backends: Arc<ArcSwap<Backends>>,
    /// Towards them.
    pub(super) tls: TlsClient,
    /// It has this node's place, so it is not held by it.
    pub(super) book: Weak<Book>,
}

/// What is known of all associations.
pub(super) struct ShareState {
    pub(super) fellow: Fellow,
    pub(super) lives: BTreeSet<Life>,
    /// What is under way here, by association and tenure, as the nodes weigh it.
    under_way: BTreeMap<(Tenant, u64), u64>,
    /// What of it is to be given up.
    cut: BTreeSet<(Tenant, u64)>,
    /// Whether etcd answered last; none before it was asked.
    pub(super) answers: Option<bool>,
    /// Whether it may judge at all.
    pub(super) standing: ShareStanding,
    /// Which other node judged each association last, as far as was seen.
    before: BTreeMap<Tenant, String>,
    /// Judged here since a moment ago, and nobody is told anything before the one that judged before was asked what it has told.
    muted: BTreeSet<Tenant>,
    /// Admins were told that the storage does not tell.
    pub(super) told_late: bool,
    /// And that etcd has no room.
    pub(super) told_full: bool,
}

impl ShareLink {
    /// Node `name`, which asks `etcd`; `key` and `seal` are those of all nodes, and `mark` says which key that is. `state` is this node's folder.
    pub fn new(name: &str, key: &[u8; 32], mark: &str, seal: CopyKey, etcd: EtcdClient, state: &Path) -> Arc<ShareLink> {
        let pace = Pace::default();
        let file = state.join(LIFE_FILE);
        let fellow = Fellow::new(name, pace);
        let mut fellow = match read_life(&file) {
            Some(number) => fellow.after(number),
            None => fellow,
        };
        // Until it is known whether it may judge.
        fellow.hear(News::Barred(true), boot_time());
        let state = ShareState {
            fellow,
            lives: BTreeSet::new(),
            under_way: BTreeMap::new(),
            cut: BTreeSet::new(),
            answers: None,
            standing: ShareStanding::new(Accord::new(mark, etcd.members())),
            before: BTreeMap::new(),
            muted: BTreeSet::new(),
            told_late: false,
            told_full: false,
        };
        Arc::new(ShareLink {
            name: name.to_owned(),
            key: hmac::Key::new(hmac::HMAC_SHA256, key),
            etcd: Arc::new(etcd),
            file,
            book: SharedBook::new(seal),
            pace,
            stir: Notify::new(),
            cuts: watch::channel(0).0,
            counts: Mutex::default(),
            heard: Mutex::default(),
            kept: KeptTalks::default(),
            stirred: Notify::new(),
            others: OnceLock::new(),
            certified: OnceLock::new(),
            held: Mutex::new(state),
        })
    }

    /// What its certificate says of itself, for admins. To be called before the start.
    pub fn shows(&self, validity: Option<Validity>) {
        if let Some(validity) = validity {
            let _ = self.certified.set(validity);
        }
    }

    /// The node that judges, where it is another one.
    pub(super) fn elsewhere(&self, tenant: Tenant) -> Option<String> {
        self.lock().fellow.judge_of(tenant).filter(|node| **node != *self.name).map(str::to_owned)
    }

    /// Hears whenever something under way is to be given up.
    pub(super) fn cuts(&self) -> watch::Receiver<u64> {
        self.cuts.subscribe()
    }

    pub(super) fn hearsays(&self) -> MutexGuard<'_, Hearsays> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, ShareState> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ShareState {
    /// What this association has under way is to be given up.
    pub(super) fn cut(&mut self, tenant: Tenant) {
        self.cut.extend(self.under_way.keys().filter(|(other, _)| *other == tenant));
    }

    fn ended(&mut self, tenant: Tenant, tenure: u64, weight: u64) {
        if let Some(under_way) = self.under_way.get_mut(&(tenant, tenure)) {
            *under_way = under_way.saturating_sub(weight);
            if *under_way == 0 {
                self.under_way.remove(&(tenant, tenure));
            }
        }
    }

    /// Another node judges it.
    pub(super) fn saw_judge(&mut self, tenant: Tenant, node: &str) {
        self.before.insert(tenant, node.to_owned());
    }

    pub(super) fn judged_before(&self, tenant: Tenant) -> Option<String> {
        self.before.get(&tenant).cloned()
    }

    /// Nobody is told anything of it, until [`ShareState::unmute`].
    pub(super) fn mute(&mut self, tenant: Tenant) {
        self.muted.insert(tenant);
    }

    pub(super) fn unmute(&mut self, tenant: Tenant) {
        self.muted.remove(&tenant);
    }

    /// Whether nothing is under way that was to be given up.
    pub(super) fn is_quiet(&mut self) -> bool {
        self.cut.retain(|key| self.under_way.contains_key(key));
        self.cut.is_empty()
    }
}

impl Bench for ShareLink {
    fn tenant(&self, association: &Name) -> u64 {
        let tag = hmac::sign(&self.key, association.reveal().as_bytes());
        tag.as_ref().first_chunk().map_or(0, |octets| u64::from_be_bytes(*octets))
    }

    fn withheld(&self, tenant: u64) -> Option<Amount> {
        if self.book.is_left_behind(boot_time()) {
            return None;
        }
        let state = self.lock();
        let octets = state.fellow.would_grant(tenant, boot_time()).then(|| state.fellow.withheld(tenant))?;
        Some(Amount { octets, messages: if octets == 0 { 0 } else { Exposure::messages(octets) } })
    }

    fn grant(&self, tenant: u64, weight: u64) -> Option<u64> {
        let mut state = self.lock();
        match state.fellow.grant(tenant, weight, boot_time()) {
            Assent::Granted(tenure) => {
                let under_way = state.under_way.entry((tenant, tenure)).or_default();
                *under_way = under_way.saturating_add(weight);
                Some(tenure)
            }
            Assent::Soon => {
                self.stir.notify_one();
                None
            }
            Assent::NotNow => None,
        }
    }

    fn weight(&self, amount: Amount) -> u64 {
        // Nothing is something: it may be what a literal turns out to need.
        Fellow::weight(amount.octets, amount.messages).max(1)
    }

    fn is_going_on(&self, tenant: u64, tenure: u64) -> bool {
        let state = self.lock();
        state.fellow.tenure(tenant) == Some(tenure) && state.fellow.would_grant(tenant, boot_time())
    }

    fn is_cut(&self, tenant: u64, tenure: u64) -> bool {
        self.lock().cut.contains(&(tenant, tenure))
    }

    fn end(&self, tenant: u64, tenure: u64, weight: u64, landed: bool) {
        let mut state = self.lock();
        match landed {
            true => state.fellow.landed(tenant, tenure, weight),
            false => state.fellow.let_go(tenant, tenure, weight),
        }
        state.ended(tenant, tenure, weight);
    }

    fn lose_sight(&self, tenant: u64, tenure: u64, weight: u64) {
        let mut state = self.lock();
        state.fellow.lost_sight(tenant, tenure, weight, boot_time());
        state.ended(tenant, tenure, weight);
    }

    fn is_elsewhere(&self, tenant: u64) -> bool {
        self.elsewhere(tenant).is_some()
    }

    fn speaks(&self, tenant: u64) -> bool {
        let state = self.lock();
        state.fellow.judges(tenant) && !state.muted.contains(&tenant)
    }

    fn has_settings_of_all(&self) -> bool {
        self.lock().answers == Some(true) && self.book.is_current()
    }
}
