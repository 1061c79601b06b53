//! The rows of many small dialogues: logins, commands, small messages, clicks.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::imap::{Idlers, Imap, Literal};
use crate::load::{Door, Times, crowd};
use crate::mailstore::USERS;
use crate::one_core::OneCore;
use crate::peers::Target;
use crate::report::Cell;
use crate::rows::Meter;
use crate::{Res, figures, lab, smtp};

/// A full TLS handshake, LOGIN and LOGOUT, 2,000 times, 8 at once.
pub async fn login(target: &Target) -> Res<Vec<Cell>> {
    const LOGINS: usize = 2000;
    logins(target.imap, LOGINS / 10, 8).await?;
    let meter = Meter::start(target);
    let times = logins(target.imap, LOGINS, 8).await?;
    let mut cells = Cell::maybe(&figures::LOGIN_CPU, meter.cpu_each(LOGINS));
    cells.push(Cell::new(&figures::LOGIN_P50, times.percentile(50)));
    cells.push(Cell::new(&figures::LOGIN_P99, times.percentile(99)));
    Ok(cells)
}

/// NOOP after NOOP, 5,000 on each of twelve sessions, one session after the other; told per 1,000. Then the same with the load,
/// the peer and the backend on one processor: not how anybody has it, but exact.
pub async fn roundtrips(target: &Target) -> Res<Vec<Cell>> {
    let mut sessions = selected(target.imap, 12).await?;
    let meter = Meter::start(target);
    let times = trips(&mut sessions, 5000).await?;
    let mut cells = Cell::maybe(&figures::TRIPS_CPU, meter.cpu_each(60));
    cells.push(Cell::new(&figures::TRIPS_P50, times.percentile(50)));
    let one_core = OneCore::start()?;
    trips(&mut sessions, 200).await?;
    let meter = Meter::start(target);
    trips(&mut sessions, 5000).await?;
    cells.extend(Cell::maybe(&figures::TRIPS_ONE_CORE, meter.cpu_each(60)));
    drop(one_core);
    Ok(cells)
}

/// What a login and a command cost beside 10, 100, 1,000 and 10,000 sessions in IDLE. 32 logins at once: peers that wait for
/// Nagle's timer at each would take minutes.
pub async fn crowded(target: &Target) -> Res<Vec<Cell>> {
    const LOGINS: usize = 2000;
    let mut idlers = Idlers::new(target.imap);
    let mut sessions = selected(target.imap, 8).await?;
    logins(target.imap, LOGINS / 10, 32).await?;
    let mut cells = Vec::new();
    for (count, login, trip) in &figures::CROWDED {
        // One session trips, 32 log in.
        idlers.grow((*count).min(lab::most_sessions())).await?;
        let meter = Meter::start(target);
        logins(target.imap, LOGINS, 32).await?;
        cells.extend(Cell::maybe(login, meter.cpu_each(LOGINS)));
        let meter = Meter::start(target);
        trips(&mut sessions, 2500).await?;
        cells.extend(Cell::maybe(trip, meter.cpu_each(20)));
    }
    Ok(cells)
}

/// A message of 10 kB on a connection of its own, with a login each time: 500 times, 4 at once.
pub async fn submit(target: &Target) -> Res<Vec<Cell>> {
    const MESSAGES: usize = 500;
    let door = target.submission;
    let work = move |number| smtp::submit(door, number, 10_000);
    crowd(MESSAGES / 10, 4, work).await?;
    let meter = Meter::start(target);
    let times = crowd(MESSAGES, 4, work).await?;
    let mut cells = Cell::maybe(&figures::SUBMIT_CPU, meter.cpu_each(MESSAGES));
    cells.push(Cell::new(&figures::SUBMIT_P50, times.percentile(50)));
    cells.push(Cell::new(&figures::SUBMIT_P99, times.percentile(99)));
    Ok(cells)
}

/// 5,000 messages of 10 kB appended, on sixteen sessions.
pub async fn append_small(target: &Target) -> Res<Vec<Cell>> {
    let (cpu, times) = appends(target).await?;
    let mut cells = Cell::maybe(&figures::SMALL_CPU, cpu);
    cells.push(Cell::new(&figures::SMALL_P50, times.percentile(50)));
    Ok(cells)
}

/// The same, for nologd with limits beside nologd without: what the look at them costs.
pub async fn quota(target: &Target) -> Res<Vec<Cell>> {
    Ok(Cell::maybe(&figures::QUOTA_CPU, appends(target).await?.0))
}

/// Logins and commands, for nologd beside nologd whose sandbox grants all. More of them: a difference of a hundredth is looked for.
pub async fn sandbox(target: &Target) -> Res<Vec<Cell>> {
    const LOGINS: usize = 4000;
    logins(target.imap, LOGINS / 10, 8).await?;
    let meter = Meter::start(target);
    logins(target.imap, LOGINS, 8).await?;
    let mut cells = Cell::maybe(&figures::SANDBOX_LOGIN, meter.cpu_each(LOGINS));
    let mut sessions = selected(target.imap, 16).await?;
    let meter = Meter::start(target);
    trips(&mut sessions, 5000).await?;
    cells.extend(Cell::maybe(&figures::SANDBOX_TRIPS, meter.cpu_each(80)));
    Ok(cells)
}

/// Connect, LOGIN, SELECT, FETCH of a message, LOGOUT: 500 times, one after the other, by twenty people in turn. A person waits
/// for one click, not for eight.
pub async fn click(target: &Target) -> Res<Vec<Cell>> {
    const CLICKS: usize = 500;
    let door = target.imap;
    let work = move |number: usize| async move {
        let mut session = Imap::logged_in(door, number % USERS).await?;
        session.command("SELECT INBOX").await?;
        session.fetch().await?;
        session.command("LOGOUT").await
    };
    crowd(USERS * 2, 1, work).await?;
    let (whole, proxy) = (Meter::start(target), Meter::of(target.proxy()));
    let times = crowd(CLICKS, 1, work).await?;
    let mut cells = Cell::maybe(&figures::CLICK_CPU, whole.cpu_each(CLICKS));
    cells.extend(Cell::maybe(&figures::CLICK_PROXY, proxy.cpu_each(CLICKS)));
    cells.push(Cell::new(&figures::CLICK_P50, times.percentile(50)));
    cells.push(Cell::new(&figures::CLICK_P99, times.percentile(99)));
    cells.push(Cell::new(&figures::CLICK_KEPT, kept(door, CLICKS / USERS).await?.percentile(50)));
    Ok(cells)
}

/// What is left of a click for who has a connection open already: SELECT and FETCH, by the same people in turn. UNSELECT behind is not timed, as nobody
/// waits for it in a pool.
async fn kept(door: Door, turns: usize) -> Res<Times> {
    let mut open = Vec::new();
    for number in 0..USERS {
        open.push(Imap::logged_in(door, number).await?);
    }
    let mut times = Vec::new();
    for _ in 0..turns {
        for session in &mut open {
            let start = Instant::now();
            session.command("SELECT INBOX").await?;
            session.fetch().await?;
            times.push(start.elapsed());
            session.command("UNSELECT").await?;
        }
    }
    Ok(Times::new(times))
}

/// An import by a program that writes each message and the line end behind it apart, with Nagle's algorithm on: 300 messages of
/// 2 kB, one after the other. Who does not acknowledge the message at once waits for 40 ms with each.
pub async fn imaplib(target: &Target) -> Res<Vec<Cell>> {
    let mut session = Imap::logged_in_as_imaplib(target.imap, 0).await?;
    // The mailbox outlives the peer: every round begins with an empty one.
    let _ = session.command("DELETE Archive").await;
    session.command("CREATE Archive").await?;
    let mut times = Vec::new();
    for number in 0..320 {
        let start = Instant::now();
        session.append_apart(2000).await?;
        // The first acknowledgements of a connection are quick everywhere.
        if number >= 20 {
            times.push(start.elapsed());
        }
    }
    Ok(vec![Cell::new(&figures::IMAPLIB_P50, Times::new(times).percentile(50))])
}

async fn logins(door: Door, count: usize, width: usize) -> Res<Times> {
    crowd(count, width, move |number| async move { Imap::logged_in(door, number).await?.command("LOGOUT").await }).await
}

/// Several sessions, each warmed up. Which processor the kernel gives to the two ends of a session decides up to half of what a
/// round trip costs: one session alone would be a throw of the dice.
async fn selected(door: Door, count: usize) -> Res<Vec<Imap>> {
    let mut sessions = Vec::with_capacity(count);
    for number in 0..count {
        let mut session = Imap::logged_in(door, number).await?;
        session.command("SELECT INBOX").await?;
        sessions.push(session);
    }
    trips(&mut sessions, 200).await?;
    Ok(sessions)
}

async fn trips(sessions: &mut [Imap], each: usize) -> Res<Times> {
    let mut times = Vec::with_capacity(sessions.len() * each);
    for session in sessions {
        for _ in 0..each {
            let start = Instant::now();
            session.command("NOOP").await?;
            times.push(start.elapsed());
        }
    }
    Ok(Times::new(times))
}

/// CPU milliseconds of each APPEND, and their times. Sixteen sessions at once: for peers that wait for Nagle's timer at each.
async fn appends(target: &Target) -> Res<(Option<f64>, Times)> {
    const SESSIONS: usize = 16;
    const MESSAGES: usize = 5000;
    let mut open = Vec::new();
    for number in 0..SESSIONS {
        let mut session = Imap::logged_in(target.imap, number).await?;
        append_some(&mut session, 10).await?;
        open.push(session);
    }
    let meter = Meter::start(target);
    let mut all = JoinSet::new();
    for mut session in open {
        all.spawn(async move { append_some(&mut session, MESSAGES / SESSIONS).await });
    }
    let mut times = Vec::with_capacity(MESSAGES);
    while let Some(some) = all.join_next().await {
        times.extend(some??);
    }
    Ok((meter.cpu_each(times.len()), Times::new(times)))
}

async fn append_some(session: &mut Imap, count: usize) -> Res<Vec<Duration>> {
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let start = Instant::now();
        session.append(10_000, Literal::NonSync).await?;
        times.push(start.elapsed());
    }
    Ok(times)
}
