//! Forty clients over seventy mailboxes with little room, for as long as one likes, while the book is held against the truth.
//!
//! Thirty of the mailboxes are used around nologd too. Their associations' limits can be passed by what nobody asked about; all
//! else holds for them as well, when they have been counted.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{ScopedJoinHandle, scope, sleep};
use std::time::{Duration, Instant};

use super::rounds::REST;
use super::stage::{Plan, Stage};
use super::truth::{self, Sum};
use super::walker::{Counts, Walker};

const CLIENTS: usize = 40;
/// Near what is stored: most of the time something is full.
const MAILBOX: u64 = 400 << 10;
const ASSOCIATION: u64 = 3 << 20;
/// How long between two rests.
const STRETCH: Duration = Duration::from_secs(60);
/// Beyond [`REST`]: the longest that Dovecot keeps a change of an open session to itself is ten seconds.
const PUSH_DELAY: Duration = Duration::from_secs(9);
/// How often `nologd usage count` runs while all walk.
const COUNTING: Duration = Duration::from_secs(30);
/// How many differences are shown.
const SHOWN: usize = 12;

/// A door for POP3 at `@POP3@`.
pub const POP3: &str = "service pop3-login {
  chroot =
  service_count = 0
  inet_listener pop3 {
    address = 127.0.0.1
    port = @POP3@
  }
  inet_listener pop3s {
    port = 0
  }
}
";
pub const PUSHED: &str = "mail_plugins = $mail_plugins quota quota_clone
plugin {
  quota = count:User quota:noenforcing
  quota_vsizes = yes
  quota_clone_dict = proxy:@USAGE@:quota
}
";

/// What a walk saw.
#[derive(Default, Debug)]
pub struct Figures {
    pub samples: usize,
    /// Associations and mailboxes over their limit, and those still so 50 ms later.
    pub over: usize,
    pub over_confirmed: usize,
    /// Mailboxes whose book was below the truth, and those still so 50 ms later.
    pub below: usize,
    pub below_confirmed: usize,
    pub rests: usize,
    /// Mailboxes at a rest.
    pub compared: usize,
    /// Unequal after three seconds, and, with pushes, still so when the last of them must have come.
    pub unequal: usize,
    pub stay_unequal: usize,
    /// Still so, or so only then, after `nologd usage count`; runs of it in all, and those in which the storage did not tell of everybody.
    pub unequal_counted: usize,
    pub runs: usize,
    pub runs_in_part: usize,
    pub examples: Vec<String>,
}

/// What all clients look at.
pub struct Road {
    pub stage: Stage,
    /// Mailboxes that are touched through nologd only, and the others.
    pub ours: Vec<String>,
    pub around: Vec<String>,
    pub counts: Counts,
    pub over: AtomicBool,
    pub paused: AtomicBool,
    pub resting: AtomicUsize,
    pub push: bool,
    /// What was done last with each mailbox, and when it was over.
    pub done: Mutex<HashMap<String, Vec<(Instant, &'static str)>>>,
    /// Held by whoever counts everybody.
    counting: Mutex<()>,
}

impl Road {
    /// This was done with the mailbox of `user`.
    pub fn note(&self, user: &str, what: &'static str) {
        let mut done = self.done.lock().unwrap();
        let last = done.entry(user.to_owned()).or_default();
        last.push((Instant::now(), what));
        if last.len() > 5 {
            last.remove(0);
        }
    }

    /// The last of it, the newest first, each with the milliseconds since then.
    fn noted(&self, user: &str) -> String {
        let done = self.done.lock().unwrap();
        let last = done.get(user).into_iter().flatten().rev();
        last.map(|(when, what)| format!(" {what} {} ms ago", when.elapsed().as_millis())).collect::<Vec<_>>().join(",")
    }
}

/// Ends the walk, also where the test has failed.
struct End<'a>(&'a Road);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::SeqCst);
        self.0.paused.store(false, Ordering::SeqCst);
    }
}

/// Walks for `time`; `push`: Dovecot tells nologd what changes.
pub fn walk(seed: u64, time: Duration, push: bool) -> (Figures, Counts) {
    let road = road(push);
    let mut figures = Figures::default();
    let end = Instant::now() + time;
    scope(|threads| {
        let end_of_walk = End(&road);
        for number in 0..CLIENTS {
            let road = &road;
            threads.spawn(move || Walker::new(road, seed, number).run());
        }
        let (mut rest, mut count) = (Instant::now() + STRETCH.min(time), Instant::now() + COUNTING);
        let mut runs: Vec<ScopedJoinHandle<bool>> = Vec::new();
        loop {
            look(&road, &mut figures);
            if Instant::now() >= count {
                runs.push(threads.spawn(|| count_all(&road)));
                count = Instant::now() + COUNTING;
            }
            if Instant::now() >= rest {
                at_rest(&road, &mut figures);
                rest = Instant::now() + STRETCH;
            }
            if Instant::now() >= end {
                break;
            }
            sleep(Duration::from_millis(200));
        }
        if Instant::now() + STRETCH > rest + Duration::from_secs(5) {
            at_rest(&road, &mut figures);
        }
        drop(end_of_walk);
        figures.runs += runs.len();
        figures.runs_in_part += runs.into_iter().filter_map(|run| run.join().ok()).filter(|is_whole| !is_whole).count();
    });
    (figures, road.counts)
}

fn road(push: bool) -> Road {
    let lines = format!("storage = \"{ASSOCIATION}\"\nmailbox_default = \"{MAILBOX}\"");
    let boxes: Vec<_> = (0..10).map(|number| format!("m{number}")).collect();
    let names = ["ours0", "ours1", "ours2", "ours3", "around0", "around1", "around2"];
    let dovecot = format!("protocols = imap lmtp pop3\n{POP3}{}", if push { PUSHED } else { "" });
    let associations = names.map(|name| (name, lines.clone(), boxes.clone())).into();
    let plan = Plan { associations, dovecot, push, ..Plan::default() };
    let (ours, around) = plan.addresses().into_iter().partition(|address| address.contains("ours"));
    let (over, paused, resting) = (AtomicBool::new(false), AtomicBool::new(false), AtomicUsize::new(0));
    let (done, counting) = (Mutex::default(), Mutex::default());
    Road { stage: Stage::set(&plan), ours, around, counts: Counts::default(), over, paused, resting, push, done, counting }
}

/// Counts, as the timer would; whether the storage told of everybody. Without pushes Dovecot has no quota: there a program tells the sums.
fn count_all(road: &Road) -> bool {
    let _alone = road.counting.lock().unwrap();
    let sums = road.stage.sums();
    let more = if road.push { vec![] } else { vec!["--program", &sums] };
    road.stage.count(&more).output().unwrap().status.success()
}

/// One look at all mailboxes of ours, and at what is wrong a second one.
fn look(road: &Road, figures: &mut Figures) {
    figures.samples += 1;
    let (over, below) = wrong(road);
    if over.is_empty() && below.is_empty() {
        return;
    }
    sleep(Duration::from_millis(50));
    let (mut still_over, mut still_below) = wrong(road);
    // What Dovecot does not count, because it said NO to it when its folder was renamed, takes no space for Dovecot.
    still_over.retain(|what, text| {
        let counted = counted_by_dovecot(road, what);
        text.push_str(&format!(", Dovecot counts {counted}"));
        counted > if what.contains('@') { MAILBOX } else { ASSOCIATION }
    });
    figures.examples.extend(still_over.values().take(SHOWN.saturating_sub(figures.examples.len())).cloned());
    // See `rounds::watch`.
    still_below.retain(|user, _| below.contains_key(user) && truth::is_above_the_book(&road.stage, user));
    let still = |first: &HashMap<String, String>, second: &HashMap<String, String>| {
        first.keys().filter(|what| second.contains_key(*what)).count()
    };
    figures.over += over.len();
    figures.over_confirmed += still(&over, &still_over);
    figures.below += below.len();
    figures.below_confirmed += still(&below, &still_below);
    figures.examples.extend(still_below.keys().take(SHOWN).map(|user| {
        let knows = is_known_to_be_missing(road, user);
        format!("confirmed: {user}, the book knows that a count is missing: {knows}; {}", truth::folders(&road.stage, user))
    }));
    figures.examples.extend(over.into_values().chain(below.into_values()).take(SHOWN.saturating_sub(figures.examples.len())));
}

/// Octets of one mailbox, or of all of an association's.
fn counted_by_dovecot(road: &Road, what: &str) -> u64 {
    let of = |user: &&String| *user == what || user.split('@').nth(1) == Some(what);
    road.ours.iter().filter(of).map(|user| truth::told(&road.stage, user).octets).sum()
}

type Wrong = HashMap<String, String>;

fn wrong(road: &Road) -> (Wrong, Wrong) {
    let before: Vec<_> = road.ours.iter().map(|user| truth::there(&road.stage, user)).collect();
    let book = truth::book(&road.stage);
    let (mut over, mut below, mut sums) = (Wrong::new(), Wrong::new(), HashMap::<&str, u64>::new());
    for (user, before) in road.ours.iter().zip(&before) {
        let stored = truth::both(before, &truth::there(&road.stage, user));
        let (_, with) = book.get(user).copied().unwrap_or_default();
        if stored.octets > with.octets || stored.messages > with.messages {
            below.insert(user.clone(), format!("{user}: stored {stored:?}, in the book {with:?}"));
        }
        if stored.octets > MAILBOX {
            over.insert(user.clone(), format!("{user}: stored {stored:?} of {MAILBOX}"));
        }
        *sums.entry(user.split('@').nth(1).unwrap_or_default()).or_default() += stored.octets;
    }
    for (name, octets) in sums.into_iter().filter(|(_, octets)| *octets > ASSOCIATION) {
        over.insert(name.to_owned(), format!("{name}: {octets} of {ASSOCIATION}"));
    }
    (over, below)
}

/// All clients pause, some with their session open; then book and truth are the same.
fn at_rest(road: &Road, figures: &mut Figures) {
    road.paused.store(true, Ordering::SeqCst);
    let end = Instant::now() + Duration::from_secs(60);
    while road.resting.load(Ordering::SeqCst) < CLIENTS && Instant::now() < end {
        sleep(Duration::from_millis(10));
    }
    assert!(Instant::now() < end, "a client does not come to rest");
    let all: Vec<_> = road.ours.iter().chain(&road.around).collect();
    if !road.push {
        // Nobody tells what was delivered or deleted without a session; whoever asks for it gets it counted.
        all.iter().for_each(|user| counted(road, user));
    }
    sleep(REST);
    figures.rests += 1;
    figures.compared += all.len();
    let mut unequal = compare(road, &all, figures);
    figures.unequal += unequal.len();
    if road.push && !unequal.is_empty() {
        // What an open session changed is pushed ten seconds after it.
        sleep(PUSH_DELAY);
        unequal = compare(road, &unequal.into_iter().map(|(user, _)| user).collect::<Vec<_>>(), figures);
    }
    figures.stay_unequal += unequal.len();
    for (user, text) in unequal {
        if figures.examples.len() < SHOWN {
            let knows = if is_known_to_be_missing(road, user) { " (a count is missing, and the book knows)" } else { "" };
            figures.examples.push(text + knows + &road.noted(user));
        }
    }
    figures.runs += 1;
    figures.runs_in_part += usize::from(!count_all(road));
    unequal = compare(road, &all, figures);
    figures.unequal_counted += unequal.len();
    for (user, text) in unequal {
        if figures.examples.len() < SHOWN {
            let noted = road.noted(user);
            figures.examples.push(format!("counted, {text}{}{noted}", again(road, user)));
        }
    }
    road.paused.store(false, Ordering::SeqCst);
    while road.resting.load(Ordering::SeqCst) > 0 {
        sleep(Duration::from_millis(5));
    }
}

/// Those whose book and truth differ.
fn compare<'a>(road: &Road, users: &[&'a String], figures: &mut Figures) -> Vec<(&'a String, String)> {
    let (book, mut unequal) = (truth::book(&road.stage), Vec::new());
    for user in users {
        let (stored, (used, with)) = (truth::told(&road.stage, user), book.get(*user).copied().unwrap_or_default());
        let kept = truth::both(&truth::there(&road.stage, user), &truth::there(&road.stage, user));
        if stored != kept && figures.examples.len() < SHOWN {
            figures.examples.push(format!("not at rest: {user}: doveadm counts {stored:?}, the Maildir has {kept:?}"));
        }
        if stored != used || used != with {
            unequal.push((*user, line(user, stored, used, with)));
        }
    }
    unequal
}

fn counted(road: &Road, user: &str) {
    let mut session = road.stage.session(user);
    session.ask("GETQUOTAROOT INBOX");
    session.ask("LOGOUT");
}

/// Whether the book says that a count is missing, and whether one more session puts it right: a count that is missing is another fault than one
/// that is wrong.
fn again(road: &Road, user: &str) -> &'static str {
    let knows = is_known_to_be_missing(road, user);
    counted(road, user);
    sleep(Duration::from_secs(1));
    let (used, with) = truth::of(&road.stage, user);
    match (used == truth::told(&road.stage, user) && used == with, knows) {
        (true, true) => " (a count is missing, and the book knows)",
        (true, false) => " (right when asked for once more)",
        (false, _) => " (not even when asked for)",
    }
}

fn is_known_to_be_missing(road: &Road, user: &str) -> bool {
    road.stage.mailbox(user).is_some_and(|mailbox| mailbox["counted"] == false)
}

fn line(user: &str, stored: Sum, used: Sum, with: Sum) -> String {
    format!("rest: {user}: stored {stored:?}, in the book {used:?}, with what is set aside {with:?}")
}
