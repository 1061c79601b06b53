//! Beside another machine (docs/nodes.md): a process that waits, then judges, and ends when it is not to judge any more. The next one waits.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::rand;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::systemd::Systemd;
use crate::admin::Executor;
use crate::config::{self, Beside, Built, Config, StartTrouble};
use crate::event::{Event, emit};
use crate::incident::Incidents;
use crate::limit::Limits;
use crate::net::shutdown::pair;
use crate::node::Duty;
use crate::quota::{Book, Recounted};
use crate::sandbox::Enforcement;
use crate::serve::clock::today;
use crate::serve::node::NodeLink;
use crate::serve::node_state::CountWord;
use crate::serve::{Context, CopyKey, Service, standby};
use crate::store::{Condition, Copied, MemoryStore, Store};

/// The exit code of a process that another one is to follow (EX_TEMPFAIL of sysexits.h).
pub const AGAIN_LATER: u8 = 75;

/// What is under way has so long to end when the other machine is called for: it waits with its clients.
const BRIEFLY: Duration = Duration::from_secs(3);
/// How often it is looked whether the lease has run out.
const LOOKING: Duration = Duration::from_millis(250);
/// How soon the storage is asked again where it did not answer, or not for all.
const ASKING: Duration = Duration::from_secs(2);
const MISSING: Duration = Duration::from_secs(60);
/// How often a storage is asked again that says that there is nothing, so long apart.
const DOUBTS: u32 = 10;
/// How often it is looked whether the witness has another copy.
const COPYING: Duration = Duration::from_secs(2);
/// For the last word to be on its way.
const LAST_WORD: Duration = Duration::from_millis(300);

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It was told to stop.
    Stopped,
    /// The other machine judges.
    SteppedBack,
}

/// What waiting came to.
pub enum Waited {
    /// There is no other machine.
    Alone,
    /// It is to judge.
    Judges(Beside),
    /// It never was.
    Ends(End),
}

/// Waits for the lease, where the config has a listener for node: follows the book, and tells whoever connects that it waits.
///
/// # Errors
/// What keeps it from waiting, or from judging.
pub fn stand_by(
    runtime: &Runtime,
    config: &Config,
    enforcement: &Enforcement,
    built: &Built,
    systemd: &Systemd,
) -> Result<Waited, StartTrouble> {
    let Some(number) = config.listens.iter().position(|listen| listen.service == Service::Node) else { return Ok(Waited::Alone) };
    // Without its socket it must not take itself for the only one.
    let bound = built.bound.get(number).ok_or(StartTrouble::NotCopied)?;
    // The folder's lock: no other process of this machine judges or waits.
    let (files, found) = config::durable(config)?;
    let key = CopyKey::new(&config::common_key(config)?.for_copies()).ok_or(StartTrouble::Crypto)?;
    let link = NodeLink::new(files.clone(), key);
    let mut life = [0; 8];
    rand::fill(&mut life).map_err(|_| StartTrouble::Crypto)?;
    link.start(bound.try_clone().map_err(StartTrouble::State)?, number as u64, u64::from_le_bytes(life))
        .map_err(StartTrouble::State)?;
    let is_stopped = runtime.block_on(wait(config, enforcement, built, &link, systemd))?;
    if !is_stopped && link.is_leaving() {
        // Before it judged: nothing is under way.
        last_word(&link);
        emit(Event::SteppedBack { called: 1 });
    }
    if is_stopped || link.duty() == Duty::Over {
        return Ok(Waited::Ends(if is_stopped { End::Stopped } else { End::SteppedBack }));
    }
    begin(link, files, found).map(Waited::Judges)
}

/// The lease and the newest copy are here. Where it is to judge by its own book, the witness must keep that before anything is judged: nobody else
/// could take over. Where it judges by the witness's newest, there is nothing to keep, and a full disk there does not keep it from judging.
fn begin(link: Arc<NodeLink>, files: Arc<dyn Store>, found: Condition) -> Result<Beside, StartTrouble> {
    if !link.may_begin() {
        return Err(StartTrouble::EmptyBook);
    }
    let store = Copied::new(files, link.clone());
    // An empty store has no copy that could be taken over: the book's first records make one.
    if link.begins_with_a_copy() && !store.scan("").map_err(StartTrouble::Store)?.is_empty() {
        store.copy().map_err(|_| StartTrouble::NotCopied)?;
    }
    Ok(Beside { link, store: Arc::new(store), found })
}

/// Until it has the lease and the newest copy, or is to leave the lease before it judged (false), or is told to stop (true).
async fn wait(
    config: &Config,
    enforcement: &Enforcement,
    built: &Built,
    link: &Arc<NodeLink>,
    systemd: &Systemd,
) -> Result<bool, StartTrouble> {
    let book =
        Arc::new(Book::open(Arc::new(MemoryStore::new()), crate::quota::BookParams::default()).map_err(StartTrouble::Store)?);
    let limits = Limits::new(config.limits).ok_or(StartTrouble::Crypto)?;
    let host = config::host_of(config, enforcement);
    let executor = Executor::new(book, host, Arc::new(Incidents::default()), limits).beside(Some(link.clone()));
    let executor = Arc::new(executor.waiting());
    let (stopper, stop) = pair();
    for (listener, bound) in config::listeners(config, built)?.into_iter().zip(&built.bound) {
        if listener.service != Service::Node {
            let bound = bound.try_clone().map_err(StartTrouble::State)?;
            tokio::spawn(standby::open(listener, bound, executor.clone(), config.access.clone(), stop.clone()));
        }
    }
    drop(stop);
    let signalled = |kind| signal(kind).map_err(StartTrouble::State);
    let (mut terminate, mut interrupt) = (signalled(SignalKind::terminate())?, signalled(SignalKind::interrupt())?);
    emit(Event::Standby {});
    systemd.tell("READY=1");
    let mut changes = link.changes();
    let is_stopped = loop {
        if link.is_ready() || link.is_leaving() || link.duty() == Duty::Over {
            break false;
        }
        tokio::select! {
            _ = terminate.recv() => break true,
            _ = interrupt.recv() => break true,
            _ = changes.changed() => {}
        }
    };
    stopper.stop(Duration::ZERO).await;
    Ok(is_stopped)
}

/// Judges until it is not to any more: how long what is under way may last. For ever, where there is no other machine.
pub(super) async fn judge(beside: Option<&Beside>, context: &Arc<Context>) -> Duration {
    let Some(Beside { link, store, .. }) = beside else { return pending().await };
    link.judge();
    emit(Event::TookOver {});
    let counting = tokio::spawn(count(link.clone(), context.clone()));
    let copying = tokio::spawn(copy_anew(link.clone(), store.clone(), context.clone()));
    let mut tick = interval(LOOKING);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut changes = link.changes();
    let mut leads = true;
    let called = loop {
        if link.duty() == Duty::Over {
            break false;
        }
        if link.is_leaving() {
            break true;
        }
        if std::mem::replace(&mut leads, link.leads()) != leads {
            emit(if leads { Event::LeaseBack {} } else { Event::LeaseOut {} });
        }
        tokio::select! {
            _ = tick.tick() => {}
            _ = changes.changed() => {}
        }
    };
    counting.abort();
    copying.abort();
    emit(Event::SteppedBack { called: called.into() });
    if called { BRIEFLY } else { Duration::ZERO }
}

/// Makes a copy whenever the witness has another one than the last that was made here: it lost what it had, or kept late what nobody was
/// answered about.
async fn copy_anew(link: Arc<NodeLink>, store: Arc<Copied>, context: Arc<Context>) {
    let mut tick = interval(COPYING);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        if link.must_copy_anew() {
            let (store, context) = (store.clone(), context.clone());
            // Where it cannot be kept, it is tried again.
            let copied = tokio::task::spawn_blocking(move || context.book.while_unchanged(|| store.copy().is_ok()));
            let _ = copied.await;
        }
    }
}

/// Asks the storage what there is, until it has told all. One that says that there is nothing at all may be mounted late; for ever it is not waited for.
async fn count(link: Arc<NodeLink>, context: Arc<Context>) {
    let mut doubts = DOUBTS;
    loop {
        let told = count_once(&link, &context).await;
        if let Some(StorageRecount { mailboxes, whole, in_vain }) = told {
            let is_doubted = in_vain > 0 && doubts > 0;
            if in_vain > 0 && doubts == DOUBTS {
                emit(Event::CountInVain { mailboxes: in_vain });
            }
            doubts = doubts.saturating_sub(u32::from(is_doubted));
            let whole = whole && !is_doubted;
            link.counted(whole);
            emit(Event::Recounted { mailboxes, whole: whole.into() });
            if whole {
                return;
            }
        }
        sleep(if told.is_some() { MISSING } else { ASKING }).await;
    }
}

/// What the storage has told.
#[derive(Clone, Copy)]
struct StorageRecount {
    mailboxes: u64,
    /// Those are all.
    whole: bool,
    /// Of a storage that says that there is nothing in any: so many were not empty.
    in_vain: u64,
}

/// None: the connection ended.
async fn count_once(link: &NodeLink, context: &Arc<Context>) -> Option<StorageRecount> {
    let (mut words, mut mailboxes, mut in_vain, mut is_empty) = (link.count()?, 0, 0, true);
    while let Some(word) = words.recv().await {
        match word {
            CountWord::Done(whole) => {
                return Some(StorageRecount { mailboxes, whole, in_vain: if is_empty { in_vain } else { 0 } });
            }
            CountWord::Rows(request) => {
                let context = context.clone();
                let loaded = tokio::task::spawn_blocking(move || {
                    // Under a lock of each association, for thousands of mailboxes.
                    request.counted(&context.book, today())
                });
                for (recounted, has_something) in loaded.await.ok()? {
                    mailboxes += 1;
                    in_vain += u64::from(recounted == Recounted::InVain);
                    is_empty &= !has_something;
                }
            }
        }
    }
    None
}

/// The last word to the witness: another one may judge. To be called when nothing that was granted is under way.
pub fn leave(beside: Beside) {
    last_word(&beside.link);
}

fn last_word(link: &NodeLink) {
    link.leave();
    std::thread::sleep(LAST_WORD);
}
