//! From the first connection to the last: signals, reload, the minute's sweeping, systemd.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval};

use crate::config::{self, Built, Config, Trouble};
use crate::event::{Event, emit};
use crate::net::certificates::Certificates;
use crate::net::shutdown::pair;
use crate::quota::UsageWriter;
use crate::serve::clock::{now, today};
use crate::serve::{Context, Service, metrics, notices, usage, workers};
use crate::store::StoreError;

/// How often usage is written behind.
const WRITE: Duration = Duration::from_millis(300);

/// For the storage to hear that nobody listens any more.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// How often limits are swept and certificate files are looked at.
const SWEEP: Duration = Duration::from_secs(60);

/// Serves until SIGTERM or SIGINT, then drains.
///
/// # Errors
/// What keeps it from starting.
pub async fn serve_until_stopped(
    mut config: Config,
    file: &Path,
    built: Built,
    context: Arc<Context>,
    systemd: Systemd,
) -> Result<(), Trouble> {
    let (stopper, stop) = pair();
    let listeners = config::listeners(&config, &built)?;
    let (count, backends) = (listeners.len(), context.backends.load().len());
    let (ender, end) = pair();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let listeners = listeners.into_iter().zip(built.bound);
    let (beside, listeners): (Vec<_>, Vec<_>) = listeners.partition(|(listener, _)| listener.service == Service::Usage);
    workers::start(cores, &listeners, &context, &stop, &end).map_err(Trouble::State)?;
    tokio::spawn(notices::run(context.clone(), stop.clone()));
    tokio::spawn(usage::tick(context.book.clone()));
    // On this thread, which no session can keep busy; and to the end, for what sessions finish while they drain.
    for (listener, bound) in beside {
        tokio::spawn(listener.open(bound, context.clone(), end.clone()));
    }
    // The sockets close when the last thread has stopped listening.
    drop((stop, end, listeners));
    // Dropped last: what is left is written and synced then.
    let _writer = UsageWriter::start(context.book.clone(), WRITE, store_failed()).map_err(Trouble::State)?;
    if built.broken > 0 {
        emit(Event::CertificateBroken { position: built.broken as u64 });
    }
    emit(Event::Started { listeners: count as u64, backends: backends as u64 });
    systemd.tell("READY=1");
    until_stopped(&mut config, file, built.certificates.as_deref(), &context).await.map_err(Trouble::State)?;
    emit(Event::Stopping { sessions: context.limits.sessions() as u64 });
    systemd.tell("STOPPING=1");
    context.shelf.close();
    context.spares.close();
    let cut = stopper.stop(config.drain).await;
    drop(built.files);
    // Before usage is written for the last time: nobody is to wait for an answer meanwhile.
    ender.stop(LAST_ANSWERS).await;
    emit(Event::Stopped { cut: cut as u64 });
    Ok(())
}

fn store_failed() -> impl Fn(StoreError) + Send + 'static {
    let times = AtomicU64::new(0);
    move |_| emit(Event::StoreFailed { times: times.fetch_add(1, Ordering::Relaxed) + 1 })
}

async fn until_stopped(
    config: &mut Config,
    file: &Path,
    certificates: Option<&Certificates>,
    context: &Arc<Context>,
) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let mut day = today();
    let mut sweep = interval(SWEEP);
    sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
            _ = hangup.recv() => {
                reload_config(config, file, context);
                reload_certificates(certificates);
            }
            _ = sweep.tick() => {
                let (context, new_day) = (context.clone(), std::mem::replace(&mut day, today()) != day);
                tokio::task::spawn_blocking(move || tidy(&context, new_day));
                if certificates.is_some_and(Certificates::changed) {
                    reload_certificates(certificates);
                }
            }
        }
    }
}

/// The minute's work: what has no effect any more is forgotten; on a new day, grants may have ended.
fn tidy(context: &Context, new_day: bool) {
    context.limits.sweep();
    context.incidents.sweep(std::time::Instant::now());
    context.shelf.sweep();
    context.book.forget_sending(now());
    metrics::publish(context);
    if new_day {
        context.book.review(today());
    }
}

/// Puts the backends of the file in force; sessions go on with what they began with. Associations are in the book.
fn reload_config(config: &mut Config, file: &Path, context: &Context) {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    match config::read(&text) {
        Ok(fresh) => {
            let backends = fresh.backends.len();
            let waits = u64::from(fresh.listens != config.listens)
                + u64::from(fresh.tls != config.tls)
                + u64::from(fresh.limits != config.limits || fresh.patience != config.patience || fresh.sizes != config.sizes)
                + u64::from(fresh.quota != config.quota || fresh.pool != config.pool)
                + u64::from(fresh.hostname != config.hostname)
                + u64::from(fresh.policy.digest() != config.policy.digest())
                // The kernel was told once which ports and folders there are.
                + u64::from(config::plan(&fresh, file) != context.enforcement.plan);
            context.backends.store(Arc::new(fresh.backends));
            emit(Event::Reloaded { backends: backends as u64 });
            if waits > 0 {
                emit(Event::RestartNeeded { sections: waits });
            }
        }
        Err(problems) => emit(Event::ReloadRefused { errors: problems.len() as u64 }),
    }
}

fn reload_certificates(certificates: Option<&Certificates>) {
    let Some(certificates) = certificates else { return };
    let report = certificates.reload();
    for (_, position, _) in &report.broken {
        emit(Event::CertificateBroken { position: *position as u64 });
    }
    emit(Event::CertificatesReloaded { names: report.names as u64 });
}

/// The way to systemd (sd_notify(3)), if it asked to be told. Opened before the sandbox, which allows no such socket.
pub struct Systemd(Option<UnixDatagram>);

impl Systemd {
    /// Looks for it in the environment.
    pub fn find() -> Systemd {
        let connect = || {
            let path = std::env::var("NOTIFY_SOCKET").ok()?;
            let address = match path.strip_prefix('@') {
                Some(name) => SocketAddr::from_abstract_name(name),
                None => SocketAddr::from_pathname(&path),
            };
            let socket = UnixDatagram::unbound().ok()?;
            socket.connect_addr(&address.ok()?).ok()?;
            Some(socket)
        };
        Systemd(connect())
    }

    // Nobody to tell when it fails.
    fn tell(&self, state: &str) {
        if let Some(socket) = &self.0 {
            let _ = socket.send(state.as_bytes());
        }
    }
}
