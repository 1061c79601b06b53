//! The attack in rounds: sessions in parallel, a watch on the book meanwhile, and at rest everything compared.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use super::item::{Item, Part};
use super::judge::{Findings, judge};
use super::session::Session;
use super::stage::{Plan, Stage};
use super::truth;
use super::view::View;
use crate::support::mail_files;

/// How long everything rests before book and truth must be equal.
pub const REST: Duration = Duration::from_secs(3);
const MAILBOX: u64 = 2 << 20;
const ASSOCIATION: u64 = 5 << 20;
/// At once. The machine's cores are few; races need no more.
const THREADS: usize = 8;

/// How an attack ended.
pub struct Outcome {
    pub commands: usize,
    pub sessions: u64,
    pub ran: usize,
    pub samples: usize,
    /// How often files lay in a mailbox that Dovecot itself did not count.
    pub uncounted: usize,
    pub took: Duration,
    pub findings: Findings,
}

/// At least `count` commands from `seed`; `tame`: only well-formed ones.
pub fn attack(seed: u64, count: usize, tame: bool) -> Outcome {
    let lines = format!("storage = \"{ASSOCIATION}\"\nmailbox_default = \"{MAILBOX}\"");
    // To see what another backend makes of it, such as one without LITERAL+.
    let dovecot = std::env::var("ATTACK_DOVECOT").unwrap_or_default();
    let plan = Plan { dovecot, ..Plan::velo(&lines, &["m0", "m1", "m2", "m3"]) };
    let (stage, users) = (Stage::set(&plan), plan.addresses());
    let mut view = View::new(stage.view());
    let began = Instant::now();
    let mut outcome = Outcome {
        commands: 0,
        sessions: 0,
        ran: 0,
        samples: 0,
        uncounted: 0,
        took: began.elapsed(),
        findings: Findings::default(),
    };
    let (number, most) = (AtomicU64::new(0), super::from_env("ATTACK_ROUND", 8_000) as usize);
    while outcome.commands < count {
        let log = fs::metadata(stage.dovecot.log()).map_or(0, |log| log.len());
        let sessions = round(&stage, &users, seed, &number, most.min(count - outcome.commands), tame, &mut outcome);
        sleep(REST);
        let ran = view.more();
        outcome.commands += sessions.iter().map(Session::commands).sum::<usize>();
        outcome.ran += ran.len();
        judge(&sessions, &ran, &mut outcome.findings);
        at_rest(&stage, &users, &sessions, log, &mut outcome.findings);
        sent(&stage, &users, &sessions, &mut outcome.findings);
    }
    outcome.sessions = number.load(Ordering::SeqCst);
    outcome.took = began.elapsed();
    outcome
}

fn round(
    stage: &Stage,
    users: &[String],
    seed: u64,
    number: &AtomicU64,
    count: usize,
    tame: bool,
    outcome: &mut Outcome,
) -> Vec<Session> {
    let (done, over, sessions) = (AtomicUsize::new(0), AtomicBool::new(false), Mutex::new(Vec::new()));
    scope(|threads| {
        let watch = threads.spawn(|| watch(stage, users, &over));
        let play = || {
            while done.load(Ordering::SeqCst) < count {
                let number = number.fetch_add(1, Ordering::SeqCst);
                let mut session = Session::new(seed, number, &users[number as usize % users.len()], tame);
                session.run(seed, stage.imap);
                done.fetch_add(session.commands(), Ordering::SeqCst);
                sessions.lock().unwrap().push(session);
            }
        };
        let playing: Vec<_> = (0..THREADS.min(count / 20 + 1)).map(|_| threads.spawn(play)).collect();
        playing.into_iter().for_each(|thread| thread.join().unwrap());
        over.store(true, Ordering::SeqCst);
        let (samples, uncounted, findings) = watch.join().unwrap();
        outcome.samples += samples;
        outcome.uncounted += uncounted;
        let sessions = sessions.lock().unwrap();
        for (rule, seen) in findings {
            let stories: String = seen.files.iter().map(|file| file.story(&sessions)).collect();
            outcome.findings.add(rule, "during a round", || seen.text + &stories);
        }
    });
    sessions.into_inner().unwrap()
}

/// Compares book and truth again and again: never below, never over. What is wrong must be so 50 ms later too: in the middle of a
/// MOVE a message has two files for a moment. And files alone are no message: a folder that is renamed under an APPEND keeps its files, with a
/// lock that nobody gives back, and Dovecot counts them when that is over. So where the book is below the files, Dovecot's own number decides.
fn watch(stage: &Stage, users: &[String], over: &AtomicBool) -> (usize, usize, Vec<(&'static str, Seen)>) {
    let (mut samples, mut uncounted, mut found) = (0, 0, Vec::new());
    while !over.load(Ordering::SeqCst) {
        samples += 1;
        let began = Instant::now();
        let first = look(stage, users);
        if !first.is_empty() {
            // A machine that takes long for a look takes long for a MOVE.
            sleep(Duration::from_millis(50).max(began.elapsed() * 5));
            let mut second = look(stage, users);
            second.retain(|what, _| first.contains_key(what));
            let seen = second.len();
            second.retain(|(_, user), wrong| wrong.lacking.is_none() || truth::is_above_the_book(stage, user));
            uncounted += seen - second.len();
            if !second.is_empty() {
                // For whoever reads it: a machine that is busy may take long for a MOVE.
                sleep(Duration::from_millis(250));
                let third = look(stage, users);
                let end = |what| if third.contains_key(what) { "  still so 250 ms later\n" } else { "  not so 250 ms later\n" };
                found.extend(second.iter().map(|(what, wrong)| {
                    (
                        what.0,
                        Seen {
                            text: format!("{}{}", wrong.text, end(what)),
                            files: files(stage, &what.1, wrong.lacking.unwrap_or_default()),
                        },
                    )
                }));
            }
        }
        sleep(Duration::from_millis(150));
    }
    (samples, uncounted, found)
}

/// Something that was wrong at one moment.
struct Wrong {
    text: String,
    /// How many octets the book lacks, where it is below.
    lacking: Option<u64>,
}

/// The same as it is told.
struct Seen {
    text: String,
    files: Vec<Suspect>,
}

/// A message that is as large as what is lacking.
struct Suspect {
    /// Folder and name.
    place: PathBuf,
    subject: String,
    /// Files of the same octets: Dovecot copies by hard links.
    links: u64,
}

fn files(stage: &Stage, user: &str, octets: u64) -> Vec<Suspect> {
    let of = if octets > 0 { truth::files_of(stage, user, octets) } else { Vec::new() };
    let suspect = |file: PathBuf| {
        let text = String::from_utf8_lossy(&fs::read(&file).unwrap_or_default()).into_owned();
        let subject = text.lines().find_map(|line| line.strip_prefix("Subject: ")).unwrap_or_default().trim_end().to_owned();
        let links = fs::metadata(&file).map_or(0, |file| file.nlink());
        Suspect { place: file.components().rev().take(3).collect::<Vec<_>>().into_iter().rev().collect(), subject, links }
    };
    of.into_iter().map(suspect).collect()
}

impl Suspect {
    /// How it came, as far as it tells.
    fn story(&self, sessions: &[Session]) -> String {
        let named = |item: &&Item| item.commands.iter().any(|(found, _)| *found == self.subject);
        let item = sessions.iter().flat_map(|session| &session.items).find(named).map(|item| item.show());
        format!("  {}: {:?}, {} links\n{}", self.place.display(), self.subject, self.links, item.unwrap_or_default())
    }
}

/// What is wrong at this moment, by rule and mailbox.
fn look(stage: &Stage, users: &[String]) -> HashMap<(&'static str, String), Wrong> {
    let before: HashMap<_, _> = users.iter().map(|user| (user, truth::there(stage, user))).collect();
    let (book, mut all, mut found) = (truth::book(stage), 0, HashMap::new());
    let mut add = |rule, who: &str, lacking, text| drop(found.insert((rule, who.to_owned()), Wrong { text, lacking }));
    for user in users {
        let stored = truth::both(&before[user], &truth::there(stage, user));
        let (_, with) = book.get(user).copied().unwrap_or_default();
        all += stored.octets;
        if stored.octets > with.octets || stored.messages > with.messages {
            let lacking = stored.octets.saturating_sub(with.octets);
            add(
                "the book is below the truth",
                user,
                Some(lacking),
                format!("  {user}: stored {stored:?}, in the book {with:?}\n"),
            );
        }
        if stored.octets > MAILBOX {
            add("a mailbox is over its limit", user, None, format!("  {user}: {stored:?} of {MAILBOX}\n"));
        }
    }
    if all > ASSOCIATION {
        add("an association is over its limit", "", None, format!("  {all} of {ASSOCIATION}\n"));
    }
    found
}

fn at_rest(stage: &Stage, users: &[String], sessions: &[Session], log: u64, findings: &mut Findings) {
    let book = truth::book(stage);
    for user in users {
        let (stored, (used, with)) = (truth::told(stage, user), book.get(user).copied().unwrap_or_default());
        let numbers = || {
            let numbers = format!("  {user}: stored {stored:?}, in the book {used:?}, with what is set aside {with:?}\n");
            let numbers = numbers + &suspects(stage, user, stored.octets.abs_diff(used.octets), sessions);
            // With ATTACK_ROUND=40 there are few enough to be read.
            let of: Vec<_> = sessions.iter().filter(|session| session.user == *user).collect();
            let told: String = of.iter().map(|session| session.transcript(0)).collect();
            if of.len() < 4 { numbers + &told } else { numbers + "  ATTACK_ROUND=40 shows the sessions\n" }
        };
        let is_above = used.octets >= stored.octets && used.messages >= stored.messages;
        if used != stored && is_above && is_known_to_wait(stage, user, log) {
            continue;
        }
        if used != stored {
            findings.add("unequal at rest", if used.octets < stored.octets { "below" } else { "above" }, numbers);
        } else if used != with {
            findings.add("unequal at rest", "something is still set aside", numbers);
        }
        let stays = stage.doveadm(&["mailbox", "list", "-u", user, "canary-*"]);
        if !stays.trim().is_empty() {
            findings.add("a mailbox of a literal's octets", "there", || format!("  {user}: {stays}\n"));
        }
    }
}

/// Dovecot itself ends a session whose open folder another one deletes, and then nobody is there to count. The book knows that its number is
/// too high, and whoever logs in next counts. `begin`: where Dovecot's log was when the round began.
fn is_known_to_wait(stage: &Stage, user: &str, begin: u64) -> bool {
    let cut = format!("imap({user})");
    let log = fs::read(stage.dovecot.log()).unwrap();
    let log = String::from_utf8_lossy(&log[usize::try_from(begin).unwrap()..]);
    let ends = ["Selected mailbox was deleted", "IMAP session state is inconsistent"];
    let was_cut = log.lines().any(|line| line.contains(&cut) && ends.iter().any(|end| line.contains(end)));
    was_cut && stage.mailbox(user).is_some_and(|mailbox| mailbox["counted"] == false)
}

/// The messages that are as large as what is lacking, and by which item they came, as far as they tell.
fn suspects(stage: &Stage, user: &str, octets: u64, sessions: &[Session]) -> String {
    let mut told = String::new();
    for suspect in files(stage, user, octets) {
        told.push_str(&suspect.story(sessions));
        if let Some(number) = suspect.subject.strip_prefix('c').and_then(|tag| tag.split('i').next()?.parse::<u64>().ok()) {
            let session = sessions.iter().find(|session| session.number == number);
            told.push_str(&session.map(|session| session.transcript(0)).unwrap_or_default());
        }
    }
    told
}

/// Whether every copy in Sent is scrubbed.
fn sent(stage: &Stage, users: &[String], sessions: &[Session], findings: &mut Findings) {
    for file in users.iter().flat_map(|user| mail_files(&stage.dovecot.maildir(user).join(".Sent"))) {
        let text = String::from_utf8_lossy(&fs::read(&file).unwrap_or_default()).into_owned();
        let head = text.replace("\r\n", "\n").split("\n\n").next().unwrap_or_default().to_owned();
        if !["X-Mailer:", "User-Agent:", "canary-machine"].iter().any(|trace| head.contains(trace)) {
            continue;
        }
        // Told once, not again in each round.
        let _ = fs::remove_file(&file);
        let tag = head.lines().find_map(|line| line.strip_prefix("Subject: ")).unwrap_or_default();
        let named = |item: &&Item| item.commands.iter().any(|(found, _)| found == tag);
        let item = sessions.iter().flat_map(|session| &session.items).find(named);
        if item.is_some_and(names_the_past) {
            continue;
        }
        let kind = item.map_or("of an earlier round", |item| item.kind.as_str());
        findings.add("not scrubbed in Sent", kind, || format!("{head}\n{}", item.map(|item| item.show()).unwrap_or_default()));
    }
}

/// Whether a change made an old date-time of `01-Jan-2035`: then it is an import, and left as it is.
fn names_the_past(item: &Item) -> bool {
    let Some(Part::Octets(line)) = item.parts.first() else { return false };
    let line = String::from_utf8_lossy(line);
    let year = line.split_once("\"01-Jan-").and_then(|(_, rest)| rest.get(..4)?.parse::<u16>().ok());
    year.is_some_and(|year| year < 2026)
}
