//! The rows of nologd alone: the book, the start, the reload.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::imap::Imap;
use crate::lab::{Guard, Lab, free_port, make_certificate, signal};
use crate::load::{Door, Times, certificate};
use crate::nologd::{Setup, fresh_state};
use crate::report::Cell;
use crate::{Res, account, args, figures};

/// Starts, and reloads, of which the median is told.
const TIMES: usize = 5;

/// Reservations a second in a book of 300 associations x 100 mailboxes, on one core, the writer of usage included.
pub async fn book(lab: &Lab) -> Res<Vec<Cell>> {
    let rate = fill(fresh_state(lab)?, 300, 1_000_000).await?;
    Ok(vec![Cell::new(&figures::BOOK_RATE, rate)])
}

/// From the start of the program to its first greeting over TLS, with an empty book, with 300 x 100
/// mailboxes and with a million; and what each of the million takes in memory.
pub async fn startup(lab: &Lab) -> Res<Vec<Cell>> {
    let mut cells = Vec::new();
    let mut memory = Vec::new();
    for (figure, associations) in [(&figures::START_EMPTY, 0), (&figures::START_FULL, 300), (&figures::START_HUGE, 10_000)] {
        let book = fresh_state(lab)?;
        if associations > 0 {
            fill(book, associations, 0).await?;
        }
        let (mut times, mut sizes) = (Vec::new(), Vec::new());
        // One more: the first start of an empty book makes its files.
        for _ in 0..=TIMES {
            let (imap, submission) = (free_port()?, free_port()?);
            let start = Instant::now();
            let guard = Setup::proxy(lab, imap, submission).start_again(lab)?;
            let guard = greeted(guard, Door { port: imap, tls: true }).await?;
            times.push(start.elapsed());
            sizes.push(account::pss_kib(&[guard.pid()]).ok_or("no memory is told")?);
            tokio::task::spawn_blocking(move || drop(guard)).await?;
        }
        times.remove(0);
        sizes.sort_unstable();
        memory.push(sizes.get(sizes.len() / 2).copied().unwrap_or_default());
        cells.push(Cell::new(figure, Times::new(times).percentile(50)));
    }
    if let [empty, _, huge] = memory[..] {
        cells.push(Cell::new(&figures::START_HUGE_EACH, huge.saturating_sub(empty) as f64 * 1024.0 / 1_000_000.0));
    }
    Ok(cells)
}

/// 3,000 certificates of which one was renewed: from SIGHUP to the first handshake that shows the new one, and the longest wait
/// of a NOOP meanwhile.
pub async fn reload(lab: &Lab) -> Res<Vec<Cell>> {
    let folder = lab.folder.path().join("many");
    let (many, key) = (folder.clone(), lab.folder.key());
    tokio::task::spawn_blocking(move || make_many(&many, &key)).await??;
    let imap = free_port()?;
    let door = Door { port: imap, tls: true };
    let guard = Setup::proxy(lab, imap, free_port()?).with_certificates(folder.clone()).start(lab)?;
    let guard = greeted(guard, door).await?;
    let name = "n150.bench.example";
    let over = Arc::new(AtomicBool::new(false));
    let waits = tokio::spawn(longest_wait(door, over.clone()));
    let mut times = Vec::new();
    for _ in 0..TIMES {
        let old = certificate(imap, name).await?;
        make_certificate(&folder.join(name), name, None)?;
        let start = Instant::now();
        signal(guard.pid(), Signal::SIGHUP);
        while certificate(imap, name).await? == old {}
        times.push(start.elapsed());
    }
    over.store(true, Ordering::Relaxed);
    let wait = waits.await??;
    tokio::task::spawn_blocking(move || drop(guard)).await?;
    let wait = wait.as_secs_f64() * 1000.0;
    Ok(vec![Cell::new(&figures::RELOAD_TIME, Times::new(times).percentile(50)), Cell::new(&figures::RELOAD_WAIT, wait)])
}

async fn longest_wait(door: Door, over: Arc<AtomicBool>) -> Res<Duration> {
    let mut session = Imap::logged_in(door, 0).await?;
    let mut longest = Duration::ZERO;
    while !over.load(Ordering::Relaxed) {
        let start = Instant::now();
        session.command("NOOP").await?;
        longest = longest.max(start.elapsed());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(longest)
}

/// The folder for the default name, and 2,999 others that share its key: openssl takes ten milliseconds for each. Made once.
fn make_many(folder: &Path, key: &Path) -> Res<()> {
    if folder.exists() {
        return Ok(());
    }
    make_certificate(&folder.join(crate::lab::DOMAIN), crate::lab::DOMAIN, Some(key))?;
    for number in 1..3000 {
        let name = format!("n{number}.bench.example");
        make_certificate(&folder.join(&name), &name, Some(key))?;
    }
    Ok(())
}

/// Waits for the first greeting.
async fn greeted(mut guard: Guard, door: Door) -> Res<Guard> {
    let deadline = Instant::now() + Duration::from_secs(20);
    while Imap::open(door).await.is_err() {
        if let Some(ended) = guard.ended() {
            return Err(ended.into());
        }
        if Instant::now() > deadline {
            return Err("does not greet".into());
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(guard)
}

/// This program again, as [`crate::book`]; gives the rate.
async fn fill(folder: PathBuf, associations: usize, reservations: u64) -> Res<f64> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .arg(args::BOOK)
        .arg(folder)
        .arg(associations.to_string())
        .arg(reservations.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut guard = Guard::start(&mut command)?;
    let output = guard.output().ok_or("the book has no output")?;
    let read = tokio::task::spawn_blocking(move || {
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).map(|_| line)
    });
    let rate = read.await??.trim().parse()?;
    // It says the rate last of all, after the files were closed; the lock on them goes with the process.
    while guard.ended().is_none() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(rate)
}
