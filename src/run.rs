//! From the first connection to the last: signals, reload, the minute's sweeping, systemd.

mod beside;
mod reload;
mod statement;
mod systemd;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval};

use crate::config::{self, Beside, Built, Config, ConfigFile, StartTrouble};
use crate::event::{Event, TELLING, emit};
use crate::net::certificate_folder::Validity;
use crate::net::certificates::Certificates;
use crate::net::shutdown::pair;
use crate::quota::UsageWriter;
use crate::serve::clock::{now, steady, today};
use crate::serve::{Context, Service, ask_backends, metrics, notices, usage, workers};
use crate::store::StoreError;

pub use beside::{AGAIN_LATER, End, Waited, leave, stand_by};
pub use reload::hold;
pub use systemd::Systemd;

/// Usage is written at each full hour: a moment that has nothing to do with what anybody does (docs/quota.md).
const HOUR: u64 = 3600;

/// When the disk did not take it, it is tried again so soon.
const AGAIN: Duration = Duration::from_secs(60);

/// For the storage to hear that nobody listens any more.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// How often limits are swept and certificate files are looked at.
const SWEEP: Duration = Duration::from_secs(60);

/// Serves until SIGTERM or SIGINT, then drains.
///
/// # Errors
/// What keeps it from starting.
pub async fn serve_until_stopped(
    config: Config,
    file: &ConfigFile,
    built: Built,
    context: Arc<Context>,
    systemd: Systemd,
    other: Option<&Beside>,
) -> Result<End, StartTrouble> {
    let (stopper, stop) = pair();
    let listeners = config::listeners(&config, &built)?;
    statement::tell(&config, &context);
    let (count, backends) = (listeners.len(), context.backends.load().len());
    let certified = built.nodes.as_ref().and_then(|(own, ..)| own.validity());
    if let Some(share) = &context.share {
        share.link.shows(certified);
        share.link.start(&context).map_err(StartTrouble::State)?;
    }
    let (ender, end) = pair();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let listeners = listeners.into_iter().zip(built.bound);
    let (beside, listeners): (Vec<_>, Vec<_>) = listeners.partition(|(listener, _)| listener.service == Service::Usage);
    workers::start(cores, &listeners, &context, &stop, &end).map_err(StartTrouble::State)?;
    tokio::spawn(notices::run(context.clone(), stop.clone()));
    tokio::spawn(ask_backends::run(context.clone(), stop.clone()));
    tokio::spawn(usage::tick(context.book.clone()));
    // On this thread, which no session can keep busy; and to the end, for what sessions finish while they drain.
    for (listener, bound) in beside {
        tokio::spawn(listener.open(bound, context.clone(), end.clone()));
    }
    // The sockets close when the last thread has stopped listening.
    drop((stop, end, listeners));
    // Dropped last: what is left is written and synced then.
    let _writer = UsageWriter::start(context.book.clone(), moments(context.book.is_unwritable())).map_err(StartTrouble::State)?;
    for position in built.broken {
        emit(Event::CertificateBroken { position: position as u64 });
    }
    built.certificates.as_deref().into_iter().for_each(reload::tell_ends);
    certified.into_iter().for_each(reload::tell_end_among_nodes);
    // Before anybody is told that it may be stopped or reloaded now.
    let signals = Signals::listen().map_err(StartTrouble::State)?;
    emit(Event::Started { listeners: count as u64, backends: backends as u64 });
    systemd.tell("READY=1");
    let (end, drain) = tokio::select! {
        () = until_stopped(&config, file, (built.certificates.as_deref(), certified), &context, signals) => (End::Stopped, config.drain),
        drain = beside::judge(other, &context) => (End::SteppedBack, drain.min(config.drain)),
    };
    emit(Event::Stopping { sessions: context.limits.sessions() as u64 });
    systemd.tell("STOPPING=1");
    context.pool.close();
    context.relay_pool.close();
    let cut = stopper.stop(drain).await;
    if let Some(share) = &context.share {
        share.link.leave().await;
    }
    drop(built.files);
    // Before usage is written for the last time: nobody is to wait for an answer meanwhile.
    ender.stop(LAST_ANSWERS).await;
    context.tell();
    emit(Event::Stopped { cut: cut as u64 });
    Ok(end)
}

/// When usage is written. That it cannot be is told once, and once that it can be again.
fn moments(mut is_failing: bool) -> impl FnMut(Result<(), StoreError>) -> Duration + Send + 'static {
    let (mut times, mut is_start) = (u64::from(is_failing), true);
    move |written| {
        if std::mem::take(&mut is_start) {
            return if is_failing { AGAIN } else { until_full_hour() };
        }
        match (written, is_failing) {
            (Err(_), false) => {
                times += 1;
                emit(Event::StoreFailed { times });
            }
            (Ok(()), true) => emit(Event::StoreWrites {}),
            (Err(_), true) | (Ok(()), false) => {}
        }
        is_failing = written.is_err();
        if is_failing { AGAIN } else { until_full_hour() }
    }
}

fn until_full_hour() -> Duration {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    // A moment after it, so that a clock that is turned back a little does not make two of it.
    Duration::from_secs(HOUR - since.as_secs() % HOUR) + Duration::from_millis(500)
}

/// What the daemon is told by signals.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Signals> {
        let [terminate, interrupt, hangup] = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()].map(signal);
        let signals = Signals { terminate: terminate?, interrupt: interrupt?, hangup: hangup? };
        reload::take();
        Ok(signals)
    }
}

async fn until_stopped(
    config: &Config,
    file: &ConfigFile,
    (certificates, certified): (Option<&Certificates>, Option<Validity>),
    context: &Arc<Context>,
    mut signals: Signals,
) {
    let (mut day, mut hour) = (today(), hour());
    let mut sweep = interval(SWEEP);
    sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut telling = interval(TELLING);
    telling.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = signals.terminate.recv() => return,
            _ = signals.interrupt.recv() => return,
            _ = signals.hangup.recv() => {
                reload::config(config, file, context);
                certificates.into_iter().for_each(reload::certificates);
            }
            _ = telling.tick() => context.tell(),
            _ = sweep.tick() => {
                let (context, new_day) = (context.clone(), std::mem::replace(&mut day, today()) != day);
                let new_hour = std::mem::replace(&mut hour, self::hour()) != hour;
                tokio::task::spawn_blocking(move || tidy(&context, new_day, new_hour));
                let now = now().as_secs();
                certificates.into_iter().filter(|certificates| certificates.changed(now)).for_each(reload::certificates);
                if new_day {
                    certificates.into_iter().for_each(reload::tell_ends);
                    certified.into_iter().for_each(reload::tell_end_among_nodes);
                }
            }
        }
    }
}

/// Hours since 1970.
fn hour() -> u64 {
    now().as_secs() / 3600
}

/// The minute's work: what has no effect any more is forgotten; on a new day, grants may have ended. Each hour, what lists show is made
/// anew for all at once: docs/side-information.md.
fn tidy(context: &Context, new_day: bool, new_hour: bool) {
    context.limits.sweep();
    context.incidents.sweep(std::time::Instant::now());
    context.pool.sweep();
    context.web.sweep();
    context.executor.sweep_offers(std::time::Instant::now(), today());
    context.executor.sweep_counts(std::time::Instant::now());
    context.book.forget_sending(steady());
    metrics::publish(context);
    if new_hour {
        context.book.settle();
    }
    if new_day {
        context.book.review(today());
    }
}
