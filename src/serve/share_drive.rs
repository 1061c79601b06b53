//! Runs the errands of [`crate::share`] and brings the news, on a thread of its own, so that nothing else keeps the lease from being renewed.
//!
//! Absent on purpose: a watch. What stands in etcd is read twice a second, which is one call, whatever members do.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::Context;
use super::clock::{boot_time, today};
use super::share::{Others, ShareLink};
use super::share_etcd::fresh;
use super::{share_answer, share_house, share_reach};
use crate::event::{Event, emit};
use crate::node::Millis;
use crate::quota::Book;
use crate::share::etcd::{Listing, TOGETHER, call_together, calls, news, news_together};
use crate::share::{Errand, News};
use crate::store::{Lasting, replace};

/// How often what is due is looked for; what cannot wait stirs.
const LOOKING: Duration = Duration::from_millis(100);
/// How often what stands in etcd is read.
const READING: Duration = Duration::from_millis(500);
/// How often the book's associations are looked at.
const FOLLOWING: Duration = Duration::from_secs(1);
/// How long a count may take before it is told: one of 10,000 mailboxes takes some seconds.
const LATE: Millis = 60_000;
/// For the deeds of all associations to name nobody.
const HANDING: Duration = Duration::from_secs(2);
/// For the last word to etcd.
const LEAVING: Duration = Duration::from_secs(1);

impl ShareLink {
    /// Judges what falls to this node, to the end of the process. To be called once, by the only process of this node.
    ///
    /// # Errors
    /// No thread.
    pub fn start(self: &Arc<ShareLink>, context: &Arc<Context>) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        self.book.run_on(runtime.handle().clone());
        if let Some(others) = Others::of(self, context) {
            let _ = self.others.set(others);
        }
        let (link, book, context) = (self.clone(), context.book.clone(), context.clone());
        let drive = async move {
            tokio::spawn(follow(link.clone(), book.clone(), context.clone()));
            tokio::spawn(share_reach::look(link.clone(), context.clone()));
            tokio::spawn(share_house::watch(link.clone(), context.clone()));
            tokio::spawn(share_answer::copy(link.clone(), context));
            tokio::spawn(read(link.clone(), book.clone()));
            work(link, book).await;
        };
        std::thread::Builder::new().name("share".into()).spawn(move || runtime.block_on(drive)).map(drop)
    }

    /// The others may judge at once, and hold back nothing for us where nothing is under way. To be called when all sessions have ended.
    pub async fn leave(&self) {
        let _ = timeout(HANDING, self.tell_spent()).await;
        self.lock().fellow.leave();
        self.stir.notify_one();
        let _ = timeout(HANDING, async {
            while !self.lock().fellow.has_left(boot_time()) {
                sleep(LOOKING / 5).await;
            }
        })
        .await;
        let own = self.lock().lives.iter().filter(|life| life.node == self.name).cloned().collect::<Vec<_>>();
        for life in own {
            let errand = Errand::End(life);
            let house = self.house();
            for call in house.map(|house| calls(&errand, &self.pace, &house)).unwrap_or_default() {
                let _ = timeout(LEAVING, self.etcd.post(&call)).await;
            }
        }
    }

    fn hear(&self, news: News) {
        self.lock().fellow.hear(news, boot_time());
        self.stir.notify_one();
    }

    /// Where the storage was not counted for long, whether or not anybody asks for what is to be counted, it is told, once.
    fn say_late(&self) {
        let (now, asked) = (boot_time(), self.pending().late(boot_time(), LATE));
        let mut state = self.lock();
        let late = state.fellow.uncounted(now, LATE).max(asked);
        let before = std::mem::replace(&mut state.told_late, late > 0);
        match (before, late) {
            (false, 1..) => emit(Event::CountLate { associations: late as u64 }),
            (true, 0) => emit(Event::CountThere {}),
            _ => {}
        }
    }

    fn answered(&self, answers: bool) {
        let before = self.lock().answers.replace(answers);
        match (before, answers) {
            (None | Some(true), false) => emit(Event::EtcdGone {}),
            (Some(false), true) => emit(Event::EtcdBack {}),
            (None | Some(true), true) | (Some(false), false) => {}
        }
        let is_full = self.etcd.is_full();
        if std::mem::replace(&mut self.lock().told_full, is_full) != is_full {
            emit(if is_full { Event::EtcdFull {} } else { Event::EtcdRoom {} });
        }
    }
}

/// The associations of the book, and what each may have.
async fn follow(link: Arc<ShareLink>, book: Arc<Book>, context: Arc<Context>) {
    let mut known = BTreeMap::new();
    loop {
        let stores: BTreeMap<_, _> = book.share_backends().into_iter().collect();
        for (tenant, limit) in book.shares(today()) {
            let store = stores.get(&tenant).map_or(0, |backend| link.store_number(&context, backend.as_deref()));
            if known.insert(tenant, (limit, store)) != Some((limit, store)) {
                link.hear(News::Exists(tenant, limit));
                link.hear(News::StoredAt(tenant, store));
            }
        }
        for tenant in book.uncounted_shares() {
            // Before that, it is counted anyway.
            if link.lock().fellow.judges(tenant) {
                link.pending().ask_besides(tenant, boot_time(), || book.count_share(tenant));
            }
        }
        link.say_late();
        sleep(FOLLOWING).await;
    }
}

/// What stands in etcd; and where another node judges, sessions here are to go there.
async fn read(link: Arc<ShareLink>, book: Arc<Book>) {
    loop {
        let answer = link.etcd.post(&Listing::call()).await;
        if link.etcd.take_went_back() {
            link.went_back();
            continue;
        }
        let listing = answer.and_then(|answer| Listing::read(&answer));
        link.answered(listing.is_some());
        if let Some(Listing { lives, says, deeds, book: number, house }) = listing {
            link.stood(house);
            link.saw(number, &book);
            let now = boot_time();
            let mut state = link.lock();
            let before = std::mem::replace(&mut state.lives, lives.clone());
            let came = lives.difference(&before).cloned().map(News::Came);
            let went = before.difference(&lives).cloned().map(News::Went);
            for (tenant, _, deed) in &deeds {
                if let Some((life, _)) =
                    deed.as_ref().and_then(|deed| deed.holder.as_ref()).filter(|(life, _)| life.node != link.name)
                {
                    state.saw_judge(*tenant, &life.node);
                }
            }
            let stands = deeds.into_iter().map(|(tenant, revision, deed)| News::Stands(tenant, revision, deed));
            let says = lives.iter().map(|life| News::Says(life.clone(), says.get(life).cloned().unwrap_or_default()));
            came.chain(went).chain(says).chain(stands).for_each(|news| state.fellow.hear(news, now));
            drop(state);
            link.stir.notify_one();
        }
        book.send_elsewhere(|tenant| link.elsewhere(tenant).is_some());
        sleep(READING).await;
    }
}

/// Does what is to be done.
async fn work(link: Arc<ShareLink>, book: Arc<Book>) {
    let mut tick = interval(LOOKING);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = link.stir.notified() => {}
        }
        // Without randomness no life is begun.
        let Some(fresh) = fresh() else { continue };
        let errands = {
            let mut state = link.lock();
            let now = boot_time();
            if state.is_quiet() {
                state.fellow.hear(News::Quiet, now);
            }
            let errands = state.fellow.tick(now, fresh);
            for errand in &errands {
                if let Errand::Cut(tenant) = errand {
                    state.cut(*tenant);
                }
            }
            errands
        };
        let (deeds, others): (Vec<_>, Vec<_>) =
            errands.into_iter().partition(|errand| matches!(errand, Errand::Take { .. } | Errand::Write { .. }));
        others.into_iter().for_each(|errand| run(&link, &book, errand));
        run_together(&link, &book, deeds);
    }
}

/// Many deeds change at once where a node comes or goes.
fn run_together(link: &Arc<ShareLink>, book: &Arc<Book>, deeds: Vec<Errand>) {
    let (mut seen, mut together) = (BTreeSet::new(), Vec::new());
    for errand in deeds {
        match &errand {
            Errand::Take { tenant, .. } | Errand::Write { tenant, .. } if seen.insert(*tenant) => together.push(errand),
            _ => run(link, book, errand),
        }
    }
    while together.len() > 1 {
        let some = together.split_off(together.len().saturating_sub(TOGETHER));
        let link = link.clone();
        tokio::spawn(async move {
            let Some(house) = link.house() else { return };
            let Some(answer) = link.etcd.post(&call_together(&some, &house)).await else { return };
            news_together(&some, &answer).into_iter().for_each(|news| link.hear(news));
        });
    }
    together.into_iter().for_each(|errand| run(link, book, errand));
}

fn run(link: &Arc<ShareLink>, book: &Arc<Book>, errand: Errand) {
    match errand {
        Errand::Count(tenant, number) => {
            let begin = || book.count_share(tenant);
            link.pending().ask(tenant, number, boot_time(), begin);
        }
        Errand::Cut(tenant) => {
            book.send_elsewhere(|other| other == tenant);
            link.cuts.send_modify(|times| *times += 1);
        }
        errand => {
            if let Errand::Join(life, _) = &errand {
                // Where the disk does not take it, the next process waits for the end of its lease.
                let _ = replace(&link.file, &[format!("{:016x}", life.number).as_bytes()], Lasting::Alone);
            }
            let link = link.clone();
            tokio::spawn(async move {
                let mut answers = Vec::new();
                let Some(house) = link.house() else { return };
                for call in calls(&errand, &link.pace, &house) {
                    let Some(answer) = link.etcd.post(&call).await else { return };
                    answers.push(answer);
                }
                news(&errand, &answers).into_iter().for_each(|news| link.hear(news));
            });
        }
    }
}
