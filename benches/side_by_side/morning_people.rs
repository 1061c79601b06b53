//! The people of a morning. They come at their own pace, whether those before them were served or not: whoever is refused is counted.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::{interval, sleep, timeout};

use crate::Res;
use crate::imap::{Imap, Literal};
use crate::load::{Door, crowd};

/// Who logs in, and who sends, in a second.
pub const LOGINS: u32 = 200;
pub const SENDERS: u32 = 50;
/// Whoever is not served after so long is counted as refused.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Sessions that are open at most: a fifth more than who waits and who reads.
pub const OPEN: usize = (WAITING + LOGINS as usize * LETTERS as usize * READING.as_secs() as usize) * 6 / 5;

/// Letters of 10 kB that a visitor reads, and the time for each.
const LETTERS: u32 = 5;
const READING: Duration = Duration::from_secs(2);
/// Who waits in IDLE, and the time from one letter to the next.
const WAITING: usize = 2000;
const SILENCE: Duration = Duration::from_secs(60);
/// Three fetch bodies of 64 MiB, and two append one megabyte after the other, each as fast as a line of 100 Mbit/s.
const READERS: usize = 3;
const WRITERS: usize = 2;
const LINE: u64 = 12_500_000;

/// Some of them: who is still here, and how many were not served.
#[derive(Default)]
pub struct People {
    here: JoinSet<Res<()>>,
    came: usize,
    refused: u32,
}

impl People {
    /// They come, so many in a second.
    pub async fn come<Work, Done>(&mut self, each_second: u32, length: Duration, work: Work) -> Res<()>
    where
        Work: Fn(usize) -> Done,
        Done: Future<Output = Res<()>> + Send + 'static,
    {
        let (start, mut pace) = (Instant::now(), interval(Duration::from_secs(1) / each_second));
        while start.elapsed() < length {
            pace.tick().await;
            let one = timeout(PATIENCE, work(self.came));
            self.came += 1;
            self.here.spawn(async move { one.await.unwrap_or_else(|_| Err("not served within a minute".into())) });
            self.count_who_left()?;
        }
        // A load that comes late would measure itself.
        let wanted = length.as_secs_f64() * f64::from(each_second);
        if (self.came as f64) < wanted * 0.98 { Err(format!("{} came, not {wanted}", self.came).into()) } else { Ok(()) }
    }

    /// When all have left: how many were refused.
    pub async fn refused(mut self) -> Res<u32> {
        while let Some(done) = self.here.join_next().await {
            self.count(done?);
        }
        Ok(self.refused)
    }

    /// Of those who stay: how many are gone.
    pub fn gone(mut self) -> Res<u32> {
        self.count_who_left()?;
        Ok(self.refused)
    }

    fn count_who_left(&mut self) -> Res<()> {
        while let Some(done) = self.here.try_join_next() {
            self.count(done?);
        }
        Ok(())
    }

    /// What the first one heard is told at once, for who looks on.
    fn count(&mut self, done: Res<()>) {
        let Err(error) = done else { return };
        if self.refused == 0 {
            eprintln!("morning, the first who was refused: {error}");
        }
        self.refused += 1;
    }
}

/// Those who stay from the beginning to the end. When this returns, all who wait are in IDLE.
pub async fn settled(door: Door) -> Res<People> {
    let mut people = People::default();
    let waiting = Arc::<Mutex<Vec<_>>>::default();
    let opened = waiting.clone();
    let work = move |number| {
        let opened = opened.clone();
        async move {
            let session = begins_to_wait(door, number).await?;
            opened.lock().unwrap_or_else(PoisonError::into_inner).push(session);
            Ok(())
        }
    };
    crowd(WAITING, 32, work).await?;
    for session in waiting.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
        people.here.spawn(waits(session));
    }
    for number in 0..READERS {
        people.here.spawn(reads(door, number));
    }
    for number in 0..WRITERS {
        people.here.spawn(writes(door, READERS + number));
    }
    Ok(people)
}

/// The first letters come spread over the time between two.
async fn begins_to_wait(door: Door, number: usize) -> Res<Imap> {
    let first = SILENCE.as_millis() as usize * number / WAITING;
    let mut session = Imap::logged_in(door, number).await?;
    session.command(&format!("SELECT W{first}")).await?;
    session.idle().await?;
    Ok(session)
}

/// Ends only by an error, as the next two.
async fn waits(mut session: Imap) -> Res<()> {
    let next = format!("SELECT W{}", SILENCE.as_millis());
    loop {
        session.woken().await?;
        session.fetch().await?;
        session.command(&next).await?;
        session.idle().await?;
    }
}

async fn reads(door: Door, number: usize) -> Res<()> {
    let mut session = Imap::logged_in(door, number).await?;
    session.command("SELECT B67108864").await?;
    loop {
        session.fetch_over(Some(LINE)).await?;
    }
}

async fn writes(door: Door, number: usize) -> Res<()> {
    const SIZE: usize = 1_000_000;
    let mut session = Imap::logged_in(door, number).await?;
    let mut pace = interval(Duration::from_secs_f64(SIZE as f64 / LINE as f64));
    loop {
        pace.tick().await;
        session.append(SIZE, Literal::NonSync).await?;
    }
}

pub async fn visits(door: Door, number: usize) -> Res<()> {
    let mut session = Imap::logged_in(door, number).await?;
    session.command("SELECT B10000").await?;
    for _ in 0..LETTERS {
        session.fetch().await?;
        sleep(READING).await;
    }
    session.command("LOGOUT").await
}
